"""Could a smaller model do the same, and would it treat groups alike?

The model is distilled into narrower ones, pruned, and its weights are rounded; every version is
held against the model as audited on the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit import meter
from auditkit.errors import AuditkitError, InputError, Problem, quote, range_problems
from auditkit.evidence import Interval, Measurement, Metric, Table
from auditkit.methods.compression import Trial, Version
from auditkit.methods.compression_tables import METRICS, TRAINING, Told
from auditkit.methods.estimates import Estimate
from auditkit.methods.mitigation import too_dear
from auditkit.models import NetworkModel
from auditkit.models.answers import ask, checked_answers
from auditkit.models.swapped import with_network
from auditkit.subject import Subject

if TYPE_CHECKING:
    import torch

#: Predictions that the cost of a version is given for.
PER = 1000
#: Why there are no narrower layers.
NOTHING_BETWEEN = "no linear layer follows another one directly, so there are no units to take out"
#: Why there is nothing to learn from the model.
NOT_NARROWER = "the recipe has no width to make smaller"


@dataclass(frozen=True)
class Compression:
    """Smaller versions of the model: what each keeps, what it costs, and what becomes of the gaps.

    It trains once for each of `widths`, where the model came with a recipe. Weights of few bits are
    rounded and computed with as before: they save room, not time.

    Attributes:
        widths: Widths of the distilled versions, as shares of that of the model, in (0, 1).
        epochs: Most epochs of the training of each; at least 1.
        pruned: Shares of the weights that are set to 0, in (0, 1).
        units: Shares of the units of hidden layers that are taken out, in (0, 1).
        bits: Bits of a weight, from 2 to 16.
        attribute: Sensitive column whose gaps are listed for every version; the first that can be,
            where empty. The largest growth of a gap is measured for all columns.
        tolerance: Loss of accuracy (or R squared) that is small enough, in [0, 1).
        repeats: Times that prediction is timed; under 6 no 95 % interval of the median exists.
        seconds: Least time to spend on each timing, over all repeats; unit: s.
        most_minutes: Where the record says that training would take more CPU time, it is left out.
        level: Two-sided level of the intervals, in (0, 1).
        min_group: Rows that the number of a group must rest on; at least 1.
        max_groups: A column with more groups than this is not compared.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Compression(bits=(1,))
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.compression] bits: found '1', expected whole numbers from 2 to 16.
    """

    widths: tuple[float, ...] = (0.5, 0.25)
    epochs: int = 15
    pruned: tuple[float, ...] = (0.5, 0.8)
    units: tuple[float, ...] = (0.5,)
    bits: tuple[int, ...] = (8, 4)
    attribute: str = ""
    tolerance: float = 0.01
    repeats: int = 9
    seconds: float = 0.1
    most_minutes: float = 30.0
    level: float = 0.95
    min_group: int = 10
    max_groups: int = 20

    name: ClassVar[str] = "compression"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "predictions", "network"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, epochs=1, repeats=1, min_group=1, max_groups=2)
        problems += self._problems()
        if problems:
            raise InputError(problems)

    def _problems(self) -> Iterator[Problem]:
        where = "[audits.compression]"
        shares = "numbers above 0 and below 1"
        whole = "whole numbers from 2 to 16"
        numbers: tuple[tuple[str, Sequence[float], Callable[[float], bool], str], ...] = (
            *((name, getattr(self, name), lambda x: 0 < x < 1, shares)
              for name in ("widths", "pruned", "units")),
            ("bits", self.bits, lambda x: 2 <= x <= 16 and x == int(x), whole),
            ("tolerance", (self.tolerance,), lambda x: 0 <= x < 1, "a number from 0 to below 1"),
            ("seconds", (self.seconds,), lambda x: x >= 0, "a number from 0"),
            ("most_minutes", (self.most_minutes,), lambda x: x > 0, "a number above 0"),
        )  # fmt: skip
        for name, values, holds, expected in numbers:
            yield from (
                Problem(f"{where} {name}", quote(value), expected)
                for value in values
                if not holds(value)
            )
            if len(set(values)) < len(values):
                yield Problem(f"{where} {name}", quote(values), "each once")

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Make the versions, and hold them against the model.

        Args:
            subject: What is audited.
            rng: Draws the rows that are timed.

        Yields:
            What each version reaches and costs, what becomes of the gaps, then the tables
            `versions`, `gaps` and `growth`.
        """
        if not isinstance(subject.model, NetworkModel):
            return  # `needs` has seen to it
        absent = self._absent(subject)
        codes = {
            name: np.asarray(subject.groups[name].codes, dtype=np.int64)
            for name in subject.sensitive
            if name not in absent
        }
        picked = rng.choice(len(subject), size=PER, replace=len(subject) < PER)
        timed = subject.rows.iloc[picked].reset_index(drop=True)
        bench = Bench(subject, subject.model, self, timed)
        versions = bench.versions()
        trial = Trial(subject.task, subject.y_true, codes, versions, self.level, self.min_group)
        column = self.attribute if self.attribute in codes else next(iter(codes), "")
        source = "each version on the assessed rows, rows counted alike"
        told = Told(trial, self.tolerance, source, column, absent, bench.busy)
        yield from told.measurements()
        if bench.costs:
            why = "one run of each training; another takes more or less"
            n, source = len(bench.costs), "training records"
            yield TRAINING.measure(sum(bench.costs), n=n, source=source, reason=why)
        yield from told.tables()

    def _absent(self, subject: Subject) -> dict[str, str]:
        """Why the groups of a column are not compared; "" stands for having no column."""
        if self.attribute and self.attribute not in subject.sensitive:
            where = "[audits.compression] attribute"
            raise InputError(
                [Problem.unknown(where, self.attribute, subject.sensitive, "a sensitive column")]
            )
        if not subject.sensitive:
            return {"": subject.missing({"sensitive"}) or ""}
        sizes = {name: len(subject.groups[name].names) for name in subject.sensitive}
        return {
            name: f"{size:,} groups, more than max_groups = {self.max_groups:,}"
            for name, size in sizes.items()
            if size > self.max_groups
        }


