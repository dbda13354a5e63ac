"""The audit of declared directions: what is planted is found, a monotone model is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audits.monotonicity import FEW_VALUES, NONE_NAMED, Monotonicity
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.subject import Subject, Task

Score = Callable[[pd.DataFrame], npt.NDArray[np.float64]]


class Model:
    """A model of a function."""

    kind = "function"
    parameters = None
    sha256 = None
    classes = ("a", "b")

    def __init__(self, score: Score) -> None:
        self.score = score

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return self.score(rows)


def people(n: int = 1_500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "pay": rng.lognormal(10, 0.5, n),
            "debt": rng.lognormal(8, 0.5, n),
            "years": rng.integers(0, 20, n),
            "job": rng.choice(["x", "y"], n),
            "owns": rng.random(n) < 0.5,
            "sex": rng.choice(["F", "M"], n),
            "y": rng.integers(0, 2, n),
        }
    )


def squash(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


def logit(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Rises with pay and years, falls with debt."""
    debt = rows["debt"].to_numpy() / 5_000
    return np.asarray(np.log(rows["pay"]) - 10 - debt + 0.05 * rows["years"].to_numpy())


def clean(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    return squash(logit(rows))


def bump(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Whoever earns from 30,000 to 40,000 loses, if of job x."""
    inside = rows["pay"].between(30_000, 40_000) & (rows["job"] == "x")
    return squash(logit(rows) - 1.0 * inside.to_numpy())


def found(
    score: Score, rows: pd.DataFrame | None = None, seed: int = 0, task: Task = "binary",
    **settings: Any,
) -> tuple[dict[tuple[str, str], Measurement], dict[str, Table]]:  # fmt: skip
    held = people() if rows is None else rows
    subject = Subject.from_model(
        Model(score), held, label="y", features=["pay", "debt", "years", "job", "owns"],
        sensitive=["sex", "job"], task=task,
    )  # fmt: skip
    asked = {"increasing": ("pay", "years"), "decreasing": ("debt",), **settings}
    items = list(Monotonicity(**asked).run(subject, np.random.default_rng(seed)))
    measured = {
        (item.metric, " ".join(f"{k}={v}" for k, v in item.slice.items())): item
        for item in items
        if isinstance(item, Measurement)
    }
    return measured, {item.name: item for item in items if isinstance(item, Table)}


def rows_of(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_a_planted_bump_is_found_where_it_is_and_for_whom() -> None:
    measured, tables = found(bump)
    assert measured["monotonicity_features", ""].value == 3
    pay = measured["monotonicity_violation", "feature=pay"]
    # Those of job x fall between the values before and within 30,000 to 40,000.
    assert pay.value is not None
    assert 0.4 < pay.value < 0.6
    assert measured["monotonicity_violation", "job=x"].value == 1
    assert measured["monotonicity_violation", "job=y"].value == 0
    assert measured["monotonicity_violation", "feature=years"].value == 0
    assert measured["monotonicity_violation", "feature=debt"].value == 0
    worst = measured["monotonicity_worst", "feature=pay"]
    assert worst.value is not None
    assert 0.1 < worst.value < 0.25
    assert str(worst.reason).startswith("no interval: the largest of the rows asked")
    (example,) = rows_of(tables["counter-examples"])
    assert example["feature"] == "pay"
    assert example["from"] < 30_000 <= example["to"] <= 40_000
    assert example["n"] == round(pay.value * pay.n)
    assert example["high"] < 0


def test_a_wrong_direction_breaks_every_row_and_turns_decisions() -> None:
    measured, tables = found(clean, increasing=("debt",), decreasing=())
    assert measured["monotonicity_violation", ""].value == 1
    turned = measured["monotonicity_decision_turned", "feature=debt"]
    assert turned.value is not None
    assert turned.value > 0.2
    (line,) = rows_of(tables["directions"])
    assert (line["direction"], line["broken"], line["turned"]) == ("never falls", 1, turned.value)


def test_a_rise_where_it_should_fall_is_told_as_a_rise() -> None:
    _, tables = found(clean, increasing=(), decreasing=("pay",))
    (example,) = rows_of(tables["counter-examples"])
    assert example["low"] > 0


def planted(seed: int, *, bumped: bool) -> float:
    """Surely this share of rows breaks the direction of pay, in a model of random weights."""
    rng = np.random.default_rng(seed)
    weights, at = rng.random(3) + 0.2, np.exp(10 + rng.uniform(-0.5, 0.3))

    def score(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        x = weights[0] * np.log(rows["pay"].to_numpy()) - 10 * weights[0]
        x = x + weights[1] * rows["years"].to_numpy() / 10
        if bumped:
            x = x - 0.5 * ((rows["pay"].to_numpy() > at) & (rows["pay"].to_numpy() < 1.5 * at))
        return squash(x)

    measured, _ = found(score, people(seed=seed), seed, increasing=("pay",), decreasing=())
    interval = measured["monotonicity_violation", ""].interval
    assert interval is not None
    return interval.low


def test_planted_bumps_are_found_in_20_of_20_and_monotone_models_named_in_0_of_20() -> None:
    assert sum(planted(seed, bumped=True) > 0 for seed in range(20)) == 20
    assert sum(planted(seed, bumped=False) > 0 for seed in range(20)) == 0


def test_none_named_is_not_measured_with_the_reason() -> None:
    measured, tables = found(clean, increasing=(), decreasing=())
    assert measured["monotonicity_features", ""].value == 0
    assert measured["monotonicity_violation", ""].reason == NONE_NAMED
    assert not tables


def test_a_feature_of_one_value_has_no_direction_to_keep() -> None:
    measured, _ = found(clean, people().assign(years=3), decreasing=())
    assert measured["monotonicity_violation", "feature=years"].reason == FEW_VALUES
    assert measured["monotonicity_violation", "feature=pay"].value == 0


def test_truth_values_and_missing_ones_are_swept() -> None:
    rows = people()
    rows.loc[::3, "pay"] = np.nan

    def owned(given: pd.DataFrame) -> npt.NDArray[np.float64]:
        assert given["owns"].dtype == bool
        assert str(given["years"].dtype) == "int64"
        return np.asarray(np.where(given["owns"], 0.2, 0.6) + 0.1 * given["pay"].isna().to_numpy())

    measured, _ = found(owned, rows, increasing=("owns", "pay"), decreasing=())
    assert measured["monotonicity_violation", "feature=owns"].value == 1
    assert measured["monotonicity_violation", "feature=pay"].value == 0


def test_numbers_and_classes_are_swept_too() -> None:
    measured, _ = found(logit, people().assign(y=lambda held: held["pay"]), task="regression")
    assert measured["monotonicity_violation", ""].value == 0
    assert ("monotonicity_decision_turned", "feature=pay") not in measured
    rows = people().assign(y=lambda held: np.where(held["y"] == 1, "b", "a"))

    def both(given: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.column_stack([1 - clean(given), clean(given)])

    measured, _ = found(both, rows, task="multiclass", of_class="b")
    assert measured["monotonicity_violation", ""].value == 0
    measured, _ = found(both, rows, task="multiclass", of_class="a")
    assert measured["monotonicity_violation", ""].value == 1
    with pytest.raises(InputError, match="of_class: found none"):
        found(both, rows, task="multiclass")


def test_fewer_rows_are_asked_where_there_are_many_features() -> None:
    measured, _ = found(clean, max_asked=3_000)
    assert measured["monotonicity_violation", ""].n == 3_000 // (3 * 16)


def test_values_are_shared_or_rounded() -> None:
    rows = people()
    _, tables = found(bump, rows)
    (example,) = rows_of(tables["counter-examples"])
    assert not {example["from"], example["to"]} & set(rows["pay"])


def test_unknown_features_texts_and_bad_settings_are_listed() -> None:
    with pytest.raises(InputError, match="Did you mean 'pay'"):
        found(clean, increasing=("pays",))
    with pytest.raises(InputError, match="expected a feature of numbers"):
        found(clean, increasing=("job",))
    with pytest.raises(InputError, match="3 problems"):
        Monotonicity(rows=3, points=1, tolerance=0.0)
    with pytest.raises(InputError, match="no feature twice"):
        Monotonicity(increasing=("pay",), decreasing=("pay",))
