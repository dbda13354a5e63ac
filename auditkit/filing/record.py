"""A record with fewer notes, as it stood then: byte for byte, whatever version wrote it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from auditkit.errors import InputError, Problem
from auditkit.filing.manifest import RECORD, sha256


def cut(plain: Mapping[str, Any], notes: int | None = None) -> bytes:
    """Write a record down as it stood when it had fewer notes.

    Args:
        plain: The record, as its JSON says it, so that older records keep their bytes.
        notes: Notes that are kept; None keeps all.

    Returns:
        The bytes of that `audit.json`.

    Raises:
        InputError: If it is nested too deeply to be written.

    Example:
        >>> cut({"notes": [1, 2]}, 1).decode().split()
        ['{', '"notes":', '[', '1', ']', '}']
    """
    kept = {**plain, "notes": plain.get("notes", [])[:notes]}
    try:
        text = json.dumps(kept, ensure_ascii=False, indent=1) + "\n"
    except RecursionError:
        raise InputError([Problem(RECORD, "lists within lists without end", "a record")]) from None
    return text.encode(errors="surrogatepass")


def last_digest(plain: Mapping[str, Any], notes: int) -> str:
    """The sha256 that the next note holds: of the note before it, or of a record without any.

    Args:
        plain: The record, as its JSON says it.
        notes: Notes that stand before it.

    Returns:
        The digest, as hexadecimal text.

    Example:
        >>> last_digest({"notes": [{}]}, 1) == sha256(b"{}")
        True
    """
    if notes == 0:
        return sha256(cut(plain, 0))
    text = json.dumps(plain["notes"][notes - 1], ensure_ascii=False)
    return sha256(text.encode(errors="surrogatepass"))
