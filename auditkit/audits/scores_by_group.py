"""Do scores mean the same for every group? How well they rank, and whether they come true.

A decision is a score cut at a threshold; two groups may be selected alike and yet be scored unlike.
Statistics are in `auditkit.methods.score_groups`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, range_problems
from auditkit.evidence import ALL_GROUPS, Measurement, Metric, Table
from auditkit.methods.crossing import crossings, too_many
from auditkit.methods.decision_groups import undefined
from auditkit.methods.group_tasks import Grouped
from auditkit.methods.groupwise import Settings
from auditkit.methods.score_groups import ScoresByGroup as Scores
from auditkit.methods.score_parts import Binned
from auditkit.methods.threshold_sweep import sweep
from auditkit.roles import group_labels, origin
from auditkit.subject import Subject


@dataclass(frozen=True)
class ScoresByGroup:
    """Ranking and calibration of the scores of a binary task by group, and the gaps.

    Rows count by their weights where the subject has them; how small a group is, by its rows. The
    standardized difference of mean scores is not computed for weighted rows. Scores that were
    counted by bin will do: what bins can hide is told, and intervals are wider by it.

    Attributes:
        level: Confidence level of every interval, in (0, 1).
        min_group: Rows that a number must rest on to be shown and compared; for what needs both
            outcomes, rows of the rarer one. At least 10.
        intersections: Whether every two sensitive columns are crossed.
        max_groups: A column with more groups than this is not compared.
        max_intersections: Two columns with more combinations than this are not crossed.
        max_pairs: Most pairs in the table `pairs` for each column and number; one of an
            intersection.
        points: Most points of each ROC curve in the table `roc`; at least 2.
        bins: Most bins of each group in the table `calibration`; at least 2.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> ScoresByGroup(min_group=1)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.scores-by-group] min_group: found '1', expected a whole number from 10.
    """

    level: float = 0.95
    min_group: int = 10
    intersections: bool = True
    max_groups: int = 50
    max_intersections: int = 50
    max_pairs: int = 5
    points: int = 12
    bins: int = 5

    name: ClassVar[str] = "scores-by-group"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "scores", "sensitive"})
    weighted: ClassVar[frozenset[str]] = frozenset({"binary"})
    counted: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (*Scores.shown, *Scores.gaps)

    def __post_init__(self) -> None:
        from_1 = dict.fromkeys(("max_groups", "max_intersections", "max_pairs"), 1)
        problems = range_problems(self, min_group=10, points=2, bins=2, **from_1)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure every group and gap, by column and by intersection.

        Args:
            subject: What is audited.
            rng: Draws the noise of ROC curves.

        Yields:
            Numbers of the groups, then the gaps; then the tables `groups`, `roc`, `calibration`
            and `pairs`, and `thresholds` where there are rows.
        """
        rows = _scored(subject)
        settings = Settings(self.level, self.min_group, self.max_pairs)
        scores = Scores(rows, settings, rng, self.points, self.bins)
        made = {name: origin(name, subject.sensitive) for name in subject.sensitive}
        for columns in crossings(subject.sensitive, made, intersections=self.intersections):
            setting = "max_groups" if len(columns) == 1 else "max_intersections"
            sizes = [rows.sizes[name] for name in columns]
            problem = too_many(sizes, getattr(self, setting), setting)
            if problem:
                everyone = dict.fromkeys(columns, ALL_GROUPS)
                yield from undefined(problem, everyone, len(subject), Scores.gaps)
            else:
                yield from scores.measure(columns)
        yield from scores.tables()
        if isinstance(rows, Grouped):
            table = sweep(self._few(rows), subject.threshold, self.level, self.min_group)
            if table is not None:
                yield table

    def _few(self, rows: Grouped) -> Grouped:
        """The rows with the columns that do not have too many groups."""
        codes = {k: held for k, held in rows.codes.items() if rows.sizes[k] <= self.max_groups}
        return replace(rows, codes=codes)


def _scored(subject: Subject) -> Grouped | Binned:
    labels = {name: group_labels(subject.groups[name]) for name in subject.sensitive}
    if subject.score_cells is not None:
        return Binned(subject.cells, subject.score_cells, labels)
    return Grouped(
        codes={name: subject.groups[name].codes for name in subject.sensitive},
        labels=labels,
        y_true=subject.y_true,
        y_pred=np.asarray(subject.y_score),
        weights=subject.weights,
    )
