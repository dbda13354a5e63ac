"""Counts that were protected before they were sent, and what a share of them is still worth.

A small count is withheld, or every count gets noise. Both leave an error beside that of sampling:
noise has a known variance, and a withheld count lies between known bounds. Intervals of a share
have to hold all of it. They are made of effective counts, as those of weighted rows are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import FloatArray

#: Why a share of protected counts is not shown.
TOO_UNCERTAIN = "the counts are protected, and too uncertain here to tell the share"
#: Why there is no number that takes rows to be drawn anew, or dealt out to the groups again.
NO_REPLICATES = "the counts are protected, and their rows cannot be drawn again"
#: Why no group is held against all groups together.
NO_PARTS = "the counts are protected, and how large a part of all rows a group is remains open"
#: Quantile at which the effective counts are matched: that of 95 %.
_Z = 1.96
#: Successes, and failures, that a share is worth where its bound could be 0, or 1. Exact limits
#: of one success start at 2.5 % of the share, near enough to 0.
_FLOOR = 1.0
#: The bounds of two shares may point apart: then (x + y)**2 is at most twice x**2 + y**2.
_TWO_SHARES = 2.0


def protected_counts(
    counts: tuple[FloatArray, FloatArray],
    rows: FloatArray,
    variances: tuple[FloatArray, FloatArray],
    bounds: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """Successes and rows that a share of protected counts is worth, for exact limits.

    The share p is first given Fieller's interval: all p for which the protected successes a and
    failures b, a + b = t, lie within z standard deviations of (1 - p) a = p b. That variance is
    p(1 - p)t**2/rows from sampling, (1 - p)**2 v_a + p**2 v_b from noise, and
    2((1 - p) d_a + p d_b)**2 for withheld counts that may be off by up to d_a and d_b: a bias r is
    covered by adding its square to the variance, whatever its size, for levels of 92 % and more
    (P(|Z + r| <= z sqrt(1 + r**2)) is at least P(|Z| <= z) for z from sqrt 3), and the factor 2
    lets the biases of two shares add up in a gap. The rows are then as many as give a Wilson
    interval no narrower than that on either side, but so that the share is worth at least one
    success and one failure where it touches 0 or 1; and never more than `rows`. To be used with
    Clopper-Pearson limits: Wilson's are too short for so few successes.

    Simulated coverage of 95 % limits, 20,000 draws each:

    Noise: shares of 2, 10, 30 and 50 % in groups of 20, 50, 200 and 2,000, of 2 or 12 noisy cells
    a side. At epsilon 1: 95 to 100 %. At epsilon 0.1: 95 to 99 % in 200 and 2,000 rows; groups of
    20 and 50 are not estimable in half to nearly all of the draws, and where they are, because
    noise has made them look large, the limits cover in 73 to 98 % (98 to 100 % of all draws give
    limits that cover, or none).

    Counts under 10 withheld: 1 to 40 withheld cells beside 2 to 40 larger ones, all of them
    nearly empty, all nearly full, or mixed; the true share is covered in 95 to 100 % of the draws,
    and the difference of two groups in 99 to 100 %, also where every withheld cell of one group is
    nearly full and every one of the other nearly empty. A share that is exactly 0 among the people
    counted, all successes being withheld, may lie under the lower limit, by less than 0.3 %.

    Args:
        counts: Successes and failures, each of shape (...), none negative.
        rows: Shape (...): rows that they were worth before protection.
        variances: Variance of the noise in either.
        bounds: Most that withheld counts can move either.

    Returns:
        Effective successes and effective rows, each of shape (...); both 0 where the protection
        leaves every share possible. Their quotient is the share.

    Source:
        Fieller (1954), J. R. Stat. Soc. B 16:175, with a score variance; Wilson (1927).

    Example:
        >>> counts, none = (np.array(30.0), np.array(70.0)), (np.array(0.0), np.array(0.0))
        >>> def worth(variance):
        ...     noise = (np.array(variance), np.array(variance))
        ...     found = protected_counts(counts, np.array(100.0), noise, none)
        ...     return [round(float(count), 6) for count in found]
        >>> worth(0.0), worth(20.0)
        ([30.0, 100.0], [15.95572, 53.185732])
    """
    a, b = counts
    total = a + b
    with np.errstate(divide="ignore", invalid="ignore"):
        share = a / total
        low, high, open_ended = _fieller(a, total, rows, variances, bounds)
        z2 = _Z**2
        above = np.maximum(z2 * high * (1 - high) / (high - share) ** 2, _FLOOR / (1 - share))
        below = np.maximum(z2 * low * (1 - low) / (share - low) ** 2, _FLOOR / share)
        worth = np.fmin(np.where(share < 1, above, np.inf), np.where(share > 0, below, np.inf))
    unsure = open_ended | ((low <= 0) & (high >= 1)) | ~(total > 0)
    worth = np.where(unsure, 0.0, np.fmin(worth, rows))
    return np.where(unsure, 0.0, np.minimum(share * worth, worth))[()], worth[()]


def _fieller(
    a: FloatArray,
    total: FloatArray,
    rows: FloatArray,
    variances: tuple[FloatArray, FloatArray],
    bounds: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Both ends in [0, 1], and where there are none."""
    z2 = _Z**2
    (noise_a, noise_b), (off_a, off_b) = variances, bounds
    of_a, of_b = noise_a + _TWO_SHARES * off_a**2, noise_b + _TWO_SHARES * off_b**2
    sampling = total**2 / rows + 2 * _TWO_SHARES * off_a * off_b  # both go with p(1 - p)
    square = total**2 + z2 * (sampling - of_a - of_b)
    linear = a * total + z2 * (sampling / 2 - of_a)
    root = np.sqrt(np.maximum(linear**2 - square * (a**2 - z2 * of_a), 0.0))
    low, high = ((linear + sign * root) / square for sign in (-1, 1))
    return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0), ~(square > 0)
