"""Impact ratios on one axis from 0 to 1, with the line of four fifths."""

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
    Block,
    Figure,
    Row,
    RowChart,
    bounded,
    data_table,
    heads,
    source_note,
    value,
)
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import el, join, name
from auditkit.report import Scalar, TableRecord

#: The line of 29 CFR 1607.4(D), as the audit reads it.
LINE = 0.8
#: Readings of a difference that is significant.
SURE = frozenset({"below 0.8 and significant", "not below 0.8, yet significant"})
#: Categories that are drawn; the others are in the table.
MOST = 24
TALL = 40

Record = dict[str, Scalar]


def impact_tests(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the impact ratio of each category with its interval, and say how it reads."""
    rows = [row for row in records(table) if number(row, "impact_ratio") is not None]
    if not rows:
        return []
    scale = axis([0.0, 1.0])
    lines = grid(page, scale, TALL)
    drawn = tuple(_row(page, row, scale, lines) for row in rows[:MOST])
    headings = heads(page.words, "impact.category", "impact.value", "impact.reading")
    chart = RowChart((Block(drawn),), headings, scale_row(scale, lines), widths=(24, 24, 26, 26))
    caption = page.words("impact.caption", drawn=len(drawn), n=len(rows))
    title = page.told(table.title, 80)
    return [Figure(title, caption, chart, data_table(page, table), source_note(page, table))]


def _row(page: Page, row: Record, scale: Axis, lines: Grid) -> Row:
    ends = {"low": row.get("impact_ratio_low"), "high": row.get("impact_ratio_high")}
    reading, lacks = string(row, "four_fifths"), number(row, "shortfall")
    word = el("span", page.said(reading))
    if lacks:
        shortfall = page.words("impact.shortfall", value=numbers.show(lacks, unit="rows").text)
        word = join([word, Markup(" "), el("i", shortfall, cls="by")])
    shown = bounded({**row, **ends}, "impact_ratio")
    return Row(name(string(row, "category")), _dot(row, scale, lines), value(shown), word)


def _dot(row: Record, scale: Axis, lines: Grid) -> Markup:
    columns = ("impact_ratio", "impact_ratio_low", "impact_ratio_high")
    ratio, low, high = (number(row, column) for column in columns)
    parts = [lines.used, upright(scale.at(LINE), TALL, "lim", -TALL / 2)]
    if low is not None and high is not None:
        parts.append(row_span(scale, low, high))
    kind = "" if low is None or string(row, "four_fifths") in SURE else "mk h"
    parts.append(dot(scale.at(ratio or 0.0), kind))
    return row_drawing(*parts)
