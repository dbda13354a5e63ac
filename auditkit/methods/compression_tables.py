"""What is told of the smaller versions of a model: metrics, measurements and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods.compression import GAPS, Gap, Line, Trial
from auditkit.methods.estimates import Estimate, cells_of, measured
from auditkit.methods.regression import UNIT

ACCURACY = Metric(
    "compressed_accuracy",
    "Accuracy of a smaller version",
    "Share of right decisions of a version of the model.",
    *("rate", "higher", 0.0, 1.0),
)
ACCURACY_LOSS = Metric(
    "compression_accuracy_loss",
    "Accuracy lost by compression",
    "Accuracy of the model as audited minus that of a smaller version, on the same rows.",
    *("difference", "lower", -1.0, 1.0),
)
R2 = Metric(
    "compressed_r2_score",
    "R squared of a smaller version",
    "1 minus the squared error of a version relative to that of giving everyone the mean outcome.",
    *("ratio", "higher", None, 1.0),
)
R2_LOSS = Metric(
    "compression_r2_loss",
    "R squared lost by compression",
    "R squared of the model as audited minus that of a smaller version, on the same rows.",
    *("difference", "lower"),
)
AGREEMENT = Metric(
    "compressed_agreement",
    "Decisions that stay the same",
    "Share of rows that a smaller version decides as the model as audited does.",
    *("rate", "higher", 0.0, 1.0),
)
SIZE = Metric(
    "compressed_size",
    "Size of a smaller version",
    "Bytes that the weights of a version take in a file.",
    *("bytes", "lower", 0.0),
)
SECONDS = Metric(
    "compressed_prediction_seconds_per_1000",
    "Time of 1,000 predictions of a smaller version",
    "Median wall time in which a version scores 1,000 raw rows at once, encoding included.",
    *("s", "lower", 0.0),
)
ENERGY = Metric(
    "compressed_energy_per_1000_predictions",
    "Energy of 1,000 predictions of a smaller version",
    "Energy that the processor used while a version scored 1,000 raw rows at once.",
    *("J", "lower", 0.0),
)
PARITY_INCREASE = Metric(
    "compression_demographic_parity_increase",
    "Growth of the demographic parity difference",
    "Largest growth of the gap in selection rates between groups over the smaller versions.",
    *("difference", "lower", -1.0, 1.0),
)
OPPORTUNITY_INCREASE = Metric(
    "compression_equal_opportunity_increase",
    "Growth of the equal opportunity difference",
    "Largest growth of the gap in true positive rates between groups over the smaller versions.",
    *("difference", "lower", -1.0, 1.0),
)
ACCURACY_GAP_INCREASE = Metric(
    "compression_accuracy_gap_increase",
    "Growth of the accuracy difference",
    "Largest growth of the gap in accuracy between groups over the smaller versions.",
    *("difference", "lower", -1.0, 1.0),
)
ERROR_GAP_INCREASE = Metric(
    "compression_error_gap_increase",
    "Growth of the gap in error",
    "Largest growth of the gap in mean absolute error between groups over the smaller versions.",
    *(UNIT, "lower"),
)
#: Gap to its largest growth.
INCREASES = {
    "demographic_parity_difference": PARITY_INCREASE,
    "equal_opportunity_difference": OPPORTUNITY_INCREASE,
    "accuracy_difference": ACCURACY_GAP_INCREASE,
    "mean_absolute_error_difference": ERROR_GAP_INCREASE,
}
SMALLEST = Metric(
    "smallest_size_within_tolerance",
    "Smallest size that keeps what the model can do",
    "Size of the smallest version whose loss is within the tolerance with its whole interval, as a "
    "share of the size of the model as audited.",
    *("ratio", "lower", 0.0),
)
TRAINING = Metric(
    "compression_training_cpu_seconds",
    "CPU time of training smaller versions",
    "CPU time of all trainings that the distilled versions took.",
    *("s", "lower", 0.0),
)
METRICS = (
    *(ACCURACY, ACCURACY_LOSS, R2, R2_LOSS, AGREEMENT, SIZE, SECONDS, ENERGY),
    *INCREASES.values(),
    *(SMALLEST, TRAINING),
)


@dataclass(frozen=True)
class Told:
    """What is told of a trial.

    Attributes:
        trial: The rows and the versions.
        tolerance: Loss that is small enough.
        source: Which rows the versions were assessed on.
        column: Sensitive column whose gaps are listed for every version; empty where there is none.
        absent: Sensitive column to why its groups are not compared; "" where there is no column.
        contended: What to say where the machine was busy while the versions were timed.
    """

    trial: Trial
    tolerance: float
    source: str
    column: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)
    contended: str = ""

    @property
    def _is_number(self) -> bool:
        return self.trial.task == "regression"

    @property
    def _quality(self) -> str:
        """Name of the column of what a version reaches."""
        return "r2_score" if self._is_number else "accuracy"

    @property
    def _together(self) -> str:
        tests = self.trial.tests
        return (
            f"losses and changes of a gap hold together at {100 * self.trial.level:g} % over all "
            f"{tests} versions (Bonferroni), so that the best or the worst may be picked out"
        )

    def measurements(self) -> Iterator[Measurement]:
        """Measure each version, then the smallest that is good enough and the largest growth."""
        for line in self.trial.lines:
            yield from self._of(line)
        yield self._smallest()
        n = len(self.trial.y_true)
        about = f"{self.source}; {self._together}"
        for gap, column in self.trial.gaps:
            found = self.trial.increase((gap, column))
            yield measured(INCREASES[gap], found, n, about, {column: ALL_GROUPS})
        for column, reason in self.absent.items():
            where = {column: ALL_GROUPS} if column else {}
            for metric in GAPS[self.trial.task]:
                nothing = Estimate.undefined(reason)
                yield measured(INCREASES[metric.id], nothing, n, self.source, where)

    def tables(self) -> Iterator[Table]:
        """The tables of what versions reach and cost, and of the gaps between groups."""
        yield self._versions()
        if self.column:
            yield self._gaps()
            yield self._growth()

    def _of(self, line: Line) -> Iterator[Measurement]:
        trial, version = self.trial, line.version
        key = "version" if "version" not in trial.codes else "(version)"
        where, n = {key: version.name}, len(trial.y_true)
        quality, loss = (R2, R2_LOSS) if self._is_number else (ACCURACY, ACCURACY_LOSS)
        yield measured(quality, line.quality, n, self.source, where)
        if version is not trial.versions[0]:
            yield measured(loss, line.loss, n, f"{self.source}; {self._together}", where)
            if not self._is_number:
                yield measured(AGREEMENT, line.agreement, n, self.source, where)
        if version.y_pred is None:
            return
        yield SIZE.measure(
            version.stored, n=1, exact=True, reason="a count", slice=where,
            source=f"{version.nonzero:,} of {version.weights:,} weights are not 0; {_STORED}",
        )  # fmt: skip
        source = f"wall clock, 1,000 rows a call{self.contended}"
        n, joules = version.repeats, version.joules
        yield measured(SECONDS, version.seconds, n, source, where)
        yield ENERGY.measure(
            joules.value, n=n, interval=joules.interval, reason=joules.reason, slice=where,
            basis=version.basis, source=f"1,000 rows a call{self.contended}; {version.how}",
        )  # fmt: skip

    def _smallest(self) -> Measurement:
        trial = self.trial
        line, whole = trial.smallest(self.tolerance), trial.versions[0].stored
        if line is None or not whole:
            reason = f"no version surely loses at most {self.tolerance:g}"
            found = Estimate.undefined(reason)
            return measured(SMALLEST, found, len(trial.y_true), self.source)
        return SMALLEST.measure(
            line.version.stored / whole, n=len(trial.y_true), exact=True,
            reason="a count of bytes; which version it is was found on the assessed rows",
            source=f"{quote(line.version.name)}; {self._together}",
        )  # fmt: skip

    def _versions(self) -> Table:
        trial, whole = self.trial, self.trial.versions[0].stored
        chosen, lines = trial.smallest(self.tolerance), trial.lines
        rows: list[tuple[Cell, ...]] = [
            (
                *(line.version.name, *_size(line, whole)),
                *(cell for one in (line.quality, line.loss) for cell in cells_of(one)),
                *_milliseconds(line),
                *(line is chosen, stands, _named(line.grows), line.version.reason),
            )
            for line, stands in zip(lines, trial.unbeaten, strict=True)
        ]
        bounded = (self._quality, "loss", "milliseconds", "network_milliseconds")
        return Table(
            name="versions",
            title="What smaller versions keep, and what they cost",
            columns=(
                *("version", "kilobytes", "size_share", "nonzero"),
                *(f"{name}{end}" for name in bounded for end in _ENDS),
                *("chosen", "unbeaten", "gap_grows", "note"),
            ),
            rows=tuple(rows),
            source=f"{self.source}; {self._together}; other intervals at "
            f"{100 * trial.level:g} % each. Would do: the smallest that surely loses at most "
            f"{self.tolerance:g}. {_STORED}. Times are of 1,000 rows at once, of raw rows and of "
            f"the network alone, medians of repeats{self.contended}",
            chart="size-frontier",
        )

    def _gaps(self) -> Table:
        trial, metrics = self.trial, GAPS[self.trial.task]
        rows: list[tuple[Cell, ...]] = [
            (
                line.version.name,
                *(
                    cell
                    for metric in metrics
                    if (found := line.gaps[metric.id, self.column])
                    for one in (found.second, found.change)
                    for cell in cells_of(one)
                ),
            )
            for line in trial.lines
            if line.gaps
        ]
        names = [name for metric in metrics for name in (metric.id, f"{metric.id}_change")]
        return Table(
            name="gaps",
            title=f"Gaps between groups of {quote(self.column)} in smaller versions",
            columns=("version", *(f"{name}{end}" for name in names for end in _ENDS)),
            rows=tuple(rows),
            source=f"{self._gap_words}. A change is the gap of the version minus that of the model "
            "as audited",
            chart="compressed-gaps",
        )

    def _growth(self) -> Table:
        trial = self.trial
        rows: list[tuple[Cell, ...]] = []
        for gap in trial.gaps:
            worst, audited = trial.worst(gap), trial.lines[0].gaps.get(gap)
            if worst is not None and audited is not None:
                grown = sum(gap in line.grows for line in trial.lines)
                found = cells_of(trial.increase(gap))
                before = audited.second.value
                rows.append((gap[1], gap[0], before, worst.version.name, *found, grown))
        return Table(
            name="growth",
            title="Where smaller versions widen a gap most",
            columns=(
                *("attribute", "metric", "as_audited", "version"),
                *(f"growth{end}" for end in _ENDS),
                "surely_in",
            ),
            rows=tuple(rows),
            source=f"{self._gap_words}. The version in which the gap grows most, and the largest "
            "growth of all; it surely grows where the whole interval is above 0",
            chart="compressed-growth",
        )

    @property
    def _gap_words(self) -> str:
        least = self.trial.min_group
        return (
            f"groups of fewer than {least} rows are left out; intervals of changes hold together "
            "over all versions"
        )


_ENDS = ("", "_low", "_high")
_STORED = (
    "Size: 32 bits a weight; a weight of few bits as many, and 32 for each row of a matrix; a "
    "pruned matrix 32 bits for each weight that is not 0, and one bit for every weight"
)


def _named(gaps: tuple[Gap, ...]) -> str:
    """Gaps for a reader: the columns, each once."""
    return ", ".join(dict.fromkeys(column for _, column in gaps))


def _size(line: Line, whole: int) -> tuple[Cell, ...]:
    version = line.version
    if version.y_pred is None:
        return (None, None, None)
    return (version.stored / 1000, version.stored / whole if whole else None, version.nonzero)


def _milliseconds(line: Line) -> Iterator[Cell]:
    for found in (line.version.seconds, line.version.network_seconds):
        for cell in cells_of(found):
            yield 1000 * cell if isinstance(cell, float) else cell
