"""The one high-water mark of memory of the process, shared by all phases that are open."""

from __future__ import annotations

import threading

from auditkit.meter import process


class Memory:
    """The mark, and of each open phase the highest that it has seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._peaks: dict[int, int] = {}
        self._highest = 0

    def enter(self, key: int) -> bool:
        """Begin a phase; says whether the mark could be reset for it."""
        with self._lock:
            self._fold()
            was_reset = process.reset_peak()
            self._peaks[key] = (process.memory_and_threads()[0] or 0) if was_reset else 0
            return was_reset

    def leave(self, key: int) -> int | None:
        """End a phase, and give its peak in bytes, or None where the system does not say."""
        with self._lock:
            self._fold()
            return self._peaks.pop(key) or None

    def highest(self) -> int | None:
        """Give the peak since the start of the process, in bytes."""
        with self._lock:
            self._fold()
            return self._highest or None

    def _fold(self) -> None:
        mark = process.memory_and_threads()[0] or 0
        self._highest = max(self._highest, mark)
        for key, peak in self._peaks.items():
            self._peaks[key] = max(peak, mark)


MEMORY = Memory()


def process_peak_bytes() -> int | None:
    """Highest resident memory since the process started.

    A phase resets the system's own mark (`VmHWM`, `ru_maxrss`) where it may, so ask here.

    Returns:
        The mark, in bytes, without children; None where the system does not say.

    Example:
        >>> process_peak_bytes() > 1_000_000
        True
    """
    return MEMORY.highest()
