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
from auditkit.methods.cells import RATES, Rate
from auditkit.methods.class_performance import BALANCED_ACCURACY
from auditkit.methods.estimates import Bounds, Estimate, FloatArray, IntArray, as_interval
from auditkit.methods.intervals import normal_quantile
from auditkit.methods.protected import NO_REPLICATES, TOO_UNCERTAIN
from auditkit.methods.resampling import REPLICATES, SMOOTHING, bootstrap, resample
from auditkit.methods.sums import Sums
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
        sums: The weights of the rows, or their protected counts, shaped as the table, or None.
    """

    table: IntArray
    sums: Sums | None = None

    def share(self, rate: Rate) -> tuple[float, float]:
        """Numerator and denominator to make an interval of."""
        won, rows = rate.of(self.table) if self.sums is None else rate.effective(self.sums)
        return won.item(), rows.item()

    @property
    def is_doubtful(self) -> bool:
        """Whether protection may have moved any of the counts."""
        return self.sums is not None and self.sums.is_doubtful

    def nothing(self, words: str) -> str:
        """Why a share has no rows to be of, given what was counted."""
        return TOO_UNCERTAIN if self.is_doubtful else f"no such rows: {words}"

    @property
    def whole(self) -> FloatArray:
        """The counts, or the weights."""
        held: FloatArray = (self.table if self.sums is None else self.sums.weights).astype(float)
        return held


def _balanced_limits(held: Counted, level: float, rng: np.random.Generator) -> Bounds:
    del rng
    both = (*held.share(RATES["true_positive_rate"]), *held.share(RATES["true_negative_rate"]))
    return intervals.mean_of_two(*both, level)


def _f1_limits(held: Counted, level: float, rng: np.random.Generator) -> Bounds:
    del rng
    right, rows = held.share(JACCARD)
    return intervals.f1(right, rows - right, level)


def _mcc_limits(held: Counted, level: float, rng: np.random.Generator) -> Bounds:
    """Bootstrap limits; beyond 95 % stretched on the scale of Fisher's z, where few draws lie."""
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
        limits: Computes its limits at a level.
        method: How the limits are made.
        of_shares: Computes it of the shares of `parts`; None where it takes more than them.

    Example:
        >>> held = Counted(np.array([[50, 10], [5, 35]]))
        >>> found = COUNT_METRICS["f1"].estimate(held, np.random.default_rng(0))
        >>> round(found.value, 4), found.interval.method
        (0.8235, 'Clopper-Pearson of the Jaccard index')
    """

    metric: Metric
    value: Callable[[FloatArray], FloatArray]
    counted: Rate
    parts: tuple[Rate, ...]
    words: str
    missing: str
    limits: Callable[..., Bounds]
    method: str
    of_shares: Callable[..., float] | None = None

    def rests_on(self, table: IntArray) -> IntArray:
        """Rows of the scarcest kind that the number needs, shape (...) of a table (..., 2, 2)."""
        scarcest: IntArray = np.min([rate.of(table)[1] for rate in self.parts], axis=0)
        return scarcest

    def of(self, held: Counted) -> float:
        """The number of one group; NaN where it is undefined.

        Protected counts are no whole table, but tell shares.
        """
        if not held.is_doubtful:
            return float(self.value(held.whole))
        shares = [held.share(rate) for rate in self.parts]
        if self.of_shares is None or not all(rows for _, rows in shares):
            return float("nan")
        return self.of_shares(*(won / rows for won, rows in shares))

    def missing_of(self, held: Counted) -> str:
        """Why the number of one group is undefined."""
        if not held.is_doubtful:
            return self.missing
        return NO_REPLICATES if self.of_shares is None else TOO_UNCERTAIN

    def estimate(self, held: Counted, rng: np.random.Generator, level: float = 0.95) -> Estimate:
        """The number of one group with its interval; undefined where a kind of row is missing."""
        value = self.of(held)
        if np.isnan(value):
            return Estimate.undefined(self.missing_of(held))
        if self.metric is MCC:
            found = bootstrap(_worth(held), matthews, rng, level=level)
            found = Estimate(value, found.interval, found.reason)
        else:
            bounds = self.limits(held, level, rng)
            found = Estimate(value, as_interval(bounds, level, self.method))
        return found if held.sums is None else on_effective_counts(found)

    def worth(self, held: Counted) -> tuple[float, ...]:
        """Effective rows that the number rests on, one for each of its shares."""
        if self.metric is MCC:
            return (float(_worth(held).sum()),)
        return tuple(held.share(rate)[1] for rate in self.parts)

    def wide_limits(self, held: Counted, rng: np.random.Generator, level: float) -> Bounds:
        """Limits to hold a group against others by; they hold the number."""
        value = self.of(held)
        low, high = self.limits(held, level, rng)
        return np.minimum(low, value), np.maximum(high, value)


def treatment_ratio(held: Counted, level: float = 0.95) -> Estimate:
    """False negatives for each false positive, from the share of errors that are false negatives.

    Args:
        held: The counts.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The ratio; undefined where there are no false positives. It has no interval where they weigh
        so little that there is no upper bound.

    Source:
        Clopper and Pearson (1934), of the share s, under the rising map s / (1 - s);
        given the number of errors.

    Example:
        >>> found = treatment_ratio(Counted(np.array([[50, 10], [5, 35]])))
        >>> found.value, round(found.interval.low, 3), round(found.interval.high, 3)
        (0.5, 0.134, 1.605)
    """
    missed, errors = held.share(FALSE_NEGATIVE_SHARE)
    if errors == missed:
        reason = "no false positives to divide by"
        return Estimate.undefined(TOO_UNCERTAIN if held.is_doubtful else reason)
    low, high = intervals.clopper_pearson(missed, errors, level)
    value = missed / (errors - missed)
    if high == 1:
        return Estimate(
            value, None, "no interval: the false positives weigh too little to bound it"
        )
    bounds = low / (1 - low), high / (1 - high)
    found = Estimate(value, as_interval(bounds, level, "Clopper-Pearson of the share of errors"))
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


def _mean(first: float, second: float) -> float:
    return (first + second) / 2


def _f1_of(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


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
            "MOVER of Clopper-Pearson limits",
            _mean,
        ),
        CountMetric(
            F1,
            f1_score,
            JACCARD,
            (JACCARD,),
            "rows positive or selected",
            "no row is positive or selected",
            _f1_limits,
            "Clopper-Pearson of the Jaccard index",
            _f1_of,
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
