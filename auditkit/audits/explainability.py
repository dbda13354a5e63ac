"""What moves the model's scores? Shapley values of a sample, and how far they can be trusted.

A raw feature is one player, whatever it is encoded to. Everything is computed once, in
`auditkit.methods.shapley`; no number here belongs to a single row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
import pandas as pd

from auditkit.errors import InputError, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.explaining.samples import draw
from auditkit.methods.estimates import Estimate
from auditkit.methods.shapley import Attribution, shapley
from auditkit.methods.shapley_game import Floats, Positions, Rows
from auditkit.methods.shapley_gap import Gap, gap
from auditkit.methods.shapley_metrics import (
    ADDITIVITY_GAP,
    ATTRIBUTION_STANDARD_ERROR,
    MEAN_ABS_SHAPLEY,
    METRICS,
    SCORE_GAP_CONTRIBUTION,
    SENSITIVE_RELIANCE,
    TOP_REASON_AGREEMENT,
)
from auditkit.methods.shapley_model import look_inside
from auditkit.methods.shapley_plan import plan
from auditkit.methods.shapley_strips import MOST_BINS, density
from auditkit.methods.shapley_summary import importance, share, top_agreement, typical_error
from auditkit.models import NetworkModel
from auditkit.subject import Groups, Subject

#: Work that is spent where no budget is given: seconds of one core, the same on every machine;
#: unit: floating-point operations.
_WORK = 60_000_000_000
#: Neither sample is cut below this to fit the work; unit: rows.
_FEWEST = 20
#: Features that get a strip, the most important ones.
_STRIPS = 20
#: A bin of a strip is no narrower than this part of the range of all values.
_FINEST = 1 / 120
#: Efficiency gap that is rounding, in standard deviations of the score.
_ROUNDING = 1e-4
#: Why reliance on a column was not measured.
NOT_READ = "the model does not read this column; proxies may still carry it"


@dataclass(frozen=True)
class _Explained:
    """The sample and its Shapley values.

    Attributes:
        names: Features, in the order of the players.
        places: Shape (m,): which assessed rows were explained.
        found: Their Shapley values, all of them reached.
        source: What was computed from what, in words.
    """

    names: tuple[str, ...]
    places: Positions
    found: Attribution
    source: str

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Explainability:
    """Shapley values of the model's probability on a sample, with their uncertainty.

    Attributes:
        rows: Most assessed rows to explain.
        background: Most rows that stand for "not known"; from the training rows where they are
            known. Their draw is the greatest source of error.
        level: Confidence level of every interval, in (0, 1).
        top: Features that count as the reasons of a row.
        min_group: Explained rows that a group needs for its score gap to be taken apart.
        budget: Most evaluations of the model; None gives the same work to every model. Both
            samples are cut in proportion where they do not fit.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Explainability(rows=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.explainability] rows: found '0', expected a whole number from 1.
    """

    rows: int = 500
    background: int = 400
    level: float = 0.95
    top: int = 3
    min_group: int = 10
    budget: int | None = None

    name: ClassVar[str] = "explainability"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary"})
    needs: ClassVar[frozenset[str]] = frozenset({"predictions", "network"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        problems = range_problems(self, rows=1, background=2, top=1, min_group=2, budget=1)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Explain a sample of the assessed rows; see `metrics` and the tables' sources."""
        try:
            explained = self._explain(subject, rng)
        except ValueError as error:
            # The model cannot be explained (NaN, dropout on) or the budget is too small.
            yield from _unexplained(subject, " ".join(str(error).split()))
            return
        yield from self._trust(explained, rng)
        yield from self._importance(subject, explained)
        yield from self._sensitive(subject, explained)

    def _explain(self, subject: Subject, rng: np.random.Generator) -> _Explained:
        model = cast("NetworkModel", subject.model)
        sample = draw(subject, rng, self.rows, self.background)
        rows, background = model.encode(sample.rows), model.encode(sample.background)
        inside = look_inside(model, rows, background, "probability")
        budget = inside.evaluations(_WORK) if self.budget is None else self.budget
        flat, others = _flat(rows), _flat(background)
        players = list(model.players.values())
        m, b = _fitting(flat, others, players, budget)
        found = shapley(
            inside.function,
            flat[:m],
            others[:b],
            players,
            rng=rng,
            first_layer=inside.first_layer,
            rest=inside.rest,
            budget=budget,
        ).shown()
        exact = found.plan.exact_share
        others_by = "" if exact == 1 else ", the others by antithetic permutations"
        source = (
            f"Shapley values of the probability for {len(found.values):,} of {len(subject):,} "
            f"assessed rows against {b:,} {sample.whose} rows; "
            f"{exact:.0%} of pairs exact{others_by}; {found.evaluations:,} evaluations"
        )
        return _Explained(tuple(model.players), sample.places[: len(found.values)], found, source)

    def _trust(self, explained: _Explained, rng: np.random.Generator) -> Iterator[Measurement]:
        found, n, source = explained.found, len(explained), explained.source
        limit = _ROUNDING * float(found.outputs.std())
        yield ADDITIVITY_GAP.measure(
            found.additivity_gap,
            n=n,
            exact=True,
            reason=f"the largest of the explained rows, not an estimate; up to {limit:.1g}, "
            "1e-4 standard deviations of their scores, is rounding",
            source=source,
        )
        error = typical_error(found, self.level)
        yield _measure(ATTRIBUTION_STANDARD_ERROR, error, n, source)
        top = min(self.top, max(1, len(explained.names) - 1))
        halves = f"{source}; top {top}, halves of {int(found.block_sizes.sum()) // 2:,} rows each"
        agreement = top_agreement(found, top, rng, self.level)
        yield _measure(TOP_REASON_AGREEMENT, agreement, n, halves)

    def _importance(self, subject: Subject, explained: _Explained) -> Iterator[Measurement | Table]:
        estimates = importance(explained.found, self.level)
        order = sorted(range(len(estimates)), key=lambda g: -(estimates[g].value or 0.0))
        for g in order:
            slice_ = {"feature": explained.names[g]}
            yield _measure(MEAN_ABS_SHAPLEY, estimates[g], len(explained), explained.source, slice_)
        lines = [(explained.names[g], *_cells(estimates[g])) for g in order]
        yield Table(
            "importance",
            "What moves the scores",
            ("feature", "mean_abs", "low", "high"),
            tuple(lines),
            f"{explained.source}; mean absolute value, {self.level:.0%} interval",
            chart="bars",
        )
        yield _strips(subject, explained, order[:_STRIPS])

    def _sensitive(self, subject: Subject, explained: _Explained) -> Iterator[Measurement | Table]:
        lines: list[tuple[Cell, ...]] = []
        notes = []
        for column in subject.sensitive:
            slice_ = {column: ALL_GROUPS}
            apart = self._apart(subject.groups[column], explained)
            own = explained.names.index(column) if column in explained.names else None
            reliance = (
                Estimate.undefined(NOT_READ)
                if own is None
                else share(explained.found, own, self.level)
            )
            yield _measure(SENSITIVE_RELIANCE, reliance, len(explained), explained.source, slice_)
            if isinstance(apart, str):
                part, n, note = Estimate.undefined(apart), len(explained), apart
            else:
                part = Estimate.undefined(NOT_READ)
                if own is not None:
                    part = apart.gap.contributions[own]
                n, note = apart.count, apart.note
                lines += _gap_lines(column, apart, explained.names)
            source = f"{explained.source}; {note}"
            yield _measure(SCORE_GAP_CONTRIBUTION, part, n, source, slice_)
            notes.append(f"{quote(column)}: {note}")
        yield Table(
            "gap",
            "What makes the score gaps between groups",
            ("attribute", "a", "b", "feature", "contribution", "low", "high"),
            tuple(lines),
            f"{explained.source}; mean Shapley value of group a minus that of group b, the sum "
            f"over features is the difference of the mean scores. {'. '.join(notes)}",
            chart="waterfall",
        )

    def _apart(self, groups: Groups, explained: _Explained) -> _Apart | str:
        """Take the gap of the two largest groups apart, or say why it cannot be."""
        order = sorted(range(len(groups.names)), key=lambda code: -groups.counts[code])
        if len(order) < 2 or groups.counts[order[1]] == 0:
            return "fewer than two groups have a row"
        codes = groups.codes[explained.places]
        a, b = (codes == code for code in order[:2])
        names = groups.names[order[0]], groups.names[order[1]]
        sizes = int(a.sum()), int(b.sum())
        note = (
            f"{quote(names[0])} ({sizes[0]:,} explained rows) against {quote(names[1])} "
            f"({sizes[1]:,}); {len(codes) - sum(sizes):,} rows of other or unknown groups left out"
        )
        if min(sizes) < self.min_group:
            return f"{note}: a group needs {self.min_group} explained rows"
        found = gap(explained.found, a, b, self.level)
        if found is None:
            return f"{note}: the background has one row only"
        return _Apart(*names, found, sum(sizes), note)


