"""Shapley values of the tokens of one text, where a token that is absent is taken out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

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


def half_widths(standard_errors: Floats, orders: int, level: float = 0.95) -> Floats:
    """Half the widths of the intervals of values from some orders, by Student's t.

    Args:
        standard_errors: Of the values.
        orders: Orders of the tokens that were walked; 0 where values are exact.
        level: Two-sided confidence level, in (0, 1).

    Returns:
        Of the same shape; 0 where values are exact.

    Example:
        >>> half_widths(np.array([0.01]), orders=8).round(4)
        array([0.0236])
    """
    quantile = special.stdtrit(max(orders - 1, 1), (1 + level) / 2)
    return np.asarray(quantile * standard_errors)


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
    codes: Sequence[Rows],
    low: Floats,
    high: Floats,
    *,
    rngs: Sequence[np.random.Generator],
    standard_error: float,
    orders: Sequence[int],
    exact_tokens: int = EXACT_TOKENS,
) -> list[TokenValues]:
    """Compute the values of the tokens of some texts.

    All subsets of at most `exact_tokens` tokens; of more, random orders, each walked forth and
    back, until the largest standard error of the text is small enough. The function is asked about
    all texts together.

    Args:
        asked: Takes texts (n, length), 0 where a token is taken out or a text has ended.
        codes: Shape (d,) each: what stands for each token of a text, not 0.
        low: Shape () or (k,): the function of the empty text.
        high: Shape (m,) or (m, k): of each whole text.
        rngs: The orders of each text are drawn from its own.
        standard_error: Largest standard error that is small enough; unit: of the function.
        orders: Most orders of each text, at least `FIRST_ORDERS`.
        exact_tokens: Tokens up to which all subsets are asked about; at most `EXACT_TOKENS`.

    Returns:
        The values of each text; they sum to `high` minus `low` but for rounding.

    Source:
        As `auditkit.methods.shapley.shapley`, with the empty text as the background.

    Example:
        >>> asked = Asked(lambda z: (z > 0).sum(axis=1) == 4, 100)
        >>> (found,) = token_values(asked, [np.ones(4, np.float32)], np.float64(0), np.ones(1),
        ...                         rngs=[np.random.default_rng(0)], standard_error=0.01,
        ...                         orders=[8])
        >>> found.values, found.evaluations
        (array([0.25, 0.25, 0.25, 0.25]), 16)
    """
    walks = {
        row: _Walks(line, low, high[row], rngs[row], orders[row])
        for row, line in enumerate(codes)
        if len(line) > max(exact_tokens, 1)
    }
    while _walk_on(asked, list(walks.values()), standard_error):
        pass
    return [
        walks[row].values() if row in walks else _exact(asked, line, low, high[row])
        for row, line in enumerate(codes)
    ]


def _exact(asked: Asked, codes: Rows, low: Floats, high: Floats) -> TokenValues:
    """Values of a short text."""
    before, d = asked.evaluations, len(codes)
    if d < 2:
        values = np.repeat(np.asarray(high - low)[None], d, axis=0)
    else:
        mixer = InputMixer(codes[None], np.zeros((1, d), np.float32), np.arange(d))
        one = np.zeros(1, np.int64)
        values = shapley_exact.exact(mixer, asked, Pairs(one, one, np.arange(d)[None]))[0]
    return TokenValues(values, np.zeros_like(values), 0, asked.evaluations - before)


class _Walks:
    """The orders of the tokens of one long text that were walked so far."""

    def __init__(
        self, codes: Rows, low: Floats, high: Floats, rng: np.random.Generator, most: int
    ) -> None:
        self._codes, self._low, self._high = codes, low, high
        self._rng, self._most = rng, most
        self._found = np.empty((0, len(codes), *np.shape(low)))

    @property
    def cost(self) -> int:
        """Evaluations of one order."""
        return shapley_sampled.cost(len(self._codes))

    def draw(self, standard_error: float) -> Positions:
        """Draw as many orders as the error so far asks for: shape (n, d)."""
        count = _more(self._found, standard_error, self._most)
        return np.argsort(self._rng.random((count, len(self._codes))), axis=1)

    def texts(self, orders: Positions) -> Rows:
        """Make the texts that are met along some orders, forth and back: shape (n * cost, d)."""
        d = len(self._codes)
        there = np.argsort(orders, axis=1) < np.arange(1, d)[:, None, None]
        return np.asarray(np.stack([there, ~there]) * self._codes).reshape(-1, d)

    def add(self, orders: Positions, outputs: Floats) -> None:
        """Take what the function gives for `texts` of these orders."""
        n, d = orders.shape
        ends = (np.broadcast_to(end, (n, *end.shape)) for end in (self._low, self._high))
        low, high = map(np.asarray, ends)
        up, down = outputs.reshape(2, d - 1, *low.shape)
        values = np.empty((n, d, *low.shape[1:]))
        values[np.arange(n)[:, None], orders] = shapley_sampled.gains(low, up, down, high)
        self._found = np.concatenate([self._found, values])

    def values(self) -> TokenValues:
        """Values over all orders so far."""
        n = len(self._found)
        errors = self._found.std(axis=0, ddof=1) / np.sqrt(n)
        return TokenValues(self._found.mean(axis=0), errors, n, n * self.cost)


def _walk_on(asked: Asked, walks: Sequence[_Walks], standard_error: float) -> bool:
    """Walk more orders of each text that needs some; False if none did."""
    drawn = [(one, one.draw(standard_error)) for one in walks]
    pieces = [
        (one, orders[start : start + size])
        for one, orders in drawn
        for size in [max(1, asked.chunk // one.cost)]
        for start in range(0, len(orders), size)
    ]
    for group in _groups(pieces, asked.chunk):
        outputs = asked(_stacked([one.texts(orders) for one, orders in group]))
        ends = np.cumsum([len(orders) * one.cost for one, orders in group])
        for (one, orders), found in zip(group, np.split(outputs, ends[:-1]), strict=True):
            one.add(orders, found)
    return bool(pieces)


def _groups(
    pieces: Sequence[tuple[_Walks, Positions]], chunk: int
) -> Iterator[list[tuple[_Walks, Positions]]]:
    """Put pieces together until they are about a chunk."""
    group: list[tuple[_Walks, Positions]] = []
    size = 0
    for one, orders in pieces:
        more = len(orders) * one.cost
        if group and size + more > chunk:
            yield group
            group, size = [], 0
        group.append((one, orders))
        size += more
    if group:
        yield group


def _stacked(texts: Sequence[Rows]) -> Rows:
    """Put texts of several lengths below each other, with zeros at their ends."""
    whole = np.zeros((sum(map(len, texts)), max(part.shape[1] for part in texts)), np.float32)
    start = 0
    for part in texts:
        whole[start : start + len(part), : part.shape[1]] = part
        start += len(part)
    return whole


def _more(walked: Floats, standard_error: float, orders: int) -> int:
    """Orders to walk next, as many as the error so far asks for."""
    n = len(walked)
    if n < FIRST_ORDERS:
        return FIRST_ORDERS
    worst = float(walked.std(axis=0, ddof=1).max())
    wanted = orders if standard_error <= 0 else min(orders, (worst / standard_error) ** 2)
    # A few more at a time than asked for, and never many times what the guess is based on.
    return int(min(np.ceil(max(wanted - n, 0)), orders - n, 4 * n))
