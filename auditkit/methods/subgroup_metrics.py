"""What is compared between a subgroup and everyone else, and the metrics that say so."""

from __future__ import annotations

from collections.abc import Mapping

from auditkit.evidence import Metric
from auditkit.methods.regression import UNIT

#: What can be compared, by task.
MEASURES: Mapping[str, tuple[str, ...]] = {
    "binary": ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"),
    "multiclass": ("accuracy",),
    "regression": ("absolute_error",),
    "sequence-to-sequence": ("exact_match",),
}
WORDS = {
    "selection_rate": ("selection rate", "selected rows of all rows"),
    "true_positive_rate": ("true positive rate", "selected rows of those of positive outcome"),
    "false_positive_rate": ("false positive rate", "selected rows of those of negative outcome"),
    "accuracy": ("accuracy", "rows predicted rightly"),
    "absolute_error": ("mean absolute error", "size of the error of a row"),
    "exact_match": ("rate of exact matches", "texts written without an error"),
}
#: Measures of which one side is worse; of the others any difference matters.
ERRORS = ("accuracy", "absolute_error", "exact_match")

SUBGROUPS_SEARCHED = Metric(
    "subgroups_searched",
    "Subgroups searched",
    "Intersections of columns that have enough rows to be searched and to be tested.",
    "count",
    low=0.0,
)
MULTICALIBRATION = Metric(
    "multicalibration_error",
    "Multicalibration error",
    "Gap between the rate of positive outcomes and the mean score, times the share of rows, in the "
    "subgroup and score bin where it is largest.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)


def _gap(measure: str) -> Metric:
    title, counted = WORDS[measure]
    return Metric(
        f"worst_subgroup_{measure}_gap",
        f"Worst subgroup, {title}",
        f"Size of the difference in {title} ({counted}) between everyone else and the subgroup "
        f"that {'is surely worst off' if measure in ERRORS else 'surely differs most'}.",
        UNIT if measure == "absolute_error" else "difference",
        better="lower",
        low=0.0,
        high=None if measure == "absolute_error" else 1.0,
    )


GAPS = {measure: _gap(measure) for measure in WORDS}
