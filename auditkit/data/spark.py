"""Spark in local mode: started for one reading, on loopback, and stopped again."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auditkit.data.files import Files
from auditkit.errors import InputError, MissingExtraError, Problem, quote

#: Name under which a session knows the files that are read.
FILES = "auditkit_files"
#: Where Spark runs; `local[2]` has two threads, `local[*]` one for each core.
_MASTER = re.compile(r"local(\[(\d+|\*)\])?")
#: Rows of an ordered limit beyond which Spark sorts with spilling, not in memory.
_SORTED_IN_MEMORY = 100_000
#: No lines of Spark's own among ours: failures come as exceptions. Without an appender it would
#: take its default settings instead.
_LOGGING = """\
rootLogger.level = off
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
logger.repl.name = org.apache.spark.api.python.PythonGatewayServer
logger.repl.level = off
"""


def found_files(path: str, folder: Path) -> Files:
    """Find Parquet files, and hold their columns against each other before Java starts.

    Args:
        path: A Parquet file, a folder of them, or a pattern.
        folder: Where a relative path starts.

    Returns:
        The files.

    Raises:
        InputError: If there is none, one cannot be read, or they do not fit together.
    """
    files = Files.find(path, folder)
    if files.kind != "parquet":
        raise InputError([Problem(files.name, f"{files.kind} files", "Parquet files (Spark)")])
    _ = files.schema
    return files


@contextmanager
def session(master: str) -> Iterator[Any]:
    """Start Spark, or use the session that this process has; that one is left running.

    Args:
        master: `local`, or with a number of threads `local[2]`.

    Yields:
        The `pyspark.sql.SparkSession`.

    Raises:
        InputError: If this is no local mode, or there is no Java.
        MissingExtraError: If pyspark is not installed.
    """
    if not _MASTER.fullmatch(master):
        hint = "Of a cluster, make the session in Python first: then it is used."
        raise InputError([Problem("spark URL", quote(master), "local, local[2] or local[*]", hint)])
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        needed = "A spark:// URL needs pyspark: pip install 'auditkit-rai[spark]'"
        raise MissingExtraError(needed) from None
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    _find_java()
    with tempfile.TemporaryDirectory() as folder:
        started = _started(SparkSession.builder.master(master), Path(folder))
        try:
            yield started
        finally:
            started.stop()


def register(running: Any, files: Files) -> None:  # noqa: ANN401 - untyped library
    """Make files the table `FILES` of a session.

    Args:
        running: The session.
        files: Parquet files.
    """
    reader = running.read.option("basePath", str(files.root))
    reader.parquet(*map(str, files.paths)).createOrReplaceTempView(FILES)


def _started(builder: Any, folder: Path) -> Any:  # noqa: ANN401 - untyped library
    settings = {
        "spark.app.name": "auditkit",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.maxResultSize": "0",
        "spark.local.dir": str(folder / "spill"),
        "spark.sql.execution.topKSortFallbackThreshold": str(_SORTED_IN_MEMORY),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    (folder / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    own = {"SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}
    added = {name: value for name, value in own.items() if name not in os.environ}
    os.environ |= added  # Java reads them when it starts, and only then
    try:
        return builder.config(map=settings).getOrCreate()
    finally:
        for name in added:
            del os.environ[name]


def _find_java() -> None:
    home = os.environ.get("JAVA_HOME")
    program = Path(home, "bin", "java") if home else "java"
    if shutil.which(program) is None:
        found = f"no Java{' where JAVA_HOME says' if home else ''}"
        raise InputError(
            [Problem("Spark", found, "Java 17", "Install it, or name a file instead.")]
        )
