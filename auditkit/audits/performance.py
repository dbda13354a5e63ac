"""How often is the model right, how well does it rank, and can its scores be read as chances?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from auditkit.errors import InputError, range_problems
from auditkit.evidence import Measurement, Metric, Table
from auditkit.methods import (
    calibration,
    class_performance,
    intervals,
    ranking,
    regression,
    sequences,
)
from auditkit.methods.calibration import CALIBRATION_IN_THE_LARGE
from auditkit.methods.cells import RATES
from auditkit.methods.class_performance import MAJORITY_ACCURACY, Classified
from auditkit.methods.count_metrics import COUNT_METRICS, Counted
from auditkit.methods.estimates import Estimate, FloatArray, measured
from auditkit.methods.ranking import ROC_AUC
from auditkit.methods.score_curves import bound_words, widened
from auditkit.methods.score_parts import Binned
from auditkit.methods.weighting import kish, on_effective_counts, weighted_words
from auditkit.roles import TASKS
from auditkit.subject import NEEDS, Subject

Outcomes = npt.NDArray[np.int8]

#: Why a multiclass table has none: a column of scores is that of one class.
_NO_SCORES = "the subject has decisions but no scores of the classes; give a model"
_SHOWN = ("accuracy", "true_positive_rate", "precision", "selection_rate", "base_rate")

BRIER_SCORE = Metric(
    "brier_score",
    "Brier score",
    "Mean squared difference of score and outcome.",
    "squared difference",
    better="lower",
    low=0.0,
    high=1.0,
)
#: A metric, its estimate, its rows, what was counted, and the effective rows where weighted.
_Counted = tuple[Metric, Estimate, int, str, tuple[float, ...]]


@dataclass(frozen=True)
class Performance:
    """How well outcomes of any task are predicted, on the assessed rows.

    Rows count by their weights where the subject has them.

    Attributes:
        level: Confidence level of every interval, in (0, 1).
        bins: Most bins of the calibration table; at least 2.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Performance(bins=1)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.performance] bins: found '1', expected a whole number from 2.
    """

    level: float = 0.95
    bins: int = 10

    name: ClassVar[str] = "performance"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "predictions"})
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    weighted: ClassVar[frozenset[str]] = frozenset(TASKS)
    counted: ClassVar[bool] = True
    protected: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(RATES[name].metric for name in _SHOWN),
        *(made.metric for made in COUNT_METRICS.values()),
        MAJORITY_ACCURACY,
        *(ROC_AUC, BRIER_SCORE, CALIBRATION_IN_THE_LARGE),
        *class_performance.METRICS,
        *regression.METRICS,
        *sequences.METRICS,
    )

    def __post_init__(self) -> None:
        problems = range_problems(self, bins=2)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure what was predicted, then scores, then how training went.

        Args:
            subject: What is audited.
            rng: Draws the replicates of the Matthews correlation.

        Yields:
            The metrics of the task; then the tables `calibration` and `roc` where there are
            scores, and `loss` where there is a training record.
        """
        if subject.task == "binary":
            held = Counted(subject.cells.table(), subject.cells.sums())
            yield from self._decisions(held, rng)
            yield from self._scores(subject)
        else:
            yield from self._of_task(subject)
        if subject.record is not None:
            yield from _loss(subject.record.to_dict())

    def _of_task(self, subject: Subject) -> Iterator[Measurement | Table]:
        y_true, y_pred, weights = subject.y_true, subject.y_pred, subject.weights
        if subject.task == "multiclass":
            rows = Classified(y_true, y_pred, subject.y_score, subject.classes, weights)
            yield from class_performance.measure_classes(rows, _NO_SCORES, self.level, self.bins)
        elif subject.task == "regression":
            yield from regression.measure_numbers(y_true, y_pred, self.level, weights)
        else:
            yield from sequences.measure_texts(y_true, y_pred, self.level, weights)

    def _decisions(self, held: Counted, rng: np.random.Generator) -> Iterator[Measurement]:
        for metric, estimate, n, words, effective in self._counted(held, rng):
            if held.sums is None:
                yield measured(metric, estimate, n, words)
            else:
                told = weighted_words(words, effective, held.sums.how)
                yield measured(metric, on_effective_counts(estimate), n, told)

    def _counted(self, held: Counted, rng: np.random.Generator) -> Iterator[_Counted]:
        for name in _SHOWN:
            rate = RATES[name]
            successes, totals = (int(count) for count in rate.of(held.table))
            words = f"{successes:,} {rate.counted_words} of {totals:,} {rate.among_words}"
            won, rows = held.share(rate)
            share = intervals.share(won, rows, self.level, held.nothing(words))
            yield rate.metric, share, totals, words, (rows,)
        n = int(RATES["base_rate"].of(held.table)[1])
        (tn, fp), (fn, tp) = np.maximum(held.table, 0).tolist()
        counts = f"{tp:,} true and {fp:,} false positives, {tn:,} true and {fn:,} false negatives"
        for made in COUNT_METRICS.values():
            rests = int(made.counted.of(held.table)[1])
            found = made.estimate(held, rng, self.level)
            worth = () if found.value is None else made.worth(held)
            yield made.metric, found, rests, counts, worth
        won, rows = held.share(RATES["base_rate"])
        most = tp + fn if 2 * won >= rows else tn + fp
        words = f"{most:,} of {n:,} rows have the commoner outcome"
        share = intervals.share(max(won, rows - won), rows, self.level, held.nothing(words))
        yield MAJORITY_ACCURACY, share, n, words, (rows,)

    def _scores(self, subject: Subject) -> Iterator[Measurement | Table]:
        score, n = subject.y_score, len(subject)
        if subject.score_cells is not None:
            yield from self._binned(Binned(subject.cells, subject.score_cells, {}))
            return
        if score is None:
            for metric in (ROC_AUC, BRIER_SCORE, CALIBRATION_IN_THE_LARGE):
                missing = Estimate.undefined(subject.missing({"scores"}) or NEEDS["scores"])
                yield measured(metric, missing, n, "decisions of the assessed rows")
            return
        y, weights = subject.y_true, subject.weights
        source = weighted_words(
            "scores and true outcomes of the assessed rows",
            None if weights is None else (kish(weights),),
        )
        area = ranking.auc(y, score, self.level, weights)
        yield measured(ROC_AUC, area, n, source)
        brier = calibration.brier_score(y, score, self.level, weights)
        yield measured(BRIER_SCORE, brier, n, source)
        mean_error = calibration.calibration_in_the_large(y, score, self.level, weights)
        yield measured(CALIBRATION_IN_THE_LARGE, mean_error, n, source)
        if brier.value is not None:
            yield class_performance.reliability(y, score, self.bins, self.level, weights=weights)
        if area.value is not None:
            yield _roc(y, score, weights)

    def _binned(self, held: Binned) -> Iterator[Measurement | Table]:
        """Measure scores that were counted by bin."""
        scores, level = held.everyone, self.level
        squared = scores.squared.bound
        found = [(BRIER_SCORE, widened(scores.brier(level), squared), squared)]
        found.append((CALIBRATION_IN_THE_LARGE, scores.in_the_large(level), 0.0))
        area, hidden = scores.roc_auc(level), scores.area.bound if scores.rarer else 0.0
        for metric, one, bound in [(ROC_AUC, widened(area, hidden), hidden), *found]:
            source = f"scores of {scores.rows:,} rows by bin and true outcome; {bound_words(bound)}"
            yield measured(metric, one, scores.rows, source)
        yield class_performance.reliability_table(scores.calibration_bins(self.bins, level), level)
        if area.value is not None:
            yield _roc_table(scores.points(60), "assessed rows", ", each at the end of a bin")


