"""Time calls one by one, so that the slow ones among them are seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from auditkit.meter.costs import Cost
from auditkit.meter.phases import phase

#: Readings of the clock that its grain is found from.
READINGS = 1000


@dataclass(frozen=True, slots=True)
class Calls:
    """How long each of many calls took.

    Attributes:
        seconds: Wall time of each call, in order, those to warm up left out; unit: s.
        warm_up: Calls before them that were not kept.
        grain: Least step that the clock was seen to make; unit: s.
        cost: What all these calls cost together.
    """

    seconds: tuple[float, ...]
    warm_up: int
    grain: float
    cost: Cost


def time_each(
    name: str,
    work: Callable[[int], object],
    *,
    calls: int = 500,
    warm_up: int = 10,
    most: float = 2.0,
) -> Calls:
    """Time calls one by one, on a clock that never goes back.

    Args:
        name: Name of the metered phase.
        work: What to time; it gets the number of the call, from 0, and its result is dropped.
        calls: Calls to time.
        warm_up: Calls before them that are not kept, because they may load and allocate. After a
            tenth of `most` no other begins.
        most: After this time no further call begins, so that slow work ends; unit: s.

    Returns:
        The times: of one call at least.

    Raises:
        ValueError: If there is nothing to time.

    Example:
        >>> timed = time_each("sum", lambda number: sum(range(1000)), calls=20)
        >>> len(timed.seconds), timed.warm_up, timed.grain > 0
        (20, 10, True)
    """
    if calls < 1:
        raise ValueError(f"at least one call is timed; got {calls}")
    with phase(name) as measured:
        start = time.perf_counter()
        dropped = _each(work, warm_up, start + most / 10)
        kept = _each(work, calls, start + most)
        kept = kept or _each(work, 1, float("inf"))
    return Calls(tuple(kept), len(dropped), clock_grain(), measured.cost)


def _each(work: Callable[[int], object], calls: int, end: float) -> list[float]:
    times: list[float] = []
    before = time.perf_counter()
    while len(times) < calls and before < end:
        work(len(times))
        after = time.perf_counter()
        times.append(after - before)
        before = time.perf_counter()
    return times


def clock_grain() -> float:
    """Least step that the clock makes between readings, or says that it can make; unit: s.

    Example:
        >>> 0 < clock_grain() < 1
        True
    """
    readings = [time.perf_counter() for _ in range(READINGS)]
    steps = [b - a for a, b in pairwise(readings) if b > a]
    return max(time.get_clock_info("perf_counter").resolution, min(steps, default=0.0))
