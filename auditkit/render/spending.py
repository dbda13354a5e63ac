"""Where the time of training and audits went: by area of questions, by audit, by phase."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditkit.evidence import weakest
from auditkit.render.page import PLACES
from auditkit.report import AuditRecord, EnergyRecord, Report

#: The audit with which each area begins; those after it in `PLACES` belong to it too.
BEGINS = {
    "performance": "performance",
    "fairness": "fairness",
    "explainability": "explanation",
    "robustness": "robustness",
    "privacy": "privacy",
    "conformal": "oversight",
    "data-quality": "data",
    "impact": "impact",
    "serving": "energy",
}
#: What the time of audits is spent on; the last holds audits from outside.
AREAS = (*BEGINS.values(), "other")
#: The phase of an audit in which it trains a model.
TRAIN = "train"
#: More seconds, or joules, than this are not believed.
MOST = 1e15


@dataclass(frozen=True, slots=True)
class Spent:
    """What a part of the work took.

    Attributes:
        key: The area, the audit or the phase.
        seconds: Wall time, above 0; unit: s.
        energy: Energy, or None where it is not known.
        inner: The parts that it is made of, as far as they are known.
    """

    key: str
    seconds: float
    energy: EnergyRecord | None = None
    inner: tuple[Spent, ...] = ()

    @property
    def trained(self) -> float:
        """Seconds of it that its audits spent on training models in phases of their own."""
        return math.fsum(p.seconds if p.key == TRAIN else p.trained for p in self.inner)


def spending(report: Report) -> Spent | None:
    """Add up what the record says that training and audits took.

    Args:
        report: The record.

    Returns:
        The whole: its parts are training and the areas, in the order of `AREAS`, theirs the audits,
        theirs the phases. None where the record holds no time.

    Example:
        >>> from auditkit.report import Report
        >>> spending(Report.load("audit.json")).seconds  # doctest: +SKIP
        64.2
    """
    parts: dict[str, list[Spent]] = {area: [] for area in AREAS}
    for audit in report.audits:
        if _is_size(audit.seconds):
            parts[area_of(audit.name)].append(_of_audit(audit))
    areas = [_together(area, inner) for area, inner in parts.items() if inner]
    training = list(_training(report.training or {}))
    if training:
        areas.insert(0, replace(_together("training", training), inner=()))
    return _together("whole", areas) if areas else None


def area_of(audit: str) -> str:
    """The area that an audit belongs to.

    Example:
        >>> area_of("membership"), area_of("somebody-elses")
        ('privacy', 'other')
    """
    if audit not in PLACES:
        return "other"
    begun = [place for place in PLACES[: PLACES.index(audit) + 1] if place in BEGINS]
    return BEGINS[begun[-1]]


def _of_audit(audit: AuditRecord) -> Spent:
    phases = [phase for phase in audit.phases if _is_size(phase.seconds)]
    inner = tuple(Spent(phase.name, phase.seconds) for phase in phases)
    return Spent(audit.name, audit.seconds or 0.0, audit.energy, inner)


def _training(record: Mapping[str, Any]) -> Iterator[Spent]:
    """The training of the audited model; nothing where only a part of it was metered."""
    held = record.get("cost")
    if not isinstance(held, Mapping) or record.get("resumed_after"):
        return
    if record.get("processes", 1) != 1:
        return
    costs = {"": held} if "seconds" in held else held
    for cost in costs.values():
        if not isinstance(cost, Mapping) or cost.get("parent") in costs:
            continue
        if _is_size(cost.get("seconds")):
            yield Spent("training", float(cost["seconds"]), _energy(cost.get("energy")))


def _energy(held: object) -> EnergyRecord | None:
    """The energy in a training record, which may hold anything."""
    if not isinstance(held, Mapping) or held.get("basis") not in ("measured", "estimated"):
        return None
    ends = [held.get(key) for key in ("low", "high")]
    if not _is_size(held.get("joules")) or not all(end is None or _is_size(end) for end in ends):
        return None
    low, high = ends
    return EnergyRecord(joules=held["joules"], low=low, high=high, basis=held["basis"])


def _is_size(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < value < MOST  # type: ignore[operator]


def _together(key: str, inner: Sequence[Spent]) -> Spent:
    energies = [part.energy for part in inner]
    return Spent(key, math.fsum(part.seconds for part in inner), _sum(energies), tuple(inner))


def _sum(energies: Sequence[EnergyRecord | None]) -> EnergyRecord | None:
    """Energy of all together, unknown where one is; a range is that of one model for all."""
    known = [e for e in energies if e is not None and e.joules is not None and e.basis]
    if len(known) < len(energies) or not known:
        return None
    central = [e.joules or 0.0 for e in known]
    lows = [c if e.low is None else e.low for c, e in zip(central, known, strict=True)]
    highs = [c if e.high is None else e.high for c, e in zip(central, known, strict=True)]
    has_range = sum(lows) < sum(highs)
    return EnergyRecord(
        joules=math.fsum(central),
        low=math.fsum(lows) if has_range else None,
        high=math.fsum(highs) if has_range else None,
        basis=weakest(*(e.basis for e in known if e.basis)),
    )
