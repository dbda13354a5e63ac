"""Rows as sequences: quantities measured at every step, and what does not change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt
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
from auditkit.errors import InputError, Problem, quote

#: Which steps of which rows are there, shape (n, steps).
There = npt.NDArray[np.bool_]


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

    def unseen(self, rows: pd.DataFrame, there: There) -> list[int]:
        """Count the missing values of each column at steps that are there, if training had none."""
        missing = (np.isnan(_steps(rows, self.columns)) & there).sum(axis=0)
        return [0 if self.scale.missing else int(count) for count in missing]


@dataclass(frozen=True)
class SequenceEncoder:
    """Encoding of rows as sequences; made by `SequenceEncoder.fit`.

    Attributes:
        channels: The channels as learnt, all equally long.
        static: Encoding of what does not change over time; repeated at every step.
        varying: Whether a step at which every channel is missing is no step. Then the first number
            of each step says whether it is there, and the channels of one that is not are zeros.

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
    varying: bool = False
    kind: Literal["sequence"] = "sequence"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @classmethod
    def fit(
        cls,
        rows: pd.DataFrame,
        sequence: Mapping[str, Sequence[str]],
        static: Sequence[str] = (),
        *,
        varying: bool = False,
        clip: float = 0.0,
    ) -> SequenceEncoder:
        """Learn the encoding.

        Args:
            rows: Training rows, at least one.
            sequence: Channel name to its columns of numbers, oldest first; equally long.
            static: Columns that do not change over time, encoded as by `TabularEncoder`.
            varying: Whether a step at which every channel is missing is no step.
            clip: Share of the numbers of a channel or column at each end that is clipped, in
                [0, 0.5).

        Returns:
            The encoder.

        Raises:
            InputError: If there is no channel, the channels differ in length, or a column is
                missing, twice there or cannot be encoded; every such column is listed.
        """
        _demand_equal_lengths(sequence)
        demand(rows, [*(c for columns in sequence.values() for c in columns), *static])
        there = _there(rows, sequence.values()) if varying else None
        calls: list[tuple[str, Callable[[], Channel | TabularEncoder]]]
        calls = [
            (name, partial(_channel, rows, name, columns, there, clip))
            for name, columns in sequence.items()
        ]
        calls.append(("static", partial(TabularEncoder.fit, rows, static, clip=clip)))
        *channels, encoder = gather(calls)
        learnt = tuple(cast("list[Channel]", channels))
        return cls(learnt, cast("TabularEncoder", encoder), varying)

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
        """Shape of an encoded row: (steps, channels), or (steps, 1 + channels) if varying."""
        return (self.steps, int(self._ends[-1]) + self.static.width)

    @property
    def players(self) -> dict[str, Positions]:
        """Raw column to its positions in a flattened encoded row; together each position once.

        A column of a channel is a player at its own step, a static one at all steps at once. Where
        steps can be absent, all channels of a step are one player: they are there together.
        """
        places = np.arange(np.prod(self.shape), dtype=np.int64).reshape(self.shape)
        *parts, rest = np.split(places, self._ends, axis=1)
        players: dict[str, Positions] = {}
        if self.varying:
            steps = np.concatenate(parts, axis=1)
            players = dict(zip(self._step_names, steps, strict=True))
        else:
            for channel, part in zip(self.channels, parts[1:], strict=True):
                players |= dict(zip(channel.columns, part, strict=True))
        for name, positions in self.static.players.items():
            players[name] = rest[:, positions].reshape(-1)
        return players

    def players_by(self, what: Literal["features", "steps"]) -> dict[str, Positions]:
        """Larger players: each channel over all steps, or each step with all channels.

        A static column is a player at all steps at once either way. Where steps can be absent, the
        marks that say which are there go with the step, or are the player "number of steps" beside
        the channels; a step that is there by one row's marks and has no values in the other row
        holds zeros, which is each channel's mean in training.

        Args:
            what: "features" or "steps".

        Returns:
            Player to its positions in a flattened encoded row; together each position once.

        Example:
            >>> train = pd.DataFrame({"b2": [0.0, 2.0], "b1": [2.0, 4.0], "limit": [10.0, 30.0]})
            >>> encoder = SequenceEncoder.fit(train, {"bill": ["b2", "b1"]}, ["limit"])
            >>> {k: v.tolist() for k, v in encoder.players_by("features").items()}
            {'bill': [0, 2], 'limit': [1, 3]}
            >>> {k: v.tolist() for k, v in encoder.players_by("steps").items()}
            {'step 1': [0], 'step 2': [2], 'limit': [1, 3]}
        """
        places = np.arange(np.prod(self.shape), dtype=np.int64).reshape(self.shape)
        marks, *parts, rest = np.split(places, self._ends, axis=1)
        players: dict[str, Positions]
        if what == "steps":
            steps = np.concatenate([marks, *parts], axis=1)
            players = {f"step {number}": step for number, step in enumerate(steps, 1)}
        else:
            named = zip(self.channels, parts, strict=True)
            players = {channel.name: part.reshape(-1) for channel, part in named}
            if self.varying:
                players["number of steps"] = marks.reshape(-1)
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
        first, *parts, rest = np.split(out, self._ends, axis=2)
        gather(
            (channel.name, partial(channel.encode, rows, part))
            for channel, part in zip(self.channels, parts, strict=True)
        )
        rest[:] = self.static.encode(rows)[:, None, :]
        if self.varying:
            first[:] = 1.0
            out[:, :, : self._ends[-1]] *= self._there(rows)[:, :, None]
        return out

    def unseen(self, rows: pd.DataFrame) -> dict[str, int]:
        """Count values of a kind that training did not have; see `TabularEncoder.unseen`."""
        demand(rows, self.features)
        there = self._there(rows)
        counts = gather((c.name, partial(c.unseen, rows, there)) for c in self.channels)
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
        """Ends of the mark of a step, which is empty unless lengths vary, and of the channels."""
        widths = [channel.scale.width for channel in self.channels]
        return np.cumsum([int(self.varying), *widths], dtype=np.int64)

    @property
    def _step_names(self) -> list[str]:
        columns = [channel.columns for channel in self.channels]
        if len(columns) == 1:
            return list(columns[0])
        numbered = enumerate(zip(*columns, strict=True), 1)
        return [f"step {number} ({', '.join(names)})" for number, names in numbered]

    def _there(self, rows: pd.DataFrame) -> There:
        """Which steps are there, shape (n, steps)."""
        if not self.varying:
            return np.ones((len(rows), self.steps), dtype=np.bool_)
        return _there(rows, [channel.columns for channel in self.channels])


