"""Scores by group: how well they rank, what they come to, and whether they come true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from auditkit.errors import quote
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods import gaps
from auditkit.methods.abroca import Between, against_largest, widest
from auditkit.methods.calibration import CALIBRATION_IN_THE_LARGE, EXPECTED_CALIBRATION_ERROR
from auditkit.methods.estimates import Estimate, cells_of
from auditkit.methods.group_tasks import Grouped
from auditkit.methods.groupwise import (
    FEWEST_OF_A_MEAN,
    Lines,
    Quantity,
    Settings,
    describe,
    groups_table,
    measure_gap,
    measure_group,
    pairs_table,
)
from auditkit.methods.means import METHOD
from auditkit.methods.ranking import KS_STATISTIC, ROC_AUC
from auditkit.methods.score_curves import bound_words
from auditkit.methods.score_parts import (
    CALIBRATION_IN_THE_LARGE_DIFFERENCE,
    EXPECTED_CALIBRATION_ERROR_DIFFERENCE,
    MEAN_SCORE,
    MEAN_SCORE_DIFFERENCE,
    ROC_AUC_DIFFERENCE,
    Binned,
    Parts,
    parts_of,
)

STANDARDIZED_DIFFERENCE = Metric(
    "standardized_mean_score_difference",
    "Standardized mean score difference",
    "Largest difference of the mean scores of two groups, over their pooled standard deviation.",
    "standard deviations",
    better="lower",
    low=0.0,
)
ABROCA = Metric(
    "abroca",
    "Area between ROC curves",
    "Largest absolute area between the ROC curve of a group and that of the largest group: ABROCA.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
#: Rows of the rarer outcome that a curve must have to be drawn: its points are then of several.
FEWEST_OF_A_CURVE = 50
#: Rows of a point of calibration by group, at least.
FEWEST_OF_A_BIN = 30
#: Groups of a column that are drawn, the largest first.
DRAWN = 6


@dataclass
class ScoresByGroup:
    """Scores of a binary task by group; `rows.y_pred` holds them where there are rows.

    Attributes:
        rows: Rows with groups, outcomes and scores; or counts of them by bin.
        settings: How groups are compared.
        rng: Draws the noise of ROC curves.
        points: Most points of a curve in the table `roc`.
        bins: Most points of a group in the table `calibration`.
        lines: Rows of the tables, gathered while groups are measured.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> sex, y, score = rng.integers(0, 2, 400), rng.integers(0, 2, 400), rng.random(400)
        >>> rows = Grouped({"sex": sex}, {"sex": ("F", "M", "unknown")}, y, score)
        >>> found = list(ScoresByGroup(rows, Settings(), rng).measure(["sex"]))
        >>> len(found), found[-1].metric, found[-1].interval.low
        (16, 'abroca', 0.0)
    """

    rows: Grouped | Binned
    settings: Settings
    rng: np.random.Generator
    points: int = 12
    bins: int = 5
    lines: Lines = field(default_factory=Lines)
    curves: list[tuple[Cell, ...]] = field(default_factory=list)
    promised: list[tuple[Cell, ...]] = field(default_factory=list)

    shown = (
        *(MEAN_SCORE, ROC_AUC, KS_STATISTIC, EXPECTED_CALIBRATION_ERROR),
        CALIBRATION_IN_THE_LARGE,
    )
    gaps = (
        *(MEAN_SCORE_DIFFERENCE, ROC_AUC_DIFFERENCE, EXPECTED_CALIBRATION_ERROR_DIFFERENCE),
        *(CALIBRATION_IN_THE_LARGE_DIFFERENCE, STANDARDIZED_DIFFERENCE, ABROCA),
    )

    def measure(self, columns: Sequence[str]) -> Iterator[Measurement]:
        """Measure every group of some columns crossed, then the gaps between them."""
        parts = parts_of(self.rows, columns)
        quantities = parts.quantities(max(FEWEST_OF_A_MEAN, self.settings.min_group))
        alone = len(columns) == 1
        for i in range(len(parts.rarer)):
            listed = self.lines if alone else Lines()
            yield from measure_group(quantities, parts.crossing, i, self.settings, listed)
        # Of an intersection the tables show the widest pair only: there are many.
        settings = self.settings if alone else replace(self.settings, max_pairs=1)
        for quantity in quantities:
            # Of two errors one says little: a small group has the larger one by chance.
            listed = Lines() if quantity.metric is EXPECTED_CALIBRATION_ERROR else self.lines
            yield from measure_gap(
                quantity, parts.crossing, settings, listed, constant=self.rows.constant
            )
        yield self._standardized(parts, quantities[0])
        yield self._between_curves(parts, quantities[1], settings.max_pairs)
        if alone:
            self._gather(parts)

    def _standardized(self, parts: Parts, of: Quantity) -> Measurement:
        least = max(self.settings.min_group, of.fewest)
        kept = parts.crossing.known & (of.n >= least)
        found = parts.standardized(np.flatnonzero(kept).tolist(), self.settings.level)
        return STANDARDIZED_DIFFERENCE.measure(
            found.value,
            interval=found.interval,
            reason=found.reason,
            n=int(of.n[kept].sum()),
            source=f"between groups, unsigned; {describe(of, parts.crossing, kept, least)}",
            slice=parts.crossing.everyone,
        )

    def _between_curves(self, parts: Parts, of: Quantity, listed: int) -> Measurement:
        """Hold the curve of each group against that of the largest."""
        level, crossing = self.settings.level, parts.crossing
        least = max(self.settings.min_group, of.fewest)
        kept = crossing.known & (of.n >= least)
        found, words = Estimate.undefined(gaps.TOO_FEW), ""
        if kept.sum() > 1:
            places = np.flatnonzero(kept).tolist()
            curves = [parts.curve(i, self.rng) for i in places]
            largest, against = against_largest(curves, crossing.sizes[kept], level)
            found = of.told(widest(against, level))
            names = [crossing.names[i] for i in places]
            words = f"against {quote(names[largest])}, the largest; "
            # The largest area need not be that of the group that bins blur most.
            words += f"{bound_words(max(one.bound for one in against))}; "
            self._gather_areas(crossing.title, names, largest, against, listed)
        return ABROCA.measure(
            found.value,
            interval=found.interval,
            reason=found.reason,
            n=int(of.n[kept].sum()),
            source=f"{words}{describe(of, crossing, kept, least)}",
            slice=crossing.everyone,
        )

    def _gather_areas(
        self,
        attribute: str,
        names: Sequence[str],
        largest: int,
        found: Sequence[Between],
        listed: int,
    ) -> None:
        for one in found[:listed]:
            value, low, high = cells_of(one.area)
            apart = isinstance(low, float) and low > 0
            named = (attribute, ABROCA.id, names[one.group], names[largest])
            self.lines.pairs.append((*named, value, low, high, None, apart))
        if len(found) > listed:
            self.lines.cut.append(f"{quote(attribute)} {ABROCA.id} ({len(found):,} pairs)")

    def _gather(self, parts: Parts) -> None:
        """Points of the curve and of calibration of the largest groups of one column."""
        crossing = parts.crossing
        seen = np.flatnonzero(crossing.known & (parts.rarer >= FEWEST_OF_A_CURVE))
        seen = seen[np.argsort(-crossing.sizes[seen], kind="stable")][:DRAWN]
        for i in np.sort(seen).tolist():
            named = (crossing.title, crossing.names[i])
            shorter = np.round(parts.points(i, self.points), 4).tolist()
            self.curves += [(*named, *point) for point in shorter]
            if not parts.probable:
                continue
            most = max(1, min(self.bins, int(crossing.sizes[i]) // FEWEST_OF_A_BIN))
            bins = parts.calibration_bins(i, most, self.settings.level)
            self.promised += [
                (*named, one.n, one.mean_score, one.observed_rate, one.low, one.high)
                for one in bins
                if one.n >= FEWEST_OF_A_BIN
            ]

    def tables(self) -> Iterator[Table]:
        """The tables of groups, curves, calibration and pairs."""
        level, weighted = self.settings.level, self.rows.weights is not None
        source = "Student's t intervals of means, DeLong's of the area under the ROC curve, "
        source += "Dvoretzky-Kiefer-Wolfowitz bands for Kolmogorov-Smirnov, normal ones for "
        source += "calibration error that allow for its bias,"
        yield groups_table(self.shown, self.lines, source, level, weighted=weighted)
        yield from self._points()
        source = "MOVER intervals for areas under the curve, noise of curves drawn by the "
        source += f"Bayesian bootstrap for the area between them, {METHOD} for means,"
        yield from pairs_table(self.lines, source, level, weighted=weighted)

    @property
    def _exactly(self) -> str:
        """How exact the points of a curve are."""
        if isinstance(self.rows, Grouped):
            return bound_words(0.0)
        return f"each exact, at the end of one of {self.rows.scores.bins:,} bins"

    def _points(self) -> Iterator[Table]:
        weighed = "" if self.rows.weights is None else ", weighted"
        shown = (
            f"the {DRAWN} largest groups of each column with {FEWEST_OF_A_CURVE} rows of either "
            "outcome"
        )
        if self.curves:
            yield Table(
                name="roc",
                title="ROC curve by group",
                columns=("attribute", "group", "false_positive_rate", "true_positive_rate"),
                rows=tuple(self.curves),
                source=f"assessed rows{weighed}; {shown}; at most {self.points} points a group, "
                f"evenly along its curve, to 4 digits; {self._exactly}",
                chart="roc-groups",
            )
        if self.promised:
            yield Table(
                name="calibration",
                title="Scores against what came true, by group",
                columns=(
                    *("attribute", "group", "n", "mean_score", "observed_rate", "low", "high"),
                ),
                rows=tuple(self.promised),
                source=f"assessed rows{weighed}; {shown}; at most {self.bins} bins a group, of "
                f"about equally many rows, at least {FEWEST_OF_A_BIN}; Clopper-Pearson intervals "
                f"of the observed rate at {100 * self.settings.level:g} %",
                chart="calibration-groups",
            )
