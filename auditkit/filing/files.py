"""Files beside a bundle: keys, sealed bundles. Read up to a limit, and never overwritten."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from auditkit.errors import InputError, Problem

#: Bytes that a key file may have.
MOST_KEY = 100_000


def read_file(path: Path, where: str, most: int = MOST_KEY) -> bytes:
    """Read a file that is not too large.

    Args:
        path: The file.
        where: The option or argument that names it.
        most: Bytes that it may have.

    Returns:
        Its content.

    Raises:
        InputError: If there is no such file, or it is larger.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no file"
        raise InputError([Problem(f"{where} {path}", why, "a file to read")]) from None
    if len(content) > most:
        problem = Problem(f"{where} {path}", f"more than {most:,} bytes", "a smaller file")
        raise InputError([problem])
    return content


def write_new(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file that is not there yet, whole or not at all.

    Args:
        path: The file.
        content: What it holds.
        mode: Who may read it, from the first byte on.

    Raises:
        InputError: If something is there, or it cannot be written.
    """
    if path.is_symlink() or path.exists():
        hint = "Choose another name; nothing is ever overwritten."
        raise InputError([Problem(str(path), "something is there already", "no file", hint)])
    write_over(path, content, mode)


def write_over(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file in the place of what is there, whole or not at all; as `write_new`."""
    try:
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:  # made readable by its owner only
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(draft).chmod(mode)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no path"
        raise InputError([Problem(str(path), why, "a file that can be written")]) from None
