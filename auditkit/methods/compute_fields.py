"""The fields on computing that the EU AI Act asks of two kinds of providers, and what is known.

Clauses are those of Regulation (EU) 2024/1689 as first published; they may have changed since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from auditkit.evidence import Cell, Measurement, Table, weakest

IV = "Annex IV(2)(c)"
XI_COMPUTE, XI_ENERGY = "Annex XI s.1(2)(d)", "Annex XI s.1(2)(e)"
HIGH_RISK = "high-risk systems"
GENERAL = "general-purpose models"
#: Clause to the providers that it binds, by what they provide: Art. 11(1), and Art. 53(1)(a).
BINDS = {IV: HIGH_RISK, XI_COMPUTE: GENERAL, XI_ENERGY: GENERAL}
_SOURCE = (
    "fields of Regulation (EU) 2024/1689 as first published (as of 2026-11): check the current "
    "consolidated text. Annex IV binds providers of high-risk systems (Art. 11(1)), Annex XI only "
    "providers of general-purpose models (Art. 53(1)(a)); whether either applies is not decided "
    "here, and a field that is filled is evidence, not fulfilment. What is in no field: data "
    "collection, failed runs that nobody declared, and hardware beyond the processor"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        name: What is asked.
        clauses: Who asks for it.
        value: The number, or the words, or None where it is not known.
        low: Lower bound of the number, or None.
        high: Upper bound of the number, or None.
        unit: Its unit.
        known: How it is known, or that it is missing.
        note: Why it is missing; empty where it is not.
    """

    name: str
    clauses: tuple[str, ...]
    value: float | None
    low: float | None
    high: float | None
    unit: str
    known: Literal["measured", "estimated", "declared", "missing"]
    note: str = ""

    @classmethod
    def of(cls, name: str, clauses: tuple[str, ...], found: Measurement) -> Field:
        """Fill a field with a measurement."""
        held = found.interval
        return cls(
            name,
            clauses,
            found.value,
            None if held is None else held.low,
            None if held is None else held.high,
            found.unit,
            "missing" if found.value is None else found.basis,
            found.reason or "" if found.value is None else "",
        )

    @classmethod
    def declared(
        cls, name: str, clauses: tuple[str, ...], given: float | None, unit: str, missing: str
    ) -> Field:
        """Fill a field with what somebody says, or say how to."""
        if given is None:
            return cls(name, clauses, None, None, None, unit, "missing", missing)
        return cls(name, clauses, given, None, None, unit, "declared")

    @property
    def row(self) -> tuple[Cell, ...]:
        """The field as a row of the table."""
        bound = dict.fromkeys(BINDS[clause] for clause in self.clauses)
        told = f"{self.known}: {self.note}" if self.note else self.known
        numbers = (self.value, self.low, self.high)
        return (self.name, *numbers, self.unit, told, "; ".join(self.clauses), "; ".join(bound))


#: Metric to the words of its field and the clauses that ask for it.
MEASURED: dict[str, tuple[str, tuple[str, ...]]] = {
    "training_flops": ("training: operations", (IV, XI_COMPUTE)),
    "training_seconds": ("training and validation: time", (IV, XI_COMPUTE)),
    "training_cpu_seconds": ("training and validation: CPU time", (IV, XI_COMPUTE)),
    "training_peak_memory": ("training: peak memory", (IV, XI_COMPUTE)),
    "training_energy": ("training: energy", (IV, XI_ENERGY)),
    "prediction_seconds_per_1000": ("test and use: time of 1,000 predictions", (IV,)),
    "energy_per_1000_predictions": ("test and use: energy of 1,000 predictions", (IV, XI_ENERGY)),
}


def compute_fields(found: Iterable[Measurement], development_kwh: float | None) -> Table:
    """Lay out what is known for each field on computing.

    Args:
        found: Measurements; those in `MEASURED` are used.
        development_kwh: Energy of earlier runs and tuning, as somebody says; unit: kWh.

    Returns:
        The table `compute-fields`: a row a field, with how it is known, who asks and whom that
        binds.

    Example:
        >>> table = compute_fields([], None)
        >>> table.rows[-1][0], table.rows[-1][5][:7], table.rows[-1][-1]
        ('development: energy of earlier runs', 'missing', 'high-risk systems')
    """
    by_metric = {one.metric: one for one in found}
    fields = [
        Field.of(*words, by_metric[metric])
        for metric, words in MEASURED.items()
        if metric in by_metric
    ]
    missing = "set development_kwh under [audits.energy]"
    words = "development: energy of earlier runs"
    fields.append(Field.declared(words, (IV,), development_kwh, "kWh", missing))
    known = [field.known for field in fields if field.known != "missing"]
    return Table(
        name="compute-fields",
        title="Computing resources, as the EU AI Act asks for them",
        columns=("field", "value", "value_low", "value_high", "unit", "known", "clause", "binds"),
        rows=tuple(field.row for field in fields),
        source=_SOURCE,
        chart="compute-fields",
        basis=weakest(*known) if known else "measured",
    )
