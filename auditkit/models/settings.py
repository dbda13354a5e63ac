"""Reading what a user wrote about a model: every adapter's settings are one pydantic class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditkit.errors import InputError, MissingExtraError
from auditkit.policy import unknown_keys, validation_problems

A = TypeVar("A")
B = TypeVar("B")
S = TypeVar("S", bound="ModelSettings")
#: A class as a user writes it: text, a whole number or a truth value.
ClassName = bool | int | float | str


class ModelSettings(BaseModel):
    """Keys that `[subject.model]` may hold for any model that is brought.

    Attributes:
        threshold: Where a score selects; read by whoever makes the subject.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    threshold: float | None = None


class FileSettings(ModelSettings):
    """Keys for a model in a file.

    Attributes:
        file: The file; the adapter is chosen by its ending.
    """

    file: str = Field(min_length=1)


def read_settings(kind: type[S], table: Mapping[str, Any], where: str) -> S:
    """Read a table of settings.

    Args:
        kind: The class that knows the keys.
        table: What the user wrote.
        where: What to call it in a message, for example "auditkit.toml [subject.model]".

    Returns:
        The settings.

    Raises:
        InputError: Lists every key that is unknown, missing or holds something else.

    Example:
        >>> read_settings(FileSettings, {"file": "model.onnx"}, "auditkit.toml").file
        'model.onnx'
    """
    problems = unknown_keys(table, set(kind.model_fields), where)
    known = {key: value for key, value in table.items() if key in kind.model_fields}
    try:
        settings = kind.model_validate(known)
    except ValidationError as error:
        raise InputError([*problems, *validation_problems(error, where)]) from None
    if problems:
        raise InputError(problems)
    return settings


def both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Make two calls, and tell what is wrong with either.

    Args:
        first: A call.
        second: Another, made even where the first found a problem.

    Returns:
        What they gave.

    Raises:
        InputError: If one of them raised it; every problem of both is listed.

    Example:
        >>> both(lambda: 1, lambda: "a")
        (1, 'a')
    """
    try:
        given = first()
    except InputError as error:
        try:
            second()
        except InputError as other:
            raise InputError([*error.problems, *other.problems]) from None
        raise
    return given, second()


def missing_extra(what: str, packages: Sequence[str], extra: str) -> MissingExtraError:
    """Say which extra brings a package that is not there.

    Example:
        >>> print(missing_extra("An ONNX model", ["onnxruntime"], "onnx"))
        An ONNX model needs onnxruntime: pip install 'auditkit-rai[onnx]'
    """
    needed = " and ".join(packages)
    return MissingExtraError(f"{what} needs {needed}: pip install 'auditkit-rai[{extra}]'")
