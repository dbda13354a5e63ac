"""The smallest change that is found to bring another decision, over rows of numbers and codes.

All changes of one column are tried first, then those of two, and so on: of a row for which none is
enough, or none that stays near the data, the most promising changes are carried on. Numbers are
moved back as far as the decision stays changed, and a change that can be dropped is dropped. The
model is asked in large batches. Nothing is drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from auditkit.methods.counterfactual_columns import BoolArray, Column, Data, distances
from auditkit.methods.estimates import FloatArray, IntArray

#: Takes rows (n, d) and which row each was made of (n,); gives how near each is to the wanted
#: decision, more being nearer, and whether it has it.
Ask = Callable[[FloatArray, IntArray], tuple[FloatArray, BoolArray]]
#: Rows that are put together at once.
_CHUNK = 16_384
#: Halvings of the way back to the value that a number had.
STEPS = 12


@dataclass(frozen=True)
class Effort:
    """How thoroughly changes are sought.

    Attributes:
        most: Most columns that are changed together.
        beam: Changes of each row that are carried on where none is enough.
        kept: Changes of each row, of different columns, of which the nearest is taken.
    """

    most: int = 3
    beam: int = 8
    kept: int = 8

    def questions(self, moves: int) -> int:
        """Most questions to the model about one row, of so many single changes."""
        tried = moves * (1 + self.beam * (self.most - 1))
        return tried + self.kept * self.most * (STEPS + self.most)


@dataclass(frozen=True, eq=False)
class Changes:
    """What was found for each row.

    Attributes:
        before: Shape (n, d): the rows.
        after: Shape (n, d): the same rows changed; as before where no change was found.
        found: Shape (n,): whether a change was found.
        distance: Shape (n,): how far each row was moved, 0 where none was found.
        near: Shape (n,): whether a change was found that stays near the data.
    """

    before: FloatArray
    after: FloatArray
    found: BoolArray
    distance: FloatArray
    near: BoolArray

    @property
    def changed(self) -> BoolArray:
        """Which columns of each row were changed, shape (n, d)."""
        return _differ(self.before, self.after)

    @property
    def count(self) -> IntArray:
        """Columns that were changed, shape (n,)."""
        return np.asarray(self.changed.sum(axis=1), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _States:
    """Rows that were changed: of which row, and by which moves; in rising order, each once."""

    owner: IntArray
    moves: IntArray

    def take(self, at: IntArray | BoolArray) -> _States:
        return _States(self.owner[at], self.moves[at])


@dataclass(frozen=True, eq=False)
class _Space:
    """All single changes of all rows.

    Attributes:
        rows: Shape (n, d).
        columns: The d columns.
        column: Shape (m,): the column of each move.
        value: Shape (m,): what it is set to.
        allowed: Shape (n, m): whether a row may be changed like that.
    """

    rows: FloatArray
    columns: Sequence[Column]
    column: IntArray = field(init=False)
    value: FloatArray = field(init=False)
    allowed: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        pairs = [(j, float(v)) for j, held in enumerate(self.columns) for v in held.values]
        column = np.array([j for j, _ in pairs], dtype=np.int64)
        ways = [self.columns[j].allows(self.rows[:, j], v) for j, v in pairs]
        allowed = np.stack(ways, axis=1) if ways else np.zeros((len(self.rows), 0), dtype=np.bool_)
        for name, held in (
            ("column", column),
            ("value", np.array([v for _, v in pairs])),
            ("allowed", allowed),
        ):
            object.__setattr__(self, name, held)

    def made(self, states: _States) -> FloatArray:
        """The changed rows, shape (s, d)."""
        rows = self.rows[states.owner]
        at = np.arange(len(rows))
        for step in states.moves.T:
            rows[at, self.column[step]] = self.value[step]
        return rows

    def distance(self, owner: IntArray, after: FloatArray) -> FloatArray:
        """How far changed rows are from what they were, shape (s,)."""
        return np.asarray(distances(self.rows[owner], after, self.columns).sum(axis=1))

    def extended(self, states: _States) -> _States:
        """Every state with every further column changed, each once."""
        taken = np.zeros((len(states.owner), len(self.columns)), dtype=np.bool_)
        for step in states.moves.T:
            taken[np.arange(len(taken)), self.column[step]] = True
        at, move = np.nonzero(self.allowed[states.owner] & ~taken[:, self.column])
        moves = np.sort(np.column_stack([states.moves[at], move]), axis=1)
        grown = _States(states.owner[at], moves)
        _, first = np.unique(_key(grown.owner, moves, self.column.size), return_index=True)
        return grown.take(np.sort(first))


def search(
    rows: FloatArray,
    columns: Sequence[Column],
    ask: Ask,
    effort: Effort | None = None,
    data: Data | None = None,
) -> Changes:
    """Find for each row a small change that brings the wanted decision.

    Args:
        rows: Shape (n, d): numbers and codes of categories; NaN is missing and stays missing.
        columns: How each of the d columns may change.
        ask: Tells of changed rows how near they are to the wanted decision, and which have it.
        effort: How thoroughly to search.
        data: Rows that changed rows should stay near to, where there are such.

    Returns:
        For each row a change that stays near the data, where one was found; of those one of the
        fewest columns, and of those the smallest. Where none was found there may be one all the
        same: not all are tried.

    Source:
        The aims of Wachter, Mittelstadt and Russell (2018), Harv. J. Law Technol. 31:841, sparse
        as in Mothilal, Sharma and Tan (2020), FAT*; the search is a beam search with bisection.

    Example:
        >>> def ask(rows, owner):
        ...     merit = rows[:, 0] + 2 * rows[:, 1] - 10
        ...     return merit, merit >= 0
        >>> columns = [Column(np.array([4.0, 8.0]), 1.0, whole=True), Column(np.array([0.0]), 1.0)]
        >>> search(np.array([[1.0, 3.0]]), columns, ask).after.tolist()
        [[4.0, 3.0]]
    """
    effort = effort or Effort()
    space, n = _Space(rows, columns), len(rows)
    after, found, near = rows.copy(), np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    states = _States(np.arange(n), np.zeros((n, 0), dtype=np.int64))
    for _ in range(effort.most):
        states = space.extended(states)
        merit, reached = _asked(space, states, ask)
        hits = _nearest(space, states.take(reached), effort.kept)
        owner, made = hits.owner, space.made(hits)
        _shrink(space, owner, made, ask)
        _drop(space, owner, made, ask)
        is_near = np.ones(len(made), dtype=np.bool_) if data is None else data.has_near(made, owner)
        best = _best(space, owner, made, is_near)
        best = best[~found[owner[best]] | is_near[best]]
        after[owner[best]], found[owner[best]] = made[best], True
        near[owner[best]] = is_near[best]
        left = ~near[states.owner] & ~reached
        states = _promising(space, states.take(left), merit[left], effort.beam)
    distance = space.distance(np.arange(n), after)
    return Changes(rows, after, found, distance, near)


def _asked(space: _Space, states: _States, ask: Ask) -> tuple[FloatArray, BoolArray]:
    merit, reached = np.zeros(len(states.owner)), np.zeros(len(states.owner), dtype=np.bool_)
    for start in range(0, len(merit), _CHUNK):
        span = np.arange(start, min(start + _CHUNK, len(merit)))
        part = states.take(span)
        merit[span], reached[span] = ask(space.made(part), part.owner)
    return merit, reached


def _nearest(space: _Space, states: _States, kept: int) -> _States:
    """The nearest states of each row, one for each set of columns and directions."""
    if not len(states.owner):
        return states
    made = space.made(states)
    rose = made > space.rows[states.owner]
    signs = rose[np.arange(len(made))[:, None], space.column[states.moves]]
    distance = space.distance(states.owner, made)
    kinds = _key(states.owner, 2 * space.column[states.moves] + signs, 2 * len(space.columns))
    order = np.lexsort((distance, kinds))
    first = order[_rank(kinds[order]) == 0]
    states, distance = states.take(first), distance[first]
    order = np.lexsort((distance, states.owner))
    return states.take(order[_rank(states.owner[order]) < kept])


def _promising(space: _Space, states: _States, merit: FloatArray, beam: int) -> _States:
    """States of each row to carry on: the best of each set of columns, then the second best ..."""
    sets = _key(states.owner, space.column[states.moves], len(space.columns))
    order = np.lexsort((-merit, sets))
    rank = _rank(sets[order])
    states, merit = states.take(order), merit[order]
    order = np.lexsort((-merit, rank, states.owner))
    return states.take(order[_rank(states.owner[order]) < beam])


def _shrink(space: _Space, owner: IntArray, made: FloatArray, ask: Ask) -> None:
    """Move each number back, in place, the farthest first, while the decision stays changed."""
    before = space.rows[owner]
    order = np.argsort(-distances(before, made, space.columns), axis=1, kind="stable")
    is_number = np.array([column.per_unit is not None for column in space.columns])
    most = int(_differ(before, made).sum(axis=1).max(initial=0))
    for place in range(most):
        at = np.arange(len(made))
        column = order[:, place]
        live = is_number[column] & (made[at, column] != before[at, column])
        _bisect(space, (at[live], column[live]), (owner, made), ask)


def _bisect(
    space: _Space,
    where: tuple[IntArray, IntArray],
    held: tuple[IntArray, FloatArray],
    ask: Ask,
) -> None:
    """Halve the way of one number a row; whatever is kept has the wanted decision."""
    (at, column), (owner, made) = where, held
    near = space.rows[owner[at], column]
    for _ in range(STEPS):
        far = made[at, column]
        middle = far.copy()
        for j in np.unique(column):
            same = column == j
            middle[same] = space.columns[j].middle(near[same], far[same])
        live = middle != far
        if not live.any():
            return
        tried = made[at[live]].copy()
        tried[np.arange(len(tried)), column[live]] = middle[live]
        _, reached = ask(tried, owner[at[live]])
        made[at[live]] = np.where(reached[:, None], tried, made[at[live]])
        near[live] = np.where(reached, near[live], middle[live])


def _drop(space: _Space, owner: IntArray, made: FloatArray, ask: Ask) -> None:
    """Undo, in place, every change that is not needed, the farthest first."""
    for _ in range(made.shape[1]):
        before = space.rows[owner]
        apart = distances(before, made, space.columns)
        differs = _differ(before, made)
        at, column = np.nonzero(differs & (differs.sum(axis=1) > 1)[:, None])
        if not at.size:
            return
        tried = made[at]
        tried[np.arange(at.size), column] = before[at, column]
        _, reached = ask(tried, owner[at])
        order = np.lexsort((-apart[at, column], at))
        order = order[reached[order]]
        first = order[_rank(at[order]) == 0]
        if not first.size:
            return
        made[at[first]] = tried[first]


def _best(space: _Space, owner: IntArray, made: FloatArray, near: BoolArray) -> IntArray:
    """Of each row a near change if there is one, of those of the fewest columns the smallest."""
    count = _differ(space.rows[owner], made).sum(axis=1)
    order = np.lexsort((space.distance(owner, made), count, ~near, owner))
    return np.asarray(order[_rank(owner[order]) == 0], dtype=np.int64)


def _differ(before: FloatArray, after: FloatArray) -> BoolArray:
    return np.asarray((before != after) & ~(np.isnan(before) & np.isnan(after)))


def _key(owner: IntArray, parts: IntArray, size: int) -> IntArray:
    """One number for a row of small numbers; beyond 64 bits it wraps round, as a hash does."""
    key = owner.astype(np.int64)
    for part in parts.T:
        key = key * (size + 1) + part
    return key


def _rank(ordered: IntArray) -> IntArray:
    """Place of each entry among the equal ones before it, which all stand together."""
    start = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    sizes = np.diff(np.append(start, ordered.size))
    return np.arange(ordered.size) - np.repeat(start, sizes) if ordered.size else ordered
