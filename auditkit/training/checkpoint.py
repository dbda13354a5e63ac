"""A training run that was killed goes on where it was: one file, written whole after each epoch.

The file is in the safetensors format: numbers, and text that describes them. It holds no code.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError

from auditkit.encoding.raw import STRICT
from auditkit.errors import InputError, Problem, quote
from auditkit.training.record import Epoch
from auditkit.training.seeds import draws

if TYPE_CHECKING:
    from torch import nn

    from auditkit.training.loop import Examples, PlainSteps, Run
    from auditkit.training.settings import AnyArchitecture, Training

#: Name of the file in its folder.
FILE = "checkpoint.safetensors"
#: Format of the file.
FORMAT = 1
_EXPECTED = "a checkpoint as it was saved"
_HINT = "Take it away to train from the beginning."


@dataclass(frozen=True)
class State:
    """What a checkpoint says beside its tensors.

    Attributes:
        format: Format of the file.
        belongs: What is trained, each part by its settings or its digest.
        epochs: The loss curve.
        steps: Optimizer steps.
        rows: Rows met.
        best_epoch: Epoch of the best weights, 0 where none were kept.
        best_loss: Its validation loss.
        factor: Learning rate over the first one.
        lowest: Lowest loss that the schedule saw.
        waited: Epochs since.
        resumed_after: Epochs after which the run went on in another process.
    """

    format: int
    belongs: dict[str, Any]
    epochs: list[Epoch]
    steps: int
    rows: int
    best_epoch: int
    best_loss: float | None
    factor: float
    lowest: float | None
    waited: int
    resumed_after: list[int]

    __pydantic_config__: ClassVar[ConfigDict] = STRICT


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is written down after each epoch, and read again.

    Attributes:
        folder: The folder; made if it does not exist.
        belongs: What is trained. A checkpoint of something else is refused.
        steps: What trains it.
    """

    folder: Path
    belongs: Mapping[str, Any]
    steps: PlainSteps

    def load(self, run: Run) -> None:
        """Put a run where it was; leaves it where there is no checkpoint.

        Args:
            run: The run, at its beginning.

        Raises:
            InputError: If the file is damaged or belongs to another run; says how that differs.
        """
        path = self.folder / FILE
        if not path.exists():
            return
        state, tensors = _read(path)
        problems = list(_differences(self.belongs, state.belongs, path))
        if problems:
            raise InputError(problems)
        run.curve.epochs = list(state.epochs)
        run.curve.steps, run.curve.rows = state.steps, state.rows
        run.curve.resumed_after = [*state.resumed_after, len(state.epochs)]
        schedule, kept = run.schedule, run.kept
        schedule.factor, schedule.waited = state.factor, state.waited
        schedule.best = float("inf") if state.lowest is None else state.lowest
        kept.epoch = state.best_epoch
        kept.loss = float("inf") if state.best_loss is None else state.best_loss
        try:
            self._fill(run, tensors)
        except (RuntimeError, KeyError, ValueError, TypeError) as error:
            raise _damaged(path, error) from None

    def save(self, run: Run) -> None:
        """Write a run down. The file is whole or as it was before.

        Args:
            run: The run, between two epochs.
        """
        from safetensors.torch import save

        from auditkit.models.torch import write_file

        curve, schedule, kept = run.curve, run.schedule, run.kept
        state = State(
            FORMAT,
            dict(self.belongs),
            curve.epochs,
            curve.steps,
            curve.rows,
            kept.epoch,
            _finite(kept.loss),
            schedule.factor,
            _finite(schedule.best),
            schedule.waited,
            curve.resumed_after,
        )
        text = json.dumps(dataclasses.asdict(state), allow_nan=False)
        tensors = {name: held.detach().cpu().contiguous() for name, held in self._held(run).items()}
        described = {"state": text, "sha256": digest(text, tensors)}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_file(self.folder / FILE, save(tensors, described))

    def _held(self, run: Run) -> dict[str, torch.Tensor]:
        held = {f"weights.{name}": value for name, value in run.network.state_dict().items()}
        held |= {f"best.{name}": value for name, value in run.kept.weights.items()}
        for number, values in self.steps.optimizer.state_dict()["state"].items():
            held |= {
                f"optimizer.{number}.{name}": value
                for name, value in values.items()
                if value is not None
            }
        held["random.order"] = self.steps.generator.get_state()
        if draws(run.network):
            held["random.dropout"] = torch.get_rng_state()
            for index in _cuda(run.network):
                held[f"random.cuda{index}"] = torch.cuda.get_rng_state(index)
        return held

    def _fill(self, run: Run, held: Mapping[str, torch.Tensor]) -> None:
        run.network.load_state_dict(_part(held, "weights."))
        run.kept.weights = _part(held, "best.")
        state: dict[int, dict[str, torch.Tensor]] = {}
        for place, value in _part(held, "optimizer.").items():
            number, _, name = place.partition(".")
            state.setdefault(int(number), {})[name] = value
        groups = self.steps.optimizer.state_dict()["param_groups"]
        self.steps.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.steps.generator.set_state(held["random.order"])
        if draws(run.network):
            torch.set_rng_state(held["random.dropout"])
            for index in _cuda(run.network):
                torch.cuda.set_rng_state(held[f"random.cuda{index}"], index)


