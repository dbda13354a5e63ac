"""Table files: found, held against each other, and read batch by batch."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from auditkit.errors import InputError, Problem, quote

#: Text that stands for a missing value in a CSV file.
MISSING_TEXT = ("", "NA", "N/A", "NaN", "nan", "null", "NULL")
#: File endings that can be read.
ENDINGS = (".parquet", ".csv", ".arrow", ".feather")
#: Rows that are read at a time; unit: rows.
BATCH_ROWS = 1 << 16
#: How Hive, and so Spark, writes a missing value into the name of a folder.
_HIVE_MISSING = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Files:
    """Files that hold one table together.

    Attributes:
        name: What to call them in a message; holds no path of a machine.
        root: Folder below which they lie.
        paths: The files, in the order of their names.
    """

    name: str
    root: Path
    paths: tuple[Path, ...]

    @classmethod
    def find(cls, source: str | Path, folder: Path) -> Files:
        """Find the files of a table.

        Args:
            source: A file, a folder of Parquet files, or a pattern such as "part-*.parquet".
            folder: Where a relative source starts.

        Returns:
            The files, at least one.

        Raises:
            InputError: If there is none, or they are of several kinds or none that can be read.
        """
        path = folder / source
        if path.is_file():
            found = cls(path.name, path.parent, (path,))
        elif path.is_dir():
            found = cls(*_below(path))
        elif glob.has_magic(str(source)):
            found = cls(*_matching(str(source), folder))
        else:
            raise InputError([Problem(str(path), "no such file", "a table file")])
        endings = sorted({file.suffix.lower() for file in found.paths})
        if len(endings) > 1 or endings[0] not in ENDINGS:
            ending = " and ".join(map(quote, endings))
            what = f"files ending in {ending}" if endings[1:] else f"a file ending in {ending}"
            raise InputError([Problem(found.name, what, f"one of {', '.join(ENDINGS)}")])
        return found

    @property
    def kind(self) -> str:
        """Ending, without its dot."""
        return self.paths[0].suffix.lower().lstrip(".")

    @property
    def digest(self) -> str:
        """Digest of the bytes: sha256, hexadecimal.

        Of several files it is that of the lines that `sha256sum` prints for them in the order of
        their names, so that `sha256sum part-*.parquet | sha256sum` gives the same.
        """
        if len(self.paths) == 1:
            return file_digest(self.paths[0])
        lines = (f"{file_digest(path)}  {self._relative(path)}\n" for path in self.paths)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def schema(self) -> Any:  # noqa: ANN401 - untyped library
        """Columns and their types, as a `pyarrow.Schema`; all text where the files are CSV.

        Raises:
            InputError: If a file cannot be read, has a column twice, or has other columns than
                the first, or other types; every problem is listed.
        """
        import pyarrow as pa

        problems: list[Problem] = []
        schemas = {}
        for path in self.paths:
            try:
                schemas[path] = self._schema_of(path)
            except InputError as error:
                problems += error.problems
        problems += _other_columns({self.called(path): held for path, held in schemas.items()})
        if problems:
            raise InputError(problems)
        schema = _unified({self.called(path): held for path, held in schemas.items()})
        for name in self._hive(self.paths[0]):
            values = [self._hive(path)[name] or "0" for path in self.paths]
            if all(re.fullmatch(r"-?(0|[1-9]\d{0,17})", value) for value in values):
                schema = schema.set(schema.get_field_index(name), pa.field(name, pa.int64()))
        return schema

    def rows(self, enough: int | None = None) -> int:
        """Count the rows; of CSV files too small for `enough` of them, the bytes instead."""
        if self.kind == "csv":
            size = sum(path.stat().st_size for path in self.paths)
            if enough is not None and size <= enough:
                return size
            first = self.schema.names[:1]
            return sum(batch.num_rows for batch in self.batches(first))
        return sum(self._counted(path) for path in self.paths)

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read the rows, file after file, as `pyarrow.RecordBatch` with one schema.

        Args:
            columns: Columns to read; all are there.

        Yields:
            At most `BATCH_ROWS` rows at a time; where the file holds larger batches, those.

        Raises:
            InputError: If a file turns out to be broken.
        """
        import pyarrow as pa

        schema = pa.schema([self.schema.field(name) for name in columns])
        for path in self.paths:
            hive = self._hive(path)
            inside = [name for name in columns if name not in hive]
            with self.readable(path):
                for batch in _READERS[self.kind](path, inside or None):
                    arrays = {name: batch.column(name) for name in inside} | {
                        name: pa.repeat(pa.scalar(value, pa.string()), batch.num_rows)
                        for name, value in hive.items()
                    }
                    yield pa.RecordBatch.from_arrays(
                        [_as_type(arrays[field.name], field.type) for field in schema],
                        schema=schema,
                    )

    def called(self, path: Path) -> str:
        """Name of one of the files in a message."""
        return self.name if len(self.paths) == 1 else self._relative(path)

    @contextmanager
    def readable(self, path: Path | None = None) -> Iterator[None]:
        """Turn what a reader raises into an `InputError` that names the file and no folder."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, ValueError, UnicodeError) as error:
            if isinstance(error, InputError):
                raise
            text = str(error).replace(str(self.root) + os.sep, "")
            what = text.splitlines()[0][:160] if text else type(error).__name__
            what = re.sub(r"(Expected \d+ columns, got \d+):.*", r"\1", what)  # no row is shown
            found = f"no readable {self.kind} table ({what})"
            hint = "Save it as UTF-8." if re.search("utf-?8", what, re.IGNORECASE) else ""
            name = self.name if path is None else self.called(path)
            raise InputError([Problem(name, found, f"a whole {self.kind} file", hint)]) from None

    @property
    def hive_columns(self) -> list[str]:
        """Columns that only the names of folders give."""
        return list(self._hive(self.paths[0]))

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _hive(self, path: Path) -> dict[str, str | None]:
        """Columns that the names of the folders give, as in "year=2024/part-0.parquet"."""
        parts = path.relative_to(self.root).parent.parts
        pairs = (part.split("=", 1) for part in parts if "=" in part)
        return {name: None if v == _HIVE_MISSING else unquote(v) for name, v in pairs}

    def _schema_of(self, path: Path) -> Any:  # noqa: ANN401 - untyped library
        import pyarrow as pa

        with self.readable(path):
            schema = _SCHEMAS[self.kind](path)
            _ = schema.names  # names that are no UTF-8 are refused here
        for name in self._hive(path):
            schema = schema.append(pa.field(name, pa.string()))
        twice = sorted(name for name, count in Counter(schema.names).items() if count > 1)
        if twice:
            called = self.called(path)
            raise InputError(
                [Problem(called, f"column {quote(name)} twice", "one of each") for name in twice]
            )
        if self.kind == "csv" and len(schema.names) == 1 and set(schema.names[0]) & {*";\t|"}:
            found = f"one column only, {quote(schema.names[0])}"
            expected = "columns with commas between them"
            raise InputError([Problem(self.called(path), found, expected)])
        if not schema.names:
            raise InputError([Problem(self.called(path), "no columns", "at least one column")])
        return schema

    def _counted(self, path: Path) -> int:
        import pyarrow as pa
        from pyarrow import parquet

        with self.readable(path):
            if self.kind == "parquet":
                with parquet.ParquetFile(path) as file:
                    return int(file.metadata.num_rows)
            with pa.OSFile(str(path)) as stream:
                return int(pa.ipc.open_file(stream).count_rows())


def file_digest(path: str | Path) -> str:
    """Digest of a file: sha256, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def csv_options() -> Any:  # noqa: ANN401 - untyped library
    """How text becomes values: `MISSING_TEXT` is missing, numbers and dates are told."""
    from pyarrow import csv

    return csv.ConvertOptions(strings_can_be_null=True, null_values=list(MISSING_TEXT))


