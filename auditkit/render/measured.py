"""The measurements of an audit, laid out so that a page can hold hundreds of them.

What is about all rows, or compares all groups, is shown whole: as a list, or as a table with a row
for each metric and a column for each attribute. Of what is about single groups a table shows those
that surely differ from all rows and are not drawn; how many others there are is said, and
`audit.json` holds them all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.figures import SHORT
from auditkit.render.page import Page, Pillar, show
from auditkit.render.text import el, join
from auditkit.report import MeasurementRecord

#: Groups and metrics of a table of single groups that are shown at most.
GROUPS, METRICS = 12, 8


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One measurement in a list."""

    title: Markup
    where: Markup
    value: Markup
    interval: Markup
    rows: str
    basis: Markup  # empty where it was measured


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

    @property
    def filled(self) -> int:
        """How many measurements it shows."""
        return sum(bool(cell) for _, cells in self.rows for cell in cells)


@dataclass(frozen=True, slots=True)
class Measures:
    """All measurements of an audit.

    Attributes:
        listed: About all rows, or over all groups of one attribute.
        compared: Over all groups of several attributes, or None.
        matrices: About single groups.
        shown: How many about single groups are in these tables.
        single: How many are about single groups.
        count: How many there are.
        rows: The number of rows that all of the list are about, or nothing where they differ.
    """

    listed: tuple[MeasureRow, ...]
    compared: Matrix | None
    matrices: tuple[Matrix, ...]
    shown: int
    single: int
    count: int
    rows: str

    @property
    def is_short(self) -> bool:
        """Whether the list can stand in the open."""
        return len(self.listed) <= SHORT

    @property
    def whole(self) -> int:
        """How many are not about single groups."""
        return self.count - self.single

    @property
    def with_where(self) -> bool:
        """Whether some of the list are not about all rows."""
        return any(row.where for row in self.listed)


def measures(page: Page, pillar: Pillar, drawn: Collection[str] = ()) -> Measures:
    """Lay out the measurements of an audit.

    Args:
        page: The record.
        pillar: The audit.
        drawn: Metrics that a drawing shows for every group.

    Returns:
        What is shown of them, and how many there are.
    """
    found = pillar.measurements
    single = [m for m in found if _is_single(m)]
    compared = _compared([m for m in found if m.slice and not _is_single(m)])
    apart = {m.id for m in compared}
    listed = [m for m in found if not _is_single(m) and m.id not in apart]
    matrices = _matrices(page, pillar, [m for m in single if m.metric not in drawn])
    sizes = {m.n for m in listed}
    return Measures(
        listed=tuple(_row(page, m) for m in listed),
        compared=_compared_matrix(page, compared) if compared else None,
        matrices=matrices,
        shown=sum(matrix.filled for matrix in matrices),
        single=len(single),
        count=len(found),
        rows=numbers.count(sizes.pop()) if len(sizes) == 1 else "",
    )


def _matrices(
    page: Page, pillar: Pillar, single: Sequence[MeasurementRecord]
) -> tuple[Matrix, ...]:
    """A table for each column whose groups differ; of all groups where nothing else shows them."""
    overall = {m.metric: m for m in pillar.measurements if not m.slice}
    bare = not pillar.tables
    told = [m for m in single if bare or _differs(m, overall.get(m.metric))]
    keys = dict.fromkeys(tuple(m.slice) for m in told)
    parts = [([m for m in told if tuple(m.slice) == key], key) for key in keys]
    return tuple(_matrix(page, key, found, single) for found, key in parts)


def _differs(measurement: MeasurementRecord, overall: MeasurementRecord | None) -> bool:
    """Whether the interval of a group lies wholly beside that of all rows."""
    if overall is None or overall.interval is None or measurement.interval is None:
        return False
    group, whole = measurement.interval, overall.interval
    return group.high < whole.low or whole.high < group.low


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
        Markup("") if measurement.basis == "measured" else page.basis(measurement.basis),
    )


def aligned(shown: numbers.Shown | None) -> Markup:
    """A value whose decimal point stands under those above it."""
    if shown is None:
        return el("b", numbers.DASH)
    if shown.unit:
        return el("b", shown.text)
    whole, fraction = shown.point
    return el("b", whole, el("span", fraction))


def interval_or_reason(
    page: Page, measurement: MeasurementRecord, shown: numbers.Shown | None
) -> Markup:
    """The interval, or why there is none."""
    if shown is None:
        return join([page.words("interval.no_value"), page.told(measurement.reason, 200)])
    if shown.interval:
        return el("i", shown.interval)
    return page.words("interval.exact") if measurement.exact else page.told(measurement.reason, 200)


def _matrix(
    page: Page,
    key: tuple[str, ...],
    told: Sequence[MeasurementRecord],
    single: Sequence[MeasurementRecord],
) -> Matrix:
    """The groups and the metrics of what has to be told; the cells between them as well."""
    metrics = list(dict.fromkeys(m.metric for m in told))[:METRICS]
    groups = list(dict.fromkeys(tuple(m.slice.values()) for m in told))[:GROUPS]
    own = [m for m in single if tuple(m.slice) == key]
    sizes = {m: max(abs(one.value or 0.0) for one in own if one.metric == m) for m in metrics}
    by_place = {(tuple(m.slice.values()), m.metric): m for m in own}
    rows = tuple(
        (
            Markup(" \N{MULTIPLICATION SIGN} ").join(
                page.group(*part) for part in zip(key, group, strict=True)
            ),
            tuple(_entry(page, by_place.get((group, m)), sizes[m]) for m in metrics),
        )
        for group in groups
    )
    title = Markup(" \N{MULTIPLICATION SIGN} ").join(page.column(column) for column in key)
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
    if shown is None:
        return join([numbers.DASH])
    if not shown.interval:
        return join([shown.text])
    basis = "" if measurement.basis == "measured" else page.basis(measurement.basis)
    return join([shown.text, Markup(" "), el("i", shown.interval), basis])
