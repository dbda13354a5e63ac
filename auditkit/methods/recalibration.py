"""Recalibration: scores are mapped on half of the rows, and the map is tried on the other half."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from auditkit.evidence import Interval
from auditkit.methods.calibration_tests import EDGE, BinnedError, logistic_refit
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.intervals import bounded_mean
from auditkit.methods.means import mean

#: Maps scores to scores of the same shape.
Map = Callable[[FloatArray], FloatArray]

LOGISTIC, TEMPERATURE, ISOTONIC = "logistic (Platt)", "temperature", "isotonic"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A way to recalibrate.

    Attributes:
        name: What it is called.
        map: The map, or None where it could not be fitted.
        reason: Why there is none.
    """

    name: str
    map: Map | None
    reason: str = ""


def fit_binary(y: IntArray, score: FloatArray) -> tuple[Fitted, ...]:
    """Fit both maps of a binary task.

    Args:
        y: Shape (n,): true outcomes, 0 or 1.
        score: Shape (n,): probabilities of the positive outcome.

    Returns:
        The logistic map of log odds and the isotonic one, whose ends are held half a row away from
        0 and 1.

    Source:
        Platt (1999), Adv. Large Margin Classif.: 61; Zadrozny and Elkan (2002), KDD: 694.

    Example:
        >>> y, score = np.tile([0, 0, 0, 1], 50), np.tile([0.5, 0.5, 0.5, 0.6], 50)
        >>> [fitted.name for fitted in fit_binary(y, score)]
        ['logistic (Platt)', 'isotonic']
    """
    refit, (slope, intercept) = logistic_refit(y, score)
    if refit.slope.value is None:
        logistic = Fitted(LOGISTIC, None, refit.slope.reason or "")
    else:
        logistic = Fitted(LOGISTIC, lambda p: special.expit(intercept + slope * _odds(p)))
    if not len(y) or np.ptp(y) == 0:
        return logistic, Fitted(ISOTONIC, None, "all true outcomes are the same")
    return logistic, Fitted(ISOTONIC, _isotonic(y, score))


def fit_classes(y: IntArray, score: FloatArray) -> tuple[Fitted, ...]:
    """Fit both maps of a task with several classes.

    Args:
        y: Shape (n,): index of the true class.
        score: Shape (n, k): probabilities of the classes.

    Returns:
        One temperature for all classes, and an isotonic map of each class against the rest whose
        scores are then made to add up to 1.

    Source:
        Guo, Pleiss, Sun and Weinberger (2017), ICML: 1321; Zadrozny and Elkan (2002), KDD: 694.

    Example:
        >>> y, score = np.array([0, 1, 2] * 20), np.tile([[0.4, 0.3, 0.3]], (60, 1))
        >>> fit_classes(y, score)[0].name
        'temperature'
    """
    logs = np.log(np.clip(score, EDGE, 1.0))

    def loss(power: float) -> float:
        held = special.log_softmax(logs * np.exp(power), axis=1)
        return -float(held[np.arange(y.size), y].mean())

    if np.unique(y).size < 2:
        same = "all true outcomes are the same"
        return Fitted(TEMPERATURE, None, same), Fitted(ISOTONIC, None, same)
    best = optimize.minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded")
    power = float(np.exp(best.x))

    def cooled(p: FloatArray) -> FloatArray:
        held: FloatArray = special.softmax(np.log(np.clip(p, EDGE, 1.0)) * power, axis=1)
        return held

    maps = [_isotonic((y == c).astype(np.int64), score[:, c]) for c in range(score.shape[1])]

    def stepped(p: FloatArray) -> FloatArray:
        raw = np.stack([each(p[:, c]) for c, each in enumerate(maps)], axis=1)
        held: FloatArray = raw / raw.sum(axis=1, keepdims=True)
        return held

    return Fitted(TEMPERATURE, cooled), Fitted(ISOTONIC, stepped)


