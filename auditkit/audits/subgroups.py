"""For which subgroup does the model do worst? Found on one half of the rows, tested on the other.

Statistics are in `auditkit.methods.subgroups` and `auditkit.methods.subgroup_tests`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pandas as pd

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.explaining.slices import SliceSearch, weak_evidence
from auditkit.methods import means, subgroup_tests
from auditkit.methods.bands import quantile_edges
from auditkit.methods.calibration import NO_PROBABILITIES, are_probabilities
from auditkit.methods.gaps import shared_level
from auditkit.methods.sequences import token_errors
from auditkit.methods.significance import holm
from auditkit.methods.subgroup_metrics import (
    ERRORS,
    GAPS,
    MEASURES,
    MULTICALIBRATION,
    SUBGROUPS_SEARCHED,
    WORDS,
)
from auditkit.methods.subgroup_tests import HeldOut
from auditkit.methods.subgroups import (
    Column,
    Halves,
    Number,
    Space,
    Subgroup,
    best,
    space,
    worst_calibrated,
)
from auditkit.methods.weak_slices import WEAK_GAPS, WEAK_SLICES
from auditkit.roles import TASKS, make_groups, origin
from auditkit.subject import Subject

#: Why there is no calibration.
_NO_SCORES = "calibration needs scores"

#: Settings that are whole numbers from 1.
_FROM_1 = ("depth", "tested", "bins", "max_subgroups", "slices")


@dataclass(frozen=True)
class _Found:
    """What the search gave: by measure the number and its subgroups, and the score bins."""

    numbers: Mapping[str, Number]
    subgroups: Mapping[str, Sequence[Subgroup]]
    bins: Sequence[Subgroup]

    @property
    def tests(self) -> int:
        return sum(map(len, self.subgroups.values())) + len(self.bins)


@dataclass(frozen=True)
class Subgroups:
    """The subgroups, of any columns crossed, that differ most from everyone else.

    Slices by what the model reads, in which it is worse, are searched beside them: a family of
    tests of their own. Rows count by their weights where the subject has them; how small a
    subgroup is, by its rows.

    Attributes:
        level: Level that all intervals of the audit hold together, in (0, 1).
        depth: Most columns that are crossed; at least 1.
        min_group: Rows that a subgroup, and everyone else, must have in each half; at least 2.
        tested: Subgroups of each measure that are taken from one half to the other; at least 1.
        measures: What is compared; everything that the task has where empty.
        features: Columns that the model reads that are crossed with the sensitive ones.
        bands: Bands, of about equally many rows, that a numeric feature is cut into; at least 2.
        bins: Equally wide bins of scores in which calibration is searched; at least 1.
        max_subgroups: Most subgroups that are searched; at least 1.
        slices: Weak slices that are taken from one half to the other; at least 1.
        slice_bins: Bins of about equally many rows that slices cut a number into; at least 2.
        slice_share: Share of the rows that a slice must have, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Subgroups(depth=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.subgroups] depth: found '0', expected a whole number from 1.
    """

    level: float = 0.95
    depth: int = 3
    min_group: int = 30
    tested: int = 3
    measures: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    bands: int = 4
    bins: int = 10
    max_subgroups: int = 20_000
    slices: int = 3
    slice_bins: int = 5
    slice_share: float = 0.05

    name: ClassVar[str] = "subgroups"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "predictions", "sensitive"})
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    weighted: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = (
        SUBGROUPS_SEARCHED,
        *GAPS.values(),
        MULTICALIBRATION,
        WEAK_SLICES,
        *WEAK_GAPS.values(),
    )

    def __post_init__(self) -> None:
        least = dict.fromkeys(_FROM_1, 1)
        problems = range_problems(self, min_group=2, bands=2, slice_bins=2, **least)
        if not 0 < self.slice_share < 1:
            where, expected = "[audits.subgroups] slice_share", "a number in (0, 1)"
            problems.append(Problem(where, quote(self.slice_share), expected))
        problems += [
            Problem.unknown("[audits.subgroups] measures", name, WORDS, "a measure")
            for name in self.measures
            if name not in WORDS
        ]
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Search one half of the rows, and test on the other what was found.

        Args:
            subject: What is audited.
            rng: Splits the rows.

        Yields:
            How many subgroups were searched; the worst gap of each measure; the multicalibration
            error of a binary task; the tables `subgroups` and `calibration`; then how many slices
            are weak, how much worse the surest is, and the table `weak-slices`.

        Raises:
            InputError: If a feature or a measure is none of this subject.
        """
        halves = Halves(subgroup_tests.halve(rng, len(subject)), self.min_group, subject.weights)
        held = space(self._columns(subject), halves, self.depth, self.max_subgroups)
        found = self._search(subject, held, halves)
        yield self._count(held, halves)
        each = shared_level(self.level, max(found.tests, 1))
        tests = {
            name: [
                subgroup_tests.compare(one, number, halves, each, share=name != "absolute_error")
                for one in found.subgroups[name]
            ]
            for name, number in found.numbers.items()
        }
        for name, tested in tests.items():
            yield self._worst(name, tested, held, found, halves)
        yield from self._tables(tests, held, found.tests)
        if subject.task == "binary":
            yield from self._calibration(subject, found, halves, each)
        yield from self._weak(subject, halves)

    def _weak(self, subject: Subject, halves: Halves) -> Iterator[Measurement | Table]:
        """Search slices by what the model reads, in which it is worse."""
        measure = next(name for name in MEASURES[subject.task] if name in ERRORS)
        how = SliceSearch(self.slices, self.slice_bins, self.slice_share, self.max_subgroups)
        number = _number(subject, measure)
        yield from weak_evidence(subject, measure, number, halves, how, self.level)

    def _columns(self, subject: Subject) -> list[Column]:
        wrong = [name for name in self.features if name not in subject.features]
        if wrong:
            where, expected = "[audits.subgroups] features", "a column that the model reads"
            raise InputError([Problem(where, quote(name), expected) for name in wrong])
        groups = [subject.groups[name] for name in subject.sensitive]
        groups += [
            make_groups(subject.rows[name], _edges(subject.rows[name], self.bands))
            for name in dict.fromkeys(self.features)
            if name not in subject.sensitive
        ]
        names = [held.column for held in groups]
        return [Column(g.column, g.names, g.codes, origin(g.column, names)) for g in groups]

    def _search(self, subject: Subject, held: Space, halves: Halves) -> _Found:
        known = MEASURES[subject.task]
        chosen = [name for name in known if name in (self.measures or known)]
        if not chosen:
            expected = f"one of {', '.join(known)} for a {subject.task} task"
            found = ", ".join(map(quote, self.measures))
            raise InputError([Problem("[audits.subgroups] measures", found, expected)])
        numbers = {name: _number(subject, name) for name in chosen}
        subgroups = {
            name: best(held, number, halves, self.tested) for name, number in numbers.items()
        }
        return _Found(numbers, subgroups, self._bins(subject, held, halves))

    def _bins(self, subject: Subject, held: Space, halves: Halves) -> list[Subgroup]:
        if _uncalibrated(subject) or subject.y_score is None:
            return []
        score = subject.y_score
        edges = [f"{place / self.bins:.4g}" for place in range(self.bins + 1)]
        names = tuple(f"{low} to {high}" for low, high in pairwise(edges))
        codes = np.minimum((score * self.bins).astype(np.int64), self.bins - 1)
        bins = Column("score", names, codes)
        return worst_calibrated(held, bins, subject.y_true - score, halves, self.tested)

    def _count(self, held: Space, halves: Halves) -> Measurement:
        left = f"; {held.left_out:,} combinations of columns were left out, as there would be more "
        left += f"than max_subgroups = {self.max_subgroups:,}"
        return SUBGROUPS_SEARCHED.measure(
            held.count,
            n=int(halves.searched.sum()),
            source=f"{len(held.crossed):,} combinations of up to {self.depth} columns, with at "
            f"least {self.min_group} rows in each half{left if held.left_out else ''}",
            reason="counted exactly",
            exact=True,
        )

    def _worst(
        self,
        name: str,
        tested: Sequence[HeldOut],
        held: Space,
        found: _Found,
        halves: Halves,
    ) -> Measurement:
        metric, number = GAPS[name], found.numbers[name]
        if not tested:
            n, reason = int((number.among & ~halves.searched).sum()), self._why_none(held, number)
            return metric.measure(None, n=n, source="rows in the half to test", reason=reason)
        worst = _surest(tested)
        gap = _together(worst, found.tests).gap(self.level)
        return metric.measure(
            gap.value,
            interval=gap.interval,
            reason=gap.reason,
            n=worst.n + worst.others,
            source=f"{quote(worst.subgroup.title)}: {worst.mean:.4g} for {worst.n:,} rows, "
            f"{worst.rest:.4g} for the other {worst.others:,}; the surest of {len(tested)} that "
            f"were found among {held.count:,} subgroups in one half of the rows and tested on the "
            "other",
        )

    def _why_none(self, held: Space, number: Number) -> str:
        if number.is_too_large:
            return means.TOO_LARGE
        if not held.count:
            return f"no subgroup has {self.min_group} rows in each half"
        few = f"a subgroup and everyone else need {self.min_group} such rows in each half"
        return f"the same for all rows, or too few: {few}"

    def _tables(
        self, tests: Mapping[str, Sequence[HeldOut]], held: Space, count: int
    ) -> Iterator[Table]:
        listed = [(name, one) for name, tested in tests.items() for one in tested]
        if not listed:
            return
        adjusted = holm([1.0 if one.p_value is None else one.p_value for _, one in listed])
        yield Table(
            name="subgroups",
            title="Subgroups that differ most from everyone else",
            columns=(
                *("metric", "subgroup", "n", "rate", "rest", "difference", "low", "high"),
                *("p_adjusted", "established"),
            ),
            rows=tuple(
                (name, *_line(one), float(p), one.established)
                for (name, one), p in zip(listed, adjusted, strict=True)
            ),
            source=f"the {self.tested} most promising of {held.count:,} subgroups by measure, "
            "found in one half of the rows and held against everyone else in the other; rows of "
            f"unknown group are among everyone else. {listed[0][1].method}; all {count} intervals "
            f"of this audit hold together at {100 * self.level:g} % (Bonferroni). A subgroup is "
            "established where its interval does not hold 0: the interval decides. p_adjusted: "
            "Holm over this table",
            chart="forest",
        )

    def _calibration(
        self, subject: Subject, found: _Found, halves: Halves, each: float
    ) -> Iterator[Measurement | Table]:
        n = int((~halves.searched).sum())
        if not found.bins or subject.y_score is None:
            few = f"no subgroup has {self.min_group} rows of a score bin in each half"
            reason = _uncalibrated(subject) or few
            yield MULTICALIBRATION.measure(None, n=n, source="rows to test", reason=reason)
            return
        tested = [
            subgroup_tests.calibrate(one, subject.y_true, subject.y_score, halves, each)
            for one in found.bins
        ]
        weighed = [subgroup_tests.times_share(one, halves) for one in tested]
        worst = _surest(weighed)
        gap = _together(worst, found.tests).gap(self.level)
        yield MULTICALIBRATION.measure(
            gap.value,
            interval=gap.interval,
            reason=gap.reason,
            n=n,
            source=f"{quote(worst.subgroup.title)}: {worst.mean:.4g} of {worst.n:,} rows came true "
            f"at a mean score of {worst.rest:.4g}; times their share of {n:,} rows; found in the "
            "other half of the rows",
        )
        yield self._calibration_table(tested, found.tests)

    def _calibration_table(self, tested: Sequence[HeldOut], count: int) -> Table:
        return Table(
            name="calibration",
            title="Subgroups whose scores are furthest from what came true",
            columns=(
                *("subgroup", "n", "observed_rate", "mean_score", "difference", "low", "high"),
                "established",
            ),
            rows=tuple((*_line(one), one.established) for one in tested),
            source=f"subgroups crossed with {self.bins} equally wide bins of scores; those where "
            "outcomes minus scores add up to most in one half of the rows, tested on the other. "
            f"{tested[0].method}; all {count} intervals of this audit hold together at "
            f"{100 * self.level:g} % (Bonferroni)",
        )


