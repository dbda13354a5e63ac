"""What is acceptable, decided before the run, and measurements held against it.

A verdict sees the interval: it passes only where all of it is allowed, and fails only where none
of it is.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditkit.errors import InputError, Problem, quote
from auditkit.evidence import ALL_GROUPS, WITHIN
from auditkit.report import (
    CriterionRecord,
    FindingRecord,
    MeasurementRecord,
    Overall,
    PolicyRecord,
    Report,
    Verdict,
)

#: Why a metric has no measurement: verdict and reason.
Absence = Callable[[str], tuple[Verdict, str]]


def load_policy(path: str | Path, metrics: Collection[str] | None = None) -> PolicyRecord:
    """Read a policy file.

    Args:
        path: A TOML file with `name` and `[[criterion]]` tables.
        metrics: Ids of the metrics that exist; None accepts any.

    Returns:
        The policy, with the sha256 of the file's bytes.

    Raises:
        InputError: If the file is missing, no TOML, or says something that cannot be held;
            every problem is listed.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
    except OSError as error:
        problem = Problem(str(path), error.strerror or "no file", "a policy file")
        raise InputError([problem]) from None
    return parse_policy(raw, file.name, metrics)


def parse_policy(
    raw: bytes, where: str = "policy.toml", metrics: Collection[str] | None = None
) -> PolicyRecord:
    """Read a policy from the bytes of a TOML file; see `load_policy`.

    Example:
        >>> text = b'''
        ... name = "starter"
        ... [[criterion]]
        ... metric = "accuracy"
        ... at_least = 0.8
        ... severity = "medium"
        ... source = "own policy"
        ... '''
        >>> parse_policy(text).criteria[0].id
        'C1'
    """
    plain = read_toml(raw, where)
    problems = unknown_keys(plain, {"name", "on_inconclusive", "criterion"}, where)
    lines = plain.get("criterion", [])
    if not isinstance(lines, list) or not lines:
        problems.append(Problem(where, "no [[criterion]]", "at least one criterion"))
        lines = []
    criteria = [_criterion(line, i, where, metrics, problems) for i, line in enumerate(lines, 1)]
    kept = [criterion for criterion in criteria if criterion is not None]
    for name, count in Counter(criterion.id for criterion in kept).items():
        if count > 1:
            problems.append(Problem(f"{where} criterion id", f"{quote(name)} twice", "unique ids"))
    try:
        policy = PolicyRecord(
            name=plain.get("name", ""),
            sha256=hashlib.sha256(raw).hexdigest(),
            on_inconclusive=plain.get("on_inconclusive", "review"),
            criteria=kept,
        )
    except ValidationError as error:
        raise InputError([*problems, *validation_problems(error, where)]) from None
    if problems:
        raise InputError(problems)
    return policy


def read_toml(raw: bytes, where: str) -> dict[str, Any]:
    """Read TOML that nobody vouches for, or raise an `InputError` that says where it breaks."""
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or a number without end
        raise InputError([Problem(where, f"no TOML ({str(error)[:200]})", "a TOML file")]) from None


def unknown_keys(plain: Mapping[str, Any], known: Collection[str], where: str) -> list[Problem]:
    """List the keys of a table that mean nothing, each with the nearest that does."""
    return [
        Problem.unknown(where, key, known, "one of the keys") for key in plain if key not in known
    ]


def validation_problems(error: ValidationError, where: str) -> list[Problem]:
    """Turn what pydantic found into problems in the house's words."""
    problems: list[Problem] = []
    for item in error.errors():
        inner = item.get("ctx", {}).get("error")
        if isinstance(inner, InputError):
            problems += inner.problems
            continue
        path = " ".join(str(part) for part in item["loc"])
        found = "nothing" if item["type"] == "missing" else quote(item.get("input"))
        expected = item["msg"].lower().removeprefix("input should be ")
        problems.append(Problem(f"{where} {path}".strip(), found, expected))
    return problems


