"""Small subjects whose training record says what it cost, for the energy audit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from auditkit import meter
from auditkit.audits.energy import Energy
from auditkit.evidence import Measurement, Table
from auditkit.subject import DataSource, Subject

QUICK = Energy(repeats=6, seconds=0.0)
NO_COUNTER = "no counter"


class Network:
    """A network over three columns; counts how often it is asked."""

    kind = "mlp"
    sha256 = "0"

    def __init__(self, network: nn.Module, width: int = 3) -> None:
        self.network = network
        self.width = width
        self.asked: list[int] = []

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())

    @property
    def players(self) -> dict[str, npt.NDArray[np.int64]]:
        return {"x": np.arange(self.width)}

    def encode(self, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
        return np.repeat(rows[["x"]].to_numpy(dtype=np.float32), self.width, axis=1)

    def scores_of(self, encoded: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.full(len(encoded), 0.5)

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        self.asked.append(len(rows))
        return self.scores_of(self.encode(rows))


class Opaque:
    """A model that cannot be looked into and does not know its size."""

    kind = "endpoint"
    sha256 = None
    parameters = None

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.full(len(rows), 0.5)


def mlp() -> Network:
    torch.set_num_threads(1)
    return Network(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1), nn.Flatten(0)))


def cost(**changes: Any) -> meter.Cost:
    energy = meter.Energy(40.0, 16.0, 230.0, "estimated", f"a model; {NO_COUNTER}")
    facts: dict[str, Any] = {
        "name": "train", "seconds": 6.0, "cpu_seconds": 10.0, "children_cpu_seconds": 0.0,
        "exclusive_seconds": 6.0, "exclusive_cpu_seconds": 10.0, "peak_memory_bytes": 300_000_000,
        "peak_memory_scope": "phase", "minor_faults": 5, "threads": 2, "contended": False,
        "energy": energy, "exclusive_energy": energy, "parent": None,
    }  # fmt: skip
    return meter.Cost(**{**facts, **changes})


def record(**changes: Any) -> SimpleNamespace:
    facts = {"cost": cost().to_dict(), "samples_seen": 1234, "privacy": None}
    return SimpleNamespace(**{**facts, **changes})


def make(model: object, rows: int = 50, **changes: Any) -> Subject:
    frame = pd.DataFrame({"x": np.arange(rows, dtype=float), "y": np.arange(rows) % 2})
    facts: dict[str, Any] = {
        "name": "test", "rows": frame, "label": "y", "positive": 1, "sensitive": (),
        "groups": {}, "source": DataSource("test", "0", rows), "model": model, "record": record(),
    }  # fmt: skip
    return Subject(**{**facts, **changes})


def run(subject: Subject, audit: Energy = QUICK) -> tuple[dict[str, Measurement], Table]:
    found = list(audit.run(subject, np.random.default_rng(0)))
    numbers = [m for m in found if isinstance(m, Measurement)]
    assert len({m.metric for m in numbers}) == len(numbers)
    (phases,) = [t for t in found if isinstance(t, Table) and t.name == "phases"]
    return {m.metric: m for m in numbers}, phases
