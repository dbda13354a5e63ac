"""Rows as sequences: quantities measured at every step, and what does not change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field

from auditkit.encoding.columns import Scale, demand_distinct
from auditkit.encoding.raw import (
    STRICT,
    Encoded,
    Floats,
    Positions,
    demand,
    gather,
    numbers,
    once,
    plain,
    validated,
)  # fmt: skip
from auditkit.encoding.tabular import TabularEncoder
from auditkit.errors import InputError, Problem


@dataclass(frozen=True)
class Channel:
    """A quantity that is measured at every step, as learnt.

    Attributes:
        name: Name of the quantity.
        columns: Its raw columns, oldest first.
        scale: Imputation and standardisation, over all its steps.
    """

    name: str
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    scale: Scale

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def encode(self, rows: pd.DataFrame, out: Encoded) -> None:
        """Write the channel into `out`, shape (n, steps, width)."""
        self.scale.encode(_steps(rows, self.columns), out)

    def unseen(self, rows: pd.DataFrame) -> list[int]:
        """Count the missing values of each column, where training had none."""
        missing = np.isnan(_steps(rows, self.columns)).sum(axis=0)
        return [0 if self.scale.missing else int(count) for count in missing]


@dataclass(frozen=True)
class SequenceEncoder:
    """Encoding of rows as sequences; made by `SequenceEncoder.fit`.

    Attributes:
        channels: The channels as learnt, all equally long.
        static: Encoding of what does not change over time; repeated at every step.

    Example:
        >>> train = pd.DataFrame({"b2": [0.0, 2.0], "b1": [2.0, 4.0], "limit": [10.0, 30.0]})
        >>> encoder = SequenceEncoder.fit(train, {"bill": ["b2", "b1"]}, ["limit"])
        >>> encoder.shape
        (2, 2)
        >>> {name: list(map(int, places)) for name, places in encoder.players.items()}
        {'b2': [0], 'b1': [2], 'limit': [1, 3]}
    """

    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    static: TabularEncoder
    kind: Literal["sequence"] = "sequence"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @classmethod
    def fit(
        cls, rows: pd.DataFrame, sequence: Mapping[str, Sequence[str]], static: Sequence[str] = ()
    ) -> SequenceEncoder:
        """Learn the encoding.

        Args:
            rows: Training rows, at least one.
            sequence: Channel name to its columns of numbers, oldest first; equally long.
            static: Columns that do not change over time, encoded as by `TabularEncoder`.

        Returns:
            The encoder.

        Raises:
            InputError: If there is no channel, the channels differ in length, or a column is
                missing, twice there or cannot be encoded; every such column is listed.
        """
        _demand_equal_lengths(sequence)
        demand(rows, [*(c for columns in sequence.values() for c in columns), *static])
        calls: list[tuple[str, Callable[[], Channel | TabularEncoder]]]
        calls = [(name, partial(_channel, rows, name, sequence[name])) for name in sequence]
        calls.append(("static", partial(TabularEncoder.fit, rows, static)))
        *channels, encoder = gather(calls)
        return cls(tuple(cast("list[Channel]", channels)), cast("TabularEncoder", encoder))

    @property
    def features(self) -> tuple[str, ...]:
        """The raw columns that are read."""
        return (*(c for channel in self.channels for c in channel.columns), *self.static.features)

    @property
    def steps(self) -> int:
        """Steps of a sequence."""
        return len(self.channels[0].columns)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an encoded row: (steps, channels)."""
        return (self.steps, int(self._ends[-1]) + self.static.width)

    @property
    def players(self) -> dict[str, Positions]:
        """Raw column to its positions in a flattened encoded row; together each position once.

        A column of a channel is a player at its own step, a static one at all steps at once.
        """
        places = np.arange(np.prod(self.shape), dtype=np.int64).reshape(self.shape)
        *parts, rest = np.split(places, self._ends, axis=1)
        players: dict[str, Positions] = {}
        for channel, part in zip(self.channels, parts, strict=True):
            players |= dict(zip(channel.columns, part, strict=True))
        for name, positions in self.static.players.items():
            players[name] = rest[:, positions].reshape(-1)
        return players

    def encode(self, rows: pd.DataFrame) -> Encoded:
        """Encode rows.

        Args:
            rows: Raw rows; other columns are ignored.

        Returns:
            Shape (n, steps, channels), float32.

        Raises:
            InputError: If a column is missing or cannot be encoded; every such column is listed.
        """
        demand(rows, self.features)
        out = np.zeros((len(rows), *self.shape), dtype=np.float32)
        *parts, rest = np.split(out, self._ends, axis=2)
        gather(
            (channel.name, partial(channel.encode, rows, part))
            for channel, part in zip(self.channels, parts, strict=True)
        )
        rest[:] = self.static.encode(rows)[:, None, :]
        return out

    def unseen(self, rows: pd.DataFrame) -> dict[str, int]:
        """Count values of a kind that training did not have; see `TabularEncoder.unseen`."""
        demand(rows, self.features)
        counts = gather((c.name, partial(c.unseen, rows)) for c in self.channels)
        names = self.features[: len(self.channels) * self.steps]
        found = dict(zip(names, (n for count in counts for n in count), strict=True))
        return found | self.static.unseen(rows)

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values; `encoder_from_dict` reads them."""
        return plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SequenceEncoder:
        """Read what `to_dict` wrote; see `encoder_from_dict`."""
        encoder = validated(cls, values)
        _demand_equal_lengths({channel.name: channel.columns for channel in encoder.channels})
        once((c.name for c in encoder.channels), "encoder.channels", "each channel once")
        once(encoder.features, "encoder.channels", "each column once")
        demand_distinct(encoder.static.columns)
        return encoder

    @property
    def _ends(self) -> Positions:
        return np.cumsum([channel.scale.width for channel in self.channels], dtype=np.int64)


def _demand_equal_lengths(sequence: Mapping[str, Sequence[str]]) -> None:
    lengths = sorted({len(columns) for columns in sequence.values()})
    if len(lengths) != 1 or lengths == [0]:
        found = f"channels of {lengths} columns" if lengths else "no channel"
        raise InputError([Problem("sequence", found, "one or more equally long channels")])


def _steps(rows: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Raw numbers of a channel: shape (n, steps), NaN where one is missing."""
    return np.stack(gather((name, partial(numbers, rows[name])) for name in columns), axis=1)


def _channel(rows: pd.DataFrame, name: str, columns: Sequence[str]) -> Channel:
    return Channel(name, tuple(columns), Scale.fit(_steps(rows, columns)))
