from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.data import read
from auditkit.errors import InputError, MissingExtraError

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("ibis")
ROOT = Path(__file__).parents[2]

#: Two readings by a session that is started for each, then one by a session of the user's own.
READS = """
import json, sys
import pandas as pd
from auditkit.data import read

def told(got):
    frame = got.frame
    rows = sorted(map(repr, frame.itertuples(index=False, name=None)))
    return {
        "rows": rows, "total": got.rows_total, "columns": got.columns, "digest": got.digest,
        "types": [str(kind) for kind in frame.dtypes], "name": got.name, "note": got.note,
    }

def main(folder):
    from pyspark.sql import SparkSession
    says = {}
    at = {"folder": folder}
    says["all"] = told(read("spark://local[2]/part-*.parquet", **at))
    says["some"] = told(read("spark://local/part-*.parquet", ["y", "sex"], most_rows=90, **at))
    says["stopped"] = SparkSession.getActiveSession() is None
    own = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    own.createDataFrame([(1, "F"), (0, None)], ["y", "sex"]).createOrReplaceTempView("mine")
    says["mine"] = told(read("spark://local", table="mine", **at))
    says["hive"] = told(read("spark://local/by_year", **at))
    try:
        read("spark://local", table="mime", **at)
    except ValueError as error:
        says["refused"] = str(error)
    says["running"] = own.range(3).count() == 3
    own.stop()
    return says

print("SAYS", json.dumps(main(sys.argv[1])))
"""


def people(n: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "sex": pd.Series(rng.choice(["F", "M"], n)).mask(rng.random(n) < 0.1),
            "x": rng.random(n).round(1),
            "member": rng.random(n) < 0.5,
            "number": pd.array(rng.integers(2**60, 2**61, n), dtype="Int64"),
        }
    )
    rows.loc[3, "number"] = pd.NA
    return rows


def files(folder: Path, rows: pd.DataFrame) -> None:
    for i, start in enumerate(range(0, len(rows), 1500)):
        rows[start : start + 1500].to_parquet(folder / f"part-{i}.parquet", index=False)
    for year in (2024, 2025):
        (folder / "by_year" / f"year={year}").mkdir(parents=True)
        rows[:5].to_parquet(folder / "by_year" / f"year={year}" / "a.parquet", index=False)
    with duckdb.connect(str(folder / "loans.db")) as connection:
        pattern = folder / "part-*.parquet"
        connection.execute(f"CREATE TABLE people AS FROM read_parquet('{pattern}')")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """What Spark gives in a process of its own, whose end is also that of Java."""
    pytest.importorskip("pyspark")
    folder = tmp_path_factory.mktemp("spark")
    files(folder, people())
    done = subprocess.run(
        [sys.executable, "-c", READS, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"},
    )
    assert done.returncode == 0, done.stderr
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["by_year", "loans.db", "part-0.parquet", "part-1.parquet", "part-2.parquet"]
    return folder, json.loads(done.stdout.split("SAYS", 1)[1])


def rows_of(frame: pd.DataFrame) -> list[str]:
    return sorted(map(repr, frame.itertuples(index=False, name=None)))


@pytest.mark.slow
def test_spark_gives_what_duckdb_gives(spark: tuple[Path, dict[str, Any]]) -> None:
    folder, says = spark
    got = read("duckdb:///loans.db", table="people", folder=folder)
    said = says["all"]
    assert said["rows"] == rows_of(got.frame)
    assert (said["total"], tuple(said["columns"])) == (4000, got.columns)
    assert said["types"] == [str(kind) for kind in got.frame.dtypes]
    assert said["digest"] == got.digest
    assert said["name"] == "spark:part-*.parquet (3 files)"


@pytest.mark.slow
def test_spark_draws_the_sample_that_duckdb_draws(spark: tuple[Path, dict[str, Any]]) -> None:
    folder, says = spark
    at = "duckdb:///loans.db"
    got = read(at, ["y", "sex"], table="people", most_rows=90, folder=folder)
    assert len(says["some"]["rows"]) == 90
    assert says["some"]["rows"] == rows_of(got.frame)
    assert says["some"]["note"] == got.note


@pytest.mark.slow
def test_a_session_is_stopped_but_one_of_the_users_own_is_used_and_left(
    spark: tuple[Path, dict[str, Any]],
) -> None:
    says = spark[1]
    assert says["stopped"] is True
    assert says["mine"]["total"] == 2
    assert says["running"] is True
    assert (
        "found 'mime', expected a table or view of the database. Did you mean 'mine'?"
        in (says["refused"])
    )


@pytest.mark.slow
def test_spark_takes_columns_from_the_names_of_folders(
    spark: tuple[Path, dict[str, Any]],
) -> None:
    folder, says = spark
    got = read("by_year", folder=folder)
    assert says["hive"]["columns"] == list(got.columns)
    assert says["hive"]["total"] == got.rows_total == 10


@pytest.mark.parametrize(
    ("url", "table", "said"),
    [
        ("spark://local", None, 'found no table, expected table = "..." beside the URL'),
        ("spark://local/", None, 'found no table, expected table = "..." beside the URL'),
        ("spark://loca", "t", "'loca', expected local, local[2] or local[*]"),
        ("spark://host:7077", "t", "Of a cluster, make the session in Python first"),
        ("spark://local/a.parquet", "t", "found 't' beside a path"),
        ("spark://local/no.parquet", None, "found no such file"),
        ("spark://local/t.csv", None, "found csv files, expected Parquet files"),
        ("spark://local[2]/junk.parquet", None, "junk.parquet: found no readable parquet table"),
        ("pyspark://local", "t", "Did you mean 'spark'?"),
        ("duckdb://[x", "t", "expected a connection URL"),
    ],
)
def test_a_wrong_address_is_refused_before_java_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, table: str | None, said: str
) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))  # Java could not start here
    (tmp_path / "t.csv").write_text("a\n1\n", encoding="utf-8")
    (tmp_path / "junk.parquet").write_bytes(b"PAR1" * 9)
    with pytest.raises(InputError) as caught:
        read(url, table=table, folder=tmp_path)
    assert said in str(caught.value)


def test_without_java_or_pyspark_the_reader_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match="no Java where JAVA_HOME says, expected Java 17"):
        read("spark://local", table="t", folder=tmp_path)
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no Java, expected Java 17"):
        read("spark://local", table="t", folder=tmp_path)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(MissingExtraError, match=r"auditkit-rai\[spark\]"):
        read("spark://local", table="t", folder=tmp_path)
