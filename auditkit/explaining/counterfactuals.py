"""Changes of raw rows that bring another decision, and words for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from auditkit.errors import quote
from auditkit.explaining.change_rules import ChangeRules
from auditkit.explaining.change_words import Wording
from auditkit.explaining.changed_rows import ChangingRows
from auditkit.methods.counterfactual import Changes, Effort, search
from auditkit.methods.counterfactual_columns import BoolArray, Data
from auditkit.methods.counterfactual_goal import Goal
from auditkit.methods.counterfactual_metrics import Outcome, Part, Story, cases
from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.models.answers import checked_answers
from auditkit.subject import Subject

#: Rows that stand for what is usual.
REFERENCE = 2_000
#: Share of the rows, as they are, that lie near the data by definition.
USUAL = 0.95
#: Values of a number that are tried and how widely is searched, from thorough to sparing.
EFFORTS = ((10, 8, 8), (10, 4, 4), (6, 3, 3), (6, 2, 2), (4, 1, 1))
CAUTION = "it describes the model, not what would become of a person who changes"


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found of some rows.

    Attributes:
        outcome: By row.
        parts: The features, or words, that changes are made of.
        stories: A few changes in words.
        what: What is changed: "feature" or "word".
        note: What is not among the parts.
    """

    outcome: Outcome
    parts: Sequence[Part]
    stories: Sequence[Story]
    what: str
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """What may be asked of the model.

    Attributes:
        most: Most features that are changed together.
        questions: Most questions to the model.
    """

    most: int
    questions: int

    def fit(self, moves: Sequence[int], rows: int) -> tuple[int, Effort, int]:
        """Choose how thoroughly to search.

        Args:
            moves: Single changes of a row, by effort, as `EFFORTS` has them.
            rows: Rows that are wanted.

        Returns:
            Which of `EFFORTS`; the effort; and how many rows can be searched, perhaps none.

        Example:
            >>> Plan(3, 1_000_000).fit([100] * 5, 300)[2], Plan(3, 1_000).fit([100] * 5, 300)[2]
            (300, 2)
        """
        for place, (_, beam, kept) in enumerate(EFFORTS):
            effort = Effort(self.most, beam, kept)
            fitting = self.questions // max(1, effort.questions(moves[place]))
            if fitting >= rows:
                return place, effort, rows
        return place, effort, fitting


def change_rows(
    subject: Subject,
    order: IntArray,
    goal: Goal,
    rules: ChangeRules,
    plan: Plan,
    rng: np.random.Generator,
) -> tuple[IntArray, Findings] | str:
    """Search for changes of rows.

    Args:
        subject: What is audited.
        order: Places of the rows to search, the first ones first.
        goal: The wanted decision.
        rules: Which columns may change, and how.
        plan: What may be asked.
        rng: Draws the rows that stand for what is usual.

    Returns:
        The places of the rows that were searched, and what was found; or why nothing could be.
    """
    reference, own, whose = _reference(subject, order, rng)
    if own is not None and len(reference) < 2:
        return "there is no other row to take values from"
    features, fixed = list(subject.features), rules.fixed(subject)
    rows = subject.rows.iloc[order]
    made = [
        ChangingRows.of(rows[features], reference[features], features, rules, fixed, values)
        for values, _, _ in EFFORTS
    ]
    moves = [sum(column.values.size for column in held.columns) for held in made]
    if not moves[0]:
        return "no feature may change, or none has another value"
    place, effort, count = plan.fit(moves, len(order))
    if not count:
        return f"max_asked = {plan.questions:,} questions are too few for one row"
    held, places = _first(made[place], count), order[:count]
    asked = _Asked(subject, held, goal, goal.decided(np.asarray(subject.y_score)[places]))
    data = _data(held, own)
    found = search(held.before, held.columns, asked, effort, data)
    free = sum(column.values.size > 0 for column in held.columns)
    words = (
        f"{count:,} rows {goal.who(subject.classes)}, searched for changes of up to "
        f"{effort.most} of {free} changeable features, {moves[place]} values in "
        f"all and the best {effort.beam} carried on; {asked.questions:,} questions; values "
        f"and spreads of {len(reference):,} {whose} rows"
        f"{_noted(subject, rules, fixed, held.kept)}; {CAUTION}"
    )
    outcome = Outcome(found.found, found.count, found.distance, found.near, words)
    return places, Findings(
        outcome, _parts(held, found), _stories(subject, held, found, outcome, places), "feature"
    )


