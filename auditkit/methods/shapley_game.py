"""What a network sees of a coalition: some players from an explained row, the rest from another.

Players enter and leave one at a time, either by copying their positions of the encoded row, or,
where a network starts with a linear layer, by adding what they contribute to that layer's output.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]
#: A function of a batch of rows, shape (n, width), that gives one number a row, shape (n,), or k
#: numbers, shape (n, k).
Batched = Callable[[Rows], npt.NDArray[np.floating]]

#: Rows and background rows on which the function is asked twice, to see that it repeats itself.
REPEATED = 64
#: How far two answers to one question may lie apart; unit: of the function.
_REPEAT_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of an explained and a background row that differ in equally many players.

    Attributes:
        rows: Shape (q,): index of the explained row.
        background: Shape (q,): index of the background row.
        players: Shape (q, d): the players that differ, in the order in which they enter.
    """

    rows: Positions
    background: Positions
    players: Positions

    def __len__(self) -> int:
        return len(self.rows)

    def chunks(self, size: int) -> Iterator[tuple[slice, Pairs]]:
        """Cut into pieces of at most `size` pairs, each with its place."""
        for start in range(0, len(self), size):
            piece = slice(start, start + size)
            yield piece, Pairs(self.rows[piece], self.background[piece], self.players[piece])


class Steps(Protocol):
    """The way of some pairs from the background row (`low`) to the explained row (`high`)."""

    @property
    def low(self) -> Rows:
        """Inputs without any player, shape (q, width)."""
        ...

    @property
    def high(self) -> Rows:
        """Inputs with every player, shape (q, width)."""
        ...

    def enter(self, states: Rows, k: int, out: Rows) -> None:
        """Write to `out` the states (..., q, width) after the k-th player of each pair came."""
        ...

    def leave(self, states: Rows, k: int, out: Rows) -> None:
        """Write to `out` the states (..., q, width) after the k-th player of each pair left."""
        ...


class Mixer(Protocol):
    """Makes the inputs of coalitions."""

    def steps(self, pairs: Pairs) -> Steps:
        """Prepare the way of these pairs."""
        ...


@dataclass(frozen=True, slots=True)
class _Copying:
    low: Rows
    high: Rows
    owner: Positions
    players: Positions

    def enter(self, states: Rows, k: int, out: Rows) -> None:
        out[...] = np.where(self._mask(k), self.high, states)

    def leave(self, states: Rows, k: int, out: Rows) -> None:
        out[...] = np.where(self._mask(k), self.low, states)

    def _mask(self, k: int) -> npt.NDArray[np.bool_]:
        return np.equal(self.owner, self.players[:, k, None])


@dataclass(frozen=True, slots=True)
class InputMixer:
    """Mixes encoded rows by copying: exact for any function.

    Attributes:
        rows: Shape (m, p): explained rows.
        background: Shape (b, p): background rows.
        owner: Shape (p,): the player of each position.
    """

    rows: Rows
    background: Rows
    owner: Positions

    def steps(self, pairs: Pairs) -> Steps:
        """Prepare the way of these pairs."""
        low, high = self.background[pairs.background], self.rows[pairs.rows]
        return _Copying(low, high, self.owner, pairs.players)


@dataclass(frozen=True, slots=True)
class _Adding:
    low: Rows
    high: Rows
    own: Rows
    other: Rows
    own_index: Positions
    other_index: Positions

    def enter(self, states: Rows, k: int, out: Rows) -> None:
        np.add(states, self._change(k), out=out)

    def leave(self, states: Rows, k: int, out: Rows) -> None:
        np.subtract(states, self._change(k), out=out)

    def _change(self, k: int) -> Rows:
        change = np.take(self.own, self.own_index[:, k], axis=0)
        change -= np.take(self.other, self.other_index[:, k], axis=0)
        return change


@dataclass(frozen=True, slots=True)
class HiddenMixer:
    """Mixes outputs of a linear first layer: each player adds its part, several times cheaper.

    Attributes:
        rows: Shape (m, g, h): what each player of each explained row adds.
        background: Shape (b, g, h): what each player of each background row adds.
        high: Shape (m, h): the layer's output of the explained rows.
        low: Shape (b, h): the layer's output of the background rows.
    """

    rows: Rows
    background: Rows
    high: Rows
    low: Rows

    @classmethod
    def of(cls, rows: Rows, background: Rows, bias: Rows) -> HiddenMixer:
        """Sum up the parts and the layer's bias (h,)."""
        return cls(rows, background, rows.sum(axis=1) + bias, background.sum(axis=1) + bias)

    def steps(self, pairs: Pairs) -> Steps:
        """Prepare the way of these pairs."""
        g, h = self.rows.shape[1:]
        return _Adding(
            low=self.low[pairs.background],
            high=self.high[pairs.rows],
            own=self.rows.reshape(-1, h),
            other=self.background.reshape(-1, h),
            own_index=pairs.rows[:, None] * g + pairs.players,
            other_index=pairs.background[:, None] * g + pairs.players,
        )


