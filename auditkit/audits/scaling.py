"""What would more data, or a larger model, cost, and what would it bring?

The audited model's recipe is carried out on shares of its training rows, and with hidden layers
of other widths. A line through the points on logarithmic axes says how cost and error grow, and
foretells both for more rows than there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd

from auditkit import meter
from auditkit.errors import InputError, Problem, quote
from auditkit.evidence import Basis, Cell, Interval, Measurement, Metric, Table
from auditkit.methods.estimates import Estimate, cells_of
from auditkit.methods.scaling import PowerLaw
from auditkit.models import Model
from auditkit.models.runs import ERRORS, Run, run_of, trained
from auditkit.roles import TASKS
from auditkit.subject import Subject

CPU_EXPONENT = Metric(
    "cpu_seconds_exponent",
    "Growth of the CPU time of an epoch",
    "Power of the training rows, or of the parameters, with which the CPU time of an epoch grows: "
    "at 1 twice as many cost twice as much.",
    "exponent",
    better="lower",
)
ERROR_EXPONENT = Metric(
    "error_exponent",
    "Fall of the error with more rows",
    "Power of the training rows with which the error on the assessed rows changes: at -0.1 twice "
    "as many rows leave 93 % of it.",
    "exponent",
    better="lower",
)
SECONDS = Metric(
    "forecast_training_cpu_seconds",
    "Forecast of the CPU time of training",
    "CPU time that training on so many times the rows would take, with as many epochs.",
    *("s", "lower", 0.0),
)
ENERGY = Metric(
    "forecast_training_energy",
    "Forecast of the energy of training",
    "Energy that training on so many times the rows would take, with as many epochs.",
    *("J", "lower", 0.0),
)
FLOPS = Metric(
    "forecast_training_flops",
    "Forecast of the operations of training",
    "Floating-point operations of training on so many times the rows, with as many epochs.",
    *("FLOP", "lower", 0.0),
)
ERROR = Metric(
    "forecast_error_ratio",
    "Forecast of the error",
    "Error on the assessed rows after training on so many times the rows, over that of the audited "
    "model.",
    *("ratio", "lower", 0.0),
)

NO_WIDTHS = "the network of the recipe has no hidden layers whose width could be changed"
_WHERE = "[audits.scaling]"
_ONCE = "each point is one training run: another seed would give a somewhat other one"
_COLUMNS = (
    *("share_of_rows", "width", "rows", "parameters", "epochs"),
    *("cpu_seconds", "joules", "flops", "error", "accuracy"),
)
_CURVE = ("rows", "measured", "fitted", "low", "high")


@dataclass(frozen=True)
class Scaling:
    """Cost and error at shares of the rows and at other widths, with forecasts.

    Attributes:
        shares: Shares of the training rows, in (0, 1); the audited model is the whole.
        widths: Factors of the widths of the hidden layers, tried on the least of the shares.
        factors: How many times as many rows to forecast for, above 1.
        level: Two-sided level of the intervals.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Scaling(shares=(0.5, 1.5))
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.scaling] shares: found '1.5', expected a number in (0, 1).
    """

    name: ClassVar[str] = "scaling"
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    weighted: ClassVar[frozenset[str]] = frozenset(TASKS)
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "model", "train", "recipe"})
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(CPU_EXPONENT, ERROR_EXPONENT, SECONDS, ENERGY, FLOPS, ERROR),
    )

    shares: tuple[float, ...] = (0.125, 0.25, 0.5)
    widths: tuple[float, ...] = (0.25, 0.5, 2.0)
    factors: tuple[float, ...] = (10.0, 100.0)
    level: float = 0.95

    def __post_init__(self) -> None:
        ranges = {
            "shares": (0.0, 1.0, "a number in (0, 1)"),
            "widths": (0.0, np.inf, "a number above 0"),
            "factors": (1.0, np.inf, "a number above 1"),
        }
        problems = [
            Problem(f"{_WHERE} {name}", quote(value), expected)
            for name, (low, high, expected) in ranges.items()
            for value in getattr(self, name)
            if not (isinstance(value, int | float) and low < value < high)
        ]
        if not 0 < self.level < 1:
            problems.append(Problem(f"{_WHERE} level", quote(self.level), "a number in (0, 1)"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Train on less, and with other widths, and draw lines through what that cost.

        Args:
            subject: What is audited.
            rng: Draws the training rows; each share holds the smaller ones.

        Yields:
            Exponents, forecasts, and the tables `runs`, `cost` and `error`.
        """
        train = cast("pd.DataFrame", subject.train)  # `needs` has seen to it
        order = rng.permutation(len(train))
        drawn = {
            share: train.iloc[np.sort(order[: max(1, round(share * len(train)))])]
            for share in sorted({float(share) for share in self.shares})
        }
        runs = [trained(subject, rows, share) for share, rows in drawn.items()]
        whole = run_of(subject, cast("Model", subject.model), subject.record, 1.0)
        by_rows = [*runs, whole]
        by_width = self._by_width(subject, drawn)
        yield from self._exponents(by_rows, by_width)
        yield from self._forecasts(by_rows)
        yield _runs(by_rows, by_width, subject.task)
        yield self._curve("cost", "CPU time over training rows", by_rows, _seconds)
        yield self._curve("error", "Error over training rows", by_rows, lambda run: run.error)

    def _by_width(self, subject: Subject, drawn: Mapping[float, pd.DataFrame]) -> list[Run] | str:
        """Runs of every width on the least share, or why there are none."""
        architecture: Any = getattr(subject.recipe, "architecture", None)
        hidden = getattr(architecture, "hidden", None)
        if not hidden:
            return NO_WIDTHS
        if not drawn:
            return "no share of the rows was asked for to try them on"
        share, rows = next(iter(drawn.items()))
        found = []
        for factor in sorted({1.0, *map(float, self.widths)}):
            changed = dataclasses.replace(architecture, hidden=_scaled(hidden, factor))
            change = {} if factor == 1 else {"architecture": changed}
            found.append(trained(subject, rows, share, width=factor, **change))
        return found

    def _exponents(
        self, by_rows: Sequence[Run], by_width: Sequence[Run] | str
    ) -> Iterator[Measurement]:
        for metric, by, of, x in (
            (CPU_EXPONENT, by_rows, _seconds, "rows"),
            (CPU_EXPONENT, by_width, _seconds, "parameters"),
            (ERROR_EXPONENT, by_rows, lambda run: run.error, "rows"),
        ):
            on = ", all on the least share of the rows" if x == "parameters" else ""
            source = f"a line through the runs on logarithmic axes, over {x}{on}; {_ONCE}"
            where = {"over": x}
            fitted = by if isinstance(by, str) else _law(by, of, x)
            if isinstance(fitted, str):
                yield metric.measure(None, n=0, reason=fitted, source=source, slice=where)
                continue
            yield _shown(metric, fitted.slope(self.level), fitted.n, source, where)

    def _forecasts(self, runs: Sequence[Run]) -> Iterator[Measurement]:
        whole = runs[-1]
        epochs = whole.epochs or 1
        scales: dict[Metric, tuple[Callable[[Run], float | None], float]] = {
            SECONDS: (_seconds, epochs),
            ENERGY: (_joules, epochs),
            FLOPS: (_flops, epochs),
            ERROR: (lambda run: run.error, 1 / whole.error if whole.error else 1.0),
        }
        for factor in sorted({float(factor) for factor in self.factors}):
            where = {"rows": f"{factor:g} times"}
            for metric, (of, scale) in scales.items():
                fitted = _law(runs, of, "rows")
                source = _source(metric, runs, epochs)
                if isinstance(fitted, str) or not whole.rows:
                    reason = fitted if isinstance(fitted, str) else "the rows are not known"
                    yield metric.measure(None, n=0, reason=reason, source=source, slice=where)
                    continue
                found = _times(fitted.at(factor * whole.rows, self.level), scale)
                if metric is ENERGY:
                    found = _widened(found, whole.energy)
                yield _shown(metric, found, fitted.n, source, where)

    def _curve(
        self, name: str, title: str, runs: Sequence[Run], of: Callable[[Run], float | None]
    ) -> Table:
        """What was measured, and the line with its band, up to the furthest forecast."""
        whole = runs[-1]
        scale = float(whole.epochs or 1) if name == "cost" else 1.0
        law = _law(runs, of, "rows")
        lines: list[tuple[int, float | None]] = [
            (run.rows, value) for run in runs if run.rows and (value := of(run)) is not None
        ]
        lines += [(round(factor * (whole.rows or 0)), None) for factor in sorted(self.factors)]
        rows: list[tuple[Cell, ...]] = []
        for at, value in lines:
            fitted = None
            if isinstance(law, PowerLaw) and at:
                fitted = _times(law.at(at, self.level), scale)
            rows.append((at, None if value is None else value * scale, *cells_of(fitted)))
        held = f"as many epochs as the audited model ran, {whole.epochs}"
        said = held if name == "cost" else "the line has no floor, and an error has"
        return Table(
            name,
            title,
            _CURVE,
            tuple(rows),
            f"{said}; {self.level:.0%} prediction intervals; lines without a measured number are a "
            f"forecast, outside what was measured; {_ONCE}",
            chart="power-law",
            basis="estimated",
        )


