"""How many people a model decides about wrongly, and the counts of claims that are contradicted."""

from __future__ import annotations

from dataclasses import dataclass

from auditkit.evidence import Interval, Metric
from auditkit.methods.crossing import Crossing
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, together
from auditkit.methods.gaps import shared_level
from auditkit.methods.intervals import share
from auditkit.methods.sums import Sums
from auditkit.methods.weighting import effective_counts, on_effective_counts

#: People that numbers are about where nobody has said how many there are.
THOUSAND = 1_000
#: What of the four cells [true outcome][decision] is counted.
Cell = tuple[tuple[int, int], ...]
EVERYONE: Cell = ((0, 0), (0, 1), (1, 0), (1, 1))
MISSED: Cell = ((1, 0),)
FALSE_ALARM: Cell = ((0, 1),)

CONTRADICTIONS = Metric(
    "contradictions",
    "Claims that the measurements contradict",
    "Claims under [context.claims] whose measurement lies, with its whole interval, beyond what "
    "the claim allows.",
    "count",
    better="lower",
    low=0.0,
)
UNDECIDED = Metric(
    "claims_undecided",
    "Claims that nothing decides",
    "Claims under [context.claims] that were not measured, or whose interval allows both answers.",
    "count",
    better="lower",
    low=0.0,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of people: as a number of the declared ones, and of each 1,000."""

    people: Metric
    per_1000: Metric
    cells: Cell

    def metric(self, population: int | None) -> Metric:
        """The one that is about the declared people, or about 1,000."""
        return self.per_1000 if population is None else self.people


def _counted(stem: str, title: str, what: str, better: str, cells: Cell) -> Counted:
    named = {"unit": "people", "low": 0.0, "better": better}
    return Counted(
        Metric(
            f"people_{stem}",
            f"People {title}",
            f"Expected number of people of the declared population {what}, if they are like the "
            "assessed rows.",
            **named,  # type: ignore[arg-type]
        ),
        Metric(
            f"{stem}_per_1000",
            f"{title[:1].upper()}{title[1:]}, per 1,000 people",
            f"Expected number of people {what} among 1,000 who are like the assessed rows.",
            **named,  # type: ignore[arg-type]
        ),
        cells,
    )


GROUP = _counted("in_group", "of the group", "who belong to the group", "neither", EVERYONE)
_REFUSED = "who get the unfavourable decision and should not, by the labels"
_GRANTED = "who get the favourable decision and should not, by the labels"
REFUSED = _counted("wrongly_refused", "wrongly refused", _REFUSED, "lower", MISSED)
GRANTED = _counted("wrongly_granted", "wrongly granted", _GRANTED, "lower", FALSE_ALARM)
WRONG = _counted(
    *("wrongly_decided", "wrongly decided", "whose prediction differs from their label", "lower"),
    FALSE_ALARM,
)
METRICS = (
    *(of.people for of in (GROUP, REFUSED, GRANTED, WRONG)),
    *(of.per_1000 for of in (GROUP, REFUSED, GRANTED, WRONG)),
    *(CONTRADICTIONS, UNDECIDED),
)


def rows_of(table: IntArray, cells: Cell) -> int:
    """Rows of one group that are counted.

    Example:
        >>> import numpy as np
        >>> rows_of(np.array([[5, 1], [2, 3]]), MISSED)
        2
    """
    return int(sum(table[place] for place in cells))


def people(
    crossing: Crossing, groups: list[int], cells: Cell, level: float, population: int | None
) -> Estimate:
    """Expected number of people of some groups who are counted, among all groups of a crossing.

    Args:
        crossing: Rows by group, outcome and decision.
        groups: Which of its groups.
        cells: What is counted.
        level: Two-sided level of the interval, in (0, 1).
        population: Number of people; None is 1,000.

    Returns:
        The number, with the exact interval of the share of rows that are of these groups and
        counted, times the population.

    Example:
        >>> from auditkit.methods.cells import count_cells
        >>> from auditkit.methods.crossing import cross
        >>> held = count_cells({"sex": [0, 0, 1, 1]}, {"sex": 2}, [1, 0, 1, 1], [0, 0, 1, 1])
        >>> crossing = cross(held, {"sex": ["F", "M", "unknown"]}, ["sex"])
        >>> people(crossing, [0], MISSED, 0.95, 800).value
        200.0
    """
    total = int(crossing.table.sum())
    won = float(sum(rows_of(crossing.table[i], cells) for i in groups))
    rows, sums = float(total), crossing.sums
    if sums is not None and total:
        won, rows = _effective(sums, groups, cells)
    found = share(won, rows, level)
    if sums is not None:
        found = on_effective_counts(found)
    return scaled(found, THOUSAND if population is None else population)


def _effective(sums: Sums, groups: list[int], cells: Cell) -> tuple[float, float]:
    def of(held: FloatArray) -> tuple[float, float]:
        inside = float(sum(held[i][place] for i in groups for place in cells))
        return inside, float(held.sum()) - inside

    (won, lost), (won_squares, lost_squares) = of(sums.weights), of(sums.squares)
    first, second = effective_counts(won, won_squares, lost, lost_squares)
    return float(first), float(second)


def of_groups(
    crossing: Crossing, cells: Cell, level: float, population: int | None
) -> list[Estimate]:
    """Expected people of every group; their intervals hold together.

    Args:
        crossing: As `people` takes it.
        cells: What is counted.
        level: Level at which all intervals hold.
        population: Number of people; None is 1,000.

    Returns:
        One estimate a group, in their order.
    """
    count = len(crossing.labels)
    each = shared_level(level, count)
    found = [people(crossing, [i], cells, each, population) for i in range(count)]
    return [together(one, level, f"{count} groups") if count > 1 else one for one in found]


def scaled(found: Estimate, factor: float) -> Estimate:
    """A share as so many of a number of people.

    Example:
        >>> scaled(Estimate(0.2, Interval(0.1, 0.3, 0.95, "Clopper-Pearson")), 50).interval.low
        5.0
    """
    if found.value is None or found.interval is None:
        return found
    old = found.interval
    wide = Interval(factor * old.low, factor * old.high, old.level, old.method)
    return Estimate(factor * found.value, wide)
