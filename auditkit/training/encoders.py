"""The encoding that each architecture needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from auditkit.encoding import (
    Encoder,
    SequenceEncoder,
    SubwordEncoder,
    TabularEncoder,
    TextEncoder,
    WordEncoder,
)
from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.seq2seq_settings import Seq2Seq
from auditkit.training.settings import (
    LSTM,
    AnyArchitecture,
    BagOfWords,
    PooledEmbedding,
    TextLSTM,
)


def learn_encoder(
    architecture: AnyArchitecture,
    rows: pd.DataFrame,
    features: Sequence[str],
    *,
    clip: float = 0.0,
) -> Encoder:
    """Learn the encoding that an architecture needs.

    Args:
        architecture: The network; an `LSTM` names its channels, one over text its column.
        rows: Training rows.
        features: Columns that the model reads.
        clip: Share of the numbers of a column at each end that is clipped, in [0, 0.5).

    Returns:
        The encoder.

    Raises:
        InputError: If a column is missing or cannot be encoded; all are listed.

    Example:
        >>> from auditkit.training import MLP
        >>> learn_encoder(MLP(), pd.DataFrame({"x": [1, 2], "c": ["a", "b"]}), ["x", "c"]).shape
        (3,)
    """
    if isinstance(architecture, LSTM):
        sequence, static = architecture.sequence, architecture.static
        return SequenceEncoder.fit(rows, sequence, static, varying=architecture.varying, clip=clip)
    if isinstance(architecture, TextLSTM | PooledEmbedding):
        words, length = architecture.vocabulary, architecture.length
        return TextEncoder.fit(rows, architecture.text, vocabulary=words, length=length)
    if isinstance(architecture, Seq2Seq):
        return TextEncoder.fit(
            rows,
            architecture.source,
            vocabulary=architecture.source_vocabulary,
            length=architecture.source_length,
            split=architecture.source_tokens,
        )
    if isinstance(architecture, BagOfWords):
        return WordEncoder.fit(
            rows,
            architecture.text,
            weighting=architecture.weighting,
            vocabulary=architecture.vocabulary,
            ngrams=architecture.ngrams,
        )
    if isinstance(architecture, HuggingFace):
        from auditkit.models.checkpoints import read_tokenizer

        tokenizer = read_tokenizer(Path(architecture.folder))
        return SubwordEncoder.of(architecture.text, tokenizer, length=architecture.length)
    return TabularEncoder.fit(rows, features, clip=clip)
