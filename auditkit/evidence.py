"""What an audit yields: measurements and tables, with their uncertainty and provenance.

Imports no data library, so that a report can be read and drawn again anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Basis = Literal["measured", "estimated", "declared"]
Better = Literal["higher", "lower", "neither"]
#: One entry of a table row. Non-finite floats are refused.
Cell = str | int | float | bool | None

#: In a slice, the group name that means "compared over all groups of this column".
ALL_GROUPS = "*"
#: In a slice beside `ALL_GROUPS`, it means "compared among rows that are alike in this column".
WITHIN = "="

_WEAKNESS: dict[Basis, int] = {"measured": 0, "estimated": 1, "declared": 2}


def weakest(*bases: Basis) -> Basis:
    """Find the basis of a sum: the weakest of its terms.

    Args:
        bases: The bases of the terms; at least one.

    Returns:
        `declared` before `estimated` before `measured`.

    Raises:
        ValueError: If there are no terms.

    Example:
        >>> weakest("measured", "estimated")
        'estimated'
    """
    return max(bases, key=_WEAKNESS.__getitem__)


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval that names its method and its level.

    Attributes:
        low: Lower bound, in the unit of the value.
        high: Upper bound, in the unit of the value; above `low`.
        level: Confidence level, in (0, 1).
        method: How it was made, for example "Clopper-Pearson" or "Newcombe, Bonferroni over 10
            pairs".

    Raises:
        ValueError: If a bound is not finite, the width is not positive, or the level is no level.

    Example:
        >>> Interval(0.1, 0.3, 0.95, "Clopper-Pearson").high
        0.3
    """

    low: float
    high: float
    level: float
    method: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            message = f"an interval has finite bounds; got [{self.low}, {self.high}]"
            raise ValueError(message)
        if not self.low < self.high:
            message = f"an interval has a width; got [{self.low}, {self.high}]"
            raise ValueError(message)
        if not 0 < self.level < 1:
            message = f"a level lies in (0, 1); got {self.level}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number means. An audit declares its metrics as a class attribute.

    Attributes:
        id: Stable snake_case name, in fairlearn's, shap's and Opacus's words where they have one.
        title: The name for a reader, for example "True positive rate".
        definition: One sentence that says what is counted or computed.
        unit: Unit of the value: "rate", "ratio", "difference", "count", "s", "J", ...
        better: Which direction is better, if any.
        low: Natural lower bound of the value, if there is one.
        high: Natural upper bound of the value, if there is one.

    Example:
        >>> accuracy = Metric("accuracy", "Accuracy", "Share of right predictions.", "rate",
        ...                   better="higher", low=0.0, high=1.0)
        >>> accuracy.measure(0.8, n=10, interval=Interval(0.49, 0.94, 0.95, "Clopper-Pearson"),
        ...                  source="test rows").unit
        'rate'
    """

    id: str
    title: str
    definition: str
    unit: str
    better: Better = "neither"
    low: float | None = None
    high: float | None = None

    def measure(
        self,
        value: float | None,
        *,
        n: int,
        source: str,
        interval: Interval | None = None,
        reason: str | None = None,
        slice: Mapping[str, str] | None = None,  # noqa: A002 - the field's own word
        basis: Basis = "measured",
        exact: bool = False,
    ) -> Measurement:
        """Make a measurement of this metric; see `Measurement` for the arguments."""
        return Measurement(
            metric=self.id,
            value=value,
            unit=self.unit,
            n=n,
            source=source,
            slice=dict(slice or {}),
            interval=interval,
            reason=reason,
            basis=basis,
            better=self.better,
            exact=exact,
        )


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number, or the reason why there is none.

    Attributes:
        metric: Id of the metric.
        value: The number, finite; None where it is undefined or could not be measured.
        unit: Unit of value and interval.
        n: Rows (or runs, or people) that the number rests on.
        source: What it was computed from and by which method.
        slice: Column to group; a group of `ALL_GROUPS` compares all groups of the column, one of
            `WITHIN` holds the column equal; empty means all rows.
        interval: The uncertainty, or None with a reason.
        reason: Why there is no value, or why there is no interval.
        basis: Measured, estimated by a model of the quantity, or declared by somebody.
        better: Which direction is better.
        exact: True for a number without sampling error (a count, a closed form). Without an
            interval only an exact number may decide a verdict.

    Raises:
        ValueError: If a value or an interval is missing without a reason, the value is not
            finite, or it lies outside its interval.

    Example:
        >>> Measurement("accuracy", None, "rate", 0, "test rows", reason="no rows").value is None
        True
        >>> Measurement("accuracy", 0.5, "rate", 10, "test rows")
        Traceback (most recent call last):
        ValueError: accuracy: a number without an interval needs a reason
    """

    metric: str
    value: float | None
    unit: str
    n: int
    source: str
    slice: Mapping[str, str] = field(default_factory=dict)
    interval: Interval | None = None
    reason: str | None = None
    basis: Basis = "measured"
    better: Better = "neither"
    exact: bool = False

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            message = f"{self.metric}: {problem}"
            raise ValueError(message)

    def _problem(self) -> str | None:
        if self.n < 0:
            return f"n counts rows; got {self.n}"
        if self.value is None:
            if self.interval is not None:
                return "an interval needs a value"
            return None if self.reason else "a missing value needs a reason"
        if not math.isfinite(self.value):
            return f"a value is finite or None with a reason; got {self.value}"
        if self.interval is None:
            return None if self.reason else "a number without an interval needs a reason"
        slack = 1e-9 * max(1.0, abs(self.value))
        if not self.interval.low - slack <= self.value <= self.interval.high + slack:
            return f"{self.value} lies outside [{self.interval.low}, {self.interval.high}]"
        return None


@dataclass(frozen=True, slots=True)
class Table:
    """Evidence with many numbers.

    Attributes:
        name: Stable kebab-case name, unique within the audit.
        title: The name for a reader.
        columns: Column names, snake_case.
        rows: One tuple a row, as long as `columns`; numbers finite, None where there is none.
        source: What it was computed from and by which method, units included.
        chart: Name of the chart kind that draws it, or None for a plain table.
        basis: As in `Measurement`.

    Raises:
        ValueError: If a row has another length than the columns, or a number is not finite.

    Example:
        >>> Table("pairs", "Pairs", ("a", "b", "gap"), (("F", "M", 0.2),), "test").name
        'pairs'
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    source: str
    chart: str | None = None
    basis: Basis = "measured"

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                message = f"table {self.name}: a row has {len(row)} of {len(self.columns)} entries"
                raise ValueError(message)
            if any(isinstance(cell, float) and not math.isfinite(cell) for cell in row):
                message = f"table {self.name}: a number is not finite in {row!r}; use None"
                raise ValueError(message)
