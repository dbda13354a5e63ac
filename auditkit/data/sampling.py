"""A uniform random sample of rows that does not depend on the order in which the rows come.

Every row gets a priority: a hash of its content, of how many equal rows were counted before it, and
of the seed. The rows with the lowest priorities are the sample. Equal rows thus count as often as
they are there, and as they are interchangeable, neither the order of the rows nor that of the
files matters. Two passes over the rows are needed; what is held in memory between them depends on
the size of the sample, not on the number of rows (16 bytes a row go to temporary files).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

#: Different rows that one temporary file should hold, and most such files.
PART_ROWS, MOST_PARTS = 1 << 18, 256
#: Priorities that are computed at a time.
BLOCK = 1 << 18

# SplitMix64: the increment of its stream and its output function.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_MISSING = np.uint64(0x6D697373696E6721)


def row_hashes(batch: Any) -> Hashes:  # noqa: ANN401 - untyped library
    """Hash the content of rows.

    Args:
        batch: A `pyarrow.RecordBatch` of n rows.

    Returns:
        Shape (n,). Equal rows have equal hashes, whatever else is in the batch; the order of the
        columns does not matter.

    Example:
        >>> import pyarrow as pa
        >>> a = row_hashes(pa.record_batch({"x": [1, 1, None], "y": ["p", "q", "p"]}))
        >>> b = row_hashes(pa.record_batch({"y": ["q", "p"], "x": [1, 1]}))
        >>> bool(a[0] == b[1]), bool(a[1] == b[0]), len(set(a.tolist()))
        (True, True, 3)
    """
    total = np.zeros(batch.num_rows, dtype=np.uint64)
    for name in sorted(batch.schema.names):
        total = _mixed(total + _STEP + _column_hashes(batch.column(name)))
    return total


def draw(hashes: Iterable[Hashes], rows: int, size: int, seed: int) -> Drawn:
    """Draw rows by the hashes of their content.

    Args:
        hashes: Hashes of all rows, in parts and in any order.
        rows: About how many rows there are; only the number of temporary files depends on it.
        size: Rows to draw, at least 1.
        seed: Other seeds draw other rows.

    Returns:
        What was drawn, by content: a uniform random sample without replacement.

    Example:
        >>> drawn = draw([np.array([7, 7, 7, 9], dtype=np.uint64)], rows=4, size=2, seed=0)
        >>> int(drawn.counts.sum()), drawn.rows
        (2, 4)
    """
    state = hashlib.sha256(f"auditkit sample {seed}".encode()).digest()[:8]
    start = np.uint64(int.from_bytes(state, "big"))
    lowest, total = _Lowest(size), 0
    with _Parts(min(MOST_PARTS, max(1, -(-rows // PART_ROWS)))) as parts:
        for some in hashes:
            parts.add(some)
            total += len(some)
        for contents, counts in parts:
            for which, priorities in _priorities(contents ^ start, counts):
                lowest.add(priorities, contents[which])
    kept, counts = np.unique(lowest.contents(), return_counts=True)
    return Drawn(kept, counts.astype(np.int32), total)


@dataclass
class Drawn:
    """How many rows of each content were drawn; says row by row which those are.

    Attributes:
        contents: Hashes, rising.
        counts: Rows drawn of each, at least 1.
        rows: Rows that they were drawn from.
    """

    contents: Hashes
    counts: npt.NDArray[np.int32]
    rows: int
    _used: npt.NDArray[np.int32] = field(init=False)

    def __post_init__(self) -> None:
        self._used = np.zeros_like(self.counts)

    def take(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Say which of the next rows belong to the sample.

        Args:
            hashes: Shape (n,): hashes of the next rows of the second pass.

        Returns:
            Shape (n,). Of equal rows the first are taken, as many as were drawn.
        """
        place = np.searchsorted(self.contents, hashes)
        place[place == len(self.contents)] = 0
        rows = np.flatnonzero(self.contents[place] == hashes)
        rows = rows[np.argsort(place[rows], kind="stable")]  # equal rows together, in order
        found, first, count = np.unique(place[rows], return_index=True, return_counts=True)
        earlier = np.repeat(self._used[found] - first, count) + np.arange(len(rows))
        self._used[found] += count.astype(np.int32)
        taken = np.zeros(len(hashes), dtype=np.bool_)
        taken[rows[earlier < self.counts[place[rows]]]] = True
        return taken


def _mixed(values: Hashes) -> Hashes:
    """The output function of SplitMix64: every bit of the input moves every bit of the output."""
    for shift, factor in _MIX:
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(factor)
    return values ^ (values >> np.uint64(31))


