"""How often each feature is a principal reason, over all explained decisions and by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from auditkit.evidence import Metric
from auditkit.methods.estimates import Estimate
from auditkit.methods.gaps import compare_pairs, shared_level
from auditkit.methods.intervals import bounded_mean, share
from auditkit.methods.reason_codes import Mask, Reasons
from auditkit.methods.shapley_noise import jackknife

PRINCIPAL_REASON_SHARE = Metric(
    "principal_reason_share",
    "Share of decisions with a principal reason",
    "Share of the explained decisions of which the feature is one of the principal reasons: those "
    "that push the score furthest towards the decision.",
    "rate",
    low=0.0,
    high=1.0,
)
SENSITIVE_PRINCIPAL_REASON_SHARE = Metric(
    "sensitive_principal_reason_share",
    "Sensitive column as a principal reason",
    "Share of the explained decisions of which the sensitive column itself is one of the principal "
    "reasons.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
CERTAIN_REASON_SHARE = Metric(
    "certain_reason_share",
    "Principal reasons of certain direction",
    "Share of a decision's principal reasons whose interval excludes 0, mean over decisions.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
METRICS = (PRINCIPAL_REASON_SHARE, SENSITIVE_PRINCIPAL_REASON_SHARE, CERTAIN_REASON_SHARE)

#: Features whose shares are measured, those that are reasons most often.
MOST_FEATURES = 10


class ReasonPair(NamedTuple):
    """Two groups, and how much more often a feature is a principal reason in the first."""

    feature: str
    a: str
    b: str
    share_a: float
    share_b: float
    difference: float
    low: float
    high: float
    established: bool


@dataclass(frozen=True, slots=True, eq=False)
class Principal:
    """The principal reasons of some decisions.

    Attributes:
        reasons: What each feature adds to the score of each of them.
        chosen: Shape (m, g): the principal ones.
        left_out: Shape (m, k, g): those against the background without each part of it.
    """

    reasons: Reasons
    chosen: Mask
    left_out: Mask

    @classmethod
    def of(cls, reasons: Reasons, toward: int, most: int) -> Principal:
        """Find them; see `Reasons.principal`."""
        return cls(
            reasons,
            reasons.principal(toward, most),
            reasons.principal_without_each(toward, most),
        )

    def __len__(self) -> int:
        return len(self.chosen)

    def often(self) -> list[int]:
        """The features that are reasons most often, those first."""
        order = np.argsort(-self.chosen.sum(axis=0), kind="stable")
        return [int(g) for g in order[:MOST_FEATURES]]

    def counts(self, features: Sequence[int], rows: Mask | None = None) -> tuple[float, float]:
        """Effective rows of which one of some features is a reason, and all; see `effective`."""
        of = np.ones(len(self), dtype=np.bool_) if rows is None else rows
        chosen = np.asarray(self.chosen[of][:, features].any(axis=1))
        return effective(chosen, np.asarray(self.left_out[of][:, :, features].any(axis=2)))

    def share(self, features: Sequence[int], level: float, rows: Mask | None = None) -> Estimate:
        """Share of the decisions, or of some, of which one of some features is a reason."""
        return share(*self.counts(features, rows), level)

    def pairs(self, groups: dict[str, Mask], level: float) -> list[ReasonPair]:
        """Hold every two groups against each other, in each feature that is a reason often.

        Args:
            groups: Name to which decisions are of it, shape (m,).
            level: Level that the intervals of all pairs and features hold together.

        Returns:
            The pairs: first those that are established, then by their difference.
        """
        names, features = list(groups), self.often()
        each, found = shared_level(level, max(1, len(features))), list[ReasonPair]()
        if len(names) < 2:
            return found
        for g in features:
            counts = np.array([self.counts([g], groups[name]) for name in names])
            shares = (counts[:, 0] / counts[:, 1]).tolist()
            for p in compare_pairs(counts[:, 0], counts[:, 1], each):
                ends = (names[p.a], names[p.b], shares[p.a], shares[p.b])
                held = (p.difference, p.low, p.high, p.established)
                found.append(ReasonPair(self.reasons.names[g], *ends, *held))
        return sorted(found, key=lambda pair: (not pair.established, -pair.difference))

    def certain(self, level: float) -> Estimate:
        """Estimate the share of a decision's principal reasons whose direction is certain.

        Args:
            level: Level of each reason's interval and of this one.

        Returns:
            Mean over the decisions that have a principal reason; undefined where none has.

        Example:
            >>> values = np.array([[-0.2, -0.1], [-0.2, -0.1]])
            >>> errors = np.array([[0.01, 0.09], [0.01, 0.01]])
            >>> held = Reasons(("a", "b"), values, errors, np.zeros(2), np.empty((2, 0, 2)),
            ...                np.empty(0, int), 99)
            >>> Principal.of(held, -1, 4).certain(0.95).value
            0.75
        """
        given = self.chosen.sum(axis=1)
        sure = (self.chosen & self.reasons.certain(level)).sum(axis=1)
        if not given.any():
            return Estimate.undefined("nothing pushes a score towards its decision")
        return bounded_mean(sure[given > 0] / given[given > 0], level)


def effective(chosen: Mask, left_out: Mask) -> tuple[float, float]:
    """Counts of rows that a share rests on, its background's variance taken into account.

    Args:
        chosen: Shape (m,): rows of which something is a reason.
        left_out: Shape (m, k): the same against the background without each of k parts; k may be
            0 or 1, which says nothing.

    Returns:
        Rows that are counted, and rows that they are counted among: fewer than m where the share
        depends on the background. Their quotient is the share.

    Source:
        Korn and Graubard (1998), Surv. Methodol. 24:193; jackknife over the background.

    Example:
        >>> effective(np.array([True, False]), np.empty((2, 0), bool))
        (1.0, 2.0)
    """
    m = len(chosen)
    if m == 0:
        return 0.0, 0.0
    # Half a row more on each side, so that a share of 0 or 1 has a variance too.
    middle = (float(chosen.sum()) + 0.5) / (m + 1)
    over_rows = middle * (1 - middle) / m
    over_parts = float(jackknife(left_out.mean(axis=0))) if left_out.shape[1] > 1 else 0.0
    rows = m * over_rows / (over_rows + over_parts)
    return float(chosen.mean()) * rows, rows
