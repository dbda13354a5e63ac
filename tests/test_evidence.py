from __future__ import annotations

import math

import pytest

from auditkit.evidence import Interval, Measurement, Table, weakest


def measurement(**changes: object) -> Measurement:
    facts: dict[str, object] = {
        "metric": "accuracy", "value": 0.5, "unit": "rate", "n": 10, "source": "test",
        "interval": Interval(0.2, 0.8, 0.95, "Wilson"),
    }  # fmt: skip
    return Measurement(**(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"value": math.nan},
        {"value": math.inf},
        {"value": None},
        {"value": None, "interval": None},
        {"interval": None},
        {"value": 0.9},
        {"n": -1},
    ],
)
def test_a_number_that_hides_something_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="accuracy"):
        measurement(**changes)


def test_a_missing_value_with_its_reason_is_accepted() -> None:
    assert measurement(value=None, interval=None, reason="no rows").value is None


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.3), (0.4, 0.3), (math.nan, 1), (0, math.inf)])
def test_an_interval_has_a_finite_width(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        Interval(low, high, 0.95, "Wilson")


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_a_probability(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        Interval(0, 1, level, "Wilson")


def test_a_sum_takes_the_weakest_basis() -> None:
    assert weakest("measured", "declared", "estimated") == "declared"


@pytest.mark.parametrize("row", [(1,), (1, math.nan)])
def test_a_table_refuses_ragged_rows_and_numbers_that_are_none(row: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="table t"):
        Table("t", "T", ("a", "b"), (row,), "test")
