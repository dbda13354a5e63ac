"""Whose decision hangs on the seed that the model happened to be trained with?

The recipe trains the model again with other seeds, everything else the same. Statistics are in
`auditkit.methods.multiplicity`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import AuditkitError, InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, cells_of, measured, together
from auditkit.methods.gaps import shared_level
from auditkit.methods.multiplicity import (
    Spread,
    Versions,
    ambiguity,
    by_group,
    disagreement,
    discrepancy,
    group_gap,
    widest,
)
from auditkit.methods.ranking import auc
from auditkit.methods.regression import UNIT
from auditkit.models import Recipe
from auditkit.models.answers import checked_answers
from auditkit.roles import group_masks
from auditkit.subject import Subject

AMBIGUITY = Metric(
    "decision_ambiguity",
    "Decisions that hang on the seed",
    "Share of rows that not all models trained with different seeds decide alike; of numbers, that "
    "they move by over the tolerance.",
    *("rate", "lower", 0.0, 1.0),
)
AMBIGUITY_GAP = Metric(
    "decision_ambiguity_difference",
    "Difference in decisions that hang on the seed",
    "Largest difference between groups in the share of rows whose decision hangs on the seed.",
    *("difference", "lower", 0.0, 1.0),
)
DISCREPANCY = Metric(
    "decision_discrepancy",
    "Largest disagreement of two seeds",
    "Share of rows that two models of different seeds decide otherwise, for the two that disagree "
    "most.",
    *("rate", "lower", 0.0, 1.0),
)
DISAGREEMENT = Metric(
    "seed_disagreement",
    "Mean disagreement of two seeds",
    "Chance that two models of different seeds decide otherwise about one row.",
    *("rate", "lower", 0.0, 1.0),
)


def _deviation(name: str, title: str, of: str, unit: str = "difference") -> Metric:
    says = f"Standard deviation of {of} over models of different seeds."
    return Metric(f"{name}_seed_deviation", f"{title} over seeds", says, unit, "lower", 0.0)


#: What is computed of every model, in the order in which it is shown.
DEVIATIONS = {
    "accuracy": _deviation("accuracy", "Spread of accuracy", "accuracy"),
    "roc_auc": _deviation("roc_auc", "Spread of ROC AUC", "the area under the ROC curve"),
    "mean_absolute_error": _deviation(
        "absolute_error", "Spread of the error", "the mean absolute error", UNIT
    ),
    "demographic_parity_difference": _deviation(
        "parity", "Spread of the parity gap", "the gap in selection rates between groups"
    ),
    "accuracy_difference": _deviation(
        "accuracy_gap", "Spread of the gap in accuracy", "the gap in accuracy between groups"
    ),
    "mean_absolute_error_difference": _deviation(
        "error_gap", "Spread of the gap in error", "the gap in mean absolute error", UNIT
    ),
}
#: Task to the gap between groups that is computed of every model.
GAPS = {
    "binary": "demographic_parity_difference",
    "multiclass": "accuracy_difference",
    "regression": "mean_absolute_error_difference",
}
_WHERE = "[audits.seed-variance]"
_SAME = "all models on the assessed rows, rows counted alike"
#: What more seeds would do.
_MORE = "more seeds can only raise it"


@dataclass(frozen=True, eq=False)
class _Held:
    """What one model gives, and what is computed of it: name and attribute to number."""

    given: FloatArray
    numbers: Mapping[tuple[str, str], float | None]


@dataclass(frozen=True)
class SeedVariance:
    """The same model again with other seeds: what stays, and what was chance.

    It trains `seeds` times, whole: with as many epochs as the recipe has.

    Attributes:
        seeds: Further models that are trained; at least 1. The audited one counts beside them.
        tolerance: How far predicted numbers may move before a row counts as hanging on the seed;
            unit: standard deviations of the true outcomes. Decisions and classes need none.
        most_minutes: Where the record says that training would take more CPU time, it is left out.
        level: Two-sided level of the intervals, in (0, 1).
        min_group: Rows that the share of a group must rest on; at least 2.
        max_groups: A column with more groups than this is left out; at least 2.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> SeedVariance(seeds=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.seed-variance] seeds: found '0', expected a whole number from 1.
    """

    seeds: int = 4
    tolerance: float = 0.1
    most_minutes: float = 30.0
    level: float = 0.95
    min_group: int = 10
    max_groups: int = 20

    name: ClassVar[str] = "seed-variance"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "predictions", "train", "recipe"})
    tasks: ClassVar[frozenset[str]] = frozenset(GAPS)
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(AMBIGUITY, AMBIGUITY_GAP, DISCREPANCY, DISAGREEMENT),
        *DEVIATIONS.values(),
    )

    def __post_init__(self) -> None:
        problems = range_problems(self, seeds=1, min_group=2, max_groups=2)
        problems += [
            Problem(f"{_WHERE} {name}", quote(value), expected)
            for name, value, holds, expected in (
                ("tolerance", self.tolerance, self.tolerance >= 0, "a number from 0"),
                ("most_minutes", self.most_minutes, self.most_minutes > 0, "a number above 0"),
            )
            if not holds
        ]
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Train with other seeds, and hold all models against each other.

        Args:
            subject: What is audited.
            rng: Draws the seeds.

        Yields:
            How many decisions hang on the seed, overall and by group; the largest and the mean
            disagreement of two models; how far quality and gaps spread; then the table `seeds`.
        """
        made = self._too_dear(subject) or self._models(subject, rng)
        if isinstance(made, str):
            for metric in (AMBIGUITY, DISCREPANCY, DISAGREEMENT):
                yield measured(metric, Estimate.undefined(made), 0, "no model was trained")
            return
        versions = Versions(np.stack([held.given for held in made]), self._tolerance(subject))
        n, source = len(subject), f"the audited model and {self.seeds} of other seeds; {_SAME}"
        if subject.task == "regression":
            source += f"; tolerance {versions.tolerance:.4g}"
        rows = f"{source}; interval over rows, for these seeds"
        yield measured(AMBIGUITY, ambiguity(versions, self.level), n, f"{rows}; {_MORE}")
        yield from self._groups(subject, versions, source)
        yield measured(DISCREPANCY, discrepancy(versions, self.level), n, rows)
        yield measured(DISAGREEMENT, disagreement(versions, self.level), n, rows)
        yield from self._spreads(made, source)

    def _too_dear(self, subject: Subject) -> str:
        cost = getattr(subject.record, "cost", None) or {}
        minutes = float(cost.get("cpu_seconds") or 0.0) * self.seeds / 60
        if minutes <= self.most_minutes:
            return ""
        return (
            f"{self.seeds} trainings would take about {minutes:,.0f} CPU minutes, more than "
            f"most_minutes = {self.most_minutes:g}; raise it, or ask for fewer seeds"
        )

    def _models(self, subject: Subject, rng: np.random.Generator) -> list[_Held] | str:
        """What the audited model and the others give; why not, where training fails."""
        recipe, train = cast("Recipe", subject.recipe), cast("pd.DataFrame", subject.train)
        columns = self._columns(subject)
        made = [_held(subject, subject.y_pred, subject.y_score, columns, self.min_group)]
        own = getattr(recipe, "seed", None)
        drawn = [int(seed) for seed in rng.integers(2**31, size=self.seeds + 1) if seed != own]
        for seed in drawn[: self.seeds]:
            try:
                model, _ = recipe.fit(train, seed=seed)
                scores = checked_answers(model, subject.task, subject.rows, subject.classes)
            except AuditkitError as error:
                return f"training again was not possible: {' '.join(str(error).split())}"[:300]
            number = subject.task == "regression"
            given = scores if number else subject.decided(scores)
            made.append(_held(subject, given, None if number else scores, columns, self.min_group))
        return made

    def _columns(self, subject: Subject) -> dict[str, IntArray]:
        return {
            name: np.asarray(held.codes, dtype=np.int64)
            for name, held in subject.groups.items()
            if len(held.names) <= self.max_groups
        }

    def _tolerance(self, subject: Subject) -> float:
        return self.tolerance * float(subject.y_true.std()) if subject.task == "regression" else 0.0

    def _groups(self, subject: Subject, versions: Versions, source: str) -> Iterator[Measurement]:
        columns = self._columns(subject)
        masks = {
            (column, group): mask
            for column in columns
            for group, mask in group_masks(subject.groups[column]).items()
        }
        found = by_group(versions.hang, masks, self.min_group, self.level)
        for (column, group), estimate in found.items():
            n, where = int(masks[column, group].sum()), {column: group}
            yield measured(AMBIGUITY, estimate, n, source, where)
        each = shared_level(self.level, max(len(columns), 1))
        for column, codes in columns.items():
            gap = group_gap(versions.hang, codes, self.min_group, each)
            if len(columns) > 1:
                gap = together(gap, self.level, f"{len(columns)} columns")
            n = int((codes >= 0).sum())
            yield measured(AMBIGUITY_GAP, gap, n, source, {column: ALL_GROUPS})

    def _spreads(self, made: Sequence[_Held], source: str) -> Iterator[Measurement | Table]:
        lines: list[tuple[Cell, ...]] = []
        for (name, column), first in made[0].numbers.items():
            spread = Spread(tuple(held.numbers[name, column] for held in made))
            where = {column: ALL_GROUPS} if column else {}
            deviation = spread.deviation(self.level)
            yield measured(DEVIATIONS[name], deviation, len(made), source, where)
            x = spread.known
            ends = (None, None) if x is None else (float(x.min()), float(x.max()))
            lines.append((name, column, first, *cells_of(spread.mean(self.level)), *ends))
        yield Table(
            name="seeds",
            title="What the model reaches with other seeds",
            columns=(
                *("metric", "attribute", "as_audited", "mean", "low", "high"),
                *("lowest", "highest"),
            ),
            rows=tuple(lines),
            source=f"{source}; {self.level:.0%} intervals of the mean by Student's t over "
            f"{len(made)} seeds, each alone: few seeds make them wide",
            chart="seeds",
        )


def _held(
    subject: Subject,
    given: npt.NDArray[np.generic],
    scores: FloatArray | None,
    columns: Mapping[str, IntArray],
    least: int,
) -> _Held:
    """Compute what is told of one model."""
    y, answers = subject.y_true, np.asarray(given, dtype=np.float64)
    numbers: dict[tuple[str, str], float | None] = {}
    if subject.task == "regression":
        each, name = np.abs(answers - y), "mean_absolute_error"
    else:
        each, name = (answers == y).astype(np.float64), "accuracy"
    numbers[name, ""] = float(each.mean())
    if subject.task == "binary":
        each = answers
        if scores is not None:
            numbers["roc_auc", ""] = auc(y, scores).value
    for column, codes in columns.items():
        numbers[GAPS[subject.task], column] = widest(each, codes, least)
    return _Held(answers, numbers)
