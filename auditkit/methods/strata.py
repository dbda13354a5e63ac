"""Two proportions held against each other within strata, as one common difference.

Strata are rows that are alike in a control feature. The differences within them are averaged by
Mantel and Haenszel's weights, so that a stratum with few rows of either group counts little. The
interval is Miettinen and Nurminen's, which is never of zero width and holds 0 exactly where the
Cochran-Mantel-Haenszel test does not reject: number, interval and test cannot disagree.

Every function takes the counts of two groups, of shape (..., strata), which may be effective ones
of weighted rows. A stratum that lacks a group compares nothing and is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.methods.estimates import Bounds, FloatArray
from auditkit.methods.intervals import normal_quantile

#: Successes, beyond what the margins force, that the normal approximation of the test needs.
MANTEL_FLEISS = 5.0
#: Rows of each group that a stratum needs in the test that all differences are the same.
FEWEST_OF_A_STRATUM = 10


@dataclass(frozen=True)
class Strata:
    """Counts of two groups within strata; made by `pair_up`.

    Attributes:
        won: Shape (2, ..., strata): successes of the first group and of the second.
        rows: Shape (2, ..., strata): rows of each; both 0 in a stratum that lacks a group.
        weights: Shape (..., strata): what a stratum counts for; they add up to 1, or are all 0
            where no stratum has both groups.
    """

    won: FloatArray
    rows: FloatArray
    weights: FloatArray

    @property
    def comparable(self) -> npt.NDArray[np.bool_]:
        """Whether a stratum has both groups, shape (..., strata)."""
        return np.asarray(self.rows[0] > 0)

    @property
    def rates(self) -> FloatArray:
        """Rates of both groups, shape (2, ..., strata); 0 in a stratum that lacks a group."""
        return np.divide(self.won, self.rows, out=np.zeros_like(self.won), where=self.comparable)

    @property
    def flat(self) -> Strata:
        """The same, with all axes before that of the strata made one."""
        strata = self.weights.shape[-1]
        won, rows = (counts.reshape(2, -1, strata) for counts in (self.won, self.rows))
        return Strata(won, rows, self.weights.reshape(-1, strata))

    def take(self, places: npt.NDArray[np.int64]) -> Strata:
        """Some of several pairs, by index."""
        return Strata(self.won[:, places], self.rows[:, places], self.weights[places])

    @property
    def differences(self) -> FloatArray:
        """Rate of the first group minus rate of the second, shape (..., strata)."""
        first, second = self.rates
        return np.asarray(first - second)

    @property
    def difference(self) -> FloatArray:
        """The common difference, shape (...)."""
        return np.asarray((self.weights * self.differences).sum(axis=-1))


def pair_up(
    first: npt.ArrayLike,
    first_rows: npt.ArrayLike,
    second: npt.ArrayLike,
    second_rows: npt.ArrayLike,
    sizes: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> Strata:
    """Hold two groups against each other within strata.

    Args:
        first: Shape (..., strata): successes of the first group; unit: rows.
        first_rows: Shape (..., strata): its rows.
        second: Shape (..., strata): successes of the second group; unit: rows.
        second_rows: Shape (..., strata): its rows.
        sizes: Sums of the weights of both, shaped alike, where the counts are effective ones; they
            say what a stratum counts for. None takes the rows.

    Returns:
        The counts, with the weights of Mantel and Haenszel.

    Source:
        Mantel and Haenszel (1959), J. Natl. Cancer Inst. 22:719; Cochran (1954), Biometrics
        10:417, for the weights of a difference.

    Example:
        >>> round(float(pair_up([8, 1], [10, 10], [20, 4], [40, 40]).difference), 3)
        0.15
    """
    won = np.asarray([first, second], dtype=np.float64)
    rows = np.asarray([first_rows, second_rows], dtype=np.float64)
    mass = rows if sizes is None else np.asarray(sizes, dtype=np.float64)
    both = (rows > 0).all(axis=0)
    won, rows, mass = (np.where(both, counts, 0.0) for counts in (won, rows, mass))
    total = mass.sum(axis=0)
    weights = np.divide(mass.prod(axis=0), total, out=np.zeros_like(total), where=both)
    whole = weights.sum(axis=-1, keepdims=True)
    weights = np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0)
    return Strata(won, rows, weights)


def score_bounds(strata: Strata, level: float = 0.95) -> Bounds:
    """Score interval of the common difference.

    All differences that the score test does not reject, whose variance is that of the most likely
    rates with this difference in every stratum.

    Args:
        strata: The counts.
        level: Two-sided level, in (0, 1).

    Returns:
        Lower and upper bounds, each of shape (...), in [-1, 1].

    Source:
        Miettinen and Nurminen (1985), Stat. Med. 4:213, with Mantel and Haenszel's weights.

    Example:
        >>> low, high = score_bounds(pair_up([56], [70], [48], [80]))
        >>> round(float(low), 4), round(float(high), 4)
        (0.0528, 0.3382)
    """
    centre = strata.difference
    arms = [
        _arm(strata.flat, centre.ravel(), sign, level).reshape(centre.shape) for sign in (-1, 1)
    ]
    return np.maximum(centre - arms[0], -1.0), np.minimum(centre + arms[1], 1.0)


def common_test(strata: Strata) -> FloatArray:
    """Cochran-Mantel-Haenszel test that no stratum has a difference, without correction.

    Args:
        strata: The counts.

    Returns:
        Two-sided p-values, shape (...); 1 where nothing can vary.

    Source:
        Mantel and Haenszel (1959), J. Natl. Cancer Inst. 22:719.

    Example:
        >>> round(float(common_test(pair_up([8, 1], [10, 10], [20, 4], [40, 40]))), 3)
        0.148
    """
    spread = np.sqrt(_variance(strata, np.zeros_like(strata.difference)))
    z = np.divide(strata.difference, spread, out=np.zeros_like(spread), where=spread > 0)
    return np.asarray(2 * special.ndtr(-np.abs(z)))


def same_everywhere(strata: Strata, fewest: int = FEWEST_OF_A_STRATUM) -> FloatArray:
    """Score test that all strata have the same difference.

    Args:
        strata: The counts.
        fewest: Rows of each group that a stratum needs to be tested.

    Returns:
        p-values, shape (...); NaN where fewer than 2 strata can be tested.

    Source:
        Gart and Nam (1990), Biometrics 46:637, at the common difference of Mantel and Haenszel.

    Example:
        >>> float(same_everywhere(pair_up([40, 10], [50, 50], [10, 40], [50, 50]))) < 0.001
        True
    """
    common = strata.difference[..., None]
    spread = _variances(strata, common)
    tested = (strata.rows >= fewest).all(axis=0) & (spread > 0)
    far = (strata.differences - common) ** 2
    squares = np.divide(far, spread, out=np.zeros_like(spread), where=tested).sum(axis=-1)
    freedom = tested.sum(axis=-1) - 1
    p = special.chdtrc(np.maximum(freedom, 1), squares)
    return np.asarray(np.where(freedom >= 1, p, np.nan))


def enough(strata: Strata) -> npt.NDArray[np.bool_]:
    """Whether there is enough for the normal approximation of test and interval.

    Given the margins, the successes of the first group can be no fewer and no more than a lowest
    and a highest number; their expectation must be `MANTEL_FLEISS` away from both.

    Args:
        strata: The counts.

    Returns:
        Shape (...).

    Source:
        Mantel and Fleiss (1980), Am. J. Epidemiol. 112:129.

    Example:
        >>> [bool(enough(pair_up([x], [20], [x], [20]))) for x in (4, 10)]
        [False, True]
    """
    first, second = strata.rows
    successes, rows = strata.won.sum(axis=0), first + second
    expected = np.divide(first * successes, rows, out=np.zeros_like(rows), where=rows > 0)
    lowest, highest = np.maximum(0.0, successes - second), np.minimum(first, successes)
    below, above = (expected - lowest).sum(axis=-1), (highest - expected).sum(axis=-1)
    return np.asarray(np.minimum(below, above) >= MANTEL_FLEISS)


def explained_bounds(
    strata: Strata,
    pooled: npt.ArrayLike,
    pooled_rows: npt.ArrayLike,
    shares: npt.ArrayLike,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """Interval of the share of a pooled difference that the strata account for.

    The share is 1 less the common difference over the pooled one. Both come of the same rows, so
    their covariance enters. How rows are spread over the strata is taken as given.

    Args:
        strata: The counts of two groups, shape (2, strata).
        pooled: Shape (2,): rate of each group over all its rows.
        pooled_rows: Shape (2,): rows of each, or effective rows.
        shares: Shape (2, strata): how the rows of each are spread over the strata.
        level: Two-sided level, in (0, 1).

    Returns:
        Lower and upper bound, or None where the pooled difference may be 0 at this level: then
        no share of it is bounded.

    Source:
        Fieller (1954), J. R. Stat. Soc. B 16:175.

    Example:
        >>> strata = pair_up([60, 10], [100, 50], [30, 20], [50, 100])
        >>> shares = [[2 / 3, 1 / 3], [1 / 3, 2 / 3]]
        >>> low, high = explained_bounds(strata, [70 / 150, 50 / 150], [150, 150], shares)
        >>> low < 1 < high
        True
    """
    rates, sizes = np.asarray(pooled, dtype=np.float64), np.asarray(pooled_rows, dtype=np.float64)
    whole, common = float(rates[0] - rates[1]), float(strata.difference)
    each = strata.rates * (1 - strata.rates) / np.where(strata.comparable, strata.rows, 1.0)
    of_common = float((strata.weights**2 * each).sum())
    of_both = float((strata.weights * np.asarray(shares) * each).sum())
    of_whole = float((rates * (1 - rates) / sizes).sum())
    z2 = normal_quantile(level) ** 2
    a, b, c = whole**2 - z2 * of_whole, whole * common - z2 * of_both, common**2 - z2 * of_common
    if a <= 0 or b * b <= a * c:
        return None
    root = float(np.sqrt(b * b - a * c))
    return 1 - (b + root) / a, 1 - (b - root) / a


def _arm(strata: Strata, centre: FloatArray, sign: int, level: float) -> FloatArray:
    """How far the score interval reaches to one side of the common difference, shape (m,)."""
    from scipy.optimize import elementwise  # a quarter second, which other audits need not wait

    z, longest = normal_quantile(level), 1 - sign * centre

    def beyond(arm: FloatArray, place: npt.NDArray[np.int64]) -> FloatArray:
        delta = np.clip(centre[place] + sign * arm, -1.0, 1.0)
        return np.asarray(arm - z * np.sqrt(_variance(strata.take(place), delta)))

    # Where nothing varies at the difference itself, an arm of 0 would be a root, and a wrong one.
    places = np.arange(centre.size)
    found = elementwise.find_root(beyond, (1e-9 * longest, longest), args=(places,))
    return np.where(found.success, found.x, longest)


def _variance(strata: Strata, delta: FloatArray) -> FloatArray:
    """Variance of the common difference if every stratum had the difference `delta`."""
    each = _variances(strata, np.asarray(delta)[..., None])
    return np.asarray((strata.weights**2 * each).sum(axis=-1))


def _variances(strata: Strata, delta: FloatArray) -> FloatArray:
    """Variance of the difference of each stratum if it were `delta`, 0 where a group is absent."""
    first, second = (np.where(strata.comparable, rows, 1.0) for rows in strata.rows)
    base = _likeliest(strata.won, first, second, delta)
    other = np.clip(base + delta, 0.0, 1.0)
    total = first + second
    spread = other * (1 - other) / first + base * (1 - base) / second
    return np.where(strata.comparable, spread * total / np.maximum(total - 1, 1.0), 0.0)


def _likeliest(
    won: FloatArray, first: FloatArray, second: FloatArray, delta: FloatArray
) -> FloatArray:
    """The most likely rate of the second group where that of the first is `delta` above it.

    The root of the likelihood's cubic that is a rate, in the closed form of the paper.
    """
    total, successes = first + second, won.sum(axis=0)
    l2 = ((first + 2 * second) * delta - total - successes) / (3 * total)
    l1 = ((second * delta - total - 2 * won[1]) * delta + successes) / (3 * total)
    l0 = won[1] * delta * (1 - delta) / total
    q = l2**3 - 1.5 * l1 * l2 + l0 / 2
    p = np.where(q < 0, -1.0, 1.0) * np.sqrt(np.maximum(l2**2 - l1, 0.0))
    turn = np.divide(q, p**3, out=np.ones_like(q), where=p != 0)
    angle = (np.pi + np.arccos(np.clip(turn, -1.0, 1.0))) / 3
    root = 2 * p * np.cos(angle) - l2
    return np.asarray(np.clip(root, np.maximum(0.0, -delta), np.minimum(1.0, 1 - delta)))