def _below(folder: Path) -> tuple[str, Path, tuple[Path, ...]]:
    name = f"{folder.name}/"
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() == ".parquet"
        and path.is_file()
        and not any(part[0] in "._" for part in path.relative_to(folder).parts)
    ]
    if not paths:
        raise InputError([Problem(name, "a folder without a Parquet file", "Parquet files in it")])
    return f"{name} ({_files(len(paths))})", folder, tuple(paths)


def _matching(pattern: str, folder: Path) -> tuple[str, Path, tuple[Path, ...]]:
    found = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - has root_dir
    paths = sorted(path for path in (folder / name for name in found) if path.is_file())
    parts = Path(pattern).parts
    name = parts[-1]
    if not paths:
        hint = "Paths start at the folder of the configuration."
        raise InputError([Problem(quote(name), "no file that matches", "at least one file", hint)])
    plain = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return f"{name} ({_files(len(paths))})", folder.joinpath(*parts[:plain]), tuple(paths)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _other_columns(schemas: Mapping[str, Any]) -> list[Problem]:
    """Hold the columns of each file against those that most files have."""
    sets = Counter(frozenset(schema.names) for schema in schemas.values())
    if len(sets) < 2:
        return []
    usual = sets.most_common(1)[0][0]
    problems = []
    for called, schema in schemas.items():
        absent, more = sorted(usual - set(schema.names)), sorted(set(schema.names) - usual)
        words = [f"no column {_some(absent)}"] if absent else []
        words += [f"the further column {_some(more)}"] if more else []
        if words:
            expected = "the columns of the other files"
            problems.append(Problem(called, " and ".join(words), expected))
    return problems


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if names[5:] else ""
    return ", ".join(map(quote, names[:5])) + more


