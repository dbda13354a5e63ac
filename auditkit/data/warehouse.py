"""Tables that stay in a database: counted, sampled and read through Ibis.

A row limit is kept inside the engine: it numbers equal rows, hashes each row with its number and
the seed, and hands over the rows with the lowest hashes. So the sample is uniform, and the same
from the same engine, whatever order the rows lie in.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from auditkit.data import spark
from auditkit.data.files import Files
from auditkit.errors import InputError, MissingExtraError, Problem, quote

#: Memory that the embedded engine may work in; beyond it, temporary files.
MEMORY = "1GB"
#: Engines that are one file.
_IN_A_FILE = ("duckdb", "sqlite")
#: Names of URL options that hold a secret.
_SECRET = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
#: Stand in the text of a row between its values and for a missing one.
_BETWEEN, _MISSING = "\x1f", "\x1e"


@dataclass(frozen=True)
class Taken:
    """What a database gave.

    Attributes:
        table: The rows, as a `pyarrow.Table`; one column more where none was wanted.
        columns: Every column that the table has there.
        wanted: The columns that were to be taken and are there.
        rows: Rows that it has there.
        name: Address and table, without the path of a machine.
    """

    table: Any
    columns: tuple[str, ...]
    wanted: list[str]
    rows: int
    name: str


def is_url(source: str | Path) -> bool:
    """Whether a data source is a connection URL.

    Example:
        >>> is_url("duckdb:///loans.db"), is_url("loans.parquet")
        (True, False)
    """
    return "://" in str(source)


def take(
    url: str,
    table: str | None,
    columns: Sequence[str] | None,
    *,
    folder: Path,
    most_rows: int | None,
    seed: int,
) -> Taken:
    """Take rows out of a database.

    Args:
        url: For example "duckdb:///loans.db"; of DuckDB and SQLite, three slashes stand before a
            path that starts at `folder`, four before one that starts at the root. Or
            "spark://local[2]/loans.parquet": Spark with two threads reads Parquet files, a folder
            of them, or a pattern; "spark://local[2]" alone reads a table of its catalog.
        table: Name of the table or view, with its schema and a dot before it where it needs one.
            None where Spark reads files.
        columns: Columns to take, None for all; those that are not there are left out.
        folder: Where a relative path starts.
        most_rows: Most rows to take; where there are more, a uniform random sample. None for all.
        seed: Seed of the sample.

    Returns:
        The rows.

    Raises:
        InputError: If there is no such database or table, or the engine refuses.
        MissingExtraError: If Ibis is not installed.
    """
    with opened(url, table, folder) as (engine, source, name):
        names = tuple(str(name) for name in source.columns)
        wanted = [name for name in names if columns is None or name in set(columns)]
        rows = int(gave(engine, source.count().as_table())[0][0].as_py())
        some = source.select(wanted or list(names[:1]))
        if most_rows is not None and rows > most_rows:
            some = _sampled(engine, some, most_rows, seed)
        taken = gave(engine, some)
    return Taken(taken, names, wanted, rows, name)


@contextmanager
def opened(url: str, table: str | None, folder: Path) -> Iterator[tuple[Any, Any, str]]:
    """Open a table where it lies; see `take`.

    Args:
        url: The connection URL.
        table: Name of the table, or None where Spark reads files.
        folder: Where a relative path starts.

    Yields:
        The engine and the table, of Ibis, and address and table without the path of a machine.

    Raises:
        InputError: If there is no such database or table, or the engine refuses, then or later.
        MissingExtraError: If Ibis is not installed.
    """
    parts = _parts(url)
    problems = _url_problems(parts, table)
    if problems:
        raise InputError(problems)
    files = spark.found_files(unquote(parts.path[1:]), folder) if _has_files(parts) else None
    name = f"{_address(parts)} {table}" if files is None else f"spark:{files.name}"
    with _speaking_of(parts, folder), quiet(), _connected(url, parts, folder, files) as engine:
        yield engine, _table(engine, table or spark.FILES), name


def gave(engine: Any, source: Any) -> Any:  # noqa: ANN401 - untyped library
    """The rows of an expression, as a `pyarrow.Table`.

    Ibis takes Spark's through pandas, which loses digits.
    """
    if engine.name == "pyspark":
        return engine.raw_sql(engine.compile(source)).toArrow()
    return source.to_pyarrow()


def _parts(url: str) -> SplitResult:
    scheme, _, rest = url.partition("://")
    if scheme == "spark":  # "local[2]" is no host
        master, slash, path = rest.partition("/")
        return SplitResult(scheme, master, slash + path, "", "")
    try:
        return urlsplit(url)
    except ValueError as error:
        found = f"{quote(scheme)}, {error}"
        raise InputError([Problem("data", found, "a connection URL")]) from None


def _has_files(parts: SplitResult) -> bool:
    """Whether Spark is to read files, not a table of its catalog."""
    return parts.scheme == "spark" and parts.path not in {"", "/"}


def _address(parts: SplitResult) -> str:
    path = unquote(parts.netloc + parts.path)
    if parts.scheme in _IN_A_FILE:
        return f"{parts.scheme}:{Path(path).name}"
    if _has_files(parts):
        return f"spark:{Path(path).name}"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _url_problems(parts: SplitResult, table: str | None) -> list[Problem]:
    problems = _address_problems(parts)
    if _has_files(parts) and table:
        found = f"{quote(table)} beside a path"
        problems.append(Problem("table", found, "one of the two: Spark reads either"))
    elif not _has_files(parts) and not table:
        problems.append(Problem(parts.scheme, "no table", 'table = "..." beside the URL'))
    return problems


def _address_problems(parts: SplitResult) -> list[Problem]:
    where = f"{parts.scheme} URL"
    options = [option.partition("=")[0] for option in parts.query.split("&")]
    if parts.password is not None or any(_SECRET.search(option) for option in options):
        hint = "Let the driver take it from the environment or its own file, such as PGPASSWORD."
        return [Problem(where, "a secret", "no secret: the file is kept with the report", hint)]
    if parts.scheme in _IN_A_FILE and parts.query:
        return [Problem(where, f"options ({quote(parts.query)})", "a path alone")]
    return []


@contextmanager
def _speaking_of(parts: SplitResult, folder: Path) -> Iterator[None]:
    """Turn whatever a driver raises into an `InputError` that names no path."""
    try:
        yield
    except (InputError, MissingExtraError):
        raise
    except Exception as error:  # noqa: BLE001 - each of twenty drivers raises its own kinds
        path = str(_path(parts, folder))
        text = re.sub(rf"(file:(//)?)?{re.escape(path)}", "the file", str(error)).strip()
        what = text.splitlines()[0][:160] if text else type(error).__name__
        driver = f"Its driver comes with ibis-framework[{parts.scheme}]."
        hint = driver if isinstance(error, ImportError) else ""
        expected = "a database that can be read"
        problem = Problem(_address(parts), f"no answer ({what})", expected, hint)
        raise InputError([problem]) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out what Ibis 12 makes pandas 3 say about an option that Ibis reads."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The 'future.infer_string' option is deprecated")
        yield


def _path(parts: SplitResult, folder: Path) -> Path:
    """Path of the file of an engine that is one; see `take` on the slashes."""
    inside = parts.path.removeprefix("/") if not parts.netloc else parts.path
    return folder / unquote(parts.netloc + inside)


@contextmanager
def _connected(url: str, parts: SplitResult, folder: Path, files: Files | None) -> Iterator[Any]:
    _find_ibis("A connection URL")
    import ibis
    from ibis.util import backend_entry_points

    engines = {point.name for point in backend_entry_points()} | {"postgresql", "spark"}
    engines -= {"pyspark"}
    if parts.scheme not in engines:
        raise InputError([Problem.unknown("data", parts.scheme, engines, "an engine of Ibis")])
    if parts.scheme == "spark":
        with spark.session(parts.netloc) as running:
            if files is not None:
                spark.register(running, files)
            yield ibis.pyspark.connect(running)
        return
    if parts.scheme not in _IN_A_FILE:
        engine = ibis.connect(url)
        yield engine
        engine.disconnect()
        return
    path = _path(parts, folder)
    if not path.is_file():  # the engines would make one
        raise InputError([Problem(_address(parts), "no such file", "a database")])
    if parts.scheme == "sqlite":
        engine = ibis.sqlite.connect(path)
        yield engine
        engine.disconnect()
        return
    with tempfile.TemporaryDirectory() as spill:
        engine = _duckdb(path, spill, read_only=True)
        # Nobody vouches for the file: its views may not reach out of it.
        engine.con.execute("SET enable_external_access = false")
        engine.con.execute("SET lock_configuration = true")
        yield engine
        engine.disconnect()


@contextmanager
def embedded() -> Iterator[Any]:
    """Start DuckDB in this process, without a database.

    Yields:
        The engine, of Ibis; beyond `MEMORY` it works in temporary files.

    Raises:
        MissingExtraError: If Ibis is not installed.
    """
    _find_ibis("Counting in files")
    with tempfile.TemporaryDirectory() as spill, quiet():
        engine = _duckdb(":memory:", spill)
        yield engine
        engine.disconnect()


def _find_ibis(what: str) -> None:
    try:
        import ibis  # noqa: F401 - only to see whether it is there
    except ImportError:
        needed = f"{what} needs Ibis: pip install 'auditkit-rai[warehouse]'"
        raise MissingExtraError(needed) from None


def _duckdb(path: Path | str, spill: str, **settings: bool) -> Any:  # noqa: ANN401 - untyped library
    import ibis

    engine = ibis.duckdb.connect(
        path,
        temp_directory=spill,
        memory_limit=MEMORY,
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
        **settings,
    )
    engine.con.execute("SET enable_progress_bar = false")  # it would stand in the output
    return engine


def _table(engine: Any, name: str) -> Any:  # noqa: ANN401 - untyped library
    if engine.name == "duckdb":
        return duckdb_table(engine, name)
    there = list(engine.list_tables())
    if name in there:
        return engine.table(name)
    schema, _, last = name.rpartition(".")
    if schema and last in engine.list_tables(database=schema):
        return engine.table(last, database=schema)
    raise _no_table(name, there)


def _no_table(name: str, there: Sequence[str]) -> InputError:
    return InputError([Problem.unknown("table", name, there, "a table or view of the database")])


def duckdb_table(engine: Any, name: str) -> Any:  # noqa: ANN401 - untyped library
    """Look a table up without the look-ups of Ibis 12, which DuckDB 2 no longer answers."""
    import ibis
    from ibis.expr import operations

    listing = "SELECT table_schema, table_name FROM information_schema.tables"
    there = {
        last if schema == "main" else f"{schema}.{last}": (schema, last)
        for schema, last in engine.con.execute(listing).fetchall()
    }
    there |= {f"main.{last}": (schema, last) for schema, last in there.values() if schema == "main"}
    if name not in there:
        raise _no_table(name, [key for key in there if not key.startswith("main.")])
    schema, last = there[name]
    query = "SELECT column_name, data_type FROM information_schema.columns"
    query += " WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position"
    types = engine.con.execute(query, [schema, last]).fetchall()
    parse = engine.compiler.type_mapper.from_string
    return operations.DatabaseTable(
        last,
        schema=ibis.schema({column: parse(kind) for column, kind in types}),
        source=engine,
        namespace=operations.Namespace(database=schema),
    ).to_expr()


def _sampled(engine: Any, source: Any, size: int, seed: int) -> Any:  # noqa: ANN401 - untyped library
    import ibis
    from ibis.expr import operations

    if not any(map(engine.has_operation, (operations.HexDigest, operations.Hash))):
        found = f"more than {size:,} rows in an engine that hashes nothing"
        hint = "Raise most_rows, or make a table with fewer rows."
        raise InputError([Problem(engine.name, found, "an engine with a hash", hint)])

    def digest(text: Any) -> Any:  # noqa: ANN401 - untyped library
        if engine.has_operation(operations.HexDigest):
            return text.hexdigest("md5")
        return text.hash().cast("string")

    names = source.columns
    content, number, priority = (_free(name, names) for name in ("content", "number", "priority"))
    text = ibis.literal("")
    for name in sorted(names):
        text = text + _BETWEEN + source[name].cast("string").fill_null(_MISSING)
    some = source.mutate(**{content: digest(text)})
    some = some.mutate(**{number: ibis.row_number().over(group_by=some[content])})
    drawn = some[content] + _BETWEEN + some[number].cast("string") + f"{_BETWEEN}{seed}"
    some = some.mutate(**{priority: digest(drawn)})
    return some.order_by([some[priority], some[content]]).limit(size).select(names)


def _free(name: str, taken: Sequence[str]) -> str:
    """A column name that no other is like; engines may not tell case apart."""
    while name in {other.casefold() for other in taken}:
        name += "_"
    return name
