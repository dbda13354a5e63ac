"""Words in the place of others: whole tokens, all at once, in English and Chinese."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.methods.swapping import KEPT, TERMS, swapped, swaps_of

PAIRS = [["he", "she"], ["his", "her"], ["police officer", "nurse"], ["先生", "女士"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He took his hat.", "She took her hat."),
        ("HE SAID: her", "SHE SAID: his"),
        ("the theme, she-he", "the theme, he-she"),
        ("He's here", "He's here"),  # one token, and not the one that was named
        ("A Police officer, a nurse", "A Nurse, a police officer"),
        ("police, officer", "police, officer"),
        ("张先生很好", "张女士很好"),
        ("", ""),
    ],
)
def test_whole_tokens_are_swapped_and_case_is_kept(text: str, expected: str) -> None:
    assert swapped(text, swaps_of(PAIRS))[0] == expected


@given(st.text(st.sampled_from("hes r,.HESI'"), max_size=30))
def test_swapping_twice_gives_the_text_back(text: str) -> None:
    swaps = swaps_of([["he", "she"], ["his", "her"]])
    once_, put_in = swapped(text, swaps)
    again, back = swapped(once_, swaps)
    assert again.lower() == text.lower()
    assert len(back) == len(put_in)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He's my father, I saw him", "She's my mother, I saw her"),
        ("a black woman prayed", "a white woman prayed"),  # the longest phrase wins
        ("他们和其他人都喜欢吉他", "她们和其他人都喜欢吉他"),
        ("她的丈夫", "他的妻子"),
        ("nobody was there", "nobody was there"),
    ],
)
def test_the_terms_of_the_house_say_who_somebody_is(text: str, expected: str) -> None:
    found, put_in = swapped(text, swaps_of([*TERMS, *KEPT]))
    assert found == expected
    assert bool(put_in) == (text != expected)
