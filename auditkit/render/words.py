"""The words of the page: one catalogue a language, keyed by id.

A catalogue is a JSON file `messages.<language>.json`: id to text, or id to {"one", "other"} where
the text depends on a number. A text may hold `{placeholders}` and simple tags; what is put into
the placeholders is escaped.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

from auditkit.errors import UnknownNameError, quote
from auditkit.render import numbers
from auditkit.render.phrases import phrase_book
from auditkit.render.text import GLUE, TEXT, el, join, name, safe

FOLDER = Path(__file__).parent

Entry = str | dict[str, str]
#: A space that Chinese does not write: after full-width marks, and between a number and a unit.
_FULL_WIDTH = "".join(map(chr, (0x3001, 0x3002, 0xFF01, 0xFF09, 0xFF0C, 0xFF1A, 0xFF1B, 0xFF1F)))
_SPACE = re.compile(rf"(?<=[{_FULL_WIDTH}])((?:</[a-z]+>)*) |(?<=[0-9]){GLUE}(?=[\u4e00-\u9fff])")


def languages() -> list[str]:
    """The languages that there is a catalogue for.

    Example:
        >>> "en" in languages()
        True
    """
    return sorted(path.name.split(".")[1] for path in FOLDER.glob("messages.*.json"))


@cache
def catalogue(language: str) -> dict[str, Entry]:
    """Read a catalogue.

    Args:
        language: A language tag such as "en".

    Returns:
        Id to text.

    Raises:
        UnknownNameError: If there is no such catalogue.

    Example:
        >>> catalogue("en")["verdict.pass"]
        'Pass'
    """
    if language not in languages():
        known = ", ".join(languages())
        raise UnknownNameError(f"no report in the language {quote(language)}; there are: {known}")
    text = (FOLDER / f"messages.{language}.json").read_text(encoding="utf-8")
    entries: dict[str, Entry] = json.loads(text)
    return entries


class Words:
    """The words of one language; call it with an id and what fills the placeholders.

    Example:
        >>> words = Words("en")
        >>> words("count.rows", n=1), words("count.rows", n=48842)
        (Markup('1 row'), Markup('48,842 rows'))
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._entries = catalogue(language)
        self.book = phrase_book(language)

    def __call__(self, key: str, /, **values: object) -> Markup:
        """Write a text of the catalogue.

        Args:
            key: Its id.
            **values: What fills its placeholders; text is escaped, a whole number gets its
                separators, and `n` chooses between "one" and "other".

        Returns:
            The text.

        Raises:
            KeyError: If there is no such id, or a placeholder is not filled.
        """
        entry = self._entries[key]
        if isinstance(entry, dict):
            entry = entry["one" if values.get("n") == 1 else "other"]
        shown = {
            name: numbers.count(value) if type(value) is int else safe(value)
            for name, value in values.items()
        }
        return Markup(entry).format(**shown)  # noqa: S704 - the catalogue is our own file

    def told(self, text: str | None, longest: int = TEXT) -> Markup:
        """Write a text that an audit wrote into the record: a reason, a method, a title.

        Args:
            text: The text, in English as the record holds it; None is nothing.
            longest: Characters that are shown.

        Returns:
            The text in this language; as it stands, marked as English, where no phrase is known.

        Example:
            >>> Words("en").told("a count")
            Markup('a count')
        """
        if not text:
            return Markup("")
        if self.book is None:
            return name(text, longest)
        known = self.book(text)
        return el("span", name(text, longest), lang="en") if known is None else name(known, longest)

    def said(self, text: str, longest: int = TEXT) -> Markup:
        """Write what may be ours, such as "(all others)", or a name from the data.

        Args:
            text: The text.
            longest: Characters that are shown.

        Returns:
            The text in this language where a phrase is known, else the name as it is.
        """
        known = self.book(text) if self.book else None
        return name(known or text, longest)

    def knows(self, text: str) -> bool:
        """Whether a text is one of ours that is said in another language than it was written."""
        books = (self.book, self.book.conditions) if self.book else ()
        return any(book is not None and book(text) is not None for book in books)

    def condition(self, text: str, longest: int = TEXT) -> Markup:
        """Write what a rule asks, such as "age at least 40 and hours under 35"."""
        conditions = self.book.conditions if self.book else None
        known = conditions(text) if conditions else None
        return name(known or text, longest)

    def closed_up(self, page: str) -> str:
        """Take out the spaces between sentences and before units that Chinese does not write."""
        if not self.language.startswith("zh"):
            return page
        return _SPACE.sub(lambda match: match[1] or "", page)

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in self._entries

    def listing(self, parts: list[Markup]) -> Markup:
        """Join parts as a sentence does: "a, b and c".

        Example:
            >>> Words("en").listing([Markup("a"), Markup("b"), Markup("c")])
            Markup('a, b and c')
        """
        if len(parts) < 2:
            return join(parts)
        head = self("list.comma").join(parts[:-1])
        return join([head, self("list.and"), parts[-1]])
