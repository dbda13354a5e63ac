"""Could somebody who knows all else of a person find out a sensitive column by asking the model?

The attack, its baseline and their arithmetic are in `auditkit.methods.attribute_inference`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import pandas as pd

from auditkit.errors import InputError, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.explaining.boosting import group_shares
from auditkit.explaining.categories import is_number
from auditkit.methods.attribute_inference import (
    ADVANTAGE,
    LEAK,
    METRICS,
    BoolArray,
    Guesses,
    Told,
    log_likelihoods,
    told,
)
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, cells_of, together
from auditkit.methods.gaps import shared_level
from auditkit.methods.intervals import share
from auditkit.models.answers import checked_answers
from auditkit.roles import Groups, as_names, group_labels
from auditkit.subject import NEEDS, Subject

#: Values of the column that stand for a group of many, for example a band of ages.
POINTS = 3
#: Rows of a group below which nobody can learn it.
LEAST = 10
WITHHELD = "one row only: the number would be about one person"
NOT_READ = "the model does not read this column, so asking it with another value tells nothing"
#: The ways of guessing, and the columns of the table that hold how often they are right.
WAYS = {
    "majority": "most_frequent",
    "alone": "model_alone",
    "baseline": "without_model",
    "attack": "with_model",
}
#: A number and its bounds, in the names of columns.
ENDS = ("", "_low", "_high")


@dataclass(frozen=True)
class AttributeInference:
    """What asking the model adds for somebody who knows all columns of a person but one.

    The assessed rows are halved at random: on one half it is learnt how the column goes with the
    other columns and the outcome, the other half stands for people the model was not trained on.

    Attributes:
        rows: Most rows of each of three kinds: to learn on, training rows and others. The model is
            asked about the last two with up to three values of each group.
        level: Two-sided level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> AttributeInference(rows=1)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.attribute-inference] rows: found '1', expected a whole number from 100.
    """

    rows: int = 5_000
    level: float = 0.95

    name: ClassVar[str] = "attribute-inference"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "model", "train"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, rows=100)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Attack every sensitive column that the model reads.

        Args:
            subject: What is audited.
            rng: Halves the assessed rows, draws the rows of each kind, seeds the baseline.

        Yields:
            By column what asking the model adds and what training on a row betrays, this by group
            too; then how often each way of guessing is right, the table `attribute-attacks`.
        """
        lines: list[tuple[Cell, ...]] = []
        if not subject.sensitive:
            for metric in METRICS:
                yield metric.measure(None, n=0, reason=NEEDS["sensitive"], source="training rows")
        sample = _Sample.drawn(subject, self.rows, rng)
        read = sum(column in subject.features for column in subject.sensitive)
        for column in subject.sensitive:
            trial = _trial(subject, column, sample, rng)
            if isinstance(trial, str):
                yield from _undefined({column: ALL_GROUPS}, trial)
                continue
            yield from self._of_all(trial, read)
            yield from self._of_groups(trial)
            lines += self._lines(trial)
        if lines:
            yield _table(lines, self.level)

    def _of_all(self, trial: _Trial, columns: int) -> Iterator[Measurement]:
        everyone = np.ones(trial.truth.size, dtype=bool)
        found = trial.told(everyone, self.level)
        inside, outside = found.members, found.others
        leak = trial.told(everyone, shared_level(self.level, columns)).leak
        if columns > 1:
            leak = together(leak, self.level, f"{columns} columns")
        where = {trial.column: ALL_GROUPS}
        for metric, value, n in (
            (ADVANTAGE, inside.difference, inside.n),
            (LEAK, leak, inside.n + outside.n),
        ):
            yield _one(metric, value, n, where, trial.words)

    def _of_groups(self, trial: _Trial) -> Iterator[Measurement]:
        for code, label in enumerate(trial.labels):
            found = trial.told(trial.truth == code, self.level)
            inside, outside = found.members, found.others
            where = {trial.column: label}
            if 1 in {inside.n, outside.n}:
                yield from _undefined(where, WITHHELD, (LEAK,))
                continue
            words = f"{trial.words}; each group at its own level"
            yield _one(LEAK, found.leak, inside.n + outside.n, where, words)

    def _lines(self, trial: _Trial) -> Iterator[tuple[Cell, ...]]:
        everyone = trial.told(np.ones(trial.truth.size, dtype=bool), self.level)
        for kind, rows, pair in (
            ("training rows", trial.is_member, everyone.members),
            ("others", ~trial.is_member, everyone.others),
        ):
            n = int(rows.sum())
            found = [share(int(trial.right(way)[rows].sum()), n, self.level) for way in WAYS]
            numbers = [cell for one in (*found, pair.difference) for cell in cells_of(one)]
            yield (trial.column, kind, *numbers)


