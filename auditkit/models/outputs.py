"""What any model may give back, and how that becomes scores: one check for every adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, softmax

from auditkit.errors import InputError, ModelError, Problem, quote
from auditkit.roles import Task, as_names

#: What the numbers of a classifier are.
Output = Literal["probability", "logit"]
#: How far a probability may lie outside [0, 1], and a row of them from 1; float16 rounds so far.
SLACK, SUM_SLACK = 1e-5, 2e-3
#: Longest piece of an outside message that is shown; unit: characters.
TOLD = 300
#: Names of the classes that a model of 0 and 1 tells apart.
ZERO_ONE = (0, 1)


def told(text: object) -> str:
    """Show what an outside program said: on one line, control characters escaped, cut.

    Args:
        text: An error or an answer; of many lines the first and the last are shown.

    Returns:
        At most about `TOLD` characters.

    Example:
        >>> told("Traceback:" + chr(10) + "  line 1" + chr(10) + "ValueError: no")
        'Traceback: ... ValueError: no'
    """
    lines = [line.strip() for line in str(text).splitlines() if line.strip()] or [""]
    joined = lines[0] if len(lines) == 1 else f"{lines[0][:60]} ... {lines[-1]}"
    plain = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in joined[: TOLD + 1])
    return f"{plain[:TOLD]}..." if len(joined) > TOLD else plain


def class_names(classes: Sequence[object]) -> tuple[str, ...]:
    """Name classes as the audits do: a whole number without its point.

    Example:
        >>> class_names([1.0, 2.0])
        ('1', '2')
    """
    return tuple(as_names(pd.Series(list(classes), dtype=object)))


def class_index(classes: Sequence[object], wanted: object) -> int | None:
    """Find a class by its value, else by its name.

    Args:
        classes: The classes of a model.
        wanted: The class that is looked for.

    Returns:
        Its position, or None where it is not among them, or twice.

    Example:
        >>> class_index(["no", "yes"], "yes"), class_index(["0", "1"], 1), class_index([0, 1], "x")
        (1, 1, None)
    """
    same = [i for i, one in enumerate(classes) if bool(one == wanted)]
    if not same:
        name = class_names([wanted])[0]
        same = [i for i, one in enumerate(class_names(classes)) if one == name]
    return same[0] if len(same) == 1 else None


def says_probability(name: str) -> bool:
    """Whether an output is called as if it held probabilities.

    Example:
        >>> says_probability("predict_proba"), says_probability("output_0")
        (True, False)
    """
    return "prob" in name.lower()


def settle_output(task: str, said: Output | None, name: str, where: str) -> Output:
    """Settle what the numbers of an output are; never guessed where nothing says it.

    Args:
        task: Kind of prediction.
        said: What the user wrote, or None.
        name: Name of the output; it may say that it holds probabilities.
        where: What to call the settings in a message.

    Returns:
        What they are; means nothing for a regression.

    Raises:
        InputError: If nothing says it, or a regression is said to give probabilities.
    """
    problem = None
    if task == "regression" and said is not None:
        expected = "nothing: a regression gives plain numbers"
        problem = Problem(f"{where} output", quote(said), expected)
    elif task != "regression" and said is None and not says_probability(name):
        expected = f"'probability' or 'logit': what {name} holds"
        problem = Problem(f"{where} output", "nothing", expected)
    if problem is not None:
        raise InputError([problem])
    return said or "probability"


@dataclass(frozen=True)
class Reading:
    """How the numbers of a model are read.

    Attributes:
        task: Kind of prediction.
        output: What the numbers of a classifier are; means nothing for a regression.
        classes: Names of the columns of a multiclass model.
        positive: Column of the positive class of a binary model that gives two, and what a
            single column stands for: 1 the positive class itself, 0 its opposite. None where
            nothing says which of two columns is meant; a single one is then the positive class.

    Example:
        >>> Reading("binary").scores([[0.75, 0.25], [0.5, 0.5]], 2, "m.onnx").tolist()
        [0.25, 0.5]
    """

    task: Task
    output: Output = "probability"
    classes: tuple[str, ...] = ()
    positive: int | None = 1

    def scores(
        self,
        given: Any,  # noqa: ANN401 - a model of any maker may give anything
        n: int,
        who: str,
    ) -> npt.NDArray[np.float64]:
        """Turn what a model gave for n rows into scores, or say what is wrong with it.

        Args:
            given: What came back: (n,), (n, 1), (n, 2) or (n, k) numbers.
            n: Rows that were asked for.
            who: What to call the model in a message.

        Returns:
            Shape (n,) for binary (probability of the positive class) and regression (numbers),
            (n, k) for multiclass.

        Raises:
            ModelError: If it holds no numbers, has another shape, or holds NaN, infinity or
                what is no probability; says how many rows, and the first.
        """
        if n == 0:
            return self.nothing()
        values = self._shaped(_numbers(given, who), n, who)
        _check_finite(values, who)
        if self.task == "regression":
            return values
        return self._chosen(self._probabilities(values, who), who)

    def nothing(self) -> npt.NDArray[np.float64]:
        """Scores of no rows."""
        return np.empty((0, len(self.classes)) if self.task == "multiclass" else 0)

    def _shaped(self, values: npt.NDArray[np.float64], n: int, who: str) -> npt.NDArray[np.float64]:
        widths = {"binary": {1, 2}, "multiclass": {len(self.classes)}, "regression": {1}}[self.task]
        width = values.shape[1] if values.ndim == 2 else 1
        if not 1 <= values.ndim <= 2 or len(values) != n or width not in widths:
            single = [f"({n},)", f"({n}, 1)"] if 1 in widths else []
            wanted = " or ".join([*single, *(f"({n}, {w})" for w in sorted(widths - {1}))])
            raise ModelError(
                f"{who} gave numbers of shape {values.shape} for {n:,} rows, expected {wanted} "
                f"({self.task})"
            )
        return values.reshape(n) if width == 1 else values

    def _probabilities(self, values: npt.NDArray[np.float64], who: str) -> npt.NDArray[np.float64]:
        if self.output == "logit":
            turned = expit(values) if values.ndim == 1 else softmax(values, axis=1)
            return np.asarray(turned, dtype=np.float64)
        outside = (values < -SLACK) | (values > 1 + SLACK)
        rows = _rows(outside)
        if rows.any():
            example = f"for example {values[outside][0]:.6g}"
            hint = "If these are logits, say so: output = 'logit'"
            raise ModelError(f"{who} gave no probability {_where(rows)}, {example}. {hint}")
        if values.ndim == 2:
            total = values.sum(axis=1)
            rows = np.abs(total - 1) > SUM_SLACK
            if rows.any():
                example = f"for example {total[rows][0]:.6g}"
                raise ModelError(
                    f"{who} gave probabilities that do not sum to 1 {_where(rows)}, {example}"
                )
        return np.clip(values, 0.0, 1.0)

    def _chosen(self, values: npt.NDArray[np.float64], who: str) -> npt.NDArray[np.float64]:
        if self.task == "multiclass":
            return values
        if values.ndim == 1:
            return 1.0 - values if self.positive == 0 else values
        if self.positive is None:
            raise ModelError(
                f"{who} gave two columns, and nothing says which is the positive class. Name the "
                "classes in the order of the columns: classes = ['...', '...']"
            )
        return values[:, self.positive]


def reading(
    task: str,
    output: Output,
    classes: Sequence[object] | None,
    positive: object,
    where: str,
) -> Reading:
    """Settle how the numbers of a model are read, from what a user wrote.

    A model with two columns, or one of a class that is called 0, is read only where it is
    known which class is meant; 1 is taken for the second of 0 and 1.

    Args:
        task: Kind of prediction.
        output: What the numbers of a classifier are.
        classes: Its classes in the order of its columns, or None.
        positive: The positive class (binary).
        where: What to call the settings in a message.

    Returns:
        The reading.

    Raises:
        InputError: If these do not go together; every problem is listed.

    Example:
        >>> reading("binary", "logit", ["no", "yes"], "yes", "auditkit.toml [subject.model]")
        Reading(task='binary', output='logit', classes=(), positive=1)
    """
    names = () if classes is None else class_names(classes)
    problems = list(_class_problems(task, names, where))
    if task == "multiclass" and classes is None:
        hint = "Write them in the order of the columns: classes = ['a', 'b', 'c']."
        problems.append(Problem(f"{where} classes", "nothing", "the names of the classes", hint))
    index = class_index(ZERO_ONE if classes is None else list(classes), positive)
    if task == "binary" and classes is not None and index is None:
        problems.append(Problem.unknown(f"{where} positive", str(positive), names, "a class"))
    if task == "binary" and classes is None and index == 0:
        hint = "Write the classes in the order of the columns: classes = ['0', '1']."
        expected = "the classes, as a model mostly gives the probability of 1"
        problems.append(Problem(f"{where} classes", "nothing", expected, hint))
    if problems:
        raise InputError(problems)
    if task == "binary":
        return Reading("binary", output, (), index)
    return Reading("multiclass" if task == "multiclass" else "regression", output, names, None)


def _class_problems(task: str, names: tuple[str, ...], where: str) -> list[Problem]:
    tasks = ("binary", "multiclass", "regression")
    if task not in tasks:
        return [Problem(f"{where} task", quote(task), f"one of {', '.join(tasks)}")]
    place, problems = f"{where} classes", []
    if len(set(names)) < len(names):
        problems.append(Problem(place, "a class twice", "each class once"))
    if task == "regression" and names:
        problems.append(Problem(place, f"{len(names)} classes", "none for a regression"))
    if task == "binary" and names and len(names) != 2:
        problems.append(Problem(place, f"{len(names)} classes", "2 classes (binary)"))
    if task == "multiclass" and len(names) == 1:
        problems.append(Problem(place, "1 class", "2 classes or more"))
    return problems


def _numbers(given: Any, who: str) -> npt.NDArray[np.float64]:  # noqa: ANN401 - see `scores`
    try:
        values = np.asarray(given)
        real = None if np.iscomplexobj(values) else values.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"{who} gave no table of numbers: {told(error)}") from None
    if real is None:
        raise ModelError(f"{who} gave complex numbers")
    return real


def _check_finite(values: npt.NDArray[np.float64], who: str) -> None:
    for name, wrong in (("NaN", np.isnan(values)), ("infinity", np.isinf(values))):
        rows = _rows(wrong)
        if rows.any():
            raise ModelError(f"{who} gave {name} {_where(rows)}")


def _rows(wrong: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Rows in which something is wrong: shape (n,)."""
    return np.asarray(wrong.reshape(len(wrong), -1).any(axis=1))


def _where(rows: npt.NDArray[np.bool_]) -> str:
    return f"for {int(rows.sum()):,} of {len(rows):,} rows"
