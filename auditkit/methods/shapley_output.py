"""What is explained of a model: its scores, their log odds, its decisions, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from auditkit.methods.shapley_game import Floats

Output = Literal["probability", "logit", "prediction", "both"]
#: Name of the score and of the decision of a binary model, where both are explained.
BOTH = ("score", "decision")


@dataclass(frozen=True, slots=True)
class Reading:
    """Turns scores into what is explained.

    Attributes:
        output: "probability" leaves scores as they are; "logit" takes log odds, of several classes
            each against all others; "prediction" is 1 for the class that is decided for, else 0;
            "both" is the scores and then the decisions, twice as many outputs for the work of one.
            The numbers of a regression stay as they are with all but "logit".
        threshold: A binary model decides for the positive class from this score on.
        regression: Whether scores are numbers of a regression.

    Raises:
        ValueError: If the logit of a regression is asked for, or there is no such output.

    Example:
        >>> Reading("prediction")(np.array([0.2, 0.5])).tolist()
        [0.0, 1.0]
        >>> Reading("both")(np.array([0.2, 0.5])).tolist()
        [[0.2, 0.0], [0.5, 1.0]]
    """

    output: Output = "probability"
    threshold: float = 0.5
    regression: bool = False

    def __post_init__(self) -> None:
        if self.output not in ("probability", "logit", "prediction", "both"):
            known = "'probability', 'logit', 'prediction' or 'both'"
            raise ValueError(f"what is explained is {known}; got {self.output!r}")
        if self.regression and self.output == "logit":
            raise ValueError("a regression has no logit; explain its 'prediction'")

    def __call__(self, scores: Floats) -> Floats:
        """Read scores, shape (n,), (n, 1) or (n, k).

        Returns:
            Shape (n,) or (n, k); twice as many columns of both.

        Raises:
            ValueError: If a logit or a decision is asked for and a score is no probability, or a
                logit is infinite.
        """
        scores = np.asarray(scores, dtype=np.float64)
        if scores.ndim == 2 and scores.shape[1] == 1:
            scores = scores[:, 0]
        if self.regression or self.output == "probability":
            return scores
        if not np.isfinite(scores).all():  # refused by whoever asked
            return np.column_stack([scores, scores]) if self.output == "both" else scores
        if scores.size and (scores.min() < 0 or scores.max() > 1):
            raise ValueError(
                f"a score of {scores.min():.3g} or {scores.max():.3g} is no probability, so there "
                f"is no {self.output}; a model of numbers says task = 'regression'"
            )
        if self.output == "logit":
            return self._log_odds(scores)
        decisions = self._decisions(scores)
        return np.column_stack([scores, decisions]) if self.output == "both" else decisions

    def width(self, scores: int) -> int:
        """Outputs of a row for which a model gives so many scores."""
        return 2 * scores if self.output == "both" and not self.regression else scores

    def _log_odds(self, scores: Floats) -> Floats:
        certain = int(((scores == 0) | (scores == 1)).sum())
        if certain:
            raise ValueError(
                f"{certain:,} of {scores.size:,} probabilities are 0 or 1, whose logit is "
                "infinite; explain the probability"
            )
        return np.asarray(special.logit(scores))

    def _decisions(self, scores: Floats) -> Floats:
        if scores.ndim == 1:
            return (scores >= self.threshold).astype(np.float64)
        chosen = scores.argmax(axis=1)[:, None]
        return np.asarray(chosen == np.arange(scores.shape[1]), dtype=np.float64)


def output_names(classes: Sequence[object], width: int, output: Output) -> tuple[str, ...]:
    """Name so many outputs, where that can be done.

    Args:
        classes: Names of the classes of the model; empty where it has none.
        width: Outputs of a row.
        output: What is explained.

    Returns:
        One name each, or none: of classes their names; of both "score" and "decision", with the
        class behind a colon where there are several.

    Example:
        >>> output_names(["a", "b"], 2, "probability"), output_names([], 2, "both")
        (('a', 'b'), ('score', 'decision'))
        >>> output_names(["a", "b"], 4, "both")
        ('score: a', 'score: b', 'decision: a', 'decision: b')
    """
    names = tuple(map(str, classes))
    if output != "both":
        return names if len(names) == width > 1 else ()
    if 2 * len(names) == width:
        return tuple(f"{what}: {name}" for what in BOTH for name in names)
    return BOTH if width == 2 else ()
