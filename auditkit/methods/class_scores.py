"""Scores of several classes: losses, ranking of each class against the rest, the top class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval, Metric
from auditkit.methods import gaps, intervals, ranking
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.means import mean
from auditkit.methods.weighting import bounded_weighted_mean, weighted_mean

#: How far the scores of a row may add up to something else than 1.
ROUNDED = 1e-3
#: Why scores have no loss.
NOT_ONE = "the scores are no probabilities: those of some rows do not add up to 1"

LOG_LOSS = Metric(
    "log_loss",
    "Log loss",
    "Mean of minus the natural logarithm of the probability that was given to the true class.",
    "nats",
    better="lower",
    low=0.0,
)
MULTICLASS_BRIER_SCORE = Metric(
    "multiclass_brier_score",
    "Brier score over all classes",
    "Mean over rows of the squared differences of score and outcome, added up over the classes.",
    "squared difference",
    better="lower",
    low=0.0,
    high=2.0,
)
MACRO_ROC_AUC = Metric(
    "macro_roc_auc",
    "Macro area under the ROC curve",
    "Mean over the classes of the chance that a row of the class outscores another row for it.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
TOP_LABEL_CALIBRATION = Metric(
    "top_label_calibration",
    "Calibration of the predicted class",
    "Share of rows predicted rightly minus the mean score of the predicted class: below 0 where "
    "the scores promise too much.",
    "difference",
    low=-1.0,
    high=1.0,
)


def log_loss(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean of minus the logarithm of the probability given to the true class.

    Args:
        y_true: Shape (n,): index of the true class.
        y_score: Shape (n, k): probabilities of the classes.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        The loss in nats, with Student's interval; undefined where there are no rows, the scores
        are no probabilities, or a true class was given none at all: then the loss is infinite,
        and no small number stands in for the 0.

    Example:
        >>> round(log_loss([0, 1], [[0.5, 0.5], [0.25, 0.75]]).value, 4)
        0.4904
    """
    y, score = np.asarray(y_true, dtype=np.int64), np.asarray(y_score, dtype=np.float64)
    problem = no_probabilities(score)
    if problem:
        return Estimate.undefined(problem)
    given = score[np.arange(y.size), y]
    if np.any(given == 0):
        ruled_out = int((given == 0).sum())
        rows = "1 row" if ruled_out == 1 else f"{ruled_out:,} rows"
        return Estimate.undefined(f"infinite: the true class of {rows} has a score of 0")
    return mean(-np.log(given), level, 0.0, weights)


