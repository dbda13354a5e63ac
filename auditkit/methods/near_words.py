"""Words that stand between the same words: what a word of a text is replaced by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from auditkit.methods.estimates import FloatArray

#: Words that are compared, those in the most texts, and words that they are compared by.
COMPARED, AROUND = 2_000, 500
#: How far another word still stands beside a word.
WINDOW = 2


def near_words(
    texts: Sequence[Sequence[str]], known: Collection[str] | None, count: int, least: int
) -> dict[str, tuple[str, ...]]:
    """Find for every frequent word those that stand between the same words, nearest first.

    What stands between the same words need not mean the same: "good" and "bad" do.

    Args:
        texts: The tokens of each text.
        known: Words that may replace others; None allows all.
        count: Words to give for each.
        least: Texts that a word must stand in to replace another.

    Returns:
        Word to at most so many others.

    Source:
        Cosine of positive pointwise mutual information: Bullinaria and Levy (2007), Behavior
        Research Methods.

    Example:
        >>> texts = [["a", word, "day"] for word in ("good", "bad", "good", "bad")]
        >>> near_words([*texts, ["day", "a"]], None, 1, 2)["good"]
        ('bad',)
    """
    held = Counter(word for text in texts for word in set(text))
    frequent = sorted(held, key=lambda word: (-held[word], word))
    words = [word for word in frequent if held[word] >= least and (known is None or word in known)][
        :COMPARED
    ]
    if len(words) < 2:
        return {}
    alike = _alike(texts, words, frequent[:AROUND])
    np.fill_diagonal(alike, -1.0)
    order = np.argsort(-alike, axis=1, kind="stable")[:, :count]
    return {
        word: tuple(words[j] for j in line if alike[i, j] > 0)
        for i, (word, line) in enumerate(zip(words, order.tolist(), strict=True))
    }


def _alike(texts: Sequence[Sequence[str]], words: list[str], around: list[str]) -> FloatArray:
    """Cosine of what stands about two words, shape (words, words)."""
    row, column = ({w: i for i, w in enumerate(held)} for held in (words, around))
    beside = np.zeros((len(words), len(around)))
    for text in texts:
        rows = np.array([row.get(word, -1) for word in text], dtype=np.int64)
        columns = np.array([column.get(word, -1) for word in text], dtype=np.int64)
        for step in range(1, min(WINDOW, len(text) - 1) + 1):
            for a, b in ((rows[step:], columns[:-step]), (rows[:-step], columns[step:])):
                there = (a >= 0) & (b >= 0)
                np.add.at(beside, (a[there], b[there]), 1.0)
    expected = beside.sum(axis=1, keepdims=True) * beside.sum(axis=0) / max(1.0, beside.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        informed = np.where(beside > 0, np.maximum(np.log(beside / expected), 0.0), 0.0)
    length = np.linalg.norm(informed, axis=1, keepdims=True)
    informed = informed / np.where(length > 0, length, 1.0)
    return np.asarray(informed @ informed.T)
