"""What other thresholds would do, drawn: accuracy and gaps over the threshold."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import Axis, axis, curve, framed, label, line, upright
from auditkit.render.charts_plots import Record, frame, from_top
from auditkit.render.figures import Figure, Plot, data_table, reading, source_note
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import join, name
from auditkit.report import TableRecord

HEIGHT = 240
#: The lines, and where the key begins: between accuracy and the gaps there is room.
SERIES = ("accuracy", "demographic_parity_difference", "equal_opportunity_difference")
KEY, ENTRY = 84, 18
#: Columns that the title and the caption tell already.
TOLD = ("attribute", "in_use", "n")
SHARES = Axis(0.0, 1.0, 0.2)


def thresholds(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the sensitive column whose selection rates are furthest apart at the threshold in use.

    The record holds the others; the script of the page adds a slider over the thresholds.
    """
    in_use = [row for row in records(table) if row.get("in_use") is True]
    known = [row for row in in_use if all(number(row, key) is not None for key in SERIES)]
    if not known:
        return []
    now = max(known, key=lambda row: number(row, "demographic_parity_difference") or 0.0)
    attribute = string(now, "attribute")
    own = _of(table, attribute)
    rows = [row for row in records(table) if string(row, "attribute") == attribute]
    at = [number(row, "threshold") or 0.0 for row in rows]
    xs = SHARES if min(at) >= 0 and max(at) <= 1 else axis(at)
    place = rows.index(now)
    plot = Plot(
        join([*frame(xs, SHARES, HEIGHT), *_drawn(page, rows, now, xs)]),
        HEIGHT,
        page.words("sweep.x"),
        page.words("sweep.y"),
        page.words("sweep.description", n=len(rows)),
        reading(own, x=("threshold", xs.low, xs.high), y=(SERIES[0], 0, 1)),
        place,
    )
    others = len({string(row, "attribute") for row in in_use}) - 1
    caption = [page.words("sweep.caption", attribute=name(attribute), n=_rows(now))]
    if others:
        caption.append(page.words("sweep.others", n=others))
    return [
        Figure(
            _title(page, now, attribute),
            Markup(" ").join(caption),
            plot,
            data_table(page, own),
            source_note(page, table),
        )
    ]


def _rows(row: Record) -> int:
    return int(number(row, "n") or 0)


def _of(table: TableRecord, attribute: str) -> TableRecord:
    """The lines of one column, without what is the same in all of them."""
    kept = [i for i, column in enumerate(table.columns) if column not in TOLD]
    place = table.columns.index("attribute")
    rows = [[row[i] for i in kept] for row in table.rows if str(row[place]) == attribute]
    columns = [table.columns[i] for i in kept]
    return table.model_copy(update={"columns": columns, "rows": rows})


def _drawn(page: Page, rows: Sequence[Record], now: Record, xs: Axis) -> list[Markup]:
    here = xs.at(number(now, "threshold") or 0.0)
    parts = [upright(here, HEIGHT, "lim")]
    for place, series in enumerate(SERIES):
        points = [
            (xs.share(x), from_top(SHARES, y, HEIGHT))
            for row in rows
            if (x := number(row, "threshold")) is not None
            and (y := number(row, series)) is not None
        ]
        parts.append(framed(HEIGHT, curve(points, f"gl g{place}")))
        top = KEY + ENTRY * place
        parts.append(line("92%", top, "99%", top, f"gl g{place}"))
        parts.append(label("91%", top + 4, page.words(f"sweep.{series}").striptags(), "e k halo"))
    return parts


def _title(page: Page, now: Record, attribute: str) -> Markup:
    shown = {
        key: numbers.show(number(now, key) or 0.0, unit="rate").text for key in SERIES
    }  # fmt: skip
    return page.words(
        "sweep.title",
        threshold=numbers.limit(number(now, "threshold") or 0.0),
        attribute=name(attribute),
        accuracy=shown["accuracy"],
        gap=shown["demographic_parity_difference"],
    )
