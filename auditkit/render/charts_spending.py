"""The drawing of where the time went, its sentence and its table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import Axis, anchored, axis, label, px, upright
from auditkit.render.page import Page
from auditkit.render.provenance import joules
from auditkit.render.spending import Spent, spending
from auditkit.render.text import NAME, el, join, letters
from auditkit.report import EnergyRecord

#: Height of a bar and of a line of bars, and of the axis below.
BAR, STEP, AXIS = 24, 27, 24
#: Class of the bars of areas, audits and phases, and of the labels in them.
LEVELS = (("b4", "i"), ("b3", "i"), ("band", "k"))
#: Widths that a label is held against: on a telephone, on a screen or on paper; unit: pixels.
NARROW, WIDE = 350, 640
#: Width of a letter, about, and room beside a label; unit: pixels.
LETTER, ROOM = 6.6, 10
#: Share of the whole below which a bar is too thin to be drawn, and an area is not named.
THIN, NAMED = 0.002, 0.01


@dataclass(frozen=True, slots=True)
class SpentLine:
    """What an area took, as a line of the table."""

    area: Markup
    seconds: Markup
    share: Markup
    times: Markup
    trained: Markup
    energy: Markup
    basis: Markup


@dataclass(frozen=True, slots=True)
class Flame:
    """Where the time went.

    Attributes:
        sentence: What was found.
        parts: The drawing.
        height: Its height; unit: pixels.
        lines: The table.
    """

    sentence: Markup
    parts: Markup
    height: int
    lines: tuple[SpentLine, ...]


def flame(page: Page) -> Flame | None:
    """Draw where the time went, or nothing where the record holds no time."""
    whole = spending(page.report)
    if whole is None:
        return None
    depth = 2 + any(audit.inner for area in whole.inner for audit in area.inner)
    scale = Axis(0.0, whole.seconds, axis([whole.seconds], zero=True).step)
    height = depth * STEP
    lines = [upright(scale.at(value), height, "grid") for value, _ in scale.ticks()]
    ticks = [
        label(scale.at(value), height + AXIS - 6, text, anchored(scale.share(value)))
        for value, text in scale.ticks()
    ]
    bars = _bars(page, whole, scale, 0.0, 0)
    return Flame(
        _sentence(page, whole),
        join([*lines, *bars, *ticks]),
        height + AXIS,
        tuple(_line(page, area, whole) for area in (*whole.inner, whole)),
    )


def _bars(page: Page, outer: Spent, scale: Axis, start: float, level: int) -> Iterator[Markup]:
    """The parts of a part, one after the other below it, each with its own parts."""
    for part in outer.inner:
        if part.seconds > THIN * scale.high:
            yield _bar(page, part, scale, start, level)
            if level + 1 < len(LEVELS):
                yield from _bars(page, part, scale, start, level + 1)
        start += part.seconds


def _bar(page: Page, part: Spent, scale: Axis, start: float, level: int) -> Markup:
    cls, ink = LEVELS[level]
    title, share = _title(page, part, level), part.seconds / scale.high
    tip = [el("title", title.striptags(), " ", _seconds(part.seconds))] if level > 1 else []
    width = scale.width(start, start + part.seconds)
    y = level * STEP
    parts = [el("rect", *tip, cls=cls, x=scale.at(start), y=px(y), width=width, height=BAR)]
    needed = LETTER * letters(title.striptags()) + ROOM
    if needed <= share * WIDE:
        ink = ink if needed <= share * NARROW else f"{ink} wide"
        text = label("5", 16, title.striptags(), ink)
        parts.append(el("svg", text, x=scale.at(start), y=px(y)))
    return join(parts)


def _title(page: Page, part: Spent, level: int) -> Markup:
    if level == 0:
        return page.words(f"area.{part.key}")
    return page.pillar_title(part.key) if level == 1 else page.said(part.key, NAME)


def _sentence(page: Page, whole: Spent) -> Markup:
    """How long it took, what took most of it, and the price of each area beside training."""
    largest = sorted(whole.inner, key=lambda area: -area.seconds)
    named = [area for area in largest if area.seconds >= NAMED * whole.seconds]
    shares = [
        page.words("spending.share", area=_inside(page, area), share=_share(area, whole))
        for area in named
    ]
    parts = [
        page.words("spending.took", time=_seconds(whole.seconds), shares=page.words.listing(shares))
    ]
    energy = whole.energy
    if energy is None:
        parts.append(page.words("spending.no_energy"))
    else:
        basis = page.basis(energy.basis or "")
        parts.append(page.words("spending.energy", energy=joules(page, energy), basis=basis))
    dear = [a for a in whole.inner if a.key in ("explanation", "privacy")]
    trained = _trained(whole)
    if dear and trained:
        prices = [
            page.words(
                "spending.price", area=_inside(page, area), time=_seconds(area.seconds / trained)
            )
            for area in dear
        ]
        parts.append(page.words("spending.prices", prices=page.words.listing(prices)))
    return Markup(" ").join(parts)


def _inside(page: Page, area: Spent) -> Markup:
    title = page.words(f"area.{area.key}")
    return title[:1].lower() + title[1:]


def _trained(whole: Spent) -> float | None:
    """Seconds that the audited model was trained for, or None where nobody metered it."""
    return next((area.seconds for area in whole.inner if area.key == "training"), None)


def _times(area: Spent, whole: Spent) -> str:
    training = _trained(whole)
    return numbers.DASH if training is None else numbers.show(area.seconds / training).text


def _share(area: Spent, whole: Spent) -> str:
    return f"{numbers.show(100 * area.seconds / whole.seconds, beside=10.0).text}%"


def _seconds(seconds: float) -> str:
    return numbers.show(seconds, unit="s").text


def _line(page: Page, area: Spent, whole: Spent) -> SpentLine:
    energy = area.energy or EnergyRecord(joules=None)
    return SpentLine(
        page.words(f"area.{area.key}"),
        join([_seconds(area.seconds)]),
        join([_share(area, whole)]),
        join([_times(area, whole)]),
        join([_seconds(area.trained) if area.trained else numbers.DASH]),
        joules(page, energy),
        page.basis(energy.basis or ""),
    )