@dataclass
class Bench:
    """Where the versions of one model are made, asked and timed.

    Attributes:
        subject: What is audited.
        model: Its model.
        settings: The settings of the audit.
        timed: Rows that are timed.
        costs: CPU seconds of each training, as they come.
        busy: What to say where the machine was busy meanwhile.
    """

    subject: Subject
    model: NetworkModel
    settings: Compression
    timed: pd.DataFrame
    costs: list[float] = field(default_factory=list)
    busy: str = ""

    def versions(self) -> tuple[Version, ...]:
        """The model as audited, then the smaller ones; all are made before any is timed."""
        made = list(self._made())
        return tuple(
            version if model is None else self._timed(version, model) for version, model in made
        )

    def _made(self) -> Iterator[tuple[Version, NetworkModel | None]]:
        from auditkit.methods.compressing import narrowed, pruned, quantised

        says = self.settings
        shrink: Callable[[torch.nn.Module], torch.nn.Module | None]
        yield self._tried("as audited", lambda: self.model)
        for width in says.widths:
            name = f"distilled to {_fraction(width)} of the width"
            yield self._tried(name, partial(self._distilled, width))
        for share in says.units:
            name, shrink = (
                f"{_fraction(share)} of the units taken out",
                partial(narrowed, share=share),
            )
            yield self._tried(name, partial(self._with, shrink))
        for share in says.pruned:
            name, shrink = f"{100 * share:g} % of the weights at 0", partial(pruned, share=share)
            yield self._tried(name, partial(self._with, shrink), sparse=True)
        for bits in says.bits:
            name, shrink = f"weights of {bits} bits", partial(quantised, bits=bits)
            yield self._tried(name, partial(self._with, shrink), bits=bits)

    def _tried(
        self,
        name: str,
        make: Callable[[], NetworkModel | str],
        *,
        bits: int = 32,
        sparse: bool = False,
    ) -> tuple[Version, NetworkModel | None]:
        """The version with what it gives, or with the reason why there is none."""
        from auditkit.methods.compressing import sized

        try:
            model = make()
            if isinstance(model, str):
                return Version(name, reason=model), None
            given = self._given(model)
        except (AuditkitError, RuntimeError) as error:
            said = " ".join(str(error).split())
            return Version(name, reason=f"not possible: {said[:200]}"), None
        size = sized(model.network, bits, sparse=sparse)
        return Version(name, given, "", *astuple(size)), model

    def _with(
        self, shrink: Callable[[torch.nn.Module], torch.nn.Module | None]
    ) -> NetworkModel | str:
        """The model with a smaller copy of its network."""
        network = shrink(self.model.network)
        if network is None:
            return NOTHING_BETWEEN
        return with_network(self.model, network, self.subject.task, self.subject.classes)

    def _distilled(self, width: float) -> NetworkModel | str:
        """A narrower network that learns from the model."""
        subject, recipe = self.subject, self.subject.recipe
        reason = subject.missing({"train", "recipe"}) or self._too_dear
        if reason or recipe is None or subject.train is None:
            return reason or ""
        smaller = _narrower(getattr(recipe, "architecture", None), width)
        if smaller is None:
            return NOT_NARROWER
        epochs = getattr(getattr(recipe, "training", None), "epochs", self.settings.epochs)
        changes = {"architecture": smaller, "teacher": self.model, "start": None}
        model, record = recipe.fit(
            subject.train, epochs=min(epochs, self.settings.epochs), **changes
        )
        self.costs.append((getattr(record, "cost", None) or {}).get("cpu_seconds") or 0.0)
        return model if isinstance(model, NetworkModel) else NOT_NARROWER

    @cached_property
    def _too_dear(self) -> str | None:
        record, says = self.subject.record, self.settings
        return too_dear(
            (getattr(record, "cost", None) or {}).get("cpu_seconds") or 0.0,
            len(getattr(record, "epochs", ())),
            whole=0,
            short=len(says.widths),
            short_epochs=says.epochs,
            most_minutes=says.most_minutes,
        )

    def _given(self, model: NetworkModel) -> npt.NDArray[Any]:
        """What a version gives the assessed rows, as the task has it."""
        subject = self.subject
        scores = checked_answers(model, subject.task, subject.rows, subject.classes)
        if subject.task == "regression":
            return scores
        if subject.task == "multiclass":
            return np.asarray(scores.argmax(axis=1), dtype=np.int64)
        return np.asarray(scores >= subject.threshold, dtype=np.int8)

    def _timed(self, version: Version, model: NetworkModel) -> Version:
        """The version with what 1,000 predictions cost."""
        encoded = model.encode(self.timed)
        whole = self._timing(version.name, partial(ask, model, self.subject.task, self.timed))
        alone = self._timing(version.name, partial(model.scores_of, encoded))
        energy = whole.cost.energy.times(1 / whole.calls)
        if whole.cost.contended or alone.cost.contended:
            self.busy = "; the machine was busy with other work meanwhile"
        return replace(
            version,
            seconds=_seconds(whole),
            network_seconds=_seconds(alone),
            joules=_joules(energy),
            repeats=whole.repeats,
            basis=energy.basis or "estimated",
            how=energy.method,
        )

    def _timing(self, name: str, work: Callable[[], object]) -> meter.Timing:
        says = self.settings
        return meter.time_calls(
            f"predict, {name}", work, repeats=says.repeats, least=says.seconds, level=says.level
        )


