"""Shapley values of the tokens of one text, where a token that is absent is taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditkit.methods import shapley_exact, shapley_sampled
from auditkit.methods.shapley_game import Asked, Floats, InputMixer, Pairs, Positions, Rows

#: Texts of at most this many tokens are exact: 4,096 subsets.
EXACT_TOKENS = 12
#: Orders of the tokens that are walked before anything is said of their error.
FIRST_ORDERS = 8


@dataclass(frozen=True, slots=True)
class TokenValues:
    """Shapley values of one text.

    Attributes:
        values: Shape (d,), or (d, k) of k outputs.
        standard_errors: Likewise: of the draw of orders alone, so 0 where values are exact.
        orders: Orders of the tokens that were walked; 0 where values are exact.
        evaluations: Texts that the function was asked about.
    """

    values: Floats
    standard_errors: Floats
    orders: int
    evaluations: int


def cost(tokens: int, orders: int, exact_tokens: int = EXACT_TOKENS) -> int:
    """Evaluations of a text of so many tokens, its two ends being known.

    Example:
        >>> cost(12, 100), cost(13, 100)
        (4096, 2400)
    """
    if tokens < 2:
        return 0
    if tokens <= exact_tokens:
        return shapley_exact.cost(tokens)
    return orders * shapley_sampled.cost(tokens)


def token_values(
    asked: Asked,
    codes: Rows,
    low: Floats,
    high: Floats,
    *,
    rng: np.random.Generator,
    standard_error: float,
    orders: int,
    exact_tokens: int = EXACT_TOKENS,
) -> TokenValues:
    """Compute the values of the tokens of one text.

    All subsets of at most `exact_tokens` tokens; of more, random orders, each walked forth and
    back, until the largest standard error is small enough.

    Args:
        asked: Takes texts (n, d), 0 where a token is taken out.
        codes: Shape (d,): what stands for each token, not 0.
        low: Shape () or (k,): the function of the empty text.
        high: Likewise: of the whole text.
        rng: The orders are drawn from it.
        standard_error: Largest standard error that is small enough; unit: of the function.
        orders: Most orders, at least `FIRST_ORDERS`.
        exact_tokens: Tokens up to which all subsets are asked about; at most `EXACT_TOKENS`.

    Returns:
        The values; they sum to `high` minus `low` but for rounding.

    Source:
        As `auditkit.methods.shapley.shapley`, with the empty text as the background.

    Example:
        >>> asked = Asked(lambda z: (z > 0).all(axis=1), 100)
        >>> found = token_values(asked, np.ones(4, np.float32), np.float64(0), np.float64(1),
        ...                      rng=np.random.default_rng(0), standard_error=0.01, orders=8)
        >>> found.values, found.evaluations
        (array([0.25, 0.25, 0.25, 0.25]), 16)
    """
    before, d = asked.evaluations, len(codes)
    if d < 2:
        values = np.repeat(np.asarray(high - low)[None], d, axis=0)
        return TokenValues(values, np.zeros_like(values), 0, 0)
    places = np.arange(d)
    mixer = InputMixer(codes[None], np.zeros((1, d), np.float32), places)
    if d <= exact_tokens:
        values = shapley_exact.exact(mixer, asked, _pairs(places[None]))[0]
        return TokenValues(values, np.zeros_like(values), 0, asked.evaluations - before)
    walked = np.empty((0, d, *np.shape(low)))
    while True:
        count = _more(walked, standard_error, orders)
        if count == 0:
            break
        drawn = np.argsort(rng.random((count, d)), axis=1)
        walked = np.concatenate([walked, _walk(mixer, asked, drawn, low, high)])
    errors = walked.std(axis=0, ddof=1) / np.sqrt(len(walked))
    return TokenValues(walked.mean(axis=0), errors, len(walked), asked.evaluations - before)


def _pairs(orders: Positions) -> Pairs:
    """The text against the empty one, once for each order (n, d)."""
    first = np.zeros(len(orders), np.int64)
    return Pairs(first, first, orders)


def _more(walked: Floats, standard_error: float, orders: int) -> int:
    """Orders to walk next, as many as the error so far asks for."""
    n = len(walked)
    if n < FIRST_ORDERS:
        return FIRST_ORDERS
    worst = float(walked.std(axis=0, ddof=1).max())
    wanted = orders if standard_error <= 0 else min(orders, (worst / standard_error) ** 2)
    # A few more at a time than asked for, and never many times what the guess is based on.
    return int(min(np.ceil(max(wanted - n, 0)), orders - n, 4 * n))


def _walk(mixer: InputMixer, asked: Asked, orders: Positions, low: Floats, high: Floats) -> Floats:
    """Values along each order (n, d), in the order of the text: shape (n, d) or (n, d, k)."""
    found = np.empty((*orders.shape, *np.shape(low)))
    pairs = _pairs(orders)
    size = max(1, asked.chunk // shapley_sampled.cost(orders.shape[1]))
    for place, piece in pairs.chunks(size):
        ends = (np.broadcast_to(end, (len(piece), *np.shape(low))) for end in (low, high))
        values = shapley_sampled.sampled(mixer, asked, piece, *ends)
        found[place][np.arange(len(piece))[:, None], piece.players] = values
    return found
