"""Have the data moved: training rows against assessed ones, assessed ones against newer ones?

Statistics are in `auditkit.methods.column_shift` and `auditkit.methods.shift_metrics`; how tables
are held against each other in `auditkit.explaining.shifted_columns` and
`auditkit.explaining.shift_effects`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.explaining.shift_effects import COMPARED, Effect, effects
from auditkit.explaining.shifted_columns import Apart, Moved, compare, importance, tell_apart
from auditkit.methods.estimates import cells_of, measured
from auditkit.methods.shift_metrics import (
    APART,
    EFFECTIVE,
    ESTIMATED,
    LARGEST,
    METRICS,
    SHIFTED,
    WHOLE,
)
from auditkit.methods.weighting import kish
from auditkit.roles import TASKS
from auditkit.subject import NEEDS, NO_NEWER, Subject

#: What a slice calls the tables that the assessed rows are held against.
TRAINING, NEWER = "training rows", "newer rows"
#: Why the tests alone decide.
COUNTED = "a count of tests that hold together, so it has no interval"
#: Name of the column of what the model says of a row.
SAID = "what the model says"


@dataclass(frozen=True)
class _Tables:
    """Two tables that are held against each other.

    Attributes:
        name: What the other table is called.
        first: The assessed rows.
        second: The other rows.
        more: Columns that are tested one by one only: the outcome and what the model says.
    """

    name: str
    first: pd.DataFrame
    second: pd.DataFrame
    more: tuple[pd.DataFrame, pd.DataFrame]

    @property
    def where(self) -> dict[str, str]:
        return {"with": self.name}

    @property
    def n(self) -> int:
        return len(self.first) + len(self.second)

    @property
    def source(self) -> str:
        return f"{len(self.first):,} assessed rows and {len(self.second):,} {self.name}"


@dataclass(frozen=True)
class Shift:
    """Which columns have moved, whether that can be told, and what it does to the model.

    Attributes:
        level: Level of the intervals, in (0, 1); those of all columns of two tables hold together.
        certainty: How sure it must be that no column is said to have moved that has not, in
            (0, 1): more than `level`, for data are looked at often.
        min_group: Rows that a group must have to be compared; at least 10.
        max_rows: Most rows of each table, drawn at random, that the model that tells the tables
            apart is made of; at least 100.
        most_columns: Most columns that the table lists, those that moved most first; from 1.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Shift(max_rows=1)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.shift] max_rows: found '1', expected a whole number from 100.
    """

    level: float = 0.95
    certainty: float = 0.99
    min_group: int = 30
    max_rows: int = 10_000
    most_columns: int = 8

    name: ClassVar[str] = "shift"
    needs: ClassVar[frozenset[str]] = frozenset({"other_rows"})
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, min_group=10, max_rows=100, most_columns=1)
        if not 0 < self.certainty < 1:
            where = "[audits.shift] certainty"
            problems.append(Problem(where, quote(self.certainty), "a number in (0, 1)"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Hold the assessed rows against the training rows and against the newer ones.

        Args:
            subject: What is audited.
            rng: Draws rows and seeds the models that tell two tables apart.

        Yields:
            By table: how many columns moved, the one that moved most, how well both tables can be
            told apart; then what the newer rows do to accuracy and gaps; and the tables `columns`
            and `effects`.
        """
        lines: list[tuple[str, Moved]] = []
        for name, lacks in ((TRAINING, NEEDS["train"]), (NEWER, NO_NEWER)):
            tables = _tables(subject, name)
            if tables is None:
                yield from _undefined((SHIFTED, LARGEST, APART), name, len(subject), lacks)
                if name == NEWER:
                    yield from self._no_effects(subject)
                continue
            first, second = (
                pd.concat([held, more], axis=1)
                for held, more in zip((tables.first, tables.second), tables.more, strict=True)
            )
            moved = compare(first, second, self.level)
            yield from self._columns(tables, moved)
            lines += [(name, one) for one in moved]
            apart = tell_apart(tables.first, tables.second, self.max_rows, self.level, rng)
            yield _apart(tables, apart)
            if name == NEWER:
                yield from self._effects(subject, tables, apart)
        if lines:
            yield self._table(lines)

    def _columns(self, tables: _Tables, moved: Sequence[Moved]) -> Iterator[Measurement]:
        tested = [one for one in moved if one.p_adjusted is not None and one.column != SAID]
        shifted = dict.fromkeys(one.column for one in tested if one.is_shifted(self.certainty))
        if not tested:
            reason = "no column can be compared"
            yield from _undefined((SHIFTED, LARGEST), tables.name, tables.n, reason)
            return
        columns = len(dict.fromkeys(one.column for one in tested))
        yield SHIFTED.measure(
            float(len(shifted)),
            n=tables.n,
            slice=tables.where,
            exact=True,
            reason=COUNTED,
            source=f"{tables.source}; {columns} columns in {len(tested)} tests of Kolmogorov and "
            f"Smirnov or of chi-squared, Holm at {100 * self.certainty:g} %",
        )
        most = max(tested, key=_sureness)
        source = f"{_named(most)}; the surest of {len(tested)} tests; {tables.source}"
        yield measured(LARGEST, most.found.distance, tables.n, source, tables.where)

    def _effects(
        self, subject: Subject, tables: _Tables, apart: Apart
    ) -> Iterator[Measurement | Table]:
        weights, lacks = None, apart.area.reason
        if apart.area.value is not None:
            weights = importance(apart)
        n, source = apart.rows.size, f"{apart.rows.size:,} assessed rows, weighted"
        worth = None if weights is None else kish(weights)
        yield EFFECTIVE.measure(
            worth,
            n=n,
            basis="estimated",
            exact=True,
            source=f"{source} by the model that tells both tables apart",
            reason=lacks or "Kish's effective size of the weights, which has no interval",
        )
        found = effects(subject, apart.rows, weights, lacks, self.min_group, self.level)
        for one in found:
            yield from one.measurements()
        shown = [one for one in found if one.estimated.value is not None or one.is_measured]
        if shown:
            yield _effects_table(shown, self.level, tables)

    def _no_effects(self, subject: Subject) -> Iterator[Measurement]:
        """Say that nothing is known of what newer rows would do."""
        main = "absolute_error" if subject.task == "regression" else "accuracy"
        known = (WHOLE[main, ESTIMATED],) if subject.task in COMPARED else ()
        for metric in (EFFECTIVE, *known):
            yield metric.measure(
                None, n=len(subject), reason=NO_NEWER, source="assessed rows", basis="estimated"
            )

    def _table(self, lines: Sequence[tuple[str, Moved]]) -> Table:
        ordered = sorted(lines, key=lambda line: _sureness(line[1]), reverse=True)
        told = [line for line in ordered if line[1].p_adjusted is not None]
        kept = told[: self.most_columns]
        left = {one.column: one.found.distance.reason for _, one in ordered
                if one.p_adjusted is None}  # fmt: skip
        gone = [f"{quote(column)}: {reason}" for column, reason in list(left.items())[:3]]
        untested = f"; not tested: {', '.join(gone)}" if gone else ""
        return Table(
            name="columns",
            title="Columns that have moved most",
            columns=("with", "column", "compared", "test", "distance", "low", "high",
                     "p_adjusted", "shifted"),
            rows=tuple(_line(name, one, self.certainty) for name, one in kept),
            source=f"{len(kept)} of {len(told)} tests, the surest first. Distance: of Kolmogorov "
            "and Smirnov for numbers, total variation for categories; intervals hold together "
            f"at {100 * self.level:g} % (Bonferroni) over the columns of two tables. p_adjusted: "
            f"Holm over them; below {1 - self.certainty:.2g} a column has moved{untested}",
            chart="shifted-columns",
        )  # fmt: skip


