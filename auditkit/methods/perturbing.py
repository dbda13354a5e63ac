"""Small changes and errors in the inputs of a model, and what they do to its answers.

A row may be changed several times by chance. Its draws are not independent of each other, so that
rows are counted, never draws: a row counts by the share of its draws. The exact interval of a share
is then rather too wide, since a mean of numbers in [0, 1] never varies more than a share does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.methods import gaps
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.intervals import share

BoolArray = npt.NDArray[np.bool_]
#: Whole numbers beyond this are not all told apart by floating point.
_MOST_WHOLE = 2.0**53
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers, in raw units.

    Attributes:
        values: Shape (n,): the numbers; NaN where one is missing.
        low: Smallest number of the column.
        high: Largest number of the column.
        deviation: Standard deviation of the column.
        whole: Whether all numbers of the column are whole.
    """

    values: FloatArray
    low: float
    high: float
    deviation: float
    whole: bool

    @classmethod
    def of(cls, values: FloatArray, everyone: FloatArray | None = None) -> Numbers:
        """Take rows of a column; what its range is, all of its rows tell.

        Example:
            >>> Numbers.of(np.array([1.0, 3.0, np.nan])).high
            3.0
        """
        held = values if everyone is None else everyone
        known = held[np.isfinite(held)]
        if not known.size:
            return cls(values, np.nan, np.nan, 0.0, whole=False)
        whole = bool((known == np.rint(known)).all())
        return cls(values, float(known.min()), float(known.max()), float(known.std()), whole)

    def scaled(self, factor: float, *, inside: bool = True) -> FloatArray:
        """Multiply; whole numbers stay whole, and all stay in the observed range where asked.

        Example:
            >>> Numbers.of(np.array([2.0, 60.0, 100.0])).scaled(1.01).tolist()
            [2.0, 61.0, 100.0]
            >>> Numbers.of(np.array([2.0, 60.0])).scaled(10, inside=False).tolist()
            [20.0, 600.0]
        """
        return self._held(self.values * factor, inside=inside)

    def shaken(self, size: float, noise: FloatArray) -> FloatArray:
        """Add normal noise of a size in standard deviations; whole and in range as `scaled`.

        Example:
            >>> Numbers.of(np.array([0.0, 10.5])).shaken(0.1, np.array([1.0, 1.0])).tolist()
            [0.525, 10.5]
        """
        return self._held(self.values + size * self.deviation * noise, inside=True)

    def _held(self, moved: FloatArray, *, inside: bool) -> FloatArray:
        if self.whole:
            moved = np.clip(np.rint(moved), -_MOST_WHOLE, _MOST_WHOLE)
        return np.clip(moved, self.low, self.high) if inside else moved

    def differs(self, moved: FloatArray) -> BoolArray:
        """Which known numbers are others now, shape (n,)."""
        return np.asarray(np.isfinite(self.values) & (moved != self.values), dtype=np.bool_)


