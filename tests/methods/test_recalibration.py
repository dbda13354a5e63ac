"""Maps of scores: what they recover, and that the held-out half tells help from harm."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from auditkit.evidence import Measurement
from auditkit.methods.abstention import confidence_of, halves
from auditkit.methods.calibration_tests import log_odds
from auditkit.methods.recalibrated import CLASSES, Recalibrated
from auditkit.methods.recalibration import fit_binary, fit_classes, losses
from auditkit.methods.scored_rows import ScoredRows


def sample(n: int, seed: int, power: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, scores that are too extreme by this power, and the right chances."""
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 3, n)
    return (rng.random(n) < p).astype(int), special.expit(power * special.logit(p)), p


def tried(n: int, seed: int, power: float) -> dict[str, dict[str, object]]:
    """Map to the metric ids that surely fell (True), surely rose (False), or neither (None)."""
    y, score, _ = sample(n, seed, power)
    sex = np.random.default_rng(seed + 1).integers(0, 2, n)
    rows = ScoredRows(y, score, (score >= 0.5) != y, confidence_of(score, 0.5), 0.5,
                      {"sex": sex}, {"sex": ("F", "M", "unknown")}, 30)  # fmt: skip
    rng = np.random.default_rng(seed)
    first, second = halves(n, rng)
    found: dict[str, dict[str, object]] = {}
    for m in Recalibrated(rows.take(first), rows.take(second), rng, 10, 199, 0.95).measure():
        if isinstance(m, Measurement):
            held = m.interval
            sure = None if held is None or held.low <= 0 <= held.high else held.high < 0
            found.setdefault(m.slice["with"], {})[m.metric] = sure
    return found


def test_the_logistic_map_undoes_what_was_done_to_the_log_odds() -> None:
    y, score, p = sample(20_000, 0, 2.0)
    logistic, isotonic = fit_binary(y, score)
    assert logistic.map is not None
    assert isotonic.map is not None
    assert np.abs(logistic.map(score) - p).mean() < 0.01
    assert np.abs(isotonic.map(score) - p).mean() < 0.02
    steps = isotonic.map(np.linspace(0, 1, 50))
    assert (np.diff(steps) >= 0).all()
    assert steps.min() > 0
    assert steps.max() < 1


def test_the_isotonic_map_is_that_of_scikit_learn() -> None:
    module = pytest.importorskip("sklearn.isotonic")
    y, score, _ = sample(500, 3, 1.0)
    score = score.round(2)  # with ties
    made = module.IsotonicRegression(out_of_bounds="clip", y_min=0.001, y_max=0.999).fit(score, y)
    isotonic = fit_binary(y, score)[1]
    assert isotonic.map is not None
    at = np.linspace(0, 1, 101)
    assert isotonic.map(at) == pytest.approx(made.predict(at))


def test_one_temperature_undoes_another() -> None:
    rng = np.random.default_rng(1)
    p = special.softmax(rng.normal(size=(20_000, 3)), axis=1)
    y = (rng.random(20_000)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    hot = special.softmax(2 * np.log(p), axis=1)
    cooled, stepped = fit_classes(y, hot)
    assert cooled.map is not None
    assert stepped.map is not None
    assert np.abs(cooled.map(hot) - p).mean() < 0.01
    assert stepped.map(hot).sum(axis=1) == pytest.approx(np.ones(len(y)))


def test_losses_of_two_classes_are_those_of_one_score() -> None:
    y, p = np.array([0, 1, 1]), np.array([0.2, 0.7, 1.0])
    brier, log = losses(y, p)
    both, same = losses(y, np.stack([1 - p, p], axis=1))
    assert both == pytest.approx(2 * brier)
    assert same == pytest.approx(log)
    assert np.isinf(losses(np.array([1]), np.array([0.0]))[1]).all()


def test_scores_that_are_too_extreme_are_surely_helped() -> None:
    for seed in range(5):
        for changes in tried(4000, seed, 2.0).values():
            assert changes["recalibrated_brier_change"] is True
            assert changes["recalibrated_log_loss_change"] is True
            assert changes["recalibrated_error_change"] is not False
    for changes in tried(4000, 0, 4.0).values():  # its interval is wide: it takes more
        assert changes["recalibrated_error_change"] is True


@pytest.mark.slow
def test_right_scores_are_hardly_ever_said_to_be_helped() -> None:
    runs = [tried(2000, seed, 1.0) for seed in range(40)]
    helped = sum(
        any(changes["recalibrated_brier_change"] is True for changes in run.values())
        for run in runs
    )
    assert helped <= 3


def test_outcomes_of_one_kind_give_no_map_and_a_reason() -> None:
    for fitted in (*fit_binary(np.ones(50, int), np.linspace(0.1, 0.9, 50)),
                   *fit_classes(np.zeros(50, int), np.full((50, 3), 1 / 3))):  # fmt: skip
        assert fitted.map is None
        assert fitted.reason == "all true outcomes are the same"


def test_several_classes_have_no_selection_rate() -> None:
    rng = np.random.default_rng(0)
    p = special.softmax(rng.normal(size=(400, 3)), axis=1)
    y = rng.integers(0, 3, 400)
    rows = ScoredRows(y, p, p.argmax(axis=1) != y, confidence_of(p, 0.5), 0.5, {}, {}, 30)
    half = np.arange(200)
    made = Recalibrated(rows.take(half), rows.take(half + 200), rng, 10, 99, 0.95)
    reasons = {m.metric: m.reason for m in made.measure() if isinstance(m, Measurement)}
    assert reasons["recalibrated_selection_change"] == CLASSES
    assert reasons["recalibrated_brier_change"] is None


def test_log_odds_of_certain_scores_are_finite() -> None:
    assert np.isfinite(log_odds([0.0, 1.0])).all()
