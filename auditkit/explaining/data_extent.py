"""Numbers of a table that lie far out, and the time that its rows span."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import quote
from auditkit.evidence import Measurement
from auditkit.explaining.categories import is_number
from auditkit.methods.estimates import Estimate, measured
from auditkit.methods.extent import OUTLYING, SPAN, UNREADABLE, far_out
from auditkit.methods.intervals import share

NO_TIME = "no column of time was named: set time under [audits.data-quality]"
NO_RANGE = "no column of numbers has a range: half of its values are equal, or there is none"
FEW_TIMES = "fewer than 2 rows have a readable time"
EXACT = "exact: it describes these rows"
ASSESSED = "assessed rows, not weighted"


@dataclass(frozen=True, slots=True)
class Outlying:
    """Which rows hold a number far out, by column.

    Attributes:
        columns: Column to its rows, shape (n,) each.
        without: Columns of numbers that have no range.
        n: Rows.
    """

    columns: Mapping[str, npt.NDArray[np.bool_]]
    without: int
    n: int

    def share_of(self, column: str) -> float | None:
        """Share of the rows; None where nothing is known of the column, or there is one row."""
        found = self.columns.get(column)
        return None if found is None or self.n < 2 else float(found.mean())


def outlying(rows: pd.DataFrame, features: Sequence[str]) -> Outlying:
    """Find the numbers that lie far out.

    Example:
        >>> rows = pd.DataFrame({"a": [1, 2, 3, 4, 5, 40], "b": list("xyxyxy")})
        >>> outlying(rows, ["a", "b"]).share_of("a")
        0.16666666666666666
    """
    found = {
        name: far_out(rows[name].to_numpy(dtype=np.float64, na_value=np.nan))
        for name in features
        if is_number(rows[name])
    }
    kept = {name: far for name, far in found.items() if far is not None}
    return Outlying(kept, len(found) - len(kept), len(rows))


def outlying_share(held: Outlying, level: float) -> Measurement:
    """Share of rows with any number far out."""
    if not held.columns or held.n < 2:
        return measured(OUTLYING, Estimate.undefined(NO_RANGE), held.n, ASSESSED, {})
    count = int(np.any([*held.columns.values()], axis=0).sum())
    source = (
        f"{count:,} of {held.n:,} {ASSESSED}; {len(held.columns)} columns of numbers, "
        f"{held.without} more without a range"
    )
    return measured(OUTLYING, share(count, held.n, level), held.n, source, {})


def times_of(values: pd.Series) -> pd.Series:
    """Read dates by ISO 8601, and whole numbers as years, years and months, or whole dates.

    Example:
        >>> times_of(pd.Series([2005, 200504, 20050401, 7])).notna().tolist()
        [True, True, True, False]
        >>> times_of(pd.Series(["2005-04-01", "soon", None])).notna().tolist()
        [True, False, False]
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.to_datetime(values, utc=True)
    if not pd.api.types.is_numeric_dtype(values):
        text = values.astype("string")
        return pd.to_datetime(text, errors="coerce", format="ISO8601", utc=True)
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    found = pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns, UTC]")
    for form, low, high in (("%Y", 1e3, 1e4), ("%Y%m", 1e5, 1e6), ("%Y%m%d", 1e7, 1e8)):
        fits = (numbers >= low) & (numbers < high) & (numbers == np.floor(numbers))
        if fits.any():
            text = pd.Series(numbers[fits].astype(np.int64).astype(str), index=values.index[fits])
            found[fits] = pd.to_datetime(text, errors="coerce", format=form, utc=True)
    return found


def time_span(rows: pd.DataFrame, column: str | None, level: float) -> Iterator[Measurement]:
    """How long a time the rows span, in whole months, and how many have none.

    Args:
        rows: The rows.
        column: The column of time, or None.
        level: Two-sided level of the interval, in (0, 1).

    Yields:
        The days, and the share of rows whose time cannot be read.
    """
    n = len(rows)
    if column is None:
        yield measured(SPAN, Estimate.undefined(NO_TIME), n, ASSESSED, {})
        return
    times = times_of(rows[column])
    known = times.dropna()
    source = f"column {quote(column)}; {n - len(known):,} of {n:,} {ASSESSED}, have no time"
    if len(known) < 2:
        yield measured(SPAN, Estimate.undefined(FEW_TIMES), n, source, {})
    else:
        first, last = known.min(), known.max()
        told = f"from {first:%Y-%m} to {last:%Y-%m}; {source}"
        days = float((last.normalize() - first.normalize()).days)
        yield SPAN.measure(days, n=len(known), exact=True, reason=EXACT, source=told)
    lost = n - len(known)
    one = Estimate.undefined("one row only") if n == 1 else share(lost, n, level)
    yield measured(UNREADABLE, one, n, source, {})
