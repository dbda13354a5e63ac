"""Edits between texts: a plain table of distances for the fast count, rates by hand."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.methods import sequences

TOKENS = st.lists(st.sampled_from("abc"), max_size=12)


def plain_distance(one: list[str], other: list[str]) -> int:
    """Levenshtein's distance by the table of Wagner and Fischer."""
    above = list(range(len(other) + 1))
    for i, token in enumerate(one, 1):
        row = [i]
        for j, against in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (token != against)))
        above = row
    return above[-1]


@given(TOKENS, TOKENS)
def test_the_fast_distance_is_the_plain_one_both_ways(one: list[str], other: list[str]) -> None:
    expected = plain_distance(one, other)
    assert sequences.edit_distance(one, other) == expected
    assert sequences.edit_distance(other, one) == expected


def test_sequences_longer_than_a_machine_word_are_compared_too() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.choice(list("abcd"), 300).tolist(), rng.choice(list("abcd"), 170).tolist()
    assert sequences.edit_distance(one, other) == plain_distance(one, other)


def test_rates_are_those_of_hand_computation() -> None:
    # Edits 0, 1, 2 over 3, 2 and 1 tokens; one row of three is exact.
    true, pred = ["k \u00e6 t", "a b", "x"], ["k  \u00e6 t", "a c", "y z"]
    found = {m.metric: m for m in sequences.measure_texts(true, pred)}
    assert found["exact_match"].value == pytest.approx(1 / 3)
    assert found["token_error_rate"].value == pytest.approx(3 / 6)
    assert found["character_error_rate"].value == pytest.approx((0 + 1 + 3) / (5 + 3 + 1))
    assert found["token_error_rate"].source == "3 edits for 6 tokens in 3 rows"
    assert all(m.interval is not None for m in found.values())


def test_an_empty_prediction_deletes_every_token() -> None:
    edits, length = sequences.token_errors(["a b", ""], ["", "c"])
    assert (edits.tolist(), length.tolist()) == ([2, 1], [2, 0])


def test_texts_without_a_token_have_no_rate() -> None:
    found = {m.metric: m for m in sequences.measure_texts(["", " "], ["a", ""])}
    assert found["token_error_rate"].reason == sequences.NOTHING_TO_WRITE
    assert found["exact_match"].value == 0.5


def test_a_model_that_is_always_right_has_an_interval_for_exact_matches_only() -> None:
    found = {m.metric: m for m in sequences.measure_texts(["a b", "c"], ["a b", "c"])}
    assert found["exact_match"].interval is not None
    assert found["token_error_rate"].value == 0
    assert "every row has the same rate" in str(found["token_error_rate"].reason)


def test_fifty_thousand_short_pairs_take_seconds() -> None:
    rng = np.random.default_rng(0)
    letters = rng.choice(list("abcdefghijklmnop"), (2, 50_000, 8))
    true, pred = ([" ".join(row) for row in part] for part in letters)
    start = time.perf_counter()
    sequences.token_errors(true, pred)
    assert time.perf_counter() - start < 60
