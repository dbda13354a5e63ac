"""Tables in: files and databases that nobody vouches for, read into a frame or refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auditkit.data.files import ENDINGS, MISSING_TEXT, Files, csv_options, file_digest
from auditkit.data.frames import frame_of
from auditkit.data.sampling import draw, row_hashes
from auditkit.data.warehouse import is_url, take
from auditkit.errors import InputError, Problem

__all__ = ["ENDINGS", "MISSING_TEXT", "MOST_ROWS", "Read", "file_digest", "read", "read_table"]

#: Rows beyond which a random sample is read instead of the whole table.
MOST_ROWS = 2_000_000


@dataclass(frozen=True)
class Read:
    """A table that was read, and what was read of it.

    Attributes:
        frame: The rows; a sample of them where there are more than the limit.
        rows_total: Rows in the source.
        digest: sha256, hexadecimal: of the bytes of the files (see `auditkit.data.files.Files`), or
            of the rows that were read where they came out of a database.
        name: What the source is called, without secrets and without the path of a machine.
        columns: Every column of the source, read or not.
        seed: Seed of the sample.
    """

    frame: pd.DataFrame
    rows_total: int
    digest: str
    name: str
    columns: tuple[str, ...]
    seed: int = 0

    @property
    def sampled(self) -> bool:
        """Whether the rows are a sample."""
        return len(self.frame) < self.rows_total

    @property
    def note(self) -> str:
        """What to say of the sample; empty where all rows were read."""
        if not self.sampled:
            return ""
        return (
            f"{len(self.frame):,} of {self.rows_total:,} rows, a uniform random sample without "
            f"replacement by hash of the rows, seed {self.seed}"
        )


def read(
    source: str | Path,
    columns: Sequence[str] | None = None,
    *,
    table: str | None = None,
    most_rows: int | None = MOST_ROWS,
    seed: int = 0,
    folder: str | Path = "",
) -> Read:
    """Read a table, or a random sample of it where it has many rows.

    The sample is uniform and without replacement. It depends on the seed and on the content of the
    columns that are read, and on nothing else: neither on the order of rows or files nor on how
    the files are cut. (The priority of a row is a hash of its content, of the number of equal rows
    before it and of the seed; the lowest are taken. A database takes its own hash, so it draws
    other rows than a file does.) Of files, memory holds the sampled rows and one batch.

    Args:
        source: A Parquet, CSV (UTF-8, with a header) or Arrow IPC file, told by its ending; a
            pattern such as "part-*.parquet"; a folder of Parquet files; or a connection URL such as
            "duckdb:///loans.db".
        columns: Columns to read; those that are not there are left out, not an error here, so
            that the caller can name all of them at once. None reads every column.
        table: Table to read, where the source is a URL.
        most_rows: Most rows to read, None for all.
        seed: Seed of the sample.
        folder: Where a relative source starts.

    Returns:
        The table; whole rows, in the order of the source.

    Raises:
        InputError: If there is no such source, or it holds no table; every problem is listed.
        MissingExtraError: If a package for connection URLs is missing.

    Example:
        >>> read("no-such.csv")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem: ...
    """
    if is_url(source):
        url = str(source)
        taken = take(url, table, columns, folder=Path(folder), most_rows=most_rows, seed=seed)
        frame = frame_of(taken.table, taken.wanted)
        return Read(frame, taken.rows, _digest(taken.table), taken.name, taken.columns, seed)
    if table is not None:
        expected = "no table: only a connection URL has tables"
        raise InputError([Problem("table", repr(table)[:80], expected)])
    files = Files.find(source, Path(folder))
    names = tuple(name for name in files.schema.names if not is_index(name))
    wanted = [name for name in names if columns is None or name in set(columns)]
    with files.readable():
        got, rows = _rows(files, wanted or names[:1], most_rows, seed)
        frame = frame_of(got, wanted)
    return Read(frame, rows, files.digest, files.name, names, seed)


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read every row of a table; see `read`.

    Args:
        path: What `read` takes.
        columns: Columns to read; those that are not there are left out. None reads every column.

    Returns:
        The table, rows in the order of the source.

    Raises:
        InputError: If there is no such source, or it holds no table.
    """
    return read(path, columns, most_rows=None).frame


def _rows(
    files: Files, columns: Sequence[str], most_rows: int | None, seed: int
) -> tuple[Any, int]:
    """The rows that are wanted, as a `pyarrow.Table`, and how many the files hold."""
    import pyarrow as pa

    schema = pa.schema([files.schema.field(name) for name in columns])
    rows = files.rows(enough=most_rows)
    if most_rows is not None and rows > most_rows:
        batches = _sample(files, columns, rows, most_rows, seed)
    elif files.kind == "csv" and len(files.paths) == 1:
        table = _csv(files.paths[0]).select(columns)
        return table, table.num_rows
    else:
        batches = files.batches(columns)
    table = pa.Table.from_batches(_gathered(batches), schema)
    pa.default_memory_pool().release_unused()  # what reading took, before the frame takes more
    sampled = most_rows is not None and rows > most_rows
    total = rows if sampled else table.num_rows
    return (typed(table) if files.kind == "csv" else table), total


def _sample(
    files: Files, columns: Sequence[str], rows: int, most_rows: int, seed: int
) -> Iterator[Any]:
    hashes = (row_hashes(batch) for batch in files.batches(columns))
    drawn = draw(hashes, rows, most_rows, seed)
    for batch in files.batches(columns):
        yield batch.filter(drawn.take(row_hashes(batch)))


def _gathered(batches: Iterable[Any]) -> list[Any]:
    """The batches, unless they would take more memory than this machine can spare."""
    import psutil

    held, size, most = [], 0, psutil.virtual_memory().available // 3
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size > most:
            rows = sum(some.num_rows for some in held)
            found = f"more than {most / 1e9:.1f} GB in {rows:,} rows"
            hint = "Set most_rows to fewer rows under [subject], or name fewer columns."
            raise InputError([Problem("data", found, "a table that fits into memory", hint)])
    return held


def _csv(path: Path) -> Any:  # noqa: ANN401 - untyped library
    from pyarrow import csv

    return csv.read_csv(path, convert_options=csv_options())


def typed(text: Any) -> Any:  # noqa: ANN401 - untyped library
    """Tell the types of columns of text, as of one CSV file that holds all of these rows.

    Args:
        text: A `pyarrow.Table`, all of it text.

    Returns:
        The same rows: numbers, dates, booleans or text, and missing values where they were told.
    """
    import pyarrow as pa
    from pyarrow import csv

    with pa.BufferOutputStream() as sink:
        csv.write_csv(text, sink)
        lines = sink.getvalue()
    parse = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    return csv.read_csv(pa.BufferReader(lines), parse_options=parse, convert_options=csv_options())


def is_index(name: str) -> bool:
    """Whether pandas wrote the column, to keep an index that has no name.

    Example:
        >>> is_index("__index_level_0__"), is_index("age")
        (True, False)
    """
    return name.startswith("__index_level_") and name.endswith("__")


def _digest(table: Any) -> str:  # noqa: ANN401 - untyped library
    """Digest of the content of rows, whatever their order."""
    hashes = [row_hashes(batch) for batch in table.to_batches()]
    content = np.sort(np.concatenate(hashes)).tobytes() if hashes else b""
    names = "\x1f".join(sorted(table.column_names)).encode()
    return hashlib.sha256(names + b"\x1e" + content).hexdigest()
