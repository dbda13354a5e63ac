"""One door for every model that a configuration can name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from auditkit.errors import InputError, Problem, quote
from auditkit.models import Model, SequenceModel
from auditkit.models.archives import (
    SAFE_WAYS,
    WHY_NOT_PICKLE,
    check_zip,
    compression,
    is_zip,
    pickles_in,
    read_model_file,
    refuse,
)
from auditkit.models.settings import FileSettings, read_settings

#: Endings of files that are pickles and nothing else.
PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle"})
#: Endings of what torch saves.
TORCH = frozenset({".pt", ".pth", ".pt2", ".ts", ".torchscript", ".ckpt", ".bin"})
#: What can be opened, for messages.
KNOWN = (
    "a folder or .safetensors of the core, a folder of transformers, .skops (scikit-learn), .onnx, "
    ".pt2 (torch.export) or .ts (TorchScript)"
)


def open_model(
    table: Mapping[str, Any],
    folder: Path,
    where: str,
    *,
    task: str,
    positive: object,
    features: Sequence[str] | None,
) -> Model | SequenceModel:
    """Open the model that `[subject.model]` names by `file` or by `endpoint`.

    Args:
        table: `[subject.model]`; which keys it may hold depends on the kind of model.
        folder: Where the configuration lies; paths start here.
        where: What to call the table in a message, for example "auditkit.toml [subject.model]".
        task: Kind of prediction.
        positive: The positive class (binary).
        features: Columns that the model reads, or None.

    Returns:
        The model; it has `task`, `classes` and `features` too.

    Raises:
        InputError: If the table names none or two, or what it names is missing, damaged, a
            pickle, not trusted, or does not fit the rest; every problem is listed.
        MissingExtraError: If a package that this kind of model needs is not installed.

    Example:
        >>> open_model({"file": "no-such.onnx"}, Path(), "auditkit.toml [subject.model]",
        ...     task="binary", positive=1, features=None)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. no-such.onnx: found no such file, expected a model file.
    """
    ways = [way for way in ("file", "endpoint") if way in table]
    if len(ways) != 1:
        found = " and ".join(ways) or "no model"
        raise InputError([Problem(where, found, "exactly one of file, endpoint")])
    if ways == ["endpoint"]:
        from auditkit.models import endpoint

        return endpoint.from_config(
            table, folder, where, task=task, positive=positive, features=features
        )
    named = table["file"]
    if not isinstance(named, str) or not named:
        raise InputError([Problem(f"{where} file", quote(named), "the name of a file or folder")])
    path = folder / named
    suffix = path.suffix.lower()
    if _is_huggingface(path):
        from auditkit.models import huggingface

        return huggingface.from_config(
            table, folder, where, task=task, positive=positive, features=features
        )
    if path.is_dir() or suffix == ".safetensors":
        return _from_core(table, path, where, task)
    opened: Model | SequenceModel = _adapter(path, suffix).from_config(
        table, folder, where, task=task, positive=positive, features=features
    )
    return opened


def _is_huggingface(path: Path) -> bool:
    """Whether a folder is of transformers; one that the core wrote has a `model.json`."""
    signs = any((path / name).exists() for name in ("config.json", "adapter_config.json"))
    return signs and not (path / "model.json").exists()


def _from_core(
    table: Mapping[str, Any], path: Path, where: str, task: str
) -> Model | SequenceModel:
    read_settings(FileSettings, table, where)
    from auditkit.models.torch import TrainedNetwork

    model = TrainedNetwork.load(path if path.is_dir() else path.parent)
    if model.task != task:
        found, expected = f"a {model.task} model ({quote(path.name)})", f"a {task} one"
        raise InputError([Problem(f"{where} file", found, expected, "Set [subject] task.")])
    return cast("Model | SequenceModel", model)  # the core has these two kinds


def _adapter(path: Path, suffix: str) -> Any:  # noqa: ANN401 - a module
    if suffix == ".skops":
        from auditkit.models import sklearn

        return sklearn
    if suffix == ".onnx":
        from auditkit.models import onnx

        return onnx
    if suffix in TORCH:
        from auditkit.models import torch_program

        return torch_program
    return _refuse(path, suffix)


def _refuse(path: Path, suffix: str) -> NoReturn:
    """Say what a file is that no adapter opens; its content counts more than its ending."""
    content = read_model_file(path)
    if suffix in PICKLES:
        packed = compression(content)
        what = WHY_NOT_PICKLE if packed is None else f"{WHY_NOT_PICKLE}, packed with {packed}"
        refuse(path.name, what, KNOWN, SAFE_WAYS)
    if is_zip(content):
        check_zip(content, path.name)
        held = pickles_in(content, path.name)
        if held:
            found = f"{WHY_NOT_PICKLE} (it lies in the archive as {quote(held[0])})"
            refuse(path.name, found, KNOWN, SAFE_WAYS)
    refuse(path.name, f"a file ending in {quote(suffix)}", KNOWN, SAFE_WAYS)
