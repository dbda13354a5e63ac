"""Time, CPU time, memory and energy of named phases. Opens no socket and imports no data library.

Example:
    >>> from auditkit import meter
    >>> with meter.phase("train") as measured:
    ...     _ = sum(range(100_000))
    >>> measured.cost.cpu_seconds > 0
    True
"""

from auditkit.meter.calls import Calls, time_each
from auditkit.meter.choice import Sources, open_sources, sources, use, wall_energy
from auditkit.meter.costs import Cost, costs_of, outermost
from auditkit.meter.energy import (
    RANGE_LEVEL,
    WATTS_PER_BUSY_CORE,
    DomainEnergy,
    Energy,
    WattsPerCore,
    total,
)
from auditkit.meter.memory import process_peak_bytes
from auditkit.meter.phase_log import journal, read_journal
from auditkit.meter.phases import Phase, phase
from auditkit.meter.rapl import POWERCAP
from auditkit.meter.timing import Timing, time_calls

__all__ = [
    "POWERCAP",
    "RANGE_LEVEL",
    "WATTS_PER_BUSY_CORE",
    "Calls",
    "Cost",
    "DomainEnergy",
    "Energy",
    "Phase",
    "Sources",
    "Timing",
    "WattsPerCore",
    "costs_of",
    "journal",
    "open_sources",
    "outermost",
    "phase",
    "process_peak_bytes",
    "read_journal",
    "sources",
    "time_calls",
    "time_each",
    "total",
    "use",
    "wall_energy",
]
