"""Untrusted text is made harmless before it is put on the page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from auditkit.render.text import BARE, ELLIPSIS, GLUE, NAME, css_text, el, join, name, tidy

BIDI = [chr(c) for c in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C)]


@given(st.text(st.characters(exclude_categories=[]), max_size=80))
def test_tidied_text_can_always_be_printed_and_encoded(text: str) -> None:
    shown = tidy(text)
    assert shown.replace(GLUE, "").isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown


def test_marks_that_turn_the_direction_are_written_as_codes() -> None:
    for mark in BIDI:
        assert tidy(f"a{mark}b") == f"a\\u{ord(mark):04x}b"


def test_a_long_name_is_cut_and_may_be_broken() -> None:
    shown = name("x" * 10_000)
    assert shown.startswith("<bdi class=long>")
    assert shown.striptags() == "x" * NAME + ELLIPSIS


def test_a_name_in_another_script_is_isolated_and_a_plain_one_is_not() -> None:
    assert name("\N{HEBREW LETTER ALEF}") == Markup("<bdi>\N{HEBREW LETTER ALEF}</bdi>")
    assert name("Female") == "Female"


def test_a_name_of_nothing_is_still_seen() -> None:
    assert name("").striptags() == '""'


@given(st.text(max_size=40))
def test_what_stands_in_an_element_is_escaped(text: str) -> None:
    written = el("b", text, title=text)
    inside = written.removeprefix("<b ").removesuffix("</b>")
    assert inside.count("<") == 0
    value = inside.removeprefix("title=").partition(">")[0]
    assert value.count('"') == (0 if BARE.fullmatch(value) else 2)
    assert join([text]).count("<") == 0


@given(st.text(max_size=40))
def test_text_for_a_style_sheet_cannot_leave_its_quotes(text: str) -> None:
    assert not set(css_text(text)) & set("\"'<>(){};\n")
