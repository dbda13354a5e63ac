"""Texts as games: their tokens, and how a model is asked about a text without some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol, cast, runtime_checkable

import numpy as np
import pandas as pd

from auditkit.encoding.text import texts_of
from auditkit.errors import InputError, Problem, quote
from auditkit.explaining.frames import Scorer
from auditkit.explaining.values import is_network
from auditkit.methods.shapley_game import Asked, Batched, Floats, Rows
from auditkit.methods.shapley_model import EncodedModel, look_inside
from auditkit.methods.shapley_output import Output, Reading
from auditkit.methods.tokens import token_spans

#: Texts that the model is given at once.
_CHUNK = 8192
#: Texts about which the model is asked twice.
REPEATED = 16


@runtime_checkable
class _Pieces(Protocol):
    """An encoder of text whose encoded rows hold a number for each token, then zeros."""

    def pieces(self, rows: pd.DataFrame) -> list[list[str]]: ...


@dataclass(frozen=True, eq=False)
class TextGames:
    """Texts as games.

    Attributes:
        tokens: The tokens of each text.
        codes: What stands for them: numbers of the encoder, or places in `pieces`.
        function: Takes codes (n, d) of some texts, 0 where a token is taken out.
        width: Outputs of a text.
    """

    tokens: Sequence[Sequence[str]]
    codes: Sequence[Rows]
    function: Batched
    width: int

    def part(self, span: slice) -> TextGames:
        """Take some of the texts."""
        return replace(self, tokens=self.tokens[span], codes=self.codes[span])

    def asked(self) -> Asked:
        """Count from here on what the model is asked."""
        return Asked(self.function, _CHUNK, self.width)

    def ends(self, asked: Asked) -> tuple[Floats, Floats]:
        """What is explained for the empty text, and for each whole text."""
        longest = max((len(line) for line in self.codes), default=0)
        whole = np.zeros((1 + len(self.codes), max(longest, 1)), dtype=np.float32)
        for line, numbers in zip(whole[1:], self.codes, strict=True):
            line[: len(numbers)] = numbers
        asked.check_repeats(whole[1 : 1 + REPEATED])
        outputs = asked.in_chunks(whole)
        return outputs[0], outputs[1:]


def is_encoded_text(model: object) -> bool:
    """Whether a model is a network over the tokens of texts."""
    return is_network(model) and isinstance(getattr(model, "encoder", None), _Pieces)


def text_games(
    model: Scorer | EncodedModel,
    rows: pd.DataFrame,
    column: str | None,
    output: Output,
    threshold: float,
) -> TextGames:
    """Make games of the texts of a column.

    Args:
        model: A network over text, or any model that reads one column of text.
        rows: Raw rows.
        column: The column; None takes the one that the model reads.
        output: What is explained.
        threshold: Score from which on a binary model decides for the positive class.

    Returns:
        The games.

    Raises:
        InputError: If the model reads something else than one column of text, or that is missing.
        ValueError: If the network is in training mode, or there is no such output.
    """
    encoder = getattr(model, "encoder", None)
    if is_network(model) and isinstance(encoder, _Pieces):
        if column not in (None, *getattr(encoder, "features", ())):
            raise InputError([Problem("column", quote(column), "the column that the model reads")])
        return _encoded_texts(cast("EncodedModel", model), encoder, rows, output, threshold)
    return _written_texts(cast("Scorer", model), rows, column, output, threshold)


def _encoded_texts(
    model: EncodedModel, encoder: _Pieces, rows: pd.DataFrame, output: Output, threshold: float
) -> TextGames:
    tokens, encoded = encoder.pieces(rows), model.encode(rows)
    nothing = np.zeros((1, *encoded.shape[1:]), dtype=np.float32)
    inside = look_inside(model, encoded, nothing, output, threshold)
    codes = [line[: len(pieces)] for line, pieces in zip(encoded, tokens, strict=True)]
    return TextGames(tokens, codes, _Padded(inside.function, encoded.shape[1]), inside.width)


@dataclass(frozen=True)
class _Padded:
    """A function of whole encoded rows, given as many columns as some texts need."""

    function: Batched
    length: int

    def __call__(self, codes: Rows) -> Floats:
        whole = np.zeros((len(codes), self.length), dtype=np.float32)
        whole[:, : codes.shape[1]] = codes[:, : self.length]
        return np.asarray(self.function(whole), dtype=np.float64)


def _written_texts(
    model: Scorer, rows: pd.DataFrame, column: str | None, output: Output, threshold: float
) -> TextGames:
    features = list(getattr(model, "features", None) or ([column] if column else rows.columns))
    if len(features) != 1 or column not in (None, features[0]):
        found = f"a model that reads {', '.join(map(quote, features[:5]))}; column {quote(column)}"
        raise InputError([Problem("column", found, "a model that reads one column of text alone")])
    texts = texts_of(rows, features[0])
    cut = [_cut(text) for text in texts]
    number_of = {"": 0}
    for piece in (piece for line in cut for _, piece in line):
        number_of.setdefault(piece, len(number_of))
    codes = [np.array([number_of[piece] for _, piece in line], np.float32) for line in cut]
    read = Reading(output, threshold, regression=getattr(model, "task", None) == "regression")
    function = _Written(model, features[0], tuple(number_of), read)
    given = function(np.zeros((1, 1), np.float32))
    width = given.shape[1] if given.ndim == 2 else 1
    return TextGames([[token for token, _ in line] for line in cut], codes, function, width)


@dataclass(frozen=True)
class _Written:
    """What is explained of the scores of texts that are put together again from pieces.

    Texts that come out alike are asked about once.
    """

    model: Scorer
    column: str
    pieces: Sequence[str]
    read: Reading

    def __call__(self, codes: Rows) -> Floats:
        texts = ["".join([self.pieces[c] for c in line]) for line in codes.astype(int).tolist()]
        places, different = pd.factorize(np.array(texts, dtype=object))
        frame = pd.DataFrame({self.column: pd.Series(different, dtype=object)})
        return self.read(np.asarray(self.model.scores(frame))[places])


def _cut(text: str) -> list[tuple[str, str]]:
    """Tokens of a text, each with the piece that goes with it: all pieces are the text.

    What stands between two tokens goes with the first of them, and a text without tokens is one.
    """
    spans = list(token_spans(text))
    if not spans:
        return [(text, text)] if text else []
    starts = [0, *(start for start, _ in spans[1:]), len(text)]
    pieces = [text[a:b] for a, b in pairwise(starts)]
    return [(text[a:b], piece) for (a, b), piece in zip(spans, pieces, strict=True)]
