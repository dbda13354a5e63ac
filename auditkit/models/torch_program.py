"""Torch archives that are programs: opened only once the user says that the file is trusted."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from auditkit.errors import InputError, Problem
from auditkit.models.archives import (
    WHY_NOT_PICKLE,
    check_zip,
    digest,
    is_zip,
    read_model_file,
    refuse,
)
from auditkit.models.inputs import matrix, settle_features
from auditkit.models.module import run_network
from auditkit.models.outputs import Output, Reading, reading, settle_output, told
from auditkit.models.settings import ClassName, FileSettings, both, read_settings
from auditkit.roles import Task

#: What a file of the torch family holds.
Holds = Literal["torch.export", "TorchScript", "state"]
#: What to do with a state file.
STATE_WAYS = (
    "Save a network of the core with model.save(folder), any other as ONNX or with "
    "torch.export.save; or build it in Python, fill it with auditkit.models.module.load_state "
    "and audit a ModuleModel."
)


class ProgramSettings(FileSettings):
    """`[subject.model]` of a torch archive.

    Attributes:
        trusted: Whether the user knows who made the file, and wants it to run.
        output: What the numbers of a classifier are; needed for one.
        classes: Names of the classes in the order of the columns.
    """

    trusted: bool = False
    output: Output | None = None
    classes: list[ClassName] | None = None


@dataclass(frozen=True, eq=False)
class TorchProgram:
    """A program from a torch archive; satisfies `auditkit.models.Model`.

    Attributes:
        program: Takes features (b, p), float32, gives (b,), (b, 1) or (b, k) numbers.
        features: Columns that it reads, in its own order; numbers all.
        reading: How its numbers are read.
        kind: What it is, "torch.export" or "TorchScript".
        name: What to call it in a message.
        sha256: Digest of the file.
        parameters: Number of trainable numbers.
        batch: Rows that it takes at once, where it fixes that.
        file_bytes: Size of the file, or None where it came from none.
    """

    program: Any
    features: tuple[str, ...]
    reading: Reading
    kind: str
    name: str
    sha256: str
    parameters: int
    batch: int | None = None
    file_bytes: int | None = None

    @property
    def task(self) -> Task:
        """Kind of prediction."""
        return self.reading.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of a multiclass model."""
        return self.reading.classes

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score raw rows.

        Args:
            rows: Raw rows; columns are found by name, others are ignored.

        Returns:
            Shape (n,) or (n, k); see `Reading.scores`.

        Raises:
            InputError: If a feature is missing or holds no numbers; all are listed.
            ModelError: If the program fails, or gives something that is no score.
        """
        encoded: npt.NDArray[np.float32] = matrix(rows, self.features)
        return run_network(self.program, encoded, self.reading, self.name, self.batch)


def from_config(
    table: Mapping[str, Any],
    folder: Path,
    where: str,
    *,
    task: str,
    positive: object,
    features: Sequence[str] | None,
) -> TorchProgram:
    """Load the torch archive that a configuration names, once the user trusts it.

    Args:
        table: `[subject.model]`: see `ProgramSettings`.
        folder: Where the configuration lies.
        where: What to call the table in a message.
        task: Kind of prediction.
        positive: The positive class (binary).
        features: Columns that the program reads, in its own order.

    Returns:
        The model.

    Raises:
        InputError: If a setting is wrong, the user does not trust the file, or the file is
            missing, damaged, no program, or takes another number of features.
    """
    settings = read_settings(ProgramSettings, table, where)
    path = folder / settings.file
    content = read_model_file(path)
    holds = what_it_holds(content, path.name)
    if holds == "state":
        found = f"weights without a network, in {WHY_NOT_PICKLE}"
        refuse(path.name, found, "a network", STATE_WAYS)
    if not settings.trusted:
        found = f"a {holds} archive, which is a program: opening it runs it"
        hint = "If you know who made it and want it to run, write trusted = true."
        refuse(path.name, found, "a file without code, or one that you trust", hint)
    program, batch, width = _opened(content, holds, path.name)
    names, how = _settled(settings, where, path.name, width, task, positive, features)
    count = sum(parameter.numel() for parameter in program.parameters())
    sha256, size = digest(content), len(content)
    return TorchProgram(program, names, how, holds, path.name, sha256, count, batch, size)


def what_it_holds(content: bytes, name: str) -> Holds:
    """Tell what a file of the torch family holds, whatever its ending; nothing is opened.

    Args:
        content: The file.
        name: What to call it in a message.

    Returns:
        A program of torch.export or TorchScript, or the state of a network.

    Raises:
        InputError: If it is none of these, damaged, or unpacks to too much.
    """
    if not is_zip(content):
        refuse(name, "no file that torch saves today", "an archive of torch.export", STATE_WAYS)
    ends = {member.partition("/")[2] for member in check_zip(content, name)}
    if any(end.startswith("models/") and end.endswith(".json") for end in ends):
        return "torch.export"
    if "constants.pkl" in ends and any(end.startswith("code/") for end in ends):
        return "TorchScript"
    if "data.pkl" in ends:
        return "state"
    return refuse(name, "a zip archive of something else", "an archive of torch.export")


def _settled(
    settings: ProgramSettings,
    where: str,
    name: str,
    width: int | None,
    task: str,
    positive: object,
    features: Sequence[str] | None,
) -> tuple[tuple[str, ...], Reading]:
    """Features and reading, or everything that is wrong with either."""

    def how() -> Reading:
        output = settle_output(task, settings.output, "the program", where)
        return reading(task, output, settings.classes, positive, where)

    return both(lambda: settle_features(None, width, features, where, name), how)


def _opened(content: bytes, holds: Holds, name: str) -> tuple[Any, int | None, int | None]:
    """A program, how many rows it takes at once, and how many features; None where it is free."""
    try:
        with _quiet():
            if holds == "TorchScript":
                scripted = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
                return scripted.eval(), None, None
            exported = torch.export.load(io.BytesIO(content))
            batch, width = _taken(exported)
            return exported.module(), batch, width
    except InputError:
        raise
    except Exception as error:  # torch raises many classes on a damaged program
        found = f"no {holds} program that torch can open ({told(error)})"
        raise InputError([Problem(name, found, "the file as it was saved")]) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Torch without its deprecation of TorchScript, and without tracebacks on stderr."""
    logger = logging.getLogger("torch.export")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", r".*torch\.jit\.\w+. is deprecated", DeprecationWarning
            )
            yield
    finally:
        logger.setLevel(before)


def _taken(exported: torch.export.ExportedProgram) -> tuple[int | None, int | None]:
    """Rows and features that an exported program takes; None where it leaves them free."""
    wanted = exported.graph_signature.user_inputs
    nodes = [node for node in exported.graph.nodes if node.name in wanted]
    shape = tuple(nodes[0].meta["val"].shape) if len(nodes) == 1 else ()
    if len(shape) != 2:
        found = f"{len(nodes)} inputs, the first of shape {shape}"
        refuse("the program", found, "one input of shape (rows, features)")
    batch, width = (size if isinstance(size, int) else None for size in shape)
    return batch, width
