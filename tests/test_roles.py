from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.roles import Roles, make_groups


def table(**changes: object) -> pd.DataFrame:
    columns: dict[str, object] = {
        "y": [0, 1, 1, 0], "s": [0.1, 0.9, 0.4, 0.6], "sex": ["F", "M", None, "F"],
    }  # fmt: skip
    return pd.DataFrame(columns | changes)


ROLES = Roles(label="y", score="s", sensitive=("sex",))


def texts(roles: Roles, rows: pd.DataFrame) -> list[str]:
    return [str(problem) for problem in roles.problems(rows, "here", "t.csv")]


def test_a_good_table_has_no_problem() -> None:
    assert texts(ROLES, table()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"y": [0, 1, None, 0]}, "1 missing values"),
        ({"y": [1, 1, 1, 1]}, "one class only ('1')"),
        ({"y": [0, 2, 2, 0]}, "found 1, expected one of '0', '2'"),
        ({"y": ["no", "yes", "yes", "no"]}, "The column holds text."),
        ({"y": [0, 1, 2, 3]}, "4 classes"),
        ({"sex": [None] * 4}, "only missing values"),
        ({"s": [0.1, np.nan, 0.3, 0.4]}, "1 missing or infinite values"),
        ({"s": [0.1, np.inf, 0.3, 0.4]}, "1 missing or infinite values"),
        ({"s": ["a", "b", "c", "d"]}, "expected numbers"),
    ],
)
def test_each_fault_of_a_table_is_named(changes: dict[str, object], said: str) -> None:
    found = texts(ROLES, table(**changes))
    assert len(found) == 1
    assert said in found[0]


def test_all_faults_are_found_in_one_pass() -> None:
    roles = Roles(label="yy", score="s", sensitive=("sexx", "sex"), features=("agee",))
    found = texts(roles, table(sex=[None] * 4, s=["a"] * 4))
    assert len(found) == 5
    assert "Did you mean 'y'?" in found[0] or "'y'" in found[0]
    assert "Did you mean 'sex'?" in found[1]


def test_no_rows_is_a_fault() -> None:
    assert "no rows" in texts(ROLES, table().head(0))[0]


def test_a_number_with_many_values_needs_bands() -> None:
    rows = pd.DataFrame({"y": [0, 1] * 15, "s": 0.5, "age": np.arange(30)})
    roles = Roles(label="y", score="s", sensitive=("age",))
    assert "[subject.bands]" in texts(roles, rows)[0]
    banded = Roles(label="y", score="s", sensitive=("age",), bands={"age": [10, 20]})
    assert texts(banded, rows) == []
    falling = Roles(label="y", score="s", sensitive=("age",), bands={"age": [20, 10]})
    assert "rising edges" in texts(falling, rows)[0]


def test_one_decision_for_everyone_is_no_fault_of_the_table() -> None:
    roles = Roles(label="y", prediction="d", sensitive=("sex",))
    assert texts(roles, table(d=[0, 0, 0, 0])) == []


def test_bands_hold_their_lower_edge_and_are_named_in_whole_numbers() -> None:
    groups = make_groups(pd.Series([24, 25, 44, 45, None], name="age"), [25, 45])
    assert groups.names == ("under 25", "25 to 44", "45 and over")
    assert groups.codes.tolist() == [0, 1, 1, 2, -1]


def test_fractions_get_bands_without_a_gap() -> None:
    groups = make_groups(pd.Series([0.5, 1.5], name="x"), [1, 2])
    assert groups.names == ("under 1", "1 to under 2", "2 and over")


def test_declared_categories_without_a_row_are_kept() -> None:
    values = pd.Series(pd.Categorical(["a"], categories=["a", "b"]), name="g")
    assert make_groups(values).counts == (1, 0)


def test_whole_numbers_lose_their_point() -> None:
    assert make_groups(pd.Series([1.0, 2.0, np.nan], name="g")).names == ("1", "2")


@given(st.lists(st.sampled_from(["a", "b", "é", "<b>", None]), min_size=1))
def test_every_row_is_in_one_group_or_unknown(values: list[str | None]) -> None:
    groups = make_groups(pd.Series(values, name="g", dtype=object))
    assert sum(groups.counts) + groups.unknown == len(values)
    back = [None if code < 0 else groups.names[code] for code in groups.codes]
    assert back == values


def test_groups_of_other_rows_keep_the_names_and_add_new_ones() -> None:
    groups = make_groups(pd.Series(["a", "b"], name="g"))
    other = groups.of(pd.Series(["c", None, "b"], name="g"))
    assert other.names == ("a", "b", "c")
    assert other.codes.tolist() == [2, -1, 1]


WEIGHED = Roles(label="y", score="s", sensitive=("sex",), weight="w")


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (["1", "2", "3", "4"], ["expected numbers"]),
        ([True, False, True, True], ["values of type bool"]),
        ([1, None, 2, np.inf], ["2 missing or infinite values"]),
        ([1, -2, -3, 4], ["2 negative values"]),
        ([0, 0, 0, 0], ["only zeros"]),
        ([np.nan, -1, 0, 0], ["1 missing or infinite values", "1 negative values"]),
        ([0, 1, 2, 0.5], []),
    ],
)
def test_every_fault_of_a_weight_is_named(weights: list[object], said: list[str]) -> None:
    found = texts(WEIGHED, table(w=weights))
    assert len(found) == len(said)
    for text, words in zip(found, said, strict=True):
        assert words in text
        assert "'w' (weight)" in text


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("label", {"label": "w"}),
        ("score", {"score": "w"}),
        ("sensitive", {"sensitive": ("sex", "w")}),
        ("features", {"features": ("w",)}),
    ],
)
def test_a_weight_plays_no_other_part(role: str, part: dict[str, Any]) -> None:
    rows = table(w=[0, 1, 0, 1])
    (found,) = texts(replace(WEIGHED, **part), rows)
    assert f"weight: found 'w', which is under {role} too" in found


def test_a_weight_that_is_no_column_is_named() -> None:
    (found,) = texts(replace(WEIGHED, weight="wt"), table(w=[1, 2, 3, 4]))
    assert "Did you mean 'w'?" in found
