"""The area between two ROC curves, and how much of it chance alone would make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods import gaps
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.score_curves import (
    FOR_BINS,
    Histogram,
    abroca,
    auc,
    distinct_scores,
    roc,
    thinned,
)

#: Steps in which the noise of a curve is drawn, false positive rates at which it is looked at.
STEPS, RATES = 60, 60
#: How often it is drawn.
DRAWS = 999
#: Why an area has no interval.
NO_NOISE = "all scores of a group are the same, so its curve cannot stray"


@dataclass(frozen=True)
class Curve:
    """The ROC curve of one group, and draws of how far such a curve strays.

    Attributes:
        held: The scores, a bin for each distinct one.
        noise: Shape (draws, rates): a drawn curve less the one that was found.
    """

    held: Histogram
    noise: FloatArray


@dataclass(frozen=True, slots=True)
class Between:
    """A group held against the largest one.

    Attributes:
        group: Index of the group.
        area: The area between their curves.
        bound: How far bins can move it.
    """

    group: int
    area: Estimate
    bound: float = 0.0


def draw_curve(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    rng: np.random.Generator,
    weights: npt.ArrayLike | None = None,
    draws: int = DRAWS,
) -> Curve:
    """Find the ROC curve of one group, and draw its noise by the Bayesian bootstrap.

    Rows are weighed by random numbers instead of being drawn again. Of each outcome one more row
    is thought to be ranked by chance, so that a curve of few rows that never errs has noise too;
    and variances are those of Student's t rather than of the sample, which are too small.

    Args:
        y_true: Shape (n,): true outcomes, 0 or 1, at least 4 of each.
        y_score: Shape (n,): finite scores.
        rng: Draws.
        weights: Shape (n,): weights above 0; None where every row counts the same.
        draws: How many curves to draw.

    Returns:
        The curve.

    Source:
        Rubin (1981), Ann. Stat. 9:130; Gu, Ghosal and Roy (2008), Stat. Med. 27:5407, for curves.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> draw_curve([0, 1] * 20, rng.random(40), rng, draws=9).noise.shape
        (9, 60)
    """
    w = None if weights is None else np.asarray(weights, dtype=np.float64)
    held = distinct_scores(y_true, y_score, w)
    squares = held if w is None else distinct_scores(y_true, y_score, w**2)
    return stray(held, squares, rng, draws)


def stray(
    held: Histogram, squares: Histogram, rng: np.random.Generator, draws: int = DRAWS
) -> Curve:
    """Draw the noise of a curve that is given by bins; see `draw_curve`.

    Args:
        held: The scores, or their weights.
        squares: The same bins with the squares of the weights; where rows have none, `held` again.
        rng: Draws.
        draws: How many curves to draw.

    Returns:
        The curve.

    Example:
        >>> held = distinct_scores([0, 1] * 20, np.arange(40))
        >>> stray(held, held, np.random.default_rng(0), draws=9).noise.shape
        (9, 60)
    """
    kept = thinned(*roc(held), STEPS + 1)
    lost, won = _steps(held.negatives, kept), _steps(held.positives, kept)
    fpr = _risen(_drawn(rng, lost, _steps(squares.negatives, kept), won, draws))
    tpr = _risen(_drawn(rng, won, _steps(squares.positives, kept), lost, draws))
    at = (np.arange(RATES) + 0.5) / RATES
    apart = 2.0 * np.arange(draws)[:, None]  # each draw on a stretch of its own
    drawn = np.interp(at + apart, (fpr + apart).ravel(), tpr.ravel())
    found = np.interp(at, *(_risen(step[None, :])[0] for step in (lost, won)))
    return Curve(held, drawn - found)


def between(first: Curve, second: Curve, level: float = 0.95) -> Estimate:
    """Absolute area between two ROC curves, with an interval that can hold 0.

    An area of absolute differences is never 0 in a sample, so neither is a draw of it, and a
    percentile interval of draws never holds "no difference". But the area found differs from the
    true one by no more than the area that noise makes, the mean of |noise of a - noise of b|. The
    interval is the area found, less and plus the quantile of that; it starts at 0 exactly where
    noise alone makes areas so large.

    Simulated with normal scores whose areas under the curve are 0.5, 0.76, 0.92 and 0.99; 10, 20,
    50 and 500 positive against 100, 20, 50, 2,000 and 4,000 negative rows, held against a group of
    200 to 2,000 positive ones; 100 to 400 draws each. With equal curves the 95 % interval held 0 in
    94 to 100 % (10 negative rows and a model that ranks by chance: 93 %), with curves 0.003 to 0.21
    apart it held the true area in 93 to 100 %. It errs less often than it may where the model ranks
    well, as the triangle inequality, and the rows thought to be ranked by chance, give much away.

    Args:
        first: One group.
        second: Another group, as many draws.
        level: Two-sided level, in (0, 1).

    Returns:
        The area, in [0, 1]; without an interval where each group has the same score for everyone.
        Where the curves are of bins, the interval is wider by what they hide at most.

    Source:
        The triangle inequality; Gardner, Brooks and Baker (2019), LAK '19: 225, for the area.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> a, b = (draw_curve([0, 1] * 50, rng.random(100), rng) for _ in range(2))
        >>> found = between(a, b)
        >>> round(found.value, 2), found.interval.low
        (0.08, 0.0)
    """
    found = abroca(first.held, second.held)
    value = found.value
    strays = np.abs(first.noise - second.noise).mean(axis=1)
    arm = float(np.quantile(strays, level, method="higher"))
    if arm == 0:
        return Estimate(value, None, NO_NOISE)
    wide = arm + found.bound
    low, high = max(0.0, value - wide), min(1.0, value + wide)
    method = f"Bayesian bootstrap of both curves, {len(strays):,} draws; triangle inequality"
    method += FOR_BINS if found.bound else ""
    return Estimate(value, Interval(low, high, level, method))


def against_largest(
    curves: Sequence[Curve], sizes: IntArray, level: float = 0.95
) -> tuple[int, tuple[Between, ...]]:
    """Hold every group against the largest one.

    Args:
        curves: The k groups, at least 2.
        sizes: Shape (k,): rows of each group.
        level: Level that all intervals hold together, in (0, 1).

    Returns:
        Index of the largest group, and the others, the widest area first.
    """
    largest = int(np.argmax(sizes))
    each = gaps.shared_level(level, len(curves) - 1)
    hidden = [auc(curve.held).bound for curve in curves]
    found = [
        Between(i, between(curve, curves[largest], each), hidden[i] + hidden[largest])
        for i, curve in enumerate(curves)
        if i != largest
    ]
    return largest, tuple(sorted(found, key=lambda one: -(one.area.value or 0.0)))


def widest(found: Sequence[Between], level: float = 0.95) -> Estimate:
    """The largest of several areas, with an interval for it.

    Args:
        found: What `against_largest` gave; at least one.
        level: Level that their intervals hold together.

    Returns:
        The largest area with the largest of each bound; without an interval where none has one.
    """
    held = [one.area.interval for one in found if one.area.interval is not None]
    if not held:
        return found[0].area
    low, high = max(one.low for one in held), max(one.high for one in held)
    many = f", Bonferroni over {len(found)} groups" if len(found) > 1 else ""
    return Estimate(found[0].area.value, Interval(low, high, level, f"{held[0].method}{many}"))


def _steps(held: FloatArray, kept: IntArray) -> FloatArray:
    """Add up what lies between the points of a curve that are kept, from high scores to low."""
    return np.asarray(np.add.reduceat(held[::-1], kept[:-1]))


def _drawn(
    rng: np.random.Generator, total: FloatArray, squares: FloatArray, other: FloatArray, draws: int
) -> FloatArray:
    """Draw the weight of one outcome in each step, shape (draws, steps)."""
    rows = np.divide(total**2, squares, out=np.zeros_like(total), where=total > 0)
    each = np.divide(squares, total, out=np.zeros_like(total), where=total > 0)
    n = float(rows.sum())
    wider = max(n - 3, 1.0) / (n + 1)
    drawn = rng.standard_gamma(wider * rows, size=(draws, total.size)) * each
    where = np.searchsorted(np.cumsum(other) / other.sum(), rng.random(draws), side="right")
    chance = rng.standard_gamma(wider, size=draws) * squares.sum() / total.sum()
    drawn[np.arange(draws), np.minimum(where, total.size - 1)] += chance
    return np.asarray(drawn)


def _risen(held: FloatArray) -> FloatArray:
    total = np.cumsum(held, axis=1)
    return np.concatenate([np.zeros((len(held), 1)), total / total[:, -1:]], axis=1)
