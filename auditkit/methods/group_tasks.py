"""Numbers and texts by group: which quantities the groups of these tasks are compared by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Measurement, Metric, Table
from auditkit.methods import regression, sequences
from auditkit.methods.cells import RATES, Cells, count_cells
from auditkit.methods.crossing import Crossing, cross, place_rows
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.groupwise import (
    FEWEST_OF_A_MEAN,
    Lines,
    Quantity,
    Settings,
    gap_metric,
    groups_table,
    measure_gap,
    measure_group,
    pairs_table,
    share_right,
)
from auditkit.methods.means import METHOD, means_by_group, ratios_by_group
from auditkit.methods.sums import Sums

MEAN_OUTCOME = Metric("mean_outcome", "Mean outcome", "Mean of the true outcomes.", regression.UNIT)
MEAN_PREDICTION = Metric(
    "mean_prediction", "Mean prediction", "Mean of the predictions.", regression.UNIT
)
MEAN_PREDICTION_DIFFERENCE = gap_metric(MEAN_PREDICTION)
MEAN_ABSOLUTE_ERROR_DIFFERENCE = gap_metric(regression.MEAN_ABSOLUTE_ERROR)
MEAN_ERROR_DIFFERENCE = gap_metric(regression.MEAN_ERROR)
EXACT_MATCH_DIFFERENCE = gap_metric(sequences.EXACT_MATCH)
TOKEN_ERROR_RATE_DIFFERENCE = gap_metric(sequences.TOKEN_ERROR_RATE)


@dataclass(frozen=True)
class Grouped:
    """Rows with their groups.

    Attributes:
        codes: Column to the group of each row, shape (n,): -1 where unknown.
        labels: Column to the names of its groups and, last, of the unknown.
        y_true: Shape (n,): true outcomes, as the task has them.
        y_pred: Shape (n,): predictions, likewise.
        weights: Shape (n,): what each row counts for, above 0; None where all count the same.
    """

    codes: Mapping[str, IntArray]
    labels: Mapping[str, Sequence[str]]
    y_true: npt.NDArray[Any]
    y_pred: npt.NDArray[Any]
    weights: FloatArray | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """Number of groups of each column."""
        return {name: len(labels) - 1 for name, labels in self.labels.items()}

    @property
    def constant(self) -> bool:
        """Whether every row gets the same prediction."""
        return len(self.y_pred) > 0 and bool(np.all(self.y_pred == self.y_pred[0]))

    def place(self, columns: Sequence[str]) -> IntArray:
        """Index of each row into the groups of the crossing of some columns, shape (n,)."""
        codes = np.stack([self.codes[name] for name in columns], axis=1)
        return place_rows(codes, [self.sizes[name] for name in columns])


class ByGroup(Protocol):
    """How the groups of one task are compared; rows of its tables gather meanwhile."""

    @property
    def gaps(self) -> tuple[Metric, ...]:
        """The gaps, each of which every comparison measures or says why not."""
        ...

    def cross(self, columns: Sequence[str]) -> Crossing:
        """Cross the groups of some columns; the other methods take what it gives."""
        ...

    def of_group(self, crossing: Crossing, i: int) -> Iterator[Measurement]:
        """Measure one group."""
        ...

    def between(self, crossing: Crossing) -> Iterator[Measurement]:
        """Measure the gaps between the groups."""
        ...

    def tables(self) -> Iterator[Table]:
        """Tables of what was measured until then."""
        ...


@dataclass
class NumbersByGroup:
    """Errors of predicted numbers by group: their size, and their sign.

    Example:
        >>> rows = Grouped({"sex": np.array([0, 1])}, {"sex": ("F", "M", "unknown")},
        ...                np.array([1.0, 2.0]), np.array([1.0, 3.0]))
        >>> NumbersByGroup(rows, Settings()).cross(["sex"]).names
        ('F', 'M')
    """

    rows: Grouped
    settings: Settings
    lines: Lines = field(default_factory=Lines)

    gaps = (MEAN_PREDICTION_DIFFERENCE, MEAN_ABSOLUTE_ERROR_DIFFERENCE, MEAN_ERROR_DIFFERENCE)
    shown = (
        *(MEAN_OUTCOME, MEAN_PREDICTION, regression.MEAN_ABSOLUTE_ERROR, regression.MEAN_ERROR),
        *(regression.ROOT_MEAN_SQUARED_ERROR, regression.R2),
    )

    @cached_property
    def _cells(self) -> Cells:
        ones = np.ones(len(self.rows.y_true), dtype=np.int64)
        return count_cells(self.rows.codes, self.rows.sizes, ones, ones, self.rows.weights)

    def cross(self, columns: Sequence[str]) -> Crossing:
        """Cross the groups of some columns."""
        return cross(self._cells, self.rows.labels, columns)

    def of_group(self, crossing: Crossing, i: int) -> Iterator[Measurement]:
        """Measure means and errors of one group."""
        yield from measure_group(self._of(crossing), crossing, i, self.settings, self.lines)

    def between(self, crossing: Crossing) -> Iterator[Measurement]:
        """Measure the gaps in mean prediction, error and signed error."""
        for quantity in self._of(crossing):
            yield from measure_gap(
                quantity, crossing, self.settings, self.lines, constant=self.rows.constant
            )

    def _of(self, crossing: Crossing) -> list[Quantity]:
        y, yhat, place = self.rows.y_true, self.rows.y_pred, self.rows.place(crossing.columns)
        wrong, m, w = regression.errors(y, yhat), len(crossing.labels), self.rows.weights
        fewest = max(FEWEST_OF_A_MEAN, self.settings.min_group)

        def mean(
            metric: Metric, values: FloatArray, gap: Metric | None = None, *, vacuous: bool = False
        ) -> Quantity:
            held = means_by_group(values, place, m, w)
            worth = None if w is None else held.size
            return Quantity(
                metric, held.n, held, gap=gap, vacuous=vacuous, fewest=fewest, effective=worth
            )

        def whole(
            metric: Metric, of: Callable[[npt.NDArray[np.bool_], float], Estimate]
        ) -> Quantity:
            return Quantity(
                metric,
                np.bincount(place, minlength=m),
                of_group=lambda i, level: of(place == i, level),
                fewest=fewest,
                effective=None if crossing.sums is None else _by_kish(crossing.sums),
            )

        def weights(kept: npt.NDArray[np.bool_]) -> FloatArray | None:
            return None if w is None else w[kept]

        def root(kept: npt.NDArray[np.bool_], level: float) -> Estimate:
            return regression.root_mean_square(wrong[kept], level, weights(kept))

        def r2(kept: npt.NDArray[np.bool_], level: float) -> Estimate:
            return regression.r2(y[kept], yhat[kept], level, weights(kept))

        return [
            mean(MEAN_OUTCOME, y),
            mean(MEAN_PREDICTION, yhat, MEAN_PREDICTION_DIFFERENCE, vacuous=True),
            mean(regression.MEAN_ABSOLUTE_ERROR, np.abs(wrong), MEAN_ABSOLUTE_ERROR_DIFFERENCE),
            mean(regression.MEAN_ERROR, wrong, MEAN_ERROR_DIFFERENCE),
            whole(regression.ROOT_MEAN_SQUARED_ERROR, root),
            whole(regression.R2, r2),
        ]

    def tables(self) -> Iterator[Table]:
        """The tables of groups and pairs."""
        level, weighted = self.settings.level, self.rows.weights is not None
        source = "Student's t intervals of means, of root mean square and R squared by the "
        source += "delta method on the logarithm,"
        yield groups_table(self.shown, self.lines, source, level, weighted=weighted)
        source = f"intervals by {METHOD},"
        yield from pairs_table(self.lines, source, level, weighted=weighted)


@dataclass
class TextsByGroup:
    """Exact matches and token errors of written texts by group.

    Example:
        >>> texts = np.array(["a", "b"], dtype=object)
        >>> rows = Grouped({"sex": np.array([0, 1])}, {"sex": ("F", "M", "unknown")}, texts, texts)
        >>> TextsByGroup(rows, Settings()).cross(["sex"]).sizes.tolist()
        [1, 1]
    """

    rows: Grouped
    settings: Settings
    lines: Lines = field(default_factory=Lines)

    gaps = (EXACT_MATCH_DIFFERENCE, TOKEN_ERROR_RATE_DIFFERENCE)
    shown = (sequences.EXACT_MATCH, sequences.TOKEN_ERROR_RATE)

    @cached_property
    def _edits(self) -> tuple[IntArray, IntArray]:
        return sequences.token_errors(self.rows.y_true, self.rows.y_pred)

    @cached_property
    def _cells(self) -> Cells:
        right = (self._edits[0] == 0).astype(np.int64)
        ones, weights = np.ones_like(right), self.rows.weights
        return count_cells(self.rows.codes, self.rows.sizes, ones, right, weights)

    def cross(self, columns: Sequence[str]) -> Crossing:
        """Cross the groups of some columns."""
        return cross(self._cells, self.rows.labels, columns)

    def of_group(self, crossing: Crossing, i: int) -> Iterator[Measurement]:
        """Measure exact matches and errors of one group."""
        yield from measure_group(self._of(crossing), crossing, i, self.settings, self.lines)

    def between(self, crossing: Crossing) -> Iterator[Measurement]:
        """Measure the gaps in exact matches and in errors."""
        for quantity in self._of(crossing):
            yield from measure_gap(quantity, crossing, self.settings, self.lines, constant=False)

    def _of(self, crossing: Crossing) -> list[Quantity]:
        place, m = self.rows.place(crossing.columns), len(crossing.labels)
        exact, weights = share_right(crossing), self.rows.weights
        errors = ratios_by_group(*self._edits, place, m, weights)
        return [
            Quantity(
                sequences.EXACT_MATCH,
                exact.n,
                exact,
                gap=EXACT_MATCH_DIFFERENCE,
                effective=exact.effective and exact.effective[1],
            ),
            Quantity(
                sequences.TOKEN_ERROR_RATE,
                errors.n,
                errors,
                words="rows with tokens to write",
                gap=TOKEN_ERROR_RATE_DIFFERENCE,
                fewest=FEWEST_OF_A_MEAN,
                effective=None if weights is None else errors.size,
            ),
        ]

    def tables(self) -> Iterator[Table]:
        """The tables of groups and pairs."""
        level, weighted = self.settings.level, self.rows.weights is not None
        source = "Clopper-Pearson intervals of shares, linearised ones of token error rates,"
        yield groups_table(self.shown, self.lines, source, level, weighted=weighted)
        source = "intervals of Newcombe with Clopper-Pearson limits for exact matches, and by "
        source += f"{METHOD} for token error rates,"
        yield from pairs_table(self.lines, source, level, weighted=weighted)


def _by_kish(sums: Sums) -> FloatArray:
    """What the rows of each group are worth by Kish; 0 where there are none."""
    weights, squares = (RATES["base_rate"].of(held)[1] for held in (sums.weights, sums.squares))
    return np.divide(weights**2, squares, out=np.zeros_like(weights), where=squares > 0)