@dataclass(frozen=True)
class _Apart:
    a: str
    b: str
    gap: Gap
    count: int
    note: str


def _fitting(
    rows: Rows,
    background: Rows,
    players: Sequence[Positions],
    budget: int,
) -> tuple[int, int]:
    """Cut both samples by the same factor, so that sampling their pairs fits the budget."""
    cost = plan(rows, background, players, estimator="sampled").evaluations
    factor = min(1.0, (budget / cost) ** 0.5)
    m, b = (max(min(len(s), _FEWEST), int(factor * len(s))) for s in (rows, background))
    return m, b


def _flat(encoded: Rows) -> Rows:
    return encoded.reshape(len(encoded), -1)


def _measure(
    metric: Metric, estimate: Estimate, n: int, source: str, slice_: dict[str, str] | None = None
) -> Measurement:
    return metric.measure(
        estimate.value,
        n=n,
        interval=estimate.interval,
        reason=estimate.reason,
        slice=slice_,
        source=source,
    )


def _cells(estimate: Estimate) -> tuple[Cell, Cell, Cell]:
    interval = estimate.interval
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return estimate.value, low, high


def _gap_lines(column: str, apart: _Apart, names: Sequence[str]) -> Iterator[tuple[Cell, ...]]:
    head = (column, apart.a, apart.b)
    yield (*head, "(mean score a)", *_cells(apart.gap.first))
    yield (*head, "(mean score b)", *_cells(apart.gap.second))
    parts = apart.gap.contributions
    for g in sorted(range(len(parts)), key=lambda g: -abs(parts[g].value or 0.0)):
        yield (*head, names[g], *_cells(parts[g]))


