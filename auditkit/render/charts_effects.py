"""Small drawings of how the score changes along each feature, with one scale for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import Axis, axis, label, line, pct, px, stretched
from auditkit.render.figures import (
    DataTable,
    Figure,
    Panel,
    Panels,
    bounded,
    cell,
    source_note,
    value,
)
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import el, join, name
from auditkit.report import Scalar, TableRecord

#: Height of the curve of a number, of the bars below it, and of the row of a category.
CURVE, BARS, LEVEL = 112, 22, 21
#: Height of the numbers over the marks of categories.
FOOT = 18
#: A panel keeps room at its left for the numbers of its axis.
LEFT = 13.0
#: Where the marks of categories begin and end.
MARKS = (46.0, 86.0)
#: Letters of a category that stand beside its mark.
NAMED = 19
#: A share below this is only said to be below it.
LEAST_SHARE = 0.01
#: Movement against the direction up to which a curve is said to rise or fall.
STRAY = 0.1

Record = dict[str, Scalar]


@dataclass(frozen=True)
class Told:
    """What a curve says, in words.

    Attributes:
        feature: The feature.
        sentence: What its effect is.
        reach: Highest minus lowest effect.
        is_number: Whether its points have an order.
    """

    feature: str
    sentence: Markup
    reach: float
    is_number: bool


@dataclass(frozen=True)
class Lines:
    """Ids of the hairlines of the two kinds of panel."""

    numbers: str
    levels: str


def effects(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the effects of each feature as small multiples."""
    held = by_feature(table)
    if not held:
        return []
    given = [v for rows in held.values() for row in rows for v in _numbers(row)]
    scale = axis(given, aim=4, zero=True)
    lines = Lines(page.fresh_id(), page.fresh_id())
    panels = [_panel(page, feature, rows, scale, lines) for feature, rows in held.items()]
    asked = asked_words(page)
    return [
        Figure(
            page.words("effects.title", asked=asked),
            page.words("effects.caption", asked=asked),
            Panels(_axes(scale, lines), tuple(panels)),
            _data(page, held),
            source_note(page, table),
        )
    ]


def by_feature(table: TableRecord) -> dict[str, list[Record]]:
    """The points of each feature, in their order; points without an effect are left out."""
    held: dict[str, list[Record]] = {}
    for row in records(table):
        if number(row, "effect") is not None:
            held.setdefault(string(row, "feature"), []).append(row)
    return {feature: rows for feature, rows in held.items() if len(rows) > 1}


def asked_words(page: Page) -> Markup:
    """What the model gives: a score, or a prediction."""
    regression = page.report.subject.task == "regression"
    return page.words("effects.asked.prediction" if regression else "effects.asked.score")


def tell(page: Page, feature: str, rows: Sequence[Record]) -> Told:
    """Say what a curve shows: its direction where it has one, else its highest and lowest point."""
    values = [_effect(row) for row in rows]
    low, high = (choose(rows, key=_effect) for choose in (min, max))
    reach = _effect(high) - _effect(low)
    shown = numbers.show(reach).text
    ends = {"value": shown, "lowest": _at(low), "highest": _at(high)}
    if reach == 0:
        sentence = page.words("effects.none")
    elif string(rows[0], "kind") != "number":
        sentence = page.words("effects.category", **ends)
    elif _against(values) > STRAY:
        sentence = page.words("effects.turns", **ends)
    else:
        sentence = _directed(page, rows, values)
    if _could_be_chance(page, feature):
        sentence += page.words("effects.chance")
    return Told(feature, sentence, reach, string(rows[0], "kind") == "number")


def _directed(page: Page, rows: Sequence[Record], values: Sequence[float]) -> Markup:
    change = values[-1] - values[0]
    key = "effects.raises" if change > 0 else "effects.lowers"
    shown = numbers.show(abs(change)).text
    sentence = page.words(key, value=shown, first=_at(rows[0]), last=_at(rows[-1]))
    start, end = _steepest(values)
    if 2 * (end - start) > len(values) - 1:
        return sentence
    if end == len(values) - 1:
        return sentence + page.words("effects.most_above", edge=_at(rows[start]))
    if start == 0:
        return sentence + page.words("effects.most_below", edge=_at(rows[end]))
    edges = {"low": _at(rows[start]), "high": _at(rows[end])}
    return sentence + page.words("effects.most_between", **edges)


