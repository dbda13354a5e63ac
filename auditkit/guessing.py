"""Which column of a table most likely plays which part; guesses, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from auditkit.errors import quote

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["truth", "number", "text", "list", "other"]


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


#: Words that, alone in a name, make a column sensitive; pairs that do; parts of Chinese names.
SENSITIVE = frozenset(
    _listed(
        "sex gender race racial ethnic ethnicity hispanic latino age marital marriage married "
        "religion religious nationality citizenship immigrant foreign disability disabled pregnant "
        "pregnancy orientation veteran caste birthplace"
    )
)
SENSITIVE_PAIRS = (("native", "country"), ("birth", "country"), ("national", "origin"))
SENSITIVE_ZH = _listed(
    "性别 年龄 民族 种族 族裔 婚姻 婚否 宗教 信仰 国籍 残疾 户籍 籍贯 性取向 怀孕 政治面貌"
)
#: What has an age without being a person.
_NOT_A_PERSON = {*_listed("account building car credit house loan policy property vehicle")}
#: Names that say plainly that a column weighs rows; "weight" alone may be that of a body.
_WEIGHT = {*_listed("fnlwgt finalwgt pweight perwt wtfinl wgt")}
_WEIGHT_ZH = _listed("权重 权数 加权")
_WEIGHT_PAIRS = tuple(
    (kind, "weight")
    for kind in _listed("sample sampling survey design final case frequency probability inverse")
)
_SCORE = {*_listed("score scores prob probability proba phat risk likelihood confidence")}
_SCORE_ZH = _listed("分数 评分 得分 概率 几率")
_PREDICTION = {*_listed("pred predict predicted prediction yhat decision decided flagged")}
_PREDICTION_ZH = _listed("预测 决策 判定")
#: Telling names of an outcome, the most telling first.
_LABEL = _listed(
    "label y target class outcome truth actual response default defaulted churn income survived "
    "hired admitted approved fraud readmitted recid bad"
)
_LABEL_ZH = _listed("标签 目标 结果 违约 流失 是否")
_ID = {*_listed("id ids uuid guid uid key index rowid rownum")}
_ID_ZH = _listed("编号 序号 流水号")
_PERSONAL = {*_listed("name firstname lastname surname fullname email phone ssn address")}
_PERSONAL_ZH = _listed("姓名 身份证 手机 电话 邮箱 地址")
_YES = {
    *_listed("yes y true t 1 positive pos success approved accepted hired admitted default"),
    *_listed("defaulted 是 有 通过 阳性 违约 流失 真"),
}
#: A text column with more values than this is no set of groups; one with more, no feature.
MOST_GROUPS, MOST_CATEGORIES = 50, 1_000
#: A numeric sensitive column with more values than this is cut into bands.
MOST_NUMBERS = 20
#: Rows from which on a column that differs in every row looks like an identifier.
ENOUGH_ROWS = 20


@dataclass(frozen=True)
class Guess:
    """What the columns of a table most likely are.

    Attributes:
        name: Name of the subject.
        label: Column of the outcome, or None.
        positive: The value of `label` (or of `prediction`) that counts as positive.
        score: Column of scores, or None.
        prediction: Column of decisions, or None.
        sensitive: Columns whose groups are compared.
        bands: Sensitive numeric column to its edges.
        weight: Column of the weights of rows, or None.
        multi: Sensitive multi-valued column to its separator, empty for lists.
        features: Columns that a model could read.
        left_out: Every other column, and why it plays no part.
        why: Column that plays a part, or "positive", to the reason of the guess.
    """

    name: str
    label: str | None = None
    positive: bool | int | float | str = 1
    score: str | None = None
    prediction: str | None = None
    weight: str | None = None
    sensitive: tuple[str, ...] = ()
    bands: Mapping[str, Sequence[float]] = field(default_factory=dict)
    multi: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def trains(self) -> bool:
        """Whether there is neither score nor prediction, so that a model has to be trained."""
        return self.score is None and self.prediction is None


def guess(rows: pd.DataFrame, name: str) -> Guess:
    """Guess which column plays which part, from names and values.

    Sensitive columns are left out of the features: a model that reads them is a choice to be made,
    not a default to be found out.

    Args:
        rows: The table, raw.
        name: Name of the subject.

    Returns:
        The guess. Its label may be None, and its features may be empty.

    Example:
        >>> import pandas as pd
        >>> rows = pd.DataFrame({"gender": ["F", "M"] * 3, "x": range(6), "hired": [0, 1] * 3})
        >>> found = guess(rows, "hiring")
        >>> found.label, found.positive, found.sensitive, found.features
        ('hired', 1, ('gender',), ('x',))
    """
    columns = [_Column(rows[held]) for held in rows.columns]
    seen = _Seen({column.name: column for column in columns})
    for column in columns:
        if not column.name.strip():
            seen.left_out[column.name] = "its name is blank"
        elif is_sensitive(column.name):
            seen.sensitive(column)
    weight = seen.first(_is_weight, "numbers from 0 on, and a name like a sample weight")
    label, score, prediction = seen.outcome(weight), None, None
    score = seen.first(_is_score, "numbers from 0 to 1, and a name like a score", weight)
    if label is not None:
        values = set(seen.columns[label].distinct)
        fits = (
            c
            for c in seen.rest(label, score, weight)
            if _is_decision(c) and set(c.distinct) <= values
        )
        prediction = next((column.name for column in fits), None)
        if prediction is not None:
            seen.why[prediction] = "the values of the label, and a name like a decision"
    positive: Any = 1
    if label is not None:
        positive, seen.why["positive"] = _positive(seen.columns[label])
    for column in seen.rest(label, score, prediction, weight):
        seen.feature(column)
    return Guess(
        name=name,
        label=label,
        positive=positive,
        score=score,
        prediction=prediction,
        weight=weight,
        sensitive=tuple(seen.groups),
        bands=seen.bands,
        multi=seen.multi,
        features=tuple(seen.features),
        left_out=seen.left_out,
        why=seen.why,
    )


def is_sensitive(name: str) -> bool:
    """Whether a column is sensitive by its name, English or Chinese.

    Example:
        >>> [is_sensitive(name) for name in ("maritalStatus", "page", "年龄", "loan_age")]
        [True, False, True, False]
    """
    words = _words(name)
    if words & _NOT_A_PERSON:
        words -= {"age"}
    paired = any(words.issuperset(pair) for pair in SENSITIVE_PAIRS)
    return bool(words & SENSITIVE) or paired or any(part in name for part in SENSITIVE_ZH)


class _Column:
    """One column: its values, and what can be told from them."""

    def __init__(self, values: pd.Series) -> None:
        self.held = values
        self.name = str(values.name)
        self.words = _words(self.name)
        self.kind = _kind(values)
        self.missing = int(values.isna().sum())
        countable = self.kind in {"truth", "number", "text"}
        self.count = int(values.nunique()) if countable else 0

    @property
    def distinct(self) -> list[Any]:
        """The values of a column with few, in sorted order."""
        return sorted(self.held.dropna().unique().tolist(), key=lambda v: (str(type(v)), v))

    @property
    def is_binary(self) -> bool:
        """Whether it has two values, both finite, and none missing."""
        return self.count == 2 and not self.missing and not _endless(self)

    def differs_everywhere(self) -> bool:
        """Whether it has another value in every row, and is no measure."""
        import pandas as pd

        if self.count != len(self.held) or self.count < ENOUGH_ROWS:
            return False
        if self.kind != "number":
            return True
        dense = self.held.max() - self.held.min() < 1.5 * self.count
        return bool(not pd.api.types.is_float_dtype(self.held) and (dense or self.count >= 1_000))


class _Seen:
    """Columns that have found a part, and those that have not yet."""

    def __init__(self, columns: dict[str, _Column]) -> None:
        self.columns = columns
        self.groups: list[str] = []
        self.bands: dict[str, Sequence[float]] = {}
        self.multi: dict[str, str] = {}
        self.features: list[str] = []
        self.left_out: dict[str, str] = {}
        self.why: dict[str, str] = {}

    def rest(self, *taken: str | None) -> Iterator[_Column]:
        """Columns without a part, without those named."""
        out = {*self.groups, *self.features, *self.left_out, *taken}
        return (column for name, column in self.columns.items() if name not in out)

    def first(self, test: Any, why: str, *taken: str | None) -> str | None:  # noqa: ANN401 - a test
        for column in self.rest(*taken):
            if test(column):
                self.why[column.name] = why
                return column.name
        return None

    def sensitive(self, column: _Column) -> None:
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

    def outcome(self, weight: str | None) -> str | None:
        """Find the label: a column of two values, by its name or else the last."""
        binary = [c for c in self.rest(weight) if c.is_binary]
        fit = [c for c in binary if not _is_id(c) and not _is_decision(c)]
        fit = fit or [c for c in binary if _is_decision(c)]
        if not fit:
            return None
        ranked = sorted(fit, key=_label_rank)
        if _label_rank(ranked[0]) < len(_LABEL):
            self.why[ranked[0].name] = "two values, and a name like an outcome"
            return ranked[0].name
        self.why[fit[-1].name] = "the last column of two values; no name is like an outcome"
        return fit[-1].name

    def feature(self, column: _Column) -> None:
        """Put a column among the features, or say why it cannot be one."""
        reason = _no_feature(column)
        if reason is None:
            self.features.append(column.name)
        else:
            self.left_out[column.name] = reason


def _words(name: str) -> set[str]:
    """The words of a column name, in lower case: "maritalStatus" has two."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return {word.rstrip("0123456789") or word for word in re.split(r"[\W_]+", apart.lower())} - {""}


