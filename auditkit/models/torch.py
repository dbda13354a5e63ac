"""A torch network behind a learnt encoding, and how it is saved: safetensors and JSON, no code."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from auditkit.encoding import Encoder, encoder_from_dict
from auditkit.errors import InputError, Problem, quote
from auditkit.roles import Task
from auditkit.training.seq2seq import Seq2SeqNetwork
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import AnyArchitecture, Architecture, architecture_from
from auditkit.training.target import Target
from auditkit.training.text_target import AnyTarget, TextTarget, target_from_dict

T = TypeVar("T")

#: Names of the two files of a saved model.
WEIGHTS, CONFIG = "model.safetensors", "model.json"
#: Format of `model.json`.
FORMAT = 2
#: Rows scored at once.
ROWS_AT_ONCE = 8_192
#: Largest `model.json` that is read; unit: bytes.
LARGEST_CONFIG = 64_000_000
#: Keys of `model.json`.
_KEYS = {
    "format": int,
    "kind": str,
    "architecture": dict,
    "encoder": dict,
    "target": dict,
    "sha256": str,
}


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network with the encoding that was learnt for it, whatever it gives.

    Attributes:
        network: Takes encoded rows; put into evaluation mode here.
        encoder: Encoding of raw rows.
        kind: What it is, a key of `auditkit.training.settings.ARCHITECTURES`.
        architecture: Settings of the network.
        target: What it gives, and how that is read.
    """

    network: torch.nn.Module
    encoder: Encoder
    kind: str
    architecture: AnyArchitecture
    target: AnyTarget = field(default_factory=Target)

    def __post_init__(self) -> None:
        self.network.eval()

    @property
    def parameters(self) -> int:
        """Number of trainable numbers."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    @property
    def sha256(self) -> str:
        """Digest of weights and configuration."""
        return _digest(self._config(), self._weights())

    @property
    def task(self) -> Task:
        """Kind of prediction."""
        return self.target.task

    @property
    def features(self) -> tuple[str, ...]:
        """Raw columns that the model reads."""
        return self.encoder.features

    def encode(self, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Encode raw rows as the network takes them.

        Args:
            rows: Raw rows; other columns are ignored.

        Returns:
            Shape (n, ...), float32.

        Raises:
            InputError: If a feature is missing or cannot be encoded; all are listed.
        """
        return self.encoder.encode(rows)

    def save(self, folder: str | Path) -> None:
        """Save as `model.safetensors` and `model.json`; neither can hold code.

        Each file is written beside its place and then moved there, and the second holds the digest
        of both, so that a save that was cut short is noticed when it is loaded.

        Args:
            folder: Where to; made if it does not exist.
        """
        from safetensors.torch import save

        weights, config = self._weights(), self._config()
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        described = {**config, "sha256": _digest(config, weights)}
        write_file(target / WEIGHTS, save(weights))
        text = json.dumps(described, indent=1, sort_keys=True, allow_nan=False)
        write_file(target / CONFIG, f"{text}\n".encode())

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load what `save` wrote. Nothing in the files is executed.

        Args:
            folder: The folder.

        Returns:
            A model that gives the same, bit by bit: a `TorchModel` or a `Seq2SeqModel`.

        Raises:
            InputError: If a file is missing, damaged, of an unknown kind or format, does not fit
                the other, or holds a model of another class than this one.
        """
        model = _load(Path(folder))
        if not isinstance(model, cls):
            found, expected = f"a {model.task} model", f"one that {cls.__name__} can hold"
            raise InputError([Problem(CONFIG, found, expected)])
        return model

    def _weights(self) -> dict[str, torch.Tensor]:
        state = self.network.state_dict()
        return {name: state[name].detach().cpu().contiguous() for name in sorted(state)}

    def _config(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "kind": self.kind,
            "architecture": dataclasses.asdict(self.architecture),
            "encoder": self.encoder.to_dict(),
            "target": self.target.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class TorchModel(TrainedNetwork):
    """A trained network that scores rows; satisfies `auditkit.models.NetworkModel`.

    Its network gives logits (n,) or (n, classes), or standardised numbers (n,).

    Example:
        >>> import auditkit, pandas as pd
        >>> rows = pd.DataFrame({"x": [0.0, 1.0] * 20, "y": [0, 1] * 20})
        >>> model, _ = auditkit.fit(auditkit.MLP(hidden=(4,)), rows, label="y")
        >>> model.kind, model.parameters, model.scores(rows).shape
        ('mlp', 13, (40,))
    """

    architecture: Architecture
    target: Target = field(default_factory=Target)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of the scores of a multiclass model; empty for others."""
        return self.target.classes

    @property
    def players(self) -> dict[str, npt.NDArray[np.int64]]:
        """Positions of each raw feature in a flattened encoded row."""
        return self.encoder.players

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score raw rows.

        Args:
            rows: Raw rows; other columns are ignored.

        Returns:
            As `scores_of`.

        Raises:
            InputError: If a feature is missing or cannot be encoded; all are listed.
        """
        return self.scores_of(self.encode(rows))

    def scores_of(self, encoded: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Score encoded rows.

        Args:
            encoded: Shape (n, ...) as `encode` gives them, or flattened (n, p).

        Returns:
            Probability of the positive class (n,), of each of `classes` (n, classes), or the
            predicted numbers (n,) of a regression.
        """
        array = np.ascontiguousarray(encoded, dtype=np.float32)
        rows = torch.from_numpy(array.reshape(len(array), *self.encoder.shape))
        shape = (len(array), self.target.outputs)[: 1 + bool(self.classes)]
        scores = np.empty(shape, dtype=np.float64)
        with torch.inference_mode():
            for start in range(0, len(array), ROWS_AT_ONCE):
                part = slice(start, start + ROWS_AT_ONCE)
                scores[part] = self.target.read(self.network(rows[part]))
        return scores