def _strips(subject: Subject, explained: _Explained, order: Sequence[int]) -> Table:
    values = explained.found.values  # noqa: PD011 - not a data frame
    finest = max(float(np.ptp(values[:, order])) * _FINEST, 1e-6)
    lines = []
    for g in order:
        name = explained.names[g]
        # A player of a text is one of its tokens, which has no column of its own.
        column = subject.rows[name].iloc[explained.places] if name in subject.rows else None
        ranks = None if column is None else _ranks(column)
        lines += [
            (name, bin_.low, bin_.high, bin_.count, bin_.mean_rank)
            for bin_ in density(values[:, g], ranks, finest)
        ]
    return Table(
        "strips",
        "How each feature moves the scores",
        ("feature", "bin_low", "bin_high", "count", "mean_rank"),
        tuple(lines),
        f"{explained.source}; rows in at most {MOST_BINS} bins of the Shapley value, for the "
        f"{len(order)} most important features; mean rank of the feature's own value from 0 to 1, "
        "none for a category and in a bin of fewer than 5 rows",
        chart="density-strip",
    )


def _ranks(column: pd.Series) -> Floats | None:
    """Ranks from 0 to 1 of numbers, NaN where one is missing; None for a category."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return None
    ranks = column.rank().to_numpy(dtype=np.float64, na_value=np.nan)
    return (ranks - 1) / max(int(column.notna().sum()) - 1, 1)


def _unexplained(subject: Subject, reason: str) -> Iterator[Measurement]:
    """Say of every number why there is none."""
    nothing, source = Estimate.undefined(reason), "Shapley values of the probability"
    for metric in (ADDITIVITY_GAP, ATTRIBUTION_STANDARD_ERROR, TOP_REASON_AGREEMENT):
        yield _measure(metric, nothing, 0, source)
    for name in cast("NetworkModel", subject.model).players:
        yield _measure(MEAN_ABS_SHAPLEY, nothing, 0, source, {"feature": name})
    for column in subject.sensitive:
        for metric in (SENSITIVE_RELIANCE, SCORE_GAP_CONTRIBUTION):
            yield _measure(metric, nothing, 0, source, {column: ALL_GROUPS})
