"""Data in: tables out of files, folders and databases, their sensitive columns made ready."""

from __future__ import annotations

from auditkit.data.reading import (
    ENDINGS,
    MISSING_TEXT,
    MOST_ROWS,
    Read,
    file_digest,
    read,
    read_table,
)

__all__ = ["ENDINGS", "MISSING_TEXT", "MOST_ROWS", "Read", "file_digest", "read", "read_table"]
