"""A quick model of raw rows: any columns will do."""

from __future__ import annotations

import numpy as np
import pandas as pd

from auditkit.explaining.boosting import group_shares


def test_a_classifier_tells_groups_of_raw_rows_by_any_column() -> None:
    rng = np.random.default_rng(0)
    jobs = pd.Series(["a", "b", None])[rng.integers(0, 3, 400)].to_numpy()
    rows = pd.DataFrame({"job": jobs, "x": rng.normal(size=400)})
    groups = (rows["job"] == "a").to_numpy().astype(np.int64)
    shares = group_shares(rows, groups, np.arange(400) % 2, rng, told=[1])
    assert np.isnan(shares[::2]).all()
    assert ((shares[1::2, 1] > 0.5) == (groups[1::2] == 1)).all()


def test_a_column_without_a_value_in_the_rows_that_are_learnt_from_tells_nothing() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=100), "late": np.nan, "word": None})
    rows.loc[1::2, "late"] = 1.0
    groups, folds = (rows["x"] > 0).to_numpy().astype(np.int64), np.arange(100) % 2
    shares = group_shares(rows, groups, folds, rng, told=[1])
    plain = group_shares(rows[["x"]], groups, folds, np.random.default_rng(0), told=[1])
    assert np.array_equal(shares[1::2], plain[1::2])


def test_categories_beyond_the_most_frequent_are_one_category_of_their_own() -> None:
    many = pd.DataFrame({"text": [f"word {i}" for i in range(400)]})
    groups, folds = np.arange(400) % 2, np.arange(400) // 2 % 2
    shares = group_shares(many, groups, folds, np.random.default_rng(0), told=[1])
    assert np.isfinite(shares[folds == 1]).all()  # and pandas has nothing to warn of
