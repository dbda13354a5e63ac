"""Groups against everyone: how far a share of one group is from that of all groups together.

A group is part of everyone, so the two are not independent. But everyone is the group and the rest,
which are: with f the group's part of the rows, its distance from everyone is 1 - f times its
distance from the rest, exactly. So the intervals are those of the group against the rest, scaled.

95 % intervals for selection rate, true positive rate, equalized odds and accuracy were simulated
with no difference between 2 and 6 groups of 30 and of 200 rows, 12 of 100, and one of 20 beside one
of 2,000, up to 450 draws each: they held "no difference" in 95 to 99 % of the draws.
"""

from __future__ import annotations

import numpy as np

from auditkit.evidence import Interval
from auditkit.methods import intervals
from auditkit.methods.crossing import Comparison
from auditkit.methods.estimates import Bounds, Estimate, FloatArray
from auditkit.methods.gaps import ALL_ZERO, TOO_FEW, shared_level
from auditkit.methods.protected import NO_PARTS
from auditkit.methods.weighting import on_effective_counts


def difference_to_overall(held: Comparison, level: float = 0.95) -> Estimate:
    """Largest distance of the rate of a group from the rate of all compared groups together.

    Args:
        held: The rate of k groups.
        level: Two-sided level of the simultaneous interval, in (0, 1).

    Returns:
        The distance, in [0, 1]; undefined where there are fewer than 2 groups, or where
        counts are protected. Its interval holds 0 exactly where the intervals of all groups do.

    Source:
        Newcombe (1998), method 10, with Clopper-Pearson limits, of each group against the rest;
        Bonferroni over the groups. The parts of the groups are taken as given.
    """
    part, everyone, rates, low, high = _against_rest(held, level, ratio=False)
    if held.is_doubtful or part.size < 2:
        return _undefined(held, TOO_FEW)
    low, high = (1 - part) * low, (1 - part) * high
    interval = Interval(
        low=max(0.0, float(np.maximum(low, -high).max())),
        high=float(np.maximum(high, -low).max()),
        level=level,
        method=_method("Newcombe", held),
    )
    return _told(held, Estimate(float(np.abs(rates - everyone).max()), interval))


def ratio_to_overall(held: Comparison, level: float = 0.95) -> Estimate:
    """Smallest ratio of the rate of a group and the rate of all compared groups together.

    Args:
        held: The rate of k groups.
        level: Two-sided level of the simultaneous interval, in (0, 1).

    Returns:
        The ratio, the larger rate below the line; undefined where there are fewer than 2 groups,
        where no group has a success, or where counts are protected. Its interval holds 1
        exactly where that of the difference holds 0.

    Source:
        Newcombe (2016), MOVER-R with Clopper-Pearson limits, of each group against the rest;
        Bonferroni over the groups.
    """
    part, everyone, rates, low, high = _against_rest(held, level, ratio=True)
    if held.is_doubtful or part.size < 2 or everyone == 0:
        return _undefined(held, TOO_FEW if part.size < 2 else ALL_ZERO)
    low, high = (_of_everyone(bound, part) for bound in (low, high))
    ends = np.sort(_at_most_one(np.stack([low, high])), axis=0)
    interval = Interval(
        low=float(ends[0].min()),
        high=float(np.where((low <= 1) & (high >= 1), 1.0, ends[1]).min()),
        level=level,
        method=_method("MOVER ratio", held),
    )
    return _told(held, Estimate(float(_at_most_one(rates / everyone).min()), interval))


def _against_rest(
    held: Comparison, level: float, *, ratio: bool
) -> tuple[FloatArray, float, FloatArray, FloatArray, FloatArray]:
    """Parts, overall rate, rates, and bounds of each group against the others together."""
    won, rows = (np.asarray(count, dtype=np.float64) for count in held.weighed)
    if held.is_doubtful or won.size < 2:
        nothing = np.zeros(0)
        return nothing, 0.0, nothing, nothing, nothing
    low, high = _bounds(held, shared_level(level, max(1, _comparisons(held))), ratio=ratio)
    return rows / rows.sum(), float(won.sum() / rows.sum()), won / rows, low, high


def _bounds(held: Comparison, level: float, *, ratio: bool) -> Bounds:
    others = 1 - np.eye(len(held.names))  # sums over the others, so that nothing cancels
    if held.sums is None:
        rest = (others @ held.successes, others @ held.totals)
    else:
        sums = held.sums.apply(lambda given: np.tensordot(others, given, axes=1))
        rest = held.rate.effective(sums)
    method = intervals.ratio if ratio else intervals.newcombe
    (won, rows), (others_won, others_rows) = held.effective, rest
    return method(won, rows, others_won, others_rows, level, intervals.clopper_pearson)


def _comparisons(held: Comparison) -> int:
    """Of two groups, each is the rest of the other."""
    return len(held.names) if len(held.names) > 2 else 1


def _of_everyone(to_rest: FloatArray, part: FloatArray) -> FloatArray:
    """Ratio to everyone from the ratio to the rest; it rises with it, to 1 over the part."""
    with np.errstate(invalid="ignore"):
        ratios = to_rest / (part * to_rest + 1 - part)
    return np.where(np.isinf(to_rest), 1 / part, ratios)


def _at_most_one(ratios: FloatArray) -> FloatArray:
    return np.minimum(ratios, 1 / np.maximum(ratios, np.finfo(np.float64).tiny))


def _method(name: str, held: Comparison) -> str:
    k = _comparisons(held)
    over = f", Bonferroni over {k} groups" if k > 1 else ""
    return f"{name} of Clopper-Pearson limits, each group against the rest{over}"


def _undefined(held: Comparison, reason: str) -> Estimate:
    told = NO_PARTS if held.is_doubtful else reason
    return Estimate.undefined(f"{held.rate.metric.title.lower()}: {told}")


def _told(held: Comparison, found: Estimate) -> Estimate:
    return found if held.sums is None else on_effective_counts(found)
