"""What is told of a column holds for ten rows at least, and no single value shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.explaining.seen import MOST, edges, outward, seen


def test_edges_are_the_tenth_values_rounded_outwards() -> None:
    values = np.random.default_rng(0).normal(size=5_000)
    low, high = edges(values)
    ordered = np.sort(values)
    assert low is not None
    assert high is not None
    assert ordered[9] - 0.011 < low <= ordered[9]
    assert ordered[-10] <= high < ordered[-10] + 0.011
    assert low not in values
    assert high not in values


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.arange(100), (9.0, 90.0)),
        (np.zeros(30), (0.0, 0.0)),
        (np.full(30, 7.0), (7.0, 7.0)),
        (np.append(np.zeros(50), np.full(9, 1e6)), (0.0, 0.0)),
        (np.append(np.arange(19.0), np.nan), (None, None)),
        (np.repeat([-1.7e308, 1.7e308], 30), None),
        (np.repeat([0.0, 5e-324], 30), None),
    ],
)
def test_edges_by_hand(values: np.ndarray, found: tuple[float, float] | None) -> None:
    low, high = edges(values)
    if found is not None:
        assert (low, high) == found
    elif low is not None and high is not None:
        assert np.isfinite([low, high]).all()
        assert low <= np.sort(values)[9] <= np.sort(values)[-10] <= high


def test_categories_and_gaps_of_ten_rows_are_told_and_the_most_frequent_ones_kept() -> None:
    names = pd.Series([f"c{i}" for i in range(MOST + 50) for _ in range(10 + (i > 40))])
    rows = pd.DataFrame({"c": pd.concat([names, pd.Series(["rare"] * 9 + [None] * 10)])})
    (column,) = seen(rows, ["c"])
    assert len(column.categories) == MOST
    assert "rare" not in column.categories
    assert column.missing
    assert not seen(rows.iloc[:-1], ["c"])[0].missing


def test_of_texts_only_a_length_is_told() -> None:
    words = np.random.default_rng(1).integers(0, 99, (400, 12))
    texts = [" ".join(f"w{w}" for w in row[: 3 + i % 10]) for i, row in enumerate(words)]
    (column,) = seen(pd.DataFrame({"t": texts}), ["t"])
    assert column.kind == "text"
    assert column.categories == ()
    assert column.longest == outward(float(sorted(map(len, texts))[-10]), 2)
