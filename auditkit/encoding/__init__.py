"""From raw rows to the numbers a network takes, learnt on the training rows only.

A raw feature may become several columns (one-hot, or a number with its missing indicator). It stays
one *player*: the explanations treat its columns as one. A text is many: one for each token, or
for each frequent word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditkit.encoding.sequence import SequenceEncoder
from auditkit.encoding.subword import SubwordEncoder
from auditkit.encoding.tabular import TabularEncoder
from auditkit.encoding.text import TextEncoder
from auditkit.encoding.words import WordEncoder
from auditkit.errors import InputError, Problem

__all__ = [
    "Encoder",
    "SequenceEncoder",
    "SubwordEncoder",
    "TabularEncoder",
    "TextEncoder",
    "WordEncoder",
    "encoder_from_dict",
]

Encoder = TabularEncoder | SequenceEncoder | TextEncoder | WordEncoder | SubwordEncoder
_KINDS: dict[str, type[Encoder]] = {
    "bag-of-words": WordEncoder,
    "sequence": SequenceEncoder,
    "subword": SubwordEncoder,
    "tabular": TabularEncoder,
    "text": TextEncoder,
}


def encoder_from_dict(values: Mapping[str, Any]) -> Encoder:
    """Read an encoder that nobody vouches for.

    Args:
        values: What `to_dict` of an encoder gave, perhaps changed by somebody.

    Returns:
        The encoder.

    Raises:
        InputError: If anything is missing, unknown, of the wrong type or contradictory; all that
            was found is listed.

    Example:
        >>> encoder_from_dict({"kind": "tabular", "columns": []})
        TabularEncoder(columns=(), kind='tabular')
        >>> encoder_from_dict({"kind": "tabula"})
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. encoder.kind: found 'tabula', expected a kind of encoder. Did you mean 'tabular'? ...
    """
    kind = values.get("kind")
    chosen = _KINDS.get(str(kind))
    if chosen is None:
        raise InputError([Problem.unknown("encoder.kind", str(kind), _KINDS, "a kind of encoder")])
    return chosen.from_dict(values)
