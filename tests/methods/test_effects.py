"""Effect curves against lines and products known by hand, and their intervals in simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from auditkit.methods.effect_grid import grid, steps_of
from auditkit.methods.effects import (
    FLAT,
    NO_SPREAD,
    ONE_WAY,
    Curve,
    accumulated_local_effects,
    partial_dependence,
)
from auditkit.methods.estimates import FloatArray


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def curve(*values: float, deviation: float = 0.0, fewest: int = 1_000) -> Curve:
    return Curve(np.array(values), np.eye(len(values)) * deviation**2, fewest)


def local(
    x: FloatArray, answers_at: Callable[[FloatArray], FloatArray]
) -> tuple[Curve, FloatArray]:
    """Accumulate the effects of x on a function of the number and the place of the row."""
    points = grid(x)
    steps = steps_of(x, points)
    below, above = (answers_at(points[steps + i]) for i in (0, 1))
    return accumulated_local_effects(steps, below, above, points.size - 1), points


def test_a_linear_function_gives_its_line_exactly() -> None:
    x = rng().normal(size=400)
    found, points = local(x, lambda z: 3 * z + x**2)
    assert np.diff(found.values) == pytest.approx(3 * np.diff(points))
    reach = found.reach(rng())
    assert reach.value == pytest.approx(3 * np.ptp(points))
    assert (reach.interval, reach.reason) == (None, NO_SPREAD)
    assert found.against(rng()).reason == NO_SPREAD


def test_the_curve_lies_around_0_over_the_rows() -> None:
    steps = [0, 0, 0, 1, 1]
    found = accumulated_local_effects(steps, [0] * 5, [1, 1, 1, 4, 4], 2)
    middles = (found.values[:-1] + found.values[1:]) / 2
    assert np.dot(middles, [3, 2]) == pytest.approx(0)
    assert np.diff(found.values).tolist() == [1, 4]


def test_of_features_that_go_together_local_effects_are_right_and_dependence_is_not() -> None:
    """Of f = x z with z = x, what x does is z dx, so x squared over 2; dependence sees E z = 0."""
    x = rng().uniform(-1, 1, 4_000)
    found, points = local(x, lambda z: z * x)
    exact = points**2 / 2
    assert found.values - found.values.mean() == pytest.approx(exact - exact.mean(), abs=0.01)
    flat = partial_dependence(points[None, :] * x[:, None], np.ones(points.size))
    assert np.ptp(flat.values) < 0.05 < np.ptp(exact)


def test_partial_dependence_is_the_mean_over_rows_less_its_mean_over_values() -> None:
    answers = np.array([[0.0, 1.0, 4.0], [2.0, 1.0, 2.0]])
    found = partial_dependence(answers, [2, 1, 1])
    assert found.values == pytest.approx(np.array([1, 1, 3]) - (2 * 1 + 1 + 3) / 4)


def test_the_variance_of_a_step_is_that_of_a_mean() -> None:
    change = rng().normal(size=50)
    found = accumulated_local_effects(np.zeros(50, int), np.zeros(50), change, 1)
    step = np.array([-1.0, 1.0])
    assert step @ found.covariance @ step == pytest.approx(change.var(ddof=1) / 50)


@pytest.mark.parametrize(("slope", "level"), [(0.0, 0.95), (0.3, 0.8)])
def test_bands_and_ranges_hold_their_level(slope: float, level: float) -> None:
    """Answers z u with E u known: the curve is a line of that slope."""
    draw, held, spanned = rng(), [], []
    for _ in range(100):
        x, u = draw.random(200), draw.normal(slope, 1, 200)
        found, points = local(x, u.__mul__)
        shares = np.bincount(steps_of(x, points)) / x.size
        middles = (points[:-1] + points[1:]) / 2
        low, high = found.band(draw, level)
        true = slope * (points - shares @ middles)
        held.append(bool(((low <= true) & (true <= high)).all()))
        reach = found.reach(draw, level).interval
        assert reach is not None
        spanned.append(reach.low <= abs(slope) * np.ptp(points) <= reach.high)
    assert (
        level - 0.04 < np.mean(held) < level + 0.08
    )  # t of the step with fewest rows: a little wide
    assert np.mean(spanned) > level - 0.04


def test_few_rows_widen_the_interval() -> None:
    few, many = (curve(0, 1, deviation=0.1, fewest=n).reach(rng()).interval for n in (10, 1_000))
    assert few is not None
    assert many is not None
    assert many.high - many.low == pytest.approx(2 * 1.96 * 0.1 * np.sqrt(2), rel=0.05)
    assert few.high - few.low == pytest.approx(2 * 2.26 * 0.1 * np.sqrt(2), rel=0.05)


def test_a_range_that_noise_explains_holds_0() -> None:
    interval = curve(0.0, 0.1, -0.1, deviation=0.2).reach(rng()).interval
    assert interval is not None
    assert interval.low == 0


@pytest.mark.parametrize(
    ("values", "share"), [((0, 1, 3), 0.0), ((3, 1, 0), 0.0), ((0, 1, 0), 0.5), ((0, 3, 2), 0.25)]
)
def test_movement_against_the_direction_is_a_share_of_all_movement(
    values: tuple[float, ...], share: float
) -> None:
    assert curve(*values).against(rng()).value == share


def test_a_curve_that_surely_goes_one_way_says_so() -> None:
    found = curve(0, 1, 2, deviation=0.01).against(rng())
    assert (found.value, found.interval, found.reason) == (0.0, None, ONE_WAY)


def test_the_share_against_may_be_anything_that_its_steps_allow() -> None:
    found = curve(0.0, 1.0, 0.9, deviation=0.1).against(rng())
    assert found.interval is not None
    assert found.interval.low == 0
    assert found.interval.high > 1 / 11
    turning = curve(0.0, 1.0, 0.0, deviation=0.1).against(rng()).interval
    assert turning is not None
    assert turning.high == 0.5


def test_what_does_not_move_has_no_direction() -> None:
    found = curve(0, 0, 0)
    assert found.against(rng()).reason == FLAT
    assert found.reach(rng()).value == 0
    low, high = found.band(rng())
    assert (low == high).all()