def _kind(values: pd.Series) -> Kind:
    import numpy as np
    import pandas as pd

    types = pd.api.types
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = pd.Series(values.cat.categories)
    if types.is_bool_dtype(values):
        return "truth"
    if types.is_numeric_dtype(values) and not types.is_complex_dtype(values):
        return "number"
    if not (types.is_object_dtype(values) or types.is_string_dtype(values)):
        return "other"
    found = {type(value) for value in values.dropna()}
    if found <= {str}:
        return "text"
    if found <= {bool}:
        return "truth"
    return "list" if found <= {list, tuple, set, np.ndarray} else "other"


def _endless(column: _Column) -> bool:
    import numpy as np

    if column.kind != "number":
        return False
    numbers = column.held.to_numpy(dtype=np.float64, na_value=np.nan)
    return bool(np.isinf(numbers).any())


def _is_weight(column: _Column) -> bool:
    paired = any(column.words.issuperset(pair) for pair in _WEIGHT_PAIRS)
    named = paired or column.words & _WEIGHT or any(part in column.name for part in _WEIGHT_ZH)
    if not named or column.kind != "number" or column.missing or column.count < 2:
        return False
    return bool(column.held.min() >= 0) and not _endless(column)


def _is_score(column: _Column) -> bool:
    named = column.words & _SCORE or any(part in column.name for part in _SCORE_ZH)
    if not named or column.kind != "number" or column.missing or column.count < 3:
        return False
    return bool(column.held.min() >= 0 and column.held.max() <= 1)


