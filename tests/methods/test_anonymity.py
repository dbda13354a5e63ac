"""Classes of rows that are alike: against counting by hand and by pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from auditkit.methods import anonymity
from auditkit.methods.anonymity import (
    bands,
    classes_of,
    closeness,
    distinct_diversity,
    entropy_diversity,
    ordered_closeness,
)

ROWS = st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=40)


def held(rows: list[tuple[int, ...]]) -> tuple[pd.DataFrame, anonymity.Classes, np.ndarray]:
    frame = pd.DataFrame(rows, columns=["a", "b", "s"])
    columns = [frame["a"].to_numpy(), frame["b"].to_numpy()]
    return frame, classes_of(columns, len(frame)), frame["s"].to_numpy()


@given(ROWS)
def test_classes_are_those_of_a_group_by(rows: list[tuple[int, ...]]) -> None:
    frame, classes, _ = held(rows)
    sizes = frame.groupby(["a", "b"]).size()
    assert sorted(classes.sizes) == sorted(sizes)
    assert classes.k == sizes.min()
    assert classes.rows_below(3) == sizes[sizes < 3].sum()
    of_row = frame.groupby(["a", "b"])["a"].transform("size")
    assert classes.size_of_row.tolist() == of_row.tolist()


@given(ROWS)
def test_diversity_is_that_of_the_poorest_group(rows: list[tuple[int, ...]]) -> None:
    frame, classes, values = held(rows)
    groups = frame.groupby(["a", "b"])["s"]
    assert distinct_diversity(classes, values) == groups.nunique().min()
    shares = groups.value_counts(normalize=True)
    entropies: pd.Series = (-shares * np.log(shares)).groupby(level=[0, 1]).sum()
    assert entropy_diversity(classes, values) == pytest.approx(np.exp(entropies.min()))


@given(ROWS, st.integers(1, 50))
def test_closeness_is_the_distance_of_the_furthest_group(
    rows: list[tuple[int, ...]], at_once: int
) -> None:
    frame, classes, values = held(rows)
    everyone = np.bincount(values, minlength=4) / len(values)
    groups = [group.to_numpy() for _, group in frame.groupby(["a", "b"])["s"]]
    shares = [np.bincount(group, minlength=4) / len(group) for group in groups]
    total = max(np.abs(share - everyone).sum() / 2 for share in shares)
    assert closeness(classes, values) == pytest.approx(total)
    width = max(int(values.max()), 1)
    moved = max(wasserstein_distance(group, values) for group in groups) / width
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anonymity, "_AT_ONCE", at_once)
        assert ordered_closeness(classes, values) == pytest.approx(moved)


def test_the_salaries_of_the_paper_have_its_distances() -> None:
    # Li et al. (2007), section 4: {3k, 4k, 5k} is 0.375 from 3k to 11k, {6k, 8k, 11k} 0.167.
    of_row = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    salaries = np.array([0, 1, 2, 3, 5, 8, 4, 6, 7])
    classes = classes_of([of_row], 9)
    assert ordered_closeness(classes, salaries) == pytest.approx(0.375)
    two = np.where(of_row == 1, 0, 1)
    only = anonymity.Classes(two, np.bincount(two))
    assert ordered_closeness(only, salaries) == pytest.approx(1 / 6, abs=0.001)


def test_without_rows_nothing_is_claimed() -> None:
    classes, none = classes_of([np.array([], dtype=int)], 0), np.array([], dtype=int)
    assert classes.k == 0
    assert distinct_diversity(classes, none) == 0
    assert entropy_diversity(classes, none) == 0
    assert closeness(classes, none) == ordered_closeness(classes, none) == 0


def test_bands_keep_the_order_and_hold_about_equally_many() -> None:
    numbers = np.append(np.arange(1000.0)[::-1], np.nan)
    codes = bands(numbers, 10)
    assert codes.max() == 10
    assert np.bincount(codes)[:10].tolist() == [100] * 10
    assert codes[0] == 9
    assert codes[999] == 0
