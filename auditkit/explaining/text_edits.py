"""The fewest words that must be taken out of a text for another decision."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auditkit.encoding.text import texts_of
from auditkit.explaining.change_words import COMMON
from auditkit.explaining.counterfactuals import CAUTION, EFFORTS, Findings, Plan
from auditkit.explaining.text_games import TextGames, text_games
from auditkit.methods.counterfactual import Changes, search
from auditkit.methods.counterfactual_columns import BoolArray, Column
from auditkit.methods.counterfactual_goal import Goal
from auditkit.methods.counterfactual_metrics import Outcome, Part, Story, cases
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.shapley_game import Asked
from auditkit.methods.tokens import tokens
from auditkit.models.answers import checked_scores
from auditkit.subject import Subject

RARE_WORD = "a rare word"


def edit_texts(
    subject: Subject, column: str, order: IntArray, goal: Goal, plan: Plan
) -> tuple[IntArray, Findings] | str:
    """Search for the fewest words without which another decision is made.

    Args:
        subject: What is audited.
        column: The column of text.
        order: Places of the texts to search, the first ones first.
        goal: The wanted decision.
        plan: What may be asked.

    Returns:
        The places of the texts that were searched, and what was found; or why nothing could be.
    """
    rows = subject.rows.iloc[order]
    games = text_games(subject.model, rows, column, "probability", subject.threshold)  # type: ignore[arg-type]  # has scores
    longest = max((len(line) for line in games.codes), default=0)
    if not longest:
        return "no text holds a word"
    place, effort, count = plan.fit([longest] * len(EFFORTS), len(order))
    if not count:
        return f"max_asked = {plan.questions:,} questions are too few for one text"
    games = games.part(slice(0, count))
    before = np.zeros((count, longest))
    for line, codes in zip(before, games.codes, strict=True):
        line[: len(codes)] = codes
    asked = _AskedTexts(subject, games.asked(), goal, np.zeros(0, dtype=np.int64))
    asked.decided = goal.decided(asked.answers(before))
    found = search(before, [Column(np.zeros(1))] * longest, asked, effort)
    words = (
        f"{count:,} texts {goal.who(subject.classes)}, searched for up to {effort.most} words that "
        f"can be taken out, the best {EFFORTS[place][1]} choices carried on; "
        f"{asked.asked.evaluations:,} questions; {CAUTION}"
    )
    outcome = Outcome(found.found, found.count, None, None, words)
    common = _common(subject.rows, column)
    parts, rare = _parts(games, found, common)
    note = f"; {rare:,} changes hold a word that fewer than {COMMON} assessed texts have"
    stories = _stories(games, found, outcome, order, common)
    return order[:count], Findings(outcome, parts, stories, "word", note)


@dataclass
class _AskedTexts:
    """Asks the model about texts without some of their words; none is emptied."""

    subject: Subject
    asked: Asked
    goal: Goal
    decided: IntArray

    def answers(self, codes: FloatArray) -> FloatArray:
        given = self.asked.in_chunks(codes.astype(np.float32))
        classes = self.subject.classes
        known = [str(name) for name in getattr(self.subject.model, "classes", ()) or classes]
        return checked_scores(given, len(codes), known if classes else (), classes)

    def __call__(self, after: FloatArray, owner: IntArray) -> tuple[FloatArray, BoolArray]:
        if not len(after):
            return np.zeros(0), np.zeros(0, dtype=np.bool_)
        merit, reached = self.goal.read(self.answers(after), self.decided[owner])
        return merit, reached & after.any(axis=1)


def _common(rows: pd.DataFrame, column: str) -> frozenset[str]:
    """Words that many texts hold."""
    counts = Counter(word for text in texts_of(rows, column) for word in set(tokens(text)))
    return frozenset(word for word, n in counts.items() if n >= COMMON)


def _taken(games: TextGames, found: Changes, row: int, common: frozenset[str]) -> list[str]:
    """The words that are taken out of a text; rare ones unnamed."""
    line = games.tokens[row]
    taken = [line[j].lower() for j in np.flatnonzero(found.changed[row]).tolist()]
    return [word if word in common else RARE_WORD for word in taken]


def _parts(games: TextGames, found: Changes, common: frozenset[str]) -> tuple[list[Part], int]:
    """Common words that are taken out, each with how often; and edits with a rare one."""
    taken: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for row in np.flatnonzero(found.found).tolist():
        taken.update(set(_taken(games, found, row, common)))
        held.update({token.lower() for token in games.tokens[row]})
    rare = taken.pop(RARE_WORD, 0)
    return [Part(word, n, f"in {n:,} of {held[word]:,} with it") for word, n in taken.items()], rare


def _stories(
    games: TextGames,
    found: Changes,
    outcome: Outcome,
    order: IntArray,
    common: frozenset[str],
) -> list[Story]:
    return [
        Story(
            case,
            int(order[row]),
            [(word, "taken out") for word in _taken(games, found, row, common)],
        )
        for case, row in cases(outcome)
    ]
