"""Named, nestable phases and what each cost."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from auditkit.meter import process
from auditkit.meter.energy import WATTS_PER_BUSY_CORE, Energy, WattsPerCore, model
from auditkit.meter.rapl import POWERCAP, Rapl, RefusedError, rapl


@dataclass(frozen=True, slots=True)
class Cost:
    """What one phase cost. "Exclusive" leaves out the phases nested in it.

    Attributes:
        name: Name of the phase.
        seconds: Wall time; unit: s.
        cpu_seconds: CPU time of this process (all threads) and of the children that ended; unit: s.
        children_cpu_seconds: The children's part of it; unit: s.
        exclusive_seconds: Wall time without nested phases; unit: s.
        exclusive_cpu_seconds: CPU time without nested phases; unit: s.
        peak_memory_bytes: Highest resident memory of this process, without children, or None
            where the system does not say.
        peak_memory_scope: "phase", or "process" where the system only keeps one mark since the
            process started.
        minor_faults: Memory pages mapped in, children included, or None where nobody counts.
        threads: Threads of this process at the end, or None where the system does not say.
        contended: Whether others took so much of the machine that times cannot be compared.
        energy: Energy of the phase.
        exclusive_energy: Energy without nested phases.
        parent: Name of the phase around it, or None.
    """

    name: str
    seconds: float
    cpu_seconds: float
    children_cpu_seconds: float
    exclusive_seconds: float
    exclusive_cpu_seconds: float
    peak_memory_bytes: int | None
    peak_memory_scope: Literal["phase", "process"]
    minor_faults: int | None
    threads: int | None
    contended: bool | None
    energy: Energy
    exclusive_energy: Energy
    parent: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values.

        Returns:
            Field name to value; the energies as dicts of their fields.

        Example:
            >>> with phase("sum") as measured:
            ...     _ = sum(range(1000))
            >>> measured.cost.to_dict()["name"]
            'sum'
        """
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cost:
        """Read what `to_dict` wrote.

        Args:
            values: Field name to value.

        Returns:
            The cost.

        Raises:
            KeyError: If a field is missing.

        Example:
            >>> with phase("sum") as measured:
            ...     _ = sum(range(1000))
            >>> Cost.from_dict(measured.cost.to_dict()) == measured.cost
            True
        """
        fields = {field.name: values[field.name] for field in dataclasses.fields(cls)}
        for name in ("energy", "exclusive_energy"):
            fields[name] = Energy.from_dict(fields[name])
        return cls(**fields)


def costs_of(held: object) -> dict[str, Cost]:
    """Read the costs that a record holds, whatever made the record.

    Args:
        held: One cost, or a mapping of phase names to costs, each a `Cost` or its `to_dict`.

    Returns:
        Phase name to cost; empty where `held` is nothing of the kind.

    Example:
        >>> with phase("train") as measured:
        ...     _ = sum(range(1000))
        >>> list(costs_of(measured.cost.to_dict())), costs_of(None)
        (['train'], {})
    """
    if isinstance(held, Cost):
        return {held.name: held}
    if not isinstance(held, Mapping):
        return {}
    phases = {str(held["name"]): held} if "cpu_seconds" in held else held
    try:
        return {
            str(name): cost if isinstance(cost, Cost) else Cost.from_dict(cost)
            for name, cost in phases.items()
        }
    except (KeyError, TypeError):
        return {}


def outermost(costs: Mapping[str, Cost]) -> list[Cost]:
    """Leave out the phases that lie inside another of them, so that the rest can be added.

    Args:
        costs: Phase name to cost.

    Returns:
        The costs whose parent is not among them.

    Example:
        >>> with phase("train") as train, phase("epoch") as epoch:
        ...     _ = sum(range(1000))
        >>> [cost.name for cost in outermost({"train": train.cost, "epoch": epoch.cost})]
        ['train']
    """
    return [cost for cost in costs.values() if cost.parent not in costs]


