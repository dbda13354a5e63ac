"""Sensitive columns made ready: joined from a second table, taken apart, cut into bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.config import QUANTILES
from auditkit.errors import InputError, Problem, quote

#: Most values of a multi-valued column; each becomes a column of its own.
MOST_VALUES = 20
#: What may stand between the values of a combination: the first that is in no value.
JOINERS = (" & ", " + ", " / ", "; ")


@dataclass(frozen=True)
class Joined:
    """A table with columns of a second one.

    Attributes:
        rows: The table; its rows and their order are unchanged.
        unmatched: Rows without a partner; the new columns are missing there.
        keyless: Rows of the second table without a key, which are nobody's partner.
    """

    rows: pd.DataFrame
    unmatched: int
    keyless: int


def join(
    rows: pd.DataFrame, people: pd.DataFrame, key: str, columns: Sequence[str], second: str
) -> Joined:
    """Add columns of a second table to the rows whose key is the same.

    Args:
        rows: The table, with the column `key`.
        people: The second table, with `key`, each at most once, and `columns`.
        key: The column that both have; a missing key has no partner.
        columns: Columns of `people` to add.
        second: What to call `people` in a message.

    Returns:
        The table with the columns.

    Raises:
        InputError: If a key stands twice in `people`, keys are text on one side and numbers on
            the other, or no row has a partner. No key is named: it may be a person's number.

    Example:
        >>> rows = pd.DataFrame({"id": [3, 1, 2]})
        >>> people = pd.DataFrame({"id": [1, 2], "sex": ["F", "M"]})
        >>> joined = join(rows, people, "id", ["sex"], "people.csv")
        >>> joined.rows["sex"].tolist(), joined.unmatched
        ([nan, 'F', 'M'], 1)
    """
    where = f"{second} column {quote(key)} (join key)"
    known = people[people[key].notna()]
    repeated = int(known[key].duplicated().sum())
    if repeated:
        found = f"{repeated:,} rows whose key stood there before"
        hint = "Keep one row a key, so that each person has one known value."
        raise InputError([Problem(where, found, "each key once", hint)])
    numeric = [pd.api.types.is_numeric_dtype(held) for held in (rows[key], known[key])]
    if numeric[0] != numeric[1] and len(known):
        kinds = ["numbers" if is_number else "text" for is_number in numeric]
        found = f"{kinds[1]}, and {kinds[0]} in the data"
        raise InputError([Problem(where, found, "keys of one kind in both tables")])
    place = pd.Index(known[key]).get_indexer(pd.Index(rows[key]))
    place[rows[key].isna().to_numpy()] = -1
    unmatched = int((place < 0).sum())
    if unmatched == len(rows):
        raise InputError([Problem(where, "no key of the data", "keys that both tables have")])
    found_rows = known[list(columns)].reset_index(drop=True).reindex(place)
    found_rows.index = rows.index
    return Joined(rows.assign(**found_rows), unmatched, len(people) - len(known))


def split_values(values: pd.Series, separator: str, taken: Sequence[str]) -> pd.DataFrame:
    """Take a column apart that holds several values a row.

    Groups that are compared must not overlap: a row that counted in two of them would be compared
    with itself. So the column keeps its name and holds combinations, of which each row has one, and
    each value gets a column of its own, in which each row is a "yes" or a "no". The first shows
    those with several values as the groups that they are; the others leave nobody out because a
    combination is rare.

    Args:
        values: Lists, or text with a separator; its name is kept. Spaces around a value and its
            repetitions do not count; an empty list or text is missing.
        separator: Stands between values in a text; not used for lists.
        taken: Names that the new columns must not have.

    Returns:
        First the combinations, values in sorted order; then "name: value" for each value. All are
        missing where the row's value is.

    Raises:
        InputError: If there are more than `MOST_VALUES` values, or a new name is taken.

    Example:
        >>> held = pd.Series(["b; a", "a", None], name="ethnicity")
        >>> split_values(held, ";", [])["ethnicity"].tolist()
        ['a & b', 'a', None]
        >>> split_values(held, ";", [])["ethnicity: b"].tolist()
        ['yes', 'no', None]
    """
    name = str(values.name)
    where = f"column {quote(name)} (multi)"
    kinds: dict[tuple[str, ...], int] = {}
    codes = [kinds.setdefault(_parts(value, separator, where), len(kinds)) for value in values]
    known = sorted({value for some in kinds for value in some})
    if len(known) > MOST_VALUES:
        hint = "Is the separator right? Otherwise join rare values first."
        found = f"{len(known):,} different values"
        raise InputError([Problem(where, found, f"at most {MOST_VALUES}", hint)])
    free = (joiner for joiner in JOINERS if not any(joiner in value for value in known))
    joiner = next(free, JOINERS[0])
    columns = {name: [joiner.join(some) or None for some in kinds]}
    for value in known:
        columns[f"{name}: {value}"] = [_yes(value in some) if some else None for some in kinds]
    clash = [column for column in columns if column in taken]
    if clash:
        raise InputError([Problem(where, f"a column {quote(c)} already", "none") for c in clash])
    table = pd.DataFrame(columns, dtype=object).take(codes)
    table.index = values.index
    return table


def quantile_edges(values: pd.Series, parts: int) -> list[float]:
    """Inner edges of bands that hold about equally many rows.

    Args:
        values: Numbers; missing and infinite ones do not count.
        parts: How many bands.

    Returns:
        Rising edges, each rounded to as few digits as move it by at most a twentieth of the range
        that they span. Fewer than `parts` - 1 where many rows have one value; none where all have.

    Example:
        >>> quantile_edges(pd.Series(range(18, 90)), 4)
        [36.0, 54.0, 72.0]
        >>> quantile_edges(pd.Series([5, 5, 5]), 4)
        []
    """
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return []
    shares = np.arange(1, parts) / parts
    edges = np.unique(np.quantile(numbers, shares, method="higher"))
    edges = edges[edges > numbers.min()]
    if not len(edges):  # nearly all rows have the lowest value
        edges = np.unique(numbers)[1:2]
    if not len(edges):
        return []
    span = edges[-1] - edges[0] or numbers.max() / parts - numbers.min() / parts
    for digits in range(2, 17):
        rounded = [float(f"{edge:.{digits - 1}e}") for edge in edges]
        near = np.abs(rounded - edges).max() <= span / 20
        if near and _all_held(numbers, rounded):
            return rounded
    return [float(edge) for edge in edges]


def _all_held(numbers: npt.NDArray[np.float64], edges: Sequence[float]) -> bool:
    """Whether the edges rise and every band of them holds a number."""
    if any(low >= high for low, high in pairwise(edges)):
        return False
    held = np.bincount(np.searchsorted(edges, numbers, side="right"), minlength=len(edges) + 1)
    return bool(held.all())


def edges_of(
    bands: Mapping[str, str | Sequence[float]], rows: pd.DataFrame, where: str
) -> tuple[dict[str, Sequence[float]], list[Problem]]:
    """Turn bands that are named by their quantiles into edges.

    Args:
        bands: Column to edges, or to a name in `auditkit.config.QUANTILES`.
        rows: The rows whose quantiles are taken.
        where: What to call the bands in a message.

    Returns:
        Column to edges, and what is wrong. A column that is not there or not numeric keeps an
        edge, for whoever checks the columns to complain about.
    """
    edges: dict[str, Sequence[float]] = {}
    problems = []
    for name, band in bands.items():
        edges[name] = [0.0] if isinstance(band, str) else band
        numeric = name in rows and pd.api.types.is_numeric_dtype(rows[name])
        if isinstance(band, str) and numeric and not rows[name].isna().all():
            edges[name] = quantile_edges(rows[name], QUANTILES[band])
            if not edges[name]:
                found = f"{band} of a column with one value only"
                problems.append(Problem(f"{where} {quote(name)}", found, "at least two values"))
                edges[name] = [0.0]
    return edges, problems


def _parts(value: object, separator: str, where: str) -> tuple[str, ...]:
    if isinstance(value, str):
        if not separator:
            found = "text, and no separator"
            raise InputError([Problem(where, found, "a separator, or lists")])
        several: Sequence[object] = value.split(separator)
    elif isinstance(value, list | tuple | set | np.ndarray):
        several = list(value)
    else:
        several = [value]
    known = (str(part).strip() for part in several if not _is_missing(part))
    return tuple(sorted({text for text in known if text}))


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value  # noqa: PLR0124 - NaN


def _yes(is_so: bool) -> str:  # noqa: FBT001 - the only argument
    return "yes" if is_so else "no"
