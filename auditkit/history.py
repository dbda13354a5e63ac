"""All audits below a folder: which there are, and what changed from each to the next.

Of each record only what an index and trends show is kept: the findings, the numbers that were
judged, and the headline numbers. So a thousand large records are read in seconds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, create_model

from auditkit.changed import ChangesRecord
from auditkit.comparing import compare
from auditkit.errors import InputError, Problem
from auditkit.render.lede import HEADLINES
from auditkit.report import Report

#: Metrics whose number over all rows is followed whether it is judged or not.
FOLLOWED = frozenset(metric for metrics in HEADLINES.values() for metric in metrics)
#: A record larger than this is listed, not read; unit: bytes.
LARGEST = 200_000_000
RECORD = "audit.json"
Kind = TypeVar("Kind", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Audited:
    """A bundle that was found.

    Attributes:
        folder: Where it is below the folder that was read, with `/` between.
        page: Name of its page, or of its record where it has no page.
        record: The record, without tables and with the judged and followed numbers only.
    """

    folder: str
    page: str
    record: Report


@dataclass(frozen=True, slots=True)
class Missed:
    """Something that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Course:
    """The audits of one subject, the oldest first.

    Attributes:
        audits: The audits; one that lies there twice is taken once.
        changes: What changed from each audit to the next, one fewer.
    """

    audits: tuple[Audited, ...]
    changes: tuple[ChangesRecord, ...]


@dataclass(frozen=True, slots=True)
class History:
    """What was found below a folder.

    Attributes:
        audits: All audits, by subject, the newest first.
        courses: The subjects, by name.
        missed: What could not be read.
    """

    audits: tuple[Audited, ...]
    courses: tuple[Course, ...]
    missed: tuple[Missed, ...]


def read_history(folder: str | Path, language: str = "en") -> History:
    """Find all audits below a folder and hold each against the one before it.

    Symbolic links are not followed, and folders whose name starts with a dot are left out:
    bundles that are being written are in such.

    Args:
        folder: Where to look, at any depth.
        language: Language of the pages that are pointed to, where a bundle has that language.

    Returns:
        The audits; a record that cannot be read is listed with the reason.

    Raises:
        InputError: If there is no such folder, or no record in it at all.

    Example:
        >>> found = read_history("reports/sample")
        >>> [audit.page for audit in found.audits]
        ['report.en.html']
    """
    top = Path(folder)
    if not top.is_dir():
        raise InputError([Problem(str(folder), "no folder", "a folder with bundles in it")])
    missed: list[Missed] = []
    found = [*_read(top, language, missed)]
    if not found and not missed:
        hint = "Audits are found by that name, at any depth."
        raise InputError([Problem(str(folder), f"no {RECORD}", "bundles", hint)])
    ordered = sorted(found, key=_when, reverse=True)
    ordered.sort(key=lambda audit: _subject(audit.record))
    unread = sorted(missed, key=lambda one: one.path)
    return History(tuple(ordered), tuple(_courses(found)), tuple(unread))


def _read(top: Path, language: str, missed: list[Missed]) -> Iterator[Audited]:
    """Read each record, with every number that any audit of its subject judged."""
    heads: dict[Path, _Head] = {}
    judged: dict[str, set[str]] = {}
    for file in _records(top, missed):
        with _noting(top, file, missed):
            heads[file] = head = _parsed(_Head, file)
            ids = {str(finding.measurement) for finding in head.findings}
            judged.setdefault(head.subject.name, set()).update(ids)
    for file, head in heads.items():
        with _noting(top, file, missed):
            record = _cut(file, judged[head.subject.name])
            yield Audited(_below(top, file.parent), _page(file.parent, language), record)


