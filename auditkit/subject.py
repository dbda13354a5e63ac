"""What is audited: a model or only its scores, and the rows that it is assessed on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.data.frames import FrameLike, as_frame
from auditkit.errors import AuditkitError, InputError, ModelError, Problem, quote
from auditkit.models import Model, NetworkModel, SequenceModel
from auditkit.models.answers import as_texts, checked_scores, checked_texts
from auditkit.roles import UNKNOWN, Groups, Roles, Task, as_names, make_groups, weight_problems
from auditkit.scoring import THRESHOLD, disagreement, threshold_problems

__all__ = ["NEEDS", "UNKNOWN", "DataSource", "Groups", "Recipe", "Subject", "Task"]

#: What an audit can ask for in `needs`, and what to do when it is not there.
NEEDS: dict[str, str] = {
    "labels": "the subject has no label column",
    "predictions": "the subject has neither decisions nor scores",
    "scores": "the subject has decisions but no scores; give a score column or a model",
    "sensitive": "no sensitive column was named; list them under [subject] sensitive",
    "model": "there are only scores, no model to ask; give the model under [subject.model]",
    "network": "the model cannot be looked into; a torch network is needed",
    "train": "the rows that the model was trained on were not given",
    "record": "the model came without a training record",
    "recipe": "the model came without a recipe, so it cannot be trained again",
}


class Recipe(Protocol):
    """How the audited model was made, so that an audit can have it made again, changed."""

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Model, Any]:
        """Train again.

        Args:
            rows: Raw training rows, label included.
            privacy: Settings of differentially private training (`epsilon`, `delta`,
                `max_grad_norm`, ...), or None for ordinary training.
            **changes: Settings of the recipe to change, for example `seed`.

        Returns:
            The new model and its training record. Kept by content: asking twice trains once.
        """
        ...


@dataclass(frozen=True)
class DataSource:
    """Where rows came from.

    Attributes:
        name: File name or address, without secrets and without the path of a machine.
        sha256: Digest of the file, or of the rows where there is no file.
        rows: Rows in it.
    """

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, eq=False)
class Subject:
    """What is audited. Made by `load_subject`, `Subject.from_scores` or `Subject.from_model`.

    Rows are put in an order that depends on their content only, so that no result depends on
    the order in which they came. Nothing here changes after it is made.

    Attributes:
        name: Name of the subject.
        rows: The rows that are assessed (the test rows where the core trained the model).
        label: Column of the true outcome.
        positive: The value of `label` that counts as positive.
        sensitive: Columns whose groups are compared.
        features: Columns that the model reads.
        task: Kind of prediction.
        classes: Class names of a multiclass task, sorted; empty otherwise.
        model: The model, or None where there are only scores.
        score: Column of scores, or None.
        prediction: Column of decisions, or None.
        weight: Column of the weight of each row, or None. Rows of weight 0 stand for nobody and
            are not assessed.
        threshold: A row is selected where its score is at least this.
        groups: Groups of each sensitive column, aligned with `rows`.
        train: Rows that the model was trained on, or None.
        train_groups: Groups of `train`, or None with it.
        population: All rows that came with a label (train, validation and test), or None where
            they are the assessed rows.
        population_groups: Groups of `population`, or None with it.
        record: Training record, or None.
        recipe: How to train again, or None.
        source: Where the rows came from.
        version: Version of the model, as its owner says.
        description: One plain sentence on what it decides.
        data_notes: What was done to the data on the way in, in whole sentences.
    """

    name: str
    rows: pd.DataFrame
    label: str | None
    positive: object
    sensitive: tuple[str, ...]
    groups: Mapping[str, Groups]
    source: DataSource
    features: tuple[str, ...] = ()
    task: Task = "binary"
    classes: tuple[str, ...] = ()
    model: Model | SequenceModel | None = None
    score: str | None = None
    prediction: str | None = None
    threshold: float = 0.5
    train: pd.DataFrame | None = None
    train_groups: Mapping[str, Groups] | None = None
    population: pd.DataFrame | None = None
    population_groups: Mapping[str, Groups] | None = None
    record: Any = None
    recipe: Recipe | None = None
    version: str = ""
    description: str = ""
    data_notes: tuple[str, ...] = ()
    weight: str | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def from_scores(
        cls,
        rows: FrameLike,
        *,
        label: str | None,
        score: str | None = None,
        prediction: str | None = None,
        threshold: float | None = None,
        positive: object = 1,
        sensitive: Sequence[str] = (),
        bands: Mapping[str, Sequence[float]] | None = None,
        weight: str | None = None,
        task: Task = "binary",
        name: str = "scored table",
        source: DataSource | None = None,
        version: str = "",
        description: str = "",
        data_notes: Sequence[str] = (),
    ) -> Subject:
        """Audit a table of scores or decisions; no model is needed.

        Args:
            rows: The table, one row a person: of pandas, polars, pyarrow, or any other with
                `__arrow_c_stream__`.
            label: Column of the true outcome.
            score: Column of scores; a row is selected where its score is at least `threshold`.
            prediction: Column of decisions, instead of or beside scores.
            threshold: Where a score selects; 0.5 unless given, which scores outside 0 to 1 need.
            positive: The value of label and prediction that counts as positive.
            sensitive: Columns whose groups are compared.
            bands: Inner edges for numeric sensitive columns.
            weight: Column of the weight of each row (sampling weight, exposure).
            task: Kind of prediction.
            name: Name of the subject.
            source: Where the rows came from; a digest of the rows where not given.
            version: Version of the model behind the scores.
            description: One plain sentence on what it decides.
            data_notes: What was done to the data on the way in, in whole sentences.

        Returns:
            The subject.

        Raises:
            InputError: If the table cannot play these parts; every problem is listed.

        Example:
            >>> rows = pd.DataFrame({"y": [0, 1, 1], "p": [0.2, 0.7, 0.4], "sex": ["F", "M", "F"]})
            >>> int(Subject.from_scores(rows, label="y", score="p", sensitive=["sex"]).y_pred.sum())
            1
        """
        rows = as_frame(rows, "from_scores rows")
        shown = tuple(sensitive)
        roles = Roles(label, positive, score, prediction, shown, (), bands or {}, task, weight)
        problems = roles.problems(rows, "from_scores", source.name if source else "the table")
        if score is None and prediction is None:
            expected = "a column of scores or of decisions"
            problems.append(Problem("from_scores score", "neither score nor prediction", expected))
        if score is not None and task != "binary":
            expected = f"prediction alone for a {task} task"
            problems.append(Problem("from_scores score", quote(score), expected))
        problems = problems or threshold_problems(rows, roles, threshold, "from_scores")
        if problems:
            raise InputError(problems)
        said = disagreement(rows, roles, threshold)
        return cls._made(
            rows,
            roles,
            problems,
            source,
            name=name,
            threshold=THRESHOLD if threshold is None else threshold,
            version=version,
            description=description,
            data_notes=(*data_notes, said) if said else tuple(data_notes),
        )

    @classmethod
    def from_model(
        cls,
        model: Model | SequenceModel,
        rows: FrameLike,
        *,
        label: str | None,
        features: Sequence[str],
        sensitive: Sequence[str] = (),
        positive: object = 1,
        threshold: float = 0.5,
        bands: Mapping[str, Sequence[float]] | None = None,
        weight: str | None = None,
        task: Task = "binary",
        train: FrameLike | None = None,
        population: FrameLike | None = None,
        record: Any = None,  # noqa: ANN401 - a training record of any core
        recipe: Recipe | None = None,
        name: str = "model",
        source: DataSource | None = None,
        version: str = "",
        description: str = "",
        data_notes: Sequence[str] = (),
    ) -> Subject:
        """Audit a trained model on rows that it has not seen.

        Args:
            model: The model; see `auditkit.models.Model`, and `SequenceModel` for a task
                "sequence-to-sequence".
            rows: The rows to assess it on, label and sensitive columns included; a table of
                pandas, polars, pyarrow, or any other with `__arrow_c_stream__`.
            label: Column of the true outcome, or None.
            features: Columns that the model reads.
            sensitive: Columns whose groups are compared.
            positive: The value of label that counts as positive.
            threshold: A row is selected where its score is at least this.
            bands: Inner edges for numeric sensitive columns.
            weight: Column of the weight of each row; never one that the model reads.
            task: Kind of prediction.
            train: The rows that it was trained on, where they are at hand.
            population: All rows that came with a label, where they are more than `rows`.
            record: Its training record.
            recipe: How to train it again.
            name: Name of the subject.
            source: Where the rows came from; a digest of the rows where not given.
            version: Version of the model.
            description: One plain sentence on what it decides.
            data_notes: What was done to the data on the way in, in whole sentences.

        Returns:
            The subject.

        Raises:
            InputError: If the table cannot play these parts; every problem is listed.
        """
        rows = as_frame(rows, "from_model rows")
        if population is not None:
            population = as_frame(population, "from_model population")
        reads, shown = tuple(features), tuple(sensitive)
        roles = Roles(label, positive, None, None, shown, reads, bands or {}, task, weight)
        problems = roles.problems(rows, "from_model", source.name if source else "the table")
        if weight is not None and population is not None:
            where = f"population column {quote(weight)}"
            absent = [Problem(f"{where} (weight)", "no such column", "the weight of each row")]
            problems += (
                weight_problems(population[weight], where) if weight in population else absent
            )
        return cls._made(
            rows,
            roles,
            problems,
            source,
            name=name,
            threshold=threshold,
            version=version,
            description=description,
            data_notes=tuple(data_notes),
            model=model,
            train=train,
            population=population,
            record=record,
            recipe=recipe,
        )

    @classmethod
    def _made(
        cls,
        rows: pd.DataFrame,
        roles: Roles,
        problems: list[Problem],
        source: DataSource | None,
        *,
        train: FrameLike | None = None,
        population: pd.DataFrame | None = None,
        **facts: Any,  # noqa: ANN401 - fields of the class, checked by its constructor
    ) -> Subject:
        if problems:
            raise InputError(problems)
        whole = in_canonical_order(rows[list(roles.columns)], roles.weight)
        if train is not None:
            train = in_canonical_order(as_frame(train, "from_model train"), roles.weight)
        everyone = whole if population is None else population
        kept, notes = _of_some_weight(whole, roles.weight, "assessed")
        if population is not None:
            population, more = _of_some_weight(population, roles.weight, "labelled")
            notes += more
        facts["data_notes"] = (*facts.get("data_notes", ()), *notes)
        known = {
            name: make_groups(everyone[name], roles.bands.get(name)) for name in roles.sensitive
        }

        def groups_of(some: pd.DataFrame | None) -> dict[str, Groups] | None:
            if some is None:
                return None
            return {name: known[name].of(some[name], roles.bands.get(name)) for name in known}

        return cls(
            rows=kept,
            task=roles.task,
            classes=_classes(everyone, roles, facts.get("model")),
            label=roles.label,
            positive=roles.positive,
            sensitive=roles.sensitive,
            features=roles.features,
            weight=roles.weight,
            score=roles.score,
            prediction=roles.prediction,
            groups=groups_of(kept) or {},
            train=train,
            train_groups=groups_of(train),
            population=population,
            population_groups=groups_of(population),
            source=source or DataSource("a table in memory", digest(whole), len(everyone)),
            **facts,
        )

    @cached_property
    def y_true(self) -> npt.NDArray[Any]:
        """True outcomes of the assessed rows; see `outcomes`."""
        return self.outcomes(self.rows)

    @cached_property
    def y_score(self) -> npt.NDArray[np.float64] | None:
        """Scores, or None where there are only decisions, numbers or texts.

        Shape (n,) for a binary task; (n, k) for a multiclass one, columns as in `classes`.
        """
        if not self._is_scored:
            return None
        if self.model is not None:
            return self._model_answers
        if self.score is not None:
            return _frozen(self.rows[self.score].to_numpy(dtype=np.float64, copy=True))
        return None

    @cached_property
    def _model_answers(self) -> npt.NDArray[Any]:
        """What the model gives for the assessed rows, asked once and checked.

        A model that failed is not asked again: a dead server would be waited for by every audit.
        """
        if self._failures:
            raise self._failures[0]
        try:
            return self._ask_model()
        except AuditkitError as error:
            self._failures.append(error)
            raise

    @cached_property
    def _failures(self) -> list[AuditkitError]:
        return []

    def answers(self, rows: pd.DataFrame) -> Any:  # noqa: ANN401 - as the model gave it
        """Ask the model about any rows: texts of a sequence-to-sequence task, else scores.

        Raises:
            LookupError: If there is no model.
            ModelError: If the model cannot give what this task needs.
        """
        if self.model is None:
            raise LookupError(NEEDS["model"])
        wanted = "scores" if self.task != "sequence-to-sequence" else "predictions"
        ask = getattr(self.model, wanted, None)
        if ask is None:
            raise ModelError(f"the model gives no {wanted}, which a {self.task} task needs")
        return ask(rows)

    def _ask_model(self) -> npt.NDArray[Any]:
        if self.task == "sequence-to-sequence":
            return _frozen(checked_texts(self.answers(self.rows), len(self)))
        known = self._model_classes if self.classes else ()
        return _frozen(checked_scores(self.answers(self.rows), len(self), known, self.classes))

    @property
    def _model_classes(self) -> list[str]:
        return [str(name) for name in getattr(self.model, "classes", ()) or self.classes]

    @cached_property
    def y_pred(self) -> npt.NDArray[Any]:
        """Predictions, shape (n,): what `y_true` holds, as the model has it.

        For a binary task 1 where selected, else 0.
        """
        if self.prediction is not None:
            return self._coded(self.rows[self.prediction])
        if not self._is_scored and self.model is not None:
            return self._model_answers
        if self.y_score is None:
            raise LookupError(NEEDS["predictions"])
        if self.task == "multiclass":
            return _frozen(self.y_score.argmax(axis=1).astype(np.int64))
        return _frozen((self.y_score >= self.threshold).astype(np.int8))

    @cached_property
    def weights(self) -> npt.NDArray[np.float64] | None:
        """Weights of the assessed rows; see `weights_of`."""
        return self.weights_of(self.rows)

    def weights_of(self, rows: pd.DataFrame) -> npt.NDArray[np.float64] | None:
        """Weights of any rows of this subject, shape (n,), scaled to mean 1.

        None where there is no weight column, or all weights are equal: then every row counts the
        same, and every number is what it is without weights.
        """
        if self.weight is None or rows.empty:
            return None
        held = rows[self.weight].to_numpy(dtype=np.float64, copy=True)
        held /= held.max()  # first, so that no sum overflows
        return None if held.min() == 1 else _frozen(held / held.mean())

    def outcomes(self, rows: pd.DataFrame) -> npt.NDArray[Any]:
        """True outcomes of any rows of this subject, shape (n,).

        Binary: 1 where positive, else 0. Multiclass: index into `classes`. Regression: numbers.
        Sequence-to-sequence: texts.
        """
        if self.label is None:
            raise LookupError(NEEDS["labels"])
        return self._coded(rows[self.label])

    def _coded(self, values: pd.Series) -> npt.NDArray[Any]:
        if self.task == "regression":
            return _frozen(values.to_numpy(dtype=np.float64, copy=True))
        if self.task == "multiclass":
            named = pd.Categorical(as_names(values), categories=list(self.classes))
            return _frozen(named.codes.astype(np.int64))
        if self.task == "sequence-to-sequence":
            return _frozen(as_texts(values.tolist()))
        return _frozen((values == self.positive).to_numpy(dtype=np.int8))

    @property
    def _is_scored(self) -> bool:
        """Whether predictions of this task come from scores."""
        return self.task in ("binary", "multiclass")

    @property
    def has(self) -> frozenset[str]:
        """What this subject can give an audit; the words are the keys of `NEEDS`."""
        scored = self.model is not None or self.score is not None
        there = {
            "labels": self.label is not None,
            "predictions": scored or self.prediction is not None,
            "scores": scored and self._is_scored,
            "sensitive": bool(self.sensitive),
            "model": self.model is not None,
            "network": isinstance(self.model, NetworkModel),
            "train": self.train is not None,
            "record": self.record is not None,
            "recipe": self.recipe is not None,
        }
        return frozenset(name for name, is_there in there.items() if is_there)

    def missing(self, needs: Iterable[str]) -> str | None:
        """Say why an audit with these needs cannot run, or None where it can."""
        absent = sorted(set(needs) - self.has)
        return "; ".join(NEEDS[name] for name in absent) or None


def _classes(rows: pd.DataFrame, roles: Roles, model: object) -> tuple[str, ...]:
    """Every class that is seen, predicted, or known to the model, sorted."""
    if roles.task != "multiclass":
        return ()
    seen = {str(name) for name in getattr(model, "classes", ())}
    for column in (roles.label, roles.prediction):
        if column is not None:
            seen |= set(as_names(rows[column]).dropna())
    return tuple(sorted(seen))


def _of_some_weight(
    rows: pd.DataFrame, weight: str | None, which: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out the rows of weight 0, and say what there is to say about the weights."""
    if weight is None:
        return rows, ()
    there = rows[weight].to_numpy(dtype=np.float64) > 0
    notes = []
    if not there.all():
        gone = f"{int((~there).sum()):,} of {len(rows):,} {which} rows"
        notes.append(f"Left out {gone} whose weight ({quote(weight)}) is 0: they stand for nobody.")
        rows = rows[there].reset_index(drop=True)
    if bool((rows[weight] == rows[weight].iloc[0]).all()):
        same = f"All {which} rows have the same weight ({quote(weight)})"
        notes.append(f"{same}, so that every number is what it is without weights.")
    return rows, tuple(notes)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array


