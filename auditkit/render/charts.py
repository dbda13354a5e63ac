"""The primitives of every drawing: line, rect, circle, text, with x in percent and y in pixels.

There is no viewBox, so that text keeps its 12 pixels at any width; a nested `svg` moves a shape
to its place. Colours come from classes alone. Percentages are rounded to a tenth, so that the
bytes are stable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, State
from auditkit.render.text import el, join, tidy
from auditkit.render.verdicts import CLASS

#: Numbers beyond this are drawn at the edge.
FAR = 1e100
#: Numbers closer together than this, relative to their size, share a place.
NEAR = 1e-9


def pct(share: float) -> str:
    """Write a share of the width, held inside the drawing.

    Example:
        >>> pct(0.25), pct(1 / 3), pct(-1.0), pct(7.0)
        ('25%', '33.3%', '0%', '100%')
    """
    held = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    return f"{round(100 * held, 1):g}%"


def px(length: float) -> str:
    """Write a length in pixels, to a tenth.

    Example:
        >>> px(12.04), px(7.0)
        ('12', '7')
    """
    return f"{round(length, 1):g}"


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from a range of numbers to the width of a drawing.

    Attributes:
        low: The number at the left edge.
        high: The number at the right edge.
        step: Distance of its ticks.

    Example:
        >>> axis([0.0, 0.9]).at(0.5)
        '50%'
    """

    low: float
    high: float
    step: float

    def share(self, value: float) -> float:
        """Where a number stands, as a share of the width."""
        return (value - self.low) / (self.high - self.low)

    def at(self, value: float) -> str:
        """Where a number stands, in percent."""
        return pct(self.share(value))

    def width(self, low: float, high: float) -> str:
        """Width from one number to another, in percent."""
        left = min(max(self.share(low), 0.0), 1.0)
        right = min(max(self.share(high), 0.0), 1.0)
        return pct(abs(right - left))

    def ticks(self) -> list[tuple[float, str]]:
        """Round numbers on the axis, and how they are written."""
        first = math.ceil(self.low / self.step - 1e-9)
        last = math.floor(self.high / self.step + 1e-9)
        digits = numbers.decimals(self.step)
        values = [round(i * self.step, digits) for i in range(first, last + 1)]
        return [(value, numbers.tick(value, digits)) for value in values]


def axis(values: Sequence[float], aim: int = 5, *, zero: bool = False) -> Axis:
    """Make an axis that holds all values and ends at round numbers.

    Args:
        values: What has to fit on it; at least one.
        aim: About how many ticks.
        zero: Whether 0 has to be on it.

    Returns:
        The axis.

    Example:
        >>> axis([0.11, 0.31]).ticks()[0]
        (0.1, '0.10')
    """
    held = [min(max(value, -FAR), FAR) for value in ([*values, 0.0] if zero else values)]
    low, high = min(held), max(held)
    if high - low <= NEAR * max(abs(low), abs(high)) or high - low < 1 / FAR:
        margin = max(abs(low) / 2, 1 / FAR) if low else 1.0
        low, high = low - margin, high + margin
    step = nice((high - low) / aim)
    first = math.floor(low / step + 1e-9) * step
    last = math.ceil(high / step - 1e-9) * step
    return Axis(first, last, step)


def nice(rough: float) -> float:
    """The nearest round step: 1, 2 or 5 times a power of ten, not below the rough one.

    Example:
        >>> nice(0.034), nice(0.12), nice(7.0)
        (0.05, 0.2, 10.0)
    """
    power = math.floor(math.log10(rough))
    for head in (1, 2, 5, 10):
        step = float(f"{head}e{power}")
        if step >= rough * (1 - 1e-9):
            return step
    return float(f"1e{power + 1}")


def drawing(height: int, *parts: Markup) -> Markup:
    """A drawing in a cell of a table, whose row says the same in numbers."""
    return el("svg", *parts, cls="r", height=height, aria_hidden="true")


def row_drawing(*parts: Markup) -> Markup:
    """A drawing in a row of a table: y counts from the middle of the row, whose height CSS sets.

    CSS also draws what has no class: an interval as a line, the value as a filled circle.
    """
    return el("svg", *parts, role="none")


def dot(x: str, cls: str = "", r: int = 5) -> Markup:
    """A circle in the middle of a row."""
    return el("circle", cls=cls, cx=_some(x), r=r)


def line(x1: str, y1: float, x2: str, y2: float, cls: str) -> Markup:
    """A line; coordinates at 0 are left out."""
    return el(
        "line", cls=cls, x1=_some(x1), y1=_some(px(y1)), x2=_some(x2), y2=_some(px(y2))
    )  # fmt: skip


def upright(x: str, height: float, cls: str, top: float = 0) -> Markup:
    """A vertical line."""
    return line(x, top, x, top + height, cls)


def rect(x: str, y: float, width: str, height: float, cls: str) -> Markup:
    """A rectangle."""
    return el("rect", cls=cls, x=_some(x), y=_some(px(y)), width=width, height=px(height))


def label(x: str, y: float, text: str, cls: str = "") -> Markup:
    """A text; class m centres it at x, e ends it there."""
    return el("text", tidy(text), cls=cls, x=_some(x), y=px(y))


