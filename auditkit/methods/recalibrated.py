"""What recalibration would change: what an audit says of maps that were tried on other rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods import gaps, intervals
from auditkit.methods.calibration_tests import BinnedError, binned_error
from auditkit.methods.estimates import (
    Estimate,
    FloatArray,
    as_interval,
    cells_of,
    measured,
    together,
)
from auditkit.methods.gap_changes import gap_change, largest_change
from auditkit.methods.recalibration import (
    Fitted,
    change_of_brier,
    change_of_error,
    change_of_log_loss,
    fit_binary,
    fit_classes,
    losses,
)
from auditkit.methods.scored_rows import Mask, ScoredRows

ERROR_CHANGE = Metric(
    "recalibrated_error_change",
    "Change of the calibration error",
    "Calibration error beyond chance with recalibrated scores minus that as audited.",
    "difference",
    better="lower",
    low=-1.0,
    high=1.0,
)
BRIER_CHANGE = Metric(
    "recalibrated_brier_change",
    "Change of the Brier score",
    "Brier score with recalibrated scores minus that as audited: recalibration helps below 0.",
    "squared difference",
    better="lower",
    low=-2.0,
    high=2.0,
)
LOG_LOSS_CHANGE = Metric(
    "recalibrated_log_loss_change",
    "Change of the log loss",
    "Log loss with recalibrated scores minus that as audited.",
    "nats",
    better="lower",
)
ACCURACY_CHANGE = Metric(
    "recalibrated_accuracy_change",
    "Change of the accuracy by recalibration",
    "Accuracy of decisions on recalibrated scores minus that on the scores as audited.",
    "difference",
    better="higher",
    low=-1.0,
    high=1.0,
)
SELECTION_CHANGE = Metric(
    "recalibrated_selection_change",
    "Change of the selection rate by recalibration",
    "Share selected by recalibrated scores, at the same threshold, minus that as audited.",
    "difference",
    low=-1.0,
    high=1.0,
)
GAP_CHANGE = Metric(
    "recalibrated_gap_change",
    "Change of the gap in selection rate by recalibration",
    "Largest difference in selection rate between groups with recalibrated scores, at the same "
    "threshold, minus that as audited; of the column where it grows most.",
    "difference",
    better="lower",
    low=-1.0,
    high=1.0,
)
METRICS = (
    *(ERROR_CHANGE, BRIER_CHANGE, LOG_LOSS_CHANGE, ACCURACY_CHANGE),
    *(SELECTION_CHANGE, GAP_CHANGE),
)
#: Where each number comes from.
SOURCE = "scores mapped by what half of the assessed rows showed, held on the other half"
#: Why a selection rate does not exist.
CLASSES = "no one is selected: the task has several classes"


@dataclass(frozen=True)
class Trial:
    """One map held against the scores as audited.

    Attributes:
        name: What the map is called.
        changes: Metric id to its change.
    """

    name: str
    changes: dict[str, Estimate]

    @property
    def helps(self) -> bool:
        """Whether the Brier score is surely lower."""
        held = self.changes[BRIER_CHANGE.id].interval
        return held is not None and held.high < 0


@dataclass
class Recalibrated:
    """Recalibration of some rows.

    Attributes:
        fit: Rows that the maps are fitted on.
        test: Rows that they are tried on.
        rng: Draws outcomes.
        bins: Most bins of the calibration error.
        draws: How often outcomes are drawn.
        level: Level of the intervals of both maps together.

    Example:
        >>> no = np.zeros(0)
        >>> nobody = ScoredRows(no, no, no > 0, no, 0.5, {}, {}, 30)
        >>> made = Recalibrated(nobody, nobody, np.random.default_rng(0), 10, 199, 0.95)
        >>> {m.reason for m in made.measure()}
        {'0 rows: fewer than 100 to fit and to try a map on'}
    """

    fit: ScoredRows
    test: ScoredRows
    rng: np.random.Generator
    bins: int
    draws: int
    level: float

    #: Rows that both halves need together.
    least = 100

    def measure(self) -> Iterator[Measurement | Table]:
        """Yield what each map changes, then the table `recalibration`."""
        n = len(self.fit) + len(self.test)
        few = f"{n:,} rows: fewer than {self.least} to fit and to try a map on"
        problem = self.test.problem or self.fit.problem or (few if n < self.least else None)
        if problem:
            for metric in METRICS:
                yield measured(metric, Estimate.undefined(problem), n, SOURCE)
            return
        fit = fit_binary if self.fit.is_binary else fit_classes
        maps = fit(self.fit.y, self.fit.score)
        before = self._error(self.test.score)
        trials = [self._tried(fitted, before, len(maps)) for fitted in maps]
        for trial in trials:
            where = {"with": trial.name}
            for metric in METRICS:
                yield measured(metric, trial.changes[metric.id], len(self.test), SOURCE, where)
        yield self._table(trials)

    def _error(self, score: FloatArray) -> BinnedError:
        said, came = replace(self.test, score=score).said, replace(self.test, score=score).came
        each = gaps.half_level(gaps.half_level(self.level))
        return binned_error(came, said, self.rng, self.bins, self.draws, each)

    def _tried(self, fitted: Fitted, before: BinnedError, maps: int) -> Trial:
        if fitted.map is None:
            nothing = Estimate.undefined(fitted.reason)
            return Trial(fitted.name, {metric.id: nothing for metric in METRICS})
        test, score = self.test, fitted.map(self.test.score)
        each = gaps.shared_level(self.level, maps)
        (b0, l0), (b1, l1) = losses(test.y, test.score), losses(test.y, score)
        first, second = test.decided(test.score), test.decided(score)
        most = 1.0 if test.is_binary else 2.0
        changes = {
            ERROR_CHANGE.id: change_of_error(before, self._error(score), each),
            BRIER_CHANGE.id: change_of_brier(b0, b1, each, most),
            LOG_LOSS_CHANGE.id: change_of_log_loss(l0, l1, each),
            ACCURACY_CHANGE.id: self._share(first == test.y, second == test.y, each),
            SELECTION_CHANGE.id: Estimate.undefined(CLASSES),
            GAP_CHANGE.id: Estimate.undefined(CLASSES),
        }
        if test.is_binary:
            changes[SELECTION_CHANGE.id] = self._share(first == 1, second == 1, each)
            changes[GAP_CHANGE.id] = self._gap(first == 1, second == 1, each)
        others = f"{maps} maps"
        return Trial(
            fitted.name,
            {name: together(found, self.level, others) for name, found in changes.items()},
        )

    def _share(self, before: np.ndarray, after: np.ndarray, level: float) -> Estimate:
        """Change of a share, on the same rows."""
        won, lost, n = int((after & ~before).sum()), int((before & ~after).sum()), len(before)
        bounds = intervals.paired_difference(won, lost, n, level)
        return Estimate((won - lost) / n, as_interval(bounds, level, "Agresti-Min, paired"))

    def _gap(self, before: Mask, after: Mask, level: float) -> Estimate:
        """The largest change of a gap over all columns."""
        if not self.test.codes:
            return Estimate.undefined("no sensitive column was named, or all have too many groups")
        each = gaps.shared_level(level, len(self.test.codes))
        least = self.test.min_group
        found = [
            gap_change(before, after, codes, least, each).change
            for codes in self.test.codes.values()
        ]
        return largest_change(found, level)

    def _table(self, trials: list[Trial]) -> Table:
        shown = (ERROR_CHANGE, SELECTION_CHANGE, GAP_CHANGE)
        lines: list[tuple[Cell, ...]] = []
        for trial in trials:
            brier = cells_of(trial.changes[BRIER_CHANGE.id])
            others = (trial.changes[metric.id].value for metric in shown)
            lines.append((trial.name, *brier, *others, trial.helps))
        return Table(
            name="recalibration",
            title="Would recalibration help?",
            columns=(
                *("version", "brier_change", "brier_change_low", "brier_change_high"),
                *("error_change", "selection_change", "gap_change", "helps"),
            ),
            rows=tuple(lines),
            source=f"fitted on {len(self.fit):,} rows, tried on {len(self.test):,} others",
            chart="recalibration",
        )
