"""Models of different seeds, held against hand computation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.intervals import clopper_pearson
from auditkit.methods.multiplicity import (
    ALIKE,
    ONE_MODEL,
    UNDEFINED,
    Spread,
    Versions,
    ambiguity,
    by_group,
    disagreement,
    discrepancy,
    group_gap,
    widest,
)

#: Three models on five rows: rows 1 and 2 are not decided alike.
THREE = Versions(np.array([[1, 0, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]], dtype=float))


def test_ambiguity_counts_rows_that_any_two_models_decide_otherwise() -> None:
    found = ambiguity(THREE)
    assert found.value == 0.4
    assert found.interval is not None
    assert found.interval.low == pytest.approx(float(clopper_pearson(2, 5)[0]))


def test_discrepancy_is_the_largest_share_of_all_pairs_and_its_interval_holds_for_all() -> None:
    # Pairs differ in rows: 1; 1 and 2; 2.
    found = discrepancy(THREE)
    assert found.value == 0.4
    assert found.interval is not None
    low, high = clopper_pearson(2, 5, 1 - 0.05 / 3)
    assert (found.interval.low, found.interval.high) == pytest.approx((float(low), float(high)))
    assert found.interval.method == "Clopper-Pearson, Bonferroni over 3 pairs of models"


def test_disagreement_is_the_mean_over_pairs() -> None:
    assert disagreement(THREE).value == pytest.approx((1 + 2 + 1) / 3 / 5)


def test_numbers_count_where_they_move_by_over_the_tolerance() -> None:
    given = np.array([[1.0, 2.0, 3.0], [1.1, 2.6, 3.0]])
    assert Versions(given, 0.2).hang.tolist() == [False, True, False]
    assert Versions(given, 0.05).hang.tolist() == [True, True, False]


def test_models_that_agree_have_an_interval_above_0() -> None:
    same = Versions(np.zeros((3, 100)))
    for found in (ambiguity(same), discrepancy(same), disagreement(same)):
        assert found.value == 0
        assert found.interval is not None
        assert found.interval.high > 0


def test_no_rows_give_a_reason() -> None:
    empty = Versions(np.zeros((2, 0)))
    assert ambiguity(empty).reason == "no rows"
    assert discrepancy(empty).reason == "no rows"
    assert disagreement(empty).reason == "no rows"


def test_groups_share_the_level_and_small_ones_are_withheld() -> None:
    groups = {("g", name): np.arange(100) // 45 == i for i, name in enumerate("abc")}
    found = by_group(np.arange(100) < 9, groups, 20, 0.95)
    assert found["g", "a"].value == 0.2
    held = found["g", "a"].interval
    assert held is not None
    assert held.high == pytest.approx(float(clopper_pearson(9, 45, 0.975)[1]))
    assert held.method == "Clopper-Pearson, Bonferroni over 2 groups"
    assert found["g", "c"].reason == "fewer than 20 rows"


def test_the_gap_leaves_out_small_and_unknown_groups() -> None:
    codes = np.repeat([0, 1, 2, -1], [40, 40, 5, 15])
    hang = np.isin(np.arange(100), [0, 1, 2, 3, 80, 81, 90])
    assert group_gap(hang, codes, 10, 0.95).value == pytest.approx(0.1)
    assert group_gap(hang, np.zeros(100, dtype=np.int64), 10, 0.95).value is None
    assert widest(hang.astype(float), codes, 10) == pytest.approx(0.1)
    assert widest(hang.astype(float), codes, 50) is None


def test_spread_over_seeds_is_that_of_student_and_of_chi_squared() -> None:
    x = np.array([0.81, 0.83, 0.80, 0.84, 0.82])
    mean, deviation = Spread(tuple(x)).mean(), Spread(tuple(x)).deviation()
    assert mean.interval is not None
    assert deviation.interval is not None
    low, high = stats.t.interval(0.95, 4, x.mean(), stats.sem(x))
    assert (mean.interval.low, mean.interval.high) == pytest.approx((low, high))
    ends = np.sqrt(4 * x.var(ddof=1) / stats.chi2.ppf([0.975, 0.025], 4))
    assert (deviation.interval.low, deviation.interval.high) == pytest.approx(tuple(ends))


def test_undefined_spreads_say_why() -> None:
    assert Spread((0.5, None)).mean().reason == UNDEFINED
    assert Spread((0.5, None)).deviation().value is None
    assert Spread((0.5,)).deviation().reason == ONE_MODEL
    assert Spread((0.5, 0.5)).deviation().value == 0
    assert Spread((0.5, 0.5)).deviation().reason == ALIKE
    assert Spread((0.5, 0.5)).mean().value == 0.5
