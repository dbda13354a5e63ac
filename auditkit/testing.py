"""An audit as a test: `assert_audit` fails where the record of an audit does not pass.

With auditkit installed pytest also has a fixture of that name.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

from auditkit.errors import quote
from auditkit.gating import is_broken, passes, unmet_lines
from auditkit.judging import rejudge
from auditkit.report import PolicyRecord, Report


def assert_audit(
    report: Report | str | Path,
    policy: PolicyRecord | str | Path | None = None,
    *,
    allow_review: bool = False,
    on: date | None = None,
) -> Report:
    """Fail unless an audit passes.

    Args:
        report: A record, or an `audit.json` or bundle folder.
        policy: A policy, its file, or the name of a ready one; None takes that in the record.
        allow_review: Whether an audit passes too that a person still has to look at. One that
            broke never does.
        on: Day on which waivers have to hold; None is today (UTC).

    Returns:
        The record, judged by the policy.

    Raises:
        AssertionError: If it does not pass; the message lists the findings that are not met.
        InputError: If there is no such record or policy, or they do not fit.

    Example:
        >>> assert_audit("reports/sample")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        AssertionError: the audit of 'census-income' fails by policy 'hiring-us-starter':...
    """
    __tracebackhide__ = True
    record = report if isinstance(report, Report) else Report.load(report)
    judged = rejudge(record, policy, on)
    if not passes(judged, "fail" if allow_review else "review"):
        raise AssertionError(_message(judged, on))
    return judged


def _message(record: Report, on: date | None) -> str:
    says = {"fail": "fails", "review": "needs a review", "pass": "passes"}[record.verdict]
    name = record.policy.name if record.policy else ""
    head = f"the audit of {quote(record.subject.name)} {says} by policy {quote(name)}"
    broken = [quote(audit.name) for audit in record.audits if audit.status == "error"]
    if is_broken(record):
        head += f", and these audits broke: {', '.join(broken)}"
    return "\n  ".join([f"{head}:", *unmet_lines(record, on)])
