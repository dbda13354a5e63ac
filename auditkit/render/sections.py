"""The sections of the pillars: sentence, findings, drawings, numbers, method."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from auditkit.render.charts_groups import drawn_rates
from auditkit.render.draw import figures
from auditkit.render.figures import NOTHING, Figure
from auditkit.render.judged import LimitRow, limit_row
from auditkit.render.lede import lede
from auditkit.render.measured import Measures, measures
from auditkit.render.page import Page, Pillar, State
from auditkit.render.text import ELLIPSIS, name
from auditkit.report import TableRecord

#: Findings that are drawn in a section; the register holds the others.
DRAWN = 24
#: Drawings whose rows are marks with numbers beside them: they need no second table.
TABLES = frozenset({"RowChart", "GroupChart"})
#: Order of the tables of the built-in audits; others follow as they came.
ORDER = (
    *("groups", "pairs", "tests", "calibration", "roc", "loss"),
    *("gap", "selection-gap", "importance", "strips"),
)


#: Metrics of groups that the table of calibrated groups holds.
_LISTED = frozenset({"abstention_share", "abstention_risk", "abstention_risk_change"})


@dataclass(frozen=True, slots=True)
class Section:
    """The section of a pillar.

    Attributes:
        anchor: Its id.
        title: Its heading.
        state: Its verdict.
        lede: Its first sentence.
        rows: Its findings, drawn against their limits.
        more: Findings that are only in the register.
        figures: Its drawings.
        measures: All its measurements.
    """

    anchor: str
    title: Markup
    state: State
    lede: Markup
    rows: tuple[LimitRow, ...]
    more: int
    figures: tuple[tuple[Figure, ...], ...]
    measures: Measures


def section(page: Page, pillar: Pillar) -> Section:
    """Lay out the section of a pillar."""
    drawn = [figure for table in _ordered(pillar) for figure in _figures(page, table)]
    return Section(
        anchor=pillar.anchor,
        title=page.pillar_title(pillar.name),
        state=pillar.state,
        lede=lede(page, pillar),
        rows=tuple(limit_row(page, judged) for judged in pillar.judged[:DRAWN]),
        more=max(0, len(pillar.judged) - DRAWN),
        figures=_in_lines(_once(drawn)),
        measures=measures(page, pillar, _drawn_by_group(page, pillar)),
    )


def _ordered(pillar: Pillar) -> list[TableRecord]:
    def place(table: TableRecord) -> int:
        short = table.id.removeprefix(f"{pillar.name}.")
        return ORDER.index(short) if short in ORDER else len(ORDER)

    return sorted(pillar.tables, key=place)


def _drawn_by_group(page: Page, pillar: Pillar) -> set[str]:
    """Metrics that a drawing shows for every group."""
    tables = [table for table in pillar.tables if table.chart == "groups"]
    drawn = {rate for table in tables for rate in drawn_rates(page, table)}
    listed = any(table.chart == "calibrated-groups" for table in pillar.tables)
    # A table of people has a column for each metric.
    whole = {column for t in pillar.tables if t.chart == "people" for column in t.columns}
    return drawn | whole | (_LISTED if listed else frozenset())


def _figures(page: Page, table: TableRecord) -> list[Figure]:
    """The figures of a table; where it is not shown whole, they say where all of it is."""
    whole = page.words("table.whole", n=len(table.rows), table=name(table.id, 80))
    return [_lean(figure, whole) for figure in figures(page, table)]


def _lean(figure: Figure, whole: Markup) -> Figure:
    """A drawing that is a table itself needs no other one."""
    if figure.kind in TABLES and figure.data:
        return replace(figure, data=None, whole=whole)
    return replace(figure, whole=whole if ELLIPSIS in figure.note else NOTHING)


def _once(drawn: list[Figure]) -> list[Figure]:
    """Say how figures were made, and how to read them, once where several are alike."""
    said: set[Markup] = set()
    kept = []
    for figure in drawn:
        note, caption = (NOTHING if t in said else t for t in (figure.note, figure.caption))
        named = figure.caption if figure.kind == "RowChart" else caption  # a table has a caption
        kept.append(replace(figure, note=note, caption=named))
        said |= {figure.note, figure.caption}
    return kept


def _in_lines(drawn: list[Figure]) -> tuple[tuple[Figure, ...], ...]:
    """Put two half figures that follow each other on one line."""
    lines: list[tuple[Figure, ...]] = []
    for figure in drawn:
        if figure.half and lines and len(lines[-1]) == 1 and lines[-1][0].half:
            lines[-1] = (lines[-1][0], figure)
        else:
            lines.append((figure,))
    return tuple(lines)
