"""Time, CPU time, memory and energy of named phases. Opens no socket and imports no data library.

Example:
    >>> from auditkit import meter
    >>> with meter.phase("train") as measured:
    ...     _ = sum(range(100_000))
    >>> measured.cost.cpu_seconds > 0
    True
"""

from auditkit.meter.energy import RANGE_LEVEL, WATTS_PER_BUSY_CORE, Energy, WattsPerCore, total
from auditkit.meter.phases import Cost, Phase, costs_of, outermost, phase, process_peak_bytes
from auditkit.meter.rapl import POWERCAP
from auditkit.meter.timing import Timing, time_calls

__all__ = [
    "POWERCAP",
    "RANGE_LEVEL",
    "WATTS_PER_BUSY_CORE",
    "Cost",
    "Energy",
    "Phase",
    "Timing",
    "WattsPerCore",
    "costs_of",
    "outermost",
    "phase",
    "process_peak_bytes",
    "time_calls",
    "total",
]
