"""Phases written down as they end, so that a process that is killed leaves what it measured."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

from auditkit.errors import InputError, Problem, quote
from auditkit.meter.costs import Cost

_open: ContextVar[BinaryIO | None] = ContextVar("auditkit_journal", default=None)


@contextmanager
def journal(path: str | Path) -> Iterator[None]:
    """Append each phase that ends in the `with` block to a file, as one line of JSON.

    Each line is handed to the system at once. A line that a killed process left unfinished is
    closed first, and never read.

    Args:
        path: The file; made where it is not there.

    Yields:
        Nothing.

    Raises:
        InputError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> from auditkit import meter
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with meter.journal(Path(folder, "phases.jsonl")):
        ...         with meter.phase("train"), meter.phase("epoch"):
        ...             _ = sum(range(1000))
        ...     [cost.name for cost in meter.read_journal(Path(folder, "phases.jsonl"))]
        ['epoch', 'train']
    """
    with _opened(Path(path)) as file:
        _close_line(file)
        token = _open.set(file)
        try:
            yield
        finally:
            _open.reset(token)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("a+b", buffering=0)
    except OSError as error:
        found = error.strerror or "no file"
        raise InputError([Problem(str(path), found, "a file that can be written")]) from error


def _close_line(file: BinaryIO) -> None:
    if file.seek(0, 2):
        file.seek(-1, 2)
        if file.read(1) != b"\n":
            file.write(b"\n")


def note(cost: Cost) -> None:
    """Write a phase that has ended down, where a journal is open.

    A full disk must not end the work that is metered: it is warned of.

    Args:
        cost: What the phase cost.
    """
    file = _open.get()
    if file is None:
        return
    try:
        file.write(json.dumps(cost.to_dict(), allow_nan=False).encode() + b"\n")
    except OSError as error:
        text = f"phase {cost.name!r} is missing in the journal: {error.strerror}"
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def read_journal(path: str | Path) -> list[Cost]:
    """Read a journal, of a process that is still running or was killed too.

    Args:
        path: The file.

    Returns:
        The phases in the order in which they ended; lines that were never finished are left out.

    Raises:
        InputError: If it cannot be read, or a whole line is no phase.
    """
    try:
        lines = Path(path).read_bytes().split(b"\n")
    except OSError as error:
        found = error.strerror or "no file"
        raise InputError([Problem(str(path), found, "a journal of phases")]) from error
    costs, problems = [], []
    for number, line in enumerate(lines, 1):
        try:
            costs.append(Cost.from_dict(json.loads(line)))
        except ValueError:
            continue  # torn, or the empty end of the file
        except (KeyError, TypeError, AttributeError):
            where = f"{quote(Path(path).name)[1:-1]} line {number}"
            problems.append(Problem(where, quote(line.decode(errors="replace")), "a phase"))
    if problems:
        raise InputError(problems)
    return costs
