"""Does the model lean on the features that an explanation names? It is asked without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditkit.methods.estimates import Estimate
from auditkit.methods.explanation_crossed import crossed_mean
from auditkit.methods.explanation_reasons import Mask, Reasons
from auditkit.methods.means import mean, ratio_of_sums
from auditkit.methods.shapley_game import Floats, Positions

#: Why there is nothing to replace.
ONE_PLAYER = "no row has two features, so there are none to choose between"


@dataclass(frozen=True, slots=True, eq=False)
class Sets:
    """Features of each row that are to be replaced.

    Attributes:
        rows: Shape (q,): places of the rows that have a choice.
        masks: Shape (q, 2 + draws, g): the strongest features, the weakest, and random ones.
    """

    rows: Positions
    masks: Mask


def choose_sets(
    reasons: Reasons, most: int, top: int, draws: int, rng: np.random.Generator
) -> Sets:
    """Choose the strongest features of each row, the weakest, and as many at random.

    Args:
        reasons: The attributions.
        most: Rows to choose for, the first ones.
        top: Features to choose, but at most half of those that a row has.
        draws: Random choices of a row.
        rng: They are drawn from it.

    Returns:
        The sets.
    """
    rows = np.flatnonzero(reasons.there[:most].sum(axis=1) > 1)
    size, has = np.abs(reasons.values[rows]), reasons.there[rows]
    count = np.minimum(top, has.sum(axis=1) // 2)[:, None]
    keys = np.concatenate(
        [-size[:, None], size[:, None], rng.random((len(rows), draws, size.shape[1]))], axis=1
    )
    keys[np.broadcast_to(~has[:, None], keys.shape)] = np.inf
    place = np.argsort(np.argsort(keys, axis=2, kind="stable"), axis=2, kind="stable")
    return Sets(rows, place < count[:, :, None])


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """What replacing features does to the score.

    Attributes:
        important: Mean size of the change when the strongest are replaced.
        important_lead: How much more than with random features.
        unimportant: Mean size of the change when the weakest are replaced.
        unimportant_lead: How much less than with random features.
        infidelity: Relative infidelity.
    """

    important: Estimate
    important_lead: Estimate
    unimportant: Estimate
    unimportant_lead: Estimate
    infidelity: Estimate

    def each(self) -> tuple[Estimate, ...]:
        """All five, in the order of `explanation_metrics.FAITHFULNESS`."""
        return (
            *(self.important, self.important_lead, self.unimportant, self.unimportant_lead),
            self.infidelity,
        )


def faithfulness(
    reasons: Reasons, sets: Sets, changes: Floats, level: float = 0.95
) -> Faithfulness:
    """Hold attributions against what the model does without some features.

    Args:
        reasons: The attributions.
        sets: The features that were replaced.
        changes: Shape (q, 2 + draws, b): the score of a row less that with a set replaced by each
            of b background rows; b is 1 where features are taken out instead.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        The prediction gaps, each also against random features as a paired difference, and the
        relative infidelity: a random set's sum of attributions as a forecast of its mean change.

    Source:
        Prediction gaps: Agarwal et al. (2022), OpenXAI. Infidelity: Yeh et al. (2019), NeurIPS,
        definition 2.1, with random sets taken out as the perturbation; divided by that of zero
        attributions, so that it has no unit.
    """
    if not len(sets.rows):
        return Faithfulness(*[Estimate.undefined(ONE_PLAYER)] * 5)
    sizes = np.abs(changes)
    important, unimportant = sizes[:, 0], sizes[:, 1]
    random = sizes[:, 2:].mean(axis=1)
    sums = np.einsum("qg,qsg->qs", reasons.values[sets.rows], sets.masks[:, 2:].astype(np.float64))
    real = changes[:, 2:].mean(axis=2)
    return Faithfulness(
        _mean(important, level, 0.0),
        _mean(important - random, level),
        _mean(unimportant, level, 0.0),
        _mean(random - unimportant, level),
        ratio_of_sums(((sums - real) ** 2).mean(axis=1), (real**2).mean(axis=1), level),
    )


def _mean(found: Floats, level: float, least: float = -np.inf) -> Estimate:
    if found.shape[1] == 1:
        return mean(found[:, 0], level, least)
    return crossed_mean(found, "background rows", level, least)
