"""Which column of a table most likely plays which part; guesses, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auditkit.errors import quote
from auditkit.starting import naming
from auditkit.starting.columns import Column
from auditkit.starting.naming import is_sensitive

if TYPE_CHECKING:
    import pandas as pd

    from auditkit.roles import Task

#: A text column with more values than this is no set of groups; one with more, no feature.
MOST_GROUPS, MOST_CATEGORIES = 50, 1_000
#: A column with more values than this is no set of classes.
MOST_CLASSES = 20
#: A numeric sensitive column with more values than this is cut into bands.
MOST_NUMBERS = 20


@dataclass(frozen=True)
class Guess:
    """What the columns of a table most likely are.

    Attributes:
        name: Name of the subject.
        task: Kind of prediction.
        label: Column of the outcome, or None.
        positive: The value of `label` (or of `prediction`) that counts as positive.
        score: Column of scores, or None.
        threshold: Where the score selects.
        prediction: Column of decisions, or None.
        sensitive: Columns whose groups are compared.
        bands: Sensitive numeric column to its edges.
        weight: Column of the weights of rows, or None.
        multi: Sensitive multi-valued column to its separator, empty for lists.
        features: Columns that a model could read.
        left_out: Every other column, and why it plays no part.
        why: Column that plays a part, or "positive", to the reason of the guess.
        spread: Standard deviation of a label of numbers; None for other labels.
    """

    name: str
    task: Task = "binary"
    label: str | None = None
    positive: bool | int | float | str = 1
    score: str | None = None
    threshold: float = 0.5
    prediction: str | None = None
    weight: str | None = None
    sensitive: tuple[str, ...] = ()
    bands: Mapping[str, Sequence[float]] = field(default_factory=dict)
    multi: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    spread: float | None = None

    @property
    def trains(self) -> bool:
        """Whether there is neither score nor prediction, so that a model has to be trained."""
        return self.score is None and self.prediction is None


def guess(rows: pd.DataFrame, name: str, label: str | None = None) -> Guess:
    """Guess which column plays which part, from names and values.

    Sensitive columns are left out of the features: a model that reads them is a choice to be made,
    not a default to be found out.

    Args:
        rows: The table, raw.
        name: Name of the subject.
        label: The column of the outcome, where somebody says so.

    Returns:
        The guess. Its label may be None, and its features may be empty.

    Example:
        >>> import pandas as pd
        >>> rows = pd.DataFrame({"gender": ["F", "M"] * 3, "x": range(6), "hired": [0, 1] * 3})
        >>> found = guess(rows, "hiring")
        >>> found.label, found.positive, found.sensitive, found.features
        ('hired', 1, ('gender',), ('x',))
    """
    columns = [Column(rows[held]) for held in rows.columns]
    seen = _Seen({column.name: column for column in columns})
    for column in columns:
        if not column.name.strip():
            seen.left_out[column.name] = "its name is blank"
        elif is_sensitive(column.name) and column.name != label:
            seen.sensitive(column)
    seen.weigh(label)
    label = seen.outcome() if label is None else label
    task = "binary" if label is None else _task(seen.columns[label]) or "binary"
    score, prediction = seen.score(task), seen.prediction(label, task)
    positive: Any = 1
    if label is not None and task == "binary" and seen.columns[label].is_binary:
        positive, seen.why["positive"] = _positive(seen.columns[label])
    for column in seen.rest(label, score, prediction):
        seen.feature(column)
    return Guess(
        name=name,
        task=task,
        label=label,
        positive=positive,
        score=score,
        threshold=5 if score is not None and seen.columns[score].is_decile else 0.5,
        prediction=prediction,
        weight=seen.weight,
        sensitive=tuple(seen.groups),
        bands=seen.bands,
        multi=seen.multi,
        features=tuple(seen.features),
        left_out=seen.left_out,
        why=seen.why,
        spread=float(rows[label].std()) if task == "regression" else None,
    )


def why_no_label(values: pd.Series) -> str | None:
    """Say why a column cannot be the label of any task, or None where it can.

    Example:
        >>> import pandas as pd
        >>> why_no_label(pd.Series(["yes", "no", None], name="hired"))
        '1 of its values are missing'
    """
    column = Column(values)
    if _task(column) is not None:
        return None
    if column.count == 0:
        return "no value that can be foretold"
    if column.missing:
        return f"{column.missing:,} of its values are missing"
    if column.count == 1:
        return "one value only"
    return f"{column.count:,} different texts" if column.kind == "text" else "some infinite numbers"


class _Seen:
    """Columns that have found a part, and those that have not yet."""

    def __init__(self, columns: dict[str, Column]) -> None:
        self.columns = columns
        self.weight: str | None = None
        self.groups: list[str] = []
        self.bands: dict[str, Sequence[float]] = {}
        self.multi: dict[str, str] = {}
        self.features: list[str] = []
        self.left_out: dict[str, str] = {}
        self.why: dict[str, str] = {}

    def rest(self, *taken: str | None) -> Iterator[Column]:
        """Columns without a part, without those named."""
        out = {*self.groups, *self.features, *self.left_out, self.weight, *taken}
        return (column for name, column in self.columns.items() if name not in out)

    def sensitive(self, column: Column) -> None:
        """Put a column among the sensitive ones, or say why it cannot be there."""
        name, why = column.name, "sensitive by its name"
        wrong = _no_groups(column)
        separator = _separator(column)
        if separator is not None:
            self.multi[name] = separator
            why += "; several values a row"
        elif wrong is not None:
            self.left_out[name] = f"{why}, but {wrong}"
            return
        if column.kind == "number" and column.count > MOST_NUMBERS:
            from auditkit.data.sensitive import quantile_edges

            self.bands[name] = quantile_edges(column.held, 4)
            why += "; cut into bands at its rounded quartiles"
        self.groups.append(name)
        self.why[name] = why

    def weigh(self, label: str | None) -> None:
        """Find the weights of the rows: by name, where no number speaks against it."""
        for column in self.rest(label):
            if naming.is_weight(column.name) and _can_weigh(column):
                self.weight = column.name
                self.why[column.name] = "numbers from 0 on, and a name like a sample weight"
                return

    def outcome(self) -> str | None:
        """Find the label: by its name, or else the last column that could be one."""
        found = self._two_values() or self._more_values()
        if found is not None:
            self.why[found[0].name] = found[1]
        return None if found is None else found[0].name

    def score(self, task: Task) -> str | None:
        """Find scores: chances by name and values, or deciles."""
        for column in self.rest() if task == "binary" else ():
            if column.is_decile:
                self.why[column.name] = "whole numbers from 1 to 10, and a name like deciles"
                return column.name
            if _is_score(column):
                self.why[column.name] = "numbers from 0 to 1, and a name like a score"
                return column.name
        return None

    def prediction(self, label: str | None, task: Task) -> str | None:
        """Find decisions: by name, with values of the label."""
        if label is None:
            return None
        values = set(self.columns[label].distinct)
        for column in self.rest(label):
            if not naming.is_prediction(column.name) or column.missing or not column.count:
                continue
            numbers = column.kind == "number" and not column.is_endless
            if numbers if task == "regression" else set(column.distinct) <= values:
                what = "numbers" if task == "regression" else "the values of the label"
                self.why[column.name] = f"{what}, and a name like a decision"
                return column.name
        return None

    def _two_values(self) -> tuple[Column, str] | None:
        fit = [c for c in self._free() if c.is_binary]
        undecided = [c for c in fit if not naming.is_prediction(c.name)]
        fit = undecided or fit
        named = [c for c in fit if naming.outcome_rank(c.name) is not None]
        if named:
            return min(named, key=_rank), "two values, and a name like an outcome"
        plain = any(naming.is_plainly_outcome(c.name) for c in self._others())
        if not fit or plain:
            return None
        return fit[-1], "the last column of two values; no name is like an outcome"

    def _more_values(self) -> tuple[Column, str] | None:
        others = self._others()
        named = [c for c in others if naming.outcome_rank(c.name) is not None]
        if named:
            return min(named, key=_rank), "a name like an outcome"
        for column in reversed(others):
            if _task(column) == "multiclass" and column.kind == "text":
                return column, "the last column of a few texts; no name is like an outcome"
            if _task(column) == "regression" and naming.is_amount(column.name):
                return column, "numbers, and a name like an amount to foretell"
        return None

    def _free(self) -> list[Column]:
        return [c for c in self.rest() if not naming.is_identifier(c.name)]

    def _others(self) -> list[Column]:
        """Columns that could be the label of a task that is not binary."""
        fit = [c for c in self._free() if _task(c) in {"multiclass", "regression"}]
        fit = [c for c in fit if not naming.is_prediction(c.name)]
        return [c for c in fit if not (c.is_decile or _is_score(c))]

    def feature(self, column: Column) -> None:
        """Put a column among the features, or say why it cannot be one."""
        reason = _no_feature(column)
        if reason is None:
            self.features.append(column.name)
        else:
            self.left_out[column.name] = reason


def _is_score(column: Column) -> bool:
    named = naming.is_score(column.name)
    if not named or column.kind != "number" or column.missing or column.count < 3:
        return False
    return bool(column.held.min() >= 0 and column.held.max() <= 1)


def _can_weigh(column: Column) -> bool:
    if column.kind != "number" or column.missing or column.count < 2:
        return False
    return bool(column.held.min() >= 0) and not column.is_endless


def _rank(column: Column) -> int:
    rank = naming.outcome_rank(column.name)
    return len(naming.OUTCOMES) if rank is None else rank


def _task(column: Column) -> Task | None:
    """What the task is if this column is the label; None where it cannot be one."""
    if column.missing or column.count < 2 or column.is_endless:
        return None
    if column.count == 2:
        return "binary"
    if column.kind == "number":
        few = column.count <= MOST_CLASSES // 2
        return "multiclass" if few and bool((column.held % 1 == 0).all()) else "regression"
    return "multiclass" if column.count <= MOST_CLASSES else None


def _positive(label: Column) -> tuple[bool | int | float | str, str]:
    low, high = label.distinct
    if label.kind == "truth":
        return True, "the true one"
    if label.kind == "number":
        return (int(high) if float(high).is_integer() else float(high)), "the higher of the two"
    says = [value for value in (low, high) if value.strip().lower().rstrip(".") in naming.YES]
    says = says or [value for value in (low, high) if value.strip().startswith(">")]
    if len(says) == 1:
        return str(says[0]), f"it reads like a yes; the other is {quote(_other(label, says[0]))}"
    counts = label.held.value_counts()
    rarer = low if counts[low] < counts[high] else high
    return str(rarer), f"the rarer of the two; the other is {quote(_other(label, rarer))}"


def _other(label: Column, value: str) -> str:
    return next(str(held) for held in label.distinct if held != value)


def _no_groups(column: Column) -> str | None:
    """Say why a sensitive column cannot be compared as it stands, or None where it can."""
    if column.missing == len(column.held):
        return "every value is missing"
    if column.kind in {"list", "other"}:
        return "its values are no numbers, text or truth values"
    if column.kind == "text" and column.count > MOST_GROUPS:
        return f"{column.count:,} groups are too many to compare"
    if column.kind == "number" and column.is_endless:
        return "some numbers are infinite"
    return None


def _separator(column: Column) -> str | None:
    """What separates the values of a multi-valued column; None where each row has one value."""
    from auditkit.data.sensitive import MOST_VALUES

    if column.missing == len(column.held):
        return None
    if column.kind == "list":
        parts = {str(part) for value in column.held.dropna() for part in value}
        return "" if len(parts) <= MOST_VALUES else None
    if column.kind != "text" or column.count > 10_000:
        return None
    texts = [str(text) for text in column.held.dropna().unique()]
    for separator in (";", "|"):
        parts = {part.strip() for text in texts for part in text.split(separator)}
        if any(separator in text for text in texts) and len(parts) <= MOST_VALUES:
            return separator
    return None


def _no_feature(column: Column) -> str | None:
    """Say why a column is no feature, or None where it is one."""
    if column.missing == len(column.held):
        return "every value is missing"
    if column.kind in {"list", "other"}:
        return "its values are no numbers, text or truth values"
    if naming.is_identifier(column.name):
        return "an identifier by its name"
    if naming.is_personal(column.name):
        return "it names a person"
    if column.count == 1:
        return "one value only"
    if column.differs_everywhere():
        return "another value in every row, like an identifier"
    if column.kind != "number" and column.count > MOST_CATEGORIES:
        return f"{column.count:,} different texts are too many"
    return "some numbers are infinite" if column.is_endless else None
