"""Rows of text as numbers of tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field

from auditkit.encoding.raw import (
    STRICT,
    Encoded,
    Positions,
    UnfitError,
    demand,
    gather,
    plain,
    validated,
)
from auditkit.errors import InputError, Problem, quote
from auditkit.methods.tokens import LONGEST_TOKEN, tokens

#: Number of "no token" and of "a token that is not in the vocabulary".
PAD, UNK = 0, 1
#: Number of the first word of the vocabulary.
FIRST = 2
#: Training rows that a word must stand in: one row alone would be recognised in the vocabulary,
#: and the words left out teach the network what an unknown word is.
LEAST_ROWS = 2
#: Most words of a vocabulary and tokens of a text. The first is exact in float32.
MOST_WORDS, MOST_TOKENS = 1_000_000, 4_096

_Word = Annotated[str, Field(min_length=1, max_length=LONGEST_TOKEN)]
#: Ways to cut a text; see `TextEncoder.split`.
Split = Literal["tokens", "words", "characters"]


#: What each way to cut a text gives, in order.
_CUTS: dict[Split, Callable[[str], Iterator[str]]] = {
    "tokens": tokens,
    "words": lambda text: iter(text.split()),
    "characters": iter,
}


@dataclass(frozen=True)
class TextEncoder:
    """Encoding of a column of text as numbers of tokens; made by `TextEncoder.fit`.

    Attributes:
        column: The column.
        words: The vocabulary; the word at place i has the number i + 2. 0 stands for no token, 1
            for a token that is not in the vocabulary.
        length: Tokens that are read of each text, its first.
        split: What a token is: one of `tokens`; or "words", which are whatever stands between white
            space, or "characters", both as they stand.

    Example:
        >>> train = pd.DataFrame({"review": ["Good, good book", "A good film", "a bad film"]})
        >>> encoder = TextEncoder.fit(train, "review", length=4)
        >>> encoder.words
        ('a', 'film', 'good')
        >>> new = pd.DataFrame({"review": ["A good play", None]})
        >>> encoder.encode(new).tolist()
        [[2.0, 4.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
        >>> round(encoder.unknown_share(new), 3)
        0.333
    """

    column: str
    words: Annotated[tuple[_Word, ...], Field(max_length=MOST_WORDS)]
    length: Annotated[int, Field(ge=1, le=MOST_TOKENS)]
    kind: Literal["text"] = "text"
    split: Split = "tokens"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @classmethod
    def fit(
        cls,
        rows: pd.DataFrame,
        column: str,
        *,
        vocabulary: int = 20_000,
        length: int = 64,
        split: Split = "tokens",
    ) -> TextEncoder:
        """Learn the vocabulary: the words that stand in the most rows, at least in two.

        Args:
            rows: Training rows.
            column: The column of text. A missing text is an empty one.
            vocabulary: Most words that are kept, up to 1,000,000.
            length: Tokens that are read of each text, its first; up to 4,096.
            split: What a token is.

        Returns:
            The encoder. It does not depend on the order of the rows.

        Raises:
            InputError: If the column is missing, twice there, holds something that is no text, or
                no word stands in two rows.
        """
        demand(rows, [column])
        learn = partial(_vocabulary, rows[column], vocabulary, length, _CUTS[split])
        (words,) = gather([(column, learn)])
        return cls(column, words, length, split=split)

    @property
    def features(self) -> tuple[str, ...]:
        """The raw column that is read."""
        return (self.column,)

    @property
    def tokens(self) -> int:
        """Numbers that a token can have: the words, no token and unknown token."""
        return FIRST + len(self.words)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an encoded row: (length,)."""
        return (self.length,)

    @property
    def players(self) -> dict[str, Positions]:
        """One player for each place in the text, "<column> token 1" and on."""
        places = np.arange(self.length, dtype=np.int64)
        return {f"{self.column} token {place + 1}": places[place : place + 1] for place in places}

    def encode(self, rows: pd.DataFrame) -> Encoded:
        """Encode rows.

        Args:
            rows: Raw rows; other columns are ignored.

        Returns:
            Shape (n, length), float32: whole numbers below `tokens`, then zeros.

        Raises:
            InputError: If the column is missing or holds something that is no text.
        """
        out = np.zeros((len(rows), self.length), dtype=np.float32)
        for line, numbers in zip(out, self.numbers(rows, self.length), strict=True):
            line[: len(numbers)] = numbers
        return out

    def numbers(self, rows: pd.DataFrame, most: int) -> Iterator[list[int]]:
        """Give the numbers of the first tokens of each text.

        Args:
            rows: Raw rows; other columns are ignored.
            most: Tokens to give of each text.

        Yields:
            One list a row, as long as the text but no longer than `most`.

        Raises:
            InputError: As `encode`.
        """
        texts = texts_of(rows, self.column)
        number_of = {word: number for number, word in enumerate(self.words, FIRST)}
        for text in texts:
            yield [number_of.get(token, UNK) for token in islice(_CUTS[self.split](text), most)]

    def pieces(self, rows: pd.DataFrame) -> list[list[str]]:
        """Give the tokens that are read of each text, as they are written.

        Args:
            rows: Raw rows.

        Returns:
            One list a row, as long as the numbers in its encoded row.

        Raises:
            InputError: As `encode`.
        """
        texts = texts_of(rows, self.column)
        return [list(islice(_CUTS[self.split](text), self.length)) for text in texts]

    def unknown_share(self, rows: pd.DataFrame) -> float | None:
        """Share of the tokens that are read which are not in the vocabulary.

        Args:
            rows: Raw rows.

        Returns:
            The share, or None where there is no token at all.

        Raises:
            InputError: As `encode`.
        """
        read = self.encode(rows)
        count = int((read != PAD).sum())
        return int((read == UNK).sum()) / count if count else None

    def unseen(self, rows: pd.DataFrame) -> dict[str, int]:
        """Count the texts of which no token that is read is in the vocabulary.

        Args:
            rows: Raw rows.

        Returns:
            The column to its rows; an empty text does not count.

        Raises:
            InputError: As `encode`.
        """
        read = self.encode(rows)
        strange = (read == UNK).any(axis=1) & ~(read >= FIRST).any(axis=1)
        return {self.column: int(strange.sum())}

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values; `encoder_from_dict` reads them."""
        return plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TextEncoder:
        """Read what `to_dict` wrote; see `encoder_from_dict`."""
        encoder = validated(cls, values)
        if problems := encoder.word_problems("encoder.words"):
            raise InputError(problems)
        return encoder

    def word_problems(self, where: str) -> list[Problem]:
        """List the words that stand there twice, or that no text of this split can have.

        Args:
            where: What to call the words in a message.

        Returns:
            The problems; empty where there are none.
        """
        twice = [word for word, count in Counter(self.words).items() if count > 1]
        strange = [word for word in self.words if next(_CUTS[self.split](word), None) != word]
        expected = f"one token of a text that is cut into {self.split}"
        return [
            *(Problem(where, f"{quote(word)} twice", "each word once") for word in twice),
            *(Problem(where, quote(word), expected) for word in strange),
        ]


def texts_of(rows: pd.DataFrame, column: str) -> list[str]:
    """Texts of a column of raw rows.

    Args:
        rows: Raw rows.
        column: The column.

    Returns:
        One text a row; a missing one is empty.

    Raises:
        InputError: If the column is missing or holds something that is no text.

    Example:
        >>> texts_of(pd.DataFrame({"t": ["a day", None]}), "t")
        ['a day', '']
    """
    demand(rows, [column])
    (texts,) = gather([(column, partial(column_texts, rows[column]))])
    return texts


def column_texts(column: pd.Series[Any]) -> list[str]:
    """Texts of a column; a missing one is empty."""
    missing = column.isna()
    values = column.astype(object).where(~missing, "")
    wrong = [value for value in values if not isinstance(value, str)]
    if wrong:
        raise UnfitError(f"{quote(wrong[0])} and the like in {len(wrong)} rows", "text")
    return list(values)


def _vocabulary(
    column: pd.Series[Any], most: int, length: int, cut: Callable[[str], Iterator[str]]
) -> tuple[str, ...]:
    """The words that stand in the most texts, then by alphabet, as far as they are read."""
    rows_with = Counter[str]()
    for text in column_texts(column):
        rows_with.update(set(islice(cut(text), length)))
    shared = [word for word, rows in rows_with.items() if rows >= LEAST_ROWS and _storable(word)]
    if not shared:
        found = f"no word that stands in {LEAST_ROWS} training rows"
        raise UnfitError(found, "text with words that come back")
    return tuple(sorted(shared, key=lambda word: (-rows_with[word], word))[:most])


def _storable(word: str) -> bool:
    """Whether a word is short enough, and text that a file can hold."""
    return len(word) <= LONGEST_TOKEN and word == word.encode(errors="replace").decode()
