"""Attribute inference: does a model tell a column of a person of whom all else is known?

The attacker tries every value of the column and asks which of them makes the known outcome likely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Metric
from auditkit.methods.estimates import Estimate, FloatArray, IntArray
from auditkit.methods.membership import attack_scores
from auditkit.methods.mover import minus
from auditkit.methods.paired import PairedAccuracy, paired_accuracy

ADVANTAGE = Metric(
    "attribute_advantage",
    "What asking the model adds",
    "Share of training rows whose group is guessed rightly from the other columns, the outcome and "
    "what the model answers to every value, minus the share guessed rightly without the model.",
    *("difference", "lower", -1.0, 1.0),
)
LEAK = Metric(
    "attribute_leak",
    "What training betrays",
    "What asking the model adds for training rows, minus what it adds for others, of whom it tells "
    "only what it tells of everybody. Only this is a leak of the people it was trained on.",
    *("difference", "lower", -2.0, 2.0),
)
METRICS = (ADVANTAGE, LEAK)

BoolArray = npt.NDArray[np.bool_]
#: Log-likelihoods closer than this say the same.
SAME = 1e-9


def log_likelihoods(
    answers: npt.ArrayLike, y_true: npt.ArrayLike, deviation: float | None = None
) -> FloatArray:
    """Say how likely a model finds what is true of each row, for each candidate.

    Args:
        answers: Shape (m, n): probability of the positive class of n rows for m candidates; shape
            (m, n, k): of each class; or numbers, shape (m, n), where `deviation` is given.
        y_true: Shape (n,): 1 where positive, else 0; the index of the class; or the number.
        deviation: Standard deviation of the errors of a regression, above 0.

    Returns:
        Shape (n, m): logarithms, up to what is the same for all candidates; finite.

    Source:
        Fredrikson et al. (2014), USENIX Security; Yeom et al. (2018), IEEE Computer Security
        Foundations Symposium, for the normal errors of a regression.

    Example:
        >>> log_likelihoods([[0.9], [0.6]], [1]).round(3).tolist()
        [[-0.105, -0.511]]
    """
    given, y = np.asarray(answers, dtype=np.float64), np.asarray(y_true)
    if deviation is not None:
        return np.asarray(-0.5 * np.square((given - y) / deviation)).T
    return attack_scores(given, np.broadcast_to(y, given.shape[:2])).T


def posteriors(
    likelihoods: FloatArray, prior: FloatArray, group: IntArray, mass: FloatArray
) -> FloatArray:
    """Weigh the prior chance of each group by how likely its values make the outcome.

    Args:
        likelihoods: Shape (n, m): log-likelihood of each of m candidates, as above.
        prior: Shape (n, k) or (k,): chance of each group before the model was asked.
        group: Shape (m,): the group of each candidate, 0..k - 1; every group has one.
        mass: Shape (m,): share of the group that the candidate stands for; sums to 1 in a group.

    Returns:
        Shape (n, k): the chances afterwards; rows sum to 1.

    Source:
        Fredrikson et al. (2014), USENIX Security, with the frequencies of the groups as the prior;
        Jayaraman and Evans (2022), CCS, for a prior from the other columns. Where all groups
        are as frequent and there are two outcomes, the guess is that of Mehnaz et al. (2022),
        USENIX Security: the value for which the model is right, and surest.

    Example:
        >>> each = np.arange(2), np.ones(2)
        >>> posteriors(np.log([[0.9, 0.6]]), np.array([0.25, 0.75]), *each).round(3).tolist()
        [[0.333, 0.667]]
    """
    weighed = likelihoods + np.log(mass)
    k = prior.shape[-1]
    of_group = np.stack(
        [special.logsumexp(weighed[:, group == one], axis=1) for one in range(k)], axis=1
    )
    with np.errstate(divide="ignore"):
        joint = of_group + np.log(prior)
    return np.asarray(special.softmax(joint, axis=1), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Guesses:
    """What four ways of guessing say of the group of each row; shapes (n,).

    Attributes:
        majority: The most frequent group.
        baseline: From the other columns and the outcome, without the model.
        alone: By frequency of the groups and the model's likelihoods.
        attack: From the other columns, then the model; where the model finds the outcome as likely
            with every value it says nothing, and the baseline's guess stands.
    """

    majority: IntArray
    baseline: IntArray
    alone: IntArray
    attack: IntArray

    @classmethod
    def of(
        cls,
        likelihoods: FloatArray,
        candidates: tuple[IntArray, FloatArray],
        frequency: FloatArray,
        before: FloatArray,
        with_outcome: FloatArray,
    ) -> Guesses:
        """Make all four guesses.

        Args:
            likelihoods: Shape (n, m), of `log_likelihoods`.
            candidates: Their groups and masses, as in `posteriors`.
            frequency: Shape (k,): how frequent each group is.
            before: Shape (n, k): chances of the groups given the other columns.
            with_outcome: Shape (n, k): chances given the other columns and the outcome.

        Example:
            >>> flat, chances = np.zeros((1, 2)), np.array([[0.4, 0.6]])
            >>> every = (np.arange(2), np.ones(2))
            >>> found = Guesses.of(flat, every, np.array([0.7, 0.3]), chances, chances)
            >>> found.alone.tolist(), found.attack.tolist()
            ([0], [1])
        """
        says = np.ptp(likelihoods, axis=1) > SAME
        most = np.full(len(likelihoods), int(frequency.argmax()))
        baseline = with_outcome.argmax(axis=1)
        alone = posteriors(likelihoods, frequency, *candidates).argmax(axis=1)
        attack = posteriors(likelihoods, before, *candidates).argmax(axis=1)
        return cls(
            majority=most,
            baseline=baseline,
            alone=np.where(says, alone, most),
            attack=np.where(says, attack, baseline),
        )


@dataclass(frozen=True)
class Told:
    """How well the attack and the baseline do on training rows and on others.

    Attributes:
        members: Attack first, baseline second, on training rows.
        others: The same on rows that the model was not trained on.
        leak: Difference on training rows minus difference on others.
    """

    members: PairedAccuracy
    others: PairedAccuracy
    leak: Estimate


def told(
    members: tuple[BoolArray, BoolArray], others: tuple[BoolArray, BoolArray], level: float = 0.95
) -> Told:
    """Hold what asking the model adds for training rows against what it adds for others.

    The baseline takes out how easy the rows of either kind are; it has seen neither.

    Args:
        members: Whether the attack, and whether the baseline, is right on each training row.
        others: The same on each other row.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Both comparisons and their difference; undefined where a kind has no rows.

    Example:
        >>> yes, no = np.ones(50, dtype=bool), np.zeros(50, dtype=bool)
        >>> told((yes, no), (no, no)).leak.value
        1.0
    """
    inside, outside = (paired_accuracy(*rows, level) for rows in (members, others))
    leak = minus(inside.difference, outside.difference, level)
    return Told(inside, outside, leak)
