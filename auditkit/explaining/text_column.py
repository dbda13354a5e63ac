"""Does a model read texts?"""

from __future__ import annotations

from auditkit.explaining.categories import is_text
from auditkit.explaining.text_games import is_encoded_text
from auditkit.subject import Subject


def text_column(subject: Subject) -> str | None:
    """The column of text that a model reads, where it reads nothing else.

    Args:
        subject: What is audited.

    Returns:
        The column, or None: the model reads several columns, or one of numbers or categories.

    Example:
        >>> import pandas as pd
        >>> held = Subject.from_scores(pd.DataFrame({"p": [0.2, 0.7]}), label=None, score="p")
        >>> text_column(held) is None
        True
    """
    if len(subject.features) != 1:
        return None
    (column,) = subject.features
    if is_encoded_text(subject.model):
        return column
    return column if column in subject.rows and is_text(subject.rows[column]) else None
