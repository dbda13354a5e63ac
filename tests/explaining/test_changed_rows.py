"""Rows that are coded, changed and written back: types and what is missing stay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.explaining.change_rules import ChangeRules
from auditkit.explaining.change_words import RARE, Wording
from auditkit.explaining.changed_rows import CATEGORIES, ChangingRows


def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "small": np.array([1.5, 2.5, np.nan], dtype=np.float32),
            "name": pd.array(["a", None, "b"], dtype="string"),
            "plain": pd.Series(["x", None, np.nan], dtype=object),
            "kind": pd.Categorical(["p", "q", None], categories=["q", "p", "r"]),
            "truth": [True, False, True],
        }
    )


def coded(table: pd.DataFrame, reference: pd.DataFrame | None = None) -> ChangingRows:
    features = list(table.columns)
    usual = table if reference is None else reference
    return ChangingRows.of(table, usual, features, ChangeRules(), [], 10)


def test_what_was_not_changed_is_exactly_what_it_was() -> None:
    table, owner = rows(), np.array([2, 0, 1, 0])
    held = coded(table)
    made = held.frame(held.before[owner], owner)
    pd.testing.assert_frame_equal(made, table.iloc[owner].reset_index(drop=True))
    assert [value is None for value in made["plain"]] == [False, False, True, False]


def test_changed_values_have_the_type_of_their_column() -> None:
    table = rows()
    held = coded(table)
    after = held.before[[0, 0]].copy()
    after[0] = [3.0, 2.5, 1.0, 0.0, 1.0, 0.0]
    made = held.frame(after, np.array([0, 0]))
    assert made.iloc[0].tolist() == [3, 2.5, "b", "x", "q", False]
    assert made.iloc[1].tolist() == table.iloc[0].tolist()
    assert made.dtypes.equals(table.dtypes)


def test_only_categories_that_were_seen_are_tried() -> None:
    held = coded(rows())
    pools = [column.values.tolist() for column in held.columns[2:]]
    assert pools == [[0.0, 1.0], [0.0], [0.0, 1.0], [0.0, 1.0]]


def test_a_category_that_the_rows_cannot_hold_is_not_tried() -> None:
    table = pd.DataFrame({"kind": pd.Categorical(["p", "q"])})
    reference = pd.DataFrame({"kind": ["p", "q", "new", "new"]})
    held = coded(table, reference)
    tried = held.columns[0].values
    made = held.frame(tried[:, None], np.zeros(len(tried), dtype=np.int64))
    assert sorted(made["kind"]) == ["p", "q"]


def test_the_most_frequent_categories_are_tried() -> None:
    names = [f"{place:02}" for place in range(30) for _ in range(2 + place)]
    held = coded(pd.DataFrame({"town": names}))
    assert held.columns[0].values.tolist() == list(range(30 - CATEGORIES, 30))


def test_names_are_not_tried() -> None:
    held = coded(pd.DataFrame({"who": [f"person {i}" for i in range(50)], "age": range(50)}))
    assert held.kept == ("who",)
    assert held.columns[0].values.size == 0
    assert held.columns[1].values.size >= 5


@pytest.mark.parametrize(
    ("numbers", "unit"),
    [([1, 2, 3, 4, 100], 1.0), ([0, 0, 0, 0, 10], 1 / 2.0), ([7, 7, 7], 1.0)],
)
def test_a_number_counts_by_its_deviations(numbers: list[int], unit: float) -> None:
    held = coded(pd.DataFrame({"x": numbers}))
    assert held.columns[0].per_unit == unit


def test_values_within_a_range_are_tried_only() -> None:
    table = pd.DataFrame({"x": np.arange(200) / 7})
    rules = ChangeRules(ranges={"x": [5.0, 9.0]})
    held = ChangingRows.of(table, table, ["x"], rules, [], 10)
    tried = held.columns[0].values
    assert tried.size >= 5
    assert tried.min() >= 5
    assert tried.max() <= 9


def test_words_name_a_value_of_few_and_a_band_of_many() -> None:
    table = pd.DataFrame(
        {"level": [0] * 50 + [1] * 45 + [2] * 5, "pay": range(100), "gain": [0] * 90 + [5000] * 10}
    )
    wording = Wording(table)
    assert wording.change("level", 0, 1) == "raised from 0 to 1"
    assert wording.change("level", 2, 0) == "lowered from the highest 50 % to the lowest 50 %"
    assert Wording(table[:60]).change("level", 1, 0) == "lowered from 1 to 0"
    few = Wording(table[:55])
    assert few.change("level", 1, 0) == f"lowered from {RARE} to the lowest 91 %"
    assert wording.change("pay", 99, 30) == "lowered from the highest fifth to the second fifth"
    assert wording.change("pay", 1, 2) == "raised within the lowest fifth"
    assert wording.change("gain", 0, 3000) == "raised within the lowest 90 %"
