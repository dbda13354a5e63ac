"""The groups and the classes of training rows, by name."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from auditkit.errors import Problem, quote
from auditkit.roles import MOST_NUMERIC_GROUPS, Roles, as_names

#: Values of a group, one a column; None where one is missing.
Group = tuple[str | None, ...]


def groups_of(rows: pd.DataFrame, columns: Sequence[str]) -> list[Group]:
    """Name the group of each row: its values in some columns.

    Args:
        rows: Raw rows.
        columns: The columns.

    Returns:
        One group a row. A missing value is told from every text.

    Example:
        >>> groups_of(pd.DataFrame({"sex": ["F", None], "age": [1.0, 2.0]}), ["sex", "age"])
        [('F', '1'), (None, '2')]
    """
    named = [
        [name if isinstance(name, str) else None for name in as_names(rows[column])]
        for column in columns
    ]
    return list(zip(*named, strict=True)) if columns else [()] * len(rows)


def title(group: Group) -> str:
    """Name a group in one text.

    Example:
        >>> title(("F", None))
        'F and unknown'
    """
    return " and ".join("unknown" if value is None else value for value in group)


def classes_of(rows: pd.DataFrame, roles: Roles) -> list[str]:
    """Name the class of each row: "positive" or "negative" for a binary task.

    Args:
        rows: Raw rows, label included.
        roles: Label and task; not a regression.

    Returns:
        One name a row.

    Example:
        >>> classes_of(pd.DataFrame({"y": ["no", "yes"]}), Roles("y", "yes"))
        ['negative', 'positive']
    """
    outcomes = rows[str(roles.label)]
    if roles.task == "binary":
        return ["positive" if held else "negative" for held in outcomes == roles.positive]
    return as_names(outcomes).tolist()


def group_problems(rows: pd.DataFrame, columns: Sequence[str], where: str) -> list[Problem]:
    """Find what keeps columns from telling groups apart.

    Args:
        rows: Raw rows.
        columns: The columns.
        where: What names them, for messages.

    Returns:
        All problems; empty where there is none.
    """
    problems = []
    for column in columns:
        if column not in rows:
            problems.append(Problem.unknown(where, column, map(str, rows.columns), "a column"))
            continue
        values = rows[column]
        kinds = pd.api.types
        numeric = kinds.is_numeric_dtype(values) and not kinds.is_bool_dtype(values)
        if numeric and values.nunique() > MOST_NUMERIC_GROUPS:
            found = f"{quote(column)}, {values.nunique():,} different numbers"
            expected = f"groups, or at most {MOST_NUMERIC_GROUPS} numbers"
            problems.append(Problem(where, found, expected, "Add a column that holds its bands."))
    return problems
