"""What each strength of privacy costs: accuracy over epsilon, beside the model without privacy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts import Axis, axis, curve, framed, label, line, pct, px, rect, upright
from auditkit.render.charts_plots import from_top
from auditkit.render.figures import Figure, Plot, data_table, source_note
from auditkit.render.page import Page, number, records
from auditkit.render.text import el, join
from auditkit.report import Scalar, TableRecord

HEIGHT = 220
#: Room at both ends of the axis of epsilon, as a share of the width.
MARGIN = 0.12
#: Points that are drawn.
MOST = 12

Record = dict[str, Scalar]


def privacy_frontier(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the accuracy of each private twin over its epsilon, which is on a logarithmic axis."""
    rows = records(table)
    plain = next((row for row in rows if number(row, "epsilon") is None), {})
    twins = sorted(_drawable(rows), key=lambda row: number(row, "epsilon") or 0.0)[:MOST]
    if not twins:
        return []
    ends = ("accuracy", "low", "high")
    ys = axis([v for row in [*twins, plain] for c in ends if (v := number(row, c)) is not None])
    places = _places([number(row, "epsilon") or 1.0 for row in twins])
    parts = [*_grid(ys), *_ticks(twins, places), *_without_privacy(page, plain, ys)]
    accuracies = [number(row, "accuracy") or 0.0 for row in twins]
    spots = zip(places, accuracies, strict=True)
    joined = curve([(x, from_top(ys, y, HEIGHT)) for x, y in spots], "bl")
    parts.append(framed(HEIGHT, joined))
    for row, x in zip(twins, places, strict=True):
        parts += _twin(row, x, ys)
    return [
        Figure(
            _title(page, twins),
            page.words("privacy_frontier.caption"),
            Plot(
                join(parts),
                HEIGHT,
                page.words("privacy_frontier.x"),
                page.words("privacy_frontier.y"),
                page.words("privacy_frontier.description", n=len(twins)),
            ),
            data_table(page, table),
            source_note(page, table),
        )
    ]


def _drawable(rows: Sequence[Record]) -> Iterator[Record]:
    for row in rows:
        epsilon = number(row, "epsilon")
        if epsilon is not None and epsilon > 0 and number(row, "accuracy") is not None:
            yield row


def _places(epsilons: Sequence[float]) -> list[float]:
    """Where each epsilon stands, as a share of the width; a single one in the middle."""
    logs = [math.log(epsilon) for epsilon in epsilons]
    least, range_ = min(logs), max(logs) - min(logs)
    if range_ == 0:
        return [0.5 for _ in logs]
    return [MARGIN + (1 - 2 * MARGIN) * (one - least) / range_ for one in logs]


def _grid(ys: Axis) -> Iterator[Markup]:
    for value, text in ys.ticks():
        y = from_top(ys, value, HEIGHT)
        yield line("0%", y, "100%", y, "grid")
        yield label("-8", y + 4, text, "e d")
    yield line("0%", HEIGHT, "100%", HEIGHT, "axis")


def _ticks(twins: Sequence[Record], places: Sequence[float]) -> Iterator[Markup]:
    for row, place in zip(twins, places, strict=True):
        yield upright(pct(place), 5, "axis", HEIGHT)
        yield label(pct(place), HEIGHT + 18, numbers.limit(number(row, "epsilon") or 0.0), "m d")


def _without_privacy(page: Page, plain: Record, ys: Axis) -> list[Markup]:
    """The band of the audited model, and its name."""
    value, low, high = (number(plain, column) for column in ("accuracy", "low", "high"))
    if value is None:
        return []
    parts = []
    if low is not None and high is not None:
        top = from_top(ys, high, HEIGHT)
        parts.append(rect("0%", top, "100%", from_top(ys, low, HEIGHT) - top, "band"))
    y = from_top(ys, value, HEIGHT)
    parts.append(line("0%", y, "100%", y, "ref"))
    return [*parts, label("4", y - 6, str(page.words("privacy_frontier.plain")), "k halo")]


def _twin(row: Record, place: float, ys: Axis) -> list[Markup]:
    at, value = pct(place), number(row, "accuracy") or 0.0
    low, high = number(row, "low"), number(row, "high")
    parts = []
    if low is not None and high is not None:
        end = from_top(ys, high, HEIGHT)
        parts.append(upright(at, from_top(ys, low, HEIGHT) - end, "iv ev", end))
    return [*parts, el("circle", cls="mk ev", cx=at, cy=px(from_top(ys, value, HEIGHT)), r="5")]


def _title(page: Page, twins: Sequence[Record]) -> Markup:
    """What the strongest privacy costs, and whether that is established."""
    first = twins[0]
    cost, low, high = (number(first, column) for column in ("cost", "cost_low", "cost_high"))
    epsilon = numbers.limit(number(first, "epsilon") or 0.0)
    if cost is None or low is None or high is None:
        return page.words("privacy_frontier.title", epsilon=epsilon)
    shown = numbers.show(100 * cost, 100 * low, 100 * high)
    key = "costs" if low > 0 else "gains" if high < 0 else "even"
    text = shown.text if key == "costs" else numbers.show(-100 * cost).text
    return page.words(f"privacy_frontier.title_{key}", epsilon=epsilon, cost=text)
