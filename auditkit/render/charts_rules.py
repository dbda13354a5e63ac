"""The rules of a small tree as a table: a line for each node, set in below the one it narrows."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import Axis, axis, dot, grid, row_drawing, row_span, scale_row
from auditkit.render.charts_rows import LOW, Record, Scale
from auditkit.render.figures import (
    Block,
    Figure,
    Row,
    RowChart,
    bounded,
    cell,
    largest,
    source_note,
    value,
)
from auditkit.render.page import Page, number, records
from auditkit.render.text import el
from auditkit.report import TableRecord

#: Lines are set in this deep at most.
DEEPEST = 4
#: Lines that are drawn; `audit.json` holds them all.
NODES = 31
#: Longest condition that is shown whole; unit: characters.
CONDITION = 60


def rules(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the nodes of a tree with what the model gives the rows that pass through them."""
    rows = records(table)[:NODES]
    if not rows:
        return []
    task = page.report.subject.task
    given = [
        v for row in rows for c in ("given", "low", "high") if (v := number(row, c)) is not None
    ]
    scale = axis(given, zero=True) if task == "regression" and given else Axis(0.0, 1.0, 0.25)
    held, beside = (scale, grid(page, scale, LOW)), largest(rows, "given")
    drawn = tuple(_row(page, row, held, beside) for row in rows)
    headings = (
        page.words("rules.condition"),
        page.words(f"rules.value.{task}"),
        page.words("rules.decision"),
    )
    widths = (40, 20, 20, 20)
    chart = RowChart((Block(drawn),), headings, scale_row(*held), kind="wf", widths=widths)
    leaves = sum(row.get("is_leaf") is True for row in rows)
    caption = page.words("rules.caption", given=page.words(f"rules.given.{task}"))
    title = page.words("rules.title", n=leaves)
    return [Figure(title, caption, chart, note=source_note(page, table))]


def _row(page: Page, row: Record, held: Scale, beside: float) -> Row:
    depth = min(round(number(row, "depth") or 0.0), DEEPEST)
    condition = row.get("condition")
    label = (
        page.words.condition(str(condition), CONDITION) if condition else page.words("rules.root")
    )
    shown = value(bounded(row, "given", beside=beside))
    share = numbers.show(100 * (number(row, "share") or 0.0)).text + "%"
    key = "rules.leaf" if row.get("is_leaf") is True else _inner(page)
    word = page.words(key, decision=_decision(page, row), share=share)
    return Row(el("span", label, cls=f"i{depth}" if depth else ""), _mark(row, held), shown, word)


def _decision(page: Page, row: Record) -> Markup:
    given = row.get("decision")
    return page.said(given) if isinstance(given, str) else cell(given)


def _inner(page: Page) -> str:
    """Between the ends, the class that a share is about must be named."""
    return "rules.inner" if page.report.subject.task == "multiclass" else "rules.share"


def _mark(row: Record, held: Scale) -> Markup:
    scale, lines = held
    given, low, high = (number(row, c) for c in ("given", "low", "high"))
    parts = [lines.used]
    if low is not None and high is not None:
        parts.append(row_span(scale, low, high, "iv ev"))
    if given is not None:
        parts.append(dot(scale.at(given), "mk ev", 4))
    return row_drawing(*parts)