@dataclass(frozen=True, eq=False)
class _Sample:
    """Raw rows: those to learn on first, then training rows, then other ones.

    Attributes:
        rows: All of them.
        outcomes: Their outcomes.
        kind: 0 to learn on, 1 training rows, 2 others.
        places: Where each stands in the assessed rows, or in the training rows.
    """

    rows: pd.DataFrame
    outcomes: FloatArray
    kind: IntArray
    places: IntArray

    @classmethod
    def drawn(cls, subject: Subject, most: int, rng: np.random.Generator) -> _Sample:
        train = cast("pd.DataFrame", subject.train)  # `needs` has seen to it
        order = rng.permutation(len(subject))
        half = (len(order) + 1) // 2
        learn, others = np.sort(order[:half][:most]), np.sort(order[half:][:most])
        members = np.sort(rng.permutation(len(train))[:most])
        columns = list(dict.fromkeys([*subject.features, str(subject.label)]))
        parts = [
            subject.rows[columns].iloc[learn],
            train[columns].iloc[members],
            subject.rows[columns].iloc[others],
        ]
        rows = pd.concat(parts, ignore_index=True)
        kind = np.repeat([0, 1, 2], [len(part) for part in parts])
        places = np.concatenate([learn, members, others])
        return cls(rows, subject.outcomes(rows).astype(np.float64), kind, places)

    def codes(self, subject: Subject, column: str) -> IntArray:
        """Group of each row; -1 where it is not known."""
        inside = cast("Mapping[str, Groups]", subject.train_groups)[column].codes
        outside = subject.groups[column].codes
        found = np.empty(len(self.rows), dtype=np.int64)
        found[self.kind == 1] = inside[self.places[self.kind == 1]]
        found[self.kind != 1] = outside[self.places[self.kind != 1]]
        return found


@dataclass(frozen=True, eq=False)
class _Trial:
    """What was guessed of one column, for training rows and others together.

    Attributes:
        column: The column.
        labels: Names of the groups.
        truth: Shape (n,): the group that each row is of.
        is_member: Shape (n,): whether the model was trained on the row.
        guesses: The groups that are guessed.
        words: What was done.
    """

    column: str
    labels: Sequence[str]
    truth: IntArray
    is_member: BoolArray
    guesses: Guesses
    words: str

    def right(self, way: str) -> BoolArray:
        return np.asarray(getattr(self.guesses, way) == self.truth)

    def told(self, rows: BoolArray, level: float) -> Told:
        attack, baseline = self.right("attack"), self.right("baseline")
        kinds = rows & self.is_member, rows & ~self.is_member
        members, others = ((attack[kind], baseline[kind]) for kind in kinds)
        return told(members, others, level)