def other_codes(codes: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Draw another category for every row that has one, each other one alike.

    Args:
        codes: Shape (n,): categories from 0; -1 is missing and stays so.
        count: Categories that there are, at least 2.
        rng: Draws them.

    Returns:
        Shape (n,).

    Example:
        >>> other_codes(np.array([0, 1, -1]), 2, np.random.default_rng(0)).tolist()
        [1, 0, -1]
    """
    steps = rng.integers(1, count, codes.size)
    return np.where(codes < 0, -1, (codes + steps) % count)


def mistyped(text: str, chance: float, rng: np.random.Generator) -> str:
    """Mistype each letter with some chance: drop it, double it, swap it, or hit another key.

    Letters of scripts without lower and upper case are never replaced: there is no key beside them.

    Args:
        text: Any text.
        chance: Chance of each letter or digit to be mistyped.
        rng: Draws where and how.

    Returns:
        The text with its typos.

    Example:
        >>> mistyped("a fine day", 0.0, np.random.default_rng(0))
        'a fine day'
        >>> mistyped("abc", 1.0, np.random.default_rng(1))
        'iw'
    """
    hit = np.flatnonzero(rng.random(len(text)) < chance)
    how, keys = rng.integers(0, 4, hit.size), rng.integers(0, len(_LETTERS), hit.size)
    parts, done = list[str](), 0
    for place, kind, key in zip(hit.tolist(), how.tolist(), keys.tolist(), strict=True):
        letter, follows = text[place], text[place + 1 : place + 2]
        if place < done or not letter.isalnum():
            continue  # swapped with the one before, or a mark
        has_case = letter.lower() != letter.upper()
        written = ("", 2 * letter, follows + letter, _LETTERS[key] if has_case else "")[kind]
        parts += [text[done:place], written]
        done = place + (2 if kind == 2 and follows else 1)
    return "".join([*parts, text[done:]])


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one kind of change did, by row: shares of the draws of that row.

    Attributes:
        changed: Shape (n,): draws that changed something in the row.
        flipped: Shape (n,): draws that brought another answer.
        better: Shape (n,): draws that brought a better one; None where answers have no order.
    """

    changed: FloatArray
    flipped: FloatArray
    better: FloatArray | None

    @property
    def n(self) -> int:
        """Rows."""
        return self.flipped.size

    def take(self, rows: IntArray) -> Outcome:
        """The same of some of the rows."""
        better = None if self.better is None else self.better[rows]
        return Outcome(self.changed[rows], self.flipped[rows], better)

    @property
    def worse(self) -> FloatArray | None:
        """Shape (n,): draws that brought a worse answer."""
        return None if self.better is None else self.flipped - self.better

    @property
    def rate(self) -> float:
        """Share of rows that get another answer."""
        return float(self.flipped.mean())

    @property
    def nothing(self) -> bool:
        """Whether no row was changed, so that nothing can be said."""
        return not self.changed.any()

    @property
    def of_changed(self) -> float | None:
        """Rate among the rows that were changed."""
        return None if self.nothing else float(self.flipped.sum() / self.changed.sum())


def mean_outcome(found: Sequence[Outcome]) -> Outcome:
    """Mean over several changes of the same rows, each counted alike.

    Example:
        >>> one, none = np.ones(2), np.zeros(2)
        >>> found = mean_outcome([Outcome(one, one, one), Outcome(one, none, none)])
        >>> found.flipped.tolist(), found.worse.tolist()
        ([0.5, 0.5], [0.0, 0.0])
    """
    changed, flipped = (
        np.mean([getattr(one, part) for one in found], axis=0) for part in ("changed", "flipped")
    )
    better = [one.better for one in found if one.better is not None]
    return Outcome(changed, flipped, np.mean(better, axis=0) if better else None)


def rate(values: FloatArray, level: float) -> Estimate:
    """Mean over rows of their shares of draws, with the exact interval of as many rows.

    Example:
        >>> round(rate(np.zeros(72), 0.95).interval.high, 4)
        0.0499
    """
    return share(min(float(values.sum()), values.size), values.size, level)


def rate_gap(values: FloatArray, codes: IntArray, groups: Sequence[int], level: float) -> Estimate:
    """Largest minus smallest rate between groups; see `auditkit.methods.gaps.difference`.

    Args:
        values: Shape (n,): shares of draws.
        codes: Shape (n,): group of each row.
        groups: The groups that are compared, none without a row.
        level: Level of the simultaneous interval.

    Returns:
        The gap; undefined between fewer than two groups.

    Example:
        >>> rate_gap(np.array([1.0, 0.0, 0.0]), np.array([0, 1, 1]), [0, 1], 0.95).value
        1.0
    """
    totals = [int((codes == group).sum()) for group in groups]
    sums = [float(values[codes == group].sum()) for group in groups]
    return gaps.difference(np.minimum(sums, totals), totals, level)