def _scaled(hidden: int | Sequence[int], factor: float) -> int | tuple[int, ...]:
    """Widths of hidden layers, each at least 1."""
    if isinstance(hidden, int):
        return max(1, round(hidden * factor))
    return tuple(max(1, round(width * factor)) for width in hidden)


def _an_epoch(run: Run, whole: float | None) -> float | None:
    return None if whole is None or not run.epochs else whole / run.epochs


def _seconds(run: Run) -> float | None:
    return _an_epoch(run, run.seconds)


def _joules(run: Run) -> float | None:
    return _an_epoch(run, None if run.energy is None else run.energy.joules)


def _flops(run: Run) -> float | None:
    return _an_epoch(run, run.flops)


def _law(runs: Sequence[Run], of: Callable[[Run], float | None], over: str) -> PowerLaw | str:
    """The line through what the runs have, or why there is none."""
    points = [(getattr(run, over), of(run)) for run in runs]
    known = [(x, y) for x, y in points if x is not None and y is not None]
    law = PowerLaw.through(*zip(*known, strict=True)) if known else None
    if law is not None:
        return law
    failed = next((f"; one was not trained: {run.reason}" for run in runs if run.reason), "")
    return f"no line through {len(known)} points: three or more above 0 are needed{failed}"


def _times(found: Estimate, factor: float) -> Estimate:
    interval = found.interval
    if interval is not None:
        ends = interval.low * factor, interval.high * factor
        interval = dataclasses.replace(interval, low=ends[0], high=ends[1])
    return Estimate(None if found.value is None else found.value * factor, interval, found.reason)


