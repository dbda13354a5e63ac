"""Energy of a phase: from a counter, from a documented model, or unknown; unknown is never 0."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

EnergyBasis = Literal["measured", "estimated"]


@dataclass(frozen=True, slots=True)
class WattsPerCore:
    """Power of one busy core (hardware thread), its share of the idle power included; unit: W.

    Attributes:
        low: A frugal processor; together with `high` it should hold 19 of 20 that come into
            question, because an audit prints the range as a 95 % interval.
        central: A typical one.
        high: A hungry one.
        source: Where the three come from.

    Raises:
        ValueError: If the three are not positive and in order.

    Example:
        >>> WattsPerCore(2.0, 4.0, 8.0, "data sheet of my processor").central
        4.0
    """

    low: float
    central: float
    high: float
    source: str

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.central <= self.high < float("inf"):
            message = (
                f"watts per core must satisfy 0 < low <= central <= high; "
                f"got {self.low}, {self.central}, {self.high}"
            )
            raise ValueError(message)


#: Default coefficients of the CPU-time model, from two published tables. Least and central: the
#: least and the median, over 16 server architectures, of the power of one hardware thread at full
#: load that the Cloud Carbon Footprint project derives from SPECpower_ssj2008 results
#: (ccf-coefficients, output/coefficients-aws-use.csv, column Max Watts, data of March 2026, the
#: borrowed Graviton rows left out). Most: the most of 79 processors in Green Algorithms' table of
#: thermal design power a core (data/latest/TDP_cpu.csv). Central leans to servers, because
#: machines without a counter are mostly virtual ones.
#:
#: The range holds all 95 processors. A further one that is like them lies inside with a
#: probability of at least (95 - 1) / (95 + 1) = 0.979, whatever the distribution (Wilks 1941, Ann.
#: Math. Stat. 12:91), which is what lets an audit print it as a 95 % interval. It is about not
#: knowing the processor, not about repeating the run.
WATTS_PER_BUSY_CORE = WattsPerCore(
    low=1.69,
    central=4.08,
    high=23.8,
    source="from the least to the most of 95 published processors: Cloud Carbon Footprint's "
    "SPECpower coefficients of March 2026 and Green Algorithms' TDP a core",
)
#: Level that the range of an estimate is printed with; see `WATTS_PER_BUSY_CORE`.
RANGE_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class DomainEnergy:
    """Energy of one part of the machine.

    Attributes:
        domain: What it covers: "package-0", "GPU 0 (NVIDIA A100)", "processor", "whole machine".
        joules: The figure, or None where it is unknown; unit: J.
        low: Lower end of its range, or None where there is none; unit: J.
        high: Upper end of its range, or None where there is none; unit: J.
        basis: "measured" (a counter that moves), "estimated" (a model), None where unknown.
        source: Which counter or model, or why there is no figure.

    Example:
        >>> DomainEnergy("package-0", 4.0, 3.9, 4.1, "measured", "RAPL").basis
        'measured'
    """

    domain: str
    joules: float | None
    low: float | None
    high: float | None
    basis: EnergyBasis | None
    source: str

    def times(self, factor: float) -> DomainEnergy:
        """Scale the figure and its range; see `Energy.times`."""
        joules, low, high = _scaled(self.joules, self.low, self.high, factor)
        return dataclasses.replace(self, joules=joules, low=low, high=high)


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy of something, with where the figure comes from.

    Attributes:
        joules: The figure, or None where it is unknown; unit: J.
        low: Lower end of its range, or None where there is none; unit: J.
        high: Upper end of its range, or None where there is none; unit: J.
        basis: "measured" (counters that move, for all of it), "estimated" (a model, for some of
            it), None where unknown.
        method: Which counter and its boundary, or which model with its coefficients, or why there
            is no figure.
        domains: The parts that the figure is the sum of, and parts that are there but unknown;
            empty in records of before they were kept.

    Example:
        >>> Energy(None, None, None, None, "no CPU time was counted").joules is None
        True
    """

    joules: float | None
    low: float | None
    high: float | None
    basis: EnergyBasis | None
    method: str
    domains: tuple[DomainEnergy, ...] = ()

    def times(self, factor: float) -> Energy:
        """Scale the figure and its range, for example to "per 1,000 predictions".

        Args:
            factor: What to multiply with; positive.

        Returns:
            The scaled energy; one that is unknown stays so.

        Example:
            >>> Energy(4.0, 2.0, 8.0, "estimated", "a model").times(0.5).high
            4.0
        """
        parts = tuple(domain.times(factor) for domain in self.domains)
        return Energy(
            *_scaled(self.joules, self.low, self.high, factor), self.basis, self.method, parts
        )

    @property
    def range_method(self) -> str:
        """What the range is about, or why there is none, in words for an interval.

        Example:
            >>> Energy(4.0, 3.9, 4.1, "measured", "RAPL").range_method
            'resolution of the meter, not the spread over runs'
        """
        if self.low is None or self.high is None:
            return _NO_RANGE.get(self.basis or "", "it is unknown")
        if self.basis == "measured":
            return "resolution of the meter, not the spread over runs"
        return "range of the CPU-time model over processors, not over runs"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Energy:
        """Read what `dataclasses.asdict` wrote, now or before there were domains.

        Args:
            values: The fields by name.

        Returns:
            The energy.

        Example:
            >>> Energy.from_dict({"joules": 1.0, "low": None, "high": None, "basis": "measured",
            ...                   "method": "RAPL"}).basis
            'measured'
        """
        names = ("joules", "low", "high", "basis", "method")
        domains = tuple(DomainEnergy(**domain) for domain in values.get("domains", ()))
        return cls(**{name: values[name] for name in names}, domains=domains)


