"""Are people unlike those that the model learnt from noticed, and how often is the alarm false?

Distances are in `auditkit.explaining.strangeness`, numbers in
`auditkit.methods.out_of_distribution`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import AuditkitError, InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Measurement, Metric, Table
from auditkit.explaining.strangeness import Familiar, altered
from auditkit.methods import gaps
from auditkit.methods import out_of_distribution as ood
from auditkit.methods.estimates import Estimate, FloatArray, measured
from auditkit.methods.intervals import share
from auditkit.methods.ranking import auc
from auditkit.models.answers import checked_answers
from auditkit.roles import group_masks
from auditkit.subject import Subject

NO_COLUMNS = "there is no column in which rows have a distance"
NOT_MADE = "no column can be changed so"
NO_CONFIDENCE = "the model gives no probabilities, so it has no confidence"


@dataclass(frozen=True)
class OutOfDistribution:
    """Rows outside the training range, and an alarm for strange rows that is put to the test.

    Attributes:
        rate: Share of false alarms that the alarm is set to, in (0, 1).
        rows: Most assessed rows that distances are taken of, at least 100.
        min_group: Rows that a group must have to be compared; at least 10.
        level: Two-sided level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> OutOfDistribution(rows=5)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.out-of-distribution] rows: found '5', expected a whole number from 100.
    """

    rate: float = 0.05
    rows: int = 4_000
    min_group: int = 30
    level: float = 0.95

    name: ClassVar[str] = "out-of-distribution"
    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    metrics: ClassVar[tuple[Metric, ...]] = ood.METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, rows=100, min_group=10)
        if not 0 < self.rate < 1:
            where = "[audits.out-of-distribution] rate"
            problems.append(Problem(where, quote(self.rate), "a number between 0 and 1"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Count what lies outside, set an alarm on one half, and try it on the other.

        Args:
            subject: What is audited.
            rng: Draws rows, halves and what is changed.

        Yields:
            Rows outside the training range, overall and by group; false alarms likewise, with
            their gap; what is noticed of rows that were made strange.
        """
        train = subject.train
        if train is None:  # `needs` has seen to it
            return
        known = Familiar.learn(train, subject.features, rng)
        if not known.columns:
            yield from self._nothing(subject, NO_COLUMNS)
            return
        left = f"; not {', '.join(map(quote, known.left_out))}: texts" if known.left_out else ""
        told = f"assessed rows against {len(train):,} training rows{left}"
        yield from self._outside(subject, known.outside(subject.rows), told)
        drawn = rng.permutation(len(subject))[: self.rows]
        first, second = np.sort(drawn[: len(drawn) // 2]), np.sort(drawn[len(drawn) // 2 :])
        limit = ood.alarm_at(known.distance(subject.rows.iloc[first]), self.rate)
        usual = subject.rows.iloc[second]
        distances = known.distance(usual)
        source = (
            f"distance to the fifth nearest of {len(known.near):,} training rows; the alarm is "
            f"set on {len(first):,} assessed rows and tried on {len(second):,} others{left}"
        )
        yield from self._alarms(subject, second, distances, limit, source)
        yield from self._tried(subject, known, usual, distances, limit, source, rng)

    def _outside(
        self, subject: Subject, outside: npt.NDArray[np.bool_], source: str
    ) -> Iterator[Measurement]:
        everyone: dict[tuple[tuple[str, str], ...], npt.NDArray[np.bool_]] = {
            (): np.ones(len(subject), dtype=bool)
        }
        for column in subject.sensitive:
            for name, mask in group_masks(subject.groups[column]).items():
                everyone[((column, name),)] = mask
        for where, mask in everyone.items():
            n = int(mask.sum())
            found = (
                share(int(outside[mask].sum()), n, self.level)
                if n > 1
                else Estimate.undefined("fewer than 2 rows")
            )
            yield measured(ood.OUTSIDE, found, n, source, dict(where))

    def _alarms(
        self,
        subject: Subject,
        places: npt.NDArray[np.int64],
        distances: FloatArray,
        limit: float | None,
        source: str,
    ) -> Iterator[Measurement]:
        few = f"too few rows to set an alarm of {self.rate:g} on"
        found = Estimate.undefined(few)
        if limit is not None:
            found = ood.alarms(distances, limit, self.level)
        yield measured(ood.FALSE_ALARM, found, len(places), source, {})
        for column in subject.sensitive:
            kept: list[tuple[int, int]] = []
            for name, mask in group_masks(subject.groups[column]).items():
                held = distances[mask[places]]
                own = Estimate.undefined(few)
                if limit is not None:
                    own = ood.alarms(held, limit, self.level)
                    if held.size >= self.min_group:
                        kept.append((int((held > limit).sum()), held.size))
                yield measured(ood.FALSE_ALARM, own, held.size, source, {column: name})
            counts, totals = [c for c, _ in kept], [m for _, m in kept]
            gap = gaps.difference(counts, totals, self.level)
            if limit is None:
                gap = Estimate.undefined(few)
            where = {column: ALL_GROUPS}
            yield measured(ood.FALSE_ALARM_GAP, gap, sum(totals), source, where)

    def _tried(
        self,
        subject: Subject,
        known: Familiar,
        usual: pd.DataFrame,
        distances: FloatArray,
        limit: float | None,
        source: str,
        rng: np.random.Generator,
    ) -> Iterator[Measurement]:
        """What is noticed of rows that were made strange."""
        doubt = _doubt(subject, usual)
        for what, rows in altered(usual, known, rng).items():
            where = {"with": what}
            if rows is None:
                for metric in (ood.AREA, ood.MISSED, ood.CONFIDENCE):
                    lacks = Estimate.undefined(NOT_MADE)
                    yield measured(metric, lacks, len(usual), source, where)
                continue
            strange = known.distance(rows)
            which = np.repeat([0, 1], [len(usual), len(rows)])
            told = f"{len(usual):,} usual and {len(rows):,} strange rows; {source}"
            area = auc(which, np.concatenate([distances, strange]), self.level)
            yield measured(ood.AREA, area, len(which), told, where)
            missed = Estimate.undefined(f"too few rows to set an alarm of {self.rate:g} on")
            if limit is not None:
                missed = share(int((strange <= limit).sum()), strange.size, self.level)
            yield measured(ood.MISSED, missed, strange.size, told, where)
            other = None if doubt is None else _doubt(subject, rows)
            unsure = Estimate.undefined(NO_CONFIDENCE)
            if doubt is not None and other is not None:
                unsure = auc(which, np.concatenate([doubt, other]), self.level)
            yield measured(ood.CONFIDENCE, unsure, len(which), told, where)

    def _nothing(self, subject: Subject, reason: str) -> Iterator[Measurement]:
        lacks = Estimate.undefined(reason)
        for metric in (ood.OUTSIDE, ood.FALSE_ALARM, ood.AREA, ood.MISSED, ood.CONFIDENCE):
            yield measured(metric, lacks, len(subject), "assessed rows", {})
        for column in subject.sensitive:
            where: Mapping[str, str] = {column: ALL_GROUPS}
            yield measured(ood.FALSE_ALARM_GAP, lacks, len(subject), "assessed rows", where)


def _doubt(subject: Subject, rows: pd.DataFrame) -> FloatArray | None:
    """One minus the probability of the likeliest class; None where the model has none."""
    if subject.model is None or subject.task == "regression":
        return None
    try:
        scores = checked_answers(subject.model, subject.task, rows, subject.classes)
    except AuditkitError:
        return None
    chances = np.asarray(scores, dtype=np.float64)
    if chances.min() < 0 or chances.max() > 1:
        return None
    most = np.maximum(chances, 1 - chances) if chances.ndim == 1 else chances.max(axis=1)
    doubt: FloatArray = 1 - most
    return doubt
