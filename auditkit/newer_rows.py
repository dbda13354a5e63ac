"""A newer table than the assessed rows: read likewise, and held to the same columns and types."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from auditkit.errors import Problem, quote
from auditkit.roles import Roles, as_names, make_groups
from auditkit.rows import lacking

if TYPE_CHECKING:
    from auditkit.config import Config
    from auditkit.data.intake import Attempts, Intake


@dataclass(frozen=True)
class Newer:
    """Newer rows, as a configuration names them.

    Attributes:
        rows: The rows, with the columns that play a part, or None.
        notes: Where they came from, in whole sentences.
    """

    rows: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()


def read_newer(
    config: Config, data: tuple[Intake, Roles], folder: Path, where: str, attempt: Attempts
) -> Newer:
    """Read the table under `newer_data`, if there is one.

    Args:
        config: What the file says.
        data: The rows to assess, and which column plays which part in them.
        folder: Where the configuration lies; paths in it start here.
        where: Name of the file, for messages.
        attempt: Gathers what is wrong.

    Returns:
        The rows; none where none are named or they are wrong.
    """
    from auditkit.data.intake import take_newer

    intake, roles = data
    if config.subject.newer_data is None:
        return Newer()
    taken = take_newer(config, intake, folder, where, attempt)
    if taken is None:
        return Newer()
    problems = newer_problems(taken.rows, intake.rows, roles, taken.name)
    attempt.problems += problems
    return Newer() if problems else Newer(taken.rows, taken.notes)


def newer_problems(
    newer: pd.DataFrame, rows: pd.DataFrame, roles: Roles, which: str
) -> list[Problem]:
    """Find everything that keeps a newer table from being held against the assessed rows.

    Args:
        newer: The newer rows; the label may be absent, and so may the weight.
        rows: The assessed rows.
        roles: Which column plays which part in them.
        which: What to call the newer table in a message.

    Returns:
        A problem for each column that is not there, that holds another type, or whose values
        cannot be read.

    Example:
        >>> rows = pd.DataFrame({"age": [30, 40], "pay": [1.0, 2.0]})
        >>> newer = pd.DataFrame({"age": ["young", "old"]})
        >>> found = newer_problems(newer, rows, Roles(features=("age", "pay")), "newer")
        >>> [problem.found for problem in found]
        ['no such column', 'text']
    """
    if len(newer) == 0:
        return [Problem(which, "no rows", "at least one row")]
    found = lacking(newer, roles, which, ("sensitive", "features"))
    single = [("score", roles.score), ("prediction", roles.prediction)]
    for role, name in single:
        if name is not None and name not in newer:
            place = f"{which} column {quote(name)} ({role})"
            hint = f"Add it, or leave {which} out."
            found.append(Problem(place, "no such column", f"the {role} of each row", hint))
    for name in dict.fromkeys([*roles.columns]):
        if name in newer and name in rows and name != roles.weight:
            found += _type_problems(newer[name], rows[name], f"{which} column {quote(name)}")
    for name in (roles.score, roles.prediction, roles.label):
        if name is not None and name in newer:
            found += _value_problems(newer[name], rows, name, roles, which)
    return found


def _type_problems(newer: pd.Series, rows: pd.Series, place: str) -> list[Problem]:
    if newer.isna().all() or rows.isna().all():
        return []
    kinds = [_kind(values) for values in (newer, rows)]
    if kinds[0] == kinds[1]:
        return []
    return [Problem(place, kinds[0], f"{kinds[1]}, as in the assessed rows")]


def _kind(values: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "true or false"
    return "numbers" if pd.api.types.is_numeric_dtype(values) else "text"


def _value_problems(
    values: pd.Series, rows: pd.DataFrame, name: str, roles: Roles, which: str
) -> list[Problem]:
    """What is wrong with values of a label, a score or a decision, of which none may be missing."""
    place = f"{which} column {quote(name)}"
    missing = int(values.isna().sum())
    if missing:
        hint = "Leave the column out where nothing is known yet." if name == roles.label else ""
        return [Problem(place, f"{missing:,} missing values", "no missing value", hint)]
    if roles.task != "binary" or name == roles.score or name not in rows:
        return []
    known = make_groups(rows[name]).names
    strange = sorted(set(as_names(values)) - set(known))
    if len(known) < 2 or not strange:
        return []
    expected = f"one of {', '.join(map(quote, known[:8]))}"
    return [Problem(place, f"{quote(strange[0])}", expected)]
