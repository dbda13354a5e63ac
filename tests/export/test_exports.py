"""What holds for every export: deterministic, named, silent on law, and deaf to hostile names."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loans import hostile, loans_record
from markdown_it import MarkdownIt
from valid import check

from auditkit.export import BUNDLED, EXPORTS
from auditkit.export.texts import FORMULA
from auditkit.report import Report

SAMPLE = Path(__file__).parents[2] / "reports" / "sample" / "audit.json"
MARKDOWN = ("model-card", "annex-iv", "algorithm-self-assessment")
#: Tokens of Markdown that no text of a record may make.
ACTIVE = {
    *("html_inline", "html_block", "link_open", "image", "code_inline", "code_block", "fence"),
    *("blockquote_open", "ordered_list_open", "hr", "s_open", "strong_open", "em_open"),
}
PIECES = [
    "<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "]]>", "<!--", "&lt;",
    '=HYPERLINK("http://evil.example")', "\t=1+1", "\uff1d1", "@SUM(1)", "+1", "-1", "|x|",
    "\u202eabc\u2066def", "\u200bzero", "nul\x00bel\x07", "\ufffe", "\u2028", "\r\n# head\n\n",
    "[x](javascript:alert(1))", "![x](http://evil.example)", "`code`", "```\nfence", "***b***",
    "http://evil.example", "www.evil.example", "<a@evil.example>", "1. one", "- item", "> quote",
    "---", "===", "\\", "\\<b>", "$x$", "~~s~~", "a\nb: c", '"\nevil: true', "%s{0}{{7*7}}",
    "W" * 10_000, " ", "\U0001f600", "\u0301\u0301",
]  # fmt: skip
WORDS = st.one_of(
    st.sampled_from(PIECES),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
    st.lists(st.sampled_from(PIECES[:-4]), min_size=1, max_size=3).map("".join),
)


def tokens(text: str) -> Counter[str]:
    """Kinds of tokens of Markdown, with tables and HTML allowed so that they would show."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found: Counter[str] = Counter()
    for token in reader.parse(text):
        found.update([token.type, *(child.type for child in token.children or [])])
    return found


def texts_of(plain: Any) -> list[str]:
    if isinstance(plain, dict):
        return [text for pair in plain.items() for part in pair for text in texts_of(part)]
    if isinstance(plain, list):
        return [text for item in plain for text in texts_of(item)]
    return [plain] if isinstance(plain, str) else []


def body(kind: str, content: bytes) -> str:
    """The Markdown below the head in YAML."""
    text = content.decode()
    return text.split("\n---\n", 1)[1] if kind == "model-card" else text


def shape(report: Report, kind: str) -> dict[str, int]:
    """Headings, rows and items, which no text of a record may add to."""
    found = tokens(body(kind, EXPORTS[kind].write(report)))
    kept = ("heading_open", "tr_open", "td_open", "list_item_open", "em_open", "strong_open")
    return {name: found[name] for name in kept}


HARMLESS = {kind: shape(hostile("q"), kind) for kind in MARKDOWN}


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_is_the_same_each_time_and_says_what_it_was_made_of(
    loans: Report, kind: str
) -> None:
    content = EXPORTS[kind].write(loans)
    again = Report.from_json(loans.to_json())
    assert EXPORTS[kind].write(again) == content
    text = content.decode()
    assert loans.policy is not None
    for word in (loans.audit_id, loans.auditkit, loans.policy.sha256):
        assert word in text


@pytest.mark.parametrize("kind", EXPORTS)
def test_no_export_says_that_anything_fulfils_a_law(kind: str) -> None:
    for record in (loans_record(), json.loads(SAMPLE.read_text(encoding="utf-8"))):
        if not EXPORTS[kind].fits(Report.model_validate(record)):
            continue
        text = EXPORTS[kind].write(Report.model_validate(record)).decode().lower()
        assert not re.search("complian|certified|conform(?!al)|合规|符合", text)


def test_the_sample_is_valid_in_every_format_with_a_schema() -> None:
    check(Report.load(SAMPLE))


@given(WORDS)
@settings(max_examples=40)
@example("\u202e<b>\x00=1")
def test_hostile_names_leave_every_format_valid(word: str) -> None:
    check(hostile(word))


@given(WORDS)
def test_hostile_names_are_one_line_of_what_can_be_printed(word: str) -> None:
    report = hostile(word)
    for kind in ("sarif", "cyclonedx", "in-toto"):
        for text in texts_of(json.loads(EXPORTS[kind].write(report))):
            assert text.replace("\xa0", " ").isprintable()
    for kind, made in EXPORTS.items():
        content = made.write(report)
        assert len(content) < 1_000_000, kind
        seen = content.decode().removeprefix("\ufeff")
        assert all(c.isprintable() or c in "\r\n\xa0" for c in seen), kind


@given(WORDS)
def test_hostile_names_add_no_element_to_the_xml(word: str) -> None:
    root = ET.fromstring(EXPORTS["junit"].write(hostile(word)))  # noqa: S314 - our own output
    calm = ET.fromstring(EXPORTS["junit"].write(hostile("q")))  # noqa: S314 - as above
    assert [one.tag for one in root.iter()] == [one.tag for one in calm.iter()]
    assert [sorted(one.attrib) for one in root.iter()] == [sorted(o.attrib) for o in calm.iter()]


@pytest.mark.parametrize("kind", MARKDOWN)
@given(word=WORDS)
@settings(max_examples=30)
def test_hostile_names_are_no_markup_in_markdown(kind: str, word: str) -> None:
    report = hostile(word)
    text = body(kind, EXPORTS[kind].write(report))
    found = tokens(text)
    own = {"strong_open", "em_open"}  # the verdict, and what is to be filled in
    assert not set(found) & (ACTIVE - own)
    assert shape(report, kind) == HARMLESS[kind]
    assert "<" not in text
    assert not re.search(r"[^\\]://", text)


@given(WORDS)
def test_hostile_names_add_no_key_to_the_head_of_a_model_card(word: str) -> None:
    head = yaml.safe_load(EXPORTS["model-card"].write(hostile(word)).decode().split("\n---\n")[0])
    assert set(head) == {"tags", "model-index"}
    assert set(head["model-index"][0]) == {"name", "results"}


@given(WORDS)
def test_hostile_names_are_no_formula_in_a_spreadsheet(word: str) -> None:
    text = EXPORTS["ll144"].write(hostile(word)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    calm = EXPORTS["ll144"].write(hostile("q")).decode("utf-8-sig")
    assert len(rows) == len(list(csv.reader(io.StringIO(calm, newline=""))))
    assert {len(row) for row in rows} == {9}
    assert not [cell for row in rows for cell in row if cell.lstrip().startswith(FORMULA)]


def test_what_a_bundle_gets_is_among_the_exports_with_files_of_their_own() -> None:
    assert set(BUNDLED) <= set(EXPORTS)
    assert len({kind.file for kind in EXPORTS.values()}) == len(EXPORTS)
