"""Where, when and on what an audit ran, as the record holds it."""

from __future__ import annotations

import dataclasses
import os
import platform
import secrets
import shlex
import subprocess
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from auditkit.report import (
    PROTECTED_COUNTS,
    CountedRecord,
    DataRecord,
    EnvironmentRecord,
    GitRecord,
    GroupRecord,
    ModelRecord,
    RolesRecord,
    Scalar,
    SubjectRecord,
)
from auditkit.subject import Subject

#: Packages whose versions can change a number in the report.
PACKAGES = (
    "auditkit-rai", "fairlearn", "jinja2", "numpy", "opacus", "pandas", "pyarrow", "pydantic",
    "safetensors", "scikit-learn", "scipy", "shap", "torch",
)  # fmt: skip


def audit_id(created: datetime) -> str:
    """A name for one audit: UTC time and four random letters, sortable and fit for a folder.

    Example:
        >>> from datetime import UTC
        >>> audit_id(datetime(2026, 11, 22, 9, 5, tzinfo=UTC))[:16]
        '20261122T090500Z'
    """
    return f"{created:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def constant_decision(subject: Subject) -> bool:
    """Whether every assessed row gets the same decision."""
    if "predictions" not in subject.has or len(subject) == 0:
        return False
    if subject.counts is not None:
        return subject.counts.constant
    try:
        return bool(np.all(subject.y_pred == subject.y_pred[0]))
    except Exception:  # noqa: BLE001 - each audit that asked the model has recorded its error
        return False


def subject_record(subject: Subject, *, constant: bool) -> SubjectRecord:
    """Write a subject down: names, counts and digests, never a row."""
    model = subject.model
    kind = _kind(subject) if model is None else model.kind
    return SubjectRecord(
        name=subject.name,
        version=subject.version,
        task=subject.task,
        description=subject.description,
        model=ModelRecord(
            kind=kind,
            sha256=None if model is None else model.sha256,
            parameters=None if model is None else model.parameters,
        ),
        shadow=_shadow(subject),
        data=DataRecord(
            source=subject.source.name,
            sha256=subject.source.sha256,
            rows=subject.source.rows,
            assessed=len(subject),
            trained_on=None if subject.train is None else len(subject.train),
            notes=list(subject.data_notes),
            counted=_counted(subject),
        ),
        roles=_roles(subject),
        groups=[
            GroupRecord(
                column=groups.column,
                names=list(groups.names),
                counts=list(groups.counts),
                unknown=groups.unknown,
            )
            for groups in subject.groups.values()
        ],
        constant_decision=constant,
    )


def _shadow(subject: Subject) -> dict[str, Any] | None:
    """What a shadow recipe says of itself; its kind where it is of another core."""
    if subject.shadow is None:
        return None
    told = getattr(subject.shadow, "to_dict", None)
    return {"kind": type(subject.shadow).__name__} if told is None else dict(told())


def _counted(subject: Subject) -> CountedRecord | None:
    query = subject.query
    return None if query is None else CountedRecord(**dataclasses.asdict(query))


def _kind(subject: Subject) -> str:
    """What there is instead of a model."""
    if subject.counts is None:
        return "scored table"
    return "table of counts" if subject.counts.doubt is None else PROTECTED_COUNTS


def _roles(subject: Subject) -> RolesRecord:
    chosen = subject.positive if subject.task == "binary" else None
    positive: Scalar = chosen if isinstance(chosen, str | bool | int | float) else None
    return RolesRecord(
        label=subject.label,
        positive=positive,
        score=subject.score,
        prediction=subject.prediction,
        threshold=subject.threshold if _is_cut(subject) else None,
        sensitive=list(subject.sensitive),
        features=list(subject.features),
        weight=subject.weight,
    )


def _is_cut(subject: Subject) -> bool:
    """Whether a threshold on a score decides."""
    scored = "scores" in subject.has or (subject.counts is not None and subject.score is not None)
    return subject.task == "binary" and scored


def environment() -> EnvironmentRecord:
    """Write down what this process runs on; nothing that names a person or a machine."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return EnvironmentRecord(
        python=platform.python_version(),
        packages=packages,
        platform=f"{platform.system()} {platform.machine()}",
        threads=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        git=_git(),
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    )


def _git() -> GitRecord | None:
    try:
        commit = _git_says("rev-parse", "HEAD")
        dirty = bool(_git_says("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return GitRecord(commit=commit, dirty=dirty)


def _git_says(*words: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words, no shell
        ["git", *words],  # noqa: S607 - the user's own git
        capture_output=True, check=True, text=True, timeout=5,
    )  # fmt: skip
    return done.stdout.strip()
