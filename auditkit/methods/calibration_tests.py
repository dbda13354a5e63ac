"""Tests of whether scores come true as often as they say, and how far off they are.

Every test asks whether outcomes can have come of the scores by chance. Where they cannot, the
debiased error and the logistic refit say by how much, and which way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods import intervals
from auditkit.methods.calibration import around_error
from auditkit.methods.estimates import Estimate, FloatArray, IntArray

#: Scores are held this far from 0 and 1 where a logarithm of them is taken.
EDGE = 1e-6
#: Outcomes that are drawn at a time.
_BLOCK = 2_000_000
#: Why there is no test.
CERTAIN = "every score is 0 or 1, so nothing is left to chance"


@dataclass(frozen=True, slots=True)
class BinnedError:
    """Calibration error over bins of about equally many rows, held against what chance makes.

    Attributes:
        estimate: The error less what chance adds to it on average, never below 0.
        raw: The error as found.
        by_chance: What outcomes drawn from the scores themselves give on average.
        p_value: Share of such draws that give as much, the rows themselves counted in; NaN where
            nothing was drawn.
    """

    estimate: Estimate
    raw: float
    by_chance: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Refit:
    """A logistic model of the outcome on the log odds of the score.

    Attributes:
        slope: 1 where scores are right, below 1 where they are too extreme.
        intercept: 0 where scores are right, above 0 where they promise too little at even odds.
    """

    slope: Estimate
    intercept: Estimate


def certain_and_wrong(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> int:
    """Count rows whose score is exactly 0 or 1 and whose outcome is the other one.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): probabilities of the positive outcome.

    Returns:
        The count; one such row disproves the scores without any test.

    Example:
        >>> certain_and_wrong([1, 0, 1], [0.0, 0.0, 0.4])
        1
    """
    y, score = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    return int((((score == 0) | (score == 1)) & (score != y)).sum())


def binned_error(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    rng: np.random.Generator,
    bins: int = 10,
    draws: int = 199,
    level: float = 0.95,
) -> BinnedError:
    """Calibration error over bins of equal mass, less its bias, with a test of it.

    The error is above 0 by chance alone, the more so the fewer the rows. So outcomes are drawn from
    the scores, and the mean error of the draws is taken off; its rank among them is the p-value.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): probabilities of the positive outcome.
        rng: Draws the outcomes.
        bins: Most bins; fewer where rows or different scores are few (5 rows a bin at least).
        draws: How often outcomes are drawn, at least 1.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The error; undefined where there are no rows.

    Source:
        Broecker and Smith (2007), Weather Forecast. 22:651, for the resampling; Roelofs et al.
        (2022), AISTATS, for bins of equal mass and the bias.

    Example:
        >>> score = np.repeat([0.2, 0.8], 100)
        >>> y = np.tile([1, 0, 1, 0], 50)
        >>> found = binned_error(y, score, np.random.default_rng(0))
        >>> round(found.raw, 2), found.p_value
        (0.3, 0.005)
    """
    y, score = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    if score.size == 0:
        return BinnedError(Estimate.undefined("no rows"), np.nan, np.nan, np.nan)
    place = equal_mass(score, bins)
    order = np.argsort(place, kind="stable")
    y, score, place = y[order], score[order], place[order]
    starts = np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
    promised = np.add.reduceat(score, starts)
    raw = float(np.abs(np.add.reduceat(y, starts) - promised).sum() / score.size)
    drawn = _drawn_errors(score, starts, promised, draws, rng)
    spread = (
        np.add.reduceat(part, starts) / score.size**2
        for part in ((y - score) ** 2, score * (1 - score))
    )
    around = around_error(raw, np.maximum(*spread), level)
    # Sums of other orders differ in their last digits; what is as large must count as such.
    p_value = float((1 + (drawn >= raw - 1e-12).sum()) / (1 + draws))
    by_chance = float(drawn.mean())
    value = max(0.0, raw - by_chance)
    held = around.interval
    if held is None:
        return BinnedError(Estimate(value, None, around.reason), raw, by_chance, p_value)
    method = f"normal, {starts.size} bins of equal mass, bias allowed for"
    bounds = Interval(min(held.low, value), max(held.high, value), level, method)
    return BinnedError(Estimate(value, bounds), raw, by_chance, p_value)


def equal_mass(score: FloatArray, bins: int) -> IntArray:
    """Bin of each score, shape (n,); equal scores are never parted.

    Example:
        >>> equal_mass(np.repeat([0.1, 0.2, 0.9], 10), 2).tolist()[::10]
        [0, 0, 1]
    """
    most = max(1, min(bins, score.size // 5))
    edges = np.unique(np.quantile(score, np.arange(1, most) / most, method="inverted_cdf"))
    return np.searchsorted(edges, score, side="left").astype(np.int64)


def _drawn_errors(
    score: FloatArray, starts: IntArray, promised: FloatArray, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Errors of outcomes that were drawn from the scores, shape (draws,)."""
    found, size, held = [], max(1, _BLOCK // score.size), score.astype(np.float32)
    for start in range(0, draws, size):
        count = min(size, draws - start)
        came = rng.random((count, score.size), dtype=np.float32) < held
        sums = np.add.reduceat(came, starts, axis=1, dtype=np.float64)
        found.append(np.abs(sums - promised).sum(axis=1) / score.size)
    return np.concatenate(found)


def spiegelhalter(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Spiegelhalter's test: whether the Brier score is the one that the scores promise.

    It is blind where scores are 0.5, and to errors that cancel out in the Brier score; never use it
    alone.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): probabilities of the positive outcome.

    Returns:
        The two-sided p-value; NaN where every score is 0, 0.5 or 1.

    Source:
        Spiegelhalter (1986), Stat. Med. 5:421.

    Example:
        >>> round(spiegelhalter([1, 1, 1, 1, 0], [0.2] * 5), 5)
        0.0008
    """
    y, p = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    variance = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    if variance <= 0:
        return float("nan")
    z = float(((y - p) * (1 - 2 * p)).sum()) / variance**0.5
    return float(2 * special.ndtr(-abs(z)))


def kolmogorov_smirnov(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Test the largest sum of outcomes less scores over all rows up to a score.

    It sees whatever depends on the score, without bins. Sums are read at the end of ties only, so
    that the order of rows does not matter.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): probabilities of the positive outcome.

    Returns:
        The p-value, by the largest size of Brownian motion; NaN where every score is 0 or 1.

    Source:
        Arrieta-Ibarra, Gujral, Tannen, Tygert and Xu (2022), J. Mach. Learn. Res. 23(351): ECCE.

    Example:
        >>> even = np.tile([0, 1], 50)
        >>> kolmogorov_smirnov(even, np.full(100, 0.5))
        1.0
        >>> round(kolmogorov_smirnov(even, np.full(100, 0.6)), 3)
        0.082
    """
    y, p = np.asarray(y_true, dtype=np.float64), np.asarray(y_score, dtype=np.float64)
    variance = float((p * (1 - p)).sum())
    if variance <= 0:
        return float("nan")
    different, place = np.unique(p, return_inverse=True)
    sums = np.cumsum(np.bincount(place, weights=y - p, minlength=different.size))
    return brownian_tail(float(np.abs(sums).max()) / variance**0.5)


def brownian_tail(size: float) -> float:
    """Chance that Brownian motion on [0, 1] ever gets at least this far from 0.

    Source:
        Feller (1971), An Introduction to Probability Theory, vol. II, X.5.

    Example:
        >>> round(brownian_tail(2.2414), 3)
        0.05
    """
    if size < 0.1:
        return 1.0
    k = np.arange(50)
    series = (-1.0) ** k / (2 * k + 1) * np.exp(-(((2 * k + 1) * np.pi / size) ** 2) / 8)
    inside = 4 / np.pi * float(series.sum())
    # Far out the series cancels; there the two sides are apart, and each is a reflection.
    far = 4 * float(special.ndtr(-size))
    return float(np.clip(far if size > 4 else 1 - inside, 0.0, 1.0))


def log_odds(score: npt.ArrayLike) -> FloatArray:
    """Log odds of scores, those closer to 0 or 1 than `EDGE` held there.

    Example:
        >>> log_odds([0.0, 0.5]).round(2).tolist()
        [-13.82, 0.0]
    """
    held: FloatArray = special.logit(np.clip(np.asarray(score, dtype=float), EDGE, 1 - EDGE))
    return held


def logistic_refit(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, level: float = 0.95
) -> tuple[Refit, tuple[float, float]]:
    """Fit the outcome to the log odds of the score.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): probabilities of the positive outcome.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Slope and intercept with Wald intervals; undefined where the outcomes are all the same or
        the fit does not end. Then both as numbers, NaN where undefined.

    Source:
        Cox (1958), Biometrika 45:562; Platt (1999) for its use as a recalibration.

    Example:
        >>> y = np.r_[np.tile([0, 0, 0, 1], 50), np.tile([0, 1, 1, 1], 50)]
        >>> refit, _ = logistic_refit(y, np.repeat([0.1, 0.9], 200))
        >>> round(refit.slope.value, 3), round(refit.intercept.value, 3)
        (0.5, 0.0)
    """
    y, x = np.asarray(y_true, dtype=np.float64), log_odds(y_score)
    if x.size == 0 or np.ptp(y) == 0 or np.ptp(x) == 0:
        same = "all true outcomes are the same" if x.size and np.ptp(y) == 0 else "no rows"
        same = "all scores are the same" if x.size and np.ptp(x) == 0 else same
        return _no_refit(same)
    centre, scale = float(x.mean()), float(x.std())
    z = (x - centre) / scale
    fitted = _newton(np.stack([np.ones_like(z), z]), y)
    if fitted is None:
        return _no_refit("the scores part the outcomes, so the fit does not end")
    (a, b), cov = fitted
    # Back from the scaled log odds: both are linear in what was fitted.
    back = np.array([[1.0, -centre / scale], [0.0, 1 / scale]])
    intercept, slope = (back @ np.array([a, b])).tolist()
    errors = np.sqrt(np.diag(back @ cov @ back.T))
    arms = intervals.normal_quantile(level) * errors
    held = [
        Estimate(value, Interval(value - arm, value + arm, level, "Wald"))
        for value, arm in ((slope, float(arms[1])), (intercept, float(arms[0])))
    ]
    return Refit(*held), (slope, intercept)


def _no_refit(reason: str) -> tuple[Refit, tuple[float, float]]:
    nothing = Estimate.undefined(reason)
    return Refit(nothing, nothing), (float("nan"), float("nan"))


def _newton(design: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray] | None:
    """Coefficients of a logistic regression and their covariance; None where there is no end."""
    beta = np.zeros(len(design))
    for _ in range(50):
        chance = special.expit(beta @ design)
        curvature = (design * (chance * (1 - chance))) @ design.T
        if np.linalg.cond(curvature) > 1e10:
            return None
        step = np.linalg.solve(curvature, design @ (y - chance))
        beta = beta + step * min(1.0, 5 / max(1e-12, float(np.abs(step).max())))
        if np.abs(beta).max() > 1e3:
            return None
        if np.abs(step).max() < 1e-10:
            return beta, np.linalg.inv(curvature)
    return None
