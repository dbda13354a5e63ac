"""How far the effect of one feature depends on another.

Friedman's H compares partial dependences, divides by a variance that may be next to nothing, and
is above 0 by chance alone where few rows are asked. Here two rows lend each other two values: the
change that one makes with and without the other is compared row by row. Where the two features
add up, that is exactly 0 in every row, so nothing has to be taken off for chance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.intervals import bounded_mean
from auditkit.methods.means import mean

#: A difference below this part of the answers is rounding.
ROUNDING = 1e-6


def mixed_differences(
    neither: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike, both: npt.ArrayLike
) -> FloatArray:
    """Change by the first feature with the second one changed, less that without.

    Args:
        neither: Shape (n,): answers for rows as they are.
        first: Shape (n,): with the first feature of a partner row.
        second: Shape (n,): with the second feature of the same partner.
        both: Shape (n,): with both.

    Returns:
        Shape (n,): exactly 0 where it is rounding. A quarter of the mean square is the variance of
        the answers that belongs to both features together, of whatever order.

    Source:
        Liu and Owen (2006), J. Am. Stat. Assoc. 101:712 (superset importance).

    Example:
        >>> mixed_differences([0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 5.0]).tolist()
        [0.0, 2.0]
    """
    answers = [np.asarray(given, dtype=np.float64) for given in (neither, first, second, both)]
    found = answers[3] - answers[1] - answers[2] + answers[0]
    size = max(float(np.abs(given).max(initial=0.0)) for given in answers)
    # A network adds in single precision: what is left of a sum of four is no interaction.
    return np.where(np.abs(found) <= ROUNDING * size, 0.0, found)


def interaction_size(
    differences: FloatArray, level: float = 0.95, *, within_one: bool = True
) -> Estimate:
    """Mean size of the mixed differences of a pair of features.

    Args:
        differences: Shape (n,): see `mixed_differences`.
        level: Two-sided confidence level, in (0, 1).
        within_one: Whether answers lie from 0 to 1, so that a difference is at most 2.

    Returns:
        The mean size; undefined where there are no rows.

    Example:
        >>> interaction_size(np.array([0.0, -0.25, 0.5])).value
        0.25
    """
    sizes = np.abs(differences)
    if within_one:
        return bounded_mean(np.minimum(sizes, 2.0), level, 0.0, 2.0)
    return mean(sizes, level, 0.0)
