"""The drawing of an interval against its limit: one number, its own scale, no axis."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from auditkit.render.charts import (
    Axis,
    anchored,
    coloured,
    drawing,
    label,
    line,
    mark,
    pct,
    placed,
    rect,
    span,
)
from auditkit.render.page import State
from auditkit.render.text import GLUE

HEIGHT, BAND, MIDDLE = 44, 24, 12
#: White space on either side, as a share of what has to fit.
MARGIN = 0.3
#: Longest label of a limit that keeps its unit; unit: characters.
LABEL = 12


@dataclass(frozen=True, slots=True)
class Held:
    """A value and what it is held against.

    Attributes:
        value: The number.
        low: Lower bound, or None where there is no interval.
        high: Upper bound, or None.
        at_least: What is allowed at least, or None.
        at_most: What is allowed at most, or None.
        bounds: Natural bounds of the value, None where there are none.
    """

    value: float
    low: float | None
    high: float | None
    at_least: float | None
    at_most: float | None
    bounds: tuple[float | None, float | None] = (None, None)

    def scale(self) -> Axis:
        """A scale that holds everything, with a margin, inside the natural bounds."""
        given = (self.value, self.low, self.high, self.at_least, self.at_most)
        present = [number for number in given if number is not None]
        low, high = min(present), max(present)
        margin = MARGIN * (high - low) or abs(self.value) * MARGIN or 1.0
        left, right = low - margin, high + margin
        floor, ceiling = self.bounds
        if floor is not None and floor <= low:
            left = max(left, floor)
        if ceiling is not None and ceiling >= high:
            right = min(right, ceiling)
        return Axis(left, right, 1.0)

    def allowed(self, scale: Axis) -> tuple[float, float]:
        """The allowed part of a scale."""
        low = scale.low if self.at_least is None else self.at_least
        high = scale.high if self.at_most is None else self.at_most
        return low, high


def against_limit(held: Held | None, state: State, limits: tuple[str, ...] = ()) -> Markup:
    """Draw an interval against its limit.

    The side beyond is tinted, a bracket at the limit opens to the allowed side, the line is
    thick where it is beyond, and the mark has the shape of the verdict.

    Args:
        held: The numbers; None where there is no value.
        state: The verdict.
        limits: How the limits are written, the lower one first.

    Returns:
        An `svg` of the width of its cell; without a value only a dashed line.
    """
    if held is None:
        return drawing(HEIGHT, line("0%", MIDDLE, "100%", MIDDLE, "ref"))
    scale = held.scale()
    parts = [*_zones(held, scale), line("0%", MIDDLE, "100%", MIDDLE, "grid")]
    parts += _brackets(held, scale, limits)
    parts.append(
        coloured(state, *_interval(held, scale), mark(state, scale.at(held.value), MIDDLE))
    )
    return drawing(HEIGHT, *parts)


def _zones(held: Held, scale: Axis) -> list[Markup]:
    zones = []
    if held.at_least is not None:
        zones.append(rect("0%", 0, scale.at(held.at_least), BAND, "zone"))
    if held.at_most is not None:
        beyond = pct(1 - scale.share(held.at_most))
        zones.append(rect(scale.at(held.at_most), 0, beyond, BAND, "zone"))
    return zones


def _brackets(held: Held, scale: Axis, limits: tuple[str, ...]) -> list[Markup]:
    bars = [(held.at_least, "M5 0H0V24H5"), (held.at_most, "M-5 0H0V24H-5")]
    present = [(bar, path) for bar, path in bars if bar is not None]
    parts = []
    for (bar, path), text in zip(present, limits, strict=False):
        parts.append(placed(scale.at(bar), 0, path, "lim"))
        short = text if len(text) <= LABEL else text.split(GLUE)[0]
        parts.append(label(scale.at(bar), 40, short, anchored(scale.share(bar), "k")))
    return parts


def _interval(held: Held, scale: Axis) -> list[Markup]:
    if held.low is None or held.high is None:
        return []
    low, high = held.allowed(scale)
    parts = []
    if held.low < low:
        parts.append(span(scale, held.low, min(held.high, low), MIDDLE, "iv x"))
    if max(held.low, low) < min(held.high, high):
        parts.append(span(scale, max(held.low, low), min(held.high, high), MIDDLE))
    if held.high > high:
        parts.append(span(scale, max(held.low, high), held.high, MIDDLE, "iv x"))
    return parts
