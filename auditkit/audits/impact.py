"""How many people does the model decide about wrongly, of whom, where it is used?

What is declared is held against what every audit measured after they have run: see
`auditkit.contradictions`, whose numbers stand with those of this audit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods.cells import Cells, count_cells
from auditkit.methods.crossing import Crossing, cross
from auditkit.methods.estimates import Estimate, cells_of
from auditkit.methods.impact import (
    GRANTED,
    GROUP,
    METRICS,
    REFUSED,
    WRONG,
    Counted,
    of_groups,
    people,
    rows_of,
)
from auditkit.roles import TASKS, group_labels
from auditkit.subject import Subject

NO_POPULATION = "no population was declared: set deployment_population under [context]"
NO_ERROR = "a number is never simply right or wrong"
NO_ROWS = "no rows"


@dataclass(frozen=True)
class Impact:
    """How many people are wrongly refused and wrongly granted, in all and by group.

    The error shares of the assessed rows are taken to a population: `deployment_population` of
    `[context]`, or 1,000 people where nobody has said how many there are.

    Attributes:
        favourable: Whether being selected is favourable; if not, those selected are refused.
        min_group: Rows that a group must have to be shown; at least 2.
        level: Two-sided level of the intervals, in (0, 1); those of the groups hold together.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Impact(min_group=1)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.impact] min_group: found '1', expected a whole number from 2.
    """

    favourable: bool = True
    min_group: int = 10
    level: float = 0.95

    name: ClassVar[str] = "impact"
    needs: ClassVar[frozenset[str]] = frozenset()
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    weighted: ClassVar[frozenset[str]] = frozenset(TASKS)
    counted: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, min_group=2)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Count people.

        Args:
            subject: What is audited.
            rng: Not used: all intervals are closed forms.

        Yields:
            People wrongly refused and granted, in all and by group, and of each group; then the
            table `people`.
        """
        del rng
        population = None if subject.context is None else subject.context.deployment_population
        held = _Held.of(subject, self.favourable, population)
        yield from self._whole(held)
        lines: list[tuple[Cell, ...]] = []
        for column in subject.sensitive:
            crossing = cross(held.cells, {column: group_labels(subject.groups[column])}, [column])
            found = {
                of: of_groups(crossing, held.cell(of), self.level, population)
                for of in (GROUP, *held.counted)
            }
            for i in range(len(crossing.labels)):
                size = int(crossing.sizes[i])
                for of, estimates in found.items():
                    yield self._of_group(held, crossing, i, of, estimates[i])
                if size >= self.min_group:
                    lines.append(_line(column, crossing.names[i], size, found, i))
        if lines and held.counted:
            yield self._table(held, lines)

    def _whole(self, held: _Held) -> Iterator[Measurement]:
        everyone = _whole(held.cells)
        n = int(everyone.sizes.sum())
        for of in held.counted:
            count = rows_of(everyone.table[0], held.cell(of))
            source = f"{count:,} of {n:,} assessed rows; {held.words}"
            found = people(everyone, [0], held.cell(of), self.level, held.population)
            yield _measured(of.metric(held.population), found, n, source, {})
            if held.population is None and of is not GRANTED:  # said once
                yield of.people.measure(None, n=n, reason=NO_POPULATION, source="assessed rows")
        if not held.counted:
            metric = (REFUSED if held.task == "binary" else WRONG).metric(held.population)
            yield metric.measure(None, n=n, reason=held.reason, source="assessed rows")

    def _of_group(
        self, held: _Held, crossing: Crossing, i: int, of: Counted, found: Estimate
    ) -> Measurement:
        metric, size, where = of.metric(held.population), int(crossing.sizes[i]), crossing.where(i)
        if size < self.min_group:
            reason = f"fewer than {self.min_group} rows" if size else NO_ROWS
            return metric.measure(None, n=size, reason=reason, source="assessed rows", slice=where)
        n, count = int(crossing.sizes.sum()), rows_of(crossing.table[i], held.cell(of))
        source = f"{count:,} of {n:,} assessed rows, the group having {size:,}; {held.words}"
        return _measured(metric, found, n, source, where)

    def _table(self, held: _Held, lines: list[tuple[Cell, ...]]) -> Table:
        lines.sort(key=lambda line: -_hit(line))
        names = [of.metric(held.population).id for of in (GROUP, *held.counted)]
        bounded = [f"{name}{end}" for name in names for end in ("", "_low", "_high")]
        return Table(
            name="people",
            title="People of each group whom wrong decisions reach",
            columns=("attribute", "group", "n", *bounded),
            rows=tuple(lines),
            source=f"{held.words}; intervals hold together over the groups of an attribute",
            chart="people",
            basis="estimated",
        )


