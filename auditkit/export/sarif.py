"""SARIF 2.1.0: each criterion a rule, each finding a result."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from auditkit.export.outcomes import MEANS, Told, identity, told
from auditkit.export.texts import as_json, is_digest, name
from auditkit.render import numbers
from auditkit.report import AuditRecord, CriterionRecord, Report, Severity

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LINK = re.compile(r"[\[\]\\]")
#: Of a result that is a failure; every other kind has the level "none".
_LEVELS: dict[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
#: "open" was evaluated and is undecided; "review" is what a person has to look at.
_KINDS = {
    "fail": "fail",
    "pass": "pass",
    "inconclusive": "open",
    "not_measured": "review",
    "error": "review",
    "not_applicable": "notApplicable",
}


def sarif(report: Report) -> bytes:
    """Write the findings of a record as a SARIF log.

    Args:
        report: The record.

    Returns:
        JSON in UTF-8. A finding that a waiver covers is suppressed, with its owner; its
        fingerprint is of subject, criterion, metric and slice, whatever the value is.
    """
    criteria = report.policy.criteria if report.policy else []
    index = {criterion.id: i for i, criterion in reversed(list(enumerate(criteria)))}
    driver = {
        "name": "auditkit",
        "version": name(report.auditkit),
        "fullDescription": _message(MEANS),
        "rules": [_rule(criterion, i) for i, criterion in enumerate(criteria)],
    }
    run = {
        "tool": {"driver": driver},
        "language": "en",
        "automationDetails": {"id": f"auditkit/{_slug(report)}/{name(report.audit_id)}"},
        "invocations": [_invocation(report)],
        "artifacts": _artifacts(report),
        "results": [_result(report, one, index) for one in told(report)],
        "properties": identity(report),
    }
    return as_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _message(text: str) -> dict[str, str]:
    """A text in which SARIF sees neither a link, `[text](target)`, nor a placeholder, `{0}`."""
    plain = _LINK.sub(r"\\\g<0>", text)
    return {"text": plain.replace("{", "{{").replace("}", "}}")}


def _slug(report: Report) -> str:
    return name(report.subject.name).replace("/", "-")


def _rule(criterion: CriterionRecord, i: int) -> dict[str, Any]:
    limits = " and ".join(
        f"{word} {numbers.limit(limit)}"
        for word, limit in (("at least", criterion.at_least), ("at most", criterion.at_most))
        if limit is not None
    )
    source = name(criterion.source, 400)
    rule = {
        "id": _rule_id(criterion.id, i),
        "name": name(criterion.metric),
        "shortDescription": _message(f"{name(criterion.metric)} {limits}"),
        "fullDescription": _message(f"{name(criterion.metric)} {limits} ({source})"),
        "defaultConfiguration": {"level": _LEVELS[criterion.severity]},
        "properties": {
            "severity": criterion.severity,
            "source": source,
            "limit_set_by": criterion.limit_set_by,
            "required": criterion.required,
        },
    }
    return rule | ({"help": _message(name(criterion.advice, 600))} if criterion.advice else {})


def _rule_id(text: str, i: int | None) -> str:
    """The id of a criterion; one that was cut gets its place, so that no two are the same."""
    shown = name(text)
    return shown if shown == text or i is None else f"{shown} ({i + 1})"


def _result(report: Report, one: Told, index: dict[str, int]) -> dict[str, Any]:
    at = index.get(one.finding.criterion)
    failed = one.finding.verdict == "fail" or (
        one.finding.verdict == "inconclusive" and one.outcome == "failed"
    )
    kind = "fail" if failed else _KINDS[one.finding.verdict]
    return {
        "ruleId": _rule_id(one.finding.criterion, at),
        **({} if at is None else {"ruleIndex": at}),
        "kind": kind,
        "level": _LEVELS[one.finding.severity] if failed else "none",
        "message": _message(one.text),
        "locations": [_location(one)],
        "fingerprints": {"auditkit/finding/v1": _fingerprint(report, one)},
        "suppressions": _suppressions(one),
        "properties": _number(one),
    }


def _location(one: Told) -> dict[str, Any]:
    """In the record, because a model has no lines; and by name in the model."""
    logical = " ".join(part for part in (one.metric, one.where) if part) or name(one.finding.id)
    return {
        "physicalLocation": {"artifactLocation": {"uri": "audit.json"}},
        "logicalLocations": [{"fullyQualifiedName": logical, "kind": "object"}],
    }


def _fingerprint(report: Report, one: Told) -> str:
    held = one.measurement
    slice_ = sorted(held.slice.items()) if held else []
    parts = [report.subject.name, one.finding.criterion, one.metric, slice_]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _suppressions(one: Told) -> list[dict[str, str]]:
    """Empty rather than absent: SARIF wants all results of a run to say it, or none."""
    if one.finding.waiver != "holds":
        return []
    return [{"kind": "external", "status": "accepted", "justification": one.text}]


def _number(one: Told) -> dict[str, Any]:
    held = one.measurement
    properties: dict[str, Any] = {
        "verdict": one.finding.verdict,
        "severity": one.finding.severity,
        "finding": name(one.finding.id),
        "waiver": one.finding.waiver,
        "n_needed": one.finding.n_needed,
    }
    if held is not None:
        bounds = held.interval.model_dump() if held.interval else None
        if bounds:
            bounds["method"] = name(bounds["method"], 400)
        properties |= {
            "measurement": name(held.id, 400),
            "value": held.value,
            "unit": name(held.unit),
            "n": held.n,
            "interval": bounds,
            "basis": held.basis,
        }
    return {key: value for key, value in properties.items() if value is not None}


def _invocation(report: Report) -> dict[str, Any]:
    gone = [audit for audit in report.audits if audit.status != "completed"]
    return {
        "executionSuccessful": not any(audit.status == "error" for audit in gone),
        "toolExecutionNotifications": [_notification(audit) for audit in gone],
    }


def _notification(audit: AuditRecord) -> dict[str, Any]:
    reason = name(audit.reason or "", 2000)
    return {
        "level": "error" if audit.status == "error" else "note",
        "message": _message(f"{name(audit.name)} {audit.status}: {reason}"),
    }


def _artifacts(report: Report) -> list[dict[str, Any]]:
    """What was looked at; by digest, because nobody can tell where it lies."""
    subject = report.subject
    found = [
        {"location": {"uri": "audit.json"}, "description": _message("The record of the audit.")}
    ]
    for what, digest in (
        (f"model: {name(subject.model.kind)}", subject.model.sha256),
        (f"data: {name(subject.data.source)}", subject.data.sha256),
    ):
        artifact: dict[str, Any] = {"description": _message(what), "roles": ["analysisTarget"]}
        found.append(artifact | ({"hashes": {"sha-256": digest}} if is_digest(digest) else {}))
    return found
