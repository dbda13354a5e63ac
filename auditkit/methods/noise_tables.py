"""What changes of the inputs do to the answers, by kind of change and by group, in tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from auditkit.evidence import Cell, Table
from auditkit.methods.estimates import FloatArray, IntArray, cells_of
from auditkit.methods.gaps import shared_level
from auditkit.methods.perturbing import Outcome, mean_outcome, rate

#: Kinds of change of which only the one that does most is measured; the others are all small.
ERRORS = ("missing field", "wrong unit", "wrong category", "unseen category")
#: Rows under which nothing is said of a group: it would tell of a few people.
FEWEST = 10
UNCHANGED = "no row changes: numbers too small, texts without case, or no other category"
_DIRECTIONS = ("to_worse", "to_better")
#: Column to the names of its groups, the unknown last, and the group of each row.
Grouped = Mapping[str, tuple[Sequence[str], IntArray]]


@dataclass(frozen=True, eq=False)
class Line:
    """One change of the inputs, and what came of it.

    Attributes:
        kind: Kind of change, as `auditkit.methods.noise_metrics.KINDS` has it.
        what: The change, in words; nothing where there was none to make.
        outcome: What came of it, or why the model could not be asked.
        groups: Groups of the rows that were asked about.
    """

    kind: str
    what: str
    outcome: Outcome | str
    groups: Grouped

    @property
    def found(self) -> Outcome | None:
        """What came of it, where a row was changed and the model could be asked."""
        return None if isinstance(self.outcome, str) or self.outcome.nothing else self.outcome

    @property
    def refused(self) -> bool:
        """Whether the model could not be asked."""
        return isinstance(self.outcome, str)

    @property
    def rate(self) -> float:
        """Share of other answers, to sort by; below 0 where there is none."""
        return -1.0 if self.found is None else self.found.rate


@dataclass(frozen=True, eq=False)
class Kind:
    """All changes of one kind.

    Attributes:
        kind: Its name.
        lines: The changes, at least one.
    """

    kind: str
    lines: tuple[Line, ...]

    @property
    def tried(self) -> int:
        """Changes among which the one that does most was chosen."""
        return sum(line.found is not None for line in self.lines) if self.kind in ERRORS else 1

    @cached_property
    def first(self) -> Line:
        """The change that does most, the first of equals."""
        return max(self.lines, key=lambda line: line.rate)

    @cached_property
    def outcome(self) -> Outcome | str:
        """What stands for the kind: the worst error, the mean of small changes; or why nothing."""
        if self.first.found is None:
            told = [line.outcome for line in self.lines if isinstance(line.outcome, str)]
            return told[0] if told else UNCHANGED
        if self.kind in ERRORS:
            return self.first.found
        refused = [line.outcome for line in self.lines if isinstance(line.outcome, str)]
        whole = [line.outcome for line in self.lines if not isinstance(line.outcome, str)]
        return refused[0] if refused else mean_outcome(whole)


def members(groups: Grouped) -> Iterator[tuple[str, str, IntArray]]:
    """Column, name and rows of every group; of the unknown only where there are some.

    Example:
        >>> held = {"sex": (("F", "M", "unknown"), np.array([1, 0, 1]))}
        >>> [(name, at.tolist()) for _, name, at in members(held)]
        [('F', [1]), ('M', [0, 2])]
    """
    for column, (labels, codes) in groups.items():
        for code, label in enumerate(labels[:-1]):
            yield column, label, np.flatnonzero(codes == code)
        if (codes < 0).any():
            yield column, labels[-1], np.flatnonzero(codes < 0)


def changes_table(kinds: Sequence[Kind], level: float) -> Table | None:
    """Put all changes together: over all rows, then by group for those that stand for their kind.

    First the small changes and the worst error of each kind, then for each of them the group that
    it most surely hits more often than everyone, then the other groups and the other errors.

    Args:
        kinds: The changes.
        level: Level at which all intervals of the table hold together.

    Returns:
        The table `changes`; None where nothing could be changed.
    """
    lines = [line for kind in kinds for line in kind.lines if line.what]
    told = sum(line.found is not None for line in lines)
    if not told:
        return None
    hit = [one for kind in kinds for one in _hit(kind)]
    each = shared_level(level, told + sum(kind.tried for kind, *_ in hit))
    first = [line for line in lines if line.kind not in ERRORS]
    worst = [kind.first for kind in kinds if kind.kind in ERRORS and kind.first in lines]
    first += sorted(worst, key=lambda line: -line.rate)
    rest = sorted((line for line in lines if line not in first), key=lambda line: -line.rate)
    rows = [
        *(_line(line, each) for line in first),
        *_groups(hit, each),
        *(_line(line, each) for line in rest),
    ]
    return Table(
        name="changes",
        title="What each change of the input does to the decisions",
        columns=(
            *(
                "altered",
                "group",
                "n",
                "share_changed",
                "answers_changed",
                "low",
                "high",
                "of_changed",
            ),
            *_DIRECTIONS,
        ),
        rows=tuple(rows),
        source="a row counts by the share of its draws; Clopper-Pearson intervals of rows, which "
        f"hold together at {100 * level:g} % (Bonferroni); groups under {FEWEST} rows are left out",
        chart="perturbations",
    )


def _line(line: Line, level: float) -> tuple[Cell, ...]:
    name = f"{line.kind}: {line.what}" + (", refused by the model" if line.refused else "")
    if isinstance(line.outcome, str):
        return name, None, 0, *(None,) * 7
    if line.found is None:
        changed = float(line.outcome.changed.mean())
        return name, None, line.outcome.n, changed, *(None,) * 6
    return _cells(name, None, line.found, level)


def _cells(name: str, group: str | None, outcome: Outcome, level: float) -> tuple[Cell, ...]:
    found, changed = cells_of(rate(outcome.flipped, level)), float(outcome.changed.mean())
    worse, better = outcome.worse, outcome.better
    ways = [None if way is None else float(way.mean()) for way in (worse, better)]
    return name, group, outcome.n, changed, *found, outcome.of_changed, *ways


#: A change that stands for its kind, what it did to everyone, a group, and what it did to that.
_Hit = tuple[Kind, Outcome, str, Outcome]


def _hit(kind: Kind) -> Iterator[_Hit]:
    outcome = kind.outcome
    if isinstance(outcome, str):
        return
    for column, label, at in members(kind.first.groups):
        if at.size >= FEWEST:
            yield kind, outcome, f"{column}: {label}", outcome.take(at)


def _groups(hit: Sequence[_Hit], level: float) -> list[tuple[Cell, ...]]:
    """The lines of groups: the surest excess over everyone first, one of each change before all."""
    ordered = list[tuple[float, str, str, Outcome]]()
    for kind, everyone, group, outcome in hit:
        what = f"{kind.kind}: {kind.first.what}" if kind.kind in ERRORS else kind.kind
        interval = rate(outcome.flipped, level).interval
        low = 0.0 if interval is None else interval.low
        ordered.append((everyone.rate - low, what, group, outcome))
    ordered.sort(key=lambda one: one[:3])
    places = list[tuple[int, tuple[Cell, ...]]]()
    seen = list[str]()
    for _, what, group, outcome in ordered:
        seen.append(what)
        places.append((seen.count(what), _cells(what, group, outcome, level)))
    return [cells for _, cells in sorted(places, key=lambda one: one[0])]


def curve_table(
    points: Sequence[tuple[float, Outcome]], groups: Grouped, least: int, level: float
) -> Table | None:
    """Put the shares of other answers over the size of the noise, with the group that has most.

    Args:
        points: Size of the noise and what came of it, in rising order.
        groups: Groups of the rows.
        least: Rows from which a group is looked at.
        level: Level at which all intervals of the table hold together.

    Returns:
        The table `noise-curve`; None where no size changes a row.
    """
    if all(outcome.nothing for _, outcome in points):
        return None
    large = [group for group in members(groups) if group[2].size >= least]
    each = shared_level(level, len(points))
    rows = []
    for size, outcome in points:
        value, low, high = cells_of(rate(outcome.flipped, each))
        most, name = _most(outcome.flipped, large)
        rows.append((size, value, most, low, high, name))
    return Table(
        name="noise-curve",
        title="Decisions that change as noise grows",
        columns=(
            *(
                "noise_sd",
                "answers_changed",
                "worst_answers_changed",
                "answers_changed_low",
                "answers_changed_high",
            ),
            "worst_group",
        ),
        rows=tuple(rows),
        source="normal noise on all numbers at once, the same draws for every size; the worst "
        f"group, of those of {least} rows or more, is the highest of many and so rather too high; "
        f"Clopper-Pearson intervals, which hold together at {100 * level:g} % (Bonferroni)",
        chart="line",
    )


def _most(
    flipped: FloatArray, large: Sequence[tuple[str, str, IntArray]]
) -> tuple[float | None, str | None]:
    if not large:
        return None, None
    rates = [float(flipped[at].mean()) for *_, at in large]
    place = int(np.argmax(rates))
    return rates[place], f"{large[place][0]}: {large[place][1]}"
