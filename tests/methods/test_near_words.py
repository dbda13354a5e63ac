"""Words near in the data, by hand."""

from __future__ import annotations

from auditkit.methods.near_words import near_words

TEXTS = [["a", word, "day", "in", place] for word in ("good", "bad") for place in ("town", "rain")]


def test_words_between_the_same_words_are_near_whatever_they_mean() -> None:
    found = near_words(TEXTS, None, 3, 2)
    assert found["good"][0] == "bad"
    assert found["town"][0] == "rain"


def test_only_words_that_the_model_knows_and_many_texts_hold_are_given() -> None:
    found = near_words([*TEXTS, ["a", "rare", "day"]], None, 5, 2)
    assert all("rare" not in others for others in found.values())
    known = near_words(TEXTS, {"good", "town", "rain"}, 5, 2)
    assert {word for others in known.values() for word in others} <= {"good", "town", "rain"}


def test_one_word_or_none_has_no_other() -> None:
    assert near_words([["a"], ["a"]], None, 3, 1) == {}
    assert near_words([], None, 3, 1) == {}
