"""What does each strength of privacy cost, and whom?

The audited model's recipe is trained with differential privacy once at each epsilon, and each twin
decides the same assessed rows as the audited model. Each twin is attacked as the audited model is
by the audit "privacy": by its loss. A twin that another audit trained is not trained again. There
are no twins by a shadow recipe: their accuracy would differ for more reasons than privacy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.explaining.attacked_rows import LossAttack
from auditkit.methods.estimates import Estimate, cells_of, measured
from auditkit.methods.membership_risk import Found
from auditkit.methods.paired import PairedAccuracy, paired_accuracy, shown_accuracy
from auditkit.models import Model, Recipe
from auditkit.models.answers import checked_answers
from auditkit.models.twins import private_twin, twin_problems, twin_settings
from auditkit.roles import group_masks
from auditkit.subject import Subject

ACCURACY = Metric(
    "frontier_accuracy",
    "Accuracy at an epsilon",
    "Share of right decisions of the model trained with differential privacy at this epsilon.",
    *("rate", "higher", 0.0, 1.0),
)
ACCURACY_COST = Metric(
    "frontier_accuracy_cost",
    "Accuracy that an epsilon costs",
    "Accuracy of the audited model minus that of its private twin at this epsilon, on the same "
    "rows.",
    *("difference", "lower", -1.0, 1.0),
)
MEMBERSHIP_AUC = Metric(
    "frontier_membership_auc",
    "Membership attack at an epsilon, AUC",
    "Chance that a training row looks more familiar to the private twin, by its loss, than a row "
    "it was not trained on; 0.5 betrays nothing.",
    *("rate", "lower", 0.0, 1.0),
)

BoolArray = npt.NDArray[np.bool_]

#: What stands for all rows in the table of groups.
EVERYONE = "everyone"
_WHERE = "[audits.privacy-frontier]"
_ONCE = "one training run at each epsilon: another seed would give somewhat other decisions"
_COLUMNS = (
    *("epsilon", "noise_multiplier", "accuracy", "low", "high", "cost", "cost_low", "cost_high"),
    *("membership_auc", "membership_auc_low", "membership_auc_high"),
)
_SAME = "decisions of both models on the same assessed rows, by the same rule"
_EACH = "each group at its own level"
_GROUP_COLUMNS = (
    *("attribute", "group", "n", "accuracy", "private_accuracy", "difference", "low", "high"),
)


@dataclass(frozen=True)
class PrivacyFrontier:
    """Accuracy, its cost for everyone and for each group, and leakage, at several epsilons.

    Attributes:
        epsilons: Privacy losses to train at, each above 0.
        delta: As in the audit "privacy"; so are `max_grad_norm`, `epochs`, `batch_size` and
            `learning_rate`. None lets the training choose.
        max_grad_norm: L2 norm to which the gradient of each row is clipped.
        epochs: Passes over the training rows.
        batch_size: Rows of one step on average.
        learning_rate: Learning rate of the twins.
        members: Most training rows to attack, drawn at random.
        level: Two-sided level of the intervals.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> PrivacyFrontier(epsilons=(1.0, -1.0))
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.privacy-frontier] epsilons: found '-1.0', expected a number above 0.
    """

    name: ClassVar[str] = "privacy-frontier"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "model", "train", "recipe"})
    metrics: ClassVar[tuple[Metric, ...]] = (ACCURACY, ACCURACY_COST, MEMBERSHIP_AUC)

    epsilons: tuple[float, ...] = (0.5, 1.0, 3.0)
    delta: float | None = None
    max_grad_norm: float = 1.0
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    members: int = 10_000
    level: float = 0.95

    def __post_init__(self) -> None:
        problems = [
            Problem(f"{_WHERE} epsilons", quote(value), "a number above 0")
            for value in self.epsilons
            if not (isinstance(value, int | float) and 0 < value < np.inf)
        ]
        if not self.epsilons:
            problems.append(Problem(f"{_WHERE} epsilons", "none", "one number above 0 or more"))
        problems += twin_problems(self) + range_problems(self, members=1)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Train a twin at each epsilon and hold it against the audited model.

        Args:
            subject: What is audited.
            rng: Draws the training rows that are attacked, and the halves of the classifier that
                looks for a difference between them and the assessed rows.

        Yields:
            Measurements by epsilon, and by epsilon and group; the tables `frontier` and
            `frontier-groups`.
        """
        train = cast("pd.DataFrame", subject.train)  # `needs` has seen to it
        attack = LossAttack.on(subject, train, rng, self.members)
        right = subject.y_pred == subject.y_true
        first = _area(attack.found(cast("Model", subject.model)), self.level)
        points = [_audited(right, first, self.level)]
        strongest: list[tuple[Cell, ...]] = []
        for epsilon in sorted({float(e) for e in self.epsilons}):
            settings = {"epsilon": epsilon, **twin_settings(self)}
            twin = private_twin(cast("Recipe", subject.recipe), train, settings)
            if isinstance(twin, str):
                yield from _none(twin, epsilon)
                points.append((epsilon, *[None] * (len(_COLUMNS) - 1)))
                continue
            pairs = list(_pairs(subject, right, twin.model, self.level))
            area = _area(attack.found(twin.model), self.level)
            yield from _measured(epsilon, pairs)
            source, n = f"{attack.source}; {_ONCE}", attack.drawn.size + len(subject)
            yield measured(MEMBERSHIP_AUC, area, n, source, {"epsilon": f"{epsilon:g}"})
            everyone, noise = pairs[0].accuracies, twin.spent.get("noise_multiplier")
            cells = cells_of(everyone.second), cells_of(everyone.difference), cells_of(area)
            points.append((epsilon, noise, *cells[0], *cells[1], *cells[2]))
            if not strongest:
                strongest = [_line(pair) for pair in pairs]
        yield self._frontier(points)
        yield self._groups(strongest)

    def _frontier(self, points: list[tuple[Cell, ...]]) -> Table:
        return Table(
            "frontier",
            "What each strength of privacy costs",
            _COLUMNS,
            tuple(points),
            "the line without an epsilon is the audited model; the others are trained anew by its "
            f"recipe; {_SAME}; cost is the audited model's accuracy minus the twin's; "
            f"{self.level:.0%} intervals; {_ONCE}",
            chart="privacy-frontier",
        )

    def _groups(self, lines: list[tuple[Cell, ...]]) -> Table:
        return Table(
            "frontier-groups",
            "What the strongest privacy costs each group",
            _GROUP_COLUMNS,
            tuple(lines),
            f"{_SAME}; difference is the audited model's accuracy minus that of the twin with the "
            f"smallest epsilon; {self.level:.0%} intervals, {_EACH}; {_ONCE}",
            chart="forest",
        )


