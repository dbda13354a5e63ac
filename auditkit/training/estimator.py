"""The training core as scikit-learn estimators, for its pipelines, searches and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)
from torch import nn

from auditkit.errors import InputError, Problem
from auditkit.roles import Task, as_names
from auditkit.rows import in_canonical_order
from auditkit.threads import one_thread
from auditkit.training.fitting import fit
from auditkit.training.settings import MLP, Architecture, Training

#: Whole-number weights repeat rows up to this many times as many rows; beyond, they scale losses.
MOST_REPEATS = 10

Numbers = npt.NDArray[np.float64]


class _TorchEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What the classifier and the regressor share: settings, checks of the input, the training."""

    def __init__(
        self,
        *,
        architecture: Architecture | None = None,
        hidden: Sequence[int] = (64, 32),
        dropout: float = 0.0,
        epochs: int = 50,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-4,
        optimizer: str = "adamw",
        momentum: float = 0.9,
        schedule: str = "cosine",
        patience: int = 0,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.architecture = architecture
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.momentum = momentum
        self.schedule = schedule
        self.patience = patience
        self.device = device
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - a type of scikit-learn
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _given(
        self,
        X: Any,  # noqa: ANN401 - an array or a table
        y: Any,  # noqa: ANN401 - an array or a column
        sample_weight: Any,  # noqa: ANN401 - an array or None
        *,
        numeric: bool,
    ) -> tuple[pd.DataFrame, npt.NDArray[Any], Numbers | None]:
        """Features, outcomes and weights of the rows that count."""
        if self.architecture is None:
            X, y = validate_data(
                self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", y_numeric=numeric
            )
        else:
            X, y = validate_data(self, X, y, skip_check_array=True)
            y = column_or_1d(y, warn=True)
            check_consistent_length(X, y)
        table = self._table(X)
        if sample_weight is None:
            return table, y, None
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        counted = np.flatnonzero(weights > 0)
        weights = weights[counted]
        if _are_counts(weights):
            counted, weights = np.repeat(counted, weights.astype(np.int64)), None
        return table.iloc[counted], y[counted], weights

    def _table(self, X: Any) -> pd.DataFrame:  # noqa: ANN401 - checked rows
        """Checked rows as a table whose columns have the names that the model knows."""
        if self.architecture is None:
            names = getattr(self, "feature_names_in_", None)
            default = [f"x{number}" for number in range(X.shape[1])]
            return pd.DataFrame(X, columns=default if names is None else list(names))
        if isinstance(X, pd.DataFrame):
            return X
        what = f"a {type(X).__name__}"
        hint = "Without an architecture, arrays of numbers are taken."
        raise InputError([Problem("X", what, "a pandas DataFrame for this architecture", hint)])

    def _train(
        self, table: pd.DataFrame, y: npt.NDArray[Any], weights: Numbers | None, task: Task
    ) -> None:
        label, weight = _free("y", table), _free("weight", table)
        parts = {label: y} if weights is None else {label: y, weight: weights}
        rows = in_canonical_order(table.assign(**parts))
        with one_thread():
            self.model_, self.record_ = fit(
                self.architecture or MLP(**self._settings(MLP)),
                rows,
                label=label,
                task=task,
                weight=None if weights is None else weight,
                training=Training(**self._settings(Training)),
                seed=_seed(self.random_state),
            )

    def _settings(self, chosen: type[MLP | Training]) -> dict[str, Any]:
        """The parameters that are settings of a class, numpy's numbers as Python's own."""
        given = self.get_params(deep=False)
        names = [field.name for field in fields(chosen) if field.name in given]
        return {name: _own(given[name]) for name in names}

    def _scores(self, X: Any) -> Numbers:  # noqa: ANN401 - an array or a table
        check_is_fitted(self)
        if self.architecture is None:
            X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        else:
            validate_data(self, X, reset=False, skip_check_array=True)
        exact = replace(self.model_, network=_Double(self.model_.network))
        with one_thread():
            return exact.scores(self._table(X))


class TorchClassifier(ClassifierMixin, _TorchEstimator):  # type: ignore[misc]  # as above
    """A network that `auditkit.fit` trains, as a scikit-learn classifier of two or more classes.

    It takes dense arrays or tables of numbers, missing values included; they are imputed and
    standardised. The same rows and settings give the same network, in whatever order they come.

    Args:
        architecture: None for an `auditkit.MLP` of `hidden` and `dropout` over numbers. Any other
            network reads the columns of a DataFrame, which auditkit encodes itself: categories,
            sequences, text. `hidden` and `dropout` are its own then.
        hidden: Width of each hidden layer; empty gives a logistic regression.
        dropout: Share of hidden units dropped while training, in [0, 1).
        epochs: Most passes over the rows.
        batch_size: Rows of one step.
        learning_rate: Learning rate of the first epoch.
        weight_decay: L2 regularisation.
        optimizer: As all that follow but the last: see `auditkit.Training`.
        momentum: Momentum of "sgd".
        schedule: Schedule of the learning rate.
        patience: 0 learns from every row; from 1 on, a tenth is held back to stop early.
        device: As in `Training`.
        random_state: Seed of weights, dropout and order; None draws one from numpy.

    Attributes:
        classes_: The classes, sorted.
        model_: The `TorchModel`, which `auditkit.Subject.from_model` takes. Where the rows had no
            names its columns are "x0", "x1" and so on.
        record_: The `TrainingRecord`.
        n_features_in_: Columns.
        feature_names_in_: Their names, where they had any.

    Example:
        >>> x, y = np.arange(40.0).reshape(-1, 1), np.repeat(["no", "yes"], 20)
        >>> fitted = TorchClassifier(hidden=(8,), random_state=1).fit(x, y)
        >>> fitted.predict([[3.0], [37.0]]).tolist(), fitted.predict_proba(x).shape
        (['no', 'yes'], (40, 2))
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: ANN401 - arrays
        """Train.

        Args:
            X: Rows, shape (n, p).
            y: Their classes, shape (n,).
            sample_weight: How much each row counts, shape (n,), or None. A row of weight 0 is
                left out. Whole numbers repeat rows, up to ten times as many in all; other weights
                scale the loss, their mean taken as 1.

        Returns:
            The estimator itself.

        Raises:
            ValueError: If rows, classes or weights do not fit, or there is one class only;
                a setting out of its range is an `InputError`.
        """
        table, y, weights = self._given(X, y, sample_weight, numeric=False)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError([Problem("y", "1 class", "2 classes or more in rows that count")])
        if len(self.classes_) == 2:
            self._train(table, codes, weights, "binary")
        else:
            self._train(table, self._names[codes], weights, "multiclass")
        return self

    def predict_proba(self, X: Any) -> Numbers:  # noqa: ANN401 - an array or a table
        """Predict probabilities.

        Args:
            X: Rows, shape (n, p).

        Returns:
            Shape (n, classes), in the order of `classes_`.
        """
        scores = self._scores(X)
        if scores.ndim == 1:
            return np.column_stack([1.0 - scores, scores])
        place = {name: number for number, name in enumerate(self.model_.classes)}
        return scores[:, [place[name] for name in self._names]]

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - an array or a table
        """Predict the most probable class.

        Args:
            X: Rows, shape (n, p).

        Returns:
            Shape (n,).
        """
        places = self.predict_proba(X).argmax(axis=1)
        predicted: npt.NDArray[Any] = self.classes_[places]
        return predicted

    @property
    def _names(self) -> npt.NDArray[np.object_]:
        """What the model calls each of `classes_`."""
        return as_names(pd.Series(self.classes_)).to_numpy(dtype=object)


class TorchRegressor(RegressorMixin, _TorchEstimator):  # type: ignore[misc]  # as above
    """A network that `auditkit.fit` trains on squared errors, as a scikit-learn regressor.

    Everything is as in `TorchClassifier`, but for `classes_`.

    Example:
        >>> x = np.linspace(0, 1, 60).reshape(-1, 1)
        >>> fitted = TorchRegressor(epochs=100).fit(x, 5 * x[:, 0])
        >>> round(fitted.score(x, 5 * x[:, 0]), 1)
        1.0
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: ANN401 - arrays
        """Train.

        Args:
            X: Rows, shape (n, p).
            y: Their outcomes, shape (n,).
            sample_weight: As in `TorchClassifier.fit`.

        Returns:
            The estimator itself.

        Raises:
            ValueError: As `TorchClassifier.fit`.
        """
        table, y, weights = self._given(X, y, sample_weight, numeric=True)
        self._train(table, y, weights, "regression")
        return self

    def predict(self, X: Any) -> Numbers:  # noqa: ANN401 - an array or a table
        """Predict outcomes.

        Args:
            X: Rows, shape (n, p).

        Returns:
            Shape (n,), in the unit of the outcomes.
        """
        return self._scores(X)


class _Double(nn.Module):
    """A network in 64 bits: what it gives for a row does not depend on the rows beside it.

    In 32 bits, matrix products of another size round in another way.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = deepcopy(network).double()

    def forward(self, rows: torch.Tensor) -> Any:  # noqa: ANN401 - as the network gives it
        return self.network(rows.double())


def _are_counts(weights: Numbers) -> bool:
    whole = bool(np.all(weights == np.floor(weights)))
    return whole and float(weights.sum()) <= MOST_REPEATS * len(weights)


def _free(name: str, table: pd.DataFrame) -> str:
    """A name that no column has."""
    while name in table.columns:
        name += "_"
    return name


def _seed(random_state: Any) -> int:  # noqa: ANN401 - whatever scikit-learn takes
    if isinstance(random_state, int | np.integer) and random_state >= 0:
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _own(value: Any) -> Any:  # noqa: ANN401 - a parameter, as somebody set it
    """A number of numpy as one of Python; a search over an array sets such."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return [_own(one) for one in value] if isinstance(value, tuple | list) else value
