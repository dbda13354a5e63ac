"""What is public of a column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.models.marginals import BANDS, MOST, Marginal, rows_of


def test_categories_come_by_frequency_and_rare_ones_are_not_told() -> None:
    town = pd.Series(["n"] * 10 + ["s"] * 30 + ["Atlantis"] * 9, name="town")
    found = Marginal.of(town)
    assert found.labels == ("s", "n")
    assert found.shares.tolist() == [0.75, 0.25]
    assert found.places(town).tolist() == [1] * 10 + [0] * 30 + [-1] * 9


def test_a_missing_value_is_a_value_where_many_miss_it() -> None:
    job = pd.Series([None] * 20 + ["x"] * 30, name="job")
    found = Marginal.of(job)
    assert found.labels == ("x", "unknown")
    assert found.places(pd.Series(["x", None, "y"], name="job")).tolist() == [0, 1, -1]
    assert rows_of([found], np.array([[1]]))["job"].isna().all()
    few = Marginal.of(pd.Series([None] * 9 + ["x"] * 30, name="job"))
    assert few.places(pd.Series(["x", None], name="job")).tolist() == [0, -1]


def test_numbers_are_cut_into_bands_and_asked_about_in_their_middle() -> None:
    paid = pd.Series(np.arange(1_000), name="paid")
    found = Marginal.of(paid)
    assert found.edges == (200.0, 400.0, 600.0, 800.0)
    assert sorted(found.examples) == [100, 300, 500, 700, 900]
    assert found.shares.sum() == pytest.approx(1.0)
    assert len(found.labels) == BANDS
    places = found.places(pd.Series([-5.0, 250.0, 5_000.0, np.nan], name="paid"))
    named = [None if place < 0 else found.labels[place] for place in places]
    assert named == ["under 200", "200 to 399", "800 and over", None]


@pytest.mark.parametrize(("n", "bands"), [(30, 2), (60, 3), (100, BANDS)])
def test_few_rows_are_cut_into_fewer_bands_so_that_each_is_shared(n: int, bands: int) -> None:
    found = Marginal.of(pd.Series(np.random.default_rng(0).normal(size=n), name="x"))
    assert len(found.codes) == bands


def test_bands_know_a_missing_number_too() -> None:
    paid = pd.Series([np.nan] * 15 + list(np.arange(100.0)), name="paid")
    found = Marginal.of(paid)
    place = int(found.places(pd.Series([np.nan], name="paid"))[0])
    assert found.labels[place] == "unknown"
    assert np.isnan(found.examples.iloc[place])


def test_few_different_numbers_stay_as_they_are_whatever_their_type() -> None:
    children = pd.Series([0] * 20 + [1] * 15 + [2] * 10, name="children")
    found = Marginal.of(children)
    assert found.labels == ("0", "1", "2")
    assert found.places(pd.Series([2.0, 0.0, 7.0], name="children")).tolist() == [2, 0, -1]


def test_a_column_of_names_has_one_value_to_ask_with() -> None:
    found = Marginal.of(pd.Series([f"person {at}" for at in range(50)], name="name"))
    assert (len(found.codes), found.shares.tolist()) == (1, [1.0])


def test_the_most_frequent_of_many_values_are_told() -> None:
    many = np.repeat(np.arange(30), np.arange(40, 10, -1)).astype(str)
    assert Marginal.of(pd.Series(many, name="code")).labels == tuple(map(str, range(MOST)))


def test_rows_keep_the_types_of_the_data() -> None:
    rows = pd.DataFrame(
        {
            "age": pd.Series(np.repeat([30, 40], 20), dtype="int32"),
            "sex": pd.Series(np.tile(["F", "M"], 20), dtype="category"),
            "member": np.repeat([True, False], [25, 15]),
        }
    )
    made = rows_of([Marginal.of(rows[name]) for name in rows], np.array([[0, 1, 0], [1, 0, 1]]))
    assert made.dtypes.tolist() == rows.dtypes.tolist()
    assert made["member"].tolist() == [True, False]
