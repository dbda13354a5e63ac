"""Tables of other libraries: polars, pyarrow and whatever else hands over Arrow, made frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import pandas as pd

from auditkit.errors import InputError, Problem, quote

#: Whole numbers beyond this are not exact as a float.
_EXACT = 2**53


class ArrowTable(Protocol):
    """A table that hands over its rows as Arrow data, by the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand over the rows."""
        ...


#: What may be given where a table of rows is needed.
FrameLike = pd.DataFrame | ArrowTable


def as_frame(table: object, where: str) -> pd.DataFrame:
    """Take a table of any library that hands over Arrow data.

    Args:
        table: A pandas or polars DataFrame, a pyarrow Table, a relation of DuckDB or Ibis, or
            anything else with `__arrow_c_stream__` or `__dataframe__`.
        where: What to call it in a message.

    Returns:
        A frame as `auditkit.data.read` gives of a file with the same columns: categories stay,
        those without a row too, and what is null is missing. A pandas DataFrame as it is.

    Raises:
        InputError: If it is no such table, or has a column twice.

    Example:
        >>> import pyarrow as pa
        >>> as_frame(pa.table({"sex": ["F", None], "hired": [True, False]}), "rows").dtypes.tolist()
        [<StringDtype(na_value=nan)>, dtype('bool')]
    """
    if isinstance(table, pd.DataFrame):
        _unique(table.columns.tolist(), where)
        return table
    import pyarrow as pa
    from pyarrow import interchange

    try:
        if hasattr(table, "__arrow_c_stream__"):
            arrow = pa.table(table)
        elif hasattr(table, "__dataframe__"):
            arrow = interchange.from_dataframe(table)
        else:
            raise InputError([_no_table(table, where)])
    except (pa.ArrowException, NotImplementedError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        found = f"a {type(table).__name__} that gives no rows ({quote(error)})"
        raise InputError([Problem(where, found, "a table")]) from None
    _unique(arrow.column_names, where)
    return frame_of(arrow, arrow.column_names)


def _no_table(table: object, where: str) -> Problem:
    kind = type(table)
    hint = ""
    if hasattr(table, "collect"):
        hint = "Collect it first."
    elif hasattr(table, "toArrow"):
        hint = "Give its toArrow()."
    elif isinstance(table, str) or hasattr(table, "__fspath__"):
        hint = "Read the file first: auditkit.data.read_table(path)."
    elif isinstance(table, dict | list) or hasattr(table, "__array__"):
        hint = "Give the columns names: pandas.DataFrame(values, columns=[...])."
    found = f"a {kind.__module__.partition('.')[0]} {kind.__name__}".replace("a builtins ", "a ")
    expected = "a pandas or polars DataFrame, a pyarrow Table, or another with Arrow data"
    return Problem(where, found, expected, hint)


def _unique(names: Sequence[object], where: str) -> None:
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        found = [f"column {quote(name)} twice" for name in twice]
        raise InputError([Problem(where, what, "one of each") for what in found])


def frame_of(table: Any, columns: Sequence[str]) -> pd.DataFrame:  # noqa: ANN401 - untyped library
    """Make a frame of plain columns: what pandas once noted about them is not taken up.

    Args:
        table: A `pyarrow.Table`.
        columns: Columns to keep.

    Returns:
        The frame. Decimals become numbers; whole numbers that a missing value would make floats
        stay whole where they would lose digits.
    """
    import pyarrow as pa

    older = [field.with_type(_older(field.type)) for field in table.schema]
    table = table.cast(pa.schema(older))
    exact = {}
    for i, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(i, field.name, _from_decimal(table.column(i)))
        if _loses_digits(table.column(i)):
            exact[field.name] = pd.array(table.column(i).to_pandas(types_mapper=_whole))
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, split_blocks=True)
    for name, values in exact.items():
        frame[name] = values
    return frame[list(columns)]


def _older(kind: Any) -> Any:  # noqa: ANN401 - untyped library
    """The type, where it holds texts of the newer kind that pandas cannot take out of lists."""
    import pyarrow as pa

    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.large_list(_older(kind.value_type))
    return kind


def _from_decimal(column: Any) -> Any:  # noqa: ANN401 - untyped library
    import pyarrow as pa

    whole = column.type.scale == 0 and column.type.precision <= 18
    return column.cast(pa.int64() if whole else pa.float64())


def _loses_digits(column: Any) -> bool:  # noqa: ANN401 - untyped library
    """Whether a whole number would lose digits as a float, which a missing value makes it."""
    import pyarrow as pa
    from pyarrow import compute

    if not (pa.types.is_integer(column.type) and column.null_count):
        return False
    ends = compute.min_max(column).as_py()
    return any(end is not None and abs(end) > _EXACT for end in ends.values())


def _whole(kind: Any) -> Any:  # noqa: ANN401 - untyped library
    import pyarrow as pa

    return pd.UInt64Dtype() if pa.types.is_unsigned_integer(kind) else pd.Int64Dtype()