@contextmanager
def _noting(top: Path, file: Path, missed: list[Missed]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        missed.append(Missed(_below(top, file), str(error.problems[0])))


def _records(top: Path, missed: list[Missed]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        missed.append(Missed(_below(top, Path(error.filename)), error.strerror or "unreadable"))

    for folder, folders, files in os.walk(top, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if RECORD in files:
            yield Path(folder, RECORD)


def _below(top: Path, path: Path) -> str:
    return path.relative_to(top).as_posix()


def _page(folder: Path, language: str) -> str:
    pages = sorted(path.name for path in folder.glob("report.*.html") if path.is_file())
    wanted = f"report.{language}.html"
    return wanted if wanted in pages else next(iter(pages), RECORD)


class _Judged(BaseModel):
    measurement: str | None = None


class _Named(BaseModel):
    name: str


class _Head(BaseModel):
    """What has to be known of all records before any is read."""

    subject: _Named = _Named(name="")
    findings: list[_Judged] = []


def _cut(file: Path, judged: AbstractSet[str]) -> Report:
    """Read what is kept of a record; the rest is parsed as JSON and not looked at."""
    held = _parsed(_fields(), file)
    plain = {name: getattr(held, name) for name in held.model_fields_set}
    kept = [
        m
        for m in _entries(plain, "measurements")
        if str(m.get("id")) in judged or (str(m.get("metric")) in FOLLOWED and not m.get("slice"))
    ]
    metrics = plain.get("metrics")
    if isinstance(metrics, dict):
        judging = _entries(plain.get("policy"), "criteria")
        named = {str(entry.get("metric")) for entry in [*kept, *judging]}
        plain["metrics"] = {key: value for key, value in metrics.items() if key in named}
    return Report.from_plain(plain | {"measurements": kept, "tables": []}, RECORD)


def _parsed(kind: type[Kind], file: Path) -> Kind:
    if file.is_symlink() or not file.is_file():
        raise InputError([Problem(RECORD, "a link or no file", "a file; links are not followed")])
    try:
        if file.stat().st_size > LARGEST:
            raise InputError([Problem(RECORD, "more than 200 MB", "a smaller record")])
        text = file.read_bytes()
    except OSError as error:
        found = error.strerror or "an error"
        raise InputError([Problem(RECORD, found, "a file that can be read")]) from None
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([RECORD, *map(str, first["loc"])])
        raise InputError([Problem(where, first["msg"][:200], "a record of an audit")]) from None


@cache
def _fields() -> type[BaseModel]:
    """The fields of a record that are kept, whatever is in them; the rest is passed over fast."""
    kept: Any = {
        name: (Any, None) for name in Report.model_fields if name not in ("tables", "training")
    }
    return create_model("Fields", **kept)


def _entries(plain: object, key: str) -> list[dict[str, Any]]:
    """The objects of a list that may be anything; what it should be is looked at later."""
    held = plain.get(key) if isinstance(plain, dict) else None
    return [entry for entry in held if isinstance(entry, dict)] if isinstance(held, list) else []


def created(record: Report) -> datetime | None:
    """When an audit was made, or None where the record does not say it as a time.

    Example:
        >>> created(Report.load("reports/sample/audit.json")).tzinfo is not None
        True
    """
    try:
        time = datetime.fromisoformat(record.created)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _when(audit: Audited) -> tuple[datetime, str, str]:
    first = datetime.min.replace(tzinfo=UTC)
    return created(audit.record) or first, audit.record.audit_id, audit.folder


def _subject(record: Report) -> tuple[str, str]:
    return record.subject.name, record.subject.task


def _courses(found: Sequence[Audited]) -> Iterator[Course]:
    held: dict[tuple[str, str], dict[str, Audited]] = {}
    for audit in sorted(found, key=_when):
        held.setdefault(_subject(audit.record), {}).setdefault(audit.record.audit_id, audit)
    for _, audits in sorted(held.items()):
        course = tuple(audits.values())
        changes = (compare(before.record, after.record) for before, after in pairwise(course))
        yield Course(course, tuple(changes))
