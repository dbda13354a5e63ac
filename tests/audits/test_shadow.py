"""A model from elsewhere, attacked with models by a shadow recipe; and who does without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.audits.anonymity import Anonymity
from auditkit.audits.membership import SHADOW, Membership
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.models.references import overlap
from auditkit.render.html import render
from auditkit.report import Report
from auditkit.subject import ONLY_SHADOW, Subject
from auditkit.training import MLP, Privacy, Recipe, Training

AUC = "reference_attack_auc"
#: What an attacker may take the model for, which is neither its network nor its training.
GUESS = Recipe(
    MLP(hidden=(48,)),
    "y",
    Training(epochs=20, batch_size=16, learning_rate=1e-2, schedule="constant", patience=0),
    features=("x", "z"),
    validation=pd.DataFrame({"x": [0.0, 1.0], "z": [1.0, 0.0], "y": [0, 1]}),
)


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n)})
    return rows.assign(y=rng.integers(0, 2, n), sex=rng.choice(["F", "M"], n))


@dataclass(frozen=True)
class Elsewhere:
    """A model of another house: it knows the outcomes of its training rows by heart."""

    rows: pd.DataFrame
    kind: str = "bought"
    parameters: None = None
    sha256: None = None

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        known = dict(zip(self.rows["x"], self.rows["y"], strict=True))
        sure = rows["x"].map(known).fillna(0.5).to_numpy(dtype=np.float64)
        return np.asarray(0.15 + 0.7 * sure)


class Foreign:
    """A recipe of another core, which says nothing of itself."""

    trained = 0

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Any, Any]:
        del privacy, changes
        self.trained += 1
        return Elsewhere(rows), SimpleNamespace(cost={"cpu_seconds": 1.0})


FOREIGN = Foreign()


def make(
    shadow: Any = FOREIGN, train: pd.DataFrame | None = None, rows: pd.DataFrame | None = None
) -> Subject:
    train = people(150, 0) if train is None else train
    return Subject.from_model(
        Elsewhere(train), people(150, 1) if rows is None else rows, label="y",
        features=["x", "z"], sensitive=["sex"], train=train, shadow=shadow,
    )  # fmt: skip


def found(subject: Subject, audit: Membership | None = None) -> list[Measurement | Table]:
    return list((audit or Membership()).run(subject, np.random.default_rng(0)))


def area(evidence: list[Measurement | Table]) -> Measurement:
    return next(
        m for m in evidence if isinstance(m, Measurement) and m.metric == AUC and not m.slice
    )


def sources(report: Report) -> list[str]:
    return [m.source for m in report.measurements] + [t.source for t in report.tables]


@pytest.fixture(scope="module")
def report() -> Report:
    return run(make(GUESS), None, ["membership"])


def test_a_model_from_elsewhere_that_remembers_is_caught(report: Report) -> None:
    (m,) = [m for m in report.measurements if m.metric == AUC and not m.slice]
    assert m.interval is not None
    assert m.interval.low > 0.7


def test_every_number_and_table_says_that_the_recipe_is_a_shadow(report: Report) -> None:
    assert len(report.measurements) > 6
    assert all(source.endswith(SHADOW) for source in sources(report))


def test_a_recipe_of_the_model_itself_is_no_shadow() -> None:
    train = people(150, 0)
    subject = Subject.from_model(
        Elsewhere(train),
        people(150, 1),
        label="y",
        features=["x", "z"],
        train=train,
        recipe=FOREIGN,
    )
    report = run(subject, None, ["membership"])
    assert not any("shadow" in source for source in sources(report))
    assert "hadow recipe" not in render(report)
    assert report.subject.shadow is None


def test_the_section_opens_with_it_and_the_scope_shows_the_recipe(report: Report) -> None:
    page = render(report)
    assert "follow a <b>shadow recipe</b> that was declared, not the model's own" in page
    assert "declared, not known to be how the model was made" in page
    assert "hidden [48]" in page
    assert Report.from_json(report.to_json()) == report


def test_the_record_holds_the_recipe_without_the_path_of_a_file() -> None:
    from auditkit.training import PooledEmbedding

    recipe = Recipe(PooledEmbedding(vectors="/home/someone/words.vec"), "y", privacy=Privacy(2.0))
    told = recipe.to_dict()
    assert told["architecture"]["vectors"] == "words.vec"
    assert told["privacy"]["epsilon"] == 2.0
    assert "start" not in told


def test_a_recipe_of_another_core_is_named() -> None:
    report = run(make(), None, ["membership"])
    assert report.subject.shadow == {"kind": "Foreign"}
    assert "kind Foreign" in render(report)
    assert report.audits[0].status == "completed"


def test_where_nothing_is_found_that_clears_nobody() -> None:
    subject = make()
    object.__setattr__(subject, "model", Elsewhere(people(150, 2)))
    page = render(run(subject, None, ["membership"]))
    assert "None of the attacks is known to find training rows" in page
    assert "so a low number clears nobody" in page


def test_rows_of_another_population_are_not_attacked_either() -> None:
    train = people(150, 0)
    train["z"] += 1.5
    m = area(found(make(train=train)))
    assert "different populations" in str(m.reason)
    assert m.source.endswith(SHADOW)


def test_rows_that_the_model_has_seen_are_no_others() -> None:
    train = people(150, 0)
    mixed = pd.concat([train[:60], people(90, 1)], ignore_index=True)
    m = area(found(make(train=train, rows=mixed)))
    assert m.value is None
    assert "60 of 150 assessed rows stand among the training rows" in str(m.reason)


def test_rows_that_are_alike_by_chance_are_others() -> None:
    rng = np.random.default_rng(0)
    train, rows = (pd.DataFrame({"x": rng.integers(0, 300, 400)}) for _ in "ab")
    assert rows["x"].isin(train["x"]).sum() > 200
    assert overlap(train, rows.astype(float), 0.99) == ""


def test_a_shadow_that_would_take_too_long_is_given_up_after_one_training() -> None:
    shadow = Foreign()
    m = area(found(make(shadow), Membership(most_minutes=1e-4)))
    assert shadow.trained == 1
    assert "would take about 0 CPU minutes, more than most_minutes = 0.0001" in str(m.reason)


def test_audits_of_the_model_trained_again_leave_the_shadow_alone() -> None:
    names = ["mitigation", "privacy", "memorisation", "privacy-frontier", "epsilon-bound"]
    report = run(make(), None, names)
    skipped = {audit.name for audit in report.audits if audit.status == "skipped"}
    assert skipped == {"mitigation", "privacy-frontier", "epsilon-bound"}
    assert all(ONLY_SHADOW in str(a.reason) for a in report.audits if a.name in skipped)
    reasons = {m.metric: m.reason for m in report.measurements}
    assert reasons["private_epsilon"] == reasons["canary_exposure"] == ONLY_SHADOW
    again = Anonymity(quasi_identifiers=("sex",), retrain=True)
    evidence = again.run(make(), np.random.default_rng(0))
    assert ONLY_SHADOW in {m.reason for m in evidence if isinstance(m, Measurement)}


def test_the_order_of_rows_does_not_matter() -> None:
    train, rows = people(150, 0), people(150, 1)
    assert found(make(train=train[::-1], rows=rows[::-1])) == found(make(train=train, rows=rows))


def test_without_recipe_and_shadow_the_reason_names_both() -> None:
    (record,) = run(make(shadow=None), None, ["membership"]).audits
    assert record.status == "skipped"
    assert "[subject.shadow]" in str(record.reason)


def test_a_shadow_stands_alone_and_needs_training_rows() -> None:
    with pytest.raises(InputError) as caught:
        Subject.from_model(
            Elsewhere(people(9, 0)), people(9, 1), label="y", features=["x"], recipe=GUESS,
            shadow=GUESS,
        )  # fmt: skip
    assert [problem.found for problem in caught.value.problems] == [
        "it beside recipe",
        "no training rows",
    ]
