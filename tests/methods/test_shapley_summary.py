from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from auditkit.methods.estimates import Estimate
from auditkit.methods.intervals import wilson
from auditkit.methods.shapley import Attribution, shapley
from auditkit.methods.shapley_gap import gap
from auditkit.methods.shapley_noise import value_bounds
from auditkit.methods.shapley_strips import FEWEST_SHOWN, MOST_BINS, density
from auditkit.methods.shapley_summary import importance, share, top_agreement, typical_error

PLAYERS = [np.array([j]) for j in range(4)]
WEIGHTS = np.array([2.0, -1.0, 0.3, 0.0])


def probability(z: Any) -> Any:
    return 1 / (1 + np.exp(-(z @ WEIGHTS + z[:, 0] * z[:, 1])))


def found(m: int = 30, b: int = 24, seed: int = 0, function: Any = probability) -> Attribution:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(m, 4)).astype(np.float32)
    background = rng.normal(size=(b, 4)).astype(np.float32)
    return shapley(function, rows, background, PLAYERS, rng=rng, estimator="exact")


def covers(estimate: Estimate, value: float) -> bool:
    assert estimate.interval is not None
    return estimate.interval.low <= value <= estimate.interval.high


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 12), st.integers(1, 12))
def test_every_interval_has_a_width_and_holds_its_value(seed: int, m: int, b: int) -> None:
    shown = found(m, b, seed)
    half = np.arange(m) % 2 == 0
    estimates = [*importance(shown), *(share(shown, [j]) for j in range(4)), typical_error(shown)]
    estimates.append(top_agreement(shown, 2, np.random.default_rng(0)))
    apart = gap(shown, half, ~half)
    if apart is not None:
        estimates += [*apart.contributions, apart.first, apart.second, apart.difference]
    for estimate in estimates:
        if estimate.value is None:
            assert estimate.reason
        else:
            assert covers(estimate, estimate.value)


def test_importance_is_the_mean_size_of_the_values() -> None:
    shown = found()
    values = [estimate.value or 0.0 for estimate in importance(shown)]
    np.testing.assert_allclose(values, np.abs(shown.values).mean(axis=0), atol=1e-12)
    assert values[0] == max(values)


def test_a_feature_without_effect_has_the_wilson_bound_of_no_row() -> None:
    estimate = importance(found(m=30))[3]
    assert estimate.value == 0
    assert estimate.interval is not None
    assert estimate.interval.low == 0
    assert estimate.interval.high == float(wilson(0, 30)[1])
    assert "no contribution in any of 30 rows" in estimate.interval.method


def test_one_row_or_one_background_row_tells_nothing() -> None:
    for shown, few in ((found(m=1), "one explained row"), (found(b=1), "one background row")):
        for estimate in (importance(shown)[0], share(shown, [0])):
            assert estimate.interval is not None
            assert (estimate.interval.low, estimate.interval.high) == (0, 1)
            assert few in estimate.interval.method
    assert typical_error(found(b=1)).value is None


def test_no_rows_give_reasons() -> None:
    nothing = found(m=0)
    assert [estimate.reason for estimate in importance(nothing)] == ["no row was explained"] * 4
    assert share(nothing, [0]).value is None
    assert typical_error(nothing).value is None
    assert top_agreement(nothing, 1, np.random.default_rng(0)).value is None


def test_intervals_cover_what_all_rows_and_all_background_give() -> None:
    rng = np.random.default_rng(1)
    population = rng.normal(size=(500, 4)).astype(np.float32)
    truth = shapley(probability, population[:300], population, PLAYERS, rng=rng, estimator="exact")
    sizes = np.abs(truth.values).mean(axis=0)
    group = population[:300, 2] > 0
    apart = truth.values[group].mean(axis=0) - truth.values[~group].mean(axis=0)
    covered: list[list[bool]] = []
    for _ in range(120):
        chosen = rng.integers(0, 300, 60)
        shown = shapley(
            probability, population[chosen], population[rng.integers(0, 500, 40)], PLAYERS,
            rng=rng, estimator="sampled",
        )  # fmt: skip
        parts = gap(shown, group[chosen], ~group[chosen])
        assert parts is not None
        covered.append(
            [covers(e, s) for e, s in zip(importance(shown)[:3], sizes[:3], strict=True)]
            + [covers(share(shown, [j]), sizes[j] / sizes.sum()) for j in range(3)]
            + [covers(e, a) for e, a in zip(parts.contributions[:3], apart[:3], strict=True)]
        )
    rates = np.mean(covered, axis=0)
    # Three standard errors of a rate of 0.95 over 120 draws are 0.06.
    assert rates.min() > 0.89
    assert 0.92 < rates.mean() < 0.985


