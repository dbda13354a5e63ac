from __future__ import annotations

import numpy as np
import pytest

from auditkit.methods.shapley_words import WordValues, word_importance, word_values

LINES = [["a", "b", "a"], ["b", "c"], ["a", "d"]]
VALUES = [np.array([0.1, -0.2, 0.3]), np.array([0.5, 0.1]), np.array([0.2, -0.4])]
NO_ERRORS = [np.zeros(3), np.zeros(2), np.zeros(2)]


def words(least: int = 2, most: int = 9) -> WordValues:
    return word_values(LINES, VALUES, NO_ERRORS, scores=1, least=least, most=most)


def test_tokens_of_a_text_are_added_up_by_word_and_the_rare_ones_together() -> None:
    found = words()
    assert found.words == ("b", "a")  # 0.7 against 0.6 in all
    assert found.texts.tolist() == [2, 2]
    assert (found.common, found.others) == (2, 2)
    expected = [[-0.2, 0.4, 0.0], [0.5, 0.0, 0.1], [0.0, 0.2, -0.4]]
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert found.holds.tolist() == [
        [True, True, False], [True, False, True], [False, True, True],
    ]  # fmt: skip


def test_the_values_of_a_text_keep_their_sum_however_few_words_are_named() -> None:
    for most in (1, 2, 9):
        sums = words(most=most).values.sum(axis=1)
        np.testing.assert_allclose(sums, [line.sum() for line in VALUES])


def test_importance_is_the_mean_size_over_all_texts() -> None:
    found = [one.value for one in word_importance(words())]
    assert found == pytest.approx([0.7 / 3, 0.6 / 3, 0.5 / 3])


def test_noise_of_the_orders_widens_the_low_side_alone() -> None:
    errors = [np.full(len(line), 0.05) for line in LINES]
    noisy = word_values(LINES, VALUES, errors, scores=1, least=2, most=9)
    plain, wide = word_importance(words())[0], word_importance(noisy)[0]
    assert plain.interval is not None
    assert wide.interval is not None
    assert wide.interval.high == plain.interval.high
    assert wide.interval.low <= plain.interval.low
    # "a" stands twice in the first text and once in the third, of mean size 0.05 * sqrt(2 / pi).
    assert noisy.noise[:, 1].tolist() == pytest.approx(
        [2 * 0.05 * 0.797885, 0, 0.05 * 0.797885], rel=1e-5
    )


def test_of_classes_half_the_sum_of_the_scores_counts_and_not_the_decisions() -> None:
    values = [np.array([[0.2, -0.1, -0.1, 9.0, 9.0, 9.0]]), np.array([[0.4, 0.0, -0.4, 9, 9, 9]])]
    found = word_values([["a"], ["a"]], values, values, scores=3, least=2, most=9)
    assert found.sizes[:, 0].tolist() == pytest.approx([0.2, 0.4])
    both = [np.array([[0.2, 1.0]]), np.array([[-0.4, 0.0]])]
    one = word_values([["a"], ["a"]], both, both, scores=1, least=2, most=9)
    assert one.sizes[:, 0].tolist() == pytest.approx([0.2, 0.4])


def test_words_that_move_nothing_get_what_texts_can_have_hidden_or_a_reason() -> None:
    zeros = [np.zeros(len(line)) for line in LINES]
    still = word_values(LINES, zeros, zeros, scores=1, least=2, most=9)
    for one in word_importance(still):
        assert one.value == 0
        assert one.interval is not None
        assert one.interval.high > 0.3
    for one in word_importance(still, bound=np.inf):
        assert one.interval is None
        assert "no bound" in str(one.reason)
