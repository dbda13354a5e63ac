from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support import auditkit

from auditkit import bundle as bundles
from auditkit.errors import InputError
from auditkit.filing import notes as filing_notes
from auditkit.filing.checking import check
from auditkit.filing.manifest import MANIFEST, RECORD
from auditkit.filing.notes import Note, append_note
from auditkit.filing.record import cut
from auditkit.render.pdf import Pdf
from auditkit.report import Report

SAID = ("--author", "A. Reviewer", "--role", "head of compliance", "--text", "Seen.")


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_note_is_in_the_record_on_the_page_and_in_the_manifest(bundle: Path) -> None:
    assert auditkit("note", bundle, *SAID, "--finding", "S1") == 0
    (note,) = Report.load(bundle).notes
    assert (note.author, note.role, note.text) == ("A. Reviewer", "head of compliance", "Seen.")
    assert (note.decision, note.finding) == (None, "S1")
    page = (bundle / "report.en.html").read_text(encoding="utf-8")
    assert "A. Reviewer, head of compliance" in page
    assert "href=#note-1>note 1, A. Reviewer" in page
    assert check(str(bundle)).sound


def test_the_time_of_a_note_is_utc(bundle: Path) -> None:
    append_note(bundle, Note("A", "r", "t"), datetime(2026, 11, 25, 7, 30, tzinfo=UTC))
    assert Report.load(bundle).notes[0].time == "2026-11-25T07:30:00Z"


@pytest.mark.parametrize(
    ("decision", "word"),
    [
        ("accept", "Accepted by"),
        ("accept-with-conditions", "Accepted with conditions by"),
        ("reject", "Rejected by"),
    ],
)
def test_a_decision_opens_the_sign_off(bundle: Path, decision: str, word: str) -> None:
    assert auditkit("sign-off", bundle, *SAID, "--decision", decision) == 0
    assert Report.load(bundle).notes[0].decision == decision
    assert word in (bundle / "report.en.html").read_text(encoding="utf-8")


def test_earlier_notes_and_all_before_them_stay_byte_for_byte(bundle: Path) -> None:
    before = [(bundle / RECORD).read_bytes()]
    for text in ("one", "two", "three"):
        append_note(bundle, Note("A", "r", text))
        before.append((bundle / RECORD).read_bytes())
    plain = json.loads(before[-1])
    assert [cut(plain, n) for n in range(4)] == before
    assert check(str(bundle)).sound


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_earlier_note_changed_is_found_even_with_a_new_manifest(
    bundle: Path, number: int
) -> None:
    for text in ("one", "two", "three"):
        append_note(bundle, Note("A", "r", text))
    plain = json.loads((bundle / RECORD).read_bytes())
    plain["notes"][number]["text"] = "other"
    (bundle / RECORD).write_bytes(cut(plain))
    said = " ".join(str(problem) for problem in check(str(bundle)).problems)
    # The last one is held by nothing but the manifest.
    assert (f"audit.json note {number + 2}: found another digest" in said) == (number < 2)


def test_a_measurement_changed_below_a_note_is_found(bundle: Path) -> None:
    append_note(bundle, Note("A", "r", "one"))
    plain = json.loads((bundle / RECORD).read_bytes())
    plain["measurements"][0]["n"] += 1
    (bundle / RECORD).write_bytes(cut(plain))
    said = " ".join(str(problem) for problem in check(str(bundle)).problems)
    assert "audit.json note 1: found another digest" in said


def test_a_chain_cannot_be_broken_off(bundle: Path) -> None:
    for text in ("one", "two"):
        append_note(bundle, Note("A", "r", text))
    plain = json.loads((bundle / RECORD).read_bytes())
    plain["notes"][1]["follows"] = None
    (bundle / RECORD).write_bytes(cut(plain))
    said = " ".join(str(problem) for problem in check(str(bundle)).problems)
    assert "audit.json note 2: found no digest" in said


def test_a_record_of_an_older_shape_gets_a_note_and_keeps_its_shape(bundle: Path) -> None:
    plain = json.loads((bundle / RECORD).read_bytes())
    del plain["since"]
    written = {"author": "B", "role": "r", "time": "2026-11-20T10:00:00Z", "text": "t"}
    plain["notes"] = [{**written, "decision": None}]
    (bundle / RECORD).write_bytes(cut(plain))
    from auditkit.filing.manifest import make_manifest
    from auditkit.render.html import render

    report = Report.load(bundle)
    for language in ("en", "zh-Hans"):
        (bundle / f"report.{language}.html").write_bytes(render(report, language).encode())
    files = contents(bundle)
    del files[MANIFEST]
    (bundle / MANIFEST).write_bytes(make_manifest(report, files))
    append_note(bundle, Note("A", "r", "t"))
    after = json.loads((bundle / RECORD).read_bytes())
    assert "since" not in after
    assert after["notes"][0] == {**written, "decision": None}
    assert check(str(bundle)).sound


