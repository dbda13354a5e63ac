"""Whether an explanation can be trusted: the metrics, and what each means.

A score here is the probability of the positive class; of several classes, that of the one which the
model chose for the row; of a regression the number itself.
"""

from __future__ import annotations

from auditkit.evidence import Metric


def _share(id_: str, title: str, definition: str) -> Metric:
    return Metric(id_, title, definition, "rate", better="higher", low=0.0, high=1.0)


EFFICIENCY_GAP = Metric(
    "efficiency_gap",
    "Efficiency gap",
    "Largest difference between the model's own score of a row and the sum of its attributions.",
    "score",
    better="lower",
    low=0.0,
)
REASON_STANDARD_ERROR = Metric(
    "reason_standard_error",
    "Standard error of a reason",
    "Mean standard error of the strongest attributions of a row.",
    "score",
    better="lower",
    low=0.0,
)
REASONS_BEYOND_NOISE = _share(
    "reasons_beyond_noise",
    "Reasons beyond noise",
    "Share of the strongest attributions of a row whose interval leaves out 0.",
)
REASON_STABILITY_BACKGROUNDS = _share(
    "reason_stability_backgrounds",
    "Stability of reasons between backgrounds",
    "Share of a row's strongest features that stay so against a disjoint background of equal size.",
)
SIGN_STABILITY_BACKGROUNDS = _share(
    "sign_stability_backgrounds",
    "Stability of signs between backgrounds",
    "The same, where the feature must also keep its sign.",
)
REASON_STABILITY_SEEDS = _share(
    "reason_stability_seeds",
    "Stability of reasons between seeds",
    "Share of a row's strongest features that stay so when only the seed is another.",
)
SIGN_STABILITY_SEEDS = _share(
    "sign_stability_seeds",
    "Stability of signs between seeds",
    "The same, where the feature must also keep its sign.",
)
PREDICTION_GAP_IMPORTANT = Metric(
    "prediction_gap_important",
    "Prediction gap on important features",
    "Mean size of the change of the score when the strongest features of a row are replaced.",
    "score",
    better="higher",
    low=0.0,
)
PREDICTION_GAP_IMPORTANT_LEAD = Metric(
    "prediction_gap_important_lead",
    "Prediction gap, important over random",
    "How much more that is than when as many features are picked at random and replaced.",
    "score",
    better="higher",
)
PREDICTION_GAP_UNIMPORTANT = Metric(
    "prediction_gap_unimportant",
    "Prediction gap on unimportant features",
    "Mean size of the change of the score when the weakest features of a row are replaced.",
    "score",
    better="lower",
    low=0.0,
)
PREDICTION_GAP_UNIMPORTANT_LEAD = Metric(
    "prediction_gap_unimportant_lead",
    "Prediction gap, random over unimportant",
    "How much less that is than when as many features are picked at random and replaced.",
    "score",
    better="higher",
)
RELATIVE_INFIDELITY = Metric(
    "relative_infidelity",
    "Relative infidelity",
    "Mean squared error of the sum of attributions as a forecast of what replacing random sets of "
    "features does to the score; 1 is that of forecasting no change.",
    "ratio",
    better="lower",
    low=0.0,
)
MAX_SENSITIVITY = Metric(
    "max_sensitivity",
    "Maximal sensitivity",
    "Largest relative change of a row's attributions under small noise of its numbers, mean over "
    "rows.",
    "ratio",
    better="lower",
    low=0.0,
)
MAX_SENSITIVITY_PERCENTILE = Metric(
    "max_sensitivity_percentile",
    "Maximal sensitivity, as a percentile",
    "Share of randomised networks whose attributions of the same row change by less.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
RANDOMISED_RANK_CORRELATION = Metric(
    "randomised_rank_correlation",
    "Rank correlation with random networks",
    "Mean rank correlation of a row's attributions with those of a network whose weights were "
    "drawn anew.",
    "ratio",
    low=-1.0,
    high=1.0,
)
ATTRIBUTION_ENTROPY = Metric(
    "attribution_entropy",
    "Entropy of attributions",
    "Mean entropy of a row's absolute attributions as shares: 0 where one feature has all.",
    "nats",
    low=0.0,
)
ATTRIBUTION_GINI = Metric(
    "attribution_gini",
    "Concentration of attributions",
    "Mean Gini coefficient of a row's absolute attributions: 0 where all are equal.",
    "ratio",
    low=0.0,
    high=1.0,
)
FEATURES_FOR_80_PERCENT = Metric(
    "features_for_80_percent",
    "Features for 80% of attributions",
    "Mean number of the strongest features that hold 80% of a row's absolute attributions.",
    "features",
    low=1.0,
)

STABILITY = {
    "backgrounds": (REASON_STABILITY_BACKGROUNDS, SIGN_STABILITY_BACKGROUNDS),
    "seeds": (REASON_STABILITY_SEEDS, SIGN_STABILITY_SEEDS),
}
FAITHFULNESS = (
    *(PREDICTION_GAP_IMPORTANT, PREDICTION_GAP_IMPORTANT_LEAD),
    *(PREDICTION_GAP_UNIMPORTANT, PREDICTION_GAP_UNIMPORTANT_LEAD, RELATIVE_INFIDELITY),
)
COMPLEXITY = (FEATURES_FOR_80_PERCENT, ATTRIBUTION_GINI, ATTRIBUTION_ENTROPY)
#: In the order of the table.
METRICS = (
    *(EFFICIENCY_GAP, REASON_STANDARD_ERROR, REASONS_BEYOND_NOISE),
    *(*STABILITY["backgrounds"], *STABILITY["seeds"], *FAITHFULNESS),
    *(MAX_SENSITIVITY, MAX_SENSITIVITY_PERCENTILE, RANDOMISED_RANK_CORRELATION, *COMPLEXITY),
)
