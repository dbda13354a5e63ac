"""Drawings with two axes: reliability, ROC on linear and on logarithmic axes, and curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import Axis, axis, curve, framed, label, line, pct, px, upright
from auditkit.render.figures import (
    Figure,
    Plot,
    column_title,
    data_table,
    reading,
    source_note,
)
from auditkit.render.page import Page, number, records
from auditkit.render.text import el, join
from auditkit.report import Scalar, TableRecord

SQUARE, WIDE = 320, 200
#: Points of a curve that are drawn.
POINTS = 120
#: Bins that differ less in rows than this have no bars for them.
DIFFER = 1.5
#: Where the logarithmic axes begin if the data do not go lower.
DECADES = 4

FPR, TPR = "false_positive_rate", "true_positive_rate"

Record = dict[str, Scalar]
Place = Callable[[float], float]
UNIT = Axis(0.0, 1.0, 0.2)


def reliability(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the observed rate against the mean score of each bin."""
    needed = ("mean_score", "observed_rate")
    rows = [row for row in records(table) if all(number(row, c) is not None for c in needed)]
    if not rows:
        return []
    parts = [unit_frame(page)]
    most, least = (end(number(row, "n") or 0.0 for row in rows) for end in (max, min))
    differ = most > DIFFER * least
    for row in rows:
        parts += _bin(row, most if differ else 0.0)
    caption = [page.words("reliability.caption")]
    binary = page.report.subject.task == "binary"  # else the score is that of the chosen class
    if differ:
        caption.append(page.words("reliability.caption_rows"))
    return [
        Figure(
            _reliability_title(page, rows),
            Markup(" ").join(caption),
            Plot(
                join(parts),
                SQUARE,
                page.words("reliability.x"),
                page.words("reliability.y" if binary else "reliability.y_right"),
                page.words("reliability.description", n=len(rows)),
                reading(table, x=("mean_score", 0, 1), y=("observed_rate", 0, 1)),
            ),
            data_table(page, table),
            source_note(page, table),
            half=True,
        )
    ]


def _bin(row: Record, most: float) -> list[Markup]:
    x, y = number(row, "mean_score") or 0.0, number(row, "observed_rate") or 0.0
    low, high, people = number(row, "low"), number(row, "high"), number(row, "n") or 0.0
    height = 40 * math.sqrt(people / most) if most else 0.0
    at = UNIT.at(x)
    parts = [upright(at, height, "pop", SQUARE - height)] if height else []
    if low is not None and high is not None:
        parts.append(
            line(at, from_top(UNIT, high, SQUARE), at, from_top(UNIT, low, SQUARE), "iv ev")
        )
    parts.append(el("circle", cls="mk ev", cx=at, cy=px(from_top(UNIT, y, SQUARE)), r="4"))
    return parts


def _reliability_title(page: Page, rows: Sequence[Record]) -> Markup:
    """Name the bin that is furthest off among those whose interval leaves out the score."""

    def off(row: Record) -> float:
        low, high = number(row, "low"), number(row, "high")
        score = number(row, "mean_score") or 0.0
        if low is None or high is None or low <= score <= high:
            return 0.0
        return abs(score - (number(row, "observed_rate") or 0.0))

    worst = max(rows, key=off)
    outside = sum(off(row) > 0 for row in rows)
    if not outside:
        return page.words("reliability.title_good", n=len(rows))
    return page.words(
        "reliability.title",
        bins=len(rows),
        n=outside,
        score=numbers.show(number(worst, "mean_score") or 0.0, unit="rate").text,
        rate=numbers.show(number(worst, "observed_rate") or 0.0, unit="rate").text,
    )


