"""The Open Inference Protocol, version 2, over JSON: requests out of rows, numbers out of answers.

Source:
    "Open Inference Protocol", HTTP/REST, of the KServe project: `POST v2/models/NAME/infer`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.encoding.raw import UnfitError, demand, gather
from auditkit.errors import ModelError, quote
from auditkit.models.inputs import is_number_column, matrix, number_column, text_column
from auditkit.models.outputs import told

#: How rows are laid out: one tensor of all features, or one a column.
Layout = Literal["tensor", "columns"]
#: What becomes of a missing value: JSON has no NaN.
Missing = Literal["refuse", "null"]
#: Types of tensors whose data are numbers.
NUMBERS = ("FP64", "FP32", "FP16", "BF16", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32",
           "UINT16", "UINT8")  # fmt: skip
#: Deepest nesting of data that is read.
_DEPTH = 8


@dataclass(frozen=True)
class Tensor:
    """One input, for all rows.

    Attributes:
        name: Its name.
        datatype: "FP64" or "BYTES".
        values: Shape (n, width): floats, NaN where missing, or text, None where missing.
    """

    name: str
    datatype: str
    values: npt.NDArray[Any]

    def part(self, start: int, stop: int) -> dict[str, Any]:
        """The input for some rows, as the protocol writes it."""
        values = self.values[start:stop]
        return {
            "name": self.name,
            "shape": list(values.shape),
            "datatype": self.datatype,
            "data": [None if _is_missing(value) else value for value in values.ravel().tolist()],
        }


def tensors(
    rows: pd.DataFrame,
    features: Sequence[str],
    layout: Layout,
    name: str = "input-0",
    missing: Missing = "refuse",
) -> list[Tensor]:
    """Lay out rows.

    Args:
        rows: Raw rows; other columns are ignored.
        features: Columns to send, in this order.
        layout: One tensor of all features, which must then be numbers, or one a column, of
            numbers (FP64) or text (BYTES), each of shape (n, 1).
        name: Name of the one tensor.
        missing: Whether a missing value is refused, or sent as null.

    Returns:
        The tensors.

    Raises:
        InputError: If a feature is missing, holds what cannot be sent, or misses values that are
            refused; all are listed.

    Example:
        >>> rows = pd.DataFrame({"age": [30, 40], "sex": ["F", "M"]})
        >>> [(one.name, one.datatype) for one in tensors(rows, ["age", "sex"], "columns")]
        [('age', 'FP64'), ('sex', 'BYTES')]
    """
    demand(rows, features)
    found = gather((one, lambda one=one: _column(rows, one, layout, missing)) for one in features)  # type: ignore[misc]
    if layout == "columns":
        return found
    return [Tensor(name, "FP64", matrix(rows, features, np.float64))]


def _column(rows: pd.DataFrame, name: str, layout: Layout, missing: Missing) -> Tensor:
    number = layout == "tensor" or is_number_column(rows, name)
    values = number_column(rows, name, np.float64) if number else text_column(rows, name)
    gone = int(pd.isna(values).sum())
    if gone and missing == "refuse":
        raise UnfitError(
            f"{gone:,} missing values, which the protocol cannot carry",
            "a value in every row, or missing = 'null' where the server reads null as missing",
        )
    return Tensor(name, "FP64" if number else "BYTES", values[:, None])


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def request(
    inputs: Sequence[Tensor],
    start: int,
    stop: int,
    output: str,
    parameters: Mapping[str, Any],
) -> bytes:
    """Write a request for some rows.

    Args:
        inputs: The tensors of all rows.
        start: First row.
        stop: Row after the last.
        output: Name of the output to ask for.
        parameters: Parameters of the request, as the server wants them.

    Returns:
        JSON text.
    """
    body: dict[str, Any] = {
        "inputs": [one.part(start, stop) for one in inputs],
        "outputs": [{"name": output}],
    }
    if parameters:
        body["parameters"] = dict(parameters)
    return json.dumps(body, allow_nan=False).encode()


def answered(content: bytes, output: str, who: str) -> npt.NDArray[np.float64]:
    """Read the numbers of an answer.

    Args:
        content: The answer.
        output: Name of the output that was asked for.
        who: What to call the server in a message.

    Returns:
        The numbers, in the shape that the answer declares; null as NaN.

    Raises:
        ModelError: If it is no answer of the protocol; says what came back.

    Example:
        >>> content = b'{"outputs":[{"name":"p","shape":[1,2],"datatype":"FP64","data":[0,1]}]}'
        >>> answered(content, "p", "the server").tolist()
        [[0.0, 1.0]]
    """
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{who} answered with no JSON ({told(error)}): {_shown(content)}"
        ) from None
    outputs = whole.get("outputs") if isinstance(whole, dict) else None
    if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
        raise ModelError(f"{who} answered without a list of outputs: {_shown(content)}")
    fitting = [one for one in outputs if one.get("name") == output]
    if len(fitting) != 1:
        names = ", ".join(quote(one.get("name")) for one in outputs[:12]) or "none"
        raise ModelError(f"{who} gave the outputs {names}, expected one named {quote(output)}")
    return _table(fitting[0], f"{who} output {quote(output)}")


def _table(output: Mapping[str, Any], who: str) -> npt.NDArray[np.float64]:
    shape, datatype = output.get("shape"), output.get("datatype")
    if not isinstance(datatype, str) or datatype not in NUMBERS:
        raise ModelError(f"{who} is of type {quote(datatype)}, expected numbers such as FP64")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise ModelError(f"{who} is of shape {quote(shape)}, expected a list of whole numbers")
    if not isinstance(output.get("data"), list):
        raise ModelError(f"{who} holds no list of data: {quote(output.get('data'))}")
    try:
        values = np.fromiter((_number(one) for one in _flat(output["data"])), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{who} holds {error}") from None
    if math.prod(shape) != len(values):
        raise ModelError(f"{who} holds {len(values):,} numbers, but declares shape {quote(shape)}")
    return values.reshape(shape)


def _flat(data: Sequence[Any], depth: int = 1) -> Iterator[Any]:
    """Data are written flat, or nested as deep as the tensor has dimensions."""
    if depth > _DEPTH:
        raise ValueError(f"data nested more than {_DEPTH} deep")
    for one in data:
        if isinstance(one, list):
            yield from _flat(one, depth + 1)
        else:
            yield one


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{quote(value)} where a number is needed")
    return float(value)


def _shown(content: bytes) -> str:
    return told(content[:10_000].decode("utf-8", "replace"))
