"""The membership audit on models that remember, and on those that do not."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audit import make_audits, run
from auditkit.audits.membership import Membership
from auditkit.errors import AuditkitError, InputError
from auditkit.evidence import Measurement, Table
from auditkit.explaining.parallel import each_in
from auditkit.render.html import render
from auditkit.subject import Subject
from auditkit.training import MLP, Recipe, Training

AUC, TPR_1 = "reference_attack_auc", "reference_attack_tpr_at_1pct_fpr"


@dataclass(frozen=True)
class Remembering:
    """Surer of easy rows, and of those that it was trained on."""

    seen: frozenset[float]
    gain: float
    seed: int
    group_gain: float = 0.0
    classes: tuple[str, ...] = ()
    kind: str = "remembering"
    parameters: int = 1
    sha256: str = "0"

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        known = rows["x"].isin(self.seen).to_numpy()
        gain = self.gain + self.group_gain * (rows["sex"] == "F").to_numpy()
        noise = np.random.default_rng(self.seed).normal(size=len(rows))
        sure = 1 / (1 + np.exp(-(3 * rows["hard"].to_numpy() + gain * known + 0.5 * noise)))
        if not self.classes:
            return np.asarray(np.where(rows["y"] == 1, sure, 1 - sure))
        table = np.repeat((1 - sure)[:, None] / 2, 3, axis=1)
        table[np.arange(len(rows)), [self.classes.index(y) for y in rows["y"]]] = sure
        return np.asarray(table)


@dataclass
class Remembers:
    """A recipe of such models."""

    gain: float = 1.0
    group_gain: float = 0.0
    classes: tuple[str, ...] = ()
    error: Exception | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: Any
    ) -> tuple[Remembering, Any]:
        self.asked.append({"rows": rows, "privacy": privacy, **changes})
        if self.error is not None:
            raise self.error
        seen = frozenset(rows["x"])
        made = Remembering(seen, self.gain, changes["seed"], self.group_gain, self.classes)
        return made, SimpleNamespace(cost={"cpu_seconds": 2.0})


def people(n: int, seed: int, classes: tuple[str, ...] = ()) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"x": rng.normal(size=n), "hard": rng.normal(size=n)})
    rows["y"] = rng.choice(classes, n) if classes else rng.integers(0, 2, n)
    return rows.assign(sex=rng.choice(["F", "M"], n, p=[0.3, 0.7]))


def make(
    gain: float = 1.0,
    *,
    n: int = 800,
    train: pd.DataFrame | None = None,
    recipe: Any = None,
    record: Any = None,
    classes: tuple[str, ...] = (),
    group_gain: float = 0.0,
) -> Subject:
    train = people(n, 0, classes) if train is None else train
    recipe = recipe or Remembers(gain, group_gain, classes)
    model = Remembering(frozenset(train["x"]), gain, 99, group_gain, classes)
    return Subject.from_model(
        model, people(n, 1, classes), label="y", features=["x", "hard"], sensitive=["sex"],
        train=train, recipe=recipe, record=record, task="multiclass" if classes else "binary",
    )  # fmt: skip


def evidence(of: Subject, audit: Membership | None = None) -> list[Measurement | Table]:
    return list((audit or Membership()).run(of, np.random.default_rng(0)))


def numbers(found: list[Measurement | Table]) -> dict[tuple[str, ...], Measurement]:
    kept = [m for m in found if isinstance(m, Measurement)]
    by = {(m.metric, *m.slice.values()): m for m in kept}
    assert len(by) == len(kept)
    return by


def low(m: Measurement) -> float:
    assert m.interval is not None, m.reason
    return m.interval.low


def table(found: list[Measurement | Table], name: str) -> Table:
    (one,) = [t for t in found if isinstance(t, Table) and t.name == name]
    return one


@pytest.fixture(scope="module")
def leaking() -> list[Measurement | Table]:
    return evidence(make(2.0))


@pytest.fixture(scope="module")
def tight() -> list[Measurement | Table]:
    return evidence(make(0.0))


def test_a_model_that_remembers_is_caught(leaking: list[Measurement | Table]) -> None:
    by = numbers(leaking)
    assert low(by[AUC,]) > 0.6
    assert (by[TPR_1,].value or 0) > 0.03
    assert low(by[TPR_1,]) > 0.01
    assert "800 other rows show rates from 0.0013 on" in by[TPR_1,].source


def test_a_model_that_cannot_remember_is_not(tight: list[Measurement | Table]) -> None:
    by = numbers(tight)
    assert low(by[AUC,]) < 0.5
    assert low(by[TPR_1,]) < 0.01
    assert table(tight, "exposed").rows == ()
    assert "no record stands out" in table(tight, "exposed").source


def test_every_attack_is_listed_and_one_is_chosen(leaking: list[Measurement | Table]) -> None:
    rows = {str(row[0]): row for row in table(leaking, "attacks").rows}
    assert len(rows) == 7
    chosen = [row for row in rows.values() if row[-1] == "chosen"]
    assert len(chosen) == 1
    assert chosen[0][1] == numbers(leaking)[AUC,].value
    assert float(chosen[0][1] or 0) > float(rows["Loss threshold"][1] or 0) + 0.05


def test_the_attack_curve_is_that_of_the_chosen_attack(
    leaking: list[Measurement | Table],
) -> None:
    curve = table(leaking, "attack-roc")
    assert curve.chart == "log-log-roc"
    assert (curve.rows[0][0], curve.rows[-1][0]) == (1 / 800, 799 / 800)
    rates, shares = np.array([row[:2] for row in curve.rows], dtype=float).T
    found = numbers(leaking)[TPR_1,].value or 0.0
    assert shares[rates <= 0.01].max() <= found <= shares[rates >= 0.01].min()


def test_no_accusation_at_all_bounds_its_true_rate(leaking: list[Measurement | Table]) -> None:
    zero = numbers(leaking)["reference_attack_tpr_at_0_fpr",]
    assert zero.interval is not None
    assert "accuses none of these 800 rows, and surely fewer than 0.0037 of all" in zero.source


def test_records_are_pointed_at_by_their_place_alone(leaking: list[Measurement | Table]) -> None:
    exposed = table(leaking, "exposed")
    assert exposed.columns == ("rank", "training_row", "others_as_high")
    assert [row[0] for row in exposed.rows] == list(range(1, 11))
    assert len({row[1] for row in exposed.rows}) == 10
    assert all(isinstance(cell, int) for row in exposed.rows for cell in row)


def test_the_group_that_is_remembered_better_is_found() -> None:
    found = evidence(make(0.3, n=1_500, group_gain=2.5))
    by = numbers(found)
    gap = by["reference_attack_auc_difference", "F"]
    assert low(gap) > 0
    assert (by[AUC, "F"].value or 0) > (by[AUC, "M"].value or 1)
    rows = {str(row[1]): row for row in table(found, "group-exposure").rows}
    assert rows["F"][-1] is True


def test_small_groups_give_no_number_and_are_shown() -> None:
    train = people(300, 0)
    train.loc[:4, "sex"] = "X"
    by = numbers(evidence(make(train=train, n=300)))
    assert by[AUC, "X"].value is None
    assert "min_group = 30" in str(by[AUC, "X"].reason)


def test_where_members_and_others_differ_anyway_no_attack_is_measured() -> None:
    train = people(800, 0)
    train["hard"] += 0.7
    found = evidence(make(1.0, train=train))
    by = numbers(found)
    assert low(by["member_shift_auc",]) > 0.5
    for key in (AUC, TPR_1):
        assert by[key,].value is None
        assert "come from different populations" in str(by[key,].reason)
    assert not [t for t in found if isinstance(t, Table)]


def test_no_shift_is_not_said(leaking: list[Measurement | Table]) -> None:
    by = numbers(leaking)
    assert low(by["member_shift_auc",]) < 0.5
    assert by[AUC,].value is not None


def test_classes_are_attacked_too() -> None:
    assert low(numbers(evidence(make(2.0, classes=("a", "b", "c"))))[AUC,]) > 0.6


def test_references_are_trained_on_halves_of_both_kinds_of_rows() -> None:
    recipe = Remembers()
    evidence(make(recipe=recipe, n=200), Membership(references=8))
    assert len(recipe.asked) == 8
    first, second = (set(asked["rows"]["x"]) for asked in recipe.asked[:2])
    everyone = set(people(200, 0)["x"]) | set(people(200, 1)["x"])
    assert first | second == everyone
    assert not first & second
    assert len({asked["seed"] for asked in recipe.asked}) == 8
    assert all(asked["features"] == ("x", "hard") for asked in recipe.asked)


def test_fewer_rows_for_references_and_attacks_are_drawn_and_said() -> None:
    recipe = Remembers()
    found = evidence(make(recipe=recipe), Membership(reference_rows=250, most_rows=100))
    assert {len(asked["rows"]) for asked in recipe.asked} == {250}
    source = numbers(found)[AUC,].source
    assert "100 of 800 training rows against 100 of 800 assessed rows" in source
    assert "a random half of 500" in source
    evidence(make(recipe=recipe), Membership(reference_rows=50))
    assert {len(asked["rows"]) for asked in recipe.asked[6:]} == {50}


def test_references_of_a_private_model_are_as_private() -> None:
    spent = {"noise_multiplier": 1.1, "max_grad_norm": 0.5, "accountant": "rdp", "epsilon": 2.0}
    recipe = Remembers()
    evidence(make(recipe=recipe, record=SimpleNamespace(privacy=spent, cost=None), n=100))
    wanted = {"noise_multiplier": 1.1, "max_grad_norm": 0.5, "accountant": "rdp"}
    assert recipe.asked[0]["privacy"] == wanted


def test_what_keeps_it_from_attacking_is_said() -> None:
    few = numbers(evidence(make(train=people(10, 0))))
    assert "10 training rows" in str(few[AUC,].reason)
    dear = SimpleNamespace(cost={"cpu_seconds": 3600.0}, privacy=None)
    assert "most_minutes" in str(numbers(evidence(make(record=dear)))[AUC,].reason)
    broken = make(recipe=Remembers(error=AuditkitError("no GPU")))
    assert numbers(evidence(broken))[AUC,].reason == "training was not possible: no GPU"


def test_scores_that_are_no_probabilities_cannot_be_attacked() -> None:
    class Wild(Remembering):
        def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
            return 5 * super().scores(rows)

    subject = make(n=60)
    object.__setattr__(subject, "model", Wild(frozenset(), 0.0, 0))
    assert "no probabilities" in str(numbers(evidence(subject))[AUC,].reason)


def test_it_needs_a_recipe() -> None:
    rows = people(100, 0)
    subject = Subject.from_model(
        Remembering(frozenset(), 0.0, 0), rows, label="y", features=["x"], train=rows
    )
    (record,) = run(subject, None, ["membership"]).audits
    assert record.status == "skipped"
    assert "without a recipe" in str(record.reason)


@pytest.mark.parametrize(
    "wrong",
    [
        {"references": 7}, {"references": 4}, {"reference_rows": 3}, {"min_group": 1},
        {"exposed": 11}, {"jobs": 0}, {"backend": "dask"}, {"most_minutes": 0}, {"level": 1.0},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        make_audits(["membership"], {"membership": wrong})


@pytest.mark.parametrize(
    ("gain", "sentence"),
    [
        (2.0, "who was in the training data can be told better than by chance"),
        (0.0, "This does not prove that nobody can"),
    ],
)
def test_the_report_opens_with_what_was_found(gain: float, sentence: str) -> None:
    page = render(run(make(gain), None, ["membership"]))
    assert sentence in page
    assert ("10 training rows that stand out most" in page) is (gain > 0)


def test_the_report_does_not_trust_an_attack_on_shifted_rows() -> None:
    train = people(800, 0)
    train["hard"] += 0.7
    page = render(run(make(1.0, train=train), None, ["membership"]))
    assert "No attack can be trusted here" in page


def trained() -> Subject:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=400), "z": rng.choice(["a", "b"], 400)})
    rows["y"] = (rows["x"] + rng.normal(size=400) > 0).astype(int)
    recipe = Recipe(
        MLP(hidden=(4,)), "y", Training(epochs=1, batch_size=64), features=("x", "z")
    )  # fmt: skip
    train, test = rows[:200], rows[200:]
    model, record = recipe.fit(train)
    return Subject.from_model(
        model, test, label="y", features=["x", "z"], train=train, record=record, recipe=recipe
    )


def restful(found: list[Measurement | Table]) -> list[Measurement | Table]:
    return [m for m in found if not (isinstance(m, Measurement) and "seconds" in m.metric)]


def test_models_are_kept_by_content_and_not_trained_again(tmp_path: Path) -> None:
    audit = Membership(keep=str(tmp_path / "kept"))
    first, again = evidence(trained(), audit), evidence(trained(), audit)
    assert restful(again) == restful(first) == restful(evidence(trained()))
    seconds = numbers(again)["reference_cpu_seconds",]
    assert (seconds.value, seconds.n) == (0.0, 6)
    folders = sorted((tmp_path / "kept").iterdir())
    assert len(folders) == 6
    assert {path.suffix for path in folders[0].iterdir()} == {".safetensors", ".json"}


def test_a_kept_model_that_was_changed_is_trained_again(tmp_path: Path) -> None:
    audit = Membership(keep=str(tmp_path))
    first = evidence(trained(), audit)
    victim = min(tmp_path.iterdir()) / "model.safetensors"
    victim.write_bytes(b"not a model")
    again = evidence(trained(), audit)
    assert restful(again) == restful(first)
    assert (numbers(again)["reference_cpu_seconds",].value or 0) > 0
    assert victim.read_bytes() != b"not a model"


def test_what_has_no_name_cannot_be_kept(tmp_path: Path) -> None:
    reason = numbers(evidence(make(n=60), Membership(keep=str(tmp_path))))[AUC,].reason
    assert "cannot be named" in str(reason)


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one() -> None:
    assert restful(evidence(trained(), Membership(jobs=2))) == restful(evidence(trained()))


@pytest.mark.slow
def test_a_ray_cluster_gives_the_numbers_of_this_machine() -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'auditkit-rai[ray]'")
    found = evidence(trained(), Membership(jobs=2, backend="ray"))
    assert restful(found) == restful(evidence(trained()))
    assert restful(found) == restful(evidence(trained(), Membership(jobs=2, backend="loky")))


@pytest.mark.slow
def test_what_runs_on_ray_sends_no_usage_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'auditkit-rai[ray]'")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    assert each_in(1, "ray")(os.environ.get, [("RAY_USAGE_STATS_ENABLED",)]) == ["0"]
    assert os.environ.pop("RAY_USAGE_STATS_ENABLED") == "0"
    assert not ray.is_initialized()


def test_a_ray_cluster_that_does_not_answer_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: object) -> None:
        raise ConnectionError("Failed to connect to 192.0.2.1:6379")

    fake = SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.util", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ray.util.joblib", SimpleNamespace(register_ray=None))
    reason = str(numbers(evidence(trained(), Membership(backend="ray")))[AUC,].reason)
    assert "no Ray cluster that answers, or lets us in, at RAY_ADDRESS" in reason
    assert "192.0.2.1" not in reason


def test_without_ray_its_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    reason = numbers(evidence(trained(), Membership(backend="ray")))[AUC,].reason
    assert "pip install 'auditkit-rai[ray]'" in str(reason)
