"""Time short work by repeating it, with an interval of the median."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from auditkit.meter.costs import Cost
from auditkit.meter.phases import phase


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one call of some work takes.

    Attributes:
        seconds: Median over the repeats of the wall time of one call; unit: s.
        low: Lower end of the interval of the median, or None where there are too few repeats.
        high: Upper end of it, or None.
        level: Two-sided level of the interval, in (0, 1).
        repeats: Repeats that were timed.
        calls: Calls in all, the first, untimed one left out.
        cost: What all these calls cost together.
    """

    seconds: float
    low: float | None
    high: float | None
    level: float
    repeats: int
    calls: int
    cost: Cost


def time_calls(
    name: str,
    work: Callable[[], object],
    *,
    repeats: int = 9,
    least: float = 0.2,
    most: float = 20.0,
    level: float = 0.95,
) -> Timing:
    """Time a call again and again; the first, which may load and allocate, does not count.

    Each repeat makes as many calls as fill its share of `least`, so that short work stands above
    the clock's grain. The interval is that of two order statistics: it assumes that repeats are
    alike and independent, and nothing of their distribution.

    Args:
        name: Name of the metered phase.
        work: What to time; its result is dropped.
        repeats: Repeats to time.
        least: Time to spend at least, over all repeats; unit: s.
        most: No further repeat begins after this time, so that slow work ends; unit: s.
        level: Two-sided level of the interval of the median, in (0, 1).

    Returns:
        The timing.

    Raises:
        ValueError: If there is nothing to repeat.

    Example:
        >>> timing = time_calls("sum", lambda: sum(range(1000)), least=0.01)
        >>> timing.low <= timing.seconds <= timing.high, timing.repeats
        (True, 9)
    """
    if repeats < 1:
        raise ValueError(f"work is timed at least once; got {repeats} repeats")
    calls = _calls(work, least / repeats)
    times: list[float] = []
    with phase(name) as measured:
        end = time.perf_counter() + most
        while len(times) < repeats and (not times or time.perf_counter() < end):
            times.append(_each(work, calls))
    times.sort()
    rank = median_rank(len(times), level)
    middle = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2
    return Timing(
        seconds=middle,
        low=times[rank - 1] if rank else None,
        high=times[len(times) - rank] if rank else None,
        level=level,
        repeats=len(times),
        calls=calls * len(times),
        cost=measured.cost,
    )


def _calls(work: Callable[[], object], wanted: float) -> int:
    """Find how many calls fill the wanted time; the first one warms up."""
    calls = 1
    taken = _each(work, calls)
    while taken * calls < wanted:
        calls = math.ceil(calls * min(10.0, 1.1 * wanted / max(taken * calls, 1e-7)))
        taken = _each(work, calls)
    return calls


def _each(work: Callable[[], object], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls


def median_rank(count: int, level: float) -> int:
    """Find which order statistics bound the median of a distribution.

    Args:
        count: Independent values.
        level: Two-sided level, in (0, 1).

    Returns:
        The largest r such that the r-th smallest and the r-th largest value hold the median with
        at least this probability; 0 where even the extremes do not.

    Source:
        Binomial distribution of the number of values under the median.

    Example:
        >>> median_rank(9, 0.95), median_rank(5, 0.95)
        (2, 0)
    """
    tail, rank = 0.0, 0
    while rank <= count // 2:
        tail += math.comb(count, rank) / 2**count
        if tail > (1 - level) / 2:
            break
        rank += 1
    return rank
