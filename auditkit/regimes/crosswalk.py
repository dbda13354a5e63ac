"""What texts of law and standards ask for, held beside what an audit measured.

A row never says that a duty is fulfilled: it says whether there is evidence, evidence against,
none, or that a person has to judge. Whether a text applies is declared, never guessed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from auditkit.report import Report

FILE = Path(__file__).with_name("crosswalk.toml")
#: What may be said of a row.
Status = Literal["adverse", "not_measured", "person", "evidence", "not_applicable"]
STATUSES: tuple[Status, ...] = ("adverse", "not_measured", "person", "evidence", "not_applicable")
#: Evidence that is no audit: the policy that was fixed before, and the record itself.
POLICY, RECORD = "policy", "record"


@dataclass(frozen=True, slots=True)
class Regime:
    """A text of law or a standard.

    Attributes:
        id: Its key in `[context.regimes]`.
        title: What it is called.
        text_version: Which version of its text the rows follow.
        applies: Whom it binds, in our own words.
    """

    id: str
    title: str
    text_version: str
    applies: str


@dataclass(frozen=True, slots=True)
class Row:
    """Something that a text asks for.

    Attributes:
        regime: Key of the text.
        id: Clause.
        gist: What it asks for, in our own words.
        audits: Audits whose measurements are evidence; also `POLICY` and `RECORD`.
        person: Whether a person has to judge, or to add something, whatever was measured.
        verified: Whether clause and gist were checked against the text.
        only: Kind of system that it is about alone, or "".
        note: What else to know.
    """

    regime: str
    id: str
    gist: str
    audits: tuple[str, ...] = ()
    person: bool = False
    verified: bool = True
    only: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A row beside what was measured.

    Attributes:
        row: The row.
        status: What may be said of it.
        evidence: Audits that measured something for it, `POLICY` and `RECORD` among them.
        adverse: Findings that failed, by id.
        declared: Whether the text applies: True, False, or None where nobody has said.
        why: Why it does not apply, in the words of who declared it; "" otherwise.
    """

    row: Row
    status: Status
    evidence: tuple[str, ...]
    adverse: tuple[str, ...]
    declared: bool | None
    why: str = ""


@cache
def regimes() -> dict[str, Regime]:
    """The texts, by key.

    Example:
        >>> regimes()["ll144"].title
        'NYC Local Law 144'
    """
    return {entry["id"]: Regime(**entry) for entry in _file()["regime"]}


@cache
def rows() -> tuple[Row, ...]:
    """What the texts ask for, in the order of the file."""
    return tuple(
        Row(**{**entry, "audits": tuple(entry.get("audits", ()))}) for entry in _file()["row"]
    )


def as_of() -> str:
    """The month in which the rows were written, such as "2026-11"."""
    return str(_file()["as_of"])


def declarable() -> tuple[str, ...]:
    """Keys that `[context.regimes]` may hold: texts, and kinds of system that a row is about."""
    return (*regimes(), *sorted({row.only for row in rows() if row.only}))


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def standings(report: Report) -> list[Standing]:
    """Hold every row beside the evidence of a record.

    Args:
        report: The record.

    Returns:
        One standing a row, in the order of the file.
    """
    declared = report.context.regimes if report.context else {}
    measured = {m.audit for m in report.measurements if m.value is not None} | {RECORD}
    if report.policy is not None:
        measured.add(POLICY)
    failed = _failed(report)
    return [_standing(row, declared, measured, failed) for row in rows()]


def _failed(report: Report) -> dict[str, list[str]]:
    """Audit to the ids of its findings that failed."""
    audits = {measurement.id: measurement.audit for measurement in report.measurements}
    failed: dict[str, list[str]] = {}
    for finding in report.findings:
        if finding.verdict == "fail" and finding.measurement in audits:
            failed.setdefault(audits[finding.measurement], []).append(finding.id)
    return failed


def _standing(
    row: Row,
    declared: Mapping[str, bool | str],
    measured: set[str],
    failed: Mapping[str, list[str]],
) -> Standing:
    evidence = tuple(audit for audit in row.audits if audit in measured)
    adverse = tuple(finding for audit in row.audits for finding in failed.get(audit, ()))
    applies, why = _applies(row, declared)
    if applies is False:
        return Standing(row, "not_applicable", evidence, (), declared=False, why=why)
    status: Status = "evidence"
    if adverse:
        status = "adverse"
    elif row.audits and not evidence:
        status = "not_measured"
    elif row.person or applies is None:
        status = "person"
    return Standing(row, status, evidence, adverse, applies)


def _applies(row: Row, declared: Mapping[str, bool | str]) -> tuple[bool | None, str]:
    """Whether a row applies as far as somebody has said, and why not."""
    said = [declared.get(key) for key in (row.regime, row.only) if key]
    for answer in said:
        if answer is False or isinstance(answer, str):
            return False, answer or ""
    return (True if all(answer is True for answer in said) else None), ""
