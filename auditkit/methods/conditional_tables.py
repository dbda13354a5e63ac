"""What is said of a gap within a control: its metrics, its sentences and its two tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.errors import quote
from auditkit.evidence import Cell, Metric, Table
from auditkit.methods import intervals
from auditkit.methods.cells import RATES
from auditkit.methods.conditional import ConditionalPair, Within
from auditkit.methods.crossing import over, rows_words

SELECTION = "selection_rate"


def _gap(name: str, title: str, rate: str) -> Metric:
    return Metric(
        f"conditional_{name}_difference",
        f"Conditional {title} difference",
        f"Largest difference in {rate} between two groups among rows that are alike in the control "
        "feature, as one common difference over its strata.",
        "difference",
        better="lower",
        low=0.0,
        high=1.0,
    )


#: By rate.
GAPS = {
    SELECTION: _gap("demographic_parity", "demographic parity", "selection rate"),
    "true_positive_rate": _gap("equal_opportunity", "equal opportunity", "true positive rate"),
    "false_positive_rate": _gap(
        "false_positive_rate", "false positive rate", "false positive rate"
    ),
}
EXPLAINED = Metric(
    "gap_share_of_control",
    "Share of the gap that the control accounts for",
    "1 less the difference in selection rate among rows that are alike in the control over the "
    "difference over all rows, for the two groups that are furthest apart over all rows by more "
    "than chance. Above 1 the gap turns round, below 0 it widens.",
    "ratio",
)


@dataclass(frozen=True)
class Held:
    """One rate of one sensitive column within one control.

    Attributes:
        attribute: The sensitive column.
        control: The column in which rows are held alike.
        words: How it came to be a control.
        counts: The counts.
        pairs: Every two groups, the widest common difference first.
        least: Rows that a group needed.
    """

    attribute: str
    control: str
    words: str
    counts: Within
    pairs: tuple[ConditionalPair, ...]
    least: int

    @property
    def widest(self) -> ConditionalPair:
        """The pair that is furthest apart over all rows, by more than chance where one is."""
        return max(self.pairs, key=lambda pair: (pair.raw.established, pair.raw.difference))

    @property
    def telling(self) -> ConditionalPair:
        """The pair that surely turns round most, else the one furthest apart over all rows."""
        turned = [pair for pair in self.pairs if pair.outcome == "reversed"]
        return min(turned, key=lambda pair: pair.high) if turned else self.widest

    @property
    def told(self) -> list[ConditionalPair]:
        """The pairs that are listed."""
        if self.counts.rate is not RATES[SELECTION]:
            return [*self.pairs[:1]]
        named = [self.pairs[0], self.widest, self.telling] if self.pairs else []
        return list({(pair.raw.a, pair.raw.b): pair for pair in named}.values())

    @property
    def source(self) -> str:
        """What the largest difference within is made of."""
        return f"{self.say(self.pairs[0])}; {self.over}" if self.pairs else self.over

    @property
    def over(self) -> str:
        """What was compared and what was left out."""
        counts = self.counts
        words = counts.rate.among_words
        text = over(
            title=counts.rate.metric.title.lower(),
            words=words,
            groups=len(counts.groups),
            n=int(counts.counted[1].sum()),
            small=counts.small,
            unknown=counts.unknown,
            least=self.least,
            effective=None if counts.sums is None else float(counts.pooled[1].sum()),
        )
        missing = int(counts.counted[1][:, -1].sum())
        own = f", {missing:,} of them, whose control is unknown, as one stratum" if missing else ""
        return f"{text}{own}; control {self.words}"

    @property
    def n(self) -> int:
        """Rows in strata that have two groups or more."""
        rows = self.counts.counted[1]
        return int(rows[:, (rows > 0).sum(axis=0) > 1].sum())

    def say(self, pair: ConditionalPair) -> str:
        """Say what two groups are apart over all rows, and among those that are alike."""
        a, b = (quote(self.counts.groups[i]) for i in (pair.raw.a, pair.raw.b))
        return (
            f"{a} minus {b}: {pair.raw.difference:+.4g} over all rows, {pair.difference:+.4g} "
            f"among those alike in {quote(self.control)} ({rows_words(pair.compared)} in strata "
            "that have both)"
        )

    def line(self, pair: ConditionalPair) -> tuple[Cell, ...]:
        """A row of the table `conditional`."""
        raw, groups = pair.raw, self.counts.groups
        return (
            *(self.attribute, self.control, self.counts.rate.metric.id),
            *(groups[raw.a], groups[raw.b], pair.compared),
            *(raw.difference, raw.low, raw.high, pair.difference, pair.low, pair.high),
            *(pair.p_adjusted, pair.p_same, pair.outcome),
        )


def tables(found: Sequence[Held], level: float, most: int) -> Iterator[Table]:
    """The tables of the gaps within controls and of the strata, where there are any.

    Args:
        found: By sensitive column, control and rate.
        level: Level of the intervals.
        most: Strata that are listed for each sensitive column.

    Yields:
        `conditional` and `strata`.
    """
    lines = [one.line(pair) for one in found for pair in one.told]
    if not lines:
        return
    controls = {one.control: one.words for one in found}
    named = {words: [n for n in controls if controls[n] == words] for words in controls.values()}
    said = "; ".join(f"{', '.join(map(quote, n))} ({words})" for words, n in named.items())
    yield Table(
        name="conditional",
        title="Gaps over all rows and among rows that are alike",
        columns=(
            *("attribute", "control", "metric", "a", "b", "n"),
            *("raw", "raw_low", "raw_high", "within", "within_low", "within_high"),
            *("p_adjusted", "p_same", "outcome"),
        ),
        rows=tuple(lines),
        source=f"Controls: {said}; others can be named under [audits.conditional] control. Rate of "
        "a minus rate of b. raw: over all rows, Newcombe intervals of Clopper-Pearson limits; "
        "within: common difference over the strata of the control, Mantel-Haenszel weights, "
        f"Miettinen-Nurminen score intervals; both hold together at {100 * level:g} % over all "
        "pairs of one column and rate (Bonferroni). p_adjusted: Cochran-Mantel-Haenszel test, Holm "
        "over the same pairs. p_same: score test that all strata have the same difference; where "
        "it is small, one number does not tell all. Listed: the widest pair within; for selection "
        "rates also the widest of those established over all rows, and the surest that turns round",
        chart="conditional",
    )
    yield _strata(found, level, most)


def _strata(found: Sequence[Held], level: float, most: int) -> Table:
    lines: list[tuple[Cell, ...]] = []
    cut = []
    for held in _most_telling(found):
        listed = _by_stratum(held, held.telling, level)
        if len(listed) > most:
            cut.append(f"the {most:,} largest of {len(listed):,} by {quote(held.control)}")
        kept = sorted(listed, key=_rows_of, reverse=True)[:most]
        lines += [line for line in listed if line in kept]
    more = f". Listed: {', '.join(cut)}" if cut else ""
    return Table(
        name="strata",
        title="Selection rates within the strata of a control",
        columns=(
            *("attribute", "control", "stratum", "a", "b", "n_a", "n_b", "rate_a", "rate_b"),
            *("difference", "low", "high"),
        ),
        rows=tuple(lines),
        source="for each sensitive column the control that changes the gap in selection rate most; "
        "rate of a minus rate of b, Newcombe intervals of Clopper-Pearson limits, each alone at "
        f"{100 * level:g} %. No rate where it would rest on no row or on one{more}",
        chart="strata",
    )


def _most_telling(found: Sequence[Held]) -> list[Held]:
    """For each sensitive column the control within which a gap in selection rate changes most."""
    best: dict[str, Held] = {}
    for held in found:
        if held.pairs and held.counts.rate is RATES[SELECTION]:
            best[held.attribute] = max(best.get(held.attribute, held), held, key=_change)
    return list(best.values())


def _change(held: Held) -> tuple[bool, float]:
    pair = held.telling
    return pair.outcome == "reversed", abs(pair.raw.difference - pair.difference)


def _by_stratum(held: Held, pair: ConditionalPair, level: float) -> list[tuple[Cell, ...]]:
    """The rows of the table `strata` of two groups, for strata that hold one of them."""
    ends = [pair.raw.a, pair.raw.b]
    sizes = held.counts.counted[1][ends]
    named = [held.counts.groups[end] for end in ends]
    return [
        (
            *(held.attribute, held.control, held.counts.strata[i], *named),
            *(int(n) for n in sizes[:, i]),
            *_rates(held.counts, ends, i, level),
        )
        for i in np.flatnonzero(sizes.sum(axis=0)).tolist()
    ]


def _rates(counts: Within, ends: list[int], stratum: int, level: float) -> tuple[Cell, ...]:
    """Both rates, their difference and its bounds; nothing that would rest on one row."""
    shown = counts.counted[1][ends, stratum] > 1
    won, rows = (held[ends, stratum] for held in counts.effective)
    rates = [float(won[g] / rows[g]) if shown[g] else None for g in (0, 1)]
    if rates[0] is None or rates[1] is None:
        return *rates, None, None, None
    low, high = intervals.newcombe(
        *(won[0], rows[0], won[1], rows[1], level), limits=intervals.clopper_pearson
    )
    return *rates, rates[0] - rates[1], float(low), float(high)


def _rows_of(line: tuple[Cell, ...]) -> int:
    return sum(n for n in line[5:7] if isinstance(n, int))
