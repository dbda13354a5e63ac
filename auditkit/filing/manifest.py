"""The manifest of a bundle, and the files of one that nobody vouches for."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import auditkit
from auditkit.errors import InputError, Problem, quote
from auditkit.report import Report, json_object

MANIFEST = "manifest.json"
RECORD = "audit.json"
#: Files that a bundle may have, and bytes of all of them together.
MOST_FILES, MOST_BYTES = 1_000, 512_000_000
#: Bytes that a manifest of so many files may have.
MOST_MANIFEST = 2_000_000
#: Longest name of a file; unit: characters.
LONGEST_NAME = 200
PAGE = re.compile(r"report\.([A-Za-z0-9-]+)\.html")
#: What a page is made by, beside the record.
_DRAWING = (
    *("changed.py", "errors.py", "evidence.py", "export/*", "judging.py", "policy.py"),
    *("regimes/**/*", "render/*", "report.py"),
)


class Manifest(BaseModel):
    """What a bundle holds: name and sha256 of every file, and of the model and the data.

    `drawn_by` says what drew the pages; `check` is the sha256 of all else that stands here and
    finds slips, not forgers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    audit_id: str
    files: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]
    model: str | None
    data: str
    drawn_by: str | None = None
    check: str | None = None

    def to_bytes(self) -> bytes:
        """Write it as text: the same bytes for the same manifest."""
        plain = self.model_dump(exclude_none=True) | {"model": self.model}
        order = [name for name in type(self).model_fields if name in plain]
        ordered = {name: plain[name] for name in order}
        ordered["files"] = dict(sorted(self.files.items()))
        return (json.dumps(ordered, indent=1) + "\n").encode()


def sha256(content: bytes) -> str:
    """The sha256 of some bytes, as hexadecimal text.

    Example:
        >>> sha256(b"")[:8]
        'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def make_manifest(report: Report, contents: Mapping[str, bytes]) -> bytes:
    """Write the manifest of a bundle whose pages are drawn now.

    Args:
        report: The record.
        contents: Name to content of every other file.

    Returns:
        The text of `manifest.json`.
    """
    manifest = Manifest(
        audit_id=report.audit_id,
        files={name: sha256(content) for name, content in contents.items()},
        model=report.subject.model.sha256,
        data=report.subject.data.sha256,
        drawn_by=drawn_by(),
    )
    return _checked(manifest).to_bytes()


def _checked(manifest: Manifest) -> Manifest:
    rest = manifest.model_copy(update={"check": None})
    return rest.model_copy(update={"check": sha256(rest.to_bytes())})


@cache
def drawn_by() -> str:
    """Say what draws pages here: the version, and the sha256 of the code and texts that do it.

    Example:
        >>> drawn_by().startswith(f"auditkit {auditkit.__version__}, ")
        True
    """
    package = Path(auditkit.__file__).parent
    digest = hashlib.sha256(version("jinja2").encode())
    for pattern in _DRAWING:
        for file in sorted(package.glob(pattern)):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(package).as_posix()}\n".encode())
                digest.update(file.read_bytes())
    return f"auditkit {auditkit.__version__}, {digest.hexdigest()}"


def read_manifest(raw: bytes) -> Manifest:
    """Read a manifest that nobody vouches for.

    Args:
        raw: The text of a `manifest.json`.

    Returns:
        The manifest.

    Raises:
        InputError: If it is none, names what is no plain file name, or is not as auditkit
            writes it; every problem is listed.
    """
    if len(raw) > MOST_MANIFEST:
        raise InputError([Problem(MANIFEST, f"{len(raw):,} bytes", f"at most {MOST_MANIFEST:,}")])
    plain = json_object(raw, MANIFEST)
    try:
        manifest = Manifest.model_validate(plain)
    except ValidationError as error:
        raise InputError(_shape_problems(error)) from None
    problems = [
        Problem(f"{MANIFEST} files", quote(name), "a plain file name")
        for name in manifest.files
        if not is_plain(name)
    ]
    if len(manifest.files) > MOST_FILES:
        problems.append(_too_many(MANIFEST))
    if not problems and manifest.to_bytes() != raw:
        problems.append(Problem(MANIFEST, "other text", "the text that auditkit writes"))
    if not problems and manifest.check and manifest != _checked(manifest):
        problems.append(Problem(MANIFEST, "other contents", "what its own check says"))
    if problems:
        raise InputError(problems[:MOST_FILES])
    return manifest


def _shape_problems(error: ValidationError) -> list[Problem]:
    found = error.errors(include_url=False)[:MOST_FILES]
    return [
        Problem(
            f"{MANIFEST} {quote('.'.join(str(part) for part in item['loc']))}",
            quote(item.get("input")),
            item["msg"].lower(),
        )
        for item in found
    ]


def is_plain(name: str) -> bool:
    """Whether a name can be that of a file of a bundle: no path, nothing hidden, printable.

    Example:
        >>> [is_plain(name) for name in ("audit.json", "../x", "a/b", ".x", "C:x", "")]
        [True, False, False, False, False, False]
    """
    usual = 0 < len(name) <= LONGEST_NAME and name.isprintable()
    return usual and not name.startswith(".") and not set(name) & set("/\\:")


def read_files(folder: str | Path) -> tuple[dict[str, bytes], list[Problem]]:
    """Read the files of a bundle; links, folders and other special things are not followed.

    Args:
        folder: The folder of a bundle.

    Returns:
        Name to content, by name, and what else lies there and does not belong.

    Raises:
        InputError: If it is no folder, or holds more than any bundle does.
    """
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry, _ in zip(entries, range(MOST_FILES + 1), strict=False)]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no folder"
        hint = _interrupted(Path(folder))
        raise InputError([Problem(str(folder), why, "the folder of a bundle", hint)]) from None
    if len(found) > MOST_FILES:
        raise InputError([_too_many(str(folder))])
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    left = MOST_BYTES
    for entry in sorted(found, key=lambda entry: entry.name):
        content = _content(entry, left, problems)
        if content is not None:
            files[entry.name] = content
            left -= len(content)
    return files, problems


def _too_many(where: str) -> Problem:
    return Problem(where, f"more than {MOST_FILES:,} files", "a bundle")


def _content(entry: os.DirEntry[str], left: int, problems: list[Problem]) -> bytes | None:
    if not is_plain(entry.name):
        problems.append(Problem(quote(entry.name), "such a name", "a plain file name"))
        return None
    if not entry.is_file(follow_symlinks=False):
        kind = "a link" if entry.is_symlink() else "a folder or something special"
        problems.append(Problem(quote(entry.name), kind, "a plain file"))
        return None
    try:
        descriptor = os.open(entry.path, os.O_RDONLY | _UNFOLLOWED)
        with open(descriptor, "rb") as stream:  # noqa: PTH123 - an open file has no path
            content = stream.read(left + 1)
    except OSError as error:
        problems.append(Problem(entry.name, error.strerror or "an error", "a file to read"))
        return None
    if len(content) > left:
        raise InputError([Problem(entry.name, f"more than {MOST_BYTES:,} bytes", "a bundle")])
    return content


#: A link put in the place of a file at the last moment is not followed where that can be said.
_UNFOLLOWED = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


def _interrupted(folder: Path) -> str:
    """What to do where a change of a bundle was broken off between its two renames."""
    before = sorted(folder.parent.glob(f".{_literal(folder.name)}-before-*"))
    if folder.exists() or not before:
        return ""
    return f"A change of it was broken off; it stands whole as {quote(before[0])}: rename that."


def _literal(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)
