"""Cutting rows into classes of at least k."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.methods.mondrian import Attribute, partition

#: Above six leaves: three pairs, then two halves.
TREE = np.array([[0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1]])
ROWS = st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=8, max_size=80)


def columns(rows: np.ndarray) -> list[Attribute]:
    return [
        Attribute(rows[:, 0], 6, "ordered"),
        Attribute(rows[:, 1], 6, "named"),
        Attribute(rows[:, 2], 6, "tree", TREE),
    ]


@given(ROWS, st.integers(2, 8), st.integers(0, 6))
def test_every_class_has_k_rows_and_no_more_than_asked_are_suppressed(
    rows: list[tuple[int, ...]], k: int, most: int
) -> None:
    made = partition(columns(np.array(rows)), k, most)
    assert (np.bincount(made.of_row[made.of_row >= 0]) >= k).all()
    assert (made.of_row < 0).sum() <= most
    assert made.count == made.of_row.max() + 1
    assert 0 <= made.loss <= 1


@given(ROWS, st.integers(2, 4), st.randoms())
def test_the_order_of_the_rows_changes_nothing(
    rows: list[tuple[int, ...]], k: int, random: object
) -> None:
    held = np.array(rows)
    order = np.array(sorted(range(len(rows)), key=lambda _: random.random()))  # type: ignore[attr-defined]
    here = partition(columns(held), k, 2).of_row
    there = partition(columns(held[order]), k, 2).of_row
    assert there.tolist() == here[order].tolist()


def test_rows_that_are_alike_lose_nothing() -> None:
    made = partition(columns(np.repeat([[0, 1, 2], [3, 4, 5]], 5, axis=0)), 5)
    assert made.count == 2
    assert made.loss == 0


def test_a_tree_is_cut_at_its_own_groups() -> None:
    leaves = Attribute(np.repeat(np.arange(6), [4, 1, 3, 3, 9, 9]), 6, "tree", TREE)
    made = partition([leaves], 5)
    # The first half splits into its pairs (5 and 6 rows); the other into its leaves.
    assert made.of_row.tolist() == [0] * 5 + [1] * 6 + [2] * 9 + [3] * 9
    # Of a pair, one value of the five is lost.
    assert made.loss == pytest.approx(11 * (1 / 5) / 29)


def test_a_rare_name_is_suppressed_only_where_that_is_allowed() -> None:
    names = Attribute(np.array([0] * 9 + [1]), 2, "named")
    assert partition([names], 3).of_row.tolist() == [0] * 10
    made = partition([names], 3, most_suppressed=1)
    assert made.of_row.tolist() == [0] * 9 + [-1]
    assert made.loss == pytest.approx(0.1)


def test_fewer_rows_than_k_are_refused() -> None:
    with pytest.raises(ValueError, match="2 rows cannot make a class of 3"):
        partition([Attribute(np.array([0, 1]), 2, "ordered")], 3)
