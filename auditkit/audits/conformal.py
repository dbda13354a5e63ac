"""Sets of answers that hold the true one as often as was chosen: for everyone, and for each group?

Sets are made by split conformal prediction (crepes); see `auditkit.methods.conformal`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from auditkit.errors import InputError, Problem, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods import conformal, gaps
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.estimates import Estimate, FloatArray, measured
from auditkit.methods.intervals import share
from auditkit.methods.quantiles import quantile
from auditkit.roles import group_masks
from auditkit.subject import Subject

Mask = npt.NDArray[np.bool_]
#: Why a p-value stands without an interval.
EXACT = "a p-value is computed, not estimated"
CONSTANT = "prediction sets of decisions need scores"


@dataclass(frozen=True)
class _Made:
    """Sets of the test rows.

    Attributes:
        covered: Shape (m,): whether the true outcome lies in the set.
        sizes: Shape (m,): classes in the set; None for intervals.
        classes: How many classes there are; 0 for intervals.
        width: Width of the intervals; undefined for sets.
    """

    covered: Mask
    sizes: npt.NDArray[np.int64] | None
    classes: int
    width: Estimate


@dataclass(frozen=True)
class Conformal:
    """Prediction sets of the model: coverage, by group, and how much they say.

    Attributes:
        risk: Share of true outcomes that the sets may miss, in (0, 1).
        calibration: Share of the assessed rows that the sets are calibrated on, in (0, 1).
        min_group: Test rows that a group must have to be compared; at least 10.
        level: Two-sided level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Conformal(risk=1.5)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.conformal] risk: found '1.5', expected a number between 0 and 1.
    """

    risk: float = 0.1
    calibration: float = 0.5
    min_group: int = 30
    level: float = 0.95

    name: ClassVar[str] = "conformal"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "predictions"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    metrics: ClassVar[tuple[Metric, ...]] = conformal.METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, min_group=10)
        for name in ("risk", "calibration"):
            value = getattr(self, name)
            if not 0 < value < 1:
                where = f"[audits.conformal] {name}"
                problems.append(Problem(where, f"'{value}'", "a number between 0 and 1"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Make the sets on one part of the rows and test them on the other.

        Args:
            subject: What is audited.
            rng: Draws the calibration rows.

        Yields:
            Coverage with its test, and what the sets say, of all test rows and of each group; the
            gaps between groups; then the table `strata`.
        """
        lacking = _lacking(subject)
        chosen = np.zeros(len(subject), dtype=bool)
        chosen[rng.permutation(len(subject))[: round(self.calibration * len(subject))]] = True
        n, m = int(chosen.sum()), int((~chosen).sum())
        few = conformal.rank(n, self.risk) is None
        reason = lacking or (_too_few(n, self.risk) if few else None)
        if reason is not None:
            yield from self._nothing(subject, reason)
            return
        scores = _Scores.of(subject)
        made = self._made(scores, chosen, ~chosen)
        source = f"{m:,} test rows, {n:,} calibration rows, risk {self.risk:g}; not weighted"
        ties = conformal.has_ties(scores.of_truth)
        yield from self._say(made, np.ones(m, dtype=bool), {}, n, source, ties=ties)
        for column in subject.sensitive:
            masks = group_masks(subject.groups[column])
            yield from self._groups(scores, made, chosen, column, masks)
        lines = tuple(self._strata(scores, made, ~chosen))
        if lines:
            yield Table(
                name="strata",
                title="Coverage of the prediction sets by outcome and by number of answers",
                columns=("among", "n", "covered", "low", "high"),
                rows=lines,
                source=source,
            )

    def _made(self, scores: _Scores, fit: Mask, test: Mask) -> _Made:
        """Sets of test rows from calibration rows."""
        import crepes

        confidence = 1 - self.risk
        if scores.residuals:
            errors = scores.of_truth[fit]
            regressor = crepes.ConformalRegressor().fit(errors)
            bounds = regressor.predict_int(np.zeros(1), confidence=confidence)[0]
            found = quantile(errors, confidence, self.level)
            width = 2 * float(bounds[1])
            interval = found.interval
            whole = Estimate(width, None, found.reason or "the errors around it are all equal")
            if interval is not None and 2 * interval.low <= width <= 2 * interval.high:
                doubled = type(interval)(
                    2 * interval.low, 2 * interval.high, interval.level, interval.method
                )
                whole = Estimate(width, doubled)
            near: Mask = scores.of_truth[test] <= bounds[1]
            return _Made(near, None, 0, whole)
        classifier = crepes.ConformalClassifier().fit(scores.of_truth[fit])
        every = scores.of_classes[test]
        sets = classifier.predict_set(every, confidence=confidence, smoothing=False)
        held = np.asarray(sets, dtype=bool)
        covered = held[np.arange(len(held)), scores.truth[test]]
        return _Made(covered, held.sum(axis=1), held.shape[1], Estimate.undefined(_NOT_NUMBERS))

    def _say(
        self, made: _Made, rows: Mask, where: Mapping[str, str], n: int, source: str, *, ties: bool
    ) -> Iterator[Measurement]:
        """What the sets of some test rows are like."""
        m, hits = int(rows.sum()), int(made.covered[rows].sum())
        withheld = "fewer than 2 test rows" if m < 2 else None
        yield measured(conformal.COVERAGE, self._share(hits, m, withheld), m, source, where)
        if not where:
            p = conformal.coverage_p_value(hits, m, n, self.risk, ties=ties)
            sided = "only too little coverage counts, for scores are tied" if ties else "two-sided"
            yield conformal.P_VALUE.measure(
                p, n=m, reason=EXACT, exact=True, source=f"beta-binomial test, {sided}; {source}"
            )
            yield measured(conformal.WIDTH, made.width, n, source, where)
        for metric, counted in _counted(made):
            found = (
                Estimate.undefined(_NOT_SETS)
                if counted is None
                else self._share(int(counted[rows].sum()), m, withheld)
            )
            if metric is conformal.SINGLE or not where:
                yield measured(metric, found, m, source, where)

    def _share(self, count: int, rows: int, withheld: str | None) -> Estimate:
        return Estimate.undefined(withheld) if withheld else share(count, rows, self.level)

    def _groups(
        self,
        scores: _Scores,
        made: _Made,
        chosen: Mask,
        column: str,
        masks: Mapping[str, Mask],
    ) -> Iterator[Measurement]:
        """Each group of a column, with sets of everyone and sets of its own; then the gaps."""
        kept: list[tuple[int, int, int]] = []
        for name, mask in masks.items():
            where, rows = {column: name}, mask[~chosen]
            n, m = int((mask & chosen).sum()), int(rows.sum())
            everyone = int(chosen.sum())
            source = f"{m:,} test rows, {everyone:,} calibration rows of everyone; not weighted"
            yield from self._say(made, rows, where, everyone, source, ties=False)
            if conformal.rank(n, self.risk) is None or m < 2:
                own = Estimate.undefined(_too_few(n, self.risk) if m > 1 else "too few test rows")
            else:
                hits = self._made(scores, mask & chosen, mask & ~chosen).covered
                own = share(int(hits.sum()), m, self.level)
            source = f"{m:,} test rows and {n:,} calibration rows of the group; not weighted"
            yield measured(conformal.BY_GROUP, own, m, source, where)
            singles = _singles(made, rows)
            covered = int(made.covered[rows].sum())
            if m >= self.min_group:
                kept.append((covered, m, -1 if singles is None else singles))
        yield from self._gaps(kept, column, made)

    def _gaps(
        self, kept: Sequence[tuple[int, int, int]], column: str, made: _Made
    ) -> Iterator[Measurement]:
        where, n = {column: ALL_GROUPS}, sum(m for _, m, _ in kept)
        source = f"{len(kept)} groups of {self.min_group} or more test rows"
        totals = [m for _, m, _ in kept]
        for metric, counts in (
            (conformal.GAP, [c for c, _, _ in kept]),
            (conformal.SINGLE_GAP, [s for _, _, s in kept]),
        ):
            if metric is conformal.SINGLE_GAP and made.sizes is None:
                found = Estimate.undefined(_NOT_SETS)
            else:
                found = gaps.difference(counts, totals, self.level)
            yield measured(metric, found, n, source, where)

    def _strata(self, scores: _Scores, made: _Made, test: Mask) -> Iterator[tuple[Cell, ...]]:
        """Lines of classes, and of sizes of the sets."""
        if made.sizes is None:
            return
        truth = scores.truth[test]
        for code, label in enumerate(scores.names[:_MOST_CLASSES]):
            yield self._line(f"outcome {label}", made.covered[truth == code])
        for size in range(min(made.classes, _MOST_CLASSES) + 1):
            rows = made.sizes == size
            if rows.any():
                yield self._line(f"sets of {size}", made.covered[rows])

    def _line(self, among: str, covered: Mask) -> tuple[Cell, ...]:
        if covered.size < 2:
            return (among, covered.size, None, None, None)
        found = share(int(covered.sum()), covered.size, self.level)
        bounds = found.interval
        low, high = (None, None) if bounds is None else (bounds.low, bounds.high)
        return (among, covered.size, found.value, low, high)

    def _nothing(self, subject: Subject, reason: str) -> Iterator[Measurement]:
        lacks = Estimate.undefined(reason)
        for metric in conformal.METRICS:
            if metric not in (conformal.BY_GROUP, conformal.GAP, conformal.SINGLE_GAP):
                yield measured(metric, lacks, len(subject), "assessed rows", {})
        for column in subject.sensitive:
            for metric in (conformal.GAP, conformal.SINGLE_GAP):
                where = {column: ALL_GROUPS}
                yield measured(metric, lacks, len(subject), "assessed rows", where)


