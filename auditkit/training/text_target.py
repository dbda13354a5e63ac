"""Texts that a network learns to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import ConfigDict
from torch import nn

from auditkit.encoding.raw import STRICT, plain, validated
from auditkit.encoding.text import FIRST, PAD, TextEncoder
from auditkit.errors import InputError, Problem
from auditkit.roles import Task
from auditkit.training.seq2seq import Seq2SeqNetwork, row_losses
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import AnyArchitecture
from auditkit.training.target import Target


@dataclass(frozen=True)
class TextTarget:
    """What a network that writes texts learns to give; made by `TextTarget.fit`.

    Attributes:
        text: Vocabulary of the texts, whose tokens are never changed. The number after its last
            word stands for the end of a text.
        task: Kind of prediction.

    Example:
        >>> from auditkit.training import Seq2Seq
        >>> sounds = pd.Series(["AE1 T", "T AE1 T"], name="sound")
        >>> target = TextTarget.fit(sounds, Seq2Seq("word", target_length=4))
        >>> target.encode(sounds).tolist()
        [[2, 3, 4, 0, 0], [3, 2, 3, 4, 0]]
        >>> target.read(torch.tensor([[3, 2, 4, 0, 0]])).tolist()
        ['T AE1']
    """

    text: TextEncoder
    task: Literal["sequence-to-sequence"] = "sequence-to-sequence"

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    @classmethod
    def fit(cls, outcomes: pd.Series[Any], settings: Seq2Seq) -> TextTarget:
        """Learn the vocabulary of the texts of the training rows; see `TextEncoder.fit`.

        Args:
            outcomes: The texts, with the name of their column.
            settings: Settings of the network.

        Returns:
            The target.

        Raises:
            InputError: If something is no text, or no token stands in two rows.
        """
        text = TextEncoder.fit(
            outcomes.to_frame(),
            str(outcomes.name),
            vocabulary=settings.target_vocabulary,
            length=settings.target_length,
            split=settings.target_tokens,
        )
        return cls(text)

    @property
    def end(self) -> int:
        """Number of the end of a text."""
        return self.text.tokens

    @property
    def outputs(self) -> int:
        """Numbers that a token can have: no token, an unknown token, the words and the end."""
        return self.end + 1

    @property
    def loss(self) -> str:
        """What the loss of a row is, and its unit."""
        return "log loss of the text, summed over its tokens and its end; unit: nats"

    def encode(self, outcomes: pd.Series[Any], _: object = None) -> torch.Tensor:
        """Write texts as the loss takes them.

        Args:
            outcomes: The texts.
            _: Where other targets are told the positive outcome.

        Returns:
            Shape (n, length + 1), int64: numbers of tokens, the end, then zeros. A text that is
            longer is cut and has no end.

        Raises:
            InputError: If something is no text.
        """
        most = self.text.length + 1
        out = np.full((len(outcomes), most), PAD, dtype=np.int64)
        texts = outcomes.to_frame(self.text.column)
        for line, numbers in zip(out, self.text.numbers(texts, most), strict=True):
            line[: len(numbers)] = numbers
            line[len(numbers) : len(numbers) + 1] = self.end
        out[out[:, -1] != self.end, -1] = PAD
        return torch.from_numpy(out)

    def objective(self, network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each row with a network: what the loop makes small; see `row_losses`."""
        return row_losses(cast("Seq2SeqNetwork", network), x, y)

    def read(self, numbers: torch.Tensor) -> npt.NDArray[np.object_]:
        """Write numbers of tokens down as texts.

        Args:
            numbers: Shape (n, any length): words, the end, then anything.

        Returns:
            Shape (n,), each a `str`; words are put together with single spaces.
        """
        between = " " if self.text.split == "words" else ""
        out = np.empty(len(numbers), dtype=object)
        for place, line in enumerate(numbers.tolist()):
            words = takewhile(lambda number: number != self.end, line)
            out[place] = between.join(self.text.words[number - FIRST] for number in words)
        return out

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values; `from_dict` reads them."""
        return plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TextTarget:
        """Read a target that nobody vouches for.

        Raises:
            InputError: If anything is missing, unknown, of the wrong type or contradictory.
        """
        target = validated(cls, values, "target")
        problems = target.text.word_problems("target.text.words")
        if target.text.split == "tokens":
            expected = "'words' or 'characters', which can be put together again"
            problems.append(Problem("target.text.split", "'tokens'", expected))
        if problems:
            raise InputError(problems)
        return target


AnyTarget = Target | TextTarget


def target_for(architecture: AnyArchitecture, outcomes: pd.Series[Any], task: Task) -> AnyTarget:
    """Learn what an architecture is to give; see `Target.fit` and `TextTarget.fit`."""
    if isinstance(architecture, Seq2Seq):
        return TextTarget.fit(outcomes, architecture)
    return Target.fit(outcomes, task)


def target_from_dict(values: Mapping[str, Any]) -> AnyTarget:
    """Read a target that nobody vouches for.

    Args:
        values: What `to_dict` of a target gave, perhaps changed by somebody.

    Returns:
        The target.

    Raises:
        InputError: If anything is missing, unknown, of the wrong type or contradictory.
    """
    text = values.get("task") == "sequence-to-sequence"
    return TextTarget.from_dict(values) if text else Target.from_dict(values)