def _is_decision(column: _Column) -> bool:
    named = column.words & _PREDICTION or {"y", "hat"} <= column.words
    named = named or any(part in column.name for part in _PREDICTION_ZH)
    return bool(named) and 1 <= column.count <= 2 and not column.missing


def _is_id(column: _Column) -> bool:
    return bool(column.words & _ID) or any(part in column.name for part in _ID_ZH)


def _label_rank(column: _Column) -> int:
    if column.words == {"y", "true"}:
        return 0
    ranks = [i for i, word in enumerate(_LABEL) if word in column.words]
    if any(part in column.name for part in _LABEL_ZH):
        ranks.append(0)
    return min(ranks, default=len(_LABEL))


def _positive(label: _Column) -> tuple[bool | int | float | str, str]:
    low, high = label.distinct
    if label.kind == "truth":
        return True, "the true one"
    if label.kind == "number":
        return (int(high) if float(high).is_integer() else float(high)), "the higher of the two"
    says = [value for value in (low, high) if value.strip().lower().rstrip(".") in _YES]
    says = says or [value for value in (low, high) if value.strip().startswith(">")]
    if len(says) == 1:
        return str(says[0]), f"it reads like a yes; the other is {quote(_other(label, says[0]))}"
    counts = label.held.value_counts()
    rarer = low if counts[low] < counts[high] else high
    return str(rarer), f"the rarer of the two; the other is {quote(_other(label, rarer))}"


def _other(label: _Column, value: str) -> str:
    return next(str(held) for held in label.distinct if held != value)


def _no_groups(column: _Column) -> str | None:
    """Say why a sensitive column cannot be compared as it stands, or None where it can."""
    if column.missing == len(column.held):
        return "every value is missing"
    if column.kind in {"list", "other"}:
        return "its values are no numbers, text or truth values"
    if column.kind == "text" and column.count > MOST_GROUPS:
        return f"{column.count:,} groups are too many to compare"
    if column.kind == "number" and _endless(column):
        return "some numbers are infinite"
    return None


def _separator(column: _Column) -> str | None:
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


def _no_feature(column: _Column) -> str | None:
    """Say why a column is no feature, or None where it is one."""
    if column.missing == len(column.held):
        return "every value is missing"
    if column.kind in {"list", "other"}:
        return "its values are no numbers, text or truth values"
    if _is_id(column):
        return "an identifier by its name"
    if column.words & _PERSONAL or any(part in column.name for part in _PERSONAL_ZH):
        return "it names a person"
    if column.count == 1:
        return "one value only"
    if column.differs_everywhere():
        return "another value in every row, like an identifier"
    if column.kind != "number" and column.count > MOST_CATEGORIES:
        return f"{column.count:,} different texts are too many"
    return "some numbers are infinite" if _endless(column) else None
