from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditkit.data import Read, read
from auditkit.errors import InputError, MissingExtraError

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("ibis")


def people(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sex = pd.Series(rng.choice(["F", "M"], n)).mask(rng.random(n) < 0.1)
    return pd.DataFrame({"y": rng.integers(0, 2, n), "sex": sex, "x": rng.random(n).round(1)})


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., Path]:
    def make(rows: pd.DataFrame, *more: str, name: str = "loans.db") -> Path:
        with duckdb.connect(str(tmp_path / name)) as connection:
            connection.register("given", rows)
            connection.execute("CREATE TABLE people AS SELECT * FROM given")
            connection.unregister("given")
            for statement in more:
                connection.execute(statement)
        return tmp_path

    return make


def content(got: Read) -> list[str]:
    return sorted(map(repr, got.frame.itertuples(index=False, name=None)))


def refusal(url: str, table: str | None, folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(url, table=table, folder=folder)
    assert str(folder) not in str(caught.value)
    return str(caught.value)


def test_a_table_of_a_database_is_read_as_a_file_would_be(store: Callable[..., Path]) -> None:
    folder = store(people())
    got = read("duckdb:///loans.db", table="people", folder=folder)
    pd.testing.assert_frame_equal(
        got.frame.sort_values(["x", "y", "sex"], ignore_index=True),
        people().sort_values(["x", "y", "sex"], ignore_index=True),
        check_dtype=False,
    )
    assert (got.rows_total, got.sampled, got.columns) == (400, False, ("y", "sex", "x"))
    assert got.name == "duckdb:loans.db people"
    some = read("duckdb:///loans.db", ["x", "nothing"], table="people", folder=folder)
    assert list(some.frame) == ["x"]
    assert read("duckdb:///loans.db", [], table="people", folder=folder).frame.shape == (400, 0)


def test_three_slashes_start_at_the_folder_and_four_at_the_root(
    store: Callable[..., Path],
) -> None:
    folder = store(people())
    absolute = f"duckdb:///{folder / 'loans.db'}"
    assert absolute.startswith("duckdb:////")
    for url in (absolute, "duckdb:///loans.db", "duckdb://loans.db"):
        assert read(url, table="people", folder=folder).rows_total == 400


def test_a_sample_is_taken_in_the_engine_whatever_the_order_of_rows(
    store: Callable[..., Path],
) -> None:
    folder = store(people())
    moved = people().sample(frac=1, random_state=1)
    store(moved, name="moved.db")
    first, again, other = (
        read(f"duckdb:///{name}", table="people", most_rows=90, seed=seed, folder=folder)
        for name, seed in (("loans.db", 0), ("moved.db", 0), ("loans.db", 1))
    )
    assert (len(first.frame), first.rows_total, first.sampled) == (90, 400, True)
    assert content(first) == content(again)
    assert first.digest == again.digest
    assert content(first) != content(other)


def test_equal_rows_are_sampled_one_by_one(store: Callable[..., Path]) -> None:
    # 30 equal rows and 30 others: of 20 drawn about 10 are of the first kind, never all or none.
    rows = pd.DataFrame({"x": [0] * 30 + list(range(1, 31))})
    folder = store(rows)
    counts = []
    for seed in range(12):
        at = "duckdb:///loans.db"
        got = read(at, table="people", most_rows=20, seed=seed, folder=folder)
        counts.append(int((got.frame["x"] == 0).sum()))
    assert 8 < np.mean(counts) < 12
    assert max(counts) < 20


def test_views_schemas_and_types_are_read(store: Callable[..., Path]) -> None:
    folder = store(
        people(),
        "CREATE VIEW few AS SELECT * FROM people LIMIT 3",
        "CREATE SCHEMA old",
        "CREATE TABLE old.people AS SELECT 1::DECIMAL(9, 2) AS d, 2::HUGEINT AS h, ['a'] AS l",
    )
    at = "duckdb:///loans.db"
    assert read(at, table="few", folder=folder).rows_total == 3
    assert read(at, table="main.few", folder=folder).rows_total == 3
    old = read(at, table="old.people", folder=folder).frame
    assert (old["d"][0], old["h"][0], list(old["l"][0])) == (1.0, 2.0, ["a"])
    some = read(at, table="old.people", folder=folder, most_rows=1)
    assert len(some.frame) == 1


def test_column_names_are_no_sql_and_differ_by_more_than_case(store: Callable[..., Path]) -> None:
    rows = pd.DataFrame({'a"; DROP TABLE people; --': range(9), "Content": range(9), "b c": "x"})
    folder = store(rows)
    got = read("duckdb:///loans.db", table="people", most_rows=4, folder=folder)
    assert list(got.frame) == list(rows)
    assert read("duckdb:///loans.db", table="people", folder=folder).rows_total == 9


def test_a_view_cannot_reach_out_of_its_file(store: Callable[..., Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n", encoding="utf-8")
    folder = store(people(), f"CREATE VIEW evil AS FROM read_csv('{secret}')")
    with pytest.raises(InputError, match="file system operations are disabled"):
        read("duckdb:///loans.db", table="evil", folder=folder)


def test_nothing_is_written_into_the_database_or_beside_it(store: Callable[..., Path]) -> None:
    folder = store(people())
    before = (folder / "loans.db").read_bytes()
    read("duckdb:///loans.db", table="people", most_rows=10, folder=folder)
    assert (folder / "loans.db").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["loans.db"]
    assert "duckdb:no.db: found no such file" in refusal("duckdb:///no.db", "people", folder)
    assert not (folder / "no.db").exists()


@pytest.mark.parametrize(
    ("url", "table", "said"),
    [
        ("duckdb:///loans.db", "peple", "Did you mean 'people'?"),
        ("duckdb:///loans.db", "old.peple", "found 'old.peple'"),
        ("duckdb:///loans.db", None, 'expected table = "..." beside the URL'),
        ("duckdb:///junk.db", "people", "duckdb:junk.db: found no answer"),
        ("duckdb:///loans.db?access_mode=READ_WRITE", "people", "found options"),
        ("duckdbb:///loans.db", "people", "Did you mean 'duckdb'?"),
        ("s3://bucket/part-*.parquet", "people", "found 's3', expected an engine of Ibis"),
        ("postgres://me:hunter2@host/db", "people", "found a secret"),
        ("postgres://me@host/db?sslpassword=hunter2", "people", "found a secret"),
        ("sqlite:///no.sqlite", "people", "no such file"),
    ],
)
def test_every_wrong_address_is_refused_with_the_reason(
    store: Callable[..., Path], url: str, table: str | None, said: str
) -> None:
    folder = store(people(9), "CREATE SCHEMA old", "CREATE TABLE old.people AS SELECT 1 AS a")
    (folder / "junk.db").write_bytes(b"junk" * 5000)
    text = refusal(url, table, folder)
    assert said in text
    assert "hunter2" not in text


def test_a_server_that_is_not_there_is_said_without_who_asked(tmp_path: Path) -> None:
    text = refusal("mysql://someone@127.0.0.1:1/db", "people", tmp_path)
    assert "mysql://127.0.0.1:1/db: found no answer" in text
    assert "someone" not in text


def test_another_engine_of_ibis_reads_too_and_says_what_it_cannot(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "loans.sqlite") as connection:
        connection.execute("CREATE TABLE people (y INTEGER, sex TEXT)")
        connection.executemany("INSERT INTO people VALUES (?, ?)", [(0, "F"), (1, None)])
    connection.close()
    got = read("sqlite:///loans.sqlite", table="people", folder=tmp_path)
    assert got.frame["y"].tolist() == [0, 1]
    assert got.frame["sex"].isna().tolist() == [False, True]
    with pytest.raises(InputError, match="hashes nothing"):
        read("sqlite:///loans.sqlite", table="people", most_rows=1, folder=tmp_path)
    assert "expected a table or view" in refusal("sqlite:///loans.sqlite", "peple", tmp_path)
    assert "expected a table or view" in refusal("sqlite:///loans.sqlite", "main.x", tmp_path)


def test_without_ibis_the_line_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(MissingExtraError, match=r"auditkit-rai\[warehouse\]"):
        read("duckdb:///loans.db", table="people", folder=tmp_path)