def _steepest(values: Sequence[float]) -> tuple[int, int]:
    """The fewest steps that make more than half of the change, of equally few the steepest."""
    change, last = abs(values[-1] - values[0]), len(values)
    spans = [(i, j) for i in range(last) for j in range(i + 1, last)]
    enough = [(i, j) for i, j in spans if abs(values[j] - values[i]) > change / 2]
    return min(enough, key=lambda s: (s[1] - s[0], -abs(values[s[1]] - values[s[0]])))


def _against(values: Sequence[float]) -> float:
    steps = [b - a for a, b in pairwise(values)]
    up, down = (math.fsum(max(sign * step, 0.0) for step in steps) for sign in (1, -1))
    return min(up, down) / (up + down) if up + down else 0.0


def _could_be_chance(page: Page, feature: str) -> bool:
    return any(
        m.interval is not None and m.interval.low <= 0
        for m in page.report.measurements
        if m.metric == "effect_range" and m.slice.get("feature") == feature
    )


def _effect(row: Record) -> float:
    return number(row, "effect") or 0.0


def _numbers(row: Record) -> list[float]:
    columns = ("effect", "low", "high", "dependence")
    return [v for column in columns if (v := number(row, column)) is not None]


def _at(row: Record) -> Markup | str:
    """A point in words: a plain number, or the name of a category."""
    at = number(row, "at")
    return name(string(row, "at"), 30) if at is None else numbers.limit(at)


def _axes(scale: Axis, lines: Lines) -> Markup:
    """The hairlines of both kinds of panel, written once."""
    numbers_: list[Markup] = []
    categories: list[Markup] = []
    for tick, text in scale.ticks():
        y, kind = _down(scale, tick), "axis" if tick == 0 else "grid"
        numbers_ += [line(f"{LEFT:g}%", y, "100%", y, kind), label("0", y + 4, text, "tk")]
        at = _mark(scale, tick)
        categories.append(el("line", cls=kind, x1=at, x2=at, y1=f"{FOOT}", y2="100%"))
        categories.append(label(at, FOOT - 4, text, "tk m"))
    return el("defs", el("g", *numbers_, id=lines.numbers), el("g", *categories, id=lines.levels))


def _panel(page: Page, feature: str, rows: Sequence[Record], scale: Axis, lines: Lines) -> Panel:
    told = tell(page, feature, rows)
    title = page.words("effects.panel", feature=el("b", name(feature)), sentence=told.sentence)
    description = page.words("effects.description", n=len(rows))
    parts = _curve(rows, scale) if told.is_number else _levels(rows, scale)
    grid = el("use", href=f"#{lines.numbers if told.is_number else lines.levels}")
    height = CURVE + BARS if told.is_number else FOOT + LEVEL * len(rows)
    return Panel(title, join([grid, *parts]), height, description)


def _curve(rows: Sequence[Record], scale: Axis) -> list[Markup]:
    """A curve with its band over bars of how many rows lie between two points."""
    parts, last = [_bars(rows), _shapes(rows, scale)], len(rows) - 1
    for i in sorted({0, round(last / 3), round(2 * last / 3), last}):
        side = "d" if i == 0 else "e d" if i == last else "m d"
        parts.append(label(pct(_across(i, last) / 100), CURVE + BARS + 14, str(_at(rows[i])), side))
    return parts


