"""The record's own texts in another language: reasons, methods, titles and definitions.

Audits write them in English, and the record keeps them as they were written, so that an old record
can be drawn in a language that nobody thought of when it was made. A phrase book
`phrases.<language>.json` holds them as templates: English to the other language, with named
`{holes}` for what differs from one record to the next: a number, a name, a phrase again. A hole
whose name starts with `_` takes nothing but a phrase.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
#: What the audits put between two texts that stand on their own.
BETWEEN = "; "
_HOLE = re.compile(r"\{([a-z_0-9]+)\}")
#: What stands in a hole may be a text of ours too, but not endlessly.
DEEPEST = 6
#: Longer texts are not looked up: no template of ours is, and a name from outside may be.
LONGEST = 4000


@dataclass(frozen=True)
class Template:
    """A phrase with holes.

    Attributes:
        english: As the audits write it.
        other: In the other language, with the same holes.
    """

    english: str
    other: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What finds the phrase, and the texts in its holes."""
        parts = _HOLE.split(self.english)
        seen: set[str] = set()
        written = []
        for place, part in enumerate(parts):
            if place % 2 == 0:
                written.append(re.escape(part))
            elif part in seen:
                written.append(f"(?P={part})")
            else:
                seen.add(part)
                written.append(f"(?P<{part}>.+?)")
        return re.compile("".join(written), re.DOTALL)

    @property
    def is_strict(self) -> bool:
        """Whether some hole takes a phrase only; such a template is tried before the others."""
        return "{_" in self.english

    @property
    def plain(self) -> int:
        """Letters outside the holes: the more, the surer that it is this phrase."""
        return len(_HOLE.sub("", self.english))


class PhraseBook:
    """Texts of the record in another language.

    Example:
        >>> book = PhraseBook({"a count": "计数", "drawn from {n} rows": "从{n}行中抽取"}, ";")
        >>> book("a count; drawn from 1,000 rows")
        '计数;从1,000行中抽取'
        >>> book("nobody wrote this") is None
        True
    """

    def __init__(self, phrases: Mapping[str, str], between: str) -> None:
        self._whole = {english: other for english, other in phrases.items() if "{" not in english}
        self._between = between
        self._by_word: dict[str, list[Template]] = {}
        templates = [Template(*pair) for pair in phrases.items() if "{" in pair[0]]
        for template in sorted(templates, key=lambda t: (not t.is_strict, -t.plain, t.english)):
            self._by_word.setdefault(_first_word(template.english), []).append(template)
        self._cached = lru_cache(maxsize=8192)(self._told)

    def __call__(self, text: str) -> str | None:
        """Say a text of the record in the other language.

        Args:
            text: As the record holds it.

        Returns:
            The text, whole or put together from parts with "; " between them; None where some
            part of it is in no phrase.
        """
        return self._cached(text, 0) if len(text) <= LONGEST else None

    def _told(self, text: str, depth: int) -> str | None:
        found = self._phrase(text, depth)
        if found is not None or BETWEEN not in text:
            return found
        parts = [self._cached(part, depth) for part in text.split(BETWEEN)]
        known = [part for part in parts if part is not None]
        return self._between.join(known) if len(known) == len(parts) else None

    def _phrase(self, text: str, depth: int) -> str | None:
        if text in self._whole:
            return self._whole[text]
        for template in (*self._by_word.get(text.split(" ", 1)[0], ()), *self._by_word.get("", ())):
            match = template.pattern.fullmatch(text)
            filled = self._fill(template, match.groupdict(), depth) if match else None
            if filled is not None:
                return filled
        return None

    def _fill(self, template: Template, holes: Mapping[str, str], depth: int) -> str | None:
        told = {
            hole: self._cached(held, depth + 1) if depth < DEEPEST else None
            for hole, held in holes.items()
        }
        if any(told[hole] is None for hole in holes if hole.startswith("_")):
            return None
        return _HOLE.sub(lambda match: told[match[1]] or holes[match[1]], template.other)


def _first_word(english: str) -> str:
    """The first word of a template where it has no hole in it, so that few are tried."""
    word = english.split(" ", 1)[0]
    return "" if "{" in word else word


@cache
def phrase_book(language: str) -> PhraseBook | None:
    """The phrase book of a language.

    Args:
        language: A language tag.

    Returns:
        The book; None for the language that the audits write in.

    Example:
        >>> phrase_book("en") is None
        True
    """
    file = FOLDER / f"phrases.{language}.json"
    if not file.is_file():
        return None
    held = json.loads(file.read_text(encoding="utf-8"))
    return PhraseBook(held["phrases"], held["between"])
