"""What rows add up to where they do not simply count one each: weights, and protected counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import FloatArray
from auditkit.methods.protected import protected_counts
from auditkit.methods.weighting import effective_counts

#: How rows were counted, for a reader, where they do not simply count one each.
WEIGHTED, PROTECTED, BOTH = "weighted", "counts protected", "weighted, counts protected"


@dataclass(frozen=True, slots=True)
class Doubt:
    """What the protection of counts has made of them: how far each cell may be from the truth.

    Attributes:
        variances: Shape (cells,): variance of the noise that was added; unit: squared rows.
        bounds: Shape (cells,): most rows by which a withheld cell may be off; unit: rows.
        weight_bounds: Shape (cells,): the same of sums of weights; None where rows have none.
    """

    variances: FloatArray
    bounds: FloatArray
    weight_bounds: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """What rows of unequal weight, or protected counts, add up to.

    It is all that a rate and its interval need.

    Attributes:
        weights: Shape (...): sums of weights, mostly by true outcome and decision.
        squares: Shape (...): sums of squared weights.
        variances: Shape (...): variance of the noise in the weights; None where nothing protects.
        bounds: Shape (...): most that withheld cells can move the weights; None with it.
        how: How rows were counted, for a reader.
    """

    weights: FloatArray
    squares: FloatArray
    variances: FloatArray | None = None
    bounds: FloatArray | None = None
    how: str = WEIGHTED

    @property
    def is_doubtful(self) -> bool:
        """Whether protection may have moved any of them."""
        return any(held is not None and bool(held.any()) for held in (self.variances, self.bounds))

    def __getitem__(self, groups: Any) -> Sums:  # noqa: ANN401 - whatever indexes an array
        """The sums of some groups."""
        return self.apply(lambda held: held[groups])

    def __add__(self, other: Sums) -> Sums:
        """The sums over the rows of both."""
        return Sums(
            self.weights + other.weights,
            self.squares + other.squares,
            _both(self.variances, other.variances),
            _both(self.bounds, other.bounds),
            self.how,
        )

    def apply(self, change: Callable[[FloatArray], FloatArray]) -> Sums:
        """Do the same to all, such as adding them up over an axis."""
        noise = None if self.variances is None else change(self.variances)
        off = None if self.bounds is None else change(self.bounds)
        return Sums(change(self.weights), change(self.squares), noise, off, self.how)

    def within(self, mask: npt.ArrayLike) -> Sums:
        """Add up over the cells [true outcome][decision] of a mask, the last two axes."""
        return self.apply(lambda held: (held * np.asarray(mask)).sum(axis=(-2, -1)))

    def against(self, lost: Sums) -> tuple[FloatArray, FloatArray]:
        """Effective counts of a share: these rows, and those that are not counted.

        Protected counts are 0 of 0 where they are too uncertain to tell anything.

        Example:
            >>> won, lost = (Sums(np.array([w]), np.array([w**2])) for w in (2.0, 1.0))
            >>> [count.round(2).tolist() for count in won.against(lost)]
            [[1.2], [1.8]]
        """
        if self.variances is None or self.bounds is None:
            return effective_counts(self.weights, self.squares, lost.weights, lost.squares)
        nothing = np.zeros_like(self.weights)
        noise = (self.variances, nothing if lost.variances is None else lost.variances)
        off = (self.bounds, nothing if lost.bounds is None else lost.bounds)
        a, a2, b, b2 = (
            np.maximum(held, 0.0)
            for held in (self.weights, self.squares, lost.weights, lost.squares)
        )
        return protected_counts((a, b), effective_counts(a, a2, b, b2)[1], noise, off)


def _both(one: FloatArray | None, other: FloatArray | None) -> FloatArray | None:
    return one if other is None else other if one is None else one + other
