"""What it takes to close a gap between groups: variants of a model, held against each other.

A variant is another set of decisions about the same rows. How they came about is no matter here.

Source:
    Kamiran and Calders (2012), "Data preprocessing techniques for classification without
    discrimination", Knowledge and Information Systems 33:1 (uniform sampling).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Metric
from auditkit.methods import intervals
from auditkit.methods.cells import RATES, count_cells
from auditkit.methods.crossing import Comparison, Crossing, cross
from auditkit.methods.decision_groups import CONSTANT
from auditkit.methods.estimates import Estimate, IntArray, as_interval
from auditkit.methods.gaps import shared_level
from auditkit.methods.paired import paired_accuracy
from auditkit.methods.parity import (
    DEMOGRAPHIC_PARITY_DIFFERENCE,
    EQUAL_OPPORTUNITY_DIFFERENCE,
    EQUALIZED_ODDS_DIFFERENCE,
    parity,
)

Stage = Literal["as audited", "before training", "in training", "after training", "cut-off"]
#: Constraint to the gap that it is about, and the rates that this gap is made of.
GAPS: dict[str, tuple[Metric, tuple[str, ...]]] = {
    "demographic_parity": (DEMOGRAPHIC_PARITY_DIFFERENCE, ("selection_rate",)),
    "equal_opportunity": (EQUAL_OPPORTUNITY_DIFFERENCE, ("true_positive_rate",)),
    "equalized_odds": (EQUALIZED_ODDS_DIFFERENCE, ("true_positive_rate", "false_positive_rate")),
}
#: Why the model as audited has no difference from itself.
_ITSELF = Estimate.undefined("it is held against itself")


@dataclass(frozen=True)
class Variant:
    """Other decisions about the same rows.

    Attributes:
        name: What it is called.
        stage: Where it comes in.
        y_pred: Shape (n,): decisions, 0 or 1; None where there are none.
        reason: Why there are none, or None.
        reads_group: Whether it must know the group of a person to decide.
        note: What a reader should know of it.
    """

    name: str
    stage: Stage
    y_pred: npt.NDArray[np.int8] | None
    reason: str | None = None
    reads_group: bool = False
    note: str = ""


@dataclass(frozen=True)
class Line:
    """What a variant reaches, and what it costs.

    Attributes:
        variant: The variant.
        gap: The gap that is to close; its interval holds together with all others.
        accuracy: Share of right decisions.
        change: Its accuracy minus that of the model as audited; holds together with the gaps.
        balanced: Mean of true positive and true negative rate.
        selection: Selection rate.
        other: The gap that is not to close but may open.
        changed: Share of rows that are decided otherwise than by the model as audited.
    """

    variant: Variant
    gap: Estimate
    accuracy: Estimate
    change: Estimate
    balanced: Estimate
    selection: Estimate
    other: Estimate
    changed: Estimate

    def inside(self, target: float) -> bool:
        """Whether the whole interval of the gap lies within a target."""
        return self.gap.interval is not None and self.gap.interval.high <= target

    @property
    def loss(self) -> float:
        """Accuracy that it costs; infinite where it is not known."""
        return math.inf if self.change.value is None else -self.change.value


@dataclass(frozen=True)
class Trial:
    """Rows on which variants are held against each other.

    Attributes:
        column: The column whose groups are compared.
        labels: Names of its groups and, last, of the unknown.
        codes: Shape (n,): group of each row, -1 where unknown.
        y_true: Shape (n,): true outcomes, 0 or 1.
        variants: The model as audited, then its variants.
        constraint: A key of `GAPS`.
        level: Two-sided level, in (0, 1).
        min_group: Rows that a rate of a group must rest on.
        crossings: The counts of each variant, kept.

    Example:
        >>> y, codes = np.array([0, 1, 0, 1] * 25), np.array([0, 0, 1, 1] * 25)
        >>> audited = Variant("as audited", "as audited", (y * codes).astype(np.int8))
        >>> fair = Variant("fair", "in training", y.astype(np.int8))
        >>> trial = Trial("sex", ("F", "M", "unknown"), codes, y, (audited, fair))
        >>> [(line.gap.value, line.accuracy.value) for line in trial.lines]
        [(0.5, 0.75), (0.0, 1.0)]
    """

    column: str
    labels: tuple[str, ...]
    codes: IntArray
    y_true: npt.NDArray[np.int8]
    variants: tuple[Variant, ...]
    constraint: str = "demographic_parity"
    level: float = 0.95
    min_group: int = 10
    crossings: dict[str, Crossing] = field(default_factory=dict, repr=False)

    @property
    def metric(self) -> Metric:
        """The gap that is to close."""
        return GAPS[self.constraint][0]

    @property
    def other(self) -> Metric:
        """The gap that is shown beside it."""
        parity_first = self.constraint == "demographic_parity"
        return EQUAL_OPPORTUNITY_DIFFERENCE if parity_first else DEMOGRAPHIC_PARITY_DIFFERENCE

    @property
    def tests(self) -> int:
        """Intervals that hold together: every gap, and every change of accuracy."""
        return 2 * len(self.variants) - 1

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """What each variant reaches, in their order."""
        return tuple(self._line(variant) for variant in self.variants)

    def crossing(self, variant: Variant) -> Crossing:
        """The counts of a variant by group."""
        if variant.name not in self.crossings:
            if variant.y_pred is None:
                raise ValueError(f"{variant.name}: no decisions to count")
            sizes = {self.column: len(self.labels) - 1}
            cells = count_cells({self.column: self.codes}, sizes, self.y_true, variant.y_pred)
            self.crossings[variant.name] = cross(cells, {self.column: self.labels}, [self.column])
        return self.crossings[variant.name]

    def compared(self, variant: Variant, rate: str) -> Comparison:
        """One rate of the groups that are large enough."""
        return self.crossing(variant).compare(RATES[rate], self.min_group)

    def _line(self, variant: Variant) -> Line:
        if variant.y_pred is None:
            nothing = Estimate.undefined(variant.reason or "no decisions")
            return Line(variant, *(7 * [nothing]))
        each = shared_level(self.level, self.tests)
        right, before = variant.y_pred == self.y_true, self.variants[0]
        paired = paired_accuracy(right, before.y_pred == self.y_true, each)
        table = self.crossing(variant).table.sum(axis=0)
        same = variant is before
        return Line(
            variant=variant,
            gap=self._together(self._gap(variant, self.metric, each)),
            accuracy=self._share("accuracy", table),
            change=_ITSELF if same else self._together(paired.difference),
            balanced=self._balanced(table),
            selection=self._share("selection_rate", table),
            other=self._gap(variant, self.other, self.level),
            changed=self._changed(variant, before),
        )

    def _gap(self, variant: Variant, metric: Metric, level: float) -> Estimate:
        if variant.y_pred is not None and len(np.unique(variant.y_pred)) < 2:
            return Estimate.undefined(CONSTANT)
        selection, recall, alarms = (
            self.compared(variant, name)
            for name in ("selection_rate", "true_positive_rate", "false_positive_rate")
        )
        found = parity(selection, recall, alarms, level)
        return next(estimate for one, estimate, _ in found if one is metric)

    def _together(self, found: Estimate) -> Estimate:
        """Say of an interval that it holds together with the others at the level of the trial."""
        held = found.interval
        if held is None or self.tests == 1:
            return found
        method = f"{held.method}; Bonferroni over {self.tests} intervals"
        return replace(found, interval=replace(held, level=self.level, method=method))

    def _share(self, rate: str, table: IntArray) -> Estimate:
        successes, totals = (int(count) for count in RATES[rate].of(table))
        return intervals.share(successes, totals, self.level)

    def _balanced(self, table: IntArray) -> Estimate:
        both = (RATES["true_positive_rate"].of(table), RATES["true_negative_rate"].of(table))
        (tp, positives), (tn, negatives) = ((int(s), int(n)) for s, n in both)
        if not positives or not negatives:
            return Estimate.undefined("all true outcomes are the same")
        bounds = intervals.mean_of_two(tp, positives, tn, negatives, self.level)
        value = (tp / positives + tn / negatives) / 2
        return Estimate(value, as_interval(bounds, self.level, "MOVER of Clopper-Pearson limits"))

    def _changed(self, variant: Variant, before: Variant) -> Estimate:
        if variant is before:
            return _ITSELF
        n, decided = len(self.y_true), np.asarray(variant.y_pred)
        count = int(np.count_nonzero(decided != np.asarray(before.y_pred)))
        return intervals.share(count, n, self.level)


def cheapest(lines: Sequence[Line], target: float) -> tuple[Line | None, bool]:
    """Choose the variant that costs least accuracy of those surely within a target.

    Args:
        lines: The model as audited first, then its variants.
        target: Largest gap that is wanted.

    Returns:
        The choice, and whether it is within the target. The model as audited, where it is; else
        the cheapest variant; where none is, the one whose gap surely is smallest; None where no
        variant has a gap.
    """
    if lines[0].inside(target):
        return lines[0], True
    inside = [line for line in lines[1:] if line.inside(target)]
    if inside:
        return min(inside, key=lambda line: line.loss), True
    bounded = [(line.gap.interval.high, line) for line in lines[1:] if line.gap.interval]
    return (min(bounded, key=lambda pair: pair[0])[1], False) if bounded else (None, False)


def unbeaten(lines: Sequence[Line]) -> list[bool]:
    """Find the variants that no other beats: at least as right, with at most the gap, and not both.

    Args:
        lines: The variants.

    Returns:
        Whether each is unbeaten, by the estimates themselves; False without both numbers.
    """
    points = [(line.gap.value, line.accuracy.value) for line in lines]
    known = [(gap, right) for gap, right in points if gap is not None and right is not None]

    def stands(gap: float | None, right: float | None) -> bool:
        if gap is None or right is None:
            return False
        beats = ((g <= gap and a >= right and (g, a) != (gap, right)) for g, a in known)
        return not any(beats)

    return [stands(*point) for point in points]


def fewest_changes(successes: npt.ArrayLike, totals: npt.ArrayLike, target: float) -> int:
    """Count the decisions that must change at least to bring a gap within a target.

    Args:
        successes: Shape (k,): selected rows of each group; unit: rows.
        totals: Shape (k,): rows of each group, each at least 1; unit: rows.
        target: Largest difference of two rates that is wanted, in [0, 1].

    Returns:
        The least number of changed decisions, whoever is chosen: a lower bound, as rows are taken
        to be divisible.

    Example:
        >>> fewest_changes([50, 30], [100, 100], 0.1)
        10
    """
    s, n = np.asarray(successes, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    rates = s / n
    # The sum is convex and piecewise linear in the lowest rate: its least value is at a corner.
    lowest = np.clip(np.concatenate([rates, rates - target]), 0.0, 1.0)[:, None]
    up, down = np.maximum(lowest * n - s, 0.0), np.maximum(s - (lowest + target) * n, 0.0)
    return math.ceil(float((up + down).sum(axis=1).min()) - 1e-9)


def more_needed(successes: npt.ArrayLike, totals: npt.ArrayLike, target: float) -> IntArray:
    """Count the rows of each group to select in addition, to come within a target of the highest.

    Args:
        successes: Shape (k,): selected rows of each group; unit: rows.
        totals: Shape (k,): rows of each group, each at least 1; unit: rows.
        target: Largest difference of two rates that is wanted, in [0, 1].

    Returns:
        Shape (k,): rows, 0 where the group is within it; the highest group stays as it is.

    Example:
        >>> more_needed([50, 30], [100, 100], 0.1).tolist()
        [0, 10]
    """
    s, n = np.asarray(successes, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    wanted = ((s / n).max() - target) * n - s
    needed: IntArray = np.ceil(np.maximum(wanted - 1e-9, 0.0)).astype(np.int64)
    return needed


def even_out(
    codes: npt.ArrayLike, y: npt.ArrayLike, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw rows so that groups and outcomes are independent, and as many as before (about).

    Args:
        codes: Shape (n,): group of each row; the unknown, -1, are a group too.
        y: Shape (n,): outcomes.
        rng: Draws the rows.

    Returns:
        Numbers of rows, ascending: of each group and outcome as many as if both were independent;
        all of them and some again where it had fewer, some of them where it had more.

    Source:
        Kamiran and Calders (2012), uniform sampling.

    Example:
        >>> even_out([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0], np.random.default_rng(0)).size
        5
    """
    group, outcome = np.asarray(codes), np.asarray(y)
    drawn = []
    for g in np.unique(group):
        for o in np.unique(outcome):
            held = np.flatnonzero((group == g) & (outcome == o))
            wanted = round(float((group == g).mean() * (outcome == o).sum()))
            if held.size == 0:
                continue
            more = rng.choice(held, max(wanted - held.size, 0))
            drawn += [rng.choice(held, min(wanted, held.size), replace=False), more]
    return np.sort(np.concatenate(drawn))


def too_dear(
    cost: float, epochs: int, *, whole: int, short: int, short_epochs: int, most_minutes: float
) -> str | None:
    """Say where training the variants would take too long.

    Args:
        cost: CPU time of training the model as audited; unit: s.
        epochs: Epochs that it took.
        whole: Trainings like it.
        short: Trainings of fewer epochs.
        short_epochs: Epochs of each of these.
        most_minutes: Most that all may take; unit: min of CPU time.

    Returns:
        The reason, or None where it is not too long.

    Example:
        >>> too_dear(600.0, 10, whole=2, short=5, short_epochs=2, most_minutes=30.0)
        >>> too_dear(600.0, 10, whole=5, short=0, short_epochs=2, most_minutes=30.0)[:53]
        'all trainings would take about 50 CPU minutes, more t'
    """
    minutes = cost * (whole + short * short_epochs / max(epochs, 1)) / 60
    if minutes <= most_minutes:
        return None
    return (
        f"all trainings would take about {minutes:,.0f} CPU minutes, more than most_minutes = "
        f"{most_minutes:g}; raise it, or name fewer methods"
    )
