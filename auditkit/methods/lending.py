"""How lenders look at groups: rates and mean scores against a reference group.

A reference that was named beforehand is compared with each other group; one that the data pick
(the most favourable mean) makes every pair a possible comparison, and the intervals allow for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS, Cell, Interval, Measurement, Metric, Table
from auditkit.methods import gaps, intervals
from auditkit.methods.crossing import rows_words
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, as_interval, cells_of
from auditkit.methods.groupwise import FEWEST_OF_A_MEAN
from auditkit.methods.means import NO_SPREAD, SAME, TOO_LARGE, student, with_bounds

MEAN_DIFFERENCE = Metric(
    "standardized_mean_difference",
    "Standardized mean difference",
    "Mean score of a group less that of the reference, over their pooled standard deviation.",
    "standard deviations",
)
NAMED_RATIO = Metric(
    "adverse_impact_ratio",
    "Adverse impact ratio",
    "Rate of a group over the rate of a reference group that was named beforehand.",
    "ratio",
    better="higher",
    low=0.0,
)

#: Why a mean of so few scores is not shown.
FEW_SCORES = "fewer than 3 rows: the number could give the score of one person away"
#: Why the rate of a group of one row is not shown.
WITHHELD = "one row only: its rate would be the outcome of one person"
#: Why there is no difference of mean scores.
NO_SCORES = "the subject has decisions but no scores"
#: Why nothing can be divided by a named reference.
ZERO_REFERENCE = "the rate of the reference is 0, so a ratio to it is not defined"


@dataclass(frozen=True)
class Against:
    """Groups held against a reference.

    Attributes:
        reference: Index of the reference; None where no group could be one.
        found: The other groups, by index.
    """

    reference: int | None
    found: Mapping[int, Estimate]


def ratio_to_reference(
    won: int, rows: int, reference_won: int, reference_rows: int, level: float = 0.95
) -> Estimate:
    """Adverse impact ratio as lenders use it: a rate over that of a reference named beforehand.

    Args:
        won: Selected rows of the group; unit: rows.
        rows: Rows of the group, at least 1; unit: rows.
        reference_won: Selected rows of the reference; unit: rows.
        reference_rows: Rows of the reference, at least 1; unit: rows.
        level: Level of the interval, in (0, 1).

    Returns:
        The ratio, which may be above 1; undefined where the rate of the reference is 0.

    Source:
        Newcombe (2016), MOVER-R with Clopper-Pearson limits.

    Example:
        >>> round(ratio_to_reference(12, 48, 48, 80).value, 4)
        0.4167
    """
    if reference_won == 0:
        return Estimate.undefined(ZERO_REFERENCE)
    bounds = intervals.ratio(
        won, rows, reference_won, reference_rows, level, limits=intervals.clopper_pearson
    )
    value = won * reference_rows / (rows * reference_won)
    return Estimate(value, as_interval(bounds, level, "MOVER ratio of Clopper-Pearson limits"))


def standardized_difference(
    values: npt.ArrayLike, reference: npt.ArrayLike, level: float = 0.95
) -> Estimate:
    """Standardised mean difference: mean less the reference's mean, over the pooled deviation.

    The interval is linearised: it counts that the pooled deviation is estimated too, and assumes
    neither normal numbers nor equal variances; Student's t with the degrees of freedom of the
    smaller sample, and no variance below the pooled one.

    At 95 % it covered in 95 to 99.9 % of 1,000 draws of normal and of skewed scores (beta) with
    equal and different means, 10 to 200 rows against 10 to 2,000.

    Args:
        values: Shape (n,): scores of the group, n at least 2.
        reference: Shape (m,): scores of the reference, m at least 2.
        level: Level of the interval, in (0, 1).

    Returns:
        The difference in pooled standard deviations; undefined where there is no spread.

    Source:
        Cohen (1988), Statistical Power Analysis, section 2.5; Hedges (1981), J. Educ. Stat. 6:107.

    Example:
        >>> found = standardized_difference([1.0, 2.0, 3.0], [3.0, 4.0, 5.0])
        >>> found.value
        -2.0
    """
    x, y = np.asarray(values, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    parts = (x.size - 1) / (x.size + y.size - 2), (y.size - 1) / (x.size + y.size - 2)
    with np.errstate(over="ignore", invalid="ignore"):
        pooled = float(np.sqrt(parts[0] * x.var(ddof=1) + parts[1] * y.var(ddof=1)))
        size = max(float(np.abs(x).max()), float(np.abs(y).max()))
        if not np.isfinite(pooled):
            return Estimate.undefined(TOO_LARGE)
        if pooled <= SAME * size:
            return Estimate.undefined(NO_SPREAD)
        value = float((x.mean() - y.mean()) / pooled)
        # How much each row moves the value, through its mean and through the deviation.
        pulls = [
            sign * (z - z.mean()) / pooled - value * part * (z - z.mean()) ** 2 / (2 * pooled**2)
            for z, part, sign in ((x, parts[0], 1.0), (y, parts[1], -1.0))
        ]
        # A small sample of skewed scores often shows less spread than there is: no variance is
        # taken below the pooled one, which is 1 here.
        error = float(np.sqrt(sum(max(1.0, pull.var(ddof=1)) / pull.size for pull in pulls)))
    arm = student(min(x.size, y.size), level) * error
    method = "linearised, Student's t, no variance below the pooled one"
    return with_bounds(value, (value - arm, value + arm), level, method)


def largest_standardized(scores: Sequence[FloatArray], level: float = 0.95) -> Estimate:
    """Largest size of the standardized differences of the mean scores of any two groups.

    Args:
        scores: Scores of the k groups, at least 2 of each.
        level: Two-sided level of the simultaneous interval, in (0, 1).

    Returns:
        The difference in standard deviations; undefined where there are fewer than 2 groups, or
        no spread.

    Source:
        `standardized_difference` for the pairs; Bonferroni over the pairs.

    Example:
        >>> found = largest_standardized([np.arange(10.0), np.arange(5.0, 15.0)])
        >>> round(found.value, 3), round(found.interval.low, 3)
        (1.651, 0.581)
    """
    k = len(scores)
    if k < 2:
        return Estimate.undefined(gaps.TOO_FEW)
    each = gaps.pair_level(level, k)
    found = [standardized_difference(a, b, each) for a, b in combinations(scores, 2)]
    known = [one.interval for one in found if one.interval is not None]
    if len(known) < len(found):
        return next(one for one in found if one.interval is None)
    low = max(0.0, *(max(one.low, -one.high) for one in known))
    high = max(max(one.high, -one.low) for one in known)
    value = max(abs(one.value or 0.0) for one in found)
    method = f"{known[0].method}{gaps.over_pairs(k)}"
    return Estimate(value, Interval(low, high, level, method))


def mean_score(scores: FloatArray) -> float | None:
    """Mean score of a group; None where so few rows could give one person away."""
    return float(scores.mean()) if scores.size >= FEWEST_OF_A_MEAN else None


def mean_differences(
    scores: Sequence[FloatArray],
    reference: int | None = None,
    level: float = 0.95,
    *,
    high_is_good: bool = True,
) -> Against:
    """Hold the mean score of every group against that of a reference; see above.

    Args:
        scores: Scores of each group.
        reference: Index of the group that was named; None takes the most favourable mean.
        level: Level that all intervals hold together, in (0, 1).
        high_is_good: Whether a high score is favourable.

    Returns:
        The reference and the standardised differences of the other groups.

    Example:
        >>> groups = [np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0]), np.array([9.0])]
        >>> against = mean_differences(groups)
        >>> against.reference, against.found[0].value, against.found[2].value
        (1, -2.0, None)
    """
    means = [mean_score(part) for part in scores]
    known = [
        (mean if high_is_good else -mean, -i) for i, mean in enumerate(means) if mean is not None
    ]
    top = reference if reference is not None or not known else -max(known)[1]
    if top is None:
        return Against(None, {})
    k = max(len(known), 2)
    each, over = gaps.pair_level(level, k), gaps.over_pairs(k)
    if reference is not None:
        each, over = gaps.shared_level(level, k - 1), _over(k - 1)
    found = {}
    for i, part in enumerate(scores):
        if i == top:
            continue
        if means[i] is None or means[top] is None:
            found[i] = Estimate.undefined(FEW_SCORES if part.size else "no rows")
        else:
            one = standardized_difference(part, scores[top], each)
            found[i] = _together(one, level, over)
    return Against(top, found)


def ratios_to_reference(
    won: IntArray, rows: IntArray, reference: int, level: float = 0.95
) -> Against:
    """Hold the rate of every group against that of a reference named beforehand.

    Args:
        won: Shape (k,): rows of each group with the favourable outcome; unit: rows.
        rows: Shape (k,): rows of each group; unit: rows.
        reference: Index of the reference.
        level: Level that all intervals hold together, in (0, 1).

    Returns:
        The ratios of the other groups.

    Example:
        >>> against = ratios_to_reference(np.array([12, 48]), np.array([48, 80]), 1)
        >>> round(against.found[0].value, 4)
        0.4167
    """
    others = max(int((rows >= 2).sum()) - 1, 1)
    found = {}
    for i, (s, n) in enumerate(zip(won.tolist(), rows.tolist(), strict=True)):
        if i == reference:
            continue
        if min(n, int(rows[reference])) < 2:
            found[i] = Estimate.undefined(WITHHELD if n else "no rows")
            continue
        pair = (s, n, int(won[reference]), int(rows[reference]))
        one = ratio_to_reference(*pair, gaps.shared_level(level, others))
        found[i] = _together(one, level, _over(others))
    return Against(reference, found)


def against_reference(
    column: str,
    labels: Sequence[str],
    codes: IntArray,
    *,
    scores: FloatArray | None,
    favoured: npt.NDArray[np.bool_] | None,
    named: int | None,
    level: float,
    high_is_good: bool,
    slug: str,
) -> Iterator[Measurement | Table]:
    """Measure mean scores and rates of the groups of a column against a reference.

    Args:
        column: The column.
        labels: Names of its k groups.
        codes: Shape (n,): group of each row, -1 where unknown.
        scores: Shape (n,): scores, or None where there are none.
        favoured: Shape (n,): rows with the favourable outcome, or None where nobody knows.
        named: Index of the reference that was named; None takes the most favourable mean.
        level: Level that all intervals of one metric hold together, in (0, 1).
        high_is_good: Whether a high score is favourable.
        slug: End of the name of the table.

    Yields:
        One difference and, where the reference was named, one ratio for each other group; then
        the table, where there is a reference.
    """
    k = len(labels)
    sizes = np.bincount(codes[codes >= 0], minlength=k)
    means: list[float | None] = [None] * k
    apart = ratios = Against(named, {})
    if scores is None:
        everyone = {column: ALL_GROUPS}
        source = "all assessed rows"
        yield MEAN_DIFFERENCE.measure(
            None, n=codes.size, reason=NO_SCORES, source=source, slice=everyone
        )
    else:
        parts = [scores[codes == i] for i in range(k)]
        means = [mean_score(part) for part in parts]
        apart = mean_differences(parts, named, level, high_is_good=high_is_good)
    if named is not None and favoured is not None:
        won = np.bincount(codes[(codes >= 0) & favoured], minlength=k)
        ratios = ratios_to_reference(won, sizes, named, level)
    if apart.reference is None:
        return
    yield from _measured(column, labels, sizes, apart, ratios)
    columns = {MEAN_DIFFERENCE.id: apart.found, NAMED_RATIO.id: ratios.found}
    kept = {metric: found for metric, found in columns.items() if found}
    rows = [
        (
            *(label, int(sizes[i]), means[i]),
            *(cell for found in kept.values() for cell in cells_of(found.get(i))),
            "reference" if i == apart.reference else "compared",
        )
        for i, label in enumerate(labels)
    ]
    whose = "the most favourable mean score" if named is None else "named beforehand"
    source = f"{rows_words(int((codes < 0).sum()))} of unknown group left out; reference: "
    source += f"{quote(labels[apart.reference])}, {whose}"
    if not high_is_good:
        source += "; a high score is unfavourable here"
    yield _table(column, list(kept), rows, source, level, slug)


def _measured(
    column: str, labels: Sequence[str], sizes: IntArray, apart: Against, ratios: Against
) -> Iterator[Measurement]:
    if apart.reference is None:
        return
    best, size = labels[apart.reference], int(sizes[apart.reference])
    for metric, held in ((MEAN_DIFFERENCE, apart), (NAMED_RATIO, ratios)):
        for i, found in held.found.items():
            yield metric.measure(
                found.value,
                interval=found.interval,
                reason=found.reason,
                n=int(sizes[i]) + size,
                source=f"{rows_words(int(sizes[i]))} against {rows_words(size)} of {quote(best)}",
                slice={column: labels[i]},
            )


def _table(
    column: str,
    metrics: Sequence[str],
    rows: Sequence[tuple[Cell, ...]],
    source: str,
    level: float,
    slug: str,
) -> Table:
    numbers = (f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high"))
    return Table(
        name=f"lending-{slug}",
        title=f"As lenders look at it, by {column}",
        columns=("group", "n", "mean_score", *numbers, "standing"),
        rows=tuple(rows),
        source=f"{source}. Every row counts the same. Mean score less that of the reference, over "
        "the pooled standard deviation of both; the ratio only against a reference that was "
        f"named. Intervals of a column hold together at {100 * level:g} %",
        chart="lending",
    )


def _over(comparisons: int) -> str:
    return "" if comparisons == 1 else f", Bonferroni over {comparisons:,} comparisons"


def _together(one: Estimate, level: float, over: str) -> Estimate:
    """Say at which level an interval holds together with the others of its family."""
    if one.interval is None:
        return one
    held = replace(one.interval, level=level, method=f"{one.interval.method}{over}")
    return replace(one, interval=held)
