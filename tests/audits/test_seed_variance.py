"""The audit of seeds: on models whose seeds are known, and on small networks trained here."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audits.seed_variance import SeedVariance
from auditkit.errors import AuditkitError, InputError
from auditkit.evidence import Measurement, Table
from auditkit.subject import NEEDS, Subject, Task
from auditkit.training import MLP, Recipe, Training

N = 400


class Shifted:
    """A model whose seed moves the cut by some rows."""

    kind = "shifted"
    parameters = None
    sha256 = None
    classes = ("a", "b")

    def __init__(self, by: float, task: str = "binary") -> None:
        self.by, self.task = by, task

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        x = rows["x"].to_numpy(dtype=float) + self.by
        if self.task == "regression":
            return x
        p = np.clip(x / N, 0, 1)
        return p if self.task == "binary" else np.column_stack([1 - p, p])


class Stub:
    """A recipe whose first seed gives one model, the second another, and so on."""

    def __init__(self, shifts: list[float], task: str = "binary") -> None:
        self.shifts, self.task = shifts, task
        self.asked: list[dict[str, object]] = []

    def fit(self, rows: pd.DataFrame, **changes: object) -> tuple[Any, Any]:
        assert len(rows) == N
        self.asked.append(changes)
        by = self.shifts[len(self.asked) - 1]
        if np.isnan(by):
            raise AuditkitError("no such\nseed")
        return Shifted(by, self.task), None


def subject(shifts: list[float], task: Task = "binary", record: object = None) -> Subject:
    x = np.arange(N, dtype=float)
    y: Any = (x >= N / 2).astype(int)
    if task == "multiclass":
        y = np.where(y == 1, "b", "a")
    if task == "regression":
        y = x
    rows = pd.DataFrame({"x": x, "y": y, "half": np.where(x < N / 2, "low", "high"),
                         "few": np.where(x == 7, "one", "rest")})  # fmt: skip
    return Subject.from_model(
        Shifted(0.0, task), rows, label="y", features=["x"], sensitive=["half", "few"], task=task,
        train=rows, recipe=Stub(shifts, task), record=record,
    )  # fmt: skip


def found(
    held: Subject, **settings: Any
) -> tuple[dict[tuple[str, str], Measurement], list[dict[str, Any]]]:
    items = list(SeedVariance(**settings).run(held, np.random.default_rng(0)))
    measured = {
        (item.metric, " ".join(f"{k}={v}" for k, v in item.slice.items())): item
        for item in items
        if isinstance(item, Measurement)
    }
    lines = [
        dict(zip(item.columns, row, strict=True))
        for item in items
        if isinstance(item, Table)
        for row in item.rows
    ]
    return measured, lines


def test_shares_are_counted_over_the_audited_model_and_the_others() -> None:
    # Cuts at 200, 180, 190 and 210: rows 180 to 209 hang on the seed.
    measured, _ = found(subject([20.0, 10.0, -10.0]), seeds=3)
    assert measured["decision_ambiguity", ""].value == pytest.approx(30 / N)
    assert measured["decision_discrepancy", ""].value == pytest.approx(30 / N)
    pairs = (20 + 10 + 10 + 10 + 30 + 20) / 6
    assert measured["seed_disagreement", ""].value == pytest.approx(pairs / N)
    assert measured["decision_ambiguity", "half=low"].value == pytest.approx(20 / 200)
    assert measured["decision_ambiguity", "half=high"].value == pytest.approx(10 / 200)
    assert measured["decision_ambiguity", "few=one"].reason == "fewer than 10 rows"
    assert measured["decision_ambiguity_difference", "half=*"].value == pytest.approx(0.05)
    assert measured["decision_ambiguity_difference", "few=*"].value is None


def test_quality_and_gaps_are_told_beside_those_as_audited() -> None:
    measured, lines = found(subject([20.0, 10.0, -10.0]), seeds=3)
    by = {(line["metric"], line["attribute"]): line for line in lines}
    accuracy = by["accuracy", ""]
    assert accuracy["as_audited"] == 1
    assert accuracy["lowest"] == pytest.approx(1 - 20 / N)
    assert accuracy["mean"] == pytest.approx(1 - (0 + 20 + 10 + 10) / 4 / N)
    assert by["roc_auc", ""]["lowest"] == 1
    parity = by["demographic_parity_difference", "half"]
    assert parity["lowest"] == pytest.approx(1 - 20 / 200)
    deviation = measured["accuracy_seed_deviation", ""]
    assert deviation.value == pytest.approx(np.std([0, 20, 10, 10], ddof=1) / N)
    assert deviation.n == 4
    assert "few seeds, wide interval" in str(deviation.interval)
    assert measured["roc_auc_seed_deviation", ""].reason is not None


def test_each_seed_is_another_and_nothing_else_is_changed() -> None:
    held = subject([0.0] * 4)
    found(held)
    assert isinstance(held.recipe, Stub)
    assert [*map(set, held.recipe.asked)] == [{"seed"}] * 4
    assert len({change["seed"] for change in held.recipe.asked}) == 4


def test_a_model_that_no_seed_moves_is_not_called_ambiguous() -> None:
    measured, _ = found(subject([0.0] * 4))
    assert measured["decision_ambiguity", ""].value == 0
    assert measured["decision_ambiguity", ""].interval is not None


def test_classes_and_numbers_are_held_against_each_other_too() -> None:
    measured, lines = found(subject([20.0], "multiclass"), seeds=1)
    assert measured["decision_ambiguity", ""].value == pytest.approx(20 / N)
    assert "accuracy_gap_seed_deviation" in {metric for metric, _ in measured}
    measured, lines = found(subject([1.0], "regression"), seeds=1, tolerance=0.001)
    assert measured["decision_ambiguity", ""].value == 1
    assert {line["metric"] for line in lines} == {
        "mean_absolute_error",
        "mean_absolute_error_difference",
    }
    measured, _ = found(subject([1.0], "regression"), seeds=1)
    assert measured["decision_ambiguity", ""].value == 0


def test_a_training_that_fails_and_one_that_is_too_dear_are_reasons() -> None:
    measured, _ = found(subject([1.0, float("nan")]), seeds=2)
    said = "training again was not possible: no such seed"
    assert measured["decision_ambiguity", ""].reason == said

    class Record:
        cost = {"cpu_seconds": 1000.0}  # noqa: RUF012 - read only

    measured, _ = found(subject([], record=Record()))
    assert str(measured["decision_ambiguity", ""].reason).startswith("4 trainings would take")


def test_without_a_recipe_it_is_not_measured() -> None:
    from auditkit.audit import run

    rows = subject([]).rows
    held = Subject.from_model(Shifted(0.0), rows, label="y", features=["x"], train=rows)
    (record,) = run(held, None, ["seed-variance"]).audits
    assert record.status == "skipped"
    assert record.reason == NEEDS["recipe"]


def networks(seed: int, noise: float) -> Subject:
    """A small network that learns an outcome which the features tell, or hardly tell."""
    rng = np.random.default_rng(seed)
    n = 600
    rows = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    rows["y"] = (rows["a"] + noise * rng.normal(size=n) > 0).astype(int)
    rows["sex"] = rng.choice(["F", "M"], n)
    train, rest = rows.iloc[:300], rows.iloc[300:]
    recipe = Recipe(
        MLP(hidden=[16]), "y", Training(epochs=12, batch_size=32, learning_rate=0.02),
        features=tuple("abcd"), seed=seed,
    )  # fmt: skip
    model, record = recipe.fit(train)
    return Subject.from_model(
        model, rest, label="y", features=list("abcd"), sensitive=["sex"], train=train,
        record=record, recipe=recipe,
    )  # fmt: skip


def test_noise_that_is_learnt_by_heart_makes_decisions_hang_on_the_seed() -> None:
    sure, noisy = (found(networks(0, noise), seeds=2)[0] for noise in (0.05, 20.0))
    low = noisy["decision_ambiguity", ""].interval
    high = sure["decision_ambiguity", ""].interval
    assert low is not None
    assert high is not None
    assert low.low > high.high


@pytest.mark.slow
def test_noise_is_told_from_a_clear_outcome_in_20_of_20_seeds() -> None:
    for seed in range(20):
        sure, noisy = (
            found(networks(seed, noise), seeds=2)[0]["decision_ambiguity", ""].interval
            for noise in (0.05, 20.0)
        )
        assert sure is not None
        assert noisy is not None
        assert noisy.low > sure.high


def test_settings_out_of_range_are_listed() -> None:
    with pytest.raises(InputError, match="5 problems"):
        SeedVariance(seeds=0, tolerance=-1.0, most_minutes=0.0, level=1.0, min_group=1)
