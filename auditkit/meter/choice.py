"""Where the energy of phases may come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from auditkit.errors import InputError, Problem, quote
from auditkit.meter.costs import Cost
from auditkit.meter.energy import WATTS_PER_BUSY_CORE, Energy, WattsPerCore
from auditkit.meter.nvml import DEVICES
from auditkit.meter.rapl import POWERCAP
from auditkit.meter.tracker import demand_codecarbon
from auditkit.meter.wall import MOST_GAP, WallMeter


@dataclass(frozen=True)
class Sources:
    """What may be tried, in this order; each must prove itself.

    Attributes:
        wall: A plug meter's file: the whole machine, and then nothing else is added.
        powercap: Folder of Linux's counters of the processor.
        devices: Folder of device nodes, in which NVIDIA cards are looked for.
        codecarbon: Whether CodeCarbon estimates processor and memory where no counter is proved.
        watts: Coefficients of the CPU-time model, which is left.
    """

    wall: WallMeter | None = None
    powercap: Path = POWERCAP
    devices: Path = DEVICES
    codecarbon: bool = False
    watts: WattsPerCore = WATTS_PER_BUSY_CORE


_chosen: ContextVar[Sources | None] = ContextVar("auditkit_sources", default=None)


def chosen() -> Sources:
    """Give the sources that hold here; those of `sources`, or the default ones."""
    return _chosen.get() or Sources()


@contextmanager
def use(given: Sources | None) -> Iterator[None]:
    """Have every phase that begins in the `with` block take these sources.

    Args:
        given: The sources; None leaves those that hold already.

    Yields:
        Nothing.
    """
    token = _chosen.set(given or _chosen.get())
    try:
        yield
    finally:
        _chosen.reset(token)


def sources(
    *,
    wall: str | Path | None = None,
    most_gap: float = MOST_GAP,
    codecarbon: bool = False,
    watts: WattsPerCore = WATTS_PER_BUSY_CORE,
) -> AbstractContextManager[None]:
    """Choose where the energy of every phase in the `with` block comes from.

    The plug meter's file may grow meanwhile: it is read again when a phase ends. Its clock must be
    that of this machine. What it does not cover comes from the next source, with the reason.
    Phases of other threads keep the default sources.

    Args:
        wall: File of a plug meter, CSV or JSON: times, and watts or cumulative watt-hours.
        most_gap: Longest gap between its readings that is bridged; unit: s.
        codecarbon: Whether CodeCarbon's offline tracker estimates processor and memory where no
            counter is proved (extra `codecarbon`).
        watts: Coefficients of the CPU-time model.

    Returns:
        A context manager.

    Raises:
        InputError: If the file is wrong, or the gap not positive; every problem is listed.
        MissingExtraError: If CodeCarbon is asked for and not installed.

    Example:
        >>> from auditkit import meter
        >>> with meter.sources(watts=WattsPerCore(2, 4, 8, "my data sheet")):
        ...     with meter.phase("train") as measured:
        ...         _ = sum(range(100_000))
        >>> measured.cost.energy.joules > 0
        True
    """
    return use(open_sources(wall, most_gap, codecarbon=codecarbon, watts=watts))


def open_sources(
    wall: str | Path | None = None,
    most_gap: float = MOST_GAP,
    *,
    codecarbon: bool = False,
    watts: WattsPerCore = WATTS_PER_BUSY_CORE,
) -> Sources:
    """Check what `sources` is given, and open it.

    Args:
        wall: As there.
        most_gap: As there.
        codecarbon: As there.
        watts: As there.

    Returns:
        The sources, for `use`.

    Raises:
        InputError: As there.
        MissingExtraError: As there.
    """
    if not most_gap > 0:
        raise InputError([Problem("most_gap", quote(most_gap), "a number of seconds above 0")])
    if codecarbon:
        demand_codecarbon()
    meter = None if wall is None else WallMeter(wall, most_gap)
    return Sources(wall=meter, codecarbon=codecarbon, watts=watts)


def wall_energy(cost: Cost, path: str | Path, *, most_gap: float = MOST_GAP) -> Energy:
    r"""Find what a plug meter read during a phase that has ended, from a file exported later.

    Args:
        cost: Cost of the phase.
        path: File of the plug meter.
        most_gap: Longest gap between its readings that is bridged; unit: s.

    Returns:
        Energy of the whole machine.

    Raises:
        InputError: If the file is wrong or does not cover the phase, or the cost does not say
            when the phase began.

    Example:
        >>> import tempfile, time
        >>> from auditkit import meter
        >>> with meter.phase("train") as measured:
        ...     _ = sum(range(100_000))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "plug.csv")
        ...     readings = f"{time.time() - 5},40\n{time.time() + 4},42\n"
        ...     _ = file.write_text(f"time,watts\n{readings}")
        ...     wall_energy(measured.cost, file).basis
        'measured'
    """
    found: Energy | str = "no time at which it began"
    if cost.started is not None:
        found = WallMeter(path, most_gap).energy(cost.started, cost.started + cost.seconds)
    if isinstance(found, str):
        expected = "a phase that the wall meter covers"
        raise InputError([Problem(f"phase {quote(cost.name)}", found, expected)])
    return found
