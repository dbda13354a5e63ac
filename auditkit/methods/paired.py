"""Two models on the same rows: how often each is right, and by how much they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.methods import intervals
from auditkit.methods.estimates import Estimate, as_interval

#: Why a number is not shown.
WITHHELD = "one row only: the number would be about one person"


@dataclass(frozen=True, slots=True)
class PairedAccuracy:
    """Accuracy of two models on the same rows.

    Attributes:
        n: Rows.
        first: Accuracy of the first model, with its exact interval.
        second: Accuracy of the second model, with its exact interval.
        difference: First minus second, with the interval for paired proportions.
    """

    n: int
    first: Estimate
    second: Estimate
    difference: Estimate


def paired_accuracy(
    first_right: npt.ArrayLike, second_right: npt.ArrayLike, level: float = 0.95
) -> PairedAccuracy:
    """Compare the accuracy of two models on the same rows.

    Rows on which both are right, or both wrong, say nothing about the difference: the interval
    uses the others, which makes it far narrower than one for two separate samples.

    Args:
        first_right: Shape (n,): whether the first model is right on each row.
        second_right: Shape (n,): whether the second model is.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The accuracies; undefined where there are no rows.

    Raises:
        ValueError: If the shapes differ.

    Source:
        Clopper and Pearson (1934), Biometrika 26:404; Agresti and Min (2005), Stat. Med. 24:729.

    Example:
        >>> paired = paired_accuracy([True, True, False, True], [True, False, False, True])
        >>> paired.first.value, paired.difference.value
        (0.75, 0.25)
    """
    a, b = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    if a.shape != b.shape:
        raise ValueError(f"two models on the same rows; got shapes {a.shape} and {b.shape}")
    n = a.size
    if n == 0:
        nothing = Estimate.undefined("no rows")
        return PairedAccuracy(n, nothing, nothing, nothing)
    only_first, only_second = int((a & ~b).sum()), int((b & ~a).sum())
    bounds = intervals.paired_difference(only_first, only_second, n, level)
    difference = as_interval(bounds, level, "Agresti-Min, paired")
    return PairedAccuracy(
        n=n,
        first=intervals.share(int(a.sum()), n, level),
        second=intervals.share(int(b.sum()), n, level),
        difference=Estimate((only_first - only_second) / n, difference),
    )


def shown_accuracy(
    first_right: npt.NDArray[np.bool_], second_right: npt.NDArray[np.bool_], level: float = 0.95
) -> PairedAccuracy:
    """Compare two models as `paired_accuracy` does, unless that would be about one person.

    Args:
        first_right: Shape (n,): whether the first model is right on each row.
        second_right: Shape (n,): whether the second model is.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The accuracies; undefined where there is one row only, or none.

    Example:
        >>> shown_accuracy(np.array([True]), np.array([False])).difference.reason
        'one row only: the number would be about one person'
    """
    if first_right.size == 1:
        withheld = Estimate.undefined(WITHHELD)
        return PairedAccuracy(1, withheld, withheld, withheld)
    return paired_accuracy(first_right, second_right, level)
