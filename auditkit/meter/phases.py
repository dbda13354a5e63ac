"""Named, nestable phases."""

from __future__ import annotations

import dataclasses
import time
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from auditkit.meter import process
from auditkit.meter.choice import Sources, chosen
from auditkit.meter.costs import Cost
from auditkit.meter.energy import Energy, WattsPerCore, model, without
from auditkit.meter.memory import MEMORY
from auditkit.meter.phase_log import note
from auditkit.meter.window import Window

_current: ContextVar[Phase | None] = ContextVar("auditkit_phase", default=None)


class Phase:
    """A phase that is metered while its `with` block runs; made by `phase`.

    Attributes:
        name: Its name.
        state: Whether its block has begun and ended.
        parent: The phase around it, or None.
        inner: Costs of the phases nested in it that have ended.
    """

    def __init__(self, name: str, sources: Sources) -> None:
        self.name = name
        self._sources = sources
        self.state: Literal["new", "open", "closed"] = "new"
        self._cost: Cost | None = None
        self._flops: int | None = None
        self._not_counted: dict[str, None] = {}
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

    def count(self, *, flops: int | None = None, not_counted: tuple[str, ...] = ()) -> None:
        """Say how many operations the phase took; several times add up.

        Those of nested phases are theirs: they are not added here.

        Args:
            flops: Floating-point operations, or None where they are not known.
            not_counted: What is missing in them, for example "embedding (Embedding)".

        Raises:
            RuntimeError: If its block has ended.
            ValueError: If the number is negative.

        Example:
            >>> with phase("train") as measured:
            ...     measured.count(flops=1200, not_counted=("norm (LayerNorm)",))
            ...     measured.count(flops=800)
            >>> measured.cost.flops, measured.cost.not_counted
            (2000, ('norm (LayerNorm)',))
        """
        if self.state == "closed":
            raise RuntimeError(f"phase {self.name!r} has ended; count inside its block")
        if flops is not None and flops < 0:
            raise ValueError(f"operations are counted from 0; got {flops}")
        if flops is not None:
            self._flops = (self._flops or 0) + flops
        self._not_counted |= dict.fromkeys(not_counted)

    def __enter__(self) -> Self:
        if self.state != "new":
            raise RuntimeError(f"phase {self.name!r} was entered before; make a new phase")
        self.state = "open"
        self.parent = _current.get()
        _current.set(self)
        self._window = Window(self._sources)
        self._phase_memory = MEMORY.enter(id(self))
        self._started = time.time()
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
        note(self._cost)

    def _open_parent(self) -> Phase | None:
        # A generator may be closed after the phase around it was: skip what has ended.
        parent = self.parent
        while parent is not None and parent.state != "open":
            parent = parent.parent
        return parent

    def _reckon(self, after: process.Reading) -> Cost:
        before, inner = self._before, self.inner
        seconds = after.wall - before.wall
        children = after.children - before.children
        cpu = after.cpu - before.cpu + children
        energy = self._window.energy(cpu, self._started, seconds)
        exclusive_cpu = max(0.0, cpu - sum(cost.cpu_seconds for cost in inner))
        return Cost(
            name=self.name,
            seconds=seconds,
            cpu_seconds=cpu,
            children_cpu_seconds=children,
            exclusive_seconds=max(0.0, seconds - sum(cost.seconds for cost in inner)),
            exclusive_cpu_seconds=exclusive_cpu,
            peak_memory_bytes=MEMORY.leave(id(self)),
            peak_memory_scope="phase" if self._phase_memory else "process",
            minor_faults=_between(before.minor_faults, after.minor_faults),
            threads=process.memory_and_threads()[1],
            contended=process.contended(before, after),
            energy=energy,
            exclusive_energy=self._exclusive(energy, exclusive_cpu),
            parent=self.parent.name if self.parent else None,
            started=self._started,
            steal=process.steal(before, after),
            load=process.load_per_core(),
            flops=self._flops,
            not_counted=tuple(self._not_counted),
        )

    def _exclusive(self, energy: Energy, cpu_seconds: float) -> Energy:
        if not self.inner:
            return energy
        rest = without(energy, [cost.energy for cost in self.inner])
        if rest is not None:
            return rest
        because = self._window.refused or "a phase nested in it was not metered alike"
        return model(cpu_seconds, self._sources.watts, because=because)


def _between(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def phase(name: str, *, watts: WattsPerCore | None = None, powercap: Path | None = None) -> Phase:
    """Meter the `with` block as a named phase.

    Phases nest: an inner phase is part of the one around it, and both know their own share. Memory,
    CPU time and a counter's energy are those of the whole process (a counter's: of the whole
    processor), so phases that run side by side in threads each contain the other's.

    Args:
        name: Name of the phase.
        watts: Coefficients of the CPU-time model, used where no counter is proved; None takes
            those of `sources`.
        powercap: Folder of Linux's energy counters; None takes that of `sources`.

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
    here = chosen()
    watts, powercap = watts or here.watts, powercap or here.powercap
    return Phase(name, dataclasses.replace(here, watts=watts, powercap=powercap))
