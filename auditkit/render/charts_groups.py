"""The rates of every group, drawn on one axis a rate, unknown and empty groups included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import axis, dot, grid, line, row_drawing, row_span, scale_row
from auditkit.render.charts_rows import Scale
from auditkit.render.figures import (
    Figure,
    column_title,
    data_table,
    largest,
    source_note,
)
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import el, join, name
from auditkit.report import Scalar, TableRecord

#: The rates that are drawn, in this order; the table holds the others too.
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")
#: Groups of a column that are drawn, and those of an intersection at either end of its rate.
MOST, ENDS = 40, 2
HEIGHT = 16


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group: its name, rows, share of positives, and a drawing with numbers for each rate."""

    label: Markup
    rows: Markup
    base_rate: Markup
    rates: tuple[tuple[Markup, Markup], ...]


@dataclass(frozen=True, slots=True)
class GroupBlock:
    """The groups of one attribute or intersection."""

    title: Markup
    rows: tuple[GroupRow, ...]


@dataclass(frozen=True, slots=True)
class GroupChart:
    """Rates by group.

    Attributes:
        heads: Titles of the rates.
        axes: An axis for each rate.
        blocks: The groups of each attribute.
        caption: Name of the table.
        has_base: Whether there is a share of positives, which a binary task has.
        crossed: The intersections, apart because there are many, or None.
    """

    heads: tuple[Markup, ...]
    axes: tuple[Markup, ...]
    blocks: tuple[GroupBlock, ...]
    caption: Markup
    has_base: bool
    crossed: GroupChart | None = None


Record = dict[str, Scalar]


