"""The folder that an audit leaves: written whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from auditkit.errors import InputError, Problem
from auditkit.filing.manifest import MANIFEST, RECORD, make_manifest
from auditkit.report import Report


def write_bundle(
    report: Report,
    folder: str | Path,
    *,
    files: Mapping[str, bytes] | None = None,
    languages: Sequence[str] | None = None,
) -> Path:
    """Write a report and what belongs to it into a new folder.

    Everything is written beside the folder first and then renamed, so that the folder is whole
    or absent, whenever the machine stops.

    Args:
        report: The record.
        folder: The folder to make; its parents are made too.
        files: More files to keep with it, for example the policy.
        languages: Languages of the HTML pages; by default all that there are.

    Returns:
        The folder.

    Raises:
        InputError: If the folder is there and not empty, or cannot be written.
        UnknownNameError: If there is no such language.
    """
    problems = occupied(folder)
    if problems:
        raise InputError(problems)
    return write_whole(folder, _contents(report, files or {}, languages))


def occupied(folder: str | Path) -> list[Problem]:
    """Say what is in the way where a folder is to be made; an empty folder is not.

    Args:
        folder: The folder.

    Returns:
        The problem, or none.

    Example:
        >>> occupied("no-such-folder")
        []
    """
    target = Path(folder)
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return []
    hint = "Choose another folder; nothing is ever overwritten."
    return [Problem(str(folder), "something is there already", "no folder", hint)]


def subject_folder(out: str | Path, name: str) -> Path:
    """The folder of a subject under `out`: its name, made fit for a path.

    Example:
        >>> subject_folder("reports", "Census / income").as_posix()
        'reports/Census-income'
    """
    return Path(out) / (re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "subject")


def bundle_folder(out: str | Path, report: Report) -> Path:
    """The folder of a report under `out`: that of its subject, then its id."""
    return subject_folder(out, report.subject.name) / report.audit_id


def _contents(
    report: Report, files: Mapping[str, bytes], wanted: Sequence[str] | None
) -> dict[str, bytes]:
    from auditkit.export import BUNDLED, EXPORTS
    from auditkit.render.html import render
    from auditkit.render.words import languages

    contents = {RECORD: report.to_json().encode()}
    for language in languages() if wanted is None else wanted:
        contents[f"report.{language}.html"] = render(report, language).encode()
    for export in map(EXPORTS.__getitem__, BUNDLED):
        if export.fits(report):
            contents[export.file] = export.write(report)
    contents |= files
    contents[MANIFEST] = make_manifest(report, contents)
    return contents


def write_whole(folder: str | Path, contents: Mapping[str, bytes]) -> Path:
    """Make a folder of files, whole or not at all.

    Args:
        folder: The folder to make, absent or empty; its parents are made too.
        contents: Name to content.

    Returns:
        The folder.

    Raises:
        InputError: If it cannot be written.
    """
    target = Path(folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            _write(draft, contents)
            draft.rename(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        found = error.strerror or "an error"
        raise InputError([Problem(str(folder), found, "a folder that can be written")]) from None
    return target


def replace_whole(folder: str | Path, contents: Mapping[str, bytes], before: bytes) -> None:
    """Put a bundle in the place of what it was, whole or not at all; nothing is lost meanwhile.

    The new bundle is written beside the old one. Then the old one is moved aside and the new one
    moved in; only then is the old one removed. Wherever the machine stops, one of them is whole.

    Args:
        folder: The folder of the bundle.
        contents: Name to content of the new one.
        before: The record that the new one was made from.

    Raises:
        InputError: If it cannot be written, or somebody else has changed the bundle meanwhile.
    """
    target = Path(folder).resolve()
    draft: Path | None = None
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        _write(draft, contents)
        _swap(target, draft, before)
    except OSError as error:
        found = error.strerror or "an error"
        raise InputError([Problem(str(folder), found, "a bundle that can be changed")]) from None
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def _swap(target: Path, draft: Path, before: bytes) -> None:
    old = target.with_name(f".{target.name}-before-{draft.name[-8:]}")
    target.rename(old)
    try:
        _require_same(old / RECORD, before, target.name)
        draft.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _require_same(file: Path, before: bytes, where: str) -> None:
    if file.read_bytes() != before:
        hint = "Nothing was written; do it again."
        problem = Problem(where, "a change by somebody else", "the bundle as it was read", hint)
        raise InputError([problem])


def _write(draft: Path, contents: Mapping[str, bytes]) -> None:
    for name, text in contents.items():
        with (draft / name).open("wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    draft.chmod(0o755)


def write_file(path: str | Path, content: bytes) -> Path:
    """Write one file, whole or not at all; one that is there is replaced.

    Args:
        path: The file; its folder has to be there.
        content: What it shall hold.

    Returns:
        The file.

    Raises:
        InputError: If it cannot be written.
    """
    target = Path(path)
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name[:60]}-", dir=target.parent
        ) as draft:
            _write(Path(draft), {"draft": content})
            (Path(draft) / "draft").replace(target)
    except OSError as error:
        found = error.strerror or "an error"
        raise InputError([Problem(str(path), found, "a file that can be written")]) from None
    return target
