"""The record's own texts in another language: reasons, methods, titles and definitions.

Audits write them in English, and the record keeps them as they were written, so that an old record
can be drawn in a language that nobody thought of when it was made. A phrase book
`phrases.<language>.json` holds them as templates: English to the other language, with named
`{holes}` for what differs from one record to the next: a number, a name, a phrase again. A hole
whose name starts with `_` takes nothing but a phrase, and one with a name of one letter a single
word, such as a number. No other hole reaches beyond the sentence, but for `{why}`. Phrases are
written without a final stop.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent
#: What the audits put between sentences, and between texts that stand on their own.
STOP, BETWEEN = ". ", "; "
#: The hole that may hold several sentences that nobody of us wrote.
ANYTHING = "why"
#: Neighbours that a phrase may join although one of those stands between them.
JOINED = 6
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
                written.append(f"(?P<{part}>{_inside(part)}+?)")
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
        >>> phrases = {"a count": "计数", "drawn from {n} rows": "从{n}行中抽取"}
        >>> book = PhraseBook(phrases, ";", "。")
        >>> book("a count; drawn from 1,000 rows.")
        '计数;从1,000行中抽取。'
        >>> book("nobody wrote this") is None
        True
    """

    def __init__(
        self,
        phrases: Mapping[str, str],
        between: str,
        stop: str,
        units: Mapping[str, str] | None = None,
        bands: Mapping[str, str] | None = None,
        conditions: Mapping[str, str] | None = None,
    ) -> None:
        #: What a rule asks; apart from the others, because almost any text is like one of them.
        self.conditions = PhraseBook(conditions, between, stop) if conditions else None
        self._units = units or {}
        self._bands = [Template(*pair) for pair in (bands or {}).items()]
        self._whole = {english: other for english, other in phrases.items() if "{" not in english}
        self._whole |= {_small(english): other for english, other in self._whole.items()}
        self._marks = ((STOP, stop), (BETWEEN, between))
        self._stop = stop
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
            The text, whole or put together from sentences and from parts with "; " between them;
            None where some part of it is in no phrase.
        """
        return self._cached(text, 0) if len(text) <= LONGEST else None

    def unit(self, unit: str) -> str:
        """Say a unit; one that is known as such everywhere stays as it is."""
        return self._units.get(unit, unit)

    def band(self, name: str) -> str:
        """Say the name of a band of numbers, such as "25 to 44"."""
        for template in self._bands:
            match = template.pattern.fullmatch(name)
            if match:
                return template.other.format(**match.groupdict())
        return name

    def _told(self, text: str, depth: int) -> str | None:
        if text.endswith(".") and not text.endswith(".."):
            told = self._cached(text[:-1], depth)
            return None if told is None else told + self._stop
        found = self._phrase(text, depth)
        for mark, other in self._marks:
            if found is None and mark in text:
                found = self._parts(text.split(mark), mark, other, depth)
        return found

    def _parts(self, parts: list[str], mark: str, other: str, depth: int) -> str | None:
        """Say the parts of a text; some of them may be one phrase together."""
        said, place = [], 0
        while place < len(parts):
            told = self._cached(parts[place], depth)
            end = place + 1
            while told is None and end < min(len(parts), place + JOINED):
                end += 1
                told = self._phrase(mark.join(parts[place:end]), depth)
            if told is None:
                return None
            said.append(told)
            place = end
        return other.join(said)

    def _phrase(self, text: str, depth: int) -> str | None:
        found = self._whole.get(text)
        if found is not None:
            return found
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


def _inside(hole: str) -> str:
    """What may stand in a hole: a word, a name or number, or whatever comes."""
    if len(hole) == 1:
        return "[^ ]"
    return "." if hole.startswith("_") or hole == ANYTHING else r"(?:(?!; |\. ).)"


def _small(english: str) -> str:
    """A phrase as it stands inside a sentence."""
    return english[:1].lower() + english[1:] if english[1:2].islower() else english


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
    return PhraseBook(**held)
