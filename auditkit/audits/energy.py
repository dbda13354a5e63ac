"""What does the model cost: time, operations, memory and energy of training and prediction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

import numpy as np
import pandas as pd

from auditkit import meter
from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Interval, Measurement, Metric, Table, weakest
from auditkit.methods import carbon, energy_metrics, energy_worth, multiclass, ranking, sequences
from auditkit.methods.carbon import Use
from auditkit.methods.carbon_settings import CarbonSettings
from auditkit.methods.compute_fields import compute_fields
from auditkit.methods.energy_metrics import (
    PARAMETERS,
    PREDICTION_ENERGY,
    PREDICTION_FLOPS,
    PREDICTION_SECONDS,
    TRAINING_CPU_SECONDS,
    TRAINING_ENERGY,
    TRAINING_FLOPS,
    TRAINING_PEAK_MEMORY,
    TRAINING_SECONDS,
)
from auditkit.methods.energy_operations import (
    counted_training,
    prediction_flops,
    training_flops,
)
from auditkit.methods.energy_worth import (
    ACCURACY_PER_KWH,
    AUC_PER_KWH,
    epsilon_of,
    privacy_ratio,
    twin_of,
)
from auditkit.methods.estimates import Estimate
from auditkit.methods.weighting import kish, weighted_words
from auditkit.models import NetworkModel
from auditkit.roles import TASKS
from auditkit.subject import Subject

#: Predictions that the cost of prediction is given for.
PER = 1000
#: Encoded rows that operations are counted on.
COUNTED = 32
_NO_ROWS = "there are no rows to predict"
_COLUMNS = ("phase", "seconds", "cpu_seconds", "joules", "low", "high", "basis")


@dataclass(frozen=True)
class Energy(CarbonSettings):
    """What training and prediction cost, and what they emit. Settings are its fields.

    Attributes:
        repeats: Times that prediction is timed; under 6 no 95 % interval of the median exists.
        seconds: Least time to spend on each timing, over all repeats; unit: s.
        level: Two-sided level of the intervals of times.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Energy(region="FRA").grid.name
        'France'
    """

    name: ClassVar[str] = "energy"
    needs: ClassVar[frozenset[str]] = frozenset()
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    weighted: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = (
        *energy_metrics.METRICS,
        *carbon.METRICS,
        *energy_worth.METRICS,
    )

    repeats: int = 9
    seconds: float = 0.2
    level: float = 0.95

    def __post_init__(self) -> None:
        problems = range_problems(self, repeats=1)
        if self.seconds < 0:
            place = "[audits.energy] seconds"
            problems.append(Problem(place, quote(self.seconds), "a number from 0"))
        problems += self.problems("[audits.energy]")
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Yield what training and prediction cost, then what follows from it.

        Args:
            subject: What is audited. Without a model, record or network the numbers that need
                one are None with the reason.
            rng: Draws the rows that are predicted.

        Yields:
            Measurements, and the tables `phases`, `sci` or `other-grids`, and `compute-fields`.
        """
        found: dict[str, Measurement] = {}
        for evidence in self._costs(subject, rng):
            if isinstance(evidence, Measurement):
                found[evidence.metric] = evidence
            yield evidence
        training, predictions = (
            Use(unit, found[energy.id], found[seconds.id].value)
            for unit, energy, seconds in (
                ("training run", TRAINING_ENERGY, TRAINING_SECONDS),
                (f"{PER:,} predictions", PREDICTION_ENERGY, PREDICTION_SECONDS),
            )
        )
        yield from carbon.emissions(self, training, predictions, datetime.now(tz=UTC).year)
        yield from self._worth(subject, training.energy)
        yield _privacy(subject, training.energy)
        yield compute_fields(found.values(), self.development_kwh)

    def _costs(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """What training and prediction cost, then the table of phases."""
        outer = _outer(subject.record)
        yield from _training(subject, outer)
        yield from _size(subject)
        yield from _operations(subject, rng)
        phases = [_Phase(cost.name, cost.seconds, cost.cpu_seconds, cost.energy) for cost in outer]
        if subject.model is None or len(subject) == 0:
            reason = subject.missing({"model"}) or _NO_ROWS
            for metric in (PREDICTION_SECONDS, PREDICTION_ENERGY):
                yield metric.measure(None, n=0, reason=reason, source="timed predictions")
        else:
            many = self._timed("predict", subject, _drawn(subject, rng, PER))
            phases.append(_Phase.of_predictions(many))
            yield self._seconds(PREDICTION_SECONDS, many, f"{PER:,} rows at once")
            source = f"mean over timed calls of {PER:,} rows{_busy(many.cost)}"
            yield _energy(PREDICTION_ENERGY, phases[-1].energy, many.repeats, source)
        yield _table(phases)

    def _worth(self, subject: Subject, energy: Measurement) -> Iterator[Measurement]:
        """How good the model is for each kWh of its training."""
        words, weights = "assessed rows", None
        missing = subject.missing({"labels", "predictions"})
        if missing is None:
            weights = subject.weights
            words = weighted_words(words, None if weights is None else (kish(weights),))
        found = {} if missing else self._scores(subject)
        otherwise = missing or f"there is no such number of a {subject.task} task"
        yield from energy_worth.per_kwh(found, len(subject), energy, otherwise, words)

    def _scores(self, subject: Subject) -> dict[Metric, Estimate]:
        """The metrics per kWh of this task, to how good the model is."""
        weights = subject.weights
        if subject.task == "sequence-to-sequence":
            texts = sequences.measure_texts(subject.y_true, subject.y_pred, self.level, weights)
            exact = next(m for m in texts if m.metric == sequences.EXACT_MATCH.id)
            return {ACCURACY_PER_KWH: Estimate(exact.value, exact.interval, exact.reason)}
        if subject.task == "multiclass":
            y, classes = (subject.y_true, subject.y_pred), len(subject.classes)
            counted = multiclass.count_classes({}, {}, *y, classes, weights)
            return energy_worth.of_decisions(counted.confusion(), counted.sums(), self.level)
        if subject.task == "regression":
            return {}
        cells = subject.cells
        found = energy_worth.of_decisions(cells.table(), cells.sums(), self.level)
        if subject.y_score is not None:
            found[AUC_PER_KWH] = ranking.auc(subject.y_true, subject.y_score, self.level, weights)
        return found

    def _timed(self, name: str, subject: Subject, rows: pd.DataFrame) -> meter.Timing:
        return meter.time_calls(
            name,
            lambda: subject.answers(rows),
            repeats=self.repeats,
            least=self.seconds,
            level=self.level,
        )

    def _seconds(self, metric: Metric, timing: meter.Timing, what: str) -> Measurement:
        interval, reason = None, "too few repeats for an interval of the median"
        if timing.low is not None and timing.high is not None and timing.low < timing.high:
            method = f"order statistics of {timing.repeats} repeats"
            interval = Interval(timing.low, timing.high, timing.level, method)
        return metric.measure(
            timing.seconds,
            n=timing.repeats,
            interval=interval,
            reason=None if interval else reason,
            source=f"wall clock, {what} a call, after one call to warm up{_busy(timing.cost)}",
        )


@dataclass(frozen=True)
class _Phase:
    """A row of the table of phases."""

    name: str
    seconds: float
    cpu_seconds: float
    energy: meter.Energy

    @classmethod
    def of_predictions(cls, timing: meter.Timing) -> _Phase:
        """One call's share of the calls that were timed."""
        cost, share = timing.cost, 1 / timing.calls
        name = f"predict {PER:,} rows"
        return cls(name, timing.seconds, cost.cpu_seconds * share, cost.energy.times(share))


def _busy(cost: meter.Cost) -> str:
    return "; the machine was busy with other work meanwhile" if cost.contended else ""


def _outer(record: object) -> list[meter.Cost]:
    """What a whole training cost, phase by phase; empty where its record does not say."""
    held = None if _unmetered(record) else getattr(record, "cost", None)
    return meter.outermost(meter.costs_of(held))


def _unmetered(record: object) -> str | None:
    """Why the cost in the record is not that of the whole training, or None where it is."""
    processes = int(getattr(record, "processes", 1))
    if processes > 1:
        return f"only the first of the {processes} processes of training was metered"
    epochs = [str(epoch) for epoch in getattr(record, "resumed_after", ())]
    if not epochs:
        return None
    return (
        f"training was killed and resumed after epoch {', '.join(epochs)}: only its last part "
        "was metered"
    )


def _training(subject: Subject, outer: list[meter.Cost]) -> Iterator[Measurement]:
    unknown = "the training record does not hold what it cost"
    reason = subject.missing({"record"}) or _unmetered(subject.record) or unknown
    source = "training record, metered while the model was trained"
    if not outer:
        for metric in (
            TRAINING_SECONDS, TRAINING_CPU_SECONDS, TRAINING_PEAK_MEMORY, TRAINING_ENERGY,
        ):  # fmt: skip
            yield metric.measure(None, n=0, reason=reason, source=source)
        return
    source += "".join(dict.fromkeys(_busy(cost) for cost in outer))
    once = "what one training run took; another may take more or less"
    for metric, value in (
        (TRAINING_SECONDS, sum(cost.seconds for cost in outer)),
        (TRAINING_CPU_SECONDS, sum(cost.cpu_seconds for cost in outer)),
    ):
        yield metric.measure(value, n=1, reason=once, source=source, exact=True)
    yield _peak(outer, once, source)
    energy = meter.total(cost.energy for cost in outer)
    yield _energy(TRAINING_ENERGY, energy, 1, source)


def _peak(costs: list[meter.Cost], reason: str, source: str) -> Measurement:
    peaks = [cost.peak_memory_bytes for cost in costs if cost.peak_memory_bytes is not None]
    if not peaks:
        reason = "the system does not say how much memory a process takes"
        return TRAINING_PEAK_MEMORY.measure(None, n=0, reason=reason, source=source)
    whole = any(cost.peak_memory_scope == "process" for cost in costs)
    note = "; peak since the start of the process" if whole else ""
    return TRAINING_PEAK_MEMORY.measure(
        max(peaks), n=1, reason=reason, exact=True, source=source + note
    )


def _energy(metric: Metric, energy: meter.Energy, n: int, source: str) -> Measurement:
    """The interval is the range of the model, or the resolution of the meter."""
    if energy.joules is None:
        return metric.measure(None, n=0, reason=f"unknown: {energy.method}", source=source)
    interval, reason = None, energy.range_method
    if energy.low is not None and energy.high is not None:
        reason = "the coefficient was given without a range"
        if energy.low < energy.high:
            interval = Interval(energy.low, energy.high, meter.RANGE_LEVEL, energy.range_method)
    return metric.measure(
        energy.joules,
        n=n,
        interval=interval,
        reason=None if interval else reason,
        basis=energy.basis or "estimated",
        source=f"{source}; {energy.method}",
    )


def _privacy(subject: Subject, energy: Measurement) -> Measurement:
    """Energy of private over plain training, of the audited model and a twin that was trained."""
    own, source = subject.record, "training records, metered while each was trained"
    twin = twin_of(own, getattr(subject.recipe, "records", ()))  # recipes of others keep none
    private = epsilon_of(own) is not None
    if twin is None:
        kind = "without privacy" if private else "with privacy: run the audit privacy too"
        nothing = subject.missing({"record"}) or f"no twin was trained in this run {kind}"
        return privacy_ratio(None, None, source, nothing)
    spent = meter.total(cost.energy for cost in _outer(twin))
    other = _energy(TRAINING_ENERGY, spent, 1, source)
    plain, costly = (other, energy) if private else (energy, other)
    nothing = f"the two records do not both hold their energy: {other.reason or energy.reason}"
    epsilon = epsilon_of(own if private else twin)
    return privacy_ratio(plain, costly, f"{source}; epsilon {epsilon:.3g}", nothing)


def _size(subject: Subject) -> Iterator[Measurement]:
    count = subject.model.parameters if subject.model else None
    reason = subject.missing({"model"}) or "the model does not say how many parameters it has"
    yield PARAMETERS.measure(
        count,
        n=0 if count is None else 1,
        reason=reason if count is None else "a count",
        exact=count is not None,
        source="weights of the model",
    )


def _operations(subject: Subject, rng: np.random.Generator) -> Iterator[Measurement]:
    model = subject.model
    missing = subject.missing({"model", "network"} if model is None else {"network"})
    if missing or not isinstance(model, NetworkModel) or len(subject) == 0:
        reason, source = missing or _NO_ROWS, "operations of the network"
        yield PREDICTION_FLOPS.measure(None, n=0, reason=reason, source=source)
        if getattr(subject.record, "operations", None):
            yield counted_training(subject.record)
        else:
            yield TRAINING_FLOPS.measure(None, n=0, reason=reason, source=source)
        return
    example = model.encode(_drawn(subject, rng, COUNTED))
    yield prediction_flops(model.network, example)
    nothing = subject.missing({"record"})
    yield training_flops(subject.record, model.network, example, nothing)


def _drawn(subject: Subject, rng: np.random.Generator, count: int) -> pd.DataFrame:
    """Draw so many rows, some of them twice where there are fewer."""
    picked = rng.choice(len(subject), size=count, replace=count > len(subject))
    return subject.rows.iloc[picked].reset_index(drop=True)


def _table(phases: list[_Phase]) -> Table:
    rows = tuple(
        (p.name, p.seconds, p.cpu_seconds, e.joules, e.low, e.high, e.basis)
        for p in phases
        for e in [p.energy]
    )
    methods = "; ".join(dict.fromkeys(phase.energy.method for phase in phases))
    bases = [phase.energy.basis for phase in phases if phase.energy.basis is not None]
    return Table(
        name="phases",
        title="Where time and energy go",
        columns=_COLUMNS,
        rows=rows,
        source=f"metered phases, seconds and joules; {methods or 'nothing was metered'}",
        chart="phases",
        basis=weakest(*bases) if bases else "measured",
    )
