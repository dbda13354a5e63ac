"""The drawing of how often decisions are wrong where only the surest rows are decided."""

from __future__ import annotations

from collections.abc import Sequence

from auditkit.render import numbers
from auditkit.render.charts import Axis, axis, curve, framed, label
from auditkit.render.charts_plots import WIDE, Record, frame, from_top
from auditkit.render.figures import Figure, Plot, data_table, reading, source_note
from auditkit.render.page import Page, number, records
from auditkit.render.text import join
from auditkit.report import TableRecord

#: Both lines: their column, class, and what is written at their end.
LINES = (("risk", "ln", 18), ("risk_of_group", "ln two", -8))


def risk_coverage(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the risk over the share of rows that is decided: of all rows, and of the worst group."""
    rows = [row for row in records(table) if number(row, "risk") is not None]
    if len(rows) < 2:
        return []
    found = [number(row, column) or 0.0 for row in rows for column, _, _ in LINES]
    xs, ys = Axis(0.0, 1.0, 0.5), axis(found, aim=2, zero=True)
    both = [(_points(rows, column, ys), cls) for column, cls, _ in LINES]
    parts = [*frame(xs, ys, WIDE), framed(WIDE, *(curve(points, cls) for points, cls in both))]
    for (points, _), (column, _, below) in zip(both, LINES, strict=True):
        if points:
            at = points[len(points) // 2]
            key = page.words(f"risk_coverage.{column}").striptags()
            parts.append(label(f"{100 * at[0]:.0f}%", at[1] + below, key, "m k halo"))
    half = min(rows, key=lambda row: abs((number(row, "coverage") or 0.0) - 0.5))
    shares = [
        numbers.show(number(row, column) or 0.0, unit="rate").text
        for row, column in ((half, "coverage"), (half, "risk"), (rows[-1], "risk"))
    ]
    title = page.words("risk_coverage.title", share=shares[0], risk=shares[1], all=shares[2])
    return [
        Figure(
            title,
            page.words("risk_coverage.caption"),
            Plot(
                join(parts),
                WIDE,
                page.words("risk_coverage.x"),
                page.words("risk_coverage.y"),
                page.words("risk_coverage.description", n=len(rows)),
                reading(table, x=("coverage", 0, 1), y=("risk", ys.low, ys.high)),
            ),
            data_table(page, table),
            source_note(page, table),
            half=True,
        )
    ]


def _points(rows: Sequence[Record], column: str, ys: Axis) -> list[tuple[float, float]]:
    return [
        (min(max(number(row, "coverage") or 0.0, 0.0), 1.0), from_top(ys, risk, WIDE))
        for row in rows
        if (risk := number(row, column)) is not None
    ]
