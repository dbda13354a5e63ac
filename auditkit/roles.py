"""Which column plays which part, and every way in which a table can fail to play along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import Problem, nearest, quote
from auditkit.evidence import ALL_GROUPS

Task = Literal["binary", "multiclass", "regression", "sequence-to-sequence"]
#: The group of rows whose sensitive value is missing.
UNKNOWN = "unknown"
#: Every kind of prediction.
TASKS: tuple[Task, ...] = get_args(Task)
#: Rows that each entry stands for, where it is a cell of counts; None where it is a row.
Each = npt.NDArray[np.int64] | npt.NDArray[np.float64] | None
#: A label with more distinct values than this is no set of classes.
MOST_CLASSES = 1_000
#: A numeric column with more distinct values than this is no set of groups.
MOST_NUMERIC_GROUPS = 20


@dataclass(frozen=True)
class Groups:
    """The groups of one sensitive column.

    Attributes:
        column: The column.
        names: Group names, in reading order, without the unknown.
        codes: Shape (n,): index into `names` of each row, -1 where the value is missing.
        each: Shape (n,): people that each entry stands for, where it is a cell of counts; None
            where it is a row.

    Example:
        >>> Groups("sex", ("F", "M"), np.array([0, 1, -1])).counts
        (1, 1)
    """

    column: str
    names: tuple[str, ...]
    codes: npt.NDArray[np.int64]
    each: Each = None

    @property
    def counts(self) -> tuple[int, ...]:
        """Rows in each group, the unknown left out."""
        return tuple(self._counted()[:-1])

    @property
    def unknown(self) -> int:
        """Rows whose value is missing."""
        return self._counted()[-1]

    @property
    def named(self) -> npt.NDArray[np.object_]:
        """Name of the group of each row, None where it is unknown; shape (n,)."""
        return np.array([*self.names, None], dtype=object)[self.codes]

    def _counted(self) -> list[int]:
        """People in each group and, last, in none that is known."""
        place = self.codes % (len(self.names) + 1)  # -1 becomes the last
        counted = np.bincount(place, weights=self.each, minlength=len(self.names) + 1)
        return [max(0, round(count)) for count in counted.tolist()]  # noise may go below 0

    def of(self, values: pd.Series, bands: Sequence[float] | None = None) -> Groups:
        """The same groups, and any new ones after them, for other rows of the column.

        Args:
            values: The column in other rows.
            bands: Inner edges, as these groups were made with.

        Returns:
            Groups that keep these names, those without a row included.
        """
        other = make_groups(values, bands)
        names = (*self.names, *(name for name in other.names if name not in self.names))
        place = np.array([names.index(name) for name in other.names] + [-1], dtype=np.int64)
        return Groups(self.column, names, place[other.codes])


def group_labels(groups: Groups) -> tuple[str, ...]:
    """Names of the groups of a column and, last, of its unknown rows; all different.

    Args:
        groups: The groups; their names are untrusted.

    Returns:
        The names. One that has a meaning of its own in a slice is put in brackets.

    Example:
        >>> group_labels(Groups("sex", ("*", "F"), np.array([0, 1])))
        ('(*)', 'F', 'unknown')
    """
    names = [_free(name, groups.names) if name == ALL_GROUPS else name for name in groups.names]
    return (*names, _free(UNKNOWN, names))


def group_masks(groups: Groups) -> dict[str, npt.NDArray[np.bool_]]:
    """Which rows are of each group, empty ones too, and of the unknown where there are some.

    Example:
        >>> {name: mask.tolist() for name, mask in
        ...  group_masks(Groups("sex", ("F", "M"), np.array([0, -1]))).items()}
        {'F': [True, False], 'M': [False, False], 'unknown': [False, True]}
    """
    *known, unknown = group_labels(groups)
    masks = {name: groups.codes == code for code, name in enumerate(known)}
    return {**masks, unknown: groups.codes < 0} if groups.unknown else masks


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"({name})"
    return name


def origin(name: str, columns: Sequence[str]) -> str:
    """The column that a column of one of its values ("column: value") was made from, or itself.

    Crossing the two would compare a column with itself.

    Example:
        >>> origin("race: White", ["sex", "race"]), origin("sex", ["sex", "race"])
        ('race', 'sex')
    """
    return next((column for column in columns if name.startswith(f"{column}: ")), name)


@dataclass(frozen=True)
class Roles:
    """Which column plays which part.

    Attributes:
        label: Column of the true outcome, or None.
        positive: The value of `label` (and of `prediction`) that counts as positive.
        score: Column of scores, or None.
        prediction: Column of decisions, or None.
        sensitive: Columns whose groups are compared.
        features: Columns that the model reads.
        bands: Numeric sensitive column to its inner edges.
        task: Kind of prediction; says what the label may hold.
        weight: Column of the weight of each row, or None. It plays no other part.
    """

    label: str | None = None
    positive: object = 1
    score: str | None = None
    prediction: str | None = None
    sensitive: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    bands: Mapping[str, Sequence[float]] = field(default_factory=dict)
    task: Task = "binary"
    weight: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that plays a part, each once."""
        single = (self.label, self.score, self.prediction)
        named = [name for name in single if name is not None]
        last = [] if self.weight is None else [self.weight]
        return tuple(dict.fromkeys([*named, *self.sensitive, *self.features, *last]))

    def problems(
        self, rows: pd.DataFrame, where: str, table: str, each: Each = None
    ) -> list[Problem]:
        """Find everything that keeps a table from playing these parts.

        Args:
            rows: The table.
            where: What to call the roles in a message, for example "auditkit.toml [subject]".
            table: What to call the table, for example "census.parquet".
            each: Shape (n,): rows that each entry of `rows` stands for, where it is a cell of
                counts; None where it is a row.

        Returns:
            All problems; empty where there is none.
        """
        found = [*self.absent(rows.columns, where, table), *self._weight_elsewhere(where)]
        if len(rows) == 0:
            found.append(Problem(table, "no rows", "at least one row"))
            return found
        there = set(map(str, rows.columns))
        found += _label_problems(rows, self, table, each)
        if self.score in there and self.score is not None:
            place = f"{table} column {quote(self.score)} (score)"
            found += _number_problems(rows[self.score], place, each)
        for name in self.sensitive:
            if name in there:
                found += _sensitive_problems(rows[name], name, self.bands.get(name), table)
        if self.weight is not None and self.weight in there:
            place = f"{table} column {quote(self.weight)}"
            found += weight_problems(rows[self.weight], place, each)
        return found

    def _weight_elsewhere(self, where: str) -> Iterator[Problem]:
        parts = {"label": self.label, "score": self.score, "prediction": self.prediction}
        others = {role: (name,) for role, name in parts.items()}
        for role, names in {
            **others,
            "sensitive": self.sensitive,
            "features": self.features,
        }.items():
            if self.weight is not None and self.weight in names:
                hint = "A weight says how much a row counts; a model that reads it needs a copy."
                found = f"{quote(self.weight)}, which is under {role} too"
                yield Problem(f"{where} weight", found, "a column with no other part", hint)

    def absent(self, columns: Iterable[object], where: str, table: str) -> Iterator[Problem]:
        """Find the roles whose columns a table does not have; see `problems`."""
        there = [str(name) for name in columns]
        single = {"label": self.label, "score": self.score, "prediction": self.prediction}
        single["weight"] = self.weight
        wanted = [(role, name) for role, name in single.items() if name is not None]
        wanted += [("sensitive", name) for name in self.sensitive]
        wanted += [("features", name) for name in self.features]
        kind = f"a column of {table}"
        for role, name in wanted:
            if name not in there:
                yield Problem.unknown(f"{where} {role}", name, there, kind)
        for name in self.bands:
            if name not in self.sensitive:
                kind = "a column that is listed under sensitive"
                yield Problem.unknown(f"{where} bands", name, self.sensitive, kind)


