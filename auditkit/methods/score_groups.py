"""Scores by group: how well they rank, what they come to, and whether they come true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations

import numpy as np

from auditkit.errors import quote
from auditkit.evidence import Cell, Interval, Measurement, Metric, Table
from auditkit.methods import calibration, gaps, ranking
from auditkit.methods.abroca import Between, Curve, against_largest, draw_curve, widest
from auditkit.methods.calibration import (
    CALIBRATION_IN_THE_LARGE,
    EXPECTED_CALIBRATION_ERROR,
    are_probabilities,
)
from auditkit.methods.cells import count_cells
from auditkit.methods.crossing import Crossing, cross
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, cells_of
from auditkit.methods.group_tasks import Grouped
from auditkit.methods.groupwise import (
    FEWEST_OF_A_MEAN,
    Lines,
    Numbers,
    Quantity,
    Settings,
    describe,
    gap_metric,
    groups_table,
    measure_gap,
    measure_group,
    pairs_table,
)
from auditkit.methods.lending import standardized_difference
from auditkit.methods.means import METHOD, means_by_group
from auditkit.methods.mover import Estimated
from auditkit.methods.ranking import KS_STATISTIC, ROC_AUC
from auditkit.methods.weighting import bounded_weighted_mean

MEAN_SCORE = Metric("mean_score", "Mean score", "Mean of the scores.", "score")
ROC_AUC_DIFFERENCE = gap_metric(ROC_AUC)
MEAN_SCORE_DIFFERENCE = gap_metric(MEAN_SCORE)
CALIBRATION_IN_THE_LARGE_DIFFERENCE = gap_metric(CALIBRATION_IN_THE_LARGE)
EXPECTED_CALIBRATION_ERROR_DIFFERENCE = gap_metric(EXPECTED_CALIBRATION_ERROR)
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
#: What a number that sees both outcomes rests on.
RARER = "rows of the rarer outcome"
#: Why there is no standardized difference.
NOT_WEIGHTED = "not computed where rows have weights"


@dataclass(frozen=True)
class _Parts:
    """The rows of each group of a crossing, and what their scores say."""

    rows: Grouped
    crossing: Crossing
    place: IntArray
    of: tuple[IntArray, ...]
    rarer: IntArray

    @classmethod
    def made(cls, rows: Grouped, crossing: Crossing) -> _Parts:
        place, m = rows.place(crossing.columns), len(crossing.labels)
        order = np.argsort(place, kind="stable")
        parts = np.split(order, np.searchsorted(place[order], np.arange(1, m)))
        won = np.bincount(place, weights=rows.y_true, minlength=m).astype(np.int64)
        return cls(rows, crossing, place, tuple(parts), np.minimum(won, crossing.sizes - won))

    @property
    def worth(self) -> FloatArray | None:
        """What the rows of each group are worth by Kish; 0 where there are none."""
        w, m = self.rows.weights, len(self.of)
        if w is None:
            return None
        total, squares = (np.bincount(self.place, weights=x, minlength=m) for x in (w, w**2))
        return np.divide(total**2, squares, out=np.zeros(m), where=squares > 0)

    def take(self, i: int) -> tuple[IntArray, FloatArray, FloatArray | None]:
        """Outcomes, scores and weights of one group."""
        rows, w = self.of[i], self.rows.weights
        return self.rows.y_true[rows], self.rows.y_pred[rows], None if w is None else w[rows]

    def area(self, i: int, level: float) -> Estimate:
        y, score, w = self.take(i)
        return ranking.auc(y, score, level, w)

    def distance(self, i: int, level: float) -> Estimate:
        y, score, w = self.take(i)
        return ranking.kolmogorov_smirnov(y, score, level, w)

    def error(self, i: int, level: float) -> Estimate:
        y, score, w = self.take(i)
        return calibration.expected_calibration_error(y, score, level=level, weights=w)

    def large(self, i: int, level: float) -> Estimate:
        y, score, w = self.take(i)
        return calibration.calibration_in_the_large(y, score, level, w)

    def mean(self, i: int, level: float) -> Estimate:
        _, score, w = self.take(i)
        return bounded_weighted_mean(score, w, level, 0.0, 1.0)

    def quantities(self, fewest: int) -> list[Quantity]:
        y, score, w = self.rows.y_true, self.rows.y_pred, self.rows.weights
        m, sizes, probable = len(self.of), self.crossing.sizes, are_probabilities(score)
        made = partial(Quantity, fewest=fewest, effective=self.worth)
        each = np.arange(m)
        missing: Numbers = Estimated(sizes, self.large, each)
        if probable:
            missing = means_by_group(y - score, self.place, m, w)
        return [
            made(
                MEAN_SCORE,
                sizes,
                means_by_group(score, self.place, m, w),
                gap=MEAN_SCORE_DIFFERENCE,
                of_group=self.mean if probable else None,
                vacuous=True,
            ),
            made(
                ROC_AUC,
                self.rarer,
                Estimated(self.rarer, self.area, each),
                words=RARER,
                gap=ROC_AUC_DIFFERENCE,
            ),
            made(KS_STATISTIC, self.rarer, words=RARER, of_group=self.distance),
            made(
                EXPECTED_CALIBRATION_ERROR,
                sizes,
                Estimated(sizes, self.error, each, biased=True),
                gap=EXPECTED_CALIBRATION_ERROR_DIFFERENCE,
            ),
            made(
                CALIBRATION_IN_THE_LARGE,
                sizes,
                missing,
                gap=CALIBRATION_IN_THE_LARGE_DIFFERENCE,
                of_group=self.large,
            ),
        ]


@dataclass
class ScoresByGroup:
    """Scores of a binary task by group; `rows.y_pred` holds them.

    Attributes:
        rows: Rows with groups, outcomes and scores.
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

    rows: Grouped
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
        held = self.rows
        ones = np.ones(len(held.y_true), dtype=np.int64)
        codes = {name: held.codes[name] for name in columns}
        sizes = {name: held.sizes[name] for name in columns}
        cells = count_cells(codes, sizes, held.y_true, ones, held.weights)
        parts = _Parts.made(held, cross(cells, held.labels, columns))
        quantities = parts.quantities(max(FEWEST_OF_A_MEAN, self.settings.min_group))
        alone = len(columns) == 1
        for i in range(len(parts.of)):
            listed = self.lines if alone else Lines()
            yield from measure_group(quantities, parts.crossing, i, self.settings, listed)
        # Of an intersection the tables show the widest pair only: there are many.
        settings = self.settings if alone else replace(self.settings, max_pairs=1)
        for quantity in quantities:
            # Of two errors one says little: a small group has the larger one by chance.
            listed = Lines() if quantity.metric is EXPECTED_CALIBRATION_ERROR else self.lines
            yield from measure_gap(
                quantity, parts.crossing, settings, listed, constant=held.constant
            )
        yield self._standardized(parts, quantities[0])
        yield self._between_curves(parts, quantities[1], settings.max_pairs)
        if alone:
            self._gather(parts)

    def _standardized(self, parts: _Parts, of: Quantity) -> Measurement:
        least = max(self.settings.min_group, of.fewest)
        kept = parts.crossing.known & (of.n >= least)
        scores = [parts.take(i)[1] for i in np.flatnonzero(kept).tolist()]
        found = Estimate.undefined(NOT_WEIGHTED)
        if self.rows.weights is None:
            found = largest_standardized(scores, self.settings.level)
        return STANDARDIZED_DIFFERENCE.measure(
            found.value,
            interval=found.interval,
            reason=found.reason,
            n=int(of.n[kept].sum()),
            source=f"between groups, unsigned; {describe(of, parts.crossing, kept, least)}",
            slice=parts.crossing.everyone,
        )

    def _between_curves(self, parts: _Parts, of: Quantity, listed: int) -> Measurement:
        """Hold the curve of each group against that of the largest."""
        level, crossing = self.settings.level, parts.crossing
        least = max(self.settings.min_group, of.fewest)
        kept = crossing.known & (of.n >= least)
        found, words = Estimate.undefined(gaps.TOO_FEW), ""
        if kept.sum() > 1:
            places = np.flatnonzero(kept).tolist()
            curves = [self._curve(parts, i) for i in places]
            largest, against = against_largest(curves, crossing.sizes[kept], level)
            found = of.told(widest(against, level))
            names = [crossing.names[i] for i in places]
            words = f"against {quote(names[largest])}, the largest; exact, no binning; "
            self._gather_areas(crossing.title, names, largest, against, listed)
        return ABROCA.measure(
            found.value,
            interval=found.interval,
            reason=found.reason,
            n=int(of.n[kept].sum()),
            source=f"{words}{describe(of, crossing, kept, least)}",
            slice=crossing.everyone,
        )

    def _curve(self, parts: _Parts, i: int) -> Curve:
        y, score, w = parts.take(i)
        return draw_curve(y, score, self.rng, w)

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

    def _gather(self, parts: _Parts) -> None:
        """Points of the curve and of calibration of the largest groups of one column."""
        crossing, probable = parts.crossing, are_probabilities(self.rows.y_pred)
        seen = np.flatnonzero(crossing.known & (parts.rarer >= FEWEST_OF_A_CURVE))
        seen = seen[np.argsort(-crossing.sizes[seen], kind="stable")][:DRAWN]
        for i in np.sort(seen).tolist():
            y, score, w = parts.take(i)
            named = (crossing.title, crossing.names[i])
            fpr, tpr, _ = ranking.roc_curve(y, score, self.points, w)
            shorter = np.round(np.stack([fpr, tpr], axis=1), 4).tolist()
            self.curves += [(*named, *point) for point in shorter]
            if not probable:
                continue
            most = max(1, min(self.bins, y.size // FEWEST_OF_A_BIN))
            bins = calibration.calibration_bins(y, score, most, self.settings.level, w)
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
                "evenly along its curve, to 4 digits; exact, no binning",
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


def largest_standardized(scores: Sequence[FloatArray], level: float = 0.95) -> Estimate:
    """Largest size of the standardized differences of the mean scores of any two groups.

    Args:
        scores: Scores of the k groups, at least 2 of each.
        level: Two-sided level of the simultaneous interval, in (0, 1).

    Returns:
        The difference in standard deviations; undefined where there are fewer than 2 groups, or
        no spread.

    Source:
        `lending.standardized_difference` for the pairs; Bonferroni over the pairs.

    Example:
        >>> found = largest_standardized([np.arange(10.0), np.arange(5.0, 15.0)])
        >>> round(found.value, 3), round(found.interval.low, 3)
        (1.651, 0.581)
    """
    k = len(scores)
    if k < 2:
        return Estimate.undefined(gaps.TOO_FEW)
    each = gaps.pair_level(level, k)
    found = [standardized_difference(a, b, each) for a, b in combinations(scores, 2)]
    known = [one.interval for one in found if one.interval is not None]
    if len(known) < len(found):
        return next(one for one in found if one.interval is None)
    low = max(0.0, *(max(one.low, -one.high) for one in known))
    high = max(max(one.high, -one.low) for one in known)
    value = max(abs(one.value or 0.0) for one in found)
    method = f"{known[0].method}{gaps.over_pairs(k)}"
    return Estimate(value, Interval(low, high, level, method))
