"""The reasons of single decisions: intervals, what is principal, and how often."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.reason_codes import Reasons
from auditkit.methods.reason_shares import Principal, effective
from auditkit.methods.shapley import shapley

ROWS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
OTHERS = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
PLAYERS = [np.array([g]) for g in range(3)]
WEIGHTS = np.array([0.3, -0.1, 0.05])


def linear() -> Reasons:
    found = shapley(lambda z: z @ WEIGHTS, ROWS, OTHERS, PLAYERS, rng=np.random.default_rng(0))
    return Reasons.of(found)


def given(values: list[list[float]], errors: float = 0.01) -> Reasons:
    array = np.array(values)
    names = tuple("abcdef"[: array.shape[1]])
    nothing = np.empty((len(array), 0, len(names)))
    return Reasons(
        names, array, np.full(array.shape, errors), array.sum(axis=1) + 0.5, nothing,
        np.empty(0, np.int64), 99,
    )  # fmt: skip


def test_an_interval_is_that_of_a_mean_over_the_background() -> None:
    held = linear()
    pairs = WEIGHTS[0] * (ROWS[4, 0] - OTHERS[:, 0].astype(float))
    found = held.one(4, 0, 0.9).interval
    expected = stats.t.interval(0.9, 39, pairs.mean(), pairs.std(ddof=1) / np.sqrt(40))
    assert found is not None
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-6)


def test_start_and_reasons_and_rest_sum_to_the_score() -> None:
    held = linear()
    start, rest = held.start(3, 0.95), held.rest(3, np.array([1, 2]), 0.95)
    own = held.one(3, 0, 0.95).value
    assert start.value == pytest.approx(float((OTHERS @ WEIGHTS).mean()), abs=1e-6)
    assert (start.value or 0) + (own or 0) + (rest.value or 0) == pytest.approx(held.outputs[3])


def test_intervals_of_start_and_rest_hold_the_truth_as_often_as_they_say() -> None:
    rng, hits = np.random.default_rng(5), np.zeros(2)
    for _ in range(200):
        others = rng.normal(size=(60, 3)).astype(np.float32)
        found = shapley(lambda z: z @ WEIGHTS, ROWS[:1], others, PLAYERS, rng=rng)
        held = Reasons.of(found)
        for i, (estimate, truth) in enumerate([
            (held.start(0, 0.95), 0.0),
            (held.rest(0, np.array([1, 2]), 0.95), float(ROWS[0, 1:] @ WEIGHTS[1:])),
        ]):  # fmt: skip
            assert estimate.interval is not None
            hits[i] += estimate.interval.low <= truth <= estimate.interval.high
    assert (hits / 200 > 0.9).all()
    assert (hits / 200 < 0.99).all()


def test_what_does_not_vary_has_no_interval_of_no_width() -> None:
    found = given([[0.2, 0.1]], errors=0.0).one(0, 0, 0.95)
    assert found.interval is None
    assert "exact" in str(found.reason)


def test_a_background_of_one_row_makes_no_direction_certain() -> None:
    found = shapley(lambda z: z @ WEIGHTS, ROWS, OTHERS[:1], PLAYERS, rng=np.random.default_rng(0))
    held = Reasons.of(found)
    assert not held.certain(0.95).any()
    assert "one row" in str(held.one(0, 0, 0.95).reason)


def test_the_rest_of_a_text_is_no_less_sure_than_what_was_taken_out() -> None:
    held = given([[0.2, 0.1, 0.1, 0.1]])
    arm = stats.t.ppf(0.975, 99) * 0.01
    for rest, parts in (([1, 2, 3], 1), ([3], 1), ([2, 3], 2)):
        found = held.rest(0, np.array(rest), 0.95).interval
        assert found is not None
        assert found.high - found.low == pytest.approx(2 * parts * arm)


def test_of_several_outputs_each_row_has_its_own() -> None:
    found = shapley(
        lambda z: np.stack([z[:, 0], -z[:, 1]], axis=1).astype(float), ROWS, OTHERS, PLAYERS,
        rng=np.random.default_rng(0), outputs=2,
    )  # fmt: skip
    columns = np.arange(60) % 2
    held = Reasons.of(found, columns)
    for row in (0, 1):
        one = found.of_output(int(columns[row]))
        assert held.values[row] == pytest.approx(one.values[row])
        assert held.errors[row] == pytest.approx(one.standard_errors[row])
        assert held.blocks[row] == pytest.approx(one.block_values[row])
        assert held.base[row] == pytest.approx(one.base_value)


def test_principal_reasons_are_the_largest_in_the_right_direction() -> None:
    held = given([[-0.3, 0.4, -0.1, -0.2], [0.1, 0.2, 0.3, 0.4], [-0.1, -0.1, -0.1, 0.0]])
    assert held.principal(-1, 2).tolist() == [
        [True, False, False, True],
        [False, False, False, False],
        [True, True, False, False],
    ]
    assert held.principal(1, 1).tolist()[1] == [False, False, False, True]


def test_reasons_without_a_part_are_those_against_the_other_rows() -> None:
    found = shapley(
        lambda z: z @ WEIGHTS, ROWS, OTHERS, PLAYERS, rng=np.random.default_rng(0), blocks=40
    )
    held = Reasons.of(found)
    left = held.principal_without_each(-1, 1)
    order = [int(np.flatnonzero(np.isclose(  # which row is in which part
        OTHERS[:, 0], ROWS[0, 0] - held.blocks[0, part, 0] / WEIGHTS[0], atol=1e-4
    ))[0]) for part in range(40)]  # fmt: skip
    for part in (0, 7):
        others = np.delete(OTHERS, order[part], axis=0)
        again = shapley(lambda z: z @ WEIGHTS, ROWS, others, PLAYERS, rng=np.random.default_rng(0))
        assert (Reasons.of(again).principal(-1, 1) == left[:, part]).all()


def test_a_share_that_depends_on_the_background_rests_on_fewer_rows() -> None:
    chosen = np.array([True] * 10 + [False] * 10)
    same = np.repeat(chosen[:, None], 20, axis=1)
    assert effective(chosen, same) == pytest.approx((10.0, 20.0))
    moving = same.copy()
    moving[:, 0] = True
    won, rows = effective(chosen, moving)
    assert won / rows == pytest.approx(0.5)
    # Variance over rows 0.25 / 20; jackknife 19 times the variance of one 1 among 19 halves.
    assert rows == pytest.approx(20 * 0.0125 / (0.0125 + 19 * 0.25 * 0.05 * 0.95))


def test_no_rows_have_no_share() -> None:
    held = Principal.of(given([[-0.1, 0.2]]), -1, 4)
    nobody = np.zeros(1, dtype=np.bool_)
    assert held.share([0], 0.95, nobody).value is None


def test_pairs_of_groups_are_held_together_over_features() -> None:
    values = [[-0.2, 0.1]] * 40 + [[0.2, -0.1]] * 40
    held = Principal.of(given(values), -1, 1)
    rows = np.arange(80) < 40
    first, second = held.pairs({"F": rows, "M": ~rows}, 0.95)
    assert (first.feature, first.a, first.b, first.difference) == ("a", "F", "M", 1.0)
    assert (second.feature, second.a, second.b) == ("b", "M", "F")
    assert first.established
    alone = held.pairs({"F": rows}, 0.95)
    assert alone == []


def test_certain_directions_are_counted_by_decision() -> None:
    held = Principal.of(given([[-0.2, -0.001], [-0.2, 0.3], [0.1, 0.1]]), -1, 4)
    assert held.certain(0.95).value == pytest.approx(0.75)
    assert Principal.of(given([[0.1, 0.1]]), -1, 4).certain(0.95).value is None