_NO_RANGE = {
    "measured": "one reading of a counter",
    "estimated": "the coefficients were given without a range",
}
#: Domain of the CPU-time model.
PROCESSOR = "processor"


def _scaled(
    joules: float | None, low: float | None, high: float | None, factor: float
) -> tuple[float | None, float | None, float | None]:
    joules, low, high = (None if v is None else v * factor for v in (joules, low, high))
    return joules, low, high


def model(cpu_seconds: float, watts: WattsPerCore, *, because: str) -> Energy:
    """Estimate energy from CPU time: CPU seconds times the power of one busy core.

    Counts the processor only: no memory, disks, cooling, nor the idle power of cores at rest.

    Args:
        cpu_seconds: CPU time of the work, all threads and reaped children; unit: s.
        watts: Coefficients.
        because: Why no counter was used; printed with the method.

    Returns:
        The estimate with its range; unknown (not 0) where no CPU time was counted.

    Example:
        >>> model(10.0, WattsPerCore(2.0, 4.0, 8.0, "mine"), because="no counter").joules
        40.0
    """
    if cpu_seconds <= 0:
        return Energy(None, None, None, None, f"no CPU time was counted; {because}")
    method = (
        f"CPU-time model: CPU seconds times {watts.central:g} W per busy core "
        f"(range {watts.low:g} to {watts.high:g} W; {watts.source}); "
        f"processor only; no counter: {because}"
    )
    low, central, high = (cpu_seconds * w for w in (watts.low, watts.central, watts.high))
    part = DomainEnergy(PROCESSOR, central, low, high, "estimated", "CPU-time model")
    return Energy(central, low, high, "estimated", method, (part,))


def of_domains(domains: Sequence[DomainEnergy], method: str) -> Energy:
    """Add the parts of the machine that are known; those that are not stay listed.

    Args:
        domains: The parts.
        method: How each figure came about, the unknown ones included.

    Returns:
        The sum, with the weakest basis of its terms; unknown where no part is known.

    Example:
        >>> gpu = DomainEnergy("GPU 0", None, None, None, None, "no permission")
        >>> cpu = DomainEnergy("package-0", 4.0, 3.9, 4.1, "measured", "RAPL")
        >>> of_domains([cpu, gpu], "RAPL; GPU not measured: no permission").joules
        4.0
    """
    joules, low, high, basis = _added([d for d in domains if d.joules is not None])
    return Energy(joules, low, high, basis, method, tuple(domains))


