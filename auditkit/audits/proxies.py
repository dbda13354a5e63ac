"""Do features stand in for a sensitive attribute, and does the score carry it beyond the outcome?

A model that never reads a column can still act on it through others. Statistics are in
`auditkit.methods.proxies`; the areas under the ROC curve in `class_scores` and `ranking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.explaining.boosting import group_shares
from auditkit.explaining.categories import BANDS, as_categories
from auditkit.methods.class_scores import macro_roc_auc
from auditkit.methods.estimates import Estimate, IntArray
from auditkit.methods.gaps import shared_level
from auditkit.methods.proxies import (
    PROXY_AUC,
    SCORE_AUC,
    SCORE_P_VALUE,
    STRONGEST_PROXY_AUC,
    carried,
    independence,
    permutation_test,
    shares_out_of_fold,
    stratified_folds,
)
from auditkit.methods.significance import holm
from auditkit.roles import TASKS, origin
from auditkit.subject import Subject

FOLDS = 5
#: What the score is held against the outcome with.
_SCORED = frozenset({"labels", "scores"})
#: Why nothing can be said of features or groups.
NO_FEATURES = "the columns that the model reads are not known"
NONE_LEFT = "no other column that the model reads can be used"
NOT_SCORED = "only the scores of a binary task are held against the outcome"


@dataclass(frozen=True)
class _Attribute:
    """The rows of a sensitive column whose groups are large enough.

    Attributes:
        column: The column.
        names: Names of the groups.
        rows: Places of the rows, shape (m,).
        groups: Group of each of them, shape (m,).
        left_out: Rows of unknown or small groups.
    """

    column: str
    names: tuple[str, ...]
    rows: IntArray
    groups: IntArray
    left_out: int

    @property
    def everyone(self) -> dict[str, str]:
        return {self.column: ALL_GROUPS}

    @property
    def counted(self) -> str:
        left = f", {self.left_out:,} of unknown or small groups left out" if self.left_out else ""
        return f"{len(self.names)} groups in {self.rows.size:,} rows{left}"


@dataclass(frozen=True)
class _Feature:
    """What one feature says of one attribute: an area, or why there is none."""

    name: str
    area: Estimate
    p_value: float | None = None
    is_itself: bool = False


@dataclass(frozen=True)
class Proxies:
    """How well features predict sensitive columns, and whether the score carries them.

    Attributes:
        level: Level of the intervals, in (0, 1); those of the features hold together.
        min_group: Rows of a group below which it is left out; at least 10.
        permutations: How often groups are shuffled in the test of the score; at least 19.
        max_rows: Rows, drawn at random, that the model of all features is made of; at least 100.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Proxies(min_group=1)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.proxies] min_group: found '1', expected a whole number from 10.
    """

    level: float = 0.95
    min_group: int = 30
    permutations: int = 999
    max_rows: int = 50_000

    name: ClassVar[str] = "proxies"
    needs: ClassVar[frozenset[str]] = frozenset({"sensitive"})
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = (
        PROXY_AUC,
        STRONGEST_PROXY_AUC,
        *SCORE_AUC.values(),
        SCORE_P_VALUE,
    )

    def __post_init__(self) -> None:
        problems = range_problems(self, min_group=10, permutations=19, max_rows=100)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure features and score against every sensitive column.

        Args:
            subject: What is audited.
            rng: Deals rows out to folds, draws rows, and shuffles groups.

        Yields:
            By sensitive column: all features together, the strongest one, and the score given the
            outcome; then the table `proxies`.
        """
        lines: list[tuple[Cell, ...]] = []
        for column in subject.sensitive:
            held = self._attribute(subject, column)
            if len(held.names) < 2:
                reason = f"fewer than 2 groups have {self.min_group} rows"
                for metric in (PROXY_AUC, STRONGEST_PROXY_AUC, SCORE_P_VALUE):
                    yield _undefined(metric, held, reason)
                continue
            features = self._features(subject, held, rng)
            yield self._together(subject, held, features, rng)
            yield self._strongest(held, features)
            lines += _lines(held, features, self.level)
            yield from self._score(subject, held, rng)
        if lines:
            yield _table(lines, self.level)

    def _attribute(self, subject: Subject, column: str) -> _Attribute:
        groups = subject.groups[column]
        large = [i for i, n in enumerate(groups.counts) if n >= self.min_group]
        place = np.full(len(groups.names) + 1, -1, dtype=np.int64)
        place[large] = np.arange(len(large))
        codes = place[groups.codes]
        rows = np.flatnonzero(codes >= 0)
        names = tuple(groups.names[i] for i in large)
        return _Attribute(column, names, rows, codes[rows], len(subject) - rows.size)

    def _features(
        self, subject: Subject, held: _Attribute, rng: np.random.Generator
    ) -> list[_Feature]:
        folds = stratified_folds(held.groups, FOLDS, rng)
        each = shared_level(self.level, max(len(subject.features), 1))
        found = []
        for name in subject.features:
            values = subject.rows[name].iloc[held.rows]
            codes = as_categories(values)
            if isinstance(codes, str):
                found.append(_Feature(name, Estimate.undefined(codes), None, _itself(name, held)))
                continue
            shares = shares_out_of_fold(codes, held.groups, len(held.names), folds)
            area = macro_roc_auc(held.groups, shares, each)
            found.append(
                _Feature(name, area, independence(codes, held.groups), _itself(name, held))
            )
        return found

    def _together(
        self,
        subject: Subject,
        held: _Attribute,
        features: Sequence[_Feature],
        rng: np.random.Generator,
    ) -> Measurement:
        chosen = [one.name for one in features if not one.is_itself and one.area.value is not None]
        if not chosen:
            return _undefined(PROXY_AUC, held, NONE_LEFT if features else NO_FEATURES)
        few = held.rows.size > self.max_rows
        drawn = np.sort(rng.permutation(held.rows.size)[: self.max_rows])
        groups = held.groups[drawn]
        if np.bincount(groups, minlength=len(held.names)).min() < 2 * FOLDS:
            return _undefined(PROXY_AUC, held, "a group has too few of the drawn rows")
        folds = stratified_folds(groups, FOLDS, rng)
        rows = subject.rows[chosen].iloc[held.rows[drawn]]
        shares = group_shares(rows, groups, folds, rng)
        area = macro_roc_auc(groups, shares, self.level)
        sample = f", a random {drawn.size:,} of them" if few else ""
        return PROXY_AUC.measure(
            area.value,
            interval=area.interval,
            reason=area.reason,
            n=drawn.size,
            slice=held.everyone,
            source=f"{len(chosen)} features that are not the attribute itself, gradient boosting, "
            f"{FOLDS} folds; {held.counted}{sample}",
        )

    def _strongest(self, held: _Attribute, features: Sequence[_Feature]) -> Measurement:
        known = [one for one in features if not one.is_itself and one.area.value is not None]
        if not known:
            return _undefined(STRONGEST_PROXY_AUC, held, NONE_LEFT if features else NO_FEATURES)
        most = max(known, key=_value)
        interval = most.area.interval
        if interval is not None and len(features) > 1:
            method = f"{interval.method}, Bonferroni over {len(features)} features"
            interval = replace(interval, level=self.level, method=method)
        return STRONGEST_PROXY_AUC.measure(
            most.area.value,
            interval=interval,
            reason=most.area.reason,
            n=held.rows.size,
            slice=held.everyone,
            source=f"{quote(most.name)}, of {len(known)} features that are not the attribute "
            f"itself; {FOLDS} folds; {held.counted}",
        )

    def _score(
        self, subject: Subject, held: _Attribute, rng: np.random.Generator
    ) -> Iterator[Measurement]:
        if subject.task != "binary" or not subject.has >= _SCORED:
            missing = NOT_SCORED if subject.task != "binary" else subject.missing(_SCORED)
            yield _undefined(SCORE_P_VALUE, held, missing or NOT_SCORED)
            return
        scores, outcome = np.asarray(subject.y_score)[held.rows], subject.y_true[held.rows]
        for value, metric in SCORE_AUC.items():
            rows = outcome == value
            for one in carried(
                scores[rows], held.groups[rows], len(held.names), self.min_group, self.level
            ):
                yield metric.measure(
                    one.area.value,
                    interval=one.area.interval,
                    reason=one.area.reason,
                    n=one.n,
                    slice={held.column: _free(held.names[one.group])},
                    source=f"{one.n:,} of {int(rows.sum()):,} rows of that outcome; {held.counted}",
                )
        found = permutation_test(scores, held.groups, outcome, self.permutations, rng, self.level)
        yield SCORE_P_VALUE.measure(
            found.value,
            interval=found.interval,
            n=held.rows.size,
            slice=held.everyone,
            source=f"Kruskal-Wallis within each outcome, groups shuffled {self.permutations:,} "
            f"times; {held.counted}",
        )


