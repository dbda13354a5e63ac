"""Limits of what one audit may take: seconds, and memory beyond what is in use."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from auditkit.errors import AuditkitError, InputError, Problem

#: Seconds beyond the limit after which what cannot be interrupted ends the process.
GRACE = 30.0
#: Exit status of a run in which an audit broke.
BROKE = 4


class LimitError(AuditkitError, TimeoutError):
    """An audit took longer than it may."""


@dataclass(frozen=True)
class Limits:
    """What one audit may take.

    Attributes:
        seconds: Most seconds by the clock, above 0, or None.
        memory: Most bytes beyond those in use when it begins, above 0, or None.
        grace: Seconds after which an audit that could not be interrupted ends the process.
    """

    seconds: float | None = None
    memory: int | None = None
    grace: float = GRACE

    def __post_init__(self) -> None:
        given = {"seconds": self.seconds, "memory": self.memory}
        problems = [
            Problem(f"limits {name}", str(value), "a number above 0")
            for name, value in given.items()
            if value is not None and not value > 0
        ]
        if problems:
            raise InputError(problems)

    @contextlib.contextmanager
    def held(self, last: Callable[[str], None]) -> Iterator[None]:
        """Hold both limits meanwhile.

        Python is interrupted by a signal. A library's own code that does not return is not, so a
        process in which one hangs is ended, after `last` was told why: nothing else helps there.

        Args:
            last: Told the reason before the process is ended.

        Raises:
            LimitError: If it takes longer than it may.
            MemoryError: If it asks for more memory than it may; libraries raise others too.
        """
        with _seconds(self.seconds, self.grace, last), _memory(self.memory):
            yield


@contextlib.contextmanager
def _seconds(most: float | None, grace: float, last: Callable[[str], None]) -> Iterator[None]:
    if most is None:
        yield
        return
    reason = f"it took longer than the {most:g} s that an audit may take"
    if threading.current_thread() is not threading.main_thread():
        raise InputError([Problem("limits seconds", "another thread", "the main thread")])

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise LimitError(reason)

    def end() -> None:
        last(reason)
        sys.stderr.write(f"auditkit: an audit hangs ({reason}); --resume goes on after it\n")
        sys.stderr.flush()
        os._exit(BROKE)

    watch = threading.Timer(most + grace, end)
    watch.daemon = True
    before = signal.signal(signal.SIGALRM, over)
    watch.start()
    # Again and again: code that catches every exception would swallow a single one.
    signal.setitimer(signal.ITIMER_REAL, most, max(grace / 10, 0.1))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        watch.cancel()


@contextlib.contextmanager
def _memory(most: int | None) -> Iterator[None]:
    if most is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _in_use() + most
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _in_use() -> int:
    """Bytes of address space of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