def _tables(subject: Subject, name: str) -> _Tables | None:
    """The assessed rows and the others, with the columns that both have."""
    other = subject.train if name == TRAINING else subject.newer
    if other is None:
        return None
    read = [*subject.features, *subject.sensitive]
    if not subject.features and name == NEWER:
        read += [column for column in (subject.score, subject.prediction) if column]
    shared = [column for column in dict.fromkeys(read) if column in other]
    first, second = subject.rows[shared], other[shared]
    more = (pd.DataFrame(index=first.index), pd.DataFrame(index=second.index))
    if subject.label is not None and subject.label in other and subject.label not in shared:
        more = (subject.rows[[subject.label]], other[[subject.label]])
    said = _said(subject) if name == NEWER and subject.model is not None else None
    if said is not None:
        more = (more[0].assign(**{SAID: said[0]}), more[1].assign(**{SAID: said[1]}))
    return _Tables(name, first, second, more)


def _said(subject: Subject) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Scores or numbers of the assessed and of the newer rows; classes of a multiclass task."""
    if subject.task == "sequence-to-sequence":
        return None
    if subject.task == "binary" and subject.y_score is not None:
        newer = subject.scores_of_newer()
        return None if newer is None else (subject.y_score, newer)
    said = subject.predictions_of_newer()
    if said is None:
        return None
    if subject.task == "multiclass":
        names = np.array(subject.classes, dtype=object)
        return names[subject.y_pred], names[said]
    return subject.y_pred, said


def _undefined(metrics: Sequence[Metric], name: str, n: int, reason: str) -> Iterator[Measurement]:
    for metric in metrics:
        yield metric.measure(None, n=n, reason=reason, source="assessed rows", slice={"with": name})


def _apart(tables: _Tables, apart: Apart) -> Measurement:
    drawn = f"{apart.rows.size:,} and {apart.n:,} of them" if apart.n else "none of them"
    source = f"{tables.source}; gradient boosting of one half of {drawn}, asked of the other"
    return measured(APART, apart.area, apart.rows.size + apart.n, source, tables.where)


def _sureness(one: Moved) -> tuple[float, float]:
    """The smaller the p-value the surer; then the larger distance."""
    p_value = 2.0 if one.p_adjusted is None else one.p_adjusted
    return -p_value, one.found.distance.value or 0.0


def _named(one: Moved) -> str:
    return f"column {quote(one.column)}, {one.what}"


def _line(name: str, one: Moved, certainty: float) -> tuple[Cell, ...]:
    shifted = one.is_shifted(certainty)
    distance = cells_of(one.found.distance)
    return (name, one.column, one.what, one.found.test, *distance, one.p_adjusted, shifted)


def _effects_table(shown: Sequence[Effect], level: float, tables: _Tables) -> Table:
    return Table(
        name="effects",
        title="What the newer rows do to the model",
        columns=("quantity", "assessed", "estimate", "estimate_low", "estimate_high", "newer",
                 "newer_low", "newer_high"),
        rows=tuple(
            (one.title, one.assessed.value, *cells_of(one.estimated), *cells_of(one.newer))
            for one in shown
        ),
        source=f"{tables.source}. estimate: assessed rows weighted to look like the newer ones, "
        "right where outcomes still follow from the columns as they did; newer: measured on the "
        f"newer rows. Intervals at {100 * level:g} % each, which do not hold what the weights "
        "themselves are off by",
        chart="shift-effects",
        basis="estimated",
    )  # fmt: skip