def _column_hashes(column: Any) -> Hashes:  # noqa: ANN401 - untyped library
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _column_hashes(column.cast(kind.value_type))
    missing = column.is_null().to_numpy(zero_copy_only=False)
    bits = _number_bits(column, kind) if _is_number(kind) else _text_bits(column, kind)
    return np.where(missing, _MISSING, _mixed(bits + _STEP))


def _is_number(kind: Any) -> bool:  # noqa: ANN401 - untyped library
    from pyarrow import types

    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_temporal)
    return any(test(kind) for test in tests) and not types.is_interval(kind)


def _number_bits(column: Any, kind: Any) -> Hashes:  # noqa: ANN401 - untyped library
    import pyarrow as pa

    if pa.types.is_temporal(kind):
        kind = pa.int32() if kind.bit_width == 32 else pa.int64()
        column = column.cast(kind)
    filler = pa.scalar(0).cast(kind)
    values = column.fill_null(filler).to_numpy(zero_copy_only=False)
    if not np.issubdtype(values.dtype, np.floating):
        return np.asarray(values).astype(np.uint64)
    numbers = values.astype(np.float64) + 0.0  # -0.0 and 0.0 are one number
    numbers[np.isnan(numbers)] = np.nan  # and so is every NaN
    bits: Hashes = numbers.view(np.uint64)
    return bits


def _text_bits(column: Any, kind: Any) -> Hashes:  # noqa: ANN401 - untyped library
    import pandas as pd
    import pyarrow as pa
    from pyarrow import types

    plain = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    if not any(test(kind) for test in plain):
        texts = [None if value is None else repr(value) for value in column.to_pylist()]
        column = pa.array(texts, pa.large_string())
    coded = column.fill_null(pa.scalar(b"").cast(column.type)).dictionary_encode()
    values = coded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    hashes: Hashes = pd.util.hash_array(values, categorize=False).astype(np.uint64)
    taken: Hashes = hashes[coded.indices.to_numpy(zero_copy_only=False)]
    return taken


class _Parts:
    """Content hashes and how often each was met, in temporary files, equal hashes in one file."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._stack = ExitStack()
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        open_one = tempfile.TemporaryFile
        self._files = [self._stack.enter_context(open_one()) for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, hashes: Hashes) -> None:
        contents, counts = np.unique(hashes, return_counts=True)
        pairs = np.stack([contents, counts.astype(np.uint64)], axis=1)
        part = contents % np.uint64(self._count)
        order = np.argsort(part, kind="stable")
        ends = np.searchsorted(part[order], np.arange(1, self._count + 1))
        start = 0
        for file, end in zip(self._files, ends, strict=True):
            file.write(pairs[order[start:end]].tobytes())
            start = end

    def __iter__(self) -> Iterator[tuple[Hashes, Counts]]:
        for file in self._files:
            file.seek(0)
            pairs = np.frombuffer(file.read(), dtype=np.uint64).reshape(-1, 2)
            if len(pairs):
                pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
                starts = np.flatnonzero(np.r_[True, pairs[1:, 0] != pairs[:-1, 0]])
                yield pairs[starts, 0], np.add.reduceat(pairs[:, 1], starts).astype(np.int64)


def _priorities(states: Hashes, counts: Counts) -> Iterator[tuple[Counts, Hashes]]:
    """Priorities of all rows: for each content a stream of SplitMix64, one draw a row of it."""
    ends, states = np.cumsum(counts), _mixed(states)
    for start in range(0, int(ends[-1]), BLOCK):
        rows = np.arange(start, min(start + BLOCK, int(ends[-1])))
        which = np.searchsorted(ends, rows, side="right")
        number = (rows - (ends - counts)[which] + 1).astype(np.uint64)
        yield which, _mixed(states[which] + number * _STEP)


class _Lowest:
    """The contents with the lowest priorities so far; never holds many more than are wanted."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._limit = np.uint64(2**64 - 1)
        self._priorities = np.empty(size + BLOCK, dtype=np.uint64)
        self._contents = np.empty(size + BLOCK, dtype=np.uint64)
        self._count = 0

    def add(self, priorities: Hashes, contents: Hashes) -> None:
        """Add at most `BLOCK` rows."""
        low = priorities <= self._limit
        end = self._count + int(low.sum())
        if end > len(self._priorities):
            self._prune()
            self.add(priorities[low], contents[low])
            return
        self._priorities[self._count : end] = priorities[low]
        self._contents[self._count : end] = contents[low]
        self._count = end

    def contents(self) -> Hashes:
        self._prune()
        return self._contents[: self._count]

    def _prune(self) -> None:
        held = self._priorities[: self._count]
        if self._count <= self._size:
            return
        self._limit = np.partition(held, self._size - 1)[self._size - 1]
        low = np.flatnonzero(held <= self._limit)[: self._size]
        self._priorities[: len(low)] = held[low]
        self._contents[: len(low)] = self._contents[low]
        self._count = len(low)