def test_noise_of_the_background_does_not_pass_for_importance() -> None:
    # The third feature moves the scores of these rows by hardly more than the background's noise.
    def faint(z: Any) -> Any:
        return 0.5 + 0.2 * np.tanh(z[:, 0] * z[:, 2])

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 4)).astype(np.float32)
    rows[:, 2] = 0
    population = rng.normal(size=(1000, 4)).astype(np.float32)

    def third(background: Any) -> Estimate:
        return importance(shapley(faint, rows, background, PLAYERS, rng=rng))[2]

    truth = third(population).value
    assert truth is not None
    draws = [third(population[rng.integers(0, 1000, 25)]) for _ in range(60)]
    assert np.mean([draw.value for draw in draws]) > 2 * truth
    assert np.mean([covers(draw, truth) for draw in draws]) > 0.9


def test_shares_sum_to_one_and_a_lone_feature_has_all() -> None:
    shown = found()
    assert sum(share(shown, [j]).value or 0 for j in range(4)) == pytest.approx(1)
    lone = share(found(m=200, function=lambda z: 0.5 + 0.1 * np.tanh(z[:, 1])), [1])
    assert lone.value == pytest.approx(1)
    assert lone.interval is not None
    assert 0.5 < lone.interval.low < 1


def test_a_constant_model_relies_on_nothing_in_particular() -> None:
    constant = found(function=lambda z: np.full(len(z), 0.3))
    assert share(constant, [0]).reason == "no feature moved the score of any explained row"
    assert top_agreement(constant, 2, np.random.default_rng(0)).value == 1


def test_the_parts_of_a_gap_sum_to_it() -> None:
    shown = found()
    first = np.arange(30) < 12
    parts = gap(shown, first, ~first)
    assert parts is not None
    expected = shown.outputs[first].mean() - shown.outputs[~first].mean()
    assert sum(e.value or 0 for e in parts.contributions) == pytest.approx(expected, abs=1e-9)
    assert parts.difference.value == pytest.approx(expected)
    assert parts.first.value == pytest.approx(shown.outputs[first].mean())
    assert gap(shown, first & (np.arange(30) < 1), ~first) is None
    assert gap(found(b=1), first, ~first) is None


def test_exchanging_the_groups_of_a_gap_turns_its_signs() -> None:
    shown = found()
    first = np.arange(30) < 12
    one, other = gap(shown, first, ~first), gap(shown, ~first, first)
    assert one is not None
    assert other is not None
    for a, b in zip(one.contributions, other.contributions, strict=True):
        assert a.interval is not None
        assert b.interval is not None
        assert a.value == pytest.approx(-(b.value or 0))
        assert a.interval.low == pytest.approx(-b.interval.high)


def test_reasons_agree_where_the_background_does_not_matter_and_not_where_it_does() -> None:
    rng = np.random.default_rng(0)
    clear = found(function=lambda z: 0.5 + (z @ [0.1, 0.01, 0.0, 0.0]) / 10, b=400)
    agreed = top_agreement(clear, 1, rng).value
    noisy = top_agreement(found(b=4, function=lambda z: 0.5 + z.sum(axis=1) / 40), 2, rng).value
    assert agreed is not None
    assert noisy is not None
    assert noisy < agreed
    assert "leave no choice of 4 reasons" in str(top_agreement(clear, 4, rng).reason)
    assert "no halves" in str(top_agreement(found(b=1), 2, rng).reason)


def test_rounding_is_no_reason() -> None:
    # The last two features move nothing but the last digit; only the first is a reason.
    shown = found(function=lambda z: 0.5 + z @ [0.1, 0.0, 1e-9, 1e-9])
    three = top_agreement(shown, 3, np.random.default_rng(0))
    assert three == top_agreement(shown, 1, np.random.default_rng(0))


def test_the_typical_error_is_that_of_the_largest_value() -> None:
    shown = found()
    largest = np.abs(shown.values).argmax(axis=1)
    expected = shown.standard_errors[np.arange(30), largest].mean()
    assert typical_error(shown).value == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=200),
    st.floats(1e-6, 0.5),
    st.booleans(),
)
def test_bins_hold_every_row_and_show_no_single_one(
    numbers: list[float],
    width: float,
    ranked: bool,  # noqa: FBT001 - drawn
) -> None:
    values = np.array(numbers)
    ranks: npt.NDArray[np.float64] | None = np.linspace(0, 1, len(values)) if ranked else None
    bins = density(values, ranks, width)
    assert sum(b.count for b in bins) == len(values)
    assert len(bins) <= MOST_BINS
    assert bins[0].low <= values.min()
    assert bins[-1].high >= values.max()
    for one, following in pairwise(bins):
        assert one.high <= following.low + 1e-12
    for b in bins:
        assert b.high - b.low >= width * 0.999
        assert (b.mean_rank is not None) == (ranked and b.count >= FEWEST_SHOWN)


