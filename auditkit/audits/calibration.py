"""Do scores come true as often as they say, and what if the model left doubtful rows to a person?

Scores are tested overall and by group, mapped anew on half of the rows and tried on the other, and
rows are left to a person until the rest surely keeps to a target.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Measurement, Metric, Table
from auditkit.methods import abstaining, miscalibration, recalibrated
from auditkit.methods.abstaining import Abstaining, groups_table
from auditkit.methods.abstention import confidence_of, halves
from auditkit.methods.miscalibration import Miscalibration
from auditkit.methods.recalibrated import Recalibrated
from auditkit.methods.scored_rows import FEWEST, ScoredRows
from auditkit.roles import group_labels
from auditkit.subject import Subject


@dataclass(frozen=True)
class Calibration:
    """Tests of calibration, what recalibration would change, and abstention.

    Half of the assessed rows, drawn at random, fits the maps and sets the thresholds (and the
    target, unless given); the other half tries the maps and proves a threshold. Of several classes
    the score of the chosen one is tested. Every row counts the same, also where rows have weights.

    Attributes:
        bins: Most bins of the calibration error, of equally many rows; at least 2.
        draws: How often outcomes are drawn from the scores; at least 19.
        target_risk: Share of wrong decisions that the rows decided by the model are to keep to, in
            (0, 1); half the error rate unless given.
        replicates: How often rows are drawn anew for the area under the curve; at least 40.
        level: Confidence level of every interval, and the chance with which the target is kept.
        min_group: Rows that the number of a group must rest on; at least 10.
        max_groups: A column with more groups than this is left out.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Calibration(target_risk=1.0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.calibration] target_risk: found '1.0', expected a number in (0, 1).
    """

    bins: int = 10
    draws: int = 199
    target_risk: float | None = None
    replicates: int = 200
    level: float = 0.95
    min_group: int = 30
    max_groups: int = 20

    name: ClassVar[str] = "calibration"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "scores"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    metrics: ClassVar[tuple[Metric, ...]] = (
        *miscalibration.METRICS,
        *recalibrated.METRICS,
        *abstaining.METRICS,
    )

    def __post_init__(self) -> None:
        problems = range_problems(
            self, bins=2, draws=19, replicates=40, min_group=FEWEST, max_groups=1
        )
        if self.target_risk is not None and not 0 < self.target_risk < 1:
            where = "[audits.calibration] target_risk"
            problems.append(Problem(where, quote(self.target_risk), "a number in (0, 1)"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Test the scores, map them anew, and leave rows to a person.

        Args:
            subject: What is audited.
            rng: Draws the halves, outcomes and rows.

        Yields:
            The tests and the table `tests`; what recalibration changes and the table
            `recalibration`; abstention with the tables `risk-coverage` and `groups`.
        """
        rows = self._rows(subject)
        first, second = halves(len(rows), rng)
        tested = Miscalibration(rows, rng, self.bins, self.draws, self.level)
        yield from tested.measure()
        mapped = Recalibrated(
            rows.take(first), rows.take(second), rng, self.bins, self.draws, self.level
        )
        yield from mapped.measure()
        left = Abstaining(rows, first, second, rng, self.target_risk, self.replicates, self.level)
        yield from left.measure()
        table = groups_table(tested.groups, left.groups)
        if table is not None:
            yield table

    def _rows(self, subject: Subject) -> ScoredRows:
        score = np.asarray(subject.y_score, dtype=np.float64)
        columns = [name for name in subject.sensitive
                   if len(subject.groups[name].names) <= self.max_groups]  # fmt: skip
        return ScoredRows(
            y=subject.y_true.astype(np.int64),
            score=score,
            wrong=subject.y_pred != subject.y_true,
            confidence=confidence_of(score, subject.threshold),
            threshold=subject.threshold,
            codes={name: subject.groups[name].codes for name in columns},
            labels={name: group_labels(subject.groups[name]) for name in columns},
            min_group=self.min_group,
        )
