"""The membership attack by loss, against sklearn's curve and against known populations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn.metrics import log_loss, roc_curve

from auditkit.methods.intervals import clopper_pearson
from auditkit.methods.membership import _accused, attack_curve, attack_scores, tpr_at_fpr
from auditkit.methods.membership_attacks import confidence

SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


def test_the_score_is_minus_the_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    p, y = rng.random(200), rng.integers(0, 2, 200)
    assert -attack_scores(p, y).mean() == pytest.approx(log_loss(y, p))


def test_the_score_of_classes_is_minus_the_cross_entropy_too() -> None:
    rng = np.random.default_rng(0)
    p, y = rng.dirichlet(np.ones(4), 200), rng.integers(0, 4, 200)
    assert -attack_scores(p, y).mean() == pytest.approx(log_loss(y, p))


def test_a_class_that_the_model_does_not_know_has_no_chance() -> None:
    assert attack_scores([[0.3, 0.7]], [-1])[0] < -700
    assert confidence([[0.3, 0.7]], [-1])[0] == pytest.approx(np.log(1e-12))


def test_certain_and_wrong_is_finite() -> None:
    scores = attack_scores([0.0, 1.0, 1.0, 0.0], [1, 0, 1, 0])
    assert np.isfinite(scores).all()
    assert scores[:2].max() < -700
    assert scores[2:].tolist() == [0.0, 0.0]


def test_wrong_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lie in \[0, 1\]"):
        attack_scores([1.2], [1])
    with pytest.raises(ValueError, match=r"lie in \[0, 1\]"):
        attack_scores([float("nan")], [1])
    with pytest.raises(ValueError, match="one label"):
        attack_scores([0.2, 0.3], [1])
    with pytest.raises(ValueError, match="one label"):
        attack_scores([[[0.2]]], [1])


@settings(deadline=None)
@given(SCORES, SCORES, st.sampled_from([0.05, 0.1, 0.25, 0.5]))
def test_the_share_is_the_best_that_sklearns_curve_has_at_that_rate(
    members: list[int], others: list[int], fpr: float
) -> None:
    found = tpr_at_fpr(members, others, fpr)
    if fpr * len(others) < 1:
        assert found.value is None
        return
    is_member = np.repeat([1, 0], [len(members), len(others)])
    rates = roc_curve(is_member, [*members, *others], drop_intermediate=False)
    assert found.value == pytest.approx(rates[1][rates[0] <= fpr + 1e-9].max())
    assert found.interval is not None
    assert found.value is not None
    assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_ties_never_push_the_rate_over_what_was_asked() -> None:
    # All but one of the others share the top score: no threshold accuses few of them.
    assert tpr_at_fpr(np.ones(50), np.append(np.ones(199), 0.0), 0.01).value == 0.0


def test_too_few_rows_are_said_to_be_too_few() -> None:
    found = tpr_at_fpr(np.ones(50), np.zeros(999), 0.001)
    assert found.value is None
    assert found.reason is not None
    assert "at least 1000" in found.reason
    assert tpr_at_fpr([], np.zeros(5000), 0.001).value is None
    with pytest.raises(ValueError, match=r"\(0, 1\)"):
        tpr_at_fpr([1.0], [0.0], 0.0)


@pytest.mark.parametrize(("total", "fpr"), [(100, 0.01), (5000, 0.01), (5000, 0.001), (40, 0.3)])
def test_the_bounds_of_the_threshold_are_the_binomials(total: int, fpr: float) -> None:
    fewest, most = _accused(total, fpr, 0.0125)
    below = special.bdtr(np.arange(total), total, fpr)
    assert fewest == np.sum(below <= 0.0125) - 1
    assert most == np.sum(below < 1 - 0.0125)


def test_the_bounds_are_exact_binomial_at_the_bounds_of_the_threshold() -> None:
    rng = np.random.default_rng(1)
    members, others = rng.normal(0.5, 1, 800), rng.normal(0, 1, 1000)
    fewest, most = _accused(1000, 0.05, 0.0125)
    high, low = np.sort(others)[::-1][[fewest, most]]
    interval = tpr_at_fpr(members, others, 0.05).interval
    assert interval is not None
    assert interval.low == clopper_pearson((members > high).sum(), 800, 0.975)[0]
    assert interval.high == clopper_pearson((members > low).sum(), 800, 0.975)[1]


@pytest.mark.parametrize(
    ("shift", "fpr", "sizes", "rounded"),
    [
        (0.0, 0.01, (400, 400), False),
        (0.5, 0.01, (500, 800), False),
        (0.5, 0.001, (500, 2000), False),
        (0.5, 0.05, (300, 300), True),
    ],
)
def test_the_interval_holds_the_share_of_the_population(
    shift: float, fpr: float, sizes: tuple[int, int], *, rounded: bool
) -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        members, others = rng.normal(shift, 1, sizes[0]), rng.normal(0, 1, sizes[1])
        if rounded:
            members, others = np.round(2 * members), np.round(2 * others)
        interval = tpr_at_fpr(members, others, fpr).interval
        assert interval is not None
        held += interval.low <= population_share(shift, fpr, rounded=rounded) <= interval.high
    assert held >= 380


def population_share(shift: float, fpr: float, *, rounded: bool) -> float:
    """Share of a normal population, moved by `shift`, above the right threshold of the other."""
    threshold = -float(special.ndtri(fpr))
    if rounded:  # the smallest half-integer step above which at most `fpr` lies
        steps = np.arange(-20, 21)
        above = special.ndtr(-(steps + 0.5) / 2)
        threshold = float((steps[np.argmax(above <= fpr)] + 0.5) / 2)
    return float(special.ndtr(shift - threshold))


def test_an_attack_that_knows_everything_is_caught_and_one_that_knows_nothing_is_not() -> None:
    rng = np.random.default_rng(3)
    sure = tpr_at_fpr(rng.normal(9, 1, 2000), rng.normal(0, 1, 2000), 0.01)
    assert sure.interval is not None
    assert sure.interval.low > 0.99
    blind = tpr_at_fpr(rng.normal(0, 1, 5000), rng.normal(0, 1, 5000), 0.01)
    assert blind.interval is not None
    assert blind.interval.low < 0.01 < blind.interval.high < 0.03


@settings(deadline=None)
@given(SCORES, SCORES)
def test_the_curve_rises_and_lies_in_its_bounds(members: list[int], others: list[int]) -> None:
    curve = np.array(attack_curve(members, others)).reshape(-1, 4)
    assert len(curve) <= 60
    assert len(curve) == 0 or curve[0, 0] == pytest.approx(1 / len(others))
    for column in curve.T:
        assert np.all(np.diff(column) >= -1e-12)
    assert np.all(curve[:, 2] <= curve[:, 1])
    assert np.all(curve[:, 1] <= curve[:, 3])
    assert np.all(curve[:, 2] < curve[:, 3])


def test_the_curve_agrees_with_the_share_at_a_rate() -> None:
    rng = np.random.default_rng(4)
    members, others = rng.normal(1, 1, 700), rng.normal(0, 1, 1000)
    curve = {rate: (tpr, low, high) for rate, tpr, low, high in attack_curve(members, others)}
    assert 45 <= len(curve) <= 60
    rate = min(curve, key=lambda rate: abs(rate - 0.01))
    found = tpr_at_fpr(members, others, rate)
    assert found.interval is not None
    assert curve[rate] == (found.value, found.interval.low, found.interval.high)


def test_a_curve_needs_rows_of_both_kinds() -> None:
    assert attack_curve([], [1.0, 2.0]) == []
    assert attack_curve([1.0], [2.0]) == []