def _itself(feature: str, held: _Attribute) -> bool:
    return origin(held.column, [feature]) == feature


def _value(one: _Feature) -> float:
    return -1.0 if one.area.value is None else one.area.value


def _free(name: str) -> str:
    return f"({name})" if name == ALL_GROUPS else name


def _undefined(metric: Metric, held: _Attribute, reason: str) -> Measurement:
    source = f"assessed rows; {held.counted}"
    n = held.rows.size
    return metric.measure(None, n=n, reason=reason, source=source, slice=held.everyone)


def _lines(held: _Attribute, features: Sequence[_Feature], level: float) -> list[tuple[Cell, ...]]:
    tested = [one for one in features if not one.is_itself and one.p_value is not None]
    adjusted = holm([one.p_value or 0.0 for one in tested]).tolist()
    p = {one.name: value for one, value in zip(tested, adjusted, strict=True)}
    lines: list[tuple[Cell, ...]] = []
    for one in sorted(features, key=lambda one: (-_value(one), one.name)):
        interval = one.area.interval
        bounds = (None, None) if interval is None else (interval.low, interval.high)
        said = _said(one, dependent=p.get(one.name, 1.0) < 1 - level)
        lines.append((held.column, one.name, one.area.value, *bounds, p.get(one.name), said))
    return lines


def _said(one: _Feature, *, dependent: bool) -> str:
    if one.is_itself:
        return "the attribute itself"
    if one.area.interval is None:
        return one.area.reason or "no interval"
    # Both: the interval takes the shares as given, so that alone it would err too often.
    is_proxy = dependent and one.area.interval.low > 0.5
    return "proxy" if is_proxy else "no proxy is established"


def _table(lines: list[tuple[Cell, ...]], level: float) -> Table:
    return Table(
        name="proxies",
        title="How well each feature tells the group",
        columns=("attribute", "feature", "auc", "low", "high", "p_adjusted", "role"),
        rows=tuple(lines),
        source=f"mean area under the ROC curve of each group against the others, 0.5 is chance; by "
        f"the shares of groups among rows of the same value ({BANDS} bands of a number) in the "
        f"other of {FOLDS} folds; intervals take these shares as given and hold together at "
        f"{100 * level:g} % over the features of an attribute (Bonferroni). p_adjusted: chi-squared"
        " test of independence, Holm over the features that are not the attribute itself. A feature"
        f" is a proxy where its interval lies above 0.5 and p_adjusted is under {1 - level:.2g}",
    )
