"""Gaps of binary decisions that need more than two counts, and tests of the gaps that do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from auditkit.evidence import Cell, Measurement, Table
from auditkit.methods import gaps, significance
from auditkit.methods.count_metrics import COUNT_METRICS, Counted, CountMetric
from auditkit.methods.crossing import Comparison, Crossing, over
from auditkit.methods.estimates import Estimate, IntArray
from auditkit.methods.parity import COUNT_GAPS
from auditkit.methods.permutation import permute_gap
from auditkit.methods.protected import NO_REPLICATES
from auditkit.methods.resampling import REPLICATES, stream
from auditkit.methods.weighting import on_effective_counts

TEST_COLUMNS = (
    *("attribute", "metric", "groups", "difference", "pairs", "told_apart"),
    *("p_value", "p_holm", "p_benjamini_hochberg"),
)


@dataclass(frozen=True, slots=True)
class GapTest:
    """The test of one gap.

    Attributes:
        attribute: The columns whose groups are compared.
        rate: The rate, by the id of its metric.
        groups: Groups that are compared.
        gap: Largest minus smallest rate.
        apart: Pairs of groups that the data tell apart.
        p_value: Chance of as wide a gap where groups do not matter, or None.
    """

    attribute: str
    rate: str
    groups: int
    gap: float
    apart: int
    p_value: float | None

    def line(self, holm: float | None, bh: float | None) -> tuple[Cell, ...]:
        """Its row of the table, with its adjusted p-values."""
        pairs = self.groups * (self.groups - 1) // 2
        what = (self.attribute, self.rate, self.groups, self.gap, pairs, self.apart)
        return (*what, self.p_value, holm, bh)


@dataclass
class Family:
    """The gaps that are tested in one audit.

    Attributes:
        tests: The tests, as they were made.
        reasons: Why some have no p-value, each once.
    """

    tests: list[GapTest] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def add(self, attribute: str, held: Comparison, level: float, seed: int) -> None:
        """Test the gap of one rate between the groups of some columns, where there is one."""
        if len(held.names) < 2:
            return
        (won, rows), rate = held.effective, held.rate.metric.id
        order = np.lexsort((won, rows))  # so that the names of the groups do not matter
        draws = stream(seed, attribute, rate)
        found = permute_gap(won[order], rows[order], draws, REPLICATES)
        if held.is_doubtful:
            found = Estimate.undefined(NO_REPLICATES)
        if found.reason and found.reason not in self.reasons:
            self.reasons.append(found.reason)
        gap, apart = float(np.ptp(won / rows)), gaps.count_apart(won, rows, level)
        self.tests.append(GapTest(attribute, rate, len(held.names), gap, apart, found.value))

    def table(self, level: float) -> Iterator[Table]:
        """The table of tests, where there are any."""
        if not self.tests:
            return
        family = [test.p_value for test in self.tests if test.p_value is not None]
        holm = iter(significance.holm(family).tolist())
        bh = iter(significance.benjamini_hochberg(family).tolist())
        rows = [
            test.line(None, None) if test.p_value is None else test.line(next(holm), next(bh))
            for test in self.tests
        ]
        yield Table(
            name="tests",
            title="Could chance alone have made these gaps?",
            columns=TEST_COLUMNS,
            rows=tuple(rows),
            source=self._source(len(family), level),
            chart="gap-tests",
        )

    def _source(self, size: int, level: float) -> str:
        missing = f"; no p_value: {'; '.join(self.reasons)}" if self.reasons else ""
        attributes = len({test.attribute for test in self.tests})
        rates = len({test.rate for test in self.tests})
        return (
            "p_value: the groups are dealt out to the rows anew, "
            f"{REPLICATES:,} times; the share of the times that gave as wide a gap, the data "
            "counted in. p_holm holds the chance of any false finding, p_benjamini_hochberg the "
            f"share of false findings; both over one family, all {size:,} gaps tested in this "
            f"audit: those of {rates} rates, by {attributes} attributes and intersections"
            f"{missing}. told_apart: pairs of groups whose intervals do not hold 0; they hold "
            f"together at {100 * level:g} % over the pairs of a gap"
        )


def count_gaps(
    crossing: Crossing, min_group: int, level: float, seed: int
) -> Iterator[Measurement]:
    """Measure the gaps of balanced accuracy, F1 and the Matthews correlation.

    95 % intervals were simulated with no difference between 2 and 6 groups of 30 and of 200 rows,
    12 of 100, and one of 20 beside one of 2,000, at three base rates, up to 150 draws each; they
    held 0 in 97 to 99 % of them for balanced accuracy and F1, 94 to 98 % for the Matthews
    correlation.

    Args:
        crossing: The groups.
        min_group: Rows of each kind that a group needs to be compared.
        level: Two-sided level of the simultaneous interval, in (0, 1).
        seed: Seed of the replicates of the Matthews correlation.

    Yields:
        A measurement each; undefined where fewer than 2 groups can be compared.
    """
    for name, made in COUNT_METRICS.items():
        rests = made.rests_on(crossing.table)
        large = np.flatnonzero(crossing.known & (rests >= min_group)).tolist()
        told = [i for i in large if not np.isnan(made.of(of_group(crossing, i)))]
        kept = np.array(told, dtype=np.int64)
        found = _compare(made, crossing, kept.tolist(), level, seed)
        reason = found.reason and f"{made.metric.title}: {found.reason}"
        weighed = found if crossing.sums is None else on_effective_counts(found)
        yield COUNT_GAPS[name].measure(
            found.value,
            interval=weighed.interval,
            reason=reason,
            n=int(made.counted.of(crossing.table)[1][kept].sum()),
            source=f"between groups, unsigned; {_over(made, crossing, kept, min_group)}",
            slice=crossing.everyone,
        )


def _compare(
    made: CountMetric, crossing: Crossing, kept: Sequence[int], level: float, seed: int
) -> Estimate:
    if made.of_shares is None and crossing.sums is not None and crossing.sums.is_doubtful:
        return Estimate.undefined(NO_REPLICATES)
    if len(kept) < 2:
        return Estimate.undefined(gaps.TOO_FEW)
    each = gaps.pair_level(level, len(kept))
    values, low, high = (np.empty(len(kept)) for _ in range(3))
    for place, i in enumerate(kept):
        held = of_group(crossing, i)
        draws = stream(seed, crossing.title, made.metric.id)
        values[place] = made.of(held)
        low[place], high[place] = made.wide_limits(held, draws, each)
    return gaps.spread(values, (low, high), level, made.method)


def of_group(crossing: Crossing, i: int) -> Counted:
    """The counts of one group of a crossing."""
    return Counted(crossing.table[i], None if crossing.sums is None else crossing.sums[i])


def _over(made: CountMetric, crossing: Crossing, kept: IntArray, least: int) -> str:
    """Say over which groups a number was compared, and what was left out."""
    small = np.setdiff1d(np.flatnonzero(crossing.known), kept)
    counted = made.counted.of(crossing.table)[1]
    worth = [sum(made.worth(of_group(crossing, i))) for i in kept.tolist()]
    return over(
        title=made.metric.title,
        words=made.words,
        groups=kept.size,
        n=int(counted[kept].sum()),
        small=[(crossing.names[i], int(crossing.sizes[i])) for i in small],
        unknown=int(counted[~crossing.known].sum()),
        least=least,
        effective=None if crossing.sums is None else sum(worth),
        how=crossing.how,
    )
