"""Energy counters that only rise: refused unless proved to move, added up over wraps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

#: How often counters are read while a phase is open, so that no wrap is missed; unit: s. The usual
#: range of a processor's is 262 kJ: it would have to draw 8 kW to wrap twice in between.
POLL = 30.0


class RefusedError(Exception):
    """The counters cannot be trusted or read; the text says why."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter.

    Attributes:
        name: What it covers, for example "package-0" or "GPU 0 (NVIDIA A100)".
        read: Gives the count now; raises RefusedError where it cannot.
        joules: Energy of one count; unit: J.
        span: The count at which it starts again at 0, or None where it does not.
    """

    name: str
    read: Callable[[], int]
    joules: float
    span: int | None = None


@dataclass(frozen=True, slots=True)
class Grain:
    """How finely a counter tells, as seen while it was proved.

    Attributes:
        joules: The largest step of the counter; unit: J.
        seconds: Time between two steps; unit: s.
    """

    joules: float
    seconds: float


class Counters:
    """The proved counters of one kind.

    Attributes:
        kind: What they are, for messages: "powercap" or "NVML".
        names: What they cover.
        grains: Counter name to how finely it tells.

    Raises:
        RefusedError: If one cannot be read or does not move.
    """

    def __init__(
        self, counters: Sequence[Counter], *, kind: str, patience: float, work: Callable[[], object]
    ) -> None:
        self.kind = kind
        self._counters = tuple(counters)
        self._last = {counter.name: counter.read() for counter in counters}
        self._sums = dict.fromkeys(self._last, 0.0)
        self._lock = threading.Lock()
        self._watchers = 0
        self._stop = threading.Event()
        self.names = tuple(self._last)
        self.grains = self._prove(patience, work)

    def _prove(self, patience: float, work: Callable[[], object]) -> dict[str, Grain]:
        """Work until each counter has moved twice, or once and the patience is over."""
        start = time.perf_counter()
        before, moves = self.read(), {name: _Moves(start) for name in self.names}
        while any(seen.count < 2 for seen in moves.values()):
            work()
            after, now = self.read(), time.perf_counter()
            for name, seen in moves.items():
                seen.add(after[name] - before[name], now)
            before = after
            if now - start > patience:
                break
        stuck = [name for name, seen in moves.items() if not seen.count]
        if stuck:
            raise RefusedError(f"the {self.kind} counter of {stuck[0]} does not move")
        return {name: seen.grain for name, seen in moves.items()}

    def read(self) -> dict[str, float]:
        """Read the energy of each counter since this object was made; unit: J.

        Returns:
            Counter name to energy; it never falls.

        Raises:
            RefusedError: If a counter cannot be read, or fell in a way that is no wrap.
        """
        with self._lock:
            for counter in self._counters:
                count = counter.read()
                step = count - self._last[counter.name]
                if step < 0:
                    step += counter.span or 0
                if step < 0:
                    raise RefusedError(f"the {self.kind} counter of {counter.name} was set back")
                self._sums[counter.name] += step * counter.joules
                self._last[counter.name] = count
            return dict(self._sums)

    def resolution(self, used: Mapping[str, float], seconds: float) -> dict[str, float]:
        """Say how far each reading of a phase may be off: one step of the counter either way.

        A reading at an edge is as old as the last step. How much that is depends on the power:
        the step seen while the counter was proved, or the mean power of the phase over the time
        between steps, whichever is more.

        Args:
            used: Counter name to what it read over the phase; unit: J.
            seconds: How long the phase took; unit: s.

        Returns:
            Counter name to the half-width of its range; unit: J.
        """
        return {
            name: max(self.grains[name].joules, joules * self.grains[name].seconds / seconds)
            for name, joules in used.items()
        }

    def watch(self) -> None:
        """Read now and then from now on, so that two wraps in one phase are not taken for one."""
        with self._lock:
            self._watchers += 1
            if self._watchers == 1 and any(counter.span for counter in self._counters):
                self._stop = threading.Event()
                threading.Thread(target=self._poll, args=(self._stop,), daemon=True).start()

    def unwatch(self) -> None:
        """End one `watch`."""
        with self._lock:
            self._watchers -= 1
            if self._watchers == 0:
                self._stop.set()

    def _poll(self, stop: threading.Event) -> None:
        while not stop.wait(POLL):
            try:
                self.read()
            except RefusedError:
                return  # the reading at the end of the phase meets the same and reports it


class _Moves:
    """When and how far a counter moved while it was proved."""

    def __init__(self, start: float) -> None:
        self.count, self._largest = 0, 0.0
        self._last, self._apart = start, 0.0

    def add(self, joules: float, now: float) -> None:
        """Take note of a reading."""
        if joules > 0:
            self.count += 1
            self._largest = max(self._largest, joules)
            self._apart, self._last = max(self._apart, now - self._last), now

    @property
    def grain(self) -> Grain:
        """The largest step, and the longest time without one."""
        return Grain(self._largest, self._apart)
