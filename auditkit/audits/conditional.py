"""Does a gap remain among people who are alike in a control feature, or does it even turn round?

Everything is counted once, in `auditkit.methods.cells`, with the controls as further columns.
Statistics are in `auditkit.methods.conditional` and `auditkit.methods.strata`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from auditkit.errors import InputError, Problem, range_problems
from auditkit.evidence import ALL_GROUPS, WITHIN, Measurement, Metric, Table
from auditkit.methods.bands import quantile_edges
from auditkit.methods.cells import RATES, Cells, count_cells
from auditkit.methods.conditional import NO_OVERLAP, compare_within, largest_within, within
from auditkit.methods.conditional_tables import EXPLAINED, GAPS, SELECTION, Held, tables
from auditkit.methods.controls import choose_controls
from auditkit.methods.decision_groups import CONSTANT
from auditkit.roles import Groups, group_labels, make_groups, origin
from auditkit.subject import Subject

#: Bands of about equally many rows that a number is cut into.
BANDS = 5
#: Why nothing is held equal.
NO_CONTROL = (
    "no control: none but the column itself was named under [audits.conditional] control, and no "
    "other that goes with the decision could be chosen"
)


@dataclass(frozen=True)
class _Control:
    """A column in which rows are held alike, and how it came to be one."""

    groups: Groups
    words: str

    @property
    def name(self) -> str:
        return self.groups.column

    @cached_property
    def strata(self) -> int:
        """How many strata it makes, that of unknown values among them."""
        return len(np.unique(self.groups.codes))


@dataclass(frozen=True)
class Conditional:
    """The gaps between groups among people who are alike in a control feature.

    Rows count by their weights where the subject has them; how small a group is, by its rows.

    Attributes:
        level: Confidence level of every interval, in (0, 1).
        control: Features or sensitive columns to hold people alike in. Where none is named, those
            features are taken that go most with the decision and are not close to a sensitive
            column; other sensitive columns where no feature is known. Numbers are cut into up to
            5 bands of about equally many rows.
        max_controls: Most controls that are chosen where none is named; at least 1.
        min_group: Rows that a rate must rest on for its group to be compared; at least 1.
        max_groups: A column with more groups than this is not compared; at least 2.
        max_strata: A control with more values than this is not used; at least 2.
        max_listed: Most strata in the table `strata` for each sensitive column; at least 1.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Conditional(max_strata=1)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.conditional] max_strata: found '1', expected a whole number from 2.
    """

    level: float = 0.95
    control: tuple[str, ...] = ()
    max_controls: int = 3
    min_group: int = 10
    max_groups: int = 30
    max_strata: int = 50
    max_listed: int = 6

    name: ClassVar[str] = "conditional"
    needs: ClassVar[frozenset[str]] = frozenset({"predictions", "sensitive"})
    weighted: ClassVar[frozenset[str]] = frozenset({"binary"})
    counted: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (*GAPS.values(), EXPLAINED)

    def __post_init__(self) -> None:
        least = {"max_controls": 1, "min_group": 1, "max_groups": 2, "max_strata": 2}
        problems = range_problems(self, **least, max_listed=1)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure every gap within every control.

        Args:
            subject: What is audited.
            rng: Not used: all intervals are closed forms.

        Yields:
            By sensitive column and control: the gap of each rate, and the share of the gap in
            selection rate that the control accounts for; then the tables `conditional` and
            `strata`.

        Raises:
            InputError: If a control is none of the subject's columns.
        """
        del rng
        controls = self._controls(subject)
        groups = {one.name: one.groups for one in controls} | dict(subject.groups)
        cells, labels = _count(subject, groups), {n: group_labels(g) for n, g in groups.items()}
        rates = list(GAPS) if "labels" in subject.has else [SELECTION]
        found: list[Held] = []
        for attribute in subject.sensitive:
            for control, where in _held_in(attribute, controls, subject):
                reason = self._unfit(cells, subject.groups[attribute], control)
                if reason or control is None:
                    yield from _undefined(rates, where, len(subject), reason or NO_CONTROL)
                    continue
                held = [self._hold(cells, labels, attribute, control, rate) for rate in rates]
                yield from (self._gap(one, where) for one in held)
                yield _explained(held[0], where)
                found += held
        yield from tables(found, self.level, self.max_listed)

    def _controls(self, subject: Subject) -> list[_Control]:
        known = dict.fromkeys([*subject.features, *subject.sensitive])
        where, kind = "[audits.conditional] control", "a feature or a sensitive column"
        wrong = [Problem.unknown(where, n, known, kind) for n in self.control if n not in known]
        if wrong:
            raise InputError(wrong)
        if self.control:
            named = dict.fromkeys(self.control)
            return [_as_control(subject, name, "named in the settings") for name in named]
        features = [name for name in subject.features if not _sensitive(name, subject)]
        words = "chosen by auditkit: it goes with the decision"
        made = [_as_control(subject, name, words) for name in features or subject.sensitive]
        usable = {one.name: one for one in made if 2 <= one.strata <= self.max_strata}
        chosen = choose_controls(
            {name: one.groups.codes for name, one in usable.items()},
            subject.y_pred,
            [held.codes for held in subject.groups.values()] if features else [],
            self.max_controls,
            None if subject.counts is None else np.rint(subject.counts.n).astype(np.int64),
        )
        return [usable[name] for name in chosen]

    def _unfit(self, cells: Cells, groups: Groups, control: _Control | None) -> str | None:
        """Why a column cannot be compared within a control, or None where it can."""
        if cells.constant:
            return CONSTANT
        if len(groups.names) > self.max_groups:
            return f"{len(groups.names):,} groups, more than max_groups = {self.max_groups:,}"
        if control is not None and control.strata > self.max_strata:
            most = f"more than max_strata = {self.max_strata:,}"
            return f"{control.strata:,} values of the control, {most}"
        return None

    def _hold(
        self,
        cells: Cells,
        labels: Mapping[str, Sequence[str]],
        attribute: str,
        control: _Control,
        rate: str,
    ) -> Held:
        columns = (attribute, control.name)
        counts = within(cells, labels, columns, RATES[rate], self.min_group)
        pairs = compare_within(counts, self.level)
        return Held(*columns, control.words, counts, pairs, self.min_group)

    def _gap(self, held: Held, where: dict[str, str]) -> Measurement:
        gap = largest_within(held.pairs, self.level)
        return GAPS[held.counts.rate.metric.id].measure(
            gap.value,
            interval=gap.interval,
            reason=gap.reason,
            n=held.n,
            slice=where,
            source=held.source,
        )


