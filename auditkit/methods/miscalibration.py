"""Whether scores come true, overall and for each group: what an audit says of the tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from auditkit.evidence import Cell, Measurement, Metric
from auditkit.methods.calibration_tests import (
    CERTAIN,
    BinnedError,
    binned_error,
    certain_and_wrong,
    kolmogorov_smirnov,
    logistic_refit,
    spiegelhalter,
)
from auditkit.methods.estimates import Estimate, FloatArray, cells_of, measured
from auditkit.methods.scored_rows import Group, ScoredRows
from auditkit.methods.significance import holm

CERTAIN_AND_WRONG = Metric(
    "miscalibration_certain_and_wrong",
    "Certain, and wrong",
    "Rows whose score is exactly 0 or 1 and whose outcome is the other one: their log loss is "
    "infinite.",
    "rows",
    better="lower",
    low=0.0,
)
ERROR = Metric(
    "miscalibration_error",
    "Calibration error beyond chance",
    "Mean distance of scores from how often they come true, over bins of equally many rows, less "
    "what chance alone adds to it.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
P_VALUE = Metric(
    "miscalibration_p_value",
    "p-value of calibration",
    "Chance of outcomes this far from the scores if these were right: the smallest p-value of the "
    "tests, adjusted for their number. Spiegelhalter's, which sees nothing at scores of 0.5, is "
    "never alone among them.",
    "probability",
    low=0.0,
    high=1.0,
)
SLOPE = Metric(
    "miscalibration_slope",
    "Calibration slope",
    "Slope of a logistic fit of the outcome to the log odds of the score: 1 where scores are "
    "right, below 1 where they are too extreme.",
    "ratio",
)
INTERCEPT = Metric(
    "miscalibration_intercept",
    "Calibration intercept",
    "Log odds of the outcome at a score of 0.5, by the same fit: 0 where scores are right, above "
    "0 where they promise too little.",
    "log odds",
)
METRICS = (CERTAIN_AND_WRONG, ERROR, P_VALUE, SLOPE, INTERCEPT)
#: What each test is called.
BINNED, KS, SPIEGELHALTER = "binned error", "Kolmogorov-Smirnov", "Spiegelhalter"
#: Least variance of the number of outcomes for the tests that need no draws. Below, their small
#: p-values came up to three times too often in simulated groups of 30 to 100 rows.
LEAST_VARIANCE = 5.0
FEW = "the scores leave too little to chance in so few rows for a test"
#: Why a p-value has no interval.
NO_INTERVAL = "a p-value has none: it is itself a statement about chance"


@dataclass(frozen=True)
class OfGroup:
    """What is known of the calibration of one group."""

    group: Group
    error: BinnedError | None = None
    p_adjusted: float | None = None


@dataclass
class Miscalibration:
    """The tests of calibration of some rows.

    Attributes:
        rows: The rows.
        rng: Draws outcomes.
        bins: Most bins of the calibration error.
        draws: How often outcomes are drawn.
        level: Confidence level.
        groups: What was found of each group, once measured.

    Example:
        >>> from auditkit.methods.abstention import confidence_of
        >>> y, p = np.tile([0, 1], 50), np.full(100, 0.5)
        >>> rows = ScoredRows(y, p, y == 0, confidence_of(p, 0.5), 0.5, {}, {}, 30)
        >>> found = Miscalibration(rows, np.random.default_rng(0), 10, 199, 0.95)
        >>> [m.value for m in found.measure()][:2]
        [0.0, 0.0]
    """

    rows: ScoredRows
    rng: np.random.Generator
    bins: int
    draws: int
    level: float
    groups: list[OfGroup] = field(default_factory=list)

    def measure(self) -> Iterator[Measurement]:
        """Yield the tests over all rows, then those of each group."""
        rows, n = self.rows, len(self.rows)
        of = "scores" if rows.is_binary else "scores of the chosen class"
        source = f"{of} and outcomes of the assessed rows"
        if rows.problem or n == 0:
            nothing = Estimate.undefined(rows.problem or "no rows")
            for metric in METRICS:
                yield measured(metric, nothing, n, source)
            return
        count = certain_and_wrong(rows.came, rows.said)
        yield CERTAIN_AND_WRONG.measure(
            float(count),
            n=n,
            source=source,
            exact=True,
            reason="exact: it describes these rows, not a population",
        )
        found = self._error(rows.came, rows.said)
        words = f"{source}; {found.raw:.4g} as found, of which {found.by_chance:.4g} by chance"
        yield measured(ERROR, found.estimate, n, f"{words}: {self.draws:,} draws from the scores")
        refit, _ = logistic_refit(rows.came, rows.said, self.level)
        yield self._tests(found.p_value, n, source)
        yield measured(SLOPE, refit.slope, n, source)
        yield measured(INTERCEPT, refit.intercept, n, source)
        yield from self._by_group(source)

    def _error(self, came: np.ndarray, said: np.ndarray) -> BinnedError:
        return binned_error(came, said, self.rng, self.bins, self.draws, self.level)

    def _tests(self, drawn: float, n: int, source: str) -> Measurement:
        came, said = self.rows.came, self.rows.said
        if np.isnan(kolmogorov_smirnov(came, said)):
            return measured(P_VALUE, Estimate.undefined(CERTAIN), n, source)
        known = {**undrawn(came, said), BINNED: drawn}
        told = ", ".join(f"{name} {p:.3g}" for name, p in known.items())
        words = f"{source}; Holm over {len(known)} tests: {told}"
        return _p_value(float(holm(list(known.values())).min()), n, words)

    def _by_group(self, source: str) -> Iterator[Measurement]:
        """Test every group: one family over all columns, of the two tests that need no draws."""
        came, said = self.rows.came, self.rows.said
        groups = list(self.rows.groups())
        tests: list[tuple[int, float]] = []
        for place, group in enumerate(groups):
            if group.problem is None:
                found = undrawn(came[group.rows], said[group.rows])
                tests += [(place, p) for p in found.values()]
        adjusted = holm([p for _, p in tests]).tolist() if tests else []
        for place, group in enumerate(groups):
            mine = [p for (at, _), p in zip(tests, adjusted, strict=True) if at == place]
            yield from self._of_group(
                group, mine, f"{source}; Holm over {len(tests)} tests", source
            )

    def _of_group(
        self, group: Group, tests: Sequence[float], family: str, source: str
    ) -> Iterator[Measurement]:
        n, where = group.size, group.where
        if group.problem:
            for metric in (ERROR, P_VALUE, SLOPE):
                yield measured(metric, Estimate.undefined(group.problem), n, source, where)
            self.groups.append(OfGroup(group))
            return
        came, said = self.rows.came[group.rows], self.rows.said[group.rows]
        error = self._error(came, said)
        slope = logistic_refit(came, said, self.level)[0].slope
        yield measured(ERROR, error.estimate, n, source, where)
        if tests:
            yield _p_value(min(tests), n, family, where)
        else:
            yield measured(P_VALUE, Estimate.undefined(FEW), n, family, where)
        yield measured(SLOPE, slope, n, source, where)
        self.groups.append(OfGroup(group, error, min(tests, default=None)))


def undrawn(came: FloatArray, said: FloatArray) -> dict[str, float]:
    """The p-values of the tests that need no draws; none where too little is left to chance.

    Example:
        >>> undrawn(np.array([1.0]), np.array([0.5]))
        {}
        >>> list(undrawn(np.ones(50), np.full(50, 0.5)))
        ['Kolmogorov-Smirnov']
    """
    if float((said * (1 - said)).sum()) < LEAST_VARIANCE:
        return {}
    both = {KS: kolmogorov_smirnov(came, said), SPIEGELHALTER: spiegelhalter(came, said)}
    return {name: p for name, p in both.items() if np.isfinite(p)}


def _p_value(p: float, n: int, source: str, where: dict[str, str] | None = None) -> Measurement:
    return P_VALUE.measure(p, n=n, source=source, slice=where, reason=NO_INTERVAL, exact=True)


def group_cells(found: OfGroup) -> tuple[Cell, ...]:
    """The cells of a group: its calibration error, and what chance makes of it.

    Example:
        >>> group_cells(OfGroup(Group("sex", "F", np.array([True]), 30)))
        (None, None)
    """
    error = None if found.error is None else found.error.estimate
    return cells_of(error)[0], found.p_adjusted
