"""Which cases are referred to people, chosen on one half of the rows and measured on the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import Estimate, FloatArray, as_interval
from auditkit.methods.intervals import newcombe


@dataclass(frozen=True, slots=True)
class Band:
    """Scores about the threshold that people look at.

    Attributes:
        distance: Rows nearer to the threshold than this are referred.
        tied: Share of the rows at exactly this distance that is referred, in [0, 1].
    """

    distance: float
    tied: float

    def referred(self, distances: npt.ArrayLike) -> FloatArray:
        """Share of each row that is referred: 1, 0, or, for ties, what is left of the capacity.

        Example:
            >>> Band(0.2, 0.5).referred([0.1, 0.2, 0.3]).tolist()
            [1.0, 0.5, 0.0]
        """
        d = np.asarray(distances, dtype=np.float64)
        return np.where(d < self.distance, 1.0, np.where(d == self.distance, self.tied, 0.0))


def band_of(distances: npt.ArrayLike, capacity: float) -> Band:
    """The band that refers a share of rows, those nearest to the threshold; ties averaged.

    Args:
        distances: Shape (n,): distance of each score from the threshold.
        capacity: Share of rows that people can look at, in [0, 1].

    Returns:
        The band; one that refers nobody where there are no rows or no capacity.

    Example:
        >>> band_of([0.1, 0.2, 0.2, 0.4], 0.5)
        Band(distance=0.2, tied=0.5)
    """
    d = np.asarray(distances, dtype=np.float64)
    wanted = capacity * d.size
    if wanted <= 0:
        return Band(-1.0, 0.0)
    edge = float(np.sort(d)[min(int(np.ceil(wanted - 1e-9)), d.size) - 1])
    nearer, tied = int((d < edge).sum()), int((d == edge).sum())
    return Band(edge, min((wanted - nearer) / tied, 1.0))


def band_for(distances: npt.ArrayLike, wrong: npt.ArrayLike, target: float) -> Band | None:
    """The narrowest band outside which at most a share of decisions is wrong.

    Args:
        distances: Shape (n,): distance of each score from the threshold.
        wrong: Shape (n,): whether each decision was wrong.
        target: Share of kept decisions that may be wrong.

    Returns:
        The band; None where no band short of all rows does.

    Example:
        >>> band_for([0.1, 0.2, 0.3, 0.4], [True, True, False, False], 0.0)
        Band(distance=0.2, tied=1.0)
    """
    d, errors = np.asarray(distances, np.float64), np.asarray(wrong, np.float64)
    if d.size == 0:
        return None
    if errors.mean() <= target:
        return Band(-1.0, 0.0)
    edges, first = np.unique(d), np.argsort(d, kind="stable")
    ends = np.searchsorted(d[first], edges, side="right")
    kept = d.size - ends
    left = errors.sum() - np.cumsum(errors[first])[ends - 1]
    good = np.flatnonzero((kept > 0) & (left <= target * kept))
    return Band(float(edges[good[0]]), 1.0) if good.size else None


def kept_against_referred(
    wrong: npt.ArrayLike, referred: npt.ArrayLike, level: float, least: int
) -> Estimate:
    """Error of the kept decisions minus that of the referred ones, as the model made both.

    Args:
        wrong: Shape (n,): whether each decision was wrong.
        referred: Shape (n,): share of each row that is referred.
        level: Two-sided confidence level, in (0, 1).
        least: Rows that must be kept, and referred.

    Returns:
        The difference; undefined where too few rows are kept or referred.
    """
    error, r = np.asarray(wrong, np.float64), np.asarray(referred, np.float64)
    there, kept = float(r.sum()), float((1 - r).sum())
    if min(there, kept) < least:
        return Estimate.undefined(f"fewer than {least} rows are kept, or referred")
    mine, theirs = float(error @ (1 - r)), float(error @ r)
    bounds = newcombe(mine, kept, theirs, there, level)
    return Estimate(mine / kept - theirs / there, as_interval(bounds, level, "Newcombe"))
