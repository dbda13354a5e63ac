"""Counting where the rows lie gives what reading them gives: numbers, names, notes and problems."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit import Subject, count, run
from auditkit.data import read, read_table
from auditkit.data.cell_query import Plan, cell_query
from auditkit.data.counted import CellTable
from auditkit.errors import InputError
from auditkit.report import Report

duckdb = pytest.importorskip("duckdb")
ibis = pytest.importorskip("ibis")
#: Metrics that are made of scores, which counts do not hold.
OF_SCORES = {"roc_auc", "brier_score", "calibration_in_the_large", "standardized_mean_difference"}
AUDITS = ("performance", "fairness", "adverse-impact")
#: Values that a sensitive column may have, and the edges of its bands.
KINDS: tuple[tuple[str, list[Any], list[float] | None], ...] = (
    ("text", ["F", "M", None, "Zoë", 'a"; --', "İi", "i̇i", " x", "\N{FIRE}"], None),
    ("numbers", [1.0, 2.5, float("nan"), 3.0, -0.0, 0.0], None),
    ("whole", [1, 2, 3], None),
    ("yes", [True, False], None),
    ("maybe", [True, None, False], None),
    ("age", [17.0, 25.0, 64.0, 65.0, float("nan")], [25, 65]),
    ("pay", [-np.inf, 0.5, 1.0, 2.0, np.inf, 1e300], [1, 1.5]),
    ("days", [3, 7, 9], [7]),
)


def people(seed: int, n: int = 400) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A random table with all that a column may hold, and the parts that its columns play."""
    rng = np.random.default_rng(seed)
    labels: list[tuple[Any, Any]] = [(0, 1), (False, True), ("no", "ja"), (2.5, 1.0), (3, 7)]
    chosen = labels[seed % len(labels)]
    rows = pd.DataFrame({"y": rng.choice(np.array(chosen), n), "d": rng.choice(chosen, n)})
    rows["s"] = rng.choice([0.1, 0.4, 0.5, 0.9, 1.0], n)
    picked = rng.permutation(len(KINDS))[:3]
    bands = {}
    for name, values, edges in (KINDS[i] for i in picked):
        rows[name] = pd.Series([values[i] for i in rng.integers(0, len(values), n)])
        if edges is not None:
            bands[name] = edges
    weights = [[0.0, 0.5, 2.0, 3.25], [1.5], [0.0, 2.0], [1e-9, 7e5]][seed % 4]
    rows["w"] = rng.choice(weights, n)
    sensitive = [KINDS[i][0] for i in picked]
    parts: list[dict[str, Any]] = [
        {"prediction": "d"},
        {"score": "s", "threshold": 0.5},
        {"score": "s"},
        {"score": "s", "prediction": "d"},
    ]
    weight = "w" if seed % 2 else None
    return rows, {
        "label": "y", "positive": chosen[1], "sensitive": sensitive, "bands": bands,
        "weight": weight, **parts[seed // 2 % 4],
    }  # fmt: skip


def numbers(report: Report) -> dict[str, Any]:
    return {
        m.id: (m.value, m.interval, m.n, m.reason, m.source)
        for m in report.measurements
        if m.metric not in OF_SCORES
    }


def close(found: Any, expected: Any) -> bool:
    """Whether two records are alike but for the last digits of their numbers."""
    if isinstance(expected, float) or isinstance(found, float):
        return bool(found == pytest.approx(expected, rel=1e-9, abs=1e-9))
    if hasattr(expected, "model_dump"):
        return close(found.model_dump(), expected.model_dump())
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[k], expected[k]) for k in found)
    if isinstance(expected, tuple | list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return bool(found == expected)


def same(table: CellTable, rows: pd.DataFrame, roles: dict[str, Any]) -> tuple[Subject, Subject]:
    """Hold counts against the rows that they are of; gives both subjects."""
    of_rows, counted = Subject.from_scores(rows, **roles), Subject.from_cells(table)
    for name, groups in of_rows.groups.items():
        held = counted.groups[name]
        assert (held.names, held.counts, held.unknown) == (
            groups.names, groups.counts, groups.unknown,
        )  # fmt: skip
    assert counted.data_notes[1:] == of_rows.data_notes
    assert counted.source.rows == len(rows)
    expected, found = of_rows.cells, counted.cells
    assert (found.columns, found.sizes) == (expected.columns, expected.sizes)
    for part in ("codes", "y_true", "y_pred", "n"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    for part in ("weights", "squares"):
        sums = getattr(expected, part)
        assert (getattr(found, part) is None) == (sums is None)
        if sums is not None:
            np.testing.assert_allclose(getattr(found, part), sums, rtol=1e-11)
    return counted, of_rows


def written(rows: pd.DataFrame, path: Path) -> str:
    """Write a file of the kind that its ending says; gives its name."""
    if path.suffix == ".csv":
        rows.to_csv(path, index=False)
    elif path.suffix == ".arrow":
        rows.to_feather(path)
    else:
        rows.to_parquet(path, row_group_size=90)
    return path.name


def problems(call: Callable[[], object]) -> list[str]:
    with pytest.raises(InputError) as caught:
        call()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize("seed", range(16))
def test_counts_are_those_of_the_rows_that_reading_gives(
    seed: int, kind: str, tmp_path: Path
) -> None:
    rows, roles = people(seed)
    name = written(rows, tmp_path / f"rows.{kind}")
    got = read(name, folder=tmp_path).frame
    same(count(name, folder=tmp_path, **roles), got, roles)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("seed", [0, 7])
def test_audits_of_counts_measure_what_audits_of_rows_do(
    seed: int, kind: str, tmp_path: Path
) -> None:
    rows, roles = people(seed)
    name = written(rows, tmp_path / f"rows.{kind}")
    subjects = same(count(name, folder=tmp_path, **roles), read_table(tmp_path / name), roles)
    found, expected = (numbers(run(subject, audits=AUDITS)) for subject in subjects)
    assert len(found) > 30
    assert found.keys() == expected.keys()
    assert [id_ for id_ in found if not close(found[id_], expected[id_])] == []


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_categories_that_no_row_has_are_groups_still(kind: str, tmp_path: Path) -> None:
    rows, roles = people(0)
    known = ["z", "b", "a"]
    rows["c"] = pd.Categorical(np.resize(["a", "b", None], len(rows)), categories=known)
    written(rows, tmp_path / f"rows.{kind}")
    roles |= {"sensitive": ["c"], "bands": {}}
    table = count(f"rows.{kind}", folder=tmp_path, **roles)
    assert table.names["c"] == ("a", "b", "z")
    same(table, read(f"rows.{kind}", folder=tmp_path).frame, roles)


def test_many_files_and_columns_that_folders_give_are_one_table(tmp_path: Path) -> None:
    rows, roles = people(4, 300)
    for i, year in enumerate(["2024", "x%20y", "__HIVE_DEFAULT_PARTITION__"]):
        folder = tmp_path / "by" / f"year={year}" / f"month=0{i + 1}"
        folder.mkdir(parents=True)
        rows[i * 100 : i * 100 + 100].to_parquet(folder / "a.parquet", index=False)
    roles |= {"sensitive": ["year", "month"], "bands": {}}
    table = count("by", folder=tmp_path, **roles)
    assert table.names == {"year": ("2024", "x y"), "month": ("01", "02", "03")}
    same(table, read("by", folder=tmp_path).frame, roles)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_names_of_columns_clash_with_nothing(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = {"n": "y", "N": "d", 'a"b': "F", "weights": "w", "Squares": "M", "s_part": "x"}
    rows = pd.DataFrame({name: rng.integers(0, 2, 200) for name in names})
    rows["weights"] += 1
    rows["s"] = rng.random(200)
    rows["S_low"] = rng.random(200)
    roles: dict[str, Any] = {
        "label": "n", "score": "s", "prediction": "N", "weight": "weights",
        "sensitive": ['a"b', "Squares", "s_part", "S_low"], "bands": {"S_low": [0.5]},
    }  # fmt: skip
    written(rows, tmp_path / f"rows.{kind}")
    same(count(f"rows.{kind}", folder=tmp_path, **roles), rows, roles)


def test_paths_are_no_patterns_and_no_sql(tmp_path: Path) -> None:
    rows, roles = people(2)
    folder = tmp_path / "it's [a] year=1"
    folder.mkdir()
    rows.to_parquet(folder / "rows.parquet")
    same(count("rows.parquet", folder=folder, **roles), rows, roles)


BAD: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("y", [None, 1, 0], {}),
    ("y", [1, 1, 1], {}),
    ("y", [1, 2, 3], {}),
    ("y", ["a", "b", "a"], {}),
    ("d", [None, None, 1], {}),
    ("s", [0.5, None, np.inf], {"score": "s"}),
    ("s", [0.5, 7.0, -3.0], {"score": "s", "prediction": None}),
    ("s", ["a", "b", "1"], {"score": "s"}),
    ("s", [True, False, True], {"score": "s"}),
    ("w", [1.0, -2.0, np.nan], {"weight": "w"}),
    ("w", [0.0, 0.0, 0.0], {"weight": "w"}),
    ("w", ["1", "x", "2"], {"weight": "w"}),
    ("g", [None, None, None], {"sensitive": ["g"]}),
    ("g", ["a", "b", "c"], {"sensitive": ["g"], "bands": {"g": [2]}}),
    ("g", [True, False, True], {"sensitive": ["g"], "bands": {"g": [2]}}),
    ("g", [1, 2, 3], {"sensitive": ["g"], "bands": {"g": [2, 1]}}),
    ("g", [1, 2, 3], {"sensitive": ["g"], "bands": {"g": []}}),
    ("g", [1, 2, 3], {"sensitive": ["g"], "weight": "g"}),
    ("g", [1, 2, 3], {"sensitive": ["sexx"], "bands": {"sx": [1]}, "weight": "W", "label": "Y"}),
]


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize(("column", "values", "more"), BAD)
def test_what_is_wrong_is_said_as_of_rows(
    kind: str, column: str, values: list[Any], more: dict[str, Any], tmp_path: Path
) -> None:
    rows = pd.DataFrame({"y": [0, 1] * 30, "d": [1, 0] * 30, "s": 0.5, "w": 1.0, "g": "a"})
    rows[column] = pd.Series(values * 20)
    name = written(rows, tmp_path / f"rows.{kind}")
    roles = {"label": "y", "prediction": "d", **more}
    got = read(name, folder=tmp_path)
    source = got.name
    expected = problems(lambda: Subject.from_scores(got.frame, **roles))
    found = problems(lambda: count(name, folder=tmp_path, **roles))
    assert expected
    assert [re.sub("^count ", "from_scores ", text) for text in found] == [
        text.replace("the table", source) for text in expected
    ]


def test_numbers_that_csv_readers_read_apart_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("y,s\n1,0x1\n0,0\n1, 1 \n", encoding="utf-8")
    said = problems(lambda: count("rows.csv", label="y", score="s", folder=tmp_path))
    assert said == [
        "rows.csv column 's': found numbers written as '0x1', expected numbers in plain digits, to "
        "be counted. Write them as other numbers are, or have the rows read."
    ]


def test_columns_of_too_many_values_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pd.DataFrame({"y": [0, 1] * 4000, "d": 1, "sex": ["F", "M"] * 4000})
    rows["id"] = [f"p{i}" for i in range(len(rows))]
    rows["zip"] = [f"z{i % 4999}" for i in range(len(rows))]
    rows.to_parquet(tmp_path / "rows.parquet")

    def said(*sensitive: str) -> list[str]:
        return problems(
            lambda: count(
                "rows.parquet", label="y", prediction="d", sensitive=sensitive, folder=tmp_path
            )
        )

    many = (
        "rows.parquet column 'id' (sensitive): found 8,000 different values, expected at most "
        "5,000 to count by. Put its values into fewer groups first: of numbers by bands, of text "
        "by a new column."
    )
    assert said("sex", "id") == [many]
    for module in ("counting", "cell_query"):
        monkeypatch.setattr(f"auditkit.data.{module}.MOST_CELLS", 100)
    assert said("sex", "id") == [many]
    assert said("sex", "zip") == [
        "count sensitive: found more than 100 combinations of 'y' (2), 'd' (1), 'sex' (2), 'zip' "
        "(4,999), expected at most 100 to count. Name fewer columns, or put their values into "
        "fewer groups first."
    ]


def test_weights_of_any_size_are_added_up(tmp_path: Path) -> None:
    rows, roles = people(1)
    plain = [1.0, 2.0, 3.7]
    for size in (1e300, 1e-300):
        rows["w"] = np.resize(plain, len(rows)) * size
        rows.to_parquet(tmp_path / "rows.parquet")
        same(count("rows.parquet", folder=tmp_path, **roles), rows, roles)


def test_the_counts_depend_on_no_order_and_their_digest_on_no_engine(tmp_path: Path) -> None:
    rows, roles = people(3, 3000)
    rows["w"] = np.random.default_rng(1).random(3000)
    tables = []
    for i, some in enumerate([rows, rows.sample(frac=1, random_state=5)]):
        some.to_parquet(tmp_path / f"rows{i}.parquet", row_group_size=500)
        tables.append(count(f"rows{i}.parquet", folder=tmp_path, **roles))
    first, second = (table.cells for table in tables)
    assert first.weights is not None
    assert second.weights is not None
    np.testing.assert_array_equal(first.weights, second.weights)
    queries = [table.query for table in tables]
    assert queries[0] == queries[1]
    assert queries[0] is not None
    assert queries[0].engine == f"DuckDB {duckdb.__version__}"
    assert "GROUP BY" in queries[0].sql
    assert str(tmp_path) not in queries[0].sql


def test_a_database_counts_what_a_file_of_the_same_rows_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"y": rng.integers(0, 2, 500), "s": rng.random(500).round(2)})
    rows["sex"] = pd.Series(rng.choice(["F", "M"], 500)).mask(rng.random(500) < 0.1)
    rows["age"] = rng.integers(18, 90, 500) / 2
    rows["w"] = rng.choice([0.0, 1.0, 2.5], 500)
    rows.to_parquet(tmp_path / "rows.parquet")
    with duckdb.connect(str(tmp_path / "d.db")) as connection:
        connection.execute("CREATE TABLE people AS FROM rows")
    connection = sqlite3.connect(tmp_path / "s.db")
    rows.to_sql("people", connection, index=False)
    connection.close()
    roles: dict[str, Any] = {
        "label": "y", "score": "s", "threshold": 0.3, "sensitive": ["sex", "age"],
        "bands": {"age": [12.5, 30]}, "weight": "w",
    }  # fmt: skip
    held = [
        count(source, table=table, folder=tmp_path, **roles)
        for source, table in (
            ("rows.parquet", None), ("duckdb:///d.db", "people"), ("sqlite:///s.db", "people"),
        )
    ]  # fmt: skip
    for table in held:
        same(table, rows, roles)
    digests = {table.query.sha256 for table in held if table.query}
    assert len(digests) == 1
    assert held[1].source.name == "duckdb:d.db people"
    assert held[1].source.sha256 in digests
    assert held[2].query is not None
    assert held[2].query.engine.startswith("SQLite 3")


