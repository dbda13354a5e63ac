"""What the operating system says about this process and how busy the machine is."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_STAT = Path("/proc/stat")
#: Share of the machine's time that a host may take away before a reading is called contended.
STEAL_LIMIT = 0.02
#: Load a core above which a reading is called contended.
LOAD_LIMIT = 1.25


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters of this process at one moment.

    Attributes:
        wall: A clock that only runs forward; unit: s.
        cpu: CPU time of this process, all threads; unit: s.
        children: CPU time of the children that have ended and were waited for; unit: s.
        minor_faults: Memory pages mapped in without reading a disk, children included, or None
            where the system does not count them.
        ticks: Of the whole machine (stolen, all), or None where it does not say.
    """

    wall: float
    cpu: float
    children: float
    minor_faults: int | None
    ticks: tuple[int, int] | None


def read() -> Reading:
    """Read the counters now.

    Returns:
        The reading.

    Example:
        >>> first = read()
        >>> read().wall >= first.wall
        True
    """
    wall, cpu = time.perf_counter(), time.process_time()
    if resource is None:
        ended = os.times()
        return Reading(wall, cpu, ended.children_user + ended.children_system, None, _ticks())
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Reading(
        wall=wall,
        cpu=cpu,
        children=children.ru_utime + children.ru_stime,
        minor_faults=own.ru_minflt + children.ru_minflt,
        ticks=_ticks(),
    )


def _ticks() -> tuple[int, int] | None:
    try:
        with _STAT.open() as lines:
            fields = [int(text) for text in lines.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return (fields[7], sum(fields)) if len(fields) == 8 else None


def steal(before: Reading, after: Reading) -> float | None:
    """Share of the machine's time that its host gave to others.

    Args:
        before: Reading at the start.
        after: Reading at the end.

    Returns:
        The share, in 0..1, or None where the system does not say or too little time went by.

    Example:
        >>> steal(Reading(0, 0, 0, 0, (10, 1000)), Reading(1, 1, 0, 0, (30, 1100)))
        0.2
    """
    if before.ticks is None or after.ticks is None or after.ticks[1] <= before.ticks[1]:
        return None
    return (after.ticks[0] - before.ticks[0]) / (after.ticks[1] - before.ticks[1])


def contended(before: Reading, after: Reading) -> bool | None:
    """Say whether others took so much of the machine that times cannot be compared.

    Args:
        before: Reading at the start.
        after: Reading at the end.

    Returns:
        True where the host stole more than `STEAL_LIMIT` of the time, or the load of the last
        minute exceeds `LOAD_LIMIT` a core; None where the machine says neither.
    """
    stolen, load = steal(before, after), load_per_core()
    if stolen is None and load is None:
        return None
    return (stolen or 0.0) > STEAL_LIMIT or (load or 0.0) > LOAD_LIMIT


def load_per_core() -> float | None:
    """Runnable processes a core, over the last minute, or None where nobody counts them.

    Returns:
        The load; 1 means that every core is busy.

    Example:
        >>> load_per_core() is None or load_per_core() >= 0
        True
    """
    try:
        return os.getloadavg()[0] / cores()
    except (OSError, AttributeError):  # Windows has no such function
        return None


def cores() -> int:
    """Cores (hardware threads) that this process may use.

    Returns:
        At least 1.

    Example:
        >>> cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_and_threads() -> tuple[int | None, int | None]:
    """Highest resident memory since the last reset, and threads alive now.

    Returns:
        Bytes and count, each None where the system does not say.

    Example:
        >>> memory_and_threads()[0] > 1_000_000
        True
    """
    try:
        text = _STATUS.read_text()
    except OSError:
        if resource is None:
            return None, None
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1 if sys.platform == "darwin" else 1024), None
    return _field(text, "VmHWM:") * 1024, _field(text, "Threads:")


def _field(text: str, name: str) -> int:
    return int(text.partition(name)[2].split(maxsplit=1)[0])


def reset_peak() -> bool:
    """Start the highest resident memory again from what is resident now.

    Returns:
        False where the system does not allow it, so that the mark stays that of the process.

    Example:
        >>> reset_peak() in (True, False)
        True
    """
    try:
        with _CLEAR_REFS.open("w") as file:
            file.write("5")  # proc(5): reset the peak resident set size
    except OSError:
        return False
    return True