def make_groups(values: pd.Series, bands: Sequence[float] | None = None) -> Groups:
    """Turn a sensitive column into groups.

    Args:
        values: The column; its name is kept. A missing value is unknown.
        bands: Inner edges for a numeric column; a group holds its lower edge.

    Returns:
        The groups: bands from low to high, else names in sorted order. Declared categories
        without a row are kept.

    Example:
        >>> make_groups(pd.Series([20, 30, 70, None], name="age"), [25, 65]).names
        ('under 25', '25 to 64', '65 and over')
        >>> make_groups(pd.Series(["M", None, "F"], name="sex")).codes.tolist()
        [1, -1, 0]
    """
    column = str(values.name)
    if bands:
        return _banded(column, values, bands)
    names = as_names(values)
    known = {str(name) for name in names.dropna().unique()}
    if isinstance(values.dtype, pd.CategoricalDtype):
        known |= {_name(category) for category in values.cat.categories}
    order = tuple(sorted(known))
    codes = pd.Categorical(names, categories=list(order)).codes.astype(np.int64)
    return Groups(column, order, codes)


def as_names(values: pd.Series) -> pd.Series:
    """Write each value as text, a whole number without its point; missing stays missing.

    Example:
        >>> as_names(pd.Series([1.0, 2.5])).tolist()
        ['1', '2.5']
    """
    return values.astype(object).where(values.notna(), None).map(_name, na_action="ignore")


