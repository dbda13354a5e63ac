"""Tables of what Shapley values say: importance, the spread of the values, gaps taken apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.evidence import Cell, Table
from auditkit.methods.estimates import Estimate, cells_of
from auditkit.methods.shapley_game import Floats
from auditkit.methods.shapley_gap import Gap
from auditkit.methods.shapley_metrics import Kind
from auditkit.methods.shapley_strips import MOST_BINS, density

#: A bin of a strip is no narrower than this part of the range of all values.
_FINEST = 1 / 120


@dataclass(frozen=True, slots=True)
class Apart:
    """A gap between two groups of a sensitive column, taken apart.

    Attributes:
        column: The column.
        a: Name of the first group.
        b: Name of the second.
        gap: The parts.
        of: The class whose score or share it is; empty where there is one score.
    """

    column: str
    a: str
    b: str
    gap: Gap
    of: str = ""


def importance_table(
    names: Sequence[str], estimates: Sequence[Estimate], what: str, source: str
) -> Table:
    """List what moves the scores, from most to least; what is listed last stays last.

    Example:
        >>> importance_table(["a"], [Estimate.undefined("no row")], "feature", "test").rows
        (('a', None, None, None),)
    """
    return Table(
        "importance",
        "What moves the scores",
        ("feature", "mean_abs", "low", "high"),
        tuple((name, *cells_of(one)) for name, one in zip(names, estimates, strict=True)),
        f"{source}; mean size of the value of each {what}, with its interval",
        chart="bars",
    )


def strips_table(
    strips: Sequence[tuple[str, Floats, Floats | None]], of: str, source: str
) -> Table:
    """Show how the values of each player are spread, in bins that show no single row.

    Args:
        strips: Name of each player, its values, and the ranks of its own values or None.
        of: The class whose values they are; empty where there is one score.
        source: What was computed from what.

    Returns:
        The table.

    Example:
        >>> strips_table([("a", np.array([0.1, 0.1]), None)], "", "test").rows[0][3]
        2
    """
    ends = [end for _, values, _ in strips for end in values[[values.argmin(), values.argmax()]]]
    finest = max((max(ends) - min(ends)) * _FINEST if ends else 0.0, 1e-6)
    head = ("class",) if of else ()
    lines = [
        (name, bin_.low, bin_.high, bin_.count, bin_.mean_rank, *([of] if of else []))
        for name, values, ranks in strips
        for bin_ in density(values, ranks, finest)
    ]
    return Table(
        "strips",
        "How each feature moves the scores",
        ("feature", "bin_low", "bin_high", "count", "mean_rank", *head),
        tuple(lines),
        f"{source}; rows in at most {MOST_BINS} bins of the Shapley value, for the "
        f"{len(strips)} most important; mean rank of the feature's own value from 0 to 1, "
        "none for a category and in a bin of fewer than 5 rows",
        chart="density-strip",
    )


#: Name and title of the table of a kind of gap, its two ends, and what is taken apart.
_KINDS: dict[Kind, tuple[str, str, str, str]] = {
    "score": ("gap", "What makes the score gaps between groups", "mean score", "scores"),
    "number": ("gap", "What makes the gaps in predictions", "mean prediction", "predictions"),
    "decision": (
        *("selection-gap", "What makes the gaps in selection rate between groups"),
        *("selection rate", "decisions"),
    ),
    "class": (
        *("selection-gap", "What makes the gaps in how often a class is predicted"),
        *("share predicted", "decisions"),
    ),
}


def gap_table(
    kind: Kind, parts: Sequence[Apart], names: Sequence[str], listed: int, source: str
) -> Table:
    """List what each feature adds to the gaps between groups.

    Args:
        kind: What is taken apart.
        parts: The gaps.
        names: The players.
        listed: Most players that are listed of a gap; the others are added up, without interval.
        source: What was computed from what.

    Returns:
        The table; of each gap first its two ends.
    """
    name, title, end, of = _KINDS[kind]
    head = ("class",) if any(one.of for one in parts) else ()
    lines = [
        (one.column, one.a, one.b, *line, *([one.of] if head else []))
        for one in parts
        for line in _gap_lines(one.gap, names, end, listed)
    ]
    return Table(
        name,
        title,
        ("attribute", "a", "b", "feature", "contribution", "low", "high", *head),
        tuple(lines),
        f"mean Shapley value of the {of} of group a minus that of group b, the sum over features "
        f"is the difference of the {end}s; the smallest beyond {listed} are added up, without an "
        f"interval; {source}",
        chart="waterfall",
    )


def _gap_lines(
    found: Gap, names: Sequence[str], end: str, listed: int
) -> Iterator[tuple[Cell, ...]]:
    yield (f"({end} a)", *cells_of(found.first))
    yield (f"({end} b)", *cells_of(found.second))
    values = [part.value or 0.0 for part in found.contributions]
    order = sorted(range(len(values)), key=lambda g: -abs(values[g]))
    # One alone is listed: a line of it tells more than a line that stands for it.
    shown = len(order) if len(order) == listed + 1 else listed
    for g in order[:shown]:
        yield (names[g], *cells_of(found.contributions[g]))
    rest = order[shown:]
    if rest:
        total = float(np.sum([values[g] for g in rest]))
        yield (f"({len(rest):,} others)", total, None, None)
