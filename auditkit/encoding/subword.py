"""Rows of text as numbers of subword tokens, by the tokenizer of a Hugging Face model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field

from auditkit.encoding.raw import STRICT, Encoded, Positions, plain, validated
from auditkit.encoding.text import MOST_TOKENS, MOST_WORDS, texts_of
from auditkit.errors import InputError, MissingExtraError, Problem, quote

#: Largest tokenizer that is read; unit: characters.
LARGEST_TOKENIZER = 60_000_000
#: Texts on which it is found out which special tokens a tokenizer puts around a text.
_PROBES = ("a", "The first text, and 1 more.", "")

_Number = Annotated[int, Field(ge=0, lt=MOST_WORDS)]


@dataclass(frozen=True)
class SubwordEncoder:
    """Encoding of a column of text by a trained tokenizer; made by `SubwordEncoder.of`.

    An encoded row holds the tokens of the text alone, each as its number in the tokenizer plus
    one, and zeros behind them: 0 is no token. The special tokens that a tokenizer puts before
    and after each text are the same for all texts and are added by the network, so that an
    explanation never takes one away.

    Attributes:
        column: The column.
        length: Tokens that are read of each text, its first, the special ones counted.
        before: Numbers of the special tokens before a text.
        after: Numbers of the special tokens after a text.
        tokenizer: The tokenizer as the `tokenizers` library writes it, in JSON.

    Example:
        >>> from tokenizers import Tokenizer, models, pre_tokenizers
        >>> words = Tokenizer(models.WordLevel({"?": 0, "a": 1, "good": 2, "film": 3}, "?"))
        >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
        >>> encoder = SubwordEncoder.of("review", words.to_str(), length=4)
        >>> rows = pd.DataFrame({"review": ["a very good film", None]})
        >>> encoder.encode(rows).tolist()
        [[2.0, 1.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]
    """

    column: str
    length: Annotated[int, Field(ge=1, le=MOST_TOKENS)]
    before: Annotated[tuple[_Number, ...], Field(max_length=64)]
    after: Annotated[tuple[_Number, ...], Field(max_length=64)]
    tokenizer: Annotated[str, Field(max_length=LARGEST_TOKENIZER)]
    kind: Literal["subword"] = "subword"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @classmethod
    def of(cls, column: str, tokenizer: str, *, length: int) -> SubwordEncoder:
        """Make the encoder of a tokenizer.

        Args:
            column: The column of text. A missing text is an empty one.
            tokenizer: The tokenizer as the `tokenizers` library writes it, in JSON.
            length: Tokens to read of each text, the special ones counted; up to 4,096.

        Returns:
            The encoder.

        Raises:
            InputError: If the tokenizer is damaged, does more than put the same special tokens
                around each text, or `length` leaves no place for a token of the text.
            MissingExtraError: If the `tokenizers` library is not installed.
        """
        before, after = _around(opened(tokenizer))
        encoder = cls(column, length, before, after, tokenizer)
        encoder.demand_fitting()
        return encoder

    @property
    def features(self) -> tuple[str, ...]:
        """The raw column that is read."""
        return (self.column,)

    @cached_property
    def tokens(self) -> int:
        """Numbers that the tokenizer can give: from 0 to below this."""
        return max(self._opened.get_vocab(with_added_tokens=True).values(), default=0) + 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an encoded row: places for the tokens of the text alone."""
        return (self.length - len(self.before) - len(self.after),)

    @property
    def players(self) -> dict[str, Positions]:
        """One player for each place in the text, "<column> token 1" and on."""
        places = np.arange(self.shape[0], dtype=np.int64)
        return {f"{self.column} token {place + 1}": places[place : place + 1] for place in places}

    def encode(self, rows: pd.DataFrame) -> Encoded:
        """Encode rows.

        Args:
            rows: Raw rows; other columns are ignored.

        Returns:
            Shape (n, places), float32: numbers of tokens plus one, then zeros.

        Raises:
            InputError: If the column is missing or holds something that is no text.
        """
        texts = texts_of(rows, self.column)
        places = self.shape[0]
        out = np.zeros((len(rows), places), dtype=np.float32)
        for line, text in zip(out, texts, strict=True):
            # One text at a time: a batch would start threads that a forked process warns about.
            found = _encoded(self._opened, text, special=False).ids[:places]
            line[: len(found)] = np.array(found, dtype=np.float32) + 1
        return out

    def pieces(self, rows: pd.DataFrame) -> list[list[str]]:
        """Give the tokens that are read of each text, as the tokenizer writes them.

        Args:
            rows: Raw rows.

        Returns:
            One list a row, as long as the numbers in its encoded row.

        Raises:
            InputError: As `encode`.
        """
        texts = texts_of(rows, self.column)
        found = (_encoded(self._opened, text, special=False) for text in texts)
        return [list(map(str, one.tokens[: self.shape[0]])) for one in found]

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values; `encoder_from_dict` reads them."""
        return plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SubwordEncoder:
        """Read what `to_dict` wrote; see `encoder_from_dict`."""
        encoder = validated(cls, values)
        if (encoder.before, encoder.after) != _around(encoder._opened):  # noqa: SLF001 - of this class
            found = "special tokens of another tokenizer"
            raise InputError([Problem("encoder.before", found, "those of the tokenizer")])
        encoder.demand_fitting()
        return encoder

    def demand_fitting(self) -> None:
        """Raise unless there is a place for a token, and float32 holds every number.

        Raises:
            InputError: If not.
        """
        special = len(self.before) + len(self.after)
        problems = []
        if self.length <= special:
            expected = f"more than the {special} special tokens"
            problems.append(Problem("length", str(self.length), expected))
        if self.tokens > MOST_WORDS:
            found = f"a vocabulary of {self.tokens:,} tokens"
            problems.append(Problem("tokenizer", found, f"at most {MOST_WORDS:,}"))
        if problems:
            raise InputError(problems)

    @cached_property
    def _opened(self) -> Any:  # noqa: ANN401 - imported where it is used
        return opened(self.tokenizer)


def opened(tokenizer: str) -> Any:  # noqa: ANN401 - imported where it is used
    """Open a tokenizer that nobody vouches for; it is data and holds no code.

    Args:
        tokenizer: In JSON, as the `tokenizers` library writes it.

    Returns:
        A `tokenizers.Tokenizer` that neither cuts nor pads.

    Raises:
        InputError: If it is damaged.
        MissingExtraError: If the `tokenizers` library is not installed.

    Example:
        >>> from tokenizers import Tokenizer, models
        >>> opened(Tokenizer(models.WordLevel({"a": 0}, "a")).to_str()).get_vocab()
        {'a': 0}
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        what = "A Hugging Face model needs transformers and tokenizers"
        raise MissingExtraError(f"{what}: pip install 'auditkit-rai[huggingface]'") from None
    try:
        found = Tokenizer.from_str(tokenizer)
    except Exception as error:  # the library raises no class of its own
        what = f"no whole tokenizer ({quote(error)})"
        raise InputError([Problem("tokenizer", what, "the JSON of one")]) from error
    found.no_padding()
    found.no_truncation()
    return found


def _encoded(tokenizer: Any, text: str, *, special: bool) -> Any:  # noqa: ANN401
    """What a tokenizer makes of a text; half a character, which is no UTF-8, becomes "?"."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    try:
        return tokenizer.encode(whole, add_special_tokens=special)
    except BaseException as error:
        # A tokenizer that contradicts itself makes the library panic, which is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        found = f"one that fails on a text ({quote(error)})"
        raise InputError([Problem("tokenizer", found, "one that takes every text")]) from error


def _around(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:  # noqa: ANN401
    """The special tokens before and after each text; raises if there is more to it than these."""
    bare = [_encoded(tokenizer, text, special=False).ids for text in _PROBES]
    whole = [_encoded(tokenizer, text, special=True) for text in _PROBES]
    start = _place(bare[0], whole[0].ids)
    before = tuple(whole[0].ids[:start])
    after = tuple(whole[0].ids[start + len(bare[0]) :])
    same = all([*before, *ids, *after] == full.ids for ids, full in zip(bare, whole, strict=True))
    if not same or any(any(full.type_ids) for full in whole):
        found = "one that does more than put special tokens around a text"
        raise InputError([Problem("tokenizer", found, "the same special tokens around each text")])
    return before, after


def _place(part: Sequence[int], whole: Sequence[int]) -> int:
    """Where one list begins in another; 0 where it does not stand there."""
    starts = range(len(whole) - len(part) + 1)
    return next((i for i in starts if list(whole[i : i + len(part)]) == list(part)), 0)
