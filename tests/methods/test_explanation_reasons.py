"""How sure reasons are and how far they agree: hand computation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.explanation_reasons import (
    NO_CHOICE,
    NO_PARTS,
    Reasons,
    beyond_noise,
    efficiency_gap,
    overlap,
    stability_between_backgrounds,
    stability_between_seeds,
)


def reasons(
    values: list[list[float]], errors: float = 0.0, blocks: np.ndarray | None = None
) -> Reasons:
    given = np.array(values, dtype=np.float64)
    m, g = given.shape
    return Reasons(
        values=given,
        errors=np.full(given.shape, errors),
        there=np.ones(given.shape, dtype=bool),
        outputs=given.sum(axis=1) + 0.5,
        base=np.full(m, 0.5),
        blocks=np.empty((m, 0, g)) if blocks is None else blocks,
        draws=11,
        sampled=True,
    )


def test_the_efficiency_gap_is_the_largest_difference_from_what_the_model_says() -> None:
    one = reasons([[0.1, 0.2], [-0.1, 0.0]])
    assert efficiency_gap(one, np.array([0.8, 0.4])) == pytest.approx(0.0)
    assert efficiency_gap(one, np.array([0.8, 0.43])) == pytest.approx(0.03)


def test_a_reason_is_beyond_noise_where_its_t_interval_leaves_out_0() -> None:
    quantile = stats.t.ppf(0.975, 10)
    one = reasons([[0.3, 0.01, 0.0], [0.3, -0.3, 0.0]], errors=0.3 / quantile * 0.999)
    error, share = beyond_noise(one, 2)
    assert error.value == pytest.approx(0.3 / quantile * 0.999)
    assert share.value == pytest.approx(0.75)
    louder = reasons([[0.3, 0.01, 0.0], [0.3, -0.3, 0.0]], errors=0.3 / quantile * 1.001)
    assert beyond_noise(louder, 2)[1].value == 0.0


def test_rows_that_nothing_moved_have_no_reasons() -> None:
    error, share = beyond_noise(reasons([[0.0, 1e-9]]), 1)
    assert error.value is None
    assert share.value is None
    assert "no feature moved" in str(share.reason)


def test_one_background_row_has_no_standard_error() -> None:
    assert "no standard error" in str(beyond_noise(reasons([[0.1, 0.2]], np.nan), 1)[0].reason)


def test_overlap_counts_features_and_those_of_the_same_sign() -> None:
    one = np.array([[1, -1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], np.int8)
    other = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]], np.int8)
    same, signed = overlap(one, other)
    assert same.tolist() == [1.0, 0.0, 1.0]
    assert signed.tolist() == [0.5, 0.0, 1.0]


def test_backgrounds_that_do_not_matter_give_the_same_reasons() -> None:
    values = [[0.5, -0.3, 0.0]] * 30
    blocks = np.repeat(np.array(values)[:, None], 4, axis=1)
    one = reasons(values, blocks=blocks)
    same, signed = stability_between_backgrounds(one, one, 2, np.random.default_rng(0), 0.95)
    assert same.value == signed.value == 1.0
    assert same.interval is not None
    assert same.interval.low < 1.0


def test_backgrounds_that_are_all_noise_give_the_reasons_of_chance() -> None:
    rng = np.random.default_rng(1)
    blocks = rng.normal(size=(400, 10, 6))
    one, other = (
        reasons(part.mean(axis=1).tolist(), blocks=part) for part in (blocks[:, :5], blocks[:, 5:])
    )
    same, signed = stability_between_backgrounds(one, other, 2, rng, 0.95)
    assert same.interval is not None
    assert signed.value is not None
    # Two of six at random: a third, and half of them with the same sign.
    assert same.interval.low < 1 / 3 < same.interval.high
    assert signed.value == pytest.approx(1 / 6, abs=0.05)


def test_without_another_background_or_a_choice_there_is_a_reason() -> None:
    one, rng = reasons([[0.5, 0.1]]), np.random.default_rng(0)
    assert stability_between_backgrounds(one, None, 1, rng, 0.95)[0].reason == NO_PARTS
    assert stability_between_backgrounds(one, one, 2, rng, 0.95)[1].reason == NO_CHOICE
    assert stability_between_seeds(one, one, 2, 0.95)[0].reason == NO_CHOICE


def test_seeds_are_compared_row_by_row() -> None:
    one = reasons([[0.5, 0.1, 0.0], [0.5, 0.1, 0.0]])
    other = reasons([[0.5, 0.1, 0.0], [-0.5, 0.0, 0.1]])
    same, signed = stability_between_seeds(one, other, 1, 0.95)
    assert same.value == 1.0
    assert signed.value == 0.5
