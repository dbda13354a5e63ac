"""A model asked again about rows with small changes or errors in what it reads.

Sensitive columns are never changed: what they do is the question of the audit `individual`. Only
rows that a change reaches are asked about again, so that rounding flips nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import AuditkitError, quote
from auditkit.explaining.categories import is_number, is_text
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.perturbing import (
    BoolArray,
    Numbers,
    Outcome,
    mean_outcome,
    mistyped,
    other_codes,
)
from auditkit.methods.resampling import stream
from auditkit.methods.tokens import tokens
from auditkit.models.answers import checked_answers
from auditkit.roles import as_names, origin
from auditkit.subject import Subject

#: Columns to their new values, and which rows they change.
Edit = tuple[dict[str, pd.Series], BoolArray]
#: What a change is called, and how each of its draws edits the rows.
Change = tuple[str, Sequence[Callable[[], Edit]]]
#: Last words of the names of columns that only number the rows.
_NUMBERING = frozenset({"id", "identifier", "key", "number", "no", "nr", "编号", "序号"})
#: Whole numbers that all differ number the rows only where there are this many.
_MANY = 50
#: Rows whose words are looked at.
LOOKED_AT = 1_000


@dataclass(frozen=True)
class Roles:
    """The columns that a model reads, by how they can go wrong.

    Attributes:
        numbers: Numbers.
        categories: Names of few kinds, flags, and numbers that were named as codes.
        texts: Texts.
        left: Columns that are left as they are, and why.
    """

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    texts: tuple[str, ...]
    left: dict[str, str]

    @property
    def changed(self) -> tuple[str, ...]:
        """All columns that are changed."""
        return (*self.numbers, *self.categories, *self.texts)


def roles_of(
    subject: Subject, leave: Sequence[str], codes: Sequence[str], written: Sequence[str]
) -> Roles:
    """Tell how each column that the model reads can go wrong.

    Args:
        subject: What is audited.
        leave: Columns to leave as they are.
        codes: Columns of numbers that stand for categories.
        written: Columns of texts; told by their look where there are none.

    Returns:
        The columns; in a sequence-to-sequence task names are texts.
    """
    own = {origin(column, subject.features) for column in subject.sensitive}
    numbers, categories, texts = list[str](), list[str](), list[str]()
    left = dict[str, str]()
    for name in subject.features:
        values = subject.rows[name]
        if name in own or name in leave:
            left[name] = "sensitive" if name in own else "named under leave"
        elif _numbers_rows(name, values):
            left[name] = "it numbers the rows"
        elif is_number(values) and name not in codes and values.nunique() > 2:
            numbers.append(name)
        elif name in written or (not written and _is_written(subject, values)):
            texts.append(name)
        elif 2 * values.nunique() > len(values) > 2:
            left[name] = "names, nearly all of them different"
        else:
            categories.append(name)
    return Roles(tuple(numbers), tuple(categories), tuple(texts), left)


def _is_written(subject: Subject, values: pd.Series) -> bool:
    names_are_texts = subject.task == "sequence-to-sequence"
    return not is_number(values) and (names_are_texts or is_text(values))


def _numbers_rows(name: str, values: pd.Series) -> bool:
    words = name.lower().replace("-", "_").split("_")
    all_differ = len(values) >= _MANY and values.nunique() == len(values)
    return all_differ and (words[-1] in _NUMBERING or name.endswith(("编号", "序号")))


@dataclass(frozen=True, eq=False)
class Trial:
    """Rows of a subject, and the model's answers about them with something changed.

    Attributes:
        subject: What is audited.
        drawn: Places of the rows that are asked about, sorted.
        tolerance: Standard deviations of the predictions that a number may move.
        favourable: Whether to be selected, or a higher number, is good for the person.
        seed: Seed of all draws: each change has its own stream.
    """

    subject: Subject
    drawn: IntArray
    tolerance: float
    favourable: bool
    seed: int
    _held: dict[str, Numbers] = field(default_factory=dict)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows that are asked about."""
        return self.subject.rows.iloc[self.drawn].reset_index(drop=True)

    def first(self, most: int) -> Trial:
        """The same about fewer rows, drawn from these."""
        if most >= self.drawn.size:
            return self
        kept = stream(self.seed, "fewer").permutation(self.drawn.size)[:most]
        drawn = np.sort(self.drawn[kept])
        return Trial(self.subject, drawn, self.tolerance, self.favourable, self.seed)

    def numbers(self, name: str) -> Numbers:
        """A column of numbers, whose range and spread all assessed rows tell."""
        if name not in self._held:
            own = _floats(self.rows[name])
            self._held[name] = Numbers.of(own, _floats(self.subject.rows[name]))
        return self._held[name]

    @cached_property
    def before(self) -> npt.NDArray[np.generic]:
        """Decisions, classes, texts, or numbers, shape (n,)."""
        return np.asarray(self.subject.y_pred)[self.drawn]

    @cached_property
    def step(self) -> float:
        """How far a predicted number may move."""
        return self.tolerance * float(np.asarray(self.subject.y_pred, dtype=np.float64).std())

    def outcome(self, change: Change) -> Outcome | str:
        """Change the rows, ask about those that are changed, and compare.

        Args:
            change: The change; where it has several draws, a row counts by their mean.

        Returns:
            What it did, or why the model could not be asked.
        """
        found = []
        for edit in change[1]:
            columns, which = edit()
            try:
                found.append(self._compare(columns, which))
            except AuditkitError as error:
                return f"the model refuses such rows: {quote(error, 120)}"
            except Exception as error:  # noqa: BLE001 - a model from outside may raise anything
                return f"the model refuses such rows: {type(error).__name__}"
        return mean_outcome(found)

    def _compare(self, columns: dict[str, pd.Series], which: BoolArray) -> Outcome:
        n, at = which.size, np.flatnonzero(which)
        flipped, better = np.zeros(n), np.zeros(n)
        ordered = self.subject.task in {"binary", "regression"}
        if at.size:
            rows = self.rows.assign(**columns).iloc[at]
            after = self._decide(rows)
            moved, up = self._moved(self.before[at], after)
            flipped[at] = moved
            better[at] = moved & (up == self.favourable)
        return Outcome(which.astype(np.float64), flipped, better if ordered else None)

    def _decide(self, rows: pd.DataFrame) -> npt.NDArray[np.generic]:
        subject = self.subject
        answers = checked_answers(subject.model, subject.task, rows, subject.classes)
        if subject.task == "binary":
            return np.asarray(answers >= subject.threshold, dtype=np.int8)
        return np.asarray(answers.argmax(axis=1)) if subject.task == "multiclass" else answers

    def _moved(
        self, before: npt.NDArray[np.generic], after: npt.NDArray[np.generic]
    ) -> tuple[BoolArray, BoolArray]:
        """Which answers are others, and which went up."""
        if self.subject.task != "regression":
            moved = np.asarray(before != after, dtype=np.bool_)
            return moved, np.asarray(after == 1, dtype=np.bool_)
        by = after.astype(np.float64) - before.astype(np.float64)
        return np.asarray(np.abs(by) > self.step), np.asarray(by > 0)

    def noises(self, names: Sequence[str], draws: int) -> Iterator[Change]:
        """All numbers 1 % smaller, 1 % larger, and shaken by 0.01 standard deviations."""
        for factor in (0.99, 1.01):
            scale = partial(self._scale, names, factor, inside=True)
            yield f"all numbers \N{MULTIPLICATION SIGN} {factor:g}", [scale]
        yield "all numbers + noise of 0.01 sd", self._shaken(names, 0.01, draws)

    def noise(self, names: Sequence[str], size: float, draws: int) -> Change:
        """All numbers shaken by noise of any size; the draws of all sizes are the same."""
        return f"all numbers + noise of {size:g} sd", self._shaken(names, size, draws)

    def _shaken(self, names: Sequence[str], size: float, draws: int) -> list[Callable[[], Edit]]:
        return [partial(self._shake, names, size, draw) for draw in range(draws)]

    def _shake(self, names: Sequence[str], size: float, draw: int) -> Edit:
        moved = {}
        for name in names:
            noise = stream(self.seed, "noise", name, str(draw)).normal(size=self.drawn.size)
            moved[name] = self.numbers(name).shaken(size, noise)
        return self._all(moved)

    def _scale(self, names: Sequence[str], factor: float, *, inside: bool) -> Edit:
        return self._all({name: self.numbers(name).scaled(factor, inside=inside) for name in names})

    def _all(self, moved: dict[str, FloatArray]) -> Edit:
        which = np.zeros(self.drawn.size, dtype=np.bool_)
        columns = dict[str, pd.Series]()
        for name, values in moved.items():
            differs = self.numbers(name).differs(values)
            if differs.any():
                which |= differs
                columns[name] = _like(self.rows[name], values)
        return columns, which

    def units(self, names: Sequence[str], factors: Sequence[float]) -> Iterator[Change]:
        """Each number in a wrong unit; it may leave the observed range."""
        for name in names:
            for factor in factors:
                scale = partial(self._scale, [name], factor, inside=False)
                yield f"{quote(name)} \N{MULTIPLICATION SIGN} {factor:g}", [scale]

    def emptied(self, names: Sequence[str]) -> Iterator[Change]:
        """Each field left empty."""
        for name in names:
            yield quote(name), [partial(self._empty, name)]

    def _empty(self, name: str) -> Edit:
        values = self.rows[name]
        nothing: object = np.nan if is_number(values) else None
        kind = "float64" if is_number(values) else object
        column = pd.Series([nothing] * len(values), dtype=kind)
        return {name: column}, values.notna().to_numpy(dtype=np.bool_)

    def swapped(self, names: Sequence[str]) -> Iterator[Change]:
        """Each category another known one."""
        for name in names:
            yield quote(name), [partial(self._swap, name)]

    def _swap(self, name: str) -> Edit:
        everyone = as_names(self.subject.rows[name])
        known = sorted(str(value) for value in everyone.dropna().unique())
        codes = pd.Categorical(as_names(self.rows[name]), categories=known).codes.astype(np.int64)
        if len(known) < 2:
            return {}, np.zeros(codes.size, dtype=np.bool_)
        drawn = other_codes(codes, len(known), stream(self.seed, "category", name))
        held = everyone.to_numpy(dtype=object)
        first = {value: place for place, value in reversed(list(enumerate(held)))}
        places = np.array([first[value] for value in known], dtype=np.int64)
        swapped = self.subject.rows[name].iloc[places[drawn]]  # keeps its type
        swapped = swapped.reset_index(drop=True).where(codes >= 0, self.rows[name])
        return {name: swapped}, np.asarray(codes >= 0)

    def unseen(self, names: Sequence[str]) -> Iterator[Change]:
        """Each category a name that no row has; flags and codes have none."""
        for name in names:
            values = self.rows[name]
            if is_number(values) or pd.api.types.is_bool_dtype(values):
                continue
            yield quote(name), [partial(self._unknown, name)]

    def _unknown(self, name: str) -> Edit:
        known, there = set(as_names(self.subject.rows[name]).dropna()), self.rows[name].notna()
        new = "unseen"
        while new in known:
            new = f"({new})"
        column = pd.Series(new, index=self.rows.index, dtype=object)
        return {name: column.where(there, None)}, there.to_numpy(dtype=np.bool_)

    def typos(self, names: Sequence[str], chance: float, draws: int) -> Change:
        """Letters of all texts mistyped."""
        edits = [partial(self._mistype, names, chance, draw) for draw in range(draws)]
        return f"in {100 * chance:g} % of the letters", edits

    def _mistype(self, names: Sequence[str], chance: float, draw: int) -> Edit:
        return self._written(self.mistyped(names, chance, draw))

    def mistyped(
        self, names: Sequence[str], chance: float, draw: int
    ) -> dict[str, list[str | None]]:
        """The texts with the typos of one draw."""
        rng = stream(self.seed, "typos", str(draw))
        return {
            name: [
                None if text is None else mistyped(text, chance, rng) for text in self.texts(name)
            ]
            for name in names
        }

    def capitals(self, names: Sequence[str]) -> Change:
        """All texts in capital letters."""
        return "all letters are capitals", [partial(self._capitalise, names)]

    def _capitalise(self, names: Sequence[str]) -> Edit:
        return self._written(
            {
                name: [None if text is None else text.upper() for text in self.texts(name)]
                for name in names
            }
        )

    def texts(self, name: str) -> list[str | None]:
        """A column of texts."""
        return [text if isinstance(text, str) else None for text in self.rows[name]]

    def _written(self, written: dict[str, list[str | None]]) -> Edit:
        which = np.zeros(self.drawn.size, dtype=np.bool_)
        columns = dict[str, pd.Series]()
        for name, texts in written.items():
            which |= np.array(
                [new != old for new, old in zip(texts, self.texts(name), strict=True)]
            )
            columns[name] = pd.Series(texts, dtype=object)
        return columns, which

    def unknown_words(self, names: Sequence[str], chance: float) -> float:
        """Share of the words with typos that stand in none of the texts without them."""
        given = [text for name in names for text in self.texts(name)[:LOOKED_AT] if text]
        typed = [
            text
            for texts in self.mistyped(names, chance, 0).values()
            for text in texts[:LOOKED_AT]
            if text
        ]
        known = {word for text in given for word in tokens(text)}
        words = [word for text in typed for word in tokens(text)]
        return float(np.mean([word not in known for word in words])) if words else 0.0


def _floats(values: pd.Series) -> FloatArray:
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _like(values: pd.Series, moved: FloatArray) -> pd.Series:
    """Numbers as a column like another one; whole ones where it holds whole ones."""
    if not pd.api.types.is_integer_dtype(values):
        return pd.Series(moved, index=values.index)
    return pd.Series(moved, index=values.index).astype("Int64" if values.isna().any() else np.int64)
