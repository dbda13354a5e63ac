"""The rows of a subject: where they came from, their order, their digest, and their weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import Problem, quote
from auditkit.outcomes import class_names
from auditkit.roles import Groups, Roles, make_groups, weight_problems

#: What each part of further rows is there for.
_WANTED = {
    "label": "the true outcome of each row",
    "sensitive": "the group of each row, or a missing value where it is unknown",
    "features": "what the model reads",
    "weight": "the weight of each row",
}


@dataclass(frozen=True)
class DataSource:
    """Where rows came from.

    Attributes:
        name: File name or address, without secrets and without the path of a machine.
        sha256: Digest of the file, or of the rows where there is no file.
        rows: Rows in it.
    """

    name: str
    sha256: str
    rows: int


def row_facts(
    rows: pd.DataFrame,
    roles: Roles,
    source: DataSource | None,
    train: pd.DataFrame | None,
    population: pd.DataFrame | None,
    model: object,
    newer: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Put rows in order and find their groups: what a subject holds of its rows and roles.

    Args:
        rows: The rows to assess, which play their roles.
        roles: Which column plays which part.
        source: Where they came from; a digest of the rows where not given.
        train: The rows that the model was trained on, or None.
        population: All rows that came with a label, where they are more than `rows`.
        model: The model, which may know of more classes; or None.
        newer: Newer rows, or None.

    Returns:
        Name of the field to its value; groups that any row has are in all of them.
    """
    whole = in_canonical_order(rows[list(roles.columns)], roles.weight)
    everyone = whole if population is None else population
    kept, notes = of_some_weight(whole, roles.weight, "assessed")
    if train is not None:
        train = in_canonical_order(train, roles.weight)
    if newer is not None:
        parts = [name for name in roles.columns if name in newer and name != roles.weight]
        newer = in_canonical_order(newer[parts])
    if population is not None:
        population, more = of_some_weight(population, roles.weight, "labelled")
        notes += more
    known = {name: make_groups(everyone[name], roles.bands.get(name)) for name in roles.sensitive}

    def groups_of(some: pd.DataFrame) -> dict[str, Groups]:
        return {name: known[name].of(some[name], roles.bands.get(name)) for name in known}

    return {
        "task": roles.task,
        "label": roles.label,
        "positive": roles.positive,
        "sensitive": roles.sensitive,
        "features": roles.features,
        "weight": roles.weight,
        "score": roles.score,
        "prediction": roles.prediction,
        "rows": kept,
        "groups": groups_of(kept),
        "classes": class_names(everyone, roles, model),
        "train": train,
        "train_groups": None if train is None else groups_of(train),
        "population": population,
        "population_groups": None if population is None else groups_of(population),
        "newer": newer,
        "newer_groups": None if newer is None else groups_of(newer),
        "source": source or DataSource("a table in memory", digest(whole), len(everyone)),
        "data_notes": notes,
    }


def lacking(rows: pd.DataFrame, roles: Roles, which: str, parts: Sequence[str]) -> list[Problem]:
    """Find what keeps further rows from playing the parts that audits ask of them.

    Args:
        rows: Rows besides the assessed ones, such as those that the model was trained on.
        roles: Which column plays which part.
        which: What to call them in a message, for example "train".
        parts: Of "label", "sensitive", "features" and "weight".

    Returns:
        A problem for each column that is not there, and for weights that are none.

    Example:
        >>> rows = pd.DataFrame({"y": [1]})
        >>> roles = Roles(sensitive=("sex",))
        >>> [problem.where for problem in lacking(rows, roles, "train", ["sensitive"])]
        ["train column 'sex' (sensitive)"]
    """
    wanted = {
        "label": () if roles.label is None else (roles.label,),
        "sensitive": roles.sensitive,
        "features": roles.features,
        "weight": () if roles.weight is None else (roles.weight,),
    }
    found = [
        Problem(
            f"{which} column {quote(name)} ({part})",
            "no such column",
            _WANTED[part],
            f"Add it, or leave {which} out.",
        )
        for part in parts
        for name in wanted[part]
        if name not in rows
    ]
    if "weight" in parts and roles.weight in rows and roles.weight is not None:
        found += weight_problems(rows[roles.weight], f"{which} column {quote(roles.weight)}")
    return found


