"""The reasons of single decisions: what each adds to the score, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate
from auditkit.methods.shapley import Attribution
from auditkit.methods.shapley_game import Floats, Positions
from auditkit.methods.shapley_noise import ROUNDING

Mask = npt.NDArray[np.bool_]

#: How the interval of one reason was made.
METHOD = "Student's t from the standard error"


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """What each feature adds to the score of some rows, and how sure that is.

    Attributes:
        names: The g features.
        values: Shape (m, g): what each adds; with the base value they sum to `outputs`.
        errors: Shape (m, g): standard errors; NaN where nobody can tell, 0 where there is none.
        outputs: Shape (m,): the explained score of each row.
        blocks: Shape (m, k, g): the values against each of k parts of the background; k is 0
            where there is no background.
        sizes: Shape (k,): background rows in each part.
        freedom: Degrees of freedom of the standard errors.
    """

    names: tuple[str, ...]
    values: Floats
    errors: Floats
    outputs: Floats
    blocks: Floats
    sizes: Positions
    freedom: int

    @classmethod
    def of(cls, found: Attribution, columns: Positions | None = None) -> Reasons:
        """Take the rows that were reached, of several outputs the one of each row.

        Args:
            found: Shapley values.
            columns: Shape (m,): the output that is explained of each row, where there are several.

        Returns:
            The reasons.
        """
        shown = found.shown()
        parts = shown.values, shown.standard_errors, shown.outputs, shown.block_values
        if columns is not None:
            row = np.arange(len(shown.values))
            at = columns[: len(row)]
            parts = parts[0][row, :, at], parts[1][row, :, at], parts[2][row, at], parts[3]
            parts = (*parts[:3], shown.block_values[row, :, :, at])
        return cls(found.names, *parts, found.block_sizes, max(1, int(found.block_sizes.sum()) - 1))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def base(self) -> Floats:
        """Shape (m,): the score that the reasons start from."""
        return np.asarray(self.outputs - self.values.sum(axis=1))

    def part(self, rows: Mask) -> Reasons:
        """Take some of the rows."""
        kept = (part[rows] for part in (self.values, self.errors, self.outputs, self.blocks))
        values, errors, outputs, blocks = kept
        return replace(self, values=values, errors=errors, outputs=outputs, blocks=blocks)

    def arms(self, level: float) -> Floats:
        """Half the width of the interval of each value, shape (m, g)."""
        return np.asarray(special.stdtrit(self.freedom, (1 + level) / 2) * self.errors)

    def certain(self, level: float) -> Mask:
        """Whether the interval of each value excludes 0, shape (m, g)."""
        size = np.abs(self.values)
        return np.asarray((size > ROUNDING) & (size > self.arms(level)))

    def one(self, row: int, feature: int, level: float) -> Estimate:
        """What a feature adds to the score of one row."""
        arm = float(self.arms(level)[row, feature])
        return _around(float(self.values[row, feature]), arm, level, METHOD)

    def rest(self, row: int, features: Positions, level: float) -> Estimate:
        """What some features together add to the score of one row."""
        value = float(self.values[row, features].sum())
        if self._parts < 2:
            arms, within = self.arms(level)[row], np.isin(np.arange(len(self.names)), features)
            # They are what the others leave of a sum that is known, so either bound holds.
            arm = float(min(arms[within].sum(), arms[~within].sum()))
            return _around(value, arm, level, "sum of the intervals of its parts, or of the others")
        return self._over_blocks(value, self.blocks[row][:, features].sum(axis=1), level)

    def start(self, row: int, level: float) -> Estimate:
        """The base value of one row: what the model gives on average over the background."""
        value = float(self.base[row])
        if self._parts < 2:
            return Estimate(value, None, "no background was drawn")
        sums = self.outputs[row] - self.blocks[row].sum(axis=1)
        return self._over_blocks(value, sums, level)

    @property
    def _parts(self) -> int:
        return int(self.blocks.shape[1])

    def _over_blocks(self, value: float, each: Floats, level: float) -> Estimate:
        k = self._parts
        arm = special.stdtrit(k - 1, (1 + level) / 2) * each.std(ddof=1) / np.sqrt(k)
        return _around(value, float(arm), level, f"Student's t over {k} parts of the background")

    def principal(self, toward: int, most: int) -> Mask:
        """Find the principal reasons of each row: at most `most` that push furthest `toward`.

        Args:
            toward: 1 where a high score is the decision, -1 where a low one is.
            most: Most reasons of a row.

        Returns:
            Shape (m, g). Of equal ones, the one that stands first.

        Example:
            >>> values = np.array([[-0.2, 0.1, -0.3, -0.1]])
            >>> held = Reasons(("a", "b", "c", "d"), values, values, np.zeros(1),
            ...                np.empty((1, 0, 4)), np.empty(0, int), 9)
            >>> held.principal(-1, 2).tolist()
            [[True, False, True, False]]
        """
        return _principal(self.values, toward, most)

    def principal_without_each(self, toward: int, most: int) -> Mask:
        """The principal reasons against the background without each part, shape (m, k, g)."""
        sizes, total = self.sizes[:, None], int(self.sizes.sum())
        left = (self.values[:, None] * total - sizes * self.blocks) / (total - sizes)
        return _principal(left, toward, most)


def _principal(values: Floats, toward: int, most: int) -> Mask:
    pushes = values * toward
    pushes = np.where(pushes > ROUNDING, pushes, 0.0)
    order = np.argsort(-pushes, axis=-1, kind="stable")[..., :most]
    chosen = np.zeros(values.shape, dtype=np.bool_)
    np.put_along_axis(chosen, order, values=True, axis=-1)
    return np.asarray(chosen & (pushes > 0))


def _around(value: float, arm: float, level: float, method: str) -> Estimate:
    if not np.isfinite(arm):
        return Estimate(value, None, "a background of one row has no standard error")
    if arm <= ROUNDING**2:
        return Estimate(value, None, "exact: nothing that was drawn changes it")
    return Estimate(value, Interval(value - arm, value + arm, level, method))
