"""A sample of rows explained: what the audit of explanations reads, whatever the model and task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.explaining.categories import is_number
from auditkit.explaining.frames import Scorer
from auditkit.explaining.limits import EXPLAINED, WORK, Limits
from auditkit.explaining.samples import draw
from auditkit.explaining.values import PreparedGame, game_of
from auditkit.methods import shapley_summary
from auditkit.methods.estimates import Estimate
from auditkit.methods.shapley import Attribution
from auditkit.methods.shapley_game import Floats, Positions
from auditkit.methods.shapley_gap import Gap, gap
from auditkit.methods.shapley_metrics import Quantity
from auditkit.subject import Subject

#: Neither sample is cut below this to fit the budget; unit: rows.
_FEWEST = 20
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RowStudy:
    """Explained rows with their Shapley values, all of them reached; made by `explain_rows`.

    Attributes:
        names: Features, in the order of the players.
        places: Shape (m,): which assessed rows were explained.
        rows: Those rows, raw.
        scores: Values of the score, of several classes those of each.
        decisions: Values of the decision likewise, or None where there are none.
        bound: Greatest size that a value may have; infinite for numbers.
        source: What was computed from what, in words.
        listed: Which players are named, in words; empty: all of them are.
    """

    names: tuple[str, ...]
    places: Positions
    rows: pd.DataFrame
    scores: Attribution
    decisions: Attribution | None
    bound: float
    source: str
    listed: str = ""

    @property
    def outputs(self) -> Floats:
        """Scores of the explained rows, shape (m,), or (m, k) of k classes."""
        return self.scores.outputs

    @property
    def additivity_gap(self) -> float:
        """Largest difference of a score and the sum of its values and the base value."""
        return self.scores.additivity_gap

    def importance(self, level: float) -> list[Estimate]:
        """Mean size of the values of each player; see `shapley_summary.importance`."""
        return shapley_summary.importance(self.scores, level, self.bound)

    def share(self, players: Sequence[int], level: float) -> Estimate:
        """Share that some players have in the sizes of all; see `shapley_summary.share`."""
        return shapley_summary.share(self.scores, players, level, self.bound)

    def typical_error(self, level: float) -> Estimate:
        """Mean standard error of the largest value of a row."""
        return shapley_summary.typical_error(self._foremost, level, self.bound)

    def agreement(self, top: int, rng: np.random.Generator, level: float) -> tuple[Estimate, str]:
        """How often two backgrounds give a row the same reasons, and which halves were compared."""
        most = min(top, max(1, len(self.names) - 1))
        halves = f"top {most}, halves of {int(self.scores.block_sizes.sum()) // 2:,} rows each"
        return shapley_summary.top_agreement(self._foremost, most, rng, level), halves

    def gap(self, of: Quantity, output: int, a: Mask, b: Mask, level: float) -> Gap | str:
        """Take the difference of two groups apart, of one class where there are several.

        Returns:
            The parts, or why there are none.
        """
        found = self.scores if of == "score" else self.decisions
        if found is None:
            return "there are no decisions"
        one = found.of_output(output) if found.values.ndim == 3 else found
        return gap(one, a, b, level, self.bound) or "the background has one row only"

    def strip(self, player: int, output: int) -> tuple[Floats, Floats | None]:
        """Values of a player, and ranks from 0 to 1 of the feature's own values.

        Returns:
            Shape (m,) twice; no ranks of a category.
        """
        values = self.scores.values
        name = self.names[player]
        ranks = _ranks(self.rows[name]) if name in self.rows else None
        return values[:, player, output] if values.ndim == 3 else values[:, player], ranks

    @property
    def _foremost(self) -> Attribution:
        """The values that a row is told of: of several classes those of the likeliest."""
        if self.scores.values.ndim < 3:
            return self.scores
        return self.scores.of_each(self.scores.outputs.argmax(axis=1))


def explain_rows(
    subject: Subject, rng: np.random.Generator, limits: Limits, *, decisions: bool
) -> RowStudy:
    """Draw a sample of the assessed rows and explain it.

    Args:
        subject: What is audited.
        rng: Draws the sample, and the orders of the players.
        limits: How much is explained.
        decisions: Whether decisions are explained beside the scores, for the same work.

    Returns:
        The values.

    Raises:
        ValueError: If the model cannot be explained, or the budget does not reach one row.
        ModelError: If an adapter finds that an answer is no score.
    """
    sample = draw(subject, rng, limits.rows, limits.background)
    both = decisions and subject.task != "regression"
    game = game_of(
        cast("Scorer", subject.model), sample.rows, sample.background, None,
        "both" if both else "probability", subject.threshold,
    )  # fmt: skip
    unknown = limits.asked(subject.model)
    budget = game.within(WORK, unknown) if limits.budget is None else limits.budget
    game = _fitting(game, budget)
    seed = int(rng.integers(2**63))
    found = game.play(game.rows, game.background, seed=seed, budget=budget).shown()
    scores, decided = _parts(found, both=both)
    if subject.task != "regression":
        _check_probabilities(scores.outputs)
    m, exact = len(found.values), found.plan.exact_share
    others = "" if exact == 1 else ", the others by antithetic permutations"
    source = (
        f"Shapley values of {EXPLAINED[subject.task]} for {m:,} of {len(subject):,} "
        f"assessed rows against {len(game.background):,} {sample.whose} rows; "
        f"{exact:.0%} of pairs exact{others}; {found.evaluations:,} evaluations"
    )
    bound = np.inf if subject.task == "regression" else 1.0
    places, rows = sample.places[:m], sample.rows.iloc[:m]
    return RowStudy(tuple(game.players), places, rows, scores, decided, bound, source)


def _parts(found: Attribution, *, both: bool) -> tuple[Attribution, Attribution | None]:
    """Scores and decisions, where both were explained."""
    if not both:
        return found, None
    half = found.values.shape[2] // 2
    return found.of_outputs(range(half)), found.of_outputs(range(half, 2 * half))


def _check_probabilities(outputs: Floats) -> None:
    if outputs.size and (outputs.min() < 0 or outputs.max() > 1):
        ends = f"{outputs.min():.3g} to {outputs.max():.3g}"
        raise ValueError(f"scores from {ends} are no probabilities, so they are not explained")


def _fitting(game: PreparedGame, budget: int) -> PreparedGame:
    """Cut both samples by the same factor, so that sampling their pairs fits the budget."""
    cost = game.plan(estimator="sampled", budget=None, orders=1).evaluations
    factor = min(1.0, (budget / cost) ** 0.5)
    m, b = (max(min(len(s), _FEWEST), int(factor * len(s))) for s in (game.rows, game.background))
    return replace(game, rows=game.rows[:m], background=game.background[:b])


def _ranks(column: pd.Series) -> Floats | None:
    """Ranks from 0 to 1 of numbers, NaN where one is missing; None for a category."""
    if not is_number(column):
        return None
    ranks = column.rank().to_numpy(dtype=np.float64, na_value=np.nan)
    return (ranks - 1) / max(int(column.notna().sum()) - 1, 1)
