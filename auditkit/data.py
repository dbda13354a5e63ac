"""Tables in: files that nobody vouches for, read into a frame or refused with the reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from auditkit.errors import InputError, Problem, quote

#: Text that stands for a missing value in a CSV file.
MISSING_TEXT = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
#: File endings that can be read.
ENDINGS = (".parquet", ".csv", ".arrow", ".feather")


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table from a file.

    Args:
        path: A Parquet, CSV (UTF-8, with a header) or Arrow IPC file; told by its ending.
        columns: Columns to read; those that are not there are left out, not an error here, so
            that the caller can name all of them at once. None reads every column.

    Returns:
        The table, rows in the order of the file.

    Raises:
        InputError: If there is no such file, or it holds no table of that kind.

    Example:
        >>> read_table("no-such.csv")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem: ...
    """
    file = Path(path)
    readers: dict[str, Callable[[Path, Sequence[str] | None], Any]] = {
        ".parquet": _parquet,
        ".csv": _csv,
        ".arrow": _arrow,
        ".feather": _arrow,
    }
    if not file.is_file():
        raise InputError([Problem(str(path), "no such file", "a table file")])
    reader = readers.get(file.suffix.lower())
    if reader is None:
        found = f"a file ending in {quote(file.suffix)}"
        raise InputError([Problem(file.name, found, f"one of {', '.join(ENDINGS)}")])
    return _read(file, columns, reader)


def file_digest(path: str | Path) -> str:
    """Digest of a file: sha256, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read(
    file: Path,
    columns: Sequence[str] | None,
    reader: Callable[[Path, Sequence[str] | None], Any],
) -> pd.DataFrame:
    import pyarrow as pa

    try:
        table = reader(file, columns)
        frame: pd.DataFrame = table.to_pandas()
    except (pa.ArrowException, OSError, ValueError, UnicodeError) as error:
        what = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        kind = file.suffix.lower().lstrip(".")
        raise InputError(
            [Problem(file.name, f"no readable {kind} table ({what})", f"a whole {kind} file")]
        ) from None
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if twice:
        raise InputError(
            [Problem(file.name, f"column {quote(name)} twice", "one of each") for name in twice]
        )
    return frame


def _parquet(file: Path, columns: Sequence[str] | None) -> Any:  # noqa: ANN401 - untyped library
    from pyarrow import parquet

    with parquet.ParquetFile(file) as source:
        names = source.schema_arrow.names
        wanted = None if columns is None else [name for name in names if name in set(columns)]
        return source.read(columns=wanted)


def _csv(file: Path, columns: Sequence[str] | None) -> Any:  # noqa: ANN401 - untyped library
    from pyarrow import csv

    convert = csv.ConvertOptions(strings_can_be_null=True, null_values=list(MISSING_TEXT))
    table = csv.read_csv(file, convert_options=convert)
    if table.num_columns == 0:
        raise ValueError("no columns")
    if columns is None:
        return table
    return table.select([name for name in table.column_names if name in set(columns)])


def _arrow(file: Path, columns: Sequence[str] | None) -> Any:  # noqa: ANN401 - untyped library
    from pyarrow import feather

    table = feather.read_table(file)
    if columns is None:
        return table
    return table.select([name for name in table.column_names if name in set(columns)])