def _roc(y: Outcomes, score: FloatArray, weights: FloatArray | None) -> Table:
    fpr, tpr, thresholds = ranking.roc_curve(y, score, weights=weights)
    counted = "assessed rows" if weights is None else "assessed rows, weighted"
    return _roc_table((fpr, tpr, thresholds), counted)


def _roc_table(
    curve: tuple[FloatArray, FloatArray, FloatArray], counted: str, at: str = ""
) -> Table:
    fpr, tpr, thresholds = curve
    # Three digits draw the same curve and give no person's score away.
    finite = [float(f"{t:.3g}") if np.isfinite(t) else None for t in thresholds]
    return Table(
        name="roc",
        title="True against false positive rate at every cut-off",
        columns=("false_positive_rate", "true_positive_rate", "threshold"),
        rows=tuple(zip(fpr.tolist(), tpr.tolist(), finite, strict=True)),
        source=f"{counted}; selected where the score is at least the threshold; at most 60 of "
        f"the points{at}, evenly along the curve; thresholds to 3 digits, none where nobody is "
        "selected",
        chart="roc",
    )


def _loss(record: dict[str, Any]) -> Iterator[Table]:
    epochs: list[dict[str, float | None]] = record.get("epochs") or []
    what = f" ({record['loss']})" if record.get("loss") else ""
    columns = ("epoch", "train_loss", "validation_loss")
    rows = tuple(tuple(_finite(epoch.get(name)) for name in columns) for epoch in epochs)
    if rows:
        yield Table(
            name="loss",
            title="Loss by epoch",
            columns=columns,
            rows=rows,
            source=f"training record; mean loss a row{what}; no number where it was not finite",
            chart="line",
        )


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
