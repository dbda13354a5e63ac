"""Rows of nobody, made to be planted among training rows and looked for afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from auditkit.methods.tokens import tokens

#: Training rows that hold a word before it may stand in a canary.
LEAST_ROWS = 10
#: Words of a canary.
WORDS = 8


def mixed_rows(
    train: pd.DataFrame, features: Sequence[str], count: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Make rows whose every feature comes from another training row.

    Args:
        train: Training rows, at least one.
        features: Columns to mix; the others come from one row together.
        count: Rows to make.
        rng: Draws the rows that values come from.

    Returns:
        Shape (count, columns of `train`), types as there. A value is missing where it is missing
        in the row that the other columns come from, so that sequences keep a length.

    Example:
        >>> train = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"], "y": [0, 1, 0]})
        >>> mixed_rows(train, ["a", "b"], 5, np.random.default_rng(0)).shape
        (5, 3)
    """
    base = rng.integers(0, len(train), count)
    made = train.iloc[base].reset_index(drop=True)
    for feature in features:
        known = np.flatnonzero(train[feature].notna())
        if known.size:
            drawn = train[feature].iloc[rng.choice(known, count)].reset_index(drop=True)
            made[feature] = drawn.mask(made[feature].isna())
    return made.astype(train.dtypes.to_dict())


def random_texts(texts: pd.Series, count: int, rng: np.random.Generator) -> list[str] | None:
    """Make texts of random words that many training texts hold.

    Args:
        texts: Texts of the training rows; a missing one holds no word.
        count: Texts to make.
        rng: Draws the words, each as likely as any other.

    Returns:
        The texts; None where too few words are frequent enough to tell such texts apart.

    Example:
        >>> texts = pd.Series([" ".join("abcdefghijklmnop")] * 10)
        >>> made = random_texts(texts, 2, np.random.default_rng(0))
        >>> [len(text.split()) for text in made]
        [8, 8]
        >>> random_texts(pd.Series(["a b"] * 10), 2, np.random.default_rng(0)) is None
        True
    """
    held = Counter(word for text in texts.dropna() for word in set(tokens(str(text))))
    words = sorted(word for word, rows in held.items() if rows >= LEAST_ROWS)
    if len(words) < 2 * WORDS:
        return None
    drawn = rng.integers(0, len(words), (count, WORDS))
    return [" ".join(words[place] for place in line) for line in drawn.tolist()]
