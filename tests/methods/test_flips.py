"""What asking again changed: shares, sizes, directions, and lines from group to group."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.methods.flip_metrics import FLIPS, TERM_FLIPS
from auditkit.methods.flips import (
    Asked,
    asked,
    estimate,
    lines,
    measure,
    moved,
    outcome,
    term_line,
)
from auditkit.methods.intervals import clopper_pearson, paired_difference

NAMES = ("F", "M", "X")
BEFORE = asked(np.array([0.2, 0.6, 0.6, 0.4]), "binary", 0.5)
CODES = np.array([0, 0, 1, 1])


def again(*scores: float) -> Asked:
    return asked(np.array(scores), "binary", 0.5)


def test_a_row_counts_once_however_many_groups_would_change_its_decision() -> None:
    to_m = (np.array([0, 1]), again(0.7, 0.3))
    to_x = (np.arange(4), again(0.8, 0.6, 0.6, 0.4))
    found = outcome(BEFORE, [to_m, to_x])
    rate, gained, lost, size = (found.of(metric) for metric in FLIPS["binary"])
    assert rate.tolist() == [True, True, False, False]
    assert gained.tolist() == [True, False, False, False]
    assert lost.tolist() == [False, True, False, False]
    assert size == pytest.approx([0.55, 0.15, 0, 0])  # the mean over the groups that were asked
    assert found.of(TERM_FLIPS["binary"][0]).tolist() == rate.tolist()


def test_numbers_have_a_change_and_no_decision() -> None:
    before = asked(np.array([1.0, 2.0]), "regression", 0.5)
    found = outcome(before, [(np.arange(2), asked(np.array([4.0, 1.0]), "regression", 0.5))])
    (metric,) = FLIPS["regression"]
    assert found.of(metric).tolist() == [3, 1]
    assert not found.flipped.any()


def test_a_line_has_the_share_and_the_net_change_over_the_same_rows() -> None:
    before = asked(np.repeat([0.6, 0.4], [30, 70]), "binary", 0.5)
    after = asked(np.repeat([0.4, 0.6, 0.4], [12, 21, 67]), "binary", 0.5)  # 12 lose, 3 gain
    (line,) = lines(
        before, {1: (np.arange(100), after)}, (np.zeros(100, int), NAMES), "binary", 0.95
    )
    low, high = paired_difference(3, 12, 100)
    assert line[:3] == ("F \N{RIGHTWARDS ARROW} M", 100, 0.15)
    assert line[3:] == pytest.approx([*clopper_pearson(15, 100), -0.09, low, high])


def test_all_lines_hold_together_and_the_surest_comes_first() -> None:
    before = asked(np.full(80, 0.4), "binary", 0.5)
    codes = np.repeat([0, 1], 40)
    some = asked(np.repeat([0.6, 0.4], [30, 10]), "binary", 0.5)
    few = asked(np.repeat([0.6, 0.4], [2, 38]), "binary", 0.5)
    to = {1: (np.arange(40), few), 0: (np.arange(40, 80), some)}
    found = lines(before, to, (codes, NAMES), "binary", 0.95)
    assert [line[0] for line in found] == ["M \N{RIGHTWARDS ARROW} F", "F \N{RIGHTWARDS ARROW} M"]
    assert found[0][3:5] == pytest.approx(clopper_pearson(30, 40, 0.975))


def test_a_line_of_one_row_is_left_out_and_a_measurement_of_one_row_withheld() -> None:
    to = {1: (np.array([0]), again(0.7))}
    assert lines(BEFORE, to, (np.array([0, 1, 1, 1]), NAMES), "binary", 0.95) == []
    metric = FLIPS["binary"][0]
    alone = measure(metric, np.array([True]), 0.95, "rows")
    assert alone.value is None
    assert "one person" in str(alone.reason)


def test_lines_of_classes_have_a_share_and_of_numbers_a_difference() -> None:
    codes = (np.zeros(3, int), NAMES)
    old, new = (np.eye(3)[x] for x in ([0, 1, 2], [0, 1, 1]))
    before, after = (asked(x, "multiclass", 0.5) for x in (old, new))
    (line,) = lines(before, {1: (np.arange(3), after)}, codes, "multiclass", 0.95)
    assert line[2:] == pytest.approx([1 / 3, *clopper_pearson(1, 3)])
    before, after = (asked(np.array(x), "regression", 0.5) for x in ([1.0, 2, 3], [2.0, 4, 6]))
    (line,) = lines(before, {1: (np.arange(3), after)}, codes, "regression", 0.95)
    assert line[2] == 2
    assert len(term_line(outcome(before, [(np.arange(3), after)]), "regression", 0.95)) == 3
    assert len(term_line(outcome(before, []), "binary", 0.95)) == 6


def test_rounding_is_no_move() -> None:
    held = again(0.2 + 1e-7, 0.6, 0.6, 0.4)
    assert not moved(BEFORE, held)
    assert moved(BEFORE, again(0.2, 0.6, 0.6, 0.401))
    assert not moved(*(asked(np.array([x]), "regression", 0.5) for x in (1e9, 1e9 + 1)))


def test_nothing_of_no_rows() -> None:
    assert estimate(np.zeros(0, dtype=np.bool_), 0.95).reason == "no rows"
    assert estimate(np.zeros(0), 0.95).reason == "no rows"
