"""Where a network is trained: the CPU, or CUDA where there is one."""

from __future__ import annotations

import os

import torch

from auditkit.errors import InputError, Problem
from auditkit.training.privacy_settings import Privacy
from auditkit.training.settings import Training


def device_for(training: Training, privacy: Privacy | None = None, where: str = "") -> torch.device:
    """Choose the device.

    Of several processes on a machine (see `auditkit.training.parallel`) each takes one of its own.

    Args:
        training: Settings; `device` says what is wanted.
        privacy: Settings of private training, which takes the CPU, or None.
        where: File and section, for messages.

    Returns:
        The device. Where "auto" has less CUDA devices than processes, it is the CPU for all.

    Raises:
        InputError: If CUDA is wanted and there is none, not enough, or training is private.

    Example:
        >>> device_for(Training(device="cpu"))
        device(type='cpu')
    """
    here, processes = _process()
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if training.device == "cuda":
        problems = []
        place = f"{where} device".strip() if where else "Training.device"
        if privacy is not None:
            problems.append(Problem(place, "cuda for private training", "cpu or auto"))
        if found < processes:
            wanted = "a CUDA device" if processes == 1 else f"{processes} CUDA devices"
            hint = 'With device = "auto" the CPU is taken where there is no CUDA.'
            problems.append(Problem(place, f"{found or 'no'} CUDA devices", wanted, hint))
        if problems:
            raise InputError(problems)
    if training.device == "cpu" or privacy is not None or found < processes:
        return torch.device("cpu")
    return torch.device("cuda", here)


def device_name(device: torch.device) -> str:
    """Name a device for the record.

    Example:
        >>> device_name(torch.device("cpu"))
        'cpu'
    """
    if device.type == "cpu":
        return "cpu"
    return f"{device.type} ({torch.cuda.get_device_name(device)})"


def _process() -> tuple[int, int]:
    """Number of this process among those of the machine, and how many they are."""
    said = os.environ.get("LOCAL_RANK", ""), os.environ.get("LOCAL_WORLD_SIZE", "")
    if not all(number.isdigit() for number in said):
        return 0, 1
    return int(said[0]), int(said[1])
