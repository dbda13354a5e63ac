"""Which few rules come closest to the model, and how close do they come?

A small decision tree is fitted to what the model decides, on rows that are then left out; how often
it decides as the model does is measured on others, beside what giving everyone the commonest
decision would reach. The tree and its words are made in `auditkit.explaining.imitation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import InputError, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.explaining.imitation import Imitation
from auditkit.methods import gaps
from auditkit.methods.estimates import Estimate, as_interval, cells_of, measured
from auditkit.methods.intervals import paired_difference, share
from auditkit.methods.means import mean, means_by_group
from auditkit.methods.regression import UNIT, r2
from auditkit.models.answers import checked_answers
from auditkit.roles import group_labels
from auditkit.subject import Groups, Subject

#: Fewest rows of a rule, in the rows that it is made of and in those that it is measured on.
SHARED = 10
#: Why there is no tree.
TOO_FEW = f"fewer than {2 * SHARED} rows to make rules of, or none to measure them on"
ONE_ANSWER = "the model gives everyone the same answer, which takes no rule"
NOTHING = f"no value of a column is shared by {SHARED} rows, so there is nothing to ask about"
#: Why a group has no number.
WITHHELD = "one row only: it would tell the decision about one person"
FEW_NUMBERS = "fewer than three rows: it would tell numbers about single persons"

FIDELITY = Metric(
    "surrogate_fidelity",
    "Fidelity of the rules",
    "Share of rows that the rules decide as the model does.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
CONSTANT = Metric(
    "surrogate_constant_fidelity",
    "Fidelity of no rule",
    "Share of rows that get the model's commonest decision: what giving it to everyone reaches.",
    "rate",
    low=0.0,
    high=1.0,
)
GAIN = Metric(
    "surrogate_gain",
    "Gain by the rules",
    "Fidelity of the rules less that of giving everyone the commonest decision.",
    "difference",
    better="higher",
    low=-1.0,
    high=1.0,
)
FIDELITY_GAP = Metric(
    "surrogate_fidelity_difference",
    "Fidelity difference",
    "Largest minus smallest fidelity of the rules over groups.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
R2 = Metric(
    "surrogate_r2_score",
    "R2 of the rules",
    "Share of the spread of the model's predictions that the rules account for; 0 is what giving "
    "everyone the mean prediction reaches.",
    "share",
    better="higher",
    high=1.0,
)
DISTANCE = Metric(
    "surrogate_distance",
    "Distance of the rules",
    "Mean distance of what the rules give from what the model gives.",
    UNIT,
    better="lower",
    low=0.0,
)
DISTANCE_GAP = Metric(
    "surrogate_distance_difference",
    "Distance difference",
    "Largest minus smallest mean distance of the rules from the model over groups.",
    UNIT,
    better="lower",
    low=0.0,
)
_COLUMNS = (
    *("depth", "condition", "rule", "decision", "n", "share", "given", "low", "high", "is_leaf"),
)


@dataclass(frozen=True, eq=False)
class _Measured:
    """The tree beside the model, on rows that it was not made of.

    Attributes:
        imitation: The tree.
        passes: Which rows pass through which node of it, shape (n, nodes).
        places: Which assessed rows they are, shape (n,).
        answers: What the model decides or gives, shape (n,).
        said: What the tree does, shape (n,).
        commonest: The model's commonest decision in the rows that the tree was made of.
        source: What was measured on what, in words.
    """

    imitation: Imitation
    passes: npt.NDArray[np.bool_]
    places: npt.NDArray[np.int64]
    answers: npt.NDArray[Any]
    said: npt.NDArray[Any]
    commonest: object
    source: str

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Surrogate:
    """A small tree of rules that imitates the model, and its fidelity.

    Attributes:
        depth: Most questions of a rule, from 1 to 6.
        min_leaf: Fewest rows of a rule; at least 10.
        rows: Most rows that the rules are made of: training rows where they are known, else half
            of the assessed ones. The model is asked about each.
        min_group: Rows of a group that enters a gap.
        level: Level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Surrogate(min_leaf=2)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.surrogate] min_leaf: found '2', expected a whole number from 10.
    """

    depth: int = 3
    min_leaf: int = 10
    rows: int = 5_000
    min_group: int = 10
    level: float = 0.95

    name: ClassVar[str] = "surrogate"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(FIDELITY, CONSTANT, GAIN, FIDELITY_GAP),
        *(R2, DISTANCE, DISTANCE_GAP),
    )

    def __post_init__(self) -> None:
        problems = range_problems(self, depth=1, min_leaf=SHARED, rows=100, min_group=2)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Fit the tree and hold it against the model.

        Args:
            subject: What is audited.
            rng: Draws the rows that the tree is made of.

        Yields:
            Fidelity over all rows, beside that of no rule, and by group with the gap; of numbers
            R2 and distance; the table `rules`. Why not, where there is no tree.
        """
        found = self._fit(subject, rng)
        numbers = subject.task == "regression"
        if isinstance(found, str):
            for metric in (R2, DISTANCE) if numbers else (FIDELITY, CONSTANT, GAIN):
                yield measured(metric, Estimate.undefined(found), 0, "no row was asked about")
            return
        yield from self._numbers(found) if numbers else self._decisions(found)
        for column, groups in subject.groups.items():
            yield from self._groups(found, column, groups, numbers=numbers)
        yield self._rules(subject, found)

    def _fit(self, subject: Subject, rng: np.random.Generator) -> _Measured | str:
        """Fit the tree on some rows and ask it about others, or say why there is none."""
        places = np.arange(len(subject))
        read = list(subject.features)
        if subject.train is None:
            drawn = rng.permutation(len(subject))
            half = drawn[: min(self.rows, len(drawn) // 2)]
            places = np.sort(drawn[len(drawn) // 2 :])
            rows, whose = subject.rows.iloc[np.sort(half)], "assessed rows, left out here"
        else:
            drawn = rng.permutation(len(subject.train))[: self.rows]
            rows, whose = subject.train.iloc[np.sort(drawn)], "training rows"
        if len(rows) < 2 * SHARED or not places.size:
            return TOO_FEW
        answers = _answers(subject, rows)
        kinds, counts = np.unique(answers, return_counts=True)
        if kinds.size < 2:
            return ONE_ANSWER
        imitation = Imitation.of(
            rows[read],
            answers,
            depth=self.depth,
            min_leaf=self.min_leaf,
            numbers=subject.task == "regression",
        )
        if imitation is None:
            return NOTHING
        source = f"a tree of at most {self.depth} questions fitted to the model's answers for "
        source += f"{len(rows):,} {whose}; held against the model on {places.size:,} assessed rows"
        left = ", ".join(map(quote, imitation.conditions.left_out))
        source += f"; columns without a shared value: {left}" if left else ""
        held = imitation.answers(subject.rows.iloc[places][read])
        said, passes = imitation.says(held), imitation.passes(held)
        given, commonest = subject.y_pred[places], kinds[counts.argmax()]
        return _Measured(imitation, passes, places, given, said, commonest, source)

    def _decisions(self, found: _Measured) -> Iterator[Measurement]:
        same, common = found.said == found.answers, found.answers == found.commonest
        n = len(found)
        yield measured(FIDELITY, share(int(same.sum()), n, self.level), n, found.source)
        yield measured(CONSTANT, share(int(common.sum()), n, self.level), n, found.source)
        first, second = int((same & ~common).sum()), int((common & ~same).sum())
        bounds = paired_difference(first, second, n, self.level)
        interval = as_interval(bounds, self.level, "Agresti-Min, paired")
        yield measured(GAIN, Estimate((first - second) / n, interval), n, found.source)

    def _numbers(self, found: _Measured) -> Iterator[Measurement]:
        n = len(found)
        yield measured(R2, r2(found.answers, found.said, self.level), n, found.source)
        distance = mean(np.abs(found.said - found.answers), self.level, 0.0)
        yield measured(DISTANCE, distance, n, found.source)

    def _groups(
        self, found: _Measured, column: str, groups: Groups, *, numbers: bool
    ) -> Iterator[Measurement]:
        """Ask whether the rules describe the model less well for some."""
        labels, codes = group_labels(groups), groups.codes[found.places]
        right = found.said == found.answers
        off = np.abs(found.said - found.answers) if numbers else right.astype(np.float64)
        one, gap = (DISTANCE, DISTANCE_GAP) if numbers else (FIDELITY, FIDELITY_GAP)
        for code, label in enumerate(labels):
            own = off[codes == (code if code < len(groups.names) else -1)]
            if own.size or code < len(groups.names):
                estimate = self._of_group(own, numbers=numbers)
                yield measured(one, estimate, own.size, found.source, {column: label})
        sizes = np.bincount(codes[codes >= 0], minlength=len(groups.names))
        kept = np.flatnonzero(sizes >= self.min_group)
        among = np.isin(codes, kept)
        place = np.searchsorted(kept, codes[among])
        if numbers and kept.size:
            estimate = means_by_group(off[among], place, kept.size).difference(self.level)
        elif numbers:
            estimate = Estimate.undefined(gaps.TOO_FEW)
        else:
            won = np.bincount(place, weights=off[among], minlength=kept.size)
            estimate = gaps.difference(won, sizes[kept], self.level)
        source = f"{found.source}; {kept.size} of {len(groups.names)} groups have "
        source += f"{self.min_group} rows"
        yield measured(gap, estimate, int(among.sum()), source, {column: ALL_GROUPS})

    def _of_group(self, own: npt.NDArray[np.float64], *, numbers: bool) -> Estimate:
        if own.size == 0:
            return Estimate.undefined("no rows")
        if numbers:
            few = own.size < 3
            return Estimate.undefined(FEW_NUMBERS) if few else mean(own, self.level, 0.0)
        if own.size == 1:
            return Estimate.undefined(WITHHELD)
        return share(int(own.sum()), own.size, self.level)

    def _rules(self, subject: Subject, found: _Measured) -> Table:
        sizes = found.passes.sum(axis=0)
        lines: list[tuple[Cell, ...]] = []
        hidden = set[int]()
        for rule in found.imitation.rules():
            through = found.passes[:, rule.node]
            n, decision = int(through.sum()), found.imitation.decision(rule.node)
            given = None
            # What few rows get could be told from those beside them and those above.
            if min(n, sizes[rule.sibling] if rule.depth else n) < SHARED or rule.parent in hidden:
                hidden.add(rule.node)
            else:
                given = self._given(subject, found.answers[through], decision)
            said = _in_words(subject, decision)
            line = (rule.depth, rule.condition, rule.rule, said, n, n / len(found))
            lines.append((*line, *cells_of(given), rule.is_leaf))
        what = {
            "binary": "share of them that the model selects",
            "multiclass": "share of them to which the model gives the class of the rule",
            "regression": "mean of what the model gives",
        }[subject.task]
        return Table(
            "rules",
            "Rules that imitate the model",
            _COLUMNS,
            tuple(lines),
            f"{found.source}; numbers in the rules are rounded ones between which {SHARED} rows or "
            f"more lie, categories and words those of {SHARED} rows or more; given: {what}, with "
            f"{self.level:.0%} interval, none where fewer than {SHARED} rows go, or beside them",
            chart="rules",
        )

    def _given(self, subject: Subject, answers: npt.NDArray[Any], decision: object) -> Estimate:
        if subject.task == "regression":
            return mean(answers, self.level)
        wanted = 1 if subject.task == "binary" else decision
        return share(int((answers == wanted).sum()), answers.size, self.level)


def _answers(subject: Subject, rows: pd.DataFrame) -> npt.NDArray[Any]:
    """What the model decides of rows, or the numbers that it gives; as `Subject.y_pred`."""
    answers = checked_answers(subject.model, subject.task, rows, subject.classes)
    if subject.task == "multiclass":
        return np.asarray(answers.argmax(axis=1), dtype=np.int64)
    if subject.task == "binary":
        return np.asarray(answers >= subject.threshold, dtype=np.int8)
    return answers


def _in_words(subject: Subject, decision: Any) -> Cell:  # noqa: ANN401 - a class or a number
    if subject.task == "regression":
        return float(decision)
    if subject.task == "multiclass":
        return subject.classes[int(decision)]
    return "selected" if decision == 1 else "not selected"
