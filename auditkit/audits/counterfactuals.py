"""What would change the decision? The smallest change of a row that is found to, and for whom.

Rows that were decided against are changed in few features, never in those that cannot change, and
the model is asked again; of a text words are taken out. What was found describes the model, not
what would become of a person; and what was not found may exist, since not everything is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Measurement, Metric, Table
from auditkit.explaining.change_rules import ChangeRules
from auditkit.explaining.change_words import COMMON
from auditkit.explaining.counterfactuals import Findings, Plan, change_rows
from auditkit.explaining.text_column import text_column
from auditkit.explaining.text_edits import edit_texts
from auditkit.methods.counterfactual_goal import Goal
from auditkit.methods.counterfactual_metrics import (
    METRICS,
    ByGroup,
    measure,
    parts_table,
    stories_table,
)
from auditkit.methods.estimates import IntArray
from auditkit.methods.groupwise import Settings
from auditkit.roles import group_labels
from auditkit.subject import Subject

#: Questions to a model that runs here, and to a served one, where nothing is said.
ASKED_HERE, ASKED_SERVED = 1_000_000, 20_000
#: Why nothing could be searched.
NOBODY = "no row was decided against"
NO_FEATURES = "the columns that the model reads are not known"

_WHERE = "[audits.counterfactuals]"


@dataclass(frozen=True)
class Counterfactuals:
    """Small changes that bring another decision: how often found, how far, and for which groups.

    Sensitive columns never change, unless another setting than `immutable` names them.

    Attributes:
        immutable: Columns that never change.
        changeable: Sensitive columns that may change all the same.
        increase_only: Numbers that may only rise.
        decrease_only: Numbers that may only fall.
        ranges: Number to the lowest and highest value that it may be changed to.
        favourable: Whether to be selected is what people want; of a binary task.
        wanted: The class that is wanted, of several; any other than the present one where empty.
        rows: Most rows that are searched, drawn at random among those decided against.
        max_changes: Most features (of a text, words) that are changed together, from 1 to 5.
        max_asked: Most questions to the model; at least 100. None allows 1,000,000, and 20,000 to
            a served model. The search is made narrower, and then rows fewer, to keep within it.
        min_group: Rows that a group needs to be compared; at least 2.
        max_groups: Most groups of a column that are compared; at least 2.
        level: Confidence level of every interval, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Counterfactuals(rows=0, ranges={"age": [60, 20]})
        Traceback (most recent call last):
        auditkit.errors.InputError: 2 problems:
          1. [audits.counterfactuals] rows: found '0', expected a whole number from 1.
          2. [audits.counterfactuals] ranges 'age': found '[60, 20]', expected two numbers \
[low, high], low below high.
    """

    immutable: list[str] = field(default_factory=list)
    changeable: list[str] = field(default_factory=list)
    increase_only: list[str] = field(default_factory=list)
    decrease_only: list[str] = field(default_factory=list)
    ranges: dict[str, list[float]] = field(default_factory=dict)
    favourable: bool = True
    wanted: str = ""
    rows: int = 300
    max_changes: int = 3
    max_asked: int | None = None
    min_group: int = 10
    max_groups: int = 100
    level: float = 0.95

    name: ClassVar[str] = "counterfactuals"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        least = {"rows": 1, "max_changes": 1, "max_asked": 100, "min_group": 2, "max_groups": 2}
        problems = range_problems(self, **least)
        if self.max_changes > 5:
            found, expected = quote(self.max_changes), "a whole number up to 5"
            problems.append(Problem(f"{_WHERE} max_changes", found, expected))
        problems += self._rules.problems()
        if problems:
            raise InputError(problems)

    @property
    def _rules(self) -> ChangeRules:
        return ChangeRules(
            self.immutable, self.changeable, self.increase_only, self.decrease_only, self.ranges
        )

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Search rows that were decided against.

        Args:
            subject: What is audited.
            rng: Draws the rows, and those that stand for what is usual.

        Yields:
            How often a change was found, of how many features, how far and how near the data; the
            tables `features` (or `words`) and `stories`; the same numbers by group, the gaps, and
            the table `by-group`.

        Raises:
            InputError: If a setting names no column or class of the subject; all are listed.
        """
        problems = [*self._rules.problems_with(subject), *self._goal_problems(subject)]
        if problems:
            raise InputError(problems)
        found = self._search(subject, rng)
        if isinstance(found, str):
            for metric in METRICS[:4]:  # those that are not about groups
                yield metric.measure(None, n=0, reason=found, source="assessed rows")
            return
        places, findings = found
        outcome = findings.outcome
        yield from measure(outcome, self.level)
        if findings.parts:
            what, note = findings.what, findings.note
            yield parts_table(findings.parts, outcome, self.level, what, note)
        if findings.stories:
            yield stories_table(findings.stories, self._told(findings))
        if subject.sensitive:
            yield from self._by_group(subject, places, findings).measure()

    def _goal_problems(self, subject: Subject) -> list[Problem]:
        problems = []
        if self.wanted and subject.task != "multiclass":
            expected = "no such setting for a binary task; write favourable = false or true"
            problems.append(Problem(f"{_WHERE} wanted", quote(self.wanted), expected))
        elif self.wanted and self.wanted not in subject.classes:
            known = subject.classes
            problems.append(Problem.unknown(f"{_WHERE} wanted", self.wanted, known, "a class"))
        if not self.favourable and subject.task != "binary":
            expected = "it for a binary task only; name the wanted class"
            problems.append(Problem(f"{_WHERE} favourable", "'false'", expected))
        return problems

    def _search(
        self, subject: Subject, rng: np.random.Generator
    ) -> tuple[IntArray, Findings] | str:
        if not subject.features:
            return NO_FEATURES
        wanted = subject.classes.index(self.wanted) if self.wanted else -1
        goal = Goal(subject.threshold, self.favourable, wanted)
        against = np.flatnonzero(goal.against(np.asarray(subject.y_score)))
        if not against.size:
            return NOBODY
        order = rng.permutation(against)[: self.rows]
        is_served = str(getattr(subject.model, "kind", "")).startswith("endpoint")
        allowed = self.max_asked or (ASKED_SERVED if is_served else ASKED_HERE)
        plan, column = Plan(self.max_changes, allowed), text_column(subject)
        if column is not None:
            return edit_texts(subject, column, order, goal, plan)
        return change_rows(subject, order, goal, self._rules, plan, rng)

    def _by_group(self, subject: Subject, places: IntArray, findings: Findings) -> ByGroup:
        groups = {name: subject.groups[name] for name in subject.sensitive}
        return ByGroup(
            findings.outcome,
            {name: held.codes[places] for name, held in groups.items()},
            {name: group_labels(held) for name, held in groups.items()},
            Settings(self.level, self.min_group),
            self.max_groups,
        )

    @staticmethod
    def _told(findings: Findings) -> str:
        outcome = findings.outcome
        left = int((~outcome.found).sum())
        return (
            f"for {left:,} of the {outcome.found.size:,} rows that were searched no change was "
            "found; row: place among the assessed rows, from 1; values and words that fewer than "
            f"{COMMON} assessed rows share are not named"
        )
