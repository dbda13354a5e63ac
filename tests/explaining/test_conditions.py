"""Conditions: what rows share is asked, in plain words, and nothing that a few rows are told by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.explaining.conditions import Condition, Conditions


def of(**columns: object) -> Conditions:
    return Conditions.of(pd.DataFrame(columns))


def test_a_number_counts_the_cuts_that_it_reaches() -> None:
    found = of(years=np.repeat([9, 12, 16], 20))
    assert found.asked == (Condition("years", "number", (9.0, 12.0, 16.0)),)
    answers = found.answers(pd.DataFrame({"years": [8, 9, 15, 99]}))
    assert answers.ravel().tolist() == [0, 1, 2, 3]


def test_only_categories_of_ten_rows_are_asked_for() -> None:
    found = of(job=["nurse"] * 10 + ["smith"] * 9 + ["clerk"] * 12)
    assert [condition.level for condition in found.asked] == ["clerk", "nurse"]
    assert found.answers(pd.DataFrame({"job": ["nurse", None, "pilot"]})).tolist() == [
        [0, 1],
        [0, 0],
        [0, 0],
    ]


def test_a_value_that_is_often_missing_can_be_asked_about() -> None:
    found = of(a=[None] * 10 + list(range(40)))
    assert [condition.kind for condition in found.asked] == ["number", "missing"]
    answers = found.answers(pd.DataFrame({"a": [np.nan, 0.0]}))
    assert answers[:, 1].tolist() == [1, 0]
    assert answers[0, 0] == len(found.asked[0].cuts) // 2


def test_a_text_holds_words() -> None:
    texts = [f"Word{i} is a GOOD day" for i in range(40)]
    found = of(text=texts)
    assert {condition.level for condition in found.asked} == {"is", "a", "good", "day"}
    answers = found.answers(pd.DataFrame({"text": ["good grief", None]}))
    assert answers.sum(axis=1).tolist() == [1, 0]


def test_a_column_that_no_rows_share_is_left_out() -> None:
    found = of(name=[f"n{i}" for i in range(30)], flag=[True, False] * 15)
    assert found.left_out == ("name",)
    assert [condition.level for condition in found.asked] == ["False", "True"]


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        (Condition("pay", "number", (1234.5,)), "pay at least 1,234.5", "pay under 1,234.5"),
        (Condition("job", "category", level="nurse"), "job is nurse", "job is not nurse"),
        (Condition("job", "missing"), "job is missing", "job is not missing"),
        (Condition("t", "word", level="good"), "t holds “good”", "t does not hold “good”"),
    ],
)
def test_each_side_of_a_condition_has_words(condition: Condition, yes: str, no: str) -> None:
    assert condition.words(0, above=True) == yes
    assert condition.words(0, above=False) == no
