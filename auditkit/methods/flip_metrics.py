"""What is measured when one thing in a row is changed and the model is asked again."""

from __future__ import annotations

from collections.abc import Mapping

from auditkit.evidence import Metric
from auditkit.methods.regression import UNIT


def _share(name: str, title: str, definition: str) -> Metric:
    return Metric(name, title, definition, "rate", better="lower", low=0.0, high=1.0)


FLIP_RATE = _share(
    "flip_rate",
    "Decisions that change with the attribute",
    "Share of rows that get another decision when nothing but their value of the sensitive column "
    "is changed, to at least one other group.",
)
FLIP_TO_SELECTED = _share(
    "flip_to_selected",
    "Not selected, but would be in another group",
    "Share of rows that are not selected and would be with another group's value.",
)
FLIP_FROM_SELECTED = _share(
    "flip_from_selected",
    "Selected, but would not be in another group",
    "Share of rows that are selected and would not be with another group's value.",
)
FLIP_SCORE_CHANGE = Metric(
    "flip_score_change",
    "Score change with the attribute",
    "Mean size of the change of the score when nothing but the value of the sensitive column is "
    "changed, over rows and other groups; for classes half the sum over the classes.",
    "score",
    better="lower",
    low=0.0,
)
FLIP_PREDICTION_CHANGE = Metric(
    "flip_prediction_change",
    "Prediction change with the attribute",
    "Mean size of the change of the predicted number when nothing but the value of the sensitive "
    "column is changed, over rows and other groups.",
    UNIT,
    better="lower",
    low=0.0,
)
TERM_TEXTS = _share(
    "texts_with_identity_terms",
    "Texts with an identity term",
    "Share of rows whose text holds a word of one of the pairs.",
)
TERM_FLIP_RATE = _share(
    "term_flip_rate",
    "Decisions that change with identity terms",
    "Share of the texts with an identity term that get another decision when all such terms are "
    "swapped for their counterparts.",
)
TERM_SCORE_CHANGE = Metric(
    "term_score_change",
    "Score change with identity terms",
    "Mean size of the change of the score when the identity terms of a text are swapped, over the "
    "texts with one; for classes half the sum over the classes.",
    "score",
    better="lower",
    low=0.0,
)
TERM_PREDICTION_CHANGE = Metric(
    "term_prediction_change",
    "Prediction change with identity terms",
    "Mean size of the change of the predicted number when the identity terms of a text are "
    "swapped, over the texts with one.",
    UNIT,
    better="lower",
    low=0.0,
)
#: What is measured of a sensitive column by task; the first also by group.
FLIPS: Mapping[str, tuple[Metric, ...]] = {
    "binary": (FLIP_RATE, FLIP_TO_SELECTED, FLIP_FROM_SELECTED, FLIP_SCORE_CHANGE),
    "multiclass": (FLIP_RATE, FLIP_SCORE_CHANGE),
    "regression": (FLIP_PREDICTION_CHANGE,),
}
#: What is measured of identity terms by task.
TERM_FLIPS: Mapping[str, tuple[Metric, ...]] = {
    "binary": (TERM_FLIP_RATE, TERM_SCORE_CHANGE),
    "multiclass": (TERM_FLIP_RATE, TERM_SCORE_CHANGE),
    "regression": (TERM_PREDICTION_CHANGE,),
}