class _Memory:
    """The one high-water mark of the process, shared by all phases that are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._peaks: dict[int, int] = {}
        self._highest = 0

    def enter(self, key: int) -> bool:
        with self._lock:
            self._fold()
            was_reset = process.reset_peak()
            self._peaks[key] = (process.memory_and_threads()[0] or 0) if was_reset else 0
            return was_reset

    def leave(self, key: int) -> int | None:
        with self._lock:
            self._fold()
            return self._peaks.pop(key) or None

    def highest(self) -> int | None:
        with self._lock:
            self._fold()
            return self._highest or None

    def _fold(self) -> None:
        mark = process.memory_and_threads()[0] or 0
        self._highest = max(self._highest, mark)
        for key, peak in self._peaks.items():
            self._peaks[key] = max(peak, mark)


_memory = _Memory()
_current: ContextVar[Phase | None] = ContextVar("auditkit_phase", default=None)


def process_peak_bytes() -> int | None:
    """Highest resident memory since the process started.

    A phase resets the system's own mark (`VmHWM`, `ru_maxrss`) where it may, so ask here.

    Returns:
        The mark, in bytes, without children; None where the system does not say.

    Example:
        >>> process_peak_bytes() > 1_000_000
        True
    """
    return _memory.highest()


class Phase:
    """A phase that is metered while its `with` block runs; made by `phase`.

    Attributes:
        name: Its name.
        state: Whether its block has begun and ended.
        parent: The phase around it, or None.
        inner: Costs of the phases nested in it that have ended.
    """

    def __init__(self, name: str, watts: WattsPerCore, powercap: Path) -> None:
        self.name = name
        self._watts = watts
        self._powercap = powercap
        self.state: Literal["new", "open", "closed"] = "new"
        self._cost: Cost | None = None
        self.parent: Phase | None = None
        self.inner: list[Cost] = []

    @property
    def cost(self) -> Cost:
        """What it cost; known once its block has ended, by an exception too.

        Raises:
            RuntimeError: If its block has not ended.
        """
        if self._cost is None:
            raise RuntimeError(f"phase {self.name!r} has not ended, so its cost is not known yet")
        return self._cost

    def __enter__(self) -> Self:
        if self.state != "new":
            raise RuntimeError(f"phase {self.name!r} was entered before; make a new phase")
        self.state = "open"
        self.parent = _current.get()
        _current.set(self)
        counter = rapl(self._powercap)
        self._phase_memory = _memory.enter(id(self))
        self._counter: Rapl | str = counter
        self._joules = self._count()
        if isinstance(self._counter, Rapl):
            self._counter.watch()
        self._before = process.read()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.state != "open":
            raise RuntimeError(f"phase {self.name!r} is not open; it was closed before")
        after = process.read()
        self.state = "closed"
        self._cost = self._reckon(after)
        if _current.get() is self:
            _current.set(self._open_parent())
        parent = self._open_parent()
        if parent is not None:
            parent.inner.append(self._cost)

    def _open_parent(self) -> Phase | None:
        # A generator may be closed after the phase around it was: skip what has ended.
        parent = self.parent
        while parent is not None and parent.state != "open":
            parent = parent.parent
        return parent

    def _count(self) -> float | None:
        """Joules of the counters, or None; a counter that fails becomes the reason."""
        if isinstance(self._counter, str):
            return None
        try:
            return sum(self._counter.read().values()) / 1e6
        except RefusedError as error:
            self._counter = str(error)
            return None

    def _reckon(self, after: process.Reading) -> Cost:
        before, inner = self._before, self.inner
        seconds = after.wall - before.wall
        children = after.children - before.children
        cpu = after.cpu - before.cpu + children
        energy = self._energy(cpu)
        exclusive_cpu = max(0.0, cpu - sum(cost.cpu_seconds for cost in inner))
        return Cost(
            name=self.name,
            seconds=seconds,
            cpu_seconds=cpu,
            children_cpu_seconds=children,
            exclusive_seconds=max(0.0, seconds - sum(cost.seconds for cost in inner)),
            exclusive_cpu_seconds=exclusive_cpu,
            peak_memory_bytes=_memory.leave(id(self)),
            peak_memory_scope="phase" if self._phase_memory else "process",
            minor_faults=_between(before.minor_faults, after.minor_faults),
            threads=process.memory_and_threads()[1],
            contended=process.contended(before, after),
            energy=energy,
            exclusive_energy=self._exclusive(energy, exclusive_cpu),
            parent=self.parent.name if self.parent else None,
        )

    def _energy(self, cpu_seconds: float) -> Energy:
        counter, start, end = self._counter, self._joules, self._count()
        if isinstance(counter, Rapl):
            counter.unwatch()
        if isinstance(self._counter, str):
            return model(cpu_seconds, self._watts, because=self._counter)
        if start is None or end is None or end <= start:
            because = "the powercap counters did not move during the phase"
            return model(cpu_seconds, self._watts, because=because)
        names = ", ".join(self._counter.names)
        method = f"RAPL counters of {names}: the whole processor, other processes included"
        return Energy(end - start, None, None, "measured", method)

    def _exclusive(self, energy: Energy, cpu_seconds: float) -> Energy:
        parts = [cost.energy for cost in self.inner]
        if not parts:
            return energy
        if energy.joules is not None and energy.basis == "measured":
            inner = [part.joules for part in parts if part.basis == "measured"]
            rest = energy.joules - sum(joules or 0.0 for joules in inner)
            if len(inner) == len(parts) and rest > 0:
                return Energy(rest, None, None, "measured", energy.method)
            because = "a phase nested in it was not measured"
            return model(cpu_seconds, self._watts, because=because)
        because = self._counter if isinstance(self._counter, str) else "it was not measured"
        return model(cpu_seconds, self._watts, because=because)


def _between(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def phase(
    name: str, *, watts: WattsPerCore = WATTS_PER_BUSY_CORE, powercap: Path = POWERCAP
) -> Phase:
    """Meter the `with` block as a named phase.

    Phases nest: an inner phase is part of the one around it, and both know their own share. Memory,
    CPU time and a counter's energy are those of the whole process (a counter's: of the whole
    processor), so phases that run side by side in threads each contain the other's.

    Args:
        name: Name of the phase.
        watts: Coefficients of the CPU-time model, used where no counter is proved.
        powercap: Folder of Linux's energy counters.

    Returns:
        A context manager; its `cost` is known once the block has ended.

    Example:
        >>> with phase("train") as measured:
        ...     with phase("epoch") as inner:
        ...         _ = sum(range(100_000))
        >>> measured.cost.seconds >= inner.cost.seconds > 0
        True
        >>> inner.cost.parent, measured.cost.energy.basis in ("measured", "estimated")
        ('train', True)
    """
    return Phase(name, watts, powercap)
