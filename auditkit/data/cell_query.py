"""One Ibis expression that counts the rows of a table, whatever engine holds it.

Each column is either kept whole, so that every value of it is told apart, or it holds numbers and
is cut at edges: then only the number of the part leaves the engine, no score and no age. Scores may
be counted by bin too, and then their sums leave it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auditkit.data.files import MISSING_TEXT
from auditkit.methods.histogram import BINS, OUTSIDE, place_of

#: Cells beyond which counting is no help; unit: cells.
MOST_CELLS = 1_000_000
#: The largest finite number.
_LARGEST = sys.float_info.max
#: From here on every number is whole.
_WHOLE = 2**53
#: How every reader writes a number in a file of text.
_NUMBER = (
    r"^[ \t]*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    r"|[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN])[ \t]*$"
)


@dataclass(frozen=True)
class Plan:
    """What is told apart.

    Attributes:
        called: Column to what the engine calls it.
        whole: Columns of which every value is told apart.
        cut: Column of numbers to the edges that it is cut at; a part holds its lower edge.
        bands: Those of them of which it matters whether all numbers are whole.
        some: Columns of which any one value will do.
        weight: Column of weights to add up, or None. Negative ones and zeros are told apart.
        scale: What weights are divided by, so that their squares can be held.
        text: Whether every column is text, as in a CSV file.
        binned: Column of scores to count by bin as well, one of `cut`; or None.
    """

    called: Mapping[str, str]
    whole: tuple[str, ...] = ()
    cut: Mapping[str, Sequence[float]] = field(default_factory=dict)
    bands: tuple[str, ...] = ()
    some: tuple[str, ...] = ()
    weight: str | None = None
    scale: float = 1.0
    text: bool = False
    binned: str | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that are read as numbers."""
        return (*self.cut, *(() if self.weight is None else (self.weight,)))


@dataclass(frozen=True)
class Query:
    """An expression, and what its columns are called.

    Attributes:
        expression: The expression; at most one cell more than `MOST_CELLS`.
        value_of: Column of the table that is kept whole to the one that holds its value.
        parts: Column that is cut to the one that holds the number of the part, from 0: below every
            number, below the first edge, from each edge on, above every number.
        fractions: Column of bands to the one that says whether any number is not whole.
        odd: Column of text to the one that holds a text of the cell that no number is.
        n: Column of the number of rows.
        weights: Columns of the lowest weight, the highest, the sum, and the sum of squares.
        bins: Columns of the bin of the score, the sum of the scores, the lowest and the highest,
            where it is counted.
    """

    expression: Any
    value_of: Mapping[str, str]
    parts: Mapping[str, str]
    fractions: Mapping[str, str]
    odd: Mapping[str, str]
    n: str
    weights: tuple[str, str, str, str]
    bins: tuple[str, str, str, str]


