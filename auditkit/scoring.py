"""Scores beside decisions, and scores that are no probabilities: what can be said of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import Problem, quote
from auditkit.roles import Roles

#: Where a score selects, if nobody says; a probability that does is likelier than not.
THRESHOLD = 0.5


def score_problems(roles: Roles, where: str) -> list[Problem]:
    """Find why a table without a model cannot be audited: nothing predicted, or scores of no use.

    Args:
        roles: Which column plays which part.
        where: What to call the roles in a message.

    Returns:
        The problems; empty where there are none.

    Example:
        >>> print(score_problems(Roles(), "[subject]")[0])
        [subject] score: found neither score nor prediction, expected a column of scores or of \
decisions.
    """
    problems = []
    if roles.score is None and roles.prediction is None:
        expected = "a column of scores or of decisions"
        problems.append(Problem(f"{where} score", "neither score nor prediction", expected))
    if roles.score is not None and roles.task != "binary":
        expected = f"prediction alone for a {roles.task} task"
        problems.append(Problem(f"{where} score", quote(roles.score), expected))
    return problems


def threshold_problems(
    rows: pd.DataFrame, roles: Roles, threshold: float | None, where: str
) -> list[Problem]:
    """Find scores that the usual threshold would cut in the wrong place.

    Args:
        rows: The table, which plays its roles.
        roles: Which column plays which part.
        threshold: Where a score selects, as somebody says, or None.
        where: What to call the roles in a message.

    Returns:
        One problem where nobody says which of the scores select, and they lie outside 0 to 1.

    Example:
        >>> rows = pd.DataFrame({"decile": [1, 10]})
        >>> print(threshold_problems(rows, Roles(score="decile"), None, "[subject.model]")[0])
        [subject.model] threshold: found none for scores from 1 to 10, expected a threshold. \
A row is selected where its score is at least this; 0.5 is meant for probabilities.
    """
    if roles.score is None or roles.prediction is not None or threshold is not None:
        return []
    low, high = float(rows[roles.score].min()), float(rows[roles.score].max())
    if low >= 0 and high <= 1:
        return []
    found = f"none for scores from {low:g} to {high:g}"
    hint = "A row is selected where its score is at least this; 0.5 is meant for probabilities."
    return [Problem(f"{where} threshold", found, "a threshold", hint)]


def disagreement(
    rows: pd.DataFrame,
    roles: Roles,
    threshold: float | None,
    each: npt.NDArray[np.int64] | None = None,
) -> str:
    """Say in how many rows a score and a decision that are both given disagree.

    Args:
        rows: The table, which plays its roles.
        roles: Which column plays which part.
        threshold: Where a score selects, as somebody says, or None.
        each: Shape (n,): rows that each entry stands for, where it is a cell of counts; None where
            it is a row.

    Returns:
        A whole sentence; empty where not both are given.

    Example:
        >>> rows = pd.DataFrame({"p": [0.2, 0.7, 0.6], "d": [0, 1, 0]})
        >>> disagreement(rows, Roles(score="p", prediction="d"), 0.6)
        "'d' decides otherwise than 'p' >= 0.6 in 1 of 3 rows; the decisions are what is audited."
    """
    if roles.score is None or roles.prediction is None:
        return ""
    cut = THRESHOLD if threshold is None else threshold
    selected = rows[roles.score].to_numpy(dtype=np.float64) >= cut
    decided = (rows[roles.prediction] == roles.positive).to_numpy(dtype=bool)
    held = np.ones(len(rows), dtype=np.int64) if each is None else each
    other, total = int(held[selected != decided].sum()), int(held.sum())
    usual = " (the threshold where none is given)" if threshold is None else ""
    return (
        f"{quote(roles.prediction)} decides otherwise than {quote(roles.score)} >= {cut:g}{usual} "
        f"in {other:,} of {total:,} rows; the decisions are what is audited."
    )
