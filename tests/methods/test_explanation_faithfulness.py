"""Prediction gaps and infidelity: hand computation, and captum's formula in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from methods.test_explanation_reasons import reasons

from auditkit.methods.explanation_faithfulness import ONE_PLAYER, choose_sets, faithfulness


def test_the_strongest_and_the_weakest_are_chosen_and_never_the_same() -> None:
    one = reasons([[0.1, -0.5, 0.2, 0.0], [0.4, 0.3, -0.2, 0.1]])
    sets = choose_sets(one, 2, 3, 5, np.random.default_rng(0))
    assert sets.masks[0, 0].tolist() == [False, True, True, False]
    assert sets.masks[0, 1].tolist() == [True, False, False, True]
    assert (sets.masks.sum(axis=2) == 2).all()
    assert not (sets.masks[:, 0] & sets.masks[:, 1]).any()


def test_every_feature_is_as_likely_in_a_random_set() -> None:
    sets = choose_sets(reasons([[0.1, -0.5, 0.2, 0.0]]), 1, 1, 4000, np.random.default_rng(0))
    assert np.allclose(sets.masks[0, 2:].mean(axis=0), 0.25, atol=0.03)


def test_what_a_row_has_not_is_never_chosen() -> None:
    one = reasons([[0.3, 0.1, 0.0, 0.0], [0.2, 0.0, 0.0, 0.0]])
    one.there[0, 2:] = False
    one.there[1, 1:] = False
    sets = choose_sets(one, 2, 2, 50, np.random.default_rng(0))
    assert sets.rows.tolist() == [0]
    assert not sets.masks[:, :, 2:].any()
    assert (sets.masks.sum(axis=2) == 1).all()


def test_rows_of_one_feature_leave_nothing_to_choose() -> None:
    one = reasons([[0.3], [0.1]])
    sets = choose_sets(one, 2, 1, 3, np.random.default_rng(0))
    found = faithfulness(one, sets, np.empty((0, 5, 2)))
    assert [each.reason for each in found.each()] == [ONE_PLAYER] * 5


def test_gaps_are_means_of_absolute_changes_and_leads_paired_differences() -> None:
    one = reasons([[0.4, 0.0], [0.4, 0.0]])
    sets = choose_sets(one, 2, 1, 1, np.random.default_rng(0))
    changes = np.array(
        [[[0.4, -0.2], [0.1, 0.0], [0.2, 0.2]], [[0.6, 0.4], [0.0, 0.1], [0.0, 0.0]]]
    )
    found = faithfulness(one, sets, changes)
    assert found.important.value == pytest.approx((0.4 + 0.2 + 0.6 + 0.4) / 4)
    assert found.unimportant.value == pytest.approx(0.05)
    assert found.important_lead.value == pytest.approx(0.4 - 0.1)
    assert found.unimportant_lead.value == pytest.approx(0.1 - 0.05)
    assert found.important_lead.interval is not None
    assert found.important_lead.interval.method == "Student's t over rows and 2 background rows"


def test_infidelity_is_captums_formula_divided_by_that_of_no_attributions() -> None:
    rng = np.random.default_rng(3)
    one = reasons(rng.normal(size=(6, 5)).tolist())
    sets = choose_sets(one, 6, 2, 7, rng)
    changes = rng.normal(size=(6, 9, 4))
    top = under = 0.0
    for row in range(6):  # captum.metrics.infidelity: mean of (perturbation . attribution - drop)^2
        for draw in range(2, 9):
            drop = float(changes[row, draw].mean())
            summed = sum(one.values[row, j] for j in range(5) if sets.masks[row, draw, j])
            top += (summed - drop) ** 2
            under += drop**2
    assert faithfulness(one, sets, changes).infidelity.value == pytest.approx(top / under)


def test_an_additive_model_has_no_infidelity_and_its_features_lead() -> None:
    rng = np.random.default_rng(0)
    x, others, weights = rng.normal(size=(60, 6)), rng.normal(size=(40, 6)), np.arange(6.0)
    one = reasons((weights * (x - others.mean(axis=0))).tolist())
    sets = choose_sets(one, 60, 2, 10, rng)
    changes = np.einsum("qsg,qbg->qsb", sets.masks, weights * (x[:, None] - others[None]))
    found = faithfulness(one, sets, changes)
    assert found.infidelity.value == pytest.approx(0.0, abs=1e-12)
    for lead in (found.important_lead, found.unimportant_lead):
        assert lead.interval is not None
        assert lead.interval.low > 0
