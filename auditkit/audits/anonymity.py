"""Could somebody who knows a few things of a person find the person's row, and what it tells?

Counts are in `auditkit.methods.anonymity`, generalisation in `auditkit.anonymising`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from auditkit.anonymising import anonymise
from auditkit.errors import AuditkitError, InputError, Problem, quote, range_problems
from auditkit.evidence import Cell, Measurement, Metric, Table
from auditkit.methods.anonymity import (
    Classes,
    bands,
    classes_of,
    closeness,
    distinct_diversity,
    entropy_diversity,
    ordered_closeness,
)
from auditkit.methods.anonymity_metrics import (
    ACCURACY,
    ANONYMISED,
    BELOW,
    CLASSES,
    COST,
    DIVERSITY,
    L_ENTROPY,
    LOSS,
    UNIQUE,
    K,
    L,
    T,
)
from auditkit.methods.column_names import is_quasi_identifier
from auditkit.methods.estimates import IntArray
from auditkit.methods.paired import paired_accuracy
from auditkit.roles import TASKS, Groups, as_names, group_labels
from auditkit.subject import Recipe, Subject

#: Sizes under which rows are counted, beside the k that is asked for.
SIZES = (2, 5, 10)
#: Bands of a sensitive attribute that is a number.
BANDS = 50
COUNTED = (
    "counted on all rows of the table, so there is no sampling error; it describes this table, not "
    "the population of its people"
)
NO_COLUMN = (
    "no quasi-identifier was named under [audits.anonymity] quasi_identifiers, and no column has "
    "the name of one"
)
NO_ATTRIBUTE = "there is no label, and no sensitive_attribute was named"
ITSELF = "the sensitive attribute is a quasi-identifier: who knows it learns nothing"
WITHHELD = "one row only: the number would be about one person"
NOT_ASKED = "not asked for: [audits.anonymity] retrain = true trains the model once more"
NO_DECISIONS = "accuracy is compared for decisions and classes only"


@dataclass(frozen=True)
class Anonymity:
    """How many people are alike in what others may know of them.

    Every labelled row of the subject is counted: those for training and those for assessment.

    Attributes:
        quasi_identifiers: Columns that others may know. None named: the sensitive columns and those
            with a name such as age, sex, postcode or birth, which is a guess.
        sensitive_attribute: Column that nobody should learn; None takes the label.
        k: Rows that a class should have; at least 2.
        retrain: Whether to make the rows k-anonymous and train the model on them, to see what that
            costs. It takes as long as the training did, and its recipe: a shadow recipe would show
            what another model loses.
        level: Two-sided level of the intervals of the accuracy, in (0, 1).

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Anonymity(k=1)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.anonymity] k: found '1', expected a whole number from 2.
    """

    quasi_identifiers: tuple[str, ...] = ()
    sensitive_attribute: str | None = None
    k: int = 5
    retrain: bool = False
    level: float = 0.95

    name: ClassVar[str] = "anonymity"
    needs: ClassVar[frozenset[str]] = frozenset()
    tasks: ClassVar[frozenset[str]] = frozenset(TASKS)
    metrics: ClassVar[tuple[Metric, ...]] = (*CLASSES, *DIVERSITY, *ANONYMISED)

    def __post_init__(self) -> None:
        problems = range_problems(self, k=2)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Count the classes of rows that are alike, and what they tell.

        Args:
            subject: What is audited.
            rng: Not used: nothing is drawn.

        Yields:
            The smallest class, unique rows (of each group too), rows in small classes, diversity
            and closeness of the sensitive attribute; the tables `class-sizes` and
            `quasi-identifiers`; then the accuracy of a model trained on anonymised rows.

        Raises:
            InputError: If a named column is none of the subject's.
        """
        del rng
        held = self._held(subject)
        if not held.columns:
            for metric in self.metrics:
                yield metric.measure(None, n=len(held.frame), reason=NO_COLUMN, source=held.words)
            return
        classes = classes_of(list(held.codes.values()), len(held.frame))
        yield from self._classes(held, classes)
        yield from _by_group(held, classes)
        yield from self._diversity(subject, held, classes)
        yield self._sizes(held, classes)
        yield self._without(held, classes)
        yield from self._anonymised(subject, held)

    def _held(self, subject: Subject) -> _Held:
        population = subject.population
        widest = subject.rows if population is None else population
        self._check(widest)
        named = self.quasi_identifiers
        parts = {subject.label, subject.score, subject.prediction, subject.weight}
        parts.add(self.sensitive_attribute)
        guessed = [
            name
            for name in dict.fromkeys([*subject.sensitive, *map(str, widest.columns)])
            if name not in parts and (name in subject.sensitive or is_quasi_identifier(name))
        ]
        is_whole = population is not None and subject.population_groups is not None
        return _Held(
            frame=widest,
            groups=(subject.population_groups or {}) if is_whole else subject.groups,
            columns=tuple(dict.fromkeys(named or guessed)),
            is_guess=not named,
            which="labelled" if is_whole else "assessed",
        )

    def _check(self, frame: pd.DataFrame) -> None:
        there = list(map(str, frame.columns))
        asked = [("quasi_identifiers", name) for name in self.quasi_identifiers]
        if self.sensitive_attribute is not None:
            asked.append(("sensitive_attribute", self.sensitive_attribute))
        problems = [
            Problem.unknown(f"[audits.anonymity] {setting}", name, there, "a column of the data")
            for setting, name in asked
            if name not in there
        ]
        if problems:
            raise InputError(problems)

    def _classes(self, held: _Held, classes: Classes) -> Iterator[Measurement]:
        n = classes.of_row.size
        below = classes.rows_below(self.k)
        counts = f"{classes.sizes.size:,} classes of {n:,} rows; {held.words}"
        yield _exact(K, classes.k, n, counts)
        alone = classes.rows_below(2)
        yield _exact(UNIQUE, alone / n, n, f"{alone:,} rows; {held.words}")
        yield _exact(BELOW, below / n, n, f"{below:,} rows, k = {self.k}; {held.words}")

    def _diversity(self, subject: Subject, held: _Held, classes: Classes) -> Iterator[Measurement]:
        name = self.sensitive_attribute or subject.label
        reason = NO_ATTRIBUTE if name is None else ITSELF if name in held.columns else None
        n = classes.of_row.size
        if reason or name is None:
            for metric in DIVERSITY:
                yield metric.measure(None, n=n, reason=reason, source=held.words)
            return
        codes, ordered = _attribute(subject, held.frame[name])
        source = f"of {quote(name)} in {classes.sizes.size:,} classes; {held.words}"
        yield _exact(L, distinct_diversity(classes, codes), n, source)
        yield _exact(L_ENTROPY, entropy_diversity(classes, codes), n, source)
        distance = ordered_closeness if ordered else closeness
        words = "earth mover's distance, ordered" if ordered else "total variation distance"
        yield _exact(T, distance(classes, codes), n, f"{words}, {source}")

    def _sizes(self, held: _Held, classes: Classes) -> Table:
        n = classes.of_row.size
        lines = [
            (f"fewer than {size}", classes.rows_below(size), classes.rows_below(size) / n)
            for size in sorted({*SIZES, self.k})
        ]
        return Table(
            name="class-sizes",
            title="Rows in small classes",
            columns=("size_of_class", "n", "share"),
            rows=tuple(lines),
            source=held.words,
            chart="class-sizes",
        )

    def _without(self, held: _Held, classes: Classes) -> Table:
        n = classes.of_row.size
        lines: list[tuple[Cell, ...]] = []
        for name in held.columns:
            rest = [codes for other, codes in held.codes.items() if other != name]
            left = classes_of(rest, n)
            values = int(np.unique(held.codes[name]).size)
            shares = (left.rows_below(2) / n, left.rows_below(self.k) / n)
            lines.append((name, values, (classes.rows_below(2) - left.rows_below(2)) / n, *shares))
        lines.sort(key=lambda line: (-float(line[2] or 0), str(line[0])))
        return Table(
            name="quasi-identifiers",
            title="What each column adds to being unique",
            columns=("column", "values", "adds", "unique_without", "below_k_without"),
            rows=tuple(lines),
            source=f"shares of rows that are unique, or in classes of fewer than {self.k}, where "
            f"one column is not known; adds: unique rows fewer without it; {held.words}",
            chart="quasi-identifiers",
        )

    def _anonymised(self, subject: Subject, held: _Held) -> Iterator[Measurement]:
        reason = self._unfit(subject)
        recipe, train = subject.recipe, subject.train
        if reason or recipe is None or train is None:
            for metric in ANONYMISED:
                yield metric.measure(None, n=0, reason=reason, source=held.words)
            return
        wanted = [name for name in held.columns if name in train and name in subject.rows]
        try:
            loss, right = _trained(subject, recipe, train, wanted, self.k)
        except AuditkitError as error:
            reason = f"it was not possible: {' '.join(str(error).split())}"[:300]
            for metric in ANONYMISED:
                yield metric.measure(None, n=0, reason=reason, source=held.words)
            return
        pair = paired_accuracy(subject.y_pred == subject.y_true, right, self.level)
        source = (
            f"{len(wanted)} columns of training and assessed rows made {self.k}-anonymous "
            f"(Mondrian), numbers by the mean of their class; trained again; {held.words}"
        )
        yield _exact(LOSS, loss, len(train) + len(subject), source)
        for metric, found in ((ACCURACY, pair.second), (COST, pair.difference)):
            yield metric.measure(
                found.value,
                interval=found.interval,
                reason=found.reason,
                n=pair.n,
                source=source,
            )

    def _unfit(self, subject: Subject) -> str | None:
        missing = subject.missing({"labels", "model", "train", "recipe"})
        if missing:
            return missing
        if subject.task not in {"binary", "multiclass"}:
            return NO_DECISIONS
        return None if self.retrain else NOT_ASKED


