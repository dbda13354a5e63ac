"""Grids: every step rests on rows, a heavy number takes one place, and no number is one row's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.methods.effect_grid import grid, steps_of


def test_numbers_that_many_rows_share_are_the_grid() -> None:
    years = np.repeat([9.0, 12.0, 13.0, 16.0], 50)
    assert grid(years).tolist() == [9.0, 12.0, 13.0, 16.0]


def test_a_tail_behind_a_heavy_number_is_still_looked_at() -> None:
    gains = np.concatenate([np.zeros(900), np.linspace(1_000, 9_000, 100)])
    points = grid(gains)
    assert points[0] == 0
    assert points.size >= 6


def test_ends_are_reached_by_ten_rows_each() -> None:
    points = grid([*range(100), 1e9, -1e9])
    assert points[0] == 8
    assert points[-1] == 91


def test_a_number_of_one_row_is_rounded_away() -> None:
    numbers = np.random.default_rng(0).normal(size=500)
    assert not set(grid(numbers).tolist()) & set(numbers.tolist())


@pytest.mark.parametrize("numbers", [[], [1.0] * 100, range(19), [np.nan] * 50])
def test_too_few_rows_or_values_give_no_grid(numbers: list[float]) -> None:
    assert grid(numbers).size < 2


@given(st.lists(st.integers(-50, 50), min_size=20, max_size=300), st.integers(1, 12))
def test_every_step_rests_on_ten_rows(numbers: list[int], most: int) -> None:
    points = grid(numbers, most)
    if points.size >= 2:
        assert (np.diff(points) > 0).all()
        assert points.size <= most + 1
        counts = np.bincount(steps_of(numbers, points), minlength=points.size - 1)
        assert points.size == 2 or counts.min() >= 10


@given(st.permutations(list(range(40))))
def test_the_order_of_rows_does_not_matter(numbers: list[int]) -> None:
    assert grid(numbers).tolist() == grid(sorted(numbers)).tolist()
