"""Numbers made of true and false positives and negatives that are no plain share of rows.

Balanced accuracy, F1, the Matthews correlation, and false negatives for each false positive: their
values, and intervals from the counts of one group, weighted or not. What cannot be computed is
undefined: a correlation with an outcome that never varies is not 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Metric
from auditkit.methods import intervals
from auditkit.methods.cells import RATES, Rate, Sums
from auditkit.methods.class_performance import BALANCED_ACCURACY
from auditkit.methods.estimates import Bounds, Estimate, FloatArray, IntArray, as_interval
from auditkit.methods.intervals import normal_quantile
from auditkit.methods.resampling import REPLICATES, SMOOTHING, bootstrap, resample
from auditkit.methods.weighting import on_effective_counts

F1 = Metric(
    "f1",
    "F1",
    "Harmonic mean of precision and true positive rate.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
MCC = Metric(
    "mcc",
    "Matthews correlation",
    "Correlation of decision and true outcome: 1 where they agree, 0 where one says nothing about "
    "the other.",
    "correlation",
    better="higher",
    low=-1.0,
    high=1.0,
)
TREATMENT_RATIO = Metric(
    "treatment_ratio",
    "False negatives for each false positive",
    "False negatives divided by false positives: how the errors of the model are shared out.",
    "ratio",
    low=0.0,
)
#: F1 follows from the share of true positives among the rows that are positive or selected.
JACCARD = Rate(F1, ((0, 0), (0, 1)), ((0, 1), (1, 1)), "both", "positive or selected")
#: What treatment equality compares: unlike false negatives for each false positive it is bounded.
FALSE_NEGATIVE_SHARE = Rate(
    Metric(
        "false_negative_share",
        "False negatives among errors",
        "Share of the wrong decisions that are false negatives.",
        "rate",
        low=0.0,
        high=1.0,
    ),
    *(((0, 0), (1, 0)), ((0, 1), (1, 0)), "false negatives", "errors"),
)
#: Most that an interval is read off the replicates at; wider ones are stretched.
_READ_OFF = 0.95


@dataclass(frozen=True)
class Counted:
    """The four counts of some rows.

    Attributes:
        table: Shape (2, 2): rows by true outcome and decision.
        sums: The weights of the rows, shaped as the table, or None.
    """

    table: IntArray
    sums: Sums | None = None

    def share(self, rate: Rate) -> tuple[float, float]:
        """Numerator and denominator to make an interval of."""
        won, rows = rate.of(self.table) if self.sums is None else rate.effective(self.sums)
        return won.item(), rows.item()

    @property
    def whole(self) -> FloatArray:
        """The counts, or the weights."""
        held: FloatArray = (self.table if self.sums is None else self.sums.weights).astype(float)
        return held


def _balanced_limits(
    held: Counted, level: float, rng: np.random.Generator, limits: Callable[..., Bounds]
) -> Bounds:
    del rng
    both = (*held.share(RATES["true_positive_rate"]), *held.share(RATES["true_negative_rate"]))
    return intervals.mean_of_two(*both, level, limits)


def _f1_limits(
    held: Counted, level: float, rng: np.random.Generator, limits: Callable[..., Bounds]
) -> Bounds:
    del rng
    right, rows = held.share(JACCARD)
    return intervals.f1(right, rows - right, level, limits)


def _mcc_limits(
    held: Counted, level: float, rng: np.random.Generator, limits: Callable[..., Bounds]
) -> Bounds:
    """Bootstrap limits; beyond 95 % stretched on the scale of Fisher's z, where few draws lie."""
    del limits
    counts = _worth(held)
    found = resample(counts, matthews, rng, smoothing=SMOOTHING)
    if 2 * found.undefined >= REPLICATES:  # too few effective rows to tell anything
        return np.array(-1.0), np.array(1.0)
    read = min(level, _READ_OFF)
    low, high = found.quantiles((1 - read) / 2, (1 + read) / 2)
    centre = np.arctanh(matthews(counts + SMOOTHING))
    stretch = normal_quantile(level) / normal_quantile(read)
    edge = 1 - 1e-15
    arms = np.arctanh(np.clip([low, high], -edge, edge)) - centre
    stretched = np.tanh(centre + stretch * arms)
    return np.minimum(low, stretched[0]), np.maximum(high, stretched[1])


