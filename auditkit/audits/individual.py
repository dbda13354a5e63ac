"""Do similar people get the same decision, and does it change when only who they are is changed?

Three questions about single rows. Neighbours: the rows most like a row by what the model reads,
sensitive columns left out; see `auditkit.methods.nearness` for the distance. The attribute: the
model is asked again with another group's value in a sensitive column and nothing else changed.
Identity terms: the same with words such as "he" and "she" in texts.

A model that does not read a column answers as before whatever stands there: that share is exactly
0, by construction and not by chance. A few rows are asked all the same, lest a model reads what it
was not said to read. Without a model to ask nothing is known, and nothing is measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.explaining.categories import is_text
from auditkit.methods import flips, nearness
from auditkit.methods.consistency import (
    CONSISTENCY,
    CONSISTENCY_GAP,
    NEIGHBOR_DISTANCE,
    distance_from_neighbors,
    measure_everyone,
    measure_groups,
    same_decision,
)
from auditkit.methods.crossing import rows_words
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.flip_metrics import FLIPS, TERM_FLIPS, TERM_TEXTS
from auditkit.methods.identity_terms import Terms
from auditkit.methods.swapping import TERMS
from auditkit.methods.tokens import tokens
from auditkit.models.answers import checked_answers
from auditkit.roles import as_names, group_labels, origin
from auditkit.subject import Subject

#: Categories of a column that are told apart; the rarer ones are one.
MOST_CATEGORIES = 250
#: Rows that are asked about a column that the model is not said to read.
CHECKED = 200
#: Why neighbours say nothing.
NO_FEATURES = "the columns that the model reads are not known"
ALL_SENSITIVE = "the model reads sensitive columns only"
NO_DISTANCE = "the model reads texts or names only, between which no distance is taken"
ONE_ANSWER = "the model gives everyone the same answer, so neighbours cannot differ"
#: Why nothing is changed.
NOT_KNOWN = "their group is not known, so there is none to change it from"
NO_TERM = "no text holds a term of the pairs"

_WHERE = "[audits.individual]"


@dataclass(frozen=True)
class _Attribute:
    """A sensitive column, and the rows that it is changed in.

    Attributes:
        column: The column.
        labels: Names of its groups, the unknown last.
        rows: Places of the rows that are asked about, shape (n,).
        codes: Group of each of them, shape (n,).
        stand_for: Group to the place of a row whose value stands for it.
        unknown: Rows of unknown group.
        is_read: Whether the model is said to read it.
        words: What was asked, as a source says it.
    """

    column: str
    labels: Sequence[str]
    rows: IntArray
    codes: IntArray
    stand_for: dict[int, int]
    unknown: int
    is_read: bool
    words: str

    @property
    def everyone(self) -> dict[str, str]:
        return {self.column: ALL_GROUPS}


@dataclass(frozen=True)
class Individual:
    """Consistency of neighbours, flips of the sensitive columns, swaps of identity terms.

    Attributes:
        level: Level of the intervals, in (0, 1).
        neighbors: Most similar rows that a row is held against.
        max_rows: Rows, drawn at random, that neighbours are sought among; at least 100.
        max_asked: Times that the model is asked about one column, and about texts; at least 100.
        min_group: Rows of a group from which gaps are measured, and rows changed to it.
        max_listed: Lines of the tables for each column; all rows count in the shares.
        terms: Pairs of words to swap in texts; those of `auditkit.methods.swapping` where None.
        texts: Columns of text that the model reads; told by their look where None.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Individual(neighbors=0, terms=[["he", "!"]])
        Traceback (most recent call last):
        auditkit.errors.InputError: 2 problems:
          1. [audits.individual] neighbors: found '0', expected a whole number from 1.
          2. [audits.individual] terms: found '['he', '!']', expected two words or phrases.
    """

    level: float = 0.95
    neighbors: int = 5
    max_rows: int = 2_000
    max_asked: int = 20_000
    min_group: int = 30
    max_listed: int = 6
    terms: list[list[str]] | None = None
    texts: list[str] | None = None

    name: ClassVar[str] = "individual"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    tasks: ClassVar[frozenset[str]] = frozenset(FLIPS)
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(CONSISTENCY, CONSISTENCY_GAP, NEIGHBOR_DISTANCE),
        *(*FLIPS["binary"], *FLIPS["regression"], TERM_TEXTS),
        *(*TERM_FLIPS["binary"], *TERM_FLIPS["regression"]),
    )

    def __post_init__(self) -> None:
        least = {"neighbors": 1, "max_rows": 100, "max_asked": 100, "min_group": 2, "max_listed": 1}
        problems = range_problems(self, **least)
        problems += [
            Problem(f"{_WHERE} terms", quote(pair), "two words or phrases")
            for pair in self.terms or ()
            if len(pair) != 2 or not all(list(tokens(word)) for word in pair)
        ]
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure neighbours, then every sensitive column, then texts.

        Args:
            subject: What is audited.
            rng: Draws rows where there are more than are asked about; settles ties of distance.

        Yields:
            Consistency over all rows, by group and between groups; by sensitive column how many
            decisions change with it, and the table `flips`; of texts the same with identity
            terms, and the table `terms`.

        Raises:
            InputError: If a column of `texts` is none that the model reads.
        """
        problems = [
            Problem.unknown(f"{_WHERE} texts", name, subject.features, "a feature")
            for name in self.texts or ()
            if name not in subject.features
        ]
        if problems:
            raise InputError(problems)
        yield from self._neighbors(subject, rng)
        lines: list[tuple[Cell, ...]] = []
        for column in subject.sensitive:
            yield from self._flips(subject, column, lines, rng)
        if lines:
            yield flips.table(subject.task, lines, self.max_listed)
        yield from self._terms(subject, rng)

    def _neighbors(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement]:
        place = rng.permutation(len(subject))[: self.max_rows]  # in no order: ties fall by chance
        own = {origin(column, subject.features) for column in subject.sensitive}
        read = [name for name in subject.features if name not in own]
        points, left_out = _points(subject.rows[read].iloc[place])
        words = f"{self.neighbors} nearest of {rows_words(place.size)}"
        words += " drawn at random" if place.size < len(subject) else ""
        words += f", by {len(read) - len(left_out)} columns that the model reads, none sensitive"
        words += f"; without texts and names: {_listed(left_out)}" if left_out else ""
        metric = NEIGHBOR_DISTANCE if subject.task == "regression" else CONSISTENCY
        reason = self._why_no_neighbors(subject, place.size, read, points)
        if reason:
            yield metric.measure(None, n=place.size, reason=reason, source=words)
            return
        near = _nearest(points, self.neighbors + 1)
        compare = distance_from_neighbors if subject.task == "regression" else same_decision
        likeness = compare(subject.y_pred[place], near)
        yield measure_everyone(likeness, self.level, words)
        for column, groups in subject.groups.items():
            held = (column, group_labels(groups), groups.codes[place])
            yield from measure_groups(likeness, held, self.min_group, self.level, words)

    def _why_no_neighbors(
        self, subject: Subject, rows: int, read: Sequence[str], points: FloatArray
    ) -> str | None:
        if not read:
            return ALL_SENSITIVE if subject.features else NO_FEATURES
        if not points.size:
            return NO_DISTANCE
        if bool((subject.y_pred == subject.y_pred[0]).all()):
            return ONE_ANSWER
        return f"fewer than {self.neighbors + 2} rows" if rows < self.neighbors + 2 else None

    def _flips(
        self,
        subject: Subject,
        column: str,
        lines: list[tuple[Cell, ...]],
        rng: np.random.Generator,
    ) -> Iterator[Measurement]:
        metrics, held = FLIPS[subject.task], self._attribute(subject, column, rng)
        if isinstance(held, str):
            where, source = {column: ALL_GROUPS}, "no row was asked about again"
            for metric in metrics:
                yield metric.measure(None, n=0, reason=held, source=source, slice=where)
            return
        before, again = _before(subject, held.rows), _again(subject, held)
        stays = not any(flips.moved(before.take(at), after) for at, after in again.values())
        if stays and not held.is_read:
            yield from _unread(held, metrics)
            return
        found = flips.outcome(before, again.values())
        for metric in metrics:
            values = found.of(metric)
            yield flips.measure(metric, values, self.level, held.words, held.everyone)
        for code, label in enumerate(held.labels[:-1]):
            values = found.of(metrics[0])[held.codes == code]
            yield flips.measure(metrics[0], values, self.level, held.words, {column: label})
        if held.unknown:
            where, n = {column: held.labels[-1]}, held.unknown
            yield metrics[0].measure(None, n=n, reason=NOT_KNOWN, source=held.words, slice=where)
        groups = (held.codes, held.labels)
        compared = flips.lines(before, again, groups, subject.task, self.level)
        lines += [(column, *line) for line in compared[: self.max_listed]]

    def _attribute(
        self, subject: Subject, column: str, rng: np.random.Generator
    ) -> _Attribute | str:
        """Choose the rows to ask about and what to change them to, or say why there is none."""
        groups, is_read = subject.groups[column], column in subject.features
        made_of = origin(column, subject.features)
        if not is_read and made_of in subject.features:
            return f"it was made of {quote(made_of)}, of which no one value stands for a group"
        large = [code for code, n in enumerate(groups.counts) if n >= self.min_group]
        only = large[0] if len(large) == 1 else -1
        rows = np.flatnonzero((groups.codes >= 0) & (groups.codes != only))
        if not large or not rows.size:
            return f"no other group has {self.min_group} rows, so there is none to change rows to"
        most = max(1, self.max_asked // max(1, len(large) - 1)) if is_read else CHECKED
        drawn = np.sort(rng.permutation(rows)[:most])
        words = f"asked again with {quote(column)} changed to each other group of at least "
        words += f"{self.min_group} rows, nothing else changed"
        words += f"; {drawn.size:,} of {rows_words(rows.size)} drawn" if most < rows.size else ""
        words += f"; {groups.unknown:,} of unknown group left out" if groups.unknown else ""
        words += "" if is_read else "; the model was not said to read it, but does"
        stand_for = {code: _standing_for(subject, column, code) for code in large}
        labels, codes = group_labels(groups), groups.codes[drawn]
        return _Attribute(column, labels, drawn, codes, stand_for, groups.unknown, is_read, words)

    def _terms(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        columns = self.texts or [name for name in subject.features if is_text(subject.rows[name])]
        if not columns:
            return
        drawn = np.sort(rng.permutation(len(subject))[: self.max_asked])
        rows = subject.rows.iloc[drawn]
        texts = {name: [t if isinstance(t, str) else None for t in rows[name]] for name in columns}
        terms = Terms(texts, [(a, b) for a, b in self.terms or TERMS])
        holding = terms.rows()
        words = f"{holding.size:,} of {rows_words(drawn.size)} hold a term of {len(terms.pairs)} "
        words += f"pairs, in {_listed(columns)}; all terms of a text are swapped at once"
        holds = np.isin(np.arange(drawn.size), holding)
        yield flips.measure(TERM_TEXTS, holds, self.level, words)
        metrics = TERM_FLIPS[subject.task]
        if not holding.size:
            for metric in metrics:
                yield metric.measure(None, n=0, reason=NO_TERM, source=words)
            return
        changed = self._swap(subject, drawn, terms, None)
        for metric in metrics:
            yield flips.measure(metric, changed.of(metric), self.level, words)
        yield from self._term_table(subject, drawn, terms)

    def _swap(
        self, subject: Subject, drawn: IntArray, terms: Terms, pair: int | None
    ) -> flips.Outcome:
        """Ask about the texts with a term of a pair, or of any, swapped."""
        holding = terms.rows(pair)
        rows = drawn[holding]
        changed = subject.rows.iloc[rows].copy(deep=False)
        for name in terms.texts:
            changed[name] = np.array(terms.swapped(name, holding, pair), dtype=object)
        after = _ask(subject, changed)
        return flips.outcome(_before(subject, rows), [(np.arange(rows.size), after)])

    def _term_table(self, subject: Subject, drawn: IntArray, terms: Terms) -> Iterator[Table]:
        lines, asked = list[tuple[Cell, ...]](), 0
        common = {pair: n for pair, n in terms.counts.items() if n > 1}
        for pair, n in common.items():
            asked += n
            if len(lines) == 2 * self.max_listed or asked > self.max_asked:
                break
            changed = self._swap(subject, drawn, terms, pair)
            shown = flips.term_line(changed, subject.task, self.level)
            lines.append((" / ".join(terms.pairs[pair]), n, *shown))
        if lines:
            yield flips.term_table(subject.task, lines, len(terms.counts))


def _before(subject: Subject, rows: IntArray) -> flips.Asked:
    if subject.task == "regression":
        return flips.Asked(subject.y_pred[rows], None)
    return flips.asked(np.asarray(subject.y_score)[rows], subject.task, subject.threshold)


def _ask(subject: Subject, rows: pd.DataFrame) -> flips.Asked:
    answers = checked_answers(subject.model, subject.task, rows, subject.classes)
    return flips.asked(answers, subject.task, subject.threshold)


def _again(subject: Subject, held: _Attribute) -> dict[int, flips.Again]:
    """Ask about every row with the value of each other group."""
    again = {}
    for code, place in held.stand_for.items():
        at = np.flatnonzero(held.codes != code)
        if at.size:
            rows = subject.rows.iloc[held.rows[at]]
            value = subject.rows[held.column].iloc[np.full(at.size, place)]  # keeps its type
            again[code] = at, _ask(subject, rows.assign(**{held.column: value.array}))
    return again


def _standing_for(subject: Subject, column: str, code: int) -> int:
    """The place of a row whose value stands for a group: of a band of numbers the middle one."""
    places = np.flatnonzero(subject.groups[column].codes == code)
    values = subject.rows[column].iloc[places]
    if not pd.api.types.is_numeric_dtype(values):
        return int(places[0])
    order = np.argsort(values.to_numpy(dtype=np.float64), kind="stable")
    return int(places[order[(places.size - 1) // 2]])


def _unread(held: _Attribute, metrics: Sequence[Metric]) -> Iterator[Measurement]:
    """Nothing depends on a column that is not read: 0 by construction."""
    name = quote(held.column)
    for metric in metrics:
        yield metric.measure(
            0.0,
            n=held.rows.size,
            exact=True,
            reason=f"exact: the model does not read {name}, so changing it changes no answer; "
            "whether other columns stand in for it is the question of the audit proxies",
            source=f"{name} is not among the columns that the model reads; asked again about "
            f"{rows_words(held.rows.size)}, it gave the same answers",
            slice=held.everyone,
        )


def _points(rows: pd.DataFrame) -> tuple[FloatArray, list[str]]:
    """Rows as points, and the columns of texts or names that no distance can be taken in."""
    points, left_out = [np.empty((len(rows), 0))], list[str]()
    for name in rows:
        values = rows[name]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            points.append(nearness.of_numbers(numbers))
            continue
        codes = pd.factorize(as_names(values), sort=True, use_na_sentinel=False)[0]
        if 2 * int((np.bincount(codes) == 1).sum()) > codes.size:
            left_out.append(str(name))
        else:
            points.append(nearness.of_categories(codes, MOST_CATEGORIES))
    return np.column_stack(points), left_out


def _nearest(points: FloatArray, count: int) -> IntArray:
    """Places of the nearest other rows, nearest first, shape (n, count)."""
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(points)
        return np.asarray(search.kneighbors(return_distance=False), dtype=np.int64)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(quote(name) for name in names)
