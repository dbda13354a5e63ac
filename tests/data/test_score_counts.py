"""Scores counted by bin in an engine are those that binning every row gives."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit import Subject, count
from auditkit.data.cell_query import Plan, cell_query
from auditkit.data.counted import CellTable
from auditkit.methods.histogram import BINS, ScoreCells, bin_scores

pytest.importorskip("duckdb")
ibis = pytest.importorskip("ibis")
ROLES: dict[str, Any] = {
    "label": "y", "score": "s", "sensitive": ["sex", "age"], "bands": {"age": [25, 65]},
}  # fmt: skip


def people(seed: int, n: int = 3000) -> pd.DataFrame:
    """Scores of every kind: spread, piled at the ends, tied; groups unknown and tiny."""
    rng = np.random.default_rng(seed)
    kinds = [rng.beta(2, 3, n), rng.beta(0.02, 0.02, n), rng.choice([0, 0.3, 0.5, 0.7, 1], n)]
    score = kinds[seed % 3]
    rows = pd.DataFrame({"y": (rng.random(n) < score).astype(int), "s": score})
    rows["sex"] = pd.Series(rng.choice(["F", "M"], n)).mask(rng.random(n) < 0.02)
    rows.loc[:1, "sex"] = "X"
    rows["age"] = rng.integers(18, 90, n)
    return rows


def counted(rows: pd.DataFrame, folder: Path, name: str = "rows.parquet", **more: Any) -> CellTable:
    if name.endswith("csv"):
        rows.to_csv(folder / name, index=False)
    else:
        rows.to_parquet(folder / name)
    return count(name, folder=folder, **{**ROLES, **more})


def binned(rows: pd.DataFrame) -> ScoreCells:
    held = Subject.from_scores(rows, **ROLES)
    codes = {name: groups.codes for name, groups in held.groups.items()}
    sizes = {name: len(groups.names) for name, groups in held.groups.items()}
    return bin_scores(codes, sizes, held.y_true, held.rows["s"])


def equal(found: ScoreCells | None, expected: ScoreCells) -> None:
    assert found is not None
    assert (found.columns, found.sizes, found.bins) == (expected.columns, expected.sizes, BINS)
    for part in ("codes", "y_true", "bin", "n", "low", "high"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    np.testing.assert_allclose(found.score_sum, expected.score_sum, rtol=1e-11)


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
@pytest.mark.parametrize("seed", range(3))
def test_bins_of_an_engine_are_those_of_the_rows(tmp_path: Path, seed: int, name: str) -> None:
    rows = people(seed)
    table = counted(rows, tmp_path, name)
    equal(table.scores, binned(rows))
    assert f"scores and their sums in {BINS:,} bins" in table.notes[0]


def test_bins_of_two_tables_add_up_to_those_of_both(tmp_path: Path) -> None:
    rows = people(0)
    rows["sex"] = np.resize(["F", "M", "X"], len(rows))  # both halves have every group
    first, second = (counted(rows[i::2], tmp_path, f"half{i}.parquet").scores for i in range(2))
    assert first is not None
    assert second is not None
    equal(first + second, binned(rows))


@pytest.mark.parametrize(
    ("change", "more", "reason"),
    [
        ({"s": 1.5}, {"threshold": 1.0}, "some lie outside 0 to 1"),
        ({"w": 2.0}, {"weight": "w"}, "rows have weights"),
        ({}, {"bins": False}, "nobody asked"),
        ({}, {"sensitive": ["s"], "bands": {"s": [0.5]}}, "a sensitive column too"),
    ],
)
def test_scores_that_are_not_binned_say_why(
    tmp_path: Path, change: dict[str, Any], more: dict[str, Any], reason: str
) -> None:
    table = counted(people(0).assign(**change), tmp_path, **more)
    assert table.scores is None
    assert "scores not by bin (" in table.notes[0]
    assert reason in table.notes[0]


def test_too_many_bins_are_left_out_and_decisions_counted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("counting", "cell_query", "cell_values"):
        monkeypatch.setattr(f"auditkit.data.{module}.MOST_CELLS", 500)
    rows = people(0)
    table = counted(rows, tmp_path)
    assert table.scores is None
    assert int(table.cells.n.sum()) == len(rows)
    assert "bins would make more than" in table.notes[0]


def test_decisions_without_scores_have_no_bins(tmp_path: Path) -> None:
    rows = people(0).assign(d=1)
    table = counted(rows, tmp_path, score=None, prediction="d")
    assert table.scores is None
    assert "scores" not in table.notes[0]


@pytest.mark.parametrize("dialect", ["postgres", "bigquery", "snowflake", "databricks"])
def test_the_bins_compile_for_warehouses_in_one_reading(dialect: str) -> None:
    people = ibis.table({"y": "int64", "s": "float64"}, name="people")
    plan = Plan({"y": "y", "s": "s"}, ("y",), {"s": [0.5]}, binned="s")
    sql = str(ibis.to_sql(cell_query(people, plan, nan=True).expression, dialect=dialect))
    assert sql.count("FROM") == 2  # one table, read once
    assert len(sql) < 4_000


def test_sqlite_counts_the_same_bins(tmp_path: Path) -> None:
    rows = people(0)
    with sqlite3.connect(tmp_path / "s.db") as connection:
        rows.to_sql("people", connection, index=False)
    connection.close()
    table = count("sqlite:///s.db", table="people", folder=tmp_path, **ROLES)
    equal(table.scores, binned(rows))
