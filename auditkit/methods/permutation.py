"""Is a gap larger than one that chance would make of the same decisions? Asked of counts alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate
from auditkit.methods.gaps import TOO_FEW
from auditkit.methods.intervals import clopper_pearson

#: Why counts cannot be shuffled.
NOT_WHOLE = "rows of unequal weight cannot be dealt out to the groups again"
TOO_MANY = "1,000,000,000 rows or more cannot be dealt out to the groups again"
#: What numpy draws from at most.
_MOST_ROWS = 1_000_000_000


def permute_gap(
    successes: npt.ArrayLike,
    totals: npt.ArrayLike,
    rng: np.random.Generator,
    replicates: int = 10_000,
    level: float = 0.95,
) -> Estimate:
    """Test that the largest minus the smallest proportion over groups is the work of chance.

    Every row keeps its outcome, and the groups are dealt out to the rows anew. All that this moves
    is how many successes fall to each group, which is a multivariate hypergeometric draw. So it is
    the test of shuffled rows, whatever the number of rows. A group of few rows makes wide gaps by
    chance and hides those of the others: leave it out, as the gap does.

    Args:
        successes: Shape (k,): rows of each group that meet the condition; unit: rows.
        totals: Shape (k,): rows of each group, each at least 1; unit: rows.
        rng: Deals the groups out.
        replicates: How often, at least 1.
        level: Level of the interval of the p-value, which comes of the number of replicates.

    Returns:
        The p-value, above 0: as if the data were one of the replicates. Undefined where there are
        fewer than 2 groups, where counts are effective ones of weighted rows, or where there are
        1e9 rows or more.

    Source:
        Fisher (1935), The Design of Experiments; Phipson and Smyth (2010), Stat. Appl. Genet. Mol.
        Biol. 9:39, for the p-value.

    Example:
        >>> deal = np.random.default_rng(0)
        >>> round(permute_gap([56, 48], [70, 80], deal).value, 2)
        0.01
        >>> round(permute_gap([56, 48, 3], [70, 80, 5], deal).value, 1)
        0.3
    """
    s, n = np.asarray(successes), np.asarray(totals)
    reason = _why_not(s, n)
    if reason:
        return Estimate.undefined(reason)
    drawn = rng.multivariate_hypergeometric(n, int(s.sum()), size=replicates, method="marginals")
    gap = np.ptp(drawn / n, axis=1)
    # The same gap, made of other quotients, may differ in its last digits.
    as_wide = int((gap >= np.ptp(s / n) * (1 - 1e-9)).sum())
    p_value = (as_wide + 1) / (replicates + 1)
    low, high = clopper_pearson(as_wide, replicates, level)
    method = f"Clopper-Pearson, {replicates:,} shuffles"
    interval = Interval(float(low), max(float(high), p_value), level, method)
    return Estimate(p_value, interval)


def _why_not(
    successes: npt.NDArray[np.int64 | np.float64], totals: npt.NDArray[np.int64 | np.float64]
) -> str | None:
    if totals.size < 2:
        return TOO_FEW
    if successes.dtype.kind not in "iu" or totals.dtype.kind not in "iu":
        return NOT_WHOLE
    return TOO_MANY if int(totals.sum()) >= _MOST_ROWS else None