def shadow_problems(shadow: object, recipe: object, train: object) -> list[Problem]:
    """Find what a shadow recipe does not go with.

    Args:
        shadow: A shadow recipe, or None.
        recipe: The recipe of the model, or None.
        train: The rows that it was trained on, or None.

    Returns:
        All problems; empty where there is none.
    """
    if shadow is None:
        return []
    problems = []
    if recipe is not None:
        expected = "no shadow where the recipe is known"
        problems.append(Problem("from_model shadow", "it beside recipe", expected))
    if train is None:
        found = "no training rows"
        problems.append(Problem("from_model shadow", found, "those of the model, as train"))
    return problems


def of_some_weight(
    rows: pd.DataFrame, weight: str | None, which: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out the rows of weight 0, and say what there is to say about the weights.

    Args:
        rows: Rows with the column of weights, at least one of them above 0.
        weight: The column, or None.
        which: What to call the rows in a note, for example "assessed".

    Returns:
        The rows that stand for somebody, and the notes, in whole sentences.

    Example:
        >>> kept, notes = of_some_weight(pd.DataFrame({"w": [0.0, 1.0, 2.0]}), "w", "assessed")
        >>> len(kept), len(notes)
        (2, 1)
    """
    if weight is None:
        return rows, ()
    there = rows[weight].to_numpy(dtype=np.float64) > 0
    kept = rows if there.all() else rows[there].reset_index(drop=True)
    same = bool((kept[weight] == kept[weight].iloc[0]).all())
    return kept, weight_notes(weight, which, len(rows) - len(kept), len(rows), same=same)


def weight_notes(weight: str, which: str, gone: int, total: int, *, same: bool) -> tuple[str, ...]:
    """Say what there is to say about weights.

    Args:
        weight: The column.
        which: What to call the rows, for example "assessed".
        gone: Rows of weight 0, which are left out; unit: rows.
        total: All rows; unit: rows.
        same: Whether the others all have the same weight.

    Returns:
        Whole sentences; none where there is nothing to say.
    """
    notes = []
    if gone:
        rows = f"{gone:,} of {total:,} {which} rows"
        notes.append(f"Left out {rows} whose weight ({quote(weight)}) is 0: they stand for nobody.")
    if same:
        rows = f"All {which} rows have the same weight ({quote(weight)})"
        notes.append(f"{rows}, so that every number is what it is without weights.")
    return tuple(notes)


def in_canonical_order(rows: pd.DataFrame, weight: str | None = None) -> pd.DataFrame:
    """Put rows in an order that depends on their content only, with a fresh index.

    Args:
        rows: Any table.
        weight: A column that only decides between rows that are alike otherwise, so that weights
            change neither a split nor the last digit of a sum. It may be absent.

    Returns:
        The same rows; whatever their order was, the result is the same.

    Example:
        >>> a = pd.DataFrame({"x": [3, 1, 2]})
        >>> in_canonical_order(a).equals(in_canonical_order(a[::-1]))
        True
    """
    compared = rows
    if weight is not None and weight in rows:
        rows = rows.sort_values(weight, kind="stable")
        compared = rows.drop(columns=weight)
    order = np.argsort(_row_hashes(compared), kind="stable")
    return rows.iloc[order].reset_index(drop=True)


def digest(rows: pd.DataFrame) -> str:
    """Digest of the content of a table, whatever the order of its rows: sha256, hexadecimal."""
    names = "\x1f".join(map(str, rows.columns)).encode()
    return hashlib.sha256(names + np.sort(_row_hashes(rows)).tobytes()).hexdigest()


def _row_hashes(rows: pd.DataFrame) -> npt.NDArray[np.uint64]:
    hashes = pd.util.hash_pandas_object(rows, index=False)
    return np.asarray(hashes, dtype=np.uint64)


def of_mean_one(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """Scale weights to mean 1; None where all are equal, so that every row counts the same.

    Args:
        weights: Shape (n,): finite weights from 0, at least one above it.

    Returns:
        Shape (n,), or None.

    Example:
        >>> of_mean_one(np.array([1.0, 3.0])).tolist(), of_mean_one(np.array([2.0, 2.0]))
        ([0.5, 1.5], None)
    """
    held = weights / weights.max()  # first, so that no sum overflows
    scaled: npt.NDArray[np.float64] = held / held.mean()
    return None if held.min() == 1 else scaled
