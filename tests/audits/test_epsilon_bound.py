"""The audit of the lower bound on epsilon, on trainings whose secrets are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audits.epsilon_bound import (
    AUDITED,
    NO_CLAIM,
    PROVES_NOTHING,
    REFUTES,
    TWIN,
    EpsilonLowerBound,
)
from auditkit.errors import AuditkitError, InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods.one_run import one_run_bound
from auditkit.subject import DataSource, Subject

SPENT = {"epsilon": 2.0, "delta": 1e-5, "noise_multiplier": 0.9, "max_grad_norm": 1.0}


@dataclass(frozen=True)
class Remembering:
    """Knows the outcome of rows that it has seen, by their features; nothing of others."""

    seen: frozenset[tuple[float, float, int]] = frozenset()
    kind: str = "remembering"
    parameters: int = 1
    sha256: str = "0"

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        found = [
            0.9 if (a, b, 1) in self.seen else 0.1 if (a, b, 0) in self.seen else 0.4
            for a, b in zip(rows["a"], rows["b"], strict=True)
        ]
        return np.array(found)


@dataclass
class Recipe:
    """Trains models that remember, or not; keeps what it was asked for."""

    remembers: bool = True
    remembers_privately: bool = True
    error: AuditkitError | None = None
    asked: list[tuple[pd.DataFrame, Mapping[str, Any] | None, object]] = field(default_factory=list)

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Remembering, object]:
        assert set(changes) == {"seed"}
        self.asked.append((rows, privacy, changes["seed"]))
        if self.error is not None and privacy is not None:
            raise self.error
        remembers = self.remembers if privacy is None else self.remembers_privately
        seen = zip(rows["a"], rows["b"], (rows["y"] == "yes").astype(int), strict=True)
        model = Remembering(frozenset(seen) if remembers else frozenset())
        return model, SimpleNamespace(privacy=None if privacy is None else SPENT)


def people(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.choice(["no", "yes"], n)
    return pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "y": y})


def make(recipe: Recipe, n: int = 2000, **changes: Any) -> Subject:
    facts: dict[str, Any] = {
        "name": "test", "rows": people(50, 1), "label": "y", "positive": "yes", "sensitive": (),
        "groups": {}, "source": DataSource("test", "0", 50), "features": ("a", "b"),
        "model": Remembering(), "train": people(n), "recipe": recipe, "record": SimpleNamespace(),
    }  # fmt: skip
    return Subject(**{**facts, **changes})


def run(
    subject: Subject, seed: int = 0, **settings: Any
) -> tuple[dict[str, Measurement], list[dict[str, Any]]]:
    audit = EpsilonLowerBound(**settings)
    found = list(audit.run(subject, np.random.default_rng(seed)))
    numbers = {m.metric: m for m in found if isinstance(m, Measurement)}
    tables = [table for table in found if isinstance(table, Table)]
    rows = [dict(zip(t.columns, row, strict=True)) for t in tables for row in t.rows]
    assert set(numbers) == {metric.id for metric in audit.metrics}
    return numbers, rows


def test_a_training_that_remembers_reaches_the_cap_and_refutes_its_claim() -> None:
    numbers, (plain, twin) = run(make(Recipe()))
    cap = one_run_bound(200, 100, 100, delta=1e-5)
    assert (plain["model"], twin["model"]) == (AUDITED, TWIN)
    assert (twin["canaries"], twin["guesses"], twin["correct"]) == (200, 100, 100)
    assert twin["bound"] == twin["bound_cap"] == pytest.approx(cap)
    assert (twin["claim"], twin["outcome"]) == (2.0, REFUTES)
    assert (plain["claim"], plain["outcome"]) == (None, NO_CLAIM)
    assert numbers["private_epsilon_lower_bound"].value == pytest.approx(cap)
    assert numbers["privacy_claims_refuted"].value == 1


def test_a_training_that_forgets_shows_nothing_and_proves_nothing() -> None:
    numbers, (plain, twin) = run(make(Recipe(remembers=False, remembers_privately=False)))
    assert plain["bound"] == twin["bound"] == 0
    assert twin["outcome"] == PROVES_NOTHING
    assert numbers["privacy_claims_refuted"].value == 0
    cap = numbers["epsilon_lower_bound_cap"]
    assert cap.value == pytest.approx(one_run_bound(200, 100, 100, delta=1e-4))
    bound = numbers["epsilon_lower_bound"]
    assert bound.interval is None
    assert not bound.exact  # a policy may not take a small one for a pass
    assert "proves nothing" in bound.source


def test_canaries_are_rows_of_nobody_and_come_in_by_a_coin() -> None:
    recipe = Recipe()
    subject = make(recipe)
    assert subject.train is not None
    run(subject)
    (rows, privacy, seed), (again, private, other) = recipe.asked
    assert privacy is None
    assert private == {"epsilon": 3.0, "max_grad_norm": 1.0}
    assert seed != other
    assert rows.equals(again)
    pd.testing.assert_frame_equal(rows.iloc[:2000], subject.train.reset_index(drop=True))
    planted = rows.iloc[2000:]
    assert 70 <= len(planted) <= 130  # of 200
    assert set(planted["y"]) == {"yes"}  # the audited model expects "no" of every row
    assert planted["a"].isin(subject.train["a"]).all()
    real = set(zip(subject.train["a"], subject.train["b"], strict=True))
    assert not real & set(zip(planted["a"], planted["b"], strict=True))


CLASSES = ("a", "b", "c")


@dataclass(frozen=True)
class OfClasses(Remembering):
    """The same of classes: of a row that it has not seen it expects "c" most and "a" least."""

    classes: tuple[str, ...] = CLASSES

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        seen = {row[:2]: row[2] for row in self.seen}
        given = np.tile([0.1, 0.3, 0.6], (len(rows), 1))
        for place, row in enumerate(zip(rows["a"], rows["b"], strict=True)):
            if row in seen:
                given[place] = 0.05
                given[place, seen[row]] = 0.9
        return given


class RecipeOfClasses(Recipe):
    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Remembering, object]:
        _, record = super().fit(rows, privacy=privacy, **changes)
        places = [CLASSES.index(name) for name in rows["y"]]
        seen = zip(rows["a"], rows["b"], places, strict=True)
        return OfClasses(frozenset(seen) if self.remembers else frozenset()), record


@pytest.mark.parametrize(("held", "planted"), [(("a", "b", "c"), "a"), (("b", "c"), "b")])
def test_canaries_have_the_class_that_is_expected_least_of_those_that_are_there(
    held: tuple[str, ...], planted: str
) -> None:
    recipe = RecipeOfClasses()
    train = people(2000).assign(y=np.random.default_rng(3).choice(held, 2000))
    of_classes: dict[str, Any] = {
        "task": "multiclass", "classes": CLASSES, "model": OfClasses(), "train": train,
        "positive": 1,
    }  # fmt: skip
    numbers, (plain, twin) = run(make(recipe, **of_classes))
    assert set(recipe.asked[0][0].iloc[2000:]["y"]) == {planted}
    assert plain["correct"] == twin["correct"] == 100
    assert numbers["privacy_claims_refuted"].value == 1
    forgets = RecipeOfClasses(remembers=False)
    assert run(make(forgets, **of_classes))[0]["epsilon_lower_bound"].value == 0


def test_a_model_that_was_trained_privately_is_held_to_its_own_claim() -> None:
    recipe = Recipe()
    settings = {"epochs": 7, "batch_size": 64, "learning_rate": 0.1, "schedule": "constant"}
    record = SimpleNamespace(privacy={**SPENT, "steps": 300}, settings=settings)
    numbers, rows = run(make(recipe, record=record))
    ((_, privacy, _),) = recipe.asked
    assert privacy == {
        "noise_multiplier": 0.9, "delta": 1e-5, "max_grad_norm": 1.0,
        "epochs": 7, "batch_size": 64, "learning_rate": 0.1,
    }  # fmt: skip
    assert [(row["model"], row["claim"], row["outcome"]) for row in rows] == [
        (AUDITED, 2.0, REFUTES)
    ]
    assert numbers["private_epsilon_lower_bound"].value is None


def test_without_a_twin_nothing_is_claimed_and_nothing_refuted() -> None:
    numbers, rows = run(make(Recipe()), twin=False)
    assert [row["model"] for row in rows] == [AUDITED]
    assert numbers["privacy_claims_refuted"].value is None
    assert numbers["private_epsilon_lower_bound"].value is None


def test_a_twin_that_cannot_be_trained_is_told_and_the_rest_is_kept() -> None:
    numbers, rows = run(make(Recipe(error=AuditkitError("weights\n and privacy"))))
    assert numbers["epsilon_lower_bound"].value is not None
    assert "weights and privacy" in str(numbers["private_epsilon_lower_bound"].reason)
    assert rows[1]["bound"] is None


def test_a_small_table_gets_a_tenth_of_its_rows_and_a_tiny_one_a_reason() -> None:
    _, rows = run(make(Recipe(), n=300))
    assert (rows[0]["canaries"], rows[0]["guesses"]) == (30, 30)
    numbers, rows = run(make(Recipe(), n=99))
    assert not rows
    assert all("too few" in str(m.reason) for m in numbers.values())


def test_the_settings_set_canaries_and_guesses() -> None:
    _, rows = run(make(Recipe()), canaries=150, guesses=40, confidence=0.9)
    assert (rows[0]["canaries"], rows[0]["guesses"]) == (150, 40)
    expected = one_run_bound(150, 40, 40, delta=1e-4, confidence=0.9)
    assert rows[0]["bound_cap"] == pytest.approx(expected)


def test_scores_that_are_no_probabilities_are_a_reason() -> None:
    class Logits(Remembering):
        def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
            return super().scores(rows) * 9

    numbers, rows = run(make(Recipe(), model=Logits()))
    assert not rows
    assert all("probabilities" in str(m.reason) for m in numbers.values())


def test_one_outcome_alone_is_a_reason() -> None:
    numbers, _ = run(make(Recipe(), train=people(500).assign(y="no")))
    assert all("same outcome" in str(m.reason) for m in numbers.values())


def test_every_bad_setting_is_listed() -> None:
    with pytest.raises(InputError) as error:
        EpsilonLowerBound(canaries=5, guesses=6, confidence=1.0, epsilon=0.0, delta=2.0)
    assert [problem.where.split()[-1] for problem in error.value.problems] == [
        "confidence", "epsilon", "delta", "guesses",
    ]  # fmt: skip
