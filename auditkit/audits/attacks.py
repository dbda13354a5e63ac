"""Which decisions can someone change who means to? Small changes, chosen to deceive.

Numbers that the model reads are moved a little in the direction that its gradient tells; where it
has none, by asking it only. Words of a text are replaced. What is found is what surely can be
done, not the most that can be: an attack that never succeeds shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import Measurement, Metric, Table
from auditkit.explaining.evasion import Effort, Found
from auditkit.explaining.evasion_rows import attack_rows
from auditkit.explaining.evasion_texts import attack_texts
from auditkit.explaining.text_column import text_column
from auditkit.methods.attack_metrics import ACCURACY, FLIPS, METRICS, Attacked
from auditkit.roles import group_labels, origin
from auditkit.subject import Subject

#: Questions to a model that runs here, and to a served one, where nothing is said.
ASKED_HERE, ASKED_SERVED = 1_000_000, 20_000
#: What sizes are counted in.
DEVIATIONS, SHARE = "standard deviations of each number", "as a share of the words of a text"
_WHERE = "[audits.attacks]"


@dataclass(frozen=True)
class Attacks:
    """Decisions that small deliberate changes alter, and accuracy under them, by size and group.

    Sensitive columns never change.

    Attributes:
        sizes: How far a number may move, in its standard deviations, rising.
        at: The size that groups are compared at, one of `sizes`.
        words: Of texts: the share of words that may be replaced, rising.
        words_at: The share that groups are compared at, one of `words`.
        immutable: Columns that never change.
        rows: Most rows that are attacked, drawn at random.
        texts: Most texts that are attacked, likewise.
        steps: Steps along the gradient, or rounds of a search; at least 2.
        draws: Random changes of each row that the attacks are held against.
        max_asked: Most questions to the model; at least 1,000. None allows 1,000,000, and 20,000
            to a served model. Rows become fewer to keep within it.
        min_group: Rows that a group needs to be shown; at least 10.
        max_groups: Most groups of a column that are shown; at least 2.
        level: Confidence level of every interval, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Attacks(rows=0, at=0.3)
        Traceback (most recent call last):
        auditkit.errors.InputError: 2 problems:
          1. [audits.attacks] rows: found '0', expected a whole number from 1.
          2. [audits.attacks] at: found '0.3', expected one of sizes: 0.02, 0.05, 0.1, 0.2, 0.5.
    """

    sizes: list[float] = field(default_factory=lambda: [0.02, 0.05, 0.1, 0.2, 0.5])
    at: float = 0.1
    words: list[float] = field(default_factory=lambda: [0.05, 0.1, 0.2])
    words_at: float = 0.1
    immutable: list[str] = field(default_factory=list)
    rows: int = 2_000
    texts: int = 300
    steps: int = 10
    draws: int = 10
    max_asked: int | None = None
    min_group: int = 10
    max_groups: int = 30
    level: float = 0.95

    name: ClassVar[str] = "attacks"
    needs: ClassVar[frozenset[str]] = frozenset({"model"})
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        least = {"rows": 1, "texts": 1, "steps": 2, "draws": 1, "max_asked": 1_000}
        problems = range_problems(self, **least, min_group=10, max_groups=2)
        problems += [
            *_size_problems("sizes", self.sizes, 100.0, "at", self.at),
            *_size_problems("words", self.words, 1.0, "words_at", self.words_at),
        ]
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Attack a sample of the assessed rows.

        Args:
            subject: What is audited.
            rng: Draws the rows, starts and random changes.

        Yields:
            The share of decisions that change and the accuracy under attack at the size in use, how
            many checks failed; the tables `curve` and `checks`; the same by group, and the gaps.

        Raises:
            InputError: If `immutable` names no column of the subject; all are listed.
        """
        there = [str(name) for name in subject.rows.columns]
        unknown = [name for name in self.immutable if name not in there]
        if unknown:
            where, known = f"{_WHERE} immutable", subject.features or there
            raise InputError(
                [Problem.unknown(where, name, known, "a column of the data") for name in unknown]
            )
        column = text_column(subject)
        found = self._attack(subject, column, rng)
        if isinstance(found, str):
            for metric in (FLIPS, ACCURACY):
                yield metric.measure(None, n=0, reason=found, source="assessed rows")
            return
        held = self._held(subject, found, column is not None)
        yield from held.measure()
        for name in subject.sensitive:
            groups = subject.groups[name]
            codes = np.asarray(groups.codes[found.places], dtype=np.int64)
            labels = group_labels(groups)
            yield from held.by_group(name, codes, labels, self.min_group, self.max_groups)

    def _attack(
        self, subject: Subject, column: str | None, rng: np.random.Generator
    ) -> Found | str:
        if not subject.features:
            return "the columns that the model reads are not known"
        if not len(subject):
            return "there is no assessed row"
        is_served = str(getattr(subject.model, "kind", "")).startswith("endpoint")
        allowed = self.max_asked or (ASKED_SERVED if is_served else ASKED_HERE)
        effort = Effort(self.steps, self.draws, allowed)
        order = rng.permutation(len(subject)).astype(np.int64)
        own = {origin(name, subject.features) for name in subject.sensitive}
        fixed = own | set(self.immutable)
        if column is None:
            return attack_rows(subject, order[: self.rows], sorted(fixed), self.sizes, effort, rng)
        if column in fixed:
            return "the only column that the model reads may not change"
        return attack_texts(subject, column, order[: self.texts], self.words, effort, rng)

    def _held(self, subject: Subject, found: Found, is_text: bool) -> Attacked:  # noqa: FBT001
        right = subject.missing({"labels"}) or (subject.y_true == subject.y_pred)[found.places]
        return Attacked(
            found.sizes,
            self.words_at if is_text else self.at,
            found.changed,
            right,
            found.movable,
            found.still,
            SHARE if is_text else DEVIATIONS,
            found.words,
            self.level,
        )


def _size_problems(
    name: str, sizes: Sequence[float], most: float, at: str, used: float
) -> Iterator[Problem]:
    """What is wrong with sizes and the one in use."""
    rising = all(a < b for a, b in pairwise(sizes))
    if not sizes or not rising or not all(0 < size <= most for size in sizes):
        yield Problem(
            f"{_WHERE} {name}", quote(list(sizes)), f"rising numbers above 0, up to {most:g}"
        )
    elif used not in sizes:
        shown = ", ".join(f"{size:g}" for size in sizes)
        yield Problem(f"{_WHERE} {at}", quote(used), f"one of {name}: {shown}")
