"""The split: exact sizes, shares of outcomes, and independence of row order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import InputError
from auditkit.training import split
from auditkit.training.splitting import apportion


def content(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    return sorted(map(tuple, rows.to_numpy().tolist()))


@settings(max_examples=50)
@given(st.integers(5, 200), st.floats(0, 0.5), st.floats(0, 0.3), st.integers(0, 99))
def test_sizes_are_exact_and_every_row_is_in_one_part(
    n: int, test: float, validation: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"x": rng.normal(size=n), "y": rng.integers(0, 3, n)})
    parts = split(rows, label="y", test=test, validation=validation, seed=seed)
    held = round(test * n), round(validation * n)
    assert tuple(map(len, parts)) == (n - sum(held), held[1], held[0])
    assert sorted(pd.concat(parts).index) == list(range(n))
    for part, share in ((parts[2], held[0] / n), (parts[1], held[1] / n)):
        wanted = rows["y"].value_counts() * share
        got = part["y"].value_counts().reindex(wanted.index, fill_value=0)
        assert (got - wanted).abs().max() <= 1 + 1e-9 if part is parts[2] else 2


def test_the_parts_depend_on_content_and_seed_but_not_on_row_order() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.integers(0, 20, 100), "c": rng.choice(["a", "b"], 100)})
    rows["y"] = rng.integers(0, 2, 100)
    shuffled = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    ours, theirs = split(rows, label="y"), split(shuffled, label="y")
    other = split(rows, label="y", seed=1)
    for a, b in zip(ours, theirs, strict=True):
        assert content(a) == content(b)
    assert content(ours[2]) != content(other[2])


def test_each_part_keeps_the_order_of_the_rows() -> None:
    rows = pd.DataFrame({"x": range(50), "y": [0, 1] * 25})
    assert all(part.index.is_monotonic_increasing for part in split(rows, label="y"))


def test_the_census_sizes() -> None:
    rows = pd.DataFrame({"x": np.arange(48_842), "y": np.arange(48_842) % 4 == 0})
    assert [len(part) for part in split(rows, label="y")] == [29_305, 4_884, 14_653]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.floats(0, 1))
def test_apportioned_rows_sum_up_and_stay_within_one_of_the_share(
    sizes: list[int], share: float
) -> None:
    array = np.array(sizes)
    total = round(share * array.sum())
    taken = apportion(array, total)
    assert taken.sum() == total
    assert (taken <= array).all()
    if array.sum():
        assert (np.abs(taken - array * total / array.sum()) < 1).all()


def test_everything_wrong_with_a_split_is_listed() -> None:
    rows = pd.DataFrame({"x": [1, 2], "y": [1, None]})
    with pytest.raises(InputError) as error:
        split(rows, label="y", test=1.0, validation=-0.1, seed=-1)
    assert len(error.value.problems) == 4
    with pytest.raises(InputError, match="Did you mean 'y'"):
        split(rows, label="Y")
    with pytest.raises(InputError, match="leave rows to train on"):
        split(rows[:1], label="y", test=0.9)
