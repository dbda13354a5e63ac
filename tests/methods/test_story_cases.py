"""Which decisions are told: typical, borderline and clear ones, whatever the task."""

from __future__ import annotations

import numpy as np

from auditkit.methods.story_cases import middle, of_classes, of_numbers, of_scores

SCORES = np.array([0.9, 0.1, 0.45, 0.3, 0.2])


def test_the_typical_decision_is_the_median_of_those_against() -> None:
    held = of_scores(SCORES, 0.5, favourable=True)
    assert held.typical() == 4
    assert held.words[4] == "not selected (against)"
    assert held.toward == -1


def test_where_being_selected_is_bad_those_selected_need_reasons() -> None:
    held = of_scores(SCORES, 0.5, favourable=False)
    assert held.against.tolist() == [True, False, False, False, False]
    assert (held.typical(), held.clear(), held.toward) == (0, 1, 1)


def test_a_score_at_the_threshold_is_selected_and_is_the_borderline() -> None:
    held = of_scores(np.array([0.6, 0.5, 0.4]), 0.5, favourable=True)
    assert held.borderline() == 1
    assert held.words[1] == "selected (in favour)"


def test_where_all_decisions_are_against_the_clear_one_is_one_of_them() -> None:
    held = of_scores(np.array([0.4, 0.1]), 0.5, favourable=True)
    assert held.clear() == 1


def test_nobody_has_no_case() -> None:
    held = of_scores(np.empty(0), 0.5, favourable=True)
    assert (held.typical(), held.borderline(), held.clear()) == (None, None, None)


def test_of_equal_scores_the_first_is_told() -> None:
    assert middle(np.array([0.2, 0.2, 0.2]), np.array([1, 2])) == 1


def test_numbers_on_the_unfavourable_side_of_the_median_need_reasons() -> None:
    numbers = np.array([5.0, 1.0, 3.0])
    assert of_numbers(numbers, favourable=True).against.tolist() == [False, True, False]
    assert of_numbers(numbers, favourable=False).against.tolist() == [True, False, False]
    assert of_numbers(numbers, favourable=True).words.tolist() == [
        "above the median (in favour)", "below the median (against)", "at the median (in favour)",
    ]  # fmt: skip


def test_classes_are_explained_by_the_one_decided_for() -> None:
    scores = np.array([[0.1, 0.9], [0.7, 0.3], [0.5, 0.5]])
    held = of_classes(scores, ("a", "b"), np.array([1, 0]), None)
    assert held.columns is not None
    assert held.columns.tolist() == [0, 1, 1]
    assert held.against.all()
    assert (held.borderline(), held.clear()) == (2, 0)
    assert of_classes(scores, ("a", "b"), np.array([1, 0]), "b").against.tolist() == [
        True, False, False,
    ]  # fmt: skip