def _fraction(share: float) -> str:
    return str(Fraction(share).limit_denominator(100))


def _narrower(architecture: Any, width: float) -> Any:  # noqa: ANN401 - of any core
    """The architecture with this share of its width; None where it has none that can shrink."""
    hidden = getattr(architecture, "hidden", None)
    if not hidden:
        return None

    def less(units: int) -> int:
        return max(1, round(width * units))

    changes = {"hidden": less(hidden) if isinstance(hidden, int) else [*map(less, hidden)]}
    if hasattr(architecture, "embedding") and getattr(architecture, "vectors", None) is None:
        changes["embedding"] = less(architecture.embedding)
    return replace(architecture, **changes)


def _seconds(timing: meter.Timing) -> Estimate:
    low, high = timing.low, timing.high
    if low is None or high is None or low >= high:
        return Estimate(timing.seconds, None, "too few repeats for an interval of the median")
    method = f"order statistics of {timing.repeats} repeats"
    return Estimate(timing.seconds, Interval(low, high, timing.level, method))


def _joules(energy: meter.Energy) -> Estimate:
    """The figure with the range that the meter gives."""
    low, high = energy.low, energy.high
    if energy.joules is None:
        return Estimate.undefined(f"unknown: {energy.method}")
    if low is None or high is None or low >= high:
        return Estimate(energy.joules, None, energy.range_method)
    return Estimate(energy.joules, Interval(low, high, meter.RANGE_LEVEL, energy.range_method))
