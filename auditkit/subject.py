"""What is audited: a model or only its scores, and the rows that it is assessed on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.data.counted import CellTable, CountQuery
from auditkit.data.frames import FrameLike, as_frame
from auditkit.errors import AuditkitError, InputError, Problem
from auditkit.methods.cells import Cells, count_cells
from auditkit.methods.histogram import ScoreCells
from auditkit.models import Model, NetworkModel, Recipe, SequenceModel
from auditkit.models.answers import ask, checked_answers
from auditkit.newer_rows import newer_problems
from auditkit.outcomes import coded, frozen
from auditkit.report import ContextRecord
from auditkit.roles import UNKNOWN, Groups, Roles, Task
from auditkit.rows import DataSource, lacking, of_mean_one, row_facts, shadow_problems
from auditkit.scoring import THRESHOLD, disagreement, score_problems, threshold_problems

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
    "other_rows": "neither the rows that the model was trained on nor a newer table was given",
    "record": "the model came without a training record",
    "recipe": "the model came without a recipe, so it cannot be trained again",
    "references": "the model came without a recipe, and no shadow recipe was declared under "
    "[subject.shadow], so no model like it can be trained",
}

#: Why an audit of the model trained again has none where only a shadow recipe is there.
ONLY_SHADOW = (
    f"{NEEDS['recipe']}; its shadow recipe is a guess at how it was made, and what is trained by "
    "that is another model"
)

#: Why nothing can be said of newer rows.
NO_NEWER = "no newer table was given; name one under [subject] newer_data"
#: Why an audit of scores cannot run where rows were counted, though there is a score.
NOT_BINNED = "the scores were not counted by bin; the notes on the data say why"


@dataclass(frozen=True, eq=False)
class Subject:
    """What is audited. Made by `load_subject`, `from_scores`, `from_model` or `from_cells`.

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
        newer: Newer rows than the assessed ones, in the same columns but the label and the weight,
            which they may lack; or None.
        newer_groups: Groups of `newer`, or None with it.
        record: Training record, or None.
        recipe: How to train again, or None.
        shadow: How somebody believes that the model was made, where there is no recipe, or None. It
            makes models like it to attack it with, and never stands for the model.
        source: Where the rows came from.
        version: Version of the model, as its owner says.
        description: One plain sentence on what it decides.
        data_notes: What was done to the data on the way in, in whole sentences.
        counts: Counts by group, outcome and decision where the rows stay elsewhere, or None. Then
            `rows` is empty, and groups, outcomes and decisions have one entry a cell.
        query: How the rows were counted, or None.
        score_cells: Scores by group, outcome and bin where the rows stay elsewhere, or None.
        context: What its owner declares about its use, or None.
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
    newer: pd.DataFrame | None = None
    newer_groups: Mapping[str, Groups] | None = None
    record: Any = None
    recipe: Recipe | None = None
    shadow: Recipe | None = None
    version: str = ""
    description: str = ""
    data_notes: tuple[str, ...] = ()
    weight: str | None = None
    counts: Cells | None = None
    query: CountQuery | None = None
    score_cells: ScoreCells | None = None
    context: ContextRecord | None = None

    def declaring(self, context: ContextRecord | None) -> Subject:
        """The same subject, with what its owner declares about its use.

        Args:
            context: Purpose, people affected, texts of law that apply, ...; None declares nothing.

        Returns:
            The subject.

        Example:
            >>> from auditkit.report import ContextRecord
            >>> rows = pd.DataFrame({"y": [0, 1], "p": [0, 1]})
            >>> subject = Subject.from_scores(rows, label="y", prediction="p")
            >>> subject.declaring(ContextRecord(purpose="a demonstration")).context.purpose
            'a demonstration'
        """
        return replace(self, context=context)

    def __len__(self) -> int:
        return len(self.rows) if self.counts is None else self.counts.rows

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
        newer: FrameLike | None = None,
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
            newer: Newer rows to hold against these, where there are some; labels may be absent.
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
        problems += score_problems(roles, "from_scores")
        if newer is not None:
            newer = as_frame(newer, "from_scores newer")
            problems += newer_problems(newer, rows, roles, "newer")
        problems = problems or threshold_problems(rows, roles, threshold, "from_scores")
        if problems:
            raise InputError(problems)
        said = disagreement(rows, roles, threshold)
        return cls._made(
            rows,
            roles,
            problems,
            source,
            newer=newer,
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
        newer: FrameLike | None = None,
        record: Any = None,  # noqa: ANN401 - a training record of any core
        recipe: Recipe | None = None,
        shadow: Recipe | None = None,
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
            newer: Newer rows to hold against these, where there are some; labels may be absent.
            record: Its training record.
            recipe: How to train it again.
            shadow: How you believe that it was made, where nobody can train it again.
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
        reads, shown = tuple(features), tuple(sensitive)
        roles = Roles(label, positive, None, None, shown, reads, bands or {}, task, weight)
        problems = roles.problems(rows, "from_model", source.name if source else "the table")
        problems += shadow_problems(shadow, recipe, train)
        if train is not None:
            train = as_frame(train, "from_model train")
            problems += lacking(train, roles, "train", ("label", "sensitive", "features"))
        if population is not None:
            population = as_frame(population, "from_model population")
            problems += lacking(population, roles, "population", ("label", "sensitive", "weight"))
        if newer is not None:
            newer = as_frame(newer, "from_model newer")
            problems += newer_problems(newer, rows, roles, "newer")
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
            newer=newer,
            record=record,
            recipe=recipe,
            shadow=shadow,
        )

    @classmethod
    def from_cells(
        cls,
        table: CellTable,
        *,
        name: str = "table of counts",
        version: str = "",
        description: str = "",
        data_notes: Sequence[str] = (),
    ) -> Subject:
        """Audit binary decisions that were counted where the rows lie.

        Args:
            table: The counts.
            name: Name of the subject.
            version: Version of the model that decided.
            description: One plain sentence on what it decides.
            data_notes: What was done to the data on the way in, in whole sentences.

        Returns:
            A subject without rows, for audits that can do with `cells`.

        Example:
            >>> from auditkit.methods.cells import count_cells
            >>> cells = count_cells({"sex": [0, 1, 1]}, {"sex": 2}, [0, 1, 1], [0, 1, 0])
            >>> held = CellTable(cells, {"sex": ("F", "M")}, DataSource("people", "0", 3), "hired")
            >>> len(Subject.from_cells(held))
            3
        """
        facts = ("label", "positive", "prediction", "score", "threshold", "weight", "source")
        return cls(
            name=name,
            rows=pd.DataFrame(),
            sensitive=table.cells.columns,
            groups=table.groups,
            version=version,
            description=description,
            data_notes=(*table.notes, *data_notes),
            counts=table.cells,
            query=table.query,
            score_cells=table.scores,
            **{fact: getattr(table, fact) for fact in facts},
        )

    @classmethod
    def _made(
        cls,
        rows: pd.DataFrame,
        roles: Roles,
        problems: list[Problem],
        source: DataSource | None,
        *,
        train: pd.DataFrame | None = None,
        population: pd.DataFrame | None = None,
        newer: pd.DataFrame | None = None,
        **facts: Any,  # noqa: ANN401 - fields of the class, checked by its constructor
    ) -> Subject:
        if problems:
            raise InputError(problems)
        held = row_facts(rows, roles, source, train, population, facts.get("model"), newer)
        facts["data_notes"] = (*facts.get("data_notes", ()), *held.pop("data_notes"))
        return cls(**held, **facts)

    @cached_property
    def y_true(self) -> npt.NDArray[Any]:
        """True outcomes of the assessed rows; see `outcomes`."""
        return self.outcomes(self.rows) if self.counts is None else self.counts.y_true

    @cached_property
    def cells(self) -> Cells:
        """Counts by the groups of every sensitive column, outcome and decision; binary tasks."""
        if self.counts is not None:
            return self.counts
        codes = {name: held.codes for name, held in self.groups.items()}
        sizes = {name: len(held.names) for name, held in self.groups.items()}
        return count_cells(codes, sizes, self.y_true, self.y_pred, self.weights)

    @cached_property
    def y_score(self) -> npt.NDArray[np.float64] | None:
        """Scores, or None where there are only decisions, numbers or texts.

        Shape (n,) for a binary task; (n, k) for a multiclass one, columns as in `classes`.
        """
        if not self._is_scored:
            return None
        if self.model is not None:
            return self._model_answers
        if self.score is not None and self.counts is None:
            return frozen(self.rows[self.score].to_numpy(dtype=np.float64, copy=True))
        return None

    @cached_property
    def _model_answers(self) -> npt.NDArray[Any]:
        """What the model gives for the assessed rows, asked once and checked.

        A model that failed is not asked again: a dead server would be waited for by every audit.
        """
        if self._failures:
            raise self._failures[0]
        try:
            return frozen(checked_answers(self.model, self.task, self.rows, self.classes))
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
        return ask(self.model, self.task, rows)

    @cached_property
    def y_pred(self) -> npt.NDArray[Any]:
        """Predictions, shape (n,): what `y_true` holds, as the model has it.

        For a binary task 1 where selected, else 0.
        """
        if self.counts is not None:
            return self.counts.y_pred
        if self.prediction is not None:
            return self._coded(self.rows[self.prediction])
        if not self._is_scored and self.model is not None:
            return self._model_answers
        if self.y_score is None:
            raise LookupError(NEEDS["predictions"])
        return frozen(self.decided(self.y_score))

    def decided(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        """Decisions on scores of any model, as `y_pred` holds them.

        Args:
            scores: Shape (n,), or (n, classes).
        """
        chosen = scores.argmax(axis=1) if scores.ndim > 1 else scores >= self.threshold
        return np.asarray(chosen, dtype=np.int64 if scores.ndim > 1 else np.int8)

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
        scaled = of_mean_one(rows[self.weight].to_numpy(dtype=np.float64))
        return None if scaled is None else frozen(scaled)

    def outcomes(self, rows: pd.DataFrame) -> npt.NDArray[Any]:
        """True outcomes of any rows of this subject, shape (n,).

        Binary: 1 where positive, else 0. Multiclass: index into `classes`. Regression: numbers.
        Sequence-to-sequence: texts.
        """
        if self.label is None:
            raise LookupError(NEEDS["labels"])
        return self._coded(rows[self.label])

    def outcomes_of_newer(self) -> npt.NDArray[Any] | str:
        """True outcomes of the newer rows, or why they have none."""
        if self.newer is None:
            return NO_NEWER
        if self.label is None or self.label not in self.newer:
            return "the newer rows have no labels"
        return self.outcomes(self.newer)

    def scores_of_newer(self) -> npt.NDArray[Any] | None:
        """What `y_score` holds, for the newer rows; numbers or texts where there is no score."""
        if self.newer is None:
            return None
        if self.model is not None:
            return frozen(checked_answers(self.model, self.task, self.newer, self.classes))
        if self.score is not None:
            return frozen(self.newer[self.score].to_numpy(dtype=np.float64, copy=True))
        return None

    def predictions_of_newer(self) -> npt.NDArray[Any] | None:
        """What `y_pred` holds, for the newer rows; None where there are none."""
        if self.newer is None:
            return None
        if self.prediction is not None:
            return self._coded(self.newer[self.prediction])
        scores = self.scores_of_newer()
        if scores is None or not self._is_scored:
            return scores
        return frozen(self.decided(scores))

    def _coded(self, values: pd.Series) -> npt.NDArray[Any]:
        return frozen(coded(values, self.task, self.positive, self.classes))

    @property
    def _is_scored(self) -> bool:
        """Whether predictions of this task come from scores."""
        return self.task in ("binary", "multiclass")

    @property
    def has(self) -> frozenset[str]:
        """What this subject can give an audit; the words are the keys of `NEEDS`."""
        counted = self.counts is not None
        scored = self.model is not None or (self.score is not None and not counted)
        there = {
            "labels": self.label is not None,
            "predictions": scored or counted or self.prediction is not None,
            "scores": (scored and self._is_scored) or self.score_cells is not None,
            "sensitive": bool(self.sensitive),
            "model": self.model is not None,
            "network": isinstance(self.model, NetworkModel),
            "train": self.train is not None,
            "other_rows": self.train is not None or self.newer is not None,
            "record": self.record is not None,
            "recipe": self.recipe is not None,
            "references": self.reference_recipe is not None,
        }
        return frozenset(name for name, is_there in there.items() if is_there)

    @property
    def reference_recipe(self) -> Recipe | None:
        """How to make models like the audited one: its recipe, else its shadow recipe."""
        return self.shadow if self.recipe is None else self.recipe

    def missing(self, needs: Iterable[str]) -> str | None:
        """Say why an audit with these needs cannot run, or None where it can."""
        absent = sorted(set(needs) - self.has)
        words = dict(NEEDS)
        if self.counts is not None and self.score is not None:
            words["scores"] = NOT_BINNED
        if self.shadow is not None:
            words["recipe"] = ONLY_SHADOW
        return "; ".join(words[name] for name in absent) or None
