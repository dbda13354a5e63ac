"""What is said of a model through Shapley values: the metrics, and what each means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from auditkit.evidence import Metric
from auditkit.methods.regression import UNIT

#: Whether a gap in scores is taken apart, or one in decisions.
Quantity = Literal["score", "decision"]
#: What is taken apart: scores, numbers of a regression, decisions, or how often one of several
#: classes is predicted.
Kind = Literal["score", "number", "decision", "class"]

MEAN_ABS_SHAPLEY = Metric(
    "mean_abs_shapley",
    "Mean absolute attribution",
    "Mean over rows of the size of a feature's Shapley value: how far it moves a score; of "
    "several classes half the sum over them, the probability that changes hands.",
    "probability",
    low=0.0,
    high=1.0,
)
ADDITIVITY_GAP = Metric(
    "additivity_gap",
    "Additivity gap",
    "Largest difference between a row's score and the sum of its attributions and base value.",
    "probability",
    better="lower",
    low=0.0,
)
ATTRIBUTION_STANDARD_ERROR = Metric(
    "attribution_standard_error",
    "Standard error of attributions",
    "Standard error of each row's largest Shapley value, mean over rows; of several classes that "
    "of the likeliest.",
    "probability",
    better="lower",
    low=0.0,
    high=1.0,
)
TOP_REASON_AGREEMENT = Metric(
    "top_reason_agreement",
    "Agreement of the top reasons",
    "Share of rows whose strongest features, with signs, are the same against two disjoint "
    "halves of the background.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
SENSITIVE_RELIANCE = Metric(
    "sensitive_reliance",
    "Reliance on a sensitive column",
    "Share of the column in the mean absolute attributions of all features.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
PROXY_RELIANCE = Metric(
    "proxy_reliance",
    "Reliance on columns that stand in for it",
    "Share in the mean absolute attributions of all features that lies on other columns which "
    "tell the groups apart better than a limit.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
SCORE_GAP_CONTRIBUTION = Metric(
    "score_gap_contribution",
    "Contribution to the score gap",
    "Part of the difference in mean score between the column's two largest groups that is "
    "attributed to the column itself.",
    "difference",
    low=-1.0,
    high=1.0,
)
SELECTION_GAP_CONTRIBUTION = Metric(
    "selection_gap_contribution",
    "Contribution to the gap in selection",
    "Part of the difference in selection rate between the column's two largest groups, of several "
    "classes in how often one is predicted, that is attributed to the column itself.",
    "difference",
    low=-1.0,
    high=1.0,
)


def _in_units(metric: Metric, name: str, definition: str) -> Metric:
    """The same of a regression, in the unit of its outcome and without bounds above."""
    return replace(metric, id=name, definition=definition, unit=UNIT, high=None)


MEAN_ABS_SHAPLEY_IN_UNITS = _in_units(
    MEAN_ABS_SHAPLEY,
    "mean_abs_shapley_in_units",
    "Mean over rows of the size of a feature's Shapley value: how far it moves the predicted "
    "number.",
)
ADDITIVITY_GAP_IN_UNITS = _in_units(
    ADDITIVITY_GAP,
    "additivity_gap_in_units",
    "Largest difference between a row's predicted number and the sum of its attributions and base "
    "value.",
)
ATTRIBUTION_STANDARD_ERROR_IN_UNITS = _in_units(
    ATTRIBUTION_STANDARD_ERROR,
    "attribution_standard_error_in_units",
    "Standard error of each row's largest Shapley value, mean over rows.",
)
PREDICTED_GAP_CONTRIBUTION = Metric(
    "predicted_gap_contribution",
    "Contribution to the gap in predictions",
    "Part of the difference in mean predicted number between the column's two largest groups that "
    "is attributed to the column itself.",
    UNIT,
)


@dataclass(frozen=True, slots=True)
class Named:
    """The metrics of a task.

    Attributes:
        size: Of each feature.
        additivity: Of the values.
        error: Of the values.
        gaps: Of each gap that is taken apart. A regression decides nothing.
        kinds: What each of them is, as a table says it.
    """

    size: Metric
    additivity: Metric
    error: Metric
    gaps: dict[Quantity, Metric]
    kinds: dict[Quantity, Kind]

    @property
    def by_column(self) -> tuple[Metric, ...]:
        """What is measured of each sensitive column."""
        return (SENSITIVE_RELIANCE, PROXY_RELIANCE, *self.gaps.values())

    @property
    def trust(self) -> tuple[Metric, ...]:
        """What says how far the values can be trusted, in order."""
        return (self.additivity, self.error, TOP_REASON_AGREEMENT)


_BINARY = Named(
    *(MEAN_ABS_SHAPLEY, ADDITIVITY_GAP, ATTRIBUTION_STANDARD_ERROR),
    {"score": SCORE_GAP_CONTRIBUTION, "decision": SELECTION_GAP_CONTRIBUTION},
    {"score": "score", "decision": "decision"},
)
OF_TASK = {
    "binary": _BINARY,
    "multiclass": replace(_BINARY, kinds={"score": "score", "decision": "class"}),
    "regression": Named(
        *(MEAN_ABS_SHAPLEY_IN_UNITS, ADDITIVITY_GAP_IN_UNITS, ATTRIBUTION_STANDARD_ERROR_IN_UNITS),
        {"score": PREDICTED_GAP_CONTRIBUTION},
        {"score": "number"},
    ),
}
METRICS = (
    *(ADDITIVITY_GAP, ATTRIBUTION_STANDARD_ERROR, TOP_REASON_AGREEMENT, MEAN_ABS_SHAPLEY),
    *(SENSITIVE_RELIANCE, PROXY_RELIANCE, SCORE_GAP_CONTRIBUTION, SELECTION_GAP_CONTRIBUTION),
    *(ADDITIVITY_GAP_IN_UNITS, ATTRIBUTION_STANDARD_ERROR_IN_UNITS, MEAN_ABS_SHAPLEY_IN_UNITS),
    PREDICTED_GAP_CONTRIBUTION,
)
