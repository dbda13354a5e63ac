"""The reasons of rows, whatever the players are: how sure they are, and how far two sets agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.methods.estimates import Estimate
from auditkit.methods.explanation_crossed import crossed_mean, mean_of_shares
from auditkit.methods.means import mean, student
from auditkit.methods.shapley_game import Floats
from auditkit.methods.shapley_summary import top_signs

Mask = npt.NDArray[np.bool_]

#: Random splits of the background into halves that stability is averaged over.
SPLITS = 25
#: Why there is no stability.
NO_CHOICE = "no row has more features than count as its reasons"
NO_PARTS = "no background was drawn: a word that is absent is taken out of its text"


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """Attributions of rows.

    Attributes:
        values: Shape (m, g): the attribution of each player; 0 where a row has no such player.
        errors: Shape (m, g): standard errors; 0 where nothing was drawn.
        there: Shape (m, g): whether a row has the player.
        outputs: Shape (m,): the score that attributions and `base` should add up to.
        base: Shape (m,): the score that they start from.
        blocks: Shape (m, k, g): the same against each of k disjoint parts of the background; k is
            0 where there is none.
        draws: What the standard errors come from: background rows, or orders of the words.
        sampled: Whether a seed enters.
        scale: A usual size of the score; what is far smaller is rounding.
    """

    values: Floats
    errors: Floats
    there: Mask
    outputs: Floats
    base: Floats
    blocks: Floats
    draws: int
    sampled: bool
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.values)

    def signs(self, top: int, values: Floats | None = None) -> npt.NDArray[np.int8]:
        """Signs of the strongest attributions, 0 elsewhere: shape (m, g)."""
        return top_signs((self.values if values is None else values) / self.scale, top)


def efficiency_gap(reasons: Reasons, scores: Floats) -> float:
    """Find the largest difference of a score and what its attributions add up to.

    Args:
        reasons: The attributions.
        scores: Shape (m,): what the model says of the rows when it is simply asked.

    Returns:
        The difference; 0 where there is no row.

    Source:
        The efficiency axiom: Lundberg and Lee (2017), NeurIPS.
    """
    sums = reasons.values.sum(axis=1) + reasons.base
    return float(np.abs(sums - scores).max(initial=0.0))


def beyond_noise(reasons: Reasons, top: int, level: float = 0.95) -> tuple[Estimate, Estimate]:
    """Estimate how sure the strongest attributions of a row are.

    Args:
        reasons: The attributions.
        top: Attributions of a row that count as its reasons.
        level: Level of the interval of one reason, and of those that are returned; in (0, 1).

    Returns:
        Mean standard error of the reasons, and the share of them whose interval leaves out 0;
        undefined where there is no row with a reason, or no standard error.

    Source:
        Student's t over the draws for one reason; means over rows, for this background.
    """
    is_reason = reasons.signs(top) != 0
    with_any = is_reason.any(axis=1)
    if not with_any.any():
        nothing = Estimate.undefined("no feature moved the score of any explained row")
        return nothing, nothing
    if not np.isfinite(reasons.errors[with_any]).all():
        nothing = Estimate.undefined("a background of one row has no standard error")
        return nothing, nothing
    arms = student(max(reasons.draws, 2), level) * reasons.errors
    sure = (np.abs(reasons.values) > arms) & is_reason
    counts = is_reason.sum(axis=1)[with_any]
    errors = np.where(is_reason, reasons.errors, 0.0).sum(axis=1)[with_any] / counts
    return mean(errors, level, 0.0), mean_of_shares(sure.sum(axis=1)[with_any] / counts, level)


def overlap(one: npt.NDArray[np.int8], other: npt.NDArray[np.int8]) -> tuple[Floats, Floats]:
    """Shares of the reasons of each row that two explanations have in common.

    Args:
        one: Shape (m, g): signs of the reasons, 0 for what is none.
        other: Shape (m, g): likewise.

    Returns:
        Shape (m,) each: of the same feature, and of the same feature with the same sign; 1 where
        neither has a reason.

    Source:
        Feature and sign agreement of Krishna et al. (2022), arXiv 2202.01602.

    Example:
        >>> overlap(np.array([[1, -1, 0]], np.int8), np.array([[1, 1, 0]], np.int8))
        (array([1.]), array([0.5]))
    """
    count = np.maximum((one != 0).sum(axis=1), (other != 0).sum(axis=1))
    both = (one != 0) & (other != 0)
    shares = [
        np.where(count == 0, 1.0, found.sum(axis=1) / np.maximum(count, 1))
        for found in (both, both & (one == other))
    ]
    return shares[0], shares[1]


def stability_between_backgrounds(
    reasons: Reasons, others: Reasons | None, top: int, rng: np.random.Generator, level: float
) -> tuple[Estimate, Estimate]:
    """Estimate how many reasons stay when the background is drawn again.

    The parts of two disjoint backgrounds are dealt anew into two backgrounds of the same sizes, at
    random and repeatedly.

    Args:
        reasons: Attributions against one background.
        others: Attributions of the same rows against another, or None.
        top: Attributions of a row that count as its reasons.
        rng: The splits are drawn from it.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Of the same feature, and with the same sign; see `overlap`.
    """
    choice = reasons.there.sum(axis=1) > top
    reason = NO_PARTS if others is None else "" if choice.any() else NO_CHOICE
    if others is None or reason:
        return Estimate.undefined(reason), Estimate.undefined(reason)
    blocks = np.concatenate([reasons.blocks, others.blocks], axis=1)[choice]
    half = blocks.shape[1] // 2
    found = np.empty((2, len(blocks), SPLITS))
    for split in range(SPLITS):
        order = rng.permutation(2 * half)
        means = (blocks[:, part].mean(axis=1) for part in (order[:half], order[half:]))
        found[:, :, split] = overlap(*(reasons.signs(top, values) for values in means))
    same, signed = (
        crossed_mean(one, "splits of the background", level, 0.0, 1.0, independent=False)
        for one in found
    )
    return same, signed


def stability_between_seeds(
    reasons: Reasons, others: Reasons, top: int, level: float
) -> tuple[Estimate, Estimate]:
    """Estimate how many reasons stay when only the seed is another; see `overlap`."""
    choice = reasons.there.sum(axis=1) > top
    if not choice.any():
        return Estimate.undefined(NO_CHOICE), Estimate.undefined(NO_CHOICE)
    same, signed = overlap(reasons.signs(top)[choice], others.signs(top)[choice])
    return mean_of_shares(same, level), mean_of_shares(signed, level)
