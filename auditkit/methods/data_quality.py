"""What is wrong with rows before any model reads them: gaps, doubles, leaks, and who is missing."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval, Metric
from auditkit.methods import gaps, mover
from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.intervals import clopper_pearson, share

_share = functools.partial(Metric, unit="rate", better="lower", low=0.0, high=1.0)
_count = functools.partial(Metric, unit="count", better="lower", low=0.0)

MISSING = _share(
    "rows_with_missing_share",
    "Rows with a missing value",
    "Share of assessed rows in which some column that the model reads has no value.",
)
MISSING_GAP = _share(
    "rows_with_missing_share_difference",
    "Difference in rows with a missing value",
    "Largest minus smallest share of rows with a missing value over the groups.",
    unit="difference",
)
REPEATED = _share(
    "repeated_rows_share",
    "Repeated rows",
    "Share of assessed rows that equal another assessed row in every column, outcome included.",
)
SEEN = _share(
    "rows_seen_in_training_share",
    "Assessed rows that stand in the training data",
    "Share of assessed rows that equal a training row in every column, outcome included.",
)
SEEN_EXCESS = _share(
    "rows_seen_in_training_excess",
    "Assessed rows in the training data, beyond chance",
    "That share minus the share of training rows that equal another training row, which is what "
    "rows of one population do by chance.",
    unit="difference",
    low=-1.0,
)
CONSTANT = _count(
    "constant_columns",
    "Constant columns",
    "Columns that the model reads and that hold one value only.",
)
DOUBLE = _count(
    "duplicate_columns",
    "Columns that repeat another",
    "Columns that the model reads and whose values tell exactly what another column tells.",
)
STRONGEST = Metric(
    "strongest_column_auc",
    "What the strongest column alone tells of the outcome",
    "Area under the ROC curve of the outcome by one column, chosen on one half of the rows and "
    "measured on the other; near 1 the column may hold the outcome itself.",
    "rate",
    better="neither",
    low=0.0,
    high=1.0,
)
DISTANCE = _share(
    "representation_distance",
    "Distance from the reference population",
    "Half the sum over groups of the difference between their share of the assessed rows and "
    "their share of the population that was named; 0 is the same.",
)
METRICS = (
    *(MISSING, MISSING_GAP, REPEATED, SEEN, SEEN_EXCESS, CONSTANT, DOUBLE),
    *(STRONGEST, DISTANCE),
)


def beyond_chance(seen: int, assessed: int, again: int, trained: int, level: float) -> Estimate:
    """Share of assessed rows that were trained on, minus what alike rows give by chance.

    Args:
        seen: Assessed rows that equal a training row.
        assessed: Assessed rows.
        again: Training rows that equal another training row.
        trained: Training rows.
        level: Two-sided level of the interval, in (0, 1).

    Returns:
        The difference of the two shares.

    Example:
        >>> beyond_chance(20, 1000, 0, 2000, 0.95).interval.low > 0
        True
        >>> beyond_chance(20, 1000, 40, 2000, 0.95).interval.low < 0
        True
    """
    return mover.minus(share(seen, assessed, level), share(again, trained, level), level)


def missing_gap(
    missing: npt.NDArray[np.bool_], masks: Mapping[str, npt.NDArray[np.bool_]], least: int,
    level: float,
) -> Estimate:  # fmt: skip
    """Largest minus smallest share of rows with a missing value over groups.

    Args:
        missing: Shape (n,): whether a value of the row is missing.
        masks: Group to its rows, shape (n,) each.
        least: Rows that a group must have to be compared.
        level: Two-sided level of the simultaneous interval, in (0, 1).

    Returns:
        The gap; undefined where fewer than two groups are large enough.

    Example:
        >>> rows = np.arange(200)
        >>> masks = {"a": rows < 100, "b": rows >= 100}
        >>> missing_gap(rows < 50, masks, 10, 0.95).value
        0.5
    """
    kept = [mask for mask in masks.values() if mask.sum() >= least]
    counts = [int(missing[mask].sum()) for mask in kept]
    return gaps.difference(counts, [int(mask.sum()) for mask in kept], level)


def distance(counts: FloatArray, reference: FloatArray, level: float) -> Estimate:
    """Total variation distance of the shares of groups from those of a population.

    Args:
        counts: Shape (k,): rows of each group.
        reference: Shape (k,): shares of the population, which sum to 1; taken as exact.
        level: Level of the interval, simultaneous over the groups, in (0, 1).

    Returns:
        The distance, in [0, 1]. Its interval holds 0 where every share of the population lies in
        the interval of its group.

    Source:
        Clopper and Pearson (1934) for each share; Bonferroni over the groups.

    Example:
        >>> found = distance(np.array([500, 500]), np.array([0.5, 0.5]), 0.95)
        >>> found.value, found.interval.low
        (0.0, 0.0)
    """
    n = counts.sum()
    if n == 0:
        return Estimate.undefined("no row has a known group")
    each = gaps.shared_level(level, counts.size)
    low, high = clopper_pearson(counts, np.full(counts.size, n), each)
    far = np.maximum(np.abs(low - reference), np.abs(high - reference))
    near = np.where((low <= reference) & (reference <= high), 0.0,
                    np.minimum(np.abs(low - reference), np.abs(high - reference)))  # fmt: skip
    value = float(np.abs(counts / n - reference).sum() / 2)
    method = f"Clopper-Pearson of each share, Bonferroni over {counts.size} groups"
    bounds = (float(near.sum() / 2), min(1.0, float(far.sum() / 2)))
    return Estimate(value, Interval(*bounds, level, method))