def parts(rows: Rows, weight: Rows, players: Sequence[npt.NDArray[np.integer]]) -> Rows:
    """Compute what each player adds to the output of a linear layer.

    Args:
        rows: Shape (m, p): encoded rows.
        weight: Shape (h, p): the layer's weight.
        players: Positions of each of the g players.

    Returns:
        Shape (m, g, h).

    Example:
        >>> parts(np.array([[1, 2, 3]], np.float32), np.array([[1, 1, 10]], np.float32),
        ...       [np.array([0, 1]), np.array([2])]).tolist()
        [[[3.0], [30.0]]]
    """
    added = np.empty((len(rows), len(players), len(weight)), dtype=np.float32)
    for g, positions in enumerate(players):
        added[:, g] = product(rows[:, positions], weight[:, positions].T)
    return added


def product(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Multiply matrices in torch, because `one_thread` holds its threads and not numpy's."""
    import torch

    left, right = torch.from_numpy(np.ascontiguousarray(a)), torch.from_numpy(np.asarray(b))
    multiplied: npt.NDArray[np.floating] = (left @ right).numpy()
    return multiplied


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: batches are small, and threads that wait cost more than they do."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def checked(
    rows: Rows, background: Rows, players: Sequence[npt.NDArray[np.integer]]
) -> tuple[Rows, Rows]:
    """Check encoded rows (m, p), background rows (b, p) and the positions of the players.

    Returns:
        Copies of both.

    Raises:
        ValueError: If shapes do not fit, a number is not finite, there is no background, or a
            position belongs to no player or to two.
    """
    rows, background = np.array(rows, np.float32), np.array(background, np.float32)
    if rows.ndim != 2 or background.ndim != 2 or rows.shape[1] != background.shape[1]:
        shapes = f"{rows.shape} and {background.shape}"
        raise ValueError(f"rows and background have shapes (m, p) and (b, p); got {shapes}")
    if len(background) == 0:
        raise ValueError("the background has no row")
    for name, array in (("rows", rows), ("background", background)):
        if not np.isfinite(array).all():
            raise ValueError(f"the encoded {name} hold NaN or infinity")
    owned = np.sort(np.concatenate([np.zeros(0, np.int64), *(np.ravel(p) for p in players)]))
    if not np.array_equal(owned, np.arange(rows.shape[1])):
        raise ValueError(
            f"each of the {rows.shape[1]} positions belongs to exactly one player; "
            f"got {len(owned)} positions, {len(np.unique(owned))} of them different"
        )
    return rows, background


def value_codes(
    rows: Rows, background: Rows, players: Sequence[npt.NDArray[np.integer]]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Number the values of each player, so that equal values have equal numbers.

    Args:
        rows: Shape (m, p): encoded rows.
        background: Shape (b, p): encoded background rows.
        players: Positions of each of the g players.

    Returns:
        Codes of the rows, shape (m, g), and of the background rows, shape (b, g).

    Example:
        >>> codes, others = value_codes(np.array([[1, 5]], np.float32),
        ...                             np.array([[1, 7]], np.float32), [[0], [1]])
        >>> (codes == others).tolist()
        [[True, False]]
    """
    both = np.concatenate([rows, background])
    codes = np.empty((len(both), len(players)), dtype=np.int32)
    for g, positions in enumerate(players):
        _, inverse = np.unique(both[:, positions], axis=0, return_inverse=True)
        codes[:, g] = inverse.reshape(-1)
    return codes[: len(rows)], codes[len(rows) :]


class Asked:
    """A batched function that counts its evaluations and refuses what is no number.

    Attributes:
        evaluations: Rows that it was asked about so far.

    Args:
        function: The function.
        chunk: Most rows that it is given at once.
        width: Numbers that it gives for a row.
    """

    def __init__(self, function: Batched, chunk: int, width: int = 1) -> None:
        self.function = function
        self.chunk = chunk
        self.evaluations = 0
        self._tail = () if width == 1 else (width,)

    def __call__(self, rows: Rows) -> Floats:
        """Evaluate rows in one batch: shape (n,), or (n, k) where it gives k numbers.

        Raises:
            ValueError: If the answer has another shape or is not finite.
        """
        self.evaluations += len(rows)
        outputs = np.array(self.function(rows), dtype=np.float64)
        if outputs.shape == (len(rows), 1) and not self._tail:
            outputs = outputs[:, 0]
        wanted = (len(rows), *self._tail)
        if outputs.shape != wanted:
            many = f"{self._tail[0]} numbers" if self._tail else "one number"
            raise ValueError(f"the model gives {many} a row: {wanted}; got {outputs.shape}")
        if not np.isfinite(outputs).all():
            finite = np.isfinite(outputs).reshape(len(rows), -1).all(axis=1)
            count = len(rows) - int(finite.sum())
            raise ValueError(f"the model gives NaN or infinity for {count} of {len(rows)} inputs")
        return outputs

    def in_chunks(self, rows: Rows) -> Floats:
        """Evaluate any number of rows, a chunk at a time: shape (n,) or (n, k)."""
        pieces = [self(rows[i : i + self.chunk].copy()) for i in range(0, len(rows), self.chunk)]
        return np.concatenate(pieces) if pieces else np.zeros((0, *self._tail))

    def check_repeats(self, rows: Rows) -> None:
        """Ask twice about a few rows.

        Raises:
            ValueError: If the answers differ.
        """
        few = rows[:REPEATED]
        apart = float(np.abs(self(few.copy()) - self(few.copy())).max(initial=0.0))
        if apart > _REPEAT_TOLERANCE:
            raise ValueError(
                f"the model is not deterministic: two answers for one row differ by {apart:.2g}; "
                "put it into evaluation mode (is dropout still on?)"
            )