def _held_in(
    attribute: str, controls: Sequence[_Control], subject: Subject
) -> list[tuple[_Control | None, dict[str, str]]]:
    """The controls that a column can be compared within, with their slices; None for none."""
    fit = [one for one in controls if not _same(attribute, one.name, subject)]
    slices = [{attribute: ALL_GROUPS, one.name: WITHIN} for one in fit]
    return [*zip(fit, slices, strict=True)] or [(None, {attribute: ALL_GROUPS})]


def _count(subject: Subject, groups: Mapping[str, Groups]) -> Cells:
    if subject.counts is not None:  # no control is a feature then
        return subject.counts
    decided = subject.y_pred
    return count_cells(
        {name: held.codes for name, held in groups.items()},
        {name: len(held.names) for name, held in groups.items()},
        subject.y_true if "labels" in subject.has else np.zeros_like(decided),
        decided,
        subject.weights,
    )


def _sensitive(name: str, subject: Subject) -> bool:
    """Whether a column is a sensitive one, or made of one, or one is made of it."""
    return any(_same(attribute, name, subject) for attribute in subject.sensitive)


def _same(attribute: str, control: str, subject: Subject) -> bool:
    names = [*subject.sensitive, *subject.features]
    return origin(attribute, names) == origin(control, names)


def _as_control(subject: Subject, name: str, words: str) -> _Control:
    """A column as strata: the groups of a sensitive column, bands of a number, or names."""
    if name in subject.sensitive:
        return _Control(subject.groups[name], words)
    values = subject.rows[name]
    edges = _edges(values)
    cut = f", cut at {', '.join(f'{edge:g}' for edge in edges)}" if edges else ""
    return _Control(make_groups(values, edges), f"{words}{cut}")


def _edges(values: pd.Series) -> list[float] | None:
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if not is_number or values.nunique() <= BANDS:
        return None
    return quantile_edges(values.to_numpy(dtype=np.float64, na_value=np.nan), BANDS) or None


def _undefined(
    rates: Sequence[str], where: dict[str, str], n: int, reason: str
) -> Iterator[Measurement]:
    for metric in [*(GAPS[rate] for rate in rates), EXPLAINED]:
        source = "decisions of all assessed rows"
        yield metric.measure(None, n=n, reason=reason, source=source, slice=where)


def _explained(held: Held, where: dict[str, str]) -> Measurement:
    if not held.pairs:
        return EXPLAINED.measure(None, n=0, reason=NO_OVERLAP, source=held.over, slice=where)
    pair = held.widest
    return EXPLAINED.measure(
        pair.explained.value,
        interval=pair.explained.interval,
        reason=pair.explained.reason,
        n=pair.compared,
        slice=where,
        source=f"{held.say(pair)}; control {held.words}",
    )
