"""Gaps over all rows beside those among rows that are alike in a control."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import (
    Axis,
    Grid,
    axis,
    dot,
    grid,
    row_drawing,
    row_span,
    scale_row,
    upright,
)
from auditkit.render.figures import (
    NOTHING,
    Block,
    Figure,
    Row,
    RowChart,
    bounded,
    data_table,
    heads,
    largest,
    source_note,
    value,
)
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import el, join, name
from auditkit.report import Scalar, TableRecord

#: The rate that is drawn; the table holds the others too.
DRAWN = "selection_rate"
#: Pairs that are drawn.
MOST = 24
TALL = 40

Record = dict[str, Scalar]


def conditional(page: Page, table: TableRecord) -> list[Figure]:
    """Draw each pair's difference within a control, with a tick where it is over all rows."""
    rows = [row for row in records(table) if _is_drawn(row)][:MOST]
    if not rows:
        return []
    columns = ("raw", "within", "within_low", "within_high")
    ends = [v for row in rows for column in columns if (v := number(row, column)) is not None]
    scale = axis(ends, zero=True)
    lines, size = grid(page, scale, TALL), largest(rows, "within")
    drawn = tuple(_row(page, row, scale, lines, size) for row in rows)
    headings = heads(page.words, "forest.compared", "conditional.value", "conditional.outcome")
    chart = RowChart((Block(drawn),), headings, scale_row(scale, lines), widths=(30, 28, 22, 20))
    found = sum(_is_sure(row) for row in rows)
    title = page.words("conditional.title", found=found, n=len(rows))
    caption = join([page.words("conditional.caption"), " ", _chosen(page, table)])
    return [Figure(title, caption, chart, data_table(page, table), source_note(page, table))]


def _is_drawn(row: Record) -> bool:
    known = number(row, "within") is not None and number(row, "raw") is not None
    return known and string(row, "metric") == DRAWN


def _chosen(page: Page, table: TableRecord) -> Markup:
    """Say which controls were chosen where nobody named any."""
    planned = [audit for audit in page.report.plan.audits if audit.name == table.audit]
    if not planned or planned[0].settings.get("control") or planned[0].defaults.get("control"):
        return NOTHING
    controls = dict.fromkeys(string(row, "control") for row in records(table))
    listed = page.words.listing([name(control) for control in controls])
    return page.words("conditional.chosen", controls=listed)


def _is_sure(row: Record) -> bool:
    low, high = number(row, "within_low"), number(row, "within_high")
    return low is not None and high is not None and not low <= 0 <= high


def _row(page: Page, row: Record, scale: Axis, lines: Grid, beside: float) -> Row:
    pair = page.words("forest.pair", a=name(string(row, "a")), b=name(string(row, "b")))
    columns, control = name(string(row, "attribute")), name(string(row, "control"))
    held = page.words("slice.within", columns=columns, control=control)
    raw = numbers.show(number(row, "raw") or 0.0, signed=True).text
    all_rows = page.words("conditional.raw", value=raw)
    word = [outcome(page, row), Markup(" "), el("i", all_rows, cls="by")]
    given: Record = {**row, "low": row.get("within_low"), "high": row.get("within_high")}
    shown = bounded(given, "within", beside=beside, signed=True)
    label = join([pair, Markup(" "), el("i", held, cls="by")])
    return Row(label, _dot(given, scale, lines), value(shown), join(word))


def outcome(page: Page, row: Record) -> Markup:
    """What became of a gap, in our words where there are any."""
    key = f"outcome.{string(row, 'outcome')}"
    return page.words(key) if page.words.has(key) else page.said(string(row, "outcome"))


def _dot(row: Record, scale: Axis, lines: Grid) -> Markup:
    raw, middle, low, high = (number(row, c) or 0.0 for c in ("raw", "within", "low", "high"))
    parts = [lines.used, upright(scale.at(raw), TALL / 2, "wh", -TALL / 4)]
    if number(row, "low") is not None and number(row, "high") is not None:
        parts.append(row_span(scale, low, high))
    kind = "" if _is_sure(row) else "mk h"
    parts.append(dot(scale.at(middle), kind))
    return row_drawing(*parts)