def _demand_equal_lengths(sequence: Mapping[str, Sequence[str]]) -> None:
    lengths = sorted({len(columns) for columns in sequence.values()})
    if len(lengths) != 1 or lengths == [0]:
        found = f"channels of {lengths} columns" if lengths else "no channel"
        raise InputError([Problem("sequence", found, "one or more equally long channels")])


def _steps(rows: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Raw numbers of a channel: shape (n, steps), NaN where one is missing."""
    return np.stack(gather((name, partial(numbers, rows[name])) for name in columns), axis=1)


def _channel(
    rows: pd.DataFrame, name: str, columns: Sequence[str], there: There | None, clip: float
) -> Channel:
    values = _steps(rows, columns)
    known = values if there is None else values[there]
    return Channel(name, tuple(columns), Scale.fit(known, clip))


def _there(rows: pd.DataFrame, channels: Iterable[Sequence[str]]) -> There:
    """Which steps have a value of any channel, shape (n, steps)."""
    known = [~np.isnan(_steps(rows, columns)) for columns in channels]
    return np.asarray(np.logical_or.reduce(known))


def widen(
    rows: pd.DataFrame,
    key: str,
    time: str,
    channels: Sequence[str],
    static: Sequence[str] = (),
    *,
    most: int | None = None,
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Make one row a person from a table with one row a person and time.

    Args:
        rows: The table.
        key: Column that says whose row it is; rows without one are refused.
        time: Column by which the rows of one key are put in order; no time twice for one key.
        channels: Columns measured at every time.
        static: Columns that do not change; the newest known value is taken.
        most: Most steps that are kept, the newest; None keeps all.

    Returns:
        One row a key, oldest step first, NaN after the last step of a shorter sequence; and what
        `LSTM.sequence` takes.

    Raises:
        InputError: If a column is missing, a key or time is missing, or a time stands twice.

    Example:
        >>> long = pd.DataFrame({"who": [1, 1, 2], "year": [70, 71, 70], "pay": [1.0, 2.0, 5.0]})
        >>> wide, sequence = widen(long, "who", "year", ["pay"])
        >>> sequence
        {'pay': ['pay_1', 'pay_2']}
        >>> wide.fillna(-1.0).values.tolist()
        [[1.0, 1.0, 2.0], [2.0, 5.0, -1.0]]
    """
    demand(rows, [key, time, *channels, *static])
    _demand_ordered(rows, key, time)
    ordered = rows.sort_values([key, time], kind="stable")
    if most is not None:
        ordered = ordered.groupby(key, sort=False).tail(most)
    step = ordered.groupby(key, sort=False).cumcount() + 1
    parts, sequence = [], {}
    for name in channels:
        wide = ordered.assign(**{time: step}).pivot_table(
            index=key, columns=time, values=name, aggfunc="first", dropna=False
        )
        wide.columns = pd.Index([f"{name}_{number}" for number in wide.columns])
        sequence[name] = list(wide.columns)
        parts.append(wide)
    if static:
        parts.append(ordered.groupby(key)[list(static)].last())
    return pd.concat(parts, axis=1).reset_index(), sequence


def _demand_ordered(rows: pd.DataFrame, key: str, time: str) -> None:
    problems = [
        Problem(f"column {quote(name)}", f"{count:,} missing values", "a value in every row")
        for name in (key, time)
        if (count := int(rows[name].isna().sum()))
    ]
    twice = int(rows.duplicated([key, time]).sum())
    if twice and not problems:
        found = f"{twice:,} rows of a {quote(key)} and {quote(time)} that were there before"
        problems.append(Problem("rows", found, "each time once for each key"))
    if problems:
        raise InputError(problems)
