"""What is explained of a model: its scores, their log odds, or its decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from auditkit.methods.shapley_game import Floats

Output = Literal["probability", "logit", "prediction"]


@dataclass(frozen=True, slots=True)
class Reading:
    """Turns scores into what is explained.

    Attributes:
        output: "probability" leaves scores as they are; "logit" takes log odds, of several classes
            each against all others; "prediction" is 1 for the class that is decided for, else 0.
            The numbers of a regression stay as they are with "probability" and "prediction".
        threshold: A binary model decides for the positive class from this score on.
        regression: Whether scores are numbers of a regression.

    Raises:
        ValueError: If the logit of a regression is asked for, or there is no such output.

    Example:
        >>> Reading("prediction")(np.array([0.2, 0.5])).tolist()
        [0.0, 1.0]
    """

    output: Output = "probability"
    threshold: float = 0.5
    regression: bool = False

    def __post_init__(self) -> None:
        if self.output not in ("probability", "logit", "prediction"):
            known = "'probability', 'logit' or 'prediction'"
            raise ValueError(f"what is explained is {known}; got {self.output!r}")
        if self.regression and self.output == "logit":
            raise ValueError("a regression has no logit; explain its 'prediction'")

    def __call__(self, scores: Floats) -> Floats:
        """Read scores, shape (n,), (n, 1) or (n, k).

        Returns:
            Shape (n,) or (n, k).

        Raises:
            ValueError: If a logit or a decision is asked for and a score is no probability, or a
                logit is infinite.
        """
        scores = np.asarray(scores, dtype=np.float64)
        if scores.ndim == 2 and scores.shape[1] == 1:
            scores = scores[:, 0]
        if self.regression or self.output == "probability" or not np.isfinite(scores).all():
            return scores  # what is not finite is refused by whoever asked
        if scores.size and (scores.min() < 0 or scores.max() > 1):
            raise ValueError(
                f"a score of {scores.min():.3g} or {scores.max():.3g} is no probability, so there "
                f"is no {self.output}; a model of numbers says task = 'regression'"
            )
        return self._log_odds(scores) if self.output == "logit" else self._decisions(scores)

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
