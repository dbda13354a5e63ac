"""A newer table: read likewise, held to the same columns and types, all problems at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditkit.errors import InputError
from auditkit.loading import load_subject, prepare
from auditkit.newer_rows import newer_problems
from auditkit.roles import Roles
from auditkit.subject import Subject

CONFIG = """
[subject]
name = "members"
data = "rows.csv"
label = "y"
sensitive = ["sex", "age"]
{more}
[subject.bands]
age = [30]
[subject.model]
score = "p"
"""


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "p": rng.random(n),
            "y": rng.integers(0, 2, n),
            "sex": rng.choice(["F", "M"], n),
            "age": rng.integers(20, 60, n),
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    people(100, 0).to_csv(tmp_path / "rows.csv", index=False)
    people(80, 1).to_csv(tmp_path / "newer.csv", index=False)
    return tmp_path


def write(folder: Path, more: str) -> Path:
    file = folder / "auditkit.toml"
    file.write_text(CONFIG.format(more=more), encoding="utf-8")
    return file


def problems(folder: Path, more: str = 'newer_data = "newer.csv"') -> list[str]:
    return [str(problem) for problem in prepare(write(folder, more))[1]]


def test_it_is_read_with_the_same_roles_and_groups(folder: Path) -> None:
    subject = load_subject(write(folder, 'newer_data = "newer.csv"'))
    assert subject.newer is not None
    assert len(subject.newer) == 80
    assert subject.newer_groups is not None
    assert subject.newer_groups["age"].names == ("under 30", "30 and over")
    assert any("Took 80 rows of newer.csv" in note for note in subject.data_notes)
    held = subject.predictions_of_newer()
    assert held is not None
    assert held.tolist() == (subject.newer["p"] >= 0.5).astype(int).tolist()


def test_labels_may_be_absent(folder: Path) -> None:
    people(80, 1).drop(columns="y").to_csv(folder / "newer.csv", index=False)
    subject = load_subject(write(folder, 'newer_data = "newer.csv"'))
    assert subject.outcomes_of_newer() == "the newer rows have no labels"


def test_everything_that_is_wrong_is_listed_at_once(folder: Path) -> None:
    wrong = people(80, 1).drop(columns=["sex", "p"]).assign(age="old", y=[2, np.nan] * 40)
    wrong.to_csv(folder / "newer.csv", index=False)
    told = problems(folder)
    for part in ("'sex' (sensitive)", "'p' (score)", "column 'age'", "40 missing values"):
        assert sum(part in one for one in told) == 1, part
    assert len(told) == 4


def test_it_must_be_there_and_be_another_table(folder: Path) -> None:
    assert "none.csv" in problems(folder, 'newer_data = "none.csv"')[0]
    assert "the rows of data" in problems(folder, 'newer_data = "rows.csv"')[0]
    (told,) = problems(folder, 'newer_table = "members"')
    assert "newer_table: found it without newer_data" in told


def test_rows_that_are_only_counted_have_no_newer_ones(folder: Path) -> None:
    told = problems(folder, 'newer_data = "newer.csv"\ncount = true')
    assert any("newer_data" in one and "count = true" in one for one in told)


def test_it_may_come_from_a_table_of_a_database(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("ibis")
    with duckdb.connect(str(folder / "people.db")) as base:
        base.sql(f"CREATE TABLE members AS FROM '{folder / 'newer.csv'}'")
    more = 'newer_data = "duckdb:///people.db"\nnewer_table = "members"'
    subject = load_subject(write(folder, more))
    assert subject.newer is not None
    assert len(subject.newer) == 80


def test_from_python_the_same_problems_are_told() -> None:
    rows, newer = people(50, 0), people(50, 1).rename(columns={"sex": "gender"})
    with pytest.raises(InputError) as caught:
        Subject.from_scores(rows, label="y", score="p", sensitive=["sex"], newer=newer)
    assert [problem.where for problem in caught.value.problems] == [
        "newer column 'sex' (sensitive)"
    ]


def test_an_empty_table_a_strange_outcome_and_true_for_numbers_are_refused() -> None:
    rows = people(50, 0).assign(y=["yes", "no"] * 25)
    roles = Roles(label="y", positive="yes", score="p", sensitive=("sex",), features=("age",))
    assert [p.found for p in newer_problems(rows[:0], rows, roles, "newer")] == ["no rows"]
    strange = rows.assign(y="perhaps", age=True)
    found = [problem.found for problem in newer_problems(strange, rows, roles, "newer")]
    assert found == ["true or false", "'perhaps'"]
