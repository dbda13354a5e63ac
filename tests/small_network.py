"""A tiny network behind a simple encoder, for tests of what looks into a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch


class SkipsAhead(torch.nn.Module):
    """Reads its input twice, so that its first layer is no way in."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.first = linear(inputs, hidden, 0, 0.3)
        self.last = linear(hidden + inputs, 1, 1, 0.3)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        both = torch.cat([torch.relu(self.first(rows)), rows], dim=1)
        out: torch.Tensor = self.last(both)
        return out.squeeze(-1)


class LastStep(torch.nn.Module):
    """An LSTM over (n, steps, channels)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(channels, 6, batch_first=True)
        self.last = torch.nn.Linear(6, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.last(self.lstm(rows)[0][:, -1])
        return out.squeeze(-1)


@dataclass(frozen=True)
class SmallModel:
    """Satisfies `auditkit.models.NetworkModel`.

    Numbers are taken as they are, texts become one-hot over the given categories. Where `steps`
    is set, all columns are numbers, and column j belongs to step j // channels.
    """

    network: torch.nn.Module
    columns: Mapping[str, Sequence[str] | None]
    steps: int = 0
    temperature: float = 1.0
    kind: str = "small"
    parameters: int | None = None
    sha256: str | None = None

    @property
    def players(self) -> dict[str, npt.NDArray[np.int64]]:
        widths = [1 if kinds is None else len(kinds) for kinds in self.columns.values()]
        ends = np.cumsum(widths)
        return {
            name: np.arange(end - width, end, dtype=np.int64)
            for name, end, width in zip(self.columns, ends, widths, strict=True)
        }

    def encode(self, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
        parts: list[npt.NDArray[Any]] = []
        for name, kinds in self.columns.items():
            values = rows[name].to_numpy()
            parts += [values] if kinds is None else [values == kind for kind in kinds]
        encoded = np.stack(parts, axis=1).astype(np.float32)
        return encoded.reshape(len(rows), self.steps, -1) if self.steps else encoded

    def scores_of(self, encoded: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        array = np.array(encoded, dtype=np.float32)
        if self.steps:
            array = array.reshape(len(array), self.steps, -1)
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(array)).double().reshape(-1)
        scores: npt.NDArray[np.float64] = torch.sigmoid(logits / self.temperature).numpy()
        return scores

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return self.scores_of(self.encode(rows))


COLUMNS: dict[str, Sequence[str] | None] = {
    "age": None, "income": None, "sex": ("F", "M"), "job": ("x", "y", "z"), "debt": None,
}  # fmt: skip


def people(n: int, seed: int = 0) -> pd.DataFrame:
    """Rows with the columns of `COLUMNS`, an unread column and an outcome."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["F", "M"], n, p=[0.4, 0.6])
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n) / 50,
            "income": rng.normal(size=n) + (sex == "M"),
            "sex": sex,
            "job": rng.choice(["x", "y", "z"], n),
            "debt": rng.exponential(size=n),
            "race": rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]),
            "y": rng.integers(0, 2, n),
        }
    )


def linear(inputs: int, outputs: int, seed: int, scale: float = 1.0) -> torch.nn.Linear:
    """A layer whose numbers are drawn without touching torch's own random state."""
    rng = np.random.default_rng(seed)
    layer = torch.nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(scale * rng.normal(size=(outputs, inputs))))
        layer.bias.copy_(torch.from_numpy(scale * rng.normal(size=outputs)))
    return layer


def small_mlp(seed: int = 0) -> SmallModel:
    """Linear, ReLU, linear over `COLUMNS`."""
    width = sum(1 if kinds is None else len(kinds) for kinds in COLUMNS.values())
    network = torch.nn.Sequential(
        linear(width, 6, seed), torch.nn.ReLU(), linear(6, 1, seed + 1, 0.7)
    )
    return SmallModel(network.eval(), COLUMNS)


def small_lstm(seed: int = 0) -> tuple[SmallModel, pd.DataFrame]:
    """An LSTM over 3 steps of 2 columns, and rows for it."""
    rng = np.random.default_rng(seed)
    names = [f"{what}_{month}" for month in (1, 2, 3) for what in ("bill", "paid")]
    with torch.device("meta"):
        network = LastStep(2)
    network = network.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(size=tuple(parameter.shape))))
    model = SmallModel(network.eval(), dict.fromkeys(names), steps=3)
    frame = pd.DataFrame(rng.normal(size=(120, 6)), columns=names)
    return model, frame.assign(sex=rng.choice(["F", "M"], 120), y=rng.integers(0, 2, 120))
