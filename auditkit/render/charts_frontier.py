"""The frontiers: what each variant of a model reaches, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import Axis, axis, label, line, placed, px, span, upright
from auditkit.render.charts_plots import frame, from_top
from auditkit.render.figures import (
    Figure,
    Plot,
    column_title,
    data_table,
    reading,
    source_note,
)
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import el, join, letters
from auditkit.report import Scalar, TableRecord

HEIGHT = 300
#: Width that labels are set for, in pixels; on a narrower screen numbers stand for them.
WIDTH = 880
#: Height of a line of text, and width of a letter, about.
LINE, LETTER = 14, 6.2
#: Points that are drawn.
MOST = 40
#: Where a label may stand: its distance from the mark, and its class.
PLACES = ((9, -8, ""), (9, 18, ""), (-9, -8, "e"), (-9, 18, "e"), (0, -14, "m"), (0, 24, "m"))

Record = dict[str, Scalar]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Point:
    """A variant on the drawing.

    Attributes:
        place: Its number, from 1.
        row: What the table says of it.
        x: The gap.
        y: The accuracy.
    """

    place: int
    row: Record
    x: float
    y: float

    @property
    def title(self) -> str:
        """What it is called."""
        return string(self.row, "variant") or string(self.row, "version")

    @property
    def is_audited(self) -> bool:
        """Whether it is the model as audited."""
        return self.title == "as audited"

    @property
    def is_cut_off(self) -> bool:
        """Whether only the threshold was moved, for everyone alike."""
        return string(self.row, "stage") == "cut-off"


def frontier(page: Page, table: TableRecord) -> list[Figure]:
    """Draw accuracy against the gap, for every variant that has both."""
    gap = next((column for column in table.columns if column.endswith("_difference")), "")
    points = list(_points(table, gap))
    if not gap or not points:
        return []
    xs, ys = _axes(points, gap)
    parts = [*frame(xs, ys, HEIGHT), *_target(page, points, xs), *_curves(points, xs, ys)]
    parts += [mark for point in points for mark in _mark(point, gap, xs, ys)]
    parts += _labels(page, points, xs, ys)
    inside = sum(row.get("inside_target") is True for row in records(table))
    target = next((t for p in points if (t := number(p.row, "target")) is not None), 0.0)
    key = _key(page, points)
    shown = {"n": inside, "total": len(table.rows), "target": numbers.limit(target)}
    return [
        Figure(
            page.words("frontier.title" if inside else "frontier.title_none", **shown),
            join([page.words("frontier.caption"), " ", key, page.words("list.stop")]),
            Plot(
                join(parts),
                HEIGHT,
                column_title(page, gap),
                page.words("frontier.y"),
                page.words("frontier.description", **{**shown, "n": len(points)}),
                reading(table, x=(gap, xs.low, xs.high), y=("accuracy", ys.low, ys.high)),
            ),
            data_table(page, table),
            source_note(page, table),
        )
    ]


def size_frontier(page: Page, table: TableRecord) -> list[Figure]:
    """Draw accuracy, or R squared, against the size of each version that has both."""
    y = "r2_score" if "r2_score" in table.columns else "accuracy"
    points = list(_points(table, "kilobytes", y))
    if len(points) < 2:
        return []
    xs, ys = _axes(points, "kilobytes", y)
    parts = [*frame(xs, ys, HEIGHT), *_curves(points, xs, ys)]
    parts += [mark for point in points for mark in _mark(point, "kilobytes", xs, ys, y)]
    parts += [_ring(point, xs, ys) for point in points if string(point.row, "gap_grows")]
    parts += _labels(page, points, xs, ys)
    small = next((p for p in points if p.row.get("chosen") is True), None)
    key = "size_frontier.title" if small else "size_frontier.title_none"
    share = number(small.row, "size_share") if small else None
    return [
        Figure(
            page.words(
                key,
                version=page.said(small.title, 60) if small else "",
                share=numbers.show(100 * (share or 0.0)).text,
            ),
            join(
                [
                    page.words("size_frontier.caption"),
                    " ",
                    _key(page, points),
                    page.words("list.stop"),
                ]
            ),
            Plot(
                join(parts),
                HEIGHT,
                column_title(page, "kilobytes"),
                column_title(page, y),
                page.words("size_frontier.description", n=len(points)),
                reading(table, x=("kilobytes", xs.low, xs.high), y=(y, ys.low, ys.high)),
            ),
            data_table(page, table),
            source_note(page, table),
        )
    ]


def _key(page: Page, points: Sequence[Point]) -> Markup:
    """What the numbers stand for that a narrow drawing has instead of names."""
    told = [
        page.words("frontier.key", place=p.place, variant=page.said(p.title, 60))
        for p in points
        if not p.is_cut_off
    ]
    return page.words.listing(told)


def _points(table: TableRecord, gap: str, right: str = "accuracy") -> Iterator[Point]:
    for place, row in enumerate(records(table)[:MOST], 1):
        x, y = number(row, gap), number(row, right)
        if x is not None and y is not None:
            yield Point(place, row, x, y)


def _axes(points: Sequence[Point], gap: str, right: str = "accuracy") -> tuple[Axis, Axis]:
    """Axes that hold every point, and the intervals of those that have them drawn."""
    values = []
    for column in (gap, right):
        crossed = [point for point in points if not point.is_cut_off]
        ends = [number(p.row, f"{column}_{end}") for p in crossed for end in ("low", "high")]
        values.append([end for end in ends if end is not None])
    across = axis([*values[0], *(p.x for p in points), 0.0])
    return across, axis([*values[1], *(p.y for p in points)], aim=4)


def _target(page: Page, points: Sequence[Point], xs: Axis) -> list[Markup]:
    target = number(points[0].row, "target")
    if target is None or not xs.low <= target <= xs.high:
        return []
    at, text = xs.at(target), page.words("frontier.target", target=numbers.limit(target))
    return [
        placed(at, 0, f"M-5 0H0V{HEIGHT}H-5", "lim"),
        label(at, -6, str(text), "m k"),
    ]


def _curves(points: Sequence[Point], xs: Axis, ys: Axis) -> Iterator[Markup]:
    """The line through the unbeaten, and the one through the cut-offs."""
    unbeaten = [p for p in points if p.row.get("unbeaten") is True]
    moved = [p for p in points if p.is_cut_off or p.is_audited]
    for chosen, cls in ((moved, "bl"), (unbeaten, "ref")):
        ordered = sorted(chosen, key=lambda p: (p.x, p.y))
        for a, b in pairwise(ordered):
            yield line(
                xs.at(a.x), from_top(ys, a.y, HEIGHT), xs.at(b.x), from_top(ys, b.y, HEIGHT), cls
            )


def _mark(point: Point, gap: str, xs: Axis, ys: Axis, right: str = "accuracy") -> list[Markup]:
    at, top = xs.at(point.x), from_top(ys, point.y, HEIGHT)
    if point.is_cut_off:
        return [el("circle", cls="b0", cx=at, cy=px(top), r="3")]
    parts = []
    low, high = (number(point.row, f"{gap}_{end}") for end in ("low", "high"))
    if low is not None and high is not None:
        parts.append(span(xs, low, high, top, "iv ev"))
    low, high = (number(point.row, f"{right}_{end}") for end in ("low", "high"))
    if low is not None and high is not None:
        end = from_top(ys, high, HEIGHT)
        parts.append(upright(at, from_top(ys, low, HEIGHT) - end, "iv ev", end))
    if point.is_audited:
        return [*parts, placed(at, top, "M-5-5h10v10h-10z", "mk")]
    cls = "mk ev" if point.row.get("unbeaten") is True else "mk h"
    return [*parts, el("circle", cls=cls, cx=at, cy=px(top), r="5")]


def _ring(point: Point, xs: Axis, ys: Axis) -> Markup:
    """Around a version that surely widens a gap."""
    top = px(from_top(ys, point.y, HEIGHT))
    return el("circle", cls="lim", cx=xs.at(point.x), cy=top, r="10")


def _labels(page: Page, points: Sequence[Point], xs: Axis, ys: Axis) -> Iterator[Markup]:
    """Names beside their marks where there is room, else numbers; cut-offs by their threshold."""
    spots = {p.place: (xs.share(p.x) * WIDTH, from_top(ys, p.y, HEIGHT)) for p in points}
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in spots.values()]
    for point in sorted(points, key=lambda p: (p.is_cut_off, p.place)):
        spot, variant = spots[point.place], str(page.said(point.title, 60).striptags())
        short = str(point.place)
        if point.is_cut_off:
            variant = short = point.title.removeprefix("cut-off ")
        found = _room(spot, variant, taken)
        text = variant if found else short
        found = found or _room(spot, short, taken) or PLACES[0]
        taken.append(_box(spot, text, found))
        at, top = xs.at(point.x), px(from_top(ys, point.y, HEIGHT))
        x, y, cls = found
        for shown, width in ((text, "wide"), (short, "narrow")):
            yield el("svg", label(px(x), y, shown, f"{cls} k halo {width}".strip()), x=at, y=top)


def _room(
    spot: tuple[float, float], text: str, taken: Sequence[Box]
) -> tuple[int, int, str] | None:
    """The first place around a mark where a text touches nothing and stays inside."""
    for place in PLACES:
        left, top, right, bottom = _box(spot, text, place)
        if left < 0 or right > WIDTH or top < 0 or bottom > HEIGHT:
            continue
        if all(left >= r or right <= a or top >= b or bottom <= t for a, t, r, b in taken):
            return place
    return None


def _box(spot: tuple[float, float], text: str, place: tuple[int, int, str]) -> Box:
    width, (x, y, cls) = LETTER * letters(text), place
    left = spot[0] + x - {"e": width, "m": width / 2}.get(cls, 0.0)
    bottom = spot[1] + y + 3
    return left, bottom - LINE, left + width, bottom
