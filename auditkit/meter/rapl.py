"""Energy counters of the processor (RAPL) through Linux's powercap files; refused unless proved."""

from __future__ import annotations

import functools
import threading
import time
from dataclasses import dataclass
from pathlib import Path

#: Where Linux shows the counters.
POWERCAP = Path("/sys/class/powercap")
#: How long a counter may take to move under load before it is refused; unit: s.
PATIENCE = 0.1
#: How often counters are read while a phase is open, so that no wrap is missed; unit: s. The usual
#: range is 262 kJ: a processor would have to draw 8 kW to wrap twice in between.
POLL = 30.0


class RefusedError(Exception):
    """The counters cannot be trusted or read; the text says why."""


@dataclass(frozen=True, slots=True)
class Domain:
    """One counter.

    Attributes:
        name: What it covers, for example "package-0" or "dram".
        file: The file that holds the count; unit of the count: µJ.
        span: The count at which it starts again at 0; unit: µJ.
    """

    name: str
    file: Path
    span: int


def domains(root: Path) -> tuple[Domain, ...]:
    """Find the counters that together cover the processor packages and their memory.

    Cores and graphics lie inside their package, psys around all of them: adding them would count
    twice.

    Args:
        root: The powercap folder.

    Returns:
        Packages and memory, in the order of their folders.

    Raises:
        RefusedError: If there are none, or one cannot be read.

    Example:
        >>> domains(Path("nowhere"))
        Traceback (most recent call last):
        auditkit.meter.rapl.RefusedError: no powercap counters on this machine
    """
    found = []
    for folder in sorted(root.glob("intel-rapl:*")):
        name = _text(folder / "name")
        is_package = folder.name.count(":") == 1 and name != "psys"
        if is_package or name == "dram":
            span = _number(folder / "max_energy_range_uj")
            title = name if is_package else f"{name} of {folder.name.rsplit(':', 1)[0]}"
            found.append(Domain(title, folder / "energy_uj", span))
    if not found:
        raise RefusedError("no powercap counters on this machine")
    return tuple(found)


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except PermissionError as error:
        raise RefusedError("no permission to read the powercap counters") from error
    except OSError as error:
        raise RefusedError("the powercap counters cannot be read") from error


def _number(file: Path) -> int:
    text = _text(file)
    if not text.isdecimal():
        raise RefusedError("a powercap counter holds no number")
    return int(text)


def _work() -> None:
    """Keep a core busy for a moment, so that a live counter has to move."""
    sum(range(10_000))


class Rapl:
    """The proved counters of one machine, added up over wraps.

    Attributes:
        names: What the counters cover.

    Raises:
        RefusedError: If there are no counters, one cannot be read, or one does not move.
    """

    def __init__(self, root: Path) -> None:
        self._domains = domains(root)
        self._last = {d.name: _number(d.file) for d in self._domains}
        self._sums = dict.fromkeys(self._last, 0)
        self._lock = threading.Lock()
        self._watchers = 0
        self._stop = threading.Event()
        self._prove()
        self.names = tuple(d.name for d in self._domains)

    def _prove(self) -> None:
        end = time.perf_counter() + PATIENCE
        while True:
            _work()
            stuck = [name for name, moved in self.read().items() if moved == 0]
            if not stuck:
                return
            if time.perf_counter() > end:
                raise RefusedError(f"the powercap counter of {stuck[0]} does not move")

    def read(self) -> dict[str, int]:
        """Read the energy of each domain since this object was made; unit: µJ.

        Returns:
            Domain name to energy; it never falls.

        Raises:
            RefusedError: If a counter cannot be read, or fell in a way that is no wrap.
        """
        with self._lock:
            for domain in self._domains:
                count = _number(domain.file)
                step = count - self._last[domain.name]
                if step < 0:
                    step += domain.span
                if step < 0:
                    raise RefusedError(f"the powercap counter of {domain.name} was set back")
                self._sums[domain.name] += step
                self._last[domain.name] = count
            return dict(self._sums)

    def watch(self) -> None:
        """Read now and then from now on, so that two wraps in one phase are not taken for one."""
        with self._lock:
            self._watchers += 1
            if self._watchers == 1:
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


@functools.cache
def rapl(root: Path) -> Rapl | str:
    """Find and prove the counters below a folder, once a process.

    Args:
        root: The powercap folder.

    Returns:
        The counters, or why they are refused.

    Example:
        >>> rapl(Path("nowhere"))
        'no powercap counters on this machine'
    """
    try:
        return Rapl(root)
    except RefusedError as error:
        return str(error)
