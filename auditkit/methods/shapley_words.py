"""Words over texts: what the Shapley values of tokens say about a whole corpus.

A word is one player of the summary: the values of its tokens in a text are added up. Words that
few texts hold are not named, and neither are those that matter least; all of them together are one
player more, so that sums hold. There is no background, so that the texts are all that varies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.evidence import Interval
from auditkit.methods.estimates import Estimate
from auditkit.methods.shapley_game import Floats
from auditkit.methods.shapley_noise import ROUNDING, sizes
from auditkit.methods.shapley_summary import mean_within_bound, never_seen

#: Mean size of normal noise, in its standard deviations.
_MEAN_SIZE = float(np.sqrt(2 / np.pi))


@dataclass(frozen=True, eq=False)
class WordValues:
    """Values of words in texts; made by `word_values`.

    Attributes:
        words: The w words that are named, from the one that matters most.
        texts: Shape (w,): texts that hold each of them.
        common: Words that enough texts hold to be named.
        others: Other words than the named ones.
        values: Shape (m, w + 1), or (m, w + 1, k) of k outputs: the value of each word in each
            text, 0 where it does not stand; last of all other words together.
        sizes: Shape (m, w + 1): how far each moves the score; see `shapley_noise.sizes`.
        holds: Shape (m, w + 1): whether each stands in each text.
        noise: Shape (m, w + 1): how much the draw of orders adds to each size, at most and on
            average. All values of a text sum to what is known, so that the other words together
            err no more than the named ones do.
    """

    words: tuple[str, ...]
    texts: npt.NDArray[np.int64]
    common: int
    others: int
    values: Floats
    sizes: Floats
    holds: npt.NDArray[np.bool_]
    noise: Floats


def word_values(
    tokens: Sequence[Sequence[str]],
    values: Sequence[Floats],
    errors: Sequence[Floats],
    *,
    scores: int,
    least: int,
    most: int,
) -> WordValues:
    """Add the values of tokens up by word.

    Args:
        tokens: The tokens of each of m texts.
        values: For each text shape (tokens,), or (tokens, k) of k outputs.
        errors: Standard errors, of the same shapes.
        scores: Outputs, the first ones, that are scores: 1, or one a class; the sizes are theirs.
        least: Texts that hold a word that may be named.
        most: Most words that are named.

    Returns:
        The values of the words.

    Example:
        >>> found = word_values([["a", "b", "a"], ["b"]], [np.array([0.1, 0.2, 0.1]), np.array([0.4])],
        ...                     [np.zeros(3), np.zeros(1)], scores=1, least=2, most=5)
        >>> found.words, found.values.tolist(), found.others
        (('b',), [[0.2, 0.2], [0.4, 0.0]], 1)
    """  # noqa: E501 - one call
    held = Counter(word for line in tokens for word in set(line))
    lines = [_added(*line, scores) for line in zip(tokens, values, errors, strict=True)]
    total: Counter[str] = Counter()
    for line in lines:
        total.update(dict(zip(line.words, line.sizes.tolist(), strict=True)))
    common = [word for word, texts in held.items() if texts >= least]
    named = sorted(common, key=lambda word: (-total[word], word))[:most]
    place = {word: at for at, word in enumerate(named)}
    places = [np.array([place.get(w, len(named)) for w in line.words], int) for line in lines]
    shown = [(line, at, len(named) + 1) for line, at in zip(lines, places, strict=True)]
    summed = np.stack([_summed(line.values, at, size) for line, at, size in shown])
    noise = np.stack([_summed(line.noise, at, size) for line, at, size in shown])
    noise[:, -1] = np.minimum(noise[:, -1], noise[:, :-1].sum(axis=1))
    return WordValues(
        tuple(named),
        np.array([held[word] for word in named], dtype=np.int64),
        len(common),
        len(held) - len(named),
        summed,
        _sizes(summed, scores, 2),
        np.stack([_summed(np.ones(at.size), at, size) > 0 for _, at, size in shown]),
        noise,
    )


@dataclass(frozen=True, eq=False)
class _Line:
    """The u different words of one text; values (u, ...), sizes and noise (u,)."""

    words: list[str]
    values: Floats
    sizes: Floats
    noise: Floats


def _added(tokens: Sequence[str], values: Floats, errors: Floats, scores: int) -> _Line:
    """Add the values of equal tokens of one text up."""
    words = sorted(set(tokens))
    place = {word: at for at, word in enumerate(words)}
    kinds = np.array([place[token] for token in tokens], dtype=np.int64)
    added = _summed(values, kinds, len(words))
    noise = _MEAN_SIZE * _summed(_sizes(errors, scores, 1), kinds, len(words))
    return _Line(words, added, _sizes(added, scores, 1), noise)


def _sizes(values: Floats, scores: int, axes: int) -> Floats:
    """Sizes, of so many axes, of values that may have one more: outputs, the first ones scores."""
    if scores > 1:
        return sizes(values[..., :scores], classes=True)
    return sizes(values if values.ndim == axes else values[..., 0], classes=False)


def _summed(values: Floats, places: npt.NDArray[np.int64], count: int) -> Floats:
    """Add values (n, ...) up by their places, shape (count, ...)."""
    added = np.zeros((count, *values.shape[1:]))
    np.add.at(added, places, values)
    return added


def word_importance(found: WordValues, level: float = 0.95, bound: float = 1.0) -> list[Estimate]:
    """Estimate how far each word moves the scores: the mean over texts of the size of its value.

    Texts that do not hold it count with 0. Noise of the orders
    makes sizes too large, never too small: the lower side starts from a mean without it.

    Args:
        found: Values of the words.
        level: Two-sided confidence level, in (0, 1).
        bound: Greatest size that is possible; infinite for numbers without bounds.

    Returns:
        One estimate a word, the last for all other words together.

    Source:
        Student (1908), Biometrika 6:1.

    Example:
        >>> lines = [["good"], ["good", "bad"], ["bad"]]
        >>> values = [np.array([0.5]), np.array([0.25, -0.25]), np.array([-0.5])]
        >>> found = word_values(lines, values, values, scores=1, least=2, most=9)
        >>> [round(one.value, 3) for one in word_importance(found)]
        [0.25, 0.25, 0.0]
    """
    noise = found.noise.mean(axis=0)
    return [
        _mean_size(own, float(doubt), level, bound)
        for own, doubt in zip(found.sizes.T, noise, strict=True)
    ]


def _mean_size(own: Floats, noise: float, level: float, bound: float) -> Estimate:
    m, mean = len(own), float(own.mean())
    if own.max() <= ROUNDING:
        return never_seen(own, level, bound)
    arm = 0.0 if m < 2 else float(special.stdtrit(m - 1, (1 + level) / 2) * own.std(ddof=1))
    if arm == 0:
        return mean_within_bound(own, level, bound)
    arm /= float(np.sqrt(m))
    low, high = max(0.0, mean - noise - arm), min(bound, mean + arm)
    method = "Student's t over texts; low side allows for noise in signs"
    return Estimate(mean, Interval(low, high, level, method))
