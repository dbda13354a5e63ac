"""Energy counters of NVIDIA graphics processors, through the extra `nvidia`."""

from __future__ import annotations

import functools
import time
from functools import partial
from pathlib import Path
from typing import Any

from auditkit.meter.counters import Counter, Counters, RefusedError

#: Where the system shows a graphics processor; without a node the library is not even imported.
DEVICES = Path("/dev")
#: How long a counter may take to move before it is refused; it is updated up to every 0.1 s and an
#: idle card draws power too; unit: s.
PATIENCE = 0.5


@functools.cache
def nvml(devices: Path) -> Counters | str | None:
    """Find and prove the energy counter of every card, once a process.

    Args:
        devices: Folder of device nodes.

    Returns:
        The counters; why they are refused; or None where the machine has no such card.

    Source:
        NVML, `nvmlDeviceGetTotalEnergyConsumption`: mJ since the driver was loaded, of the card.

    Example:
        >>> nvml(Path("nowhere")) is None
        True
    """
    if not any(node for pattern in ("nvidia[0-9]*", "dxg") for node in devices.glob(pattern)):
        return None
    try:
        import pynvml
    except ImportError:
        return "needs nvidia-ml-py: pip install 'auditkit-rai[nvidia]'"
    try:
        found = _cards(pynvml)
        return Counters(found, kind="NVML", patience=PATIENCE, work=partial(time.sleep, 0.005))
    except RefusedError as error:
        return str(error)


def _cards(library: Any) -> list[Counter]:  # noqa: ANN401 - a module without types
    try:
        library.nvmlInit()
        cards = [library.nvmlDeviceGetHandleByIndex(i) for i in range(library.nvmlDeviceGetCount())]
        names = [library.nvmlDeviceGetName(card) for card in cards]
    except library.NVMLError as error:
        raise RefusedError(f"NVML says: {error}") from error
    if not cards:
        raise RefusedError("NVML lists no card")
    return [
        Counter(f"GPU {i} ({name})", partial(_energy, library, card), 1e-3)
        for i, (card, name) in enumerate(zip(cards, names, strict=True))
    ]


def _energy(library: Any, card: object) -> int:  # noqa: ANN401 - a module without types
    try:
        return int(library.nvmlDeviceGetTotalEnergyConsumption(card))
    except library.NVMLError as error:
        raise RefusedError(f"NVML says: {error}") from error
