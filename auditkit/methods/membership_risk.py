"""What membership attacks find, over all rows and by group: the metrics, with their intervals."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Interval, Measurement, Metric
from auditkit.methods import membership, ranking
from auditkit.methods.estimates import Estimate, FloatArray, measured
from auditkit.methods.membership_attacks import BoolArray

_share = functools.partial(Metric, unit="rate", better="lower", low=0.0, high=1.0)
_gap = functools.partial(Metric, unit="difference", better="lower", low=-1.0, high=1.0)

AUC = _share(
    "reference_attack_auc",
    "Attack with reference models, AUC",
    "Chance that the attack ranks a row the model was trained on above a row it was not trained "
    "on; 0.5 betrays nothing.",
)
TPR_1 = _share(
    "reference_attack_tpr_at_1pct_fpr",
    "Members found with reference models at 1 % false accusations",
    "Share of training rows that the attack finds while it accuses at most 1 % of all other rows; "
    "0.01 betrays nothing.",
)
TPR_01 = _share(
    "reference_attack_tpr_at_01pct_fpr",
    "Members found with reference models at 0.1 % false accusations",
    "Share of training rows that the attack finds while it accuses at most 0.1 % of all other "
    "rows; 0.001 betrays nothing.",
)
TPR_0 = _share(
    "reference_attack_tpr_at_0_fpr",
    "Members found with reference models, no assessed row accused",
    "Share of training rows that the attack ranks above every one of the assessed rows.",
)
AUC_GAP = _gap(
    "reference_attack_auc_difference",
    "Attack with reference models, AUC, group over everyone else",
    "Area under the ROC curve among the rows of the group minus that among all other rows.",
)
SHIFT = Metric(
    "member_shift_auc",
    "Training and assessed rows told apart",
    "Chance that a classifier that was not given the attacked model ranks a training row above an "
    "assessed row; 0.5 where both come from one population, as the attacks take for granted.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
SECONDS = Metric(
    "reference_cpu_seconds",
    "CPU time of the reference models",
    "CPU time of training all reference models.",
    "s",
    better="lower",
    low=0.0,
)
#: Why an attack is not measured where members and others differ anyway.
DIFFERENT = (
    "training and assessed rows come from different populations, and an attack would measure that "
    "difference too"
)
WHOLE = (AUC, TPR_1, TPR_01, TPR_0)
METRICS = (*WHOLE, AUC_GAP, SHIFT, SECONDS)


@dataclass(frozen=True)
class Found:
    """What one attack finds.

    Attributes:
        members: Shape (n,): its scores of training rows.
        others: Shape (m,): its scores of other rows.
    """

    members: FloatArray
    others: FloatArray

    @property
    def n(self) -> int:
        """Rows of both kinds."""
        return self.members.size + self.others.size

    def of(self, members: BoolArray, others: BoolArray) -> Found:
        """The same among some of the rows, by masks of shape (n,) and (m,)."""
        return Found(self.members[members], self.others[others])

    def auc(self, level: float) -> Estimate:
        """Area under the ROC curve; see `auditkit.methods.ranking.auc`."""
        if not (self.members.size and self.others.size):
            sizes = f"{self.members.size:,} training rows and {self.others.size:,} other rows"
            return Estimate.undefined(f"rows of both kinds are needed; there are {sizes}")
        is_member = np.repeat([1, 0], [self.members.size, self.others.size])
        return ranking.auc(is_member, np.concatenate([self.members, self.others]), level)

    def tpr(self, fpr: float, level: float) -> Estimate:
        """Members found at a rate of false accusations; see `membership.tpr_at_fpr`."""
        return membership.tpr_at_fpr(self.members, self.others, fpr, level)

    def established(self, level: float) -> bool:
        """Whether members are surely found.

        By the area or by the share at 1 %: either interval may err upward with (1 - level) / 2, so
        that both together err with at most 1 - level.

        Example:
            >>> Found(np.arange(50.0, 250), np.arange(200.0)).established(0.95)
            True
        """
        area, share = self.auc(level).interval, self.tpr(0.01, level).interval
        return bool((area and area.low > 0.5) or (share and share.low > 0.01))

    def most_exposed(self, most: int) -> list[tuple[int, int]]:
        """Members that the attack is surest of.

        Args:
            most: How many at most.

        Returns:
            Position among the members and number of other rows that score as high, the surest
            first.

        Example:
            >>> Found(np.array([1.0, 5.0, 3.0]), np.array([2.0, 4.0])).most_exposed(2)
            [(1, 0), (2, 1)]
        """
        order = np.argsort(-self.members, kind="stable")[:most]
        return [(int(i), int((self.others >= self.members[i]).sum())) for i in order]


def apart(first: Estimate, second: Estimate) -> Estimate:
    """Difference of two numbers from different rows, made of their own intervals (MOVER).

    Args:
        first: A number.
        second: The number that is taken from it, with an interval of the same level.

    Returns:
        The difference; undefined where a number is.

    Source:
        Zou and Donner (2008), Stat. Med. 27:1693.

    Example:
        >>> one, other = (Estimate(v, Interval(v - 0.3, v + 0.4, 0.95, "x")) for v in (0.6, 0.5))
        >>> gap = apart(one, other)
        >>> round(gap.value, 3), round(gap.interval.low, 3), round(gap.interval.high, 3)
        (0.1, -0.4, 0.6)
    """
    a, b, x, y = first.interval, second.interval, first.value, second.value
    if a is None or b is None or x is None or y is None:
        return Estimate.undefined(first.reason or second.reason or "no interval")
    difference = x - y
    low = difference - float(np.hypot(x - a.low, b.high - y))
    high = difference + float(np.hypot(a.high - x, y - b.low))
    method = f"MOVER of: {a.method}"
    return Estimate(difference, Interval(max(low, -1.0), min(high, 1.0), a.level, method))


@dataclass(frozen=True)
class GroupRisk:
    """What an attack finds of a group, and of everyone else.

    Attributes:
        found: The attack in the group.
        rest: The attack among all other rows.
        level: Level of the group's own numbers.
        joint: Level of its differences, at which those of all groups hold together.
        few: Why the group gives no number, or None.
    """

    found: Found
    rest: Found
    level: float
    joint: float
    few: str | None = None

    def _pair(self, fpr: float | None, level: float) -> tuple[Estimate, Estimate]:
        if self.few:
            return Estimate.undefined(self.few), Estimate.undefined(self.few)
        both = (self.found, self.rest)
        first, second = (x.auc(level) if fpr is None else x.tpr(fpr, level) for x in both)
        return first, second

    @property
    def auc(self) -> Estimate:
        """Area under the ROC curve in the group."""
        return self._pair(None, self.level)[0]

    @property
    def tpr(self) -> Estimate:
        """Members found in the group at 1 % false accusations in it."""
        return self._pair(0.01, self.level)[0]

    @property
    def auc_gap(self) -> Estimate:
        """Area in the group minus that among everyone else."""
        return apart(*self._pair(None, self.joint))

    @property
    def tpr_gap(self) -> Estimate:
        """Members found in the group minus those found among everyone else."""
        return apart(*self._pair(0.01, self.joint))


@dataclass(frozen=True)
class Shift:
    """Whether two samples differ, by a classifier that has not seen the rows that it tells.

    Attributes:
        area: Area under its ROC curve.
        n: Rows that it rests on.
    """

    area: Estimate
    n: int

    @classmethod
    def of(cls, members: npt.ArrayLike, others: npt.ArrayLike, level: float) -> Shift:
        """Hold scores of the two samples against each other.

        Args:
            members: Shape (n,): how much each row of one sample is taken to be of it.
            others: Shape (m,): the same of the rows of the other.
            level: Level of the interval.

        Source:
            Lopez-Paz and Oquab (2017), ICLR, for testing two samples by a classifier.

        Example:
            >>> Shift.of(np.arange(10, 30), np.arange(20), 0.95).found
            True
        """
        both = Found(np.asarray(members, dtype=float), np.asarray(others, dtype=float))
        return cls(both.auc(level), both.n)

    @property
    def found(self) -> bool:
        """Whether the samples surely differ: the interval lies above 0.5."""
        return self.area.interval is not None and self.area.interval.low > 0.5

    def measured(self, more: str = "") -> Measurement:
        """The area as a measurement.

        Args:
            more: What the classifier reads beside the columns of the model and the outcome.
        """
        source = (
            f"gradient boosting on the columns that the model reads{more} and the outcome; trained "
            "on half of the attacked rows, assessed on the other half"
        )
        return measured(SHIFT, self.area, self.n, source)
