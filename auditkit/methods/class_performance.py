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
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.multiclass import AgainstRest
from auditkit.methods.sums import Sums
from auditkit.methods.weighting import kish, on_effective_counts, weighted_words

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
        weights: Shape (n,): what each row counts for, above 0; None where all count the same.
    """

    y_true: IntArray
    y_pred: IntArray
    y_score: FloatArray | None
    classes: tuple[str, ...]
    weights: FloatArray | None = None

    @property
    def effective(self) -> float | None:
        """What the rows are worth by Kish; None without weights."""
        return None if self.weights is None else kish(self.weights)


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
    y, yhat, weights = rows.y_true, rows.y_pred, rows.weights
    counted = multiclass.count_classes({}, {}, y, yhat, len(rows.classes), weights)
    confusion, sums = counted.confusion(), counted.sums()
    yield from _decisions(rows, confusion, sums, level)
    yield from _scores(rows, no_scores, level)
    yield _classes(AgainstRest.of(confusion, sums), rows.classes, level)
    yield _confusion(confusion, sums, rows.classes)
    score = rows.y_score
    if score is not None and len(score) and class_scores.no_probabilities(score) is None:
        top = score[np.arange(len(score)), rows.y_pred]
        of = "; the score of the predicted class, and whether it was the true one"
        yield reliability(y == yhat, top, bins, level, of, weights)


def _decisions(
    rows: Classified, confusion: IntArray, sums: Sums | None, level: float
) -> Iterator[Measurement]:
    held, n = AgainstRest.of(confusion, sums), int(confusion.sum())

    def measured(metric: Metric, found: Estimate, words: str, worth: float | None) -> Measurement:
        return _measured(metric, found, n, words, None if sums is None else worth)

    won, total = (float(count) for count in held.accuracy)
    words = f"{int(held.hits.sum()):,} decided rightly of {n:,} rows"
    yield measured(RATES["accuracy"].metric, intervals.share(won, total, level), words, total)
    most, won, total = (float(count) for count in held.majority)
    words = f"{int(most):,} of {n:,} rows have the commoner outcome"
    yield measured(MAJORITY_ACCURACY, intervals.share(won, total, level), words, total)
    seen = int((held.rows > 0).sum())
    of = f"{len(rows.classes):,}; each class counts alike"
    words = f"rows of {seen:,} classes that occur, of {of}"
    found = multiclass.balanced_accuracy(confusion, level, sums)
    yield measured(BALANCED_ACCURACY, found, words, rows.effective)
    words = "rows by true and predicted class; each class that occurs or is predicted counts alike"
    found = multiclass.macro_f1(confusion, level, sums)
    yield measured(multiclass.MACRO_F1, found, words, rows.effective)
    found, worst = multiclass.worst_recall(confusion, level, sums)
    yield _worst(found, worst, held, rows.classes)


def _worst(
    found: Estimate, worst: int | None, held: AgainstRest, classes: Sequence[str]
) -> Measurement:
    totals = held.rows
    small = int(((totals > 0) & (totals < multiclass.LEAST_ROWS)).sum())
    without = f"; without {small:,} of fewer than {multiclass.LEAST_ROWS} rows" if small else ""
    n, words, worth = int(totals.sum()), f"recall of all classes{without}", None
    if worst is not None:
        n, hits = int(totals[worst]), int(held.hits[worst])
        words = f"class {quote(classes[worst])}: {hits:,} of {n:,} rows; the least{without}"
        worth = None if held.sums is None else float(held.recall[1][worst])
    return _measured(multiclass.WORST_CLASS_RECALL, found, n, words, worth)


def _scores(rows: Classified, no_scores: str, level: float) -> Iterator[Measurement]:
    y, score, weights = rows.y_true, rows.y_score, rows.weights
    n, worth = len(y), rows.effective
    if score is None:
        for metric in _SCORED:
            missing = Estimate.undefined(no_scores)
            yield _measured(metric, missing, n, "decisions of the assessed rows", worth)
        return
    source = "scores of all classes and true outcomes of the assessed rows"
    found = class_scores.log_loss(y, score, level, weights)
    yield _measured(class_scores.LOG_LOSS, found, n, source, worth)
    found = class_scores.brier_score(y, score, level, weights)
    yield _measured(class_scores.MULTICLASS_BRIER_SCORE, found, n, source, worth)
    found = class_scores.macro_roc_auc(y, score, level, weights)
    against = f"{source}, each class against the rest"
    yield _measured(class_scores.MACRO_ROC_AUC, found, n, against, worth)
    problem = class_scores.no_probabilities(score)
    top = score[np.arange(n), rows.y_pred]
    found = Estimate.undefined(problem or "")
    if problem is None:
        found = class_scores.top_label_calibration(y == rows.y_pred, top, level, weights)
    source = "scores of the predicted class"
    yield _measured(class_scores.TOP_LABEL_CALIBRATION, found, n, source, worth)


def _classes(held: AgainstRest, classes: Sequence[str], level: float) -> Table:
    """Recall, precision and F1 of every class; the lowest recalls where there are many."""
    predicted = held.hits + held.alarms
    rates = [_rates(*held.recall, level), _rates(*held.precision, level)]
    f1 = [_mapped(line) for line in _rates(*held.jaccard, level)]
    lines: list[tuple[Cell, ...]] = [
        (label, int(held.rows[i]), int(predicted[i]), *rates[0][i], *rates[1][i], *f1[i])
        for i, label in enumerate(classes)
    ]
    cut = ""
    if len(lines) > LISTED:
        order = sorted(range(len(lines)), key=lambda i: (rates[0][i][0] is None, rates[0][i]))
        lines = [lines[i] for i in order[:LISTED]]
        cut = f"; the {LISTED} of {len(classes):,} classes with the lowest recall"
    columns = (f"{name}{end}" for name in ("recall", "precision", "f1") for end in _ENDS)
    weighed, on = ("", "") if held.sums is None else (", weighted", " on effective counts")
    return Table(
        name="classes",
        title="Every class against the rest",
        columns=("class", "support", "predicted", *columns),
        rows=tuple(lines),
        source=f"assessed rows{weighed}; support: rows of the class; predicted: rows that were "
        f"given it; Clopper-Pearson intervals{on} at {100 * level:g} %, of F1 through the Jaccard "
        f"index{cut}",
    )


_ENDS = ("", "_low", "_high")


def _rates(won: FloatArray, rows: FloatArray, level: float) -> list[list[float | None]]:
    """Share and bounds of each class; nothing where it has no rows."""
    low, high = intervals.clopper_pearson(won, rows, level)
    return [
        [float(w / n), float(below), float(above)] if n > 0 else [None, None, None]
        for w, n, below, above in zip(won, rows, low, high, strict=True)
    ]


def _mapped(jaccard: Sequence[float | None]) -> list[float | None]:
    """F1 from the Jaccard index."""
    return [None if share is None else 2 * share / (1 + share) for share in jaccard]


def _confusion(confusion: IntArray, sums: Sums | None, classes: Sequence[str]) -> Table:
    """What was taken for what, the commonest first, right ones included."""
    actual, predicted = np.nonzero(confusion)
    counts = confusion[actual, predicted]
    order = np.lexsort((predicted, actual, -counts))[:LISTED]
    weighed = confusion if sums is None else sums.weights
    shares = weighed[actual, predicted] / weighed.sum(axis=1)[actual]
    cut = "" if counts.size <= LISTED else f"; the {LISTED} commonest of {counts.size:,} kinds"
    on = "" if sums is None else "; the share of the class is weighted, n is not"
    return Table(
        name="confusion",
        title="What was taken for what",
        columns=("true_class", "predicted_class", "n", "share_of_class"),
        rows=tuple(
            (classes[actual[i]], classes[predicted[i]], int(counts[i]), float(shares[i]))
            for i in order
        ),
        source=f"assessed rows by true and predicted class, those without a row left out{on}{cut}",
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
    return reliability_table(held, level, f"{on}{of}")


def reliability_table(held: Sequence[calibration.Bin], level: float, of: str = "") -> Table:
    """The table of `reliability`.

    Args:
        held: The bins.
        level: Level of the intervals.
        of: What goes behind the source.

    Returns:
        The table `calibration`.

    Example:
        >>> reliability_table([], 0.95).rows
        ()
    """
    return Table(
        name="calibration",
        title="What was promised and what came",
        columns=("bin", "n", "mean_score", "observed_rate", "low", "high"),
        rows=tuple(
            (i, b.n, b.mean_score, b.observed_rate, b.low, b.high) for i, b in enumerate(held, 1)
        ),
        source="assessed rows in bins of about equally many, equal scores together; "
        f"Clopper-Pearson intervals of the observed rate at {100 * level:g} %{of}",
        chart="reliability",
    )


def _measured(
    metric: Metric, found: Estimate, n: int, source: str, effective: float | None
) -> Measurement:
    told = found if effective is None else on_effective_counts(found)
    return metric.measure(
        told.value,
        interval=told.interval,
        reason=told.reason,
        n=n,
        source=weighted_words(source, None if effective is None else [effective]),
    )
