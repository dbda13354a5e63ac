"""Membership attacks against closed forms, hand computation and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from auditkit.methods.membership_attacks import (
    ATTACKS,
    OWN_VARIANCE,
    Answers,
    attack_r,
    balanced_halves,
    choose,
    confidence,
    lira_offline,
    lira_online,
    loss,
    partners_of,
    rmia,
    rmia_offline,
    shrunken_t,
)


def logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def one_row(target: float, inside: list[float], outside: list[float]) -> Answers:
    """What is said of one row, and of a second one that is there to share its variance."""
    told = np.array([*inside, *outside])
    held = np.repeat([True, False], [len(inside), len(outside)])
    return Answers(
        np.array([target, 0.0]), np.stack([told, told], axis=1), np.stack([held, held], axis=1)
    )


def game(rows: int, seed: int, spread: float, gain: float = 1.0, references: int = 8) -> Answers:
    """Rows of which some are harder than others, and models that are surer of what they saw."""
    rng = np.random.default_rng(seed)
    inside = balanced_halves(references, rows, rng)
    hard, noise = spread * rng.normal(size=rows), rng.normal(size=(references + 1, rows))
    member = np.arange(rows) < rows // 2
    told = hard + gain * np.vstack([member, inside]) + noise
    return Answers(told[0], told[1:], inside)


def area(scores: np.ndarray) -> float:
    return float(roc_auc_score(np.arange(scores.size) < scores.size // 2, scores))


def test_confidence_of_classes_is_the_true_logit_less_the_others_together() -> None:
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = [2 - np.logaddexp(-1.0, 0.5), 1 - np.logaddexp(0.0, 3.0)]
    assert confidence(chances, [0, 2]) == pytest.approx(expected)
    assert confidence(1 / (1 + np.exp(-logits[:, 0])), [1, 0]) == pytest.approx([2.0, 0.0])


def test_confidence_of_certainty_is_finite_and_in_order() -> None:
    found = confidence([0.0, 1e-6, 1 - 1e-6, 1.0], [1, 1, 1, 1])
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


def test_lira_online_is_the_ratio_of_normal_densities() -> None:
    inside, outside = [2.0, 3.0, 4.0], [0.0, 1.0, 2.0]
    expected = stats.norm.logpdf(2.5, 3, 1) - stats.norm.logpdf(2.5, 1, 1)
    assert lira_online(one_row(2.5, inside, outside))[0] == pytest.approx(expected)


def test_lira_offline_counts_standard_deviations_above_references_without_the_row() -> None:
    assert lira_offline(one_row(4.0, [9.0, 9.0, 9.0], [0.0, 1.0, 2.0]))[0] == pytest.approx(3.0)


def test_many_references_give_each_row_its_own_variance() -> None:
    rng = np.random.default_rng(0)
    told = rng.normal(size=(2 * OWN_VARIANCE, 2)) * [1.0, 5.0]
    inside = np.repeat([[True, True], [False, False]], OWN_VARIANCE, axis=0)
    answers = Answers(np.zeros(2), told, inside)
    assert answers.deviation(inside=False) == pytest.approx(told[OWN_VARIANCE:].std(axis=0, ddof=1))
    few = Answers(np.zeros(2), told[1:-1], inside[1:-1])
    assert np.ptp(few.deviation(inside=False)) == 0


def test_attack_r_is_the_mean_loss_of_references_less_the_loss_of_the_model() -> None:
    answers = one_row(logit(0.9), [logit(0.99)] * 2, [logit(0.5), logit(0.8)])
    expected = (np.log(2) + np.log(1 / 0.8)) / 2 - np.log(1 / 0.9)
    assert attack_r(answers)[0] == pytest.approx(expected)


def test_rmia_is_the_probability_over_its_mean_inside_and_outside() -> None:
    answers = one_row(logit(0.9), [logit(0.8), logit(0.6)], [logit(0.5), logit(0.3)])
    assert rmia(answers)[0] == pytest.approx(np.log(0.9 / ((0.7 + 0.4) / 2)))
    assert rmia_offline(answers, 0.3)[0] == pytest.approx(np.log(0.9 / ((1.3 * 0.4 + 0.7) / 2)))


def test_the_ratio_of_rmia_ranks_rows_as_its_published_score_does() -> None:
    """The score is the share of population rows z with ratio(x) / ratio(z) >= 1."""
    answers = game(60, 3, spread=1.0)
    ratio = np.exp(rmia(answers))
    score = (ratio[:, None] / ratio[None, 30:] >= 1).mean(axis=1)
    order = np.argsort(ratio)
    assert (np.diff(score[order]) >= 0).all()
    assert len(set(score)) > 20


def test_the_shrunken_ratio_is_that_of_students_t_and_nears_lira_for_a_strong_prior() -> None:
    rng = np.random.default_rng(1)
    inside = np.repeat([[True] * 5, [False] * 5], 3, axis=0)
    told = rng.normal(size=(6, 5)) + 2 * inside
    answers = Answers(rng.normal(size=5), told, inside)
    expected = 0.0
    for part, sign in ((told[:3], 1), (told[3:], -1)):
        own = part.var(axis=0, ddof=1)
        variance = (4 * own.mean() + 2 * own) / 6
        scale = np.sqrt(variance * (4 / 3))
        expected = expected + sign * stats.t.logpdf(answers.target, 6, part.mean(axis=0), scale)
    assert shrunken_t(answers, 4.0) == pytest.approx(expected)
    strong = shrunken_t(answers, 1e9)
    assert np.argsort(strong).tolist() == np.argsort(lira_online(answers)).tolist()


def test_references_help_where_rows_differ_in_difficulty() -> None:
    answers = game(2_000, 0, spread=3.0)
    baseline = area(loss(answers))
    for attack in (lira_offline, lira_online, attack_r, rmia):
        assert area(attack(answers)) > baseline + 0.05


def test_no_attack_finds_what_is_not_there() -> None:
    answers = game(4_000, 1, spread=2.0, gain=0.0)
    for kind in ATTACKS:
        for attack in kind:
            assert area(attack.score(answers)) == pytest.approx(0.5, abs=0.03)


def test_the_choice_is_made_on_the_references_and_hears_nothing_of_the_audited_model() -> None:
    answers = game(400, 2, spread=3.0)
    other = Answers(-answers.target, answers.references, answers.inside)
    (first, best), (second, same) = (choose(held, partners_of(8)) for held in (answers, other))
    assert best == same
    assert first == second
    assert first[best].name != "Loss threshold"


def test_a_paired_attack_leaves_out_the_reference_that_would_give_the_answer() -> None:
    answers = game(100, 2, spread=1.0)
    held, inside = answers.paired(2, 3)
    assert len(held.references) == 6
    assert np.ptp(held.inside.sum(axis=0)) == 0
    assert (inside == answers.inside[2]).all()


def test_halves_are_complements_and_rows_equally_often_inside() -> None:
    halves = balanced_halves(6, 101, np.random.default_rng(0))
    assert set(halves.sum(axis=0).tolist()) == {3}
    for place, partner in enumerate(partners_of(6)):
        assert (halves[place] == ~halves[partner]).all()
    assert not (halves[0] == halves[2]).all()


def test_unequally_frequent_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="equally many"):
        Answers(np.zeros(2), np.zeros((2, 2)), np.array([[True, True], [True, False]]))
