"""What the finished audits of a run gave, kept beside its bundle until that is written.

A run that is stopped, whenever and however, goes on from there: `auditkit run --resume`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

import auditkit
from auditkit import provenance
from auditkit.bundle import subject_folder, write_file
from auditkit.errors import InputError, Problem
from auditkit.report import AuditRecord, MeasurementRecord, TableRecord
from auditkit.rows import digest
from auditkit.subject import Subject

#: More bytes than this are not read: no audit of ours gives a hundredth of it.
MOST_BYTES = 200_000_000


class Given(BaseModel):
    """What one audit gave.

    Attributes:
        record: How it went and what it cost.
        measurements: Its numbers.
        tables: Its tables.
    """

    model_config = ConfigDict(extra="forbid")

    record: AuditRecord
    measurements: list[MeasurementRecord] = []
    tables: list[TableRecord] = []


@dataclass(frozen=True)
class Unfinished:
    """The folder of one run that is not finished.

    Attributes:
        folder: Where the audits are kept, one file each.
        resume: Whether what an earlier run left is taken; without it, it is replaced.
        say: Told what could not be kept or read.
    """

    folder: Path
    resume: bool
    say: Callable[[str], None]

    @classmethod
    def of(
        cls,
        out: Path,
        subject: Subject,
        config: bytes,
        *,
        resume: bool,
        say: Callable[[str], None],
    ) -> Unfinished:
        """The folder of a run; its name holds all that the numbers depend on but the audits' own.

        Args:
            out: Folder under which the bundle will be.
            subject: What is audited.
            config: The configuration.
            resume: Whether to go on from what an earlier run left.
            say: Told what could not be kept or read.

        Returns:
            The folder; it is there, and can be written.

        Raises:
            InputError: If it cannot be written: told before the audits, not after them.
        """
        key = _key(subject, config)
        kept = cls(subject_folder(out, subject.name) / f".unfinished-{key[:16]}", resume, say)
        if not resume:
            kept.clear()
        try:
            kept.folder.mkdir(parents=True, exist_ok=True)
            write_file(kept.folder / "about.json", json.dumps({"key": key}).encode())
        except OSError as error:
            found = error.strerror or "an error"
            raise InputError([Problem(str(out), found, "a folder that can be written")]) from None
        return kept

    def load(self, audit: str, settings: Mapping[str, Any], seed: int) -> Given | None:
        """What an earlier run left of an audit with these settings and this seed; None if nothing.

        A file that cannot be read, or is not what auditkit writes, is told and not taken.
        """
        path = self._path(audit, settings, seed)
        if not self.resume or not path.is_file():
            return None
        given = _read(path)
        if given is None or given.record.name != audit:
            self.say(f"{path.name} is damaged; the audit {audit} runs again")
            return None
        given.record = given.record.model_copy(update={"resumed": True})
        return given

    def keep(self, given: Given, settings: Mapping[str, Any], seed: int) -> None:
        """Keep what an audit gave; where that is not possible, the run goes on without."""
        path = self._path(given.record.name, settings, seed)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(path, given.model_dump_json().encode())
        except (OSError, InputError) as error:
            self.say(f"what {given.record.name} gave could not be kept: {error}")

    def clear(self) -> None:
        """Remove what was kept: the bundle is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, audit: str, settings: Mapping[str, Any], seed: int) -> Path:
        told = json.dumps([audit, seed, settings], sort_keys=True, default=str)
        named = "".join(c if c.isalnum() or c == "-" else "-" for c in audit)[:60]
        return self.folder / f"{named}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"


def _read(path: Path) -> Given | None:
    """What a file holds, or None where it is not what auditkit writes."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        return Given.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _key(subject: Subject, config: bytes) -> str:
    record = provenance.subject_record(subject, constant=False)
    tables: list[pd.DataFrame | None] = [
        *(subject.rows, subject.train, subject.population, subject.newer)
    ]
    told = {
        "auditkit": auditkit.__version__,
        "packages": provenance.environment().packages,
        "config": hashlib.sha256(config).hexdigest(),
        "subject": record.model_dump(mode="json"),
        "counts": None if subject.counts is None else asdict(subject.counts),
        "tables": [None if table is None else digest(table) for table in tables],
    }
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
