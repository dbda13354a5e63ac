"""How the answers of a model change along one feature: a curve, and how far chance can move it.

Accumulated local effects change a number only as far as the next number of a grid, so that no row
is asked about far from where it lies. Partial dependence puts every value into every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods.estimates import Bounds, Estimate, FloatArray, IntArray

#: Draws that the simultaneous quantiles are simulated with.
DRAWS = 4_000
#: A spread below this part of the largest value is rounding.
ROUNDING = 1e-6
#: Why a number of a curve has no interval, or no value.
NO_SPREAD = "every row answers alike, so there is no spread to make an interval of"
FLAT = "the answers do not change with it, so there is no direction"
ONE_WAY = "no interval: within the bounds of every step it goes one way only"


@dataclass(frozen=True, eq=False)
class Curve:
    """Mean effect at each of g points, around 0.

    Attributes:
        values: Shape (g,): the effects; their mean over the rows is 0.
        covariance: Shape (g, g): how the effects vary and go together from sample to sample.
        fewest: Rows behind the least sure part; unit: rows.
    """

    values: FloatArray
    covariance: FloatArray
    fewest: int

    def band(self, rng: np.random.Generator, level: float = 0.95) -> Bounds:
        """Bounds of every point that hold together; equal where nothing varies.

        Args:
            rng: Simulates the quantile.
            level: Two-sided level that all points hold together, in (0, 1).

        Returns:
            Lower and upper bounds, each of shape (g,).
        """
        arms = self._arms(np.eye(self.values.size), rng, level)
        return self.values - arms, self.values + arms

    def reach(self, rng: np.random.Generator, level: float = 0.95) -> Estimate:
        """Highest minus lowest effect.

        The interval is made of those of all differences between two points, which hold together:
        the largest of several differences would seem too large otherwise. It holds 0 where no two
        points are told apart.

        Args:
            rng: Simulates the quantile.
            level: Two-sided confidence level, in (0, 1).

        Returns:
            The range; without an interval where nothing varies.

        Source:
            Student's t with a quantile simulated from the covariance of the points; Hothorn, Bretz
            and Westfall (2008), Biom. J. 50:346, for simultaneous inference of this kind.
        """
        value = float(np.ptp(self.values))
        pairs = self._pairs
        apart = pairs @ self.values
        arms = self._arms(pairs, rng, level)
        low, high = float((np.abs(apart) - arms).max()), float((np.abs(apart) + arms).max())
        method = f"Student's t, all {len(pairs):,} differences together"
        return _with_interval(value, (max(0.0, low), high), level, method)

    def against(self, rng: np.random.Generator, level: float = 0.95) -> Estimate:
        """Share of all movement along the curve that goes against its direction.

        0 where it only rises or only falls, 1/2 where it comes back to where it started. The
        interval is what is possible within bounds of all steps, which hold together.

        Args:
            rng: Simulates the quantile.
            level: Two-sided confidence level, in (0, 1).

        Returns:
            The share; undefined where nothing moves, without an interval where nothing varies.
        """
        steps = np.diff(np.eye(self.values.size), axis=0)
        rise = steps @ self.values
        arms = self._arms(steps, rng, level)
        if float(np.abs(rise).sum()) <= ROUNDING * self._size:
            return Estimate.undefined(FLAT)
        value = _smaller_part(_rising(rise))
        low, high = _rising(rise - arms), _rising(rise + arms)
        parts = _smaller_part(low), _smaller_part(high)
        bounds = min(parts), 0.5 if low <= 0.5 <= high else max(parts)
        if max(parts) == 0:
            return Estimate(0.0, None, ONE_WAY if arms.any() else NO_SPREAD)
        return _with_interval(value, bounds, level, f"all {len(steps):,} steps together")

    @cached_property
    def _pairs(self) -> FloatArray:
        first, second = np.triu_indices(self.values.size, 1)
        eye = np.eye(self.values.size)
        return np.asarray(eye[second] - eye[first])

    @property
    def _size(self) -> float:
        return float(np.abs(self.values).max(initial=0.0))

    def _arms(self, of: FloatArray, rng: np.random.Generator, level: float) -> FloatArray:
        """Half widths of linear combinations of the points, shape (m, g), that hold together."""
        deviation = np.sqrt(np.maximum(np.einsum("mi,ij,mj->m", of, self.covariance, of), 0.0))
        varies = deviation > ROUNDING * self._size
        if not varies.any():
            return np.zeros(len(of))
        # Drawn from a root of the covariance, so that points that never vary alone are no trouble.
        scale, turned = np.linalg.eigh(self.covariance)
        root = turned * np.sqrt(np.maximum(scale, 0.0))
        draws = rng.standard_normal((DRAWS, self.values.size)) @ (of[varies] @ root).T
        largest = np.abs(draws / deviation[varies]).max(axis=1)
        normal = float(np.quantile(largest, level))
        freedom = max(1, self.fewest - 1)
        arms: FloatArray = special.stdtrit(freedom, special.ndtr(normal)) * deviation
        return np.where(varies, arms, 0.0)


def accumulated_local_effects(
    steps: npt.ArrayLike, below: npt.ArrayLike, above: npt.ArrayLike, count: int
) -> Curve:
    """Accumulate the mean changes of the answers from each number of a grid to the next.

    Args:
        steps: Shape (n,): the step that each row lies in, 0..count - 1, each with 2 rows or more.
        below: Shape (n,): answers with the number at the lower end of the step.
        above: Shape (n,): answers with the number at its upper end.
        count: Number of steps.

    Returns:
        The curve at the count + 1 numbers of the grid. The grid, and how many rows lie in each
        step, are taken as given.

    Source:
        Apley and Zhu (2020), J. R. Stat. Soc. B 82:1059.

    Example:
        >>> curve = accumulated_local_effects([0, 0, 1, 1], [0, 0, 2, 2], [2, 2, 3, 3], 2)
        >>> curve.values.tolist()
        [-1.75, 0.25, 1.25]
    """
    place: IntArray = np.asarray(steps, dtype=np.int64)
    change = np.asarray(above, dtype=np.float64) - np.asarray(below, dtype=np.float64)
    rows = np.bincount(place, minlength=count)
    mean = np.bincount(place, weights=change, minlength=count) / rows
    off = np.bincount(place, weights=(change - mean[place]) ** 2, minlength=count)
    variance = off / (rows - 1) / rows
    # A point is the sum of the steps before it, less the mean over the rows.
    total = np.tril(np.ones((count + 1, count)), -1)
    total -= (rows / rows.sum()) @ (total[:-1] + total[1:]) / 2
    return Curve(total @ mean, (total * variance) @ total.T, int(rows.min()))


def partial_dependence(answers: npt.ArrayLike, shares: npt.ArrayLike) -> Curve:
    """Mean answers with each value put into every row, less their mean over the values.

    Args:
        answers: Shape (n, g): answers for n rows, at least 2, with each of g values.
        shares: Shape (g,): how common each value is; they are made to sum to 1.

    Returns:
        The curve at the g values.

    Source:
        Friedman (2001), Ann. Stat. 29:1189.

    Example:
        >>> partial_dependence([[0.0, 1.0], [0.0, 3.0]], [1, 3]).values.tolist()
        [-1.5, 0.5]
    """
    given = np.asarray(answers, dtype=np.float64)
    weight = np.asarray(shares, dtype=np.float64)
    effects = given - (given @ (weight / weight.sum()))[:, None]
    covariance = np.atleast_2d(np.cov(effects, rowvar=False)) / len(effects)
    return Curve(effects.mean(axis=0), covariance, len(effects))


def _rising(steps: FloatArray) -> float:
    """Share of the movement that rises."""
    rise, fall = float(np.maximum(steps, 0).sum()), float(np.maximum(-steps, 0).sum())
    return rise / (rise + fall) if rise + fall > 0 else 0.5


def _smaller_part(share: float) -> float:
    return min(share, 1 - share)


def _with_interval(
    value: float, bounds: tuple[float, float], level: float, method: str
) -> Estimate:
    low, high = bounds
    if not high - low > ROUNDING * max(abs(value), abs(high)):
        return Estimate(value, None, NO_SPREAD)
    return Estimate(value, Interval(min(low, value), max(high, value), level, method))