def _shapes(rows: Sequence[Record], scale: Axis) -> Markup:
    """The curve, its band, and the partial dependence beside it."""
    last = len(rows) - 1

    def points(column: str) -> list[str]:
        return [
            f"{100 * i / last:.3g},{_down(scale, given):.3g}"
            for i, row in enumerate(rows)
            if (given := number(row, column)) is not None
        ]

    low, high, beside = points("low"), points("high"), points("dependence")
    parts = [el("polygon", points=" ".join([*high, *low[::-1]]))] if low else []
    parts += [el("polyline", cls="pd", points=" ".join(beside))] if len(beside) > 1 else []
    parts.append(el("polyline", points=" ".join(points("effect"))))
    return stretched((100, CURVE), *parts, cls="fx", **_place(CURVE))


def _bars(rows: Sequence[Record]) -> Markup:
    """How many rows lie between two points, as one path in a frame of 100 by `BARS`."""
    last = len(rows) - 1
    shares = [number(row, "share") or 0.0 for row in rows]
    most = max(shares) or 1.0
    steps = []
    for i in range(1, last + 1):
        height = max(1.0, BARS * shares[i] / most - 3)
        left, right = 100 * (i - 1) / last + 0.5, 100 * i / last - 0.5
        steps.append(f"M{left:.3g} {BARS}v{-height:.3g}H{right:.3g}V{BARS}z")
    shape = el("path", cls="bar", d="".join(steps))
    return stretched((100, BARS), shape, cls="", **_place(BARS, CURVE))


def _place(height: int, y: int | None = None) -> dict[str, object]:
    """Where a frame stands in a panel: right of the numbers of its axis."""
    return {"x": f"{LEFT:g}%", "y": y, "width": f"{100 - LEFT:g}%", "height": height}


def _across(i: int, last: int) -> float:
    """Where a point stands, in percent of the width."""
    return LEFT + (100 - LEFT) * i / last


def _down(scale: Axis, given: float) -> float:
    """How far below the upper edge a number stands, in pixels."""
    return CURVE * (1 - min(max(scale.share(given), 0.0), 1.0))


def _levels(rows: Sequence[Record], scale: Axis) -> list[Markup]:
    """A mark with its interval for each category, the highest first."""
    parts = []
    for i, row in enumerate(sorted(rows, key=lambda row: -_effect(row))):
        y = FOOT + LEVEL * (i + 0.5)
        parts += [label("0", y + 4, _cut(string(row, "at")), "k"), *_share(row, y)]
        low, high = number(row, "low"), number(row, "high")
        if low is not None and high is not None:
            parts.append(line(_mark(scale, low), y, _mark(scale, high), y, "iv ev"))
        parts.append(el("circle", cls="mk ev", cx=_mark(scale, _effect(row)), cy=px(y), r="4"))
    return parts


def _mark(scale: Axis, given: float) -> str:
    """Where the mark of a category stands."""
    share = min(max(scale.share(given), 0.0), 1.0)
    return pct((MARKS[0] + (MARKS[1] - MARKS[0]) * share) / 100)


def _share(row: Record, y: float) -> list[Markup]:
    share = number(row, "share")
    if share is None:
        return []
    text = numbers.percent(round(share, 2)) if share >= LEAST_SHARE else "<1%"
    return [label("100%", y + 4, text, "e d")]


def _cut(text: str) -> str:
    return text if len(text) <= NAMED else f"{text[: NAMED - 1]}\N{HORIZONTAL ELLIPSIS}"


def _data(page: Page, held: dict[str, list[Record]]) -> DataTable:
    """One line a feature: what stands at its lowest and at its highest point."""
    keys = ("feature", "points", "lowest", "at_lowest", "highest", "at_highest")
    lines = tuple(_data_line(feature, rows) for feature, rows in held.items())
    numeric = (False, True, True, False, True, False)
    return DataTable(tuple(page.words(f"effects.{key}") for key in keys), numeric, lines)


def _data_line(feature: str, rows: Sequence[Record]) -> tuple[Markup, ...]:
    low, high = (choose(rows, key=_effect) for choose in (min, max))
    return (
        *(name(feature), cell(len(rows))),
        *(
            value(bounded(low, "effect", signed=True)),
            join([_at(low)]),
            value(bounded(high, "effect", signed=True)),
            join([_at(high)]),
        ),
    )