def matthews(tables: npt.ArrayLike) -> FloatArray:
    """Matthews correlation of decision and true outcome.

    Args:
        tables: Shape (..., 2, 2): rows by true outcome and decision.

    Returns:
        Shape (...); NaN where an outcome or a decision never occurs.

    Source:
        Matthews (1975), Biochim. Biophys. Acta 405:442.

    Example:
        >>> round(float(matthews([[50, 10], [5, 35]])), 4)
        0.6975
    """
    t = np.asarray(tables, dtype=np.float64)
    margins = t.sum(axis=-1).prod(axis=-1) * t.sum(axis=-2).prod(axis=-1)
    apart = t[..., 1, 1] * t[..., 0, 0] - t[..., 0, 1] * t[..., 1, 0]
    return _over(apart, np.sqrt(margins))


def balanced_accuracy(tables: npt.ArrayLike) -> FloatArray:
    """Mean of true positive rate and true negative rate; see `matthews`.

    Example:
        >>> round(float(balanced_accuracy([[50, 10], [5, 35]])), 4)
        0.8542
    """
    t = np.asarray(tables, dtype=np.float64)
    right = np.stack([t[..., 0, 0], t[..., 1, 1]], axis=-1)
    mean: FloatArray = _over(right, t.sum(axis=-1)).mean(axis=-1)
    return mean


def f1_score(tables: npt.ArrayLike) -> FloatArray:
    """F1; see `matthews`.

    Example:
        >>> round(float(f1_score([[50, 10], [5, 35]])), 4)
        0.8235
    """
    t = np.asarray(tables, dtype=np.float64)
    twice = 2 * t[..., 1, 1]
    return _over(twice, twice + t[..., 0, 1] + t[..., 1, 0])


