"""What is said of the groups of a task that is not binary: numbers, gaps and pairs.

A task says which quantities it has (`Quantity`); how groups are kept out, compared and listed is
the same for all of them, and the same as for binary decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from auditkit.errors import quote
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods import gaps
from auditkit.methods.cells import RATES
from auditkit.methods.crossing import Crossing, over
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.intervals import share
from auditkit.methods.score_curves import bound_words
from auditkit.methods.weighting import on_effective_counts, weighted_words

#: Why a model without a choice has no parity.
CONSTANT = "the model gives everyone the same prediction; parity is vacuous"
#: Columns of the table of pairs, whatever the task.
PAIR_COLUMNS = (
    *("attribute", "metric", "a", "b", "difference", "low", "high"),
    *("p_adjusted", "established"),
)
#: Fewest rows of a mean that is shown: with its interval, two would give both numbers away.
FEWEST_OF_A_MEAN = 3


@dataclass(frozen=True)
class Settings:
    """How groups are compared.

    Attributes:
        level: Confidence level of every interval, in (0, 1).
        min_group: Rows that a number must rest on for its group to enter a gap.
        max_pairs: Most pairs that are listed for each column and number.
    """

    level: float = 0.95
    min_group: int = 10
    max_pairs: int = 50


class Pair(Protocol):
    """Two groups held against each other: `gaps.Pair` or `means.MeanPair`."""

    @property
    def a(self) -> int:
        """Index of the group with the higher number."""
        ...

    @property
    def b(self) -> int:
        """Index of the other group."""
        ...

    @property
    def difference(self) -> float:
        """Number of a minus number of b."""
        ...

    @property
    def low(self) -> float | None:
        """Lower bound, simultaneous over all pairs."""
        ...

    @property
    def high(self) -> float | None:
        """Upper bound, likewise."""
        ...

    @property
    def p_adjusted(self) -> float | None:
        """Two-sided p-value after Holm's adjustment."""
        ...

    @property
    def established(self) -> bool:
        """Whether the data tell the two apart."""
        ...


class Numbers(Protocol):
    """One number for each of m groups: `Shares` or `means.Means`."""

    @property
    def n(self) -> IntArray:
        """Rows that the number of each group rests on, shape (m,)."""
        ...

    def take(self, kept: npt.NDArray[np.bool_]) -> Numbers:
        """Keep some of the groups, by a mask of shape (m,)."""
        ...

    def estimate(self, i: int, level: float, least: float = ...) -> Estimate:
        """The number of one group."""
        ...

    def difference(self, level: float) -> Estimate:
        """Largest minus smallest, with a simultaneous interval."""
        ...

    def pairs(self, level: float) -> Sequence[Pair]:
        """Every two groups, the widest difference first."""
        ...


@dataclass(frozen=True)
class Shares:
    """A share of the rows of each group.

    Attributes:
        successes: Shape (m,): rows that are counted; unit: rows.
        n: Shape (m,): rows that they are counted among; unit: rows.
        effective: Both as effective counts, or None where every row counts the same.

    Example:
        >>> shares = Shares(np.array([5, 9]), np.array([10, 10]))
        >>> shares.estimate(0).value, shares.difference(0.95).value
        (0.5, 0.4)
    """

    successes: IntArray
    n: IntArray
    effective: tuple[FloatArray, FloatArray] | None = None

    @property
    def counts(self) -> tuple[IntArray, IntArray] | tuple[FloatArray, FloatArray]:
        """Successes and rows to make intervals of; their quotients are the shares."""
        return (self.successes, self.n) if self.effective is None else self.effective

    def take(self, kept: npt.NDArray[np.bool_]) -> Shares:
        """Keep some of the groups, by a mask of shape (m,)."""
        effective = self.effective and (self.effective[0][kept], self.effective[1][kept])
        return Shares(self.successes[kept], self.n[kept], effective)

    def estimate(self, i: int, level: float = 0.95, least: float = 0.0) -> Estimate:
        """The share of one group, with its exact interval, which stays above `least` anyway."""
        del least
        successes, rows = (float(count[i]) for count in self.counts)
        return share(successes, rows, level)

    def difference(self, level: float) -> Estimate:
        """Largest minus smallest share; see `gaps.difference`."""
        won, rows = self.counts
        return gaps.difference(won, rows, level)

    def pairs(self, level: float) -> Sequence[Pair]:
        """Every two groups; see `gaps.compare_pairs`."""
        won, rows = self.counts
        return gaps.compare_pairs(won, rows, level)


