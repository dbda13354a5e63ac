"""Texts in which words that say who somebody is are swapped for their counterparts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from auditkit.methods.estimates import IntArray
from auditkit.methods.swapping import KEPT, Place, Swaps, places_of, replaced, swaps_of
from auditkit.methods.tokens import tokens

#: A column of texts has more different values than this, or than half of its rows,
MANY_TEXTS = 50
#: and this many words, or characters of Chinese, in the middle one.
TEXT_TOKENS = 3
#: Values that are looked at to tell whether a column holds texts.
LOOKED_AT = 1_000


def are_texts(values: Sequence[object], rows: int) -> bool:
    """Tell texts from names of categories by their number and length.

    Args:
        values: The different values of a column.
        rows: Rows of the column.

    Returns:
        Whether they look like texts.

    Example:
        >>> are_texts(["a good day", "a bad day out"], rows=3)
        True
        >>> are_texts(["Private", "Self-emp-not-inc"], rows=100)
        False
    """
    if not all(isinstance(value, str) for value in values):
        return False
    if len(values) <= min(MANY_TEXTS, rows / 2):
        return False
    lengths = [len(list(tokens(str(value)))) for value in values[:LOOKED_AT]]
    return bool(np.median(lengths) >= TEXT_TOKENS)


@dataclass(frozen=True)
class Terms:
    """Where the terms of some pairs stand in columns of texts.

    Attributes:
        texts: Column to its texts, one a row; a missing one is None.
        pairs: Two words or phrases each.

    Example:
        >>> found = Terms({"t": ["He came", None, "it rained"]}, [("he", "she")])
        >>> found.rows().tolist(), found.counts
        ([0], {0: 1})
        >>> found.swapped("t", found.rows())
        ['She came']
    """

    texts: dict[str, list[str | None]]
    pairs: Sequence[tuple[str, str]]

    @cached_property
    def _swaps(self) -> Swaps:
        return swaps_of([*self.pairs, *KEPT])

    @cached_property
    def _owner(self) -> dict[tuple[str, ...], int]:
        """Tokens of each word to its pair: of several pairs the last, as in `swaps_of`."""
        return {tuple(tokens(word)): i for i, pair in enumerate(self.pairs) for word in pair}

    @cached_property
    def _places(self) -> dict[str, list[list[Place]]]:
        return {
            name: [[] if text is None else places_of(text, self._swaps) for text in column]
            for name, column in self.texts.items()
        }

    @cached_property
    def _held(self) -> list[frozenset[int]]:
        """The pairs of which each row holds a term."""
        return [
            frozenset(self._owner[place.key] for places in row for place in places)
            for row in zip(*self._places.values(), strict=True)
        ]

    @cached_property
    def counts(self) -> dict[int, int]:
        """Pairs of which some row holds a term, to the number of such rows; most first."""
        found = [(i, sum(i in held for held in self._held)) for i in range(len(self.pairs))]
        return dict(sorted(((i, n) for i, n in found if n), key=lambda one: -one[1]))

    def rows(self, pair: int | None = None) -> IntArray:
        """Places of the rows that hold a term, of one pair or of any."""
        holds = [bool(held) if pair is None else pair in held for held in self._held]
        return np.flatnonzero(holds)

    def swapped(self, column: str, rows: IntArray, pair: int | None = None) -> list[str | None]:
        """Texts of some rows with the terms of one pair swapped, or of all pairs.

        Args:
            column: The column.
            rows: Places of the rows.
            pair: Index of the pair, or None.

        Returns:
            The texts.
        """
        texts, places = self.texts[column], self._places[column]
        return [self._swap(texts[row], places[row], pair) for row in rows.tolist()]

    def _swap(self, text: str | None, places: Sequence[Place], pair: int | None) -> str | None:
        if text is None:
            return None
        kept = [one for one in places if pair is None or self._owner[one.key] == pair]
        return replaced(text, kept, self._swaps)[0]