def total(energies: Iterable[Energy]) -> Energy:
    """Add energies: unknown where one is unknown, else with the weakest basis of the terms.

    The ranges of estimates add end to end, because one wrong coefficient is wrong in all of them.

    Args:
        energies: The terms.

    Returns:
        The sum; unknown where there are no terms.

    Example:
        >>> a = Energy(4.0, 2.0, 8.0, "estimated", "a model")
        >>> b = Energy(1.0, None, None, "measured", "RAPL")
        >>> total([a, b])  # doctest: +NORMALIZE_WHITESPACE
        Energy(joules=5.0, low=3.0, high=9.0, basis='estimated', method='a model; RAPL',
               domains=())
    """
    terms = list(energies)
    methods = "; ".join(dict.fromkeys(term.method for term in terms))
    if not terms or any(term.joules is None for term in terms):
        return Energy(None, None, None, None, methods or "nothing was metered")
    return Energy(*_added(terms), methods, _merged(terms))


def _added(
    terms: Sequence[Energy | DomainEnergy],
) -> tuple[float | None, float | None, float | None, EnergyBasis | None]:
    """Figure, range and basis of a sum; a term without a range leaves an estimate without one."""
    if not terms:
        return None, None, None, None
    joules = sum(term.joules or 0.0 for term in terms)
    measured = all(term.basis == "measured" for term in terms)
    ranged = [term for term in terms if term.low is not None and term.high is not None]
    lacking = any(term.basis == "estimated" for term in terms if term not in ranged)
    if lacking or not ranged:
        return joules, None, None, "measured" if measured else "estimated"
    low = sum((term.joules if term.low is None else term.low) or 0.0 for term in terms)
    high = sum((term.joules if term.high is None else term.high) or 0.0 for term in terms)
    return joules, low, high, "measured" if measured else "estimated"


def _merged(terms: Sequence[Energy]) -> tuple[DomainEnergy, ...]:
    """The domains of all terms, those of one name and source added; none where one has none."""
    if not all(term.domains for term in terms):
        return ()
    alike: dict[tuple[str, str], list[DomainEnergy]] = {}
    for part in (part for term in terms for part in term.domains):
        alike.setdefault((part.domain, part.source), []).append(part)
    return tuple(
        parts[0] if parts[0].joules is None else DomainEnergy(name, *_added(parts), source)
        for (name, source), parts in alike.items()
    )


def without(whole: Energy, inner: Sequence[Energy]) -> Energy | None:
    """Take what nested phases used away from the phase around them, domain by domain.

    A counter's grain can lie either way in each of them, so its ranges widen; a coefficient is
    the same one in all of them, so its range shrinks.

    Args:
        whole: Energy of the outer phase.
        inner: Energies of the phases nested in it.

    Returns:
        The rest; None where they were not metered alike, or nothing is left.

    Example:
        >>> part = DomainEnergy("package-0", 4.0, 3.5, 4.5, "measured", "RAPL")
        >>> whole = of_domains([part], "RAPL")
        >>> without(whole, [whole.times(0.25)]).joules
        3.0
    """
    key = [(part.domain, part.source) for part in whole.domains]
    if not key or any([(p.domain, p.source) for p in e.domains] != key for e in inner):
        return None
    parts = [
        _less(part, [energy.domains[i] for energy in inner]) for i, part in enumerate(whole.domains)
    ]
    rest = of_domains(parts, whole.method)
    return rest if rest.joules is not None and rest.joules > 0 else None


def _less(whole: DomainEnergy, inner: Sequence[DomainEnergy]) -> DomainEnergy:
    if whole.joules is None:
        return whole
    joules = max(0.0, whole.joules - sum(part.joules or 0.0 for part in inner))
    if whole.low is None or whole.high is None:
        return dataclasses.replace(whole, joules=joules)
    low, high = sum(part.low or 0.0 for part in inner), sum(part.high or 0.0 for part in inner)
    if whole.basis == "measured":
        low, high = high, low
    low, high = max(0.0, whole.low - low), whole.high - high
    return dataclasses.replace(whole, joules=joules, low=min(low, joules), high=max(high, joules))
