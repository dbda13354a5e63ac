"""How cost and error grow: points, the line through them, and what it foretells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import axis, curve, framed, label, line, pct, px, upright
from auditkit.render.figures import Figure, Plot, data_table, source_note
from auditkit.render.page import Page, number, records
from auditkit.render.text import el, join
from auditkit.report import Scalar, TableRecord

HEIGHT = 220
#: Room at both ends of the axis of rows, as a share of the width.
MARGIN = 0.08
#: Points that are drawn; decades that an axis may span, for a line may foretell anything.
MOST, DECADES = 24, 12
#: Least distance of two numbers under the axis, as a share of the width.
APART = 0.17

Record = dict[str, Scalar]


@dataclass(frozen=True)
class _Logarithmic:
    """An axis of powers of ten.

    Attributes:
        low: Power at its beginning.
        high: Power at its end.
    """

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Logarithmic:
        """Span numbers above 0, with some room."""
        logs = [math.log10(value) for value in values]
        high = max(logs)
        low = max(min(logs), high - DECADES)
        room = 0.05 * (high - low) or 0.5
        return cls(low - room, high + room)

    def share(self, value: float) -> float:
        """How far along a number stands, within [0, 1]."""
        place = (math.log10(value) - self.low) / (self.high - self.low)
        return min(max(place, 0.0), 1.0)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Powers of ten; plain numbers where the axis spans less than one."""
        if self.high - self.low < 1:
            whole = axis([10**self.low, 10**self.high], aim=4)
            inside = (tick for tick in whole.ticks() if tick[0] > 0)
            yield from (one for one in inside if self.low <= math.log10(one[0]) <= self.high)
            return
        powers = range(math.ceil(self.low), math.floor(self.high) + 1)
        for power in powers[:: 1 + len(powers) // 6]:
            value = float(f"1e{power}")
            yield value, numbers.limit(value)


def power_law(page: Page, table: TableRecord) -> list[Figure]:
    """Draw what was measured, and the line beyond, with its band; both axes are logarithmic."""
    rows = sorted(_drawable(table), key=lambda row: number(row, "rows") or 0.0)
    measured = [row for row in rows if number(row, "measured") is not None]
    if len(measured) < 2:
        return []
    ends = ("measured", "fitted", "low", "high")
    ys = _Logarithmic.of([v for row in rows for end in ends if (v := _above(row, end)) is not None])
    places = _places(rows)
    parts = [*_grid(ys), *_rows(rows, places)]
    for column, cls in (("low", "bl"), ("high", "bl"), ("fitted", "ln")):
        known = [
            (x, _down(ys, v))
            for x, row in zip(places, rows, strict=True)
            if (v := _above(row, column)) is not None
        ]
        parts.append(framed(HEIGHT, curve(known, cls)))
    for x, row in zip(places, rows, strict=True):
        parts += _mark(x, row, ys)
    kind = "error" if table.id.endswith(".error") else "cost"
    return [
        Figure(
            _title(page, kind, rows[-1]),
            page.words("power_law.caption"),
            Plot(
                join(parts),
                HEIGHT,
                page.words("power_law.x"),
                page.words(f"power_law.y_{kind}"),
                page.words("power_law.description", n=len(measured)),
            ),
            data_table(page, table),
            source_note(page, table),
            half=True,
        )
    ]


def _above(row: Record, column: str) -> float | None:
    """A number that has a logarithm."""
    value = number(row, column)
    return value if value is not None and value > 0 else None


def _drawable(table: TableRecord) -> Iterator[Record]:
    for row in records(table)[:MOST]:
        has_value = _above(row, "measured") is not None or _above(row, "fitted") is not None
        if has_value and _above(row, "rows") is not None:
            yield row


def _places(rows: Sequence[Record]) -> list[float]:
    """Where each number of rows stands, as a share of the width."""
    logs = [math.log(number(row, "rows") or 1.0) for row in rows]
    least, range_ = min(logs), (max(logs) - min(logs)) or 1.0
    return [MARGIN + (1 - 2 * MARGIN) * (one - least) / range_ for one in logs]


def _down(ys: _Logarithmic, value: float) -> float:
    return HEIGHT * (1 - ys.share(value))


def _grid(ys: _Logarithmic) -> Iterator[Markup]:
    for value, text in ys.ticks():
        y = _down(ys, value)
        yield line("0%", y, "100%", y, "grid")
        yield label("-8", y + 4, text, "e d")
    yield line("0%", HEIGHT, "100%", HEIGHT, "axis")


def _rows(rows: Sequence[Record], places: Sequence[float]) -> Iterator[Markup]:
    """The numbers of rows under the axis; those that would stand in another are left out."""
    taken = -1.0
    for row, place in zip(rows, places, strict=True):
        yield upright(pct(place), 5, "axis", HEIGHT)
        if place - taken < APART:
            continue
        taken = place
        text = numbers.show(number(row, "rows") or 0.0, unit="rows").text
        yield label(pct(place), HEIGHT + 18, text, "m d")


def _mark(place: float, row: Record, ys: _Logarithmic) -> list[Markup]:
    """What was measured, or the interval of what is foretold."""
    at, value = pct(place), _above(row, "measured")
    if value is not None:
        return [el("circle", cls="mk ev", cx=at, cy=px(_down(ys, value)), r="4")]
    low, high = _above(row, "low"), _above(row, "high")
    if low is None or high is None:
        return []
    end = _down(ys, high)
    return [upright(at, _down(ys, low) - end, "iv ev", end)]


def _title(page: Page, kind: str, last: Record) -> Markup:
    value = number(last, "fitted")
    if value is None or number(last, "measured") is not None:
        return page.words("power_law.title")
    shown = numbers.show(value, unit="s" if kind == "cost" else "").text
    rows = numbers.show(number(last, "rows") or 0.0, unit="rows").text
    return page.words(f"power_law.title_{kind}", rows=rows, value=shown)
