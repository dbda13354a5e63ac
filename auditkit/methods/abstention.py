"""Selective prediction: what is left to a person, and how often the rest is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods import intervals
from auditkit.methods.estimates import Estimate, FloatArray, IntArray

Mask = npt.NDArray[np.bool_]

#: Steps of the sequence of thresholds.
STEPS = 20
#: Rows that the strictest threshold accepts, as a multiple of the fewest that could prove a risk:
#: one of them may be wrong.
AMPLE = 1.6


@dataclass(frozen=True, slots=True)
class Curve:
    """Risk of the rows that are accepted, from the most confident to all.

    Attributes:
        coverage: Shape (points,): share of rows that are accepted, ascending.
        risk: Shape (points,): share of them that are wrong.
        at: Shape (points,): the confidence from which rows are accepted.
    """

    coverage: FloatArray
    risk: FloatArray
    at: FloatArray


@dataclass(frozen=True, slots=True)
class Proven:
    """The loosest threshold whose risk is proven to keep to a target.

    Attributes:
        threshold: Accept where confidence is at least this; None where no threshold passes.
        accepted: Rows that it accepts, of those that proved it.
        wrong: How many of them are wrong.
        upper: Upper limit of the risk, by the binomial distribution.
        tried: How many thresholds were tried.
        reason: Why there is none.
    """

    threshold: float | None
    accepted: int = 0
    wrong: int = 0
    upper: float = 1.0
    tried: int = 0
    reason: str = ""


def confidence_of(score: FloatArray, threshold: float) -> FloatArray:
    """How far a score is from where the decision turns, as a share of the most on its side.

    Args:
        score: Shape (n,) of a binary task, or (n, k) of classes.
        threshold: Where a binary score selects.

    Returns:
        Shape (n,): for classes the score of the chosen one. The plain distance where binary scores
        or the threshold lie outside 0 to 1.

    Example:
        >>> confidence_of(np.array([0.0, 0.4, 0.5, 0.75]), 0.5).round(2).tolist()
        [1.0, 0.2, 0.0, 0.5]
    """
    if score.ndim > 1:
        return np.asarray(score.max(axis=1), dtype=np.float64)
    apart = score - threshold
    if not (0 < threshold < 1 and np.all((score >= 0) & (score <= 1))):
        return np.asarray(np.abs(apart), dtype=np.float64)
    return np.where(apart >= 0, apart / (1 - threshold), -apart / threshold)


def risk_coverage(confidence: FloatArray, wrong: Mask) -> Curve:
    """Risk at every confidence that occurs; equal ones are accepted together.

    Args:
        confidence: Shape (n,), at least 1 row.
        wrong: Shape (n,): whether the decision is wrong.

    Example:
        >>> curve = risk_coverage(np.array([0.9, 0.5, 0.5, 0.1]), np.array([0, 1, 0, 1]) > 0)
        >>> curve.coverage.tolist(), curve.risk.round(3).tolist()
        ([0.25, 0.75, 1.0], [0.0, 0.333, 0.5])
    """
    at, rows, errors = _blocks(confidence, wrong)
    seen = np.cumsum(rows)
    return Curve(seen / seen[-1], np.cumsum(errors) / seen, at)


def _blocks(confidence: FloatArray, wrong: Mask) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Different confidences from the highest, their rows and their errors."""
    at, place = np.unique(-confidence, return_inverse=True)
    rows = np.bincount(place, minlength=at.size).astype(np.float64)
    return -at, rows, np.bincount(place, weights=wrong, minlength=at.size).astype(float)


