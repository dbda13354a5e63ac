"""What is told of one row: nothing that fewer than ten rows share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.explaining.told import RARE_VALUE, common_words, told


def test_a_category_is_told_where_ten_rows_have_it() -> None:
    values = pd.Series(["F"] * 10 + ["M"] * 9)
    assert told(values, 0) == "F"
    assert told(values, 12) == RARE_VALUE


@pytest.mark.parametrize("missing", [10, 9])
def test_a_missing_value_is_told_as_such_where_ten_rows_miss_it(missing: int) -> None:
    values = pd.Series([None] * missing + ["F"] * 20)
    assert told(values, 0) == ("missing" if missing == 10 else RARE_VALUE)
    numbers = pd.Series([np.nan] * missing + list(range(90)))
    assert told(numbers, 0) == ("missing" if missing == 10 else RARE_VALUE)


def test_a_number_is_told_as_the_fifth_in_which_it_lies() -> None:
    values = pd.Series(np.random.default_rng(0).permutation(100).astype(float))
    places = [int(np.flatnonzero(values == v)[0]) for v in (0, 25, 50, 75, 99)]
    assert [told(values, place) for place in places] == [
        "in the lowest fifth", "in the second lowest fifth", "in the middle fifth",
        "in the second highest fifth", "in the highest fifth",
    ]  # fmt: skip


def test_a_number_that_much_of_the_column_has_is_told() -> None:
    values = pd.Series([40] * 30 + list(range(100)))
    assert told(values, 0) == "40"
    assert told(values, 30 + 99) == "in the highest fifth"


def test_a_number_of_few_values_is_told_as_a_category() -> None:
    values = pd.Series([1, 2, 3] * 10 + [77])
    assert told(values, 0) == "1"
    assert told(values, 30) == "in the highest fifth"  # with ten others


def test_a_fifth_of_few_rows_is_not_told() -> None:
    assert told(pd.Series(np.arange(45.0)), 0) == RARE_VALUE


def test_a_truth_value_is_a_category() -> None:
    assert told(pd.Series([True] * 12 + [False] * 3), 0) == "True"


def test_a_word_counts_once_a_text_whatever_its_case() -> None:
    assert common_words([["Day", "day"]] * 9) == frozenset()
    assert common_words([["Day"]] * 5 + [["day"]] * 5) == {"day"}