def test_missing_values_have_no_rank() -> None:
    ranks = np.array([np.nan] * 5 + [0.0, 0.5, 1.0, 0.5])
    (few,) = density(np.zeros(9), ranks, 0.1)
    assert few.mean_rank is None
    (enough,) = density(np.zeros(10), np.append(ranks, 1.0), 0.1)
    assert enough.mean_rank == pytest.approx(0.6)
    assert density(np.zeros(0), None, 0.1) == []


def of_classes(m: int = 40, b: int = 24) -> Attribution:
    """Two classes: the probability and its rest."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(m, 4)).astype(np.float32)
    background = rng.normal(size=(b, 4)).astype(np.float32)

    def both(z: Any) -> Any:
        return np.stack([probability(z), 1 - probability(z)], axis=1)

    return shapley(
        both, rows, background, PLAYERS, rng=np.random.default_rng(1), estimator="exact", outputs=2
    )


def test_two_classes_tell_what_either_of_them_tells_alone() -> None:
    classes = of_classes()
    alone = classes.of_output(0)
    for two, one in zip(importance(classes), importance(alone), strict=True):
        assert two.value == pytest.approx(one.value)
        assert two.interval is not None
        assert one.interval is not None
        assert (two.interval.low, two.interval.high) == pytest.approx(
            (one.interval.low, one.interval.high)
        )
    two, one = share(classes, [0, 1]), share(alone, [0, 1])
    assert two.value == pytest.approx(one.value)
    assert two.interval is not None
    assert one.interval is not None
    assert two.interval.low == pytest.approx(one.interval.low)


def test_one_output_of_each_row_and_some_of_all_are_taken_out() -> None:
    classes = of_classes()
    likeliest = classes.outputs.argmax(axis=1)
    chosen = classes.of_each(likeliest)
    for row, output in enumerate(likeliest):
        assert (chosen.values[row] == classes.values[row, :, output]).all()
        assert (chosen.block_values[row] == classes.block_values[row, :, :, output]).all()
        assert chosen.outputs[row] == classes.outputs[row].max()
    assert classes.of_outputs(range(2)).values.shape == classes.values.shape
    assert classes.of_outputs(range(1, 2)).values.shape == (40, 4)
    assert classes.of_outputs(range(1)).additivity_gap < 1e-6


def test_the_share_of_several_players_is_that_of_their_sum() -> None:
    shown = found(m=200)
    parts = [share(shown, [j]).value or 0 for j in range(4)]
    assert share(shown, [0, 2]).value == pytest.approx(parts[0] + parts[2])
    assert share(shown, range(4)).value == pytest.approx(1)


def test_numbers_without_bounds_are_not_cut_and_get_reasons_where_nothing_varies() -> None:
    shown = found(function=lambda z: 1000 * z[:, 0])
    sizes = importance(shown, bound=np.inf)
    assert sizes[0].interval is not None
    assert sizes[0].interval.high > 500
    assert (sizes[1].value, sizes[1].interval) == (0.0, None)
    assert "no bound" in str(sizes[1].reason)
    assert "no bound" in str(share(shown, [0], bound=np.inf).reason)
    half = np.arange(30) % 2 == 0
    parts = gap(shown, half, ~half, bound=np.inf)
    assert parts is not None
    assert parts.contributions[0].interval is not None
    assert parts.contributions[1].interval is None
    assert "all values are equal" in str(parts.contributions[1].reason)
    assert "one explained row" in str(importance(found(m=1), bound=np.inf)[0].reason)


def test_a_value_is_bounded_though_few_background_rows_differ_or_none() -> None:
    def marked(z: Any) -> Any:
        return 0.2 + 0.5 * z[:, 0] + 0.1 * z[:, 1] * z[:, 0]

    rng = np.random.default_rng(0)
    players = [np.array([0]), np.array([1])]
    population = (rng.random((4_000, 2)) < [0.06, 0.5]).astype(np.float32)
    row = np.zeros((1, 2), np.float32)
    truth = shapley(marked, row, population, players, rng=rng).values[0, 0]
    plain, bounded = 0, 0
    for _ in range(200):
        background = population[rng.integers(0, 4_000, 60)]
        drawn = shapley(marked, row, background, players, rng=rng)
        plain += abs(drawn.values[0, 0] - truth) <= 2.0 * drawn.standard_errors[0, 0]
        low, high = value_bounds(drawn)
        assert np.all(low < high)
        bounded += low[0, 0] <= truth <= high[0, 0]
    assert plain / 200 < 0.92
    assert bounded / 200 > 0.92


def test_bounds_of_a_value_are_students_where_all_of_the_background_differs() -> None:
    shown = replace(found(b=25), differing=None)
    low, high = value_bounds(shown)
    arm = t.ppf(0.975, 24) * shown.standard_errors[:, :3]
    np.testing.assert_allclose(high[:, :3], np.minimum(shown.values[:, :3] + arm, 1))
    np.testing.assert_allclose(low[:, :3], np.maximum(shown.values[:, :3] - arm, -1))
    assert np.isnan(value_bounds(found(b=1))[0]).all()
