"""How far predicted numbers lie from true ones, and from what the mean alone would give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval, Measurement, Metric
from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.means import (
    NO_SPREAD,
    ONE_ROW,
    SAME,
    far_out,
    mean,
    means_by_group,
    with_bounds,
)
from auditkit.methods.medians import median
from auditkit.methods.weighting import kish, on_effective_counts, weighted_words

#: Errors and means are in the unit of the label, which nobody names.
UNIT = "outcome units"
#: Why there is no R2.
ALL_THE_SAME = "all true outcomes are the same"
DELTA = "delta method on the logarithm"

MEAN_ABSOLUTE_ERROR = Metric(
    "mean_absolute_error",
    "Mean absolute error",
    "Mean distance of prediction and true outcome.",
    UNIT,
    better="lower",
    low=0.0,
)
ROOT_MEAN_SQUARED_ERROR = Metric(
    "root_mean_squared_error",
    "Root mean squared error",
    "Square root of the mean squared distance of prediction and true outcome.",
    UNIT,
    better="lower",
    low=0.0,
)
MEDIAN_ABSOLUTE_ERROR = Metric(
    "median_absolute_error",
    "Median absolute error",
    "Distance of prediction and true outcome that half of the rows stay within.",
    UNIT,
    better="lower",
    low=0.0,
)
MEAN_ERROR = Metric(
    "mean_error",
    "Mean error",
    "Mean of prediction minus true outcome: above 0 where the model gives too much.",
    UNIT,
)
R2 = Metric(
    "r2_score",
    "R squared",
    "1 minus the squared error relative to that of giving everyone the mean outcome.",
    "ratio",
    better="higher",
    high=1.0,
)
TRIVIAL_ABSOLUTE_ERROR = Metric(
    "trivial_mean_absolute_error",
    "Mean absolute error of the trivial model",
    "Mean distance of the true outcomes from their mean: the error of giving everyone the mean.",
    UNIT,
    low=0.0,
)
TRIVIAL_SQUARED_ERROR = Metric(
    "trivial_root_mean_squared_error",
    "Root mean squared error of the trivial model",
    "Standard deviation of the true outcomes: the error of giving everyone the mean.",
    UNIT,
    low=0.0,
)
METRICS = (
    *(MEAN_ABSOLUTE_ERROR, ROOT_MEAN_SQUARED_ERROR, MEDIAN_ABSOLUTE_ERROR, MEAN_ERROR, R2),
    *(TRIVIAL_ABSOLUTE_ERROR, TRIVIAL_SQUARED_ERROR),
)


def measure_numbers(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    level: float = 0.95,
    weights: FloatArray | None = None,
) -> Iterator[Measurement]:
    """Measure how well numbers are predicted.

    Args:
        y_true: Shape (n,): true outcomes.
        y_pred: Shape (n,): predictions, in the same unit.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for, above 0; 1 unless given.

    Yields:
        Each of `METRICS`; where one row makes much of a spread, the source says so.

    Example:
        >>> [m.metric for m in measure_numbers([1.0, 2.0], [1.5, 2.5])][:2]
        ['mean_absolute_error', 'root_mean_squared_error']
    """
    wrong, outcomes = errors(y_true, y_pred), np.asarray(y_true, dtype=np.float64)
    of, w = (y_true, y_pred, level), weights
    source = weighted_words(
        "predictions and true outcomes of the assessed rows", None if w is None else [kish(w)]
    )
    deviations = _from_mean(outcomes, w)
    for metric, found, spread in (
        (MEAN_ABSOLUTE_ERROR, mean_absolute_error(*of, w), np.abs(wrong)),
        (ROOT_MEAN_SQUARED_ERROR, root_mean_square(wrong, level, w), _square(wrong)),
        (MEDIAN_ABSOLUTE_ERROR, median_absolute_error(*of, w), np.zeros_like(wrong)),
        (MEAN_ERROR, mean_error(*of, w), wrong),
        (R2, r2(*of, w), _square(wrong)),
        (TRIVIAL_ABSOLUTE_ERROR, trivial_absolute_error(y_true, level, w), np.abs(deviations)),
        (TRIVIAL_SQUARED_ERROR, root_mean_square(deviations, level, w), _square(deviations)),
    ):
        told = found if w is None else on_effective_counts(found)
        yield metric.measure(
            told.value,
            interval=told.interval,
            reason=told.reason,
            n=wrong.size,
            source=source + far_out(spread, w),
        )


def mean_error(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean of prediction minus outcome, with Student's interval.

    Args:
        y_true: Shape (n,): true outcomes.
        y_pred: Shape (n,): predictions, in the same unit.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        The mean, above 0 where the model gives too much; see `means.mean`.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> round(mean_error([1.0, 2.0, 3.0], [2.0, 2.0, 4.0]).value, 3)
        0.667
    """
    return mean(errors(y_true, y_pred), level, weights=weights)


