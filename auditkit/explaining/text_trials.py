"""Texts whose explanation is put to the test: their words are the players, and are taken out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import pandas as pd

from auditkit.explaining.frames import Scorer
from auditkit.explaining.text_games import TextGames, text_games
from auditkit.explaining.texts import TextAttribution, text_shapley_values
from auditkit.explaining.trials import Amounts, chosen_class, picked, random_copy
from auditkit.explaining.values import is_network
from auditkit.methods.explanation_reasons import Mask, Reasons
from auditkit.methods.explanation_robustness import Shaken
from auditkit.methods.flops import count_flops
from auditkit.methods.shapley_game import Floats, Positions, Rows, one_thread
from auditkit.methods.shapley_model import EncodedModel
from auditkit.methods.shapley_text import FIRST_ORDERS

#: Where no budget is given: work of a network, of which a text costs so much beside the network
#: itself (unit: floating-point operations), and evaluations of a model whose cost nobody knows.
_WORK, _OVERHEAD, _UNKNOWN = 50_000_000_000, 40_000, 50_000
#: Shares of the budget: the explanation, once more with another seed, and randomised networks.
_EXPLAINED, _RANDOMISED = 0.35, 0.3
#: Why there is no noise.
NO_NOISE = "a word has no small noise: another word is another text"


@dataclass(frozen=True, eq=False)
class TextTrial:
    """See `auditkit.explaining.trials.Trial`.

    Attributes:
        model: A model that reads one column of text.
        column: The column.
        rows: The rows to explain; fewer are where the budget does not reach.
        amounts: How much is asked.
    """

    model: Scorer
    column: str
    rows: pd.DataFrame
    amounts: Amounts

    #: No background is drawn.
    others = None

    @cached_property
    def reasons(self) -> Reasons:
        """Explain the texts that the budget reaches."""
        return _reasons(self._found, self._chosen)

    @cached_property
    def again(self) -> Reasons | None:
        """Explain with another seed those texts whose words were sampled."""
        sampled = np.flatnonzero([one == "sampled" for one in self._found.estimator])
        if not sampled.size:
            return None
        rows, seed = self.rows.iloc[sampled], self.amounts.stream(1)
        # They cost no more than all texts did, so that the same share of the budget reaches them.
        found = self._explain(self.model, rows, _EXPLAINED, seed)
        values = self.reasons.values.copy()
        values[sampled] = _padded(found.values, values.shape[1], self._chosen_of(sampled))
        return Reasons(
            values, self.reasons.errors, self.reasons.there, self.reasons.outputs,
            self.reasons.base, self.reasons.blocks, self.reasons.draws, sampled=True,
        )  # fmt: skip

    @property
    def words(self) -> dict[str, str]:
        """What was done."""
        exact = self._found.estimator.count("exact")
        return {
            "all": f"words against the text without them, {exact:,} texts exact, the others by "
            "antithetic permutations of their words",
            "sets": "words taken out",
            "shaken": "words against the text without them",
            "noise": "",
        }

    @property
    def tested(self) -> int:
        """Texts from which words are taken out."""
        return len(self.reasons)

    @cached_property
    def _found(self) -> TextAttribution:
        return self._explain(self.model, self.rows, _EXPLAINED, self.amounts.stream(0))

    @cached_property
    def _chosen(self) -> Positions | None:
        return chosen_class(self._found.outputs[: self._found.reached])

    def _chosen_of(self, rows: Positions) -> Positions | None:
        return None if self._chosen is None else self._chosen[rows]

    @cached_property
    def _games(self) -> TextGames:
        threshold = self.amounts.threshold
        return text_games(self.model, self.rows, self.column, "probability", threshold)

    @cached_property
    def _budget(self) -> int:
        if self.amounts.budget is not None:
            return self.amounts.budget
        if not is_network(self.model):
            return _UNKNOWN
        network = cast("EncodedModel", self.model)
        example = network.encode(self.rows.iloc[:1])
        return _WORK // (count_flops(network.network, example).flops_per_sample + _OVERHEAD)

    def _explain(
        self, model: Scorer, rows: pd.DataFrame, share: float, seed: int
    ) -> TextAttribution:
        return text_shapley_values(
            model,
            rows,
            column=self.column,
            threshold=self.amounts.threshold,
            budget=int(share * self._budget),
            seed=seed,
        )

    def changes(self, rows: Positions, masks: Mask) -> Floats:
        """Take words out."""
        found = np.empty((*masks.shape[:2], 1))
        asked = self._games.asked()
        with one_thread():
            for i, row in enumerate(rows):
                codes: Rows = self._games.codes[row]
                cut = np.where(masks[i, :, : len(codes)], np.float32(0), codes)
                chosen = None if self._chosen is None else np.repeat(self._chosen[row], len(cut))
                found[i, :, 0] = self.reasons.outputs[row] - picked(asked.in_chunks(cut), chosen)
        return found

    def shaken(self) -> Shaken:
        """The explanation of the first texts; there is no noise."""
        return Shaken(self.reasons.values[: self.amounts.shaken], NO_NOISE)

    def randomised(self, number: int) -> Shaken | str:
        """Explain the first texts with a network whose weights are drawn anew."""
        model = random_copy(self.model, self.amounts.stream(100 + number))
        if isinstance(model, str):
            return model
        q = min(len(self.reasons), self.amounts.shaken)
        share = _RANDOMISED / self.amounts.networks
        found = self._explain(model, self.rows.iloc[:q], share, self.amounts.stream(2))
        chosen = self._chosen_of(np.arange(found.reached))
        width = self.reasons.values.shape[1]
        return Shaken(_padded(found.values[: found.reached], width, chosen), NO_NOISE)


def _reasons(found: TextAttribution, chosen: Positions | None) -> Reasons:
    m = found.reached
    width = max((len(line) for line in found.tokens[:m]), default=0)
    values = _padded(found.values[:m], width, chosen)
    lengths = np.array([len(line) for line in found.tokens[:m]], dtype=np.int64)
    base = np.broadcast_to(found.base_value, (m, *np.shape(found.base_value)))
    return Reasons(
        values=values,
        errors=_padded(found.standard_errors[:m], width, chosen),
        there=np.arange(width) < lengths[:, None],
        outputs=picked(found.outputs[:m], chosen),
        base=picked(base, chosen),
        blocks=np.empty((m, 0, width)),
        draws=FIRST_ORDERS,  # at least so many; of fewer draws an interval is the wider
        sampled="sampled" in found.estimator,
    )


def _padded(lines: tuple[Floats, ...], width: int, chosen: Positions | None) -> Floats:
    """The values of words, 0 behind the last one: shape (m, width)."""
    padded = np.zeros((len(lines), width))
    for row, line in enumerate(lines):
        padded[row, : len(line)] = line if chosen is None else line[:, chosen[row]]
    return padded
