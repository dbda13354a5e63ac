"""How far written texts lie from the true ones: exact matches, and edits a token or character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Measurement, Metric
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.intervals import share
from auditkit.methods.means import NO_SPREAD, ratio_of_sums
from auditkit.methods.weighting import (
    effective_share,
    kish,
    on_effective_counts,
    weighted_words,
)

EXACT_MATCH = Metric(
    "exact_match",
    "Exact match rate",
    "Share of rows whose predicted text is the true one, token for token.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
TOKEN_ERROR_RATE = Metric(
    "token_error_rate",
    "Token error rate",
    "Tokens to insert, delete or replace until the predicted texts are the true ones, for each "
    "token of the true ones; above 1 where more is wrong than there is to write.",
    "ratio",
    better="lower",
    low=0.0,
)
CHARACTER_ERROR_RATE = Metric(
    "character_error_rate",
    "Character error rate",
    "Characters to insert, delete or replace until the predicted texts are the true ones, for "
    "each character of the true ones; runs of space count as one space.",
    "ratio",
    better="lower",
    low=0.0,
)
METRICS = (EXACT_MATCH, TOKEN_ERROR_RATE, CHARACTER_ERROR_RATE)
#: Why there is no rate of errors.
NOTHING_TO_WRITE = "the true texts are all empty"


def measure_texts(
    y_true: Sequence[str] | npt.NDArray[np.object_],
    y_pred: Sequence[str] | npt.NDArray[np.object_],
    level: float = 0.95,
    weights: FloatArray | None = None,
) -> Iterator[Measurement]:
    """Measure how well texts are written.

    Args:
        y_true: Shape (n,): true texts, their tokens apart by white space.
        y_pred: Shape (n,): predicted texts.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for, above 0; 1 unless given.

    Yields:
        Each of `METRICS`.

    Example:
        >>> [round(m.value, 3) for m in measure_texts(["a b c", "d"], ["a x c", "d"])]
        [0.5, 0.25, 0.167]
    """
    wrong, tokens = token_errors(y_true, y_pred)
    right, n = int((wrong == 0).sum()), wrong.size
    won, rows = (
        (float(right), float(n)) if weights is None else effective_share(wrong == 0, weights)
    )
    found = share(won, rows, level)
    source = f"{right:,} exact matches in {n:,} rows"
    yield _measured(EXACT_MATCH, found, n, source, None if weights is None else rows)
    size = None if weights is None else kish(weights)
    for metric, edits, length, unit in (
        (TOKEN_ERROR_RATE, wrong, tokens, "tokens"),
        (CHARACTER_ERROR_RATE, *character_errors(y_true, y_pred), "characters"),
    ):
        source = f"{edits.sum():,} edits for {length.sum():,} {unit} in {n:,} rows"
        yield _measured(metric, error_rate(edits, length, level, weights), n, source, size)


def _measured(
    metric: Metric, found: Estimate, n: int, source: str, effective: float | None
) -> Measurement:
    told = found if effective is None else on_effective_counts(found)
    return metric.measure(
        told.value,
        interval=told.interval,
        reason=told.reason,
        n=n,
        source=weighted_words(source, None if effective is None else [effective]),
    )


def error_rate(
    edits: npt.ArrayLike,
    length: npt.ArrayLike,
    level: float = 0.95,
    weights: npt.ArrayLike | None = None,
) -> Estimate:
    """Edits of all rows over tokens (or characters) of all true texts.

    Args:
        edits: Shape (n,): edits of each row.
        length: Shape (n,): tokens of each true text.
        level: Two-sided confidence level, in (0, 1).
        weights: Shape (n,): what each row counts for; 1 unless given.

    Returns:
        The rate, with the linearised interval of a ratio of sums; without an interval where every
        row has as large a share of edits, such as none.

    Example:
        >>> error_rate([1, 0], [3, 1]).value
        0.25
        >>> error_rate([0, 0], [3, 1]).reason
        'every row has the same rate, so there is no spread to make an interval of'
    """
    found = ratio_of_sums(edits, length, level, weights)
    if found.value is None and np.size(edits):
        return Estimate.undefined(NOTHING_TO_WRITE)
    if found.interval is None and found.reason == NO_SPREAD:
        reason = "every row has the same rate, so there is no spread to make an interval of"
        return Estimate(found.value, None, reason)
    return found


def token_errors(
    y_true: Sequence[str] | npt.NDArray[np.object_],
    y_pred: Sequence[str] | npt.NDArray[np.object_],
) -> tuple[IntArray, IntArray]:
    """Count edits of tokens, which white space parts.

    Args:
        y_true: Shape (n,): true texts.
        y_pred: Shape (n,): predicted texts.

    Returns:
        Edits, and tokens of the true text, of each row: two arrays of shape (n,).

    Raises:
        ValueError: If there is not one prediction an outcome.

    Example:
        >>> [counts.tolist() for counts in token_errors(["a b c", "d"], ["a c", "d  "])]
        [[1, 0], [3, 1]]
    """
    return _count([text.split() for text in y_true], [text.split() for text in y_pred])


def character_errors(
    y_true: Sequence[str] | npt.NDArray[np.object_],
    y_pred: Sequence[str] | npt.NDArray[np.object_],
) -> tuple[IntArray, IntArray]:
    """Count edits of characters (code points), runs of white space as one space.

    See `token_errors`.

    Example:
        >>> [counts.tolist() for counts in character_errors(["cat"], ["cart"])]
        [[1], [3]]
    """
    true, pred = ([" ".join(text.split()) for text in texts] for texts in (y_true, y_pred))
    return _count(true, pred)


def _count(
    true: Sequence[Sequence[str]], pred: Sequence[Sequence[str]]
) -> tuple[IntArray, IntArray]:
    edits = [edit_distance(one, other) for one, other in zip(true, pred, strict=True)]
    lengths = [len(one) for one in true]
    return np.array(edits, dtype=np.int64), np.array(lengths, dtype=np.int64)


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Fewest insertions, deletions and replacements that make one sequence of another.

    A whole column of the table of distances is held in the bits of two numbers, so that the work
    grows with the length of one sequence for those of usual length.

    Args:
        one: A text, or a list of tokens.
        other: Another one.

    Returns:
        The distance of Levenshtein, the same both ways.

    Source:
        Hyyrö (2003), A bit-vector algorithm for computing Levenshtein distance, after Myers (1999).

    Example:
        >>> edit_distance("kitten", "sitting"), edit_distance(["a", "b"], [])
        (3, 2)
    """
    if one == other or not one or not other:
        return 0 if one == other else len(one) + len(other)
    held: dict[str, int] = {}
    for place, token in enumerate(one):
        held[token] = held.get(token, 0) | 1 << place
    every, last = (1 << len(one)) - 1, 1 << len(one) - 1
    rise, fall, distance = every, 0, len(one)  # where the column goes up by 1, and down
    for token in other:
        match = held.get(token, 0) | fall
        same = (((match & rise) + rise) ^ rise) | match
        right, left = fall | ~(same | rise), same & rise
        distance += bool(right & last) - bool(left & last)
        right, left = right << 1 | 1, left << 1
        rise, fall = (left | ~(same | right)) & every, same & right & every
    return distance