@dataclass(frozen=True)
class Quantity:
    """A number of every group of a crossing, and whether a gap is made of it.

    Attributes:
        metric: What the number means.
        numbers: The numbers; None where `of_group` computes each from its rows.
        n: Shape (m,): rows that each rests on.
        words: What those rows are, for a reader.
        gap: The gap between the groups, or None where none is made.
        of_group: Computes the number of one group at a level, instead of `numbers`.
        vacuous: Whether the gap says nothing about a model that gives everyone the same.
        fewest: Rows under which the number could give one person away, and is withheld.
        effective: Shape (m,): what the rows are worth, or None where every row counts the same.
        bounds: Shape (m,): how far bins can move each number; None where there are no bins.
    """

    metric: Metric
    n: IntArray
    numbers: Numbers | None = None
    words: str = "rows"
    gap: Metric | None = None
    of_group: Callable[[int, float], Estimate] | None = None
    vacuous: bool = False
    fewest: int = 2
    effective: FloatArray | None = None
    bounds: FloatArray | None = None

    def estimate(self, i: int, level: float) -> Estimate:
        """The number of one group."""
        if self.of_group is not None:
            return self.told(self.of_group(i, level))
        if self.numbers is None:
            return Estimate.undefined("no rows")
        least = -np.inf if self.metric.low is None else self.metric.low
        return self.told(self.numbers.estimate(i, level, least))

    def told(self, found: Estimate) -> Estimate:
        """Say in the method of an interval that it was made of effective counts, where it was."""
        return found if self.effective is None else on_effective_counts(found)


def share_right(crossing: Crossing) -> Shares:
    """Share of the rows of each group that are right: their decision is 1 in the counts."""
    right = RATES["selection_rate"]
    effective = None if crossing.sums is None else right.effective(crossing.sums)
    return Shares(*right.of(crossing.table), effective)


def gap_metric(of: Metric) -> Metric:
    """The gap of a metric between groups: largest minus smallest.

    Example:
        >>> share = Metric("accuracy", "Accuracy", "Share of right rows.", "rate")
        >>> gap_metric(share).id, gap_metric(share).unit
        ('accuracy_difference', 'difference')
    """
    return Metric(
        f"{of.id}_difference",
        f"{of.title} difference",
        f"Largest minus smallest {of.title[0].lower()}{of.title[1:]} over the groups.",
        "difference" if of.unit in {"rate", "ratio"} else of.unit,
        better="lower",
        low=0.0,
        high=1.0 if of.unit == "rate" else None,
    )


@dataclass
class Lines:
    """Rows of the two tables, gathered while groups are measured."""

    groups: list[tuple[Cell, ...]] = field(default_factory=list)
    pairs: list[tuple[Cell, ...]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)


def measure_group(
    quantities: Sequence[Quantity], crossing: Crossing, i: int, settings: Settings, lines: Lines
) -> Iterator[Measurement]:
    """Measure every quantity of one group, and gather its row of the table of groups."""
    measured = [_of_group(quantity, crossing, i, settings.level) for quantity in quantities]
    numbers: list[Cell] = []
    for one in measured:
        bounds = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
        numbers += [one.value, *bounds]
    lines.groups.append((crossing.title, crossing.names[i], int(crossing.sizes[i]), *numbers))
    yield from measured


def _of_group(quantity: Quantity, crossing: Crossing, i: int, level: float) -> Measurement:
    where, size, n = crossing.where(i), int(crossing.sizes[i]), int(quantity.n[i])
    source = f"{n:,} {quantity.words}"
    if n and quantity.effective is not None:
        source = weighted_words(source, [float(quantity.effective[i])])
    if size == 1 or 0 < n < quantity.fewest:  # n and reason tell nothing about the outcome
        fewest = f"fewer than {max(2, quantity.fewest)} rows"
        reason = f"{fewest}: the number could give the outcome of one person away"
        shown = size if size == 1 else n
        return quantity.metric.measure(None, n=shown, reason=reason, source=fewest, slice=where)
    if n and quantity.bounds is not None:
        source = f"{source}; {bound_words(float(quantity.bounds[i]))}"
    found = quantity.estimate(i, level) if n else Estimate.undefined(f"no {quantity.words}")
    return quantity.metric.measure(
        found.value,
        interval=found.interval,
        reason=found.reason,
        n=n,
        source=source,
        slice=where,
    )


