from __future__ import annotations

import hashlib
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditkit.data import file_digest, read, read_table, reading
from auditkit.errors import InputError

FRAME = pd.DataFrame({"x": [1, 2], "name": ["a", None]})


def people(n: int = 1000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"y": rng.integers(0, 2, n), "sex": rng.choice(["F", "M"], n), "x": rng.random(n).round(2)}
    )


def write(rows: pd.DataFrame, file: Path) -> None:
    if file.suffix == ".csv":
        rows.to_csv(file, index=False)
    elif file.suffix == ".parquet":
        rows.to_parquet(file, row_group_size=170)
    else:
        rows.to_feather(file)


def content(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(rows.itertuples(index=False, name=None))


def refusal(*arguments: Any, **named: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(*arguments, **named)
    return str(caught.value)


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_each_kind_of_file_gives_the_same_table(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"t.{ending}"
    write(FRAME, file)
    back = read_table(file)
    assert back["x"].tolist() == [1, 2]
    assert back["name"].isna().tolist() == [False, True]
    assert list(read_table(file, ["x", "nothing"]).columns) == ["x"]
    assert read_table(file, ["nothing"]).shape == (2, 0)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.parquet", b"PAR1 no", "no readable parquet table"),
        ("t.csv", b"", "no readable csv table"),
        ("t.csv", b"a,b\n1\n2,3\n", "no readable csv table"),
        ("t.csv", b"\xff\xfe\x00a", "no readable csv table"),
        ("t.csv", b"a,a\n1,2\n", "column 'a' twice"),
        ("t.arrow", b"ARROW1", "no readable arrow table"),
        ("t.pkl", b"\x80\x04", "expected one of .parquet"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    text = refusal(tmp_path / name)
    assert said in text
    assert str(tmp_path) not in text


def test_a_truncated_file_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    write(people(), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / "t.parquet").write_bytes(whole[: int(share * len(whole))])
        assert "no readable parquet table" in refusal("t.parquet", folder=tmp_path)
    broken = whole[:2000] + bytes(1000) + whole[3000:]
    (tmp_path / "t.parquet").write_bytes(broken)
    text = refusal("t.parquet", folder=tmp_path, most_rows=50)
    assert "no readable parquet table" in text
    assert str(tmp_path) not in text


def test_an_empty_folder_or_nothing_is_no_table(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "no.csv")
    assert "a folder without a Parquet file" in refusal(tmp_path)
    assert "'part-*.csv': found no file that matches" in refusal("part-*.csv", folder=tmp_path)


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert file_digest(tmp_path / "f").startswith("ba7816bf8f01cfea")
    write(FRAME, tmp_path / "t.csv")
    assert read("t.csv", folder=tmp_path).digest == file_digest(tmp_path / "t.csv")


def test_the_digest_of_several_files_is_what_sha256sum_would_say(tmp_path: Path) -> None:
    for i in range(3):
        write(people(10 + i), tmp_path / f"part-{i}.csv")
    lines = "".join(
        f"{file_digest(tmp_path / name)}  {name}\n"
        for name in ("part-0.csv", "part-1.csv", "part-2.csv")
    )
    got = read("part-*.csv", folder=tmp_path)
    assert got.digest == hashlib.sha256(lines.encode()).hexdigest()
    assert got.name == "part-*.csv (3 files)"


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_a_pattern_reads_all_its_files_as_one_table(tmp_path: Path, ending: str) -> None:
    rows = people()
    write(rows[:300], tmp_path / f"part-0.{ending}")
    write(rows[300:].reset_index(drop=True), tmp_path / f"part-1.{ending}")
    got = read(f"part-*.{ending}", folder=tmp_path)
    pd.testing.assert_frame_equal(got.frame, rows)
    assert (got.rows_total, got.sampled, got.note) == (1000, False, "")
    assert list(read(f"part-*.{ending}", ["x"], folder=tmp_path).frame) == ["x"]


def test_a_folder_of_parquet_files_is_one_table_and_its_names_are_columns(tmp_path: Path) -> None:
    for year in (2023, 2024):
        for sex in ("F", "__HIVE_DEFAULT_PARTITION__"):
            folder = tmp_path / "loans" / f"year={year}" / f"sex={sex}"
            folder.mkdir(parents=True)
            write(pd.DataFrame({"y": [0, 1]}), folder / "part-0.parquet")
    (tmp_path / "loans" / "_temporary").mkdir()
    (tmp_path / "loans" / "_temporary" / "half.parquet").write_bytes(b"PAR1")
    (tmp_path / "loans" / "_SUCCESS").write_bytes(b"")
    got = read("loans", folder=tmp_path)
    assert got.name == "loans/ (4 files)"
    assert got.frame["year"].tolist() == [2023] * 4 + [2024] * 4
    assert got.frame["sex"].isna().sum() == 4
    assert got.frame["y"].tolist() == [0, 1] * 4
    assert read("loans", ["year"], folder=tmp_path).frame["year"].nunique() == 2


def test_files_with_other_columns_are_all_named_at_once(tmp_path: Path) -> None:
    for i in range(3):
        write(people(5), tmp_path / f"p{i}.parquet")
    write(people(5).rename(columns={"sex": "gender"}), tmp_path / "p3.parquet")
    write(people(5).assign(more=1), tmp_path / "p4.parquet")
    (tmp_path / "p5.parquet").write_bytes(b"nothing")
    text = refusal("p*.parquet", folder=tmp_path)
    assert text.startswith("3 problems")
    assert "p3.parquet: found no column 'sex' and the further column 'gender'" in text
    assert "p4.parquet: found the further column 'more'" in text
    assert "p5.parquet: found no readable parquet table" in text


def test_files_of_several_kinds_are_no_table(tmp_path: Path) -> None:
    write(FRAME, tmp_path / "t.csv")
    write(FRAME, tmp_path / "t.parquet")
    assert "files ending in '.csv' and '.parquet'" in refusal("t.*", folder=tmp_path)


def test_the_order_of_columns_and_their_width_may_differ(tmp_path: Path) -> None:
    write(pd.DataFrame({"a": [1], "b": [1.5]}), tmp_path / "p0.parquet")
    write(pd.DataFrame({"b": [2], "a": [None]}), tmp_path / "p1.parquet")
    got = read("p*.parquet", folder=tmp_path).frame
    assert got["b"].tolist() == [1.5, 2.0]
    assert got["a"].isna().tolist() == [False, True]


def test_types_that_do_not_go_together_are_named(tmp_path: Path) -> None:
    write(pd.DataFrame({"a": [1], "b": ["x"]}), tmp_path / "p0.parquet")
    write(pd.DataFrame({"a": ["1"], "b": [2]}), tmp_path / "p1.parquet")
    text = refusal("p*.parquet", folder=tmp_path)
    assert text.startswith("2 problems")
    assert "column 'a': found int64 (in p0.parquet) and " in text


def test_codes_that_differ_between_files_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    write(pd.DataFrame({"c": pd.Categorical(["a", "b"])}), tmp_path / "p0.parquet")
    write(pd.DataFrame({"c": pd.Categorical(["c", "a"])}), tmp_path / "p1.parquet")
    write(pd.DataFrame({"c": ["d"]}), tmp_path / "p2.parquet")
    assert read("p*.parquet", folder=tmp_path).frame["c"].tolist() == ["a", "b", "c", "a", "d"]


def test_columns_of_csv_files_get_one_type_from_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "p0.csv").write_text('zip,n,t\n10115,1,"a,\nb"\n', encoding="utf-8")
    (tmp_path / "p1.csv").write_text("zip,n,t\nSW1A,2.5,\n,NA,c\n", encoding="utf-8")
    got = read("p*.csv", folder=tmp_path).frame
    assert got["zip"].tolist()[:2] == ["10115", "SW1A"]
    assert got["n"].tolist()[:2] == [1.0, 2.5]
    assert got["t"].tolist()[0] == "a,\nb"
    assert got.isna().sum().tolist() == [1, 1, 1]


def test_an_index_that_pandas_kept_is_no_column_and_a_named_one_is(tmp_path: Path) -> None:
    FRAME.set_axis([7, 9]).to_parquet(tmp_path / "a.parquet")
    got = read("a.parquet", folder=tmp_path)
    assert (list(got.frame), got.columns) == (["x", "name"], ("x", "name"))
    FRAME.set_axis(pd.Index([7, 9], name="id")).to_parquet(tmp_path / "b.parquet")
    assert read_table(tmp_path / "b.parquet")["id"].tolist() == [7, 9]


def test_declared_categories_survive(tmp_path: Path) -> None:
    kept = pd.Categorical(["a", None], categories=["b", "a"])
    pd.DataFrame({"c": kept}).to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet")["c"].cat.categories) == ["b", "a"]


def test_whole_numbers_keep_their_digits_and_decimals_become_numbers(tmp_path: Path) -> None:
    big = 2**60 + 1
    table = pa.table(
        {
            "id": pa.array([big, None], pa.int64()),
            "u": pa.array([2**63, None], pa.uint64()),
            "few": pa.array([1, None], pa.int64()),
            "d": pa.array([1, None], pa.int64()).cast(pa.decimal128(21, 2)),
            "w": pa.array([Decimal(big // 100), None], pa.decimal128(18, 0)),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    got = read_table(tmp_path / "t.parquet")
    assert (got["id"][0], got["u"][0], got["w"][0]) == (big, 2**63, big // 100)
    assert got["id"].isna().tolist() == [False, True]
    assert str(got["few"].dtype) == str(got["d"].dtype) == "float64"


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_of_many_rows_a_sample_is_read_that_no_order_changes(tmp_path: Path, ending: str) -> None:
    rows = people()
    write(rows, tmp_path / f"whole.{ending}")
    moved = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    for i in range(4):
        part = moved[i * 250 : (i + 1) * 250].reset_index(drop=True)
        write(part, tmp_path / f"part-{i}.{ending}")
    got = read(f"whole.{ending}", folder=tmp_path, most_rows=100, seed=5)
    again = read(f"part-*.{ending}", folder=tmp_path, most_rows=100, seed=5)
    assert (len(got.frame), got.rows_total, got.sampled) == (100, 1000, True)
    assert "100 of 1,000 rows" in got.note
    assert "seed 5" in got.note
    assert content(got.frame) == content(again.frame)
    assert got.frame.dtypes.to_dict() == rows.dtypes.to_dict()
    assert not set(content(got.frame)) - set(content(rows))
    other = read(f"whole.{ending}", folder=tmp_path, most_rows=100, seed=6)
    assert content(got.frame) != content(other.frame)


def test_a_limit_that_is_not_reached_changes_nothing(tmp_path: Path) -> None:
    write(people(), tmp_path / "t.csv")
    for most in (1000, 1001, None):
        got = read("t.csv", folder=tmp_path, most_rows=most)
        assert (len(got.frame), got.sampled) == (1000, False)


def test_a_table_that_does_not_fit_into_memory_is_refused_before_it_fills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Memory:
        available = 30_000

    monkeypatch.setattr("psutil.virtual_memory", Memory)
    table = pa.table({"t": pa.array(["x" * 5000] * 4000)})
    pq.write_table(table, tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 30_000
    text = refusal("bomb.parquet", folder=tmp_path)
    assert "expected a table that fits into memory" in text
    assert "most_rows" in text


def test_a_table_is_named_with_a_url_only(tmp_path: Path) -> None:
    write(FRAME, tmp_path / "t.csv")
    assert "only a connection URL has tables" in refusal("t.csv", table="x", folder=tmp_path)


names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(names, min_size=1, max_size=4, unique=True))
def test_any_column_name_is_read_back_and_sampled(tmp_path: Path, columns: list[str]) -> None:
    rows = pd.DataFrame({name: range(i, i + 9) for i, name in enumerate(columns)})
    table = pa.Table.from_pandas(rows, preserve_index=False)
    pq.write_table(table, tmp_path / "t.parquet")
    got = read("t.parquet", columns, folder=tmp_path, most_rows=4)
    assert list(got.frame) == [c for c in columns if not reading.is_index(c)]
    assert len(got.frame) == 4


#: The peak of this program alone: what `getrusage` gives may be that of the one that started it.
MEASURED = """
import sys
from pathlib import Path
from auditkit.data import read
got = read(sys.argv[1], most_rows=2_000_000)
status = Path("/proc/self/status").read_text()
peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
print(len(got.frame), got.rows_total, peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_sample_of_five_million_rows_stays_within_450_megabytes(tmp_path: Path) -> None:
    rng, n = np.random.default_rng(0), 5_000_000
    table = pa.table(
        {
            "id": np.arange(n),
            "y": rng.integers(0, 2, n).astype("int8"),
            "score": rng.random(n),
            "sex": pa.array(np.array(["F", "M"])[rng.integers(0, 2, n)]),
            "age": rng.integers(18, 90, n).astype("int16"),
            "x": rng.normal(size=n),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / "t.parquet")],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, total, peak = map(int, done.stdout.split())
    assert (rows, total) == (2_000_000, n)
    assert peak * 1024 < 450e6
