"""What if people look at the least sure decisions? What error is left, and for whom.

Statistics are in `auditkit.methods.oversight`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Interval, Measurement, Metric, Table
from auditkit.explaining.guarding import guard_tables
from auditkit.methods import gaps
from auditkit.methods.estimates import Estimate, measured
from auditkit.methods.intervals import bounded_mean, share
from auditkit.methods.oversight import band_for, band_of, kept_against_referred
from auditkit.methods.subgroup_tests import halve
from auditkit.roles import group_labels
from auditkit.subject import Subject

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
#: Why nothing is known of what people decide.
NOT_DECLARED = "the accuracy of reviewers was not declared; it is never assumed"
#: Why a number of reviewers has no interval.
AT_ITS_WORD = "declared by the owner, not measured"
#: Why nothing is said about a target.
NO_TARGET = "no target_risk was declared"
_HALF = "band chosen on one half of the rows, measured on the other"


def _rate(name: str, title: str, definition: str, unit: str = "rate") -> Metric:
    low = -1.0 if name == "oversight_kept_minus_referred" else 0.0
    return Metric(name, title, definition, unit, better="lower", low=low, high=1.0)


KEPT_ERROR = _rate(
    "oversight_kept_error",
    "Error of kept decisions",
    "Wrong decisions of those that the model makes without a person.",
)
REFERRED = Metric(
    "oversight_referred_share",
    "Share referred to people",
    "Decisions that people look at, the least sure ones up to their capacity.",
    "rate",
    low=0.0,
    high=1.0,
)
REFERRED_GAP = _rate(
    "oversight_referred_difference",
    "Largest difference in referral",
    "Largest minus smallest share of a group that is referred to people.",
    "difference",
)
KEPT_MINUS_REFERRED = _rate(
    "oversight_kept_minus_referred",
    "Error of kept minus referred decisions",
    "Model's error in decisions that it keeps minus its error in those that it refers; above 0, "
    "people are given the wrong cases and error of kept decisions rises by referral.",
    "difference",
)
REVIEWER_ERROR = _rate(
    "oversight_reviewer_error",
    "Error of reviewers",
    "Wrong decisions of those that people make, by the accuracy that was declared.",
)
TOTAL_ERROR = _rate(
    "oversight_total_error",
    "Error of model and people together",
    "Wrong decisions of all, kept and referred.",
)
RANDOM_ERROR = _rate(
    "oversight_random_review_error",
    "Error where cases are referred at random",
    "Wrong decisions of all where people look at as many cases, drawn at random.",
)
MODEL_ERROR = _rate(
    "oversight_model_error",
    "Error without people",
    "Wrong decisions of all, where the model decides alone.",
)
BEYOND = _rate(
    "beyond_capacity_share",
    "Share beyond capacity",
    "Decisions that would have to be referred beyond capacity so that kept ones meet the target.",
)


@dataclass(frozen=True)
class _Half:
    """The rows to measure on: errors, what is referred of each, and outcomes."""

    wrong: BoolArray
    referred: FloatArray
    positive: BoolArray


@dataclass(frozen=True)
class Oversight:
    """People who look at the least sure decisions, simulated.

    Attributes:
        capacity: Share of decisions that people can look at, in [0, 1].
        reviewer_accuracy: Share of their decisions that is right, as declared: one number, or one
            each for rows of `positive` and `negative` outcome. None: not declared.
        target_risk: Share of kept decisions that may be wrong; None: no target.
        level: Confidence level of the intervals, in (0, 1).
        min_group: Rows that a number of a group must rest on; at least 10.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Oversight(capacity=2)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.oversight] capacity: found '2', expected a number in [0, 1].
    """

    capacity: float = 0.1
    reviewer_accuracy: float | dict[str, float] | None = None
    target_risk: float | None = None
    level: float = 0.95
    min_group: int = 10

    name: ClassVar[str] = "oversight"
    needs: ClassVar[frozenset[str]] = frozenset({"labels", "scores"})
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(MODEL_ERROR, KEPT_ERROR, REFERRED, REFERRED_GAP, KEPT_MINUS_REFERRED),
        *(REVIEWER_ERROR, TOTAL_ERROR, RANDOM_ERROR, BEYOND),
    )

    def __post_init__(self) -> None:
        problems = range_problems(self, min_group=10)
        held = self.reviewer_accuracy
        named = held if isinstance(held, Mapping) else {"": held}
        numbers = {"capacity": self.capacity, "target_risk": self.target_risk}
        numbers |= {f"reviewer_accuracy {key}".strip(): value for key, value in named.items()}
        problems += [
            Problem(f"[audits.oversight] {key}", quote(value), "a number in [0, 1]")
            for key, value in numbers.items()
            if value is not None and not 0 <= value <= 1
        ]
        if isinstance(held, Mapping) and set(held) != {"positive", "negative"}:
            found, expected = quote(", ".join(held)), "positive and negative"
            problems.append(Problem("[audits.oversight] reviewer_accuracy", found, expected))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Choose the band on one half of the rows, and measure on the other.

        Args:
            subject: What is audited.
            rng: Splits the rows.

        Yields:
            What is left overall, then by group and the largest difference in referral; last what
            a guard of the served model needs.
        """
        distance = np.abs(np.asarray(subject.y_score, np.float64) - subject.threshold)
        wrong = np.asarray(subject.y_true != subject.y_pred)
        chosen = halve(rng, len(subject))
        rest = ~chosen
        band = band_of(distance[chosen], self.capacity)
        referred = band.referred(distance[rest])
        half = _Half(wrong[rest], referred, np.asarray(subject.y_true == 1)[rest])
        alone = share(float(half.wrong.sum()), len(half.wrong), self.level)
        yield measured(MODEL_ERROR, alone, len(half.wrong), _HALF)
        yield from self._part(half, {}, self.level)
        yield self._random(half)
        yield self._beyond(distance, wrong, chosen)
        for column in subject.sensitive:
            groups = subject.groups[column]
            yield from self._column(half, column, groups.codes[rest], group_labels(groups))
        yield from guard_tables(subject, band)

    def _column(
        self, half: _Half, column: str, codes: npt.NDArray[np.int64], labels: tuple[str, ...]
    ) -> Iterator[Measurement]:
        known = len(labels) - 1
        level = gaps.shared_level(self.level, max(known, 1))
        counts = []
        for code, label in enumerate(labels):
            own = codes == (code if code < known else -1)
            if code == known and not own.any():
                continue
            part = _Half(half.wrong[own], half.referred[own], half.positive[own])
            yield from self._part(part, {column: label}, level)
            if code < known and own.sum() >= self.min_group:
                counts.append((float(part.referred.sum()), int(own.sum())))
        few = f"fewer than two groups have {self.min_group} rows"
        found = Estimate.undefined(few)
        if len(counts) > 1:
            found = gaps.difference([c for c, _ in counts], [n for _, n in counts], self.level)
        yield measured(REFERRED_GAP, found, sum(n for _, n in counts), _HALF, {column: ALL_GROUPS})

    def _part(self, half: _Half, where: Mapping[str, str], level: float) -> Iterator[Measurement]:
        n, sent = len(half.wrong), float(half.referred.sum())
        kept = n - sent
        few = f"fewer than {self.min_group} rows"
        errors = float(half.wrong @ (1 - half.referred))
        shown = Estimate.undefined(few)
        sure = share(errors, kept, level) if kept >= self.min_group else shown
        yield measured(KEPT_ERROR, sure, round(kept), _HALF, where)
        least = share(sent, n, level) if n >= self.min_group else shown
        yield measured(REFERRED, least, n, _HALF, where)
        apart = kept_against_referred(half.wrong, half.referred, level, self.min_group)
        yield measured(KEPT_MINUS_REFERRED, apart, n, _HALF, where)
        yield from self._people(half, where, level)

    def _people(self, half: _Half, where: Mapping[str, str], level: float) -> Iterator[Measurement]:
        n, sent = len(half.wrong), float(half.referred.sum())
        theirs = self._reviewers(half)
        none = NOT_DECLARED if theirs is None else f"fewer than {self.min_group} rows"
        value = total = None
        if theirs is not None and sent >= self.min_group:
            value = float(theirs @ half.referred) / sent
        # Of a group, what people decide could be told from the sum where few are kept or referred.
        least = min(sent, n - sent) if where else n
        if theirs is not None and least >= self.min_group:
            total = _together(half, theirs, level)
        if not where or isinstance(self.reviewer_accuracy, Mapping):  # else it is the same for all
            yield REVIEWER_ERROR.measure(
                value,
                n=round(sent),
                source=_HALF,
                reason=none if value is None else AT_ITS_WORD,
                slice=where,
                basis="declared",
            )
        if where and theirs is not None and total is None:
            none = f"fewer than {self.min_group} rows are kept, or referred"
        yield TOTAL_ERROR.measure(
            total.value if total else None,
            interval=total.interval if total else None,
            n=n,
            source=_HALF,
            reason=total.reason if total else none,
            slice=where,
            basis="declared",
        )

    def _reviewers(self, half: _Half) -> FloatArray | None:
        held = self.reviewer_accuracy
        if held is None:
            return None
        if isinstance(held, Mapping):
            return np.where(half.positive, 1 - held["positive"], 1 - held["negative"])
        return np.full(len(half.wrong), 1.0 - held)

    def _random(self, half: _Half) -> Measurement:
        theirs, n = self._reviewers(half), len(half.wrong)
        found = Estimate.undefined(NOT_DECLARED)
        if theirs is not None:
            each = half.wrong * (1 - self.capacity) + theirs * self.capacity
            found = bounded_mean(each, self.level)
        return RANDOM_ERROR.measure(
            found.value, interval=found.interval, n=n, source=_HALF, reason=found.reason,
            basis="declared",
        )  # fmt: skip

    def _beyond(self, distance: FloatArray, wrong: BoolArray, chosen: BoolArray) -> Measurement:
        n = int((~chosen).sum())
        if self.target_risk is None:
            return BEYOND.measure(None, n=n, source=_HALF, reason=NO_TARGET)
        band = band_for(distance[chosen], wrong[chosen], self.target_risk)
        if band is None or not n:
            reason = "no share short of all meets the target"
            return BEYOND.measure(None, n=n, source=_HALF, reason=reason)
        needed = share(float(band.referred(distance[~chosen]).sum()), n, self.level)
        low, high = (max(x - self.capacity, 0.0) for x in _ends(needed))
        value = max((needed.value or 0.0) - self.capacity, 0.0)
        if not low < high:  # the whole interval is 0, so it may decide
            reason = "surely within capacity"
            return BEYOND.measure(0.0, n=n, source=_HALF, reason=reason, exact=True)
        interval = Interval(low, high, self.level, "Clopper-Pearson, less capacity")
        return BEYOND.measure(value, n=n, source=_HALF, interval=interval)


def _ends(found: Estimate) -> tuple[float, float]:
    return (found.interval.low, found.interval.high) if found.interval else (0.0, 1.0)


def _together(half: _Half, theirs: FloatArray, level: float) -> Estimate:
    """Errors of kept decisions plus declared errors of people; exact limits of each part, summed.

    Student's t would be too narrow for a group in which no kept decision happens to be wrong.
    """
    n, each = len(half.wrong), gaps.shared_level(level, 3)
    parts = [(1.0, share(float(half.wrong @ (1 - half.referred)), n, each))]
    for own in (half.positive, ~half.positive):
        weight = float(theirs[own][0]) if own.any() else 0.0
        parts.append((weight, share(float(half.referred[own].sum()), n, each)))
    value = sum(w * (one.value or 0.0) for w, one in parts)
    low, high = (sum(w * _ends(one)[end] for w, one in parts) for end in (0, 1))
    method = "Clopper-Pearson of three parts, Bonferroni"
    return Estimate(value, Interval(max(low, 0.0), min(high, 1.0), level, method))
