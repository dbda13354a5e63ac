"""Rows as one vector each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict

from auditkit.encoding.columns import Column, demand_distinct, fit_column
from auditkit.encoding.raw import (
    STRICT,
    Encoded,
    Positions,
    demand,
    gather,
    once,
    plain,
    validated,
)


@dataclass(frozen=True)
class TabularEncoder:
    """Encoding of rows as one vector each; made by `TabularEncoder.fit`.

    Attributes:
        columns: The columns as learnt, in the order in which they are encoded.

    Example:
        >>> train = pd.DataFrame({"age": [20.0, 40.0, None], "sex": ["F", "M", "F"]})
        >>> encoder = TabularEncoder.fit(train, ["age", "sex"])
        >>> encoder.encode(pd.DataFrame({"age": [30.0], "sex": ["X"]})).tolist()
        [[0.0, 0.0, 0.0, 0.0]]
        >>> encoder.unseen(pd.DataFrame({"age": [30.0], "sex": ["X"]}))
        {'age': 0, 'sex': 1}
        >>> {name: list(map(int, places)) for name, places in encoder.players.items()}
        {'age': [0, 1], 'sex': [2, 3]}
    """

    columns: tuple[Column, ...]
    kind: Literal["tabular"] = "tabular"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @classmethod
    def fit(
        cls, rows: pd.DataFrame, features: Sequence[str], *, clip: float = 0.0
    ) -> TabularEncoder:
        """Learn the encoding.

        Args:
            rows: Training rows, at least one.
            features: Columns to encode. Columns of text, categories and truth values become
                one-hot; numbers are imputed with the median and standardised.
            clip: Share of the numbers of a column at each end that is clipped, in [0, 0.5).

        Returns:
            The encoder.

        Raises:
            InputError: If a column is missing, twice there, or neither numbers nor categories;
                every such column is listed.
        """
        demand(rows, features)
        columns = gather((name, partial(fit_column, name, rows[name], clip)) for name in features)
        return cls(tuple(columns))

    @property
    def features(self) -> tuple[str, ...]:
        """The raw columns that are read."""
        return tuple(column.name for column in self.columns)

    @property
    def width(self) -> int:
        """Numbers of an encoded row."""
        return sum(column.width for column in self.columns)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an encoded row: (width,)."""
        return (self.width,)

    @property
    def players(self) -> dict[str, Positions]:
        """Raw feature to its positions in an encoded row; together each position once."""
        return {
            column.name: np.arange(end - column.width, end, dtype=np.int64)
            for column, end in zip(self.columns, self._ends, strict=True)
        }

    def encode(self, rows: pd.DataFrame) -> Encoded:
        """Encode rows.

        Args:
            rows: Raw rows; other columns are ignored.

        Returns:
            Shape (n, width), float32. A value of a kind not seen in training is all zeros.

        Raises:
            InputError: If a column is missing or cannot be encoded; every such column is listed.
        """
        demand(rows, self.features)
        out = np.zeros((len(rows), self.width), dtype=np.float32)
        *parts, _ = np.split(out, self._ends, axis=1)
        gather(
            (column.name, partial(column.encode, rows[column.name], part))
            for column, part in zip(self.columns, parts, strict=True)
        )
        return out

    def unseen(self, rows: pd.DataFrame) -> dict[str, int]:
        """Count values of a kind that training did not have: new categories, missing values.

        Args:
            rows: Raw rows.

        Returns:
            Feature to rows.

        Raises:
            InputError: As `encode`.
        """
        demand(rows, self.features)
        counts = gather((c.name, partial(c.unseen, rows[c.name])) for c in self.columns)
        return dict(zip(self.features, counts, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values; `encoder_from_dict` reads them."""
        return plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TabularEncoder:
        """Read what `to_dict` wrote; see `encoder_from_dict`."""
        encoder = validated(cls, values)
        once(encoder.features, "encoder.columns", "each column once")
        demand_distinct(encoder.columns)
        return encoder

    @property
    def _ends(self) -> Positions:
        return np.cumsum([column.width for column in self.columns], dtype=np.int64)
