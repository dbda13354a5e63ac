from __future__ import annotations

from pathlib import Path

import pytest
from support import Counting, subject

from auditkit.audit import run
from auditkit.errors import InputError
from auditkit.report import Report


@pytest.fixture(scope="module")
def text() -> str:
    return run(subject(), None, [Counting()]).to_json()


def test_the_same_record_gives_the_same_bytes(text: str) -> None:
    assert Report.from_json(text).to_json() == text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"format": 1', '"format": 2', "format '2'"),
        ('"verdict": "review"', '"verdict": "fine"', "verdict"),
        ('"n": 400', '"n": "many"', "measurements.0.n"),
        ('"seed": 0', '"seed": 0, "extra": 1', "extra"),
        ("{", "[{", "JSON text"),
        ('"format": 1', '"format": 1, "x": NaN', "x"),
    ],
)
def test_a_record_that_was_altered_is_refused_with_the_place(
    text: str, old: str, new: str, said: str
) -> None:
    assert old in text
    with pytest.raises(InputError) as caught:
        Report.from_json(text.replace(old, new, 1))
    assert said in str(caught.value)


@pytest.mark.parametrize("junk", ["", "[]", "3", "null", '{"format": 1}', "[" * 100_000, "\x00"])
def test_what_is_no_record_is_refused(junk: str) -> None:
    with pytest.raises(InputError):
        Report.from_json(junk)


def test_a_truncated_record_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="JSON text"):
        Report.from_json(text[: len(text) // 2])


def test_a_record_is_loaded_from_its_file_or_its_folder(text: str, tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(text, encoding="utf-8")
    assert Report.load(tmp_path) == Report.load(tmp_path / "audit.json")
    with pytest.raises(InputError):
        Report.load(tmp_path / "nothing.json")


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"\\udfff": 1}'])
def test_half_a_character_is_refused_for_it_cannot_be_written_again(text: str) -> None:
    with pytest.raises(InputError, match="expected JSON text"):
        Report.from_json(text)