def _odds(p: FloatArray) -> FloatArray:
    held: FloatArray = special.logit(np.clip(p, EDGE, 1 - EDGE))
    return held


def _isotonic(y: IntArray, score: FloatArray) -> Map:
    """The isotonic map, held half a row away from 0 and 1, where one error would be infinite."""
    at, place = np.unique(score, return_inverse=True)
    rows = np.bincount(place).astype(np.float64)
    rates = np.bincount(place, weights=y) / rows
    half = 0.5 / y.size
    steps = np.clip(optimize.isotonic_regression(rates, weights=rows).x, half, 1 - half)
    return lambda p: np.asarray(np.interp(p, at, steps), dtype=np.float64)


def losses(y: npt.NDArray[np.int64], score: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Brier and log loss of every row, of shape (n,) each; infinite where a class was ruled out.

    Args:
        y: Shape (n,): true outcomes, 0 or 1, or the index of the class.
        score: Shape (n,), or (n, k).

    Example:
        >>> brier, log = losses(np.array([1]), np.array([0.5]))
        >>> brier.tolist(), log.round(3).tolist()
        ([0.25], [0.693])
    """
    if score.ndim == 1:
        given = np.where(y == 1, score, 1 - score)
        brier = (1 - given) ** 2
    else:
        given = score[np.arange(y.size), y]
        brier = (score**2).sum(axis=1) - 2 * given + 1
    with np.errstate(divide="ignore"):
        return brier, -np.log(given)


def change_of_brier(before: FloatArray, after: FloatArray, level: float, most: float) -> Estimate:
    """Mean change of a Brier score, row by row.

    Args:
        before: Shape (n,): of each row as audited.
        after: Shape (n,): of each row with new scores.
        level: Two-sided confidence level, in (0, 1).
        most: The largest that it can be: 1, or 2 for several classes.

    Example:
        >>> before, after = np.array([0.2, 0.4]), np.array([0.1, 0.2])
        >>> round(change_of_brier(before, after, 0.95, 1.0).value, 2)
        -0.15
    """
    return _paired(bounded_mean(after - before, level, -most, most))


def change_of_log_loss(before: FloatArray, after: FloatArray, level: float) -> Estimate:
    """Mean change of a log loss, row by row; undefined where one of them is infinite.

    Example:
        >>> change_of_log_loss(np.array([np.inf]), np.array([0.1]), 0.95).reason
        'infinite: the true class of some rows has a score of 0'
    """
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return Estimate.undefined("infinite: the true class of some rows has a score of 0")
    return _paired(mean(after - before, level))


def _paired(found: Estimate) -> Estimate:
    if found.interval is None:
        return found
    held = found.interval
    method = f"{held.method}, paired"
    return Estimate(found.value, Interval(held.low, held.high, held.level, method))


def change_of_error(before: BinnedError, after: BinnedError, level: float) -> Estimate:
    """Change of a calibration error.

    The bias of the two does not cancel, so their intervals, which hold together, are held apart:
    wider than pairing would give, and it always holds.

    Args:
        before: As audited, its interval at `half_level(level)`.
        after: With new scores, likewise.
        level: Two-sided confidence level, in (0, 1).

    Example:
        >>> a, b = (Estimate(v, Interval(v - 0.01, v + 0.01, 0.975, "test")) for v in (0.05, 0.01))
        >>> both = (BinnedError(e, 0.0, 0.0, 0.0) for e in (a, b))
        >>> round(change_of_error(*both, 0.95).interval.high, 3)
        -0.02
    """
    first, second = before.estimate, after.estimate
    if first.value is None or second.value is None:
        return Estimate.undefined(first.reason or second.reason or "no rows")
    value = second.value - first.value
    if first.interval is None or second.interval is None:
        return Estimate(value, None, first.reason or second.reason)
    low = second.interval.low - first.interval.high
    high = second.interval.high - first.interval.low
    return Estimate(value, Interval(low, high, level, "two intervals held apart"))