def mean_absolute_error(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean distance of prediction and outcome, with Student's interval; see `mean_error`.

    Example:
        >>> round(mean_absolute_error([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]).value, 3)
        0.667
    """
    return mean(np.abs(errors(y_true, y_pred)), level, 0.0, weights)


def median_absolute_error(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Distance of prediction and outcome that half of the rows stay within; see `mean_error`.

    Example:
        >>> median_absolute_error([1.0, 2.0, 3.0], [1.5, 2.0, 7.0]).value
        0.5
    """
    return median(np.abs(errors(y_true, y_pred)), level, weights)


def root_mean_square(
    values: npt.ArrayLike, level: float = 0.95, weights: npt.ArrayLike | None = None
) -> Estimate:
    """Root of the mean square, such as the root mean squared error of `errors`.

    The interval of the logarithm of the mean square, mapped back: it stays above 0, and holds
    its level better in small samples than one that is even around the mean square.

    Args:
        values: Shape (n,): errors.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        The root; undefined where there are no rows, without an interval where all errors are of
        one size.

    Source:
        The delta method for the logarithm of a mean, with Student's quantile.

    Example:
        >>> found = root_mean_square([1.0, -2.0, 3.0, 1.0])
        >>> round(found.value, 3), found.interval.method
        (1.936, 'delta method on the logarithm')
    """
    squares = _square(np.asarray(values, dtype=np.float64))
    found = mean(squares, level, weights=weights)
    if found.value is None:
        return found
    value = float(np.sqrt(found.value))
    if found.interval is None:
        return Estimate(value, None, found.reason)
    # The arm of the mean square relative to it, and half of that for its root.
    arm = (found.interval.high - found.value) / found.value / 2
    with np.errstate(over="ignore"):
        bounds = (float(value * np.exp(-arm)), float(value * np.exp(arm)))
    return with_bounds(value, bounds, level, DELTA)


def r2(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Share of the spread of the outcomes that the model accounts for.

    1 minus a ratio of two mean squares over the same rows; the interval is that of the logarithm
    of the ratio, mapped back.

    Args:
        y_true: Shape (n,): true outcomes.
        y_pred: Shape (n,): predictions, in the same unit.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        R2, at most 1, below 0 where the mean would do better; undefined where all outcomes are
        the same, without an interval where the model is always right.

    Raises:
        ValueError: If the shapes differ.

    Source:
        The delta method for the logarithm of a ratio of means, with Student's quantile.

    Example:
        >>> round(r2([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.5, 3.5]).value, 3)
        0.9
    """
    squared = _square(errors(y_true, y_pred))
    around = _square(_from_mean(np.asarray(y_true, dtype=np.float64), weights))
    top, under = mean(squared, level, weights=weights), mean(around, level, weights=weights)
    if top.value is None or under.value is None:
        return top if top.value is None else under
    if under.value == 0:
        return Estimate.undefined(ALL_THE_SAME if squared.size > 1 else ONE_ROW)
    share = top.value / under.value
    if share == 0:
        return Estimate(1.0, None, NO_SPREAD)
    # Plus 1, so that what is only rounding is no spread.
    relative = mean(squared / top.value - around / under.value + 1, level, weights=weights)
    if relative.value is None or relative.interval is None:
        return Estimate(1 - share, None, relative.reason)
    arm = relative.interval.high - relative.value
    with np.errstate(over="ignore"):
        bounds = (float(1 - share * np.exp(arm)), float(1 - share * np.exp(-arm)))
    return with_bounds(1 - share, bounds, level, DELTA)


def trivial_absolute_error(
    y_true: npt.ArrayLike, level: float = 0.95, weights: npt.ArrayLike | None = None
) -> Estimate:
    """Mean distance of the outcomes from their mean, which is the error of the trivial model.

    The mean is itself estimated from these rows; the interval allows for that.

    Args:
        y_true: Shape (n,): true outcomes.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        The error; see `means.mean`.

    Example:
        >>> trivial_absolute_error([1.0, 2.0, 3.0, 6.0]).value
        1.5
    """
    deviations = _from_mean(np.asarray(y_true, dtype=np.float64), weights)
    if deviations.size == 0:
        return Estimate.undefined("no rows")
    # How the mean distance moves with the mean: rows below it less rows above it.
    w = np.ones_like(deviations) if weights is None else np.asarray(weights, dtype=np.float64)
    slope = float(np.average(np.sign(-deviations), weights=w))
    found = mean(np.abs(deviations) + slope * deviations, level, weights=weights)
    if found.interval is None:
        return found
    low = max(0.0, found.interval.low)
    return Estimate(found.value, Interval(low, found.interval.high, level, found.interval.method))


def errors(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> FloatArray:
    """Prediction minus outcome, shape (n,); infinite where that is too large a number.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> errors([1.0, 2.0], [2.0, 2.0]).tolist()
        [1.0, 0.0]
    """
    y, yhat = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    if y.shape != yhat.shape:
        raise ValueError(f"one prediction an outcome; got shapes {y.shape} and {yhat.shape}")
    with np.errstate(over="ignore"):
        return yhat - y


def _from_mean(outcomes: FloatArray, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Distance of each outcome from the mean, exactly 0 where all are the same."""
    if outcomes.size == 0 or _are_equal(outcomes):
        return np.zeros_like(outcomes)
    with np.errstate(over="ignore", invalid="ignore"):
        everyone = np.zeros(outcomes.size, dtype=np.int64)
        deviations: FloatArray = outcomes - means_by_group(outcomes, everyone, 1, weights).mean
    return deviations


def _are_equal(values: FloatArray) -> bool:
    """Whether all numbers are the same, but for rounding."""
    low, high = float(values.min()), float(values.max())
    return high / 2 - low / 2 <= SAME * max(abs(low), abs(high)) / 2


def _square(values: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        squares: FloatArray = values**2
    return squares
