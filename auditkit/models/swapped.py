"""A model with another network behind the same encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from auditkit.models import NetworkModel


def with_network(
    model: NetworkModel,
    network: Any,  # noqa: ANN401 - torch is imported where it is used
    task: str,
    classes: Sequence[str] = (),
) -> NetworkModel:
    """Put a network into the place of that of a model, which stays as it is.

    Args:
        model: The model; `auditkit.models.NetworkModel` says what its network takes and gives.
        network: A `torch.nn.Module` that takes and gives the same.
        task: Kind of prediction.
        classes: Classes in the order of the model's columns (multiclass).

    Returns:
        A model that encodes as the given one does.

    Example:
        >>> import auditkit, copy, pandas as pd
        >>> rows = pd.DataFrame({"x": [0.0, 1.0] * 20, "y": [0, 1] * 20})
        >>> model, _ = auditkit.fit(auditkit.MLP(hidden=(4,)), rows, label="y")
        >>> twin = with_network(model, copy.deepcopy(model.network), "binary")
        >>> bool((twin.scores(rows) == model.scores(rows)).all())
        True
    """
    from auditkit.models.module import ModuleModel
    from auditkit.models.torch import TorchModel

    if isinstance(model, TorchModel):
        return replace(model, network=network)
    return ModuleModel(network, model.encode, task=task, classes=classes)
