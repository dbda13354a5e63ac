"""What Shapley values say about all rows: importance, reliance, stability, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods import means
from auditkit.methods.estimates import Estimate, as_interval
from auditkit.methods.intervals import bounded_mean, wilson
from auditkit.methods.shapley import Attribution
from auditkit.methods.shapley_game import Floats
from auditkit.methods.shapley_noise import (
    METHOD,
    ROUNDING,
    block_mean,
    cautious,
    done,
    over_both,
    own_sizes,
    sizes_without_each,
)

#: Random splits of the background into halves that the agreement of reasons is averaged over.
_SPLITS = 25
#: Why there is no interval where nothing was seen and numbers have no bounds.
NO_BOUND = "no explained row shows any, and numbers have no bound to say what rows can have hidden"


def importance(found: Attribution, level: float = 0.95, bound: float = 1.0) -> list[Estimate]:
    """Estimate the mean absolute value of each player, its global importance.

    Noise makes a mean of absolute values too large, never too small. The lower side of the
    interval therefore starts from a mean that noise makes too small: each block of the background
    takes the sign that the other blocks give it.

    Args:
        found: Shapley values.
        level: Two-sided confidence level, in (0, 1).
        bound: Greatest absolute value that is possible: 1 for a probability, infinite for numbers
            without bounds.

    Returns:
        One estimate a player; of several classes by half the sum over them (see `sizes`). A player
        whose values are all rounding gets 0 and the Wilson bound of "no row in m", or no interval
        where there is no bound.

    Source:
        Jackknife: Efron and Stein (1981), Ann. Stat. 9:586; t as by Welch and Satterthwaite.

    Example:
        >>> from auditkit.methods.shapley import shapley
        >>> rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        >>> found = shapley(lambda z: z[:, 0] / 2, rows, rows, [np.array([0]), np.array([1])],
        ...                 rng=np.random.default_rng(0))
        >>> [estimate.value for estimate in importance(found)]
        [0.25, 0.0]
    """
    size = own_sizes(found)
    m, k = len(size), found.block_values.shape[1]
    if m == 0:
        return [Estimate.undefined("no row was explained")] * size.shape[1]
    means = size.mean(axis=0)
    if m < 2 or k < 2:
        return [_whole_range(float(mean), m, level, bound) for mean in means]
    starts = np.minimum(cautious(found).mean(axis=0), means)
    arms = over_both(size, sizes_without_each(found).mean(axis=0)).arm(level)
    method = f"{METHOD.format(blocks=k)}; low side allows for noise in signs"
    found_means = []
    for own, mean, start, arm in zip(size.T, means, starts, arms, strict=True):
        if own.max() <= ROUNDING:
            found_means.append(never_seen(own, level, bound))
        elif arm == 0:
            found_means.append(mean_within_bound(own, level, bound))
        else:
            low, high = max(0.0, float(start - arm)), min(bound, float(mean + arm))
            found_means.append(Estimate(float(mean), Interval(low, high, level, method)))
    return found_means


def share(
    found: Attribution, players: Sequence[int], level: float = 0.95, bound: float = 1.0
) -> Estimate:
    """Estimate the share that some players have in the importance of all.

    Args:
        found: Shapley values.
        players: Indices of the players.
        level: Two-sided confidence level, in (0, 1).
        bound: As in `importance`.

    Returns:
        The share; undefined where no player moved the output of any row. No interval where only
            these, or none of these, moved any and there is no bound.

    Source:
        Delta method over rows, jackknife over blocks; bounds as in `importance`.

    Example:
        >>> from auditkit.methods.shapley import shapley
        >>> rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        >>> found = shapley(lambda z: z @ [0.6, 0.2], rows, rows, [np.array([0]), np.array([1])],
        ...                 rng=np.random.default_rng(0))
        >>> round(share(found, [0]).value, 6)
        0.75
    """
    size = own_sizes(found)
    own = list(players)
    total, part = size.sum(axis=1), size[:, own].sum(axis=1)
    m, k = len(size), found.block_values.shape[1]
    if m == 0 or total.max() <= ROUNDING:
        return Estimate.undefined("no feature moved the score of any explained row")
    value = min(1.0, float(part.mean() / total.mean()))
    if m < 2 or k < 2:
        return _whole_range(value, m, level, 1.0)
    low, high = _share_bounds(found, players)
    if min(part.max(), (total - part).max()) <= ROUNDING:
        if not np.isfinite(bound):
            return Estimate(value, None, NO_BOUND)
        # One side has nothing in any row; what it might have is what m rows can have hidden.
        hidden = bound * float(wilson(0, m, level)[1])
        arm, method = hidden / (hidden + float(total.mean())), "Wilson bound of what no row showed"
    else:
        left_out = sizes_without_each(found).mean(axis=0)
        residual = (part - value * total) / total.mean()
        noise = over_both(residual, left_out[:, own].sum(axis=1) / left_out.sum(axis=1))
        arm = max(float(noise.arm(level)), ROUNDING)
        method = f"{METHOD.format(blocks=k)}; both sides allow for noise in signs"
    interval = Interval(max(0.0, low - arm), min(1.0, high + arm), level, method)
    return Estimate(value, interval)


def top_agreement(
    found: Attribution, top: int, rng: np.random.Generator, level: float = 0.95
) -> Estimate:
    """Estimate how often two backgrounds give a row the same strongest reasons.

    The blocks of the background are dealt into two disjoint halves, at random and repeatedly.
    Reasons agree where both halves name the same `top` players, each with the same sign.

    Args:
        found: Shapley values.
        top: Players that count as reasons.
        rng: The splits are drawn from it.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The share of rows that agree, mean over splits; undefined where there is nothing to split
        or every player is a reason.

    Source:
        Feature and sign agreement of Krishna et al. (2022), arXiv 2202.01602, between backgrounds.

    Example:
        >>> from auditkit.methods.shapley import shapley
        >>> rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        >>> found = shapley(lambda z: z @ [0.6, 0.2], rows, rows, [np.array([0]), np.array([1])],
        ...                 rng=np.random.default_rng(0))
        >>> top_agreement(found, 2, np.random.default_rng(0)).reason
        '2 features and 4 rows leave no choice of 2 reasons'
    """
    blocks = found.block_values[: found.reached]
    m, k, g = blocks.shape
    if k < 2:
        return Estimate.undefined("the background has fewer than two rows, so it has no halves")
    if not 0 < top < g or m == 0:
        return Estimate.undefined(f"{g} features and {m} rows leave no choice of {top} reasons")
    shares = np.empty(_SPLITS)
    for split in range(_SPLITS):
        order = rng.permutation(k)
        halves = (order[: k // 2], order[k // 2 : 2 * (k // 2)])
        one, other = (top_signs(block_mean(found, half), top) for half in halves)
        shares[split] = (one == other).all(axis=1).mean()
    value = float(shares.mean())
    # Rows share their background; the spread over splits shows what that does to their number.
    spread = value * (1 - value) / m
    variance = spread + float(shares.var(ddof=1))
    effective = m * spread / variance if variance > 0 else float(m)
    bounds = wilson(value * effective, effective, level)
    method = f"Wilson, for {effective:.0f} effective rows over {_SPLITS} splits"
    return Estimate(value, as_interval(bounds, level, method))


def typical_error(found: Attribution, level: float = 0.95, bound: float = 1.0) -> Estimate:
    """Estimate the mean standard error of the largest value of a row.

    Args:
        found: Shapley values.
        level: Two-sided confidence level, in (0, 1).
        bound: As in `importance`.

    Returns:
        The mean over rows, its interval for this background; undefined for a single background
        row.

    Source:
        Student's t over rows, see `bounded_mean`.

    Example:
        >>> from auditkit.methods.shapley import shapley
        >>> rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        >>> found = shapley(lambda z: z[:, 0] / 2, rows, rows, [np.array([0]), np.array([1])],
        ...                 rng=np.random.default_rng(0))
        >>> round(typical_error(found).value, 4)  # sd 0.2887 of four values by the root of 4
        0.1443
    """
    size, errors = np.abs(done(found)), found.standard_errors[: found.reached]
    if not np.isfinite(errors).all() or errors.size == 0:
        return Estimate.undefined("a background of one row, or no row, has no standard error")
    largest = np.take_along_axis(errors, size.argmax(axis=1)[:, None], axis=1)[:, 0]
    return mean_within_bound(largest, level, bound)


def mean_within_bound(values: Floats, level: float, bound: float) -> Estimate:
    """Mean of values from 0 to a bound, which may be infinite; see `means.mean`."""
    if np.isfinite(bound):
        return bounded_mean(values, level, high=bound)
    return means.mean(values, level, 0.0)


def _share_bounds(found: Attribution, players: Sequence[int]) -> tuple[float, float]:
    """A share from below and above: noise raises plain sizes and lowers cautious ones."""
    own = list(players)
    plain = own_sizes(found).mean(axis=0)
    lowered = np.clip(cautious(found).mean(axis=0), 0.0, plain)
    low, high = plain.copy(), lowered.copy()
    low[own], high[own] = lowered[own], plain[own]
    most = float(high[own].sum() / high.sum()) if high.sum() > 0 else 1.0
    return float(low[own].sum() / low.sum()) if low.sum() > 0 else 0.0, most


def top_signs(values: Floats, top: int) -> npt.NDArray[np.int8]:
    """Signs of the largest values of each row, 0 elsewhere and for rounding: shape (m, g).

    Example:
        >>> top_signs(np.array([[0.1, -0.3, 0.2]]), 2).tolist()
        [[0, -1, 1]]
    """
    signs = np.sign(np.where(np.abs(values) > ROUNDING, values, 0.0)).astype(np.int8)
    order = np.argsort(-np.abs(values) * np.abs(signs), axis=1, kind="stable")
    np.put_along_axis(signs, order[:, top:], 0, axis=1)
    return signs


def _whole_range(value: float, rows: int, level: float, bound: float) -> Estimate:
    """A number of which nothing is known, because one of the samples has no spread."""
    few = "one explained row only" if rows < 2 else "one background row only"
    if not np.isfinite(bound):
        return Estimate(value, None, f"{few}, so there is no spread to make an interval of")
    return Estimate(value, Interval(0.0, bound, level, f"the whole range: {few}"))


def never_seen(own: Floats, level: float, bound: float) -> Estimate:
    """A mean of nothing but rounding: what m rows can have hidden."""
    if not np.isfinite(bound):
        return Estimate(0.0, None, NO_BOUND)
    method = f"Wilson bound of no contribution in any of {len(own)} rows"
    high = bound * float(wilson(0, len(own), level)[1])
    return Estimate(0.0, Interval(0.0, high, level, method))
