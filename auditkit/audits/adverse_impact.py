"""Is one category selected at less than four fifths of the highest rate, and is that chance?

The tables are laid out as 6 RCNY 5-301 defines them, read in a transcription: by sex, by race and
by both. What the rule does not ask for (interval, test, shortfall) stands in tables of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import prod
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from auditkit.errors import InputError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Cell, Measurement, Metric, Table
from auditkit.methods.adverse_impact import (
    IMPACT_RATIO,
    LOWEST_IMPACT_RATIO,
    SCORING_RATE,
    SHORTFALL,
    Categories,
    Impact,
    beside_the_rule,
    categorise,
    lowest,
)
from auditkit.methods.cells import count_cells
from auditkit.methods.crossing import cross, rows_words
from auditkit.methods.estimates import Estimate, as_interval
from auditkit.methods.groupwise import CONSTANT
from auditkit.methods.intervals import EXACT, clopper_pearson
from auditkit.methods.lending import (
    MEAN_DIFFERENCE,
    NAMED_RATIO,
    WITHHELD,
    against_reference,
)
from auditkit.roles import group_labels, origin
from auditkit.subject import NEEDS, Subject

_WHERE = "[audits.adverse-impact]"
NONE_GIVEN = "none given"
#: The share under which the rule lets a category be left out.
RULE_SHARE = 0.02


class _Outcome(NamedTuple):
    """What is counted: its columns in a table, and its words."""

    counted: str
    rate: str
    words: str


_OUTCOMES = {
    ("selection", True): _Outcome("selected", "selection_rate", "selected rows"),
    ("selection", False): _Outcome(
        "not_selected",
        "rate_not_selected",
        "rows that are not selected, since being selected is unfavourable here",
    ),
    ("scoring", True): _Outcome(
        "above_median", "scoring_rate", "rows whose score lies strictly above the median"
    ),
    ("scoring", False): _Outcome(
        "below_median",
        "scoring_rate",
        "rows whose score lies strictly below the median, since a high score is unfavourable here",
    ),
}


@dataclass(frozen=True)
class AdverseImpact:
    """Impact ratios by sex, race and both; whether chance explains them; gaps in mean score.

    Every row counts the same, whatever its weight: the rule counts people.

    Attributes:
        sex: The sensitive column that holds sex.
        race: The sensitive column that holds race or ethnicity. Where neither is named, every
            sensitive column has a table, and the first two are crossed.
        rate: "selection", or "scoring": the share with a score strictly above the median.
        favourable: Whether being selected, or a high score, is favourable. If not, the rows that
            are not selected, or lie below the median, are counted.
        unknown_in_median: Whether rows of unknown category enter the median.
        least_share: Categories with a smaller share of all rows are left out of the ratios.
        justification: Why they are; shown beside them.
        references: Sensitive column to the group that lenders' ratio and mean difference are held
            against; else the group with the most favourable mean score, and no such ratio.
        level: Confidence level, in (0, 1).
        max_categories: A table of more categories than this is not made.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> AdverseImpact(least_share=2)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.adverse-impact] least_share: found '2', expected a share from 0 to below 1.
    """

    sex: str | None = None
    race: str | None = None
    rate: Literal["selection", "scoring"] = "selection"
    favourable: bool = True
    unknown_in_median: bool = True
    least_share: float = RULE_SHARE
    justification: str = ""
    references: Mapping[str, str] = field(default_factory=dict)
    level: float = 0.95
    max_categories: int = 100

    name: ClassVar[str] = "adverse-impact"
    needs: ClassVar[frozenset[str]] = frozenset({"predictions", "sensitive"})
    counted: ClassVar[bool] = True
    metrics: ClassVar[tuple[Metric, ...]] = (
        *(LOWEST_IMPACT_RATIO, IMPACT_RATIO, SHORTFALL),
        *(SCORING_RATE, MEAN_DIFFERENCE, NAMED_RATIO),
    )

    def __post_init__(self) -> None:
        problems = []
        if not 0 <= self.least_share < 1:
            expected = "a share from 0 to below 1"
            problems.append(Problem(f"{_WHERE} least_share", quote(self.least_share), expected))
        if self.sex is not None and self.sex == self.race:
            problems.append(Problem(f"{_WHERE} race", quote(self.race), "another column than sex"))
        problems += range_problems(self, max_categories=1)
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure every table.

        Args:
            subject: What is audited.
            rng: Not used: all intervals are closed forms.

        Yields:
            By column and for the two crossed: ratios and shortfalls, the table as the rule has
            it, and the table of tests. Then by column what lenders look at.

        Raises:
            InputError: If a column or group that a setting names is not there.
        """
        del rng
        self._check(subject)
        tables = self._crossings(subject.sensitive)
        for columns in tables:
            yield from self._table(subject, columns)
        alone = [columns[0] for columns in tables if len(columns) == 1]
        for column in dict.fromkeys([*alone, *self.references]):
            yield from self._lending(subject, column)

    def _check(self, subject: Subject) -> None:
        columns = {"sex": self.sex, "race": self.race}
        named = [(role, column) for role, column in columns.items() if column is not None]
        named += [("references", column) for column in self.references]
        problems = [
            Problem.unknown(f"{_WHERE} {role}", column, subject.sensitive, "a sensitive column")
            for role, column in named
            if column not in subject.sensitive
        ]
        problems += [
            Problem.unknown(f"{_WHERE} references {quote(column)}", group, names, "a group")
            for column, group in self.references.items()
            if column in subject.sensitive
            and group not in (names := group_labels(subject.groups[column])[:-1])
        ]
        if problems:
            raise InputError(problems)

    def _crossings(self, columns: Sequence[str]) -> list[tuple[str, ...]]:
        named = [column for column in (self.sex, self.race) if column is not None]
        alone = named or list(columns)
        pairs = [
            pair
            for pair in combinations(alone, 2)
            if origin(pair[0], columns) != origin(pair[1], columns)
        ]
        return [*((column,) for column in alone), *pairs[:1]]

    def _slug(self, columns: Sequence[str], sensitive: Sequence[str]) -> str:
        roles = {self.sex: "sex", self.race: "race"}
        return "-".join(roles.get(name) or str(sensitive.index(name) + 1) for name in columns)

    def _favoured(self, subject: Subject, columns: Sequence[str]) -> npt.NDArray[np.bool_] | str:
        """Which rows have the favourable outcome, shape (n,); or why nobody knows."""
        if self.rate == "selection":
            chosen: npt.NDArray[np.bool_] = (subject.y_pred == 1) == self.favourable
            return chosen
        score = subject.y_score if "scores" in subject.has else None
        if score is None:
            return NEEDS["scores"]
        known = np.all([subject.groups[name].codes >= 0 for name in columns], axis=0)
        kept = score if self.unknown_in_median else score[known]
        middle = np.median(kept) if kept.size else np.nan
        return score > middle if self.favourable else score < middle

    def _too_many(self, subject: Subject, columns: Sequence[str]) -> str | None:
        count = prod(len(subject.groups[name].names) for name in columns)
        if count <= self.max_categories:
            return None
        return f"{count:,} categories, more than max_categories = {self.max_categories:,}"

    def _table(self, subject: Subject, columns: tuple[str, ...]) -> Iterator[Measurement | Table]:
        favoured, problem = self._favoured(subject, columns), self._too_many(subject, columns)
        if problem or isinstance(favoured, str):
            everyone = dict.fromkeys(columns, ALL_GROUPS)
            reason, source = problem or str(favoured), "all assessed rows"
            yield LOWEST_IMPACT_RATIO.measure(
                None, n=len(subject), reason=reason, source=source, slice=everyone
            )
            return
        held = self._categories(subject, columns, favoured)
        for i in range(len(held.won)):
            yield from self._measured(held, i)
        yield self._lowest(held)
        slug = self._slug(columns, subject.sensitive)
        yield self._as_the_rule_has_it(held, slug, self._source(subject, held))
        if held.top is not None:
            yield beside_the_rule(held, slug, self.level)

    def _categories(
        self, subject: Subject, columns: Sequence[str], favoured: npt.NDArray[np.bool_]
    ) -> Categories:
        groups = {name: subject.groups[name] for name in columns}
        sizes = {name: len(held.names) for name, held in groups.items()}
        labels = {name: group_labels(held) for name, held in groups.items()}
        codes = {name: held.codes for name, held in groups.items()}
        each = None if subject.counts is None else subject.counts.n
        cells = count_cells(codes, sizes, favoured, favoured, each=each)
        crossing = cross(cells, labels, columns)
        same = self.rate == "selection" and (favoured.all() or not favoured.any())
        return categorise(crossing, self.least_share, self.level, CONSTANT if same else None)

    def _measured(self, held: Categories, i: int) -> Iterator[Measurement]:
        if self.rate == "scoring":
            yield self._scoring_rate(held, i)
        if not held.crossing.known[i]:
            return
        n, source = held.rows(i), rows_words(held.rows(i))
        reasons = {"no rows": "no rows", "one row": WITHHELD, "left out": self._left_out()}
        none = Estimate.undefined(reasons.get(held.standing(i), ""))
        impact = held.impacts.get(i, Impact(none, none))
        if i in held.impacts and held.top is not None:
            source = f"{held.won[i]:,} of {source}"
            if i != held.top:
                most, best = held.rows(held.top), quote(held.crossing.names[held.top])
                source += f" against {held.won[held.top]:,} of {rows_words(most)} of {best}"
                n += most
        for metric, found in ((IMPACT_RATIO, impact.ratio), (SHORTFALL, impact.shortfall)):
            yield metric.measure(
                found.value,
                interval=found.interval,
                reason=found.reason,
                exact=i == held.top,
                n=n,
                source=source,
                slice=held.crossing.where(i),
            )

    def _left_out(self) -> str:
        given = quote(self.justification, 200) if self.justification else NONE_GIVEN
        return f"left out, under {100 * self.least_share:g} % of the rows; justification: {given}"

    def _scoring_rate(self, held: Categories, i: int) -> Measurement:
        n, where, share = held.rows(i), held.crossing.where(i), held.share(i)
        if share is None:
            reason = WITHHELD if n else "no rows"
            return SCORING_RATE.measure(None, n=n, reason=reason, source=rows_words(n), slice=where)
        bounds = clopper_pearson(share[0], n, self.level)
        return SCORING_RATE.measure(
            share[1],
            n=n,
            interval=as_interval(bounds, self.level, EXACT),
            source=f"{share[0]:,} of {n:,} rows; counted: {self._outcome.words}",
            slice=where,
        )

    def _lowest(self, held: Categories) -> Measurement:
        found = lowest(held, self.level)
        least = f"at least {100 * self.least_share:g} % of the rows"
        return LOWEST_IMPACT_RATIO.measure(
            found.value,
            interval=found.interval,
            reason=found.reason,
            n=sum(held.rows(i) for i in held.impacts),
            source=f"{len(held.impacts):,} categories with {least}; {self._left_words(held)}",
            slice=held.crossing.everyone,
        )

    @property
    def _whose(self) -> str:
        """Whether a table is the rule's, for its title."""
        if self.sex is None and self.race is None:
            return "neither sex nor race named"
        return "as 6 RCNY 5-301 defines them" if self.favourable else "of the favourable outcome"

    @property
    def _defined(self) -> str:
        text = "as 6 RCNY 5-301 defines it, read in a transcription"
        if not self.favourable:
            text = "as 6 RCNY 5-301, read in a transcription, defines it for those selected, but "
            text += "here for the others"
        if self.least_share > RULE_SHARE:
            text += (
                f"; the rule lets categories under {100 * RULE_SHARE:g} % be left out, no larger"
            )
        return text

    @property
    def _outcome(self) -> _Outcome:
        return _OUTCOMES[self.rate, self.favourable]

    def _source(self, subject: Subject, held: Categories) -> str:
        text = f"{rows_words(len(subject))}, not weighted; counted: {self._outcome.words}"
        if self.rate == "scoring":
            who = "all rows" if self.unknown_in_median else "rows of known category only"
            text += f"; the median is that of {who}"
        text += f"; {self._left_words(held)}; computed from counts, rounded for display only"
        columns = held.crossing.columns
        if len(columns) == 1:
            return text
        alone = [
            f"{rows_words(len(subject) - subject.groups[name].unknown)} by {quote(name)} alone"
            for name in columns
        ]
        both = rows_words(int(held.crossing.sizes[held.crossing.known].sum()))
        text += f". The category of {both} is known here, of {' and of '.join(alone)}: the tables "
        return text + "need not add up, and nothing is repaired"

    def _left_words(self, held: Categories) -> str:
        """Say how many categories and rows have no part in the ratios."""
        unknown = rows_words(int(held.crossing.sizes[~held.crossing.known].sum()))
        small = int(held.small.sum())
        out = "1 category" if small == 1 else f"{small:,} categories"
        least = f"under {100 * self.least_share:g} % of the rows"
        return f"{out} {least} left out; {unknown} of unknown category, counted without a ratio"

    def _as_the_rule_has_it(self, held: Categories, slug: str, source: str) -> Table:
        rows: list[tuple[Cell, ...]] = []
        for i, name in enumerate(held.crossing.names):
            standing, share = held.standing(i), held.share(i)
            ratio = held.impacts[i].ratio.value if i in held.impacts else None
            given = (self.justification or NONE_GIVEN) if standing == "left out" else None
            rows.append((name, held.rows(i), *(share or (None, None)), ratio, standing, given))
        return Table(
            name=f"impact-ratios-{slug}",
            title=f"Impact ratios by {held.crossing.title}, {self._whose}",
            columns=(
                *("category", "applicants", self._outcome.counted, self._outcome.rate),
                *("impact_ratio", "standing", "justification"),
            ),
            rows=tuple(rows),
            source=f"impact ratio: rate over the highest rate of this table, {self._defined}; "
            f"{source}",
            chart="impact-ratios",
        )

    def _lending(self, subject: Subject, column: str) -> Iterator[Measurement | Table]:
        if self._too_many(subject, [column]):
            return
        if subject.counts is not None:  # it is about scores, row by row
            return
        groups, named = subject.groups[column], self.references.get(column)
        labels, favoured = group_labels(groups)[:-1], self._favoured(subject, [column])
        yield from against_reference(
            column,
            labels,
            groups.codes,
            scores=subject.y_score if "scores" in subject.has else None,
            favoured=None if isinstance(favoured, str) else favoured,
            named=None if named is None else labels.index(named),
            level=self.level,
            high_is_good=self.favourable,
            slug=self._slug([column], subject.sensitive),
        )