@dataclass(frozen=True)
class _Held:
    """The rows that are counted and the columns that others may know.

    Attributes:
        frame: The rows.
        groups: Groups of each sensitive column among them.
        columns: The quasi-identifiers.
        is_guess: Whether they were guessed.
        which: What to call the rows.
    """

    frame: pd.DataFrame
    groups: Mapping[str, Groups]
    columns: tuple[str, ...]
    is_guess: bool
    which: str

    @cached_property
    def codes(self) -> dict[str, IntArray]:
        return {name: _codes(self.frame[name]) for name in self.columns}

    @property
    def words(self) -> str:
        how = "guessed from names" if self.is_guess else "as named"
        known = ", ".join(map(quote, self.columns)) or "none"
        return f"{self.which} rows, not weighted; quasi-identifiers ({how}): {known}"


def _exact(
    metric: Metric, value: float, n: int, source: str, where: Mapping[str, str] | None = None
) -> Measurement:
    return metric.measure(value, n=n, exact=True, reason=COUNTED, source=source, slice=where)


def _by_group(held: _Held, classes: Classes) -> Iterator[Measurement]:
    """Unique rows of each group: who can be found, and who hides among many."""
    alone = classes.size_of_row == 1
    for column, groups in held.groups.items():
        for code, name in enumerate(group_labels(groups)):
            mask = groups.codes == (code if code < len(groups.names) else -1)
            n, found = int(mask.sum()), int((alone & mask).sum())
            where = {column: name}
            if n > 1:
                source = f"{found:,} of {n:,} {held.which} rows of the group, not weighted"
                yield _exact(UNIQUE, found / n, n, source, where)
            elif n == 1 or code < len(groups.names):
                reason = WITHHELD if n else "no rows"
                source = f"{held.which} rows of the group"
                yield UNIQUE.measure(None, n=n, reason=reason, source=source, slice=where)


