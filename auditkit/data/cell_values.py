"""What an engine counted, as a table whose entries are cells: the values that rows would hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from auditkit.data.cell_query import MOST_CELLS, Plan, Query, cell_query, extremes_query
from auditkit.data.frames import frame_of
from auditkit.data.places import Place
from auditkit.data.reading import typed
from auditkit.data.warehouse import gave
from auditkit.errors import Problem, quote
from auditkit.methods.calibration import NO_PROBABILITIES
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.roles import Roles
from auditkit.scoring import THRESHOLD

#: Weights are added up as they are where the heaviest lies between these.
_LIGHT, _HEAVY = 1e-100, 1e100
#: Edges that tell where a score selects, and whether it is no probability.
_PROBABLE = [0.0, THRESHOLD, float(np.nextafter(1, 2))]
#: Why scores are not counted by bin.
TOO_MANY_BINS = f"bins would make more than {MOST_CELLS:,} cells; name fewer sensitive columns"
WEIGHTED_BINS = "rows have weights"
UNASKED_BINS = "nobody asked"
WHOLE_SCORES = "the score is a sensitive column too"
#: Beyond this a number has no fraction.
_WHOLE = 2.0**52


@dataclass(frozen=True)
class Weights:
    """What is known of the weights of cells; each of shape (cells,).

    Attributes:
        low: Lowest weight.
        high: Highest weight.
        sums: Sum of weights, in a unit of their own.
        squares: Sum of squared weights, in the square of that unit.
        unit: That unit, as a weight.
    """

    low: FloatArray
    high: FloatArray
    sums: FloatArray
    squares: FloatArray
    unit: float


@dataclass(frozen=True)
class Bins:
    """What is known of the scores of cells; each of shape (cells,).

    Attributes:
        bin: Bin of the scores, or `histogram.OUTSIDE`.
        sums: Sum of the scores.
        low: Lowest score.
        high: Highest score.
    """

    bin: IntArray
    sums: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class CellValues:
    """What an engine counted.

    Attributes:
        frame: A value of each column in each cell, typed as those of rows: the value where the
            column was kept whole; a number of the same part where it was cut.
        n: Shape (cells,): rows of each cell.
        weights: What is known of the weights, or None.
        scores: The lowest and the highest score, in a column as of two rows, where nobody says
            which select; else any scores.
        sql: The statement that counted.
        problems: Numbers that are written so that the engine cannot tell them.
        bins: What is known of the scores by bin; a reason where they were not counted so, and None
            where there are no scores.
    """

    frame: pd.DataFrame
    n: npt.NDArray[np.int64]
    weights: Weights | None
    scores: pd.DataFrame
    sql: str
    problems: tuple[Problem, ...] = ()
    bins: Bins | str | None = None


def cell_values(
    place: Place, roles: Roles, threshold: float | None, *, bins: bool = True
) -> CellValues:
    """Have an engine count.

    Args:
        place: The table.
        roles: Which column plays which part; all are there.
        threshold: Where a score selects, or None for the usual.
        bins: Whether scores are counted by bin too.

    Returns:
        What it counted. Sums are rounded to 12 digits: what is lower depends on the order in which
        an engine adds up. Scores are counted by bin too, unless rows have weights, or the bins
        would make more than `MOST_CELLS` cells: then it counts once more, without.
    """
    plan = _plan(place, roles, threshold)
    if not bins:
        plan = replace(plan, binned=None)
    query, cells = _asked(place, plan)
    many = plan.binned is not None and cells.num_rows > MOST_CELLS
    if many:
        plan = replace(plan, binned=None)
        query, cells = _asked(place, plan)
    weights = _weights(query, cells, plan)
    if weights is not None and cells.num_rows:
        heaviest = float(np.nanmax([0.0, *weights.high]))
        if 0 < heaviest < np.inf and not _LIGHT < heaviest < _HEAVY:
            query, cells = _asked(place, replace(plan, scale=heaviest))
            weights = _weights(query, cells, plan)
    frame = _frame(place, query, cells, plan)
    if plan.weight is not None and weights is not None:
        frame[plan.weight] = weights.low
    problems = _take_in_odd(frame, place.name, query, cells)
    return CellValues(
        frame=frame,
        n=cells[query.n].to_pandas().to_numpy(dtype=np.int64),
        weights=weights,
        scores=_scores(place, plan, frame, roles.score, threshold),
        sql=str(place.engine.compile(query.expression, pretty=True)),
        problems=tuple(problems),
        bins=TOO_MANY_BINS if many else _bins(query, cells, plan, roles, wanted=bins),
    )


def _plan(place: Place, roles: Roles, threshold: float | None) -> Plan:
    """Which columns are told apart by every value, and which only at edges."""
    cut = {name: sorted(map(float, edges)) for name, edges in roles.bands.items()}
    named = [roles.label, roles.prediction, *(s for s in roles.sensitive if s not in cut)]
    if roles.score in cut:  # a group by itself too
        named.append(roles.score)
    elif roles.score is not None:
        cut[roles.score] = _PROBABLE if threshold is None else [float(threshold)]
    whole = tuple(dict.fromkeys(name for name in named if name is not None))
    single = [name for name in (*cut, roles.weight) if name is not None and name not in whole]
    numeric = [name for name in single if place.text or place.type_of(name).is_numeric()]
    binned = roles.weight is None and roles.score in cut and roles.score in numeric
    return Plan(
        called=place.called,
        whole=whole,
        cut={name: cut[name] for name in numeric if name in cut},
        bands=tuple(roles.bands),
        some=tuple(name for name in single if name not in numeric),
        weight=next((name for name in numeric if name not in cut), None),
        text=place.text,
        binned=roles.score if binned else None,
    )


def _asked(place: Place, plan: Plan) -> tuple[Query, Any]:
    from ibis.expr import operations

    query = cell_query(place.table, plan, nan=place.engine.has_operation(operations.IsNan))
    return query, gave(place.engine, query.expression)


def _column(cells: Any, name: str) -> FloatArray:  # noqa: ANN401 - untyped library
    values: FloatArray = cells[name].cast("float64").to_pandas().to_numpy()
    return values


def _weights(query: Query, cells: Any, plan: Plan) -> Weights | None:  # noqa: ANN401 - untyped library
    if plan.weight is None:
        return None
    low, high, sums, squares = (_column(cells, name) for name in query.weights)
    return Weights(low, high, _rounded(sums), _rounded(squares), plan.scale)


def _bins(
    query: Query,
    cells: Any,  # noqa: ANN401 - untyped library
    plan: Plan,
    roles: Roles,
    *,
    wanted: bool,
) -> Bins | str | None:
    if plan.binned is None:
        if roles.score is None or not wanted:
            return None if roles.score is None else UNASKED_BINS
        return WEIGHTED_BINS if roles.weight else WHOLE_SCORES
    place, sums, low, high = (_column(cells, name) for name in query.bins)
    if (place < 0).any():
        return NO_PROBABILITIES
    return Bins(place.astype(np.int64), _rounded(sums), low, high)


def _rounded(sums: FloatArray) -> FloatArray:
    """Round to 40 bits."""
    part, power = np.frexp(sums)
    rounded: FloatArray = np.ldexp(np.rint(np.ldexp(part, 40)), power - 40)
    return rounded


def _frame(place: Place, query: Query, cells: Any, plan: Plan) -> pd.DataFrame:  # noqa: ANN401 - untyped library
    """The values, their types told as those of rows, and the categories that a file declares."""
    import pyarrow as pa

    whole = pa.table({name: cells[held] for name, held in query.value_of.items()})
    if place.text and query.value_of:
        whole = typed(whole)
    frame = frame_of(whole, whole.column_names)
    for name, edges in plan.cut.items():
        frame[name] = _numbers(query, cells, name, edges)
    for name in map(str, frame):
        declared = place.categories(name)
        if declared is not None:
            known = None if name in plan.cut else declared
            frame[name] = pd.Categorical(frame[name], categories=known)
    return frame


def _numbers(query: Query, cells: Any, name: str, edges: Sequence[float]) -> FloatArray:  # noqa: ANN401 - untyped library
    """A number of each part, with a fraction where the part has any."""
    first = min(np.floor(edges[0]) - 1, np.nextafter(edges[0], -np.inf)) if edges else 0.0
    starts = np.array([-np.inf, first, *edges, np.inf])
    part = _column(cells, query.parts[name])
    known = ~np.isnan(part)
    numbers = np.full(len(part), np.nan)
    numbers[known] = starts[part[known].astype(np.int64)]
    if name not in query.fractions:
        return numbers
    fraction = cells[query.fractions[name]].cast("float64").to_pandas().to_numpy() == 1
    numbers[fraction] = np.nextafter(np.maximum(numbers[fraction], -_WHOLE), np.inf)
    return numbers


def _take_in_odd(
    frame: pd.DataFrame,
    table: str,
    query: Query,
    cells: Any,  # noqa: ANN401 - untyped library
) -> list[Problem]:
    """Put texts where numbers are wanted; give those that other readers take for numbers."""
    import pyarrow as pa
    from pyarrow import compute

    problems = []
    for name, held in query.odd.items():
        odd = cells[held]
        if odd.null_count == len(odd):
            continue
        numbers = pa.array(["1" if known else None for known in frame[name].notna()], pa.string())
        told = typed(pa.table({name: compute.coalesce(odd, numbers)}))
        frame[name] = frame_of(told, [name])[name]
        if not is_numeric_dtype(frame[name]) or is_bool_dtype(frame[name]):
            continue
        found = f"numbers written as {quote(compute.min(odd).as_py())}"
        hint = "Write them as other numbers are, or have the rows read."
        expected = "numbers in plain digits, to be counted"
        problems.append(Problem(f"{table} column {quote(name)}", found, expected, hint))
    return problems


def _scores(
    place: Place, plan: Plan, frame: pd.DataFrame, score: str | None, threshold: float | None
) -> pd.DataFrame:
    """Scores that show whether a threshold is needed; the true extremes where it is."""
    if score is None:
        return pd.DataFrame()
    scores = frame[[score]]
    if score not in plan.cut or threshold is not None or not is_numeric_dtype(scores[score]):
        return scores
    if scores[score].min() >= 0 and scores[score].max() <= 1:
        return scores
    found = gave(place.engine, extremes_query(place.table, plan, score))
    return pd.DataFrame({score: [*_column(found, "low"), *_column(found, "high")]})
