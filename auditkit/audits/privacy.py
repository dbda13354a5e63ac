"""Does the model betray its training rows, and what would training it privately cost?"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit import meter
from auditkit.errors import AuditkitError, InputError, Problem, quote
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods import guarantee, membership, ranking
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.estimates import Estimate, measured
from auditkit.methods.paired import WITHHELD, PairedAccuracy, shown_accuracy
from auditkit.models import Model
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
#: Setting to the open range that it lies in, and the range in words.
_RANGES: dict[str, tuple[float, float, str]] = {
    "epsilon": (0, math.inf, "a number above 0"),
    "delta": (0, 1, "a number in (0, 1)"),
    "max_grad_norm": (0, math.inf, "a number above 0"),
    "epochs": (0, math.inf, "a whole number from 1"),
    "batch_size": (0, math.inf, "a whole number from 1"),
    "learning_rate": (0, math.inf, "a number above 0"),
    "members": (0, math.inf, "a whole number from 1"),
    "level": (0, 1, "a number in (0, 1)"),
}
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
    tasks: ClassVar[frozenset[str]] = frozenset({"binary"})
    needs: ClassVar[frozenset[str]] = frozenset()
    metrics: ClassVar[tuple[Metric, ...]] = (*_ATTACKED, *_TWIN)

    epsilon: float = 3.0
    delta: float | None = None
    max_grad_norm: float = 1.0
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    members: int = 10_000
    level: float = 0.95

    def __post_init__(self) -> None:
        problems = [
            Problem(f"[audits.privacy] {name}", quote(getattr(self, name)), expected)
            for name, (low, high, expected) in _RANGES.items()
            if getattr(self, name) is not None and not low < getattr(self, name) < high
        ]
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Yield the attack on the audited model, then the private twin.

        Args:
            subject: What is audited. Without labels, a model, its training rows or its recipe the
                numbers that need them are None with the reason.
            rng: Draws the training rows that are attacked.

        Yields:
            Measurements, and the tables `attack-roc` and `private-twin`.
        """
        labels = {"labels", "model", "train"}
        missing, model, train = subject.missing(labels), subject.model, subject.train
        if missing or model is None or train is None:
            yield from _none(_ATTACKED, missing or "", "membership attack by loss")
        else:
            yield from self._attack(
                _Attack.on(subject, cast("Model", model), train, rng, self.members)
            )
        missing, recipe = subject.missing({*labels, "recipe"}), subject.recipe
        if missing or recipe is None or train is None:
            yield from _none(_TWIN, missing or "", "private twin of the audited model")
        else:
            yield from self._twin(subject, recipe, train)

    def _attack(self, attack: _Attack | None) -> Iterator[Measurement | Table]:
        if attack is None:
            yield from _none(_ATTACKED, NO_PROBABILITIES, "membership attack by loss")
            return
        yield _auc(attack.members, attack.others, attack.source, self.level, {})
        for metric, fpr in ((MEMBERSHIP_TPR_1, 0.01), (MEMBERSHIP_TPR_01, 0.001)):
            found = membership.tpr_at_fpr(attack.members, attack.others, fpr, self.level)
            size = attack.members.size + attack.others.size
            yield measured(metric, found, size, f"{attack.source}; {_THRESHOLD}", {})
        for column, names in attack.slices.items():
            for name, (among_members, among_others) in names.items():
                members, others = attack.members[among_members], attack.others[among_others]
                where = {column: name}
                yield _auc(members, others, f"{attack.source}; {_EACH}", self.level, where)
        yield Table(
            name="attack-roc",
            title="What a membership attack finds",
            columns=("false_positive_rate", "true_positive_rate", "low", "high"),
            rows=tuple(membership.attack_curve(attack.members, attack.others, self.level)),
            source=f"{attack.source}; {self.level:.0%} bounds of each point: {membership.METHOD}",
            chart="log-log-roc",
        )

    def _twin(
        self, subject: Subject, recipe: Recipe, train: pd.DataFrame
    ) -> Iterator[Measurement | Table]:
        source = "private twin of the audited model"
        names = ("epsilon", "delta", "max_grad_norm", "epochs", "batch_size", "learning_rate")
        wanted = {name: getattr(self, name) for name in names}
        settings = {name: value for name, value in wanted.items() if value is not None}
        try:
            twin, record = recipe.fit(train, privacy=settings)
        except AuditkitError as error:
            reason = f"private training was not possible: {' '.join(str(error).split())}"
            yield from _none(_TWIN, reason, source)
            return
        spent = getattr(record, "privacy", None)
        if not isinstance(spent, Mapping):
            yield from _none(_TWIN, "the twin's training record states no privacy", source)
            return
        yield from guarantee.stated(spent, len(train))
        yield _seconds_ratio(subject.record, record)
        yield from self._accuracy(subject, twin)

    def _accuracy(self, subject: Subject, twin: Model) -> Iterator[Measurement | Table]:
        right = subject.y_pred == subject.y_true
        selected = np.asarray(twin.scores(subject.rows)) >= subject.threshold
        right_twin = selected == (subject.y_true == 1)
        rows: list[tuple[Cell, ...]] = []
        source = "decisions of both models on the same assessed rows, same threshold"
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