def _unified(schemas: Mapping[str, Any]) -> Any:  # noqa: ANN401 - untyped library
    import pyarrow as pa

    first, *others = schemas.values()
    if not others:
        return first
    fields, problems = [], []
    for name in first.names:
        held = {called: _plain(schema.field(name)) for called, schema in schemas.items()}
        try:
            parts = [pa.schema([field]) for field in held.values()]
            fields.append(pa.unify_schemas(parts, promote_options="permissive").field(0))
        except pa.ArrowException:
            kinds = {str(field.type): called for called, field in reversed(held.items())}
            found = " and ".join(f"{kind} (in {called})" for kind, called in sorted(kinds.items()))
            problems.append(Problem(f"column {quote(name)}", found, "one type in all files"))
    if problems:
        raise InputError(problems)
    return pa.schema(fields)


def _plain(field: Any) -> Any:  # noqa: ANN401 - untyped library
    """The field, its values not coded: two files may code them differently."""
    import pyarrow as pa

    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field


def _as_type(array: Any, kind: Any) -> Any:  # noqa: ANN401 - untyped library
    return array if array.type == kind else array.cast(kind)


def _parquet_schema(path: Path) -> Any:  # noqa: ANN401 - untyped library
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        return file.schema_arrow.remove_metadata()


def _arrow_schema(path: Path) -> Any:  # noqa: ANN401 - untyped library
    import pyarrow as pa

    with pa.OSFile(str(path)) as stream:
        return pa.ipc.open_file(stream).schema.remove_metadata()


def _csv_schema(path: Path) -> Any:  # noqa: ANN401 - untyped library
    import pyarrow as pa
    from pyarrow import csv

    with csv.open_csv(path) as reader:
        return pa.schema([(name, pa.string()) for name in reader.schema.names])


def _parquet_batches(path: Path, columns: Sequence[str] | None) -> Iterator[Any]:
    from pyarrow import parquet

    # Buffered reads keep one piece of each column in memory; by default it is a whole row group.
    with parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
        yield from file.iter_batches(BATCH_ROWS, columns=columns)


def _arrow_batches(path: Path, columns: Sequence[str] | None) -> Iterator[Any]:
    import pyarrow as pa

    with pa.OSFile(str(path)) as stream:
        names = pa.ipc.open_file(stream).schema.names
        wanted = [i for i, name in enumerate(names) if columns is None or name in set(columns)]
        reader = pa.ipc.open_file(stream, options=pa.ipc.IpcReadOptions(included_fields=wanted))
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)


def _csv_batches(path: Path, columns: Sequence[str] | None) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow import csv

    names = _csv_schema(path).names
    options = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), include_columns=columns or names
    )
    with csv.open_csv(path, convert_options=options) as reader:
        yield from reader


_SCHEMAS: Mapping[str, Callable[[Path], Any]] = {
    "parquet": _parquet_schema,
    "csv": _csv_schema,
    "arrow": _arrow_schema,
    "feather": _arrow_schema,
}
_READERS: Mapping[str, Callable[[Path, Sequence[str] | None], Iterable[Any]]] = {
    "parquet": _parquet_batches,
    "csv": _csv_batches,
    "arrow": _arrow_batches,
    "feather": _arrow_batches,
}
