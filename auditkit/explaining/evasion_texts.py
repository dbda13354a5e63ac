"""Attacks on texts: the words that matter most, one by one, replaced by others that stand near.

What is replaced are tokens; nobody looked whether the text still means the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from auditkit.encoding.text import texts_of
from auditkit.explaining.evasion import Effort, Found, closeness, same
from auditkit.explaining.evasion_rows import FEWEST
from auditkit.methods.attacks import BoolArray
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.flips import Asked, asked, flipped
from auditkit.methods.near_words import near_words
from auditkit.methods.tokens import token_spans, tokens
from auditkit.models.answers import checked_answers
from auditkit.subject import Subject

#: Texts that a word must stand in to replace another: a rarer one could tell of a person.
COMMON = 10
#: Others that a word is replaced by in turn.
OTHERS = 8
#: Words of a text that are looked at, its first ones.
MOST_WORDS = 100
#: Texts that the nearness of words is taken from.
READ = 20_000
NO_WORDS = "no word of these texts has another that stands near it in the data"


def attack_texts(
    subject: Subject,
    column: str,
    order: IntArray,
    sizes: Sequence[float],
    effort: Effort,
    rng: np.random.Generator,
) -> Found | str:
    """Attack texts by other words.

    Args:
        subject: What is audited.
        column: The column of text that the model reads.
        order: Places of the texts to attack, the first ones first.
        sizes: Shares of the words of a text that may be replaced, rising; at least one word.
        effort: How much is tried.
        rng: Draws random replacements.

    Returns:
        What was found; or why nothing could be.
    """
    texts = texts_of(subject.rows.iloc[order], column)
    lines = [Line.of(text) for text in texts]
    cost = np.cumsum([line.questions(sizes, effort.draws) for line in lines])
    count = int(np.searchsorted(cost, effort.questions, side="right"))
    if count < min(FEWEST, len(order)):
        return f"max_asked = {effort.questions:,} questions are too few for {FEWEST} texts"
    others = _others(subject, column)
    kept = np.argsort(order[:count])
    places = order[:count][kept]
    held = Texts(subject, column, [lines[i] for i in kept.tolist()], others)
    if not any(held.replaceable(i).size for i in range(count)):
        return NO_WORDS
    taken = held.greedy(held.importance(), [line.most(sizes[-1]) for line in held.lines])
    most = np.array([[line.most(size) for line in held.lines] for size in sizes])
    changed = {
        "substitution": taken[None, :] <= most,
        "chance": np.stack([held.by_chance(line, effort.draws, rng) for line in most]),
    }
    again = held.answers([line.text for line in held.lines])
    total = len(subject)
    words = (
        f"{count:,} of {total:,} assessed texts{' drawn at random' if count < total else ''}; "
        f"token substitution, greedy by importance: a word is replaced by the worst of {OTHERS} "
        f"that stand near the same words in the data and in {COMMON} texts or more; it may mean "
        f"something else, even the opposite; of a text its first {MOST_WORDS} words are looked at"
    )
    moves = np.minimum(most, [held.replaceable(i).size for i in range(count)]).max(axis=1)
    return Found(places, tuple(sizes), changed, moves, same(held.before, again), words)


def _others(subject: Subject, column: str) -> dict[str, tuple[str, ...]]:
    """For each word those that may replace it: of the model's vocabulary, where it tells it."""
    reference = subject.rows if subject.train is None else subject.train
    read = [list(tokens(text)) for text in texts_of(reference.iloc[:READ], column)]
    known = getattr(getattr(subject.model, "encoder", None), "words", None)
    return near_words(read, None if known is None else frozenset(known), OTHERS, COMMON)


