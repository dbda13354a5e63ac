"""Is a bundle what it was: every file, every verdict, every page, the policy, notes, signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from auditkit.errors import InputError, Problem, UnknownNameError, quote
from auditkit.filing.drawing import PRINT, drawn, is_drawn
from auditkit.filing.manifest import (
    MANIFEST,
    RECORD,
    Manifest,
    drawn_by,
    read_files,
    read_manifest,
    sha256,
)
from auditkit.filing.record import last_digest
from auditkit.filing.signing import SIGNATURE, Signed, check_signatures
from auditkit.report import FORMAT, FindingRecord, Report, json_object

POLICY = "policy.toml"
#: Verdicts that a finding without a measurement can have.
_WITHOUT = ("error", "not_measured", "not_applicable")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a bundle.

    Attributes:
        files: Name to content of the plain files in it.
        report: Its record, or None where it cannot be read.
        problems: All that is wrong.
        compared: What was held against something, in words.
        not_compared: What could not be, with the reason.
        signatures: What is signed, by which key.
    """

    files: Mapping[str, bytes]
    report: Report | None
    problems: tuple[Problem, ...]
    compared: tuple[str, ...]
    not_compared: tuple[str, ...]
    signatures: tuple[Signed, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def manifest_sha256(self) -> str | None:
        """The sha256 of the manifest, to be kept elsewhere; None where there is none."""
        return sha256(self.files[MANIFEST]) if MANIFEST in self.files else None

    def whole(self) -> Report:
        """The record of a sound bundle.

        Raises:
            InputError: If anything is wrong; every problem is listed.
        """
        if self.problems or self.report is None:
            raise InputError(self.problems)
        return self.report


class _Said:
    """What a check says as it goes on."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.compared: list[str] = []
        self.not_compared: list[str] = []


def check(folder: str, public_key: bytes | None = None) -> Checked:
    """Look at everything in a bundle and say what is not as it was written.

    Args:
        folder: The folder of the bundle.
        public_key: A public key (PEM) that has to have signed it, or None.

    Returns:
        All that was found, wrong or right.

    Raises:
        InputError: If it is no bundle, one of a newer auditkit, or the key is none.
        MissingExtraError: If there is a public key and `cryptography` is not installed.
    """
    files, odd = read_files(folder)
    if MANIFEST not in files and RECORD not in files:
        raise InputError([Problem(folder, f"no {RECORD}, no {MANIFEST}", "the folder of a bundle")])
    said = _Said()
    said.problems += odd
    manifest = _manifest(files, said)
    if manifest is not None:
        said.problems += _file_problems(manifest, files)
        said.compared.append(f"{_count(len(manifest.files), 'file')} with {MANIFEST}")
    report = _record(files, manifest, said)
    if report is not None:
        _check_record(report, files, manifest, said)
    signatures, wrong = check_signatures(files, report, public_key)
    said.problems += wrong
    return Checked(
        files,
        report,
        tuple(said.problems),
        tuple(said.compared),
        tuple(said.not_compared),
        tuple(signatures),
    )


def _manifest(files: Mapping[str, bytes], said: _Said) -> Manifest | None:
    if MANIFEST not in files:
        said.problems.append(Problem(MANIFEST, "no such file", "the list of all files"))
        return None
    try:
        return read_manifest(files[MANIFEST])
    except InputError as error:
        said.problems += error.problems
        return None


def _file_problems(manifest: Manifest, files: Mapping[str, bytes]) -> Iterator[Problem]:
    for name, digest in manifest.files.items():
        if name not in files:
            yield Problem(quote(name), "no such file", f"sha256 {digest} as {MANIFEST} says")
        elif sha256(files[name]) != digest:
            found = f"sha256 {sha256(files[name])}"
            yield Problem(quote(name), found, f"{digest} as {MANIFEST} says")
    for name in files:
        if name not in manifest.files and name not in (MANIFEST, SIGNATURE):
            yield Problem(quote(name), "a file", f"none, as {MANIFEST} does not list it")


def _record(
    files: Mapping[str, bytes], manifest: Manifest | None, said: _Said
) -> Report | None:  # fmt: skip
    raw = files.get(RECORD)
    if raw is None:
        if manifest is None or RECORD not in manifest.files:
            said.problems.append(Problem(RECORD, "no such file", "the record"))
        return None
    try:
        return Report.from_json(raw)
    except InputError as error:
        # A record that is as the manifest says, and of a newer format, is not wrong but unknown.
        listed = manifest is None or manifest.files.get(RECORD) == sha256(raw)
        if listed and _is_newer(raw):
            raise
        said.problems += error.problems
        return None


def _is_newer(raw: bytes) -> bool:
    try:
        found = json_object(raw, RECORD).get("format")
    except InputError:
        return False
    return isinstance(found, int) and found > FORMAT


def _check_record(
    report: Report, files: Mapping[str, bytes], manifest: Manifest | None, said: _Said
) -> None:
    said.problems += _verdict_problems(report)
    said.compared.append(f"{_count(len(report.findings), 'finding')} and the verdict, judged again")
    said.problems += _note_problems(report, files[RECORD])
    if report.notes:
        said.compared.append(f"{_count(len(report.notes), 'note')}, each with what is before it")
    _check_policy(report, files.get(POLICY), said)
    if manifest is not None:
        said.problems += _name_problems(report, manifest)
        _check_pages(report, files, manifest, said)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _name_problems(report: Report, manifest: Manifest) -> Iterator[Problem]:
    pairs = {
        "audit_id": (manifest.audit_id, report.audit_id),
        "model": (manifest.model, report.subject.model.sha256),
        "data": (manifest.data, report.subject.data.sha256),
    }
    for key, (found, expected) in pairs.items():
        if found != expected:
            where = f"{MANIFEST} {key}"
            yield Problem(where, quote(found), f"{quote(expected)} as {RECORD} says")


def _verdict_problems(report: Report) -> Iterator[Problem]:
    """Findings that the measurements do not give."""
    from auditkit.judging import rejudge

    if report.policy is None:
        again = report.model_copy(update={"findings": [], "verdict": "review"})
    else:
        try:
            again = rejudge(report, on=_day(report))
        except InputError as error:
            yield from error.problems
            return
    found, expected = _by_id(report.findings), _by_id(again.findings)
    for name in sorted({*found, *expected}):
        yield from _finding_problems(name, found.get(name), expected.get(name))
    if len(report.findings) != len(again.findings):
        counts = f"{len(report.findings)} findings"
        yield Problem(f"{RECORD} findings", counts, f"{len(again.findings)} by its measurements")
    if report.verdict != again.verdict:
        yield Problem(f"{RECORD} verdict", report.verdict, f"{again.verdict} by its measurements")


def _by_id(findings: list[FindingRecord]) -> dict[str, FindingRecord]:
    return {finding.id: finding for finding in findings}


def _day(report: Report) -> date:
    """The day on which waivers had to hold."""
    try:
        return date.fromisoformat(report.created[:10])
    except ValueError:
        raise InputError(
            [Problem(f"{RECORD} created", quote(report.created), "a time (ISO 8601)")]
        ) from None


def _finding_problems(
    name: str, found: FindingRecord | None, expected: FindingRecord | None
) -> Iterator[Problem]:
    where = f"{RECORD} finding {quote(name, 24)}"
    if found is None or expected is None:
        there, due = ("none", "a finding") if found is None else ("a finding", "none")
        yield Problem(where, there, f"{due} by its measurements")
        return
    if found.measurement is None and found.verdict not in _WITHOUT:
        yield Problem(where, found.verdict, "not_measured, as it has no measurement")
    for key in FindingRecord.model_fields:
        one, other = _of(found, key), _of(expected, key)
        if one != other:
            yield Problem(f"{where} {key}", quote(one), f"{quote(other)} by its measurements")


def _check_policy(report: Report, raw: bytes | None, said: _Said) -> None:
    """Is the policy file the one whose digest was taken, and does the record say the same?"""
    from auditkit.policy import parse_policy

    if raw is None or report.policy is None:
        if raw is not None:
            said.problems.append(Problem(POLICY, "a policy", f"none, as {RECORD} has none"))
        elif report.policy is not None:
            said.not_compared.append(f"the policy (there is no {POLICY})")
        return
    said.compared.append(f"{POLICY} with the record")
    if sha256(raw) != report.policy.sha256:
        expected = f"{report.policy.sha256} as {RECORD} says"
        said.problems.append(Problem(POLICY, f"sha256 {sha256(raw)}", expected))
        return
    try:
        policy = parse_policy(raw, POLICY)
    except InputError as error:
        said.problems += error.problems
        return
    if policy != report.policy:
        differ = [k for k in type(policy).model_fields if _of(policy, k) != _of(report.policy, k)]
        found = f"other {' and '.join(differ)}"
        said.problems.append(Problem(f"{RECORD} policy", found, f"what {POLICY} says"))


def _of(record: object, key: str) -> object:
    return getattr(record, key)


def _note_problems(report: Report, raw: bytes) -> Iterator[Problem]:
    """Notes that do not follow on what stood before them."""
    plain = json_object(raw, RECORD)
    chained = False
    for number, note in enumerate(report.notes, 1):
        where = f"{RECORD} note {number}"
        if note.follows is None and chained:
            yield Problem(where, "no digest", "the sha256 of what stood before it")
        elif note.follows is not None and note.follows != last_digest(plain, number - 1):
            yield Problem(where, "another digest", "that of what stands before it: it was changed")
        chained = chained or note.follows is not None


def _check_pages(
    report: Report, files: Mapping[str, bytes], manifest: Manifest, said: _Said
) -> None:
    same = manifest.drawn_by == drawn_by()
    for name in sorted(manifest.files):
        if name not in files or not is_drawn(name):
            continue
        if PRINT.fullmatch(name):
            said.not_compared.append(f"{name} (its bytes also depend on the fonts here)")
            continue
        if not same:
            by = quote(manifest.drawn_by or f"auditkit {report.auditkit}")
            said.not_compared.append(f"{name} (drawn by another version: {by})")
            continue
        try:
            again = drawn(name, report)
        except UnknownNameError:
            said.not_compared.append(f"{name} (no words of this language here)")
            continue
        except InputError:
            said.problems.append(Problem(name, "a file", f"none: {RECORD} gives none"))
            continue
        said.compared.append(f"{name}, drawn again")
        if again != files[name]:
            said.problems.append(Problem(name, "another content", f"what {RECORD} gives"))
