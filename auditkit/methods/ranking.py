"""How well scores rank: the area under the ROC curve with its interval, and the curve."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval, Metric
from auditkit.methods import intervals
from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.score_curves import distinct_scores, ks, roc, thinned
from auditkit.methods.weighting import kish, weighted_mean

ROC_AUC = Metric(
    "roc_auc",
    "Area under the ROC curve",
    "Chance that a positive row outscores a negative one; ties count one half.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
KS_STATISTIC = Metric(
    "ks_statistic",
    "Kolmogorov-Smirnov statistic",
    "Largest distance between the score distributions of positive and negative rows.",
    "difference",
    better="higher",
    low=0.0,
    high=1.0,
)
#: Why there is no curve.
ONE_OUTCOME = "all true outcomes are the same"


def auc(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Area under the ROC curve: the chance that a positive row outscores a negative one.

    Ties count one half. DeLong's variance on the logit scale, so that the interval stays inside
    (0, 1); in time n log n. Where that variance is 0 or cannot be estimated, a bound that holds
    for any distribution: the pairs (i-th positive, i-th negative) are independent, and there are
    as many as the smaller class has rows.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): scores; only their order matters.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same. A pair then
            counts by the product of its weights, and the variance of each class is that of
            `auditkit.methods.weighting.weighted_mean` over its placements.

    Returns:
        The area; undefined where there is one class only, or a score is not finite.

    Source:
        DeLong et al. (1988), Biometrics 44:837; Sun and Xu (2014), IEEE SPL 21:1389, for ranks.
        Hoeffding (1963), J. Am. Stat. Assoc. 58:13, section 5b, where the variance is 0; with
        weights McDiarmid (1989), London Math. Soc. Lect. Notes 141:148, as one row moves the area
        by at most its share of the weight of its class.

    Example:
        >>> area = auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> area.value, area.interval.method
        (0.75, 'DeLong, logit')
    """
    y, score = _checked(y_true, y_score)
    positives, negatives = score[y == 1], score[y == 0]
    if not (positives.size and negatives.size):
        return Estimate.undefined(ONE_OUTCOME)
    if not np.all(np.isfinite(score)):
        wrong = int((~np.isfinite(score)).sum())
        return Estimate.undefined(f"{wrong:,} scores are not finite")
    if weights is not None:
        return _weighted_auc(y, score, np.asarray(weights, dtype=np.float64), level)
    above, below = placements(y == 1, score)
    m, n = positives.size, negatives.size
    value, variance = mean_placement(above), None
    if min(m, n) > 1 and np.ptp(above) + np.ptp(below) >= 1e-12:
        variance = float(above.var(ddof=1) / m + below.var(ddof=1) / n)
    return around_area(value, variance, min(m, n), level)


def around_area(value: float, variance: float | None, pairs: int, level: float) -> Estimate:
    """Put an interval around an area under the curve of rows that count the same; see `auc`.

    Args:
        value: The area.
        variance: DeLong's variance, above 0; None where it is 0 or cannot be estimated.
        pairs: Rows of the rarer outcome.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The area with its interval.

    Example:
        >>> around_area(1.0, None, 5, 0.95).interval.method
        'Clopper-Pearson over 5 independent pairs (no overlap of scores)'
    """
    if variance is None:
        told = f"{pairs:,} independent pairs"
        return Estimate(value, _free_of_distribution(value, pairs, level, "Hoeffding", told))
    return _on_logit_scale(value, variance**0.5, level, "DeLong, logit")


def _weighted_auc(
    y: npt.NDArray[np.int64], score: FloatArray, weights: FloatArray, level: float
) -> Estimate:
    """The area where a pair counts by the product of its weights; both classes are there."""
    won, lost = y == 1, y == 0
    above, below = placements(won, score, weights)
    value = mean_placement(above, weights[won])
    few = min(above.size, below.size) < 2 or value in (0.0, 1.0)
    if few or np.ptp(above) + np.ptp(below) < 1e-12:
        pairs = 1 / (1 / kish(weights[won]) + 1 / kish(weights[lost]))
        told = f"{pairs:,.1f} effective pairs"
        return Estimate(value, _free_of_distribution(value, pairs, level, "McDiarmid", told))
    variances = (
        weighted_mean(placed, weights[held])[1] for placed, held in ((above, won), (below, lost))
    )
    return _on_logit_scale(value, float(np.sqrt(sum(variances))), level, "DeLong, weighted, logit")


