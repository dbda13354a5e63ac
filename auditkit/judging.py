"""Measurements held against a policy: findings, the verdict of a whole audit, and judging again.

A verdict sees the interval: it passes only where all of it is allowed, and fails only where none
of it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from auditkit.changed import Verdict
from auditkit.errors import InputError, Problem
from auditkit.evidence import ALL_GROUPS, WITHIN
from auditkit.policy import EACH, load_policy, slice_problems
from auditkit.report import (
    CriterionRecord,
    FindingRecord,
    MeasurementRecord,
    Overall,
    PolicyRecord,
    Report,
    WaiverRecord,
)

#: Why a metric has no measurement: verdict and reason.
Absence = Callable[[str], tuple[Verdict, str]]


@dataclass(frozen=True, slots=True)
class Held:
    """What a policy is held against, beside measurements.

    Attributes:
        sensitive: Sensitive columns, for criteria about each of them.
        task: Kind of prediction, or None where criteria of every kind are held.
        on: Day of the judgement, which says whether a waiver still holds; None is today (UTC).
    """

    sensitive: Sequence[str] = ()
    task: str | None = None
    on: date | None = None

    @classmethod
    def of(cls, report: Report, on: date | None = None) -> Held:
        """What a record says of itself."""
        return cls(report.subject.roles.sensitive, report.subject.task, on)


def judge(
    policy: PolicyRecord,
    measurements: Sequence[MeasurementRecord],
    absence: Absence | None = None,
    against: Held | None = None,
) -> list[FindingRecord]:
    """Hold measurements against a policy.

    Args:
        policy: What is acceptable.
        measurements: What was measured.
        absence: Says for a metric without any measurement why there is none.
        against: Sensitive columns, task and day; None knows no column and takes today.

    Returns:
        At least one finding a criterion, in the order of the policy; a criterion that compares
        several groups has one a group. One that is about other tasks is not applicable.
    """
    against = against or Held()
    findings: list[FindingRecord] = []
    for criterion in policy.criteria:
        findings += _findings(criterion, policy, measurements, absence, against)
    return findings


def _findings(
    criterion: CriterionRecord,
    policy: PolicyRecord,
    measurements: Sequence[MeasurementRecord],
    absence: Absence | None,
    against: Held,
) -> list[FindingRecord]:
    if against.task is not None and criterion.tasks and against.task not in criterion.tasks:
        return [_for_other_tasks(criterion, against.task)]
    sensitive = against.sensitive
    fitting = [
        m for m in measurements if m.metric == criterion.metric and _fits(criterion, m, sensitive)
    ]
    if not fitting:
        return [_waived(_absent(criterion, absence, sensitive), {}, policy, against)]
    several = len(fitting) > 1
    return [
        _waived(
            _finding(f"{criterion.id}.{i}" if several else criterion.id, criterion, m, policy),
            m.slice,
            policy,
            against,
        )
        for i, m in enumerate(fitting, 1)
    ]


def _for_other_tasks(criterion: CriterionRecord, task: str) -> FindingRecord:
    tasks = " and ".join(criterion.tasks)
    return FindingRecord(
        id=criterion.id,
        criterion=criterion.id,
        measurement=None,
        verdict="not_applicable",
        severity=criterion.severity,
        text=f"{criterion.metric} is asked of {tasks} tasks, and this is a {task} one.",
    )


def _waived(
    finding: FindingRecord, where: Mapping[str, str], policy: PolicyRecord, against: Held
) -> FindingRecord:
    """Say on a finding that is not met whether a waiver covers it, or did."""
    if finding.verdict in ("pass", "not_applicable"):
        return finding
    waivers = [waiver for waiver in policy.waivers if _covers(waiver, finding, where)]
    if not waivers:
        return finding
    day = against.on or datetime.now(tz=UTC).date()
    holds = any(day <= waiver.expires for waiver in waivers)
    return finding.model_copy(update={"waiver": "holds" if holds else "expired"})


def _covers(waiver: WaiverRecord, finding: FindingRecord, where: Mapping[str, str]) -> bool:
    if waiver.criterion != finding.criterion:
        return False
    return waiver.slice is None or waiver.slice == where


def waivers_of(
    report: Report, finding: FindingRecord, on: date | None = None
) -> list[tuple[WaiverRecord, bool]]:
    """The waivers that cover a finding, or did.

    Args:
        report: The record that the finding is from.
        finding: A finding that is not met.
        on: Day on which they have to hold; None is today (UTC).

    Returns:
        Each waiver, and whether it holds.
    """
    if report.policy is None or finding.waiver is None:
        return []
    where = next((m.slice for m in report.measurements if m.id == finding.measurement), {})
    day = on or datetime.now(tz=UTC).date()
    covering = (waiver for waiver in report.policy.waivers if _covers(waiver, finding, where))
    return [(waiver, day <= waiver.expires) for waiver in covering]


def overall(
    findings: Iterable[FindingRecord], policy: PolicyRecord | None, *, constant: bool = False
) -> Overall:
    """Find the verdict of a whole audit.

    A finding that a waiver covers does not count: somebody answers for it, by name, until a day.

    Args:
        findings: What `judge` gave.
        policy: The policy, or None: then nothing was judged and a person has to look.
        constant: Whether the model gives everyone the same decision; such a model never passes.

    Returns:
        `fail` where a criterion is broken, else `review` where one that is required is
        undecided, not measured or in error, else `pass`. Findings of severity `info` decide
        nothing.
    """
    if policy is None:
        return "review"
    required = {criterion.id for criterion in policy.criteria if criterion.required}
    counted = [f for f in findings if f.severity != "info" and f.waiver != "holds"]
    failing = {"fail", "inconclusive"} if policy.on_inconclusive == "fail" else {"fail"}
    if any(finding.verdict in failing for finding in counted):
        return "fail"
    undecided = {"inconclusive", "not_measured", "error"}
    if any(f.verdict in undecided and f.criterion in required for f in counted):
        return "review"
    held = [finding for finding in counted if finding.verdict != "not_applicable"]
    return "pass" if held and not constant else "review"


def rejudge(
    report: Report, policy: str | Path | PolicyRecord | None = None, on: date | None = None
) -> Report:
    """Judge an existing record again, by another policy or by its own.

    Args:
        report: The record.
        policy: A policy, its file, or the name of a ready one; None takes that in the record.
        on: Day on which waivers have to hold; None is today (UTC).

    Returns:
        The record with that policy, new findings and a new verdict.

    Raises:
        InputError: If there is no policy, or it does not fit the record.
    """
    if policy is None:
        policy = report.policy
    elif not isinstance(policy, PolicyRecord):
        policy = load_policy(policy)
    if policy is None:
        raise InputError([Problem("gate", "a record without a policy", "--policy FILE")])
    problems = slice_problems(policy, report.subject.roles.sensitive, policy.name)
    if problems:
        raise InputError(problems)
    broken = [audit.name for audit in report.audits if audit.status == "error"]

    def why(metric: str) -> tuple[Verdict, str]:
        if broken:
            return "error", f"no value of {metric}; these audits broke: {', '.join(broken)}"
        return "not_measured", "the record holds no such value"

    old = {} if report.policy is None else {f.criterion: f for f in report.findings}
    findings = [
        _as_before(old[f.criterion], f) if f.measurement is None and policy == report.policy else f
        for f in judge(policy, report.measurements, why, Held.of(report, on))
    ]
    verdict = overall(findings, policy, constant=report.subject.constant_decision)
    return report.model_copy(update={"policy": policy, "findings": findings, "verdict": verdict})


def _as_before(before: FindingRecord, now: FindingRecord) -> FindingRecord:
    """What was said of a metric without a value, when it was known why; a waiver may have ended."""
    return before.model_copy(update={"waiver": now.waiver})


def _fits(
    criterion: CriterionRecord, measurement: MeasurementRecord, sensitive: Sequence[str]
) -> bool:
    if isinstance(criterion.slice, dict):
        return criterion.slice == measurement.slice
    if criterion.slice == [EACH]:
        return [*measurement.slice.items()] in [[(column, ALL_GROUPS)] for column in sensitive]
    return set(criterion.slice) == set(measurement.slice)


def _absent(
    criterion: CriterionRecord, absence: Absence | None, sensitive: Sequence[str]
) -> FindingRecord:
    verdict: Verdict = "not_measured"
    reason = "no audit measured it"
    if absence is not None:
        verdict, reason = absence(criterion.metric)
    of_each = criterion.slice == [EACH]
    if of_each and not sensitive:
        reason = "the subject names no sensitive column"
    named = "each sensitive column" if of_each else ", ".join(criterion.slice)
    over = f" over {named}" if named else ""
    return FindingRecord(
        id=criterion.id,
        criterion=criterion.id,
        measurement=None,
        verdict=verdict,
        severity=criterion.severity,
        text=f"{criterion.metric}{over} was not measured: {reason}.",
    )


def _finding(
    name: str, criterion: CriterionRecord, held: MeasurementRecord, policy: PolicyRecord
) -> FindingRecord:
    verdict = _verdict(criterion, held, point=policy.on_inconclusive == "point")
    needed = _rows_needed(criterion, held) if verdict == "inconclusive" else None
    return FindingRecord(
        id=name,
        criterion=criterion.id,
        measurement=held.id,
        verdict=verdict,
        severity=criterion.severity,
        text=_sentence(criterion, held, verdict, needed),
        n_needed=needed,
    )


def _verdict(criterion: CriterionRecord, held: MeasurementRecord, *, point: bool) -> Verdict:
    if held.value is None:
        return "not_measured"
    if point or (held.interval is None and held.exact):
        return "pass" if _allowed(criterion, held.value) else "fail"
    if held.interval is None:
        return "inconclusive"
    low, high = _limits(criterion)
    if low <= held.interval.low and held.interval.high <= high:
        return "pass"
    if held.interval.high < low or held.interval.low > high:
        return "fail"
    return "inconclusive"


def _limits(criterion: CriterionRecord) -> tuple[float, float]:
    low = -math.inf if criterion.at_least is None else criterion.at_least
    high = math.inf if criterion.at_most is None else criterion.at_most
    return low, high


def _allowed(criterion: CriterionRecord, value: float) -> bool:
    low, high = _limits(criterion)
    return low <= value <= high


def _rows_needed(criterion: CriterionRecord, held: MeasurementRecord) -> int | None:
    """Rows at which the interval would clear the limit, if its value stood and its arms shrank.

    The arm of an interval shrinks with the square root of the rows, so the rows grow with the
    squared ratio of the arm to the distance from the limit. None where the value is on the limit.
    """
    if held.value is None or held.interval is None:
        return None
    needed = 0
    for limit in _limits(criterion):
        if math.isfinite(limit) and held.interval.low <= limit <= held.interval.high:
            distance = abs(held.value - limit)
            arm = held.value - held.interval.low
            if limit > held.value:
                arm = held.interval.high - held.value
            if distance < 1e-12:
                return None
            needed = max(needed, math.ceil(held.n * (arm / distance) ** 2))
    return needed or None


def limit_text(criterion: CriterionRecord) -> str:
    """Say what a criterion allows: "at least 0.8", "at most 0.1", or both.

    Example:
        >>> limit_text(CriterionRecord(id="A", metric="m", at_least=0.8, severity="low",
        ...                            source="own policy"))
        'at least 0.8'
    """
    low, high = criterion.at_least, criterion.at_most
    parts = [f"at least {low:g}"] if low is not None else []
    return " and ".join([*parts, *([f"at most {high:g}"] if high is not None else [])])


def _sentence(
    criterion: CriterionRecord, held: MeasurementRecord, verdict: Verdict, needed: int | None
) -> str:
    what = f"{held.metric}{_over(held.slice)}"
    if held.value is None:
        return f"{what} was not measured: {held.reason}."
    limit = f"{limit_text(criterion)} ({criterion.source})"
    value = f"{held.value:.3g}"
    if held.interval is not None:
        span = f"{held.interval.low:.3g} to {held.interval.high:.3g}"
        value += f" ({100 * held.interval.level:g}% interval {span})"
    says = {
        "pass": "within the limit",
        "fail": "beyond the limit",
        "inconclusive": "too uncertain to hold against the limit",
    }[verdict]
    more = f" About {needed:,} rows would decide it, {held.n:,} were there." if needed else ""
    return f"{what} is {value}, {says}: {limit}.{more}"


def _over(where: Mapping[str, str]) -> str:
    if not where:
        return ""
    parts = [
        name if group == ALL_GROUPS else f"{name} = {group}"
        for name, group in where.items()
        if group != WITHIN
    ]
    held = [name for name, group in where.items() if group == WITHIN]
    return " over " + ", ".join(parts) + (f" at equal {', '.join(held)}" if held else "")
