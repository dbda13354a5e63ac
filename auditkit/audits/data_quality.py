"""What are the data like: gaps, doubles, rows seen in training, leaks, and who is missing?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.explaining.data_columns import Column, columns_of, missing_in, strongest, twice
from auditkit.explaining.data_extent import Outlying, outlying, outlying_share, time_span
from auditkit.explaining.noisy_labels import noisy_labels
from auditkit.methods import extent
from auditkit.methods.data_quality import (
    CONSTANT,
    DISTANCE,
    DOUBLE,
    METRICS,
    MISSING,
    MISSING_GAP,
    REPEATED,
    SEEN,
    SEEN_EXCESS,
    STRONGEST,
    beyond_chance,
    distance,
    missing_gap,
)
from auditkit.methods.estimates import Estimate, measured
from auditkit.methods.intervals import share
from auditkit.methods.label_noise import CAVEAT, LABEL_NOISE
from auditkit.methods.ranking import auc
from auditkit.models.references import alike
from auditkit.roles import TASKS, group_masks
from auditkit.subject import Subject

WITHHELD = "one row only: the number would be about one person"
COUNTED = "counted in all rows"
NO_REFERENCE = "no reference population was named: set reference under [audits.data-quality]"
NO_COLUMNS = "the model's columns are not known"
ASSESSED = "assessed rows, not weighted"
#: By how much the shares of a population may miss 1, for they are often rounded.
ROUNDING = 0.02


@dataclass(frozen=True)
class DataQuality:
    """What is wrong with the rows, whatever model reads them.

    Attributes:
        reference: Column to group to its share of the population that the rows should represent.
            The groups are those of a sensitive column, by name; their shares sum to 1.
        min_group: Rows that a group must have to be compared; at least 2.
        time: Column that says when a row is from, or None.
        most_columns: Most columns that the table lists, from 1.
        max_rows: Most rows, drawn at random, that wrong labels are looked for in; 0 looks for none.
        level: Two-sided level of the intervals, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> DataQuality(reference={"sex": {"F": 0.5, "M": 0.6}})
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.data-quality] reference 'sex': found 'shares that sum to 1.1', expected 1.
    """

    reference: dict[str, dict[str, float]] = field(default_factory=dict)
    time: str | None = None
    min_group: int = 10
    most_columns: int = 20
    max_rows: int = 20_000
    level: float = 0.95

    name: ClassVar[str] = "data-quality"
    needs: ClassVar[frozenset[str]] = frozenset()
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = (*METRICS, LABEL_NOISE, *extent.METRICS)

    def __post_init__(self) -> None:
        problems = range_problems(self, min_group=2, most_columns=1, max_rows=0)
        for column, shares in self.reference.items():
            where = f"[audits.data-quality] reference {quote(column)}"
            total = sum(shares.values())
            if any(value < 0 for value in shares.values()):
                problems.append(Problem(where, "a share below 0", "shares from 0 to 1"))
            elif abs(total - 1) > ROUNDING:
                problems.append(Problem(where, quote(f"shares that sum to {total:.3g}"), "1"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Look at the rows.

        Args:
            subject: What is audited.
            rng: Draws the half of the rows that chooses the strongest column, and the folds of
                the model that finds wrong labels.

        Yields:
            Missing values overall and by group, doubles within the rows and across the split,
            constant and repeated columns, what the strongest column tells, how many labels are
            likely wrong, the distance from the reference population, numbers far out, the time
            that the rows span; then the tables `columns` and `representation`.

        Raises:
            InputError: If the reference names a column or group that is not there.
        """
        self._check(subject)
        rows, features = subject.rows, list(subject.features)
        found = columns_of(rows, features)
        yield from self._missing(subject, missing_in(rows, features))
        yield from self._doubles(subject)
        yield from _columns(found, len(rows))
        ranked, chosen = self._strongest(subject, rng)
        yield ranked
        yield self._noise(subject, rng)
        yield from self._represented(subject)
        far = outlying(rows, features)
        yield outlying_share(far, self.level)
        yield from time_span(rows, self.time, self.level)
        if found:
            yield self._table(found, len(rows), chosen, far)

    def _check(self, subject: Subject) -> None:
        problems = []
        for column, shares in self.reference.items():
            where = f"[audits.data-quality] reference {quote(column)}"
            if column not in subject.groups:
                known = subject.sensitive
                problems.append(Problem.unknown(where, column, known, "a sensitive column"))
                continue
            names = subject.groups[column].names
            problems += [
                Problem.unknown(where, name, names, "a group of the column")
                for name in shares
                if name not in names
            ]
        if self.time is not None and self.time not in subject.rows:
            there, kind = map(str, subject.rows.columns), "a column of the data"
            where = "[audits.data-quality] time"
            problems.append(Problem.unknown(where, self.time, there, kind))
        if problems:
            raise InputError(problems)

    def _missing(self, subject: Subject, missing: npt.NDArray[np.bool_]) -> Iterator[Measurement]:
        reason = None if subject.features else NO_COLUMNS
        yield self._share(MISSING, missing, {}, reason)
        for column, groups in subject.groups.items():
            masks = group_masks(groups)
            for name, mask in masks.items():
                yield self._share(MISSING, missing[mask], {column: name}, reason)
            gap = Estimate.undefined(reason) if reason else missing_gap(
                missing, masks, self.min_group, self.level
            )  # fmt: skip
            yield measured(MISSING_GAP, gap, len(subject), ASSESSED, {column: ALL_GROUPS})

    def _share(
        self,
        metric: Metric,
        rows: npt.NDArray[np.bool_],
        where: Mapping[str, str],
        reason: str | None,
    ) -> Measurement:
        n, count = rows.size, int(rows.sum())
        if reason or n == 1:
            found = Estimate.undefined(reason or WITHHELD)
            return measured(metric, found, n, ASSESSED, where)
        source = f"{count:,} of {n:,} {ASSESSED}"
        return measured(metric, share(count, n, self.level), n, source, where)

    def _doubles(self, subject: Subject) -> Iterator[Measurement]:
        columns = [*subject.features, *([subject.label] if subject.label else [])]
        reason = None if subject.features else NO_COLUMNS
        n, rows = len(subject), subject.rows[columns]
        count = 0 if reason else twice(rows)
        found = share(count, n, self.level) if not reason else Estimate.undefined(reason)
        yield measured(REPEATED, found, n, f"{count:,} of {n:,} {ASSESSED}", {})
        train = subject.train
        lacking = reason or subject.missing({"train"})
        if lacking or train is None:
            for metric in (SEEN, SEEN_EXCESS):
                lacks = Estimate.undefined(lacking or "")
                yield measured(metric, lacks, n, ASSESSED, {})
            return
        again, seen = alike(train[columns], rows)
        source = f"{seen:,} of {n:,} {ASSESSED}; {len(train):,} training rows"
        yield measured(SEEN, share(seen, n, self.level), n, source, {})
        excess = beyond_chance(seen, n, again, len(train), self.level)
        source = f"{source}, of which {again:,} equal another one"
        yield measured(SEEN_EXCESS, excess, n + len(train), source, {})

    def _strongest(self, subject: Subject, rng: np.random.Generator) -> tuple[Measurement, str]:
        """What the strongest column alone tells, and its name."""
        missing = subject.missing({"labels"}) or (None if subject.features else NO_COLUMNS)
        outcome, what = (None, "") if missing else _outcome(subject)
        source = f"{ASSESSED}, one half chooses and the other half measures{what}"
        half = np.zeros(len(subject), dtype=bool)
        half[rng.permutation(len(subject))[: len(subject) // 2]] = True
        chosen = None
        if outcome is not None and 0 < outcome[half].mean() < 1 and 0 < outcome[~half].mean() < 1:
            chosen = strongest(subject.rows, subject.features, outcome, half)
        if outcome is None or chosen is None:
            reason = missing or "no column ranks the outcome, or one half holds one outcome only"
            lacks = Estimate.undefined(reason)
            return measured(STRONGEST, lacks, len(subject), source, {}), ""
        name, scores = chosen
        found = auc(outcome[~half], scores[~half], self.level)
        source = f"column {quote(name)}; {source}"
        return measured(STRONGEST, found, int((~half).sum()), source, {}), name

    def _noise(self, subject: Subject, rng: np.random.Generator) -> Measurement:
        found, n = noisy_labels(subject, self.max_rows, self.level, rng)
        source = f"{found.contradicted:,} of the {found.looked_at:,} surest rows of {n:,} "
        return LABEL_NOISE.measure(
            found.share.value,
            interval=found.share.interval,
            reason=found.share.reason,
            n=n,
            basis="estimated",
            source=f"{source}{ASSESSED}; gradient boosting, cross-fitted in 5 folds; {CAVEAT}",
        )

    def _represented(self, subject: Subject) -> Iterator[Measurement | Table]:
        lines: list[tuple[Cell, ...]] = []
        for column in subject.sensitive:
            named, where = self.reference.get(column), {column: ALL_GROUPS}
            groups = subject.groups[column]
            counts = np.asarray(groups.counts, dtype=np.float64)
            n = int(counts.sum())
            if named is None:
                lacks = Estimate.undefined(NO_REFERENCE)
                yield measured(DISTANCE, lacks, n, ASSESSED, where)
                continue
            total = sum(named.values())
            shares = np.array([named.get(name, 0.0) / total for name in groups.names])
            source = f"{n:,} {ASSESSED} with a known group; reference population as declared"
            yield measured(DISTANCE, distance(counts, shares, self.level), n, source, where)
            lines += [
                (column, name, int(count), count / n if n else None, float(expected))
                for name, count, expected in zip(groups.names, counts, shares, strict=True)
            ]
        if lines:
            yield Table(
                name="representation",
                title="Groups of the rows and of the population",
                columns=("attribute", "group", "n", "share", "population_share"),
                rows=tuple(lines),
                source=f"{ASSESSED} with a known group; shares of the population as declared",
                chart="representation",
                basis="declared",
            )

    def _table(self, found: list[Column], n: int, chosen: str, far: Outlying) -> Table:
        lines = [(_line(column, n, far), column) for column in found]
        lines.sort(key=lambda pair: (-int(bool(pair[0][-1])), -pair[1].missing, pair[1].name))
        kept = lines[: self.most_columns]
        cut = f"; {len(kept)} of {len(lines)} columns listed" if lines[len(kept) :] else ""
        note = f"; the strongest column alone is {quote(chosen)}" if chosen else ""
        return Table(
            name="columns",
            title="What each column is like",
            columns=("column", "kind", "values", "missing", "outlying", "note"),
            rows=tuple(line for line, _ in kept),
            source=f"{n:,} {ASSESSED}{note}{cut}",
            chart="data-columns",
        )


def _line(column: Column, n: int, far: Outlying) -> tuple[Cell, ...]:
    note = "one value only" if column.distinct < 2 else ""
    if column.same_as:
        note = f"tells the same as {column.same_as}"
    kind = "number" if column.is_number else "category"
    missing = column.missing / n if n else None
    return (column.name, kind, column.distinct, missing, far.share_of(column.name), note)


def _columns(found: list[Column], n: int) -> Iterator[Measurement]:
    counts = {
        CONSTANT: sum(column.distinct < 2 for column in found),
        DOUBLE: sum(bool(column.same_as) for column in found),
    }
    for metric, count in counts.items():
        if not found or n == 0:
            lacks = NO_COLUMNS if n else "no rows"
            yield metric.measure(None, n=n, reason=lacks, source=ASSESSED)
            continue
        source = f"{len(found)} columns that the model reads; {ASSESSED}"
        yield metric.measure(float(count), n=n, exact=True, reason=COUNTED, source=source)


def _outcome(subject: Subject) -> tuple[npt.NDArray[np.int8] | None, str]:
    """The outcome cut in two, and how; None where it cannot be."""
    y = subject.y_true
    if subject.task == "binary":
        return np.asarray(y, dtype=np.int8), ""
    if subject.task == "multiclass":
        most = int(np.bincount(y[y >= 0]).argmax()) if (y >= 0).any() else -1
        return np.asarray(y == most, dtype=np.int8), "; the most frequent class against the others"
    if subject.task == "regression":
        return np.asarray(y > np.median(y), dtype=np.int8), "; numbers above the median"
    return None, ""