def measure_gap(
    quantity: Quantity, crossing: Crossing, settings: Settings, lines: Lines, *, constant: bool
) -> Iterator[Measurement]:
    """Measure the gap of a quantity, where it has one, and gather its pairs."""
    if quantity.gap is None or quantity.numbers is None:
        return
    least = max(settings.min_group, quantity.fewest)
    kept = crossing.known & (quantity.n >= least)
    names = [name for name, is_kept in zip(crossing.names, kept, strict=True) if is_kept]
    n, text = int(quantity.n[kept].sum()), describe(quantity, crossing, kept, least)
    if quantity.bounds is not None:  # the largest and the smallest may both move
        text += f"; {bound_words(2 * float(quantity.bounds[kept].max(initial=0.0)))}"
    held = quantity.numbers.take(kept)
    vacuous = constant and quantity.vacuous
    apart = Estimate.undefined(CONSTANT) if vacuous else held.difference(settings.level)
    found = quantity.told(apart)
    reason = found.reason and (f"{found.reason} ({text})" if found.value is None else found.reason)
    yield quantity.gap.measure(
        found.value,
        interval=found.interval,
        reason=reason,
        n=n,
        slice=crossing.everyone,
        source=f"between groups, unsigned; {text}",
    )
    if not vacuous:
        _gather_pairs(quantity, crossing.title, names, held.pairs(settings.level), settings, lines)


def describe(
    quantity: Quantity, crossing: Crossing, kept: npt.NDArray[np.bool_], least: int
) -> str:
    """Say over which groups a quantity was compared, and what was left out."""
    small = np.flatnonzero(crossing.known & ~kept)
    names, title = crossing.names, quantity.metric.title
    return over(
        title=title[0].lower() + title[1:],
        words=quantity.words,
        groups=int(kept.sum()),
        n=int(quantity.n[kept].sum()),
        small=[(names[i], int(crossing.sizes[i])) for i in small],
        unknown=int(quantity.n[~crossing.known].sum()),
        least=least,
        effective=None if quantity.effective is None else float(quantity.effective[kept].sum()),
    )


def _gather_pairs(
    quantity: Quantity,
    attribute: str,
    names: Sequence[str],
    found: Sequence[Pair],
    settings: Settings,
    lines: Lines,
) -> None:
    name = quantity.metric.id
    if len(found) > settings.max_pairs:
        apart = sum(pair.established for pair in found)
        lines.cut.append(f"{quote(attribute)} {name} ({apart:,} of {len(found):,} told apart)")
    for pair in found[: settings.max_pairs]:
        numbers = (pair.difference, pair.low, pair.high, pair.p_adjusted)
        lines.pairs.append(
            (attribute, name, names[pair.a], names[pair.b], *numbers, pair.established)
        )


def groups_table(
    shown: Sequence[Metric], lines: Lines, source: str, level: float, *, weighted: bool = False
) -> Table:
    """The table of groups: a number with its bounds for every metric.

    Args:
        shown: The metrics.
        lines: The rows of the table.
        source: How the intervals were made.
        level: Their level.
        weighted: Whether rows count by their weights.

    Example:
        >>> share = Metric("accuracy", "Accuracy", "Share of right rows.", "rate")
        >>> groups_table([share], Lines(), "exact intervals", 0.95).columns[3:]
        ('accuracy', 'accuracy_low', 'accuracy_high')
    """
    weighed, on = (", weighted", " on effective counts") if weighted else ("", "")
    numbers = (f"{metric.id}{end}" for metric in shown for end in ("", "_low", "_high"))
    return Table(
        name="groups",
        title="Numbers by group",
        columns=("attribute", "group", "n", *numbers),
        rows=tuple(lines.groups),
        source=f"assessed rows{weighed}; {source}{on} at {100 * level:g} %; no number where it "
        "would rest on so few rows that it could give one person away",
        chart="groups",
    )


def pairs_table(
    lines: Lines, source: str, level: float, *, weighted: bool = False
) -> Iterator[Table]:
    """The table of pairs, where there are any; see `groups_table`."""
    if not lines.pairs:
        return
    cut = f"; only the widest pairs are listed of {'; '.join(lines.cut)}" if lines.cut else ""
    on = " on effective counts of weighted rows" if weighted else ""
    yield Table(
        name="pairs",
        title="Which groups the data tell apart",
        columns=PAIR_COLUMNS,
        rows=tuple(lines.pairs),
        source=f"number of a minus number of b; {source}{on} that hold together at "
        f"{100 * level:g} % over all pairs of one attribute and one number (Bonferroni). A pair is "
        "established where its interval does not hold 0: the interval decides; p_adjusted by Holm "
        f"over the same pairs{cut}",
        chart="forest",
    )