def groups(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the rates of each group with their intervals."""
    rows = records(table)
    drawn = drawn_rates(page, table)
    if not drawn:
        return []
    attributes = list(dict.fromkeys(string(row, "attribute") for row in rows))
    single = _columns(page, attributes)
    crossed = [attribute for attribute in attributes if attribute not in single]
    chart = _chart(page, table, single, drawn)
    if crossed:
        chart = replace(chart, crossed=_chart(page, _ends(table, drawn[0]), crossed, drawn[:1]))
    caption = page.words("groups.caption" if chart.has_base else "groups.caption_shares")
    title = _title(page, rows, single, drawn[0])
    return [Figure(title, caption, chart, data_table(page, table), source_note(page, table))]


def _ends(table: TableRecord, rate: str) -> TableRecord:
    """The groups with the lowest and the highest rates of each attribute, in their order."""
    rows = records(table)
    kept: set[int] = set()
    for attribute in dict.fromkeys(string(row, "attribute") for row in rows):
        own = [i for i, row in enumerate(rows) if string(row, "attribute") == attribute]
        own.sort(key=lambda i: value if (value := number(rows[i], rate)) is not None else 2.0)
        known = [i for i in own if number(rows[i], rate) is not None]
        kept |= {*known[:ENDS], *known[-ENDS:]}
    return table.model_copy(update={"rows": [table.rows[i] for i in sorted(kept)]})


def drawn_rates(page: Page, table: TableRecord) -> list[str]:
    """The rates that are drawn: those of which any group has one."""
    rows = records(table)
    return [r for r in _shares(page, table) if any(number(row, r) is not None for row in rows)]


def _shares(page: Page, table: TableRecord) -> list[str]:
    """The rates of a binary task, or else the shares that another one has, at most as many."""
    known = [rate for rate in RATES if rate in table.columns]
    metrics = {column: page.metric(column) for column in table.columns}
    shares = [
        column
        for column, metric in metrics.items()
        if f"{column}_low" in table.columns and metric is not None and metric.unit in numbers.SHARES
    ]
    return known or shares[: len(RATES)]


def _chart(
    page: Page, table: TableRecord, attributes: Sequence[str], rates: Sequence[str]
) -> GroupChart:
    rows = [row for row in records(table) if string(row, "attribute") in attributes]
    scales = {rate: _scale(page, rows, rate) for rate in rates}
    return GroupChart(
        tuple(column_title(page, rate) for rate in rates),
        tuple(scale_row(*scales[rate], height=20) for rate in rates),
        tuple(_block(rows, attribute, scales) for attribute in attributes),
        page.told(table.title, 80),
        "base_rate" in table.columns,
    )


def _columns(page: Page, attributes: Sequence[str]) -> list[str]:
    """Attributes that are one column; all of them where the record names no groups."""
    known = {group.column for group in page.report.subject.groups}
    return [a for a in attributes if a in known] or list(attributes)


def _scale(page: Page, rows: Sequence[Record], rate: str) -> Scale:
    columns = (rate, f"{rate}_low", f"{rate}_high")
    values = [v for row in rows for column in columns if (v := number(row, column)) is not None]
    scale = axis([min(max(value, 0.0), 1.0) for value in values], aim=2, zero=True)
    return scale, grid(page, scale, HEIGHT)


def _block(rows: Sequence[Record], attribute: str, scales: dict[str, Scale]) -> GroupBlock:
    own = [row for row in rows if string(row, "attribute") == attribute]
    drawn = tuple(
        GroupRow(
            name(string(row, "group")),
            _whole(row, "n"),
            _rate(row, "base_rate", largest(rows, "base_rate")),
            tuple(
                (_drawing(row, rate, scale), _rate(row, rate, largest(rows, rate)))
                for rate, scale in scales.items()
            ),
        )
        for row in own[:MOST]
    )
    return GroupBlock(name(attribute), drawn)


def _whole(row: Record, column: str) -> Markup:
    given = number(row, column)
    return join([numbers.DASH if given is None else numbers.count(round(given))])


def _rate(row: Record, column: str, beside: float) -> Markup:
    given, low, high = (number(row, c) for c in (column, f"{column}_low", f"{column}_high"))
    if given is None:
        return el("i", numbers.DASH)
    if low is None or high is None:
        return join([numbers.show(given, unit="rate", beside=beside).text])
    shown = numbers.show(given, low, high, unit="rate", beside=beside)
    return join([shown.text, Markup(" "), el("i", shown.interval)])


def _drawing(row: Record, rate: str, held: Scale) -> Markup:
    scale, lines = held
    given, low, high = (number(row, c) for c in (rate, f"{rate}_low", f"{rate}_high"))
    parts = [lines.used]
    if given is None:
        return row_drawing(*parts, line("0%", 0, "100%", 0, "ref"))
    if low is not None and high is not None:
        parts.append(row_span(scale, low, high))
    return row_drawing(*parts, dot(scale.at(given), r=4))


def _title(page: Page, rows: Sequence[Record], attributes: Sequence[str], rate: str) -> Markup:
    """Name the two groups whose intervals lie furthest apart: the difference that is sure."""
    found = [
        (low - high, one, other)
        for attribute in attributes
        for one, other in permutations(_bounded(rows, attribute, rate), 2)
        if (high := number(one, f"{rate}_high")) is not None
        and (low := number(other, f"{rate}_low")) is not None
        and low > high
    ]
    if not found:
        return page.words("groups.title")
    _, one, other = max(found, key=lambda pair: pair[0])
    top = number(other, rate) or 0.0
    return page.words(
        "groups.title_range",
        rate=column_title(page, rate),
        attribute=name(string(one, "attribute")),
        low=numbers.show(number(one, rate) or 0.0, unit="rate", beside=top).text,
        low_group=name(string(one, "group")),
        high=numbers.show(top, unit="rate").text,
        high_group=name(string(other, "group")),
    )


def _bounded(rows: Sequence[Record], attribute: str, rate: str) -> list[Record]:
    """The groups of an attribute at either end of a rate; more cannot lie furthest apart."""
    own = [row for row in rows if string(row, "attribute") == attribute]
    known = [row for row in own if number(row, rate) is not None]
    by_low = sorted(known, key=lambda row: -(number(row, f"{rate}_low") or 0.0))[:1]
    by_high = sorted(known, key=lambda row: number(row, f"{rate}_high") or 1.0)[:1]
    return [*by_high, *by_low]
