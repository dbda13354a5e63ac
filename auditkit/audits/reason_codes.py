"""Why were these decisions made? Three told as stories, and the principal reasons of those against.

A lender who refuses credit has to name the principal reasons; more than four are unlikely to help
(12 CFR 1002.9(b)(2) and its comment 1). Reasons here are Shapley values against a background of
other rows, which compares a case with everybody rather than with those who were accepted. A story
is about one real row, so that values are told only as far as other rows share them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.explaining.reasons import ColumnReasons, Explained, TextReasons
from auditkit.explaining.samples import draw
from auditkit.explaining.text_column import text_column
from auditkit.methods.estimates import Estimate, cells_of, measured
from auditkit.methods.intervals import EXACT
from auditkit.methods.reason_codes import Mask
from auditkit.methods.reason_shares import (
    CERTAIN_REASON_SHARE,
    METRICS,
    MOST_FEATURES,
    PRINCIPAL_REASON_SHARE,
    SENSITIVE_PRINCIPAL_REASON_SHARE,
    Principal,
)
from auditkit.methods.shapley_game import Positions
from auditkit.methods.story_cases import Decisions, middle, of_classes, of_numbers, of_scores
from auditkit.roles import as_names, group_labels, origin
from auditkit.subject import Subject

_WHERE = "[audits.reason-codes]"
#: What stands in a story beside the features.
REST, SCORE = "(all others)", "(score)"
#: Features of a story that are shown; the others are added up.
SHOWN = 4
#: Lines of the table of groups: the established ones up to this, else a few of the widest.
MOST_PAIRS, FEWEST_PAIRS = 6, 3
NOT_READ = "the model does not read this column; proxies may still carry it"
NONE_AGAINST = "no decision is one that needs reasons"
NO_FEATURES = "the columns that the model reads are not known"
STORY_COLUMNS = (
    *("case", "place", "decision", "feature", "value"),
    *("contribution", "low", "high", "sign_certain"),
)
PAIR_COLUMNS = (
    *("attribute", "reason", "a", "b", "share_a", "share_b"),
    *("difference", "low", "high", "established"),
)

#: Whose case it is: its place as `Story` says it (from 1), or values of columns.
Case = int | dict[str, str | int | float | bool]


@dataclass(frozen=True)
class _Given:
    """The explained decisions against: where they stand, their reasons, and what they are."""

    places: Positions
    principal: Principal
    words: str


@dataclass(frozen=True)
class ReasonCodes:
    """Stories of single decisions, and how often each feature is a principal reason.

    Binary: decisions against are those not to select, unless `favourable` is false. Regression:
    numbers strictly on the unfavourable side of their median. Multiclass: the decisions for
    `adverse_class`; without it those for any class, and the reasons are what speaks for the class.

    Attributes:
        rows: Most decisions against that are explained, drawn at random.
        background: Most rows that stand for "not known"; from the training rows where known.
        reasons: Most principal reasons of a decision.
        favourable: Whether being selected, or a high number, is favourable.
        adverse_class: The class of a multiclass model that reasons are given for.
        cases: Further rows to tell of: the place of a row as a story gives it, or values of
            columns that the audit holds (label, features, sensitive columns), such as
            `{ education = "Masters", age = 30 }`; of several such rows, the one of median score.
            The settings of an audit are written into its record.
        level: Confidence level of every interval, in (0, 1).
        min_group: Explained decisions that a group needs.
        max_asked: Most questions to the model for the stories, and again for the reasons; None
            gives every network the same work, and asks a served model 40,000 times at most, any
            other 250,000 times, and one of texts 60,000. The samples are cut where they do not fit.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> ReasonCodes(reasons=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.reason-codes] reasons: found '0', expected a whole number from 1.
    """

    rows: int = 200
    background: int = 400
    reasons: int = 4
    favourable: bool = True
    adverse_class: str | None = None
    cases: list[Case] = field(default_factory=list)
    level: float = 0.95
    min_group: int = 10
    max_asked: int | None = None

    name: ClassVar[str] = "reason-codes"
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass", "regression"})
    needs: ClassVar[frozenset[str]] = frozenset({"predictions", "model"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        least = {"rows": 1, "background": 2, "reasons": 1, "min_group": 2, "max_asked": 100}
        problems = range_problems(self, **least)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Tell the stories, then count the principal reasons.

        Args:
            subject: What is audited.
            rng: Draws the background, the decisions that are explained, and orders of features.

        Yields:
            The table `stories`; certain directions; shares by feature and their table; by
            sensitive column how often it is a reason itself, and the table of groups.

        Raises:
            InputError: If a case that a setting names is not there.
        """
        self._check(subject)
        if not subject.features:
            yield from _undefined(subject, NO_FEATURES)
            return
        decided = self._decided(subject)
        sample = draw(subject, rng, len(subject), self.background)
        seed = int(rng.integers(2**31))
        teller: ColumnReasons | TextReasons
        if text_column(subject):
            teller = TextReasons(subject, self.max_asked, seed)
        else:
            teller = ColumnReasons(subject, sample.background, sample.whose, self.max_asked, seed)
        try:
            yield self._stories(subject, decided, teller)
            given = self._given(decided, sample.places[decided.against[sample.places]], teller)
        except ValueError as error:
            # The model cannot be explained (NaN, dropout on) or may be asked too little.
            yield from _undefined(subject, " ".join(str(error).split()))
            return
        if given is None:
            yield from _undefined(subject, NONE_AGAINST)
            return
        yield from self._shares(given)
        yield from self._sensitive(subject, given)

    def _check(self, subject: Subject) -> None:
        problems = []
        if self.adverse_class is not None and self.adverse_class not in subject.classes:
            where = f"{_WHERE} adverse_class"
            problems.append(Problem.unknown(where, self.adverse_class, subject.classes, "a class"))
        for i, case in enumerate(self.cases, 1):
            problems += _case_problems(subject, case, f"{_WHERE} cases {i}")
        if problems:
            raise InputError(problems)

    def _decided(self, subject: Subject) -> Decisions:
        if subject.task == "regression":
            numbers = np.asarray(subject.y_pred, dtype=np.float64)
            return of_numbers(numbers, favourable=self.favourable)
        scores = np.asarray(subject.y_score)
        if subject.task == "binary":
            return of_scores(scores, subject.threshold, favourable=self.favourable)
        known = [str(name) for name in getattr(subject.model, "classes", ()) or subject.classes]
        columns = np.array([known.index(c) if c in known else -1 for c in subject.classes])
        return of_classes(scores, subject.classes, columns, self.adverse_class)

    def _cases(self, subject: Subject, decided: Decisions) -> dict[str, int]:
        """Name of each case that is told to its place."""
        found = {
            "typical": decided.typical(),
            "borderline": decided.borderline(),
            "clear": decided.clear(),
        }
        for i, case in enumerate(self.cases, 1):
            found[f"chosen {i}"] = middle(decided.scores, _matching(subject, case))
        return {name: place for name, place in found.items() if place is not None}

    def _stories(
        self, subject: Subject, decided: Decisions, teller: ColumnReasons | TextReasons
    ) -> Table:
        cases = self._cases(subject, decided)
        places = np.array(list(cases.values()), dtype=np.int64)
        columns = None if decided.columns is None else decided.columns[places]
        explained = teller.of(places, columns, exact=True)
        lines: list[tuple[Cell, ...]] = []
        # A budget may reach the first of them only.
        for row, name in enumerate(list(cases)[: len(explained.reasons)]):
            head = (name, cases[name] + 1, str(decided.words[cases[name]]))
            lines += [(*head, *line) for line in self._story(explained, row, teller)]
        return Table(
            "stories",
            "Why single decisions were made",
            STORY_COLUMNS,
            tuple(lines),
            f"{explained.how}; all contributions and what they start from sum to the score; "
            f"{100 * self.level:g} % interval of each for the draw of what it is compared with, "
            "none where that changes nothing. Place: of the row in the order of the audit (Python: "
            "subject.rows.iloc[place - 1]). A value is told where at least 10 assessed rows share "
            "what is told",
            chart="stories",
        )

    def _story(
        self, explained: Explained, row: int, teller: ColumnReasons | TextReasons
    ) -> Iterator[tuple[Cell, ...]]:
        held, place = explained.reasons, int(explained.places[row])
        size = np.abs(held.values[row])  # noqa: PD011 - not a data frame
        order = [int(g) for g in np.argsort(-size, kind="stable") if size[g] > 0]
        shown, rest = order[:SHOWN], np.array(order[SHOWN:], dtype=np.int64)
        certain = held.certain(self.level)[row]
        yield (teller.base, None, *cells_of(held.start(row, self.level)), None)
        for g in shown:
            told = teller.told(held.names[g], place) or None
            cells = cells_of(held.one(row, g, self.level))
            yield (held.names[g], told, *cells, bool(certain[g]))
        if rest.size:
            cells = cells_of(held.rest(row, rest, self.level))
            yield (REST, str(rest.size), *cells, None)
        yield (SCORE, None, float(held.outputs[row]), None, None, None)

    def _given(
        self, decided: Decisions, places: Positions, teller: ColumnReasons | TextReasons
    ) -> _Given | None:
        """Explain decisions against, in this order, as many as are wanted and reached."""
        numbers = teller.subject.task == "regression"
        drawn = places[: self.rows]
        if not len(drawn):
            return None
        columns = None if decided.columns is None else decided.columns[drawn]
        found = teller.of(drawn, columns, exact=False)
        words = f"{len(found.reasons):,} of {int(decided.against.sum()):,} decisions "
        words += f"{self._whose(decided, numbers=numbers)}, drawn at random; up to "
        words += f"{self.reasons} principal reasons each; {found.how}"
        principal = Principal.of(found.reasons, decided.toward, self.reasons)
        return _Given(found.places, principal, words)

    def _whose(self, decided: Decisions, *, numbers: bool) -> str:
        if decided.columns is None:
            what = "a high number" if numbers else "being selected"
            side = "favourable" if self.favourable else "unfavourable"
            return f"against ({what} is {side} here)"
        return "for any class" if self.adverse_class is None else f"for {quote(self.adverse_class)}"

    def _shares(self, given: _Given) -> Iterator[Measurement | Table]:
        found, n, lines = given.principal, len(given.places), list[tuple[Cell, ...]]()
        each = f"{given.words}; {100 * self.level:g} % interval of each reason"
        yield measured(CERTAIN_REASON_SHARE, found.certain(self.level), n, each)
        names, features, words = found.reasons.names, found.often(), given.words
        if len(features) < len(names):
            words += f"; the {len(features)} most frequent of {len(names):,} features"
        for g in features:
            often = found.share([g], self.level)
            yield measured(PRINCIPAL_REASON_SHARE, often, n, words, {"feature": names[g]})
            lines.append((names[g], *cells_of(often)))
        yield Table(
            "principal-reasons",
            "How often each feature is a principal reason",
            ("reason", "principal_reason_share", "low", "high"),
            tuple(lines),
            f"{words}; {EXACT} intervals at {100 * self.level:g} %, on fewer rows where a share "
            "depends on the background",
            chart="principal-reasons",
        )

    def _sensitive(self, subject: Subject, given: _Given) -> Iterator[Measurement | Table]:
        lines: list[tuple[Cell, ...]] = []
        for column in subject.sensitive:
            groups = _groups(subject, column, given.places)
            yield from self._itself(column, given, groups)
            unknown = group_labels(subject.groups[column])[-1]
            known = {name: rows for name, rows in groups.items() if name != unknown}
            large = {name: rows for name, rows in known.items() if rows.sum() >= self.min_group}
            lines += [(column, *pair) for pair in given.principal.pairs(large, self.level)]
        if lines:
            yield self._by_group(lines, given)

    def _by_group(self, lines: list[tuple[Cell, ...]], given: _Given) -> Table:
        apart = sum(line[-1] is True for line in lines)
        lines.sort(key=lambda line: line[-1] is not True)  # within, as they came: widest first
        listed = lines[: min(MOST_PAIRS, max(apart, FEWEST_PAIRS))]
        return Table(
            "reasons-by-group",
            "Which principal reasons differ between groups",
            PAIR_COLUMNS,
            tuple(listed),
            f"{given.words}; share of group a minus that of group b, of groups with at least "
            f"{self.min_group} of these decisions; intervals hold together at "
            f"{100 * self.level:g} % over all pairs of groups of one attribute and all "
            f"{len(given.principal.often())} features (Bonferroni). A pair is established where "
            f"its interval does not hold 0: {apart:,} of {len(lines):,} are; {len(listed)} are "
            "listed",
            chart="reasons-by-group",
        )

    def _itself(self, column: str, given: _Given, groups: dict[str, Mask]) -> Iterator[Measurement]:
        """How often a sensitive column is itself a reason, over all decisions and by group."""
        metric, found, everyone = SENSITIVE_PRINCIPAL_REASON_SHARE, given.principal, ALL_GROUPS
        names = found.reasons.names
        own = [g for g, name in enumerate(names) if origin(column, [name]) == name]
        if not own:
            nothing, n = Estimate.undefined(NOT_READ), len(given.places)
            yield measured(metric, nothing, n, given.words, {column: everyone})
            return
        yield measured(
            metric, found.share(own, self.level), len(given.places), given.words,
            {column: everyone},
        )  # fmt: skip
        few = Estimate.undefined(f"fewer than {self.min_group} explained decisions")
        for name, rows in groups.items():
            n = int(rows.sum())
            often = few if n < self.min_group else found.share(own, self.level, rows)
            words = f"{n:,} of this group among {given.words}"
            yield measured(metric, often, n, words, {column: name})


