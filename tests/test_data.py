from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from auditkit.data import file_digest, read_table
from auditkit.errors import InputError

FRAME = pd.DataFrame({"x": [1, 2], "name": ["a", None]})


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_each_kind_of_file_gives_the_same_table(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"t.{ending}"
    getattr(FRAME, f"to_{ending}")(file, **({"index": False} if ending == "csv" else {}))
    back = read_table(file)
    assert back["x"].tolist() == [1, 2]
    assert back["name"].isna().tolist() == [False, True]
    assert list(read_table(file, ["x", "nothing"]).columns) == ["x"]


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
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / name)
    assert said in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_folder_or_nothing_is_no_table(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no.csv"):
        with pytest.raises(InputError, match="no such file"):
            read_table(path)


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert file_digest(tmp_path / "f").startswith("ba7816bf8f01cfea")
