"""What is measured of the changes that would bring another decision, over all rows and by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods.cells import count_cells
from auditkit.methods.counterfactual_columns import BoolArray
from auditkit.methods.crossing import Crossing, cross, place_rows, too_many
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, cells_of
from auditkit.methods.groupwise import (
    FEWEST_OF_A_MEAN,
    Lines,
    Quantity,
    Settings,
    gap_metric,
    groups_table,
    measure_gap,
    measure_group,
    share_right,
)
from auditkit.methods.intervals import share
from auditkit.methods.means import far_out, mean, means_by_group

SUCCESS = Metric(
    "counterfactual_success_rate",
    "Decisions for which a change was found",
    "Share of the rows decided against that were searched for which a change of few features that "
    "brings the wanted decision was found. None found does not mean that there is none.",
    "rate",
    low=0.0,
    high=1.0,
)
CHANGES = Metric(
    "counterfactual_changes",
    "Features to change",
    "Mean number of features (of a text, words) that are changed, over the rows for which a change "
    "was found.",
    "features",
    better="lower",
    low=1.0,
)
DISTANCE = Metric(
    "counterfactual_distance",
    "Distance to the wanted decision",
    "Mean distance between a row and its changed row, over the rows for which a change was found: "
    "the burden. A number counts by its median absolute deviations, another category as 1.",
    "deviations",
    better="lower",
    low=0.0,
)
NEAR = Metric(
    "counterfactual_near_rate",
    "Changes that stay near the data",
    "Share of the rows that were searched for which such a change was found whose changed row lies "
    "no farther from the nearest known row than 95 in 100 of the searched rows do as they are.",
    "rate",
    low=0.0,
    high=1.0,
)
SUCCESS_GAP, NEAR_GAP, DISTANCE_GAP = map(gap_metric, (SUCCESS, NEAR, DISTANCE))
METRICS = (SUCCESS, NEAR, CHANGES, DISTANCE, SUCCESS_GAP, NEAR_GAP, DISTANCE_GAP)

#: Why a single row has no value.
WITHHELD = "one row only: it would be the answer about one person"
NONE_FOUND = "no change was found for any row"
ONLY_WORDS = "of a text the words that are taken out are counted, and nothing else"
#: Lines of the table of features or words.
_LISTED = 12


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was found, by row.

    Attributes:
        found: Shape (n,): whether a change was found.
        count: Shape (n,): how many features were changed.
        distance: Shape (n,): how far the row was moved; None where only words are counted.
        near: Shape (n,): whether a change was found that stays near the data; None of texts.
        words: What was searched, as a source says it.
    """

    found: BoolArray
    count: IntArray
    distance: FloatArray | None
    near: BoolArray | None
    words: str


def measure(outcome: Outcome, level: float) -> Iterator[Measurement]:
    """Measure success, changes, distance and nearness over all rows.

    Example:
        >>> held = Outcome(np.array([True, True, False]), np.array([1, 2, 0]), None, None, "rows")
        >>> [(m.metric, m.value) for m in measure(held, 0.95)][2]
        ('counterfactual_changes', 1.5)
    """
    found, n = outcome.found, int(outcome.found.sum())
    yield _measure(SUCCESS, share(n, found.size, level), found.size, outcome.words)
    if outcome.near is None:
        yield _undefined(NEAR, outcome, ONLY_WORDS)
    else:
        near = share(int(outcome.near.sum()), found.size, level)
        yield _measure(NEAR, near, found.size, outcome.words)
    yield _mean_of_found(CHANGES, outcome, outcome.count.astype(np.float64), level)
    if outcome.distance is None:
        yield _undefined(DISTANCE, outcome, ONLY_WORDS)
    else:
        yield _mean_of_found(DISTANCE, outcome, outcome.distance, level)


def _mean_of_found(
    metric: Metric, outcome: Outcome, values: FloatArray, level: float
) -> Measurement:
    kept = values[outcome.found]
    found = mean(kept, level, metric.low or 0.0) if kept.size else Estimate.undefined(NONE_FOUND)
    source = f"the {kept.size:,} rows for which a change was found; {outcome.words}"
    return _measure(metric, found, kept.size, f"{source}{far_out(kept)}")


def _undefined(
    metric: Metric, outcome: Outcome, reason: str, where: dict[str, str] | None = None
) -> Measurement:
    n = outcome.found.size
    return metric.measure(None, n=n, reason=reason, source=outcome.words, slice=where)


def _measure(metric: Metric, found: Estimate, n: int, source: str) -> Measurement:
    if n == 1:
        found = Estimate.undefined(WITHHELD)
    return metric.measure(
        found.value, interval=found.interval, reason=found.reason, n=n, source=source
    )