@dataclass(frozen=True)
class _Attack:
    """Attack scores of training rows and of rows that the model was not trained on.

    Attributes:
        members: Shape (n,): scores of training rows.
        others: Shape (m,): scores of other rows.
        slices: Column to group to the positions (mask) of its rows in `members` and `others`.
        source: What was done, in words.
    """

    members: npt.NDArray[np.float64]
    others: npt.NDArray[np.float64]
    slices: Mapping[str, Mapping[str, tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]]
    source: str

    @classmethod
    def on(
        cls,
        subject: Subject,
        model: Model,
        train: pd.DataFrame,
        rng: np.random.Generator,
        most: int,
    ) -> _Attack | None:
        """Score both sides; None where the model's scores are no probabilities, so no losses."""
        count = min(most, len(train))
        drawn = np.sort(rng.choice(len(train), size=count, replace=False))
        rows = train.iloc[drawn]
        scores = np.asarray(model.scores(rows), dtype=np.float64)
        others = np.asarray(subject.y_score)
        if not (are_probabilities(scores) and are_probabilities(others)):
            return None
        return cls(
            members=membership.attack_scores(scores, subject.outcomes(rows)),
            others=membership.attack_scores(others, subject.y_true),
            slices=_slices(subject, drawn),
            source=f"membership attack by loss: {count:,} of {len(train):,} training rows drawn at "
            f"random against {len(subject):,} assessed rows, taken to come from one population",
        )


def _slices(
    subject: Subject, drawn: npt.NDArray[np.int64]
) -> dict[str, dict[str, tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]]:
    """Find each group's rows among the drawn training rows and among the assessed rows."""
    found = {}
    for column, groups in subject.groups.items():
        if subject.train_groups is None or column not in subject.train_groups:
            continue
        inside, outside = group_masks(subject.train_groups[column]), group_masks(groups)
        empty = np.zeros(len(subject), dtype=bool)
        absent = np.zeros(drawn.size, dtype=bool)
        found[column] = {
            name: (
                inside[name][drawn] if name in inside else absent,
                outside.get(name, empty),
            )
            for name in dict.fromkeys([*outside, *inside])
        }
    return found


def _auc(
    members: npt.NDArray[np.float64],
    others: npt.NDArray[np.float64],
    source: str,
    level: float,
    where: Mapping[str, str],
) -> Measurement:
    if 1 in {members.size, others.size}:
        found = Estimate.undefined(WITHHELD)
    elif members.size and others.size:
        is_member = np.repeat([1, 0], [members.size, others.size])
        found = ranking.auc(is_member, np.concatenate([members, others]), level)
    else:
        sizes = f"{members.size} training rows and {others.size} other rows"
        found = Estimate.undefined(f"rows of both kinds are needed; there are {sizes}")
    return measured(MEMBERSHIP_AUC, found, members.size + others.size, source, where)


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
