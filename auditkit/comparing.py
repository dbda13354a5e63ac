"""Two audits of one subject held side by side: what moved beyond its uncertainty, what was found.

A difference is judged by the intervals of both values, taken as independent: their arms towards
each other add in squares (MOVER). Where both audits assessed the same rows the values go together,
and the interval is wider than it need be. Among many measurements some move by chance, so what
counts as moved is corrected by Benjamini and Hochberg.

Source:
    Zou and Donner (2008), "Construction of confidence limits about effect measures", Statistics in
    Medicine 27:1693; Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57:289.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist

from auditkit.changed import ChangesRecord, FindingChange, MeasurementChange, Move, Turn
from auditkit.errors import InputError, Problem, quote
from auditkit.report import (
    FindingRecord,
    IntervalRecord,
    MeasurementRecord,
    ModelRecord,
    Report,
)

#: Level of the intervals of differences, and one less the share of false moves among the moved.
LEVEL = 0.95
METHOD = (
    "difference of two estimates taken as independent, from the arms of both intervals (MOVER); "
    "moved after correction by Benjamini and Hochberg at 5 %"
)
#: Verdicts from the best; what is not applicable is neither.
_ORDER = ("pass", "not_measured", "inconclusive", "error", "fail")


def compare(before: Report, after: Report) -> ChangesRecord:
    """Hold two audits side by side.

    Args:
        before: The older record.
        after: The newer record.

    Returns:
        Every measurement and finding of either, the most telling first.

    Raises:
        InputError: If they are about different subjects or tasks; both are listed.

    Example:
        >>> report = Report.load("reports/sample/audit.json")
        >>> {m.move for m in compare(report, report).measurements} <= {"within", "unknown"}
        True
    """
    problems = _different(before, after)
    if problems:
        raise InputError(problems)
    moves = list(_moves(before.measurements, after.measurements))
    return ChangesRecord(
        before=before.audit_id,
        after=after.audit_id,
        before_created=before.created,
        after_created=after.created,
        before_verdict=before.verdict,
        after_verdict=after.verdict,
        same_model=_same_model(before.subject.model, after.subject.model),
        same_data=before.subject.data.sha256 == after.subject.data.sha256,
        same_policy=_policy(before) == _policy(after),
        compared=sum(move.low is not None for move in moves),
        level=LEVEL,
        method=METHOD,
        measurements=sorted(_corrected(moves), key=_telling),
        findings=sorted(_turns(before, after), key=lambda f: _TURNS.index(f.turn)),
    )


def _different(before: Report, after: Report) -> list[Problem]:
    pairs = {
        "subject": (before.subject.name, after.subject.name),
        "task": (before.subject.task, after.subject.task),
    }
    hint = "Only two audits of one subject can be compared."
    return [
        Problem(f"{key} of the two audits", f"{quote(a)} and {quote(b)}", f"the same {key}", hint)
        for key, (a, b) in pairs.items()
        if a != b
    ]


def _same_model(before: ModelRecord, after: ModelRecord) -> bool | None:
    """Whether it is one model; None where a digest is missing."""
    if not before.sha256 or not after.sha256:
        return None
    return before.sha256 == after.sha256


def _policy(report: Report) -> str | None:
    return None if report.policy is None else report.policy.sha256


def _moves(
    before: Sequence[MeasurementRecord], after: Sequence[MeasurementRecord]
) -> Iterator[MeasurementChange]:
    old = {m.id: m for m in before}
    for new in after:
        yield _move(old.pop(new.id, None), new)
    for gone in old.values():
        yield _change(gone, gone.value, None, "gone" if gone.value is not None else "unknown")


def _move(old: MeasurementRecord | None, new: MeasurementRecord) -> MeasurementChange:
    if old is None or old.value is None:
        appeared: Move = "unknown" if new.value is None else "appeared"
        return _change(new, None, new.value, appeared)
    if new.value is None:
        return _change(new, old.value, None, "gone")
    if old.exact and new.exact:
        move: Move = "within" if old.value == new.value else "changed"
        return _change(new, old.value, new.value, move)
    if old.interval is None or new.interval is None:
        return _change(new, old.value, new.value, "within" if old.value == new.value else "unknown")
    low, high = _bounds(old.value, old.interval, new.value, new.interval)
    beyond = low > 0 or high < 0
    return _change(new, old.value, new.value, "beyond" if beyond else "within", low, high)


def _change(
    held: MeasurementRecord,
    before: float | None,
    after: float | None,
    move: Move,
    low: float | None = None,
    high: float | None = None,
) -> MeasurementChange:
    difference = None if before is None or after is None else after - before
    return MeasurementChange(
        id=held.id,
        audit=held.audit,
        metric=held.metric,
        slice=held.slice,
        unit=held.unit,
        better=held.better,
        before=before,
        after=after,
        difference=difference,
        low=low,
        high=high,
        move=move,
    )


def _bounds(
    old: float, before: IntervalRecord, new: float, after: IntervalRecord
) -> tuple[float, float]:
    """Interval of new minus old at `LEVEL`, from intervals of any level."""
    scale_old, scale_new = (_z(LEVEL) / _z(held.level) for held in (before, after))
    down = math.hypot(scale_new * (new - after.low), scale_old * (before.high - old))
    up = math.hypot(scale_new * (after.high - new), scale_old * (old - before.low))
    return new - old - down, new - old + up


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


def _corrected(moves: Sequence[MeasurementChange]) -> list[MeasurementChange]:
    """Call moved what stays beyond its uncertainty after correction for all that were compared."""
    p_values = {move.id: _p_value(move) for move in moves if move.low is not None}
    ordered = sorted(p_values.values())
    accepted = [p for rank, p in enumerate(ordered, 1) if p <= (1 - LEVEL) * rank / len(ordered)]
    limit = accepted[-1] if accepted else -1.0
    return [
        move.model_copy(update={"move": "moved"})
        if move.move == "beyond" and p_values[move.id] <= limit
        else move
        for move in moves
    ]


def _p_value(move: MeasurementChange) -> float:
    """Two-sided, of no difference, from the arm that reaches towards 0."""
    difference, low, high = move.difference or 0.0, move.low or 0.0, move.high or 0.0
    arm = difference - low if difference > 0 else high - difference
    if arm <= 0:
        return 1.0 if difference == 0 else 0.0
    return 2 * NormalDist().cdf(-abs(difference) / arm * _z(LEVEL))


_MOVES: tuple[Move, ...] = (
    *("moved", "changed", "beyond", "appeared", "gone", "unknown", "within"),
)


def _telling(change: MeasurementChange) -> tuple[int, float]:
    """Sort by how sure a move is, then by its size against its uncertainty."""
    size = 0.0
    if change.low is not None and change.high is not None and change.high > change.low:
        size = abs(change.difference or 0.0) / (change.high - change.low)
    return _MOVES.index(change.move), -size


_TURNS: tuple[Turn, ...] = ("new", "worse", "open", "better", "resolved", "gone", "met")


def _turns(before: Report, after: Report) -> Iterator[FindingChange]:
    old = _by_place(before)
    for key, new in _by_place(after).items():
        yield _turn(key, after, old.pop(key, None), new)
    for key, gone in old.items():
        yield _turn(key, before, gone, None)


def _by_place(report: Report) -> dict[tuple[str, str], FindingRecord]:
    """Findings by criterion and what was measured, whatever their number was."""
    return {(f.criterion, f.measurement or ""): f for f in report.findings}


def _turn(
    key: tuple[str, str], report: Report, old: FindingRecord | None, new: FindingRecord | None
) -> FindingChange:
    held = new or old
    assert held is not None  # noqa: S101 - one of them is always there
    measurement = next((m for m in report.measurements if m.id == key[1]), None)
    criteria = report.policy.criteria if report.policy else []
    metric = next((c.metric for c in criteria if c.id == held.criterion), "")
    return FindingChange(
        id=held.id,
        criterion=held.criterion,
        metric=measurement.metric if measurement else metric,
        slice=measurement.slice if measurement else {},
        severity=held.severity,
        before=old.verdict if old else None,
        after=new.verdict if new else None,
        turn=_turned(old, new),
    )


def _turned(old: FindingRecord | None, new: FindingRecord | None) -> Turn:
    if new is None:
        return "gone"
    met = new.verdict in ("pass", "not_applicable")
    if old is None or old.verdict in ("pass", "not_applicable"):
        return "met" if met else "new"
    if met:
        return "resolved"
    if new.verdict == old.verdict:
        return "open"
    worse = _ORDER.index(new.verdict) > _ORDER.index(old.verdict)
    return "worse" if worse else "better"
