"""True outcomes and decisions as numbers or texts, whatever a table holds them as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.models.answers import as_texts
from auditkit.roles import Roles, Task, as_names


def coded(
    values: pd.Series, task: Task, positive: object, classes: Sequence[str]
) -> npt.NDArray[Any]:
    """Read a column of outcomes or decisions.

    Args:
        values: The column, without a missing value.
        task: Kind of prediction.
        positive: The value that counts as positive, of a binary task.
        classes: Names of the classes, of a multiclass task.

    Returns:
        Shape (n,). Binary: 1 where positive, else 0. Multiclass: index into `classes`, -1 for a
        class that is not there. Regression: numbers. Sequence-to-sequence: texts.

    Example:
        >>> coded(pd.Series(["yes", "no"]), "binary", "yes", ()).tolist()
        [1, 0]
        >>> coded(pd.Series([3, 1, 7]), "multiclass", None, ("1", "2", "3")).tolist()
        [2, 0, -1]
    """
    if task == "regression":
        return values.to_numpy(dtype=np.float64, copy=True)
    if task == "multiclass":
        place = {name: number for number, name in enumerate(classes)}
        return as_names(values).map(lambda name: place.get(name, -1)).to_numpy(np.int64, copy=True)
    if task == "sequence-to-sequence":
        return as_texts(values.tolist())
    return (values == positive).to_numpy(dtype=np.int8)


def class_names(rows: pd.DataFrame, roles: Roles, model: object) -> tuple[str, ...]:
    """Every class that is seen, predicted, or known to the model, sorted; none but multiclass.

    Example:
        >>> rows = pd.DataFrame({"y": [2, 1]})
        >>> class_names(rows, Roles(label="y", task="multiclass"), None)
        ('1', '2')
    """
    if roles.task != "multiclass":
        return ()
    seen = {str(name) for name in getattr(model, "classes", ())}
    for column in (roles.label, roles.prediction):
        if column is not None:
            seen |= set(as_names(rows[column]).dropna())
    return tuple(sorted(seen))


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Make an array that nobody can change, and give it back."""
    array.flags.writeable = False
    return array
