"""What a record holds as evidence for a point of a document: numbers, tables, findings by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditkit.export.outcomes import limits
from auditkit.export.texts import shown
from auditkit.regimes.crosswalk import POLICY, RECORD, rows
from auditkit.report import FindingRecord, MeasurementRecord, Report

#: Numbers that are named for an audit; the record holds all.
NAMED = 6


@dataclass(frozen=True, slots=True)
class Proof:
    """What one audit gave.

    Attributes:
        audit: Its name.
        status: "completed", or why there is little: "error", "skipped", "not run".
        reason: Why it gave none, or "".
        values: How many of its numbers have a value.
        named: The numbers that are named: those judged, then those of all rows; each with its
            value and interval in words.
        tables: Ids of its tables.
        findings: What was found with its numbers.
    """

    audit: str
    status: str
    reason: str
    values: int
    named: tuple[tuple[MeasurementRecord, str], ...]
    tables: tuple[str, ...]
    findings: tuple[FindingRecord, ...]


def proofs(report: Report, audits: Sequence[str]) -> list[Proof]:
    """What these audits gave, in this order; the policy and the record itself are left out."""
    return [_proof(report, audit) for audit in audits if audit not in (POLICY, RECORD)]


def audits_for(regime: str, clause: str) -> tuple[str, ...]:
    """The audits that the crosswalk names as evidence for a clause.

    Example:
        >>> audits_for("eu-ai-act", "Annex IV(4)")
        ('policy',)
    """
    found = (row.audits for row in rows() if (row.regime, row.id) == (regime, clause))
    return next(found, ())


def _proof(report: Report, audit: str) -> Proof:
    run = next((one for one in report.audits if one.name == audit), None)
    measured = [m for m in report.measurements if m.audit == audit and m.value is not None]
    held = {m.id for m in measured}
    findings = [one for one in report.findings if one.measurement in held]
    judged = {one.measurement for one in findings}
    named = [m for m in measured if m.id in judged or not m.slice]
    first = sorted(named, key=lambda m: m.id not in judged)[:NAMED]
    held_against = limits(report)
    return Proof(
        audit,
        run.status if run else "not run",
        (run.reason or "") if run else "",
        len(measured),
        tuple((m, " ".join(shown(m, held_against.get(m.id, ()))).strip()) for m in first),
        tuple(table.id for table in report.tables if table.audit == audit),
        tuple(findings),
    )