def placements(
    positive: npt.NDArray[np.bool_], score: FloatArray, weights: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Where each row stands among those of the other outcome; ties count one half.

    Args:
        positive: Shape (n,): whether the outcome of a row is positive; both are there.
        score: Shape (n,): finite scores.
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        For each positive row the share of negatives under it, for each negative row the share of
        positives over it; of their number, or of their weight.

    Example:
        >>> above, below = placements(np.array([True, False, False]), np.array([0.5, 0.5, 0.1]))
        >>> above.tolist(), below.tolist()
        ([0.75], [0.5, 1.0])
    """
    if weights is None:
        positives, negatives = score[positive], score[~positive]
        ranks, m = midranks(np.concatenate([positives, negatives])), positives.size
        above = (ranks[:m] - midranks(positives)) / negatives.size
        return above, 1 - (ranks[m:] - midranks(negatives)) / m
    _, place = np.unique(score, return_inverse=True)
    # Weight of each outcome at every distinct score, and how much of it lies below: ties half.
    at_won, at_lost = (np.bincount(place, weights=weights * it) for it in (positive, ~positive))
    below_won, below_lost = (np.cumsum(held) - held / 2 for held in (at_won, at_lost))
    above = (below_lost / at_lost.sum())[place[positive]]
    return above, 1 - (below_won / at_won.sum())[place[~positive]]


def mean_placement(above: FloatArray, weights: FloatArray | None = None) -> float:
    """The area under the curve: the mean placement of the positive rows.

    Args:
        above: Shape (m,): what `placements` gives for the positive rows.
        weights: Shape (m,): their weights, or None.

    Returns:
        The area; exactly 0 or 1 where only rounding parts it from that.

    Example:
        >>> mean_placement(np.array([1.0, 0.5]), np.array([3.0, 1.0]))
        0.875
    """
    if weights is None:
        return float(above.mean())
    value = float(np.clip((above * weights).sum() / weights.sum(), 0, 1))
    return float(round(value)) if min(value, 1 - value) < 1e-12 else value


def _on_logit_scale(value: float, error: float, level: float, method: str) -> Estimate:
    arm = intervals.normal_quantile(level) * error / (value * (1 - value))
    logit = float(special.logit(value))
    low, high = special.expit(logit - arm), special.expit(logit + arm)
    return Estimate(value, Interval(float(low), float(high), level, method))


def kolmogorov_smirnov(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Largest distance between the score distributions of positive and negative rows.

    The interval is made of bands that hold each whole distribution, in every sample size; it is
    wide rather than wrong, and can hold 0, which the statistic itself never is.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1.
        y_score: Shape (n,): scores; only their order matters.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): weights above 0; None where every row counts the same. The bands are
            then those of Kish's effective sizes.

    Returns:
        The distance, in [0, 1]; undefined where there is one class only, or a score is not finite.

    Source:
        Massart (1990), Ann. Probab. 18:1269, for the bands of Dvoretzky, Kiefer and Wolfowitz;
        Bonferroni over both.

    Example:
        >>> found = kolmogorov_smirnov([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> found.value, found.interval.low, found.interval.high
        (0.5, 0.0, 1.0)
    """
    y, score = _checked(y_true, y_score)
    w = np.ones_like(score) if weights is None else np.asarray(weights, dtype=np.float64)
    if not (y.any() and (1 - y).any()):
        return Estimate.undefined(ONE_OUTCOME)
    if not np.all(np.isfinite(score)):
        return Estimate.undefined("some scores are not finite")
    value = ks(distinct_scores(y, score, w)).value
    return around_distance(value, (kish(w[y == 1]), kish(w[y == 0])), level)


def around_distance(value: float, sizes: tuple[float, float], level: float) -> Estimate:
    """Put an interval around a Kolmogorov-Smirnov distance; see `kolmogorov_smirnov`.

    Args:
        value: The distance.
        sizes: Rows of either outcome, or what they are worth.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The distance with its interval.

    Example:
        >>> round(around_distance(0.5, (100, 100), 0.95).interval.low, 3)
        0.204
    """
    arm = sum(float(np.sqrt(np.log(4 / (1 - level)) / (2 * size))) for size in sizes)
    method = "Dvoretzky-Kiefer-Wolfowitz bands, Bonferroni over both outcomes"
    bounds = max(0.0, value - arm), min(1.0, value + arm)
    return Estimate(value, Interval(*bounds, level, method))


def roc_curve(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    points: int = 60,
    weights: npt.ArrayLike | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The ROC curve, thinned to a number of points that can be drawn.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1, both present.
        y_score: Shape (n,): finite scores.
        points: Most points to keep, at least 2; both ends are among them.
        weights: Shape (n,): weights above 0; None where every row counts the same.

    Returns:
        False positive rates, true positive rates and thresholds, each of shape (at most points,),
        rising from (0, 0) to (1, 1). A row is selected where its score is at least the threshold;
        the first threshold is infinite.

    Raises:
        ValueError: If there is one class only.

    Example:
        >>> fpr, tpr, thresholds = roc_curve([0, 1, 1], [0.2, 0.7, 0.4])
        >>> fpr.tolist(), tpr.tolist()
        ([0.0, 0.0, 0.0, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    y, score = _checked(y_true, y_score)
    fpr, tpr = roc(distinct_scores(y, score, weights))
    thresholds = np.concatenate([[np.inf], np.unique(score)[::-1]])
    kept = thinned(fpr, tpr, points)
    return fpr[kept], tpr[kept], thresholds[kept]


def midranks(values: FloatArray) -> FloatArray:
    """Ranks from 1, ties sharing the mean of theirs.

    Example:
        >>> midranks(np.array([0.2, 0.1, 0.2])).tolist()
        [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: FloatArray = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def _free_of_distribution(
    value: float, pairs: float, level: float, bound: str, told: str
) -> Interval:
    if value in (0.0, 1.0):
        low, high = intervals.clopper_pearson(round(value) * pairs, pairs, level)
        method = f"Clopper-Pearson over {told} (no overlap of scores)"
        return Interval(float(low), float(high), level, method)
    arm = float(np.sqrt(np.log(2 / (1 - level)) / (2 * pairs)))
    method = f"{bound} over {told} (no spread to estimate)"
    return Interval(max(0.0, value - arm), min(1.0, value + arm), level, method)


def _checked(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    y, score = np.asarray(y_true).astype(np.int64), np.asarray(y_score, dtype=np.float64)
    if y.shape != score.shape or np.any((y != 0) & (y != 1)):
        raise ValueError("one outcome, 0 or 1, and one score a row are expected")
    return y, score