def _criterion(
    line: object,
    number: int,
    where: str,
    metrics: Collection[str] | None,
    problems: list[Problem],
) -> CriterionRecord | None:
    place = f"{where} criterion {number}"
    if not isinstance(line, dict):
        problems.append(Problem(place, quote(line), "a table"))
        return None
    known = set(CriterionRecord.model_fields)
    problems += unknown_keys(line, known, place)
    metric = line.get("metric")
    if metrics is not None and isinstance(metric, str) and metric not in metrics:
        problems.append(Problem.unknown(f"{place} metric", metric, metrics, "a metric"))
    filled = {"id": f"C{number}"} | {key: value for key, value in line.items() if key in known}
    try:
        criterion = CriterionRecord(**filled)
    except ValidationError as error:
        problems += validation_problems(error, place)
        return None
    problems += _limit_problems(criterion, place)
    return criterion


def _limit_problems(criterion: CriterionRecord, place: str) -> list[Problem]:
    low, high = criterion.at_least, criterion.at_most
    if low is None and high is None:
        return [Problem(place, "no limit", "at_least, at_most, or both")]
    if low is not None and high is not None and low > high:
        found = f"at_least {low:g} above at_most {high:g}"
        return [Problem(place, found, "at_least up to at_most")]
    return []


def slice_problems(policy: PolicyRecord, sensitive: Sequence[str], where: str) -> list[Problem]:
    """List the criteria whose slice names a column that is not sensitive in the subject.

    A column that is held equal, such as `{ sex = "*", occupation = "=" }`, may be any feature.
    """
    known = [*sensitive]
    return [
        Problem.unknown(f"{where} criterion {c.id} slice", name, known, "a sensitive column")
        for c in policy.criteria
        for name in c.slice
        if name not in known and not (isinstance(c.slice, dict) and c.slice[name] == WITHIN)
    ]


def judge(
    policy: PolicyRecord,
    measurements: Sequence[MeasurementRecord],
    absence: Absence | None = None,
) -> list[FindingRecord]:
    """Hold measurements against a policy.

    Args:
        policy: What is acceptable.
        measurements: What was measured.
        absence: Says for a metric without any measurement why there is none.

    Returns:
        At least one finding a criterion, in the order of the policy; a criterion that compares
        several groups has one a group.
    """
    findings: list[FindingRecord] = []
    for criterion in policy.criteria:
        held = [m for m in measurements if m.metric == criterion.metric and _fits(criterion, m)]
        if not held:
            findings.append(_absent(criterion, absence))
            continue
        several = len(held) > 1
        for i, measurement in enumerate(held, 1):
            name = f"{criterion.id}.{i}" if several else criterion.id
            findings.append(_finding(name, criterion, measurement, policy))
    return findings


def overall(
    findings: Iterable[FindingRecord], policy: PolicyRecord | None, *, constant: bool = False
) -> Overall:
    """Find the verdict of a whole audit.

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
    counted = [finding for finding in findings if finding.severity != "info"]
    failing = {"fail", "inconclusive"} if policy.on_inconclusive == "fail" else {"fail"}
    if any(finding.verdict in failing for finding in counted):
        return "fail"
    undecided = {"inconclusive", "not_measured", "error"}
    if any(f.verdict in undecided and f.criterion in required for f in counted):
        return "review"
    return "pass" if counted and not constant else "review"


def rejudge(report: Report, path: str | Path | None = None) -> Report:
    """Judge an existing record again, by another policy or by its own.

    Args:
        report: The record.
        path: A policy file; None takes the policy in the record.

    Returns:
        The record with that policy, new findings and a new verdict.

    Raises:
        InputError: If there is no policy, or it does not fit the record.
    """
    policy = report.policy if path is None else load_policy(path)
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
        old[f.criterion] if f.measurement is None and policy == report.policy else f
        for f in judge(policy, report.measurements, why)
    ]
    verdict = overall(findings, policy, constant=report.subject.constant_decision)
    return report.model_copy(update={"policy": policy, "findings": findings, "verdict": verdict})


def _fits(criterion: CriterionRecord, measurement: MeasurementRecord) -> bool:
    if isinstance(criterion.slice, dict):
        return criterion.slice == measurement.slice
    return set(criterion.slice) == set(measurement.slice)


def _absent(criterion: CriterionRecord, absence: Absence | None) -> FindingRecord:
    verdict: Verdict = "not_measured"
    reason = "no audit measured it"
    if absence is not None:
        verdict, reason = absence(criterion.metric)
    over = f" over {', '.join(criterion.slice)}" if criterion.slice else ""
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