@pytest.mark.parametrize("dialect", ["postgres", "bigquery", "snowflake", "databricks"])
def test_the_expression_compiles_for_warehouses(dialect: str) -> None:
    kinds = {"y": "int64", "s": "float64", "sex": "string", "age": "int64", "w": "float64"}
    people = ibis.table(kinds, name="people")
    plan = Plan(
        dict(zip(kinds, kinds, strict=True)),
        whole=("y", "sex"),
        cut={"s": [0.5], "age": [25, 65]},
        bands=("age",),
        weight="w",
    )
    sql = str(ibis.to_sql(cell_query(people, plan, nan=True).expression, dialect=dialect))
    assert "GROUP BY" in sql
    assert sql.count("FROM") == 2  # one table, read once
    assert "JOIN" not in sql


def test_broken_files_and_wrong_places_end_in_words(tmp_path: Path) -> None:
    roles: dict[str, Any] = {"label": "y", "prediction": "d", "folder": tmp_path}
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing PAR1")
    (tmp_path / "bad.csv").write_text("y,d\n1,0\n1\n", encoding="utf-8")
    rows, _ = people(0)
    rows.to_parquet(tmp_path / "cut.parquet")
    whole = bytearray((tmp_path / "cut.parquet").read_bytes())
    whole[4:400] = b"x" * 396
    (tmp_path / "cut.parquet").write_bytes(whole)
    for name in ("bad.parquet", "bad.csv", "cut.parquet", "none.parquet"):
        (said,) = problems(lambda name=name: count(name, **roles))  # type: ignore[misc]
        assert name in said
        assert name == "none.parquet" or str(tmp_path) not in said
    (said,) = problems(lambda: count("cut.parquet", table="t", **roles))
    assert "only a connection URL has tables" in said


def test_no_score_and_no_age_leaves_the_engine() -> None:
    people = ibis.table({"y": "int64", "s": "float64", "age": "int64"}, name="people")
    called = {"y": "y", "s": "s", "age": "age"}
    plan = Plan(called, whole=("y",), cut={"s": [0.5], "age": [25]}, bands=("age",))
    made = cell_query(people, plan, nan=True).expression
    assert made.columns == ("y", "s_part", "age_part", "n", "age_fraction")
    assert [str(kind) for kind in made.schema().types[1:]] == ["int16", "int16", "int64", "boolean"]
