"""What another threshold would do: accuracy, who is selected, and the gaps between groups."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Cell, Table
from auditkit.methods import gaps, intervals
from auditkit.methods.cells import RATES, count_cells
from auditkit.methods.count_metrics import Counted
from auditkit.methods.crossing import cross
from auditkit.methods.estimates import FloatArray, cells_of
from auditkit.methods.group_tasks import Grouped

#: Thresholds that are tried beside the one in use.
THRESHOLDS = 19
#: Rows that a rate of a group rests on, at least: many thresholds together tell much of a few.
FEWEST = 50
#: Rates whose gap is given, and the name of the gap.
_GAPS = (
    ("selection_rate", "demographic_parity_difference"),
    ("true_positive_rate", "equal_opportunity_difference"),
)


def thresholds(score: npt.ArrayLike, in_use: float) -> FloatArray:
    """Choose the thresholds to try: even steps over the scale, and the one in use.

    Args:
        score: Shape (n,): scores, at least one.
        in_use: The threshold in use.

    Returns:
        Ascending. Scores from 0 to 1 are cut at 0.05, 0.10, ..., 0.95; others evenly between
        their 2.5 % and 97.5 % quantiles, to 3 digits, which give no one's score away.

    Example:
        >>> thresholds([0.2, 0.7], 0.52).tolist()[8:12]
        [0.45, 0.5, 0.52, 0.55]
    """
    held = np.asarray(score, dtype=np.float64)
    if held.min() >= 0 and held.max() <= 1:
        steps = np.arange(1, THRESHOLDS + 1) / (THRESHOLDS + 1)
    else:
        low, high = np.quantile(held, (0.025, 0.975))
        steps = np.array([float(f"{at:.3g}") for at in np.linspace(low, high, THRESHOLDS)])
    return np.unique([*np.round(steps, 12), in_use])


def sweep(rows: Grouped, in_use: float, level: float, least: int) -> Table | None:
    """Decide anew at each threshold, and measure what becomes of it.

    Args:
        rows: Rows with groups, outcomes of 0 or 1, and scores as predictions.
        in_use: The threshold in use; a row is selected where its score is at least it.
        level: Two-sided level of the intervals, in (0, 1); simultaneous over groups, not over
            thresholds.
        least: Rows that a rate of a group must rest on; never fewer than `FEWEST`.

    Returns:
        A line for each sensitive column and threshold; None where no column has two groups that
        can be compared.

    Example:
        >>> sex, y = np.repeat([0, 1], 200), np.tile([0, 1], 200)
        >>> rows = Grouped({"sex": sex}, {"sex": ("F", "M", "unknown")}, y, y * 0.6 + 0.2)
        >>> table = sweep(rows, 0.5, 0.95, 10)
        >>> len(table.rows), table.rows[9][:5]
        (19, ('sex', 0.5, True, 400, 1.0))
    """
    least = max(least, FEWEST)
    lines = [line for name in rows.codes for line in _lines(rows, name, in_use, level, least)]
    if not lines:
        return None
    weighed = "" if rows.weights is None else ", weighted"
    bounded = ("accuracy", *(gap for _, gap in _GAPS))
    accuracy, first, second = ((name, f"{name}_low", f"{name}_high") for name in bounded)
    return Table(
        name="thresholds",
        title="What other thresholds would do",
        columns=(
            *("attribute", "threshold", "in_use", "n"),
            *(*accuracy, "selection_rate", *first, *second),
        ),
        rows=tuple(lines),
        source=f"assessed rows{weighed}, decided anew at each threshold: selected where the score "
        f"is at least it; groups with at least {least:,} rows to be compared; intervals at "
        f"{100 * level:g} % as of the same numbers elsewhere, each for its threshold alone, so a "
        "threshold chosen here has to be measured on other rows",
        chart="threshold-sweep",
    )


def _lines(
    rows: Grouped, name: str, in_use: float, level: float, least: int
) -> Iterator[tuple[Cell, ...]]:
    """The lines of one column, none where fewer than two of its groups can be compared."""
    score, size = rows.y_pred, rows.sizes[name]
    sizes = np.bincount(rows.codes[name][rows.codes[name] >= 0], minlength=size)
    if (sizes >= least).sum() < 2:
        return
    for at in thresholds(score, in_use).tolist():
        chosen = (score >= at).astype(np.int64)
        codes = {name: rows.codes[name]}
        cells = count_cells(codes, {name: size}, rows.y_true, chosen, rows.weights)
        everyone = Counted(cells.table(), cells.sums())
        right = intervals.share(*everyone.share(RATES["accuracy"]), level)
        selected, total = everyone.share(RATES["selection_rate"])
        crossing = cross(cells, rows.labels, [name])
        numbers: list[Cell] = [*cells_of(right), selected / total]
        for rate, _ in _GAPS:
            held = crossing.compare(RATES[rate], least)
            numbers += cells_of(held.estimate(gaps.difference, level))
        yield (name, at, at == in_use, len(score), *numbers)
