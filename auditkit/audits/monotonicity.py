"""Do features that must never count against, or for, a person keep to their direction?

The user names the features; each is swept over a grid of observed values for sampled rows, with
everything else fixed. The maths is in `auditkit.methods.monotone`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.explaining.curves import ASKED, SHARED, OneNumber
from auditkit.methods.calibration import are_probabilities
from auditkit.methods.effect_grid import grid
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, cells_of, measured
from auditkit.methods.gaps import shared_level
from auditkit.methods.intervals import share
from auditkit.methods.monotone import Fall, largest_falls, reversed_fall, unseen, worst_fall
from auditkit.methods.multiplicity import by_group
from auditkit.roles import group_masks
from auditkit.subject import Subject

NAMED = Metric(
    "monotonicity_features",
    "Features with a declared direction",
    "Features of which the owner says that the score must never fall, or never rise, with them.",
    "count",
    low=0.0,
)
VIOLATION = Metric(
    "monotonicity_violation",
    "Rows that break a declared direction",
    "Share of rows whose score moves against the declared direction of a feature, by over the "
    "tolerance, when only that feature is changed.",
    *("rate", "lower", 0.0, 1.0),
)
TURNED = Metric(
    "monotonicity_decision_turned",
    "Decisions that break a declared direction",
    "Share of rows that are selected at one value of a feature and not at another that should "
    "count more for it.",
    *("rate", "lower", 0.0, 1.0),
)
WORST = Metric(
    "monotonicity_worst",
    "Largest move against a declared direction",
    "Largest move of the score of one row against the declared direction of a feature.",
    *("difference", "lower", 0.0),
)
#: Why nothing was swept.
NONE_NAMED = (
    "no feature was named that must never count against or for a person; name some under "
    "[audits.monotonicity] increasing or decreasing"
)
FEW_VALUES = f"fewer than two of its values are shared by {SHARED} rows or span them"
_WHERE = "[audits.monotonicity]"
_FIXED = "asked with each value, all else fixed, also where nobody has both"


@dataclass(frozen=True, eq=False)
class _Swept:
    """What came of one feature.

    Attributes:
        feature: The feature.
        rises: Whether the score should rise with it.
        points: Shape (g,): the values.
        falls: Shape (n,): largest move of each row against the direction.
        turned: Shape (n,): rows whose decision breaks the direction; None where none is made.
        worst: The two values between which most is lost.
    """

    feature: str
    rises: bool
    points: FloatArray
    falls: FloatArray
    turned: npt.NDArray[np.bool_] | None
    worst: Fall


@dataclass(frozen=True)
class Monotonicity:
    """Whether the score keeps to the directions that its owner declares.

    What a score does between two values that are asked about is not seen.

    Attributes:
        increasing: Features of numbers with which the score must never fall.
        decreasing: Features of numbers with which it must never rise.
        rows: Most assessed rows, drawn at random, that are asked about; at least 30.
        points: Most values of a feature; at least 2.
        tolerance: Moves of up to this are none; unit: the score where it is a probability, else
            standard deviations of the scores or of the predicted numbers.
        max_asked: Most rows that the model is asked about, all in all; it sets smaller samples.
        of_class: Class whose score is looked at; a multiclass task needs it.
        level: Two-sided level of the intervals, in (0, 1).
        min_group: Rows that the share of a group must rest on; at least 2.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Monotonicity(increasing=("income",), decreasing=("income",))
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.monotonicity] decreasing: found 'income', expected no feature twice.
    """

    increasing: tuple[str, ...] = ()
    decreasing: tuple[str, ...] = ()
    rows: int = 2_000
    points: int = 16
    tolerance: float = 0.01
    max_asked: int = 200_000
    of_class: str | None = None
    level: float = 0.95
    min_group: int = 10

    name: ClassVar[str] = "monotonicity"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    tasks: ClassVar[frozenset[str]] = frozenset(ASKED)
    metrics: ClassVar[tuple[Metric, ...]] = (NAMED, VIOLATION, TURNED, WORST)

    def __post_init__(self) -> None:
        problems = range_problems(self, rows=30, points=2, max_asked=1_000, min_group=2)
        if not 0 < self.tolerance < np.inf:
            problems.append(
                Problem(f"{_WHERE} tolerance", quote(self.tolerance), "a number above 0")
            )
        seen: set[str] = set()
        for setting in ("increasing", "decreasing"):
            for name in getattr(self, setting):
                if name in seen:
                    expected = "no feature twice"
                    problems.append(Problem(f"{_WHERE} {setting}", quote(name), expected))
                seen.add(name)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Sweep every named feature.

        Args:
            subject: What is audited.
            rng: Draws the rows.

        Yields:
            How many features were named; how many rows break a direction, by feature, by group
            and at all; how many decisions do; the largest move; the table `counter-examples`.
            Why not, where none was named.

        Raises:
            InputError: If a feature is none of numbers that the model reads, or the class is not
                known.
        """
        named = {**dict.fromkeys(self.increasing, True), **dict.fromkeys(self.decreasing, False)}
        yield NAMED.measure(
            float(len(named)),
            n=len(named),
            source=f"{_WHERE} increasing and decreasing",
            reason="counted exactly",
            exact=True,
        )
        if not named:
            yield measured(VIOLATION, Estimate.undefined(NONE_NAMED), 0, "no row was asked about")
            return
        self._check(subject, named)
        of_class = None if self.of_class is None else subject.classes.index(self.of_class)
        ask = OneNumber(subject, of_class)
        size = min(self.rows, max(30, self.max_asked // (len(named) * self.points)))
        drawn = rng.permutation(len(subject))[:size].astype(np.int64)
        asked = subject.rows.iloc[drawn]
        tolerance = self._tolerance(subject, of_class)
        swept: list[_Swept] = []
        for name, rises in named.items():
            found = self._sweep(ask, asked, name, tolerance, rises=rises)
            if found is None:
                reason, where = Estimate.undefined(FEW_VALUES), {"feature": name}
                yield measured(VIOLATION, reason, 0, "no row was asked about", where)
            else:
                swept.append(found)
        if swept:
            yield from self._measure(subject, swept, drawn, tolerance, ask.words)

    def _check(self, subject: Subject, named: Mapping[str, bool]) -> None:
        problems = []
        for name, rises in named.items():
            where = f"{_WHERE} {'increasing' if rises else 'decreasing'}"
            if name not in subject.features:
                problems.append(Problem.unknown(where, name, subject.features, "a feature"))
            elif not pd.api.types.is_numeric_dtype(subject.rows[name]):
                problems.append(Problem(where, quote(name), "a feature of numbers"))
        if self.of_class is not None and self.of_class not in subject.classes:
            where = f"{_WHERE} of_class"
            problems.append(Problem.unknown(where, self.of_class, subject.classes, "a class"))
        if subject.task == "multiclass" and self.of_class is None:
            problems.append(Problem(f"{_WHERE} of_class", "none", "the class that is scored"))
        if problems:
            raise InputError(problems)

    def _tolerance(self, subject: Subject, of_class: int | None) -> float:
        scores = subject.y_pred if subject.task == "regression" else subject.y_score
        held = np.asarray(scores, dtype=np.float64)
        held = held if of_class is None else held[:, of_class]
        if subject.task != "regression" and are_probabilities(held):
            return self.tolerance
        return self.tolerance * float(held.std())

    def _sweep(
        self, ask: OneNumber, asked: pd.DataFrame, name: str, tolerance: float, *, rises: bool
    ) -> _Swept | None:
        """Ask about every row with every value of a feature."""
        whole = ask.subject.rows[name]
        points = grid(whole.to_numpy(dtype=np.float64, na_value=np.nan), self.points - 1, SHARED)
        if not pd.api.types.is_float_dtype(whole):
            points = np.unique(np.rint(points))
        if points.size < 2:
            return None
        n = len(asked)
        again = asked.iloc[np.tile(np.arange(n), points.size)]
        values: Any = np.repeat(points, n)
        if not pd.api.types.is_float_dtype(whole):
            values = values.astype(bool if pd.api.types.is_bool_dtype(whole) else np.int64)
        answers = ask(again.assign(**{name: values})).reshape(points.size, n).T
        sign = 1.0 if rises else -1.0
        held = sign * np.asarray(answers, dtype=np.float64)
        turned = None
        if ask.subject.task == "binary":
            selected = (answers >= ask.subject.threshold).astype(np.float64)
            turned = largest_falls(sign * selected) > 0
        fall = worst_fall(held, tolerance, self.level)
        worst = fall if rises else reversed_fall(fall)
        return _Swept(name, rises, points, largest_falls(held), turned, worst)

    def _measure(
        self,
        subject: Subject,
        swept: Sequence[_Swept],
        drawn: IntArray,
        tolerance: float,
        words: str,
    ) -> Iterator[Measurement | Table]:
        n, each = drawn.size, shared_level(self.level, len(swept))
        source = f"{n:,} assessed rows {_FIXED}; tolerance {tolerance:.4g} of the {words}"
        broken = np.array([one.falls > tolerance for one in swept])
        anyhow = np.asarray(broken.any(axis=0), dtype=bool)
        listed = ", ".join(quote(one.feature) for one in swept)
        some = share(int(anyhow.sum()), n, self.level)
        yield measured(VIOLATION, some, n, f"{source}; any of {listed}")
        for one, rows in zip(swept, broken, strict=True):
            where, at = {"feature": one.feature}, f"{source}; {one.points.size} values"
            yield measured(VIOLATION, share(int(rows.sum()), n, each), n, at, where)
            if one.turned is not None:
                yield measured(TURNED, share(int(one.turned.sum()), n, each), n, at, where)
            yield self._largest(one, n, at)
        masks = {
            (column, group): mask[drawn]
            for column, groups in subject.groups.items()
            for group, mask in group_masks(groups).items()
        }
        found = by_group(anyhow, masks, self.min_group, self.level)
        for (column, group), estimate in found.items():
            size = int(masks[column, group].sum())
            yield measured(VIOLATION, estimate, size, f"{source}; any of {listed}",
                           {column: group})  # fmt: skip
        yield self._directions(swept, broken, source)
        yield from self._examples(swept, source, n)

    def _largest(self, one: _Swept, n: int, source: str) -> Measurement:
        return WORST.measure(
            float(one.falls.max()),
            n=n,
            source=source,
            slice={"feature": one.feature},
            reason="no interval: the largest of the rows asked; at "
            f"{self.level:.0%} confidence at most {unseen(n, self.level):.2%} of rows move more",
        )

    def _directions(
        self, swept: Sequence[_Swept], broken: npt.NDArray[np.bool_], source: str
    ) -> Table:
        each = shared_level(self.level, len(swept))
        n = broken.shape[1]
        return Table(
            name="directions",
            title="Does the score keep to the declared directions?",
            columns=(
                *("feature", "direction", "values", "broken", "low", "high"),
                *("turned", "largest"),
            ),
            rows=tuple(
                (
                    *(one.feature, "never falls" if one.rises else "never rises"),
                    one.points.size,
                    *cells_of(share(int(rows.sum()), n, each)),
                    None if one.turned is None else float(one.turned.mean()),
                    float(one.falls.max()),
                )
                for one, rows in zip(swept, broken, strict=True)
            ),
            source=f"{source}; broken: rows that move against the direction by over the "
            f"tolerance; intervals of all features hold together at {self.level:.0%}; turned: rows "
            "whose decision does; largest: the largest such move of a row",
            chart="directions",
        )

    def _examples(self, swept: Sequence[_Swept], source: str, n: int) -> Iterator[Table]:
        lines: list[tuple[Cell, ...]] = []
        for one in swept:
            if one.worst.n >= SHARED:
                ends = (float(one.points[place]) for place in (one.worst.first, one.worst.second))
                lines.append(
                    (one.feature, *ends, one.worst.n, one.worst.n / n, *cells_of(one.worst.change))
                )
        if lines:
            yield Table(
                name="counter-examples",
                title="Where the score moves against a declared direction",
                columns=("feature", "from", "to", "n", "share", "difference", "low", "high"),
                rows=tuple(lines),
                source=f"{source}; the two values between which most is lost; "
                f"n and share: rows that move against the direction by over the tolerance, shown "
                f"from {SHARED} rows; difference: mean change of all rows; {self.level:.0%} "
                "intervals that hold together for all pairs of values",
                chart="counter-examples",
            )
