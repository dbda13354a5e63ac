"""The guard answers what was seen, refers what was not, and rejects what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditkit.errors import InputError
from auditkit.guard import Column, Guard

GUARD = Guard(
    0.5,
    0.1,
    (
        Column(name="age", kind="number", low=18, high=90),
        Column(name="job", kind="category", categories=["a", "b"], missing=True),
    ),
)


def test_each_row_gets_its_gravest_reason() -> None:
    rows = pd.DataFrame(
        {"age": [30, 30, 99, 30, "x", None, np.inf, 30], "job": [*"aab", "z", *"aaaa"]}
    )
    scores = [0.9, 0.55, 0.9, 0.9, 0.9, 0.9, 0.9, np.nan]
    found = GUARD.check(rows, scores)
    assert found.reason.tolist() == [
        *("ok", "score_in_band", "out_of_range", "unseen_category", "wrong_type"),
        *("missing_value", "wrong_type", "bad_score"),
    ]
    assert found.action.tolist() == ["answer", *["refer"] * 3, *["reject"] * 4]


def test_a_missing_column_rejects_every_row_and_missing_may_be_allowed() -> None:
    assert set(GUARD.check(pd.DataFrame({"job": ["a"]}), [0.9]).reason) == {"missing_column"}
    assert GUARD.check(pd.DataFrame({"age": [30], "job": [None]}), [0.9]).reason[0] == "ok"
    with pytest.raises(ValueError, match="one score a row"):
        GUARD.check(pd.DataFrame({"age": [30]}), [0.1, 0.2])


def test_categories_are_named_as_the_audit_names_them() -> None:
    guard = Guard(0.5, 0.0, (Column(name="code", kind="category", categories=["1", "True"]),))
    for codes in ([1, 2], [1.0, 2.0], ["1", "2"], [True, False], pd.Categorical(["1", "2"])):
        found = guard.check(pd.DataFrame({"code": codes}), [0.9, 0.9])
        assert found.reason.tolist() == ["ok", "unseen_category"], codes
    odd = pd.DataFrame({"code": ["1", [1], {"a": 1}, None]})
    found = guard.check(odd, [0.9] * 4)
    assert found.reason.tolist() == ["ok", "wrong_type", "wrong_type", "missing_value"]


def test_texts_are_held_to_their_length() -> None:
    guard = Guard(0.5, 0.0, (Column(name="t", kind="text", longest=3),))
    found = guard.check(pd.DataFrame({"t": ["abc", "abcd", 7, None]}), [0.9] * 4)
    assert found.reason.tolist() == ["ok", "out_of_range", "wrong_type", "missing_value"]


def test_a_column_that_stands_twice_is_a_problem_and_no_crash() -> None:
    rows = pd.DataFrame([[30, 31, "a"]], columns=["age", "age", "job"])
    with pytest.raises(InputError, match="several columns"):
        GUARD.check(rows, [0.9])
    others = pd.DataFrame([[30, "a", 1, 1]], columns=["age", "job", "x", "x"])
    assert GUARD.check(others, [0.9]).action.tolist() == ["answer"]


def test_no_rows_get_no_decisions() -> None:
    rows = pd.DataFrame({"age": pd.Series([], dtype=float), "job": pd.Series([], dtype=object)})
    assert GUARD.check(rows, []).action.tolist() == []


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    GUARD.save(tmp_path / "guard.json")
    assert Guard.load(tmp_path / "guard.json") == GUARD


def test_a_hostile_file_is_refused_with_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "guard.json"
    file.write_text('{"format": 2, "threshold": NaN, "band": -1, "columns": [], "more": 1}')
    with pytest.raises(InputError, match="4 problems"):
        Guard.load(file)
    file.write_bytes(b"[" * 4_000_001)
    with pytest.raises(InputError, match="a larger file"):
        Guard.load(file)
    file.write_bytes(b"[" * 100_000)
    with pytest.raises(InputError):
        Guard.load(file)
