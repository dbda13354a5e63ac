"""Abstention: areas by hand, and the promise of the threshold over many samples."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import special

from auditkit.methods.abstention import (
    areas,
    confidence_of,
    fewest_rows,
    halves,
    prove,
    risk_change,
    risk_coverage,
    thresholds_for,
    upper_limit,
)

RNG = np.random.default_rng(0)


def by_hand(wrong: np.ndarray) -> float:
    """Mean of the share of errors among the first k."""
    return float((np.cumsum(wrong) / np.arange(1, len(wrong) + 1)).mean())


def test_the_area_is_the_mean_risk_and_its_excess_is_over_the_best_order() -> None:
    rng = np.random.default_rng(2)
    wrong = rng.random(50) < 0.3
    area, excess = areas(np.linspace(1, 0, 50), wrong, rng)
    assert area.value == pytest.approx(by_hand(wrong))
    assert area.value is not None
    assert excess.value == pytest.approx(area.value - by_hand(np.sort(wrong)))


def test_ties_are_averaged_over_all_their_orders() -> None:
    wrong = np.array([True, False, False, True])
    confidence = np.array([0.9, 0.5, 0.5, 0.5])
    orders = [by_hand(wrong[[0, *rest]]) for rest in permutations([1, 2, 3])]
    assert areas(confidence, wrong, RNG)[0].value == pytest.approx(np.mean(orders))


def test_a_constant_confidence_has_the_error_rate_as_its_area() -> None:
    wrong = np.arange(100) < 20
    area, excess = areas(np.ones(100), wrong, RNG)
    assert area.value == pytest.approx(0.2)
    assert excess.value == pytest.approx(0.2 - by_hand(np.sort(wrong)))
    assert 0.2 + 0.8 * np.log(0.8) == pytest.approx(by_hand(np.sort(wrong)), abs=0.01)


def test_without_errors_there_is_no_interval_and_a_reason() -> None:
    area, _ = areas(np.linspace(0, 1, 20), np.zeros(20, dtype=bool), RNG)
    assert area.value == 0
    assert (area.reason or "").startswith("no decision is wrong")
    assert areas(np.zeros(0), np.zeros(0, dtype=bool), RNG)[0].reason == "no rows"


def test_the_interval_of_the_area_holds_it() -> None:
    truth, inside = 0.0, 0
    rng = np.random.default_rng(5)
    p = rng.random(200_000)
    sure = confidence_of(p, 0.5)
    truth = areas(sure, (rng.random(p.size) < p) != (p >= 0.5), rng, 2)[0].value or 0.0
    for _ in range(60):
        p = rng.random(400)
        wrong = (rng.random(400) < p) != (p >= 0.5)
        held = areas(confidence_of(p, 0.5), wrong, rng)[0].interval
        inside += held is not None and held.low <= truth <= held.high
    assert inside >= 52


def test_confidence_is_measured_on_the_side_of_the_decision() -> None:
    assert confidence_of(np.array([0.2, 0.6]), 0.2).tolist() == pytest.approx([0.0, 0.5])
    assert confidence_of(np.array([-3.0, 2.0]), 0.0).tolist() == [3.0, 2.0]
    assert confidence_of(np.array([[0.7, 0.3], [0.1, 0.9]]), 0.5).tolist() == [0.7, 0.9]


def test_the_curve_takes_ties_together() -> None:
    curve = risk_coverage(np.array([1.0, 0.5, 0.5, 0.0]), np.array([False, True, True, False]))
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.risk.tolist() == pytest.approx([0, 2 / 3, 0.5])


def test_the_fewest_rows_prove_it_and_one_fewer_do_not() -> None:
    n = fewest_rows(0.05)
    assert upper_limit(0, n, 0.95) <= 0.05 < upper_limit(0, n - 1, 0.95)
    assert upper_limit(5, 5, 0.95) == 1.0


def test_the_first_threshold_that_fails_ends_the_sequence() -> None:
    confidence = np.repeat([0.9, 0.6, 0.1], 100)
    wrong = np.zeros(300, dtype=bool)
    wrong[100:130] = True  # the middle ones are bad; all together would pass again
    steps = np.array([0.9, 0.6, 0.1])
    found = prove(steps, confidence, wrong, 0.14)
    assert upper_limit(30, 300, 0.95) < 0.14
    assert (found.threshold, found.accepted, found.tried) == (0.9, 100, 2)
    nothing = prove(steps, confidence, ~wrong, 0.05)
    assert nothing.threshold is None
    assert nothing.reason.startswith("no threshold")


def test_thresholds_fall_and_the_last_takes_all() -> None:
    steps = thresholds_for(np.random.default_rng(0).random(500), 60, 500)
    assert (np.diff(steps) < 0).all()
    assert steps[-1] == -np.inf
    assert thresholds_for(np.ones(50), 10, 50).tolist() == [1.0, -np.inf]


def test_the_change_of_the_risk_is_what_is_computed_by_hand() -> None:
    wrong = np.array([False] * 90 + [True] * 10 + [True] * 60 + [False] * 40)
    kept = np.arange(200) < 100
    found = risk_change(wrong, kept)
    assert found.value == pytest.approx(10 / 100 - 70 / 200)
    assert found.interval is not None
    assert found.interval.high < 0
    assert risk_change(wrong, kept & False).reason == "no row is accepted"
    assert risk_change(wrong, kept | True).value == 0


def test_halves_hold_every_row_once() -> None:
    first, second = halves(101, np.random.default_rng(0))
    assert sorted([*first, *second]) == list(range(101))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "target"), [(1000, 0.1), (2000, 0.12)])
def test_the_true_risk_exceeds_the_target_in_at_most_one_of_twenty(n: int, target: float) -> None:
    """Right scores, so that the true risk of each threshold is known."""
    broken = passed = 0
    many = np.random.default_rng(99).random(400_000)
    sure, truth = confidence_of(many, 0.5), np.minimum(many, 1 - many)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        p = rng.random(n)
        wrong = (rng.random(n) < p) != (p >= 0.5)
        confidence = confidence_of(p, 0.5)
        sets, proves = halves(n, rng)
        steps = thresholds_for(confidence[sets], fewest_rows(target), len(proves))
        found = prove(steps, confidence[proves], wrong[proves], target)
        if found.threshold is not None:
            passed += 1
            broken += truth[sure >= found.threshold].mean() > target
    assert passed >= 100
    assert broken <= 15  # 5 % of 200 with its own chance: 15 in 95 of 100
    assert special.bdtr(15, 200, 0.05) > 0.94


@pytest.mark.slow
def test_choosing_by_the_point_estimate_would_break_the_promise() -> None:
    """What the sequence is there for: the loosest threshold that looks good is often not."""
    broken = 0
    many = np.random.default_rng(99).random(400_000)
    sure, truth = confidence_of(many, 0.5), np.minimum(many, 1 - many)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        p = rng.random(600)
        curve = risk_coverage(confidence_of(p, 0.5), (rng.random(600) < p) != (p >= 0.5))
        good = np.flatnonzero(curve.risk <= 0.1)
        broken += good.size > 0 and truth[sure >= curve.at[good[-1]]].mean() > 0.1
    assert broken > 60
