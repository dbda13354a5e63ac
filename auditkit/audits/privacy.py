"""Does the model betray its training rows, and what would training it privately cost?"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit import meter
from auditkit.errors import InputError, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.explaining.attacked_rows import LossAttack, group_slices
from auditkit.methods import guarantee, membership
from auditkit.methods.estimates import Estimate, measured
from auditkit.methods.membership_risk import SHIFT, Found
from auditkit.methods.paired import WITHHELD, PairedAccuracy, shown_accuracy
from auditkit.models import Model
from auditkit.models.answers import checked_answers
from auditkit.models.twins import private_twin, twin_problems, twin_settings
from auditkit.roles import group_masks
from auditkit.subject import Recipe, Subject

_share = functools.partial(Metric, unit="rate", better="lower", low=0.0, high=1.0)

MEMBERSHIP_AUC = _share(
    "membership_auc",
    "Membership attack, AUC",
    "Chance that a row the model was trained on looks more familiar to it, by its loss, than a "
    "row it was not trained on; 0.5 betrays nothing.",
)
MEMBERSHIP_TPR_1 = _share(
    "membership_tpr_at_1pct_fpr",
    "Members found at 1 % false accusations",
    "Share of training rows that a loss threshold finds while it accuses at most 1 % of the "
    "other rows; 0.01 betrays nothing.",
)
MEMBERSHIP_TPR_01 = _share(
    "membership_tpr_at_01pct_fpr",
    "Members found at 0.1 % false accusations",
    "Share of training rows that a loss threshold finds while it accuses at most 0.1 % of the "
    "other rows; 0.001 betrays nothing.",
)
ACCURACY = _share(
    "private_accuracy",
    "Accuracy of the private twin",
    "Share of right decisions of the model that was trained with differential privacy.",
    better="higher",
)
ACCURACY_COST = _share(
    "private_accuracy_cost",
    "Accuracy that privacy costs",
    "Accuracy of the audited model minus that of its private twin, on the same rows.",
    unit="difference",
    low=-1.0,
)
SECONDS_RATIO = Metric(
    "private_training_seconds_ratio",
    "CPU time that privacy costs",
    "CPU time of training the private twin over that of training the audited model.",
    "ratio",
    better="lower",
    low=0.0,
)

_ATTACKED = (MEMBERSHIP_AUC, MEMBERSHIP_TPR_1, MEMBERSHIP_TPR_01)
_TWIN = (*guarantee.METRICS, ACCURACY, ACCURACY_COST, SECONDS_RATIO)
_COLUMNS = (
    "attribute", "group", "n", "accuracy", "private_accuracy", "difference", "low", "high",
)  # fmt: skip
#: What stands for all rows in the table of the private twin.
EVERYONE = "everyone"


@dataclass(frozen=True)
class Privacy:
    """A membership attack on the audited model, and its twin trained with differential privacy.

    There is no twin by a shadow recipe: its accuracy would differ for more reasons than privacy.

    Settings are its fields; those of private training are as in `auditkit.Privacy`.

    Attributes:
        epsilon: Privacy loss that the twin may spend.
        delta: Probability with which that bound may fail; None lets the training choose one below
            1 over the training rows.
        max_grad_norm: L2 norm to which the gradient of each row is clipped.
        epochs: Passes over the training rows; None takes those of the audited model.
        batch_size: Rows of one step on average; None takes four times that of the audited model.
        learning_rate: Learning rate of the twin; None raises that of the model with the batch.
        members: Most training rows to attack, drawn at random.
        level: Two-sided level of the intervals.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Privacy(epsilon=1.0).metrics[0].id
        'membership_auc'
    """

    name: ClassVar[str] = "privacy"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "model", "train"})
    metrics: ClassVar[tuple[Metric, ...]] = (*_ATTACKED, SHIFT, *_TWIN)

    epsilon: float = 3.0
    delta: float | None = None
    max_grad_norm: float = 1.0
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    members: int = 10_000
    level: float = 0.95

    def __post_init__(self) -> None:
        problems = twin_problems(self) + range_problems(self, members=1)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Yield the attack on the audited model, then the private twin.

        Args:
            subject: What is audited. Without a recipe there is no twin: None with the reason.
            rng: Draws the training rows that are attacked, and the halves of the classifier that
                looks for a difference between them and the assessed rows.

        Yields:
            Measurements, and the tables `attack-roc` and `private-twin`.
        """
        train = cast("pd.DataFrame", subject.train)  # `needs` has seen to it
        attack = LossAttack.on(subject, train, rng, self.members)
        yield attack.shift.measured()
        yield from self._attack(attack, attack.found(cast("Model", subject.model)))
        if subject.recipe is None:
            reason = subject.missing({"recipe"}) or ""
            yield from _none(_TWIN, reason, "private twin of the audited model")
        else:
            yield from self._twin(subject, subject.recipe, train)

    def _attack(self, attack: LossAttack, found: Found | str) -> Iterator[Measurement | Table]:
        if isinstance(found, str):
            yield from _none(_ATTACKED, found, "membership attack by loss")
            return
        yield _auc(found, attack.source, self.level, {})
        for metric, fpr in ((MEMBERSHIP_TPR_1, 0.01), (MEMBERSHIP_TPR_01, 0.001)):
            share, source = found.tpr(fpr, self.level), f"{attack.source}; {_THRESHOLD}"
            yield measured(metric, share, found.n, source, {})
        everyone = np.arange(len(attack.subject))
        for column, names in group_slices(attack.subject, attack.drawn, everyone).items():
            for name, masks in names.items():
                source = f"{attack.source}; {_EACH}"
                yield _auc(found.of(*masks), source, self.level, {column: name})
        yield Table(
            name="attack-roc",
            title="What a membership attack finds",
            columns=("false_positive_rate", "true_positive_rate", "low", "high"),
            rows=tuple(membership.attack_curve(found.members, found.others, self.level)),
            source=f"{attack.source}; {self.level:.0%} bounds of each point: {membership.METHOD}",
            chart="log-log-roc",
        )

    def _twin(
        self, subject: Subject, recipe: Recipe, train: pd.DataFrame
    ) -> Iterator[Measurement | Table]:
        source = "private twin of the audited model"
        twin = private_twin(recipe, train, twin_settings(self))
        if isinstance(twin, str):
            yield from _none(_TWIN, twin, source)
            return
        yield from guarantee.stated(twin.spent, len(train))
        yield _seconds_ratio(subject.record, twin.record)
        yield from self._accuracy(subject, twin.model)

    def _accuracy(self, subject: Subject, twin: Model) -> Iterator[Measurement | Table]:
        right = subject.y_pred == subject.y_true
        scores = checked_answers(twin, subject.task, subject.rows, subject.classes)
        right_twin = subject.decided(scores) == subject.y_true
        rows: list[tuple[Cell, ...]] = []
        source = "decisions of both models on the same assessed rows, by the same rule"
        for column, name, mask in _cuts(subject):
            pair = shown_accuracy(right[mask], right_twin[mask], self.level)
            where = {column: name} if column else {}
            note = f"{source}; {_EACH}" if where else source
            yield measured(ACCURACY, pair.second, pair.n, note, where)
            yield measured(ACCURACY_COST, pair.difference, pair.n, note, where)
            rows.append((column, name, *_cells(pair)))
        yield Table(
            name="private-twin",
            title="What privacy costs in accuracy",
            columns=_COLUMNS,
            rows=tuple(rows),
            source=f"{source}; difference is the audited model's accuracy minus the private "
            f"twin's, {self.level:.0%} intervals, {_EACH}",
            chart="forest",
        )


