"""Sensitivity, randomisation and complexity: formulas of captum and quantus in plain loops."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from methods.test_explanation_reasons import reasons
from scipy import stats

from auditkit.methods.explanation_complexity import complexity
from auditkit.methods.explanation_randomised import draw_anew
from auditkit.methods.explanation_robustness import (
    NOTHING,
    Shaken,
    mean_rank_correlation,
    rank_correlations,
    relative_change,
    robustness,
    sensitivity_percentile,
)


def test_max_sensitivity_is_captums_formula() -> None:
    rng = np.random.default_rng(0)
    values, noisy = rng.normal(size=(5, 4)), rng.normal(size=(3, 5, 4))
    wanted = [
        max(np.linalg.norm(draw[row] - values[row]) / np.linalg.norm(values[row]) for draw in noisy)
        for row in range(5)
    ]
    assert relative_change(values, noisy) == pytest.approx(wanted)


def test_a_row_without_attributions_has_no_relative_change() -> None:
    assert np.isnan(relative_change(np.zeros((1, 3)), np.ones((2, 1, 3)))).all()


def test_rank_correlation_is_scipys_with_ties() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 4, (20, 7)).astype(float), rng.normal(size=(20, 7))
    found = rank_correlations(one, other, np.ones((20, 7), bool))
    wanted = [stats.spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    assert found == pytest.approx(wanted)


def test_rank_correlation_looks_only_at_what_a_row_has() -> None:
    one, other = np.array([[1.0, 2.0, 3.0, 0.0]]), np.array([[3.0, 2.0, 1.0, 0.0]])
    there = np.array([[True, True, True, False]])
    assert rank_correlations(one, other, there).tolist() == [-1.0]


def test_rows_of_one_value_have_no_rank_correlation() -> None:
    found = mean_rank_correlation(np.ones((3, 4)), np.ones((2, 3, 4)), np.ones((3, 4), bool))
    assert found.value is None
    assert "different attributions" in str(found.reason)


def test_the_percentile_counts_networks_that_change_by_less() -> None:
    found = sensitivity_percentile(np.array([0.2, 0.5]), np.array([[0.1, 0.3], [0.1, 0.5]]))
    assert found.value == pytest.approx((1 + 0 + 1 + 0.5) / 4)


def test_reasons_of_a_lack_are_passed_on() -> None:
    there = np.ones((2, 3), bool)
    still = Shaken(np.ones((2, 3)), "no number to shake")
    found = robustness(still, ["no network"], there)
    assert found.change.reason == found.percentile.reason == "no number to shake"
    assert found.alike.reason == "no network"
    moved = Shaken(np.ones((2, 3)), np.array([[[1, 1, 2], [1, 1, 1]]]))
    found = robustness(moved, ["no network"], there)
    assert found.change.value == pytest.approx(1 / np.sqrt(3) / 2)
    assert found.percentile.reason == "no network"
    nothing = Shaken(np.zeros((2, 3)), np.zeros((1, 2, 3)))
    assert robustness(nothing, ["no network"], there).change.reason == NOTHING


def test_only_the_rows_that_every_network_reached_are_compared() -> None:
    rng = np.random.default_rng(0)
    own = Shaken(rng.normal(size=(9, 4)), "none")
    drawn = [Shaken(rng.normal(size=(size, 4)), "none") for size in (9, 6)]
    assert robustness(own, drawn, np.ones((9, 4), bool)).rows == 6


def test_complexity_is_quantus_formula() -> None:
    rng = np.random.default_rng(2)
    one = reasons(rng.normal(size=(8, 5)).tolist())
    size = np.sort(np.abs(one.values), axis=1)
    shares = size / size.sum(axis=1, keepdims=True)
    entropy = stats.entropy(shares, axis=1)
    place = np.arange(1, 6)
    gini = ((2 * place - 5 - 1) * size).sum(axis=1) / (5 * size.sum(axis=1))
    counts = [int(np.searchsorted(np.cumsum(row[::-1]), 0.8)) + 1 for row in shares]
    found = complexity(one)
    assert found[0].value == pytest.approx(np.mean(counts))
    assert found[1].value == pytest.approx(gini.mean())
    assert found[2].value == pytest.approx(entropy.mean())


def test_one_feature_and_no_attributions_say_so() -> None:
    alone = complexity(reasons([[0.3], [0.2]]))
    assert alone[0].value == 1.0
    assert alone[0].interval is None
    assert alone[1].value is None
    assert complexity(reasons([[0.0, 0.0]]))[0].value is None


class Padded(torch.nn.Module):
    """Layers of every kind, without torch's random numbers."""

    def __init__(self) -> None:
        super().__init__()
        with torch.device("meta"):
            self.words = torch.nn.Embedding(5, 4, padding_idx=0)
            self.lstm = torch.nn.LSTM(4, 3)
            self.norm = torch.nn.LayerNorm(3)
            self.last = torch.nn.Linear(3, 1)
        self.to_empty(device="cpu")
        for parameter in self.parameters():
            torch.nn.init.constant_(parameter, 7.0)


def test_all_weights_are_drawn_anew_but_scales_and_padding() -> None:
    network = Padded()
    state = torch.random.get_rng_state()
    draw_anew(network, 3)
    assert bool((torch.random.get_rng_state() == state).all())
    drawn = network.state_dict()
    assert bool((drawn["norm.weight"] == 7).all())
    assert bool((drawn["words.weight"][0] == 0).all())
    for name in (
        "words.weight",
        "lstm.weight_hh_l0",
        "lstm.bias_ih_l0",
        "last.weight",
    ):
        rest = drawn[name][1:] if name == "words.weight" else drawn[name]
        assert float(rest.abs().max()) <= 3**-0.5
        assert len(rest.unique()) == rest.numel()


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    first, second, third = Padded(), Padded(), Padded()
    draw_anew(first, 1)
    draw_anew(second, 1)
    draw_anew(third, 2)
    assert bool((first.last.weight == second.last.weight).all())
    assert not bool((first.last.weight == third.last.weight).any())
    assert not bool((copy.deepcopy(first).last.weight == 7).any())