def _groups(subject: Subject, column: str, places: Positions) -> dict[str, Mask]:
    """Name of each group to which of some rows are of it; last, the unknown, if there are any."""
    groups, labels = subject.groups[column], group_labels(subject.groups[column])
    codes = groups.codes[places]
    each = {name: codes == code for code, name in enumerate(labels[:-1])}
    return {**each, labels[-1]: codes < 0} if groups.unknown else each


def _case_problems(subject: Subject, case: Case, where: str) -> Iterator[Problem]:
    """What is wrong with a case that the settings name."""
    if isinstance(case, int):
        if not 1 <= case <= len(subject):
            yield Problem(where, quote(case), f"the place of a row, 1 to {len(subject):,}")
        return
    unknown = [name for name in case if name not in subject.rows]
    for name in unknown:
        yield Problem.unknown(where, name, map(str, subject.rows), "a column of the audit")
    if not unknown and not _matching(subject, case).size:
        yield Problem(where, quote(case), "values that at least one assessed row has")


def _matching(subject: Subject, case: Case) -> Positions:
    """Places of the rows that a case of the settings means."""
    if isinstance(case, int):
        return np.array([case - 1], dtype=np.int64)
    held = np.ones(len(subject), dtype=np.bool_)
    for column, value in case.items():
        wanted = as_names(pd.Series([value], dtype=object)).iloc[0]
        held &= (as_names(subject.rows[column]) == wanted).to_numpy(dtype=np.bool_)
    return np.flatnonzero(held)


def _undefined(subject: Subject, reason: str) -> Iterator[Measurement]:
    """Say of every number why there is none."""
    nothing, source = Estimate.undefined(reason), "decisions of the assessed rows"
    yield measured(CERTAIN_REASON_SHARE, nothing, 0, source)
    for name in subject.features[:MOST_FEATURES]:
        yield measured(PRINCIPAL_REASON_SHARE, nothing, 0, source, {"feature": name})
    for column in subject.sensitive:
        yield measured(SENSITIVE_PRINCIPAL_REASON_SHARE, nothing, 0, source, {column: ALL_GROUPS})
