"""The lower bound on epsilon: hand cases, ties, halves, and how often it is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import auditkit
from auditkit.errors import InputError
from auditkit.methods.epsilon import EpsilonBound, epsilon_lower_bound, rates_bound
from auditkit.methods.intervals import clopper_pearson
from auditkit.methods.one_run import one_run_bound

Scores = npt.NDArray[np.float64]
Coins = npt.NDArray[np.bool_]


def perfect(n: int) -> tuple[Scores, Coins]:
    coins = np.arange(n) % 2 == 0
    return coins.astype(float), coins


def noisy(n: int, shift: float, seed: int = 0) -> tuple[Scores, Coins]:
    rng = np.random.default_rng(seed)
    coins = rng.random(n) < 0.5
    return rng.normal(size=n) + shift * coins, coins


def test_the_public_name_is_this_one() -> None:
    assert auditkit.epsilon_lower_bound is epsilon_lower_bound


def test_a_perfect_attack_reaches_the_cap() -> None:
    scores, coins = perfect(1000)
    found = epsilon_lower_bound(scores, coins, delta=1e-5, guesses=1000)
    assert (found.guesses, found.correct, found.canaries) == (1000, 1000, 1000)
    assert found.epsilon == found.cap == pytest.approx(5.782, abs=5e-4)


def test_the_cap_of_fixed_guesses_is_that_of_these_guesses() -> None:
    scores, coins = noisy(1000, 0.5)
    found = epsilon_lower_bound(scores, coins, delta=1e-5, guesses=100)
    assert found.cap == pytest.approx(3.465, abs=5e-4)
    assert found.epsilon < found.cap


def test_a_split_tests_on_half_and_counts_all_canaries_in_delta() -> None:
    scores, coins = perfect(1000)
    found = epsilon_lower_bound(scores, coins, delta=1e-5)
    assert found.guesses <= 500
    assert found.correct == found.guesses
    assert found.cap == one_run_bound(1000, 500, 500, delta=1e-5)


def test_top_and_bottom_are_counted_as_given() -> None:
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    coins = np.array([True, False, True, False, True, False])
    for guesses, correct in (((1, 0), 1), ((2, 0), 1), ((0, 1), 1), ((0, 2), 1), ((3, 3), 4)):
        found = epsilon_lower_bound(scores, coins, delta=0, guesses=guesses)
        assert (found.guesses, found.correct) == (sum(guesses), correct)
    assert epsilon_lower_bound(scores, coins, delta=0, guesses=3).correct == 2  # two in, one out


@pytest.mark.parametrize(("n", "cap"), [(500, 4.906), (1000, 5.601), (5000, 7.212)])
def test_the_threshold_bound_of_a_perfect_attack(n: int, cap: float) -> None:
    scores, coins = perfect(2 * n)
    found = epsilon_lower_bound(scores, coins, delta=0, method="threshold", threshold=0.5)
    assert found.epsilon == found.cap == pytest.approx(cap, abs=5e-4)
    assert found.correct == found.guesses == 2 * n


def test_the_threshold_bound_by_hand_in_both_directions() -> None:
    tpr, fpr = clopper_pearson(90, 100)[0], clopper_pearson(40, 100)[1]
    expected = np.log((tpr - 0.01) / fpr), np.log((1 - fpr - 0.01) / (1 - tpr))
    assert expected[1] > expected[0]
    assert rates_bound(90, 100, 40, 100, delta=0.01) == pytest.approx(expected[1])
    assert rates_bound(60, 100, 10, 100, delta=0.01) == pytest.approx(expected[1])


def test_rates_without_members_or_others_show_nothing() -> None:
    assert rates_bound(0, 0, 0, 10) < 0
    assert rates_bound(10, 10, 0, 0) < 0
    assert rates_bound(0, 10, 10, 10, delta=0.5) == -np.inf


def test_a_threshold_is_found_where_the_others_end() -> None:
    scores = np.concatenate([np.arange(300.0), 1000 + np.arange(100.0)])
    coins = np.concatenate([np.arange(300) % 2 == 0, np.ones(100, dtype=bool)])
    found = epsilon_lower_bound(scores, coins, delta=0, method="threshold")
    assert found.epsilon > 1
    assert found.guesses == 200


@pytest.mark.parametrize("settings", [{}, {"guesses": 60}, {"method": "threshold"}])
def test_the_order_of_the_canaries_and_the_unit_of_the_scores_play_no_part(
    settings: dict[str, Any],
) -> None:
    scores, coins = noisy(400, 1.5)
    scores = scores.round(1)  # ties
    order = np.random.default_rng(1).permutation(400)
    found = epsilon_lower_bound(scores, coins, delta=1e-5, **settings)
    assert epsilon_lower_bound(scores[order], coins[order], delta=1e-5, **settings) == found
    assert epsilon_lower_bound(scores * 8 - 3, coins, delta=1e-5, **settings) == found
    assert epsilon_lower_bound(list(scores), list(coins), delta=1e-5, **settings) == found


def test_equal_scores_give_nothing_away_though_members_come_first() -> None:
    coins = np.arange(200) < 100
    right = [
        epsilon_lower_bound(np.zeros(200), coins, delta=0, guesses=20, seed=seed).correct
        for seed in range(300)
    ]
    assert len(set(right)) > 1
    assert np.mean(right) == pytest.approx(10, abs=4 * np.sqrt(5 / 300))


#: Where nothing is given away, a 95 % bound is above 0 in at most 5 % of the draws; four standard
#: errors of 300 draws more.
MOST_WRONG = 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("settings", [{}, {"guesses": 50}, {"method": "threshold"}])
@pytest.mark.parametrize("levels", [0, 2])
def test_the_bound_is_seldom_above_0_where_nothing_is_given_away(
    settings: dict[str, Any], levels: int
) -> None:
    wrong = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        scores = rng.integers(levels, size=200) if levels else rng.normal(size=200)
        coins = rng.random(200) < 0.5
        wrong += epsilon_lower_bound(scores, coins, delta=1e-5, seed=seed, **settings).epsilon > 0
    assert wrong / 300 <= MOST_WRONG


def test_the_bound_is_seldom_above_the_epsilon_of_randomized_response() -> None:
    wrong, shown = 0, []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        coins = rng.random(400) < 0.5
        answers = coins ^ (rng.random(400) >= 1 / (1 + np.exp(-2.0)))
        found = epsilon_lower_bound(answers, coins, delta=0, guesses=100, seed=seed)
        wrong += found.epsilon > 2.0
        shown.append(found.epsilon)
    assert wrong / 300 <= MOST_WRONG
    assert np.mean(shown) > 1.2


def test_the_sentence_says_what_a_bound_proves() -> None:
    shown = EpsilonBound(2.1659, 3.4654, 100, 95, "one run, guesses x", 1e-5, 0.95, 1000)
    assert shown.sentence == (
        "Epsilon is at least 2.165 at 95 % confidence and delta 1e-05: 95 of 100 guesses about "
        "1,000 canaries were right (one run, guesses x). A smaller claim is refuted; a larger one "
        "is not proved. A perfect attack would have shown 3.465."
    )
    assert shown.refutes(2.0)
    assert not shown.refutes(3.0)
    nothing = EpsilonBound(0.0, 3.465, 100, 50, "one run, guesses x", 1e-5, 0.95, 1000)
    assert nothing.sentence.startswith("No epsilon above 0 is shown")
    assert "That proves no privacy" in nothing.sentence


def places(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [problem.where for problem in error.value.problems]


def test_every_problem_is_listed_at_once() -> None:
    with pytest.raises(InputError) as error:
        epsilon_lower_bound(
            [1.0, np.nan], [True, True, True], delta=1.0, confidence=0, guesses=(2, 5), seed=-1,
            threshold=0.0,
        )  # fmt: skip
    assert places(error) == [
        "scores", "is_member", "is_member", "delta", "confidence", "seed", "guesses", "threshold",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"scores": [[1.0, 2.0]]}, "scores"),
        ({"scores": ["a", "b"]}, "scores"),
        ({"scores": []}, "scores"),
        ({"is_member": [0.5, 1]}, "is_member"),
        ({"is_member": [False, False]}, "is_member"),
        ({"delta": -0.1}, "delta"),
        ({"delta": float("nan")}, "delta"),
        ({"guesses": 0}, "guesses"),
        ({"guesses": 1.5}, "guesses"),
        ({"guesses": (1, 1, 1)}, "guesses"),
        ({"guesses": (-1, 2)}, "guesses"),
        ({"guesses": 3}, "guesses"),
        ({"method": "both"}, "method"),
        ({"method": "threshold", "guesses": 1}, "guesses"),
        ({"method": "threshold", "threshold": float("nan")}, "threshold"),
    ],
)
def test_bad_input_is_named(changes: dict[str, Any], where: str) -> None:
    given: dict[str, Any] = {"scores": [1.0, 2.0], "is_member": [True, False], "delta": 0.0}
    with pytest.raises(InputError) as error:
        epsilon_lower_bound(**{**given, **changes})
    assert where in places(error)


def test_coins_that_cannot_be_fair_are_refused_by_the_bound_that_needs_fair_ones() -> None:
    coins = np.arange(100) < 90
    scores = np.random.default_rng(0).normal(size=100)
    with pytest.raises(InputError, match="fair coin") as error:
        epsilon_lower_bound(scores, coins, delta=0)
    assert "90 members of 100 canaries" in str(error.value)
    assert epsilon_lower_bound(scores, coins, delta=0, method="threshold").epsilon == 0


def test_infinite_scores_are_scores() -> None:
    coins = np.arange(100) % 2 == 0
    scores = np.where(coins, 0.0, -np.inf)
    assert epsilon_lower_bound(scores, coins, delta=0, guesses=100).correct == 100
    assert epsilon_lower_bound(scores, coins, delta=0, method="threshold").epsilon > 0
