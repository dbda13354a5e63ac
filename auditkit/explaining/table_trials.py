"""Rows of columns, tabular or of a sequence, whose explanation is put to the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from auditkit.errors import InputError, ModelError
from auditkit.explaining.categories import is_number
from auditkit.explaining.frames import Scorer, feature_columns
from auditkit.explaining.samples import Sample
from auditkit.explaining.trials import (
    Amounts,
    chosen_class,
    fitting,
    picked,
    random_copy,
)
from auditkit.explaining.values import PreparedGame, game_of, is_network
from auditkit.methods.explanation_reasons import Mask, Reasons
from auditkit.methods.explanation_robustness import Shaken
from auditkit.methods.shapley import Attribution
from auditkit.methods.shapley_game import Floats, Positions, Rows, one_thread
from auditkit.methods.shapley_plan import plan

#: Evaluations where no budget is given: a part of what a network could spend on exactness, so that
#: a large one is asked less; and of a model whose cost nobody knows.
_PART_OF_EXACT, _UNKNOWN = 12, 50_000
#: Shares of the budget: the explanation and its repetitions, replaced features, noise.
_EXPLAINED, _REPLACED, _SHAKEN = 0.6, 0.15, 0.25
#: Most background rows that features are replaced from, and that shaken rows are explained with.
_REPLACING, _SHAKING = 100, 50
#: Why there is no noise.
NO_NUMBERS = "no feature is a number that noise could be added to"


@dataclass(frozen=True, eq=False)
class TableTrial:
    """See `auditkit.explaining.trials.Trial`; made by `table_trial`.

    Attributes:
        model: The model.
        sample: Its rows and both backgrounds.
        noisy: The first rows under each draw of noise, or why there are none.
        game: All of them as a game: rows, then noisy rows; the two backgrounds.
        amounts: How much is asked.
        size: Rows and background rows of one explanation.
        few: Rows and background rows under noise.
        chosen: Class that the model chose for each row, or None.
        scale: A usual size of the score.
    """

    model: Scorer
    sample: Sample
    noisy: Sequence[pd.DataFrame] | str
    game: PreparedGame
    amounts: Amounts
    size: tuple[int, int]
    few: tuple[int, int]
    chosen: Positions | None
    scale: float

    @cached_property
    def reasons(self) -> Reasons:
        """Explain against the first background."""
        return self._explained(0, self.amounts.stream(0))

    @cached_property
    def others(self) -> Reasons | None:
        """Explain against the second background."""
        if len(self.game.background) < 2 * self.size[1] or self.size[1] < 2:
            return None
        return self._explained(1, self.amounts.stream(0))

    @cached_property
    def again(self) -> Reasons | None:
        """Explain with another seed."""
        return self._explained(0, self.amounts.stream(1)) if self.reasons.sampled else None

    @property
    def words(self) -> dict[str, str]:
        """What was done."""
        how = "sampled by antithetic permutations" if self.reasons.sampled else "exact"
        numbers = len(noisy_columns(self.model, self.sample))
        noise = f"noise of up to {self.amounts.noise:g} standard deviations in {numbers} columns "
        noise += f"of numbers, {self.amounts.draws} draws"
        return {
            "all": f"against {self.size[1]:,} {self.sample.whose} rows, {how}",
            "sets": f"features replaced by those of {self._replacing:,} background rows",
            "shaken": f"against {self.few[1]:,} background rows",
            "noise": "" if isinstance(self.noisy, str) else noise,
        }

    @property
    def tested(self) -> int:
        """Rows whose features are replaced."""
        return self._sets_size[0]

    @property
    def _replacing(self) -> int:
        return self._sets_size[1]

    @cached_property
    def _sets_size(self) -> tuple[int, int]:
        budget = _REPLACED * _budget(self.game, self.model, self.amounts)
        most = min(self.size[1], _REPLACING)
        return fitting(len(self.reasons), most, 2 + self.amounts.sets, budget)

    def _explained(self, half: int, seed: int) -> Reasons:
        m, b = self.size
        budget = int(_EXPLAINED * _budget(self.game, self.model, self.amounts) / 3)
        background = self.game.background[half * b : (half + 1) * b]
        least = plan(self.game.rows[:m], background, list(self.game.players.values()),
                     estimator="sampled").evaluations  # fmt: skip
        found = self.game.play(
            self.game.rows[:m], background, seed=seed, budget=max(budget, least), estimator="auto"
        )
        return _reasons(found, self.chosen, self.scale)

    def changes(self, rows: Positions, masks: Mask) -> Floats:
        """Replace features by those of background rows."""
        owner = np.empty(self.game.rows.shape[1], dtype=np.int64)
        for number, positions in enumerate(self.game.players.values()):
            owner[positions] = number
        others = self.game.background[: self._replacing]
        chosen = None if self.chosen is None else self.chosen[rows]
        before = self.reasons.outputs[rows]
        found = np.empty((*masks.shape[:2], len(others)))
        with one_thread():
            for i, row in enumerate(self.game.rows[rows]):
                taken = masks[i][:, owner][:, None]
                mixed = np.where(taken, others, row).reshape(-1, len(row))
                given = np.asarray(self.game.function(mixed), dtype=np.float64)
                one = None if chosen is None else np.repeat(chosen[i], len(given))
                found[i] = before[i] - picked(given, one).reshape(found.shape[1:])
        return found

    def shaken(self) -> Shaken:
        """Explain the first rows, and each draw of noise, with the same random numbers."""
        return self._shaken(self.game)

    def randomised(self, number: int) -> Shaken | str:
        """Do that with a network whose weights are drawn anew."""
        model = random_copy(self.model, self.amounts.stream(100 + number))
        if isinstance(model, str):
            return model
        q, b = self.few
        rows = self.sample.rows.iloc[:q]
        background = self.sample.background.iloc[:b]
        return self._shaken(_game(model, rows, self.noisy, background, self.amounts))

    def _shaken(self, game: PreparedGame) -> Shaken:
        q, b = self.few
        clean = self._few(game, game.rows[:q], b)
        if isinstance(self.noisy, str):
            return Shaken(clean, self.noisy)
        first = len(game.rows) - len(self.noisy) * q
        starts = range(first, len(game.rows), q)
        try:
            noisy = [self._few(game, game.rows[at : at + q], b) for at in starts]
        except ModelError as error:
            return Shaken(clean, f"the model takes no such noise: {str(error)[:120]}")
        return Shaken(clean, np.stack(noisy))

    def _few(self, game: PreparedGame, rows: Rows, background: int) -> Floats:
        found = game.play(
            rows, game.background[:background], seed=self.amounts.stream(2), estimator="sampled"
        )
        chosen = None if self.chosen is None else self.chosen[: len(rows)]
        return picked(found.values, chosen)


def table_trial(
    model: Scorer, sample: Sample, amounts: Amounts, rng: np.random.Generator
) -> TableTrial:
    """Prepare a trial.

    Args:
        model: The model.
        sample: Rows to explain, and a background that is cut into two disjoint ones.
        amounts: How much is asked.
        rng: The noise is drawn from it.

    Returns:
        The trial; both samples are cut in proportion where they do not fit the budget.

    Raises:
        ValueError: As `auditkit.shapley_values`.
    """
    half = max(1, len(sample.background) // 2)
    game = _game(model, sample.rows, "", sample.background, amounts)
    cost = plan(game.rows, game.background, list(game.players.values()), estimator="sampled")
    pair = cost.evaluations / max(1, len(game.rows) * len(game.background))
    budget = _budget(game, model, amounts)
    size = fitting(len(sample), half, 3 * pair, _EXPLAINED * budget)
    plays = (1 + amounts.draws) * (1 + amounts.networks * is_network(model))
    few = fitting(min(size[0], amounts.shaken), min(half, _SHAKING), plays * pair, _SHAKEN * budget)
    noisy: list[pd.DataFrame] | str = _noisy(model, sample, amounts, few[0], rng)
    if not isinstance(noisy, str):
        try:
            game = _game(model, sample.rows, noisy, sample.background, amounts)
        except (InputError, ModelError) as error:
            noisy = f"the model takes no such noise: {str(error)[:120]}"
    with one_thread():
        outputs = np.asarray(game.function(game.rows[: size[0]]), dtype=np.float64)
    gives_number = getattr(model, "task", None) == "regression" and outputs.ndim == 1
    scale = float(outputs.std()) if gives_number else 1.0
    return TableTrial(
        model, sample, noisy, game, amounts, size, few, chosen_class(outputs), scale or 1.0
    )


def _budget(game: PreparedGame, model: Scorer, amounts: Amounts) -> int:
    if amounts.budget is not None:
        return amounts.budget
    return game.affordable // _PART_OF_EXACT if is_network(model) else _UNKNOWN


def _game(
    model: Scorer,
    rows: pd.DataFrame,
    noisy: Sequence[pd.DataFrame] | str,
    background: pd.DataFrame,
    amounts: Amounts,
) -> PreparedGame:
    """Rows, each draw of noise of the first few, and the background as one game."""
    together = rows if isinstance(noisy, str) else pd.concat([rows, *noisy])
    return game_of(model, together, background, None, "probability", amounts.threshold)


def noisy_columns(model: Scorer, sample: Sample) -> dict[str, float]:
    """Columns of numbers that the model reads, with their standard deviations."""
    known = [name for name in feature_columns(model, sample.rows) if is_number(sample.rows[name])]
    spreads = {name: float(sample.background[name].std(ddof=0)) for name in known}
    return {name: spread for name, spread in spreads.items() if spread > 0}


def _noisy(
    model: Scorer, sample: Sample, amounts: Amounts, few: int, rng: np.random.Generator
) -> list[pd.DataFrame] | str:
    """Draw uniform noise for the numbers of the first few rows; categories stay."""
    spreads = noisy_columns(model, sample)
    if not spreads:
        return NO_NUMBERS
    frames = []
    for _ in range(amounts.draws):
        frame = sample.rows.iloc[:few].copy()
        for name, spread in spreads.items():
            noise = amounts.noise * spread * rng.uniform(-1, 1, len(frame))
            frame[name] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan) + noise
        frames.append(frame)
    return frames


def _reasons(found: Attribution, chosen: Positions | None, scale: float) -> Reasons:
    found = found.shown()
    m, sized = len(found.values), found.block_values.shape[1]
    one = None if chosen is None else chosen[:m]
    base = np.broadcast_to(found.base_value, (m, *np.shape(found.base_value)))
    values = picked(found.values, one)
    return Reasons(
        values=values,
        errors=picked(found.standard_errors, one),
        there=np.ones(values.shape, dtype=np.bool_),
        outputs=picked(found.outputs, one),
        base=picked(base, one),
        blocks=picked(found.block_values, one) if sized else np.empty((m, 0, values.shape[1])),
        draws=int(found.block_sizes.sum()),
        sampled=found.plan.exact_share < 1,
        scale=scale,
    )
