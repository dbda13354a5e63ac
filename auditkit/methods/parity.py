"""The parity metrics, as fairlearn defines them: unsigned, worst case.

Between groups: the largest against the smallest. To overall: the group that is furthest from all
compared groups together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from auditkit.evidence import Metric
from auditkit.methods import gaps
from auditkit.methods.cells import RATES, Rate
from auditkit.methods.count_metrics import FALSE_NEGATIVE_SHARE
from auditkit.methods.crossing import Comparison
from auditkit.methods.estimates import Estimate
from auditkit.methods.overall import difference_to_overall, ratio_to_overall


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
EQUAL_OPPORTUNITY_RATIO = _ratio(
    "equal_opportunity_ratio",
    "Equal opportunity ratio",
    "Smallest over largest true positive rate of the groups.",
)
PREDICTIVE_PARITY_DIFFERENCE = _gap(
    "predictive_parity_difference",
    "Predictive parity difference",
    "Largest minus smallest precision over the groups.",
)
PREDICTIVE_PARITY_RATIO = _ratio(
    "predictive_parity_ratio",
    "Predictive parity ratio",
    "Smallest over largest precision of the groups.",
)
ACCURACY_DIFFERENCE = _gap(
    "accuracy_difference",
    "Accuracy difference",
    "Largest minus smallest accuracy over the groups.",
)
ACCURACY_RATIO = _ratio(
    "accuracy_ratio", "Accuracy ratio", "Smallest over largest accuracy of the groups."
)
#: False negatives for each false positive have no upper bound, and no gap that could be read.
TREATMENT_EQUALITY_DIFFERENCE = _gap(
    "treatment_equality_difference",
    "Treatment equality difference",
    "Largest minus smallest share of false negatives among the errors of the groups.",
)
#: Rates that gaps are made of, by metric.
COMPARED: Mapping[str, Rate] = {
    **{
        name: RATES[name]
        for name in (
            *("selection_rate", "true_positive_rate", "false_positive_rate"),
            *("precision", "accuracy"),
        )
    },
    "false_negative_share": FALSE_NEGATIVE_SHARE,
}
#: Further gaps of one rate: the metric, the rate, and how it is made.
SHARE_GAPS: tuple[tuple[Metric, str, Callable[..., Estimate]], ...] = (
    (EQUAL_OPPORTUNITY_RATIO, "true_positive_rate", gaps.ratio),
    (PREDICTIVE_PARITY_DIFFERENCE, "precision", gaps.difference),
    (PREDICTIVE_PARITY_RATIO, "precision", gaps.ratio),
    (ACCURACY_DIFFERENCE, "accuracy", gaps.difference),
    (ACCURACY_RATIO, "accuracy", gaps.ratio),
    (TREATMENT_EQUALITY_DIFFERENCE, "false_negative_share", gaps.difference),
)
#: Gaps of what is no plain share, by the metric that they are made of.
COUNT_GAPS = {
    "balanced_accuracy": _gap(
        "balanced_accuracy_difference",
        "Balanced accuracy difference",
        "Largest minus smallest balanced accuracy over the groups.",
    ),
    "f1": _gap("f1_difference", "F1 difference", "Largest minus smallest F1 over the groups."),
    "mcc": Metric(
        "mcc_difference",
        "Matthews correlation difference",
        "Largest minus smallest Matthews correlation over the groups.",
        "difference",
        better="lower",
        low=0.0,
        high=2.0,
    ),
}


def _to_overall(name: str, title: str, rates: str) -> tuple[Metric, Metric]:
    return (
        _gap(
            f"{name}_difference_to_overall",
            f"{title} difference to overall",
            f"Largest distance of {rates} of a group from that of all compared groups together.",
        ),
        _ratio(
            f"{name}_ratio_to_overall",
            f"{title} ratio to overall",
            f"Smallest ratio of {rates} of a group and that of all compared groups together, the "
            "larger one below the line.",
        ),
    )


#: Difference and ratio to overall, and the rates that they are the worst of.
TO_OVERALL: tuple[tuple[Metric, Metric, tuple[str, ...]], ...] = (
    (
        *_to_overall("demographic_parity", "Demographic parity", "the selection rate"),
        ("selection_rate",),
    ),
    (
        *_to_overall("equal_opportunity", "Equal opportunity", "the true positive rate"),
        ("true_positive_rate",),
    ),
    (
        *_to_overall(
            "equalized_odds", "Equalized odds", "the true positive rate or false positive rate"
        ),
        ("true_positive_rate", "false_positive_rate"),
    ),
    (*_to_overall("accuracy", "Accuracy", "the accuracy"), ("accuracy",)),
)
#: All gaps between groups of a binary task but those of `PARITY`.
FURTHER = (
    *(metric for metric, _, _ in SHARE_GAPS),
    *COUNT_GAPS.values(),
    *(metric for difference, ratio, _ in TO_OVERALL for metric in (difference, ratio)),
)
#: One gap: what it is, its estimate, and the comparisons that it rests on.
Gap = tuple[Metric, Estimate, tuple[Comparison, ...]]


def further_gaps(held: Mapping[str, Comparison], level: float = 0.95) -> tuple[Gap, ...]:
    """Compute the gaps of `SHARE_GAPS`, then those of `TO_OVERALL`.

    Args:
        held: The rates of `COMPARED`, by their names.
        level: Confidence level, in (0, 1).

    Returns:
        Each metric, its estimate, and the comparisons that it rests on. Equalized odds splits the
        level over its two rates.
    """
    found: list[Gap] = [
        (metric, held[rate].estimate(gap, level), (held[rate],)) for metric, rate, gap in SHARE_GAPS
    ]
    for difference, ratio, names in TO_OVERALL:
        rates = tuple(held[name] for name in names)
        each = gaps.shared_level(level, len(rates))
        apart = [difference_to_overall(rate, each) for rate in rates]
        parts = [ratio_to_overall(rate, each) for rate in rates]
        if len(rates) == 1:
            found += [(difference, apart[0], rates), (ratio, parts[0], rates)]
        else:
            found.append((difference, gaps.largest(apart[0], apart[1], level), rates))
            found.append((ratio, gaps.smallest(parts[0], parts[1], level), rates))
    return tuple(found)


def parity(
    selection: Comparison, recall: Comparison, false_alarms: Comparison, level: float = 0.95
) -> tuple[Gap, ...]:
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
