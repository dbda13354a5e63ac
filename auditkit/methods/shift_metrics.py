"""What is measured where one table of rows is held against another."""

from __future__ import annotations

import numpy as np

from auditkit.evidence import Better, Metric
from auditkit.methods import gaps, means
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.intervals import share
from auditkit.methods.regression import UNIT
from auditkit.methods.weighting import effective_share, kish, on_effective_counts

SHIFTED = Metric(
    "shifted_columns",
    "Columns that have moved",
    "Columns whose values, or missing values, differ between the two tables more than chance "
    "would have it; Holm over all tests of the two tables.",
    "count",
    better="lower",
    low=0.0,
)
LARGEST = Metric(
    "shift_largest_distance",
    "Largest distance of a column",
    "Distance between the distributions of the column that has surely moved most: of "
    "Kolmogorov and Smirnov for numbers, total variation for categories.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
APART = Metric(
    "shift_classifier_auc",
    "How well a model tells the two tables apart",
    "Area under the ROC curve of a small model that guesses, for rows that it has not seen, which "
    "table they are from; 0.5 where nothing tells the tables apart.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
EFFECTIVE = Metric(
    "shift_effective_rows",
    "Rows that look like the newer ones",
    "Assessed rows that they are worth once they are weighted to look like the newer ones.",
    "count",
    better="higher",
    low=0.0,
)
#: What a task is judged by: what a title calls it, and its unit.
_NUMBERS: dict[str, tuple[str, str, Better]] = {
    "accuracy": ("Accuracy", "rate", "higher"),
    "absolute_error": ("Mean absolute error", UNIT, "lower"),
    "selection_rate": ("Selection rate", "rate", "neither"),
    "true_positive_rate": ("True positive rate", "rate", "higher"),
}
ESTIMATED, MEASURED, CHANGE = "_estimate", "", "_change"


def _metric(name: str, end: str, middle: str = "") -> Metric:
    """A metric of the newer rows: of all of them, or, with a middle, of its gap over groups."""
    title, unit, better = _NUMBERS[name]
    how = "estimated without their labels" if end == ESTIMATED else "measured"
    what = f"{title} of the newer rows"
    definition = f"{title} that the model has in the newer rows, {how}."
    if middle:
        what, better = f"Difference in {title.lower()}, newer rows", "lower"
        definition = f"Largest minus smallest {title.lower()} over groups of the newer rows, {how}."
    if end == CHANGE:
        what, better = f"{title}, newer minus assessed rows", "neither"
        definition = f"{title} measured in the newer rows, minus that of the assessed rows."
    is_share = unit == "rate"
    return Metric(
        f"shifted_{name}{middle}{end}",
        f"{what}, estimated" if end == ESTIMATED else what,
        definition,
        "difference" if is_share and (middle or end == CHANGE) else unit,
        better=better,
        low=0.0 if end != CHANGE else -1.0 if is_share else None,
        high=1.0 if is_share else None,
    )


WHOLE = {
    (name, end): _metric(name, end)
    for name in ("accuracy", "absolute_error")
    for end in (ESTIMATED, MEASURED, CHANGE)
}
GAPS = {
    (name, end): _metric(name, end, "_difference")
    for name in _NUMBERS
    for end in (ESTIMATED, MEASURED)
}
METRICS = (SHIFTED, LARGEST, APART, EFFECTIVE, *WHOLE.values(), *GAPS.values())


def mean_of(
    values: FloatArray, weights: FloatArray | None, level: float, *, is_share: bool
) -> Estimate:
    """Mean of a number, or share of rows, weighted or not.

    Args:
        values: Shape (n,): the numbers; 0 or 1 for a share.
        weights: Shape (n,): weights above 0; None where every row counts the same.
        level: Two-sided level of the interval, in (0, 1).
        is_share: Whether it is a share.

    Returns:
        The mean; undefined where there are no rows.

    Example:
        >>> round(mean_of(np.array([1.0, 0.0]), np.array([3.0, 1.0]), 0.95, is_share=True).value, 6)
        0.75
    """
    if not values.size:
        return Estimate.undefined("no rows")
    if not is_share:
        found = means.mean(values, level, least=0.0, weights=weights)
        return found if weights is None else on_effective_counts(found)
    if weights is None:
        return share(int(values.sum()), values.size, level)
    return on_effective_counts(share(*effective_share(values > 0, weights), level))


def gap_of(
    values: FloatArray,
    groups: IntArray,
    count: int,
    weights: FloatArray | None,
    least: int,
    level: float,
    *,
    is_share: bool,
) -> tuple[Estimate, int]:
    """Largest minus smallest mean, or share, over the groups that are large enough.

    Args:
        values: Shape (n,): the numbers; 0 or 1 for a share.
        groups: Shape (n,): the group of each row, -1 where it is unknown.
        count: Number of groups.
        weights: Shape (n,): weights above 0; None where every row counts the same.
        least: Rows that a group must have, and must be worth, to be compared.
        level: Two-sided level of the simultaneous interval, in (0, 1).
        is_share: Whether it is a share.

    Returns:
        The gap, and the rows of the groups that were compared.

    Example:
        >>> values, groups = np.repeat([1.0, 0.0, 1.0], [30, 20, 50]), np.repeat([0, 1], 50)
        >>> gap, rows = gap_of(values, groups, 2, None, 10, 0.95, is_share=True)
        >>> round(gap.value, 3), rows
        (0.4, 100)
    """
    held = [np.flatnonzero(groups == code) for code in range(count)]
    kept = [place for place in held if place.size >= least]
    if weights is not None:
        kept = [place for place in kept if kish(weights[place]) >= least / 3]
    n = int(sum(place.size for place in kept))
    if len(kept) < 2:
        return Estimate.undefined(f"fewer than 2 groups have {least} such rows"), n
    if not is_share:
        where = np.repeat(np.arange(len(kept)), [place.size for place in kept])
        rows = np.concatenate(kept)
        each = None if weights is None else weights[rows]
        found = means.difference(means.means_by_group(values[rows], where, len(kept), each), level)
    else:
        counts = [
            (float(values[place].sum()), float(place.size))
            if weights is None
            else effective_share(values[place] > 0, weights[place])
            for place in kept
        ]
        found = gaps.difference([won for won, _ in counts], [rows for _, rows in counts], level)
    return (found if weights is None else on_effective_counts(found)), n
