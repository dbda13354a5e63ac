"""scikit-learn estimators and pipelines, from a skops file: no pickle, only trusted types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from auditkit.encoding.raw import demand
from auditkit.errors import InputError, ModelError, Problem, quote
from auditkit.models.archives import (
    SAFE_WAYS,
    WHY_NOT_PICKLE,
    check_zip,
    digest,
    pickles_in,
    read_model_file,
    refuse,
)
from auditkit.models.inputs import settle_features
from auditkit.models.outputs import Reading, class_index, class_names, told
from auditkit.models.settings import ClassName, FileSettings, both, missing_extra, read_settings
from auditkit.roles import Task

#: Most types that are listed one by one.
MOST_LISTED = 20


class SklearnSettings(FileSettings):
    """`[subject.model]` of a skops file.

    Attributes:
        trust: Types in the file that skops does not vouch for, and that the user does.
        positive_class: What the model calls the positive class, where the table calls it
            something else.
    """

    trust: list[str] = Field(default=[])
    positive_class: ClassName | None = None


@dataclass(frozen=True, eq=False)
class SklearnModel:
    """A fitted scikit-learn estimator or pipeline; satisfies `auditkit.models.Model`.

    Attributes:
        estimator: Has `predict_proba`, or for a regression `predict`.
        features: Columns that it reads, in its own order.
        reading: How its numbers are read.
        named: Whether it was fitted on named columns, and is given a frame.
        sha256: Digest of the file, or None for an estimator given in Python.
        file_bytes: Size of the file, or None likewise.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> rows = pd.DataFrame({"x": [0.0, 1.0] * 9, "y": ["no", "yes"] * 9})
        >>> fitted = LogisticRegression().fit(rows[["x"]], rows["y"])
        >>> model = SklearnModel.from_estimator(fitted, task="binary", positive="yes")
        >>> model.kind, model.features, bool(model.scores(rows)[1] > 0.5)
        ('scikit-learn LogisticRegression', ('x',), True)
    """

    estimator: Any
    features: tuple[str, ...]
    reading: Reading
    named: bool
    sha256: str | None = None
    file_bytes: int | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,  # noqa: ANN401 - scikit-learn is imported where it is used
        *,
        task: str = "binary",
        positive: object = 1,
        features: Sequence[str] | None = None,
        where: str = "from_estimator",
        who: str = "the estimator",
        sha256: str | None = None,
        file_bytes: int | None = None,
    ) -> SklearnModel:
        """Audit a fitted estimator.

        Args:
            estimator: A fitted classifier with `predict_proba`, or a fitted regressor; a pipeline
                that ends in one.
            task: "binary", "multiclass" or "regression".
            positive: The positive class, as the estimator calls it (binary).
            features: Columns that it reads; needed where it was fitted without names, and then in
                its own order.
            where: What to call the arguments in a message.
            who: What to call the estimator in a message.
            sha256: Digest of its file.
            file_bytes: Size of its file.

        Returns:
            The model.

        Raises:
            InputError: If it is not fitted, cannot do the task, or does not fit the features.
        """
        known = _array(estimator, "feature_names_in_")
        count = getattr(estimator, "n_features_in_", None)
        how, names = both(
            lambda: _reading(estimator, task, positive, where, who),
            lambda: settle_features(known, count, features, where, who),
        )
        return cls(estimator, names, how, known is not None, sha256, file_bytes)

    @property
    def kind(self) -> str:
        """What it is: the class of the estimator, of a pipeline its last step."""
        return f"scikit-learn {_name(self.estimator)}"

    @property
    def parameters(self) -> int | None:
        """None: estimators do not say."""
        return None

    @property
    def task(self) -> Task:
        """Kind of prediction."""
        return self.reading.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of a multiclass model."""
        return self.reading.classes

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score raw rows.

        Args:
            rows: Raw rows; columns are found by name, others are ignored.

        Returns:
            Shape (n,) or (n, k); see `Reading.scores`.

        Raises:
            InputError: If a feature is missing; all are listed, with the nearest that is there.
            ModelError: If the estimator raises, for example on a new category, or gives
                something that is no score.
        """
        demand(rows, self.features)
        if len(rows) == 0:
            return self.reading.nothing()
        chosen = rows[list(self.features)]
        given = chosen if self.named else chosen.to_numpy()
        ask = "predict" if self.task == "regression" else "predict_proba"
        try:
            answer = getattr(self.estimator, ask)(given)
        except Exception as error:  # an estimator that was brought may raise anything
            what = f"{type(error).__name__}: {told(error)}"
            raise ModelError(f"{self.kind} raised in {ask}: {what}") from error
        return self.reading.scores(answer, len(rows), self.kind)


def from_config(
    table: Mapping[str, Any],
    folder: Path,
    where: str,
    *,
    task: str,
    positive: object,
    features: Sequence[str] | None,
) -> SklearnModel:
    """Load the estimator that a configuration names.

    Args:
        table: `[subject.model]`: see `SklearnSettings`.
        folder: Where the configuration lies.
        where: What to call the table in a message.
        task: Kind of prediction.
        positive: The positive class (binary).
        features: Columns that the model reads, or None.

    Returns:
        The model.

    Raises:
        InputError: If a setting is wrong, or the file is missing, damaged, too large, holds a
            pickle or a type that is not trusted, or an estimator that cannot do the task.
        MissingExtraError: If skops is not installed.
    """
    settings = read_settings(SklearnSettings, table, where)
    path = folder / settings.file
    content = read_model_file(path)
    estimator = _opened(content, path.name, settings.trust)
    return SklearnModel.from_estimator(
        estimator,
        task=task,
        positive=positive if settings.positive_class is None else settings.positive_class,
        features=features,
        where=where,
        who=path.name,
        sha256=digest(content),
        file_bytes=len(content),
    )


def _opened(content: bytes, name: str, trust: Sequence[str]) -> Any:  # noqa: ANN401
    """Open a skops file once every type in it is known to be trusted."""
    names = check_zip(content, name)
    if "schema.json" not in names:
        refuse(name, "a zip archive without schema.json", "a file that skops.io.dump wrote")
    if pickles_in(content, name):
        refuse(name, f"{WHY_NOT_PICKLE}, inside a zip archive", "a skops file", SAFE_WAYS)
    try:
        from skops import io
    except ImportError:
        raise missing_extra("A skops file", ["skops"], "skops") from None
    try:
        untrusted = [one for one in io.get_untrusted_types(data=content) if one not in trust]
        if not untrusted:
            return io.loads(content, trusted=list(trust))
    except Exception as error:  # a crafted file may make skops raise anything
        found = f"nothing that skops can open ({type(error).__name__}: {told(error)})"
        raise InputError([Problem(name, found, "a file that skops.io.dump wrote")]) from error
    raise InputError(_untrusted(untrusted, name))


def _untrusted(types: Sequence[str], name: str) -> list[Problem]:
    shown = types[:MOST_LISTED]
    hint = "If you know who made the file and want it to run this, write trust = [{}]."
    problems = [
        Problem(f"{name} type {quote(one)}", "a type that nobody vouches for", "trust", _why(one))
        for one in shown
    ]
    listed = ", ".join(f'"{one}"' for one in shown if re.fullmatch(r"[\w.]+", one))
    left = len(types) - len(shown)
    found = f"{len(types)} untrusted types" + (f", {left} not listed" if left else "")
    return [*problems, Problem(name, found, "only trusted types", hint.format(listed))]


def _why(one: str) -> str:
    """Why skops does not trust a type, where it says so."""
    from skops.io import exceptions

    reason = exceptions.UNTRUSTED_TYPE_REASONS.get(one)
    return "" if reason is None else "A crafted file can crash the process through it."


def _reading(estimator: Any, task: str, positive: object, where: str, who: str) -> Reading:  # noqa: ANN401
    known = _array(estimator, "classes_")
    if task == "regression":
        if not hasattr(estimator, "predict") or hasattr(estimator, "classes_"):
            refuse(f"{where} task", quote(task), f"a task that {who} ({_name(estimator)}) can do")
        return Reading("regression")
    if not hasattr(estimator, "predict_proba"):
        refuse(who, *_no_probabilities(estimator))
    classes = known or []
    if task not in {"binary", "multiclass"} or len(classes) < 2:
        found = f"{quote(task)} and {len(classes)} classes"
        refuse(f"{where} task", found, "binary or multiclass, and a fitted classifier")
    if task == "multiclass":
        return Reading("multiclass", classes=class_names(classes))
    if len(classes) != 2:
        refuse(f"{where} task", f"binary, and {len(classes)} classes in {who}", "multiclass")
    index = class_index(classes, positive)
    if index is None:
        kind = f"a class of {who}"
        names = class_names(classes)
        problem = Problem.unknown(f"{where} positive_class", str(positive), names, kind)
        raise InputError([problem])
    return Reading("binary", positive=index)


def _no_probabilities(estimator: Any) -> tuple[str, str, str]:  # noqa: ANN401
    what = "decision_function only" if hasattr(estimator, "decision_function") else "none"
    found = f"{_name(estimator)} without predict_proba ({what})"
    hint = (
        "Wrap it in sklearn.calibration.CalibratedClassifierCV, or give its predictions as a "
        "column of the table: prediction = '...'."
    )
    return found, "a classifier that gives probabilities", hint


def _array(estimator: Any, name: str) -> list[Any] | None:  # noqa: ANN401
    """Values of a fitted attribute that is a plain array, or None where there is none."""
    values = getattr(estimator, name, None)
    if not isinstance(values, np.ndarray) or values.ndim != 1:
        return None
    return list(values.tolist())


def _name(estimator: Any) -> str:  # noqa: ANN401
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        return f"Pipeline ending in {type(steps[-1][-1]).__name__}"
    return type(estimator).__name__