def _widened(found: Estimate, energy: meter.Energy | None) -> Estimate:
    """An energy that is modelled may be off by the range of the model too."""
    if energy is None or not energy.joules or energy.low is None or energy.high is None:
        return found
    if found.value is None or found.interval is None or energy.low == energy.high:
        return found
    low, high = (end / energy.joules for end in (energy.low, energy.high))
    interval = Interval(
        found.interval.low * low,
        found.interval.high * high,
        found.interval.level,
        f"{found.interval.method}, and the range of the CPU-time model over processors",
    )
    return Estimate(found.value, interval)


def _source(metric: Metric, runs: Sequence[Run], epochs: int) -> str:
    held = "" if metric is ERROR else f"; held fixed: {epochs} epochs, as the audited model ran"
    busy = "; the machine was busy with other work meanwhile" if any(r.busy for r in runs) else ""
    bend = "; the line has no floor, and an error has" if metric is ERROR else ""
    count = sum(run.rows is not None for run in runs)
    return (
        f"a forecast from {count} points, outside what was measured{held}{bend}; {_ONCE}"
        f"{'' if metric in (FLOPS, ERROR) else busy}"
    )


def _shown(
    metric: Metric, found: Estimate, n: int, source: str, where: Mapping[str, str]
) -> Measurement:
    basis: Basis = "estimated"
    return metric.measure(
        found.value,
        n=n,
        interval=found.interval,
        reason=found.reason,
        slice=where,
        basis=basis,
        source=source,
    )


def _runs(by_rows: Sequence[Run], by_width: Sequence[Run] | str, task: str) -> Table:
    widths = [] if isinstance(by_width, str) else [run for run in by_width if run.width != 1]
    lines = [
        (
            *(run.share, run.width, run.rows, run.parameters, run.epochs, run.seconds),
            *(None if run.energy is None else run.energy.joules, run.flops),
            *(run.error, run.accuracy),
        )
        for run in (*by_rows, *widths)
    ]
    failed = "".join(f"; {run.share:g} of the rows: {run.reason}" for run in by_rows if run.reason)
    return Table(
        "runs",
        "What less data and other widths cost and bring",
        _COLUMNS,
        tuple(lines),
        "the recipe of the audited model, early stopping included, on shares of its training rows, "
        "each holding the smaller ones; the line with all rows is the audited model itself, as its "
        f"record has it; error on the assessed rows: {ERRORS[task]}; CPU seconds, joules"
        f"{failed}; {_ONCE}",
        basis="estimated",
    )
