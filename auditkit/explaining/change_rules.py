"""What a user says about which columns may change, and how; every problem of it at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from auditkit.errors import Problem, quote
from auditkit.explaining.categories import is_number
from auditkit.roles import origin
from auditkit.subject import Subject

_WHERE = "[audits.counterfactuals]"


@dataclass(frozen=True)
class ChangeRules:
    """Which columns may change, and how.

    Attributes:
        immutable: Columns that never change.
        changeable: Sensitive columns that may change all the same.
        increase_only: Numbers that may only rise.
        decrease_only: Numbers that may only fall.
        ranges: Number to the lowest and highest value that it may be changed to.

    Example:
        >>> rules = ChangeRules(immutable=["age"], increase_only=["age"])
        >>> [problem.found for problem in rules.problems()]
        ["'age', which is under immutable too"]
    """

    immutable: Sequence[str] = ()
    changeable: Sequence[str] = ()
    increase_only: Sequence[str] = ()
    decrease_only: Sequence[str] = ()
    ranges: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def _lists(self) -> dict[str, Sequence[str]]:
        names = ("immutable", "changeable", "increase_only", "decrease_only")
        return {name: getattr(self, name) for name in names}

    @property
    def _named(self) -> dict[str, list[str]]:
        """Column to the settings that name it, in their order."""
        named: dict[str, list[str]] = {}
        for setting, columns in (*self._lists.items(), ("ranges", list(self.ranges))):
            for column in columns:
                named.setdefault(column, []).append(setting)
        return named

    def problems(self) -> list[Problem]:
        """What is wrong whatever the subject: columns named twice, ranges that are none."""
        found = []
        for column, settings in self._named.items():
            first, *others = dict.fromkeys(settings)
            for name in others if first == "immutable" else [o for o in others if o != "ranges"]:
                text = f"{quote(column)}, which is under {first} too"
                found.append(Problem(f"{_WHERE} {name}", text, "a column in one of them"))
            if len(settings) > 1 + len(others):
                text = f"{quote(column)} twice"
                found.append(Problem(f"{_WHERE} {first}", text, "each column once"))
        for column, ends in self.ranges.items():
            if not _is_range(ends):
                text, expected = quote(list(ends)), "two numbers [low, high], low below high"
                found.append(Problem(f"{_WHERE} ranges {quote(column)}", text, expected))
        return found

    def problems_with(self, subject: Subject) -> list[Problem]:
        """What is wrong for one subject: unknown columns, an order where there is none."""
        known = list(dict.fromkeys([*subject.features, *subject.sensitive]))
        there = [*known, *(str(name) for name in subject.rows.columns)]
        found = []
        for column, settings in self._named.items():
            where = f"{_WHERE} {settings[-1]}"
            if column not in there:
                found.append(Problem.unknown(where, column, known, "a column of the data"))
            elif column in subject.features and set(settings) - {"immutable", "changeable"}:
                found += self._order_problems(column, where, subject.rows[column])
        return found

    def _order_problems(self, column: str, where: str, values: pd.Series) -> Iterator[Problem]:
        if not is_number(values):
            hint = "Categories have no order; leave it out, or write it under immutable."
            yield Problem(where, f"{quote(column)}, a column of categories", "numbers", hint)
        elif column in self.ranges:
            low, high = self.ranges[column]
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            if not ((numbers >= low) & (numbers <= high)).any():
                text = f"{quote(list(self.ranges[column]))}, in which no assessed row lies"
                yield Problem(where, text, "a range that holds some of the rows")

    def fixed(self, subject: Subject) -> list[str]:
        """Features that never change: those named, and sensitive ones that are not freed."""
        freed = {column for column, settings in self._named.items() if settings != ["immutable"]}
        own = {origin(column, subject.features) for column in subject.sensitive}
        return [
            name
            for name in subject.features
            if name in self.immutable or (name in own and name not in freed)
        ]

    def unread(self, subject: Subject) -> list[str]:
        """Columns that a setting names and the model does not read: it says nothing there."""
        return [column for column in self._named if column not in subject.features]

    def direction(self, column: str) -> int:
        """1 where a number may only rise, -1 where it may only fall, else 0."""
        return int(column in self.increase_only) - int(column in self.decrease_only)

    def bounds(self, column: str) -> tuple[float, float]:
        """The range that a number may be changed within."""
        low, high = self.ranges.get(column, (-math.inf, math.inf))
        return float(low), float(high)


def _is_range(ends: Sequence[float]) -> bool:
    return len(ends) == 2 and not any(map(math.isnan, ends)) and ends[0] < ends[1]
