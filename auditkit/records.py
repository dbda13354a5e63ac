"""Evidence written down as `audit.json` holds it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from auditkit import meter
from auditkit.evidence import Measurement, Metric, Table
from auditkit.report import (
    AuditRecord,
    EnergyRecord,
    IntervalRecord,
    MeasurementRecord,
    MetricRecord,
    PhaseRecord,
    TableRecord,
)


def audit_record(
    name: str, reason: str | None, cost: meter.Cost, inner: Sequence[meter.Cost] = ()
) -> AuditRecord:
    """Write down how an audit went, why it broke if it did, what it and its phases cost."""
    return AuditRecord(
        name=name,
        status="error" if reason else "completed",
        reason=reason,
        seconds=cost.seconds,
        cpu_seconds=cost.cpu_seconds,
        peak_memory_bytes=cost.peak_memory_bytes,
        energy=EnergyRecord.model_validate(dataclasses.asdict(cost.energy)),
        phases=_phases(inner),
    )


def _phases(costs: Sequence[meter.Cost]) -> list[PhaseRecord]:
    """Phases of one name together, in the order in which they began."""
    named: dict[str, list[meter.Cost]] = {}
    for cost in costs:
        named.setdefault(cost.name, []).append(cost)
    return [
        PhaseRecord(
            name=name,
            times=len(same),
            seconds=sum(cost.seconds for cost in same),
            cpu_seconds=sum(cost.cpu_seconds for cost in same),
        )
        for name, same in named.items()
    ]


def measurement_record(audit: str, evidence: Measurement) -> MeasurementRecord:
    """Write a measurement down as `audit.json` holds it."""
    where = ",".join(f"{name}={group}" for name, group in evidence.slice.items())
    interval = evidence.interval
    return MeasurementRecord(
        id=f"{audit}.{evidence.metric}" + (f"[{where}]" if where else ""),
        audit=audit,
        metric=evidence.metric,
        slice=dict(evidence.slice),
        value=evidence.value,
        reason=evidence.reason,
        unit=evidence.unit,
        n=evidence.n,
        interval=None if interval is None else IntervalRecord(**dataclasses.asdict(interval)),
        basis=evidence.basis,
        better=evidence.better,
        exact=evidence.exact,
        source=evidence.source,
    )


def table_record(audit: str, evidence: Table) -> TableRecord:
    """Write a table down as `audit.json` holds it."""
    return TableRecord(
        id=f"{audit}.{evidence.name}",
        audit=audit,
        title=evidence.title,
        columns=list(evidence.columns),
        rows=[list(row) for row in evidence.rows],
        chart=evidence.chart,
        basis=evidence.basis,
        source=evidence.source,
    )


def metric_record(metric: Metric) -> MetricRecord:
    """Write down what a metric means; its id is the key that it is held under."""
    plain = dataclasses.asdict(metric)
    del plain["id"]
    return MetricRecord(**plain)
