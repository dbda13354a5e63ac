"""ONNX models through onnxruntime, on the CPU and on one thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.encoding.raw import UnfitError, demand, gather
from auditkit.errors import InputError, ModelError, Problem, quote
from auditkit.models.archives import digest, read_model_file, refuse
from auditkit.models.inputs import matrix, settle_features, text_column
from auditkit.models.onnx_session import open_session
from auditkit.models.outputs import (
    Output,
    Reading,
    class_index,
    reading,
    says_probability,
    settle_output,
    told,
)
from auditkit.models.settings import ClassName, FileSettings, both, read_settings
from auditkit.roles import Task

#: Rows scored at once, where the model does not fix it.
ROWS_AT_ONCE = 8_192
#: Types of tensors that rows can be turned into.
DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}
#: Types of outputs that may be scores: tables of numbers, and lists of {class: probability}.
SCORES = ("tensor(float)", "tensor(double)", "tensor(float16)")
MAPS = ("seq(map(string,tensor(float)))", "seq(map(int64,tensor(float)))")


class OnnxSettings(FileSettings):
    """`[subject.model]` of an ONNX file.

    Attributes:
        output: What the numbers of a classifier are; needed where the name of the output does not
            say that they are probabilities.
        output_name: Which output holds the scores, where there are several.
        classes: Names of the classes in the order of the columns.
    """

    output: Output | None = None
    output_name: str | None = None
    classes: list[ClassName] | None = None


@dataclass(frozen=True)
class Input:
    """One input of the network.

    Attributes:
        name: Its name.
        dtype: Type of its numbers; object for text.
        columns: Features that fill it.
        flat: Whether it has one dimension.

    Example:
        >>> rows = pd.DataFrame({"b": [1, 2], "a": [3.0, 4.0]})
        >>> Input("x", np.float32, ("a", "b")).filled(rows).tolist()
        [[3.0, 1.0], [4.0, 2.0]]
    """

    name: str
    dtype: Any
    columns: tuple[str, ...]
    flat: bool = False

    def filled(self, rows: pd.DataFrame) -> npt.NDArray[Any]:
        """Values of rows: shape (n, columns), or (n,) where it is flat.

        Raises:
            InputError: If a column holds something else; all are listed.
        """
        if self.dtype is not np.object_:
            table = matrix(rows, self.columns, self.dtype)
        else:
            columns = gather((name, lambda name=name: _text(rows, name)) for name in self.columns)  # type: ignore[misc]
            table = np.stack(columns, axis=1)
        return table[:, 0] if self.flat else table


def _text(rows: pd.DataFrame, name: str) -> npt.NDArray[np.object_]:
    values = text_column(rows, name)
    missing = sum(value is None for value in values)
    if missing:
        raise UnfitError(f"{missing:,} missing values", "text in every row")
    return values


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """An ONNX model; satisfies `auditkit.models.Model`.

    Attributes:
        session: An `onnxruntime.InferenceSession`.
        inputs: What it takes.
        output: Name of the output that holds the scores.
        reading: How its numbers are read.
        features: Columns that it reads.
        name: What to call it in a message.
        sha256: Digest of the file.
        classes_of_map: Classes in the order of the columns, where the output is a list of maps.
        batch: Rows that it takes at once, where it fixes that.
        file_bytes: Size of the file, or None where it came from none.
    """

    session: Any
    inputs: tuple[Input, ...]
    output: str
    reading: Reading
    features: tuple[str, ...]
    name: str
    sha256: str
    classes_of_map: tuple[object, ...] | None = None
    batch: int | None = None
    file_bytes: int | None = None

    @property
    def kind(self) -> str:
        """What it is: "onnx"."""
        return "onnx"

    @property
    def parameters(self) -> int | None:
        """None: what was trained cannot be told from what was not."""
        return None

    @property
    def task(self) -> Task:
        """Kind of prediction."""
        return self.reading.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of a multiclass model."""
        return self.reading.classes

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score raw rows.

        Args:
            rows: Raw rows; columns are found by name, others are ignored.

        Returns:
            Shape (n,) or (n, k); see `Reading.scores`.

        Raises:
            InputError: If a feature is missing or of the wrong type; all are listed.
            ModelError: If the model fails, or gives something that is no score.
        """
        demand(rows, self.features)
        if len(rows) == 0:
            return self.reading.nothing()
        filled = gather((one.name, lambda one=one: one.filled(rows)) for one in self.inputs)  # type: ignore[misc]
        feeds = {one.name: values for one, values in zip(self.inputs, filled, strict=True)}
        size = self.batch or ROWS_AT_ONCE
        parts = [self._part(feeds, start, size, len(rows)) for start in range(0, len(rows), size)]
        return np.concatenate(parts)

    def _part(
        self, feeds: Mapping[str, npt.NDArray[Any]], start: int, size: int, n: int
    ) -> npt.NDArray[np.float64]:
        count = min(size, n - start)
        part = {name: values[start : start + count] for name, values in feeds.items()}
        asked = count
        if self.batch is not None and count < self.batch:  # the last row fills up a fixed batch
            asked = self.batch
            part = {
                k: np.concatenate([v, v[-1:].repeat(asked - count, 0)]) for k, v in part.items()
            }
        try:
            answer = self.session.run([self.output], part)[0]
        except Exception as error:  # onnxruntime raises classes of its own for all
            raise ModelError(f"{self.name} failed: {told(error)}") from error
        if self.classes_of_map is not None:
            answer = _unmapped(answer, self.classes_of_map, self.name)
        return self.reading.scores(answer, asked, self.name)[:count]


def from_config(
    table: Mapping[str, Any],
    folder: Path,
    where: str,
    *,
    task: str,
    positive: object,
    features: Sequence[str] | None,
) -> OnnxModel:
    """Load the ONNX model that a configuration names.

    Args:
        table: `[subject.model]`: see `OnnxSettings`.
        folder: Where the configuration lies.
        where: What to call the table in a message.
        task: Kind of prediction.
        positive: The positive class (binary).
        features: Columns that the model reads. For one tensor of all features in the order of
            the tensor; may be left out where every column has an input of its own.

    Returns:
        The model.

    Raises:
        InputError: If a setting is wrong, the file is missing, damaged, or keeps weights in
            other files, or its inputs and outputs do not fit the task; every problem is listed.
        MissingExtraError: If onnx or onnxruntime is not installed.
    """
    settings = read_settings(OnnxSettings, table, where)
    path = folder / settings.file
    content = read_model_file(path)
    session = open_session(content, path.name)
    output = _output(session, settings, task, where, path.name)
    inputs, how = both(
        lambda: _inputs(session, features, where, path.name),
        lambda: _reading(output, settings, task, positive, where),
    )
    return OnnxModel(
        session,
        inputs,
        output.name,
        how,
        tuple(name for one in inputs for name in one.columns),
        path.name,
        digest(content),
        _map_classes(output, settings, positive, how),
        _fixed_batch(session),
        len(content),
    )


def _inputs(
    session: Any,  # noqa: ANN401
    features: Sequence[str] | None,
    where: str,
    name: str,
) -> tuple[Input, ...]:
    """One tensor of all features, or one input a column."""
    found = session.get_inputs()
    problems = [
        Problem(f"{name} input {quote(one.name)}", f"{one.type} of shape {one.shape}", _TENSORS)
        for one in found
        if one.type not in DTYPES or len(one.shape) not in {1, 2}
    ]
    if not found:
        problems = [Problem(name, "no input", "an input of features")]
    if problems:
        raise InputError(problems)
    one = found[0]
    if len(found) == 1 and len(one.shape) == 2 and (features is None or one.name not in features):
        width = one.shape[1] if isinstance(one.shape[1], int) else None
        names = settle_features(None, width, features, where, name)
        return (Input(one.name, DTYPES[one.type], names),)
    problems = [
        Problem(f"{name} input {quote(one.name)}", f"{one.shape[1]} columns", "one column an input")
        for one in found
        if len(one.shape) == 2 and isinstance(one.shape[1], int) and one.shape[1] != 1
    ]
    if problems:
        raise InputError(problems)
    settle_features([one.name for one in found], None, features, where, name)
    return tuple(
        Input(one.name, DTYPES[one.type], (one.name,), len(one.shape) == 1) for one in found
    )


_TENSORS = "a tensor of numbers or text of shape (rows,) or (rows, features)"


def _output(session: Any, settings: OnnxSettings, task: str, where: str, name: str) -> Any:  # noqa: ANN401
    """The output that holds the scores."""
    outputs = {one.name: one for one in session.get_outputs()}
    wanted = settings.output_name
    if wanted is not None and wanted not in outputs:
        kind = f"an output of {name}"
        raise InputError([Problem.unknown(f"{where} output_name", wanted, outputs, kind)])
    if wanted is None:
        fitting = [k for k, one in outputs.items() if one.type in SCORES or one.type in MAPS]
        likely = [k for k in fitting if says_probability(k)] if task != "regression" else []
        if len(fitting) != 1 and len(likely) != 1:
            shown = ", ".join(f"{quote(k)} ({one.type})" for k, one in outputs.items())
            refuse(f"{where} output_name", "nothing", f"one of the outputs of {name}: {shown}")
        wanted = fitting[0] if len(fitting) == 1 else likely[0]
    chosen = outputs[wanted]
    if chosen.type not in SCORES + MAPS or (task == "regression" and chosen.type in MAPS):
        place = f"{name} output {quote(wanted)}"
        refuse(place, str(chosen.type), "numbers: scores or probabilities")
    return chosen


def _reading(
    output: Any,  # noqa: ANN401
    settings: OnnxSettings,
    task: str,
    positive: object,
    where: str,
) -> Reading:
    if output.type in MAPS and settings.output == "logit":
        refuse(f"{where} output", "'logit'", "nothing: a list of maps holds probabilities")
    name = "probabilities" if output.type in MAPS else output.name
    kind = settle_output(task, settings.output, name, where)
    classes: Sequence[object] | None = settings.classes
    width = output.shape[1] if output.type in SCORES and len(output.shape) == 2 else None
    if classes is None and task == "multiclass" and isinstance(width, int):
        classes = range(width)
    if output.type in MAPS and task == "binary":
        return Reading("binary", kind)
    how = reading(task, kind, classes, positive, where)
    if task == "multiclass" and isinstance(width, int) and width != len(how.classes):
        refuse(f"{where} classes", f"{len(how.classes)} classes", f"{width}, as the output has")
    return how


def _map_classes(
    output: Any,  # noqa: ANN401
    settings: OnnxSettings,
    positive: object,
    how: Reading,
) -> tuple[object, ...] | None:
    """Classes to take out of each map: all in order, or the positive one alone."""
    if output.type not in MAPS:
        return None
    return (positive,) if how.task == "binary" else tuple(settings.classes or ())


def _unmapped(answer: Any, classes: Sequence[object], name: str) -> npt.NDArray[np.float64]:  # noqa: ANN401
    """Turn a list of {class: probability}, as ZipMap gives it, into columns."""
    keys = list(answer[0]) if answer else []
    places = [class_index(keys, one) for one in classes]
    wrong = [one for one, place in zip(classes, places, strict=True) if place is None]
    if wrong or (len(classes) > 1 and len(keys) != len(classes)):
        known = ", ".join(quote(key) for key in keys[:12])
        asked = ", ".join(quote(one) for one in classes[:12])
        raise ModelError(f"{name} gives probabilities of {known}, expected those of {asked}")
    chosen = [keys[place] for place in places if place is not None]
    return np.array([[one.get(key, np.nan) for key in chosen] for one in answer], dtype=np.float64)


def _fixed_batch(session: Any) -> int | None:  # noqa: ANN401
    sizes = {one.shape[0] for one in session.get_inputs() if one.shape}
    fixed = {size for size in sizes if isinstance(size, int) and size > 0}
    return fixed.pop() if len(fixed) == 1 else None
