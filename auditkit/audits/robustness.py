"""How many decisions change when inputs are a little off, or wrong, and for whom?

Small changes that should change nothing: numbers 1 % off or under slight noise, typos, letter case.
Errors that happen: an empty field, a wrong unit, a wrong or unseen category. Numbers are changed in
raw units, whole ones stay whole, and small changes stay in the observed range. Sensitive columns
are left as they are. The edits are in `auditkit.explaining.perturbed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Measurement, Metric, Table
from auditkit.explaining.perturbed import Change, Roles, Trial, roles_of
from auditkit.methods.crossing import rows_words
from auditkit.methods.estimates import Estimate, measured, together
from auditkit.methods.gaps import shared_level
from auditkit.methods.noise_metrics import (
    KINDS,
    METRICS,
    NOISE_FLIP_RATE,
    NOISE_GAP,
    NOISE_TO_BETTER,
    NOISE_TO_WORSE,
)
from auditkit.methods.noise_tables import (
    ERRORS,
    FEWEST,
    Grouped,
    Kind,
    Line,
    changes_table,
    curve_table,
    members,
)
from auditkit.methods.perturbing import Outcome, rate, rate_gap
from auditkit.roles import TASKS, group_labels
from auditkit.subject import Subject

#: Rows that the model is asked about for each error at least.
LEAST = 100
#: Why nothing was changed, by kind of change.
NOTHING = {
    "small noise": "the model reads no number that may be changed",
    "typos": "the model reads no text",
    "letter case": "the model reads no text",
    "missing field": "the model reads no column that may be changed",
    "wrong unit": "the model reads no number that may be changed",
    "wrong category": "the model reads no category that may be changed",
    "unseen category": "the model reads no category that may be changed",
}
NO_SPREAD = "all predictions are alike, so no standard deviation tells what a move is"
NO_ORDER = "answers of this task have no better and no worse"
SMALL = f"fewer than {FEWEST} rows"

_WHERE = "[audits.robustness]"


@dataclass(frozen=True)
class Robustness:
    """Share of decisions that change under small noise and under errors of input, also by group.

    Attributes:
        level: Level of the intervals, in (0, 1).
        max_rows: Most rows, drawn at random, that are asked about; at least 100.
        max_asked: Most rows that the model is asked about for all errors together; it sets smaller
            samples of the rows.
        draws: Times that rows are changed at random, of noise and of typos; at least 1.
        sizes: Sizes of noise of the curve; unit: standard deviations of a column.
        factors: Factors of a wrong unit.
        typos: Chance of a letter to be mistyped, in (0, 1).
        tolerance: How far a predicted number may move; unit: standard deviations of predictions.
        favourable: Whether to be selected, or a higher number, is good for the person.
        min_group: Rows from which groups are compared; at least 10.
        leave: Columns to leave as they are, beside the sensitive ones.
        codes: Columns of numbers that stand for categories.
        texts: Columns of texts; told by their look where empty.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Robustness(draws=0, typos=2.0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 2 problems:
          1. [audits.robustness] draws: found '0', expected a whole number from 1.
          2. [audits.robustness] typos: found '2.0', expected numbers above 0 and below 1.
    """

    level: float = 0.95
    max_rows: int = 10_000
    max_asked: int = 100_000
    draws: int = 3
    sizes: tuple[float, ...] = (0.001, 0.01, 0.1, 0.2, 0.5)
    factors: tuple[float, ...] = (0.001, 0.1, 10.0, 1000.0)
    typos: float = 0.05
    tolerance: float = 0.1
    favourable: bool = True
    min_group: int = 30
    leave: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    name: ClassVar[str] = "robustness"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, max_rows=100, max_asked=1_000, draws=1, min_group=FEWEST)
        share, above = "numbers above 0 and below 1", "numbers above 0"
        problems += [
            Problem(f"{_WHERE} {name}", quote(value), expected)
            for name, values, high, expected in (
                ("sizes", self.sizes, np.inf, above),
                ("factors", self.factors, np.inf, above),
                ("typos", (self.typos,), 1.0, share),
                ("tolerance", (self.tolerance,), np.inf, above),
            )
            for value in values
            if not 0 < value < high
        ]
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Change rows, ask the model again, and count the answers that are others.

        Args:
            subject: What is audited.
            rng: Draws the rows, and the seed of all changes.

        Yields:
            For each kind of change the share of rows that get another answer, of small ones also
            by group; of small noise its direction and the gap between groups; then the tables
            `changes`, with groups, and `noise-curve`.

        Raises:
            InputError: If a column of `leave`, `codes` or `texts` is none that the model reads.
        """
        self._check(subject)
        drawn = np.sort(rng.permutation(len(subject))[: self.max_rows])
        seed = int(rng.integers(2**31))
        trial = Trial(subject, drawn, self.tolerance, self.favourable, seed)
        roles = roles_of(subject, self.leave, self.codes, self.texts)
        few = trial.first(max(LEAST, self.max_asked // max(1, self._errors(trial, roles))))
        kinds = [
            Kind(kind, self._lines(kind, few if kind in ERRORS else trial, roles)) for kind in KINDS
        ]
        for kind in kinds:
            yield from self._measured(kind, trial, roles)
        points = self._points(trial, roles)
        least = max(self.min_group, FEWEST)
        tables = (
            changes_table(kinds, self.level),
            curve_table(points, _groups(trial), least, self.level) if points else None,
        )
        yield from (table for table in tables if table is not None)

    def _check(self, subject: Subject) -> None:
        problems = [
            Problem.unknown(f"{_WHERE} {setting}", name, subject.features, "a feature")
            for setting in ("leave", "codes", "texts")
            for name in getattr(self, setting)
            if name not in subject.features
        ]
        if problems:
            raise InputError(problems)

    def _errors(self, trial: Trial, roles: Roles) -> int:
        """Changes that are errors: how many times the model is asked about the same rows."""
        return sum(1 for kind in ERRORS for _ in self._changes(kind, trial, roles))

    def _lines(self, kind: str, trial: Trial, roles: Roles) -> tuple[Line, ...]:
        groups = _groups(trial)
        if trial.subject.task == "regression" and not trial.step > 0:
            return (Line(kind, "", NO_SPREAD, groups),)
        lines = tuple(
            Line(kind, change[0], trial.outcome(change), groups)
            for change in self._changes(kind, trial, roles)
        )
        return lines or (Line(kind, "", NOTHING[kind], groups),)

    def _changes(self, kind: str, trial: Trial, roles: Roles) -> Iterable[Change]:
        if kind == "small noise":
            return trial.noises(roles.numbers, self.draws) if roles.numbers else ()
        if kind == "typos":
            return [trial.typos(roles.texts, self.typos, self.draws)] if roles.texts else ()
        if kind == "letter case":
            return [trial.capitals(roles.texts)] if roles.texts else ()
        if kind == "missing field":
            return trial.emptied(roles.changed)
        if kind == "wrong unit":
            return trial.units(roles.numbers, self.factors)
        named = trial.swapped if kind == "wrong category" else trial.unseen
        return named(roles.categories)

    def _points(self, trial: Trial, roles: Roles) -> list[tuple[float, Outcome]]:
        if not roles.numbers or (trial.subject.task == "regression" and not trial.step > 0):
            return []
        points = []
        for size in sorted(set(self.sizes)):
            found = trial.outcome(trial.noise(roles.numbers, size, 1))
            if isinstance(found, str):
                return []
            points.append((size, found))
        return points

    def _measured(self, kind: Kind, trial: Trial, roles: Roles) -> Iterator[Measurement]:
        metric, outcome = KINDS[kind.kind], kind.outcome
        if isinstance(outcome, str):
            yield metric.measure(None, n=0, reason=outcome, source="no row was changed")
            return
        source = self._source(kind, outcome, trial, roles)
        found = rate(outcome.flipped, shared_level(self.level, kind.tried))
        if kind.tried > 1:
            found = together(found, self.level, f"{kind.tried} changes")
        yield measured(metric, found, outcome.n, source)
        groups = kind.first.groups
        if metric is NOISE_FLIP_RATE:
            yield from self._directions(outcome, source)
            yield from self._gaps(outcome, groups, source)
        if kind.kind not in ERRORS:  # of errors the table tells
            yield from self._by_group(metric, outcome, groups, source)

    def _directions(self, outcome: Outcome, source: str) -> Iterator[Measurement]:
        for metric, values in ((NOISE_TO_WORSE, outcome.worse), (NOISE_TO_BETTER, outcome.better)):
            found = Estimate.undefined(NO_ORDER) if values is None else rate(values, self.level)
            yield measured(metric, found, outcome.n, source)

    def _gaps(self, outcome: Outcome, groups: Grouped, source: str) -> Iterator[Measurement]:
        for column, (_, codes) in groups.items():
            sizes = np.bincount(codes[codes >= 0])
            large = np.flatnonzero(sizes >= self.min_group).tolist()
            gap = rate_gap(outcome.flipped, codes, large, self.level)
            words = f"between {len(large)} groups of {self.min_group} rows or more; {source}"
            yield measured(NOISE_GAP, gap, int(sizes[large].sum()), words, {column: ALL_GROUPS})

    def _by_group(
        self, metric: Metric, outcome: Outcome, groups: Grouped, source: str
    ) -> Iterator[Measurement]:
        told = sum(at.size >= FEWEST for *_, at in members(groups))
        each = shared_level(self.level, max(1, told))
        for column, label, at in members(groups):
            found = Estimate.undefined(SMALL)
            if at.size >= FEWEST:
                found = together(rate(outcome.flipped[at], each), self.level, f"{told} groups")
            yield measured(metric, found, int(at.size), source, {column: label})

    def _source(self, kind: Kind, outcome: Outcome, trial: Trial, roles: Roles) -> str:
        words = f"asked about {outcome.n:,} of {rows_words(len(trial.subject))}"
        if kind.kind in ERRORS:
            alone = ", the only change of its kind"
            most = f", which does most of {kind.tried} changes"
            words += f"; {kind.first.what}{most if kind.tried > 1 else alone}"
        elif kind.kind == "small noise":
            words += f"; {len(roles.numbers)} numbers that the model reads, all at once"
        elif kind.kind == "typos":
            unknown = trial.unknown_words(roles.texts, self.typos)
            words += (
                f"; {kind.first.what}; {_share(unknown)} of the words are then in no text as given"
            )
        words += f"; {_share(outcome.changed.mean())} of the rows change"
        if outcome.changed.mean() < 1:
            words += f", and {_share(outcome.of_changed)} of those get another answer"
        refused = sum(line.refused for line in kind.lines)
        words += f"; the model refuses {refused} other changes" if refused else ""
        left = ", ".join(map(quote, roles.left))
        return words + (f"; left as they are: {left}" if left else "")


def _groups(trial: Trial) -> Grouped:
    found = {}
    for column, groups in trial.subject.groups.items():
        codes = np.asarray(groups.codes, dtype=np.int64)[trial.drawn]
        found[column] = group_labels(groups), codes
    return found


def _share(value: float | None) -> str:
    return f"{100 * (value or 0.0):.3g} %"
