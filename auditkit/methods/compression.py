"""Smaller versions of a model held against it, on the same rows: what is lost, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Metric
from auditkit.methods import intervals, means, regression
from auditkit.methods.decision_groups import CONSTANT
from auditkit.methods.estimates import Estimate, IntArray
from auditkit.methods.gap_changes import GapChange, gap_change, largest_change
from auditkit.methods.gaps import shared_level
from auditkit.methods.group_tasks import MEAN_ABSOLUTE_ERROR_DIFFERENCE
from auditkit.methods.paired import shown_accuracy
from auditkit.methods.parity import (
    ACCURACY_DIFFERENCE,
    DEMOGRAPHIC_PARITY_DIFFERENCE,
    EQUAL_OPPORTUNITY_DIFFERENCE,
)
from auditkit.methods.regression import r2

#: Task to the gaps between groups that are looked at.
GAPS: dict[str, tuple[Metric, ...]] = {
    "binary": (DEMOGRAPHIC_PARITY_DIFFERENCE, EQUAL_OPPORTUNITY_DIFFERENCE),
    "multiclass": (ACCURACY_DIFFERENCE,),
    "regression": (MEAN_ABSOLUTE_ERROR_DIFFERENCE,),
}
#: A gap, by the id of its metric, and the sensitive column whose groups it lies between.
Gap = tuple[str, str]
#: What was not timed.
_UNTIMED = Estimate.undefined("not timed")
#: Why the model as audited has no difference from itself.
ITSELF = Estimate.undefined("it is held against itself")


@dataclass(frozen=True)
class Version:
    """A version of the audited model, and what it gives.

    Attributes:
        name: What it is called.
        y_pred: Shape (n,): its predictions, as the task has them; None where there are none.
        reason: Why there are none; empty where there are.
        weights: Numbers that it holds.
        nonzero: Those that are not 0.
        stored: Bytes that they take in a file; unit: bytes.
        seconds: Time of 1,000 predictions; unit: s.
        network_seconds: Time of the network alone for them; unit: s.
        joules: Energy of 1,000 predictions; unit: J.
        repeats: Times that it was timed.
        basis: Basis of the energy.
        how: How the energy was found.
    """

    name: str
    y_pred: npt.NDArray[Any] | None = None
    reason: str = ""
    weights: int = 0
    nonzero: int = 0
    stored: int = 0
    seconds: Estimate = _UNTIMED
    network_seconds: Estimate = _UNTIMED
    joules: Estimate = _UNTIMED
    repeats: int = 0
    basis: Literal["measured", "estimated"] = "estimated"
    how: str = ""


@dataclass(frozen=True)
class Line:
    """What a version reaches, and what it loses against the model as audited.

    Attributes:
        version: The version.
        quality: Accuracy; R squared of a regression.
        loss: What is lost of it; holds together with the losses of the other versions.
        agreement: Share of rows with the same decision; undefined for a regression.
        gaps: The gaps between groups; the change of each holds together with those of the same gap
            in the other versions.
    """

    version: Version
    quality: Estimate
    loss: Estimate
    agreement: Estimate
    gaps: Mapping[Gap, GapChange]

    @property
    def grows(self) -> tuple[Gap, ...]:
        """Gaps that surely grow."""
        held = {gap: found.change.interval for gap, found in self.gaps.items()}
        return tuple(gap for gap, bounds in held.items() if bounds and bounds.low > 0)

    def within(self, tolerance: float) -> bool:
        """Whether the whole interval of the loss is at most this."""
        return self.loss.interval is not None and self.loss.interval.high <= tolerance


@dataclass(frozen=True)
class Trial:
    """Rows on which the versions are held against each other.

    Attributes:
        task: Kind of prediction: "binary", "multiclass" or "regression".
        y_true: Shape (n,): true outcomes, as the task has them.
        codes: Sensitive column to the group of each row, shape (n,): -1 where unknown.
        versions: The model as audited, then the smaller ones.
        level: Two-sided level, in (0, 1).
        min_group: Rows that the number of a group must rest on.

    Example:
        >>> y = np.array([0, 1] * 50)
        >>> audited, small = (Version(n, y_pred=p) for n, p in (("a", y), ("b", 0 * y)))
        >>> [line.quality.value for line in Trial("binary", y, {}, (audited, small)).lines]
        [1.0, 0.5]
    """

    task: str
    y_true: npt.NDArray[Any]
    codes: Mapping[str, IntArray]
    versions: tuple[Version, ...]
    level: float = 0.95
    min_group: int = 10

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The gaps that are looked at."""
        return tuple((metric.id, column) for column in self.codes for metric in GAPS[self.task])

    @cached_property
    def tests(self) -> int:
        """Versions whose intervals hold together, the model as audited left out."""
        return max(1, sum(version.y_pred is not None for version in self.versions[1:]))

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """What each version reaches, in their order."""
        return tuple(self._line(version) for version in self.versions)

    def increase(self, gap: Gap) -> Estimate:
        """The largest growth of a gap over all smaller versions."""
        changes = [line.gaps[gap].change for line in self.lines[1:] if gap in line.gaps]
        return largest_change(changes, self.level)

    def worst(self, gap: Gap) -> Line | None:
        """The smaller version in which a gap grows most, or None where none has it."""
        held = [line for line in self.lines[1:] if gap in line.gaps]
        changes = [(line.gaps[gap].change.value, line) for line in held]
        known = [(value, line) for value, line in changes if value is not None]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    def smallest(self, tolerance: float) -> Line | None:
        """The smallest version that surely loses no more than this, or None."""
        small = [line for line in self.lines[1:] if line.within(tolerance)]
        return min(small, key=lambda line: line.version.stored, default=None)

    @property
    def unbeaten(self) -> list[bool]:
        """Whether no other version is at most as large and as good, and better in one of both."""
        points = [(line.version.stored, line.quality.value) for line in self.lines]
        known = [(size, right) for size, right in points if right is not None]
        return [
            right is not None
            and not any(s <= size and q >= right and (s, q) != (size, right) for s, q in known)
            for size, right in points
        ]

    def _line(self, version: Version) -> Line:
        audited = self.versions[0]
        if version.y_pred is None or audited.y_pred is None:
            nothing = Estimate.undefined(version.reason)
            return Line(version, nothing, nothing, nothing, {})
        same, each = version is audited, shared_level(self.level, self.tests)
        of = self._errors if self.task == "regression" else self._decisions
        quality, loss, agreement = of(audited.y_pred, version.y_pred, each)
        return Line(
            version=version,
            quality=quality,
            loss=ITSELF if same else self._together(loss),
            agreement=ITSELF if same else agreement,
            gaps={gap: self._gap(gap, version, each) for gap in self.gaps},
        )

    def _decisions(
        self, audited: npt.NDArray[Any], given: npt.NDArray[Any], each: float
    ) -> tuple[Estimate, Estimate, Estimate]:
        right = audited == self.y_true, given == self.y_true
        n, alike = len(given), int((audited == given).sum())
        quality = shown_accuracy(*right, self.level).second
        loss = shown_accuracy(*right, each).difference
        return quality, loss, intervals.share(alike, n, self.level)

    def _errors(
        self, audited: npt.NDArray[Any], given: npt.NDArray[Any], each: float
    ) -> tuple[Estimate, Estimate, Estimate]:
        y = np.asarray(self.y_true, dtype=np.float64)
        more = (given - y) ** 2 - (audited - y) ** 2
        around, everyone = (y - y.mean()) ** 2, np.zeros(len(y), dtype=np.int64)
        loss = Estimate.undefined(regression.ALL_THE_SAME)
        if around.any():
            loss = means.ratios_by_group(more, around, everyone, 1).estimate(0, each)
        nothing = Estimate.undefined("numbers are not alike or unlike")
        return r2(y, given, self.level), loss, nothing

    def _gap(self, gap: Gap, version: Version, each: float) -> GapChange:
        audited, given = np.asarray(self.versions[0].y_pred), np.asarray(version.y_pred)
        codes, y = self.codes[gap[1]], self.y_true
        if any(len(np.unique(one)) < 2 for one in (audited, given)):
            nothing = Estimate.undefined(CONSTANT)
            return GapChange(len(y), nothing, nothing, nothing)
        first, second = (_compared(self.task, y, one) for one in (audited, given))
        if gap[0] == EQUAL_OPPORTUNITY_DIFFERENCE.id:
            codes, first, second = (held[y == 1] for held in (codes, first, second))
        alone = gap_change(first, second, codes, self.min_group, self.level)
        if version is self.versions[0]:
            return replace(alone, change=ITSELF)
        change = gap_change(first, second, codes, self.min_group, each).change
        return replace(alone, change=self._together(change))

    def _together(self, found: Estimate) -> Estimate:
        """Say of an interval that it holds together with those of the other versions."""
        held = found.interval
        if held is None or self.tests == 1:
            return found
        method = f"{held.method}; Bonferroni over {self.tests} versions"
        return replace(found, interval=replace(held, level=self.level, method=method))


def _compared(task: str, y: npt.NDArray[Any], given: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What is compared between groups: selection, being right, or the size of the error."""
    if task == "regression":
        return np.asarray(np.abs(given - y), dtype=np.float64)
    return np.asarray(given == (y if task == "multiclass" else 1))
