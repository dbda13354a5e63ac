"""What a model answered, checked before anything is counted on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import ModelError


def ask(model: object, task: str, rows: pd.DataFrame) -> Any:  # noqa: ANN401 - as the model gave it
    """Ask a model about rows: texts of a sequence-to-sequence task, else scores.

    Raises:
        ModelError: If the model cannot give what this task needs.
    """
    wanted = "scores" if task != "sequence-to-sequence" else "predictions"
    answer = getattr(model, wanted, None)
    if answer is None:
        raise ModelError(f"the model gives no {wanted}, which a {task} task needs")
    return answer(rows)


def checked_answers(
    model: object, task: str, rows: pd.DataFrame, classes: Sequence[str]
) -> npt.NDArray[Any]:
    """Ask a model about rows, and check what it answers; see `checked_scores`.

    Args:
        model: The model.
        task: Kind of prediction.
        rows: Raw rows.
        classes: Classes in the wanted order; empty where there are none.

    Returns:
        Scores of shape (n,) or (n, classes), numbers or texts of shape (n,).

    Raises:
        ModelError: As `ask`, or if an answer is not what it should be.
    """
    answers = ask(model, task, rows)
    if task == "sequence-to-sequence":
        return checked_texts(answers, len(rows))
    known = [str(name) for name in getattr(model, "classes", ()) or classes] if classes else ()
    return checked_scores(answers, len(rows), known, classes)


def checked_scores(
    given: npt.ArrayLike, rows: int, known: Sequence[str] = (), classes: Sequence[str] = ()
) -> npt.NDArray[np.float64]:
    """Check scores or numbers, and put the columns of classes in the wanted order.

    Args:
        given: What the model gave.
        rows: Rows that it was asked about.
        known: Classes of the model, in the order of its columns; empty for one number a row.
        classes: Classes in the wanted order.

    Returns:
        Shape (rows,), or (rows, classes): a class that the model does not know has no chance.

    Raises:
        ModelError: If the shape is another one, or a number is not finite.

    Example:
        >>> checked_scores([[0.2, 0.8]], 1, ["b", "a"], ["a", "b", "c"]).tolist()
        [[0.8, 0.2, 0.0]]
    """
    scores = np.array(given, dtype=np.float64)
    _check_shape(scores.shape, (rows, len(known)) if classes else (rows,))
    if not np.isfinite(scores).all():
        bad = int((~np.isfinite(scores.reshape(rows, -1)).all(axis=1)).sum())
        raise ModelError(f"the model gave no finite number for {bad:,} of {rows:,} rows")
    if not classes:
        return scores
    padded = np.column_stack([scores, np.zeros(rows)])
    ordered: npt.NDArray[np.float64] = padded[
        :, [known.index(name) if name in known else -1 for name in classes]
    ]
    return ordered


def checked_texts(given: Any, rows: int) -> npt.NDArray[np.object_]:  # noqa: ANN401 - unchecked
    """Check that there is a text for every row.

    Args:
        given: What the model gave.
        rows: Rows that it was asked about.

    Returns:
        Shape (rows,), each a plain `str`.

    Raises:
        ModelError: If the shape is another one, or something is no text.

    Example:
        >>> checked_texts(["a b", None], 2)
        Traceback (most recent call last):
        auditkit.errors.ModelError: the model gave no text for 1 of 2 rows
    """
    texts = np.array(given, dtype=object)
    _check_shape(texts.shape, (rows,))
    bad = sum(not isinstance(text, str) for text in texts)
    if bad:
        raise ModelError(f"the model gave no text for {bad:,} of {rows:,} rows")
    return as_texts(texts)


def as_texts(values: Any) -> npt.NDArray[np.object_]:  # noqa: ANN401 - any list of texts
    """Put texts into an array of plain `str`, whatever kind of text they were.

    Example:
        >>> as_texts(["a", np.str_("b")]).tolist()
        ['a', 'b']
    """
    texts = np.empty(len(values), dtype=object)
    texts[:] = [str(value) for value in values]
    return texts


def _check_shape(got: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if got != wanted:
        raise ModelError(f"the model gave shape {got} where {wanted} is needed")
