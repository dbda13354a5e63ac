"""A lower bound on epsilon from one training run: how many guesses about canaries were right.

Each canary is in the training rows or not by a fair coin of its own. Whoever sees the model guesses
the coins of some canaries and abstains from the others. Of an (epsilon, delta)-private training, no
more guesses can be right than a binomial with success probability e^epsilon / (1 + e^epsilon) lets
be right, up to a term for delta.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from auditkit.methods.estimates import FloatArray, IntArray

#: Error that the search for a bound may leave; it is taken off the bound.
PRECISION = 1e-9
#: Numbers of guesses on one side that are tried where they are chosen.
TRIED = 24


def p_value(
    epsilon: float, *, canaries: int, guesses: int, correct: int, delta: float = 0.0
) -> float:
    """Largest probability of so many right guesses about an (epsilon, delta)-private training.

    Args:
        epsilon: Privacy loss, at least 0.
        canaries: Canaries that a coin was thrown for, guessed or not.
        guesses: Guesses, a number that was fixed before any coin of theirs was looked at.
        correct: Right guesses.
        delta: Probability with which the bound epsilon may fail, in [0, 1).

    Returns:
        The probability, at most 1: P[Bin(guesses, q) >= correct] + 2 canaries delta alpha with q =
        e^epsilon / (1 + e^epsilon) and alpha the largest of P[correct - i <= Bin < correct] / i.

    Source:
        Steinke, Nasr and Jagielski (2023), Privacy auditing with one (1) training run,
        arXiv:2305.08846, theorem 5.2.

    Example:
        >>> round(p_value(0.0, canaries=10, guesses=5, correct=5), 5)
        0.03125
    """
    if correct == 0:
        return 1.0
    chance = special.expit(epsilon)
    beta = float(special.bdtrc(correct - 1, guesses, chance))
    if delta == 0:
        return beta
    below = np.arange(correct - 1, -1, -1)
    reached = np.cumsum(_binomial(below, guesses, epsilon))
    alpha = float(np.max(reached / np.arange(1, correct + 1)))
    return min(1.0, beta + 2 * canaries * delta * alpha)


def _binomial(successes: IntArray, trials: int, log_odds: float) -> FloatArray:
    """Binomial probabilities of these numbers of successes."""
    log_ways = (
        special.gammaln(trials + 1)
        - special.gammaln(successes + 1)
        - special.gammaln(trials - successes + 1)
    )
    misses = trials - successes
    log_chances = successes * special.log_expit(log_odds) + misses * special.log_expit(-log_odds)
    return np.asarray(np.exp(log_ways + log_chances))


def one_run_bound(
    canaries: int, guesses: int, correct: int, *, delta: float = 0.0, confidence: float = 0.95
) -> float:
    """Epsilon below which so many right guesses would be too unlikely.

    Args:
        canaries: Canaries that a coin was thrown for.
        guesses: Guesses, fixed in advance.
        correct: Right guesses, at most `guesses`.
        delta: In [0, 1).
        confidence: In (0, 1).

    Returns:
        The bound; 0 where even epsilon 0 explains the guesses.

    Source:
        As `p_value`.

    Example:
        >>> round(one_run_bound(1000, 100, 95, delta=1e-5), 3)
        2.165
        >>> one_run_bound(1000, 100, 55)
        0.0
    """

    def excess(epsilon: float) -> float:
        found = p_value(epsilon, canaries=canaries, guesses=guesses, correct=correct, delta=delta)
        return found - (1 - confidence)

    if excess(0.0) >= 0:
        return 0.0
    high = 1.0
    while excess(high) < 0:
        high *= 2
    found = float(optimize.brentq(excess, 0.0, high, xtol=PRECISION / 2))
    return max(0.0, found - PRECISION)


def best_guesses(members: npt.ArrayLike, confidence: float = 0.95) -> tuple[int, int]:
    """Choose how many to guess from either end: those that would have shown the largest epsilon.

    The choice looks at the coins, so no bound may rest on the same canaries.

    Args:
        members: Shape (n,): whether each canary was in, those with the highest scores first.
        confidence: In (0, 1).

    Returns:
        Guesses "in" from the top and guesses "out" from the bottom, at least one in all.

    Example:
        >>> best_guesses([True] * 6 + [True, False] * 2 + [False] * 6)
        (7, 7)
    """
    inside = np.asarray(members, dtype=bool)
    n = inside.size
    sizes = np.unique(np.geomspace(1, n, TRIED).round().astype(np.int64))
    sizes = np.concatenate([[0], sizes])
    top, bottom = (axis.ravel() for axis in np.meshgrid(sizes, sizes))
    fits = (top + bottom >= 1) & (top + bottom <= n)
    top, bottom = top[fits], bottom[fits]
    from_top = np.concatenate([[0], np.cumsum(inside)])
    from_bottom = np.concatenate([[0], np.cumsum(~inside[::-1])])
    correct, guesses = from_top[top] + from_bottom[bottom], top + bottom
    # The bound without delta is the Clopper-Pearson bound of the share of right guesses.
    shares = special.betaincinv(np.maximum(correct, 1), guesses - correct + 1, 1 - confidence)
    best = int(np.argmax(np.where(correct > 0, shares, 0.0)))
    return int(top[best]), int(bottom[best])