def _name(value: object) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def _banded(column: str, values: pd.Series, bands: Sequence[float]) -> Groups:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    edges = np.asarray(bands, dtype=np.float64)
    codes = np.searchsorted(edges, numbers, side="right").astype(np.int64)
    codes[np.isnan(numbers)] = -1
    known = numbers[codes >= 0]
    whole = bool(np.all(known == np.floor(known))) and all(float(e).is_integer() for e in bands)
    return Groups(column, _band_names(bands, whole=whole), codes)


def _band_names(bands: Sequence[float], *, whole: bool) -> tuple[str, ...]:
    text = [f"{edge:g}" for edge in bands]
    upper = [f"{edge - 1:g}" if whole else f"under {edge:g}" for edge in bands]
    middle = [
        low if whole and low == high else f"{low} to {high}"
        for low, high in zip(text[:-1], upper[1:], strict=True)
    ]
    return (f"under {text[0]}", *middle, f"{text[-1]} and over")


def _label_problems(rows: pd.DataFrame, roles: Roles, table: str, each: Each) -> list[Problem]:
    found = []
    for role, name in (("label", roles.label), ("prediction", roles.prediction)):
        if name is None or name not in rows:
            continue
        values = rows[name]
        where = f"{table} column {quote(name)} ({role})"
        missing = _rows(values.isna().to_numpy(), each)
        if missing:
            hint = "Remove those rows, or say what they are, before the audit."
            found.append(Problem(where, f"{missing:,} missing values", "no missing value", hint))
        if bool(values.isna().all()):
            continue
        if roles.task == "regression":
            found += _number_problems(values.dropna(), where)
            continue
        if roles.task == "sequence-to-sequence":
            found += _text_problems(values.dropna(), where)
            continue
        distinct = sorted(map(str, values.dropna().unique()))
        if roles.task == "multiclass":
            found += _many_class_problems(distinct, where, role)
        else:
            found += _class_problems(values, distinct, roles.positive, where, role)
    return found


def _many_class_problems(distinct: list[str], where: str, role: str) -> list[Problem]:
    if len(distinct) > MOST_CLASSES:
        found = f"{len(distinct):,} different values"
        return [Problem(where, found, f"at most {MOST_CLASSES:,} classes (multiclass)")]
    if role == "label" and len(distinct) == 1:
        return [Problem(where, f"one class only ({quote(distinct[0])})", "2 classes or more")]
    return []