#: Most classes, and sizes of sets, that the table lists.
_MOST_CLASSES = 10
_NOT_NUMBERS = "the outcome is a class: there are sets, no intervals"
_NOT_SETS = "the outcome is a number: there are intervals, no sets"


@dataclass(frozen=True)
class _Scores:
    """How unlike the model's answer each outcome is, the higher the stranger.

    Attributes:
        of_truth: Shape (n,): of the true outcome.
        of_classes: Shape (n, k): of each class; (n, 0) for numbers.
        truth: Shape (n,): code of the true class.
        names: Names of the classes.
    """

    of_truth: FloatArray
    of_classes: FloatArray
    truth: npt.NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def residuals(self) -> bool:
        """Whether the outcome is a number."""
        return bool(self.of_classes.shape[1] == 0)

    @classmethod
    def of(cls, subject: Subject) -> _Scores:
        """One minus the probability of each class, or the size of the error of a number."""
        n = len(subject)
        if subject.task == "regression":
            errors = np.abs(np.asarray(subject.y_true, dtype=np.float64) - subject.y_pred)
            return cls(errors, np.empty((n, 0)), np.zeros(n, dtype=np.int64), ())
        scores = np.asarray(subject.y_score, dtype=np.float64)
        chances = np.column_stack([1 - scores, scores]) if subject.task == "binary" else scores
        truth = np.asarray(subject.y_true, dtype=np.int64)
        names = subject.classes if subject.task == "multiclass" else ("negative", "positive")
        return cls(1 - chances[np.arange(n), truth], 1 - chances, truth, tuple(names))


def _counted(made: _Made) -> Iterator[tuple[Metric, Mask | None]]:
    sizes = made.sizes
    yield conformal.SINGLE, None if sizes is None else sizes == 1
    yield conformal.EMPTY, None if sizes is None else sizes == 0
    yield conformal.FULL, None if sizes is None else sizes == made.classes


def _singles(made: _Made, rows: Mask) -> int | None:
    return None if made.sizes is None else int((made.sizes[rows] == 1).sum())


def _lacking(subject: Subject) -> str | None:
    """Why there are no sets, or None."""
    if subject.task == "regression":
        return None
    if subject.y_score is None:
        return CONSTANT
    if subject.task == "binary" and not are_probabilities(subject.y_score):
        return NO_PROBABILITIES
    if (np.asarray(subject.y_true) < 0).any():
        return "some outcomes are of no class that the model knows"
    return None


def _too_few(n: int, risk: float) -> str:
    least = int(np.ceil(1 / risk)) - 1
    return f"{n} calibration rows: with fewer than {least} every set holds every answer"
