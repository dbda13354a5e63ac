"""Power laws: the fit against scipy, the prediction interval by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditkit.methods.scaling import ON_A_LINE, PowerLaw

X = np.array([100.0, 200.0, 400.0, 800.0])


def law(x: object, y: object) -> PowerLaw:
    found = PowerLaw.through(x, y)  # type: ignore[arg-type]  # arrays of the tests
    assert found is not None
    return found


def test_the_exponent_and_its_interval_are_those_of_linear_regression() -> None:
    y = np.array([1.0, 2.3, 3.9, 9.0])
    theirs = stats.linregress(np.log(X), np.log(y))
    found = law(X, y).slope()
    arm = stats.t.ppf(0.975, 2) * theirs.stderr
    assert found.interval is not None
    assert found.value == pytest.approx(theirs.slope)
    assert found.interval.low == pytest.approx(theirs.slope - arm)
    assert found.interval.high == pytest.approx(theirs.slope + arm)
    assert "4 points" in found.interval.method
    assert "2 degrees of freedom" in found.interval.method


def test_the_prediction_interval_holds_a_new_point_as_often_as_it_says() -> None:
    rng, held, runs = np.random.default_rng(0), 0, 2000
    for _ in range(runs):
        y = 0.5 * X**0.9 * np.exp(0.1 * rng.normal(size=4))
        new = 0.5 * 8000**0.9 * np.exp(0.1 * rng.normal())
        interval = law(X, y).at(8000.0).interval
        assert interval is not None
        held += interval.low <= new <= interval.high
    assert held / runs == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / runs))


def test_points_on_a_line_are_arithmetic_and_have_no_interval() -> None:
    found = law(X, 6 * X).at(10_000.0)
    assert found.value == pytest.approx(60_000)
    assert (found.interval, found.reason) == (None, ON_A_LINE)


@pytest.mark.parametrize(
    ("x", "y"),
    [([1.0, 2.0], [1.0, 2.0]), ([1.0, 2.0, 3.0], [0.0, 1.0, 2.0]), ([2.0] * 3, [1.0, 2.0, 3.0])],
)
def test_too_few_points_or_none_to_take_a_logarithm_of_give_no_law(
    x: list[float], y: list[float]
) -> None:
    assert PowerLaw.through(x, y) is None


def test_an_interval_without_a_finite_end_is_none() -> None:
    found = law([1.0, 2.0, 3.0], [1e-30, 1e30, 1e-10]).at(1e9)
    assert found.interval is None
    assert found.reason
