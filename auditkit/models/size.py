"""How many bytes a trained model takes."""

from __future__ import annotations

from typing import Any


def weight_bytes(network: Any) -> int:  # noqa: ANN401 - torch is imported where it is used
    """Bytes of the weights of a network: each parameter and buffer once, by the size of its type.

    Args:
        network: A `torch.nn.Module`.

    Returns:
        Bytes in memory, without code, encoding and names.

    Example:
        >>> import torch
        >>> weight_bytes(torch.nn.Linear(3, 4)), weight_bytes(torch.nn.Linear(3, 4).half())
        (64, 32)
    """
    held = [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in held)


def model_bytes(model: object) -> tuple[int, str] | None:
    """Bytes of a model, and what was counted.

    Args:
        model: Any model of `auditkit.models`.

    Returns:
        Those of the weights where it is a torch network, else of the file it was opened from, and
        "weights" or "file"; None where it says neither.

    Example:
        >>> model_bytes(object()) is None
        True
    """
    network = getattr(model, "network", None)
    if hasattr(network, "parameters") and hasattr(network, "buffers"):
        return weight_bytes(network), "weights"
    size = getattr(model, "file_bytes", None)
    return None if size is None else (int(size), "file")
