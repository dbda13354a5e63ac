"""Other thresholds against decisions made by hand, and what small groups may not give away."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from auditkit.evidence import Cell
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.group_tasks import Grouped
from auditkit.methods.threshold_sweep import sweep, thresholds

rng = np.random.default_rng(5)
SEX = rng.integers(0, 2, 3_000)
SCORE = rng.beta(1 + SEX, 2)
Y = (rng.random(3_000) < SCORE).astype(np.int64)
LABELS = {"sex": ("F", "M", "unknown")}


def lines(sex: IntArray = SEX, weights: FloatArray | None = None) -> dict[float, dict[str, Cell]]:
    rows = Grouped({"sex": sex}, LABELS, Y, SCORE, weights)
    table = sweep(rows, 0.37, 0.95, 10)
    if table is None:
        return {}
    named = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    return {float(str(row["threshold"])): row for row in named}


def test_every_threshold_gives_the_numbers_of_its_own_decisions() -> None:
    found = lines()
    assert len(found) == 20
    for at in (0.05, 0.37, 0.5, 0.95):
        chosen, held = at <= SCORE, found[at]
        assert held["accuracy"] == pytest.approx((chosen == Y).mean())
        assert held["selection_rate"] == pytest.approx(chosen.mean())
        assert held["demographic_parity_difference"] == pytest.approx(
            demographic_parity_difference(Y, chosen, sensitive_features=SEX)
        )
        positives = Y == 1
        gap = equalized_odds_difference(
            Y[positives], chosen[positives], sensitive_features=SEX[positives]
        )
        assert held["equal_opportunity_difference"] == pytest.approx(gap)


def test_only_the_threshold_in_use_is_marked_as_such() -> None:
    assert [at for at, row in lines().items() if row["in_use"]] == [0.37]


def test_every_number_but_the_selection_rate_of_all_has_an_interval_around_it() -> None:
    for row in lines().values():
        for name in (
            *("accuracy", "demographic_parity_difference", "equal_opportunity_difference"),
        ):
            low, value, high = (row[f"{name}{end}"] for end in ("_low", "", "_high"))
            assert low <= value <= high  # type: ignore[operator]
            assert low < high  # type: ignore[operator]


def test_weights_count_as_so_many_rows_in_the_shares() -> None:
    twice = lines(weights=np.where(Y == 1, 2.0, 1.0))[0.5]
    right, weight = (SCORE >= 0.5) == Y, np.where(Y == 1, 2.0, 1.0)
    assert twice["accuracy"] == pytest.approx(np.average(right, weights=weight))


def test_a_group_of_fewer_rows_than_may_be_told_is_left_out_and_alone_gives_no_table() -> None:
    few = np.where(np.arange(3_000) < 49, 1, 0)
    assert lines(sex=few) == {}


def test_scores_outside_0_to_1_are_cut_between_their_quantiles() -> None:
    found = thresholds(np.linspace(-100, 300, 1_000), 7.0)
    assert found[[0, -1]].tolist() == [-90, 290]
    assert 7.0 in found
    assert len(found) == 20


def test_equal_scores_give_each_threshold_once() -> None:
    assert thresholds([5.0, 5.0], 5.0).tolist() == [5.0]
