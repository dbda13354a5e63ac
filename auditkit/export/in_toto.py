"""An in-toto Statement v1 with the predicate test-result v0.1, to be signed by whoever wants to."""

from __future__ import annotations

import hashlib
from typing import Any

from auditkit.export.outcomes import MEANS, Told, identity, told
from auditkit.export.texts import as_json, is_digest, name
from auditkit.report import Report

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
_RESULTS = {"pass": "PASSED", "review": "WARNED", "fail": "FAILED"}


def in_toto(report: Report) -> bytes:
    """Write the outcome of an audit as an in-toto statement.

    The format has no place for what is undecided: it is a warned test, and so is what was not
    measured, what broke and what is waived. The annotations of the plan say which is which.

    Args:
        report: The record.

    Returns:
        JSON in UTF-8; the subjects are model and data by digest, the configuration policy and
        plan. An audit that broke never gives PASSED.
    """
    found = told(report)
    broke = any(audit.status == "error" for audit in report.audits)
    result = _RESULTS[report.verdict]
    predicate = {
        "result": "WARNED" if broke and result == "PASSED" else result,
        "configuration": _configuration(report, found),
        "passedTests": [one.title for one in found if one.outcome == "passed"],
        "warnedTests": [one.title for one in found if one.outcome in _WARNED],
        "failedTests": [one.title for one in found if one.outcome == "failed"],
    }
    statement = {
        "_type": STATEMENT,
        "subject": _subjects(report),
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    return as_json(statement)


_WARNED = ("undecided", "broken", "waived", "informational")


def _subjects(report: Report) -> list[dict[str, Any]]:
    """Model and data where they have digests; without any, the record itself."""
    subject = report.subject
    given = [
        (f"model: {name(subject.name)}", subject.model.sha256),
        (f"data: {name(subject.data.source)}", subject.data.sha256),
    ]
    found = [_described(what, digest) for what, digest in given if is_digest(digest)]
    return found or [_described("audit.json", _digest(report.to_json()))]


def _described(what: str, digest: str | None) -> dict[str, Any]:
    return {"name": what, "digest": {"sha256": digest}}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _configuration(report: Report, found: list[Told]) -> list[dict[str, Any]]:
    policy = report.policy
    held = []
    if policy is not None and is_digest(policy.sha256):
        held.append(_described("policy.toml", policy.sha256))
    verdicts = {
        one.title: one.finding.verdict
        if one.outcome != "waived"
        else f"{one.finding.verdict}, {one.text}"
        for one in found
        if one.outcome in _WARNED
    }
    told_of = {**identity(report), "means": MEANS, "warned": verdicts}
    plan = _described("plan", _digest(report.plan.model_dump_json()))
    return [*held, plan | {"annotations": told_of}]
