"""What a setting may be, and the check of a whole dataclass of settings. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auditkit.errors import InputError, Problem, quote


@dataclass(frozen=True)
class Limit:
    """What a setting must be, in words and as a test."""

    expected: str
    holds: Callable[[Any], bool]


def whole(low: int, high: int) -> Limit:
    """A whole number in [low, high]."""

    def holds(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return Limit(f"a whole number from {low} to {high}", holds)


def real(low: float, high: float) -> Limit:
    """A number in [low, high)."""

    def holds(value: object) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and low <= value < high  # type: ignore[operator]

    return Limit(f"a number from {low:g} to below {high:g}", holds)


def share() -> Limit:
    """A number in [0, 1]."""
    below = real(0, 1)
    return Limit(
        "a number from 0 to 1",
        lambda value: below.holds(value) or (value == 1 and not isinstance(value, bool)),
    )


def one_of(*names: str) -> Limit:
    """One of some names."""
    return Limit(f"one of {', '.join(names)}", lambda value: value in names)


def list_of(limit: Limit, most: int) -> Limit:
    """A list whose members all keep a limit."""

    def holds(value: object) -> bool:
        return isinstance(value, tuple) and len(value) <= most and all(map(limit.holds, value))

    return Limit(f"a list of at most {most}, each {limit.expected}", holds)


def optional(limit: Limit) -> Limit:
    """Nothing, or what keeps a limit."""
    return Limit(f"{limit.expected}, or none", lambda v: v is None or limit.holds(v))


TRUTH = Limit("true or false", lambda value: isinstance(value, bool))
COLUMN = Limit("a column name", lambda value: isinstance(value, str) and value != "")
NAMES = list_of(Limit("a column name", lambda value: isinstance(value, str)), 100_000)


def setting(default: Any, limit: Limit) -> Any:  # noqa: ANN401 - as dataclasses.field
    """A field of settings that keeps a limit."""
    return dataclasses.field(default=default, metadata={"limit": limit})


def tupled(value: object) -> object:
    """A list, as TOML has them, as the tuple that a frozen dataclass can hold."""
    return tuple(value) if isinstance(value, list) else value


def check(settings: Any, further: Sequence[Problem] = ()) -> None:  # noqa: ANN401 - any of these
    """Raise what is wrong with the settings, as one error.

    Args:
        settings: A dataclass whose fields were made by `setting`.
        further: Problems that were found already.

    Raises:
        InputError: If a field does not keep its limit, or there are further problems.
    """
    name, problems = type(settings).__name__, []
    for field in dataclasses.fields(settings):
        value, limit = getattr(settings, field.name), field.metadata.get("limit")
        if limit is not None and not limit.holds(value):
            problems.append(Problem(f"{name}.{field.name}", quote(value), limit.expected))
    if problems or further:
        raise InputError([*problems, *further])
