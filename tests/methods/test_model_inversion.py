"""The two guesses of model inversion, against all rows that there are."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.model_inversion import (
    SAME,
    Known,
    drawn_rows,
    likeliest,
    log_chances,
    surest,
    told,
)
from auditkit.methods.paired import WITHHELD

SHARES = [np.array([0.75, 0.25]), np.array([0.5, 0.5]), np.array([0.5, 0.25, 0.25])]
EVERY = np.array(list(product(range(2), range(2), range(3))))


def weighed(rows: IntArray) -> FloatArray:
    """How frequent rows are."""
    return np.asarray(np.prod([own[rows[:, j]] for j, own in enumerate(SHARES)], axis=0))


def logistic(seed: int, rows: IntArray) -> FloatArray:
    """Chance of the positive class, of a model with random effects of every value."""
    rng = np.random.default_rng(seed)
    effects = [rng.normal(scale=3, size=len(own)) for own in SHARES]
    logit = np.sum([own[rows[:, j]] for j, own in enumerate(effects)], axis=0)
    return np.asarray(1 / (1 + np.exp(-logit)))


def test_chances_of_classes_and_of_two_outcomes_are_those_of_the_model() -> None:
    assert np.exp(log_chances([[0.2, 0.8]])) == pytest.approx(np.array([[0.2, 0.8]]))
    assert np.exp(log_chances([0.3, 1.0])) == pytest.approx(np.array([[0.7, 0.3], [0, 1]]))
    assert np.isfinite(log_chances([0.0, 1.0])).all()


def test_chances_of_bands_are_exact_far_out_on_either_side() -> None:
    found = log_chances([-30.0, 30.0], [-1.0, 2.0], 3.0)
    far = stats.norm.logsf([(-1 + 30) / 3, (2 + 30) / 3])
    assert found[0, 1:] == pytest.approx([np.log(np.exp(far[0]) - np.exp(far[1])), far[1]])
    assert found[1, 0] == pytest.approx(stats.norm.logcdf((-1 - 30) / 3))
    assert np.exp(found).sum(axis=1) == pytest.approx([1.0, 1.0])


def test_rows_are_drawn_by_the_shares_and_independently() -> None:
    rows = drawn_rows(SHARES, 40_000, np.random.default_rng(0))
    seen = np.array([(rows == row).all(axis=1).mean() for row in EVERY])
    assert seen == pytest.approx(weighed(EVERY), abs=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_the_likeliest_values_are_those_of_the_sum_over_all_rows(seed: int) -> None:
    each = np.repeat(EVERY, (weighed(EVERY) * 32).round().astype(int), axis=0)
    found = likeliest(lambda rows: log_chances(logistic(seed, rows)), SHARES, each)
    chances = np.exp(log_chances(logistic(seed, EVERY))) * weighed(EVERY)[:, None]
    for outcome, feature in product(range(2), range(3)):
        sums = np.bincount(EVERY[:, feature], weights=chances[:, outcome])
        assert found[outcome, feature] == sums.argmax()


def test_a_feature_that_the_model_ignores_keeps_its_most_frequent_value() -> None:
    few = np.array([[1, 1, 2], [1, 0, 2]])  # draws in which that value does not stand at all
    found = likeliest(lambda rows: log_chances(np.where(rows[:, 1] == 1, 0.99, 0.01)), SHARES, few)
    assert found.tolist() == [[0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("seed", range(6))
def test_the_surest_row_of_a_model_without_interactions_is_the_surest_of_all(seed: int) -> None:
    starts = np.zeros((2, 1, 3), dtype=np.int64)
    found = surest(lambda rows: log_chances(logistic(seed, rows)), SHARES, starts)
    chances = log_chances(logistic(seed, EVERY)) + SAME * np.log(weighed(EVERY))[:, None]
    assert found.tolist() == EVERY[chances.argmax(axis=0)].tolist()


def test_the_best_start_wins_and_equal_rows_are_asked_about_once() -> None:
    asked: list[int] = []

    def ask(rows: IntArray) -> npt.NDArray[np.float64]:
        asked.append(len(rows))
        both = (rows[:, :2] == 1).all(axis=1)  # no single step leads there from the first row
        return log_chances(np.where(both, 0.9, 0.5))

    starts = np.array([[[0, 0, 0], [0, 1, 0], [0, 1, 0]]] * 2)
    assert surest(ask, SHARES, starts)[1].tolist() == [1, 1, 0]
    assert max(asked) <= 2 * 3


def test_without_a_difference_the_surest_row_is_the_most_frequent_one() -> None:
    starts = np.array([[[1, 1, 2]], [[0, 1, 1]]])
    found = surest(lambda rows: log_chances(np.full(len(rows), 0.3)), SHARES, starts)
    assert found[:, [0, 2]].tolist() == [[0, 0], [0, 0]]


def test_what_a_guess_adds_is_counted_in_values_of_the_row() -> None:
    people = Known(np.array([[0, 1], [0, 0], [-1, 1]]), np.array([0, 0, 1]))
    guesses = np.array([[0, 1], [1, 1]])
    assert people.right(guesses).tolist() == [[True, True], [True, False], [False, True]]
    assert people.added(guesses).tolist() == [0.5, -0.5, 0.5]


def test_the_mean_over_rows_has_the_interval_of_student() -> None:
    rng = np.random.default_rng(1)
    members, others = rng.integers(-3, 4, 200) / 6, rng.integers(-3, 4, 90) / 6
    found = told(members, others, 0.9)
    for one, values in ((found.members, members), (found.others, others)):
        wanted = stats.ttest_1samp(values, 0).confidence_interval(0.9)
        assert one.interval is not None
        assert (one.interval.low, one.interval.high) == pytest.approx(tuple(wanted))
    assert found.leak.value == pytest.approx(members.mean() - others.mean())
    assert found.leak.interval is not None
    arm = found.leak.interval.high - members.mean() + others.mean()
    halves = [stats.sem(v) * stats.t.ppf(0.95, v.size - 1) for v in (members, others)]
    assert arm == pytest.approx(np.hypot(*halves))


def test_rows_that_are_all_alike_still_leave_doubt() -> None:
    found = told(np.zeros(50), np.full(40, 1 / 13))
    for one in (found.members, found.others, found.leak):
        assert one.interval is not None
        assert one.interval.high - one.interval.low > 0.1


def test_nobody_and_one_person_alone_give_no_number() -> None:
    assert told(np.ones(1), np.zeros(9)).leak.reason == WITHHELD
    assert told(np.ones(9), np.zeros(0)).leak.reason == "no rows"
