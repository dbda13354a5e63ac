"""Another network behind the same encoding, whatever kind the model is of."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from auditkit.models.inputs import matrix
from auditkit.models.module import ModuleModel
from auditkit.models.swapped import with_network

ROWS = pd.DataFrame({"x": np.linspace(-1, 1, 9), "z": np.linspace(1, 0, 9) ** 2})


@pytest.mark.parametrize(
    ("task", "classes", "width", "more"),
    [
        ("binary", (), 1, {}),
        ("binary", (), 2, {"positive": 0, "classes": (0, 1)}),
        ("binary", (), 1, {"output": "probability"}),
        ("multiclass", ("a", "b", "c"), 3, {"classes": ("a", "b", "c")}),
        ("regression", (), 1, {}),
    ],
)
def test_the_same_network_gives_the_same(
    task: str, classes: tuple[str, ...], width: int, more: dict[str, object]
) -> None:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(2, width)]
    ends = [torch.nn.Sigmoid()] if more.get("output") else []
    network = torch.nn.Sequential(*layers, *ends)
    model = ModuleModel(
        network, lambda rows: matrix(rows, ["x", "z"]), task=task,
        players={"x": [0], "z": [1]}, **more,  # type: ignore[arg-type] # the settings above
    )  # fmt: skip
    twin = with_network(model, copy.deepcopy(model.network), task, classes)
    assert np.allclose(twin.scores(ROWS), model.scores(ROWS), atol=1e-6)
    other = with_network(model, copy.deepcopy(model.network), task, classes)
    with torch.no_grad():
        for parameter in other.network.parameters():
            parameter.mul_(2.0)
    assert not np.allclose(other.scores(ROWS), model.scores(ROWS), atol=1e-3)
