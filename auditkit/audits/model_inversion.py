"""What can somebody rebuild who holds the model, somebody's outcome, and how frequent values are?

The two attacks and their arithmetic are in `auditkit.methods.model_inversion`, what is public of a
column in `auditkit.models.marginals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import pandas as pd

from auditkit.errors import InputError, range_problems
from auditkit.evidence import Measurement, Metric, Table
from auditkit.explaining.text_column import text_column
from auditkit.methods.bands import quantile_edges
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.estimates import FloatArray, IntArray, measured, together
from auditkit.methods.gaps import shared_level
from auditkit.methods.inversion_evidence import LEAST, Inversion
from auditkit.methods.model_inversion import (
    ADVANTAGE,
    METRICS,
    Known,
    drawn_rows,
    likeliest,
    log_chances,
    surest,
    told,
)
from auditkit.models.answers import checked_answers
from auditkit.models.marginals import Marginal, rows_of
from auditkit.roles import Groups, as_names, group_masks, make_groups
from auditkit.subject import Subject

#: Bands of the outcome of a regression.
BANDS = 3
TEXT = "the model reads a text, which has no columns whose values could be guessed one by one"
NOT_SHARED = f"no column that the model reads has two values that {LEAST} rows share"
TOO_FEW = f"no outcome has {LEAST} training rows and {LEAST} others"
_PEOPLE = "training and assessed rows"


@dataclass(frozen=True)
class ModelInversion:
    """What a model tells of people of whom only the outcome is known.

    Two guesses are made for each outcome: the values that are likeliest by Bayes (Fredrikson et
    al. 2014), and the row of frequent values to which the model gives the outcome most surely
    (Fredrikson, Jha and Ristenpart 2015). The baseline guesses everybody's most frequent values.
    Who knows nothing but the outcome has to guess the same of all people who share it, so that
    rebuilding single people and rebuilding what is typical of an outcome are one question. What can
    be guessed of somebody of whom more is known is asked by `attribute-inference`.

    A guess that beats the baseline shows what the model has learnt of people in general, which
    is what a model is for. It leaks only as far as it fits people it was trained on better than
    others. One guess for all who share an outcome betrays what many training rows share, and no
    single row: a network that knows single rows by heart passes here, and is found by `membership`
    and `memorisation`.

    Attributes:
        outcomes: Most outcomes, those with most training rows first.
        draws: Random rows with which every value of every feature is tried.
        starts: Random rows from which the surest row is searched for, for each outcome.
        rows: Most training rows to compare with, and most assessed rows of each half.
        level: Two-sided level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> ModelInversion(draws=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.model-inversion] draws: found '0', expected a whole number from 1.
    """

    outcomes: int = 5
    draws: int = 200
    starts: int = 6
    rows: int = 20_000
    level: float = 0.95

    name: ClassVar[str] = "model-inversion"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "model", "train"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, outcomes=1, draws=1, starts=1, rows=100)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Guess the values of people from their outcome, and compare.

        Args:
            subject: What is audited.
            rng: Halves the assessed rows, draws training rows and the rows to try.

        Yields:
            What the model tells and what it betrays of training rows, this by group too; then the
            tables `inverted-outcomes` and `inverted-values`.
        """
        trial = _trial(subject, self, rng)
        if isinstance(trial, str):
            for metric in METRICS:
                yield metric.measure(None, n=0, reason=trial, source=_PEOPLE)
            return
        yield from self._of_all(trial)
        for column in subject.sensitive:
            yield from self._of_groups(trial, subject, column)
        yield from trial.tables(self.level)

    def _of_all(self, trial: Inversion) -> Iterator[Measurement]:
        n = len(trial.inside.rows), len(trial.outside.rows)
        alone = told(*trial.added(trial.likely), self.level)
        yield measured(ADVANTAGE, alone.members, n[0], trial.words)
        each = shared_level(self.level, 2)
        for metric, guess in trial.leaks.items():
            leak = told(*trial.added(guess), each).leak
            yield measured(metric, together(leak, self.level, "2 guesses"), sum(n), trial.words)

    def _of_groups(self, trial: Inversion, subject: Subject, column: str) -> Iterator[Measurement]:
        inside = group_masks(cast("Mapping[str, Groups]", subject.train_groups)[column])
        outside = group_masks(subject.groups[column])
        nobody = np.zeros(max(len(subject), len(cast("pd.DataFrame", subject.train))), dtype=bool)
        for label in dict.fromkeys([*outside, *inside]):
            masks = (
                inside.get(label, nobody)[trial.places[0]],
                outside.get(label, nobody)[trial.places[1]],
            )
            n = int(masks[0].sum() + masks[1].sum())
            for metric, guess in trial.leaks.items():
                leak = told(*trial.added(guess, masks), self.level).leak
                words = f"{trial.words}; each group at its own level"
                yield measured(metric, leak, n, words, {column: label})


