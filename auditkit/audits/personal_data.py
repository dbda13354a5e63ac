"""Is there personal data in the columns and texts, such as e-mail addresses, cards or names?

What is found is counted and never shown. What is looked for is in `auditkit.methods.personal_data`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import InputError, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods.column_names import spaced
from auditkit.methods.estimates import Estimate, cells_of
from auditkit.methods.intervals import EXACT, share
from auditkit.methods.personal_data import ANY, BY_KIND, KINDS, kinds
from auditkit.roles import TASKS, as_names
from auditkit.subject import Subject

#: Whole numbers from here on may be telephones, cards or national numbers.
LONG = 10_000_000
NO_TEXT = "no column holds texts or long numbers"
#: Why there is no interval where every row was read.
ALL_READ = "every row was read, so there is no sampling error; what the search misses stays unknown"


@dataclass(frozen=True)
class PersonalData:
    """How many rows hold personal data, by kind and by column.

    Columns of texts and of long whole numbers are read: those of the assessed rows, or of the
    training rows where these have more. The name of a column announces what its values are.

    Attributes:
        rows: Most rows that are read, drawn at random; at least 100.
        most_lines: Most lines of the table; at least 1.
        level: Two-sided level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> PersonalData(rows=500).metrics[0].id
        'personal_data_share'
    """

    rows: int = 5_000
    most_lines: int = 30
    level: float = 0.95

    name: ClassVar[str] = "personal-data"
    needs: ClassVar[frozenset[str]] = frozenset()
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = (ANY, *BY_KIND.values())

    def __post_init__(self) -> None:
        problems = range_problems(self, rows=100, most_lines=1)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Read a sample of the rows and count the kinds that they hold.

        Args:
            subject: What is audited.
            rng: Draws the rows.

        Yields:
            The share of rows with any kind and with each; then the table `personal-data` of the
            columns and kinds that were found.
        """
        read = self._read(*_widest(subject), rng)
        yield self._measured(read, ANY, None)
        for kind, metric in BY_KIND.items():
            yield self._measured(read, metric, kind)
        if read is not None:
            yield from self._table(read)

    def _read(self, frame: pd.DataFrame, which: str, rng: np.random.Generator) -> _Read | None:
        names = [name for name in frame if _is_read(frame[name])]
        if not names:
            return None
        count = min(self.rows, len(frame))
        drawn = np.sort(rng.choice(len(frame), size=count, replace=False))
        columns = {str(name): _marks(frame[name].iloc[drawn], str(name)) for name in names}
        return _Read(which, len(frame), columns)

    def _measured(self, read: _Read | None, metric: Metric, kind: str | None) -> Measurement:
        if read is None:
            return metric.measure(None, n=0, reason=NO_TEXT, source="columns of the subject")
        count = int(read.rows_with(kind).sum())
        found = self._share(read, count, read.n)
        looked = f"; looked for: {', '.join(KINDS.values())}" if kind is None else ""
        return metric.measure(
            found.value,
            interval=found.interval,
            reason=found.reason,
            exact=read.is_whole,
            n=read.n,
            source=f"{count:,} of {read.words}, {len(read.columns)} columns read{looked}",
        )

    def _share(self, read: _Read, count: int, n: int) -> Estimate:
        found = share(count, n, self.level)
        return Estimate(found.value, None, ALL_READ) if read.is_whole else found

    def _table(self, read: _Read) -> Iterator[Table]:
        lines: list[tuple[Cell, ...]] = []
        for column, (known, marks) in read.columns.items():
            n = int(known.sum())
            for kind, mark in marks.items():
                count = int(mark.sum())
                lines.append(
                    (column, KINDS[kind], n, count, *cells_of(self._share(read, count, n)))
                )
        lines.sort(key=lambda line: (-float(line[4] or 0), str(line[0]), str(line[1])))
        if not lines:
            return
        cut = f"; {self.most_lines} of {len(lines)} listed" if lines[self.most_lines :] else ""
        yield Table(
            name="personal-data",
            title="Kinds of personal data by column",
            columns=("column", "kind", "n", "found", "share", "low", "high"),
            rows=tuple(lines[: self.most_lines]),
            source=f"values that are there in {read.words}; shares with {EXACT} intervals at "
            f"{100 * self.level:g} % where rows were drawn; found by form, check digits and the "
            "words beside, the name of the column among them; how often that is right is measured "
            f"in benchmarks/personal_data.md{cut}",
            chart="personal-data",
        )


def _widest(subject: Subject) -> tuple[pd.DataFrame, str]:
    """The training rows where they have columns that no model reads, else the assessed rows."""
    train = subject.train
    if train is not None and len(train.columns) > len(subject.rows.columns):
        return train, "training"
    return subject.rows, "assessed"


#: Which values of a column are there, and by kind which hold it.
_Marks = tuple[npt.NDArray[np.bool_], dict[str, npt.NDArray[np.bool_]]]


@dataclass(frozen=True)
class _Read:
    """What was found in a sample of a table.

    Attributes:
        which: What to call its rows.
        total: Rows of the table.
        columns: Column to its marks, of one length.
    """

    which: str
    total: int
    columns: dict[str, _Marks]

    @property
    def n(self) -> int:
        return next(iter(self.columns.values()))[0].size

    @property
    def is_whole(self) -> bool:
        return self.n == self.total

    @property
    def words(self) -> str:
        if self.is_whole:
            return f"{self.total:,} {self.which} rows"
        return f"{self.n:,} of {self.total:,} {self.which} rows drawn at random"

    def rows_with(self, kind: str | None) -> npt.NDArray[np.bool_]:
        """Rows in which some column holds this kind, or any."""
        found = np.zeros(self.n, dtype=bool)
        for _, marks in self.columns.values():
            for held, mark in marks.items():
                if kind in {None, held}:
                    found |= mark
        return found


def _is_read(values: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return False
    if not pd.api.types.is_numeric_dtype(values):
        return True
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    numbers = numbers[np.isfinite(numbers)]
    is_whole = bool(np.all(numbers == np.floor(numbers)))
    return numbers.size > 0 and is_whole and float(np.median(np.abs(numbers))) >= LONG


def _marks(values: pd.Series, name: str) -> _Marks:
    """Each different value is read once, after the name of its column, which announces it."""
    codes, texts = pd.factorize(as_names(values))
    announced = spaced(name)
    held = [kinds(f"{announced}: {text}") for text in texts]
    present = [kind for kind in KINDS if any(kind in found for found in held)]
    by_text = {kind: np.array([kind in found for found in held]) for kind in present}
    return codes >= 0, {kind: (codes >= 0) & mark[codes] for kind, mark in by_text.items()}
