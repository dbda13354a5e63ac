"""Model inversion: which values does a model tell of somebody whose outcome alone is known?

The attacker knows how frequent the values of each feature are, and asks the model. Rows are written
as places: the place of each value among those that are tried for its feature, the most frequent
one first, so that a row of zeros is the guess without the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Metric
from auditkit.methods.estimates import Estimate, FloatArray, IntArray, mean_within
from auditkit.methods.mover import minus
from auditkit.methods.paired import WITHHELD

ADVANTAGE = Metric(
    "inversion_advantage",
    "What the model tells of people with an outcome",
    "Share of the values of a training row that are guessed rightly from its outcome and the "
    "model, minus the share that the most frequent values of everybody get right. It tells of "
    "people in general, which a model is meant to know.",
    *("difference", "neither", -1.0, 1.0),
)
LEAK = Metric(
    "inversion_leak",
    "What the likeliest values betray of training rows",
    "What guessing with the model adds for training rows, minus what it adds for others. Only this "
    "is a leak of the people it was trained on.",
    *("difference", "lower", -2.0, 2.0),
)
SUREST_LEAK = Metric(
    "inversion_surest_leak",
    "What the surest values betray of training rows",
    "The same for the values to which the model gives the outcome most surely: how much better "
    "they fit training rows than others. A model that knows a person by heart is surest there.",
    *("difference", "lower", -2.0, 2.0),
)
METRICS = (ADVANTAGE, LEAK, SUREST_LEAK)

#: Asked about rows of places, shape (n, d), it gives logarithms of chances, shape (n, k).
Ask = Callable[[IntArray], FloatArray]
BoolArray = npt.NDArray[np.bool_]
#: Log-chances closer than this say the same; then the more frequent value is taken.
SAME = 1e-6
#: Rounds of improving every feature in turn, at most.
ROUNDS = 20


def log_chances(
    answers: npt.ArrayLike, edges: Sequence[float] = (), deviation: float | None = None
) -> FloatArray:
    """Logarithms of the chances that a model gives to each outcome.

    Args:
        answers: Shape (n,): probability of the positive class; shape (n, k): of each class; or
            numbers, shape (n,), where `deviation` is given.
        edges: Inner edges of the bands of a number, rising.
        deviation: Standard deviation of the errors of a regression, above 0.

    Returns:
        Shape (n, k): for two outcomes the negative one first, for numbers one a band; finite.

    Example:
        >>> np.exp(log_chances([0.9])).round(3).tolist()
        [[0.1, 0.9]]
        >>> np.exp(log_chances([0.0], [0.0, 1.0], 1.0)).round(3).tolist()
        [[0.5, 0.341, 0.159]]
    """
    given = np.asarray(answers, dtype=np.float64)
    if deviation is not None:
        ends = np.array([-np.inf, *edges, np.inf])
        below, above = ((e - given[:, None]) / deviation for e in (ends[:-1], ends[1:]))
        upper = below > 0  # where both are far above, their distances to 1 are more exact
        chances = np.where(
            upper,
            special.ndtr(-below) - special.ndtr(-above),
            special.ndtr(above) - special.ndtr(below),
        )
    else:
        chances = given if given.ndim == 2 else np.column_stack([1 - given, given])
    return np.asarray(np.log(np.clip(chances, np.finfo(np.float64).tiny, 1.0)))


def drawn_rows(shares: Sequence[FloatArray], n: int, rng: np.random.Generator) -> IntArray:
    """Draw rows whose features know nothing of each other.

    Args:
        shares: For each feature the shares of its values, most frequent first; each sums to 1.
        n: Number of rows.
        rng: Draws them.

    Returns:
        Shape (n, d): places.

    Example:
        >>> drawn_rows([np.array([1.0]), np.array([0.5, 0.5])], 3, np.random.default_rng(0)).shape
        (3, 2)
    """
    return np.column_stack([rng.choice(len(own), n, p=own) for own in shares]).astype(np.int64)


def likeliest(ask: Ask, shares: Sequence[FloatArray], rows: IntArray) -> IntArray:
    """For each outcome and feature, the value that is likeliest once the model was asked.

    By Bayes: how frequent the value is, times the chance that the model gives to the outcome where
    the feature has it and all others are drawn at random; the same draws for every value, so that
    a feature which the model ignores keeps its most frequent value.

    Args:
        ask: The model.
        shares: As in `drawn_rows`.
        rows: Shape (n, d): drawn rows.

    Returns:
        Shape (k, d): places.

    Source:
        Fredrikson et al. (2014), USENIX Security, algorithm 1, with nothing known but the outcome
        and the sum over all rows replaced by one over drawn rows.

    Example:
        >>> def ask(rows):
        ...     return log_chances(np.where(rows[:, 0] == 1, 0.9, 0.1))
        >>> shares = [np.array([0.6, 0.4]), np.array([0.6, 0.4])]
        >>> likeliest(ask, shares, np.zeros((1, 2), dtype=np.int64)).tolist()
        [[0, 0], [1, 0]]
    """
    columns = []
    for feature, own in enumerate(shares):
        tried = ask(_tried(rows, feature, len(own))).reshape(len(own), len(rows), -1)
        chance = special.logsumexp(tried, axis=1) + np.log(own)[:, None]
        columns.append((chance >= chance.max(axis=0) - SAME).argmax(axis=0))
    return np.column_stack(columns).astype(np.int64)


def surest(ask: Ask, shares: Sequence[FloatArray], starts: IntArray) -> IntArray:
    """For each outcome, the row to which the model gives it most surely.

    From every start, one feature after another takes the value that makes the outcome likeliest,
    until none changes. Where values do as well, the most frequent one is taken.

    Args:
        ask: The model.
        shares: As in `drawn_rows`; only values that are listed are tried.
        starts: Shape (k, s, d): places to start from, for each outcome.

    Returns:
        Shape (k, d): the best row that was found, not always the best there is.

    Source:
        Fredrikson, Jha and Ristenpart (2015), CCS, algorithm 1, with a search along the features
        instead of gradients, which not every model has.

    Example:
        >>> def ask(rows):
        ...     return log_chances((1 + 8 * (rows == [1, 2]).mean(axis=1)) / 10)
        >>> shares = [np.array([0.6, 0.4]), np.array([0.5, 0.3, 0.2])]
        >>> surest(ask, shares, np.zeros((2, 1, 2), dtype=np.int64)).tolist()
        [[0, 0], [1, 2]]
    """
    k, s, d = starts.shape
    rows, outcome = starts.reshape(-1, d).copy(), np.repeat(np.arange(k), s)
    for _ in range(ROUNDS):
        before = rows.copy()
        for feature, own in enumerate(shares):
            found = _asked(ask, _tried(rows, feature, len(own)), np.tile(outcome, len(own)))
            value = found.reshape(len(own), -1) + SAME * np.log(own)[:, None]
            rows[:, feature] = value.argmax(axis=0)
        if np.array_equal(rows, before):
            break
    frequent = np.sum([np.log(own)[rows[:, j]] for j, own in enumerate(shares)], axis=0)
    worth = (_asked(ask, rows, outcome) + SAME * frequent).reshape(k, s)
    return np.asarray(rows.reshape(k, s, d)[np.arange(k), worth.argmax(axis=1)])


def _tried(rows: IntArray, feature: int, values: int) -> IntArray:
    """The rows with every value of a feature; shape (values * n, d)."""
    tried = np.tile(rows, (values, 1))
    tried[:, feature] = np.repeat(np.arange(values), len(rows))
    return tried


def _asked(ask: Ask, rows: IntArray, outcome: IntArray) -> FloatArray:
    """Log-chance of the outcome of each row; equal rows are asked about once."""
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    return np.asarray(ask(distinct)[place.reshape(-1), outcome], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Known:
    """People whose values are guessed from their outcome.

    Attributes:
        rows: Shape (n, d): places of their values; -1 for a value that is never guessed.
        outcome: Shape (n,): their outcomes, 0..k - 1.
    """

    rows: IntArray
    outcome: IntArray

    def right(self, guesses: IntArray) -> BoolArray:
        """Which values a guess for each outcome, of shape (k, d), gets right; shape (n, d).

        Example:
            >>> Known(np.array([[0, 1]]), np.array([1])).right(np.array([[0, 0], [0, 1]])).tolist()
            [[True, True]]
        """
        return np.asarray(self.rows == guesses[self.outcome])

    def added(self, guesses: IntArray) -> FloatArray:
        """Share of values right of each row, less that of the most frequent values; shape (n,)."""
        more = self.right(guesses).sum(axis=1) - (self.rows == 0).sum(axis=1)
        return np.asarray(more / self.rows.shape[1], dtype=np.float64)


@dataclass(frozen=True)
class Told:
    """What a guess adds for training rows and for others.

    Attributes:
        members: Mean over training rows.
        others: Mean over rows that the model was not trained on.
        leak: The first less the second.
    """

    members: Estimate
    others: Estimate
    leak: Estimate


def told(members: FloatArray, others: FloatArray, level: float = 0.95) -> Told:
    """Hold what a guess adds for training rows against what it adds for others.

    The guess was made without either, so that rows are independent of it and of each other.

    Args:
        members: Shape (n,): what it adds for each training row, in [-1, 1].
        others: Shape (m,): the same for each other row.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Both means and their difference; undefined where a kind has no row, or one only.

    Example:
        >>> told(np.array([0.5, 1.0] * 20), np.array([0.0, 0.5] * 20)).leak.value
        0.5
    """
    inside, outside = (_mean(added, level) for added in (members, others))
    return Told(inside, outside, minus(inside, outside, level))


def _mean(added: FloatArray, level: float) -> Estimate:
    if added.size < 2:
        return Estimate.undefined(WITHHELD if added.size else "no rows")
    deviation = float(added.std(ddof=1)) if np.ptp(added) > 0 else 0.0
    return mean_within(added.size, float(added.mean()), deviation, level, -1.0, 1.0)