def placed(x: str, y: float, path: str, cls: str) -> Markup:
    """A path around the point (x, y)."""
    return el("svg", el("path", cls=cls, d=path), x=_some(x), y=_some(px(y)))


def anchored(share: float, cls: str = "") -> str:
    """The class of a label at a share of the width: at the edges it stays inside."""
    side = "" if share < 0.06 else "e" if share > 0.94 else "m"
    return f"{side} {cls}".strip()


def span(scale: Axis, low: float, high: float, y: float, cls: str = "iv") -> Markup:
    """An interval as a line."""
    return line(scale.at(low), y, scale.at(high), y, cls)


def row_span(scale: Axis, low: float, high: float, cls: str = "") -> Markup:
    """An interval as a line in the middle of a row."""
    return span(scale, low, high, 0, cls)


def mark(state: State, x: str, y: float) -> Markup:
    """The value: its shape is the verdict's, so that colour is not needed."""
    if state == "fail":
        return placed(x, y, "M-5-5h10v10h-10z", "mk")
    if state == "inconclusive":
        return placed(x, y, "M-6.5 0L0-6.5 6.5 0 0 6.5z", "mk h")
    hollow = state not in ("pass", "not_applicable")
    return el("circle", cls="mk h" if hollow else "mk", cx=x, cy=px(y), r="4" if hollow else "5")


def stretched(size: tuple[int, int], *parts: Markup, cls: str = "fr", **place: object) -> Markup:
    """A frame of this size that takes the width there is: paths know no percentages."""
    box = {"viewBox": f"0 0 {size[0]} {size[1]}", "preserveAspectRatio": "none"}
    return el("svg", *parts, cls=cls, **place, **box)


def framed(height: int, *parts: Markup) -> Markup:
    """Curves and bars over a whole drawing of this height."""
    return stretched((1000, height), *parts)


def curve(points: Sequence[tuple[float, float]], cls: str) -> Markup:
    """A chain of lines through points, each a share of the width and pixels down, in a frame.

    Without a point nothing is drawn: browsers complain of a path that goes nowhere.

    Example:
        >>> curve([(0.0, 10.0), (0.5, 2.04)], "ln")
        Markup('<path class=ln d="M0 10 500 2"/>')
    """
    if not points:
        return Markup("")
    places = [f"{round(1000 * min(max(x, 0.0), 1.0))} {px(y)}" for x, y in points]
    return el("path", cls=cls, d="M" + " ".join(dict.fromkeys(places)))


def bars(spans: Sequence[tuple[float, float, float]], cls: str) -> Markup:
    """Vertical lines in a frame, each at a share of the width from one height to another."""
    steps = [f"M{round(1000 * x)} {px(top)}V{px(bottom)}" for x, top, bottom in spans]
    return el("path", cls=cls, d="".join(steps))


def coloured(state: State, *parts: Markup) -> Markup:
    """Parts of a drawing in the colour of a verdict."""
    return el("g", *parts, cls=CLASS[state])


def tick_labels(scale: Axis, y: float, bold: Sequence[float] = ()) -> list[Markup]:
    """The numbers of an axis; limits among them are bold."""
    texts = [
        label(scale.at(value), y, text, anchored_tick(scale.share(value)))
        for value, text in scale.ticks()
        if all(abs(scale.share(value) - scale.share(bar)) > 0.07 for bar in bold)
    ]
    bars = [
        label(scale.at(bar), y, numbers.limit(bar), "m d s")
        for bar in bold
        if 0 <= scale.share(bar) <= 1
    ]
    return texts + bars


def anchored_tick(share: float) -> str:
    """The class of a tick's label."""
    return anchored(share, "d") if share > 0.999 else "m d"


@dataclass(frozen=True, slots=True)
class Grid:
    """The hairlines at the ticks of an axis, written once and used by every row of a drawing.

    Attributes:
        id: Its id, unique on the page.
        lines: The hairlines, the one at 0 stronger; none where another drawing has the same.
    """

    id: str
    lines: tuple[Markup, ...]

    @property
    def defined(self) -> Markup:
        """Where it is written; belongs into the drawing of the axis. Nothing if it was before."""
        return el("defs", el("g", *self.lines, id=self.id)) if self.lines else Markup("")

    @property
    def used(self) -> Markup:
        """Where it is shown."""
        return el("use", href=f"#{self.id}")


def grid(page: Page, scale: Axis, height: float) -> Grid:
    """Make the hairlines of a drawing whose rows have this height, around their middle."""
    lines = [
        upright(scale.at(value), height, "axis" if value == 0 else "grid", -height / 2)
        for value, _ in scale.ticks()
    ]
    id_, is_new = page.id_of(str(join(lines)))
    return Grid(id_, tuple(lines) if is_new else ())


def scale_row(scale: Axis, lines: Grid, height: int = 24) -> Markup:
    """The axis of a drawing, as a cell of its head."""
    return drawing(height, lines.defined, *tick_labels(scale, height - 6))


def _some(coordinate: str) -> str | None:
    return None if coordinate in ("0", "0%") else coordinate
