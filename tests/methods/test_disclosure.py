"""Small counts are withheld, or all get noise whose law is known."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from auditkit.methods.cells import Cells, count_cells
from auditkit.methods.disclosure import (
    add_noise,
    discrete_laplace,
    fill_suppressed,
    noise_variance,
    product_size,
    suppress,
)


def counted(weights: list[float] | None = None) -> Cells:
    sex = [0] * 15 + [1] * 3 + [-1] * 2
    return count_cells({"sex": sex}, {"sex": 2}, [1] * 20, [1] * 20, weights)


def test_cells_under_the_least_are_gone_and_those_of_exactly_it_stay() -> None:
    assert suppress(counted(), 3).n.tolist() == [15, 3]
    assert suppress(counted(), 4).n.tolist() == [15]


def test_what_is_withheld_is_filled_in_with_the_middle_whether_it_had_rows_or_none() -> None:
    filled = fill_suppressed(suppress(counted(), 10), 10)
    assert filled.n.size == product_size([2]) == 12
    assert sorted(filled.n.tolist()) == [4.5] * 11 + [15]
    assert filled.doubt is not None
    assert filled.doubt.bounds.sum() == 11 * 4.5
    assert not filled.doubt.variances.any()


def test_the_truth_lies_within_the_bounds_of_what_was_filled_in() -> None:
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 4.0, 20).tolist()
    filled = fill_suppressed(suppress(counted(weights), 4), 4, max(weights))
    whole = counted(weights)
    assert filled.doubt is not None
    assert filled.doubt.weight_bounds is not None
    assert filled.weights is not None
    assert whole.weights is not None
    for codes, weight in zip(whole.codes, whole.weights, strict=True):
        at = (filled.codes == codes).all(axis=1) & (filled.y_true == 1) & (filled.y_pred == 1)
        off = abs(filled.weights[at] - weight)
        assert off <= filled.doubt.weight_bounds[at] + 1e-9


def test_noise_is_laid_on_every_cell_and_is_the_same_for_the_same_generator() -> None:
    first, again = (add_noise(counted(), 0.5, Random(3).randrange) for _ in range(2))
    other = add_noise(counted(), 0.5, Random(4).randrange)
    assert first.n.tolist() == again.n.tolist() != other.n.tolist()
    assert first.n.size == 12
    assert first.doubt is not None
    assert first.doubt.variances.tolist() == [noise_variance(0.5)] * 12


def test_noise_of_the_operating_system_is_never_the_same_twice() -> None:
    assert add_noise(counted(), 0.01).n.tolist() != add_noise(counted(), 0.01).n.tolist()


@pytest.mark.parametrize("epsilon", ["0.1", "1", "2.5"])
def test_noise_follows_its_law(epsilon: str) -> None:
    rng, count = Random(5), 20_000
    drawn = np.array([discrete_laplace(Fraction(epsilon), rng.randrange) for _ in range(count)])
    variance, fading = noise_variance(float(epsilon)), np.exp(-float(epsilon))
    assert abs(drawn.mean()) < 4 * np.sqrt(variance / count)
    assert drawn.var() == pytest.approx(variance, rel=0.08)
    for x in range(3):
        chance = (1 - fading) / (1 + fading) * fading**x
        error = np.sqrt(chance * (1 - chance) / count)
        assert np.mean(drawn == x) == pytest.approx(chance, abs=4 * error)


def test_rows_with_weights_get_no_noise() -> None:
    with pytest.raises(ValueError, match="weights"):
        add_noise(counted([1.0, 2.0] * 10), 1.0)
