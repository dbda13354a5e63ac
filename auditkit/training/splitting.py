"""Training, validation and test rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import InputError, Problem, quote
from auditkit.roles import Task

Codes = npt.NDArray[np.int64]


def split(
    rows: pd.DataFrame,
    *,
    label: str,
    task: Task = "binary",
    test: float = 0.3,
    validation: float = 0.1,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split rows at random into three parts, each with the same share of every class.

    Which rows come into which part depends on their content and the seed, not on their order.

    Args:
        rows: Rows with an outcome each.
        label: Column of the outcome.
        task: Kind of prediction; the outcomes of a regression or of a sequence-to-sequence task
            are no classes, so its parts are plain random ones.
        test: Share of all rows that becomes the test part, in [0, 1).
        validation: Share of all rows that becomes the validation part, in [0, 1).
        seed: Seed, at least 0.

    Returns:
        Training, validation and test rows, each in the order of `rows`. The last two have
        `round(share * n)` rows, the first has the rest; each class is there in proportion, up to
        one row.

    Raises:
        InputError: If the label column is missing or has missing values, a share or the seed is
            out of its range, or no row is left to train on; all are listed.

    Example:
        >>> table = pd.DataFrame({"x": range(10), "y": [0, 1] * 5})
        >>> [len(part) for part in split(table, label="y", test=0.4, validation=0.2)]
        [4, 2, 4]
    """
    _demand_valid(rows, label, test, validation, seed)
    rng = np.random.default_rng(seed)
    classes = task in ("binary", "multiclass")
    outcomes = pd.factorize(rows[label] if classes else np.zeros(len(rows)), sort=True)[0]
    order = rng.permutation(by_content(rows))
    order = order[np.argsort(outcomes[order], kind="stable")]
    sizes = np.bincount(outcomes)
    tests = apportion(sizes, round(test * len(rows)))
    validations = apportion(sizes - tests, round(validation * len(rows)))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    tests, validations = np.repeat(tests, sizes), np.repeat(validations, sizes)
    parts = np.empty(len(rows), dtype=np.int64)
    parts[order] = np.where(place < tests, 2, np.where(place < tests + validations, 1, 0))
    return rows[parts == 0], rows[parts == 1], rows[parts == 2]


def apportion(sizes: Codes, total: int) -> Codes:
    """Take a number of rows out of groups, in proportion to their sizes.

    Args:
        sizes: Rows of each group.
        total: Rows to take, at most their sum.

    Returns:
        Rows to take of each group: its share rounded down, and one more for those with the
        largest remainders, so that the sum is exact.

    Example:
        >>> apportion(np.array([7, 3]), 5).tolist()
        [4, 1]
    """
    if sizes.sum() == 0:
        return np.zeros_like(sizes)
    whole, remainder = np.divmod(sizes * total, sizes.sum())
    largest = np.argsort(-remainder, kind="stable")[: total - whole.sum()]
    whole[largest] += 1
    return whole


def by_content(rows: pd.DataFrame) -> Codes:
    """Positions of the rows, sorted by their content; equal rows stand for each other."""
    hashed = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    return np.argsort(hashed, kind="stable")


def _demand_valid(
    rows: pd.DataFrame, label: str, test: float, validation: float, seed: int
) -> None:
    problems = []
    if label not in rows:
        problems.append(Problem.unknown("label", label, map(str, rows.columns), "a column"))
    elif rows[label].isna().any():
        found = f"{int(rows[label].isna().sum())} missing values in {quote(label)}"
        problems.append(Problem("label", found, "an outcome in every row"))
    for name, share in {"test": test, "validation": validation}.items():
        if not 0 <= share < 1:
            problems.append(Problem(f"split {name}", f"{share:g}", "a share from 0 to below 1"))
    if seed < 0:
        problems.append(Problem("split seed", f"{seed}", "a whole number from 0"))
    if not problems and round(test * len(rows)) + round(validation * len(rows)) >= len(rows):
        found = f"test {test:g} and validation {validation:g} of {len(rows)} rows"
        problems.append(Problem("split", found, "shares that leave rows to train on"))
    if problems:
        raise InputError(problems)
