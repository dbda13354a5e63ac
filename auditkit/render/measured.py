"""All measurements of an audit, laid out so that hundreds of them can be read.

What is about all rows is a list. What compares all groups of several columns is a table with a row
for each metric and a column for each attribute; what is about single groups is a table with a row
for each group and a column for each metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.figures import SHORT
from auditkit.render.page import Page, show
from auditkit.render.text import el, join, name
from auditkit.report import MeasurementRecord


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One measurement in a list."""

    title: Markup
    where: Markup
    value: Markup
    interval: Markup
    rows: str
    basis: Markup


@dataclass(frozen=True, slots=True)
class Matrix:
    """Measurements of single groups, or of what compares them.

    Attributes:
        title: The columns of the data whose groups these are, or what is compared.
        first: Title of the first column.
        heads: Titles of the metrics, or of the attributes.
        rows: Group and one cell a metric, or metric and one cell an attribute.
    """

    title: Markup
    first: Markup
    heads: tuple[Markup, ...]
    rows: tuple[tuple[Markup, tuple[Markup, ...]], ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """All measurements of an audit.

    Attributes:
        listed: About all rows, or over all groups of one attribute.
        compared: Over all groups of several attributes, or None.
        matrices: About single groups.
        single: How many are about single groups.
        count: How many there are.
        is_short: Whether the list can stand in the open.
    """

    listed: tuple[MeasureRow, ...]
    compared: Matrix | None
    matrices: tuple[Matrix, ...]
    single: int
    count: int

    @property
    def is_short(self) -> bool:
        """Whether the list can stand in the open."""
        return len(self.listed) <= SHORT

    @property
    def whole(self) -> int:
        """How many are not about single groups."""
        return self.count - self.single


def measures(page: Page, measurements: Sequence[MeasurementRecord]) -> Measures:
    """Lay out the measurements of an audit."""
    single = [m for m in measurements if _is_single(m)]
    compared = _compared([m for m in measurements if m.slice and not _is_single(m)])
    apart = {m.id for m in compared}
    listed = [m for m in measurements if not _is_single(m) and m.id not in apart]
    keys = dict.fromkeys(tuple(m.slice) for m in single)
    matrices = tuple(
        _matrix(page, key, [m for m in single if tuple(m.slice) == key]) for key in keys
    )
    return Measures(
        listed=tuple(_row(page, m) for m in listed),
        compared=_compared_matrix(page, compared) if compared else None,
        matrices=matrices,
        single=len(single),
        count=len(measurements),
    )


def _compared(found: Sequence[MeasurementRecord]) -> list[MeasurementRecord]:
    """Those of metrics that compare the groups of several attributes; a few can be listed."""
    attributes = {tuple(m.slice) for m in found}
    return [*found] if len(attributes) > 1 and len(found) > SHORT else []


def _is_single(measurement: MeasurementRecord) -> bool:
    return bool(measurement.slice) and ALL_GROUPS not in measurement.slice.values()


def _row(page: Page, measurement: MeasurementRecord) -> MeasureRow:
    shown = show(measurement)
    return MeasureRow(
        page.metric_title(measurement.metric),
        page.where(measurement.slice),
        aligned(shown),
        interval_or_reason(page, measurement, shown),
        numbers.count(measurement.n),
        page.basis(measurement.basis),
    )


def aligned(shown: numbers.Shown | None) -> Markup:
    """A value whose decimal point stands under those above it."""
    if shown is None:
        return el("span", numbers.DASH, cls="val")
    if shown.unit:
        return el("span", shown.text, cls="val")
    whole, fraction = shown.point
    return el("span", whole, el("span", fraction, cls="dec f3"), cls="val")


def interval_or_reason(
    page: Page, measurement: MeasurementRecord, shown: numbers.Shown | None
) -> Markup:
    """The interval, or why there is none."""
    if shown is None:
        return join([page.words("interval.no_value"), page.told(measurement.reason, 200)])
    if shown.interval:
        return el("small", shown.interval)
    return el("small", page.told(measurement.reason, 200))


def _matrix(page: Page, key: tuple[str, ...], found: Sequence[MeasurementRecord]) -> Matrix:
    metrics = list(dict.fromkeys(m.metric for m in found))
    groups = dict.fromkeys(tuple(m.slice.values()) for m in found)
    sizes = {
        metric: max(abs(m.value or 0.0) for m in found if m.metric == metric) for metric in metrics
    }
    by_place = {(tuple(m.slice.values()), m.metric): m for m in found}
    rows = tuple(
        (
            Markup(" \N{MULTIPLICATION SIGN} ").join(name(part) for part in group),
            tuple(_entry(page, by_place.get((group, m)), sizes[m]) for m in metrics),
        )
        for group in groups
    )
    title = Markup(" \N{MULTIPLICATION SIGN} ").join(name(column) for column in key)
    heads = tuple(page.metric_title(metric) for metric in metrics)
    return Matrix(title, page.words("groups.group"), heads, rows)


def _compared_matrix(page: Page, found: Sequence[MeasurementRecord]) -> Matrix:
    """A row for each metric and a column for each attribute or intersection."""
    attributes = {tuple(m.slice): page.where(m.slice) for m in found}
    by_place = {(m.metric, tuple(m.slice)): m for m in found}
    rows = tuple(
        (
            page.metric_title(metric),
            tuple(_entry(page, by_place.get((metric, key)), 0.0) for key in attributes),
        )
        for metric in dict.fromkeys(m.metric for m in found)
    )
    title, first = page.words("measures.compared"), page.words("measures.metric")
    return Matrix(title, first, tuple(attributes.values()), rows)


def _entry(page: Page, measurement: MeasurementRecord | None, beside: float) -> Markup:
    if measurement is None:
        return Markup("")
    shown = show(measurement, beside=beside)
    rows = page.words("matrix.n", n=measurement.n)
    if shown is None:
        return join([numbers.DASH, Markup(" "), el("small", rows)])
    if not shown.interval:
        return join([shown.text])
    after = el("small", shown.interval, Markup(" "), rows)
    basis = "" if measurement.basis == "measured" else page.basis(measurement.basis)
    return join([shown.text, Markup(" "), after, basis])
