"""Shapley values of every pair of some explained rows and the whole background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.methods import shapley_exact, shapley_sampled
from auditkit.methods.shapley_game import (
    Asked,
    Floats,
    HiddenMixer,
    InputMixer,
    Mixer,
    Pairs,
    Rows,
    parts,
)


@dataclass(frozen=True, slots=True)
class FirstLayer:
    """A linear layer that a function starts with.

    Attributes:
        weight: Shape (h, p).
        bias: Shape (h,).
        background: Shape (b, g, h): what each player of each background row adds to its output.
    """

    weight: Rows
    bias: Rows
    background: Rows


@dataclass(frozen=True, slots=True)
class Game:
    """All that stays the same while one block of rows after the other is explained.

    Attributes:
        background: Shape (b, p): encoded background rows.
        players: Positions of each of the g players.
        asked: The function of mixed inputs: of encoded rows, or of the first layer's outputs.
        first_layer: The layer, where `asked` takes its outputs.
        background_codes: Shape (b, g): numbered values, as `value_codes` gives them.
        background_outputs: Shape (b,), or (b, k) of k outputs: the function of the background.
        exact_players: Pairs that differ in at most this many players are enumerated.
        orders: Orders of the players that are walked for any other pair.
        entropy: Two words that the orders of the players are drawn from.
    """

    background: Rows
    players: Sequence[npt.NDArray[np.integer]]
    asked: Asked
    first_layer: FirstLayer | None
    background_codes: npt.NDArray[np.int32]
    background_outputs: Floats
    exact_players: int
    orders: int
    entropy: tuple[int, int]

    def pair_values(
        self, rows: Rows, codes: npt.NDArray[np.int32], outputs: Floats, first: int
    ) -> Floats:
        """Explain a block of rows.

        Args:
            rows: Shape (r, p): encoded rows.
            codes: Shape (r, g): their numbered values.
            outputs: Shape (r,) or (r, k): the function of the rows.
            first: Number of the first of them among all explained rows: each row has random
                numbers of its own, so that results do not depend on the blocks.

        Returns:
            Shape (r, b, g) or (r, b, g, k): the value of each player in each pair.
        """
        differs = codes[:, None, :] != self.background_codes
        values = np.zeros((*differs.shape, *self.tail))
        keys = self._keys(range(first, first + len(rows)))
        mixer = self._mixer(rows)
        count = differs.sum(axis=2)
        for d in np.unique(count[count > 0]):
            i, b = np.nonzero(count == d)
            players = np.nonzero(differs[i, b])[1].reshape(-1, d)
            if self._enumerates(int(d)):
                found = self._exact(mixer, Pairs(i, b, players))
            else:
                found = self._sampled(mixer, Pairs(i, b, players), outputs, keys[i, :, b])
            values[i[:, None], b[:, None], players] = found
        return values

    @property
    def tail(self) -> tuple[int, ...]:
        """What follows in the shape of values: () for one output, (k,) for k."""
        return self.background_outputs.shape[1:]

    def _enumerates(self, d: int) -> bool:
        return shapley_sampled.EXACT_PLAYERS < d <= self.exact_players

    def _keys(self, rows: range) -> npt.NDArray[np.float32]:
        """Random numbers whose order is the players' order, shape (r, orders, b, g)."""
        shape = (self.orders, *self.background_codes.shape)
        streams = (np.random.default_rng([*self.entropy, row]) for row in rows)
        return np.stack([stream.random(shape, dtype=np.float32) for stream in streams])

    def _mixer(self, rows: Rows) -> Mixer:
        if self.first_layer is not None:
            own = parts(rows, self.first_layer.weight, self.players)
            return HiddenMixer.of(own, self.first_layer.background, self.first_layer.bias)
        owner = np.empty(rows.shape[1], dtype=np.int64)
        for number, positions in enumerate(self.players):
            owner[positions] = number
        return InputMixer(rows, self.background, owner)

    def _exact(self, mixer: Mixer, pairs: Pairs) -> Floats:
        found = np.empty((*pairs.players.shape, *self.tail))
        for place, piece in pairs.chunks(self._pairs_at_once(shapley_exact.cost, pairs)):
            found[place] = shapley_exact.exact(mixer, self.asked, piece)
        return found

    def _sampled(
        self, mixer: Mixer, pairs: Pairs, outputs: Floats, keys: npt.NDArray[np.float32]
    ) -> Floats:
        """Mean over the orders that the keys (q, orders, g) give, as `pairs.players` stand."""
        total = np.zeros((*pairs.players.shape, *self.tail))
        walks = self.orders if pairs.players.shape[1] > shapley_sampled.EXACT_PLAYERS else 1
        for number in range(walks):
            chosen = np.take_along_axis(keys[:, number], pairs.players, axis=1)
            order = np.argsort(chosen, axis=1)
            players = np.take_along_axis(pairs.players, order, axis=1)
            drawn = Pairs(pairs.rows, pairs.background, players)
            total[np.arange(len(pairs))[:, None], order] += self._walk(mixer, drawn, outputs)
        return total / walks

    def _walk(self, mixer: Mixer, pairs: Pairs, outputs: Floats) -> Floats:
        found = np.empty((*pairs.players.shape, *self.tail))
        for place, piece in pairs.chunks(self._pairs_at_once(shapley_sampled.cost, pairs)):
            low, high = self.background_outputs[piece.background], outputs[piece.rows]
            found[place] = shapley_sampled.sampled(mixer, self.asked, piece, low, high)
        return found

    def _pairs_at_once(self, cost: Callable[[int], int], pairs: Pairs) -> int:
        return max(1, self.asked.chunk // max(1, cost(pairs.players.shape[1])))