def areas(
    confidence: FloatArray,
    wrong: Mask,
    rng: np.random.Generator,
    replicates: int = 200,
    level: float = 0.95,
) -> tuple[Estimate, Estimate]:
    """Area under the curve of risk over coverage, and what of it ranking could have saved.

    Among equal confidences the errors are spread evenly, as if their order were drawn: a model with
    two different scores has no arbitrary area.

    Args:
        confidence: Shape (n,).
        wrong: Shape (n,): whether the decision is wrong.
        rng: Draws rows anew.
        replicates: How often, at least 2.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The mean risk over all coverages, and its excess over that of an order which puts every
        error last. Undefined where there are no rows.

    Source:
        Geifman, Uziel and El-Yaniv (2019), ICLR: AURC and its excess; Efron (1979) for the rows.

    Example:
        >>> wrong = np.array([False, False, True, True])
        >>> found = areas(np.array([0.9, 0.8, 0.3, 0.2]), wrong, np.random.default_rng(0))
        >>> round(found[0].value, 4), round(found[1].value, 4)
        (0.2083, 0.0)
    """
    n = confidence.size
    if n == 0:
        return Estimate.undefined("no rows"), Estimate.undefined("no rows")
    harmonic = np.r_[0.0, np.cumsum(1 / np.arange(1, n + 1))]
    _, rows, errors = _blocks(confidence, wrong)
    found = _area(rows, errors, harmonic)
    place = np.unique(-confidence, return_inverse=True)[1]
    drawn = []
    for _ in range(replicates):
        picked = rng.integers(0, n, n)
        again = np.bincount(place[picked], minlength=rows.size).astype(np.float64)
        lost = np.bincount(place[picked], weights=wrong[picked], minlength=rows.size).astype(float)
        drawn.append(_area(again, lost, harmonic))
    quantiles = np.quantile(np.array(drawn), [(1 - level) / 2, (1 + level) / 2], axis=0)
    method = f"bootstrap of rows, {replicates} replicates"
    first, second = (
        _within(value, low, high, level, method)
        for value, low, high in zip(found, *quantiles.tolist(), strict=True)
    )
    return first, second


def _within(value: float, low: float, high: float, level: float, method: str) -> Estimate:
    low, high = min(low, value), max(high, value)
    if not low < high:
        return Estimate(value, None, "no decision is wrong, or none is right: nothing to rank")
    return Estimate(value, Interval(low, high, level, method))


def _area(rows: FloatArray, errors: FloatArray, harmonic: FloatArray) -> tuple[float, float]:
    """Area and excess area of blocks of equal confidence; blocks may be empty."""
    n, wrong = float(rows.sum()), float(errors.sum())
    before, lost = np.cumsum(rows) - rows, np.cumsum(errors) - errors
    start, end = before.astype(np.int64), (before + rows).astype(np.int64)
    apart = harmonic[end] - harmonic[start]
    rate = np.divide(errors, rows, out=np.zeros_like(rows), where=rows > 0)
    area = float((lost * apart + rate * (rows - before * apart)).sum()) / n
    right = n - wrong
    oracle = (wrong - right * float(harmonic[int(n)] - harmonic[round(right)])) / n
    return area, max(0.0, area - oracle)


def thresholds_for(confidence: FloatArray, least: int, rows: int) -> FloatArray:
    """Thresholds from strict to loose, fixed before any outcome is looked at.

    Args:
        confidence: Shape (n,): of other rows than those that are to prove them.
        least: The fewest accepted rows that could prove the target.
        rows: How many rows are to prove it.

    Returns:
        The different quantiles of the confidence, at most `STEPS`, descending; the last takes all.

    Example:
        >>> thresholds_for(np.linspace(0, 1, 101), 10, 100).round(2).tolist()[:3]
        [0.84, 0.8, 0.75]
    """
    start = min(1.0, max(1 / STEPS, AMPLE * least / max(1, rows)))
    coverage = np.linspace(start, 1.0, STEPS)
    held = np.quantile(confidence, 1 - coverage[:-1], method="inverted_cdf")
    return np.unique(np.r_[held, -np.inf])[::-1]


def fewest_rows(target: float, confidence: float = 0.95) -> int:
    """Fewest accepted rows, all of them right, that prove a risk of at most the target.

    Example:
        >>> fewest_rows(0.05)
        59
    """
    return int(np.ceil(np.log1p(-confidence) / np.log1p(-target)))


