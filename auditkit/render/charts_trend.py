"""Trends: a number over the audits of a subject, its interval as a band, against its limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC

from markupsafe import Markup

from auditkit.history import FOLLOWED, created
from auditkit.render import numbers
from auditkit.render.charts import (
    Axis,
    anchored,
    axis,
    coloured,
    label,
    line,
    mark,
    pct,
    px,
    rect,
    upright,
)
from auditkit.render.figures import DataTable, Panel
from auditkit.render.page import STATES, Judged, Page, State, show
from auditkit.render.text import el, join
from auditkit.render.verdicts import verdict
from auditkit.report import MeasurementRecord

#: Height of a drawing, room above it for the topmost number, and below it for the dates; unit:
#: pixels.
HEIGHT, HEAD, DATES = 108, 14, 20
#: Where the first and the last audit stand, as shares of the width; numbers stand left of them.
START, END = 0.14, 0.96


@dataclass(frozen=True, slots=True)
class Point:
    """A number of one audit.

    Attributes:
        x: Where the audit stands, as a share of the width; the date decides.
        day: Its date as it is written.
        measurement: The number, or None where that audit has none.
        judged: What it was held against, the most urgent; None where it was not.
    """

    x: float
    day: Markup
    measurement: MeasurementRecord | None
    judged: Judged | None

    @property
    def state(self) -> State:
        """The verdict on it."""
        if self.measurement is None or self.measurement.value is None:
            return "not_measured"
        return self.judged.verdict if self.judged else "not_judged"

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """What was allowed at least and at most."""
        held = self.judged.criterion if self.judged else None
        return (held.at_least, held.at_most) if held else (None, None)

    @property
    def numbers(self) -> list[float]:
        """Everything that has to fit on the axis."""
        held = self.measurement
        if held is None or held.value is None:
            return []
        bounds = (held.interval.low, held.interval.high) if held.interval else ()
        return [held.value, *bounds, *(bar for bar in self.limits if bar is not None)]


@dataclass(frozen=True, slots=True)
class Series:
    """One number over the audits of a subject, by the audit's date."""

    id: str
    points: tuple[Point, ...]

    @property
    def last(self) -> MeasurementRecord:
        """The newest measurement that there is."""
        return next(p.measurement for p in reversed(self.points) if p.measurement is not None)

    @property
    def rank(self) -> tuple[int, int]:
        """What is not met now stands first, then what everybody asks for, then the rest."""
        now = self.points[-1].state
        if now == "not_measured":
            return 3, 0
        if now in ("fail", "error", "inconclusive"):
            return 0, STATES.index(now)
        return (1, 0) if self.last.metric in FOLLOWED and not self.last.slice else (2, 0)


def series(pages: Sequence[Page]) -> list[Series]:
    """Follow every number that was judged, or that everybody asks for, over some audits.

    Args:
        pages: The records of the audits with their words, the oldest first.

    Returns:
        What has a value in two audits at least, the most urgent first.
    """
    held = [_by_measurement(page) for page in pages]
    numbers_ = [{m.id: m for m in page.report.measurements} for page in pages]
    found = []
    for id_ in dict.fromkeys(id_ for given in reversed(numbers_) for id_ in given):
        points = tuple(
            Point(x, day(page), given.get(id_), judged.get(id_))
            for x, page, given, judged in zip(places(pages), pages, numbers_, held, strict=True)
        )
        if sum(bool(point.numbers) for point in points) > 1:
            found.append(Series(id_, points))
    return sorted(found, key=lambda one: one.rank)


def _by_measurement(page: Page) -> dict[str, Judged]:
    most_urgent: dict[str, Judged] = {}
    for one in page.judged:
        if one.measurement is not None:
            most_urgent.setdefault(one.measurement.id, one)
    return most_urgent


def places(pages: Sequence[Page]) -> list[float]:
    """Where audits stand by date; by their order where one has none or all have the same.

    Args:
        pages: The audits, the oldest first.

    Returns:
        Shares of the width.
    """
    times = [created(page.report) for page in pages]
    known = [time.timestamp() for time in times if time is not None]
    if len(known) < len(times) or known[0] == known[-1]:
        known = [float(i) for i in range(len(times))]
    first, width = known[0], known[-1] - known[0] or 1.0
    return [START + (END - START) * (at - first) / width for at in known]


def day(page: Page) -> Markup:
    """The date of an audit as tables hold it, in UTC; as it stands where it is no date."""
    time = created(page.report)
    if time is None:
        return page.name(page.report.created, 24)
    return el("time", f"{time.astimezone(UTC):%Y-%m-%d}", datetime=page.report.created)


def title(page: Page, measurement: MeasurementRecord) -> Markup:
    """What is followed: the metric, and of which rows."""
    where = page.where(measurement.slice)
    named = page.metric_title(measurement.metric)
    return join([named, page.words("list.clause"), where]) if where else named


