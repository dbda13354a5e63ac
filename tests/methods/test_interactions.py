"""Interactions: a sum has none in any row, a product has what is known in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from auditkit.methods.estimates import FloatArray
from auditkit.methods.interactions import interaction_size, mixed_differences


def differences(function: Callable[..., FloatArray], n: int = 20_000) -> FloatArray:
    """Rows of two standard normal features that lend each other values."""
    rows = np.random.default_rng(0).normal(size=(n, 2))
    x, z = rows.T, np.roll(rows, 1, axis=0).T
    return mixed_differences(function(*x), function(z[0], x[1]), function(x[0], z[1]), function(*z))


def test_features_that_add_up_differ_in_no_row() -> None:
    found = differences(lambda a, b: np.sin(a) + b**3)
    assert not found.any()
    estimate = interaction_size(found)
    assert estimate.value == 0
    assert estimate.interval is not None
    assert estimate.interval.high > 0


def test_a_product_has_the_size_known_in_closed_form() -> None:
    """E |x - z| of two standard normals is 2 over the root of pi, for each of the two."""
    found = differences(lambda a, b: a * b)
    estimate = interaction_size(found, within_one=False)
    assert estimate.interval is not None
    assert estimate.interval.low <= 4 / np.pi <= estimate.interval.high
    assert estimate.value == pytest.approx(4 / np.pi, rel=0.03)


def test_a_quarter_of_the_mean_square_is_the_variance_of_both_together() -> None:
    found = differences(lambda a, b: a + 2 * a * b)
    assert np.mean(found**2) / 4 == pytest.approx(4, rel=0.05)


def test_single_precision_makes_no_interaction() -> None:
    found = differences(lambda a, b: (a.astype("f4") * 0.1 + b.astype("f4")).astype("f8"))
    assert not found.any()


def test_without_rows_there_is_no_size() -> None:
    assert interaction_size(np.empty(0)).value is None
