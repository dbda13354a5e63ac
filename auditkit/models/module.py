"""Any torch module given in Python, behind a function that encodes raw rows."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from auditkit.errors import InputError, ModelError, Problem, quote
from auditkit.models.archives import check_zip, is_zip, read_model_file, refuse
from auditkit.models.outputs import Output, Reading, reading, told
from auditkit.roles import Task

#: Rows scored at once, where the network does not fix it.
ROWS_AT_ONCE = 8_192


class Single(torch.nn.Module):
    """One number a row out of a network that gives one or two columns.

    Audits that look inside want a logit of the positive class (or the number of a regression),
    shape (b,), whatever shape the network of its owner gives.

    Args:
        inner: The network.
        read: How its numbers are read.

    Example:
        >>> Single(torch.nn.Identity(), Reading("binary", "logit"))(torch.ones(3, 1)).shape
        torch.Size([3])
    """

    def __init__(self, inner: torch.nn.Module, read: Reading) -> None:
        super().__init__()
        self.inner = inner
        self.read = read

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        """Logit of the positive class, or the number of a regression, shape (b,)."""
        given: torch.Tensor = self.inner(encoded)
        columns = given.reshape(len(given), -1)
        if self.read.task == "regression":
            return columns[:, 0]
        positive = 1 if self.read.positive is None else self.read.positive
        if columns.shape[1] == 2:
            columns = columns if self.read.output == "logit" else columns.log()
            return columns[:, positive] - columns[:, 1 - positive]
        logit = columns[:, 0] if self.read.output == "logit" else torch.logit(columns[:, 0])
        return logit if positive == 1 else -logit


class ModuleModel:
    """Any `torch.nn.Module` with a function that encodes raw rows.

    Satisfies `auditkit.models.Model`, and `auditkit.models.NetworkModel` where `players` are given.

    Args:
        network: Takes encoded rows, gives (b,), (b, 1) or (b, k) numbers; put into evaluation mode.
        encode: Gives raw rows as the network takes them: shape (n, ...), float32.
        task: "binary", "multiclass" or "regression".
        classes: Classes in the order of the columns: needed for multiclass; for binary only
            where they are not 0 and 1.
        positive: The positive class (binary).
        output: What the network gives: logits, or probabilities.
        features: Raw columns that `encode` reads, where they are known.
        players: Raw feature to the positions of its values in one flattened encoded row; all
            positions together are each once.
        shape: Shape of one encoded row, where it has more than one dimension and players are
            given.

    Raises:
        InputError: If the arguments do not go together; every problem is listed.

    Example:
        >>> from auditkit.models.inputs import matrix
        >>> network = torch.nn.Linear(1, 1)
        >>> model = ModuleModel(network, lambda rows: matrix(rows, ["x"]), players={"x": [0]})
        >>> rows = pd.DataFrame({"x": [0.0, 1.0]})
        >>> model.kind, model.parameters, model.scores(rows).shape
        ('torch Linear', 2, (2,))
    """

    players: dict[str, npt.NDArray[np.int64]]

    def __init__(
        self,
        network: torch.nn.Module,
        encode: Callable[[pd.DataFrame], npt.NDArray[np.float32]],
        *,
        task: str = "binary",
        classes: Sequence[object] = (),
        positive: object = 1,
        output: Output = "logit",
        features: Sequence[str] = (),
        players: Mapping[str, Sequence[int] | npt.NDArray[np.int64]] | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:
        self.reading = reading(task, output, tuple(classes) or None, positive, "ModuleModel")
        self._given = network.eval()
        self._encode = encode
        self._shape = None if shape is None else tuple(shape)
        self.features = tuple(features or players or ())
        if players is not None:  # only then does it satisfy NetworkModel
            self.players = _checked_players(players, self._shape)

    @property
    def network(self) -> torch.nn.Module:
        """The network in evaluation mode: logits (b,), logits (b, k) or numbers (b,)."""
        if self.task == "multiclass" and self.reading.output == "logit":
            return self._given
        if self.task == "multiclass":
            return torch.nn.Sequential(self._given, _Log()).eval()
        return Single(self._given, self.reading).eval()

    @property
    def kind(self) -> str:
        """What it is: the class of the network."""
        return f"torch {type(self._given).__name__}"

    @property
    def parameters(self) -> int:
        """Number of trainable numbers."""
        return sum(parameter.numel() for parameter in self._given.parameters())

    @property
    def sha256(self) -> str:
        """Digest of the class name and the weights; the code of the module is not in it."""
        return state_digest(self.kind, self._given.state_dict())

    @property
    def task(self) -> Task:
        """Kind of prediction."""
        return self.reading.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of a multiclass model."""
        return self.reading.classes

    def encode(self, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Encode raw rows as the network takes them.

        Args:
            rows: Raw rows.

        Returns:
            Shape (n, ...), float32.

        Raises:
            ModelError: If the encoding gives no such array.
        """
        encoded = np.asarray(self._encode(rows))
        wanted = self._shape
        if wanted is None and hasattr(self, "players"):
            wanted = (sum(map(len, self.players.values())),)
        fits = wanted is None or encoded.shape[1:] == wanted
        if encoded.dtype != np.float32 or encoded.shape[:1] != (len(rows),) or not fits:
            inner = "..." if wanted is None else ", ".join(map(str, wanted))
            raise ModelError(
                f"the encoding gave {encoded.dtype} of shape {encoded.shape} for {len(rows):,} "
                f"rows, expected float32 of shape ({len(rows)}, {inner})"
            )
        return encoded

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score raw rows.

        Args:
            rows: Raw rows.

        Returns:
            Shape (n,) or (n, k); see `Reading.scores`.

        Raises:
            ModelError: If the network fails, or gives something that is no score.
        """
        return self.scores_of(self.encode(rows))

    def scores_of(self, encoded: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Score encoded rows.

        Args:
            encoded: Shape (n, ...) as `encode` gives them, or flattened (n, p).

        Returns:
            Shape (n,) or (n, k); see `Reading.scores`.

        Raises:
            ModelError: If the network fails, or gives something that is no score.
        """
        shaped = encoded if self._shape is None else encoded.reshape(len(encoded), *self._shape)
        return run_network(self._given, shaped, self.reading, self.kind)


class _Log(torch.nn.Module):
    """Logits out of probabilities (b, k), up to a constant that no class feels."""

    def forward(self, probabilities: torch.Tensor) -> torch.Tensor:
        return probabilities.log()


def run_network(
    network: Callable[[torch.Tensor], torch.Tensor],
    encoded: npt.NDArray[np.float32],
    read: Reading,
    who: str,
    batch: int | None = None,
) -> npt.NDArray[np.float64]:
    """Score encoded rows, some at once, and check what comes back.

    Args:
        network: Takes encoded rows, gives numbers.
        encoded: Shape (n, ...).
        read: How the numbers are read.
        who: What to call the network in a message.
        batch: Rows that it takes at once, where it fixes that; the last row fills up the last.

    Returns:
        Shape (n,) or (n, k); see `Reading.scores`.

    Raises:
        ModelError: If the network fails, or gives something that is no score.
    """
    parts = [read.nothing()]
    size = batch or ROWS_AT_ONCE
    for start in range(0, len(encoded), size):
        part = np.array(encoded[start : start + size], dtype=np.float32)
        count = len(part)
        if batch is not None:
            part = np.concatenate([part, part[-1:].repeat(batch - count, axis=0)])
        try:
            with torch.inference_mode():
                given = network(torch.from_numpy(part))
                numbers = given.detach().cpu().double().numpy()
        except Exception as error:  # a network that was brought may raise anything
            what = f"{type(error).__name__}: {told(error)}"
            raise ModelError(f"{who} failed on {count:,} rows: {what}") from error
        parts.append(read.scores(numbers, len(part), who)[:count])
    return np.concatenate(parts)


def state_digest(name: str, state: Mapping[str, torch.Tensor]) -> str:
    """Digest of a name and of tensors, each with its name, type, shape and content."""
    whole = hashlib.sha256(name.encode())
    for key in sorted(state):
        tensor = state[key].detach().cpu().contiguous()
        whole.update(f"\n{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        whole.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def load_state(network: torch.nn.Module, file: str | Path) -> torch.nn.Module:
    """Fill a network with the weights of a state file; nothing in the file is run.

    Args:
        network: A network of the right shape; it is filled in place.
        file: What `torch.save(network.state_dict(), file)` wrote.

    Returns:
        The network, in evaluation mode.

    Raises:
        InputError: If the file is missing, damaged, unpacks to too much, holds anything but
            tensors, or those of another network.

    Source:
        `torch.load(weights_only=True)`, which refuses everything but tensors.
    """
    path = Path(file)
    content = read_model_file(path)
    if not is_zip(content):
        refuse(
            path.name, "no file that torch saves today", "torch.save(network.state_dict(), file)"
        )
    check_zip(content, path.name)
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a crafted file may make it raise anything
        found = f"something that torch does not load as weights alone ({told(error)})"
        raise InputError([Problem(path.name, found, "tensors and nothing else")]) from error
    tensors = isinstance(state, dict) and all(map(torch.is_tensor, state.values()))
    if not tensors:
        refuse(path.name, "no state of a network", "torch.save(network.state_dict(), file)")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        found = f"weights of another network ({told(error)})"
        raise InputError(
            [Problem(path.name, found, f"those of {type(network).__name__}")]
        ) from None
    return network.eval()


def _checked_players(
    players: Mapping[str, Sequence[int] | npt.NDArray[np.int64]], shape: tuple[int, ...] | None
) -> dict[str, npt.NDArray[np.int64]]:
    """Positions as arrays, once they are known to be each once and as many as the row has."""
    arrays = {name: np.asarray(places, dtype=np.int64) for name, places in players.items()}
    together = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *arrays.values()]))
    wanted = len(together) if shape is None else math.prod(shape)
    if not len(together) or not np.array_equal(together, np.arange(wanted)):
        found = f"positions {quote(together.tolist())}"
        expected = f"each of 0 to {wanted - 1} once" if wanted else "a position"
        raise InputError([Problem("ModuleModel players", found, expected)])
    return arrays
