"""What changed since another audit of the subject: in the report, and as a page of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditkit.changed import ChangesRecord, FindingChange, MeasurementChange, Move, Turn, Verdict
from auditkit.render import numbers, provenance
from auditkit.render.page import Page
from auditkit.render.text import el, join, name
from auditkit.render.verdicts import verdict as shown_verdict

#: Moves that are told one by one; the others are counted.
TOLD: tuple[Move, ...] = ("moved", "changed", "beyond")
#: Turns that are told one by one.
TURNED: tuple[Turn, ...] = ("new", "worse", "better", "resolved", "gone")
#: Rows of a table that are shown; `audit.json` and the JSON of `auditkit diff` hold all.
ROWS = 40


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A measurement that moved."""

    title: Markup
    where: Markup
    before: Markup
    after: Markup
    difference: Markup
    move: Markup


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A finding that changed."""

    id: Markup
    title: Markup
    before: Markup
    after: Markup
    turn: Markup


def lede(page: Page, changes: ChangesRecord) -> Markup:
    """Count what is new, worse, better and resolved, and what moved."""
    turns = Counter(finding.turn for finding in changes.findings)
    moves = Counter(change.move for change in changes.measurements)
    parts = [page.words(f"changes.n_{turn}", n=turns[turn]) for turn in TURNED if turns[turn]]
    found = page.words.listing(parts) if parts else page.words("changes.no_turn")
    return page.words(
        "changes.lede",
        found=found[:1].upper() + found[1:],
        moved=page.words("changes.n_moved", n=moves["moved"]),
        compared=changes.compared,
    )


def about(page: Page, changes: ChangesRecord) -> Markup:
    """Name the other audit, and say whether model, data and policy are the same."""
    same = [
        page.words(f"changes.{key}_{'same' if value else 'other'}")
        for key, value in (
            ("model", changes.same_model), ("data", changes.same_data),
            ("policy", changes.same_policy),
        )
        if value is not None
    ]  # fmt: skip
    facts = {
        "before": el("span", name(changes.before, 60), cls="mono"),
        "date": provenance.date(page, changes.before_created),
        "same": page.words.listing(same),
    }
    return page.words("changes.about", **facts)


def verdicts(page: Page, changes: ChangesRecord) -> Markup:
    """The verdict before and after."""
    before, after = (
        page.words(f"banner.{verdict}")
        for verdict in (changes.before_verdict, changes.after_verdict)
    )
    key = "changes.verdict_same" if before == after else "changes.verdict"
    return page.words(key, before=before, after=after)


def findings(page: Page, changes: ChangesRecord) -> list[TurnRow]:
    """The findings that changed, the new ones first."""
    return [_turn_row(page, f) for f in changes.findings if f.turn in TURNED][:ROWS]


def _turn_row(page: Page, finding: FindingChange) -> TurnRow:
    where = page.where(finding.slice)
    title = page.metric_title(finding.metric)
    return TurnRow(
        name(finding.id, 24),
        join([title, page.words("list.clause"), where]) if where else title,
        _verdict(page, finding.before),
        _verdict(page, finding.after),
        page.words(f"changes.{finding.turn}"),
    )


def _verdict(page: Page, verdict: Verdict | None) -> Markup:
    if verdict is None:
        return join([numbers.DASH])
    return shown_verdict(verdict, page.words)


def measurements(page: Page, changes: ChangesRecord) -> list[MoveRow]:
    """The measurements that moved, the surest first."""
    return [_move_row(page, m) for m in changes.measurements if m.move in TOLD][:ROWS]


def left_out(changes: ChangesRecord) -> int:
    """How many measurements that moved are not in the table."""
    return max(0, sum(change.move in TOLD for change in changes.measurements) - ROWS)


def others(page: Page, changes: ChangesRecord) -> Markup:
    """Count the measurements that are not told one by one."""
    counts = Counter(change.move for change in changes.measurements)
    kinds: Sequence[Move] = ("within", "appeared", "gone", "unknown")
    parts = [page.words(f"changes.n_{kind}", n=counts[kind]) for kind in kinds if counts[kind]]
    return page.words.listing(parts)


def _move_row(page: Page, change: MeasurementChange) -> MoveRow:
    return MoveRow(
        page.metric_title(change.metric),
        page.where(change.slice) or page.words("gone.all_rows"),
        _number(change.before, change.unit),
        _number(change.after, change.unit),
        _difference(change),
        page.words(f"changes.{change.move}"),
    )


def _number(value: float | None, unit: str) -> Markup:
    return join([numbers.DASH if value is None else numbers.show(value, unit=unit).text])


def _difference(change: MeasurementChange) -> Markup:
    if change.difference is None:
        return join([numbers.DASH])
    shown = numbers.show(change.difference, change.low, change.high, unit=change.unit, signed=True)
    return join([shown.text, " ", el("i", shown.interval)])
