"""How far predicted numbers lie from true ones, and from what the mean alone would give."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Metric
from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.means import (
    NO_SPREAD,
    ONE_ROW,
    TOO_LARGE,
    are_equal,
    mean,
    student,
    with_bounds,
)

#: Errors and means are in the unit of the label, which nobody names.
UNIT = "outcome units"
#: Why there is no R2.
ALL_THE_SAME = "all true outcomes are the same"

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
MEAN_ERROR = Metric(
    "mean_error",
    "Mean error",
    "Mean of prediction minus true outcome: above 0 where the model gives too much.",
    UNIT,
)
R2 = Metric(
    "r2",
    "R squared",
    "1 minus the squared error relative to that of giving everyone the mean outcome.",
    "ratio",
    better="higher",
    high=1.0,
)
MEAN_PREDICTOR_ABSOLUTE_ERROR = Metric(
    "mean_predictor_mean_absolute_error",
    "Mean absolute error of the trivial model",
    "Mean distance of the true outcomes from their mean: the error of giving everyone the mean.",
    UNIT,
    low=0.0,
)
MEAN_PREDICTOR_SQUARED_ERROR = Metric(
    "mean_predictor_root_mean_squared_error",
    "Root mean squared error of the trivial model",
    "Standard deviation of the true outcomes: the error of giving everyone the mean.",
    UNIT,
    low=0.0,
)
METRICS = (
    *(MEAN_ABSOLUTE_ERROR, ROOT_MEAN_SQUARED_ERROR, MEAN_ERROR, R2),
    *(MEAN_PREDICTOR_ABSOLUTE_ERROR, MEAN_PREDICTOR_SQUARED_ERROR),
)


def mean_error(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Mean of prediction minus outcome, with Student's interval.

    Args:
        y_true: Shape (n,): true outcomes.
        y_pred: Shape (n,): predictions, in the same unit.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The mean, above 0 where the model gives too much; see `means.mean`.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> round(mean_error([1.0, 2.0, 3.0], [2.0, 2.0, 4.0]).value, 3)
        0.667
    """
    return mean(errors(y_true, y_pred), level)


def mean_absolute_error(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, level: float = 0.95
) -> Estimate:
    """Mean distance of prediction and outcome, with Student's interval; see `mean_error`.

    Example:
        >>> round(mean_absolute_error([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]).value, 3)
        0.667
    """
    return mean(np.abs(errors(y_true, y_pred)), level, least=0.0)


def root_mean_squared_error(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, level: float = 0.95
) -> Estimate:
    """Root of the mean squared distance of prediction and outcome.

    The interval of the logarithm of the mean square, mapped back: it stays above 0, and holds
    its level better in small samples than one that is even around the mean square.

    Args:
        y_true: Shape (n,): true outcomes.
        y_pred: Shape (n,): predictions, in the same unit.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The error; undefined where there are no rows, without an interval where all errors are of
        one size.

    Raises:
        ValueError: If the shapes differ.

    Source:
        The delta method for the logarithm of a mean, with Student's quantile.

    Example:
        >>> found = root_mean_squared_error([0.0, 0.0, 0.0, 0.0], [1.0, -2.0, 3.0, 1.0])
        >>> round(found.value, 3), found.interval.method
        (1.936, 'delta method on the logarithm')
    """
    return _root_mean_square(errors(y_true, y_pred), level)