def brier_score(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean squared difference of scores and outcome, added up over the classes.

    Args:
        y_true: Shape (n,): index of the true class.
        y_score: Shape (n, k): probabilities of the classes.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        The score, from 0 for perfect foresight to 2 for certainty of a wrong class; undefined
        where there are no rows or the scores are no probabilities.

    Source:
        Brier (1950), Mon. Weather Rev. 78:1.

    Example:
        >>> round(brier_score([0, 1], [[0.5, 0.5], [0.25, 0.75]]).value, 4)
        0.3125
    """
    y, score = np.asarray(y_true, dtype=np.int64), np.asarray(y_score, dtype=np.float64)
    problem = no_probabilities(score)
    if problem:
        return Estimate.undefined(problem)
    came = np.zeros_like(score)
    came[np.arange(y.size), y] = 1.0
    squared = ((score - came) ** 2).sum(axis=1)
    return bounded_weighted_mean(np.minimum(squared, 2.0), weights, level, 0.0, 2.0)


def top_label_calibration(
    right: npt.ArrayLike,
    top: npt.ArrayLike,
    level: float,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Share of rows predicted rightly minus the mean score of the predicted class.

    Args:
        right: Shape (n,): whether the predicted class is the true one.
        top: Shape (n,): probability of the predicted class.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        The difference, in [-1, 1]; undefined where there are no rows.

    Example:
        >>> round(top_label_calibration([1, 0], [0.8, 0.6], 0.95).value, 3)
        -0.2
    """
    won, held = np.asarray(right, dtype=np.float64), np.asarray(top, dtype=np.float64)
    return bounded_weighted_mean(won - held, weights, level, -1.0, 1.0)


def macro_roc_auc(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean over the classes that occur of the area under the ROC curve, one against the rest.

    Each row moves the area of its own class and those of all others; DeLong's components are added
    up by row, so that the interval allows for how the areas move together. On the logit scale.
    Where nothing moves, the mean of the class-wise limits, each stricter, which always holds.

    Args:
        y_true: Shape (n,): index of the true class.
        y_score: Shape (n, k): scores of the classes; only their order within a class matters.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        The mean area; undefined where fewer than two classes occur.

    Source:
        DeLong et al. (1988), Biometrics 44:837, as influence of each row; Hand and Till (2001),
        Mach. Learn. 45:171, and Provost and Domingos (2000) for the mean, here unweighted.

    Example:
        >>> scores = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.3, 0.3, 0.4], [0.4, 0.5, 0.1]]
        >>> round(macro_roc_auc([0, 1, 2, 0], scores).value, 3)
        1.0
    """
    y, score = np.asarray(y_true, dtype=np.int64), np.asarray(y_score, dtype=np.float64)
    seen = np.unique(y)
    if seen.size < 2:
        return Estimate.undefined("all true outcomes are the same" if y.size else "no rows")
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    areas, moves = zip(*(_one_against_rest(y == c, score[:, c], w) for c in seen), strict=True)
    value = float(np.mean(areas))
    moved = np.mean(moves, axis=0)
    error = float(
        moved.std(ddof=1) / np.sqrt(y.size) if w is None else np.sqrt(weighted_mean(moved, w)[1])
    )
    if min(np.bincount(y)[seen]) < 2 or error < 1e-12 or not 0 < value < 1:
        return Estimate(value, _of_classes(y, score, seen, level, w))
    arm = intervals.normal_quantile(level) * error / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-arm, arm]))
    method = f"DeLong over {seen.size:,} classes, logit"
    return Estimate(value, Interval(float(low), float(high), level, method))


def _one_against_rest(
    positive: npt.NDArray[np.bool_], score: FloatArray, weights: FloatArray | None
) -> tuple[float, FloatArray]:
    """Area of one class, and how each row moves it: shape (n,), of (weighted) mean 0."""
    above, below = ranking.placements(positive, score, weights)
    w = np.ones_like(score) if weights is None else weights
    m, n = w[positive].sum(), w[~positive].sum()
    area = ranking.mean_placement(above, None if weights is None else w[positive])
    moves = np.empty(score.size)
    moves[positive] = (above - area) * (m + n) / m
    moves[~positive] = (below - area) * (m + n) / n
    return area, moves


def _of_classes(
    y: IntArray, score: FloatArray, seen: IntArray, level: float, weights: FloatArray | None
) -> Interval:
    each = gaps.shared_level(level, seen.size)
    held = [ranking.auc(y == c, score[:, c], each, weights).interval for c in seen]
    low = float(np.mean([interval.low for interval in held if interval is not None]))
    high = float(np.mean([interval.high for interval in held if interval is not None]))
    method = f"mean of class-wise limits, Bonferroni over {seen.size:,} classes"
    return Interval(low, high, level, method)


def no_probabilities(score: FloatArray) -> str | None:
    """Why scores of shape (n, k) cannot be read as probabilities, or None where they can.

    Example:
        >>> no_probabilities(np.array([[0.5, 0.4]]))
        'the scores are no probabilities: those of some rows do not add up to 1'
    """
    if not are_probabilities(score):
        return NO_PROBABILITIES
    return NOT_ONE if np.any(np.abs(score.sum(axis=1) - 1) > ROUNDED) else None
