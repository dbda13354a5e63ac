"""Leaving doubtful rows to a person: what an audit says of risk, coverage and whom it falls on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods import gaps, intervals
from auditkit.methods.abstention import (
    STEPS,
    Proven,
    areas,
    fewest_rows,
    prove,
    risk_change,
    thresholds_for,
)
from auditkit.methods.estimates import Estimate, IntArray, cells_of, measured, together
from auditkit.methods.miscalibration import OfGroup, group_cells
from auditkit.methods.scored_rows import FEWEST, Group, Mask, ScoredRows

AURC = Metric(
    "abstention_aurc",
    "Risk-coverage area",
    "Mean share of wrong decisions over all shares of rows that are decided, the surest first.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
EXCESS = Metric(
    "abstention_excess_aurc",
    "Risk-coverage area, excess",
    "That area less the one of an order that puts every wrong decision last: 0 where confidence "
    "tells right from wrong.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
TARGET = Metric(
    "abstention_target_risk",
    "Target risk",
    "Share of wrong decisions that the rows decided by the model are to keep to.",
    "rate",
    low=0.0,
    high=1.0,
)
COVERAGE = Metric(
    "coverage_at_target_risk",
    "Decided at the target risk",
    "Share of rows that are sure enough for a threshold whose risk is proven to keep to it.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
SHARE = Metric(
    "abstention_share",
    "Share left to a person",
    "Share of rows that are not sure enough for that threshold.",
    "rate",
    low=0.0,
    high=1.0,
)
SHARE_DIFFERENCE = Metric(
    "abstention_share_difference",
    "Difference in the share left",
    "Largest difference between groups in the share left to a person.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
RISK = Metric(
    "abstention_risk",
    "Risk of rows decided",
    "Share of wrong decisions among the rows that are sure enough, in the half of the rows that "
    "did not choose the threshold.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
RISK_CHANGE = Metric(
    "abstention_risk_change",
    "Change of the risk by abstention",
    "Share of wrong decisions among the rows that are sure enough minus that of all rows.",
    "difference",
    better="lower",
    low=-1.0,
    high=1.0,
)
METRICS = (AURC, EXCESS, TARGET, COVERAGE, SHARE, SHARE_DIFFERENCE, RISK, RISK_CHANGE)
#: Points of the curve.
POINTS = 6


@dataclass(frozen=True)
class Left:
    """What abstention does to a group of so many rows."""

    n: int
    share: Estimate
    change: Estimate
    risk: Estimate


@dataclass
class Abstaining:
    """Abstention of some rows.

    Attributes:
        rows: All rows.
        sets: Places of the half that sets the thresholds, and the target where none was given.
        proves: Places of the half that proves one.
        rng: Draws rows anew.
        target: The risk to keep to; None takes half the error rate of the half that sets it.
        replicates: How often rows are drawn anew.
        level: Level of the intervals, and the chance with which the target is kept.
        groups: Column and group to what was found, once measured.
    """

    rows: ScoredRows
    sets: IntArray
    proves: IntArray
    rng: np.random.Generator
    target: float | None
    replicates: int
    level: float
    groups: dict[tuple[str, str], Left] = field(default_factory=dict)

    @cached_property
    def risk(self) -> float | None:
        """The target: as given, or half the error rate; None where that is 0."""
        if self.target is not None:
            return self.target
        wrong = self.rows.wrong[self.sets]
        return float(wrong.mean()) / 2 if wrong.any() else None

    @cached_property
    def proven(self) -> Proven:
        """The threshold, or why there is none."""
        if self.risk is None:
            none = "no decision was wrong where the target is set: give target_risk"
            return Proven(None, reason=none)
        sure, proves = self.rows.confidence, self.proves
        least = fewest_rows(self.risk, self.level)
        if least > len(proves):
            few = f"no threshold: {least:,} rows without an error would prove it at the earliest"
            return Proven(None, reason=f"{few}, and {len(proves):,} are there to prove it")
        steps = thresholds_for(sure[self.sets], least, len(proves))
        return prove(steps, sure[proves], self.rows.wrong[proves], self.risk, self.level)

    @cached_property
    def kept(self) -> Mask:
        """Which rows are decided; all where there is no threshold."""
        threshold = self.proven.threshold
        return self.rows.confidence >= (-np.inf if threshold is None else threshold)

    def measure(self) -> Iterator[Measurement | Table]:
        """Yield the areas, the threshold and what it leaves to a person, then the curve."""
        n, source = len(self.rows), "decisions and confidence of the assessed rows"
        both = areas(self.rows.confidence, self.rows.wrong, self.rng, self.replicates, self.level)
        for metric, found in zip((AURC, EXCESS), both, strict=True):
            yield measured(metric, found, n, source)
        yield self._target()
        yield from self._whole()
        for group in self.rows.groups():
            yield from self._of_group(group)
        for column in self.rows.labels:
            yield self._difference(column)
        if n:
            yield self._curve()

    def _target(self) -> Measurement:
        n = len(self.sets)
        if self.risk is None:
            return measured(TARGET, Estimate.undefined(self.proven.reason), n, "assessed rows")
        if self.target is not None:
            why = "exact: the setting target_risk"
            return TARGET.measure(
                self.risk, n=n, source="target_risk", exact=True, reason=why, basis="declared"
            )
        source = "half the error rate in the half of the rows that sets the thresholds"
        why = "auditkit's own choice, nobody's rule; set target_risk"
        return TARGET.measure(self.risk, n=n, source=source, exact=True, reason=why)

    def _whole(self) -> Iterator[Measurement]:
        found, n = self.proven, len(self.rows)
        told = self._told
        kept = int(self.kept.sum())
        if found.threshold is None:
            for metric in (COVERAGE, SHARE, RISK):
                yield measured(metric, Estimate.undefined(found.reason), n, told)
            return
        yield measured(COVERAGE, intervals.share(kept, n, self.level), n, told)
        yield measured(SHARE, intervals.share(n - kept, n, self.level), n, told)
        held, wrong = self.kept[self.sets], self.rows.wrong[self.sets]
        yield measured(RISK, self._risk(held, wrong), int(held.sum()), told)

    @property
    def _told(self) -> str:
        found = self.proven
        if found.threshold is None:
            return "rows accepted from the surest down"
        at = "every row" if np.isinf(found.threshold) else f"confidence from {found.threshold:.3g}"
        return (
            f"{at}: {found.wrong:,} of {found.accepted:,} rows wrong in the half that proves it, "
            f"surely at most {found.upper:.4g}; {found.tried} of at most {STEPS} thresholds tried"
        )

    def _of_group(self, group: Group) -> Iterator[Measurement]:
        inside = group.rows[self.sets]
        n, m = group.size, int(inside.sum())
        sure = int((inside & self.kept[self.sets]).sum())
        problem = group.problem or (self.proven.reason if self.proven.threshold is None else None)
        if problem is None and m < group.least:
            problem = f"{m:,} rows in the half that is looked at: fewer than {group.least:,}"
        left = Left(n, *(Estimate.undefined(problem or "") for _ in range(3)))
        if problem is None:
            count = max(1, len(self.rows.comparable(group.column)))
            each, others = gaps.shared_level(self.level, count), f"{count} groups"
            held, wrong = self.kept[self.sets][inside], self.rows.wrong[self.sets][inside]
            share = intervals.share(int((group.rows & ~self.kept).sum()), n, self.level)
            change = self._if_enough(held, risk_change(wrong, held, each))
            risk = self._if_enough(held, self._risk(held, wrong))
            left = Left(n, share, together(change, self.level, others) if count > 1 else change,
                        risk)  # fmt: skip
        self.groups[group.column, group.name] = left
        told = self._told
        yield measured(SHARE, left.share, n, told, group.where)
        yield measured(RISK, left.risk, sure, told, group.where)
        yield measured(RISK_CHANGE, left.change, m, told, group.where)

    def _risk(self, held: Mask, wrong: Mask) -> Estimate:
        lost, rows = int((held & wrong).sum()), int(held.sum())
        return intervals.share(lost, rows, self.level, "no row is accepted")

    def _if_enough(self, held: Mask, found: Estimate) -> Estimate:
        """A number of rows that are decided, unless these are too few to be shown."""
        sure = int(held.sum())
        if 0 < sure < FEWEST:
            return Estimate.undefined(f"fewer than {FEWEST} rows are accepted")
        return found

    def _difference(self, column: str) -> Measurement:
        groups, where = self.rows.comparable(column), {column: ALL_GROUPS}
        totals = [group.size for group in groups]
        left = [int((group.rows & ~self.kept).sum()) for group in groups]
        if self.proven.threshold is None:
            found = Estimate.undefined(self.proven.reason)
        elif not any(left):
            found = Estimate.undefined("no row is left to a person, so there is nothing to compare")
        else:
            found = gaps.difference(left, totals, self.level)
        return measured(SHARE_DIFFERENCE, found, sum(totals), self._told, where)

    def _curve(self) -> Table:
        sure, wrong = self.rows.confidence, self.rows.wrong
        coverage = np.linspace(1, POINTS, POINTS) / POINTS
        cuts = np.unique(np.quantile(sure, 1 - coverage[:-1], method="inverted_cdf"))[::-1]
        worst = self._worst()
        lines: list[tuple[Cell, ...]] = []
        for cut in (*cuts.tolist(), -np.inf):
            kept = sure >= cut
            if int(kept.sum()) < self.rows.min_group and cut > -np.inf:
                continue
            inside = kept & (worst.rows if worst is not None else False)
            enough = int(inside.sum()) >= self.rows.min_group
            of_group = float(wrong[inside].mean()) if enough else None
            lines.append((float(kept.mean()), float(wrong[kept].mean()), of_group))
        of = "" if worst is None else f"; highest where all are decided: {quote(worst.name)}"
        return Table(
            name="risk-coverage",
            title="Wrong decisions, by the share of rows that is decided",
            columns=("coverage", "risk", "risk_of_group"),
            rows=tuple(dict.fromkeys(lines)),
            source=f"the surest rows first, ties together{of}",
            chart="risk-coverage",
        )

    def _worst(self) -> Group | None:
        """The group that is wrong most often."""
        columns = self.rows.labels
        groups = [group for column in columns for group in self.rows.comparable(column)]
        groups = [group for group in groups if group.size < len(self.rows)]
        return max(groups, key=lambda group: self.rows.wrong[group.rows].mean(), default=None)


def groups_table(found: Sequence[OfGroup], left: dict[tuple[str, str], Left]) -> Table | None:
    """Every group with its calibration and with what abstention does to it, the worst first.

    Args:
        found: What the tests of calibration say of each group.
        left: Column and group to what abstention does.

    Returns:
        The table; None where there are no groups.

    Example:
        >>> groups_table([], {}) is None
        True
    """
    if not left:
        return None
    known = {(one.group.column, one.group.name): one for one in found}
    lines = []
    for (column, name), one in left.items():
        of = known.get((column, name))
        error, p = (None, None) if of is None else group_cells(of)
        change = cells_of(one.change)
        lines.append((column, name, one.n, error, p, one.share.value, one.risk.value, *change))

    def telling(line: tuple[Cell, ...]) -> tuple[float, float]:
        p, left = line[4], line[5]
        return (1.0 if p is None else float(p), -(0.0 if left is None else float(left)))

    return Table(
        name="groups",
        title="By group",
        columns=(
            *("attribute", "group", "n", "calibration_error", "p_adjusted", "left_to_person"),
            *("risk_decided", "risk_change", "low", "high"),
        ),
        rows=tuple(sorted(lines, key=telling)),
        source="p: of two tests, Holm over all groups; risk change: against all rows of the group",
        chart="calibrated-groups",
    )
