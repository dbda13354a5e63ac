"""Rows of text as one number for each word of a vocabulary: counts, presence or TF-IDF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

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
    once,
    plain,
    validated,
)
from auditkit.encoding.text import LEAST_ROWS, column_texts, texts_of
from auditkit.errors import InputError, Problem
from auditkit.methods.tokens import LONGEST_TOKEN, tokens

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Most words of a vocabulary: an encoded row has a number for each, 4 bytes wide.
MOST_WORDS = 20_000
#: Words that are a player each, those in the most rows; the others are one player together.
MOST_PLAYERS = 200

Weighting = Literal["counts", "binary", "tf-idf"]
_Word = Annotated[str, Field(min_length=1, max_length=2 * LONGEST_TOKEN + 1)]
_Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class WordEncoder:
    """Encoding of a column of text as a number for each word; made by `WordEncoder.fit`.

    scikit-learn counts and weighs; the tokens are those of `auditkit.methods.tokens.tokens`.

    Attributes:
        column: The column.
        words: The vocabulary, those in the most training rows first; two tokens that follow each
            other are a word too where `ngrams` is 2.
        weighting: "counts", "binary" (1 where the word is there) or "tf-idf" (counts times `idf`,
            each row scaled to length 1).
        ngrams: Most tokens of a word.
        idf: Weight of each word in "tf-idf", larger where fewer training rows have it.

    Example:
        >>> train = pd.DataFrame({"review": ["Good, good book", "A good film", "a bad film"]})
        >>> encoder = WordEncoder.fit(train, "review", weighting="counts")
        >>> encoder.words
        ('a', 'film', 'good')
        >>> encoder.encode(pd.DataFrame({"review": ["A good, good play", None]})).tolist()
        [[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
    """

    column: str
    words: Annotated[tuple[_Word, ...], Field(min_length=1, max_length=MOST_WORDS)]
    weighting: Weighting
    ngrams: Annotated[int, Field(ge=1, le=2)] = 1
    idf: tuple[_Positive, ...] = ()
    kind: Literal["bag-of-words"] = "bag-of-words"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @classmethod
    def fit(
        cls,
        rows: pd.DataFrame,
        column: str,
        *,
        weighting: Weighting = "tf-idf",
        vocabulary: int = 2_000,
        ngrams: int = 1,
    ) -> Self:
        """Learn the vocabulary: the words that stand in the most rows, at least in two.

        Args:
            rows: Training rows.
            column: The column of text. A missing text is an empty one.
            weighting: See `WordEncoder`.
            vocabulary: Most words that are kept, up to 20,000.
            ngrams: Most tokens of a word, 1 or 2.

        Returns:
            The encoder. It does not depend on the order of the rows.

        Raises:
            InputError: If the column is missing, twice there, holds something that is no text, or
                no word stands in two rows.
        """
        demand(rows, [column])
        learn = partial(_vocabulary, rows[column], vocabulary, ngrams)
        ((words, found),) = gather([(column, learn)])
        idf = _idf(found) if weighting == "tf-idf" else ()
        return cls(column, words, weighting, ngrams, idf)

    @property
    def features(self) -> tuple[str, ...]:
        """The raw column that is read."""
        return (self.column,)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an encoded row: (words,)."""
        return (len(self.words),)

    @property
    def players(self) -> dict[str, Positions]:
        """One player for each of the 200 words in the most rows, and one for all others.

        To explain thousands of words one by one would take too long, and a word that few rows
        have moves few scores.
        """
        places = np.arange(len(self.words), dtype=np.int64)
        alone = places[:MOST_PLAYERS]
        players = {f"{self.column}: {self.words[at]}": places[at : at + 1] for at in alone}
        others = places[MOST_PLAYERS:]
        if len(others):
            players[f"{self.column}: {len(others):,} rarer words"] = others
        return players

    def encode(self, rows: pd.DataFrame) -> Encoded:
        """Encode rows.

        Args:
            rows: Raw rows; other columns are ignored.

        Returns:
            Shape (n, words), float32: 4 bytes a word, so that 40,000 rows of 2,000 words take
            320 MB.

        Raises:
            InputError: If the column is missing or holds something that is no text.
        """
        from sklearn.feature_extraction.text import TfidfTransformer

        found = self._counts(rows)
        if self.weighting == "tf-idf" and len(rows):
            weigh = TfidfTransformer()
            weigh.idf_ = np.array(self.idf)
            found = weigh.transform(found)
        return np.asarray(found.astype(np.float32).toarray())

    def unseen(self, rows: pd.DataFrame) -> dict[str, int]:
        """Count the texts of which no word is in the vocabulary.

        Args:
            rows: Raw rows.

        Returns:
            The column to its rows; an empty text does not count.

        Raises:
            InputError: As `encode`.
        """
        known = np.diff(self._counts(rows).indptr) > 0
        spoken = [any(True for _ in tokens(text)) for text in column_texts(rows[self.column])]
        return {self.column: int((np.array(spoken, dtype=bool) & ~known).sum())}

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values; `encoder_from_dict` reads them."""
        return plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WordEncoder:
        """Read what `to_dict` wrote; see `encoder_from_dict`."""
        encoder = validated(cls, values)
        once(encoder.words, "encoder.words", "each word once")
        wanted = len(encoder.words) if encoder.weighting == "tf-idf" else 0
        if len(encoder.idf) != wanted:
            found, expected = f"{len(encoder.idf)} numbers", f"{wanted} ({encoder.weighting})"
            raise InputError([Problem("encoder.idf", found, expected)])
        return encoder

    def _counts(self, rows: pd.DataFrame) -> csr_matrix:
        texts = texts_of(rows, self.column)
        binary = self.weighting == "binary"
        counter = _counter(self.ngrams, vocabulary=list(self.words), binary=binary)
        return counter.transform(texts)


def _counter(ngrams: int, **settings: Any) -> Any:  # noqa: ANN401 - a type of scikit-learn
    from sklearn.feature_extraction.text import CountVectorizer

    def cut(text: str) -> list[str]:
        return list(tokens(text))

    return CountVectorizer(
        tokenizer=cut, token_pattern=None, lowercase=False, ngram_range=(1, ngrams), **settings
    )


def _vocabulary(
    column: pd.Series[Any], most: int, ngrams: int
) -> tuple[tuple[str, ...], csr_matrix]:
    """The words that stand in the most texts, then by alphabet, and which text has which."""
    counter = _counter(ngrams, binary=True)
    try:
        found = counter.fit_transform(column_texts(column)).tocsc()
    except ValueError:  # there is no word at all
        rows_with = np.zeros(0, dtype=np.int64)
    else:
        rows_with = np.diff(found.indptr)
    order = np.argsort(-rows_with, kind="stable")  # scikit-learn sorts by alphabet
    kept = order[rows_with[order] >= LEAST_ROWS][:most]
    if not len(kept):
        found_none = f"no word that stands in {LEAST_ROWS} training rows"
        raise UnfitError(found_none, "text with words that come back")
    return tuple(map(str, counter.get_feature_names_out()[kept])), found[:, kept]


def _idf(found: csr_matrix) -> tuple[float, ...]:
    from sklearn.feature_extraction.text import TfidfTransformer

    return tuple(TfidfTransformer().fit(found).idf_.tolist())