def panel(page: Page, one: Series, changed: Sequence[float]) -> Panel:
    """Draw a trend.

    Args:
        page: The newest record, with its words.
        one: The number.
        changed: Where the policy became another one, as shares of the width.

    Returns:
        The drawing; its numbers are in the table of `data`.
    """
    ys = axis([number for point in one.points for number in point.numbers], aim=3)
    parts = [*_zones(one, ys), *_scale(ys), *_band(one, ys), *_limits(one, ys)]
    parts += [upright(pct(x), HEIGHT - HEAD, "ref", HEAD) for x in changed]
    parts += [_mark(point, ys) for point in one.points if point.numbers]
    first, last = one.points[0], one.points[-1]
    for at, text in ((first, first.day), (last, last.day)):
        parts.append(label(pct(at.x), HEIGHT + 16, text.striptags(), anchored(at.x, "d")))
    head = page.words(
        "history.trend", metric=title(page, one.last), value=page.measured(one.last, _bars(last))
    )
    facts = {"n": len(one.points), "first": first.day, "last": last.day}
    return Panel(head, join(parts), HEIGHT + DATES, page.words("history.drawing", **facts))


def _bars(point: Point) -> list[float]:
    return [bar for bar in point.limits if bar is not None]


def _top(ys: Axis, value: float) -> float:
    return HEAD + (HEIGHT - HEAD) * (1 - min(max(ys.share(value), 0.0), 1.0))


def _scale(ys: Axis) -> Iterable[Markup]:
    for value, text in ys.ticks():
        y = _top(ys, value)
        yield line("0%", y, "100%", y, "grid")
        yield label("0", y - 3, text, "d")


def _spans(one: Series) -> Iterable[tuple[Point, str, str]]:
    """Each point with the width around it that its limits hold in."""
    for i, point in enumerate(one.points):
        left = (one.points[i - 1].x + point.x) / 2 if i else START - 0.02
        right = (point.x + one.points[i + 1].x) / 2 if i + 1 < len(one.points) else 1.0
        yield point, pct(left), pct(max(right - left, 0.0))


def _zones(one: Series, ys: Axis) -> Iterable[Markup]:
    for point, left, width in _spans(one):
        low, high = point.limits
        if low is not None:
            yield rect(left, _top(ys, low), width, HEIGHT - _top(ys, low), "zone")
        if high is not None:
            yield rect(left, HEAD, width, _top(ys, high) - HEAD, "zone")


def _limits(one: Series, ys: Axis) -> Iterable[Markup]:
    for point, left, width in _spans(one):
        end = pct((float(left[:-1]) + float(width[:-1])) / 100)
        for bar in _bars(point):
            yield line(left, _top(ys, bar), end, _top(ys, bar), "lim")


def _band(one: Series, ys: Axis) -> Iterable[Markup]:
    """Line and band, broken where an audit has no such number, in a frame of 100 by its height."""
    for run in _runs(one.points):
        held = [(100 * p.x, m) for p in run if (m := p.measurement) is not None]
        middle = [_at(x, ys, m.value) for x, m in held if m.value is not None]
        low = [_at(x, ys, m.interval.low) for x, m in held if m.interval]
        high = [_at(x, ys, m.interval.high) for x, m in held if m.interval]
        parts = [el("polygon", points=" ".join([*high, *low[::-1]]))] if len(low) > 1 else []
        parts.append(el("polyline", points=" ".join(middle)))
        frame = {"viewBox": f"0 0 100 {HEIGHT}", "preserveAspectRatio": "none"}
        yield el("svg", *parts, cls="fx", width="100%", height=HEIGHT, **frame)


def _at(x: float, ys: Axis, value: float) -> str:
    return f"{x:.4g},{px(_top(ys, value))}"


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    runs: list[list[Point]] = [[]]
    for point in points:
        if point.numbers:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _mark(point: Point, ys: Axis) -> Markup:
    held = point.measurement
    if held is None or held.value is None:
        return join([])
    x, parts = pct(point.x), []
    if held.interval is not None:
        low, high = _top(ys, held.interval.low), _top(ys, held.interval.high)
        parts.append(line(x, low, x, high, "iv"))
    return coloured(point.state, *parts, mark(point.state, x, _top(ys, held.value)))


def data(page: Page, drawn: Sequence[Series]) -> DataTable:
    """The numbers behind the drawings, the newest audit first."""
    words = page.words
    heads = ("measures.metric", "history.date", "measures.value", "history.limit")
    rows = [
        (
            title(page, one.last),
            point.day,
            _value(point),
            join([numbers.DASH if not (bars := _bars(point)) else _limit(point, bars)]),
            verdict(point.state, words),
        )
        for one in drawn
        for point in reversed(one.points)
    ]
    named = (*map(words, heads), words("limits.verdict"))
    return DataTable(named, (False, False, True, True, False), tuple(rows), 0)


def _value(point: Point) -> Markup:
    shown = show(point.measurement, _bars(point)) if point.measurement else None
    if shown is None:
        return join([numbers.DASH])
    return join([shown.text, " ", el("small", shown.interval)])


def _limit(point: Point, bars: Sequence[float]) -> str:
    low, _ = point.limits
    signs = ["\N{GREATER-THAN OR EQUAL TO}"] if low is not None else []
    signs += ["\N{LESS-THAN OR EQUAL TO}"]
    return ", ".join(f"{sign} {numbers.limit(bar)}" for sign, bar in zip(signs, bars, strict=False))
