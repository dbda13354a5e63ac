"""How large epsilon must at least be, judged by how well canaries can be told apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.errors import InputError, Problem, quote
from auditkit.methods.estimates import FloatArray
from auditkit.methods.intervals import clopper_pearson
from auditkit.methods.one_run import best_guesses, one_run_bound

Method = Literal["one-run", "threshold"]
METHODS = ("one-run", "threshold")
#: How the numbers of guesses, or the threshold, came about.
FIXED, SPLIT = "fixed in advance", "chosen on half of the canaries, tested on the other half"
#: Thresholds that are tried where one is chosen.
TRIED = 200
#: Probability below which so unequal numbers of members and others are no fair coins.
UNFAIR = 1e-6

Members = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class EpsilonBound:
    """A lower bound on epsilon, and what it rests on.

    Attributes:
        epsilon: The bound; 0 where nothing was shown.
        cap: What a perfect attack would have shown with these canaries and, where they were fixed
            in advance, these guesses. No larger claim could have been refuted.
        guesses: Canaries that were guessed about.
        correct: Right guesses.
        method: How the bound was made.
        delta: Probability with which epsilon may fail.
        confidence: One-sided confidence.
        canaries: Canaries that were given.

    Example:
        >>> EpsilonBound(2.165, 3.465, 100, 95, "one run", 1e-5, 0.95, 1000).refutes(2.0)
        True
    """

    epsilon: float
    cap: float
    guesses: int
    correct: int
    method: str
    delta: float
    confidence: float
    canaries: int

    def refutes(self, claim: float) -> bool:
        """Whether a claimed epsilon, at this delta, is refuted; where not, nothing is proved."""
        return self.epsilon > claim

    @property
    def sentence(self) -> str:
        """The bound in words."""
        level = f"at {100 * self.confidence:g} % confidence and delta {self.delta:g}"
        if self.epsilon > 0:
            shown = f"Epsilon is at least {_down(self.epsilon)} {level}"
            after = "A smaller claim is refuted; a larger one is not proved."
        else:
            shown = f"No epsilon above 0 is shown {level}"
            after = "That proves no privacy: another attack may show more."
        return (
            f"{shown}: {self.correct:,} of {self.guesses:,} guesses about {self.canaries:,} "
            f"canaries were right ({self.method}). {after} A perfect attack would have shown "
            f"{_down(self.cap)}."
        )


def _down(epsilon: float) -> str:
    """Write a lower bound, never rounded up."""
    return f"{math.floor(1000 * epsilon) / 1000:g}"


def epsilon_lower_bound(
    scores: npt.ArrayLike,
    is_member: npt.ArrayLike,
    *,
    delta: float,
    confidence: float = 0.95,
    guesses: int | tuple[int, int] | None = None,
    seed: int = 0,
    method: Method = "one-run",
    threshold: float | None = None,
) -> EpsilonBound:
    """Bound epsilon from below by how well scores tell canaries that were trained on from others.

    "one-run" needs one model: each canary was put into the training rows by a fair coin of its
    own. The highest scores are guessed to be in, the lowest to be out. "threshold" is the classical
    bound by the true and false positive rate; it holds where the scores are independent of each
    other, as with one canary in each of many trainings, and the coins need not be fair.

    What is looked at on the tested canaries is fixed before: `guesses` or `threshold` as given, or,
    where None, chosen on a random half of the canaries and tested on the other half. The best of
    several choices on the same canaries would be no bound. Equal scores are put in an order that
    the seed draws. The result depends neither on the order of the canaries nor on the unit of the
    scores.

    Args:
        scores: Shape (n,): higher where the attack takes the canary for a member.
        is_member: Shape (n,): True or 1 where the canary was among the training rows.
        delta: Probability with which epsilon may fail, in [0, 1).
        confidence: In (0, 1): the bound lies above the truth in at most the rest of all cases.
        guesses: For "one-run": how many are guessed to be in and to be out, (top, bottom), or how
            many in all, half of them from either end. It must be fixed before any score is seen.
        seed: Draws the halves, and the order of equal scores.
        method: "one-run" or "threshold".
        threshold: For "threshold": a canary is taken for a member from this score; fixed likewise.

    Returns:
        The bound, with the one that a perfect attack would have reached.

    Raises:
        InputError: If an argument does not fit; every problem is listed.

    Source:
        Steinke, Nasr and Jagielski (2023), arXiv:2305.08846, for one run; Kairouz, Oh and
        Viswanath (2015), ICML, for the bound by the two error rates in both directions.

    Example:
        >>> scores, coins = [0.9] * 500 + [0.1] * 500, [True] * 500 + [False] * 500
        >>> bound = epsilon_lower_bound(scores, coins, delta=1e-5, guesses=1000)
        >>> bound.correct, round(bound.epsilon, 3), round(bound.cap, 3)
        (1000, 5.782, 5.782)
    """
    problems = [
        *_data_problems(scores, is_member, method),
        *_setting_problems(delta, confidence, seed),
        *_method_problems(method, guesses, threshold, np.size(scores)),
    ]
    if problems:
        raise InputError(problems)
    held = _Canaries.of(scores, is_member, np.random.default_rng(seed))
    if method == "threshold":
        return _by_threshold(held, threshold, delta, confidence)
    return _by_guesses(held, guesses, delta, confidence)


@dataclass(frozen=True)
class _Canaries:
    """Canaries in an order that is random where scores are equal, and independent of their order.

    Attributes:
        scores: Ascending, shape (n,).
        members: Whether each was in.
        first: Mask of a random half.
    """

    scores: FloatArray
    members: Members
    first: Members

    @classmethod
    def of(
        cls, scores: npt.ArrayLike, is_member: npt.ArrayLike, rng: np.random.Generator
    ) -> _Canaries:
        values = np.asarray(scores, dtype=np.float64)
        members = np.asarray(is_member).astype(bool)
        # Sorted by the coin too, so that the draws below do not depend on the given order. They
        # are uniform, so whoever does not know the coins could have made them as well.
        known = np.lexsort((members, values))
        values, members = values[known], members[known]
        order = np.lexsort((rng.permutation(values.size), values))
        first = rng.permutation(values.size) < values.size // 2
        return cls(values, members[order], first)

    def half(self, mask: Members) -> tuple[FloatArray, Members]:
        return self.scores[mask], self.members[mask]


def _by_guesses(
    held: _Canaries, guesses: int | Sequence[int] | None, delta: float, confidence: float
) -> EpsilonBound:
    n, members = held.members.size, held.members
    if guesses is None:
        how, members = SPLIT, held.members[~held.first]
        top, bottom = best_guesses(held.members[held.first][::-1], confidence)
        most = members.size
    else:
        how, (top, bottom) = FIXED, _sides(guesses)
        most = top + bottom
    correct = int(members[members.size - top :].sum() + (~members[:bottom]).sum())
    settings = {"delta": delta, "confidence": confidence}
    return EpsilonBound(
        epsilon=one_run_bound(n, top + bottom, correct, **settings),
        cap=one_run_bound(n, most, most, **settings),
        guesses=top + bottom,
        correct=correct,
        method=f"one run, guesses {how}",
        canaries=n,
        **settings,
    )


def _sides(guesses: int | Sequence[int]) -> tuple[int, int]:
    """Guesses from the top and from the bottom."""
    if isinstance(guesses, int | np.integer):
        return int(guesses) - int(guesses) // 2, int(guesses) // 2
    top, bottom = guesses
    return int(top), int(bottom)


def _by_threshold(
    held: _Canaries, threshold: float | None, delta: float, confidence: float
) -> EpsilonBound:
    how, scores, members = FIXED, held.scores, held.members
    if threshold is None:
        how = SPLIT
        threshold = _best_threshold(*held.half(held.first), delta, confidence)
        scores, members = held.half(~held.first)
    hits = int((members & (scores >= threshold)).sum())
    alarms = int((~members & (scores >= threshold)).sum())
    inside, outside = int(members.sum()), int((~members).sum())
    settings = {"delta": delta, "confidence": confidence}
    return EpsilonBound(
        epsilon=max(0.0, float(rates_bound(hits, inside, alarms, outside, **settings))),
        cap=max(0.0, float(rates_bound(inside, inside, 0, outside, **settings))),
        guesses=members.size,
        correct=hits + outside - alarms,
        method=f"threshold, {how}",
        canaries=held.members.size,
        **settings,
    )


def rates_bound(
    hits: npt.ArrayLike,
    members: npt.ArrayLike,
    alarms: npt.ArrayLike,
    others: npt.ArrayLike,
    *,
    delta: float = 0.0,
    confidence: float = 0.95,
) -> FloatArray:
    """Bound epsilon by the true and the false positive rate of one threshold, fixed in advance.

    Each of the two rates is bounded with half of 1 - `confidence`, and the two bounds serve both
    directions: log((TPR - delta) / FPR) and log((1 - FPR - delta) / (1 - TPR)).

    Args:
        hits: Members at or above the threshold.
        members: Members.
        alarms: Others at or above the threshold.
        others: Others.
        delta: In [0, 1).
        confidence: In (0, 1).

    Returns:
        The larger of the two; below 0 where nothing is shown, minus infinity where there are no
        members or no others.

    Example:
        >>> round(float(rates_bound(500, 500, 0, 500)), 3)
        4.906
    """
    tpr = clopper_pearson(hits, members, confidence)[0]
    fpr = clopper_pearson(alarms, others, confidence)[1]
    tpr, fpr = np.nan_to_num(tpr, nan=0.0), np.nan_to_num(fpr, nan=1.0)
    with np.errstate(divide="ignore"):
        found = np.log(np.maximum([tpr - delta, 1 - fpr - delta], 0)) - np.log([fpr, 1 - tpr])
    return np.asarray(found.max(axis=0))


def _best_threshold(scores: FloatArray, members: Members, delta: float, confidence: float) -> float:
    """The score that would have shown the largest epsilon on these canaries, sorted ascending."""
    starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))
    starts = starts[np.linspace(0, starts.size - 1, min(starts.size, TRIED)).round().astype(int)]
    hits = np.cumsum(members[::-1])[::-1][starts]
    alarms = np.cumsum(~members[::-1])[::-1][starts]
    found = rates_bound(hits, hits[0], alarms, alarms[0], delta=delta, confidence=confidence)
    return float(scores[starts][int(np.argmax(found))])


def _data_problems(scores: Any, is_member: Any, method: str) -> Iterator[Problem]:  # noqa: ANN401 - checked here
    values, members = _numbers(scores), _numbers(is_member)
    if values is None or values.ndim != 1 or not values.size:
        yield Problem("scores", _shape(scores), "numbers, one for each canary: shape (n,), n > 0")
    elif np.isnan(values).any():
        count = int(np.isnan(values).sum())
        yield Problem("scores", f"{count:,} of {values.size:,} missing (NaN)", "a number each")
    if members is None or members.ndim != 1 or not np.isin(members, (0, 1)).all():
        yield Problem("is_member", _shape(is_member), "True or False (1 or 0) for each canary")
        return
    if values is not None and members.shape != values.shape:
        found = f"shape {members.shape} beside scores of shape {values.shape}"
        yield Problem("is_member", found, "one entry for each score")
    yield from _member_problems(members, method)


def _member_problems(members: FloatArray, method: str) -> Iterator[Problem]:
    inside, n = int(members.sum()), members.size
    for count, kind in ((inside, "member"), (n - inside, "non-member")):
        if n and not count:
            yield Problem("is_member", f"no {kind} among {n:,} canaries", "members and others")
    unlikely = 2 * float(special.bdtr(min(inside, n - inside), n, 0.5))
    if method == "one-run" and 0 < inside < n and unlikely < UNFAIR:
        yield Problem(
            "is_member",
            f"{inside:,} members of {n:,} canaries",
            "about half, as fair coins give",
            'The bound of one run needs a fair coin for each canary; method="threshold" does not.',
        )


def _setting_problems(delta: float, confidence: float, seed: int) -> Iterator[Problem]:
    if not 0 <= delta < 1:
        yield Problem("delta", quote(delta), "a number from 0 to below 1")
    if not 0 < confidence < 1:
        yield Problem("confidence", quote(confidence), "a number in (0, 1)")
    if not isinstance(seed, int | np.integer) or seed < 0:
        yield Problem("seed", quote(seed), "a whole number from 0")


def _method_problems(
    method: str,
    guesses: Any,  # noqa: ANN401 - checked here
    threshold: float | None,
    canaries: int,
) -> Iterator[Problem]:
    if method not in METHODS:
        yield Problem.unknown("method", str(method), METHODS, "a method")
    if guesses is not None:
        yield from _guess_problems(guesses, canaries)
        if method == "threshold":
            yield Problem("guesses", quote(guesses), 'None with method="threshold"')
    if threshold is not None and method != "threshold":
        yield Problem("threshold", quote(threshold), f"None with method={quote(method)}")
    elif threshold is not None and math.isnan(threshold):
        yield Problem("threshold", quote(threshold), "a score")


def _guess_problems(guesses: Any, canaries: int) -> Iterator[Problem]:  # noqa: ANN401 - checked here
    given = guesses if isinstance(guesses, Sequence) else (guesses,)
    whole = [isinstance(n, int | np.integer) and n >= 0 for n in given]
    if not all(whole) or len(given) > 2 or sum(given) < 1:
        expected = "a whole number from 1, or two from 0: (top, bottom)"
        yield Problem("guesses", quote(guesses), expected)
    elif sum(given) > canaries:
        yield Problem("guesses", f"{sum(given):,} guesses", f"at most {canaries:,}, the canaries")


def _numbers(values: Any) -> FloatArray | None:  # noqa: ANN401 - checked here
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _shape(values: Any) -> str:  # noqa: ANN401 - described whatever it is
    array = _numbers(values)
    return f"shape {array.shape}" if array is not None else f"a {type(values).__name__} of others"
