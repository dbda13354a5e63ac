"""Does the model remember single training rows: those with a rare value, and planted canaries?

Ranks, exposures and rare rows are in `auditkit.methods.exposure`, canaries in
`auditkit.models.canaries`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import AuditkitError, InputError, Problem, quote, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.explaining.text_column import text_column
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, cells_of, measured
from auditkit.methods.exposure import (
    EXPOSURE,
    METRICS,
    RARE,
    RARE_AUC,
    RARE_MORE,
    UNPLANTED,
    exposures,
    in_sequence,
    is_rare,
    losses,
    mean_exposure,
    p_value,
    ranks,
)
from auditkit.methods.gaps import shared_level
from auditkit.methods.means import mean
from auditkit.methods.mover import minus
from auditkit.methods.ranking import auc
from auditkit.models import Model, Recipe
from auditkit.models.answers import checked_answers
from auditkit.models.canaries import mixed_rows, random_texts
from auditkit.roles import as_names
from auditkit.subject import Subject

#: Planted rows are at most this part of the training rows, so that the training stays what it is.
PART = 0.1
#: Fewest canaries planted as often as each other that say something.
LEAST = 2
#: What stands for a rare value in any column.
ANY = "any column"
#: Columns that are listed.
LINES = 12
#: A column has rare values where at most this part of the training rows has one.
RARE_PART = 0.1
#: Fewest rows with a rare value, of either kind, that say something, and give nobody away.
LEAST_ROWS = 10
FEW_ROWS = "fewer than 10 training rows, or fewer than 10 other rows, are of this kind"
NONE_RARE = "no column that the model reads has both frequent and rare values"
FEW_WORDS = "too few words stand in 10 training texts or more to make canaries of"
_WHERE = "[audits.memorisation]"

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Memorisation:
    """How much better rows with a rare value are fitted, and how exposed planted canaries are.

    Canaries need the recipe of the model. A shadow recipe will not do: they would show what another
    training remembers. The audited model is asked about rows with a rare value, recipe or not.

    Attributes:
        rare: Number of other training rows that make a value frequent; fewer have a rare one.
        members: Most training rows to ask the model about, drawn at random.
        repetitions: How often canaries are planted, each count at least 1.
        canaries: Canaries of each count; fewer where planted rows would be over a tenth of the
            training rows.
        alternatives: Rows of the same form among which a canary is ranked; at least 99.
        level: Two-sided level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Memorisation(rare=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.memorisation] rare: found '0', expected a whole number from 1.
    """

    rare: int = 5
    members: int = 20_000
    repetitions: tuple[int, ...] = (1, 4, 16)
    canaries: int = 16
    alternatives: int = 1_023
    level: float = 0.95

    name: ClassVar[str] = "memorisation"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "model", "train"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, rare=1, members=1, canaries=LEAST, alternatives=99)
        problems += [
            Problem(f"{_WHERE} repetitions", quote(count), "whole numbers from 1")
            for count in self.repetitions or ("none",)
            if not isinstance(count, int) or count < 1
        ]
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Compare rows with rare values, then plant canaries and train once.

        Args:
            subject: What is audited.
            rng: Draws training rows, canaries and rows of their form.

        Yields:
            Measurements of rare values, the table `rare-values`, then the exposure and the table
            `canaries`.
        """
        yield from self._rare(subject, rng)
        trial = self._planted(subject, rng)
        if isinstance(trial, str):
            yield EXPOSURE.measure(None, n=0, reason=trial, source="canaries")
            return
        yield from trial.evidence(self.level)

    def _rare(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        train = cast("pd.DataFrame", subject.train)  # `needs` has seen to it
        drawn = np.sort(rng.permutation(len(train))[: self.members])
        known = subject.y_pred if subject.task == "regression" else subject.y_score
        inside = _losses(subject, cast("Model", subject.model), train.iloc[drawn])
        outside = _of_answers(subject, np.asarray(known), subject.y_true)
        if inside is None or outside is None:
            yield from _none(RARE, NO_PROBABILITIES)
            return
        columns = {
            name: (mine[drawn], others)
            for name in subject.features
            if (found := _rare_in(train[name], subject.rows[name], self.rare)) is not None
            for mine, others in [found]
        }
        if not columns:
            yield from _none(RARE, NONE_RARE)
            return
        kinds = [np.any([pair[side] for pair in columns.values()], axis=0) for side in (0, 1)]
        whole = _Fit(inside, outside, kinds[0], kinds[1])
        yield from self._measured(whole, len(columns))
        yield self._by_column(whole, columns, len(subject.features))

    def _measured(self, fit: _Fit, columns: int) -> Iterator[Measurement]:
        source = (
            f"loss of {fit.inside.size:,} training rows and {fit.outside.size:,} assessed rows, "
            "taken to come from one population, not weighted; rare: a value that fewer than "
            f"{self.rare} other training rows have, in one of {columns} columns"
        )
        for metric, found, n in (
            (RARE_AUC, fit.area(self.level), fit.rare),
            (RARE_MORE, fit.more(self.level), fit.inside.size + fit.outside.size),
        ):
            yield measured(metric, found, n, source)

    def _by_column(
        self,
        whole: _Fit,
        columns: Mapping[str, tuple[BoolArray, BoolArray]],
        features: int,
    ) -> Table:
        each = shared_level(self.level, len(columns))
        lines: list[tuple[Cell, ...]] = []
        for name, (mine, others) in columns.items():
            if min(mine.sum(), others.sum()) >= LEAST_ROWS:
                fit = replace(whole, mine=mine, others=others)
                lines.append((name, *fit.cells(each)))
        lines = sorted(lines, key=lambda line: (-float(line[3] or 0), str(line[0])))[:LINES]
        listed = len(lines)
        if listed:
            lines.append((ANY, *whole.cells(self.level)))
        return Table(
            name="rare-values",
            title="Rows with a rare value, by column",
            columns=(
                *("column", "n_training", "n_other", "auc", "auc_low", "auc_high"),
                *("loss_difference", "loss_difference_low", "loss_difference_high"),
            ),
            rows=tuple(lines),
            source=f"rare: fewer than {self.rare} other training rows have it; {listed} of "
            f"{features} columns listed: not where over a tenth of rows are rare (measurements, "
            f"texts), or under {LEAST_ROWS} of a kind; {self.level:.0%} intervals, all columns "
            "together (Bonferroni)",
            chart="rare-values",
        )

    def _planted(self, subject: Subject, rng: np.random.Generator) -> _Planted | str:
        """Plant canaries and train; why it cannot be where it cannot."""
        missing, train = subject.missing({"recipe"}), cast("pd.DataFrame", subject.train)
        if missing:
            return missing
        times = sorted(set(self.repetitions))
        count = min(self.canaries, int(PART * len(train) / sum(times)))
        if count < LEAST:
            return (
                f"{len(train):,} training rows are too few to plant {LEAST} rows "
                f"{' and '.join(map(str, times))} times in"
            )
        often = np.repeat([0, *times], count)
        rows = _canaries(subject, train, often.size + self.alternatives, rng)
        if isinstance(rows, str):
            return rows
        canaries, others = rows.iloc[: often.size], rows.iloc[often.size :]
        planted = canaries.iloc[np.repeat(np.arange(often.size), often)]
        try:
            model, _ = cast("Recipe", subject.recipe).fit(
                pd.concat([train, planted], ignore_index=True)
            )
        except AuditkitError as error:
            return f"training with canaries was not possible: {' '.join(str(error).split())}"[:300]
        mine = _losses(subject, model, canaries)
        if mine is None:
            return NO_PROBABILITIES
        theirs = _losses(subject, model, others, subject.outcomes(canaries))
        rank = ranks(mine, cast("FloatArray", theirs))
        return _Planted(often, exposures(rank, len(others) + 1), len(others) + 1, len(train))


@dataclass(frozen=True, eq=False)
class _Fit:
    """Losses inside and outside the training rows, and which rows have a rare value.

    Attributes:
        inside: Shape (n,): losses of training rows.
        outside: Shape (m,): losses of other rows.
        mine: Shape (n,): which training rows have a rare value.
        others: Shape (m,): which of the others have.
    """

    inside: FloatArray
    outside: FloatArray
    mine: BoolArray
    others: BoolArray

    @property
    def rare(self) -> int:
        return int(self.mine.sum() + self.others.sum())

    def area(self, level: float) -> Estimate:
        return _area(self.inside[self.mine], self.outside[self.others], level)

    def cells(self, level: float) -> tuple[Cell, ...]:
        """Both sizes, the area and the difference of losses with their bounds."""
        sizes = int(self.mine.sum()), int(self.others.sum())
        return (*sizes, *cells_of(self.area(level)), *cells_of(self.apart(level)))

    def more(self, level: float) -> Estimate:
        rest = _area(self.inside[~self.mine], self.outside[~self.others], level)
        return minus(self.area(level), rest, level)

    def apart(self, level: float) -> Estimate:
        """Mean loss of the others less that of training rows."""
        rare = self.outside[self.others], self.inside[self.mine]
        if min(one.size for one in rare) < LEAST_ROWS:
            return Estimate.undefined(FEW_ROWS)
        return minus(mean(rare[0], level, 0.0), mean(rare[1], level, 0.0), level)


def _area(members: FloatArray, others: FloatArray, level: float) -> Estimate:
    if min(members.size, others.size) < LEAST_ROWS:
        return Estimate.undefined(FEW_ROWS)
    is_member = np.repeat([1, 0], [members.size, others.size])
    return auc(is_member, -np.concatenate([members, others]), level)


@dataclass(frozen=True, eq=False)
class _Planted:
    """Canaries after a training.

    Attributes:
        often: Shape (m,): how often each was planted; 0 for those held back to compare.
        exposure: Shape (m,): the exposure of each, in bits.
        size: Rows of the form among which each is ranked, itself included.
        train: Training rows besides the canaries.
    """

    often: IntArray
    exposure: FloatArray
    size: int
    train: int

    def evidence(self, level: float) -> Iterator[Measurement | Table]:
        """The exposure of those planted least often, and the table of all."""
        counts = np.unique(self.often).tolist()
        p = [p_value(self.exposure[self.often == count]) for count in counts]
        adjusted = [None, *in_sequence(p[1:]).tolist()]
        lines: list[tuple[Cell, ...]] = []
        for count, own, together in zip(counts, p, adjusted, strict=True):
            found = self.exposure[self.often == count]
            lines.append((count, *cells_of(mean_exposure(found, self.size, level)), own, together))
        least = self.exposure[self.often == counts[1]]
        yield measured(EXPOSURE, mean_exposure(least, self.size, level), least.size, self._words)
        yield Table(
            name="canaries",
            title="Exposure of planted rows",
            columns=(
                *("planted_times", "exposure", "exposure_low", "exposure_high"),
                *("p_value", "p_adjusted"),
            ),
            rows=tuple(lines),
            source=f"{self._words}; at most {np.log2(self.size):.3g} bits, {UNPLANTED:.3g} on "
            "average without memory; p: chance of that much without memory (Fisher); adjusted: "
            "planted most is tested first, planted less only where that is found",
            chart="canaries",
        )

    @property
    def _words(self) -> str:
        return (
            f"one training with {int(self.often.sum()):,} planted rows among {self.train:,}, "
            f"{int((self.often == 0).sum())} of each count, outcomes at random, ranked by loss "
            f"among {self.size:,} of their form and outcome"
        )


def _canaries(
    subject: Subject, train: pd.DataFrame, count: int, rng: np.random.Generator
) -> pd.DataFrame | str:
    """Rows of nobody: random words, or features of other rows each; outcomes at random."""
    text = text_column(subject)
    rows = mixed_rows(train, () if text else subject.features, count, rng)
    if text:
        texts = random_texts(train[text], count, rng)
        if texts is None:
            return FEW_WORDS
        rows[text] = pd.Series(texts, dtype=train[text].dtype)
    label = str(subject.label)
    places = rng.integers(0, len(train), count)
    if subject.task != "regression":
        _, firsts = np.unique(subject.outcomes(train), return_index=True)
        places = rng.choice(firsts, count)
    rows[label] = train[label].iloc[places].array
    if subject.weight is not None:
        rows[subject.weight] = train[subject.weight].mean()
    return rows


def _losses(
    subject: Subject,
    model: Model,
    rows: pd.DataFrame,
    outcomes: npt.NDArray[Any] | None = None,
) -> FloatArray | None:
    """Loss of each row, shape (n,); with `outcomes` of shape (m,) of each row under each, (m, n).

    None where the scores are no probabilities.
    """
    answers = np.asarray(checked_answers(model, subject.task, rows, subject.classes))
    if outcomes is None:
        return _of_answers(subject, answers, subject.outcomes(rows))
    under = np.broadcast_to(outcomes[:, None], (len(outcomes), len(rows)))
    return _of_answers(subject, np.broadcast_to(answers, (len(outcomes), *answers.shape)), under)


def _of_answers(
    subject: Subject, answers: FloatArray, outcomes: npt.NDArray[Any]
) -> FloatArray | None:
    numbers = subject.task == "regression"
    if not numbers and not are_probabilities(answers):
        return None
    return losses(answers, outcomes, numbers=numbers)


def _rare_in(train: pd.Series, others: pd.Series, rare: int) -> tuple[BoolArray, BoolArray] | None:
    """Rows with a rare value of a column; None where too many training rows have one."""
    both = pd.concat([as_names(train), as_names(others)], ignore_index=True)
    codes = pd.factorize(both)[0].astype(np.int64)
    found = is_rare(codes[: len(train)], codes[len(train) :], rare)
    return None if found[0].mean() > RARE_PART else found


def _none(metrics: Sequence[Metric], reason: str) -> Iterator[Measurement]:
    for metric in metrics:
        yield metric.measure(None, n=0, reason=reason, source="training and assessed rows")