@dataclass(frozen=True)
class Line:
    """A text cut into words and what stands between them.

    Attributes:
        words: The words, as they are written.
        between: What stands before, between and behind them: one more.
    """

    words: tuple[str, ...]
    between: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Line:
        """Cut a text; what is behind the first `MOST_WORDS` stays whole."""
        spans = list(token_spans(text))[:MOST_WORDS]
        ends = [0, *(end for _, end in spans)]
        starts = [*(start for start, _ in spans), len(text)]
        between = tuple(text[a:b] for a, b in zip(ends, starts, strict=True))
        return cls(tuple(text[a:b] for a, b in spans), between)

    @property
    def text(self) -> str:
        """The text as it was."""
        return self.put({})

    def put(self, new: dict[int, str]) -> str:
        """The text with other words at some places.

        Example:
            >>> Line.of("a good, good day").put({2: "bad"})
            'a good, bad day'
        """
        parts = [self.between[0]]
        for i, word in enumerate(self.words):
            parts += [new.get(i, word), self.between[i + 1]]
        return "".join(parts)

    def most(self, share: float) -> int:
        """Words that may be replaced: this share of them, but one at least."""
        return max(1, int(share * len(self.words)))

    def questions(self, sizes: Sequence[float], draws: int) -> int:
        """Most questions about this text."""
        return 2 + len(self.words) + OTHERS * self.most(sizes[-1]) + draws * len(sizes)


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts under attack.

    Attributes:
        subject: What is audited.
        column: The column of text.
        lines: The n texts.
        others: Word to those that may replace it.
    """

    subject: Subject
    column: str
    lines: Sequence[Line]
    others: dict[str, tuple[str, ...]]

    def answers(self, texts: Sequence[str]) -> Asked:
        """What the model says of texts."""
        subject = self.subject
        rows = pd.DataFrame({self.column: pd.Series(texts, dtype=object)})
        given = checked_answers(subject.model, subject.task, rows, subject.classes)
        return asked(given, subject.task, subject.threshold)

    @cached_property
    def before(self) -> Asked:
        """What it says of the texts as they are."""
        return self.answers([line.text for line in self.lines])

    def _near(self, texts: Sequence[str], owner: IntArray) -> tuple[FloatArray, BoolArray]:
        before, after = self.before.take(owner), self.answers(texts)
        return closeness(before, after, self.subject.threshold), flipped(before, after)

    def candidates(self, i: int, at: int) -> tuple[str, ...]:
        """What a word of a text may be replaced by."""
        word = self.lines[i].words[at]
        return self.others.get(next(iter(tokens(word)), word), ())

    def replaceable(self, i: int) -> IntArray:
        """Places of a text whose word has others."""
        there = [at for at in range(len(self.lines[i].words)) if self.candidates(i, at)]
        return np.array(there, dtype=np.int64)

    def importance(self) -> list[IntArray]:
        """Replaceable places of each text; first those without whose word it is nearest a flip."""
        made, owner = [], []
        places = [self.replaceable(i) for i in range(len(self.lines))]
        for i, there in enumerate(places):
            made += [self.lines[i].put({at: ""}) for at in there.tolist()]
            owner += [i] * there.size
        near, _ = self._near(made, np.array(owner, dtype=np.int64))
        parts = np.split(near, np.cumsum([there.size for there in places])[:-1])
        return [
            there[np.argsort(-part, kind="stable")]
            for there, part in zip(places, parts, strict=True)
        ]

    def greedy(self, order: Sequence[IntArray], most: Sequence[int]) -> FloatArray:
        """Replace word after word until the decision changes.

        Args:
            order: Places of each text, the first one first.
            most: Words that may be replaced in each.

        Returns:
            Shape (n,): words that it took; infinite where it did not change.
        """
        taken = np.full(len(self.lines), np.inf)
        put: list[dict[int, str]] = [{} for _ in self.lines]
        everyone = np.arange(len(self.lines), dtype=np.int64)
        reached, _ = self._near([line.text for line in self.lines], everyone)
        for step in range(max(most)):
            tried = [
                (i, {**put[i], int(order[i][step]): word})
                for i in np.flatnonzero(np.isinf(taken)).tolist()
                if step < min(most[i], order[i].size)
                for word in self.candidates(i, int(order[i][step]))
            ]
            if not tried:
                break
            owner = np.array([i for i, _ in tried], dtype=np.int64)
            near, changed = self._near([self.lines[i].put(new) for i, new in tried], owner)
            for (i, new), loss, turned in zip(tried, near, changed, strict=True):
                if loss > reached[i]:
                    reached[i], put[i] = loss, new
                if turned:
                    taken[i] = len(new)
        return taken

    def by_chance(self, most: IntArray, draws: int, rng: np.random.Generator) -> BoolArray:
        """Replace as many random words of each text by random others of theirs."""
        made, owner = [], []
        for i, line in enumerate(self.lines):
            there = self.replaceable(i)
            for _ in range(draws):
                picked = rng.permutation(there)[: most[i]].tolist()
                new = {at: str(rng.choice(list(self.candidates(i, at)))) for at in picked}
                made.append(line.put(new))
                owner.append(i)
        places = np.array(owner, dtype=np.int64)
        _, changed = self._near(made, places)
        found = np.zeros(len(self.lines), dtype=np.bool_)
        np.logical_or.at(found, places, changed)
        return found