def _cells(pair: PairedAccuracy) -> tuple[Cell, ...]:
    bounds = pair.difference.interval
    ends = (bounds.low, bounds.high) if bounds else (None, None)
    return (pair.n, pair.first.value, pair.second.value, pair.difference.value, *ends)


def _cuts(subject: Subject) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    """All rows, then each group: its column, its name and its rows."""
    yield "", EVERYONE, np.ones(len(subject), dtype=bool)
    for column, groups in subject.groups.items():
        for name, mask in group_masks(groups).items():
            yield column, name, mask


_THRESHOLD = (
    "the threshold is chosen on the rows it was not trained on, and the interval holds the share "
    "at the threshold that is right for their population"
)
_EACH = "each group at its own level"


def _auc(found: Found, source: str, level: float, where: Mapping[str, str]) -> Measurement:
    alone = 1 in {found.members.size, found.others.size}
    area = Estimate.undefined(WITHHELD) if alone else found.auc(level)
    return measured(MEMBERSHIP_AUC, area, found.n, source, where)


def _none(metrics: tuple[Metric, ...], reason: str, source: str) -> Iterator[Measurement]:
    for metric in metrics:
        yield metric.measure(None, n=0, reason=reason, source=source)


def _seconds_ratio(record: object, private: object) -> Measurement:
    source = "training records, metered while each was trained"
    plain, costly = _cpu_seconds(record), _cpu_seconds(private)
    if not plain or costly is None:
        reason = "the training records do not both hold their CPU time"
        return SECONDS_RATIO.measure(None, n=0, reason=reason, source=source)
    reason = "one training run of each"
    return SECONDS_RATIO.measure(costly / plain, n=2, reason=reason, source=source)


def _cpu_seconds(record: object) -> float | None:
    costs = meter.outermost(meter.costs_of(getattr(record, "cost", None)))
    return sum(cost.cpu_seconds for cost in costs) if costs else None
