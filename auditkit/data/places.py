"""Tables that are counted where they lie: in a database, or in files that DuckDB reads for us."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from auditkit.data.files import Files
from auditkit.data.reading import is_index
from auditkit.data.spark import FILES
from auditkit.data.warehouse import duckdb_table, embedded, is_url, opened
from auditkit.errors import InputError, Problem, quote


@dataclass(frozen=True)
class Place:
    """A table where it lies.

    Attributes:
        engine: The engine, of Ibis.
        table: The table, of Ibis.
        name: Address or file name, without secrets and without the path of a machine.
        columns: Every column that the table has.
        called: Wanted column that is there to what the engine calls it.
        files: The files, where the table is made of some.
        text: Whether every column is text.
    """

    engine: Any
    table: Any
    name: str
    columns: tuple[str, ...]
    called: dict[str, str]
    files: Files | None = None
    text: bool = False

    def type_of(self, column: str) -> Any:  # noqa: ANN401 - untyped library
        """The Ibis type of a column; that of booleans is not numeric."""
        return self.table[self.called[column]].type()

    def categories(self, column: str) -> list[object] | None:
        """Values that a column of a file declares, whether or not a row has them; else None."""
        import pyarrow as pa

        if self.files is None or not pa.types.is_dictionary(self.files.schema.field(column).type):
            return None
        with self.files.readable():
            declared = [batch.column(0).dictionary for batch in _first_rows(self.files, column)]
        return list(dict.fromkeys(value for some in declared for value in some.to_pylist()))


@contextmanager
def place_of(
    source: str | Path, wanted: Sequence[str], *, table: str | None, folder: Path
) -> Iterator[Place]:
    """Open a table where it lies.

    Args:
        source: What `auditkit.data.read` takes.
        wanted: Columns that are to be counted by; those that are not there are left out.
        table: Table, where the source is a URL.
        folder: Where a relative source starts.

    Yields:
        The table.

    Raises:
        InputError: If there is no such source, or it holds no table; every problem is listed.
        MissingExtraError: If a package is missing.
    """
    if is_url(source):
        with opened(str(source), table, folder) as (engine, there, name):
            columns = tuple(str(column) for column in there.columns)
            called = {column: column for column in wanted if column in columns}
            yield Place(engine, there, name, columns, called)
        return
    if table is not None:
        expected = "no table: only a connection URL has tables"
        raise InputError([Problem("table", quote(table), expected)])
    files = Files.find(source, folder)
    columns = tuple(name for name in files.schema.names if not is_index(name))
    some = [name for name in columns if name in set(wanted)]
    with embedded() as engine, _speaking_of(files) as failures:
        if _is_native(files):
            called = dict(zip(some, some, strict=True))
            engine.con.execute(_view(files, columns))
        else:
            called = _safe(some or columns[:1])
            engine.con.register(FILES, _Stream(files, called, failures))
        there = duckdb_table(engine, FILES)
        text = files.kind == "csv"
        yield Place(engine, there, files.name, columns, called, files, text)


@contextmanager
def _speaking_of(files: Files) -> Iterator[list[InputError]]:
    """Turn what DuckDB says of files into an `InputError`; ours come through it as they were."""
    import duckdb

    failures: list[InputError] = []
    with files.readable():
        try:
            yield failures
        except duckdb.Error as error:
            if failures:
                raise failures[0] from None
            raise OSError(str(error)) from None


def _is_native(files: Files) -> bool:
    """Whether DuckDB itself can read the files and finds the columns that we find."""
    names = [name.casefold() for name in files.schema.names]
    paths = [os.fspath(path) for path in files.paths]
    return (
        files.kind == "parquet"
        and len(set(names)) == len(names)
        and "" not in names
        and not any(map(glob.has_magic, paths))
        and "=" not in os.fspath(files.root)
    )


def _view(files: Files, columns: Sequence[str]) -> str:
    """The statement that makes Parquet files a table of DuckDB."""
    paths = ", ".join(_text(os.fspath(path)) for path in files.paths)
    hive = files.hive_columns
    shown = ", ".join(
        f"CAST({_name(name)} AS {_type(files, name)}) AS {_name(name)}"
        if name in hive
        else _name(name)
        for name in columns
    )
    options = f"union_by_name = true, hive_partitioning = {bool(hive)}, hive_types_autocast = false"
    read = f"SELECT {shown} FROM read_parquet([{paths}], {options})"  # noqa: S608 - all is quoted
    return f"CREATE TEMP VIEW {FILES} AS {read}"


def _type(files: Files, name: str) -> str:
    import pyarrow as pa

    return "BIGINT" if pa.types.is_integer(files.schema.field(name).type) else "VARCHAR"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _safe(columns: Sequence[str]) -> dict[str, str]:
    """Names that differ by more than case."""
    taken: set[str] = set()
    called = {}
    for name in columns:
        free = name or "column"
        while free.casefold() in taken:
            free += "_"
        taken.add(free.casefold())
        called[name] = free
    return called


class _Stream:
    """Files that DuckDB reads through us, batch by batch, as often as it wants to."""

    def __init__(self, files: Files, called: dict[str, str], failures: list[InputError]) -> None:
        import pyarrow as pa

        self._files, self._called, self._failures = files, called, failures
        kinds = [files.schema.field(name).type for name in called]
        self._schema = pa.schema(
            [(called[name], self._plain(kind)) for name, kind in zip(called, kinds, strict=True)]
        )

    def _plain(self, kind: Any) -> Any:  # noqa: ANN401 - untyped library
        import pyarrow as pa

        if self._files.kind == "csv":
            return pa.string()
        return kind.value_type if pa.types.is_dictionary(kind) else kind

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self._schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[Any]:
        import pyarrow as pa

        try:
            for batch in self._files.batches(list(self._called)):
                arrays = [
                    column if column.type == field.type else column.cast(field.type)
                    for column, field in zip(batch.columns, self._schema, strict=True)
                ]
                if self._files.kind == "csv":
                    arrays = [array.fill_null("") for array in arrays]
                yield pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        except InputError as error:
            self._failures.append(error)
            raise


def _first_rows(files: Files, column: str) -> Iterator[Any]:
    """One row of each part of a file, with all that the column declares there."""
    from pyarrow import parquet

    if files.kind != "parquet":
        yield from files.batches([column])
        return
    with parquet.ParquetFile(files.paths[0]) as file:
        for group in range(file.num_row_groups):
            yield from islice(file.iter_batches(1, row_groups=[group], columns=[column]), 1)
