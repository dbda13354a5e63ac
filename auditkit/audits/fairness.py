"""Does the model treat groups alike? Rates of every group, the gaps between them, and the pairs.

Everything is counted once, in `auditkit.methods.cells`. Groups that are small, empty or unknown
have their own rows, and are kept out of the gaps; each gap says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import prod
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, Problem, quote
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods import gaps
from auditkit.methods.cells import RATES, Cells, Rate, count_cells
from auditkit.methods.class_groups import ACCURACY_DIFFERENCE, ClassesByGroup
from auditkit.methods.crossing import Comparison, Crossing, cross, over, rows_words
from auditkit.methods.estimates import as_interval
from auditkit.methods.group_sizes import (
    GROUP_COUNT,
    GROUP_SIZE,
    UNKNOWN_SHARE,
    group_count,
    group_size,
    unknown_share,
)
from auditkit.methods.group_tasks import ByGroup, Grouped, NumbersByGroup, TextsByGroup
from auditkit.methods.groupwise import Settings
from auditkit.methods.intervals import wilson
from auditkit.methods.parity import PARITY, PARITY_BOUNDS, parity
from auditkit.methods.weighting import EFFECTIVE, weighted_words
from auditkit.roles import TASKS, group_labels, origin
from auditkit.subject import Groups, Subject

#: Why a model without a choice has no parity.
CONSTANT = "the model gives everyone the same decision; parity is vacuous"
#: Why a share of one row is not shown.
WITHHELD = "one row only: its rate would be the outcome of one person"

_TABLED = (
    *("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate"),
    *("precision", "accuracy"),
)
_SHOWN = (*_TABLED, "false_negative_rate")
_PAIRED = ("selection_rate", "true_positive_rate", "false_positive_rate")

BASE_RATE_ALL_ROWS = Metric(
    "base_rate_all_rows",
    "Base rate over all rows",
    "Share of all rows that came with a label, trained on or not, whose outcome is positive.",
    "rate",
    low=0.0,
    high=1.0,
)


@dataclass
class _Lines:
    """Rows of the two tables, gathered while groups are measured."""

    groups: list[tuple[Cell, ...]] = field(default_factory=list)
    pairs: list[tuple[Cell, ...]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fairness:
    """Rates by group and by intersection, and the gaps between groups.

    Rows count by their weights where the subject has them; how small a group is, by its rows.

    Attributes:
        level: Confidence level of every interval, in (0, 1).
        min_group: Rows that a rate must rest on for its group to enter a gap; at least 1.
        intersections: Whether every two sensitive columns are crossed.
        max_groups: A column with more groups than this is counted but not compared.
        max_intersections: Two columns with more combinations than this are not crossed.
        max_pairs: Most pairs in the table `pairs` for each column and rate.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Fairness(min_group=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.fairness] min_group: found '0', expected a whole number from 1.
    """

    level: float = 0.95
    min_group: int = 10
    intersections: bool = True
    max_groups: int = 100
    max_intersections: int = 100
    max_pairs: int = 50

    name: ClassVar[str] = "fairness"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "predictions", "sensitive"})
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    weighted: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(GROUP_COUNT, GROUP_SIZE, UNKNOWN_SHARE, BASE_RATE_ALL_ROWS),
        *(RATES[name].metric for name in _SHOWN),
        *PARITY,
        *PARITY_BOUNDS,
        *(ACCURACY_DIFFERENCE, *NumbersByGroup.shown, *NumbersByGroup.gaps),
        *(*TextsByGroup.shown, *TextsByGroup.gaps),
    )

    def __post_init__(self) -> None:
        where = "[audits.fairness]"
        problems = [
            Problem(f"{where} {name}", quote(getattr(self, name)), "a whole number from 1")
            for name in ("min_group", "max_groups", "max_intersections", "max_pairs")
            if getattr(self, name) < 1
        ]
        if not 0 < self.level < 1:
            problems.append(Problem(f"{where} level", quote(self.level), "a number in (0, 1)"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure every group, gap and pair, as the task has them.

        Args:
            subject: What is audited.
            rng: Not used: all intervals are closed forms.

        Yields:
            By column and by intersection: sizes and rates of the groups, then the gaps. Then the
            tables `groups` and `pairs`.
        """
        del rng
        if subject.task != "binary":
            yield from self._of_task(subject)
            return
        groups = {name: subject.groups[name] for name in subject.sensitive}
        cells = count_cells(
            {name: held.codes for name, held in groups.items()},
            {name: len(held.names) for name, held in groups.items()},
            subject.y_true,
            subject.y_pred,
            subject.weights,
        )
        lines = _Lines()
        for columns in self._crossings(subject.sensitive):
            yield from self._compared([groups[name] for name in columns], cells, lines)
        yield from self._all_rows(subject)
        weighted = cells.weights is not None
        yield _groups_table(lines, self.level, weighted=weighted)
        if lines.pairs:
            yield _pairs_table(lines, self.level, weighted=weighted)

    def _of_task(self, subject: Subject) -> Iterator[Measurement | Table]:
        by_group = _by_group(subject, Settings(self.level, self.min_group, self.max_pairs))
        for columns in self._crossings(subject.sensitive):
            groups = [subject.groups[name] for name in columns]
            yield group_count({held.column: held.names for held in groups}, len(subject))
            problem = self._too_many(groups)
            if problem:
                everyone = dict.fromkeys(columns, ALL_GROUPS)
                yield from _undefined(problem, everyone, len(subject), by_group.gaps)
                continue
            crossing = by_group.cross(columns)
            for i in range(len(crossing.labels)):
                yield group_size(crossing, i)
                yield from by_group.of_group(crossing, i)
            yield unknown_share(crossing)
            yield from by_group.between(crossing)
        yield from by_group.tables()

    def _crossings(self, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
        alone = [(name,) for name in columns]
        if not self.intersections:
            return [*alone]
        made = {name: origin(name, columns) for name in columns}
        return [*alone, *(p for p in combinations(columns, 2) if made[p[0]] != made[p[1]])]

    def _compared(
        self, groups: Sequence[Groups], cells: Cells, lines: _Lines
    ) -> Iterator[Measurement]:
        columns = tuple(held.column for held in groups)
        decisions = cells.table().sum(axis=0)
        yield group_count({held.column: held.names for held in groups}, int(decisions.sum()))
        problem = self._too_many(groups)
        if problem:
            everyone = dict.fromkeys(columns, ALL_GROUPS)
            yield from _undefined(problem, everyone, int(decisions.sum()))
            return
        crossing = cross(cells, {held.column: group_labels(held) for held in groups}, columns)
        for i in range(len(crossing.labels)):
            measured = tuple(self._group(crossing, i))
            yield from measured
            lines.groups.append(_line(crossing, i, measured))
        yield unknown_share(crossing)
        if not decisions.all():
            yield from _undefined(CONSTANT, crossing.everyone, int(decisions.sum()))
            return
        yield from self._gaps(crossing)
        self._gather_pairs(crossing, lines)

    def _too_many(self, groups: Sequence[Groups]) -> str | None:
        setting = "max_groups" if len(groups) == 1 else "max_intersections"
        most, count = getattr(self, setting), prod(len(held.names) for held in groups)
        if count <= most:
            return None
        advice = f"join groups (bands for a number), or raise {setting}"
        return f"{count:,} groups, more than {setting} = {most:,}; {advice}"

    def _group(self, crossing: Crossing, i: int) -> Iterator[Measurement]:
        yield group_size(crossing, i)
        for name in _SHOWN:
            yield _share(RATES[name], crossing, i, self.level)

    def _gaps(self, crossing: Crossing) -> Iterator[Measurement]:
        selection, recall, alarms = (
            crossing.compare(RATES[name], self.min_group) for name in _PAIRED
        )
        for metric, estimate, rates in parity(selection, recall, alarms, self.level):
            compared = "; ".join(self._over(rate) for rate in rates)
            yield metric.measure(
                estimate.value,
                interval=estimate.interval,
                reason=estimate.reason and f"{estimate.reason} ({compared})",
                n=sum(rate.n for rate in rates),
                slice=crossing.everyone,
                source=f"between groups, unsigned; {compared}",
            )
        yield from self._unknown_bounds(crossing, selection)

    def _over(self, held: Comparison) -> str:
        """Say what was compared and what was left out."""
        return over(
            title=held.rate.metric.title.lower(),
            words=held.rate.among_words,
            groups=len(held.names),
            n=held.n,
            small=held.small,
            unknown=held.unknown,
            least=self.min_group,
            effective=None if held.sums is None else float(held.effective[1].sum()),
        )

    def _unknown_bounds(self, crossing: Crossing, held: Comparison) -> Iterator[Measurement]:
        """Bound the parity gap over all ways in which rows of unknown group could belong."""
        totals = held.rate.of(crossing.table[~crossing.known].sum(axis=0))[1]
        if totals == 0:
            return
        few = gaps.TOO_FEW if len(held.names) < 2 else None
        bounds: tuple[float | None, float | None] = (None, None)
        if not few:
            weights = crossing.table if crossing.sums is None else crossing.sums.weights
            unknown = held.rate.of(weights[~crossing.known].sum(axis=0))
            successes, rows = held.weighed
            bounds = gaps.bounds_with_unknown(successes, rows, unknown[0].item(), unknown[1].item())
        for metric, bound, way in zip(PARITY_BOUNDS, bounds, ("narrow", "widen"), strict=True):
            yield metric.measure(
                bound,
                n=held.n + int(totals),
                exact=not few,
                reason=few or "the worst case over every way these rows could belong",
                source=f"{rows_words(int(totals))} of unknown group put where they {way} the gap "
                f"most; {self._over(held)}",
                slice=crossing.everyone,
            )

    def _gather_pairs(self, crossing: Crossing, lines: _Lines) -> None:
        for name in _PAIRED:
            held = crossing.compare(RATES[name], self.min_group)
            successes, totals = held.effective
            found = gaps.compare_pairs(successes, totals, self.level)
            if len(found) > self.max_pairs:
                apart = sum(pair.established for pair in found)
                told = f"{apart:,} of {len(found):,} told apart"
                lines.cut.append(f"{quote(crossing.title)} {name} ({told})")
            for pair in found[: self.max_pairs]:
                named = (crossing.title, name, held.names[pair.a], held.names[pair.b])
                numbers = (pair.difference, pair.low, pair.high, pair.p_adjusted)
                lines.pairs.append((*named, *numbers, pair.established))

    def _all_rows(self, subject: Subject) -> Iterator[Measurement]:
        if subject.population is None or subject.population_groups is None:
            return
        y, weights = subject.outcomes(subject.population), subject.weights_of(subject.population)
        for name in subject.sensitive:
            groups = subject.population_groups[name]
            if self._too_many([groups]):
                continue
            cells = count_cells({name: groups.codes}, {name: len(groups.names)}, y, y, weights)
            crossing = cross(cells, {name: group_labels(groups)}, [name])
            rate = replace(RATES["base_rate"], metric=BASE_RATE_ALL_ROWS)
            for i in range(len(crossing.labels)):
                yield _share(rate, crossing, i, self.level)


def _share(rate: Rate, crossing: Crossing, i: int, level: float) -> Measurement:
    table, where, method = crossing.table[i], crossing.where(i), "Wilson"
    successes, totals = (int(count) for count in rate.of(table))
    size = int(table.sum())
    if size == 1:  # n and reason are the same for every rate: they too could tell the outcome
        return rate.metric.measure(None, n=1, reason=WITHHELD, source="1 row", slice=where)
    if totals < 2:
        reason = WITHHELD if totals else f"no {rate.among_words}"
        source = f"{totals} {rate.among_words} in {rows_words(size)}"
        return rate.metric.measure(None, n=totals, reason=reason, source=source, slice=where)
    source = f"{successes:,} {rate.counted_words} of {totals:,} {rate.among_words}"
    won, rows = float(successes), float(totals)
    if crossing.sums is not None:
        won, rows = (count.item() for count in rate.effective(crossing.sums[i]))
        source, method = weighted_words(source, [rows]), f"Wilson{EFFECTIVE}"
    return rate.metric.measure(
        won / rows,
        n=totals,
        interval=as_interval(wilson(won, rows, level), level, method),
        source=source,
        slice=where,
    )


def _by_group(subject: Subject, settings: Settings) -> ByGroup:
    rows = Grouped(
        codes={name: subject.groups[name].codes for name in subject.sensitive},
        labels={name: group_labels(subject.groups[name]) for name in subject.sensitive},
        y_true=subject.y_true,
        y_pred=subject.y_pred,
        weights=subject.weights,
    )
    if subject.task == "multiclass":
        return ClassesByGroup(rows, settings, subject.classes)
    of_numbers = subject.task == "regression"
    return NumbersByGroup(rows, settings) if of_numbers else TextsByGroup(rows, settings)


def _undefined(
    reason: str, where: dict[str, str], n: int, metrics: Sequence[Metric] = PARITY
) -> Iterator[Measurement]:
    for metric in metrics:
        source = "predictions of all assessed rows"
        yield metric.measure(None, n=n, reason=reason, source=source, slice=where)


def _line(crossing: Crossing, i: int, measured: tuple[Measurement, ...]) -> tuple[Cell, ...]:
    by_metric = {measurement.metric: measurement for measurement in measured}
    numbers: list[Cell] = []
    for name in _TABLED:
        interval = by_metric[name].interval
        bounds = (None, None) if interval is None else (interval.low, interval.high)
        numbers += [by_metric[name].value, *bounds]
    return (crossing.title, crossing.names[i], int(crossing.sizes[i]), *numbers)


def _groups_table(lines: _Lines, level: float, *, weighted: bool) -> Table:
    weighed, on = (", weighted", " on effective counts") if weighted else ("", "")
    numbers = (f"{name}{end}" for name in _TABLED for end in ("", "_low", "_high"))
    return Table(
        name="groups",
        title="Rates by group",
        columns=("attribute", "group", "n", *numbers),
        rows=tuple(lines.groups),
        source=f"assessed rows{weighed}; shares with Wilson intervals{on} at {100 * level:g} %; "
        "no number where a share would rest on no row or on one",
        chart="groups",
    )


def _pairs_table(lines: _Lines, level: float, *, weighted: bool) -> Table:
    cut = f"; only the widest pairs are listed of {'; '.join(lines.cut)}" if lines.cut else ""
    test = "Fisher's exact test where an expected count is under 5, else the pooled z test"
    on = ""
    if weighted:
        test, on = "the pooled z test on effective counts", " on effective counts of weighted rows"
    return Table(
        name="pairs",
        title="Which groups the data tell apart",
        columns=(
            *("attribute", "metric", "a", "b", "difference", "low", "high"),
            *("p_adjusted", "established"),
        ),
        rows=tuple(lines.pairs),
        source=f"rate of a minus rate of b; Newcombe intervals of Clopper-Pearson limits{on} that "
        f"hold together at {100 * level:g} % over all pairs of one attribute and one rate "
        "(Bonferroni). A pair is established where its interval does not hold 0: the interval "
        f"decides. p_adjusted: {test}; Holm over the same pairs{cut}",
        chart="forest",
    )