def _codes(values: pd.Series) -> IntArray:
    """Codes from 0, a missing value having one of its own."""
    codes, names = pd.factorize(as_names(values), sort=True)
    return np.where(codes < 0, len(names), codes).astype(np.int64)


def _attribute(subject: Subject, values: pd.Series) -> tuple[IntArray, bool]:
    """Codes of the sensitive attribute, and whether they have an order."""
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    is_class = str(values.name) == subject.label and subject.task != "regression"
    if is_class or not is_number or values.nunique() < 3:
        return _codes(values), False
    return bands(values.to_numpy(dtype=np.float64, na_value=np.nan), BANDS), True


def _trained(
    subject: Subject, recipe: Recipe, train: pd.DataFrame, columns: Sequence[str], k: int
) -> tuple[float, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Anonymise all rows together, train on theirs, and say where the new model is right."""
    validation = getattr(recipe, "validation", None)
    parts = {"train": train, "rows": subject.rows}
    if validation is not None:
        parts["validation"] = validation
    everyone = pd.concat(parts.values(), ignore_index=True)
    made = anonymise(everyone, columns, k, numbers="mean")
    ends = np.cumsum([0, *(len(part) for part in parts.values())])
    new = {
        which: made.frame.iloc[low:high].reset_index(drop=True)
        for which, low, high in zip(parts, ends[:-1], ends[1:], strict=True)
    }
    changes: dict[str, Any] = {} if validation is None else {"validation": new["validation"]}
    model, _ = recipe.fit(new["train"], **changes)
    chosen = subject.decided(np.asarray(model.scores(new["rows"])))
    return made.information_loss, chosen == subject.y_true
