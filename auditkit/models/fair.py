"""Models that are made of others by fairlearn: a mixture, and a threshold for each group.

Source:
    Agarwal et al. (2018), "A reductions approach to fair classification", arXiv:1803.02453;
    Hardt, Price and Srebro (2016), "Equality of opportunity in supervised learning",
    arXiv:1610.02413.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.models import Model

#: Gap that a mixture is allowed on its training rows.
ALLOWED = 0.01

#: Settings of the trainings of a mixture: their outcomes and weights are all they hear of groups.
PLAIN: dict[str, Any] = {
    "validation": None, "teacher": None, "patience": 0, "duplicates": "keep", "oversample": (),
    "class_weight": None, "group_weight": None, "group_columns": (),
    "fairness_penalty": 0.0, "fairness_columns": (),
}  # fmt: skip

Numbers = npt.NDArray[np.float64]
#: Trains a model on rows; then names of their columns of outcomes, 0 or 1, and of weights.
Learn = Callable[[pd.DataFrame, str, str], Model]


@dataclass(frozen=True)
class Mixture:
    """Several models, of which one is drawn for each row.

    Attributes:
        parts: Models, or scikit-learn's that answer the same to all, and how often each is drawn.
    """

    parts: tuple[tuple[Any, float], ...]

    def scores(self, rows: pd.DataFrame) -> Numbers:
        """Chance of each row to be selected, shape (n,)."""
        chances = np.zeros(len(rows))
        for part, share in self.parts:
            if isinstance(part, _Learner):
                decided = np.asarray(part.model.scores(rows)) >= 0.5
            else:
                decided = part.predict(np.zeros((len(rows), 1)))
            chances += share * decided
        return chances


@dataclass
class _Learner:
    """A model as fairlearn trains it: it is told numbers of rows, and knows the rows."""

    learn: Learn
    rows: pd.DataFrame
    model: Any = None
    decided: Any = None

    def __sklearn_clone__(self) -> _Learner:
        return _Learner(self.learn, self.rows)

    def fit(self, numbers: object, y: Any, sample_weight: Any) -> _Learner:  # noqa: ANN401 - arrays
        del numbers  # always all
        label, weight = free("outcome", self.rows), free("weight", self.rows)
        given = {label: np.asarray(y), weight: np.asarray(sample_weight, dtype=np.float64)}
        self.model = self.learn(self.rows.assign(**given), label, weight)
        self.decided = (np.asarray(self.model.scores(self.rows)) >= 0.5).astype(np.int64)
        return self

    def predict(self, numbers: object) -> Any:  # noqa: ANN401 - an array
        del numbers  # asked about the training rows only
        return self.decided


def free(name: str, *tables: pd.DataFrame) -> str:
    """Lengthen a name until no table has such a column.

    Example:
        >>> free("group", pd.DataFrame({"group": [1]}))
        'group_'
    """
    while any(name in table.columns for table in tables):
        name += "_"
    return name


def mixture(
    learn: Learn,
    rows: pd.DataFrame,
    y: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    constraint: str,
    threshold: float,
    steps: int,
) -> Mixture:
    """Train models by the exponentiated gradient until their mixture treats groups alike.

    Args:
        learn: Trains a model on `rows`, which have two more columns then.
        rows: Training rows.
        y: Shape (n,): outcomes, 0 or 1.
        groups: Shape (n,): names of groups.
        constraint: "demographic_parity", "equal_opportunity" or "equalized_odds".
        threshold: Score at which rows are selected, which says what errors of each kind cost;
            outside of (0, 1) all cost the same.
        steps: Most steps; each takes two or three trainings.

    Returns:
        The mixture. It may leave a gap, as the steps are few.
    """
    from fairlearn import reductions

    moments = {
        "demographic_parity": reductions.DemographicParity,
        "equal_opportunity": reductions.TruePositiveRateParity,
        "equalized_odds": reductions.EqualizedOdds,
    }
    costs = {"fp": threshold, "fn": 1 - threshold} if 0 < threshold < 1 else None
    search = reductions.ExponentiatedGradient(
        _Learner(learn, rows),
        moments[constraint](difference_bound=ALLOWED),
        objective=reductions.ErrorRate(costs=costs),
        max_iter=steps,
    )
    outcomes = np.asarray(y, dtype=np.int64)
    with warnings.catch_warnings():
        # fairlearn fills its tables in ways that pandas is to give up.
        warnings.filterwarnings("ignore", message="Setting an? (value|item)", module="fairlearn")
        search.fit(np.arange(len(rows))[:, None], outcomes, sensitive_features=np.asarray(groups))
    shares = search.weights_.to_dict().items()
    return Mixture(tuple((search.predictors_[i], float(w)) for i, w in shares if w > 0))


def group_thresholds(
    scores: npt.ArrayLike, y: npt.ArrayLike, groups: npt.ArrayLike, *, constraint: str
) -> Any:  # noqa: ANN401 - of fairlearn, which has no types
    """Choose a threshold for each group, so that rates are equal and accuracy is highest.

    Args:
        scores: Shape (n,): scores of some rows.
        y: Shape (n,): their outcomes, 0 or 1; each group has both.
        groups: Shape (n,): names of their groups.
        constraint: As in `mixture`.

    Returns:
        fairlearn's fitted `ThresholdOptimizer`; its `predict` takes scores of shape (n, 1).

    Example:
        >>> scores, y = [0.1, 0.4, 0.6, 0.2, 0.7, 0.9], [0, 0, 1, 0, 1, 1]
        >>> fitted = group_thresholds(scores, y, list("aaabbb"), constraint="equal_opportunity")
        >>> given = np.array([[0.5], [0.5]])
        >>> fitted.predict(given, sensitive_features=["a", "b"], random_state=0).tolist()
        [0, 1]
    """
    from fairlearn.postprocessing import ThresholdOptimizer
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Scores(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
        """Gives the score that it is given."""

        def fit(self, *_: object) -> Scores:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict(self, given: Any) -> Any:  # noqa: ANN401 - numbers
            return np.asarray(given)[:, 0]

    kinds = {"equal_opportunity": "true_positive_rate_parity"}
    optimizer = ThresholdOptimizer(
        estimator=Scores(),
        constraints=kinds.get(constraint, constraint),
        prefit=True,
        predict_method="predict",
    )
    given = np.asarray(scores, dtype=np.float64)[:, None]
    outcomes = np.asarray(y, dtype=np.int64)
    return optimizer.fit(given, outcomes, sensitive_features=np.asarray(groups))