def _reference(
    subject: Subject, order: IntArray, rng: np.random.Generator
) -> tuple[pd.DataFrame, IntArray | None, str]:
    """Training rows where they are known, else assessed ones, and which of those are searched."""
    if subject.train is not None and len(subject.train):
        drawn = rng.permutation(len(subject.train))[:REFERENCE]
        return subject.train.iloc[drawn], None, "training"
    drawn = rng.permutation(len(subject))[:REFERENCE]
    own = np.full(len(subject), -1, dtype=np.int64)
    own[drawn] = np.arange(drawn.size)
    return subject.rows.iloc[drawn], own[order], "assessed"


def _first(held: ChangingRows, count: int) -> ChangingRows:
    """The same of the first rows only."""
    return replace(held, rows=held.rows.iloc[:count], before=held.before[:count])


@dataclass
class _Asked:
    """Asks the model about changed rows, and counts the questions."""

    subject: Subject
    held: ChangingRows
    goal: Goal
    decided: IntArray
    questions: int = 0

    def __call__(self, after: FloatArray, owner: IntArray) -> tuple[FloatArray, BoolArray]:
        if not len(after):
            return np.zeros(0), np.zeros(0, dtype=np.bool_)
        self.questions += len(after)
        model, task = self.subject.model, self.subject.task
        rows = self.held.frame(after, owner)
        answers = checked_answers(model, task, rows, self.subject.classes)
        return self.goal.read(answers, self.decided[owner])


def _noted(subject: Subject, rules: ChangeRules, fixed: Sequence[str], kept: Sequence[str]) -> str:
    """What stays as it is, and which settings say nothing."""
    parts = {
        "never changed": fixed,
        "left as they are, being texts or names": kept,
        "named in the settings but not read by the model": rules.unread(subject),
    }
    said = [f"{what}: {', '.join(map(quote, names))}" for what, names in parts.items() if names]
    return "".join(f"; {text}" for text in said)


def _data(held: ChangingRows, own: IntArray | None) -> Data:
    """What is near: as near as 95 in 100 of the rows are before they are changed."""
    data = Data(held.reference, held.columns, own)
    usual = data.from_nearest(held.before, np.arange(len(held.before)))
    return replace(data, reach=float(np.quantile(usual, USUAL)) * (1 + 1e-9))


def _parts(held: ChangingRows, found: Changes) -> list[Part]:
    changed = found.changed
    return [
        Part(name, int(changed[:, j].sum()), _how(held, found, j, changed[:, j]))
        for j, name in enumerate(held.names)
        if changed[:, j].any()
    ]


def _how(held: ChangingRows, found: Changes, j: int, changed: BoolArray) -> str:
    """Whether a number is raised or lowered."""
    if held.columns[j].per_unit is None:
        return "another category"
    rose = float((found.after[changed, j] > found.before[changed, j]).mean())
    if rose in (0.0, 1.0):
        return "raised" if rose else "lowered"
    return f"raised in {100 * rose:.0f} %, lowered in {100 * (1 - rose):.0f} %"


def _stories(
    subject: Subject, held: ChangingRows, found: Changes, outcome: Outcome, places: IntArray
) -> list[Story]:
    wording, told = Wording(subject.rows), []
    for case, row in cases(outcome):
        before = held.rows.iloc[[row]]
        after = held.frame(found.after[[row]], np.array([row]))
        parts = [
            (name, wording.change(name, before[name].iloc[0], after[name].iloc[0]))
            for j, name in enumerate(held.names)
            if found.changed[row, j]
        ]
        told.append(Story(case, int(places[row]), parts))
    return told
