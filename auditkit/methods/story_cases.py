"""Which single decisions are told as stories: a typical one, a borderline one, a clear one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.methods.shapley_game import Floats, Positions


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """The decision on every assessed row, and how close it was.

    Attributes:
        scores: Shape (n,): the score that decided; of several classes that of the chosen one.
        against: Shape (n,): whether the decision is one that reasons are given for.
        margins: Shape (n,): how far the score is from the point at which the decision turns.
        words: Shape (n,): the decision in words.
        toward: 1 where a high score leads to the decisions in `against`, -1 where a low one does.
        columns: Shape (n,): the output of the model that is explained, where it has several.
    """

    scores: Floats
    against: npt.NDArray[np.bool_]
    margins: Floats
    words: npt.NDArray[np.object_]
    toward: int
    columns: Positions | None = None

    def typical(self) -> int | None:
        """The one against whose score is the median of all of them, or None where there is none.

        Example:
            >>> held = of_scores(np.array([0.1, 0.2, 0.4, 0.9]), 0.5, favourable=True)
            >>> held.typical(), held.borderline(), held.clear()
            (1, 2, 3)
        """
        return middle(self.scores, np.flatnonzero(self.against))

    def borderline(self) -> int | None:
        """The one nearest to where the decision turns."""
        return int(self.margins.argmin()) if self.margins.size else None

    def clear(self) -> int | None:
        """The one furthest from where the decision turns, in favour if there is such a one."""
        places = np.flatnonzero(~self.against)
        places = places if places.size else np.arange(len(self.margins))
        return int(places[self.margins[places].argmax()]) if places.size else None


def middle(scores: Floats, places: Positions) -> int | None:
    """The place whose score is the median of some, the lower one of two; of equals the first.

    Example:
        >>> middle(np.array([0.3, 0.1, 0.9, 0.3]), np.array([0, 1, 3])), middle(np.ones(2), [])
        (0, None)
    """
    if not len(places):
        return None
    own = scores[places]
    middle_score = np.sort(own)[(len(own) - 1) // 2]
    return int(places[np.argmax(own == middle_score)])


def of_scores(scores: Floats, threshold: float, *, favourable: bool) -> Decisions:
    """Decisions by a threshold.

    Args:
        scores: Shape (n,): scores.
        threshold: A row is selected from this score on.
        favourable: Whether being selected is favourable.

    Returns:
        The decisions; those that are not favourable are the ones against.
    """
    against = (scores >= threshold) != favourable
    words = _sided(np.where(scores >= threshold, "selected", "not selected"), against)
    margins = np.abs(scores - threshold)
    return Decisions(scores, against, margins, words, -1 if favourable else 1)


def of_numbers(numbers: Floats, *, favourable: bool) -> Decisions:
    """Numbers of a regression: those strictly on the unfavourable side of their median.

    Args:
        numbers: Shape (n,): what was predicted.
        favourable: Whether a high number is favourable.

    Returns:
        The decisions.

    Example:
        >>> of_numbers(np.array([1.0, 2.0, 9.0]), favourable=True).against.tolist()
        [True, False, False]
    """
    turn = float(np.median(numbers)) if numbers.size else 0.0
    against = numbers < turn if favourable else numbers > turn
    sides = np.sign(numbers - turn).astype(np.int64)
    where = np.array(["at the median", "above the median", "below the median"])[sides]
    words = _sided(where, against)
    return Decisions(numbers, against, np.abs(numbers - turn), words, -1 if favourable else 1)


def of_classes(
    scores: Floats, names: tuple[str, ...], columns: Positions, adverse: str | None
) -> Decisions:
    """Decisions for the likeliest class.

    Args:
        scores: Shape (n, k): probabilities.
        names: The k classes.
        columns: Shape (k,): place of each class among the outputs of the model.
        adverse: The class whose decisions need reasons; None takes all of them.

    Returns:
        The decisions, explained by the probability of the class decided for.

    Example:
        >>> held = of_classes(np.array([[0.2, 0.8], [0.55, 0.45]]), ("a", "b"), np.arange(2), "b")
        >>> held.scores.tolist(), held.against.tolist(), held.borderline()
        ([0.8, 0.55], [True, False], 1)
    """
    chosen = scores.argmax(axis=1)
    ranked = np.sort(scores, axis=1)
    words = np.array([f"class {name}" for name in names], dtype=object)[chosen]
    against = np.ones(len(scores), dtype=np.bool_)
    if adverse is not None:
        against = np.asarray(chosen == names.index(adverse))
    margins = ranked[:, -1] - ranked[:, -2] if ranked.shape[1] > 1 else ranked[:, -1]
    return Decisions(ranked[:, -1], against, margins, words, 1, columns[chosen])


def _sided(words: npt.NDArray[np.str_], against: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """Say of decisions in words whether they are against somebody."""
    sides = np.where(against, " (against)", " (in favour)").astype(object)
    return np.asarray(words.astype(object) + sides)
