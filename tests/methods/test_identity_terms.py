"""Where identity terms stand in columns of texts, pair by pair."""

from __future__ import annotations

import numpy as np

from auditkit.methods.identity_terms import Terms, are_texts
from auditkit.methods.swapping import TERMS

PAIRS = [("him", "her"), ("his", "her"), ("man", "woman"), ("他", "她")]
TEXTS = ["The man took his hat", None, "she saw her", "nothing", "他说", "a woman, a man"]


def test_each_pair_is_counted_once_a_text_and_a_shared_word_belongs_to_the_last() -> None:
    terms = Terms({"t": TEXTS}, PAIRS)
    assert terms.rows().tolist() == [0, 2, 4, 5]
    assert terms.counts == {1: 2, 2: 2, 3: 1}
    assert terms.rows(2).tolist() == [0, 5]


def test_all_pairs_are_swapped_at_once_or_one_alone() -> None:
    terms = Terms({"t": TEXTS}, PAIRS)
    every = np.arange(len(TEXTS))
    assert terms.swapped("t", every) == [
        "The woman took her hat", None, "she saw his", "nothing", "她说", "a man, a woman",
    ]  # fmt: skip
    assert terms.swapped("t", np.array([0]), 1) == ["The man took her hat"]


def test_several_columns_are_one_row() -> None:
    terms = Terms({"title": ["A man", ""], "body": ["and her", "it"]}, PAIRS)
    assert terms.rows().tolist() == [0]
    assert terms.counts == {1: 1, 2: 1}


def test_texts_are_told_from_names_of_categories() -> None:
    texts = [f"this is message {i}" for i in range(60)]
    assert are_texts(texts, rows=5_000)
    assert are_texts(["我不喜欢这个", "他们都很好"], rows=2)
    assert not are_texts(texts[:50], rows=5_000)
    assert not are_texts([f"town {i}" for i in range(60)], rows=60)
    assert not are_texts([*texts, 7], rows=61)
    assert not are_texts([], rows=10)


def test_every_pair_of_the_house_can_be_found() -> None:
    words = [word for pair in TERMS for word in pair]
    found = Terms({"t": list(words)}, TERMS)
    assert found.rows().size == len(words)
