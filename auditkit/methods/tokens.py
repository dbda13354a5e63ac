"""Texts as tokens: words, or characters where a script has no spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

#: A longer token is cut; unit: characters.
LONGEST_TOKEN = 64

# Scripts without spaces between words: each character is a token. Thai, Lao, Burmese, Khmer, kana
# and Chinese characters.
_ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and accents that belong to a word, though `\w` leaves them out.
_MARKS = "\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0900-\u0963\u0966-\u0dff"
_WORD = rf"(?:[^\W_{_ALONE}]|[{_MARKS}])+"
_TOKEN = re.compile(rf"[{_ALONE}]|{_WORD}(?:'{_WORD})*")


def tokens(text: str) -> Iterator[str]:
    """Cut a text into tokens: lower-case words, or characters where a script has no spaces.

    The script is told token by token, so a text may mix them. Punctuation is left out.

    Args:
        text: Any text.

    Yields:
        The tokens, in order.

    Example:
        >>> list(tokens("Don't buy: 质量差 (2x)!"))
        ["don't", 'buy', '质', '量', '差', '2x']
    """
    lower = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    # Lower case may compose where upper case does not. Each token must be a token of itself, or
    # a saved vocabulary is refused: so normalised again, and never cut behind an apostrophe.
    for found in _TOKEN.finditer(unicodedata.normalize("NFKC", lower)):
        yield found[0][:LONGEST_TOKEN].rstrip("'")


def token_spans(text: str) -> Iterator[tuple[int, int]]:
    """Say where the tokens stand in a text as it is written.

    Args:
        text: Any text.

    Yields:
        Where each begins and ends.

    Example:
        >>> [("He can\u2019t"[a:b]) for a, b in token_spans("He can\u2019t")]
        ['He', 'can\u2019t']
    """
    for found in _TOKEN.finditer(text.replace("\u2019", "'")):
        yield found.span()