def _over(top: FloatArray, under: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(top, under, out=np.full(np.shape(top), np.nan), where=under > 0)
    return found


@dataclass(frozen=True)
class CountMetric:
    """A number of the four counts of a group, its interval, and the gap that is made of it.

    Attributes:
        metric: What it means.
        value: Computes it of many tables, shape (..., 2, 2); NaN where undefined.
        counted: What it is counted among.
        parts: What it takes at least a row of each of, such as positives and negatives.
        words: What those are, for a reader.
        missing: Why it is undefined where there is none.
        limits: Computes its limits at a level, from the limits of proportions.
        method: How the limits are made, from `Wilson` or `Clopper-Pearson` ones.

    Example:
        >>> held = Counted(np.array([[50, 10], [5, 35]]))
        >>> found = COUNT_METRICS["f1"].estimate(held, np.random.default_rng(0))
        >>> round(found.value, 4), found.interval.method
        (0.8235, 'Wilson of the Jaccard index')
    """

    metric: Metric
    value: Callable[[FloatArray], FloatArray]
    counted: Rate
    parts: tuple[Rate, ...]
    words: str
    missing: str
    limits: Callable[..., Bounds]
    method: str

    def rests_on(self, table: IntArray) -> IntArray:
        """Rows of the scarcest kind that the number needs, shape (...) of a table (..., 2, 2)."""
        scarcest: IntArray = np.min([rate.of(table)[1] for rate in self.parts], axis=0)
        return scarcest

    def estimate(self, held: Counted, rng: np.random.Generator, level: float = 0.95) -> Estimate:
        """The number of one group with its interval; undefined where a kind of row is missing."""
        value = float(self.value(held.whole))
        if np.isnan(value):
            return Estimate.undefined(self.missing)
        if self.metric is MCC:
            found = bootstrap(_worth(held), matthews, rng, level=level)
            found = Estimate(value, found.interval, found.reason)
        else:
            bounds = self.limits(held, level, rng, intervals.wilson)
            found = Estimate(value, as_interval(bounds, level, self.method.format("Wilson")))
        return found if held.sums is None else on_effective_counts(found)

    def worth(self, held: Counted) -> tuple[float, ...]:
        """Effective rows that the number rests on, one for each of its shares."""
        if self.metric is MCC:
            return (float(_worth(held).sum()),)
        return tuple(held.share(rate)[1] for rate in self.parts)

    def wide_limits(self, held: Counted, rng: np.random.Generator, level: float) -> Bounds:
        """Limits to hold a group against others by, from Clopper-Pearson's of proportions."""
        value = self.value(held.whole)
        low, high = self.limits(held, level, rng, intervals.clopper_pearson)
        return np.minimum(low, value), np.maximum(high, value)


def treatment_ratio(held: Counted, level: float = 0.95) -> Estimate:
    """False negatives for each false positive, from the share of errors that are false negatives.

    Args:
        held: The counts.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The ratio; undefined where there are no false positives.

    Source:
        Wilson (1927), of the share s, under the rising map s / (1 - s); given the number of errors.

    Example:
        >>> found = treatment_ratio(Counted(np.array([[50, 10], [5, 35]])))
        >>> found.value, round(found.interval.low, 3), round(found.interval.high, 3)
        (0.5, 0.179, 1.397)
    """
    if held.table[0, 1] == 0:
        return Estimate.undefined("no false positives to divide by")
    missed, errors = held.share(FALSE_NEGATIVE_SHARE)
    low, high = intervals.wilson(missed, errors, level)
    bounds = low / (1 - low), high / (1 - high)
    found = Estimate(
        missed / (errors - missed), as_interval(bounds, level, "Wilson of the share of errors")
    )
    return found if held.sums is None else on_effective_counts(found)


def _worth(held: Counted) -> FloatArray:
    """Counts that a Matthews correlation of weighted rows is worth; the plain ones without weights.

    As `auditkit.methods.weighting.effective_counts`: the smaller of Kish's size and that of the
    linearised variance, whose derivatives are taken numerically.
    """
    if held.sums is None:
        return held.whole
    weights, squares = held.sums.weights, held.sums.squares
    total = weights.sum()
    share, step = weights / total, 1e-6
    moved = share + step * np.eye(4).reshape(4, 2, 2)
    slopes = (matthews(moved) - matthews(share)).reshape(2, 2) / step
    slopes -= (share * slopes).sum()
    by_row = (squares * slopes**2).sum() / total**2
    rows = total**2 / squares.sum()
    if by_row > 1e-12 / rows:
        rows = min(rows, float((share * slopes**2).sum() / by_row))
    worth: FloatArray = share * rows
    return worth


_PARTS = tuple(RATES[name] for name in ("true_positive_rate", "true_negative_rate"))
_MARGINS = (*_PARTS, RATES["precision"], RATES["negative_predictive_value"])
COUNT_METRICS = {
    made.metric.id: made
    for made in (
        CountMetric(
            BALANCED_ACCURACY,
            balanced_accuracy,
            RATES["base_rate"],
            _PARTS,
            "rows of either outcome",
            "all true outcomes are the same",
            _balanced_limits,
            "MOVER of {} limits",
        ),
        CountMetric(
            F1,
            f1_score,
            JACCARD,
            (JACCARD,),
            "rows positive or selected",
            "no row is positive or selected",
            _f1_limits,
            "{} of the Jaccard index",
        ),
        CountMetric(
            MCC,
            matthews,
            RATES["base_rate"],
            _MARGINS,
            "rows of either outcome and either decision",
            "all true outcomes or all decisions are the same",
            _mcc_limits,
            "multinomial bootstrap",
        ),
    )
}
