"""Attacks on decisions within a box about each row: one step, many steps, a search, and chance.

Rows are points whose columns may each move within a box; how they become rows of the data, and what
the model says of them, is told by functions. Whatever is counted was asked of the model after whole
numbers had been rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]
#: Loss (the higher, the nearer to another decision) and whether it is another, each shape (m,).
Answer = tuple[FloatArray, BoolArray]
#: Asks the model about points, shape (m, d), made of the rows at `owner`, shape (m,).
Ask = Callable[[FloatArray, IntArray], Answer]
#: Loss, shape (m,), and its gradient by the columns, shape (m, d), likewise.
Slope = Callable[[FloatArray, IntArray], tuple[FloatArray, FloatArray]]
#: Part of a box's radius that one of many steps takes.
STEP = 0.25
#: Most columns whose two ends a search asks about one by one.
ONE_BY_ONE = 64
#: Share of the proposals of a search that lie inside of the box, not at its corners.
INSIDE = 0.2


@dataclass(frozen=True, eq=False)
class Box:
    """Where points may move to.

    Attributes:
        start: Shape (m, d): the points as they are.
        low: Shape (m, d): least number of each; that of `start` where it cannot move.
        high: Shape (m, d): greatest one.
        whole: Shape (d,): whether a column holds whole numbers only.
        owner: Shape (m,): the row that each point stands for.
    """

    start: FloatArray
    low: FloatArray
    high: FloatArray
    whole: BoolArray
    owner: IntArray

    def __len__(self) -> int:
        return len(self.start)

    def settle(self, points: FloatArray) -> FloatArray:
        """Round what is whole, and keep within the box."""
        rounded = np.where(self.whole, np.rint(points), points)
        return np.clip(rounded, self.low, self.high)

    def uniform(self, rng: np.random.Generator) -> FloatArray:
        """Draw each point anew from its box."""
        drawn = self.low + (self.high - self.low) * rng.random(self.start.shape)
        return np.asarray(drawn)

    @property
    def moves(self) -> BoolArray:
        """Which numbers can move at all, shape (m, d)."""
        return np.asarray(self.high > self.low)


@dataclass(frozen=True, eq=False)
class Ranges:
    """Columns of numbers that may be attacked.

    Attributes:
        spread: Shape (d,): standard deviation of each.
        low: Shape (d,): least number that was seen.
        high: Shape (d,): greatest one.
        whole: Shape (d,): whether only whole numbers were seen.
    """

    spread: FloatArray
    low: FloatArray
    high: FloatArray
    whole: BoolArray

    @classmethod
    def of(cls, seen: FloatArray) -> Ranges:
        """Take them from rows, shape (r, d), NaN where a number is missing."""
        known = np.isfinite(seen)
        some = known.any(axis=0)
        filled = np.where(known, seen, np.nan)
        filled[:, ~some] = 0.0
        return cls(
            np.nanstd(filled, axis=0),
            np.nanmin(filled, axis=0),
            np.nanmax(filled, axis=0),
            np.asarray((~known | (seen == np.floor(seen))).all(axis=0)),
        )

    def box(self, rows: FloatArray, sizes: FloatArray) -> Box:
        """Boxes of every size about every row, the rows of the first size first.

        Args:
            rows: Shape (n, d). What is missing stays missing; what lies outside of what was seen
                may stay where it is.
            sizes: Shape (s,): how far a number may move, in its standard deviations.

        Returns:
            s times n boxes.

        Example:
            >>> held = Ranges.of(np.array([[0.0], [2.0], [4.0]]))
            >>> box = held.box(np.array([[0.0]]), np.array([0.5, 1.0]))
            >>> box.low.tolist(), box.high.tolist()
            ([[0.0], [0.0]], [[0.0], [1.0]])
        """
        start = np.tile(rows, (len(sizes), 1))
        radius = np.repeat(sizes, len(rows))[:, None] * self.spread
        low = np.maximum(start - radius, np.fmin(self.low, start))
        high = np.minimum(start + radius, np.fmax(self.high, start))
        # A number that is whole stays whole within the radius, and so may not move at all.
        low = np.where(self.whole, np.minimum(np.ceil(low - 1e-9), start), low)
        high = np.where(self.whole, np.maximum(np.floor(high + 1e-9), start), high)
        owner = np.tile(np.arange(len(rows), dtype=np.int64), len(sizes))
        return Box(start, low, high, self.whole, owner)


def one_step(box: Box, slope: Slope, ask: Ask) -> BoolArray:
    """Move every number to the end of its box that the gradient points to, at once.

    Source:
        Fast gradient sign method: Goodfellow, Shlens and Szegedy (2015), ICLR.

    Returns:
        Shape (m,): whether the decision changed.
    """
    return ask(box.settle(_ends(box, slope(box.start, box.owner)[1])), box.owner)[1]


def _ends(box: Box, gradient: FloatArray) -> FloatArray:
    """The end that a gradient points to; where it is 0 what stood there."""
    return np.where(gradient > 0, box.high, np.where(gradient < 0, box.low, box.start))


def many_steps(box: Box, slope: Slope, ask: Ask, steps: int, rng: np.random.Generator) -> BoolArray:
    """Take steps of a quarter of the radius along the sign of the gradient, from a random start.

    The point with the greatest loss is rounded and asked about.

    Source:
        Projected gradient descent: Madry et al. (2018), ICLR.

    Args:
        box: Where points may move to.
        slope: Loss and gradient.
        ask: The model.
        steps: How many.
        rng: Draws the start.

    Returns:
        Shape (m,): whether the decision changed.
    """
    step = STEP * np.maximum(box.high - box.start, box.start - box.low)
    points, best, most = box.uniform(rng), box.start, np.full(len(box), -np.inf)
    for number in range(steps + 1):
        loss, gradient = slope(points, box.owner)
        better = loss > most
        best, most = np.where(better[:, None], points, best), np.where(better, loss, most)
        if number < steps:
            points = np.clip(points + step * np.sign(gradient), box.low, box.high)
    return ask(box.settle(best), box.owner)[1]


def by_chance(box: Box, ask: Ask, draws: int, rng: np.random.Generator) -> BoolArray:
    """Ask about points that are drawn from the box, uniformly.

    Returns:
        Shape (m,): whether the decision changed in any draw.
    """
    changed = np.zeros(len(box), dtype=np.bool_)
    for _ in range(draws):
        changed |= ask(box.settle(box.uniform(rng)), box.owner)[1]
    return changed


def search(box: Box, ask: Ask, rounds: int, rng: np.random.Generator) -> BoolArray:
    """Look for another decision by asking only: ends one by one, then random blocks of columns.

    Every column's two ends are asked about alone, and the better ones taken together. From there
    random blocks of columns, all of them first and single ones last, are moved to random ends or
    places; what brings the answer no further from another decision is kept.

    Source:
        Ours; the random part as the Square attack of Andriushchenko et al. (2020), ECCV.

    Args:
        box: Where points may move to.
        ask: The model.
        rounds: Random blocks that are tried.
        rng: Draws them.

    Returns:
        Shape (m,): whether the decision changed.
    """
    points, (loss, changed) = box.start, ask(box.start, box.owner)
    if box.start.shape[1] <= ONE_BY_ONE:
        ends, also = _better_ends(box, ask, loss)
        reached, so = ask(ends, box.owner)
        changed = changed | also | so
        points, loss = np.where((reached >= loss)[:, None], ends, points), np.fmax(reached, loss)
    for number in range(rounds):
        made = box.settle(_moved(box, points, number / max(1, rounds - 1), rng))
        reached, so = ask(made, box.owner)
        changed = changed | so
        points, loss = np.where((reached >= loss)[:, None], made, points), np.fmax(reached, loss)
    return changed


def questions(columns: int, rounds: int) -> int:
    """How often `search` asks about one point.

    Example:
        >>> questions(3, 10)
        18
    """
    return 1 + rounds + (2 * columns + 1 if columns <= ONE_BY_ONE else 0)


def _better_ends(box: Box, ask: Ask, loss: FloatArray) -> tuple[FloatArray, BoolArray]:
    """The end of each column that alone brings the answer nearer, all together; and any change."""
    ends, changed = box.start.copy(), np.zeros(len(box), dtype=np.bool_)
    for j in range(box.start.shape[1]):
        most = loss.copy()
        for end in (box.low, box.high):
            tried = box.start.copy()
            tried[:, j] = end[:, j]
            reached, so = ask(tried, box.owner)
            ends[:, j] = np.where(reached > most, end[:, j], ends[:, j])
            most, changed = np.fmax(most, reached), changed | so
    return ends, changed


def _moved(box: Box, points: FloatArray, done: float, rng: np.random.Generator) -> FloatArray:
    """Move a random block of columns of every point, the smaller the more is done."""
    m, d = points.shape
    share = max(1 / d, 1.0 - done)
    block = rng.random((m, d)) < share
    block[np.arange(m), rng.integers(0, d, m)] = True
    corner = np.where(rng.random((m, d)) < 0.5, box.low, box.high)
    inside = rng.random((m, 1)) < INSIDE
    return np.where(block, np.where(inside, box.uniform(rng), corner), points)
