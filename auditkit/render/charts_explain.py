"""Drawings of explanations: the waterfall of a gap, and the density strips of the features."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import (
    Axis,
    axis,
    grid,
    px,
    rect,
    row_drawing,
    row_span,
    scale_row,
    stretched,
    upright,
)
from auditkit.render.charts_rows import LOW, Record, Scale
from auditkit.render.figures import (
    NOTHING,
    ROWS,
    Block,
    DataTable,
    Figure,
    Row,
    RowChart,
    bounded,
    cell,
    data_table,
    heads,
    largest,
    source_note,
    value,
)
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import el, join, name
from auditkit.report import TableRecord

#: Terms of a waterfall that are drawn; the others are added up.
TERMS = 7
#: Waterfalls of a table and strips that are drawn; the others are in `audit.json`.
WATERFALLS = 1
STRIPS = 6
#: What groups are compared in, and how the two ends of a waterfall are called in its table.
KINDS = {
    "score": "mean score",
    "number": "mean prediction",
    "rate": "selection rate",
    "share": "share predicted",
}
#: The rows that hold the two ends, each with what is compared and whose it is.
ENDS = {f"({words} {group})": (kind, group) for kind, words in KINDS.items() for group in "ab"}
STRIP = 31


def waterfall(page: Page, table: TableRecord) -> list[Figure]:
    """Draw what the gap in mean score, or in decisions, between two groups is made of."""
    rows = records(table)
    keys = dict.fromkeys(tuple(string(row, c) for c in ("attribute", "a", "b")) for row in rows)
    groups = [
        [row for row in rows if tuple(string(row, c) for c in ("attribute", "a", "b")) == key]
        for key in keys
    ]
    drawable = [group for group in groups if _ends(group) is not None]
    drawable.sort(key=lambda group: -abs(_gap(group)))
    figures = [_waterfall(page, group) for group in drawable[:WATERFALLS]]
    if figures:
        first = figures[0]
        data = data_table(page, table)
        figures[0] = replace(first, data=data, note=source_note(page, table))
    return figures


def _ends(rows: Sequence[Record]) -> tuple[float, float] | None:
    found = {
        ENDS[feature][1]: number(row, "contribution")
        for row in rows
        if (feature := string(row, "feature")) in ENDS
    }
    a, b = found.get("a"), found.get("b")
    return None if a is None or b is None else (a, b)


def _what(page: Page, rows: Sequence[Record]) -> Markup:
    """What two groups are compared in, as a sentence says it."""
    kind = next(ENDS[feature][0] for row in rows if (feature := string(row, "feature")) in ENDS)
    of = string(rows[0], "class")
    what = page.words(f"waterfall.what_{kind}")
    return page.words("waterfall.what_class", what=what, of=name(of)) if of else what


def _gap(rows: Sequence[Record]) -> float:
    a, b = _ends(rows) or (0.0, 0.0)
    return a - b


def _waterfall(page: Page, rows: Sequence[Record]) -> Figure:
    high, low = _ends(rows) or (0.0, 0.0)
    a, b = name(string(rows[0], "a")), name(string(rows[0], "b"))
    terms = [row for row in rows if string(row, "feature") not in ENDS]
    terms.sort(key=lambda row: (_is_rest(row), -abs(number(row, "contribution") or 0.0)))
    drawn = [*terms[:TERMS], *_rest(page, terms[TERMS:])]
    scale, what = axis(positions(drawn, low, high)), _what(page, rows)
    size, lines = largest(drawn, "contribution"), grid(page, scale, LOW)
    held = (scale, lines)
    body = [
        total(page.words("waterfall.mean", group=b, what=what), low, held),
        *_steps(page, drawn, low, held, size),
        total(page.words("waterfall.mean", group=a, what=what), high, held),
    ]
    chart = RowChart(
        (Block(tuple(body)),),
        (page.words("waterfall.head", a=a, b=b), page.words("waterfall.value"), NOTHING),
        scale_row(scale, lines),
        kind="wf",
    )
    title = _waterfall_title(page, terms, high - low, (a, b, what))
    attribute = name(string(rows[0], "attribute"))
    caption = page.words("waterfall.caption", a=a, b=b, what=what, attribute=attribute)
    return Figure(title, caption, chart)


def _waterfall_title(
    page: Page, terms: Sequence[Record], gap: float, names: tuple[Markup, Markup, Markup]
) -> Markup:
    largest = string(terms[0], "feature") if terms else ""
    return page.words(
        "waterfall.title",
        feature=name(largest),
        part=numbers.show(
            number(terms[0], "contribution") or 0.0 if terms else 0.0, signed=True
        ).text,
        gap=numbers.show(gap, signed=True).text,
        a=names[0],
        b=names[1],
        what=names[2],
    )


def _is_rest(row: Record) -> bool:
    """Whether a row is the sum of all that are not listed."""
    return re.fullmatch(r"\([0-9,]+ others\)", string(row, "feature")) is not None


def _rest(page: Page, terms: Sequence[Record]) -> list[Record]:
    if not terms:
        return []
    total = math.fsum(number(row, "contribution") or 0.0 for row in terms)
    n = sum(_features(string(row, "feature")) for row in terms)
    return [{"feature": str(page.words("waterfall.rest", n=n)), "contribution": total}]


def _features(label: str) -> int:
    """How many features a term stands for: "(5 others)" came from the audit as one."""
    folded = re.fullmatch(r"\((\d{1,9}) others\)", label)
    return int(folded[1]) if folded else 1


def positions(terms: Sequence[Record], start: float, end: float) -> list[float]:
    """Everything that a waterfall has to have on its axis."""
    places, here = [start, end], start
    for row in terms:
        before, here = here, here + (number(row, "contribution") or 0.0)
        bounds = (number(row, "low"), number(row, "high"))
        places += [here, *(before + bound for bound in bounds if bound is not None)]
    return places


def _steps(
    page: Page, terms: Sequence[Record], start: float, held: Scale, beside: float
) -> list[Row]:
    rows, here = [], start
    for row in terms:
        rows.append(_step(page, row, here, held, beside))
        here += number(row, "contribution") or 0.0
    return rows


def _step(page: Page, row: Record, before: float, held: Scale, beside: float) -> Row:
    shown = bounded(row, "contribution", beside=beside, signed=True)
    return Row(page.said(string(row, "feature")), step(row, before, held), value(shown))


def step(row: Record, before: float, held: Scale) -> Markup:
    """Draw one contribution from where the ones before it end."""
    scale, lines = held
    change = number(row, "contribution") or 0.0
    low, high = number(row, "low"), number(row, "high")
    left, right = min(before, before + change), max(before, before + change)
    kind = "bar" if change >= 0 else "bar dn"
    parts = [lines.used, rect(scale.at(left), -7, scale.width(left, right), 14, kind)]
    if low is not None and high is not None:
        parts.append(row_span(scale, before + low, before + high, "wh"))
    return row_drawing(*parts)


def total(label: Markup, score: float, held: Scale, limits: Sequence[float] = ()) -> Row:
    """The row of one end of a waterfall; its rounded number stays on its side of limits."""
    scale, lines = held
    tick = upright(scale.at(score), 22, "tot", -11)
    text = el("b", numbers.show(score, limits=limits).text)
    return Row(label, row_drawing(lines.used, tick), text, strong=True)


def density_strip(page: Page, table: TableRecord) -> list[Figure]:
    """Draw how far each feature moves the scores: height is people, colour is its own value."""
    rows = [row for row in records(table) if number(row, "bin_low") is not None]
    features = list(dict.fromkeys(string(row, "feature") for row in rows))
    if not rows:
        return []
    edges = [
        v for row in rows for c in ("bin_low", "bin_high") if (v := number(row, c)) is not None
    ]
    scale = axis(edges, aim=6, zero=True)
    size, lines = max(map(abs, edges)), grid(page, scale, STRIP)
    drawn = []
    for feature in features[:STRIPS]:
        bins = [row for row in rows if string(row, "feature") == feature]
        drawn.append(Row(name(feature), _strip(bins, (scale, lines)), _range(bins, size)))
    chart = RowChart(
        (Block(tuple(drawn)),),
        heads(page.words, "strip.feature", "strip.range"),
        scale_row(scale, lines),
        kind="bs",
        widths=(22, 58, 20),
    )
    title = page.words("strip.title", feature=name(_widest(rows, features)))
    of = string(rows[0], "class")
    what = page.words("strip.score_of", of=name(of)) if of else page.words("strip.score")
    caption = page.words("strip.caption", key=key(), what=what)
    return [
        Figure(title, caption, chart, _strip_data(page, rows, features), source_note(page, table))
    ]


def _strip_data(page: Page, rows: Sequence[Record], features: Sequence[str]) -> DataTable:
    """One line a feature instead of one a bin: thirty bins of each say less in numbers."""
    keys = ("strip.feature", "strip.rows", "strip.lowest", "strip.highest", "strip.raised")
    lines = tuple(
        _strip_line(feature, [row for row in rows if string(row, "feature") == feature])
        for feature in features[:ROWS]
    )
    left_out = max(0, len(features) - ROWS)
    return DataTable(tuple(map(page.words, keys)), (False, *[True] * 4), lines, left_out)


def _strip_line(feature: str, bins: Sequence[Record]) -> tuple[Markup, ...]:
    counts = [number(row, "count") or 0.0 for row in bins]
    lows = [number(row, "bin_low") or 0.0 for row, n in zip(bins, counts, strict=True) if n > 0]
    highs = [number(row, "bin_high") or 0.0 for row, n in zip(bins, counts, strict=True) if n > 0]
    total = math.fsum(counts)
    raised = math.fsum(n for row, n in zip(bins, counts, strict=True) if _middle(row) > 0)
    return (
        name(feature),
        cell(round(total)),
        cell(min(lows, default=None)),
        cell(max(highs, default=None)),
        cell(raised / total if total else None),
    )


def _middle(row: Record) -> float:
    return ((number(row, "bin_low") or 0.0) + (number(row, "bin_high") or 0.0)) / 2


def key() -> Markup:
    """The colours from low to high, as a caption shows them."""
    return join(el("span", "", cls=f"key k{i}") for i in range(1, 6))


def _strip(bins: Sequence[Record], held: Scale) -> Markup:
    scale, lines = held
    most = max((number(row, "count") or 0.0 for row in bins), default=0.0) or 1.0
    shapes: dict[str, str] = {}
    for row in bins:
        people = number(row, "count") or 0.0
        if people <= 0:
            continue
        height = max(2.0, round(28 * math.sqrt(people / most)))
        colour = _colour(number(row, "mean_rank"))
        shapes[colour] = shapes.get(colour, "") + _block(row, scale, height)
    paths = [el("path", cls=colour, d=shape) for colour, shape in shapes.items()]
    frame = stretched((1000, STRIP), *paths, cls="", y=-(STRIP // 2), height=STRIP)
    return row_drawing(lines.used, frame)


def _block(row: Record, scale: Axis, height: float) -> str:
    """A bin as a part of a path; one that is too narrow for the scale stays visible."""
    low, high = (_thousandths(scale, number(row, c) or 0.0) for c in ("bin_low", "bin_high"))
    return f"M{low} {px((STRIP - 1 - height) / 2)}h{max(2, high - low)}v{px(height)}H{low}z"


def _thousandths(scale: Axis, value: float) -> int:
    return round(1000 * min(max(scale.share(value), 0.0), 1.0))


def _colour(rank: float | None) -> str:
    """The class of a colour: fifths of the feature's own range, grey for a category."""
    if rank is None:
        return "b0"
    return f"b{min(5, max(1, math.ceil(rank * 5)))}"


def _range(bins: Sequence[Record], beside: float) -> Markup:
    people = [row for row in bins if (number(row, "count") or 0.0) > 0] or list(bins)
    low = min(number(row, "bin_low") or 0.0 for row in people)
    high = max(number(row, "bin_high") or 0.0 for row in people)
    shown = numbers.show(high, low, high, signed=True, beside=beside)
    return el("i", f"{shown.low}", " \N{HORIZONTAL ELLIPSIS} ", f"{shown.value}")


def _widest(rows: Sequence[Record], features: Sequence[str]) -> str:
    def width(feature: str) -> float:
        own = [row for row in rows if string(row, "feature") == feature and number(row, "count")]
        ends = [number(row, c) or 0.0 for row in own for c in ("bin_low", "bin_high")]
        return max(ends, default=0.0) - min(ends, default=0.0)

    return max(features, key=width)