@dataclass(frozen=True)
class _Held:
    """What is counted of a subject.

    Attributes:
        cells: Rows by group, outcome and decision; of other tasks than the binary one those that
            are wrong stand as false alarms.
        counted: What can be counted, of `REFUSED`, `GRANTED` and `WRONG`.
        task: Kind of prediction.
        favourable: Whether being selected is favourable.
        population: Declared number of people.
        reason: Why nothing can be counted.
    """

    cells: Cells
    counted: tuple[Counted, ...]
    task: str
    favourable: bool
    population: int | None
    reason: str = ""

    @classmethod
    def of(cls, subject: Subject, favourable: bool, population: int | None) -> _Held:  # noqa: FBT001
        reason = subject.missing({"labels", "predictions"})
        if reason is None and subject.task == "regression":
            reason = NO_ERROR
        about = (subject.task, favourable, population)
        if reason is None and subject.task == "binary":
            return cls(subject.cells, (REFUSED, GRANTED), *about)
        wrong = np.zeros(len(subject), dtype=np.int64)
        if reason is None:
            wrong = np.asarray(subject.y_true != subject.y_pred, dtype=np.int64)
        return cls(_cells(subject, wrong), () if reason else (WRONG,), *about, reason or "")

    def cell(self, of: Counted) -> tuple[tuple[int, int], ...]:
        """Which cells are counted: where being selected is unfavourable, a false alarm refuses."""
        swapped = {REFUSED: GRANTED, GRANTED: REFUSED}
        return (of if self.favourable else swapped.get(of, of)).cells

    @property
    def words(self) -> str:
        if self.population is None:
            return "per 1,000 people like them, since no population was declared"
        return f"taken to {self.population:,} people as declared, if they are like these rows"


def _cells(subject: Subject, wrong: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Cells:
    codes = {name: held.codes for name, held in subject.groups.items()}
    sizes = {name: len(held.names) for name, held in subject.groups.items()}
    each = None if subject.counts is None else subject.counts.n
    weights = subject.weights if subject.counts is None else None
    return count_cells(codes, sizes, np.zeros_like(wrong), wrong, weights, each=each)


def _whole(cells: Cells) -> Crossing:
    """All rows as one group."""
    sums = cells.sums()
    if sums is not None:
        sums = sums.apply(lambda held: held[None])
    return Crossing((), ((),), cells.table()[None], np.ones(1, dtype=np.bool_), sums)


def _measured(
    metric: Metric, found: Estimate, n: int, source: str, where: dict[str, str]
) -> Measurement:
    return metric.measure(
        found.value,
        interval=found.interval,
        reason=found.reason,
        n=n,
        source=source,
        slice=where,
        basis="estimated",
    )


def _line(
    column: str, group: str, size: int, found: dict[Counted, list[Estimate]], i: int
) -> tuple[Cell, ...]:
    numbers = (cells_of(estimates[i]) for estimates in found.values())
    return (column, group, size, *(number for cells in numbers for number in cells))


def _hit(line: tuple[Cell, ...]) -> float:
    """Share of the people of a group who are surely hit by the first of the errors."""
    members, surely = line[3], line[7]
    if not isinstance(members, float) or not isinstance(surely, float) or members <= 0:
        return 0.0
    return surely / members