@dataclass(frozen=True, eq=False)
class ByGroup:
    """The same by the groups of sensitive columns.

    Attributes:
        outcome: What was found.
        codes: Column to the group of each row, -1 where unknown.
        labels: Column to the names of its groups and, last, of the unknown.
        settings: How groups are compared.
        most: Most groups of a column that are compared.
    """

    outcome: Outcome
    codes: Mapping[str, IntArray]
    labels: Mapping[str, Sequence[str]]
    settings: Settings
    most: int = 100

    @cached_property
    def lines(self) -> Lines:
        """Rows of the table of groups, gathered meanwhile."""
        return Lines()

    def measure(self) -> Iterator[Measurement | Table]:
        """Measure every group of every column, the gaps between them, then the table `by-group`."""
        for column, labels in self.labels.items():
            problem = too_many([len(labels) - 1], self.most, "max_groups")
            if problem:
                for gap in (SUCCESS_GAP, NEAR_GAP, DISTANCE_GAP):
                    yield _undefined(gap, self.outcome, problem, {column: ALL_GROUPS})
                continue
            crossing = self._cross(column, self.outcome.found)
            quantities = self._quantities(crossing, column)
            for i in range(len(crossing.labels)):
                yield from measure_group(quantities, crossing, i, self.settings, self.lines)
            for one in quantities:
                yield from measure_gap(one, crossing, self.settings, self.lines, constant=False)
        if self.lines.groups:
            yield self._table()

    def _table(self) -> Table:
        """The groups; of rows with the share that stays near the data, the stricter of the two."""
        of_rows = self.outcome.distance is not None
        shown = [SUCCESS, NEAR, DISTANCE] if of_rows else [SUCCESS]
        how = "Clopper-Pearson intervals of shares, Student's of means"
        table = groups_table(shown, self.lines, how, self.settings.level)
        kept = [
            i for i, c in enumerate(table.columns) if not (of_rows and c.startswith(SUCCESS.id))
        ]
        return replace(
            table,
            name="by-group",
            title="For whom a change was found",
            columns=tuple(table.columns[i] for i in kept),
            rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
            source=f"searched {table.source}",
        )

    def _cross(self, column: str, marks: BoolArray) -> Crossing:
        """Count marked rows by group: they are the selected ones of the counts."""
        size, marked = len(self.labels[column]) - 1, marks.astype(np.int64)
        cells = count_cells(self.codes, {column: size}, np.ones_like(marked), marked)
        return cross(cells, self.labels, [column])

    def _quantities(self, crossing: Crossing, column: str) -> list[Quantity]:
        shares = share_right(crossing)
        quantities = [Quantity(SUCCESS, shares.n, shares, "searched rows", SUCCESS_GAP)]
        outcome = self.outcome
        if outcome.near is not None:
            near = share_right(self._cross(column, outcome.near))
            quantities.append(Quantity(NEAR, near.n, near, "searched rows", NEAR_GAP))
        if outcome.distance is not None:
            place = place_rows(self.codes[column][:, None], [len(self.labels[column]) - 1])
            rows, found = outcome.distance[outcome.found], place[outcome.found]
            held = means_by_group(rows, found, len(crossing.labels))
            words = "rows for which a change was found"
            quantities.append(
                Quantity(DISTANCE, held.n, held, words, DISTANCE_GAP, fewest=FEWEST_OF_A_MEAN)
            )
        return quantities


@dataclass(frozen=True)
class Story:
    """One change in words.

    Attributes:
        case: What kind of case it is.
        row: Place of the row among the assessed ones.
        parts: What is changed, and how.
    """

    case: str
    row: int
    parts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """A feature or a word in the changes that were found.

    Attributes:
        name: The feature, or the word.
        n: Changes that it is part of.
        how: How it is changed, in words.
    """

    name: str
    n: int
    how: str


def parts_table(
    parts: Sequence[Part], outcome: Outcome, level: float, what: str, note: str = ""
) -> Table:
    """List the features, or the words, that the changes are made of.

    Args:
        parts: Each feature or word that was part of a change.
        outcome: What was found.
        level: Level of each interval.
        what: "feature" or "word".
        note: What is not listed.

    Returns:
        The table `features` or `words`, the most frequent first.
    """
    total = int(outcome.found.sum())
    kept = sorted(parts, key=lambda part: (-part.n, part.name))
    lines: list[tuple[Cell, ...]] = [
        (part.name, *cells_of(share(part.n, total, level)), part.how) for part in kept[:_LISTED]
    ]
    cut = f"; the {_LISTED} most frequent of {len(kept)}" if len(kept) > _LISTED else ""
    return Table(
        name=f"{what}s",
        title=f"The {what}s that the changes are made of",
        columns=(f"changed_{what}", "share_of_changes", "low", "high", "how"),
        rows=tuple(lines),
        source=f"share of the {total:,} changes that were found that hold the {what}; a change may "
        f"hold several; Clopper-Pearson intervals at {100 * level:g} % each{cut}{note}",
        chart="bars",
    )


def stories_table(stories: Sequence[Story], source: str) -> Table:
    """Tell a few changes in words, a line for each feature or word.

    Args:
        stories: The changes.
        source: What was left out of the words.

    Returns:
        The table `stories`.
    """
    return Table(
        name="stories",
        title="A typical, a borderline and a hard case",
        columns=("case", "row", "what", "change"),
        rows=tuple((one.case, one.row + 1, *part) for one in stories for part in one.parts),
        source=source,
        chart="changed-cases",
    )


def cases(outcome: Outcome) -> list[tuple[str, int]]:
    """Choose the cases to tell: typical, borderline and hard, each another row.

    Example:
        >>> distance = np.array([3.0, 1.0, 2.0])
        >>> held = Outcome(np.ones(3, dtype=bool), np.array([1, 1, 1]), distance, None, "rows")
        >>> cases(held)
        [('typical', 2), ('borderline', 1), ('hard', 0)]
    """
    found = np.flatnonzero(outcome.found)
    distance = outcome.count if outcome.distance is None else outcome.distance
    order = found[np.lexsort((distance[found], outcome.count[found]))].tolist()
    if not order:
        return []
    chosen = {"typical": order[(len(order) - 1) // 2], "borderline": order[0], "hard": order[-1]}
    kept = {place: name for name, place in reversed(chosen.items())}
    return [(name, place) for name, place in chosen.items() if kept[place] == name]
