"""Tables made safer to hand on: pseudonyms in place of names, and classes of k people alike."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from auditkit.data.frames import FrameLike, as_frame
from auditkit.errors import InputError, Problem, quote
from auditkit.methods.anonymity import classes_of
from auditkit.methods.estimates import IntArray
from auditkit.methods.mondrian import (
    Attribute,
    Partition,
    classes_in_order,
    common_level,
    mean_by_class,
    partition,
)
from auditkit.roles import as_names

#: Fewest bytes of a key; unit: bytes. Those of the digest: a shorter key is easier to guess.
KEY_BYTES = 32
#: What stands for all values of a column, for many of them, and for a missing one.
ANY, OTHER, MISSING = "any", "other", "missing"
#: Values that a class may name one by one.
NAMED = 3

#: Value to the groups above it, from narrow to wide.
Hierarchy = Mapping[str, Sequence[str]]


def pseudonymise(frame: FrameLike, columns: Sequence[str], key: bytes) -> pd.DataFrame:
    """Put a pseudonym in place of each value: the same for the same value, unless the key differs.

    Who has the key can make the pseudonym of a name and so find the person: the data stay personal
    data (GDPR, article 4(5)), and the key is to be kept apart from them. Values are not hidden by
    their frequency, nor are the other columns.

    Args:
        frame: A table of pandas, polars, pyarrow, or any other with `__arrow_c_stream__`.
        columns: Columns to replace. A value has one pseudonym in all of them, so that tables that
            were given the same key can still be joined.
        key: A secret of at least 32 random bytes, for example of `secrets.token_bytes(32)`.

    Returns:
        A copy in which each value is the HMAC-SHA256 of its text, 64 hexadecimal digits; a missing
        value stays missing.

    Raises:
        InputError: If a column is not there, or the key is too short. The key is never shown.

    Source:
        RFC 2104 (HMAC).

    Example:
        >>> people = pd.DataFrame({"name": ["Ada", "Bob", "Ada"], "age": [36, 41, 36]})
        >>> safe = pseudonymise(people, ["name"], key=bytes(range(32)))
        >>> safe["name"][0] == safe["name"][2], safe["name"][0] == safe["name"][1]
        (True, False)
    """
    held = as_frame(frame, "pseudonymise frame")
    problems = _absent(held, columns, "columns")
    if not isinstance(key, bytes | bytearray):
        found = f"a key of type {quote(type(key).__name__)}"
        problems.append(
            Problem("key", found, "bytes", "Encode it, or draw secrets.token_bytes(32).")
        )
    elif len(key) < KEY_BYTES or len(set(key)) == 1:
        found = f"{len(key)} bytes" if len(key) < KEY_BYTES else "one byte again and again"
        problems.append(Problem("key", found, f"at least {KEY_BYTES} random bytes"))
    if problems:
        raise InputError(problems)
    secret = bytes(key)
    replaced = {name: _pseudonyms(held[name], secret) for name in columns}
    return held.assign(**replaced)


def _pseudonyms(values: pd.Series, key: bytes) -> pd.Series:
    codes, texts = pd.factorize(as_names(values))
    made = [hmac.digest(key, str(text).encode(), hashlib.sha256).hex() for text in texts]
    given = np.array([*made, None], dtype=object)[codes]
    return pd.Series(given, index=values.index, name=values.name, dtype=object)


@dataclass(frozen=True)
class Anonymised:
    """A table that was made k-anonymous, and what was done to it.

    Attributes:
        frame: The rows that were kept, with their index, quasi-identifiers generalised.
        k: Rows of its smallest class, counted in `frame`.
        classes: Classes of `frame`.
        suppressed: Rows that were left out.
        information_loss: Share of what the quasi-identifiers told that is lost, from 0 (nothing) to
            1 (everything): how much of a column's values a row's class spans, averaged.
        labels: Column to what stands in it now, from the most frequent on.
    """

    frame: pd.DataFrame
    k: int
    classes: int
    suppressed: int
    information_loss: float
    labels: Mapping[str, tuple[str, ...]]


def anonymise(
    frame: FrameLike,
    quasi_identifiers: Sequence[str],
    k: int,
    *,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    numbers: Literal["band", "mean"] = "band",
    most_suppressed: float = 0.0,
) -> Anonymised:
    """Generalise columns until nobody can be told from fewer than `k` - 1 others by them.

    Numbers become bands, categories sets of values or groups of a hierarchy. Only the named
    columns are protected, and only against being singled out by them: leave out names and numbers
    of people first, and check what the classes still tell with the audit `anonymity`.

    Args:
        frame: A table of pandas, polars, pyarrow, or any other with `__arrow_c_stream__`.
        quasi_identifiers: The columns that others may know, missing values being values.
        k: Fewest rows that are alike in all of them, at least 2.
        hierarchies: Column to its values, each with the groups above it from narrow to wide, for
            example {"job": {"nurse": ["health"], "doctor": ["health"], "smith": ["crafts"]}}.
            Without one, a class names up to 3 values, and more are "other".
        numbers: "band" writes numbers as "25 to 34"; "mean" keeps them numbers, the mean of the
            class, so that a model can be trained on them.
        most_suppressed: Share of the rows, in [0, 1), that may be left out where that keeps others
            apart.

    Returns:
        The new table and what was done; the same for the same rows in any order.

    Raises:
        InputError: If an argument does not fit; every problem is listed.

    Source:
        LeFevre, DeWitt and Ramakrishnan (2006), ICDE (Mondrian).

    Example:
        >>> people = pd.DataFrame({"age": [20, 25, 41, 48], "flu": [1, 0, 0, 1]})
        >>> anonymise(people, ["age"], 2).frame["age"].tolist()
        ['20 to 25', '20 to 25', '41 to 48', '41 to 48']
    """
    held, trees = as_frame(frame, "anonymise frame"), hierarchies or {}
    problems = _problems(held, quasi_identifiers, k, trees, most_suppressed)
    if problems:
        raise InputError(problems)
    columns = {
        name: _tree(held[name], trees[name]) if name in trees else _column(held[name], numbers)
        for name in dict.fromkeys(quasi_identifiers)
    }
    attributes = [column.attribute for column in columns.values()]
    made = partition(attributes, k, int(most_suppressed * len(held)))
    kept = made.of_row >= 0
    new = {name: pd.Series(column.written(made), index=held.index)[kept]
           for name, column in columns.items()}  # fmt: skip
    result = held[kept].assign(**new)
    codes = [_factorized(result[name]) for name in columns]
    classes = classes_of(codes, len(result))
    return Anonymised(
        frame=result,
        k=classes.k,
        classes=classes.sizes.size,
        suppressed=int((~kept).sum()),
        information_loss=made.loss,
        labels={name: _labels(result[name]) for name in columns},
    )


@dataclass(frozen=True)
class _Column:
    """A quasi-identifier and how a class of its rows is written."""

    attribute: Attribute
    write: Callable[[IntArray], object]

    def written(self, made: Partition) -> list[object]:
        """What stands in each row."""
        given: list[object] = [None] * made.of_row.size
        for rows in classes_in_order(made.of_row, made.count):
            text = self.write(rows)
            for row in rows.tolist():
                given[row] = text
        return given


def _column(values: pd.Series, numbers: str) -> _Column:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return _named(values)
    held = values.to_numpy(dtype=np.float64, na_value=np.nan)
    held = np.where(np.isfinite(held), held, np.nan)
    known = np.unique(held[np.isfinite(held)])
    gap = int(np.isnan(held).any())  # a missing number stands before all others
    codes = np.where(np.isnan(held), 0, np.searchsorted(known, held) + gap).astype(np.int64)
    attribute = Attribute(codes, known.size + gap, "ordered", has_missing=bool(gap))
    if numbers == "mean":
        return _Column(attribute, lambda rows: mean_by_class(held, rows))

    def band(rows: IntArray) -> str:
        low, high = int(codes[rows].min()), int(codes[rows].max())
        parts = [MISSING] if gap and low == 0 else []
        low = max(low, gap)
        if high >= low:
            ends = dict.fromkeys(f"{known[end - gap]:.12g}" for end in (low, high))
            parts.append(" to ".join(ends))
        return " or ".join(parts)

    return _Column(attribute, band)


def _named(values: pd.Series) -> _Column:
    texts = as_names(values).fillna(MISSING).astype(str)
    codes, index = pd.factorize(texts, sort=True)
    names = list(map(str, index))

    def write(rows: IntArray) -> str:
        held = np.unique(codes[rows]).tolist()
        if len(held) <= NAMED:
            return " or ".join(names[i] for i in held)
        return ANY if len(held) == len(names) else OTHER

    return _Column(Attribute(codes.astype(np.int64), len(names), "named"), write)


def _tree(values: pd.Series, hierarchy: Hierarchy) -> _Column:
    texts = as_names(values).fillna(MISSING).astype(str)
    codes, index = pd.factorize(texts, sort=True)
    names = list(map(str, index))
    paths = [list(hierarchy.get(name, [])) for name in names]
    levels = [pd.factorize(np.array(level, dtype=object), sort=True) for level in
              zip(*paths, strict=True)]  # fmt: skip
    above = np.array([level for level, _ in levels], dtype=np.int64).reshape(-1, len(names))
    attribute = Attribute(codes.astype(np.int64), len(names), "tree", above)

    def write(rows: IntArray) -> str:
        held = np.unique(attribute.codes[rows])
        level = common_level(attribute, held)
        return ANY if level < 0 else str([names[held[0]], *paths[held[0]]][level])

    return _Column(attribute, write)


def _labels(values: pd.Series) -> tuple[str, ...]:
    counts = Counter(as_names(values).fillna(MISSING).astype(str))
    return tuple(sorted(counts, key=lambda label: (-counts[label], label)))


def _factorized(values: pd.Series) -> IntArray:
    return np.asarray(pd.factorize(values, use_na_sentinel=False)[0], dtype=np.int64)


def _absent(frame: pd.DataFrame, columns: Sequence[str], where: str) -> list[Problem]:
    there = [str(name) for name in frame.columns]
    kind = "a column of the frame"
    return [Problem.unknown(where, name, there, kind) for name in columns if name not in there]


def _problems(
    frame: pd.DataFrame, columns: Sequence[str], k: int, trees: Mapping[str, Hierarchy], most: float
) -> list[Problem]:
    found = _absent(frame, columns, "quasi_identifiers")
    if not columns:
        found.append(Problem("quasi_identifiers", "no column", "at least one"))
    if k < 2:
        found.append(Problem("k", quote(k), "a whole number from 2"))
    elif k > len(frame):
        found.append(Problem("k", quote(k), f"at most the {len(frame):,} rows that there are"))
    if not 0 <= most < 1:
        found.append(Problem("most_suppressed", quote(most), "a share in [0, 1)"))
    for name, hierarchy in trees.items():
        where = f"hierarchies of {quote(name)}"
        if name not in columns:
            found.append(Problem.unknown(where, name, columns, "one of quasi_identifiers"))
        elif name in frame:
            found += _tree_problems(frame[name], hierarchy, where)
    return found


def _tree_problems(values: pd.Series, hierarchy: Hierarchy, where: str) -> list[Problem]:
    there = set(as_names(values).fillna(MISSING).astype(str))
    lacking = len(there - set(hierarchy))
    if lacking:
        hint = f"A missing value is {quote(MISSING)}."
        found = f"nothing above {lacking:,} of the values"
        return [Problem(where, found, "groups above every value", hint)]
    lengths = {len(hierarchy[name]) for name in there}
    if len(lengths) > 1 or lengths == {0}:
        return [Problem(where, f"{sorted(lengths)} levels", "as many levels above every value")]
    return []
