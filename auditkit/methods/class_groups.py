"""Classes by group: accuracy, and for each class against the rest who is given it and who gets it.

A mean over classes hides the class that is dealt with unequally, so none is made: a gap is that of
the class where it is widest, which is named, with intervals that hold together over all classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditkit.errors import quote
from auditkit.evidence import Cell, Interval, Measurement, Metric, Table
from auditkit.methods import gaps, multiclass
from auditkit.methods.cells import RATES
from auditkit.methods.crossing import Crossing, cross, place_rows, rows_words
from auditkit.methods.estimates import Estimate, IntArray
from auditkit.methods.group_tasks import Grouped
from auditkit.methods.groupwise import (
    CONSTANT,
    Lines,
    Quantity,
    Settings,
    Shares,
    describe,
    gap_metric,
    groups_table,
    measure_gap,
    measure_group,
    pairs_table,
)
from auditkit.methods.intervals import wilson
from auditkit.methods.parity import (
    DEMOGRAPHIC_PARITY_DIFFERENCE,
    DEMOGRAPHIC_PARITY_RATIO,
    EQUAL_OPPORTUNITY_DIFFERENCE,
    PARITY_BOUNDS,
)

ACCURACY = RATES["accuracy"].metric
ACCURACY_DIFFERENCE = gap_metric(ACCURACY)
#: Classes of one attribute that the tables list at most, those with the widest gaps.
LISTED = 20


@dataclass(frozen=True)
class _PerClass:
    """One rate of every class by group: arrays of shape (m, classes).

    Attributes:
        metric: What the rate means, for one class.
        successes: Rows that are counted.
        n: Rows that they are counted among.
        words: What those are, for a reader; `{}` stands for the class.
    """

    metric: Metric
    successes: IntArray
    n: IntArray
    words: str

    def of(self, chosen: int, label: str) -> Quantity:
        """The rate of one class."""
        shares = Shares(self.successes[:, chosen], self.n[:, chosen])
        return Quantity(self.metric, shares.n, shares, words=self.words.format(quote(label)))


@dataclass
class ClassesByGroup:
    """Accuracy and the rates of every class by group.

    Example:
        >>> rows = Grouped({"sex": np.array([0, 1])}, {"sex": ("F", "M", "unknown")},
        ...                np.array([0, 1]), np.array([0, 0]))
        >>> ClassesByGroup(rows, Settings(), ("cat", "dog")).cross(["sex"]).table[:, 1].tolist()
        [[0, 1], [1, 0]]
    """

    rows: Grouped
    settings: Settings
    classes: tuple[str, ...]
    lines: Lines = field(default_factory=Lines)
    gap_lines: list[tuple[Cell, ...]] = field(default_factory=list)
    rate_lines: list[tuple[Cell, ...]] = field(default_factory=list)

    gaps = (
        *(ACCURACY_DIFFERENCE, DEMOGRAPHIC_PARITY_DIFFERENCE, DEMOGRAPHIC_PARITY_RATIO),
        EQUAL_OPPORTUNITY_DIFFERENCE,
    )
    shown = (ACCURACY,)

    @cached_property
    def _counted(self) -> multiclass.ClassCells:
        held = self.rows
        return multiclass.count_classes(
            held.codes, held.sizes, held.y_true, held.y_pred, len(self.classes)
        )

    def cross(self, columns: Sequence[str]) -> Crossing:
        """Cross the groups of some columns."""
        return cross(self._counted.cells, self.rows.labels, columns)

    def of_group(self, crossing: Crossing, i: int) -> Iterator[Measurement]:
        """Measure the accuracy of one group; the rates of its classes are in a table."""
        quantities = [self._accuracy(crossing)]
        yield from measure_group(quantities, crossing, i, self.settings, self.lines)

    def between(self, crossing: Crossing) -> Iterator[Measurement]:
        """Measure the gap in accuracy, then those of the class where each is widest."""
        accuracy = self._accuracy(crossing)
        yield from measure_gap(accuracy, crossing, self.settings, self.lines, constant=False)
        selection, recall = self._per_class(crossing)
        apart, ratios, odds = (
            self._compare(selection, crossing, gaps.difference),
            self._compare(selection, crossing, gaps.ratio),
            self._compare(recall, crossing, gaps.difference),
        )
        yield self._worst(DEMOGRAPHIC_PARITY_DIFFERENCE, selection, crossing, apart)
        yield self._worst(DEMOGRAPHIC_PARITY_RATIO, selection, crossing, ratios)
        yield self._worst(EQUAL_OPPORTUNITY_DIFFERENCE, recall, crossing, odds)
        yield from self._unknown_bounds(crossing, selection)
        listed = [
            *self._gather_gaps(crossing, selection, apart),
            *self._gather_gaps(crossing, recall, odds),
        ]
        for chosen in sorted(set(listed)):
            self._gather_rates(crossing, selection, recall, chosen)

    def _accuracy(self, crossing: Crossing) -> Quantity:
        shares = Shares(crossing.table[:, 1, 1], crossing.sizes)
        return Quantity(ACCURACY, shares.n, shares, gap=ACCURACY_DIFFERENCE)

    def _per_class(self, crossing: Crossing) -> tuple[_PerClass, _PerClass]:
        """Who is given each class, and who of each class gets it."""
        held, k = self._counted, len(self.classes)
        axes = [held.cells.columns.index(column) for column in crossing.columns]
        sizes = [held.cells.sizes[axis] for axis in axes]
        place = place_rows(held.cells.codes[:, axes], sizes)

        def count(chosen: IntArray, n: IntArray) -> IntArray:
            flat = place * k + chosen
            counted = np.bincount(flat, weights=n, minlength=len(crossing.labels) * k)
            return np.rint(counted).astype(np.int64).reshape(-1, k)

        right = np.where(held.actual == held.predicted, held.cells.n, 0)
        given, rows = count(held.predicted, held.cells.n), count(held.actual, held.cells.n)
        everyone = np.broadcast_to(crossing.sizes[:, None], given.shape)
        return (
            _PerClass(RATES["selection_rate"].metric, given, everyone, "rows"),
            _PerClass(
                RATES["true_positive_rate"].metric,
                count(held.actual, right),
                rows,
                "rows of class {}",
            ),
        )

    def _kept(self, rate: _PerClass, crossing: Crossing) -> npt.NDArray[np.bool_]:
        """Groups that are compared in each class, shape (m, classes)."""
        enough: npt.NDArray[np.bool_] = rate.n >= self.settings.min_group
        return enough & crossing.known[:, None]

    def _compare(
        self, rate: _PerClass, crossing: Crossing, gap: Callable[..., Estimate]
    ) -> dict[int, Estimate]:
        """The gap of every class that can be compared, all intervals together at the level."""
        kept = self._kept(rate, crossing)
        able = np.flatnonzero(kept.sum(axis=0) > 1)
        level = gaps.shared_level(self.settings.level, max(1, able.size))
        found = {
            int(c): gap(rate.successes[kept[:, c], c], rate.n[kept[:, c], c], level) for c in able
        }
        return {c: one for c, one in found.items() if one.value is not None}

    def _worst(
        self, metric: Metric, rate: _PerClass, crossing: Crossing, found: dict[int, Estimate]
    ) -> Measurement:
        """The gap of the class where it is worst, which the source names."""
        title, everyone = rate.metric.title.lower(), crossing.everyone
        problem = CONSTANT if self.rows.constant else f"{title}: {gaps.TOO_FEW} in any class"
        if self.rows.constant or not found:
            n, source = int(crossing.sizes.sum()), "each class against the rest"
            return metric.measure(None, n=n, reason=problem, source=source, slice=everyone)
        choose = max if metric.better == "lower" else min
        worst = choose(found, key=lambda c: found[c].value or 0.0)
        label = self.classes[worst]
        kept = self._kept(rate, crossing)[:, worst]
        over = describe(rate.of(worst, label), crossing, kept, self.settings.min_group)
        return metric.measure(
            found[worst].value,
            interval=_together(list(found.values()), choose, self.settings.level),
            n=int(rate.n[kept, worst].sum()),
            slice=everyone,
            source=f"class {quote(label)}, the widest apart of {len(found):,} classes, each "
            f"against the rest; between groups, unsigned; {over}",
        )

    def _unknown_bounds(self, crossing: Crossing, rate: _PerClass) -> Iterator[Measurement]:
        """Bound the parity gap over all ways in which rows of unknown group could belong."""
        lost = ~crossing.known
        total = int(crossing.sizes[lost].sum())
        kept = self._kept(rate, crossing)[:, 0]  # the same in every class: rows of the group
        if total == 0:
            return
        bounds: tuple[float | None, float | None] = (None, None)
        if kept.sum() > 1:
            each = [
                gaps.bounds_with_unknown(s[kept], n[kept], int(s[lost].sum()), total)
                for s, n in zip(rate.successes.T, rate.n.T, strict=True)
            ]
            bounds = (max(low for low, _ in each), max(high for _, high in each))
        for metric, bound, way in zip(PARITY_BOUNDS, bounds, ("narrow", "widen"), strict=True):
            few = gaps.TOO_FEW if bound is None else None
            yield metric.measure(
                bound,
                n=int(crossing.sizes[kept].sum()) + total,
                exact=bound is not None,
                reason=few or "the worst case over every way these rows could belong",
                source=f"{rows_words(total)} of unknown group put where they {way} the gap most, "
                "in the class where it is widest then",
                slice=crossing.everyone,
            )

    def _gather_gaps(
        self, crossing: Crossing, rate: _PerClass, found: dict[int, Estimate]
    ) -> list[int]:
        """List the classes with the widest gaps, and name the two groups of each."""
        kept, names = self._kept(rate, crossing), crossing.names
        listed = sorted(found, key=lambda c: -(found[c].value or 0.0))[:LISTED]
        for c in listed:
            index, interval = np.flatnonzero(kept[:, c]), found[c].interval
            rates = rate.successes[index, c] / rate.n[index, c]
            order = index[np.argsort(-rates, kind="stable")]
            high, low = int(order[0]), int(order[-1])
            bounds = (None, None) if interval is None else (interval.low, interval.high)
            named = (crossing.title, rate.metric.id, self.classes[c], names[high], names[low])
            sure = interval is not None and interval.low > 0
            self.gap_lines.append((*named, found[c].value, *bounds, sure))
        return listed

    def _gather_rates(
        self, crossing: Crossing, selection: _PerClass, recall: _PerClass, chosen: int
    ) -> None:
        for i, name in enumerate(crossing.names):
            size = int(crossing.sizes[i])
            numbers: list[Cell] = [None] * 7
            if size > 1:  # the class of one row alone would be that of one person
                numbers = [
                    *_bounded(int(selection.successes[i, chosen]), size, self.settings.level),
                    int(recall.n[i, chosen]),
                    *_bounded(
                        int(recall.successes[i, chosen]),
                        int(recall.n[i, chosen]),
                        self.settings.level,
                    ),
                ]
            self.rate_lines.append((crossing.title, name, self.classes[chosen], size, *numbers))

    def tables(self) -> Iterator[Table]:
        """The tables of groups, of pairs, of class gaps and of class rates."""
        level = self.settings.level
        yield groups_table(self.shown, self.lines, "shares with Wilson intervals", level)
        source = "intervals of Newcombe with Clopper-Pearson limits"
        yield from pairs_table(self.lines, source, level)
        if not self.gap_lines:
            return
        percent, cut = f"{100 * level:g} %", ""
        if len(self.classes) > LISTED:
            cut = f"; of each attribute and rate the {LISTED} classes with the widest gaps"
        yield Table(
            name="class-gaps",
            title="How far apart the groups are, class by class",
            columns=(
                *("attribute", "metric", "class", "highest", "lowest"),
                *("difference", "low", "high", "established"),
            ),
            rows=tuple(self.gap_lines),
            source="largest minus smallest rate over the groups, each class against the rest; "
            f"intervals that hold together at {percent} over all pairs and all classes of one "
            f"attribute and rate (Bonferroni){cut}",
        )
        yield Table(
            name="class-rates",
            title="Rates by group, class by class",
            columns=(
                *("attribute", "group", "class", "n"),
                *("selection_rate", "selection_rate_low", "selection_rate_high", "class_rows"),
                *("true_positive_rate", "true_positive_rate_low", "true_positive_rate_high"),
            ),
            rows=tuple(self.rate_lines),
            source=f"assessed rows, each class against the rest; Wilson intervals at {percent}; no "
            f"number where a share would rest on no row or on one{cut}",
        )


def _together(found: list[Estimate], choose: Callable[..., float], level: float) -> Interval:
    """The interval of the worst of several, made of theirs, which hold together."""
    held = [one.interval for one in found if one.interval is not None]
    return Interval(
        low=choose(interval.low for interval in held),
        high=choose(interval.high for interval in held),
        level=level,
        method=f"{held[0].method}, Bonferroni over {len(held):,} classes",
    )


def _bounded(successes: int, total: int, level: float) -> list[Cell]:
    if total < 2:
        return [None, None, None]
    low, high = wilson(successes, total, level)
    return [successes / total, float(low), float(high)]