def r2(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Share of the spread of the outcomes that the model accounts for.

    1 minus a ratio of two mean squares over the same rows; the interval is that of the logarithm
    of the ratio, mapped back.

    Args:
        y_true: Shape (n,): true outcomes.
        y_pred: Shape (n,): predictions, in the same unit.
        level: Two-sided confidence level, in (0, 1).

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
    wrong, outcomes = errors(y_true, y_pred), np.asarray(y_true, dtype=np.float64)
    if wrong.size == 0:
        return Estimate.undefined("no rows")
    deviations = _from_mean(outcomes)
    if not (np.isfinite(wrong).all() and np.isfinite(deviations).all()):
        return Estimate.undefined(TOO_LARGE)
    if are_equal(outcomes):
        return Estimate.undefined(ALL_THE_SAME if wrong.size > 1 else ONE_ROW)
    if not wrong.any():
        return Estimate(1.0, None, NO_SPREAD)
    squared, scale = _relative_squares(wrong)
    around, reach = _relative_squares(deviations)
    share = squared.mean() / around.mean() * (scale / reach) ** 2
    contrast = squared / squared.mean() - around / around.mean()
    if are_equal(contrast + 1):
        return Estimate(float(1 - share), None, NO_SPREAD)
    arm = student(wrong.size, level) * contrast.std(ddof=1) / np.sqrt(wrong.size)
    with np.errstate(over="ignore"):
        bounds = (float(1 - share * np.exp(arm)), float(1 - share * np.exp(-arm)))
    return with_bounds(float(1 - share), bounds, level, "delta method on the logarithm")


def mean_predictor_absolute_error(y_true: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Mean distance of the outcomes from their mean, which is the error of the trivial model.

    The mean is itself estimated from these rows; the interval allows for that.

    Args:
        y_true: Shape (n,): true outcomes.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The error; see `means.mean`.

    Example:
        >>> mean_predictor_absolute_error([1.0, 2.0, 3.0, 6.0]).value
        1.5
    """
    deviations = _from_mean(np.asarray(y_true, dtype=np.float64))
    if deviations.size == 0 or not np.isfinite(deviations).all():
        return Estimate.undefined(TOO_LARGE if deviations.size else "no rows")
    # How the mean distance moves with the mean: rows below it less rows above it.
    slope = float(np.mean(np.sign(-deviations)))
    return mean(np.abs(deviations) + slope * deviations, level, least=0.0)


def mean_predictor_squared_error(y_true: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Standard deviation of the outcomes, which is the error of the trivial model.

    Args:
        y_true: Shape (n,): true outcomes.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The error; see `root_mean_squared_error`.

    Example:
        >>> round(mean_predictor_squared_error([1.0, 2.0, 3.0, 6.0]).value, 3)
        1.871
    """
    return _root_mean_square(_from_mean(np.asarray(y_true, dtype=np.float64)), level)


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
    with np.errstate(over="ignore", invalid="ignore"):
        return yhat - y


def _from_mean(outcomes: FloatArray) -> FloatArray:
    if outcomes.size == 0 or are_equal(outcomes):
        return np.zeros_like(outcomes)
    scale = float(np.abs(outcomes).max())
    with np.errstate(over="ignore", invalid="ignore"):
        part = outcomes / scale
        return np.asarray((part - part.mean()) * scale)


def _relative_squares(values: FloatArray) -> tuple[FloatArray, float]:
    """Squares of values relative to the largest, so that they cannot overflow; and the largest."""
    scale = float(np.abs(values).max())
    return (values / scale) ** 2, scale


def _root_mean_square(values: FloatArray, level: float) -> Estimate:
    if values.size == 0:
        return Estimate.undefined("no rows")
    if not np.isfinite(values).all():
        return Estimate.undefined(TOO_LARGE)
    if not values.any():
        return Estimate(0.0, None, NO_SPREAD if values.size > 1 else ONE_ROW)
    squares, scale = _relative_squares(values)
    value = scale * float(np.sqrt(squares.mean()))
    if values.size == 1 or are_equal(squares):
        return Estimate(value, None, ONE_ROW if values.size == 1 else NO_SPREAD)
    spread = squares.std(ddof=1) / squares.mean() / np.sqrt(values.size)
    arm = student(values.size, level) * float(spread) / 2  # half: the root of the mean square
    with np.errstate(over="ignore"):
        bounds = (float(value * np.exp(-arm)), float(value * np.exp(arm)))
    return with_bounds(value, bounds, level, "delta method on the logarithm")
