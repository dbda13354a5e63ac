"""The area between ROC curves: 0 is held where there is no difference, not where there is one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from auditkit.evidence import Interval
from auditkit.methods.abroca import Curve, against_largest, between, draw_curve, widest
from auditkit.methods.estimates import Estimate


def curve(
    rng: np.random.Generator,
    positives: int,
    negatives: int,
    lead: float,
    spread: float = 1.0,
    weights: float | None = None,
) -> Curve:
    y = np.r_[np.ones(positives), np.zeros(negatives)].astype(np.int64)
    score = np.r_[rng.normal(lead, spread, positives), rng.normal(0, 1, negatives)]
    w = None if weights is None else np.full(y.size, weights)
    return draw_curve(y, score, rng, w, draws=199)


def bounds(found: Estimate) -> Interval:
    assert found.interval is not None
    return found.interval


@pytest.mark.parametrize("lead", [0.0, 1.0, 2.5])
def test_no_difference_is_seldom_called_one(lead: float) -> None:
    rng = np.random.default_rng(1)
    held = sum(
        bounds(between(curve(rng, 30, 60, lead), curve(rng, 100, 300, lead))).low == 0
        for _ in range(150)
    )
    assert held / 150 >= 0.9  # 95 % less three standard errors of simulation


@pytest.mark.parametrize(("lead", "spread"), [(1.8, 1.0), (1.0, 2.0)])
def test_the_true_area_is_covered(lead: float, spread: float) -> None:
    rng = np.random.default_rng(2)
    cut = norm.isf((np.arange(20_000) + 0.5) / 20_000)
    true = float(np.abs(norm.sf(cut - 1) - norm.sf((cut - lead) / spread)).mean())
    held = [
        bounds(between(curve(rng, 60, 100, 1.0), curve(rng, 100, 200, lead, spread)))
        for _ in range(100)
    ]
    assert sum(one.low <= true <= one.high for one in held) >= 90


def test_a_clear_difference_is_found() -> None:
    rng = np.random.default_rng(3)
    found = between(curve(rng, 400, 600, 0.2), curve(rng, 400, 600, 2.0))
    assert bounds(found).low > 0.1


def test_curves_without_an_error_have_an_interval_all_the_same() -> None:
    rng = np.random.default_rng(4)
    found = between(curve(rng, 12, 12, 50.0), curve(rng, 200, 200, 50.0))
    assert found.value == 0
    assert bounds(found).high > 0.1


def test_equal_weights_change_the_noise_no_more_than_another_draw() -> None:
    plain = curve(np.random.default_rng(5), 50, 90, 1.0)
    weighed = curve(np.random.default_rng(5), 50, 90, 1.0, weights=3.0)
    np.testing.assert_allclose(weighed.noise, plain.noise, atol=1e-9)


def test_uneven_weights_make_more_noise() -> None:
    rng = np.random.default_rng(6)
    y, score = np.repeat([1, 0], [100, 200]), rng.normal(size=300)
    uneven = draw_curve(y, score, rng, np.exp(rng.normal(0, 1.5, 300)))
    even = draw_curve(y, score, rng)
    assert uneven.noise.std() > 1.3 * even.noise.std()


def test_every_group_is_held_against_the_largest_and_the_widest_is_told() -> None:
    rng = np.random.default_rng(7)
    curves = [curve(rng, 60, 90, 1.0), curve(rng, 300, 700, 1.0), curve(rng, 80, 90, 3.0)]
    largest, found = against_largest(curves, np.array([150, 1_000, 170]), 0.95)
    assert largest == 1
    assert [one.group for one in found] == [2, 0]
    gap = widest(found, 0.95)
    assert gap.value == found[0].area.value
    assert bounds(gap).low == max(bounds(one.area).low for one in found)
    assert bounds(gap).method.endswith("Bonferroni over 2 groups")
