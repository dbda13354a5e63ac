"""What model inversion found: what is measured of the guesses, and the tables that show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from auditkit.evidence import Cell, Metric, Table
from auditkit.methods.estimates import FloatArray, IntArray, cells_of
from auditkit.methods.gaps import shared_level
from auditkit.methods.model_inversion import LEAK, SUREST_LEAK, BoolArray, Known, told
from auditkit.methods.mover import minus
from auditkit.methods.paired import paired_accuracy

#: Rows that share a value or an outcome, below which it is not shown.
LEAST = 10
#: Lines of the table of single values.
LINES = 12
#: What stands for all outcomes in the table of outcomes.
ALL = "all"
ENDS = ("", "_low", "_high")

#: Which training rows, and which others.
Masks = tuple[BoolArray, BoolArray]


@dataclass(frozen=True, eq=False)
class Inversion:
    """Guesses for every outcome, and the people that they are held against.

    Attributes:
        outcomes: Names of the k outcomes, each of at least 10 rows of both kinds.
        features: Columns that are guessed, d of them.
        labels: Names of the values of each, the most frequent one first; 10 rows share each.
        likely: Shape (k, d): places of the likeliest values.
        sure: Shape (k, d): places of the surest values.
        inside: Training rows.
        outside: Rows that the model was not trained on.
        places: Where they stand among all training rows, and all assessed rows.
        words: What was done.
    """

    outcomes: tuple[str, ...]
    features: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    likely: IntArray
    sure: IntArray
    inside: Known
    outside: Known
    places: tuple[IntArray, IntArray]
    words: str

    @property
    def leaks(self) -> dict[Metric, IntArray]:
        """The guess that each metric of a leak is about."""
        return {LEAK: self.likely, SUREST_LEAK: self.sure}

    def added(self, guess: IntArray, masks: Masks | None = None) -> tuple[FloatArray, FloatArray]:
        """What a guess adds for each training row and each other row, of all or of some."""
        both = self.inside.added(guess), self.outside.added(guess)
        return both if masks is None else (both[0][masks[0]], both[1][masks[1]])

    def tables(self, level: float) -> Iterator[Table]:
        """What the guesses for each outcome add, and which values the model changes, if any."""
        yield self._by_outcome(level)
        changed = np.argwhere(self.likely != 0).tolist()
        if changed:
            yield self._by_value(changed, level)

    def _by_outcome(self, level: float) -> Table:
        k, d = self.likely.shape
        kinds = self.inside, self.outside
        each = shared_level(level, 2 * k)
        lines = []
        for at, name in enumerate(self.outcomes):
            masks = kinds[0].outcome == at, kinds[1].outcome == at
            lines.append((name, *self._typical(at), *self._cells(masks, each)))
        everyone = np.ones(len(kinds[0].rows), dtype=bool), np.ones(len(kinds[1].rows), dtype=bool)
        lines.append((ALL, None, None, *self._cells(everyone, shared_level(level, 2))))
        return Table(
            name="inverted-outcomes",
            title="What is guessed of people with each outcome",
            columns=(
                *("known_outcome", "typical_without", "typical_with", "n_training"),
                *("share_without", "share_with"),
                *(f"{one}{end}" for one in ("model_adds", LEAK.id, SUREST_LEAK.id) for end in ENDS),
            ),
            rows=tuple(lines),
            source=f"{self.words}; typical: the most frequent value among training rows with the "
            f"outcome, found for so many of {d} features; {level:.0%} intervals of means over "
            "rows, of differences MOVER, all outcomes and both guesses together (Bonferroni)",
            chart="inverted-outcomes",
        )

    def _typical(self, at: int) -> tuple[Cell, Cell]:
        """Features whose typical value the baseline finds, and the guess."""
        rows = self.inside.rows[self.inside.outcome == at]
        common = np.array([_most(column) for column in rows.T])
        return int((common == 0).sum()), int((common == self.likely[at]).sum())

    def _cells(self, masks: Masks, level: float) -> tuple[Cell, ...]:
        rows = self.inside.rows[masks[0]]
        shares = (rows == 0).mean(), self.inside.right(self.likely)[masks[0]].mean()
        likely = told(*self.added(self.likely, masks), level)
        leak = told(*self.added(self.sure, masks), level).leak
        numbers = [cell for one in (likely.members, likely.leak, leak) for cell in cells_of(one)]
        return (len(rows), *map(float, shares), *numbers)

    def _by_value(self, changed: list[list[int]], level: float) -> Table:
        each = shared_level(level, len(changed))
        lines = [self._value(at, feature, each) for at, feature in changed]
        lines.sort(key=lambda line: -float(line[5] or 0.0))
        return Table(
            name="inverted-values",
            title="Values that are guessed otherwise with the model",
            columns=(
                *("known_outcome", "feature", "value_without", "value_with", "typical_value"),
                *(f"{one}{end}" for one in ("model_adds", LEAK.id) for end in ENDS),
            ),
            rows=tuple(lines[:LINES]),
            source=f"{len(lines[:LINES])} of {len(lines)} changed guesses listed, of "
            f"{self.likely.size}; share of training rows with the outcome for which the guess with "
            f"the model is right, less that without (Agresti-Min, paired), and less what it adds "
            f"for others (MOVER); {level:.0%} intervals, all changed guesses together "
            f"(Bonferroni); typical: the most frequent value of these rows; at least {LEAST} rows "
            "share each value",
            chart="inverted-values",
        )

    def _value(self, at: int, feature: int, level: float) -> tuple[Cell, ...]:
        names, guess = self.labels[feature], int(self.likely[at, feature])
        columns = [one.rows[one.outcome == at, feature] for one in (self.inside, self.outside)]
        found = [paired_accuracy(own == guess, own == 0, level).difference for own in columns]
        common = _most(columns[0])
        is_shared = common >= 0 and int((columns[0] == common).sum()) >= LEAST
        words = (names[0], names[guess], names[common] if is_shared else None)
        adds = (*cells_of(found[0]), *cells_of(minus(found[0], found[1], level)))
        return (self.outcomes[at], self.features[feature], *words, *adds)


def _most(places: IntArray) -> int:
    """The most frequent place; -1 where most values are none of those that are guessed."""
    return int(np.bincount(places + 1).argmax()) - 1
