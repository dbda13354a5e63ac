from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from auditkit.methods.shapley_game import Asked
from auditkit.methods.shapley_text import EXACT_TOKENS, TokenValues, token_values

Array = npt.NDArray[np.float64]
Function = Callable[[Any], Array]
LENGTHS = [5, EXACT_TOKENS + 3]
seeds = st.integers(0, 10_000)


def model(seed: int, length: int) -> Function:
    """A function of which tokens are there, which act in pairs and through a curve."""
    rng = np.random.default_rng(seed)
    alone, pairs = rng.normal(size=length), rng.normal(size=(length, length)) / 2

    def function(rows: Any) -> Array:
        there = (rows > 0).astype(float)
        return np.asarray(expit(there @ alone + ((there @ pairs) * there).sum(axis=1) - 1))

    return function


def values(function: Function, length: int, seed: int = 0) -> TokenValues:
    codes = np.ones(length, np.float32)
    ends = function(np.stack([0 * codes, codes]))
    (found,) = token_values(
        Asked(function, 500), [codes], ends[0], ends[1:], rngs=[np.random.default_rng(seed)],
        standard_error=0.0, orders=[20],
    )  # fmt: skip
    return found


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from(LENGTHS))
def test_a_token_that_is_not_read_gets_nothing_and_the_rest_all(seed: int, length: int) -> None:
    inner = model(seed, length)

    def blind(rows: Any) -> Array:
        return inner(np.where(np.arange(length) == 2, 0, rows))

    found = values(blind, length)
    assert abs(found.values[2]) < 1e-12
    whole = blind(np.ones((1, length)))[0] - blind(np.zeros((1, length)))[0]
    assert found.values.sum() == pytest.approx(whole)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_tokens_that_act_alike_get_the_same(seed: int) -> None:
    inner = model(seed, 5)

    def even(rows: Any) -> Array:
        turned = rows[:, [1, 0, 2, 3, 4]]
        return inner(rows) + inner(turned)

    found = values(even, 5)
    assert found.values[0] == pytest.approx(found.values[1], abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(seeds, st.sampled_from(LENGTHS))
def test_values_are_linear_in_the_function(seed: int, length: int) -> None:
    one, other = model(seed, length), model(seed + 1, length)
    both = values(lambda rows: 2 * one(rows) - 3 * other(rows), length)
    apart = 2 * values(one, length).values - 3 * values(other, length).values
    np.testing.assert_allclose(both.values, apart, atol=1e-9)


def test_the_seed_decides_and_no_random_state_is_touched() -> None:
    function = model(0, LENGTHS[1])
    state = str(np.random.get_state())  # noqa: NPY002 - the state that must not be touched
    torch_state = torch.get_rng_state()
    one, again, other = (values(function, LENGTHS[1], seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.values, again.values)
    assert not np.array_equal(one.values, other.values)
    assert str(np.random.get_state()) == state  # noqa: NPY002 - as above
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_texts_asked_about_together_have_the_values_that_they_have_alone() -> None:
    lengths = [13, 20, 4, 1, 0, 16]
    functions = {length: model(length, 20) for length in lengths}

    def together(rows: Any) -> Array:
        # The first number of a token says of which text it is.
        number = rows.max(axis=1).astype(int)
        given = np.zeros(len(rows))
        for length in lengths:
            padded = np.zeros((len(rows), 20))
            padded[:, : rows.shape[1]] = rows
            given = np.where(number == length, functions[length](padded), given)
        return given

    codes = [np.full(length, length, np.float32) for length in lengths]
    low = together(np.zeros((1, 20)))[0]
    ends = np.array([together(line[None])[0] if len(line) else low for line in codes])
    arguments: dict[str, Any] = {"standard_error": 0.02}
    found = token_values(
        Asked(together, 300), codes, low, ends, orders=[9] * 6,
        rngs=[np.random.default_rng(n) for n in lengths], **arguments,
    )  # fmt: skip
    for row, length in enumerate(lengths):
        (alone,) = token_values(
            Asked(together, 8_192), codes[row : row + 1], low, ends[row : row + 1],
            orders=[9], rngs=[np.random.default_rng(length)], **arguments,
        )  # fmt: skip
        np.testing.assert_allclose(found[row].values, alone.values, atol=1e-12)
        assert found[row].evaluations == alone.evaluations
        assert found[row].values.sum() == pytest.approx(ends[row] - low)
