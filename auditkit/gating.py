"""What a pipeline is told of a judged record: what is not met, who answers for it, the status."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from auditkit.errors import quote
from auditkit.judging import waivers_of
from auditkit.report import VERDICTS, FindingRecord, Report

#: From when on a gate is closed.
FailOn = Literal["fail", "review", "never"]
#: Longest sentence of a finding in a line; unit: characters.
SENTENCE = 400


def is_broken(record: Report) -> bool:
    """Whether an audit broke, so that the evidence is incomplete whatever the verdict is."""
    return any(audit.status == "error" for audit in record.audits)


def passes(record: Report, fail_on: FailOn = "review") -> bool:
    """Whether a judged record goes through a gate.

    Args:
        record: The record, judged; see `auditkit.judging.rejudge`.
        fail_on: `review` lets a pass through only; `fail` also what a person has to look at, but
            no record of an audit that broke; `never` everything.

    Returns:
        Whether it goes through.

    Example:
        >>> record = Report.load("reports/sample/audit.json")
        >>> passes(record), passes(record, "never")
        (False, True)
    """
    if fail_on == "never":
        return True
    if is_broken(record):
        return False
    return record.verdict == "pass" or (fail_on == "fail" and record.verdict == "review")


def unmet_lines(record: Report, on: date | None = None) -> Iterator[str]:
    """Say of each finding that is not met what it is, the worst first, and who answers for it.

    Args:
        record: The record, judged.
        on: Day of the judgement; None is today (UTC).

    Yields:
        One line a finding, and one for each of its waivers; harmless on a terminal.
    """
    unmet = [f for f in record.findings if f.verdict not in ("pass", "not_applicable")]
    for finding in sorted(unmet, key=lambda f: VERDICTS.index(f.verdict)):
        told = quote(finding.text, SENTENCE)[1:-1]
        yield f"{finding.verdict:13} {finding.severity:8} {quote(finding.id)[1:-1]}: {told}"
        yield from _waiver_lines(record, finding, on)


def _waiver_lines(record: Report, finding: FindingRecord, on: date | None) -> Iterator[str]:
    for waiver, holds in waivers_of(record, finding, on):
        until = f"until {waiver.expires}" if holds else f"expired on {waiver.expires}"
        head = "waived" if holds else "waiver"
        yield f"{'':13} {head} by {quote(waiver.owner)} {until}: {quote(waiver.reason, SENTENCE)}"