def in_canonical_order(rows: pd.DataFrame, weight: str | None = None) -> pd.DataFrame:
    """Put rows in an order that depends on their content only, with a fresh index.

    Args:
        rows: Any table.
        weight: A column that only decides between rows that are alike otherwise, so that weights
            change neither a split nor the last digit of a sum. It may be absent.

    Returns:
        The same rows; whatever their order was, the result is the same.

    Example:
        >>> a = pd.DataFrame({"x": [3, 1, 2]})
        >>> in_canonical_order(a).equals(in_canonical_order(a[::-1]))
        True
    """
    compared = rows
    if weight is not None and weight in rows:
        rows = rows.sort_values(weight, kind="stable")
        compared = rows.drop(columns=weight)
    order = np.argsort(_row_hashes(compared), kind="stable")
    return rows.iloc[order].reset_index(drop=True)


def digest(rows: pd.DataFrame) -> str:
    """Digest of the content of a table, whatever the order of its rows: sha256, hexadecimal."""
    names = "\x1f".join(map(str, rows.columns)).encode()
    return hashlib.sha256(names + np.sort(_row_hashes(rows)).tobytes()).hexdigest()


def _row_hashes(rows: pd.DataFrame) -> npt.NDArray[np.uint64]:
    hashes = pd.util.hash_pandas_object(rows, index=False)
    return np.asarray(hashes, dtype=np.uint64)
