"""What metering a phase costs, and what CodeCarbon says of the same job under usual settings.

Called by `make bench`; one thread. It puts its section at the end of `benchmarks/speed.md`. Without
the extra `codecarbon` the comparison is left out, and the section says so.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
import torch

from auditkit import MLP, Training, fit, meter

PAGE = Path(__file__).parent / "speed.md"
HEADING = "## Metering"
#: Phases that are timed, and CPU seconds of the job that CodeCarbon is run around.
PHASES, JOB = 300, 10.0
#: Settings of CodeCarbon that a careful user might choose; all of them beside its offline tracker.
SETTINGS: dict[str, dict[str, Any]] = {
    "whole machine, its default": {"tracking_mode": "machine"},
    "this process": {"tracking_mode": "process"},
    "this process, `force_cpu_power = 350`": {"tracking_mode": "process", "force_cpu_power": 350},
}
_Times = tuple[float, float]


def clocked(work: Callable[[], object]) -> _Times:
    """CPU and wall seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def burn(seconds: float) -> None:
    """Keep a core busy for so much CPU time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


def empty() -> None:
    """A phase in which nothing happens."""
    with meter.phase("empty"):
        pass


def median(work: Callable[[], object], count: int = PHASES) -> _Times:
    """Medians of CPU and wall seconds of a call, after one that warms up."""
    work()
    cpu, wall = zip(*(clocked(work) for _ in range(count)), strict=True)
    return statistics.median(cpu), statistics.median(wall)


def wall_file(folder: Path) -> Path:
    """An hour of readings, from before now on."""
    now = time.time() - 600
    file = folder / "plug.csv"
    file.write_text("time,watts\n" + "".join(f"{now + i},{40 + i % 7}.5\n" for i in range(3600)))
    return file


def ways(folder: Path) -> dict[str, AbstractContextManager[object]]:
    """What may be switched on around phases."""
    return {
        "as it is": nullcontext(),
        "with a wall meter's file of 3,600 readings": meter.sources(wall=wall_file(folder)),
        "with a journal": meter.journal(folder / "phases.jsonl"),
    }


def epoch_seconds() -> float:
    """An epoch of the census example's network, on as many rows, drawn at random."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(20_000, 14)), columns=[f"x{i}" for i in range(14)])
    rows["y"] = rng.integers(0, 2, len(rows))
    training = Training(epochs=5)
    _, record = fit(MLP(hidden=(64, 32)), rows, label="y", training=training)
    return statistics.median(epoch.seconds for epoch in record.epochs)


def line(name: str, times: _Times, epoch: float) -> str:
    """A line of the table; shares are of CPU time, which other work disturbs least."""
    cpu, wall = times
    shares = f"{cpu:.3%} | {cpu / epoch:.2%} of {epoch * 1000:.0f} ms"
    return f"| {name} | {cpu * 1e6:,.0f} µs | {wall * 1e6:,.0f} µs | {shares} |"


def phase_lines(epoch: float) -> list[str]:
    """A line for each way."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name, around in ways(Path(folder)).items():
            with around:
                lines.append(line(f"a phase, {name}", median(empty), epoch))
    return lines


def tracker(**settings: Any) -> Any:  # noqa: ANN401 - CodeCarbon has no types
    """An offline tracker that writes nothing, in the country of the published comparison."""
    import codecarbon

    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    return codecarbon.OfflineEmissionsTracker(
        country_iso_code="FRA", output_methods=[], log_level="critical", **settings
    )


def started(**settings: Any) -> Any:  # noqa: ANN401 - CodeCarbon has no types
    """A tracker that runs."""
    made = tracker(**settings)
    made.start()
    return made


def codecarbon_lines(epoch: float) -> list[str]:
    """What CodeCarbon's tracker costs: the first one, and later ones."""
    name = "CodeCarbon's offline tracker"
    first = clocked(lambda: started(tracking_mode="process").stop())
    later = median(lambda: started(tracking_mode="process").stop(), 20)
    return [
        line(f"{name}, import and first start and stop", first, epoch),
        line(f"{name}, a later start and stop", later, epoch),
    ]


def job_lines() -> list[str]:
    """The same job inside all trackers and a phase at once, so that all see the same load."""
    trackers = {name: started(**settings) for name, settings in SETTINGS.items()}
    with meter.phase("job") as measured:
        burn(JOB)
    lines, figures = [], []
    for name, running in trackers.items():
        kg = running.stop()
        kwh = running.final_emissions_data.energy_consumed
        figures.append(kwh)
        lines.append(
            f"| CodeCarbon {version()}, {name} | {kwh:.2e} | not given | {kg * 1000:.2e} |"
        )
    energy = measured.cost.energy
    joules, low, high = energy.joules or 0.0, energy.low or 0.0, energy.high or 0.0
    shown = f"{joules / 3.6e6:.2e} | {low / 3.6e6:.2e} to {high / 3.6e6:.2e}"
    lines.append(f"| auditkit, {energy.basis} | {shown} | only for a named region |")
    spread = max(figures) / min(figures)
    return [*lines, "", f"CodeCarbon's highest figure is {spread:.0f} times its lowest."]


def version() -> str:
    """The version of CodeCarbon."""
    import codecarbon

    return str(codecarbon.__version__)


def section() -> list[str]:
    """The whole section."""
    torch.set_num_threads(1)
    epoch = epoch_seconds()
    rows = phase_lines(epoch)
    there = importlib.util.find_spec("codecarbon") is not None
    rows += codecarbon_lines(epoch) if there else []
    load, cores = os.getloadavg()[0], os.cpu_count()
    lines = [
        HEADING, "",
        f"One thread, medians of {PHASES} phases in which nothing happens (CodeCarbon: 20 "
        f"trackers), at a load of {load:.1f} on {cores} cores, this run's own among it. The epoch "
        "is one of the census example's network, over 18,000 rows; shares are of CPU time.", "",
        "| what | CPU | wall time | of a job of 1 s | of an epoch |", "|---|---|---|---|---|",
        *rows, "",
    ]  # fmt: skip
    if not there:
        return [*lines, "CodeCarbon is not installed here, so there is nothing beside it."]
    return [
        *lines,
        f"A job of {JOB:g} CPU seconds on one core, inside all of these at once, so that all saw "
        "the same load:", "",
        "| way | kWh | range | g CO2e, France |", "|---|---|---|---|", *job_lines(),
    ]  # fmt: skip


def main() -> None:
    """Measure everything and put the section at the end of the page."""
    text = "\n".join([*section(), ""])
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(f"{before.split(HEADING)[0].rstrip()}\n\n{text}", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
