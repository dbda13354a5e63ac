"""Power laws through a few points: a straight line on logarithmic axes, and what it foretells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate

#: Points below which scatter around a line cannot be told.
LEAST = 3
#: Scatter of logarithms below which points lie on the line but for rounding.
ON_THE_LINE = 1e-9
ON_A_LINE = "the points lie on the line exactly: it is arithmetic and no estimate"
_SCATTERED = "the points scatter so much that the interval has no finite end"


@dataclass(frozen=True)
class PowerLaw:
    """y = factor * x ** exponent, by least squares of the logarithms.

    Attributes:
        n: Points.
        exponent: What a doubling of x multiplies y by is 2 to this.
        middle: Mean of the logarithms of x and of y.
        spread: Sum of squared distances of the logarithms of x from their mean.
        scatter: Standard deviation of the logarithms of y around the line, n - 2 degrees of
            freedom.

    Example:
        >>> law = PowerLaw.through([1.0, 2.0, 4.0], [3.0, 12.0, 48.0])
        >>> round(law.exponent, 6), round(law.at(8.0).value, 6), law.at(8.0).reason == ON_A_LINE
        (2.0, 192.0, True)
    """

    n: int
    exponent: float
    middle: tuple[float, float]
    spread: float
    scatter: float

    @classmethod
    def through(cls, x: npt.ArrayLike, y: npt.ArrayLike) -> PowerLaw | None:
        """Fit it.

        Args:
            x: Shape (n,).
            y: Shape (n,).

        Returns:
            The law; None where there are fewer than `LEAST` points, all x are the same, or a
            number is not above 0.
        """
        given = np.array([x, y], dtype=np.float64)
        if given.shape[1] < LEAST or not (given > 0).all() or np.ptp(given[0]) == 0:
            return None
        a, b = np.log(given)
        spread = float(np.square(a - a.mean()).sum())
        exponent = float((a - a.mean()) @ (b - b.mean())) / spread
        off = b - b.mean() - exponent * (a - a.mean())
        scatter = float(np.sqrt(off @ off / (len(a) - 2)))
        return cls(len(a), exponent, (float(a.mean()), float(b.mean())), spread, scatter)

    @property
    def method(self) -> str:
        """How the intervals are made."""
        freedom = self.n - 2
        return (
            f"Student's t around a line through {self.n} points on logarithmic axes, "
            f"{freedom} degree{'s' if freedom > 1 else ''} of freedom"
        )

    def slope(self, level: float = 0.95) -> Estimate:
        """Give the exponent with its interval.

        Args:
            level: Two-sided confidence level, in (0, 1).

        Returns:
            The exponent; without an interval where the points lie on the line.
        """
        arm = self._tail(level) * self.scatter / self.spread**0.5
        return self._within(self.exponent, self.exponent - arm, self.exponent + arm, level)

    def at(self, x: float, level: float = 0.95) -> Estimate:
        """Foretell one further point.

        The interval is for a new point that scatters as those of the fit do. It holds nothing for
        the line itself bending outside of what was measured.

        Args:
            x: Where, above 0.
            level: Two-sided level of the prediction interval, in (0, 1).

        Returns:
            The point.

        Source:
            Draper and Smith (1998), Applied Regression Analysis, section 3.1 (unverified).
        """
        away = float(np.log(x)) - self.middle[0]
        line = self.middle[1] + self.exponent * away
        arm = self._tail(level) * self.scatter * (1 + 1 / self.n + away**2 / self.spread) ** 0.5
        with np.errstate(over="ignore"):
            value, low, high = (float(end) for end in np.exp([line, line - arm, line + arm]))
        return self._within(value, low, high, level)

    def _tail(self, level: float) -> float:
        return float(special.stdtrit(self.n - 2, (1 + level) / 2))

    def _within(self, value: float, low: float, high: float, level: float) -> Estimate:
        if self.scatter < ON_THE_LINE:
            return Estimate(value, None, ON_A_LINE)
        if not (np.isfinite([value, low, high]).all() and low < high):
            return Estimate(value if np.isfinite(value) else None, None, _SCATTERED)
        return Estimate(value, Interval(low, high, level, self.method))
