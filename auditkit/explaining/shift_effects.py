"""What newer rows do to a model: estimated by weights, and measured where they have labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS, Measurement
from auditkit.methods import mover
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.shift_metrics import (
    CHANGE,
    ESTIMATED,
    GAPS,
    MEASURED,
    WHOLE,
    gap_of,
    mean_of,
)
from auditkit.methods.weighting import kish
from auditkit.roles import Groups
from auditkit.subject import Subject

Flags = npt.NDArray[np.bool_]
#: What is compared between groups, by task.
COMPARED = {
    "binary": ("selection_rate", "accuracy", "true_positive_rate"),
    "multiclass": ("accuracy",),
    "regression": ("absolute_error",),
}


@dataclass(frozen=True)
class Effect:
    """One quantity of the model in the assessed rows and in the newer ones.

    Attributes:
        quantity: What it is, as in `shift_metrics`.
        column: The sensitive column over whose groups it is a gap; "" where it is of all rows.
        assessed: In the assessed rows.
        estimated: In the newer rows, by weights.
        newer: In the newer rows, measured.
        rows: Rows that each of the last two rests on.
        worth: Rows that the weighted ones are worth, in words.
        least: Rows of a group below which it is not compared.
        change: Newer minus assessed, of all rows; None for a gap.
    """

    quantity: str
    column: str
    assessed: Estimate
    estimated: Estimate
    newer: Estimate
    rows: tuple[int, int]
    worth: str
    least: int
    change: Estimate | None = field(default=None)

    @property
    def title(self) -> str:
        """What a table calls it."""
        plain = self.quantity.replace("_", " ")
        return f"{plain}, gap by {quote(self.column)}" if self.column else plain

    @property
    def is_measured(self) -> bool:
        """Whether it is known of the newer rows."""
        return self.newer.value is not None

    def measurements(self) -> Iterator[Measurement]:
        """Estimate, measured value and change, each with its interval or the reason for none."""
        known = GAPS if self.column else WHOLE
        where = {self.column: ALL_GROUPS} if self.column else {}
        estimated = f"{self.rows[0]:,} assessed rows, weighted to look like the newer ones"
        among = f" in groups of at least {self.least}" if self.column else ""
        sources = {
            ESTIMATED: (self.estimated, self.rows[0], f"{estimated}: {self.worth}"),
            MEASURED: (self.newer, self.rows[1], f"{self.rows[1]:,} newer rows{among}"),
        }
        if self.change is not None:
            both = f"{self.rows[1]:,} newer rows and the assessed ones"
            sources[CHANGE] = (self.change, self.rows[1], both)
        for end, (found, n, source) in sources.items():
            yield known[self.quantity, end].measure(
                found.value,
                n=n,
                interval=found.interval,
                reason=found.reason,
                slice=where,
                source=source,
                basis="estimated" if end == ESTIMATED else "measured",
            )


class _Side(NamedTuple):
    """Predictions of one table, its outcomes or why there are none, and its groups."""

    predicted: npt.NDArray[Any] | None
    outcomes: npt.NDArray[Any] | str
    groups: dict[str, Groups]


def effects(
    subject: Subject,
    rows: IntArray,
    weights: FloatArray | None,
    lacks: str | None,
    least: int,
    level: float,
) -> list[Effect]:
    """Estimate and measure what the newer rows do to the model.

    Args:
        subject: What is audited; it has newer rows.
        rows: Places of the assessed rows that have weights, shape (m,).
        weights: Their weights, shape (m,); None where there are none.
        lacks: Why there are none.
        least: Rows that a group must have to be compared.
        level: Two-sided level of the intervals, in (0, 1).

    Returns:
        Accuracy or error of all rows first, then the gaps by sensitive column.
    """
    if subject.task not in COMPARED or "predictions" not in subject.has:
        return []
    truth: Any = subject.y_true if subject.label is not None else "the subject has no label column"
    assessed = _Side(subject.y_pred, truth, dict(subject.groups))
    newer = _Side(
        subject.predictions_of_newer(),
        subject.outcomes_of_newer(),
        dict(subject.newer_groups or {}),
    )
    made = _Maker(assessed, newer, rows, weights, lacks, least, level)
    main = "absolute_error" if subject.task == "regression" else "accuracy"
    return [made.whole(main)] + [
        made.gap(quantity, column)
        for column in subject.sensitive
        for quantity in COMPARED[subject.task]
    ]


@dataclass(frozen=True)
class _Maker:
    """What all effects of a subject share; see `effects`."""

    assessed: _Side
    newer: _Side
    rows: IntArray
    weights: FloatArray | None
    lacks: str | None
    least: int
    level: float

    def whole(self, quantity: str) -> Effect:
        """Accuracy or error of all rows."""
        is_share = quantity == "accuracy"
        found, sizes = list[Estimate](), []
        for side, weighted in ((self.assessed, False), (self.assessed, True), (self.newer, False)):
            values = _values(side, quantity)
            if isinstance(values, str) or (weighted and self.weights is None):
                reason = values if isinstance(values, str) else self.lacks or ""
                found.append(Estimate.undefined(reason))
                sizes.append(0)
                continue
            numbers = values[0][self.rows] if weighted else values[0]
            each = self.weights if weighted else None
            found.append(mean_of(numbers, each, self.level, is_share=is_share))
            sizes.append(numbers.size)
        change = _minus(found[2], found[0], self.level)
        return Effect(
            quantity,
            "",
            found[0],
            found[1],
            found[2],
            (sizes[1], sizes[2]),
            self._worth,
            self.least,
            change,
        )

    def gap(self, quantity: str, column: str) -> Effect:
        """The gap of a rate or of the error over the groups of a column."""
        found, sizes = list[Estimate](), []
        for side, weighted in ((self.assessed, False), (self.assessed, True), (self.newer, False)):
            values, groups = _values(side, quantity), side.groups.get(column)
            if isinstance(values, str) or groups is None or (weighted and self.weights is None):
                reason = values if isinstance(values, str) else self.lacks or "no groups"
                found.append(Estimate.undefined(reason))
                sizes.append(0)
                continue
            numbers, among = values
            codes, each = np.where(among, groups.codes, -1), None
            if weighted:
                numbers, codes, each = numbers[self.rows], codes[self.rows], self.weights
            is_share = quantity != "absolute_error"
            made, n = gap_of(numbers, codes, len(groups.names), each, self.least, self.level,
                             is_share=is_share)  # fmt: skip
            found.append(made)
            sizes.append(n)
        return Effect(
            quantity,
            column,
            found[0],
            found[1],
            found[2],
            (sizes[1], sizes[2]),
            self._worth,
            self.least,
        )

    @property
    def _worth(self) -> str:
        if self.weights is None:
            return "no weights"
        return f"all of them worth {kish(self.weights):,.0f} rows"


def _values(side: _Side, quantity: str) -> tuple[FloatArray, Flags] | str:
    """The number of each row whose mean is the quantity, and the rows that it is of."""
    if side.predicted is None:
        return "there is nothing to predict newer rows with"
    everyone = np.ones(len(side.predicted), dtype=bool)
    if quantity == "selection_rate":
        return np.asarray(side.predicted, dtype=np.float64), everyone
    if isinstance(side.outcomes, str):
        return side.outcomes
    if quantity == "absolute_error":
        return np.abs(np.asarray(side.predicted - side.outcomes, dtype=np.float64)), everyone
    if quantity == "true_positive_rate":
        return np.asarray(side.predicted, dtype=np.float64), side.outcomes == 1
    return np.asarray(side.predicted == side.outcomes, dtype=np.float64), everyone


def _minus(first: Estimate, second: Estimate, level: float) -> Estimate:
    for one in (first, second):
        if one.value is None or one.interval is None:
            return Estimate.undefined(one.reason or "a number has no interval")
    return mover.minus(first, second, level)
