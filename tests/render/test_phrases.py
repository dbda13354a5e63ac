"""Texts of the record are said in another language by templates, or stand as they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditkit.render.phrases import PhraseBook, phrase_book

BOOK = PhraseBook(
    {
        "a count": "C",
        "drawn from {n} rows": "从{n}行",
        "{_first} and {_second}": "{_first}且{_second}",
        "{name} at least {n}": "{name}≥{n}",
        "not possible: {why}": "不行:{why}",
    },
    ";",
    "。",
)


def test_a_whole_phrase_is_found() -> None:
    assert BOOK("a count") == "C"


def test_a_hole_takes_what_differs() -> None:
    assert BOOK("drawn from 1,000 rows") == "从1,000行"


def test_parts_are_said_one_by_one() -> None:
    assert BOOK("a count; drawn from 7 rows") == "C;从7行"


def test_a_text_of_which_a_part_is_unknown_stays_as_it_is() -> None:
    assert BOOK("a count; nobody wrote this") is None


def test_a_phrase_in_a_hole_is_said_too_and_anything_else_stays() -> None:
    assert BOOK("not possible: a count") == "不行:C"
    assert BOOK("not possible: a fire") == "不行:a fire"


def test_a_hole_for_phrases_takes_nothing_else() -> None:
    assert BOOK("age at least 3 and pay at least 4 and a count") == "age≥3且pay≥4且C"
    assert BOOK("bread and butter") is None


def test_the_phrase_with_more_of_its_own_letters_wins() -> None:
    book = PhraseBook({"drawn {a}": "1", "drawn from {a}": "2"}, ";", "。")
    assert book("drawn from x") == "2"


@given(st.text(max_size=300))
def test_no_text_breaks_the_book(text: str) -> None:
    told = BOOK(text)
    assert told is None or isinstance(told, str)


def test_hostile_repetition_ends_soon() -> None:
    assert BOOK("a and " * 600) is None
    assert BOOK("a count and " * 300) is None
    assert BOOK("a; " * 1300) is None


def test_english_needs_no_book() -> None:
    assert phrase_book("en") is None
