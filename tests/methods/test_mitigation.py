"""Variants held against each other: by hand, by brute force, and against fairlearn."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
    selection_rate,
)
from hypothesis import given
from hypothesis import strategies as st

from auditkit.methods.decision_groups import CONSTANT
from auditkit.methods.mitigation import (
    Trial,
    Variant,
    cheapest,
    even_out,
    fewest_changes,
    more_needed,
    too_dear,
    unbeaten,
)

RNG = np.random.default_rng(4)
N = 4_000
SEX = RNG.integers(0, 2, N)
Y = (RNG.random(N) < np.where(SEX == 1, 0.5, 0.3)).astype(np.int8)


def decisions(gap: float, errors: float, seed: int = 0) -> np.ndarray:
    """Decisions that follow the outcome but for some, and select a share of men more."""
    rng = np.random.default_rng(seed)
    right = np.where(rng.random(N) < errors, 1 - Y, Y)
    return np.where((SEX == 1) & (rng.random(N) < gap), 1, right).astype(np.int8)


def trial(*variants: Variant, constraint: str = "demographic_parity") -> Trial:
    audited = Variant("as audited", "as audited", decisions(0.3, 0.1))
    labels = ("F", "M", "unknown")
    return Trial("sex", labels, SEX.astype(np.int64), Y, (audited, *variants), constraint)


@pytest.mark.parametrize(
    ("constraint", "reference"),
    [
        ("demographic_parity", demographic_parity_difference),
        ("equal_opportunity", equal_opportunity_difference),
        ("equalized_odds", equalized_odds_difference),
    ],
)
def test_gaps_are_those_of_fairlearn(constraint: str, reference: object) -> None:
    held = trial(constraint=constraint)
    expected = reference(Y, held.variants[0].y_pred, sensitive_features=SEX)  # type: ignore[operator]  # a function
    assert held.lines[0].gap.value == pytest.approx(expected, abs=1e-12)


def test_rates_of_a_variant_are_those_of_fairlearn() -> None:
    held = trial()
    frame = MetricFrame(
        metrics=selection_rate, y_true=Y, y_pred=held.variants[0].y_pred, sensitive_features=SEX
    )
    assert held.lines[0].selection.value == pytest.approx(frame.overall, abs=1e-12)


def test_intervals_of_gaps_and_changes_are_wider_the_more_variants_there_are() -> None:
    one = Variant("one", "in training", decisions(0.0, 0.12, 1))
    others = [Variant(f"v{i}", "in training", decisions(0.1, 0.1, i + 2)) for i in range(8)]
    few, many = trial(one).lines[1], trial(one, *others).lines[1]
    for narrow, wide in ((few.gap, many.gap), (few.change, many.change)):
        assert narrow.interval is not None
        assert wide.interval is not None
        assert wide.interval.high > narrow.interval.high
        assert "Bonferroni over 19 intervals" in wide.interval.method
        assert wide.interval.level == 0.95


def test_the_change_is_that_of_accuracy_and_the_share_that_of_other_decisions() -> None:
    other = decisions(0.0, 0.2, 1)
    held = trial(Variant("other", "in training", other))
    before, line = held.variants[0].y_pred, held.lines[1]
    assert before is not None
    assert line.change.value == pytest.approx((other == Y).mean() - (before == Y).mean())
    assert line.changed.value == pytest.approx((other != before).mean())


def test_a_variant_with_one_decision_for_everyone_has_no_gap_and_is_never_chosen() -> None:
    nobody = Variant("nobody", "cut-off", np.zeros(N, dtype=np.int8))
    held = trial(nobody)
    assert held.lines[1].gap.reason == CONSTANT
    assert cheapest(held.lines, 0.1) == (None, False)
    assert unbeaten(held.lines) == [True, False]


def test_the_cheapest_is_the_most_accurate_of_those_wholly_within_the_target() -> None:
    fair = Variant("fair", "in training", decisions(0.0, 0.05, 3))
    worse = Variant("worse", "in training", decisions(0.0, 0.25, 3))
    held = trial(worse, fair)
    gap = held.lines[2].gap
    assert gap.interval is not None
    assert cheapest(held.lines, gap.interval.high) == (held.lines[2], True)
    # One that only its estimate brings within the target is not within it.
    chosen, inside = cheapest(held.lines[:1] + held.lines[2:], gap.value or 0.0)
    assert (chosen, inside) == (held.lines[2], False)


def test_the_model_itself_is_chosen_where_it_is_within_the_target() -> None:
    held = trial(Variant("fair", "in training", decisions(0.0, 0.0)))
    assert cheapest(held.lines, 0.99) == (held.lines[0], True)


def test_what_no_other_beats_on_both_is_unbeaten() -> None:
    fair = Variant("fair and right", "in training", decisions(0.0, 0.05, 3))
    worse = Variant("worse", "in training", decisions(0.0, 0.25, 3))
    assert unbeaten(trial(fair, worse).lines)[:2] == [False, True]


def test_a_variant_that_could_not_be_made_says_why() -> None:
    line = trial(Variant("lost", "in training", None, "no luck")).lines[1]
    assert (line.gap.reason, line.accuracy.reason) == ("no luck", "no luck")


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=2, max_size=3))
def test_no_set_of_changes_below_the_bound_reaches_the_target(
    groups: list[tuple[int, int]],
) -> None:
    totals = np.array([n for n, _ in groups])
    successes = np.array([min(s, n) for n, s in groups])
    bound = fewest_changes(successes, totals, 0.2)
    ways = product(*(range(n + 1) for n in totals))
    least = min(
        int(np.abs(np.array(way) - successes).sum())
        for way in ways
        if np.ptp(np.array(way) / totals) <= 0.2 + 1e-12
    )
    assert bound <= least
    assert (bound == 0) == (least == 0)


def test_the_bound_is_reached_where_groups_are_large() -> None:
    assert fewest_changes([500, 300], [1000, 1000], 0.1) == 100
    assert fewest_changes([300, 300], [1000, 1000], 0.0) == 0


def test_more_are_needed_only_below_the_highest_less_the_target() -> None:
    assert more_needed([50, 30, 45], [100, 100, 100], 0.1).tolist() == [0, 10, 0]
    assert more_needed([9, 1], [10, 7], 0.1).tolist() == [0, 5]  # 0.8 * 7 = 5.6


def test_resampling_makes_groups_and_outcomes_independent() -> None:
    codes = np.where(RNG.random(N) < 0.1, -1, SEX)
    drawn = even_out(codes, Y, np.random.default_rng(1))
    rates = [Y[drawn][codes[drawn] == code].mean() for code in (-1, 0, 1)]
    assert max(rates) - min(rates) < 0.005
    assert rates[0] == pytest.approx(Y.mean(), abs=0.005)
    assert abs(drawn.size - N) <= 3
    again = even_out(codes, Y, np.random.default_rng(1))
    assert drawn.tolist() == again.tolist()


def test_a_kind_without_a_row_stays_without() -> None:
    drawn = even_out([0, 0, 1, 1], [0, 0, 0, 1], np.random.default_rng(0))
    assert set(drawn.tolist()) <= {0, 1, 2, 3}


def test_trainings_that_take_too_long_are_told_with_their_time() -> None:
    asked = {"whole": 5, "short": 15, "short_epochs": 3}
    assert too_dear(3.7, 11, **asked, most_minutes=30.0) is None
    reason = too_dear(600.0, 10, **asked, most_minutes=30.0)
    assert reason is not None
    assert "about 95 CPU minutes, more than most_minutes = 30" in reason
