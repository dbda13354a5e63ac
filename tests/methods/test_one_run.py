"""The bound of one training run: numbers of the paper's formula, and what must hold of any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from auditkit.methods.one_run import best_guesses, one_run_bound, p_value


def reference(epsilon: float, m: int, r: int, v: int, delta: float) -> float:
    """The p-value, summed term by term."""
    chance = 1 / (1 + np.exp(-epsilon))
    law = stats.binom(r, chance)
    alpha = max(sum(law.pmf(k) for k in range(v - i, v)) / i for i in range(1, v + 1))
    return min(1.0, float(law.sf(v - 1) + 2 * m * delta * alpha))


@pytest.mark.parametrize(
    ("canaries", "guesses", "correct", "delta", "bound"),
    [
        (1000, 1000, 1000, 0.0, 5.809),
        (1000, 1000, 1000, 1e-5, 5.782),
        (1000, 100, 100, 1e-5, 3.465),
        (1000, 100, 95, 1e-5, 2.165),
        (5000, 500, 500, 1e-5, 4.978),
        (1000, 1000, 549, 1e-5, 0.090),
    ],
)
def test_the_bound_is_that_of_the_paper(
    canaries: int, guesses: int, correct: int, delta: float, bound: float
) -> None:
    assert one_run_bound(canaries, guesses, correct, delta=delta) == pytest.approx(bound, abs=5e-4)


@pytest.mark.parametrize(("m", "r", "v"), [(10, 5, 5), (50, 20, 14), (30, 30, 3), (9, 4, 0)])
@pytest.mark.parametrize("epsilon", [0.0, 0.7, 3.0])
def test_the_p_value_is_the_sum_of_its_terms(m: int, r: int, v: int, epsilon: float) -> None:
    expected = 1.0 if v == 0 else reference(epsilon, m, r, v, 1e-3)
    found = p_value(epsilon, canaries=m, guesses=r, correct=v, delta=1e-3)
    assert found == pytest.approx(expected, rel=1e-9)


def test_without_delta_all_right_has_a_closed_form() -> None:
    share = 0.05 ** (1 / 166)
    assert one_run_bound(166, 166, 166) == pytest.approx(np.log(share / (1 - share)), abs=1e-8)
    assert one_run_bound(166, 166, 166) >= 4 > one_run_bound(165, 165, 165)


@given(
    guesses=st.integers(2, 400),
    share=st.floats(0.5, 1),
    delta=st.sampled_from([0.0, 1e-6, 1e-4]),
    spare=st.integers(0, 300),
)
def test_more_right_guesses_never_lower_the_bound(
    guesses: int, share: float, delta: float, spare: int
) -> None:
    correct, canaries = int(guesses * share), guesses + spare
    bound = one_run_bound(canaries, guesses, correct, delta=delta)
    assert bound >= 0
    assert one_run_bound(canaries, guesses, min(guesses, correct + 1), delta=delta) >= bound
    assert one_run_bound(canaries, guesses, correct, delta=2 * delta) <= bound + 1e-8
    if bound > 0:
        at = p_value(bound, canaries=canaries, guesses=guesses, correct=correct, delta=delta)
        assert 0.0499 < at <= 0.05


def test_a_bound_is_stricter_at_higher_confidence() -> None:
    bounds = [one_run_bound(500, 500, 300, confidence=c) for c in (0.9, 0.95, 0.999)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > bounds[-1] > 0


def test_where_only_the_top_tells_only_the_top_is_guessed() -> None:
    rng = np.random.default_rng(0)
    members = np.concatenate([np.ones(60, dtype=bool), rng.random(400) < 0.5])
    top, bottom = best_guesses(members)
    assert 50 <= top <= 80
    assert bottom < 5


def test_something_is_guessed_even_where_nothing_tells() -> None:
    assert sum(best_guesses([False, True])) >= 1
    assert sum(best_guesses([False])) == 1
