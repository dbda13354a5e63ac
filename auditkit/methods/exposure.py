"""Memorisation: planted canaries and their exposure, and rows with rare values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval, Metric
from auditkit.methods.estimates import Estimate, FloatArray
from auditkit.methods.intervals import bounded_mean
from auditkit.methods.membership import attack_scores

RARE_AUC = Metric(
    "rare_membership_auc",
    "Rows with a rare value, membership AUC",
    "Of rows with a value that few other training rows have: chance that one the model was trained "
    "on has a lower loss than another; 0.5 betrays nothing.",
    *("rate", "lower", 0.0, 1.0),
)
RARE_MORE = Metric(
    "rare_membership_auc_difference",
    "Rare rows less others, membership AUC",
    "Membership AUC among rows with a rare value minus that among all other rows.",
    *("difference", "lower", -1.0, 1.0),
)
EXPOSURE = Metric(
    "canary_exposure",
    "Exposure of rows planted least often",
    "Mean exposure of planted rows of nobody: log2 of how many rows of their form there are, less "
    "log2 of the rank by loss among them. About 1.44 where nothing is remembered.",
    *("bits", "lower", 0.0),
)
RARE = (RARE_AUC, RARE_MORE)
METRICS = (*RARE, EXPOSURE)
#: Mean exposure of a row that was not planted, of very many of its form; unit: bits.
UNPLANTED = float(1 / np.log(2))
METHOD = "the wider of Student's t and the exact one of exponential exposures"

IntArray = npt.NDArray[np.int64]


def losses(answers: npt.ArrayLike, y_true: npt.ArrayLike, *, numbers: bool = False) -> FloatArray:
    """Loss of each row: log loss in nats, or the squared error of a number.

    Args:
        answers: Shape (..., n): probability of the positive class, or numbers; shape (..., n, k):
            probability of each class.
        y_true: Shape (n,), or that of `answers` without classes: 1 where positive, else 0; index
            of the class; or the number.
        numbers: Whether the answers are numbers.

    Returns:
        Shape (..., n), at least 0 and finite.

    Example:
        >>> losses([0.5, 1.0], [1, 1]).round(3).tolist()
        [0.693, 0.0]
        >>> losses([[0.5, 0.5]], [1]).round(3).tolist()
        [0.693]
        >>> losses([2.0], [5.0], numbers=True).tolist()
        [9.0]
    """
    given, y = np.asarray(answers, dtype=np.float64), np.asarray(y_true)
    if numbers:
        return np.asarray(np.square(given - y))
    return 0.0 - attack_scores(given, y)


def ranks(planted: npt.ArrayLike, others: npt.ArrayLike) -> IntArray:
    """Rank each planted row by its loss among others of its form; 1 is the smallest loss.

    Args:
        planted: Shape (m,): losses of the planted rows.
        others: Shape (m, r): losses of rows of the form of each, which were not planted.

    Returns:
        Shape (m,): 1..r + 1. Equal losses count against the planted row, so that a model that
        tells no rows apart shows no memory.

    Example:
        >>> ranks([0.1, 0.3], [[0.2, 0.3, 0.4], [0.2, 0.3, 0.4]]).tolist()
        [1, 3]
    """
    mine, them = np.asarray(planted, dtype=np.float64), np.asarray(others, dtype=np.float64)
    return np.asarray(1 + (them <= mine[:, None]).sum(axis=1), dtype=np.int64)


def exposures(rank: npt.ArrayLike, size: int) -> FloatArray:
    """Exposure of each planted row.

    Args:
        rank: Shape (m,): ranks, of `ranks`.
        size: Rows of the form, the planted one among them.

    Returns:
        Shape (m,): bits, from 0 for the last rank to log2 of the size for the first. Half of the
        rows that were not planted have less than 1.

    Source:
        Carlini et al. (2019), USENIX Security, definition 4.

    Example:
        >>> exposures([1, 512, 1024], 1024).tolist()
        [10.0, 1.0, 0.0]
    """
    return np.asarray(np.log2(size) - np.log2(np.asarray(rank, dtype=np.float64)))


def p_value(found: npt.ArrayLike) -> float:
    """Chance of a mean exposure so high, or higher, of rows that were not planted.

    Their rank is uniform, so that rank over size is a p-value, and ln 2 times the exposure minus
    its logarithm: twice their sum has a chi-squared law, which is Fisher's way to join p-values.

    Args:
        found: Shape (m,): exposures, at least one.

    Returns:
        The p-value; never too small, as ranks are whole numbers.

    Source:
        Fisher (1932), Statistical Methods for Research Workers, 4th edition, section 21.1.

    Example:
        >>> round(p_value([10.0]) * 1024, 6), p_value([0.0, 0.0])
        (1.0, 1.0)
    """
    each = np.asarray(found, dtype=np.float64)
    return float(special.gammaincc(each.size, np.log(2) * each.sum()))


def in_sequence(p: npt.ArrayLike) -> FloatArray:
    """Adjust p-values of tests that are made one after the other until one fails.

    What is planted more often is remembered rather than less. So the most planted rows are tested
    first, and those planted less often only where these are remembered; no share of the level is
    lost, and a chance finding among rows planted once is not believed where nothing else shows.

    Args:
        p: Shape (k,): p-values, of the rows planted least often first.

    Returns:
        Shape (k,): the largest of each and all that stand behind it.

    Source:
        Maurer, Hothorn and Lehmacher (1995), in Biometrie in der chemisch-pharmazeutischen
        Industrie 6, on hypotheses ordered beforehand.

    Example:
        >>> in_sequence([0.01, 0.2, 0.03]).tolist()
        [0.2, 0.2, 0.03]
    """
    each = np.asarray(p, dtype=np.float64)
    return np.asarray(np.maximum.accumulate(each[::-1])[::-1])


def mean_exposure(found: npt.ArrayLike, size: int, level: float = 0.95) -> Estimate:
    """Mean exposure with an interval that holds for memorised rows and for others.

    Exposures of rows that were not planted are exponential, for which Student's t is too narrow in
    few rows; those of memorised rows have less or more spread than that. The wider one is taken.

    Args:
        found: Shape (m,): exposures of rows planted as often as each other.
        size: Rows of the form.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The mean, in bits; undefined where there are none.

    Example:
        >>> found = mean_exposure([10.0] * 16, 1024)
        >>> found.value, round(found.interval.low, 2), found.interval.high
        (10.0, 3.18, 10.0)
    """
    each, most = np.asarray(found, dtype=np.float64), float(np.log2(size))
    mean = bounded_mean(each, level, 0.0, most)
    if mean.value is None or mean.interval is None:
        return mean
    tails = special.gammaincinv(each.size, [(1 + level) / 2, (1 - level) / 2])
    low, high = (each.sum() / tails).tolist()
    bounds = min(low, mean.interval.low), min(most, max(high, mean.interval.high))
    return Estimate(mean.value, Interval(*bounds, level, METHOD))


def is_rare(
    train: npt.ArrayLike, others: npt.ArrayLike, k: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Find the rows whose value fewer than k other training rows have.

    A row is never counted for itself, so that being rare does not depend on whether the model was
    trained on it, and rare rows of both kinds can be compared.

    Args:
        train: Shape (n,): values of training rows as codes from 0; -1 where missing.
        others: Shape (m,): values of rows that the model was not trained on, as the same codes.
        k: Number of other training rows that make a value frequent.

    Returns:
        Masks of shapes (n,) and (m,); a missing value is not rare.

    Example:
        >>> inside, outside = is_rare([0, 0, 0, 1, -1], [0, 1, 2], 2)
        >>> inside.tolist(), outside.tolist()
        ([False, False, False, True, False], [False, True, True])
    """
    inside, outside = (np.asarray(codes, dtype=np.int64) for codes in (train, others))
    most = max(inside.max(initial=-1), outside.max(initial=-1)) + 1
    counts = np.bincount(inside[inside >= 0], minlength=most + 1)
    return (counts[inside] - 1 < k) & (inside >= 0), (counts[outside] < k) & (outside >= 0)
