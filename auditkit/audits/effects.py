"""In which direction does a feature move the score, how far, and on what does that depend?

Numbers get accumulated local effects, which ask about no row far from where it lies; categories
get partial dependence, which is drawn beside the numbers too. The maths is in
`auditkit.methods.effects` and `auditkit.methods.interactions`, the asking in
`auditkit.explaining.curves`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
import pandas as pd

from auditkit.errors import InputError, Problem, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.explaining.curves import (
    ASKED,
    COMMON,
    LEVELS,
    SHARED,
    FeatureCurve,
    OneNumber,
    feature_curve,
)
from auditkit.methods.crossing import CROSS
from auditkit.methods.estimates import Bounds, Estimate, FloatArray, cells_of, measured
from auditkit.methods.gaps import shared_level
from auditkit.methods.identity_terms import are_texts
from auditkit.methods.interactions import interaction_size, mixed_differences
from auditkit.roles import as_names
from auditkit.subject import Subject

#: Rows that lend each other values to choose features and to find interactions.
LENDING = 500
#: Why a feature has no curve.
TEXT = "it is a text, whose words have no order to follow; see the audit explainability"
NO_VALUES = f"fewer than two of its values are shared by {SHARED} rows or span them"
NO_PAIR = "fewer than two features could be looked at"

EFFECT_RANGE = Metric(
    "effect_range",
    "Range of the effect",
    "Highest minus lowest mean effect on the score (or the predicted number) of one feature: of a "
    "number accumulated local effects, of a category partial dependence.",
    "difference",
    low=0.0,
)
EFFECT_AGAINST = Metric(
    "effect_against_direction",
    "Movement against the direction",
    "Share of all movement of the score along a feature that goes the other way: 0 where it only "
    "rises or only falls, 1/2 where it comes back to where it started.",
    "share",
    low=0.0,
    high=0.5,
)
INTERACTION = Metric(
    "interaction_size",
    "Size of the interaction",
    "Mean size of the change that one feature makes to the score with another feature changed, "
    "less the change it makes without; 0 where the two add up.",
    "difference",
    low=0.0,
)
_WHERE = "[audits.effects]"
_COLUMNS = ("feature", "kind", "at", "effect", "low", "high", "dependence", "share")


@dataclass(frozen=True, eq=False)
class _Lent:
    """Rows that lend each other one value at a time.

    Attributes:
        rows: The rows, shape (m, columns).
        partners: For each of them another one.
        answers: Answers for the rows as they are, shape (m,).
        single: Feature to the answers with the partner's value in it.
    """

    rows: pd.DataFrame
    partners: pd.DataFrame
    answers: FloatArray
    single: dict[str, FloatArray]

    def swapped(self, *names: str) -> pd.DataFrame:
        return self.rows.assign(**{name: self.partners[name].array for name in names})

    def moved(self, name: str) -> float:
        return float(np.abs(self.single[name] - self.answers).mean())


@dataclass(frozen=True)
class Effects:
    """Effect curves of the features that move the score most, and their interactions.

    Attributes:
        features: Features that are looked at: those that move the score most when rows lend each
            other their values.
        columns: Look at these instead.
        rows: Most assessed rows, drawn at random, that a curve is made of.
        pairs: Interactions that are listed, the largest of those between the features.
        max_asked: Most rows that the model is asked about, all in all; it sets smaller samples.
        of_class: Class whose score is looked at, of a multiclass task; the one whose score varies
            most where None.
        level: Level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Effects(features=0, max_asked=10)
        Traceback (most recent call last):
        auditkit.errors.InputError: 2 problems:
          1. [audits.effects] features: found '0', expected a whole number from 1.
          2. [audits.effects] max_asked: found '10', expected a whole number from 1000.
    """

    features: int = 6
    columns: list[str] | None = None
    rows: int = 3_000
    pairs: int = 5
    max_asked: int = 100_000
    of_class: str | None = None
    level: float = 0.95

    name: ClassVar[str] = "effects"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    tasks: ClassVar[frozenset[str]] = frozenset(ASKED)
    metrics: ClassVar[tuple[Metric, ...]] = (EFFECT_RANGE, EFFECT_AGAINST, INTERACTION)

    def __post_init__(self) -> None:
        problems = range_problems(self, features=1, rows=100, pairs=1, max_asked=1_000)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Choose features, draw their curves, and look for interactions between them.

        Args:
            subject: What is audited.
            rng: Draws rows and simulates quantiles.

        Yields:
            For each feature the range of its effect and, of a number, the share that goes against
            its direction; the table `curves`; the size of the largest interactions and the table
            `interactions`. Why not, where there are only texts.

        Raises:
            InputError: If a column is not one that the model reads, or the class is not known.
        """
        self._check(subject)
        ask = OneNumber(subject, self._class(subject))
        named = self.columns or subject.features
        read = [name for name in named if not _is_text(subject.rows[name])]
        for name in named:
            if name not in read:
                yield _undefined(EFFECT_RANGE, TEXT, {"feature": name})
        if not read:
            yield _undefined(INTERACTION, NO_PAIR)
            return
        lent = self._lend(subject, ask, read, rng)
        # Of two that move the score alike, the one that the model reads first.
        chosen = sorted(read, key=lambda name: -lent.moved(name))[: self.features]
        whose = f"{len(chosen)} of {len(subject.features)} features"
        whose += "" if self.columns else f", those that move the {ask.words} most"
        yield from self._curves(subject, ask, chosen, whose, rng)
        yield from self._interactions(ask, lent, chosen, whose)

    def _check(self, subject: Subject) -> None:
        problems = [
            Problem.unknown(f"{_WHERE} columns", name, subject.features, "a feature")
            for name in self.columns or ()
            if name not in subject.features
        ]
        if self.of_class is not None and self.of_class not in subject.classes:
            where = f"{_WHERE} of_class"
            problems.append(Problem.unknown(where, self.of_class, subject.classes, "a class"))
        if problems:
            raise InputError(problems)

    def _class(self, subject: Subject) -> int | None:
        if self.of_class is not None:
            return subject.classes.index(self.of_class)
        if subject.task != "multiclass" or subject.y_score is None:
            return None
        return int(subject.y_score.std(axis=0).argmax())

    def _lend(
        self, subject: Subject, ask: OneNumber, read: Sequence[str], rng: np.random.Generator
    ) -> _Lent:
        """Ask about rows with one value each of another row."""
        kept = min(self.features, len(read))
        most = self.max_asked // 4 // (1 + len(read) + kept * (kept - 1) // 2)
        drawn = rng.permutation(len(subject))[: max(2, min(LENDING, most))]
        rows, partners = (subject.rows.iloc[places] for places in (drawn, np.roll(drawn, 1)))
        lent = _Lent(rows, partners, ask(rows), {})
        for name in read:
            lent.single[name] = ask(lent.swapped(name))
        return lent

    def _curves(
        self,
        subject: Subject,
        ask: OneNumber,
        chosen: Sequence[str],
        whose: str,
        rng: np.random.Generator,
    ) -> Iterator[Measurement | Table]:
        most = self.max_asked * 3 // 4 // len(chosen)
        drawn = rng.permutation(len(subject))[: self.rows]
        lines: list[tuple[Cell, ...]] = []
        for name in chosen:
            where = {"feature": name}
            found = feature_curve(ask, name, drawn, most)
            if found is None:
                yield _undefined(EFFECT_RANGE, NO_VALUES, where)
                continue
            source = f"{_method(found)} of the {ask.words}, {found.words}"
            reach = found.curve.reach(rng, self.level)
            yield measured(EFFECT_RANGE, reach, found.n, source, where)
            if found.is_number:
                against = found.curve.against(rng, self.level)
                yield measured(EFFECT_AGAINST, against, found.n, source, where)
            lines += _lines(name, found, found.curve.band(rng, self.level))
        if lines:
            yield Table(
                "curves",
                f"How each feature moves the {ask.words}",
                _COLUMNS,
                tuple(lines),
                f"{whose}; accumulated local effects of numbers over at most {drawn.size:,} "
                f"assessed rows, the grid rounded and each step resting on {SHARED} rows or more; "
                f"partial dependence of the {LEVELS} commonest categories that {SHARED} rows and "
                f"{COMMON:.1%} of rows share; "
                f"{self.level:.0%} intervals over rows, which hold together for all points of a "
                "feature; a model's answer describes the model, not what causes the outcome",
                chart="effects",
            )

    def _interactions(
        self, ask: OneNumber, lent: _Lent, chosen: Sequence[str], whose: str
    ) -> Iterator[Measurement | Table]:
        pairs = list(combinations(chosen, 2))
        if not pairs:
            yield _undefined(INTERACTION, NO_PAIR)
            return
        level = shared_level(self.level, len(pairs))
        n, found = len(lent.rows), dict[tuple[str, str], Estimate]()
        for a, b in pairs:
            both = ask(lent.swapped(a, b))
            apart = mixed_differences(lent.answers, lent.single[a], lent.single[b], both)
            within_one = ask.subject.task != "regression"
            found[a, b] = interaction_size(apart, level, within_one=within_one)
        order = sorted(pairs, key=lambda pair: -(found[pair].value or 0.0))[: self.pairs]
        source = f"{n:,} assessed rows with two values lent by another; the {len(order)} largest "
        source += f"of {len(pairs)} pairs among {whose}; intervals hold together for all pairs"
        for a, b in order:
            where = {"feature": a, "with": b}
            yield measured(INTERACTION, found[a, b], n, source, where)
        lines = tuple((CROSS.join(pair), *cells_of(found[pair])) for pair in order)
        title = f"Which features depend on each other in what they do to the {ask.words}"
        columns = ("features", INTERACTION.id, "low", "high")
        yield Table("interactions", title, columns, lines, source, chart="interactions")


def _is_text(values: pd.Series) -> bool:
    if pd.api.types.is_numeric_dtype(values):
        return False
    return are_texts(list(as_names(values).dropna().unique()), len(values))


def _method(found: FeatureCurve) -> str:
    return "accumulated local effects" if found.is_number else "partial dependence"


def _lines(name: str, found: FeatureCurve, band: Bounds) -> Iterator[tuple[Cell, ...]]:
    kind = "number" if found.is_number else "category"
    low, high = (bound.tolist() for bound in band)
    effects = found.curve.values.tolist()  # noqa: PD011 - not a data frame
    for i, point in enumerate(found.points):
        bounds = (low[i], high[i]) if low[i] < high[i] else (None, None)
        beside, share = found.dependence[i], found.shares[i]
        yield name, kind, point, effects[i], *bounds, beside, share


def _undefined(metric: Metric, reason: str, where: dict[str, str] | None = None) -> Measurement:
    return measured(metric, Estimate.undefined(reason), 0, "no row was asked about", where)
