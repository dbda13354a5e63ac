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
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.group_tasks import Grouped
from auditkit.methods.groupwise import (
    CONSTANT,
    Lines,
    Quantity,
    Settings,
    Shares,
    describe,
    groups_table,
    measure_gap,
    measure_group,
    pairs_table,
    share_right,
)
from auditkit.methods.intervals import clopper_pearson
from auditkit.methods.parity import (
    ACCURACY_DIFFERENCE,
    DEMOGRAPHIC_PARITY_DIFFERENCE,
    DEMOGRAPHIC_PARITY_RATIO,
    EQUAL_OPPORTUNITY_DIFFERENCE,
    PARITY_BOUNDS,
)
from auditkit.methods.sums import Sums

ACCURACY = RATES["accuracy"].metric
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
        won: Weights of the rows that are counted, or None where every row counts the same.
        lost: Weights of the others, likewise.
    """

    metric: Metric
    successes: IntArray
    n: IntArray
    words: str
    won: Sums | None = None
    lost: Sums | None = None

    @cached_property
    def effective(self) -> tuple[FloatArray, FloatArray] | None:
        """Successes and rows as effective counts, each of shape (m, classes)."""
        return None if self.won is None or self.lost is None else self.won.against(self.lost)

    @property
    def counts(self) -> tuple[IntArray, IntArray] | tuple[FloatArray, FloatArray]:
        """Successes and rows to make intervals of; their quotients are the rates."""
        return (self.successes, self.n) if self.effective is None else self.effective

    @property
    def weighed(self) -> tuple[IntArray, IntArray] | tuple[FloatArray, FloatArray]:
        """Weights of successes and rows; the counts where rows weigh the same."""
        if self.won is None or self.lost is None:
            return self.successes, self.n
        return self.won.weights, (self.won + self.lost).weights

    def of(self, chosen: int, label: str) -> Quantity:
        """The rate of one class."""
        effective = self.effective and (self.effective[0][:, chosen], self.effective[1][:, chosen])
        shares = Shares(self.successes[:, chosen], self.n[:, chosen], effective)
        return Quantity(
            self.metric,
            shares.n,
            shares,
            words=self.words.format(quote(label)),
            effective=effective and effective[1],
        )


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
            held.codes, held.sizes, held.y_true, held.y_pred, len(self.classes), held.weights
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
        shares = share_right(crossing)
        worth = shares.effective and shares.effective[1]
        return Quantity(ACCURACY, shares.n, shares, gap=ACCURACY_DIFFERENCE, effective=worth)

    def _per_class(self, crossing: Crossing) -> tuple[_PerClass, _PerClass]:
        """Who is given each class, and who of each class gets it."""
        held, k = self._counted, len(self.classes)
        axes = [held.cells.columns.index(column) for column in crossing.columns]
        sizes = [held.cells.sizes[axis] for axis in axes]
        place = place_rows(held.cells.codes[:, axes], sizes)

        def add(chosen: IntArray, numbers: IntArray | FloatArray) -> FloatArray:
            flat = place * k + chosen
            size = len(crossing.labels) * k
            added = np.bincount(flat, weights=numbers, minlength=size)
            return added.reshape(-1, k).astype(np.float64)

        def count(chosen: IntArray, which: npt.NDArray[np.bool_]) -> tuple[IntArray, Sums | None]:
            n = np.rint(add(chosen, held.cells.n * which)).astype(np.int64)
            weights, squares = held.cells.weights, held.cells.squares
            if weights is None or squares is None:
                return n, None
            return n, Sums(add(chosen, weights * which), add(chosen, squares * which))

        right = held.actual == held.predicted
        (given, won), (hits, found) = count(held.predicted, right >= 0), count(held.actual, right)
        missed, lost = count(held.actual, ~right)
        everyone = np.broadcast_to(crossing.sizes[:, None], given.shape)
        others = None if won is None else _others(won, given < everyone)
        selection, recall = (
            RATES[name].metric for name in ("selection_rate", "true_positive_rate")
        )
        return (
            _PerClass(selection, given, everyone, "rows", won, others),
            _PerClass(recall, hits, hits + missed, "rows of class {}", found, lost),
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
        won, rows = rate.counts
        found = {int(c): gap(won[kept[:, c], c], rows[kept[:, c], c], level) for c in able}
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
        quantity = rate.of(worst, label)
        over = describe(quantity, crossing, kept, self.settings.min_group)
        interval = _together(list(found.values()), choose, self.settings.level)
        return metric.measure(
            found[worst].value,
            interval=quantity.told(Estimate(None, interval)).interval,
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
                gaps.bounds_with_unknown(
                    s[kept], n[kept], s[lost].sum().item(), n[lost].sum().item()
                )
                for s, n in zip(*(held.T for held in rate.weighed), strict=True)
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
            won, rows = (count[index, c] for count in rate.counts)
            rates = won / rows
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
        shares = [_rates(rate, chosen, self.settings.level) for rate in (selection, recall)]
        for i, name in enumerate(crossing.names):
            size = int(crossing.sizes[i])
            numbers: list[Cell] = [None] * 7
            if size > 1:  # the class of one row alone would be that of one person
                numbers = [*shares[0][i], int(recall.n[i, chosen]), *shares[1][i]]
            self.rate_lines.append((crossing.title, name, self.classes[chosen], size, *numbers))

    def tables(self) -> Iterator[Table]:
        """The tables of groups, of pairs, of class gaps and of class rates."""
        level, weighted = self.settings.level, self.rows.weights is not None
        source = "shares with Clopper-Pearson intervals"
        yield groups_table(self.shown, self.lines, source, level, weighted=weighted)
        source = "intervals of Newcombe with Clopper-Pearson limits"
        yield from pairs_table(self.lines, source, level, weighted=weighted)
        if not self.gap_lines:
            return
        percent, cut = f"{100 * level:g} %", ""
        weighed, on = (", weighted", " on effective counts") if weighted else ("", "")
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
            f"intervals{on} that hold together at {percent} over all pairs and all classes of one "
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
            source=f"assessed rows{weighed}, each class against the rest; Clopper-Pearson "
            f"intervals{on} at {percent}; no number where a share would rest on no row or on "
            f"one{cut}",
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


def _others(won: Sums, some: npt.NDArray[np.bool_]) -> Sums:
    """Weights of the rows that are given another class, exactly 0 where there are none."""
    return won.apply(lambda held: np.where(some, held.sum(axis=1, keepdims=True) - held, 0.0))


def _rates(rate: _PerClass, chosen: int, level: float) -> list[list[Cell]]:
    """The rate of one class with its bounds for each group; nothing under two rows."""
    won, rows = (count[:, chosen] for count in rate.counts)
    low, high = clopper_pearson(won, rows, level)
    return [
        [float(won[i] / rows[i]), float(low[i]), float(high[i])] if n > 1 else [None, None, None]
        for i, n in enumerate(rate.n[:, chosen])
    ]
