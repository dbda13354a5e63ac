"""Timing by repetition."""

from __future__ import annotations

import time

import pytest
from metering import burn

from auditkit import meter
from auditkit.meter import timing


def test_the_median_lies_in_its_interval() -> None:
    timed = meter.time_calls("x", lambda: burn(0.001), repeats=9, least=0.03)
    assert timed.low is not None
    assert timed.high is not None
    assert 0.0009 <= timed.low <= timed.seconds <= timed.high
    assert timed.repeats == 9
    assert timed.calls >= 9
    assert timed.cost.seconds > 0


def test_slow_work_ends_early_and_then_has_no_interval() -> None:
    timed = meter.time_calls("x", lambda: time.sleep(0.01), repeats=9, least=0.0, most=0.005)
    assert timed.repeats == 1
    assert timed.low is timed.high is None


def test_nothing_to_repeat_is_refused() -> None:
    with pytest.raises(ValueError, match="at least once"):
        meter.time_calls("x", lambda: None, repeats=0)


@pytest.mark.parametrize("count", [1, 5, 6, 9, 20, 101])
def test_the_order_statistics_hold_the_median_often_enough(count: int) -> None:
    from scipy.special import bdtr

    rank = timing.median_rank(count, 0.95)
    assert rank == 0 or 1 - 2 * bdtr(rank - 1, count, 0.5) >= 0.95
    assert 1 - 2 * bdtr(rank, count, 0.5) < 0.95
