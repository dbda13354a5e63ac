"""Exposure of canaries and rare rows, against scipy and by simulation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from auditkit.methods.exposure import (
    UNPLANTED,
    exposures,
    in_sequence,
    is_rare,
    losses,
    mean_exposure,
    p_value,
    ranks,
)

SIZE = 1_024


def unplanted(rng: np.random.Generator, count: int = 16) -> npt.NDArray[np.float64]:
    """Exposures where canaries are like the rows that they are ranked among, all of one pool."""
    pool = np.broadcast_to(rng.normal(size=SIZE - 1), (count, SIZE - 1))
    return exposures(ranks(rng.normal(size=count), pool), SIZE)


def test_the_p_value_is_fishers() -> None:
    rank = np.array([3, 700, 41, 1_000])
    wanted = stats.combine_pvalues(rank / SIZE, method="fisher").pvalue
    assert p_value(exposures(rank, SIZE)) == pytest.approx(wanted)


def test_p_values_of_rows_that_were_not_planted_are_uniform() -> None:
    rng = np.random.default_rng(0)
    found = [p_value(unplanted(rng)) for _ in range(2_000)]
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) < 0.05) < 0.062


def test_what_was_planted_less_is_not_believed_before_what_was_planted_more() -> None:
    assert in_sequence([0.001, 0.4, 0.02]).tolist() == [0.4, 0.4, 0.02]
    rng = np.random.default_rng(3)
    found = [in_sequence(rng.random(3)).min() for _ in range(4_000)]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.012)


def test_the_mean_exposure_of_rows_that_were_not_planted_is_as_stated() -> None:
    rng = np.random.default_rng(0)
    found = np.mean([unplanted(rng).mean() for _ in range(2_000)])
    assert found == pytest.approx(UNPLANTED, abs=0.03)


def test_a_row_that_is_remembered_has_all_bits_and_a_tiny_p_value() -> None:
    found = exposures(ranks([0.0] * 4, np.ones((4, SIZE - 1))), SIZE)
    assert found.tolist() == [10.0] * 4
    assert p_value(found) == pytest.approx(stats.chi2.sf(2 * 4 * np.log(SIZE), 8))
    assert p_value(found) < 1e-7


def test_equal_losses_show_no_memory() -> None:
    found = exposures(ranks([0.5, 0.5], np.full((2, SIZE - 1), 0.5)), SIZE)
    assert found.tolist() == [0.0, 0.0]
    assert p_value(found) == 1.0


def test_a_mean_of_0_still_has_an_interval() -> None:
    found = mean_exposure([0.0] * 16, SIZE)
    assert found.interval is not None
    assert found.interval.low == 0.0 < found.interval.high


def covered(draw: npt.NDArray[np.float64], truth: float) -> float:
    held = 0
    for line in draw:
        interval = mean_exposure(line, SIZE).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    return held / len(draw)


def test_the_interval_of_the_mean_exposure_covers_without_memory_and_with_it() -> None:
    rng = np.random.default_rng(2)
    no_memory = np.array([unplanted(rng) for _ in range(1_500)])
    assert covered(no_memory, UNPLANTED) >= 0.94
    # Half of the canaries are remembered, each one as well as the other half is not.
    remembered = rng.random(no_memory.shape) < 0.5
    mixed = np.where(remembered, 10.0, no_memory)
    assert covered(mixed, float(0.5 * 10 + 0.5 * no_memory.mean())) >= 0.94


def test_losses_are_log_loss_or_squared_error() -> None:
    np.testing.assert_allclose(losses([0.25, 0.25], [1, 0]), -np.log([0.25, 0.75]))
    np.testing.assert_allclose(losses([[0.2, 0.8], [0.7, 0.3]], [1, 0]), -np.log([0.8, 0.7]))
    np.testing.assert_allclose(losses([1.0, 2.0], [3.0, 2.0], numbers=True), [4.0, 0.0])


def test_losses_of_each_row_under_each_outcome_are_a_table() -> None:
    under = np.array([[1, 1, 1], [0, 0, 0]])
    answers = np.broadcast_to([0.1, 0.5, 0.9], (2, 3))
    np.testing.assert_allclose(losses(answers, under), -np.log([[0.1, 0.5, 0.9], [0.9, 0.5, 0.1]]))
    classes = np.broadcast_to([[0.1, 0.9], [0.6, 0.4]], (3, 2, 2))
    found = losses(classes, np.array([[0, 0], [1, 1], [0, 0]]))
    np.testing.assert_allclose(np.exp(-found), [[0.1, 0.6], [0.9, 0.4], [0.1, 0.6]])


def test_a_row_does_not_count_itself_so_that_both_kinds_are_rare_alike() -> None:
    inside, outside = is_rare([7, 7, 7, 2, 2], [7, 2, 5, -1], k=2)
    assert inside.tolist() == [False, False, False, True, True]
    assert outside.tolist() == [False, False, True, False]
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        values = rng.zipf(1.6, 400)
        mine, others = is_rare(values[:300] % 10_000, values[300:] % 10_000, 3)
        shares.append(mine.mean() - others.mean())
    assert abs(np.mean(shares)) < 4 * np.std(shares) / np.sqrt(300)
