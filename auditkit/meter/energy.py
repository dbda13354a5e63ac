"""Energy of a phase: from a counter, from a documented model, or unknown; unknown is never 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
class Energy:
    """Energy of something, with where the figure comes from.

    Attributes:
        joules: The figure, or None where it is unknown; unit: J.
        low: Lower end of the range of an estimate, else None; unit: J.
        high: Upper end of the range of an estimate, else None; unit: J.
        basis: "measured" (a counter that moves), "estimated" (a model), None where unknown.
        method: Which counter and its boundary, or which model with its coefficients, or why there
            is no figure.

    Example:
        >>> Energy(None, None, None, None, "no CPU time was counted").joules is None
        True
    """

    joules: float | None
    low: float | None
    high: float | None
    basis: EnergyBasis | None
    method: str

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
        scaled = [None if v is None else v * factor for v in (self.joules, self.low, self.high)]
        return Energy(scaled[0], scaled[1], scaled[2], self.basis, self.method)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Energy:
        """Read what `dataclasses.asdict` wrote.

        Args:
            values: The five fields by name.

        Returns:
            The energy.

        Example:
            >>> Energy.from_dict({"joules": 1.0, "low": None, "high": None, "basis": "measured",
            ...                   "method": "RAPL"}).basis
            'measured'
        """
        return cls(**{name: values[name] for name in ("joules", "low", "high", "basis", "method")})


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
    return Energy(central, low, high, "estimated", method)


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
        >>> total([a, b])
        Energy(joules=5.0, low=3.0, high=9.0, basis='estimated', method='a model; RAPL')
    """
    terms = list(energies)
    methods = "; ".join(dict.fromkeys(term.method for term in terms))
    if not terms or any(term.joules is None for term in terms):
        return Energy(None, None, None, None, methods or "nothing was metered")
    joules = sum(term.joules or 0.0 for term in terms)
    if all(term.basis == "measured" for term in terms):
        return Energy(joules, None, None, "measured", methods)
    low = sum((term.joules if term.low is None else term.low) or 0.0 for term in terms)
    high = sum((term.joules if term.high is None else term.high) or 0.0 for term in terms)
    return Energy(joules, low, high, "estimated", methods)
