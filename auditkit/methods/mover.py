"""Gaps between numbers of groups that each have an interval of their own, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods import gaps, intervals, significance
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.means import MeanPair
from auditkit.methods.score_curves import FOR_BINS, widened

#: Why a gap has no interval.
NO_INTERVAL = "the number of a group has no interval"


@dataclass(frozen=True)
class Estimated:
    """A number of each of k groups, computed at any level; see `groupwise.Numbers`.

    Where an estimate is nearly unbiased, the interval of a difference is made of the distances of
    both numbers to their bounds (MOVER). Where it is not, as for calibration error, the biases of
    two groups do not cancel; then intervals that hold together for all groups are held apart, which
    is wider and always holds.

    Attributes:
        n: Shape (k,): rows that each rests on.
        of: Computes the number of a group, by its index in `places`, at a level.
        places: Shape (k,): what `of` calls each group.
        biased: Whether the numbers are too large on average, the more so the fewer the rows.
        slack: Shape (k,): how far bins can move the number of each group, which then lies in
            [0, 1]; None where there are no bins.

    Example:
        >>> def of(i, level):
        ...     return Estimate(0.5 + i / 5, Interval(0.4 + i / 5, 0.6 + i / 5, level, "test"))
        >>> numbers = Estimated(np.array([50, 50]), of, np.arange(2))
        >>> gap = numbers.difference(0.95)
        >>> round(gap.value, 3), round(gap.interval.low, 3), round(gap.interval.high, 3)
        (0.2, 0.059, 0.341)
    """

    n: IntArray
    of: Callable[[int, float], Estimate]
    places: IntArray
    biased: bool = False
    slack: FloatArray | None = None

    def take(self, kept: npt.NDArray[np.bool_]) -> Estimated:
        """Keep some of the groups, by a mask of shape (k,)."""
        slack = None if self.slack is None else self.slack[kept]
        return replace(self, n=self.n[kept], places=self.places[kept], slack=slack)

    def estimate(self, i: int, level: float, least: float = -np.inf) -> Estimate:
        """The number of one group; its interval knows its bounds."""
        del least
        found = self.of(int(self.places[i]), level)
        return found if self.slack is None else widened(found, float(self.slack[i]))

    def difference(self, level: float) -> Estimate:
        """Largest minus smallest, with a simultaneous interval.

        Returns:
            The gap; undefined where there are fewer than 2 groups or the number of one is; its
            interval holds 0 exactly where those of all pairs do.

        Source:
            Zou and Donner (2008), Stat. Med. 27:1693, for MOVER; Bonferroni over the pairs, or
            over the groups.
        """
        k = self.n.size
        if k < 2:
            return Estimate.undefined(gaps.TOO_FEW)
        held = self._held(level)
        if isinstance(held, str):
            return Estimate.undefined(held)
        values, low, high = held
        value = float(values.max() - values.min())
        if np.isnan(low).any():
            return Estimate(value, None, NO_INTERVAL)
        off = ~np.eye(k, dtype=bool)
        bounds = max(0.0, float(low.max())), float(high.max(where=off, initial=0.0))
        apart = f"intervals that hold together for all {k} groups, held apart"
        method = apart if self.biased else f"MOVER{gaps.over_pairs(k)}"
        method += FOR_BINS if self.slack is not None and self.slack.any() else ""
        return Estimate(value, Interval(*bounds, level, method))

    def pairs(self, level: float) -> Sequence[MeanPair]:
        """Every two groups, the widest difference first; none where a number is not known.

        A p-value is that of a normal difference whose standard error is the arm of the interval
        towards 0, over its quantile; there is none for biased numbers.
        """
        held = self._held(level)
        if isinstance(held, str) or self.n.size < 2:
            return ()
        values, low, high = held
        order = np.argsort(-values, kind="stable")
        ranked = [(int(a), int(b)) for i, a in enumerate(order) for b in order[i + 1 :]]
        p = self._p_values(values, low, ranked, level)
        pairs = [
            MeanPair(
                a=a,
                b=b,
                difference=float(values[a] - values[b]),
                low=_finite(low[a, b]),
                high=_finite(high[a, b]),
                p_adjusted=adjusted,
                established=bool(low[a, b] > 0),
            )
            for (a, b), adjusted in zip(ranked, p, strict=True)
        ]
        return tuple(sorted(pairs, key=lambda pair: -pair.difference))

    def _held(self, level: float) -> tuple[FloatArray, FloatArray, FloatArray] | str:
        """Values (k,), and bounds of every ordered pair (k, k); or why a number is undefined."""
        k = self.n.size
        each = gaps.shared_level(level, max(k, 1)) if self.biased else self._pair_level(level)
        found = [self.of(int(place), each) for place in self.places]
        without = next((one.reason for one in found if one.value is None), None)
        if without is not None:
            return without
        values = np.array([one.value for one in found], dtype=np.float64)
        ends = [one.interval for one in found]
        low = np.array([np.nan if one is None else one.low for one in ends])
        high = np.array([np.nan if one is None else one.high for one in ends])
        slack = np.zeros(k) if self.slack is None else self.slack
        hidden = slack[:, None] + slack
        if self.biased:
            return values, low[:, None] - high - hidden, high[:, None] - low + hidden
        down, up = values - low, high - values
        apart = values[:, None] - values
        arm = np.hypot(down[:, None], up) + hidden
        return values, apart - arm, apart + arm.T

    def _pair_level(self, level: float) -> float:
        return gaps.pair_level(level, max(self.n.size, 2))

    def _p_values(
        self, values: FloatArray, low: FloatArray, ranked: Sequence[tuple[int, int]], level: float
    ) -> list[float | None]:
        if self.biased or np.isnan(low).any():
            return [None] * len(ranked)
        z = intervals.normal_quantile(self._pair_level(level))
        apart = [values[a] - values[b] for a, b in ranked]
        arms = [gap - low[a, b] for gap, (a, b) in zip(apart, ranked, strict=True)]
        p = [2 * special.ndtr(-z * gap / arm) for gap, arm in zip(apart, arms, strict=True)]
        return [float(adjusted) for adjusted in significance.holm([float(one) for one in p])]


def minus(first: Estimate, second: Estimate, level: float = 0.95) -> Estimate:
    """Difference of two numbers of independent rows, made of the distances to their bounds.

    Args:
        first: A number with its interval at `level`.
        second: The number that is taken from it, likewise.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        First minus second; undefined where one of them is, without an interval where one has none.

    Source:
        Zou and Donner (2008), Stat. Med. 27:1693.

    Example:
        >>> a = Estimate(0.5, Interval(0.4, 0.6, 0.95, "test"))
        >>> b = Estimate(0.2, Interval(0.1, 0.4, 0.95, "test"))
        >>> found = minus(a, b)
        >>> round(found.value, 3), round(found.interval.low, 3), round(found.interval.high, 3)
        (0.3, 0.076, 0.441)
    """
    if first.value is None or second.value is None:
        return Estimate.undefined(first.reason or second.reason or NO_INTERVAL)
    value, ends = first.value - second.value, (first.interval, second.interval)
    if ends[0] is None or ends[1] is None:
        return Estimate(value, None, NO_INTERVAL)
    down = np.hypot(first.value - ends[0].low, ends[1].high - second.value)
    up = np.hypot(ends[0].high - first.value, second.value - ends[1].low)
    return Estimate(value, Interval(float(value - down), float(value + up), level, "MOVER"))


def _finite(bound: float) -> float | None:
    return float(bound) if np.isfinite(bound) else None