def _class_problems(
    values: pd.Series, distinct: list[str], positive: object, where: str, role: str
) -> list[Problem]:
    shown = ", ".join(quote(value) for value in distinct[:8]) + (", ..." if distinct[8:] else "")
    if len(distinct) > 2:
        return [Problem(where, f"{len(distinct):,} classes ({shown})", "2 classes (binary)")]
    if role == "prediction":
        return []  # the same decision for everyone is a finding, not a mistake
    if len(distinct) == 1:
        return [Problem(where, f"one class only ({shown})", "2 classes")]
    if not bool((values == positive).any()):
        close = nearest(str(positive), distinct)
        kind = "a number" if pd.api.types.is_numeric_dtype(values) else "text"
        hint = f"Did you mean {quote(close)} ({kind})?" if close else f"The column holds {kind}."
        expected = f"one of {shown}"
        return [Problem(f"positive, for {where}", f"{positive!r}"[:90], expected, hint)]
    return []


def _text_problems(values: pd.Series, where: str) -> list[Problem]:
    other = int((~values.map(lambda value: isinstance(value, str)).astype(bool)).sum())
    if not other:
        return []
    found = f"{other:,} values of type {quote(type(_first_other(values)).__name__)}"
    hint = "Write numbers as text, if they are what the model writes."
    return [Problem(where, found, "text (sequence-to-sequence)", hint)]


def _first_other(values: pd.Series) -> object:
    return next(value for value in values if not isinstance(value, str))


def _rows(which: npt.NDArray[np.bool_], each: Each) -> int:
    """Count rows, of which an entry may stand for several."""
    return int(which.sum()) if each is None else int(each[which].sum())


def _number_problems(values: pd.Series, where: str, each: Each = None) -> list[Problem]:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return [Problem(where, f"values of type {values.dtype}", "numbers")]
    bad = _rows(~np.isfinite(values.to_numpy(dtype=np.float64, na_value=np.nan)), each)
    if bad:
        return [Problem(where, f"{bad:,} missing or infinite values", "finite numbers")]
    return []


def weight_problems(values: pd.Series, where: str, each: Each = None) -> list[Problem]:
    """Find everything that keeps a column from being the weights of its rows.

    Args:
        values: The column.
        where: What to call it in a message.
        each: Shape (n,): rows that each value stands for, or None where it is one.

    Returns:
        All problems; empty where there is none.

    Example:
        >>> [problem.found for problem in weight_problems(pd.Series([-1.0, None, 2.0]), "w")]
        ['1 missing or infinite values', '1 negative values']
    """
    place = f"{where} (weight)"
    found = _number_problems(values, place, each)
    if found and not pd.api.types.is_numeric_dtype(values):
        return found
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    negative = _rows(numbers < 0, each)
    if negative:
        found.append(Problem(place, f"{negative:,} negative values", "0 or more"))
    if not bool((numbers != 0).any()):
        found.append(Problem(place, "only zeros", "at least one weight above 0"))
    return found


def _sensitive_problems(
    values: pd.Series, name: str, bands: Sequence[float] | None, table: str
) -> list[Problem]:
    where = f"{table} column {quote(name)} (sensitive)"
    if bool(values.isna().all()):
        hint = "Name another column, or take it out of sensitive."
        return [Problem(where, "only missing values", "at least one known value", hint)]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if bands is not None:
        if not numeric:
            return [Problem(where, f"bands for values of type {values.dtype}", "numbers")]
        if list(bands) != sorted(set(bands)) or not bands:
            return [Problem(f"bands of {quote(name)}", f"{list(bands)}", "rising edges")]
        return []
    if numeric and values.nunique() > MOST_NUMERIC_GROUPS:
        hint = f"Write its edges under [subject.bands], for example {name[:40]} = [25, 45, 65]."
        found = f"{values.nunique():,} different numbers"
        return [Problem(where, found, f"bands, or at most {MOST_NUMERIC_GROUPS}", hint)]
    return []
