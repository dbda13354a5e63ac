from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.data.sensitive import MOST_VALUES, edges_of, join, quantile_edges, split_values
from auditkit.errors import InputError

DATA = pd.DataFrame({"id": [3, 1, 9, 2], "y": [0, 1, 0, 1]}, index=[7, 8, 9, 10])
PEOPLE = pd.DataFrame({"id": [1, 2, 3, 4], "sex": ["F", None, "M", "F"], "age": [20, 30, 40, 50]})


def test_each_row_gets_the_columns_of_its_partner_and_only_those() -> None:
    joined = join(DATA, PEOPLE, "id", ["sex", "age"], "people.csv")
    assert list(joined.rows) == ["id", "y", "sex", "age"]
    assert joined.rows.index.tolist() == [7, 8, 9, 10]
    assert joined.rows["age"].tolist()[:2] == [40, 20]
    assert joined.rows["sex"].isna().tolist() == [False, False, True, True]
    assert (joined.unmatched, joined.keyless) == (1, 0)


def test_a_missing_key_is_nobodys_partner() -> None:
    data = pd.DataFrame({"id": ["a", None, None]})
    people = pd.DataFrame({"id": ["a", None, None], "sex": ["F", "M", "M"]})
    joined = join(data, people, "id", ["sex"], "people.csv")
    assert joined.rows["sex"].isna().tolist() == [False, True, True]
    assert (joined.unmatched, joined.keyless) == (2, 2)


def test_numbers_find_each_other_whatever_their_width() -> None:
    data = DATA.assign(id=DATA["id"].astype("float64"))
    assert join(data, PEOPLE, "id", ["sex"], "people.csv").unmatched == 1
    exact = pd.array([2**60 + 1, None, 2**60], dtype="Int64")
    people = pd.DataFrame({"id": [2**60, 2**60 + 1], "sex": ["F", "M"]})
    got = join(pd.DataFrame({"id": exact}), people, "id", ["sex"], "people.csv").rows["sex"]
    assert got.tolist()[::2] == ["M", "F"]
    assert got.isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("people", "said"),
    [
        (pd.concat([PEOPLE, PEOPLE[:2]]), "2 rows whose key stood there before"),
        (PEOPLE.assign(id=["1", "2", "3", "4"]), "found text, and numbers in the data"),
        (PEOPLE.assign(id=PEOPLE["id"] + 100), "no key of the data"),
        (PEOPLE[:0], "no key of the data"),
    ],
)
def test_keys_that_cannot_be_joined_are_refused_and_not_named(
    people: pd.DataFrame, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        join(DATA, people, "id", ["sex"], "people.csv")
    assert said in str(caught.value)
    assert "people.csv column 'id' (join key)" in str(caught.value)


def test_a_combination_and_a_column_a_value_come_of_several_values() -> None:
    values = pd.Series(["b; a", "a", "", None, " a;a;", ";"], name="e", index=range(5, 11))
    got = split_values(values, ";", [])
    assert got.index.tolist() == list(range(5, 11))
    assert got["e"].tolist() == ["a & b", "a", None, None, "a", None]
    assert got["e: a"].tolist() == ["yes", "yes", None, None, "yes", None]
    assert got["e: b"].tolist() == ["yes", "no", None, None, "no", None]


def test_lists_need_no_separator() -> None:
    values = pd.Series([["b", "a"], np.array(["a"]), [], None, [None, "b"]], name="e")
    got = split_values(values, "", [])
    assert got["e"].tolist() == ["a & b", "a", None, None, "b"]
    assert list(got) == ["e", "e: a", "e: b"]


def test_two_combinations_never_get_one_name() -> None:
    values = pd.Series(["a & b;c", "a;b & c", "a & b", "a;b"], name="e")
    assert len(set(split_values(values, ";", [])["e"])) == 4


letters = st.text("ab;& ", max_size=6)


@given(st.lists(st.one_of(st.none(), letters), min_size=1, max_size=12))
def test_each_row_is_in_one_combination_and_a_yes_or_no_of_each_value(
    texts: list[str | None],
) -> None:
    values = pd.Series(texts, name="e", dtype=object)
    got = split_values(values, ";", [])
    assert len(got) == len(texts)
    for i, text in enumerate(texts):
        known = {part.strip() for part in (text or "").split(";")} - {""}
        yes = {column for column in got if column != "e" and got[column][i] == "yes"}
        assert yes == {f"e: {part}" for part in known}
        assert (got["e"][i] is None) == (not known)


def test_what_cannot_be_taken_apart_is_refused() -> None:
    many = pd.Series([f"v{i}" for i in range(MOST_VALUES + 1)], name="e")
    with pytest.raises(InputError, match="21 different values"):
        split_values(many, ";", [])
    with pytest.raises(InputError, match="text, and no separator"):
        split_values(many, "", [])
    with pytest.raises(InputError, match="a column 'e: a' already"):
        split_values(pd.Series(["a;b"], name="e"), ";", ["e: a"])


@pytest.mark.parametrize(
    ("values", "parts", "edges"),
    [
        (range(18, 90), 4, [36, 54, 72]),
        (range(18, 90), 2, [54]),
        ([*range(23_000, 24_000), *range(90_000, 91_000)], 2, [90_000]),
        (range(1940, 2010), 4, [1958, 1975, 1992]),
        ([0.001, 0.002, 0.003, 0.004], 4, [0.002, 0.003, 0.004]),
        ([0] * 95 + [1] * 5, 4, [1]),
        ([0] * 50 + [1] * 50, 10, [1]),
        ([5, 5], 4, []),
        ([None, float("inf"), float("nan")], 4, []),
        ([-3, -2, -1, None], 3, [-2, -1]),
    ],
)
def test_edges_are_rounded_quantiles(
    values: list[float | None], parts: int, edges: list[float]
) -> None:
    assert quantile_edges(pd.Series(list(values)), parts) == edges


numbers = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


@given(numbers, st.integers(2, 10))
def test_edges_rise_and_no_band_of_them_is_empty(values: list[float], parts: int) -> None:
    edges = quantile_edges(pd.Series(values), parts)
    assert edges == sorted(set(edges))
    assert len(edges) < parts
    assert bool(edges) == (len(set(values)) > 1)
    if edges:
        held = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        assert held.min() > 0


def test_bands_that_are_given_are_left_alone_and_one_value_has_none() -> None:
    rows = pd.DataFrame({"age": range(100), "same": 1, "text": "x"})
    bands: dict[str, str | list[float]] = {
        "age": "quintiles",
        "same": "halves",
        "text": "halves",
        "gone": [1.0],
    }
    edges, problems = edges_of(bands, rows, "[subject.bands]")
    assert edges["age"] == [20, 40, 60, 80]
    assert edges["gone"] == [1.0]
    assert [str(problem) for problem in problems] == [
        "[subject.bands] 'same': found halves of a column with one value only, expected at least "
        "two values."
    ]