def roc(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the true positive rate against the false positive rate."""
    rows = _curve_rows(table)
    if len(rows) < 2:
        return []
    parts = [unit_frame(page)]
    points = [(UNIT.share(x), from_top(UNIT, y, SQUARE)) for x, y, _ in rows]
    parts.append(framed(SQUARE, curve(points, "ln")))
    parts += _operating_point(page, rows)
    return [
        Figure(
            page.words("roc.title"),
            page.words("roc.caption"),
            Plot(
                join(parts),
                SQUARE,
                page.words("roc.x"),
                page.words("roc.y"),
                page.words("roc.description", n=len(rows)),
                reading(table, x=(FPR, 0, 1), y=(TPR, 0, 1)),
            ),
            data_table(page, table),
            source_note(page, table),
            half=True,
        )
    ]


def _curve_rows(table: TableRecord) -> list[tuple[float, float, Record]]:
    found = []
    for row in records(table)[:POINTS]:
        x, y = number(row, "false_positive_rate"), number(row, "true_positive_rate")
        if x is not None and y is not None and 0 <= x <= 1 and 0 <= y <= 1:
            found.append((x, y, row))
    return sorted(found, key=lambda point: point[:2])


def _operating_point(page: Page, rows: Sequence[tuple[float, float, Record]]) -> list[Markup]:
    """The point of the subject's own threshold, between the two points of the curve around it."""
    threshold = page.report.subject.roles.threshold
    known = [(t, x, y) for x, y, row in rows if (t := number(row, "threshold")) is not None]
    if threshold is None or not known:
        return []
    below = max((point for point in known if point[0] <= threshold), default=None)
    above = min((point for point in known if point[0] >= threshold), default=None)
    if below is None or above is None:
        return []
    width = above[0] - below[0]
    part = (threshold - below[0]) / width if width else 0.0
    x, y = (b + part * (a - b) for b, a in zip(below[1:], above[1:], strict=True))
    at, top = UNIT.at(x), px(from_top(UNIT, y, SQUARE))
    text = page.words("roc.threshold", threshold=numbers.limit(threshold))
    return [
        el("circle", cls="mk ev", cx=at, cy=top, r="5"),
        el("svg", label("10", 20, str(text), "k halo"), x=at, y=top),
    ]


def log_log_roc(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the ROC of an attack with both axes logarithmic: the corner where it would hurt."""
    rows = [point for point in _curve_rows(table) if point[0] > 0 and point[1] > 0]
    if len(rows) < 2:
        return []
    start = max(-DECADES, math.floor(math.log10(rows[0][0])))

    def right(x: float) -> float:
        return (math.log10(max(x, 10.0**start)) - start) / -start

    def down(y: float) -> float:
        return SQUARE * (1 - right(y))

    if start >= 0:
        return []
    parts = _log_frame(start, right, down)
    parts.append(line("0%", SQUARE, "100%", 0, "ref"))
    curves_ = []
    for column in ("low", "high"):
        bound = [(right(x), down(v)) for x, _, r in rows if (v := number(r, column)) is not None]
        curves_.append(curve(bound, "bl"))
    curves_.append(curve([(right(x), down(y)) for x, y, _ in rows], "ln"))
    parts.append(framed(SQUARE, *curves_))
    return [
        Figure(
            _attack_title(page, rows),
            page.words("attack.caption"),
            Plot(
                join(parts),
                SQUARE,
                page.words("attack.x"),
                page.words("attack.y"),
                page.words("attack.description", n=len(rows)),
                reading(table, log_x=(FPR, start, 0), log_y=(TPR, start, 0)),
            ),
            data_table(page, table),
            source_note(page, table),
            half=True,
        )
    ]


def _attack_title(page: Page, rows: Sequence[tuple[float, float, Record]]) -> Markup:
    x, y, row = min(rows, key=lambda point: abs(math.log10(point[0] / 0.01)))
    low, high = number(row, "low"), number(row, "high")
    beats = low is not None and low > x
    shown = numbers.show(100 * y, *(None if v is None else 100 * v for v in (low, high)))
    false_alarms = numbers.show(100 * x).text
    key = "attack.title_beats" if beats else "attack.title_chance"
    return page.words(key, found=shown.text, alarms=false_alarms)


def _log_frame(start: int, right: Place, down: Place) -> list[Markup]:
    parts = []
    for power in range(start, 1):
        value = 10.0**power
        text = f"{numbers.limit(float(f'1e{power + 2}'))}%"
        at = pct(right(value))
        parts += [
            upright(at, SQUARE, "grid"),
            line("0%", down(value), "100%", down(value), "grid"),
        ]
        parts += [
            label(at, SQUARE + 18, text, "m d"),
            label("-8", down(value) + 4, text, "e d"),
        ]
    return [*parts, line("0%", SQUARE, "100%", SQUARE, "axis"), upright("0%", SQUARE, "axis")]


def curves(page: Page, table: TableRecord) -> list[Figure]:
    """Draw columns of numbers over the first column, each labelled at its end."""
    rows = records(table)
    first, *others = table.columns
    series = {
        column: points for column in others if len(points := _points(rows, first, column)) > 1
    }
    if not series:
        return []
    xs = axis([x for points in series.values() for x, _ in points])
    ys = axis([y for points in series.values() for _, y in points], aim=4)
    xs = Axis(
        min(p[0][0] for p in series.values()), max(p[-1][0] for p in series.values()), xs.step
    )
    lowest = min(points[-1][1] for points in series.values())
    if from_top(ys, lowest, WIDE) > WIDE - 30:
        ys = Axis(ys.low - ys.step, ys.high, ys.step)  # room for the label under the line
    parts = frame(xs, ys, WIDE)
    for place, (column, points) in enumerate(list(series.items())[:2]):
        cls = "ln" if place == 0 else "ln two"
        line_ = curve([(xs.share(x), from_top(ys, y, WIDE)) for x, y in points], cls)
        parts.append(framed(WIDE, line_))
        parts.append(_end_label(page, column, points, xs, ys))
    return [
        Figure(
            _curves_title(page, table, series),
            page.words("line.caption"),
            Plot(
                join(parts),
                WIDE,
                column_title(page, first),
                page.words("line.y") if "train_loss" in series else page.told(table.title, 60),
                page.words("line.description", n=len(rows)),
                reading(table, x=(first, xs.low, xs.high), y=(next(iter(series)), ys.low, ys.high)),
            ),
            data_table(page, table),
            source_note(page, table),
            half=True,
        )
    ]


def _points(rows: Sequence[Record], first: str, column: str) -> list[tuple[float, float]]:
    found = []
    for row in rows[: 4 * POINTS]:
        x, y = number(row, first), number(row, column)
        if x is not None and y is not None:
            found.append((x, y))
    return sorted(found)


def _end_label(
    page: Page, column: str, points: Sequence[tuple[float, float]], xs: Axis, ys: Axis
) -> Markup:
    x, y = points[-1]
    at, top = pct(xs.share(x)), from_top(ys, y, WIDE)
    text = column_title(page, column).striptags()
    above = column.startswith("validation")
    return el("svg", label("-4", -8 if above else 16, text, "e k halo"), x=at, y=px(top))


def _curves_title(
    page: Page, table: TableRecord, series: dict[str, list[tuple[float, float]]]
) -> Markup:
    validation = series.get("validation_loss")
    if not validation:
        return page.told(table.title, 80)
    epoch, loss = min(validation, key=lambda point: (point[1], point[0]))
    return page.words("line.title", epoch=numbers.tick(epoch, 0), loss=numbers.show(loss).text)


def frame(xs: Axis, ys: Axis, height: int) -> list[Markup]:
    """The axes of a drawing, with their ticks and hairlines."""
    parts = []
    for value, text in ys.ticks():
        y = from_top(ys, value, height)
        parts += [line("0%", y, "100%", y, "grid"), label("-8", y + 4, text, "e d")]
    for value, text in xs.ticks():
        parts.append(upright(xs.at(value), 5, "axis", height))
        parts.append(label(xs.at(value), height + 18, text, "m d"))
    return [*parts, line("0%", height, "100%", height, "axis")]


def unit_frame(page: Page) -> Markup:
    """The axes from 0 to 1 and the diagonal, which many drawings share: drawn once, then used."""
    diagonal = line("0%", SQUARE, "100%", 0, "ref")
    return page.shared("unit", [*frame(UNIT, UNIT, SQUARE), diagonal])


def from_top(scale: Axis, value: float, height: int) -> float:
    """How far below the upper edge a number stands, in pixels."""
    return height * (1 - min(max(scale.share(value), 0.0), 1.0))
