"""Drawings with a line for each group: ROC curves, and scores against what came true."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from auditkit.render.charts import bars, curve, framed, label, line
from auditkit.render.charts_plots import SQUARE, UNIT, Record, from_top, unit_frame
from auditkit.render.figures import NOTHING, Figure, Plot, data_table, reading, source_note
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import join, name
from auditkit.report import TableRecord

#: Groups of a column that have a line; the table holds the others too.
LINES = 6
#: Characters of a group's name that stand beside its line.
NAMED = 24
#: Height of an entry of the key.
ENTRY = 18


def roc_groups(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the ROC curve of each group, a drawing a column."""
    return _drawn(page, table, "roc_groups.", "false_positive_rate", "true_positive_rate")


def calibration_groups(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the observed rate of each group against its mean score, a drawing a column."""
    return _drawn(page, table, "calibration_groups.", "mean_score", "observed_rate")


def _drawn(page: Page, table: TableRecord, words: str, x: str, y: str) -> list[Figure]:
    found: list[Figure] = []
    for attribute in dict.fromkeys(string(row, "attribute") for row in records(table)):
        own = _of(table, attribute)
        groups = _groups(records(own), x, y)
        if not groups:
            continue
        shown = name(attribute)
        plot = Plot(
            join([unit_frame(page), *_lines(groups, x, y)]),
            SQUARE,
            page.words(f"{words}x"),
            page.words(f"{words}y"),
            page.words(f"{words}description", attribute=shown, n=len(groups)),
            reading(own, x=(x, 0, 1), y=(y, 0, 1)),
        )
        title = page.words(f"{words}title", attribute=shown)
        caption = page.words(f"{words}caption")
        note = NOTHING if found else source_note(page, table)  # once is enough
        found.append(Figure(title, caption, plot, data_table(page, own), note, half=True))
    return found


def _of(table: TableRecord, attribute: str) -> TableRecord:
    """The part of a table that is about one column."""
    place = table.columns.index("attribute")
    rows = [row for row in table.rows if str(row[place]) == attribute]
    return table.model_copy(update={"rows": rows})


def _groups(rows: Sequence[Record], x: str, y: str) -> dict[str, list[Record]]:
    """The points of each group that can be drawn, from left to right."""
    groups: dict[str, list[Record]] = {}
    for row in rows:
        if all(0 <= (value if (value := number(row, c)) is not None else -1) <= 1 for c in (x, y)):
            groups.setdefault(string(row, "group"), []).append(row)
    for points in groups.values():
        points.sort(key=lambda row: (number(row, x) or 0.0, number(row, y) or 0.0))
    return dict(list(groups.items())[:LINES])


def _lines(groups: dict[str, list[Record]], x: str, y: str) -> list[Markup]:
    curves: list[Markup] = []
    for place, rows in enumerate(groups.values()):
        points = [
            (number(row, x) or 0.0, from_top(UNIT, number(row, y) or 0.0, SQUARE)) for row in rows
        ]
        curves.append(curve(points, f"gl g{place}"))
        held = [bar for row in rows for bar in _interval(row, x)]
        curves += [bars(held, f"gl th g{place}")] if held else []
    parts = [framed(SQUARE, *curves)]
    for place, group in enumerate(groups):
        height = SQUARE - ENTRY * (len(groups) - place) + 4
        parts.append(line("90%", height, "98%", height, f"gl g{place}"))
        text = group if len(group) <= NAMED else f"{group[: NAMED - 1]}\N{HORIZONTAL ELLIPSIS}"
        parts.append(label("88%", height + 4, text, "e k halo"))
    return parts


def _interval(row: Record, x: str) -> list[tuple[float, float, float]]:
    low, high = number(row, "low"), number(row, "high")
    if low is None or high is None:
        return []
    place = number(row, x) or 0.0
    return [(place, from_top(UNIT, high, SQUARE), from_top(UNIT, low, SQUARE))]
