from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support import scored

import auditkit
from auditkit.data import read
from auditkit.data.frames import FrameLike, as_frame
from auditkit.errors import InputError
from auditkit.subject import Subject


class Exchanged:
    """A table of a library that speaks the older interchange protocol only."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __dataframe__(self, **how: Any) -> Any:
        return self._table.__dataframe__(**how)


class Streamed:
    """A table of a library that speaks nothing but Arrow."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def refusal(table: object) -> str:
    with pytest.raises(InputError) as caught:
        as_frame(table, "rows")
    return str(caught.value)


def odd() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "y": [0, 1, None],
            "group": pl.Series(["b", "a", None], dtype=pl.Categorical),
            "level": pl.Series(["low", "high", None], dtype=pl.Enum(["low", "mid", "high"])),
            "member": [True, False, None],
            "whole": [True, False, True],
            "name": ["x", None, "ü"],
            "paid": pl.Series(["1.25", "2.5", None]).cast(pl.Decimal(10, 2)),
            "day": pl.Series([date(2024, 1, 2), date(2024, 1, 3), None]),
            "tags": [["a"], ["b", "c"], None],
            "nothing": [None] * 3,
            "number": [2**60 + 1, None, 3],
            "x": [0.5, float("nan"), None],
        }
    )


def test_categories_nulls_and_truth_values_of_polars_come_through() -> None:
    frame = as_frame(odd(), "rows")
    assert frame["y"].isna().tolist() == [False, False, True]
    assert frame["group"].tolist()[:2] == ["b", "a"]
    assert frame["group"].isna().tolist() == [False, False, True]
    assert list(frame["level"].cat.categories) == ["low", "mid", "high"]
    assert frame["member"].tolist() == [True, False, None]
    assert frame["whole"].dtype == bool
    assert frame["name"].isna().tolist() == [False, True, False]
    assert frame["paid"].tolist()[:2] == [1.25, 2.5]
    assert frame["day"].tolist()[0] == date(2024, 1, 2)
    assert list(frame["tags"][1]) == ["b", "c"]
    assert frame["nothing"].isna().all()
    assert frame["number"].tolist()[0] == 2**60 + 1
    assert frame["x"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_a_table_in_memory_is_what_its_file_would_be(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"t.{ending}"
    odd().write_parquet(file) if ending == "parquet" else odd().write_ipc(file)
    columns = [name for name in odd().columns if name not in {"group", "level"}]
    from_file = read(file, columns).frame
    pd.testing.assert_frame_equal(as_frame(odd(), "rows")[columns], from_file, check_dtype=False)


@pytest.mark.parametrize("wrap", [pl.from_pandas, pa.Table.from_pandas])
def test_every_kind_of_table_gives_the_report_that_pandas_gives(wrap: Any) -> None:
    def measured(table: FrameLike) -> Any:
        subject = Subject.from_scores(table, label="y", score="score", sensitive=["sex", "race"])
        return auditkit.run(subject, audits=["fairness"]).measurements

    rows = scored(300)
    expected = measured(rows)
    for table in (wrap(rows), Streamed(pa.Table.from_pandas(rows))):
        assert measured(table) == expected


def test_the_older_interchange_protocol_is_read_too() -> None:
    frame = as_frame(Exchanged(pa.table({"y": [1, 0, 1], "sex": ["F", None, "M"]})), "rows")
    assert frame["y"].tolist() == [1, 0, 1]
    assert frame["sex"].isna().tolist() == [False, True, False]


def test_a_declared_category_without_a_row_is_an_empty_group() -> None:
    subject = Subject.from_scores(
        odd()[:2], label="y", prediction="y", sensitive=["level", "whole"]
    )
    assert subject.groups["level"].counts == (1, 1, 0)
    assert subject.groups["level"].names == ("high", "low", "mid")
    assert subject.groups["whole"].names == ("False", "True")


def test_rows_training_rows_and_population_of_a_model_may_be_polars() -> None:
    class Model:
        kind, parameters, sha256 = "table", None, None

        def scores(self, rows: pd.DataFrame) -> Any:
            return rows["score"].to_numpy(dtype=np.float64)

    rows = pl.from_pandas(scored(60))
    subject = Subject.from_model(
        Model(), rows[:20], label="y", features=["score"], train=rows[20:], population=rows
    )
    assert subject.train is not None
    assert (len(subject), len(subject.train), len(subject.y_pred)) == (20, 40, 20)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pl.LazyFrame({"y": [1]}), "found a polars LazyFrame, expected a pandas or polars"),
        (pl.LazyFrame({"y": [1]}), "Collect it first."),
        ("loans.csv", "found a str"),
        (Path("loans.csv"), "Read the file first: auditkit.data.read_table(path)."),
        ({"y": [1]}, "Give the columns names: pandas.DataFrame(values, columns=[...])."),
        (np.zeros((2, 2)), "found a numpy ndarray"),
        (pl.Series("y", [1]), "found a Series that gives no rows"),
        (None, "found a NoneType"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "found column 'a' twice"),
        (pa.table([[1], [2]], names=["a", "a"]), "found column 'a' twice"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_give(table: object, said: str) -> None:
    assert said in refusal(table)