def _trial(
    subject: Subject, column: str, sample: _Sample, rng: np.random.Generator
) -> _Trial | str:
    """Attack one column; why it cannot be where it cannot."""
    if column not in subject.features:
        return NOT_READ
    groups = subject.groups[column]
    codes = sample.codes(subject, column)
    learnt = codes[(sample.kind == 0) & (codes >= 0)]
    large = np.flatnonzero(np.bincount(learnt, minlength=len(groups.names)) >= LEAST)
    kept = np.isin(codes, large)
    if large.size < 2 or len(set(sample.kind[kept])) < 3:
        return f"fewer than 2 groups have {LEAST} rows to learn on, or no other rows are left"
    rows, kind = sample.rows[kept].reset_index(drop=True), sample.kind[kept]
    truth = np.searchsorted(large, codes[kept])
    candidates = _Candidates.of(rows[column][kind == 0], truth[kind == 0])
    likelihoods = _likelihoods(subject, rows, sample.outcomes[kept], kind, candidates)
    if likelihoods is None:
        return NO_PROBABILITIES
    frequency = np.bincount(truth[kind == 0]) / (kind == 0).sum()
    others = [name for name in subject.features if name != column]
    before, with_outcome = (
        _chances(rows[list(names)], truth, kind, rng, frequency)
        for names in (others, dict.fromkeys([*others, str(subject.label)]))
    )
    tried = kind > 0
    return _Trial(
        column=column,
        labels=[group_labels(groups)[code] for code in large],
        truth=truth[tried],
        is_member=kind[tried] == 1,
        guesses=Guesses.of(
            likelihoods, (candidates.group, candidates.mass), frequency, before, with_outcome
        ),
        words=_words(kind, int((~kept).sum()), len(candidates.group)),
    )


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Values that the model is asked with.

    Attributes:
        column: Shape (m,): the values, typed and named as in the data.
        group: Shape (m,): the group of each.
        mass: Shape (m,): the share of its group that each stands for.
    """

    column: pd.Series
    group: IntArray
    mass: FloatArray

    @classmethod
    def of(cls, column: pd.Series, truth: IntArray) -> _Candidates:
        """Take every value of a group of up to three, else three that are spread over it."""
        chosen = []
        for group in range(int(truth.max()) + 1):
            rows = np.flatnonzero(truth == group)
            for place, mass in _spread(column.iloc[rows]):
                chosen.append((int(rows[place]), group, mass))
        places, groups, masses = zip(*chosen, strict=True)
        return cls(column.iloc[list(places)], np.array(groups), np.array(masses))


def _spread(values: pd.Series) -> Iterator[tuple[int, float]]:
    """Places of up to three values of a group, and what each stands for."""
    codes, names = pd.factorize(as_names(values), sort=True)
    n = len(values)
    if len(names) > POINTS and is_number(values):
        order = np.argsort(values.to_numpy(dtype=np.float64), kind="stable")
        for point in range(POINTS):
            yield int(order[int((point + 0.5) / POINTS * n)]), 1 / POINTS
        return
    counts = np.bincount(codes)
    most = np.argsort(-counts, kind="stable")[:POINTS]
    for code in most:
        yield int(np.argmax(codes == code)), float(counts[code] / counts[most].sum())


def _likelihoods(
    subject: Subject,
    rows: pd.DataFrame,
    outcomes: FloatArray,
    kind: IntArray,
    candidates: _Candidates,
) -> FloatArray | None:
    """Ask the model about the rows to attack with every candidate; None without likelihoods."""

    def asked(frame: pd.DataFrame) -> FloatArray:
        return np.asarray(checked_answers(subject.model, subject.task, frame, subject.classes))

    column = candidates.column.name
    tried, n = rows[kind > 0], int((kind > 0).sum())
    answers = []
    for place in range(len(candidates.group)):
        frame = tried.copy()
        frame[column] = candidates.column.iloc[np.full(n, place)].array
        answers.append(asked(frame))
    if subject.task != "regression":
        if not all(are_probabilities(one) for one in answers):
            return None
        return log_likelihoods(answers, outcomes[kind > 0])
    known = outcomes[kind == 0]
    errors = asked(rows[kind == 0]) - known
    deviation = float(np.sqrt(np.mean(np.square(errors))))
    least = 1e-6 * (float(known.std()) or 1.0)  # a model without errors still has a likelihood
    return log_likelihoods(answers, outcomes[kind > 0], max(deviation, least))


def _chances(
    rows: pd.DataFrame,
    truth: IntArray,
    kind: IntArray,
    rng: np.random.Generator,
    frequency: FloatArray,
) -> FloatArray:
    """Chances of the groups of the rows to attack, learnt on the others; shape (n, k)."""
    tried = kind > 0
    if rows.shape[1] == 0:
        return np.tile(frequency, (int(tried.sum()), 1))
    return group_shares(rows, truth, tried.astype(np.int64), rng, told=[1])[tried]


def _words(kind: IntArray, left_out: int, values: int) -> str:
    learnt, members, others = np.bincount(kind, minlength=3).tolist()
    left = f"; {left_out:,} rows of unknown or small groups left out" if left_out else ""
    return (
        f"{members:,} training rows and {others:,} assessed rows, taken to come from one "
        f"population, not weighted; learnt on {learnt:,} other assessed rows (gradient boosting); "
        f"the model asked with {values} values{left}"
    )


def _one(
    metric: Metric, found: Estimate, n: int, where: Mapping[str, str], source: str
) -> Measurement:
    return metric.measure(
        found.value,
        n=n,
        interval=found.interval,
        reason=found.reason,
        slice=where,
        source=source,
    )


def _undefined(
    where: Mapping[str, str], reason: str, metrics: Sequence[Metric] = METRICS
) -> Iterator[Measurement]:
    for metric in metrics:
        yield metric.measure(None, n=0, reason=reason, slice=where, source="training rows")


def _table(lines: list[tuple[Cell, ...]], level: float) -> Table:
    return Table(
        name="attribute-attacks",
        title="How often each way of guessing is right",
        columns=(
            *("attribute", "kind"),
            *(f"{one}{end}" for one in (*WAYS.values(), "model_adds") for end in ENDS),
        ),
        rows=tuple(lines),
        source=f"{level:.0%} Clopper-Pearson intervals, paired ones (Agresti-Min) of what the "
        "model adds, each at its own level; others: assessed rows that neither the model nor the "
        "guessing was made of",
        chart="attribute-attacks",
    )
