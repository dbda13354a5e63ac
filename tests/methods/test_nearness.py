"""Rows as points: what is far and what is near, with missing values and rare categories."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.methods.nearness import of_categories, of_numbers


def test_two_random_rows_are_as_far_apart_in_a_number_as_two_categories() -> None:
    points = of_numbers(np.random.default_rng(0).normal(50, 9, 2_000))
    distance = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2).mean())
    categories = of_categories(np.array([0, 1, 2]), 10)
    assert distance == pytest.approx(np.sqrt(2))
    assert np.linalg.norm(categories[0] - categories[2]) == pytest.approx(np.sqrt(2))


def test_scale_and_origin_of_a_number_do_not_matter_not_even_huge_ones() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert of_numbers(values * 1e300) == pytest.approx(of_numbers(values))
    assert of_numbers(values - 7) == pytest.approx(of_numbers(values))


@pytest.mark.parametrize("values", [[5.0, 5.0], [np.nan, np.nan]])
def test_what_is_the_same_for_all_tells_nobody_apart(values: list[float]) -> None:
    assert of_numbers(np.array(values)).shape == (2, 0)
    assert of_categories(np.array([0, 0]), 5).shape == (2, 0)


def test_a_number_that_is_sometimes_missing_tells_by_that() -> None:
    assert of_numbers(np.array([np.nan, 3.0, np.inf])).tolist() == [[1.0], [0.0], [1.0]]


def test_rare_categories_are_one() -> None:
    points = of_categories(np.array([0, 0, 1, 1, 2, 3]), most=2)
    assert points.tolist()[-2:] == [[0, 0, 1], [0, 0, 1]]