def _edges(values: pd.Series, bands: int) -> list[float] | None:
    """Inner edges of bands of about equally many rows; None where values are names or few."""
    if not pd.api.types.is_numeric_dtype(values) or values.nunique() <= bands:
        return None
    return quantile_edges(values.dropna(), bands) or None


def _number(subject: Subject, measure: str) -> Number:
    y, predicted = subject.y_true, subject.y_pred
    everyone = np.ones(len(subject), dtype=bool)
    if measure == "absolute_error":
        with np.errstate(over="ignore"):
            return Number(np.abs(y - predicted), everyone, worse=1)
    if measure == "exact_match":
        return Number((token_errors(y, predicted)[0] == 0).astype(np.float64), everyone, -1)
    if measure == "accuracy":
        return Number((y == predicted).astype(np.float64), everyone, worse=-1)
    among = {"true_positive_rate": y == 1, "false_positive_rate": y == 0}
    return Number(predicted.astype(np.float64), among.get(measure, everyone))


def _uncalibrated(subject: Subject) -> str | None:
    if subject.task != "binary" or subject.y_score is None:
        return _NO_SCORES
    return None if are_probabilities(subject.y_score) else NO_PROBABILITIES


def _surest(tested: Sequence[HeldOut]) -> HeldOut:
    return max(tested, key=lambda one: (one.least, abs(one.difference)))


def _together(tested: HeldOut, tests: int) -> HeldOut:
    """Say in the method that so many intervals hold together."""
    if tests == 1:
        return tested
    return replace(tested, method=f"{tested.method}, Bonferroni over {tests} tests")


def _line(tested: HeldOut) -> tuple[Cell, ...]:
    named = (tested.subgroup.title, tested.n, tested.mean, tested.rest)
    return (*named, tested.difference, tested.low, tested.high)
