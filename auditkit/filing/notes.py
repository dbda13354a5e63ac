"""Notes and decisions of people, appended to the record of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from auditkit.bundle import replace_whole
from auditkit.errors import InputError, Problem, quote
from auditkit.filing.checking import check
from auditkit.filing.drawing import drawn, is_drawn
from auditkit.filing.manifest import MANIFEST, RECORD, make_manifest, sha256
from auditkit.filing.record import cut, last_digest
from auditkit.filing.signing import SIGNATURE
from auditkit.report import Report, json_object

Decision = Literal["accept", "accept-with-conditions", "reject"]
#: Longest name or role, and longest text; unit: characters. The page shows them whole.
LONGEST, LONGEST_TEXT = 100, 2000
#: Notes that a record may have.
MOST_NOTES = 1_000


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody says of an audit.

    Attributes:
        author: Who says it.
        role: As what, for example "reviewer".
        text: What is said.
        decision: What is decided, or None.
        finding: Id of the finding that it is about, or None.
    """

    author: str
    role: str
    text: str
    decision: Decision | None = None
    finding: str | None = None

    def problems(self) -> list[Problem]:
        """What is wrong with it, whatever it is about."""
        longest = {"author": LONGEST, "role": LONGEST, "text": LONGEST_TEXT}
        found = []
        for key, most in longest.items():
            said = getattr(self, key)
            if not said.strip() or len(said) > most or not _is_text(said):
                shown = quote(said) if said.strip() else "nothing"
                found.append(Problem(f"--{key}", shown, f"text of 1 to {most:,} characters"))
        return found


def _is_text(said: str) -> bool:
    """Whether it can be written as UTF-8; what a terminal could not decode cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in said)


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of a bundle; `earlier` is the signature that is over less than it now."""

    report: Report
    manifest_sha256: str
    earlier: str | None


def append_note(folder: str | Path, note: Note, now: datetime | None = None) -> Noted:
    """Append a note to the record of a bundle, and draw its pages and write its manifest anew.

    Notes that are there stay as they are. The bundle is replaced whole or not at all. A signature
    is over the record without the note; its file is kept, named after the notes that it covers.

    Args:
        folder: The folder of a sound bundle.
        note: What is said.
        now: When; None is now.

    Returns:
        The record, and what else there is to say.

    Raises:
        InputError: If the bundle is not sound, somebody else changes it meanwhile, it cannot be
            written, or the note is none; every problem is listed.
    """
    checked = check(str(folder))
    problems = [*checked.problems, *note.problems()]
    problems += [] if checked.report is None else _misplaced(note, checked.report)
    if problems:
        raise InputError(problems)
    files = dict(checked.files)
    before = files.pop(RECORD)
    plain = _with_note(json_object(before, RECORD), before, note, now or datetime.now(tz=UTC))
    files[RECORD] = cut(plain)
    report = Report.from_json(files[RECORD])
    earlier = _set_aside(files, len(report.notes) - 1)
    _draw(files, report)
    del files[MANIFEST]
    files[MANIFEST] = make_manifest(report, files)
    replace_whole(folder, files, before)
    return Noted(report, sha256(files[MANIFEST]), earlier)


def _misplaced(note: Note, report: Report) -> list[Problem]:
    known = [finding.id for finding in report.findings]
    problems = []
    if note.finding is not None and note.finding not in known:
        problems.append(Problem.unknown("--finding", note.finding, known, "a finding"))
    if len(report.notes) >= MOST_NOTES:
        problems.append(Problem(RECORD, f"{len(report.notes):,} notes", "fewer"))
    return problems


def _with_note(
    plain: Mapping[str, Any], before: bytes, note: Note, now: datetime
) -> dict[str, Any]:  # fmt: skip
    if cut(plain) != before:
        hint = "Only what auditkit wrote can be appended to."
        raise InputError([Problem(RECORD, "other text", "the text that auditkit writes", hint)])
    notes = plain["notes"]
    time = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    added = {"time": time, **asdict(note), "follows": last_digest(plain, len(notes))}
    return {**plain, "notes": [*notes, added]}


def _set_aside(files: dict[str, bytes], notes: int) -> str | None:
    """Name a signature after the notes that it is over."""
    if SIGNATURE not in files:
        return None
    name = f"signature.{notes}.dsse.json"
    files[name] = files.pop(SIGNATURE)
    return name


def _draw(files: dict[str, bytes], report: Report) -> None:
    for name in list(files):
        if is_drawn(name):
            files[name] = drawn(name, report)
