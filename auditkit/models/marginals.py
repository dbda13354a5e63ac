"""What anybody may know of a column: how frequent its categories are, or its bands of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.categories import is_number
from auditkit.methods.bands import quantile_edges
from auditkit.roles import Groups, as_names, group_labels, make_groups

#: Rows that share a value or a band, below which it is not public.
LEAST = 10
#: Most bands of a number that has more different values than `FEW`.
BANDS, FEW = 5, 10
#: Values of a column that are told, the most frequent ones.
MOST = 20

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Marginal:
    """How frequent the values of a column are.

    Attributes:
        groups: Its categories, or bands of its numbers, in the rows that it was learnt on.
        edges: Inner edges of the bands; empty for categories.
        codes: Shape (m,): which of them at least 10 rows share, the most frequent first; -1 stands
            for a missing value. The most frequent one alone where none is shared by as many.
        shares: Shape (m,): share of the rows with one of these that each has.
        examples: Shape (m,): one value of each, typed as in the data; of a band the middle one.
    """

    groups: Groups
    edges: tuple[float, ...]
    codes: Places
    shares: npt.NDArray[np.float64]
    examples: pd.Series

    @classmethod
    def of(cls, column: pd.Series) -> Marginal:
        """Learn it from rows; at least one.

        Example:
            >>> found = Marginal.of(pd.Series(["b"] * 30 + ["a"] * 10 + ["rare"], name="x"))
            >>> found.labels, found.shares.tolist()
            (('b', 'a'), [0.75, 0.25])
        """
        cut = is_number(column) and column.nunique() > FEW
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan) if cut else ()
        bands = min(BANDS, max(2, len(column) // (2 * LEAST)))
        edges = tuple(quantile_edges(numbers, bands))
        groups = make_groups(column, edges)
        counts = np.bincount(groups.codes + 1, minlength=len(groups.names) + 1)
        order = np.argsort(-counts, kind="stable")[:MOST]
        kept = order[counts[order] >= LEAST] if counts[order[0]] >= LEAST else order[:1]
        codes = kept.astype(np.int64) - 1
        firsts = [_middle(column, np.flatnonzero(groups.codes == code), edges) for code in codes]
        return cls(groups, edges, codes, counts[kept] / counts[kept].sum(), column.iloc[firsts])

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each."""
        names = group_labels(self.groups)
        return tuple(names[code] for code in self.codes)

    def places(self, column: pd.Series) -> Places:
        """Place among these of each value of other rows, -1 where it is none of them.

        Example:
            >>> found = Marginal.of(pd.Series(["b"] * 30 + ["a"] * 10, name="x"))
            >>> found.places(pd.Series(["a", "b", "c"], name="x")).tolist()
            [1, 0, -1]
        """
        if self.edges:
            codes = make_groups(column, self.edges).codes
            place = np.full(len(self.edges) + 2, -1, dtype=np.int64)
            place[self.codes] = np.arange(len(self.codes))  # a missing value is at the end
            return np.asarray(place[codes], dtype=np.int64)
        codes, different = pd.factorize(column)
        known = {self.groups.names[code]: at for at, code in enumerate(self.codes) if code >= 0}
        missing = [at for at, code in enumerate(self.codes) if code < 0] or [-1]
        found = [known.get(str(name), -1) for name in as_names(pd.Series(different))]
        return np.array([*found, *missing], dtype=np.int64)[codes]


def rows_of(marginals: Sequence[Marginal], places: Places) -> pd.DataFrame:
    """Raw rows of these values.

    Args:
        marginals: One a column.
        places: Shape (n, columns): places among the values of each.

    Returns:
        The rows, typed as in the data.

    Example:
        >>> found = Marginal.of(pd.Series(["b"] * 30 + ["a"] * 10, name="x"))
        >>> rows_of([found], np.array([[1], [0]]))["x"].tolist()
        ['a', 'b']
    """
    columns = zip(marginals, places.T, strict=True)
    return pd.DataFrame({one.groups.column: one.examples.iloc[own].array for one, own in columns})


def _middle(column: pd.Series, rows: Places, edges: Sequence[float]) -> int:
    """The row whose number is the middle one of a band; of a category the first."""
    if not edges or pd.isna(column.iloc[rows[0]]):
        return int(rows[0])
    order = np.argsort(column.iloc[rows].to_numpy(dtype=np.float64), kind="stable")
    return int(rows[order[len(order) // 2]])
