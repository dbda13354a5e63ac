"""How well classes are told apart, as measurements and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.errors import quote
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods import calibration, class_scores, intervals, multiclass
from auditkit.methods.cells import RATES
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, as_interval

#: Classes, and kinds of confusion, that are listed at most.
LISTED = 100

MAJORITY_ACCURACY = Metric(
    "majority_accuracy",
    "Accuracy of the trivial model",
    "Share of rows that are right when everyone gets the commoner outcome.",
    "rate",
    low=0.0,
    high=1.0,
)
BALANCED_ACCURACY = Metric(
    "balanced_accuracy",
    "Balanced accuracy",
    "Mean over the outcomes of the share of their rows that is predicted rightly; of two "
    "outcomes, the mean of true positive rate and true negative rate.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
_SCORED = (
    *(class_scores.LOG_LOSS, class_scores.MULTICLASS_BRIER_SCORE),
    *(class_scores.MACRO_ROC_AUC, class_scores.TOP_LABEL_CALIBRATION),
)
METRICS = (multiclass.MACRO_F1, multiclass.WORST_CLASS_RECALL, *_SCORED)


@dataclass(frozen=True)
class Classified:
    """Rows of a multiclass task.

    Attributes:
        y_true: Shape (n,): index of the true class.
        y_pred: Shape (n,): index of the predicted class.
        y_score: Shape (n, k): scores of the classes, or None.
        classes: Names of the k classes; untrusted.
    """

    y_true: IntArray
    y_pred: IntArray
    y_score: FloatArray | None
    classes: tuple[str, ...]


def measure_classes(
    rows: Classified, no_scores: str, level: float = 0.95, bins: int = 10
) -> Iterator[Measurement | Table]:
    """Measure decisions among classes, then their scores.

    Args:
        rows: What was predicted and what came.
        no_scores: Why there are no scores, where there are none.
        level: Two-sided confidence level, in (0, 1).
        bins: Most bins of the calibration table.

    Yields:
        Accuracy and `METRICS`; the tables `classes`, `confusion` and, with probabilities,
        `calibration`.

    Example:
        >>> rows = Classified(np.array([0, 1]), np.array([0, 0]), None, ("cat", "dog"))
        >>> [e.metric for e in measure_classes(rows, "no scores") if isinstance(e, Measurement)][:2]
        ['accuracy', 'majority_accuracy']
    """
    counted = multiclass.count_classes({}, {}, rows.y_true, rows.y_pred, len(rows.classes))
    confusion = counted.confusion()
    yield from _decisions(confusion, rows.classes, level)
    yield from _scores(rows, no_scores, level)
    yield _classes(confusion, rows.classes, level)
    yield _confusion(confusion, rows.classes)
    score = rows.y_score
    if score is not None and len(score) and class_scores.no_probabilities(score) is None:
        top = score[np.arange(len(score)), rows.y_pred]
        of = "; the score of the predicted class, and whether it was the true one"
        yield reliability(rows.y_true == rows.y_pred, top, bins, level, of)


def _decisions(confusion: IntArray, classes: Sequence[str], level: float) -> Iterator[Measurement]:
    n, right = int(confusion.sum()), int(np.trace(confusion))
    words = f"{right:,} decided rightly of {n:,} rows"
    yield _measured(RATES["accuracy"].metric, _share(right, n, level), n, words)
    totals = confusion.sum(axis=1)
    most = int(totals.max(initial=0))
    words = f"{most:,} of {n:,} rows have the commoner outcome"
    yield _measured(MAJORITY_ACCURACY, _share(most, n, level), n, words)
    seen = int((totals > 0).sum())
    words = f"rows of {seen:,} classes that occur, of {len(classes):,}; each class counts alike"
    yield _measured(BALANCED_ACCURACY, multiclass.balanced_accuracy(confusion, level), n, words)
    words = "rows by true and predicted class; each class that occurs or is predicted counts alike"
    yield _measured(multiclass.MACRO_F1, multiclass.macro_f1(confusion, level), n, words)
    yield _worst(confusion, classes, level)


def _worst(confusion: IntArray, classes: Sequence[str], level: float) -> Measurement:
    found, worst = multiclass.worst_recall(confusion, level)
    totals = confusion.sum(axis=1)
    small = int(((totals > 0) & (totals < multiclass.LEAST_ROWS)).sum())
    without = f"; without {small:,} of fewer than {multiclass.LEAST_ROWS} rows" if small else ""
    n, words = int(totals.sum()), f"recall of all classes{without}"
    if worst is not None:
        n = int(totals[worst])
        hits = int(confusion[worst, worst])
        words = f"class {quote(classes[worst])}: {hits:,} of {n:,} rows; the least{without}"
    return _measured(multiclass.WORST_CLASS_RECALL, found, n, words)


def _scores(rows: Classified, no_scores: str, level: float) -> Iterator[Measurement]:
    y, score, n = rows.y_true, rows.y_score, len(rows.y_true)
    if score is None:
        for metric in _SCORED:
            missing = Estimate.undefined(no_scores)
            yield _measured(metric, missing, n, "decisions of the assessed rows")
        return
    source = "scores of all classes and true outcomes of the assessed rows"
    yield _measured(class_scores.LOG_LOSS, class_scores.log_loss(y, score, level), n, source)
    brier = class_scores.brier_score(y, score, level)
    yield _measured(class_scores.MULTICLASS_BRIER_SCORE, brier, n, source)
    area = class_scores.macro_roc_auc(y, score, level)
    yield _measured(class_scores.MACRO_ROC_AUC, area, n, f"{source}, each class against the rest")
    problem = class_scores.no_probabilities(score)
    top = score[np.arange(n), rows.y_pred]
    found = Estimate.undefined(problem or "")
    if problem is None:
        found = class_scores.top_label_calibration(y == rows.y_pred, top, level)
    yield _measured(class_scores.TOP_LABEL_CALIBRATION, found, n, "scores of the predicted class")


def _classes(confusion: IntArray, classes: Sequence[str], level: float) -> Table:
    """Recall, precision and F1 of every class; the lowest recalls where there are many."""
    tables = multiclass.tables_against_rest(confusion)
    lines = []
    for label, table in zip(classes, tables, strict=True):
        (_, fp), (fn, tp) = table.tolist()
        numbers = [*_bounded(tp, tp + fn, level), *_bounded(tp, tp + fp, level)]
        f1: list[Cell] = [None, None, None]
        if tp + fp + fn:
            low, high = intervals.f1(tp, fp + fn, level)
            f1 = [2 * tp / (2 * tp + fp + fn), float(low), float(high)]
        lines.append((label, tp + fn, tp + fp, *numbers, *f1))
    cut = ""
    if len(lines) > LISTED:
        lines = sorted(lines, key=lambda line: (line[3] is None, line[3] or 0.0))[:LISTED]
        cut = f"; the {LISTED} of {len(classes):,} classes with the lowest recall"
    columns = (f"{name}{end}" for name in ("recall", "precision", "f1") for end in _ENDS)
    return Table(
        name="classes",
        title="Every class against the rest",
        columns=("class", "support", "predicted", *columns),
        rows=tuple(lines),
        source="assessed rows; support: rows of the class; predicted: rows that were given it; "
        f"Wilson intervals at {100 * level:g} %, of F1 through the Jaccard index{cut}",
    )


_ENDS = ("", "_low", "_high")


def _bounded(successes: int, total: int, level: float) -> list[Cell]:
    if total == 0:
        return [None, None, None]
    low, high = intervals.wilson(successes, total, level)
    return [successes / total, float(low), float(high)]


def _confusion(confusion: IntArray, classes: Sequence[str]) -> Table:
    """What was taken for what, the commonest first, right ones included."""
    actual, predicted = np.nonzero(confusion)
    counts = confusion[actual, predicted]
    order = np.lexsort((predicted, actual, -counts))[:LISTED]
    totals = confusion.sum(axis=1)
    cut = "" if counts.size <= LISTED else f"; the {LISTED} commonest of {counts.size:,} kinds"
    return Table(
        name="confusion",
        title="What was taken for what",
        columns=("true_class", "predicted_class", "n", "share_of_class"),
        rows=tuple(
            (
                classes[actual[i]],
                classes[predicted[i]],
                int(counts[i]),
                float(counts[i] / totals[actual[i]]),
            )
            for i in order
        ),
        source=f"assessed rows by true and predicted class, those without a row left out{cut}",
    )


def reliability(
    outcome: npt.ArrayLike,
    score: npt.ArrayLike,
    bins: int,
    level: float,
    of: str = "",
    weights: FloatArray | None = None,
) -> Table:
    """Hold scores against how often what they promised came, in bins of equal size.

    Args:
        outcome: Shape (n,): whether it came.
        score: Shape (n,): the probability that it was given.
        bins: Most bins.
        level: Two-sided confidence level, in (0, 1).
        of: What the scores are of, behind the source.
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        The table `calibration`.

    Example:
        >>> reliability([0, 1], [0.2, 0.8], 2, 0.95).columns[1:4]
        ('n', 'mean_score', 'observed_rate')
    """
    held = calibration.calibration_bins(outcome, score, bins, level, weights)
    on = "" if weights is None else ", weighted, on the effective n of each bin"
    return Table(
        name="calibration",
        title="What was promised and what came",
        columns=("bin", "n", "mean_score", "observed_rate", "low", "high"),
        rows=tuple(
            (i, b.n, b.mean_score, b.observed_rate, b.low, b.high) for i, b in enumerate(held, 1)
        ),
        source="assessed rows in bins of about equally many, equal scores together; "
        f"Wilson intervals of the observed rate at {100 * level:g} %{on}{of}",
        chart="reliability",
    )


def _share(successes: int, total: int, level: float) -> Estimate:
    if total == 0:
        return Estimate.undefined("no rows")
    bounds = intervals.wilson(successes, total, level)
    return Estimate(successes / total, as_interval(bounds, level, "Wilson"))


def _measured(metric: Metric, found: Estimate, n: int, source: str) -> Measurement:
    return metric.measure(
        found.value, interval=found.interval, reason=found.reason, n=n, source=source
    )
