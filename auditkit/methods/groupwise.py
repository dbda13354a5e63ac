"""What is said of every group of people: shares, what a gap leaves out, and the binary task.

A task is compared by an object with the parts of `ByGroup`; `multiclass_groups` and
`regression_groups` hold those of the other tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

import numpy as np

from auditkit.errors import quote
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods import gaps
from auditkit.methods.cells import RATES, Cells, Rate, count_cells
from auditkit.methods.crossing import Comparison, Crossing, cross
from auditkit.methods.estimates import IntArray, as_interval
from auditkit.methods.intervals import wilson
from auditkit.methods.parity import PARITY, PARITY_BOUNDS, parity

#: Why a share of one row is not shown.
WITHHELD = "one row only: its rate would be the outcome of one person"
#: Labels of the groups of each column and, last, of its unknown rows.
Labels = Mapping[str, Sequence[str]]
#: Columns of the table of pairs, whatever the task.
PAIR_COLUMNS = (
    *("attribute", "metric", "a", "b", "difference", "low", "high"),
    *("p_adjusted", "established"),
)
#: Groups, or classes, that a text names before it only counts the rest.
NAMED = 6

BASE_RATE_ALL_ROWS = Metric(
    "base_rate_all_rows",
    "Base rate over all rows",
    "Share of all rows that came with a label, trained on or not, whose outcome is positive.",
    "rate",
    low=0.0,
    high=1.0,
)


@dataclass(frozen=True)
class Settings:
    """How groups are compared.

    Attributes:
        level: Confidence level of every interval, in (0, 1).
        min_group: Rows that a number must rest on for its group to enter a gap.
        max_pairs: Most pairs that are listed for each column and number.
    """

    level: float = 0.95
    min_group: int = 10
    max_pairs: int = 50


class ByGroup(Protocol):
    """Compares the groups of one task; the rows of its tables gather while it does."""

    @property
    def gap_metrics(self) -> tuple[Metric, ...]:
        """The gaps, each of which every comparison measures or says why not."""
        ...

    @property
    def constant(self) -> bool:
        """Whether every row gets the same decision."""
        ...

    def cross(self, columns: tuple[str, ...]) -> Crossing:
        """Cross the groups of some columns; `of_group` and `gaps` take what it gives."""
        ...

    def of_group(self, crossing: Crossing, i: int) -> tuple[Measurement, ...]:
        """Measure one group."""
        ...

    def gaps(self, crossing: Crossing) -> Iterator[Measurement]:
        """Measure the gaps between the groups."""
        ...

    def all_rows(self, column: str, codes: IntArray, y: IntArray) -> Iterator[Measurement]:
        """Measure the outcomes of all rows that came with a label, by the groups of a column."""
        ...

    def tables(self) -> Iterator[Table]:
        """Tables of what was measured until then."""
        ...


@dataclass
class DecisionsByGroup:
    """Rates of a binary decision by group, and parity between groups.

    Attributes:
        cells: The counts.
        labels: Names of the groups.
        settings: How they are compared.
        lines: Rows of the table of groups so far.
        pairs: Rows of the table of pairs so far.
        cut: What the table of pairs left out so far.

    Example:
        >>> cells = count_cells({"sex": [0, 1]}, {"sex": 2}, [0, 1], [0, 1])
        >>> by_group = DecisionsByGroup(cells, {"sex": ("F", "M", "unknown")}, Settings())
        >>> by_group.constant, by_group.cross(("sex",)).names
        (False, ('F', 'M'))
    """

    cells: Cells
    labels: Labels
    settings: Settings
    lines: list[tuple[Cell, ...]] = field(default_factory=list)
    pairs: list[tuple[Cell, ...]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    tabled: ClassVar[tuple[str, ...]] = (
        *("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate"),
        *("precision", "accuracy"),
    )
    shown: ClassVar[tuple[str, ...]] = (*tabled, "false_negative_rate")
    paired: ClassVar[tuple[str, ...]] = (
        *("selection_rate", "true_positive_rate", "false_positive_rate"),
    )
    gap_metrics: ClassVar[tuple[Metric, ...]] = PARITY
    metrics: ClassVar[tuple[Metric, ...]] = (
        BASE_RATE_ALL_ROWS,
        *(RATES[name].metric for name in shown),
        *PARITY,
        *PARITY_BOUNDS,
    )

    @property
    def constant(self) -> bool:
        """Whether every row gets the same decision."""
        return not self.cells.table().sum(axis=0).all()

    def cross(self, columns: tuple[str, ...]) -> Crossing:
        """Cross the groups of some columns."""
        return cross(self.cells, self.labels, columns)

    def of_group(self, crossing: Crossing, i: int) -> tuple[Measurement, ...]:
        """Measure the rates of one group."""
        where, level = crossing.where(i), self.settings.level
        measured = tuple(
            share(RATES[name], crossing.table[i], level, where) for name in self.shown
        )
        self.lines.append(line(crossing, i, measured[: len(self.tabled)]))
        return measured

    def gaps(self, crossing: Crossing) -> Iterator[Measurement]:
        """Measure parity, and how far rows of unknown group could move it."""
        least = self.settings.min_group
        selection, recall, alarms = (crossing.compare(RATES[name], least) for name in self.paired)
        for metric, estimate, rates in parity(selection, recall, alarms, self.settings.level):
            compared = "; ".join(over(rate, least) for rate in rates)
            yield metric.measure(
                estimate.value,
                interval=estimate.interval,
                reason=estimate.reason and f"{estimate.reason} ({compared})",
                n=sum(rate.n for rate in rates),
                slice=crossing.everyone,
                source=f"between groups, unsigned; {compared}",
            )
        yield from self._unknown_bounds(crossing, selection)
        self._gather_pairs(crossing)

    def _unknown_bounds(self, crossing: Crossing, held: Comparison) -> Iterator[Measurement]:
        """Bound the parity gap over all ways in which rows of unknown group could belong."""
        unknown = unknown_rows(crossing, held.rate)
        if unknown[1] == 0:
            return
        bounds = None
        if len(held.names) > 1:
            bounds = gaps.bounds_with_unknown(held.successes, held.totals, *unknown)
        text = over(held, self.settings.min_group)
        yield from bound_measures(PARITY_BOUNDS, bounds, crossing, (held.n, unknown[1]), text)

    def _gather_pairs(self, crossing: Crossing) -> None:
        most = self.settings.max_pairs
        for name in self.paired:
            held = crossing.compare(RATES[name], self.settings.min_group)
            found = gaps.compare_pairs(held.successes, held.totals, self.settings.level)
            if len(found) > most:
                apart = sum(pair.established for pair in found)
                self.cut.append(left_out(crossing, name, apart, len(found)))
            for pair in found[:most]:
                named = (crossing.title, name, held.names[pair.a], held.names[pair.b])
                numbers = (pair.difference, pair.low, pair.high, pair.p_adjusted)
                self.pairs.append((*named, *numbers, pair.established))

    def all_rows(self, column: str, codes: IntArray, y: IntArray) -> Iterator[Measurement]:
        """Measure the base rates of all rows that came with a label."""
        labels = self.labels_of(column, codes)
        cells = count_cells({column: codes}, {column: len(labels) - 1}, y, y)
        crossing = cross(cells, {column: labels}, [column])
        rate = replace(RATES["base_rate"], metric=BASE_RATE_ALL_ROWS)
        for i, table in enumerate(crossing.table):
            yield share(rate, table, self.settings.level, crossing.where(i))

    def tables(self) -> Iterator[Table]:
        """The table of groups, and that of pairs where there are any."""
        percent = f"{100 * self.settings.level:g} %"
        yield Table(
            name="groups",
            title="Rates by group",
            columns=("attribute", "group", "n", *bounded(self.tabled)),
            rows=tuple(self.lines),
            source=f"assessed rows; shares with Wilson intervals at {percent}; no number "
            "where a share would rest on no row or on one",
            chart="groups",
        )
        if not self.pairs:
            return
        yield Table(
            name="pairs",
            title="Which groups the data tell apart",
            columns=PAIR_COLUMNS,
            rows=tuple(self.pairs),
            source="rate of a minus rate of b; Newcombe intervals that hold together at "
            f"{percent} over all pairs of one attribute and one rate (Bonferroni). A pair is "
            "established where its interval does not hold 0: the interval decides. p_adjusted: "
            "Fisher's exact test where an expected count is under 5, else the pooled z test; "
            f"Holm over the same pairs{widest_only(self.cut)}",
            chart="forest",
        )
