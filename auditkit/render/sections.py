"""The sections of the pillars: sentence, findings, drawings, numbers, method."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from auditkit.render.draw import figures
from auditkit.render.figures import Figure
from auditkit.render.judged import LimitRow, limit_row
from auditkit.render.lede import lede
from auditkit.render.measured import Measures, measures
from auditkit.render.page import Page, Pillar, State
from auditkit.report import TableRecord

#: Findings that are drawn in a section; the register holds the others.
DRAWN = 24
#: Tables whose drawing repeats what the measurements say in numbers.
REPEATED = frozenset({"groups"})
#: Order of the tables of the built-in audits; others follow as they came.
ORDER = (
    *("groups", "pairs", "tests", "calibration", "roc", "loss"),
    *("gap", "selection-gap", "importance", "strips"),
)


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
    drawn = [figure for table in _ordered(pillar) for figure in _figures(page, pillar, table)]
    return Section(
        anchor=pillar.anchor,
        title=page.pillar_title(pillar.name),
        state=pillar.state,
        lede=lede(page, pillar),
        rows=tuple(limit_row(page, judged) for judged in pillar.judged[:DRAWN]),
        more=max(0, len(pillar.judged) - DRAWN),
        figures=_in_lines(drawn),
        measures=measures(page, pillar.measurements),
    )


def _ordered(pillar: Pillar) -> list[TableRecord]:
    def place(table: TableRecord) -> int:
        short = table.id.removeprefix(f"{pillar.name}.")
        return ORDER.index(short) if short in ORDER else len(ORDER)

    return sorted(pillar.tables, key=place)


def _figures(page: Page, pillar: Pillar, table: TableRecord) -> list[Figure]:
    """The figures of a table, without the numbers that the measurements give anyway."""
    found = figures(page, table)
    told = {"precision", "ks_statistic", "counterfactual_success_rate"}
    by_group = any(m.metric in told and m.slice for m in pillar.measurements)
    if table.chart in REPEATED and by_group:
        return [replace(figure, data=None) for figure in found]
    return found


def _in_lines(drawn: list[Figure]) -> tuple[tuple[Figure, ...], ...]:
    """Put two half figures that follow each other on one line."""
    lines: list[tuple[Figure, ...]] = []
    for figure in drawn:
        if figure.half and lines and len(lines[-1]) == 1 and lines[-1][0].half:
            lines[-1] = (lines[-1][0], figure)
        else:
            lines.append((figure,))
    return tuple(lines)