def prove(
    thresholds: FloatArray, confidence: FloatArray, wrong: Mask, target: float, level: float = 0.95
) -> Proven:
    """Find the loosest threshold whose risk is surely at most the target.

    Thresholds are tried in their order, which was fixed before, each by the exact binomial upper
    limit of its risk; the first that exceeds the target ends it, and the last before it is taken.
    So no correction is needed: a false one needs the first false one to pass.

    Args:
        thresholds: From strict to loose, chosen without these rows.
        confidence: Shape (n,).
        wrong: Shape (n,): whether the decision is wrong.
        target: The risk to keep to, in (0, 1).
        level: The chance with which it is kept, in (0, 1).

    Returns:
        The threshold; with a reason for none where the first does not pass.

    Source:
        Angelopoulos, Bates, Candes, Jordan and Lei (2021), arXiv 2110.01052, fixed sequence;
        Clopper and Pearson (1934), one-sided.

    Example:
        >>> confidence = np.linspace(1, 0, 200)
        >>> found = prove(np.array([0.5, 0.0]), confidence, confidence < 0.4, 0.1)
        >>> found.threshold, found.accepted, found.wrong
        (0.5, 100, 0)
    """
    found = Proven(
        None, reason="no threshold: the strictest one is not proven to keep to the target"
    )
    for tried, threshold in enumerate(thresholds.tolist(), 1):
        kept = confidence >= threshold
        accepted, lost = int(kept.sum()), int((kept & wrong).sum())
        upper = upper_limit(lost, accepted, level)
        if upper > target:
            return Proven(found.threshold, found.accepted, found.wrong, found.upper, tried,
                          found.reason)  # fmt: skip
        found = Proven(threshold, accepted, lost, upper, tried)
    return found


def upper_limit(wrong: int, rows: int, level: float) -> float:
    """Exact one-sided upper limit of a share; 1 where there are no rows.

    Example:
        >>> round(upper_limit(0, 59, 0.95), 4)
        0.0495
    """
    return 1.0 if wrong >= rows else float(special.betaincinv(wrong + 1, rows - wrong, level))


def risk_change(wrong: Mask, kept: Mask, level: float = 0.95) -> Estimate:
    """Risk of the accepted rows minus that of all rows.

    It is the share that is not accepted times how much more often accepted rows are wrong than the
    others; that share is taken as it is.

    Args:
        wrong: Shape (n,): whether the decision is wrong.
        kept: Shape (n,): whether it is accepted.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The change; undefined where no row is accepted, exactly 0 where all are.

    Source:
        Newcombe (1998), Stat. Med. 17:873, method 10, of the two kinds of rows.

    Example:
        >>> wrong = np.repeat([False, True, False, True], [90, 10, 50, 50])
        >>> found = risk_change(wrong, np.repeat([True, False], 100))
        >>> round(found.value, 2), found.interval.high < 0
        (-0.2, True)
    """
    first, second, n = int(kept.sum()), int((~kept).sum()), kept.size
    if first == 0:
        return Estimate.undefined("no row is accepted")
    if second == 0:
        return Estimate(0.0, None, "every row is accepted, so nothing changes")
    a, b = int((wrong & kept).sum()), int((wrong & ~kept).sum())
    low, high = intervals.newcombe(a, first, b, second, level, intervals.clopper_pearson)
    share = second / n
    method = "Newcombe of Clopper-Pearson limits, given the share accepted"
    value = share * (a / first - b / second)
    return Estimate(value, Interval(share * float(low), share * float(high), level, method))


def halves(n: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Indices of two halves of the rows, drawn at random, each in the order of the rows.

    Example:
        >>> [len(half) for half in halves(5, np.random.default_rng(0))]
        [2, 3]
    """
    order = rng.permutation(n)
    return np.sort(order[: n // 2]), np.sort(order[n // 2 :])