@dataclass(frozen=True, eq=False)
class _Outcomes:
    """The outcomes that are guessed from.

    Attributes:
        names: Their names.
        edges: Inner edges of the bands of a number; empty for classes.
        deviation: Standard deviation of the errors of a regression, else None.
    """

    names: tuple[str, ...]
    edges: tuple[float, ...] = ()
    deviation: float | None = None

    @classmethod
    def of(cls, subject: Subject, learn: IntArray) -> _Outcomes | str:
        """Name them; of a number cut it into bands, by the rows to learn on."""
        label = subject.rows[str(subject.label)]
        if subject.task == "regression":
            y = subject.y_true[learn].astype(np.float64)
            edges = tuple(quantile_edges(y, BANDS))
            errors = subject.y_pred[learn] - y
            least = 1e-6 * (float(y.std()) or 1.0)  # a model without errors still has chances
            deviation = max(float(np.sqrt(np.mean(np.square(errors)))), least)
            return cls(make_groups(label.iloc[learn], edges).names, edges, deviation)
        if not are_probabilities(cast("FloatArray", subject.y_score)):
            return NO_PROBABILITIES
        if subject.task == "multiclass":
            return cls(subject.classes)
        positive = subject.y_true == 1
        sides = (as_names(label[side])[:1].tolist() for side in (~positive, positive))
        return cls(tuple(str(name) for side in sides for name in side or ["other"]))

    def codes(self, subject: Subject, rows: pd.DataFrame) -> IntArray:
        """Which of them each row has; shape (n,)."""
        if self.edges:
            return make_groups(rows[str(subject.label)], self.edges).codes
        if self.deviation is not None:
            return np.zeros(len(rows), dtype=np.int64)
        return subject.outcomes(rows).astype(np.int64)


def _trial(subject: Subject, held: ModelInversion, rng: np.random.Generator) -> Inversion | str:
    """Make both guesses; why they cannot be made where they cannot."""
    if text_column(subject) is not None:
        return TEXT
    train = cast("pd.DataFrame", subject.train)  # `needs` has seen to it
    order = rng.permutation(len(subject))
    half = (len(order) + 1) // 2
    learn, others = (np.sort(own[: held.rows]) for own in (order[:half], order[half:]))
    members = np.sort(rng.permutation(len(train))[: held.rows])
    public = [Marginal.of(subject.rows[name].iloc[learn]) for name in subject.features]
    outcomes = _Outcomes.of(subject, learn)
    if isinstance(outcomes, str):
        return outcomes
    frames = train.iloc[members], subject.rows.iloc[others]
    codes = [outcomes.codes(subject, frame) for frame in frames]
    kept = _frequent(codes[0], codes[1], held.outcomes)
    guessed = [at for at, one in enumerate(public) if len(one.codes) > 1]
    if not kept.size or not guessed:
        return TOO_FEW if guessed else NOT_SHARED
    ask = _Asking(subject, public, outcomes, kept)
    likely, sure = _guesses(ask, held, rng)
    among = [np.isin(own, kept) for own in codes]
    places = members[among[0]], others[among[1]]
    inside, outside = (
        _known(frame[there], np.searchsorted(kept, own[there]), [public[at] for at in guessed])
        for frame, own, there in zip(frames, codes, among, strict=True)
    )
    return Inversion(
        outcomes=tuple(f"{subject.label} = {outcomes.names[code]}" for code in kept),
        features=tuple(subject.features[at] for at in guessed),
        labels=tuple(public[at].labels for at in guessed),
        likely=likely[:, guessed],
        sure=sure[:, guessed],
        inside=inside,
        outside=outside,
        places=places,
        words=_words(ask, places, learn.size, (len(guessed), int((~among[0]).sum()))),
    )


@dataclass(eq=False)
class _Asking:
    """Asks the model about places, and counts the rows."""

    subject: Subject
    public: Sequence[Marginal]
    outcomes: _Outcomes
    kept: IntArray
    rows: int = 0

    def __call__(self, places: IntArray) -> FloatArray:
        self.rows += len(places)
        subject, held = self.subject, self.outcomes
        frame = rows_of(self.public, places)
        answers = checked_answers(subject.model, subject.task, frame, subject.classes)
        return log_chances(answers, held.edges, held.deviation)[:, self.kept]


def _guesses(
    ask: _Asking, held: ModelInversion, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """The likeliest and the surest values for each outcome; shapes (outcomes, features)."""
    shares = [one.shares for one in ask.public]
    likely = likeliest(ask, shares, drawn_rows(shares, held.draws, rng))
    anywhere = np.tile(drawn_rows(shares, held.starts, rng), (len(likely), 1, 1))
    starts = np.concatenate([np.zeros_like(likely)[:, None], likely[:, None], anywhere], axis=1)
    return likely, surest(ask, shares, starts)


def _frequent(inside: IntArray, outside: IntArray, most: int) -> IntArray:
    """The outcomes that enough rows of both kinds have, in their own order; at most `most`."""
    k = int(max(inside.max(initial=0), outside.max(initial=0))) + 1
    counts = [np.bincount(codes[codes >= 0], minlength=k) for codes in (inside, outside)]
    order = np.argsort(-counts[0], kind="stable")
    enough = np.minimum(*counts)[order] >= LEAST
    return np.sort(order[enough][:most])


def _known(rows: pd.DataFrame, outcome: IntArray, public: Sequence[Marginal]) -> Known:
    places = [one.places(rows[one.groups.column]) for one in public]
    return Known(np.column_stack(places), outcome.astype(np.int64))


def _words(
    ask: _Asking, places: tuple[IntArray, IntArray], learnt: int, facts: tuple[int, int]
) -> str:
    (inside, outside), (guessed, left) = places, facts
    without = f"; {left:,} training rows with rarer outcomes left out" if left else ""
    return (
        f"{inside.size:,} training rows and {outside.size:,} assessed rows, taken to come from one "
        f"population, not weighted; {guessed} of {len(ask.public)} features guessed, how frequent "
        f"their values are learnt on {learnt:,} other assessed rows; the model asked about "
        f"{ask.rows:,} made-up rows{without}"
    )
