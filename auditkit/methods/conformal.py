"""Prediction sets with a guarantee: whether they keep it, for whom, and what they say.

Given the rows that a set was calibrated on, its coverage of new rows is itself random: a plain
binomial test of it rejects correct code. See `coverage_p_value`.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt
from scipy import stats

from auditkit.evidence import Metric

_rate = functools.partial(Metric, unit="rate", low=0.0, high=1.0)

COVERAGE = _rate(
    "conformal_coverage",
    "Coverage of the prediction sets",
    "Share of test rows whose true outcome lies in the set that the model and the calibration "
    "rows give; the aim is 1 minus the risk that was chosen.",
    better="higher",
)
P_VALUE = Metric(
    "conformal_coverage_p_value",
    "Coverage as aimed at, p-value",
    "Chance of a coverage as far from its aim as this, or further, if the calibration rows and the "
    "test rows come from one population.",
    "probability",
    better="higher",
    low=0.0,
    high=1.0,
)
BY_GROUP = _rate(
    "conformal_coverage_calibrated_by_group",
    "Coverage of sets calibrated by group",
    "Share of test rows whose true outcome lies in the set, where each group has its own "
    "calibration rows.",
    better="higher",
)
SINGLE = _rate(
    "conformal_single_share",
    "Sets of one answer",
    "Share of test rows for which the set holds exactly one class: the model answers alone.",
    better="higher",
)
EMPTY = _rate(
    "conformal_empty_share",
    "Empty sets",
    "Share of test rows for which no class is likely enough: they are unlike the calibration rows.",
    better="lower",
)
FULL = _rate(
    "conformal_full_share",
    "Sets of every answer",
    "Share of test rows for which the set holds every class: the model says nothing of them.",
    better="lower",
)
WIDTH = Metric(
    "conformal_interval_width",
    "Width of the prediction intervals",
    "Width of the interval around each prediction, in the unit of the outcome.",
    "label units",
    better="lower",
    low=0.0,
)
GAP = Metric(
    "conformal_coverage_difference",
    "Difference in coverage",
    "Largest minus smallest coverage of the prediction sets over the groups.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
SINGLE_GAP = Metric(
    "conformal_single_share_difference",
    "Difference in sets of one answer",
    "Largest minus smallest share of sets of one answer over the groups.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
METRICS = (COVERAGE, P_VALUE, BY_GROUP, SINGLE, EMPTY, FULL, WIDTH, GAP, SINGLE_GAP)


def rank(calibrated: int, risk: float) -> int | None:
    """Which of the sorted calibration scores is the limit of the sets.

    Args:
        calibrated: Calibration rows.
        risk: Share of true outcomes that may be missed, in (0, 1).

    Returns:
        The rank, from 1; None where there are too few rows, so that every set is full.

    Source:
        Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, ch. 2.

    Example:
        >>> rank(9, 0.1), rank(8, 0.1), rank(99, 0.05)
        (9, None, 95)
    """
    k = math.ceil((calibrated + 1) * (1 - risk) - 1e-9)
    return k if 1 <= k <= calibrated else None


def coverage_p_value(
    covered: int, tested: int, calibrated: int, risk: float, *, ties: bool
) -> float | None:
    """Test the coverage of test rows against what correct sets give.

    Over calibration sets, the coverage of sets at rank k of n scores follows Beta(k, n + 1 - k),
    so that the number of covered test rows is beta-binomial.

    Args:
        covered: Test rows whose outcome lies in their set.
        tested: Test rows.
        calibrated: Calibration rows.
        risk: As in `rank`.
        ties: Whether scores are equal: then correct sets cover more, and only too little counts.

    Returns:
        The p-value, two-sided unless there are ties; None where there is nothing to test.

    Source:
        Angelopoulos and Bates (2023), Foundations and Trends in Machine Learning 16:494, app. C.

    Example:
        >>> round(coverage_p_value(1_800, 2_000, 500, 0.1, ties=False), 2)
        0.97
        >>> coverage_p_value(1_600, 2_000, 500, 0.1, ties=False) < 1e-6
        True
    """
    k = rank(calibrated, risk)
    if k is None or tested == 0:
        return None
    law = stats.betabinom(tested, k, calibrated + 1 - k)
    below = float(law.cdf(covered))
    if ties:
        return min(1.0, below)
    return min(1.0, 2 * min(below, float(law.sf(covered - 1))))


def has_ties(scores: npt.ArrayLike) -> bool:
    """Whether a hundredth or more of the scores equal another one."""
    held = np.asarray(scores)
    return bool(held.size and np.unique(held).size < 0.99 * held.size)