def test_every_page_is_drawn_again(report: Report, tmp_path: Path) -> None:
    folder = bundles.write_bundle(report, tmp_path / "b", files={"more.txt": b"kept"})
    names = set(contents(folder))
    append_note(folder, Note("A", "r", "A word to look for."))
    assert set(contents(folder)) == names
    assert (folder / "more.txt").read_bytes() == b"kept"
    assert "A word to look for." in (folder / "report.en.html").read_text(encoding="utf-8")


def test_a_bundle_that_is_not_sound_gets_no_note(bundle: Path) -> None:
    (bundle / "report.en.html").write_text("x", encoding="utf-8")
    before = contents(bundle)
    assert auditkit("note", bundle, *SAID) == 2
    assert contents(bundle) == before


def test_all_problems_of_a_note_are_told_at_once(bundle: Path) -> None:
    note = Note(" ", "x" * 101, "", finding="S11")
    with pytest.raises(InputError) as caught:
        append_note(bundle, note)
    assert [problem.where for problem in caught.value.problems] == [
        "--author", "--role", "--text", "--finding",
    ]  # fmt: skip
    assert "Did you mean 'S1'" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "=1+1", "\u202eabc\x1b[2J", "x" * 2000, "行，通过。"]
)
def test_a_hostile_note_does_nothing_on_the_page(bundle: Path, text: str) -> None:
    append_note(bundle, Note(text[:100], text[:100], text, "reject"))
    page = (bundle / "report.en.html").read_text(encoding="utf-8")
    assert Report.load(bundle).notes[0].text == text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert check(str(bundle)).sound


def test_text_that_the_terminal_could_not_decode_is_refused(bundle: Path) -> None:
    with pytest.raises(InputError, match="--text"):
        append_note(bundle, Note("A", "r", "a\udcffb"))


class _StoppedError(BaseException):
    """The machine stops."""


@pytest.mark.parametrize("stop", [0, 1])
def test_wherever_the_machine_stops_the_old_record_is_whole_somewhere(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    before = contents(bundle)
    renamed: list[Path] = []
    rename = Path.rename

    def until(self: Path, target: Path) -> Path:
        if len(renamed) >= stop:
            raise _StoppedError
        renamed.append(target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", until)
    with pytest.raises(_StoppedError):
        append_note(bundle, Note("A", "r", "t"))
    monkeypatch.undo()
    whole = [bundle] if stop == 0 else [p for p in bundle.parent.iterdir() if "before" in p.name]
    assert [contents(path) for path in whole] == [before]
    if stop:
        with pytest.raises(InputError, match="A change of it was broken off; it stands whole as"):
            check(str(bundle))


def test_nothing_changes_when_the_disk_is_full(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    before = contents(bundle)
    monkeypatch.setattr("os.fsync", full)
    assert auditkit("note", bundle, *SAID) == 2
    assert contents(bundle) == before
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_a_note_that_somebody_else_writes_meanwhile_is_not_lost(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = filing_notes._draw

    def meanwhile(files: dict[str, bytes], report: Report) -> None:
        monkeypatch.setattr(filing_notes, "_draw", draw)
        append_note(bundle, Note("B", "r", "first"))
        draw(files, report)

    monkeypatch.setattr(filing_notes, "_draw", meanwhile)
    with pytest.raises(InputError, match="a change by somebody else"):
        append_note(bundle, Note("A", "r", "second"))
    assert [note.text for note in Report.load(bundle).notes] == ["first"]
    assert check(str(bundle)).sound
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_more_notes_than_a_record_may_have_are_refused(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing_notes, "MOST_NOTES", 1)
    append_note(bundle, Note("A", "r", "t"))
    with pytest.raises(InputError, match="found 1 notes, expected fewer"):
        append_note(bundle, Note("A", "r", "t"))


def test_a_note_reads_the_same_whatever_fields_come_later() -> None:
    plain: dict[str, Any] = {"notes": [{"a": 1}, {"b": "ü"}], "z": 1e-07}
    assert json.loads(cut(plain)) == plain


def test_a_pdf_of_a_bundle_is_printed_again_with_the_note_and_not_compared(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(report: Report, language: str) -> Pdf:
        return Pdf(f"%PDF {language} {len(report.notes)}".encode(), 1)

    monkeypatch.setattr("auditkit.render.pdf.render_pdf", printed)
    report = Report.load(bundle)
    folder = bundles.write_bundle(report, bundle / "more", files={"report.en.pdf": b"%PDF en 0"})
    assert auditkit("note", folder, *SAID) == 0
    assert (folder / "report.en.pdf").read_bytes() == b"%PDF en 1"
    assert check(str(folder)).sound
    auditkit("verify", folder)
    assert "not compared: report.en.pdf (its bytes also depend on" in capsys.readouterr().out
