"""How fast the model answers, how fast in batches, and how much room it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from auditkit import meter
from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Cell, Interval, Measurement, Metric, Table
from auditkit.methods.estimates import Estimate, cells_of, measured
from auditkit.methods.quantiles import drift, quantile
from auditkit.models.endpoint import EndpointModel
from auditkit.models.size import model_bytes
from auditkit.roles import TASKS
from auditkit.subject import Subject

LATENCY = Metric(
    "prediction_latency",
    "Latency of one prediction",
    "Median wall time to score one raw row alone, encoding included.",
    "s",
    better="lower",
    low=0.0,
)
LATENCY_95 = Metric(
    "prediction_latency_p95",
    "Latency, 95th percentile",
    "Wall time within which 95 of 100 calls of one raw row end, encoding included.",
    "s",
    better="lower",
    low=0.0,
)
LATENCY_99 = Metric(
    "prediction_latency_p99",
    "Latency, 99th percentile",
    "Wall time within which 99 of 100 calls of one raw row end, encoding included.",
    "s",
    better="lower",
    low=0.0,
)
DRIFT = Metric(
    "latency_drift",
    "Drift of latency",
    "Median latency of the later half of the calls over that of the earlier half; 1 is steady.",
    "ratio",
    low=0.0,
)
THROUGHPUT = Metric(
    "prediction_throughput",
    "Throughput",
    "Raw rows scored in a second, in the largest batch that was timed, encoding included.",
    "rows/s",
    better="higher",
    low=0.0,
)
MEMORY = Metric(
    "prediction_peak_memory",
    "Peak memory of prediction",
    "Highest resident memory of the process while the largest batch was scored, the data and "
    "auditkit itself included.",
    "bytes",
    better="lower",
    low=0.0,
)
SIZE = Metric(
    "model_bytes",
    "Bytes of the model",
    "Bytes of the weights, or of the file that the model was opened from.",
    "bytes",
    better="lower",
    low=0.0,
)

#: Percentiles that are measured, as shares, and what a reader calls them.
QUANTILES = (
    (LATENCY, 0.5, "median"),
    (LATENCY_95, 0.95, "95th percentile"),
    (LATENCY_99, 0.99, "99th percentile"),
)
#: Rows in the largest batch that a served model is sent.
SERVED_BATCH = 512
#: Part of `seconds` that all repeats of one batch size fill at least.
PART = 1 / 80
_NO_ROWS = "there are no rows to predict"


@dataclass(frozen=True)
class Serving:
    """How fast the model answers and how much room it takes. Settings are its fields.

    Attributes:
        calls: Calls of one row that are timed; an interval of the 99th percentile takes 368.
        served_calls: The same for a served model, so that it is spared; there the times hold the
            way to it and back.
        batches: Rows in a batch, rising; each size is timed.
        repeats: Times that each size is timed; under 6 no 95 % interval of the median exists.
        seconds: Time after which no further call of one row begins, and again for all batches
            together; unit: s.
        level: Two-sided level of the intervals.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Serving(calls=0, batches=(8, 1))
        Traceback (most recent call last):
        auditkit.errors.InputError: 2 problems:
          1. [audits.serving] calls: found '0', expected a whole number from 1.
          2. [audits.serving] batches: found '(8, 1)', expected whole numbers from 1, rising.
    """

    name: ClassVar[str] = "serving"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = (
        LATENCY, LATENCY_95, LATENCY_99, DRIFT, THROUGHPUT, SIZE, MEMORY,
    )  # fmt: skip

    calls: int = 400
    served_calls: int = 100
    batches: tuple[int, ...] = (1, 8, 64, 512, 4096)
    repeats: int = 9
    seconds: float = 4.0
    level: float = 0.95

    def __post_init__(self) -> None:
        problems = range_problems(self, calls=1, served_calls=1, repeats=1)
        if not self.batches or [*self.batches] != sorted(
            {size for size in self.batches if size > 0}
        ):
            place = "[audits.serving] batches"
            problems.append(Problem(place, quote(self.batches), "whole numbers from 1, rising"))
        if not 0 < self.seconds < float("inf"):
            place = "[audits.serving] seconds"
            problems.append(Problem(place, quote(self.seconds), "a number above 0"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Yield latency, then throughput by batch size, then size and memory.

        Args:
            subject: What is audited.
            rng: Draws the rows that are predicted.

        Yields:
            Measurements, and the tables `latency` and `throughput`.
        """
        yield _size(subject)
        if len(subject) == 0:
            for metric in (LATENCY, LATENCY_95, LATENCY_99, DRIFT, THROUGHPUT, MEMORY):
                yield metric.measure(None, n=0, reason=_NO_ROWS, source="timed predictions")
            return
        yield from self._latency(subject, rng)
        yield from self._throughput(subject, rng)

    def _latency(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        calls = min(self.calls, self.served_calls) if _is_served(subject) else self.calls
        drawn = _drawn(subject, rng, calls)
        rows = [drawn.iloc[[number]] for number in range(calls)]
        timed = meter.time_each(
            "predict one row",
            lambda number: subject.answers(rows[number]),
            calls=calls,
            warm_up=min(10, calls),
            most=self.seconds,
        )
        source = (
            f"wall clock of {len(timed.seconds)} calls of one row, drawn at random, after "
            f"{timed.warm_up} to warm up; the clock steps by {1e9 * timed.grain:,.0f} ns"
            f"{_circumstances(subject, timed.cost)}"
        )
        rows_of_table: list[tuple[Cell, ...]] = []
        for metric, share, name in QUANTILES:
            found = quantile(timed.seconds, share, self.level, timed.grain)
            yield measured(metric, found, len(timed.seconds), source)
            shown = cells_of(found)
            rows_of_table.append((name, *(None if x is None else 1e3 * float(x) for x in shown)))
        found = drift(timed.seconds, self.level, timed.grain)
        yield measured(DRIFT, found, len(timed.seconds), source)
        yield Table(
            name="latency",
            title="Latency of one prediction, in milliseconds",
            columns=("call", "milliseconds", "low", "high"),
            rows=tuple(rows_of_table),
            source=f"{source}; intervals by order statistics",
            chart="bars",
        )

    def _throughput(
        self, subject: Subject, rng: np.random.Generator
    ) -> Iterator[Measurement | Table]:
        timings = self._timed_batches(subject, rng)
        largest = max(timings)
        timing, rates = timings[largest], {size: _rate(size, t) for size, t in timings.items()}
        source = (
            f"median wall clock of {timing.repeats} repeats a size, each on the same rows, drawn "
            f"at random{_circumstances(subject, *(t.cost for t in timings.values()))}"
        )
        if largest < self.batches[-1]:
            why = "it is spared" if _is_served(subject) else "they would take too long"
            source += f"; batches of more than {largest:,} rows were left out: {why}"
        of_largest = f"batches of {largest:,} rows; {source}"
        yield measured(THROUGHPUT, rates[largest], timing.repeats, of_largest)
        yield _peak(subject, timing.cost, of_largest)
        yield Table(
            name="throughput",
            title="Rows scored in a second, by rows in a batch",
            columns=("batch", "rows_per_second", "low", "high"),
            rows=tuple((size, *cells_of(rate)) for size, rate in rates.items()),
            source=f"{source}; intervals by order statistics",
            chart="bars",
        )

    def _timed_batches(self, subject: Subject, rng: np.random.Generator) -> dict[int, meter.Timing]:
        """Time one size after the other, while the next can be expected to end in time."""
        is_served = _is_served(subject)
        left = self.seconds
        timings: dict[int, meter.Timing] = {}
        for size in self.batches:
            last = next(reversed(timings.items()), None)
            expected = last[1].seconds * size / last[0] * (self.repeats + 1) if last else 0.0
            if last and (expected > left or (is_served and size > SERVED_BATCH)):
                break
            rows = _drawn(subject, rng, size)
            timings[size] = meter.time_calls(
                f"predict, batch of {size:,}",
                lambda rows=rows: subject.answers(rows),  # type: ignore[misc]
                repeats=self.repeats,
                least=0.0 if is_served else self.seconds * PART,
                most=left,
                level=self.level,
            )
            left -= timings[size].cost.seconds
        return timings


def _is_served(subject: Subject) -> bool:
    return isinstance(subject.model, EndpointModel)


def _drawn(subject: Subject, rng: np.random.Generator, count: int) -> pd.DataFrame:
    """Draw so many rows, some of them twice where there are fewer."""
    picked = rng.choice(len(subject), size=count, replace=count > len(subject))
    return subject.rows.iloc[picked].reset_index(drop=True)


def _circumstances(subject: Subject, *costs: meter.Cost) -> str:
    """What else a reader of times has to know."""
    notes = []
    if _is_served(subject):
        notes.append("the way to the served model and back included")
    elif hasattr(subject.model, "network"):
        notes.append("torch on one thread")
    if any(cost.contended for cost in costs):
        notes.append("the machine was busy with other work meanwhile, so the times may be too long")
    return "".join(f"; {note}" for note in notes)


def _rate(size: int, timing: meter.Timing) -> Estimate:
    """Rows a second out of the seconds of a batch."""
    value = size / timing.seconds
    if timing.low is None or timing.high is None or not 0 < timing.low < timing.high:
        return Estimate(value, None, "too few repeats for an interval of the median")
    method = f"order statistics of {timing.repeats} repeats"
    return Estimate(value, Interval(size / timing.high, size / timing.low, timing.level, method))


def _peak(subject: Subject, cost: meter.Cost, source: str) -> Measurement:
    reason = "the system does not say how much memory a process takes"
    if _is_served(subject):
        reason = "the served model runs in another process"
    if cost.peak_memory_bytes is None or _is_served(subject):
        return MEMORY.measure(None, n=0, reason=reason, source=source)
    if cost.peak_memory_scope == "process":
        source += "; peak since the start of the process"
    reason = "what one run took; another may take more or less"
    return MEMORY.measure(cost.peak_memory_bytes, n=1, reason=reason, exact=True, source=source)


def _size(subject: Subject) -> Measurement:
    found = model_bytes(subject.model)
    if found is None:
        reason = "the model does not say: it is no network and came from no file"
        if _is_served(subject):
            reason = "a served model does not say how large it is"
        return SIZE.measure(None, n=0, reason=reason, source="size of the model")
    sources = {
        "weights": "parameters and buffers of the network, each by the size of its type",
        "file": "the file that the model was opened from",
    }
    value, what = found
    return SIZE.measure(value, n=1, reason="a count", exact=True, source=sources[what])