@dataclass(frozen=True)
class _Pair:
    """The accuracy of both models for everyone, or for one group.

    Attributes:
        where: Column to group; empty for everyone.
        accuracies: Of the audited model and its twin.
    """

    where: Mapping[str, str]
    accuracies: PairedAccuracy


def _pairs(subject: Subject, right: BoolArray, twin: Model, level: float) -> Iterator[_Pair]:
    """Everyone first, then each group that has a row."""
    scores = checked_answers(twin, subject.task, subject.rows, subject.classes)
    right_twin = subject.decided(scores) == subject.y_true
    yield _Pair({}, shown_accuracy(right, right_twin, level))
    for column, groups in subject.groups.items():
        for label, mask in group_masks(groups).items():
            yield _Pair({column: label}, shown_accuracy(right[mask], right_twin[mask], level))


def _area(found: Found | str, level: float) -> Estimate:
    return Estimate.undefined(found) if isinstance(found, str) else found.auc(level)


def _audited(right: BoolArray, attack: Estimate, level: float) -> tuple[Cell, ...]:
    """The line of the audited model."""
    accuracy = paired_accuracy(right, right, level).first
    return (None, None, *cells_of(accuracy), None, None, None, *cells_of(attack))


def _measured(epsilon: float, pairs: Sequence[_Pair]) -> Iterator[Measurement]:
    at = {"epsilon": f"{epsilon:g}"}
    for pair in pairs:
        found, slice_ = pair.accuracies, {**at, **pair.where}
        source = f"{_SAME}; {_ONCE}" + (f"; {_EACH}" if pair.where else "")
        yield measured(ACCURACY, found.second, found.n, source, slice_)
        yield measured(ACCURACY_COST, found.difference, found.n, source, slice_)


def _none(reason: str, epsilon: float) -> Iterator[Measurement]:
    for metric in PrivacyFrontier.metrics:
        slice_ = {"epsilon": f"{epsilon:g}"}
        yield metric.measure(None, n=0, reason=reason, slice=slice_, source=_SAME)


def _line(pair: _Pair) -> tuple[Cell, ...]:
    found = pair.accuracies
    column, group = next(iter(pair.where.items()), ("", EVERYONE))
    accuracies = found.first.value, found.second.value
    return (column, group, found.n, *accuracies, *cells_of(found.difference))
