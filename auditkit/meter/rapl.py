"""Energy counters of the processor (RAPL) through Linux's powercap files."""

from __future__ import annotations

import functools
from functools import partial
from pathlib import Path

from auditkit.meter.counters import Counter, Counters, RefusedError

#: Where Linux shows the counters.
POWERCAP = Path("/sys/class/powercap")
#: How long a counter may take to move under load before it is refused; unit: s.
PATIENCE = 0.1


def counters_below(root: Path) -> tuple[Counter, ...]:
    """Find the counters that together cover the processor packages and their memory.

    Cores and graphics lie inside their package, psys around all of them: adding them would count
    twice.

    Args:
        root: The powercap folder.

    Returns:
        Packages and memory, in the order of their folders.

    Raises:
        RefusedError: If there are none, or one cannot be read.

    Example:
        >>> counters_below(Path("nowhere"))
        Traceback (most recent call last):
        auditkit.meter.counters.RefusedError: no powercap counters on this machine
    """
    found = []
    for folder in sorted(root.glob("intel-rapl:*")):
        name = _text(folder / "name")
        is_package = folder.name.count(":") == 1 and name != "psys"
        if is_package or name == "dram":
            span = _number(folder / "max_energy_range_uj")
            title = name if is_package else f"{name} of {folder.name.rsplit(':', 1)[0]}"
            found.append(Counter(title, partial(_number, folder / "energy_uj"), 1e-6, span))
    if not found:
        raise RefusedError("no powercap counters on this machine")
    return tuple(found)


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except PermissionError as error:
        raise RefusedError("no permission to read the powercap counters") from error
    except OSError as error:
        raise RefusedError("the powercap counters cannot be read") from error


def _number(file: Path) -> int:
    text = _text(file)
    if not text.isdecimal():
        raise RefusedError("a powercap counter holds no number")
    return int(text)


def _work() -> None:
    """Keep a core busy for a moment, so that a live counter has to move."""
    sum(range(10_000))


@functools.cache
def rapl(root: Path) -> Counters | str:
    """Find and prove the counters below a folder, once a process.

    Args:
        root: The powercap folder.

    Returns:
        The counters, or why they are refused.

    Example:
        >>> rapl(Path("nowhere"))
        'no powercap counters on this machine'
    """
    try:
        return Counters(counters_below(root), kind="powercap", patience=PATIENCE, work=_work)
    except RefusedError as error:
        return str(error)
