"""What is said of a model through Shapley values: the metrics, and what each means."""

from __future__ import annotations

from auditkit.evidence import Metric

MEAN_ABS_SHAPLEY = Metric(
    "mean_abs_shapley",
    "Mean absolute attribution",
    "Mean over rows of the size of a feature's Shapley value: how far it moves a score.",
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
    "Standard error of each row's largest Shapley value, mean over rows.",
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
SCORE_GAP_CONTRIBUTION = Metric(
    "score_gap_contribution",
    "Contribution to the score gap",
    "Part of the difference in mean score between the column's two largest groups that is "
    "attributed to the column itself.",
    "difference",
    low=-1.0,
    high=1.0,
)
METRICS = (
    *(ADDITIVITY_GAP, ATTRIBUTION_STANDARD_ERROR, TOP_REASON_AGREEMENT),
    *(MEAN_ABS_SHAPLEY, SENSITIVE_RELIANCE, SCORE_GAP_CONTRIBUTION),
)
