"""Findings with what they rest on, as every export tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from auditkit.export.texts import name, where
from auditkit.report import (
    CriterionRecord,
    FindingRecord,
    MeasurementRecord,
    Report,
    WaiverRecord,
)

#: What a tool that knows only passed and failed tests is told of a finding.
Outcome = Literal["passed", "failed", "broken", "undecided", "waived", "informational", "other"]
#: What every export says of itself, in the words of the tool that reads it.
MEANS = "Measurements held against a policy. No certificate and no legal opinion."


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, its criterion, its measurement, and who answers for it.

    Attributes:
        finding: What was found.
        criterion: The line of the policy; None where the record does not hold it.
        measurement: The number; None where there is none.
        waiver: The waiver that covers the finding, or None; whether it holds is said by
            `finding.waiver`.
        outcome: What a tool is told that knows only passed and failed tests.
    """

    finding: FindingRecord
    criterion: CriterionRecord | None
    measurement: MeasurementRecord | None
    waiver: WaiverRecord | None
    outcome: Outcome

    @property
    def metric(self) -> str:
        """Id of the metric, or "" where neither criterion nor measurement is known."""
        held = self.criterion or self.measurement
        return name(held.metric) if held else ""

    @property
    def where(self) -> str:
        """The slice that was looked at, or that the criterion asks for."""
        if self.measurement is not None:
            return where(self.measurement.slice)
        return where(self.criterion.slice) if self.criterion else ""

    @property
    def limits(self) -> tuple[float, ...]:
        """The limits of the criterion."""
        held = (self.criterion.at_least, self.criterion.at_most) if self.criterion else ()
        return tuple(limit for limit in held if limit is not None)

    @property
    def title(self) -> str:
        """Id, metric and slice; the same in every audit of the subject by the same policy."""
        parts = [name(self.finding.id, 40), self.metric, f"[{self.where}]" if self.where else ""]
        return " ".join(part for part in parts if part)

    @property
    def text(self) -> str:
        """What was found, and who answers for it where somebody does, or did."""
        told = name(self.finding.text, 2000)
        if self.waiver is None or self.finding.waiver is None:
            return told
        answers = f"{name(self.waiver.owner)} until {self.waiver.expires.isoformat()}"
        word = "Waived by" if self.finding.waiver == "holds" else "No longer waived: by"
        return f"{word} {answers}: {name(self.waiver.reason, 400)} {told}"


def told(report: Report) -> list[Told]:
    """The findings of a record, in its order."""
    policy = report.policy
    criteria = {criterion.id: criterion for criterion in policy.criteria} if policy else {}
    measurements = {measurement.id: measurement for measurement in report.measurements}
    found = []
    for finding in report.findings:
        criterion = criteria.get(finding.criterion)
        measurement = measurements.get(finding.measurement or "")
        found.append(
            Told(
                finding,
                criterion,
                measurement,
                _waiver(report, finding, measurement),
                _outcome(report, finding, criterion),
            )
        )
    return found


def limits(report: Report) -> dict[str, tuple[float, ...]]:
    """Id of a measurement to the limits that it was held against."""
    held: dict[str, tuple[float, ...]] = {}
    for one in told(report):
        if one.measurement is not None:
            held[one.measurement.id] = (*held.get(one.measurement.id, ()), *one.limits)
    return held


def _waiver(
    report: Report, finding: FindingRecord, measurement: MeasurementRecord | None
) -> WaiverRecord | None:
    """The waiver that covers a finding; of several the one that lasts longest."""
    slice_ = measurement.slice if measurement else {}
    covering = [
        waiver
        for waiver in (report.policy.waivers if report.policy else [])
        if finding.waiver is not None and waiver.criterion == finding.criterion
        if waiver.slice is None or waiver.slice == slice_
    ]
    return max(covering, key=lambda waiver: waiver.expires, default=None)


def _outcome(report: Report, finding: FindingRecord, criterion: CriterionRecord | None) -> Outcome:
    """As the verdict of the whole audit counts it, so that no tool says otherwise."""
    if finding.verdict == "pass":
        return "passed"
    if finding.verdict == "not_applicable":
        return "other"
    if finding.waiver == "holds":
        return "waived"
    if finding.severity == "info":
        return "informational"
    strict = report.policy is not None and report.policy.on_inconclusive == "fail"
    if finding.verdict == "fail" or (finding.verdict == "inconclusive" and strict):
        return "failed"
    required = criterion is None or criterion.required
    if finding.verdict == "error" or (finding.verdict == "not_measured" and required):
        return "broken"
    return "undecided"


def identity(report: Report) -> dict[str, str]:
    """What every export says of the audit that it is made of.

    Returns:
        Name to text: audit, program, policy and verdict, and the digests that are known.
    """
    policy, subject = report.policy, report.subject
    return {
        "audit_id": name(report.audit_id),
        "auditkit": name(report.auditkit),
        "created": name(report.created),
        "verdict": report.verdict,
        "policy": name(policy.name) if policy else "none",
        "policy_sha256": name(policy.sha256) if policy else "none",
        "model_sha256": name(subject.model.sha256 or "none"),
        "data_sha256": name(subject.data.sha256 or "none"),
    }
