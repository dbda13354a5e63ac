"""What the sources of energy read over one phase, tried in order."""

from __future__ import annotations

from dataclasses import replace

from auditkit.meter.choice import Sources
from auditkit.meter.counters import Counters, RefusedError
from auditkit.meter.energy import DomainEnergy, Energy, model, of_domains
from auditkit.meter.nvml import nvml
from auditkit.meter.rapl import rapl
from auditkit.meter.tracker import Tracker


class Window:
    """What the sources read over one phase; made where it begins.

    Attributes:
        refused: Why the processor's counters gave nothing, once it is known.
    """

    def __init__(self, given: Sources) -> None:
        self._sources = given
        cards = nvml(given.devices)
        self._cpu = _Span(rapl(given.powercap))
        self._gpu = None if cards is None else _Span(cards)
        wanted = given.codecarbon and self._cpu.reason
        self._tracker = Tracker() if wanted else None
        self.refused = ""

    def energy(self, cpu_seconds: float, started: float, seconds: float) -> Energy:
        """End it.

        Args:
            cpu_seconds: CPU time of the phase; unit: s.
            started: Unix time at which it began; unit: s.
            seconds: Wall time; unit: s.

        Returns:
            The energy of the first source that proves itself, domain by domain.
        """
        counted = self._cpu.end(seconds, "RAPL")
        cards = self._gpu.end(seconds, "NVML") if self._gpu else ()
        tracked = self._tracker.stop() if self._tracker else ""
        wall = self._sources.wall
        at_wall = wall.energy(started, started + seconds) if wall else ""
        if isinstance(at_wall, Energy):
            return at_wall
        if not isinstance(counted, str):
            return _with_cards(of_domains(counted, _said(_rapl_method(counted), at_wall)), cards)
        reasons = _said(at_wall, counted)
        if not isinstance(tracked, str):
            parts, method = tracked
            return _with_cards(of_domains(parts, f"{method}; no counter: {reasons}"), cards)
        self.refused = _said(reasons, tracked)
        return _with_cards(model(cpu_seconds, self._sources.watts, because=self.refused), cards)


def _said(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


def _rapl_method(parts: tuple[DomainEnergy, ...]) -> str:
    named = ", ".join(part.domain for part in parts)
    return f"RAPL counters of {named}: the whole processor, other processes included"


def _with_cards(found: Energy, cards: tuple[DomainEnergy, ...] | str) -> Energy:
    """Add graphics processors to the rest; one that cannot be read stays listed, without figure."""
    if isinstance(cards, str):
        part = DomainEnergy("GPU", None, None, None, None, cards)
        method = f"{found.method}; without the graphics processors, not measured: {cards}"
        return replace(found, method=method, domains=(*found.domains, part))
    if not cards or found.joules is None:
        return found
    named = ", ".join(part.domain for part in cards)
    method = f"{found.method}; NVML counters of {named}: the whole card, other processes included"
    return of_domains([*found.domains, *cards], method)


class _Span:
    """Counters of one kind over a phase; a failure on the way becomes the reason for no figure."""

    def __init__(self, counters: Counters | str) -> None:
        self.reason = counters if isinstance(counters, str) else ""
        self._counters = None if isinstance(counters, str) else counters
        self._start = self._read()
        self._watched = self._counters if self._start is not None else None
        if self._watched:
            self._watched.watch()

    def _read(self) -> dict[str, float] | None:
        if self._counters is None:
            return None
        try:
            return self._counters.read()
        except RefusedError as error:
            self.reason = str(error)
            return None

    def end(self, seconds: float, source: str) -> tuple[DomainEnergy, ...] | str:
        """Read again: the energy of each counter, or why there is none."""
        after = self._read()
        if self._watched:
            self._watched.unwatch()
        if self._counters is None or self._start is None or after is None:
            return self.reason
        used = {name: after[name] - start for name, start in self._start.items()}
        if any(joules <= 0 for joules in used.values()):
            return f"the {self._counters.kind} counters did not move during the phase"
        errors = self._counters.resolution(used, seconds)
        return tuple(
            DomainEnergy(
                name, joules, max(0.0, joules - errors[name]), joules + errors[name], "measured",
                source,
            )
            for name, joules in used.items()
        )  # fmt: skip