def cell_query(source: Any, plan: Plan, *, nan: bool) -> Query:  # noqa: ANN401 - untyped library
    """Count rows by the values of columns.

    Args:
        source: An Ibis table.
        plan: What is told apart.
        nan: Whether the engine can tell a NaN, which counts as missing.

    Returns:
        The expression.

    Example:
        >>> import ibis
        >>> people = ibis.table({"sex": "string", "score": "float64"}, name="people")
        >>> plan = Plan({"sex": "sex", "score": "score"}, ("sex",), {"score": [0.5]})
        >>> made = cell_query(people, plan, nan=True)
        >>> made.expression.columns
        ('sex', 'score_part', 'n')
        >>> "GROUP BY" in ibis.to_sql(made.expression, dialect="bigquery")
        True
    """
    names = _Names(source.columns)
    whole = {name: plan.called[name] for name in plan.whole}
    parts = {name: names(f"{name}_part") for name in plan.numbers}
    numbers = {name: names(f"{name}_number") for name in plan.numbers}
    read = [plan.called[name] for name in (*whole, *plan.numbers, *plan.some)]
    shown = {column: source[column] for column in read}
    for name in plan.numbers:
        number = _number(source[plan.called[name]], text=plan.text)
        shown |= {parts[name]: _part(number, plan, name, nan=nan), numbers[name]: number}
    bins = (names("score_bin"), names("score_sum"), names("score_low"), names("score_high"))
    ends = names("score_end")
    if plan.binned is not None:
        shown[ends] = _from_end(_number(source[plan.called[plan.binned]], text=plan.text))
    rows = source.select(**shown)
    n = names("n")
    weights = (names("lightest"), names("heaviest"), names("weights"), names("squares"))
    some = {name: names(f"{name}_some") for name in plan.some}
    fractions = {name: names(f"{name}_fraction") for name in plan.cut if name in plan.bands}
    odd = {name: names(f"{name}_odd") for name in plan.numbers if plan.text}
    sums = {n: rows.count()} | {held: rows[plan.called[name]].min() for name, held in some.items()}
    sums |= {held: _is_fraction(rows[numbers[name]]).any() for name, held in fractions.items()}
    for name, held in odd.items():
        text = rows[plan.called[name]]
        sums[held] = text.min(where=rows[numbers[name]].isnull() & text.notin(MISSING_TEXT))
    if plan.weight is not None:
        weight = rows[numbers[plan.weight]]
        scaled = weight if plan.scale == 1 else weight / plan.scale
        found = (weight.min(), weight.max(), scaled.sum(), (scaled * scaled).sum())
        sums |= dict(zip(weights, found, strict=True))
    by_bin = []
    if plan.binned is not None:
        score = rows[numbers[plan.binned]]
        by_bin = [_bin(score, rows[ends]).name(bins[0])]
        sums |= dict(zip(bins[1:], (score.sum(), score.min(), score.max()), strict=True))
    cells = rows.group_by([*whole.values(), *parts.values(), *by_bin]).aggregate(**sums)
    limited = cells.limit(MOST_CELLS + 1)
    return Query(limited, whole | some, parts, fractions, odd, n, weights, bins)


def extremes_query(source: Any, plan: Plan, name: str) -> Any:  # noqa: ANN401 - untyped library
    """The lowest and the highest number of a column, in the two columns of one row."""
    number = _number(source[plan.called[name]], text=plan.text)
    return source.aggregate(low=number.min(), high=number.max())


class _Names:
    """Gives names that no column has; engines may not tell case apart."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = {name.casefold() for name in taken}

    def __call__(self, name: str) -> str:
        while name.casefold() in self._taken:
            name += "_"
        self._taken.add(name.casefold())
        return name


def _number(column: Any, *, text: bool) -> Any:  # noqa: ANN401 - untyped library
    """The numbers of a column; missing where it is text and holds something else."""
    import ibis

    if not text:
        return column.cast("float64")
    read = column.strip().try_cast("float64")
    return ibis.ifelse(column.re_search(_NUMBER), read, ibis.null("float64"))


def _part(number: Any, plan: Plan, name: str, *, nan: bool) -> Any:  # noqa: ANN401 - untyped library
    """Which part a number lies in; null where it is missing. What is infinite has parts alone."""
    import ibis

    missing = number.isnull() | number.isnan() if nan else number.isnull()
    if name == plan.weight:
        steps = [number < 0, number == 0]
    else:
        steps = [number < -_LARGEST, *(number < edge for edge in plan.cut[name])]
    held = enumerate([*steps, number <= _LARGEST])
    end = len(steps) + 1
    return ibis.cases((missing, ibis.null("int16")), *((step, i) for i, step in held), else_=end)


def _from_end(score: Any) -> Any:  # noqa: ANN401 - untyped library
    """How far a score is from the nearer end of 0 to 1; 0 outside: nothing is divided by 0."""
    import ibis

    return ibis.greatest(ibis.least(score, 1 - score), 0.0)


def _bin(score: Any, distance: Any) -> Any:  # noqa: ANN401 - untyped library
    """The bin of a score as `histogram.bin_of` has it; what has none is not told apart."""
    import ibis

    inside = (score >= 0) & (score <= 1)
    steps = ibis.least(place_of(distance, BINS).floor().cast("float64"), BINS / 2 - 1)
    middle = (BINS - 1) / 2
    place = ibis.ifelse(score < 1 / 2, -1, 1) * (middle - steps) + middle
    return ibis.ifelse(inside, place, float(OUTSIDE)).cast("int32")


def _is_fraction(number: Any) -> Any:  # noqa: ANN401 - untyped library
    import ibis

    far = number.abs() >= _WHOLE
    return ibis.ifelse(far, ibis.literal(False), number != number.floor())  # noqa: FBT003
