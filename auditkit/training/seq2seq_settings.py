"""Settings of the network that reads one text and writes another. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from auditkit.errors import Problem, quote
from auditkit.training.limits import (
    COLUMN,
    TRUTH,
    check,
    one_of,
    real,
    setting,
    share,
    whole,
)

_SPLIT = one_of("characters", "words")


@dataclass(frozen=True)
class Seq2Seq:
    """An LSTM that reads a text, and another that writes one and looks back at what was read.

    Attributes:
        source: The column of text that is read; the label is the text that is written.
        source_tokens: "characters", or "words", which are whatever stands between white space.
        target_tokens: The same for the text that is written.
        embedding: Width of the vector of a token.
        hidden: Width of the hidden states.
        layers: Layers on top of each other, in both networks.
        dropout: Share of the numbers between layers dropped while training, in [0, 1).
        bidirectional: Whether the source is read from both ends, with half of `hidden` each.
        attention: Whether each token that is written looks back at all that was read; without, the
            last state must hold it all.
        source_vocabulary: Most tokens that are told apart, the most frequent of the training rows.
        target_vocabulary: The same for the text that is written.
        source_length: Tokens that are read of each text, its first.
        target_length: Most tokens that are written.
        teacher_forcing: Share of the steps of training that are given the true token before; the
            others are given the one that the network holds likeliest.
        beam: Texts that are kept in view while writing; 1 takes the likeliest token at each step.

    Raises:
        InputError: If a setting is out of its range; all are listed.

    Example:
        >>> Seq2Seq("word", beam=4).columns
        ('word',)
    """

    source: str = setting("source", COLUMN)
    source_tokens: Literal["characters", "words"] = setting("characters", _SPLIT)
    target_tokens: Literal["characters", "words"] = setting("words", _SPLIT)
    embedding: int = setting(64, whole(1, 4_096))
    hidden: int = setting(128, whole(1, 65_536))
    layers: int = setting(1, whole(1, 64))
    dropout: float = setting(0.2, real(0, 1))
    bidirectional: bool = setting(default=True, limit=TRUTH)
    attention: bool = setting(default=True, limit=TRUTH)
    source_vocabulary: int = setting(20_000, whole(1, 1_000_000))
    target_vocabulary: int = setting(20_000, whole(1, 1_000_000))
    source_length: int = setting(64, whole(1, 4_096))
    target_length: int = setting(64, whole(1, 4_096))
    teacher_forcing: float = setting(1.0, share())
    beam: int = setting(1, whole(1, 64))
    kind: ClassVar[str] = "seq2seq"

    def __post_init__(self) -> None:
        odd = self.bidirectional is True and isinstance(self.hidden, int) and self.hidden % 2
        expected = "an even number where the source is read from both ends"
        check(self, [Problem("Seq2Seq.hidden", quote(self.hidden), expected)] if odd else [])

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that the network reads."""
        return (self.source,)
