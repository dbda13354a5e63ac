"""The parity metrics, as fairlearn defines them: between groups, unsigned, worst case."""

from __future__ import annotations

from auditkit.evidence import Metric
from auditkit.methods import gaps
from auditkit.methods.crossing import Comparison
from auditkit.methods.estimates import Estimate


def _gap(name: str, title: str, definition: str) -> Metric:
    return Metric(name, title, definition, "difference", better="lower", low=0.0, high=1.0)


def _ratio(name: str, title: str, definition: str) -> Metric:
    return Metric(name, title, definition, "ratio", better="higher", low=0.0, high=1.0)


DEMOGRAPHIC_PARITY_DIFFERENCE = _gap(
    "demographic_parity_difference",
    "Demographic parity difference",
    "Largest minus smallest selection rate over the groups.",
)
DEMOGRAPHIC_PARITY_RATIO = _ratio(
    "demographic_parity_ratio",
    "Demographic parity ratio",
    "Smallest over largest selection rate of the groups.",
)
EQUALIZED_ODDS_DIFFERENCE = _gap(
    "equalized_odds_difference",
    "Equalized odds difference",
    "The larger of the gaps in true positive rate and in false positive rate.",
)
EQUALIZED_ODDS_RATIO = _ratio(
    "equalized_odds_ratio",
    "Equalized odds ratio",
    "The smaller of the ratios of true positive rates and of false positive rates.",
)
EQUAL_OPPORTUNITY_DIFFERENCE = _gap(
    "equal_opportunity_difference",
    "Equal opportunity difference",
    "Largest minus smallest true positive rate over the groups.",
)
#: How small and how large the parity difference could be if the unknown groups were known.
PARITY_BOUNDS = (
    _gap(
        "demographic_parity_difference_lower_bound",
        "Demographic parity difference, at least",
        "Least demographic parity difference, whatever the groups of the unknown rows are.",
    ),
    _gap(
        "demographic_parity_difference_upper_bound",
        "Demographic parity difference, at most",
        "Greatest demographic parity difference, whatever the groups of the unknown rows are.",
    ),
)
PARITY = (
    DEMOGRAPHIC_PARITY_DIFFERENCE,
    DEMOGRAPHIC_PARITY_RATIO,
    EQUALIZED_ODDS_DIFFERENCE,
    EQUALIZED_ODDS_RATIO,
    EQUAL_OPPORTUNITY_DIFFERENCE,
)


def parity(
    selection: Comparison, recall: Comparison, false_alarms: Comparison, level: float = 0.95
) -> tuple[tuple[Metric, Estimate, tuple[Comparison, ...]], ...]:
    """Compute the parity metrics from three rates of the same groups.

    Args:
        selection: Selection rates.
        recall: True positive rates.
        false_alarms: False positive rates.
        level: Confidence level, in (0, 1).

    Returns:
        Each metric of `PARITY`, its estimate, and the comparisons that it rests on. Equalized
        odds splits the level over its two rates.
    """
    half, odds = gaps.half_level(level), (recall, false_alarms)
    widest = [rate.estimate(gaps.difference, half) for rate in odds]
    lowest = [rate.estimate(gaps.ratio, half) for rate in odds]
    return (
        (
            DEMOGRAPHIC_PARITY_DIFFERENCE,
            selection.estimate(gaps.difference, level),
            (selection,),
        ),
        (DEMOGRAPHIC_PARITY_RATIO, selection.estimate(gaps.ratio, level), (selection,)),
        (EQUALIZED_ODDS_DIFFERENCE, gaps.largest(widest[0], widest[1], level), odds),
        (EQUALIZED_ODDS_RATIO, gaps.smallest(lowest[0], lowest[1], level), odds),
        (EQUAL_OPPORTUNITY_DIFFERENCE, recall.estimate(gaps.difference, level), (recall,)),
    )
