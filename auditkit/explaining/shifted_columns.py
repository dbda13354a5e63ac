"""Columns of two tables held against each other, one by one and all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.boosting import group_shares
from auditkit.explaining.categories import BANDS, as_categories, is_number, is_text
from auditkit.methods.column_shift import ColumnTest, categories, numbers
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, together
from auditkit.methods.gaps import shared_level
from auditkit.methods.proxies import stratified_folds
from auditkit.methods.ranking import auc
from auditkit.methods.significance import holm

#: Rows of a table that the model that tells two tables apart needs.
FEWEST = 50


@dataclass(frozen=True, slots=True)
class Moved:
    """What a test says of a column.

    Attributes:
        column: Its name.
        what: What was compared: "values", "missing values" or "words".
        found: Distance and test; the interval holds together with those of all others.
        p_adjusted: Holm's, over all tests of the two tables; None where there is no test.
    """

    column: str
    what: str
    found: ColumnTest
    p_adjusted: float | None = None

    def is_shifted(self, level: float) -> bool:
        """Whether the tables are told apart by it at this level."""
        return self.p_adjusted is not None and self.p_adjusted < 1 - level


def compare(first: pd.DataFrame, second: pd.DataFrame, level: float) -> list[Moved]:
    """Test every column that both tables have.

    Args:
        first: A table.
        second: Another one, with the same columns.
        level: Level that all intervals hold together, in (0, 1).

    Returns:
        What was tested, in the order of the columns; p-values corrected by Holm.

    Example:
        >>> first = pd.DataFrame({"x": range(100), "job": ["a", "b"] * 50})
        >>> second = first.assign(x=first["x"] + 40)
        >>> [(one.column, one.is_shifted(0.95)) for one in compare(first, second, 0.95)]
        [('x', True), ('job', False)]
    """
    pairs = [
        (column, what, values)
        for column in first
        for what, values in _compared(first[column], second[column]).items()
    ]
    each = shared_level(level, max(len(pairs), 1))
    tests = f"{len(pairs)} tests"
    found = [Moved(str(column), what, _test(values, each)) for column, what, values in pairs]
    tested = [one for one in found if one.found.p_value is not None]
    adjusted = holm([one.found.p_value or 0.0 for one in tested])
    known = {id(one): float(p) for one, p in zip(tested, adjusted, strict=True)}
    return [
        replace(
            one,
            found=replace(one.found, distance=together(one.found.distance, level, tests)),
            p_adjusted=known.get(id(one)),
        )
        for one in found
    ]


Pair = tuple[FloatArray, FloatArray] | tuple[IntArray, IntArray] | str


def _test(values: Pair, level: float) -> ColumnTest:
    if isinstance(values, str):
        return ColumnTest(Estimate.undefined(values))
    first, second = values
    if first.dtype.kind == "f":
        return numbers(np.asarray(first, float), np.asarray(second, float), level)
    return categories(np.asarray(first, np.int64), np.asarray(second, np.int64), level)


def _compared(first: pd.Series, second: pd.Series) -> Mapping[str, Pair]:
    """What of a column is compared: numbers or codes of both tables, or why nothing is."""
    n, both = len(first), pd.concat([first, second], ignore_index=True)
    if is_number(first) and is_number(second):
        values = both.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(values)
        if np.unique(values[known]).size > BANDS:
            parts: dict[str, Pair] = {"values": (values[:n][known[:n]], values[n:][known[n:]])}
            if not known.all():
                gone = (~known).astype(np.int64)
                parts["missing values"] = (gone[:n], gone[n:])
            return parts
    elif is_text(both):
        words = words_of(both)
        return {"words": (words[:n], words[n:])}
    codes = as_categories(both)
    return {"values": codes if isinstance(codes, str) else (codes[:n], codes[n:])}


def words_of(texts: pd.Series) -> FloatArray:
    """Number of words of each text; none where it is missing.

    Example:
        >>> words_of(pd.Series(["a fine day", None])).tolist()
        [3.0, 0.0]
    """
    return np.array([float(len(str(text).split())) for text in texts.fillna("")])


@dataclass(frozen=True)
class Apart:
    """How well a model tells two tables apart, by rows that it has not seen.

    Attributes:
        area: Area under its ROC curve; undefined with a reason.
        rows: Places of the rows of the first table that it was asked about.
        chances: Chance that each of them is of the second table.
        n: Rows of the second table that it was asked about.
    """

    area: Estimate
    rows: IntArray
    chances: FloatArray
    n: int


def tell_apart(
    first: pd.DataFrame,
    second: pd.DataFrame,
    most: int,
    level: float,
    rng: np.random.Generator,
) -> Apart:
    """Make a model tell the rows of two tables apart, and ask it about rows it has not seen.

    The area is that of the rows of one half, by a model of the other half: rows that are
    independent of it, so that DeLong's interval holds. Chances of all rows come from two models,
    each of which is asked about the half that it has not seen.

    Args:
        first: A table.
        second: Another one, with the same columns.
        most: Most rows of each that are taken, drawn at random.
        level: Two-sided level of the interval, in (0, 1).
        rng: Draws the rows, deals them out to folds, and seeds the models.

    Returns:
        How well it does.

    Source:
        Lopez-Paz and Oquab (2017), ICLR: classifier two-sample tests.
    """
    chosen = [np.sort(rng.permutation(len(table))[:most]) for table in (first, second)]
    if min(map(len, chosen)) < FEWEST or not first.shape[1]:
        reason = f"a table has fewer than {FEWEST} rows" if first.shape[1] else "no column"
        return Apart(Estimate.undefined(reason), chosen[0], np.empty(0), len(chosen[1]))
    both = pd.concat([first.iloc[chosen[0]], second.iloc[chosen[1]]], ignore_index=True)
    rows = readable(both)
    table = np.repeat([0, 1], [len(part) for part in chosen])
    half = stratified_folds(table, 2, rng)
    chances = group_shares(rows, table, half, rng)[:, 1]
    inside, asked = table == 0, half == 0
    return Apart(
        auc(table[asked], chances[asked], level), chosen[0], chances[inside], len(chosen[1])
    )


def readable(rows: pd.DataFrame) -> pd.DataFrame:
    """The same columns, of texts their number of words, as a model of raw columns can read them.

    Example:
        >>> readable(pd.DataFrame({"x": [1, 2]})).equals(pd.DataFrame({"x": [1, 2]}))
        True
    """
    texts = {str(name): words_of(rows[name]) for name in rows if is_text(rows[name])}
    return rows.assign(**texts) if texts else rows


def importance(apart: Apart, most: float = 50.0) -> npt.NDArray[np.float64]:
    """Weights that make the first table look like the second one.

    Args:
        apart: What the model that tells both apart says.
        most: Largest weight, where 1 is the mean; larger ones are cut.

    Returns:
        One weight for each of `apart.rows`, above 0.

    Source:
        Bickel, Brueckner and Scheffer (2007), ICML: weights from a classifier of the two tables.
    """
    chances = np.clip(apart.chances, 1e-3, 1 - 1e-3)
    weights = chances / (1 - chances)
    weights /= weights.mean()
    return np.asarray(np.minimum(weights, most))
