"""Decisions by group: the rates of every group, the gaps between them, the pairs, and the tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from auditkit.errors import quote
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods import gaps
from auditkit.methods.cells import RATES, Cells, Rate
from auditkit.methods.count_metrics import (
    COUNT_METRICS,
    FALSE_NEGATIVE_SHARE,
    TREATMENT_RATIO,
    CountMetric,
    treatment_ratio,
)
from auditkit.methods.crossing import Comparison, Crossing, cross, over, rows_words
from auditkit.methods.decision_gaps import Family, count_gaps, of_group
from auditkit.methods.estimates import Estimate
from auditkit.methods.groupwise import PAIR_COLUMNS, Lines, Settings
from auditkit.methods.intervals import EXACT, share
from auditkit.methods.parity import (
    COMPARED,
    FURTHER,
    PARITY,
    PARITY_BOUNDS,
    Gap,
    further_gaps,
    parity,
)
from auditkit.methods.protected import TOO_UNCERTAIN
from auditkit.methods.resampling import stream
from auditkit.methods.sums import PROTECTED
from auditkit.methods.weighting import on_effective_counts, weighted_words

#: Why a model without a choice has no parity.
CONSTANT = "the model gives everyone the same decision; parity is vacuous"
#: Why a model that may be without a choice has none either.
PERHAPS_CONSTANT = (
    "the protected counts leave it possible that everyone gets the same decision; parity may be "
    "vacuous"
)
#: Why there are no exact bounds over the unknown groups.
NOT_EXACT = "the counts are protected, so nothing is exact"
#: Why a share of one row is not shown.
WITHHELD = "one row only: its rate would be the outcome of one person"

_TABLED = (
    *("base_rate", "selection_rate", "true_positive_rate", "false_positive_rate"),
    *("precision", "accuracy"),
)
_SHOWN = (*_TABLED, "false_negative_rate")
#: Rates that are measured for the groups of single columns only: a report shows every number.
_FURTHER = ("true_negative_rate", "negative_predictive_value")
#: Rates whose pairs of groups are listed, unless told otherwise.
PAIRED = ("selection_rate", "true_positive_rate", "false_positive_rate")


@dataclass
class DecisionsByGroup:
    """Rates of binary decisions by group, and how far apart they are.

    Example:
        >>> from auditkit.methods.cells import count_cells
        >>> cells = count_cells({"sex": [0, 1]}, {"sex": 2}, [0, 1], [0, 0])
        >>> labels = {"sex": ("F", "M", "unknown")}
        >>> DecisionsByGroup(cells, labels, Settings()).cross(["sex"]).names
        ('F', 'M')
    """

    cells: Cells
    labels: Mapping[str, Sequence[str]]
    settings: Settings
    paired: Sequence[str] = PAIRED
    seed: int = 0
    lines: Lines = field(default_factory=Lines)
    family: Family = field(default_factory=Family)

    gaps = (*PARITY, *FURTHER)
    shown = (
        *(RATES[name].metric for name in (*_SHOWN, *_FURTHER)),
        *(made.metric for made in COUNT_METRICS.values()),
        TREATMENT_RATIO,
    )

    def cross(self, columns: Sequence[str]) -> Crossing:
        """Cross the groups of some columns."""
        return cross(self.cells, self.labels, columns)

    def of_group(self, crossing: Crossing, i: int) -> Iterator[Measurement]:
        """Measure the rates of one group; of an intersection, the main ones."""
        level = self.settings.level
        measured = tuple(measure_share(RATES[name], crossing, i, level) for name in _SHOWN)
        yield from measured
        self.lines.groups.append(_line(crossing, i, measured))
        if len(crossing.columns) > 1:
            return
        for name in _FURTHER:
            yield measure_share(RATES[name], crossing, i, level)
        for made in COUNT_METRICS.values():
            yield _measure_count(made, crossing, i, level, self.seed)
        yield _measure_treatment(crossing, i, level)

    def between(self, crossing: Crossing) -> Iterator[Measurement]:
        """Measure the gaps between the groups, none for a model without a choice."""
        if self.cells.constant:
            reason = CONSTANT if self.cells.doubt is None else PERHAPS_CONSTANT
            yield from undefined(reason, crossing.everyone, self.cells.rows, self.gaps)
            return
        yield from self._gaps(crossing)

    def _gaps(self, crossing: Crossing) -> Iterator[Measurement]:
        level, least = self.settings.level, self.settings.min_group
        held = {name: crossing.compare(rate, least) for name, rate in COMPARED.items()}
        selection, recall, alarms = (held[name] for name in PAIRED)
        for gap in (*parity(selection, recall, alarms, level), *further_gaps(held, level)):
            yield self._gap(gap, crossing)
        yield from count_gaps(crossing, least, level, self.seed)
        yield from self._unknown_bounds(crossing, selection)
        for rate in held.values():
            self.family.add(crossing.title, rate, level, self.seed)
        for name in self.paired:
            self._gather_pairs(crossing.title, held[name])

    def _gap(self, gap: Gap, crossing: Crossing) -> Measurement:
        metric, estimate, rates = gap
        compared = "; ".join(self._over(rate) for rate in rates)
        against = "to overall" if metric.id.endswith("_to_overall") else "between groups"
        return metric.measure(
            estimate.value,
            interval=estimate.interval,
            reason=estimate.reason and f"{estimate.reason} ({compared})",
            n=sum(rate.n for rate in rates),
            slice=crossing.everyone,
            source=f"{against}, unsigned; {compared}",
        )

    def _over(self, held: Comparison) -> str:
        """Say what was compared and what was left out."""
        return over(
            title=held.rate.metric.title.lower(),
            words=held.rate.among_words,
            groups=len(held.names),
            n=held.n,
            small=held.small,
            unknown=held.unknown,
            least=self.settings.min_group,
            effective=None if held.sums is None else float(held.effective[1].sum()),
            how=self.cells.how,
        )

    def _unknown_bounds(self, crossing: Crossing, held: Comparison) -> Iterator[Measurement]:
        """Bound the parity gap over all ways in which rows of unknown group could belong."""
        totals = held.rate.of(crossing.table[~crossing.known].sum(axis=0))[1]
        if totals == 0:
            return
        few = gaps.TOO_FEW if len(held.names) < 2 else None
        few = few if crossing.protected is None else NOT_EXACT
        bounds: tuple[float | None, float | None] = (None, None)
        if not few:
            weights = crossing.table if crossing.sums is None else crossing.sums.weights
            unknown = held.rate.of(weights[~crossing.known].sum(axis=0))
            successes, rows = held.weighed
            bounds = gaps.bounds_with_unknown(successes, rows, unknown[0].item(), unknown[1].item())
        for metric, bound, way in zip(PARITY_BOUNDS, bounds, ("narrow", "widen"), strict=True):
            yield metric.measure(
                bound,
                n=held.n + int(totals),
                exact=not few,
                reason=few or "the worst case over every way these rows could belong",
                source=f"{rows_words(int(totals))} of unknown group put where they {way} the gap "
                f"most; {self._over(held)}",
                slice=crossing.everyone,
            )

    def _gather_pairs(self, attribute: str, held: Comparison) -> None:
        name, most = held.rate.metric.id, self.settings.max_pairs
        successes, totals = held.effective
        found = gaps.compare_pairs(successes, totals, self.settings.level)
        if len(found) > most:
            apart = sum(pair.established for pair in found)
            told = f"{apart:,} of {len(found):,} told apart"
            self.lines.cut.append(f"{quote(attribute)} {name} ({told})")
        for pair in found[:most]:
            named = (attribute, name, held.names[pair.a], held.names[pair.b])
            numbers = (pair.difference, pair.low, pair.high, pair.p_adjusted)
            self.lines.pairs.append((*named, *numbers, pair.established))

    def tables(self) -> Iterator[Table]:
        """The tables of groups, of pairs and of tests."""
        level, how = self.settings.level, self.cells.how
        yield _groups_table(self.lines, level, how)
        if self.lines.pairs:
            yield _pairs_table(self.lines, level, how)
        yield from self.family.table(level)


def undefined(
    reason: str, where: dict[str, str], n: int, metrics: Sequence[Metric]
) -> Iterator[Measurement]:
    """Say of several metrics why there is no number between the groups of some columns."""
    for metric in metrics:
        source = "predictions of all assessed rows"
        yield metric.measure(None, n=n, reason=reason, source=source, slice=where)


def measure_share(rate: Rate, crossing: Crossing, i: int, level: float) -> Measurement:
    """Measure one rate of one group; none where it would be the outcome of one person."""
    table, where = crossing.table[i], crossing.where(i)
    successes, totals = (int(count) for count in rate.of(table))
    size = int(crossing.sizes[i])
    sums = None if crossing.sums is None else crossing.sums[i]
    won, rows = float(successes), float(totals)
    if sums is not None:
        won, rows = (count.item() for count in rate.effective(sums))
    if sums is not None and sums.is_doubtful and rows == 0:
        source = f"{totals:,} {rate.among_words}, {PROTECTED}"
        return rate.metric.measure(None, n=totals, reason=TOO_UNCERTAIN, source=source, slice=where)
    if size == 1:  # n and reason are the same for every rate: they too could tell the outcome
        return rate.metric.measure(None, n=1, reason=WITHHELD, source="1 row", slice=where)
    if totals < 2:
        reason = WITHHELD if totals else f"no {rate.among_words}"
        source = f"{totals} {rate.among_words} in {rows_words(size)}"
        return rate.metric.measure(None, n=totals, reason=reason, source=source, slice=where)
    source = f"{successes:,} {rate.counted_words} of {totals:,} {rate.among_words}"
    found = share(won, rows, level)
    if sums is not None:
        source, found = weighted_words(source, [rows], sums.how), on_effective_counts(found)
    return rate.metric.measure(
        found.value, interval=found.interval, n=totals, source=source, slice=where
    )


def _measure_count(
    made: CountMetric, crossing: Crossing, i: int, level: float, seed: int
) -> Measurement:
    """Measure a number of the four counts of one group; see `measure_share`."""
    held, size = of_group(crossing, i), int(crossing.sizes[i])
    rests, n = int(made.rests_on(held.table)), int(made.counted.of(held.table)[1])
    if size == 1 or rests == 1:
        found, n, source = Estimate.undefined(WITHHELD), size, rows_words(size)
    else:
        found = made.estimate(held, stream(seed, crossing.title, made.metric.id), level)
        worth = None if held.sums is None or found.value is None else made.worth(held)
        source = weighted_words(f"{n:,} {made.words}", worth, crossing.how)
    return made.metric.measure(
        found.value,
        interval=found.interval,
        reason=found.reason,
        n=n,
        source=source,
        slice=crossing.where(i),
    )


def _measure_treatment(crossing: Crossing, i: int, level: float) -> Measurement:
    """Measure how many false negatives there are for each false positive; see `measure_share`."""
    held, size = of_group(crossing, i), int(crossing.sizes[i])
    missed, errors = (int(count) for count in FALSE_NEGATIVE_SHARE.of(held.table))
    if size == 1 or errors == 1:
        found, n, source = Estimate.undefined(WITHHELD), size, rows_words(size)
    else:
        found, n = treatment_ratio(held, level), errors
        worth = None if held.sums is None or n == 0 else held.share(FALSE_NEGATIVE_SHARE)[1:]
        source = f"{missed:,} false negatives, {errors - missed:,} false positives"
        source = weighted_words(source, worth, crossing.how)
    return TREATMENT_RATIO.measure(
        found.value,
        interval=found.interval,
        reason=found.reason,
        n=n,
        source=source,
        slice=crossing.where(i),
    )


def _line(crossing: Crossing, i: int, measured: tuple[Measurement, ...]) -> tuple[Cell, ...]:
    by_metric = {measurement.metric: measurement for measurement in measured}
    numbers: list[Cell] = []
    for name in _TABLED:
        interval = by_metric[name].interval
        bounds = (None, None) if interval is None else (interval.low, interval.high)
        numbers += [by_metric[name].value, *bounds]
    return (crossing.title, crossing.names[i], int(crossing.sizes[i]), *numbers)


def _groups_table(lines: Lines, level: float, how: str | None) -> Table:
    weighed, on = (f", {how}", " on effective counts") if how else ("", "")
    numbers = (f"{name}{end}" for name in _TABLED for end in ("", "_low", "_high"))
    return Table(
        name="groups",
        title="Rates by group",
        columns=("attribute", "group", "n", *numbers),
        rows=tuple(lines.groups),
        source=f"assessed rows{weighed}; shares with {EXACT} intervals{on} at {100 * level:g} %; "
        "no number where a share would rest on no row or on one",
        chart="groups",
    )


def _pairs_table(lines: Lines, level: float, how: str | None) -> Table:
    cut = f"; only the widest pairs are listed of {'; '.join(lines.cut)}" if lines.cut else ""
    test = "Fisher's exact test where an expected count is under 5, else the pooled z test"
    on = ""
    if how:
        test, on = "the pooled z test on effective counts", f" on effective counts ({how})"
    return Table(
        name="pairs",
        title="Which groups the data tell apart",
        columns=PAIR_COLUMNS,
        rows=tuple(lines.pairs),
        source=f"rate of a minus rate of b; Newcombe intervals of Clopper-Pearson limits{on} that "
        f"hold together at {100 * level:g} % over all pairs of one attribute and one rate "
        "(Bonferroni). A pair is established where its interval does not hold 0: the interval "
        f"decides. p_adjusted: {test}; Holm over the same pairs{cut}",
        chart="forest",
    )
