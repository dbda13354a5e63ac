"""Exact Shapley values of pairs of rows, over all subsets of the players that differ."""

from __future__ import annotations

import functools
import math

import numpy as np

from auditkit.methods.shapley_game import Batched, Floats, Mixer, Pairs, product

#: Most differing players of a pair that is enumerated: 65,536 subsets.
MOST_PLAYERS = 16


def subset_weights(players: int) -> Floats:
    """Weights that turn the values of all subsets into Shapley values.

    Args:
        players: Number of players d.

    Returns:
        Shape (d, 2^d), read-only; column m is the subset whose bits are set in m.

    Raises:
        ValueError: If there are more than `MOST_PLAYERS` players.

    Source:
        Shapley (1953): a subset of s players that lacks player j weighs s!(d-s-1)!/d!.

    Example:
        >>> subset_weights(2) @ [0.0, 1.0, 3.0, 6.0]
        array([2., 4.])
    """
    if players > MOST_PLAYERS:
        raise ValueError(f"at most {MOST_PLAYERS} players can be enumerated; got {players}")
    weights = _subset_weights(players).view()
    weights.flags.writeable = False
    return weights


@functools.lru_cache(maxsize=MOST_PLAYERS + 1)
def _subset_weights(players: int) -> Floats:
    masks = np.arange(2**players)
    member = (masks >> np.arange(players)[:, None]) & 1
    size = member.sum(axis=0)
    without = [1 / (players * math.comb(players - 1, s)) for s in range(players)] or [0.0]
    joined = np.array([0.0, *without])[size]
    absent = np.array([*without, 0.0])[size]
    weights: Floats = np.where(member == 1, joined, -absent)
    return weights


def cost(players: int) -> int:
    """Evaluations of one pair that differs in this many players."""
    return int(2**players)


def exact(mixer: Mixer, function: Batched, pairs: Pairs) -> Floats:
    """Shapley values of pairs by enumeration; each player doubles the subsets made so far.

    Args:
        mixer: Makes the inputs.
        function: Evaluates them.
        pairs: Pairs that all differ in d players.

    Returns:
        Shape (q, d), or (q, d, k) of k outputs: the value of each differing player; the others'
        are 0.

    Example:
        >>> from auditkit.methods.shapley_game import InputMixer
        >>> one = np.ones((1, 2), np.float32)
        >>> pairs = Pairs(np.array([0]), np.array([0]), np.array([[0, 1]]))
        >>> exact(InputMixer(one, 0 * one, np.arange(2)), lambda z: z[:, 0] * (1 + z[:, 1]), pairs)
        array([[1.5, 0.5]])
    """
    players = pairs.players.shape[1]
    steps = mixer.steps(pairs)
    states = np.empty((cost(players), *steps.low.shape), dtype=np.float32)
    states[0] = steps.low
    for k in range(players):
        steps.enter(states[: 2**k], k, out=states[2**k : 2 ** (k + 1)])
    outputs = np.asarray(function(states.reshape(-1, states.shape[-1])), dtype=np.float64)
    values = product(_subset_weights(players), outputs.reshape(len(states), -1))
    shape = (players, len(pairs), *outputs.shape[1:])
    return np.asarray(values, dtype=np.float64).reshape(shape).swapaxes(0, 1)
