"""The columns of a subject cut into bins, so that slices of the rows can be named in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auditkit.evidence import Measurement, Table
from auditkit.methods.bands import quantile_edges
from auditkit.methods.identity_terms import are_texts
from auditkit.methods.means import TOO_LARGE
from auditkit.methods.subgroups import Column, Halves, Number
from auditkit.methods.weak_slices import (
    WEAK_GAPS,
    WEAK_SLICES,
    Told,
    try_slices,
    weak_slices,
)
from auditkit.roles import Groups, as_names, make_groups
from auditkit.subject import Subject

#: Bins of rows without a value, and of all but the commonest categories.
MISSING, OTHERS = "missing", "all others"
#: Categories of a column that are told apart.
NAMES = 8
#: Why there are no slices.
NO_FEATURES = "the columns that the model reads are not known"
NOTHING_TELLS = "no column has more than one bin of rows"


@dataclass(frozen=True)
class SliceSearch:
    """How slices are searched.

    Attributes:
        tested: Slices that are taken from one half to the other.
        bins: Most bins of a number.
        least: Share of the rows that a slice must have.
        most: Most slices of two bins.
    """

    tested: int
    bins: int
    least: float
    most: int


def weak_evidence(
    subject: Subject,
    measure: str,
    number: Number,
    halves: Halves,
    how: SliceSearch,
    level: float,
) -> Iterator[Measurement | Table]:
    """Search slices in which the model is worse, and test on the other half what was found.

    Args:
        subject: What is audited.
        measure: What is compared, a key of `WEAK_GAPS`.
        number: It, by row.
        halves: How the rows are split.
        how: How slices are searched.
        level: Level that the intervals of the tested slices hold together.

    Yields:
        How many are weak, how much worse the surest is, and the table `weak-slices`.
    """
    n = int((~halves.searched).sum())
    columns = sliced_columns(subject, how.bins, NAMES) if subject.features else ()
    reason = NO_FEATURES if not subject.features else "" if columns else NOTHING_TELLS
    reason = TOO_LARGE if number.is_too_large else reason
    if reason:
        for metric in (WEAK_SLICES, WEAK_GAPS[measure]):
            yield metric.measure(None, n=n, source="rows in the half to test", reason=reason)
        return
    made = weak_slices(columns, number, halves, least=how.least, most=how.most)
    share = measure != "absolute_error"
    tested = try_slices(made, number, halves, how.tested, level, share=share)
    words = f"one or two of {len(made.columns)} columns, at least {how.least:.0%} of the rows and "
    words += f"{halves.min_group} in each half"
    words += f"; {made.left_out} columns left out" if made.left_out else ""
    yield from Told(measure, made, tested, n, level, words).evidence()


def sliced_columns(subject: Subject, bins: int, names: int) -> tuple[Column, ...]:
    """Cut every sensitive column and every feature into bins.

    Args:
        subject: What is audited.
        bins: Most quantile bins of a number.
        names: Most categories of a column that stand alone; the others are one bin.

    Returns:
        The columns: sensitive ones by their groups, then features. Rows without a value are a bin.
        Texts are left out, and columns of one bin.
    """
    found = [_column(groups) for groups in subject.groups.values()]
    for name in subject.features:
        if name not in subject.groups:
            found += [_column(groups) for groups in _binned(subject.rows[name], bins, names)]
    return tuple(column for column in found if len(column.groups) > 1)


def _binned(values: pd.Series, bins: int, names: int) -> Iterator[Groups]:
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if numeric and values.nunique() > bins:
        edges = quantile_edges(values.dropna().to_numpy(dtype=np.float64), bins)
        yield make_groups(values, edges or None)
        return
    known = values.dropna().unique()
    if are_texts(list(known), len(values)):
        return
    codes, levels = pd.factorize(values, sort=False)
    labels = as_names(pd.Series(levels)).tolist()
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    # By name where equally many rows have two of them.
    order = sorted(range(len(labels)), key=lambda code: (-int(counts[code]), labels[code]))
    kept = sorted(order[:names], key=lambda code: labels[code])
    place = np.full(len(labels) + 1, len(kept))
    place[-1] = -1  # a code of -1 stays unknown
    place[kept] = np.arange(len(kept))
    alone = [labels[code] for code in kept]
    rest = [_free(OTHERS, labels)] if len(labels) > len(kept) else []
    yield Groups(str(values.name), (*alone, *rest), place[codes].astype(np.int64))


def _column(groups: Groups) -> Column:
    """The groups, rows without a value as the last of them."""
    codes, names = np.asarray(groups.codes, dtype=np.int64), groups.names
    if (codes < 0).any():
        codes = np.where(codes < 0, len(names), codes)
        names = (*names, _free(MISSING, names))
    return Column(groups.column, names, codes)


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"({name})"
    return name