@dataclass(frozen=True, eq=False)
class Seq2SeqModel(TrainedNetwork):
    """A trained network that writes a text for each row.

    Example:
        >>> import auditkit, pandas as pd
        >>> rows = pd.DataFrame({"word": ["ab", "ba"] * 20, "sound": ["A B", "B A"] * 20})
        >>> settings = auditkit.Seq2Seq("word", hidden=4)
        >>> task = {"label": "sound", "task": "sequence-to-sequence"}
        >>> model, _ = auditkit.fit(settings, rows, **task, training=auditkit.Training(epochs=1))
        >>> model.kind, model.predictions(rows).shape
        ('seq2seq', (40,))
    """

    network: Seq2SeqNetwork
    architecture: Seq2Seq
    target: TextTarget

    def predictions(self, rows: pd.DataFrame) -> npt.NDArray[np.object_]:
        """Write a text for each row, as `architecture.beam` says.

        Args:
            rows: Raw rows; other columns are ignored.

        Returns:
            Shape (n,), each a `str`.

        Raises:
            InputError: If the source column is missing or holds something that is no text.
        """
        from auditkit.training.decoding import written

        encoded = torch.from_numpy(self.encode(rows))
        length, beam = self.target.text.length, self.architecture.beam
        return self.target.read(written(self.network, encoded, length, beam))


def model_of(
    network: torch.nn.Module, encoder: Encoder, architecture: AnyArchitecture, target: AnyTarget
) -> TorchModel | Seq2SeqModel:
    """Make the model that goes with a target.

    Raises:
        ValueError: If what it is to give is not what the network gives.
    """
    kind = architecture.kind
    if isinstance(architecture, Seq2Seq):
        if isinstance(network, Seq2SeqNetwork) and isinstance(target, TextTarget):
            return Seq2SeqModel(network, encoder, kind, architecture, target)
    elif isinstance(target, Target):
        return TorchModel(network, encoder, kind, architecture, target)
    raise ValueError(f"a {kind} for a {target.task} task")


def _load(folder: Path) -> TorchModel | Seq2SeqModel:
    from safetensors.torch import load

    from auditkit.training.networks import network_for

    config = _read_config(folder / CONFIG)
    kind, settings = config["kind"], config["architecture"]
    architecture = architecture_from(kind, settings, f"{CONFIG} architecture")
    encoder = encoder_from_dict(config["encoder"])
    target = target_from_dict(config["target"])
    weights = _read(folder / WEIGHTS, load, "safetensors file")
    try:
        network = network_for(architecture, encoder, generator=None, outputs=target.outputs)
        model = model_of(network, encoder, architecture, target)
    except ValueError as error:
        raise InputError([Problem(CONFIG, str(error), "parts that fit each other")]) from None
    _fill(network, weights)
    if model.sha256 != config["sha256"]:
        found = "files that do not belong together, or were changed"
        raise InputError([Problem(CONFIG, found, "the digest that was saved")])
    return model


def _digest(config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, allow_nan=False).encode())
    for name, tensor in weights.items():
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Args:
        path: The file; what was there before is replaced.
        content: Its bytes.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _read(path: Path, parse: Callable[[bytes], T], kind: str, largest: float = math.inf) -> T:
    from safetensors import SafetensorError

    try:
        if path.stat().st_size > largest:
            raise InputError([Problem(path.name, f"{path.stat().st_size} bytes", kind)])
        content = path.read_bytes()
    except OSError as error:
        hint = "Give the folder that model.save wrote."
        raise InputError([Problem(path.name, f"{error.strerror}", kind, hint)]) from None
    try:
        return parse(content)
    except (ValueError, KeyError, RecursionError, SafetensorError) as error:
        found = f"no whole {kind} ({quote(error)})"
        raise InputError([Problem(path.name, found, f"{kind} as it was saved")]) from None


def _read_config(path: Path) -> dict[str, Any]:
    config: object = _read(path, json.loads, "JSON file", LARGEST_CONFIG)
    if not isinstance(config, dict):
        raise InputError([Problem(CONFIG, f"a {type(config).__name__}", "an object")])
    problems = [
        Problem(f"{CONFIG} {key}", quote(config.get(key)), kind.__name__)
        for key, kind in _KEYS.items()
        if not isinstance(config.get(key), kind)
    ]
    problems += [Problem.unknown(CONFIG, key, _KEYS, "a key") for key in config if key not in _KEYS]
    if not problems and config["format"] != FORMAT:
        problems.append(Problem(f"{CONFIG} format", str(config["format"])[:80], str(FORMAT)))
    if problems:
        raise InputError(problems)
    return config


def _fill(network: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Put weights into a network without numbers, once they are known to fit."""
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    problems = [Problem.unknown(WEIGHTS, k, wanted, "a tensor") for k in weights if k not in wanted]
    for name, shape in wanted.items():
        tensor = weights.get(name)
        expected = f"{name}: float32 of shape {tuple(shape)}"
        if tensor is None:
            problems.append(Problem(WEIGHTS, "nothing", expected))
        elif tensor.shape != shape or tensor.dtype != torch.float32:
            found = f"{tensor.dtype} of shape {tuple(tensor.shape)}"
            problems.append(Problem(WEIGHTS, found, expected))
        elif not bool(torch.isfinite(tensor).all()):
            problems.append(Problem(WEIGHTS, "NaN or infinity", f"{name}: finite numbers"))
    if problems:
        raise InputError(problems)
    network.load_state_dict(weights, assign=True)
