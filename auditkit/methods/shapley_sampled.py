"""Sampled Shapley values of pairs of rows: one antithetic permutation, drawn afresh for each."""

from __future__ import annotations

import numpy as np

from auditkit.methods.shapley_game import Batched, Floats, Mixer, Pairs

#: Pairs that differ in at most this many players come out exact: both orders are walked.
EXACT_PLAYERS = 2


def cost(players: int) -> int:
    """Evaluations of one pair that differs in this many players, its two ends being known."""
    return 2 * max(players - 1, 0)


def sampled(mixer: Mixer, function: Batched, pairs: Pairs, low: Floats, high: Floats) -> Floats:
    """Estimate Shapley values of pairs by walking an order of the players forth and back.

    Unbiased, and additive for every draw. Fresh orders for each pair leave far less noise in the
    mean over a background than one order shared by all of it.

    Args:
        mixer: Makes the inputs.
        function: Evaluates them.
        pairs: Pairs that all differ in d players, which stand in random order.
        low: Shape (q,), or (q, k) of k outputs: the function of the background rows.
        high: Likewise: the function of the explained rows.

    Returns:
        Shape (q, d), or (q, d, k): the value of each differing player, in the order of
        `pairs.players`.

    Source:
        Mitchell, Cooper, Frank and Holmes (2022), JMLR 23:43, antithetic sampling.
    """
    between = pairs.players.shape[1] - 1
    if between < 1:
        return (high - low)[:, None]
    steps = mixer.steps(pairs)
    states = np.empty((2, between, *steps.low.shape), dtype=np.float32)
    forth, back = steps.low, steps.high
    for k in range(between):
        steps.enter(forth, k, out=states[0, k])
        steps.leave(back, k, out=states[1, k])
        forth, back = states[0, k], states[1, k]
    outputs = np.asarray(function(states.reshape(-1, states.shape[-1])), dtype=np.float64)
    up, down = outputs.reshape(2, between, *low.shape)
    return gains(low, up, down, high)


def gains(low: Floats, up: Floats, down: Floats, high: Floats) -> Floats:
    """Turn the function along some orders, walked forth and back, into values.

    Args:
        low: Shape (q,), or (q, k) of k outputs: the function without any player.
        up: Shape (d - 1, q, ...): after the first player came, the second, and so on.
        down: Likewise: after the first player left, the second, and so on.
        high: As `low`: the function with all players.

    Returns:
        Shape (q, d, ...): the value of each player, in the order in which they come.

    Example:
        >>> one = np.ones(1)
        >>> gains(0 * one, one[None], 5 * one[None], 6 * one)
        array([[1., 5.]])
    """
    rises = np.diff(np.concatenate([low[None], up, high[None]]), axis=0)
    falls = np.diff(np.concatenate([high[None], down, low[None]]), axis=0)
    return np.asarray((rises - falls).swapaxes(0, 1) / 2)