def belonging(
    architecture: AnyArchitecture,
    training: Training,
    seed: int,
    network: nn.Module,
    examples: Examples,
    held: Examples | None,
) -> dict[str, Any]:
    """Say what a run trains, so that a checkpoint of another is told from it.

    Args:
        architecture: The network.
        training: Settings.
        seed: Seed.
        network: The network with its first weights, which hang on where it starts from.
        examples: Training rows as they are learnt from; the encoding is in their numbers.
        held: Validation rows, or None.

    Returns:
        Plain JSON values. Bits hang on the version of torch too, so it is among them.
    """
    said = {
        "architecture": {"kind": architecture.kind, **dataclasses.asdict(architecture)},
        "training": dataclasses.asdict(training),
        "seed": seed,
        "training rows": digest("", _tensors(examples)),
        "validation rows": None if held is None else digest("", _tensors(held)),
        "first weights": digest("", network.state_dict()),
        "device": examples.y.device.type,
        "torch": torch.__version__,
    }
    plain: dict[str, Any] = json.loads(json.dumps(said))
    return plain


def _tensors(examples: Examples) -> dict[str, torch.Tensor]:
    held = {"x": examples.x, "y": examples.y, "weights": examples.weights}
    return {name: value for name, value in held.items() if value is not None}


def digest(text: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """Digest of a text and of tensors by name.

    Example:
        >>> digest("", {})[:8]
        'e3b0c442'
    """
    sha256 = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        held = tensors[name].detach().cpu().contiguous()
        sha256.update(f"\n{name} {held.dtype} {tuple(held.shape)}\n".encode())
        sha256.update(held.numpy().tobytes())
    return sha256.hexdigest()


def _read(path: Path) -> tuple[State, dict[str, torch.Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            described = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        text = described["state"]
        if digest(text, tensors) != described["sha256"]:
            raise _damaged(path, "its content is not what was saved")
        state = TypeAdapter(State).validate_json(text)
    except (OSError, SafetensorError, KeyError, ValidationError) as error:
        raise _damaged(path, error) from None
    if state.format != FORMAT:
        raise InputError([Problem(path.name, f"format {state.format}", f"format {FORMAT}", _HINT)])
    return state, tensors


def _damaged(path: Path, why: object) -> InputError:
    found = f"a damaged checkpoint ({quote(why)})"
    return InputError([Problem(path.name, found, _EXPECTED, _HINT)])


def _differences(
    here: Mapping[str, Any], there: Mapping[str, Any], path: Path
) -> Iterator[Problem]:
    """What of a checkpoint is not what is to be trained, one problem each."""
    for name in dict.fromkeys([*here, *there]):
        mine, other = here.get(name), there.get(name)
        if isinstance(mine, dict) and isinstance(other, dict):
            yield from _differences(mine, other, path)
        elif mine != other:
            found, expected = f"{name} {quote(other)}", f"{quote(mine)}, as this run has it"
            yield Problem(path.name, found, expected, _HINT)


def _part(held: Mapping[str, torch.Tensor], start: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(start): held[name] for name in held if name.startswith(start)}


def _finite(loss: float) -> float | None:
    return loss if loss < float("inf") else None


def _cuda(network: torch.nn.Module) -> list[int]:
    devices = {weight.device for weight in network.parameters()}
    return sorted(device.index for device in devices if device.type == "cuda")
