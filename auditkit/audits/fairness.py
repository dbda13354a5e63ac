"""Does the model treat groups alike? Rates of every group, the gaps between them, and the pairs.

Everything is counted once, in `auditkit.methods.cells`. Groups that are small, empty or unknown
have their own rows, and are kept out of the gaps; each gap says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, Problem, range_problems
from auditkit.evidence import ALL_GROUPS, Measurement, Metric, Table
from auditkit.methods.cells import RATES, count_cells
from auditkit.methods.class_groups import ClassesByGroup
from auditkit.methods.crossing import cross, crossings, too_many
from auditkit.methods.decision_groups import PAIRED, DecisionsByGroup, measure_share, undefined
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
from auditkit.methods.parity import COMPARED, PARITY_BOUNDS
from auditkit.roles import TASKS, group_labels, origin
from auditkit.subject import Groups, Subject

BASE_RATE_ALL_ROWS = Metric(
    "base_rate_all_rows",
    "Base rate over all rows",
    "Share of all rows that came with a label, trained on or not, whose outcome is positive.",
    "rate",
    low=0.0,
    high=1.0,
)


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
        pairs_of: Rates of binary decisions whose pairs are listed; the table `tests` counts the
            pairs of all gaps.

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
    pairs_of: tuple[str, ...] = PAIRED

    name: ClassVar[str] = "fairness"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "predictions", "sensitive"})
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    weighted: ClassVar[frozenset[str]] = frozenset(TASKS)
    counted: ClassVar[bool] = True
    protected: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(GROUP_COUNT, GROUP_SIZE, UNKNOWN_SHARE, BASE_RATE_ALL_ROWS),
        *DecisionsByGroup.shown,
        *DecisionsByGroup.gaps,
        *PARITY_BOUNDS,
        *(*NumbersByGroup.shown, *NumbersByGroup.gaps),
        *(*TextsByGroup.shown, *TextsByGroup.gaps),
    )

    def __post_init__(self) -> None:
        problems = range_problems(self, min_group=1, max_groups=1, max_intersections=1, max_pairs=1)
        problems += self._unknown_rates()
        if problems:
            raise InputError(problems)

    def _unknown_rates(self) -> list[Problem]:
        where = f"[audits.{self.name}] pairs_of"
        return [
            Problem.unknown(where, name, COMPARED, "rate")
            for name in self.pairs_of
            if name not in COMPARED
        ]

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure every group, gap and pair, as the task has them.

        Args:
            subject: What is audited.
            rng: Seeds the shuffles that test the gaps, and the replicates of the Matthews
                correlation: a stream for each column and number, which no other can move.

        Yields:
            By column and by intersection: sizes and rates of the groups, then the gaps. Then the
            tables `groups`, `pairs` and, for binary decisions, `tests`.
        """
        by_group = self._by_group(subject, int(rng.integers(2**63)))
        for columns in self._crossings(subject.sensitive):
            groups = [subject.groups[name] for name in columns]
            yield group_count({held.column: held.names for held in groups}, len(subject))
            problem = self._too_many(groups)
            if problem:
                everyone = dict.fromkeys(columns, ALL_GROUPS)
                yield from undefined(problem, everyone, len(subject), by_group.gaps)
                continue
            crossing = by_group.cross(columns)
            for i in range(len(crossing.labels)):
                yield group_size(crossing, i, self.level)
                yield from by_group.of_group(crossing, i)
            yield unknown_share(crossing, self.level)
            yield from by_group.between(crossing)
        if subject.task == "binary":
            yield from self._all_rows(subject)
        yield from by_group.tables()

    def _crossings(self, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
        made = {name: origin(name, columns) for name in columns}
        return crossings(columns, made, intersections=self.intersections)

    def _too_many(self, groups: Sequence[Groups]) -> str | None:
        setting = "max_groups" if len(groups) == 1 else "max_intersections"
        return too_many([len(held.names) for held in groups], getattr(self, setting), setting)

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
                yield measure_share(rate, crossing, i, self.level)

    def _by_group(self, subject: Subject, seed: int) -> ByGroup:
        settings = Settings(self.level, self.min_group, self.max_pairs)
        labels = {name: group_labels(subject.groups[name]) for name in subject.sensitive}
        if subject.task == "binary":
            return DecisionsByGroup(subject.cells, labels, settings, self.pairs_of, seed)
        rows = Grouped(
            codes={name: subject.groups[name].codes for name in subject.sensitive},
            labels=labels,
            y_true=subject.y_true,
            y_pred=subject.y_pred,
            weights=subject.weights,
        )
        if subject.task == "multiclass":
            return ClassesByGroup(rows, settings, subject.classes)
        of_numbers = subject.task == "regression"
        return NumbersByGroup(rows, settings) if of_numbers else TextsByGroup(rows, settings)
