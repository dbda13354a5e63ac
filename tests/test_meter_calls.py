"""Calls are timed one by one, and slow work ends."""

from __future__ import annotations

import time

import pytest

from auditkit.meter import time_each
from auditkit.meter.calls import clock_grain


def test_each_call_has_a_time_of_its_own_and_those_to_warm_up_do_not() -> None:
    numbers: list[int] = []

    def work(number: int) -> None:
        numbers.append(number)
        time.sleep(0.02 if number == 3 else 0.0)

    timed = time_each("work", work, calls=6, warm_up=2)
    assert numbers == [0, 1, 0, 1, 2, 3, 4, 5]
    assert (len(timed.seconds), timed.warm_up) == (6, 2)
    assert timed.seconds[3] >= 0.02
    assert sum(timed.seconds) <= timed.cost.seconds


def test_slow_work_ends_after_one_call_at_least() -> None:
    timed = time_each("wait", lambda _: time.sleep(0.02), calls=1000, warm_up=5, most=0.01)
    assert (len(timed.seconds), timed.warm_up) == (1, 1)
    assert timed.seconds[0] >= 0.02


def test_the_grain_is_one_that_the_clock_can_make() -> None:
    assert time.get_clock_info("perf_counter").resolution <= clock_grain() < 0.1


def test_no_call_cannot_be_timed() -> None:
    with pytest.raises(ValueError, match="at least one call"):
        time_each("nothing", lambda _: None, calls=0)
