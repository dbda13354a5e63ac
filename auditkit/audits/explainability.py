"""What moves the model's scores, and what makes the gaps between groups? Shapley values.

A raw feature is one player, whatever it is encoded to; of a text a word is. Everything is computed
once, in `auditkit.explaining.row_study` and `text_study`, scores and decisions together; no number
here belongs to a single row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from auditkit.errors import InputError, ModelError, Problem, quote, range_problems
from auditkit.evidence import ALL_GROUPS, Measurement, Metric, Table
from auditkit.explaining.limits import EXPLAINED, Limits
from auditkit.explaining.row_study import Mask, RowStudy, explain_rows
from auditkit.explaining.stand_ins import reliance, stand_ins
from auditkit.explaining.text_column import text_column
from auditkit.explaining.text_study import TextStudy, explain_texts
from auditkit.methods.estimates import Estimate, measured
from auditkit.methods.shapley_metrics import (
    METRICS,
    OF_TASK,
    PROXY_RELIANCE,
    SENSITIVE_RELIANCE,
    TOP_REASON_AGREEMENT,
    Kind,
    Quantity,
)
from auditkit.methods.shapley_tables import (
    Apart,
    gap_table,
    importance_table,
    strips_table,
)
from auditkit.roles import origin
from auditkit.subject import Groups, Subject

#: Players that get a strip, the most important ones.
_STRIPS = 20
#: Efficiency gap that is rounding, in standard deviations of the score.
_ROUNDING = 1e-4
#: Why reliance on a column was not measured.
NOT_READ = "the model does not read this column; proxies may still carry it"
#: Why no column stands in for another.
ONE_TEXT = "the model reads one column of text; which words stand in for a group is not looked for"

Study = RowStudy | TextStudy


@dataclass(frozen=True)
class _Pair:
    """The two largest groups of a sensitive column, among the explained rows.

    Attributes:
        column: The column.
        names: Their names.
        masks: Shape (m,) each: the explained rows of either.
        codes: Their places among the groups of the column.
        note: How many rows were compared and left out.
    """

    column: str
    names: tuple[str, str]
    masks: tuple[Mask, Mask]
    codes: tuple[int, int]
    note: str

    @property
    def rows(self) -> int:
        """Explained rows of either group."""
        return int(sum(mask.sum() for mask in self.masks))


@dataclass(frozen=True)
class Explainability:
    """Shapley values of the scores and decisions of a sample, with their uncertainty.

    Attributes:
        rows: Most assessed rows to explain.
        background: Most rows that stand for "not known"; from the training rows where they are
            known. Their draw is the greatest source of error.
        level: Confidence level of every interval, in (0, 1).
        top: Features that count as the reasons of a row.
        min_group: Explained rows that a group needs for its gap to be taken apart.
        listed: Most features that are listed of a gap; the others are added up.
        proxy_area: Area under the ROC curve, from 0.5 (chance) to 1, above which a feature tells
            the groups of a sensitive column so well that it stands in for it.
        texts: Most assessed texts to explain, where the model reads one column of text.
        words: Most words that are named; the others are one line.
        min_texts: Explained texts that hold a word that is named.
        max_asked: Most rows that a served model is asked about, or another whose cost nobody
            knows; one of scikit-learn or ONNX, which runs here, is asked about ten times as many.
        budget: Most evaluations of any model; None gives the same work to every network. Both
            samples are cut in proportion where they do not fit.

    Raises:
        InputError: If a setting is out of range; every problem is listed.

    Example:
        >>> Explainability(rows=0)
        Traceback (most recent call last):
        auditkit.errors.InputError: 1 problem:
          1. [audits.explainability] rows: found '0', expected a whole number from 1.
    """

    rows: int = 500
    background: int = 400
    level: float = 0.95
    top: int = 3
    min_group: int = 10
    listed: int = 8
    proxy_area: float = 0.6
    texts: int = 1_500
    words: int = 30
    min_texts: int = 10
    max_asked: int = 20_000
    budget: int | None = None

    name: ClassVar[str] = "explainability"
    tasks: ClassVar[frozenset[str]] = frozenset(OF_TASK)
    needs: ClassVar[frozenset[str]] = frozenset({"predictions", "model"})
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    def __post_init__(self) -> None:
        least = {"rows": 1, "background": 2, "top": 1, "min_group": 2, "budget": 1, "listed": 1}
        least |= {"texts": 1, "words": 1, "min_texts": 10, "max_asked": 1}
        problems = range_problems(self, **least)
        if not 0.5 <= self.proxy_area < 1:
            where = f"[audits.{self.name}] proxy_area"
            problems.append(Problem(where, quote(self.proxy_area), "a number from 0.5, below 1"))
        if problems:
            raise InputError(problems)

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Explain a sample of the assessed rows.

        Args:
            subject: What is audited.
            rng: Draws the sample, orders of the players and splits of the background.

        Yields:
            How far the values can be trusted; how far each feature moves the scores, and the
            tables `importance` and `strips`; by sensitive column the reliance on it and on what
            stands in for it, its part in the gap in scores and in decisions, and the tables `gap`
            and `selection-gap`.
        """
        limits = Limits(
            *(self.rows, self.background, self.texts, self.words),
            *(self.min_texts, self.max_asked, self.budget),
        )
        explain = explain_texts if text_column(subject) else explain_rows
        try:
            study = explain(subject, rng, limits, decisions=bool(subject.sensitive))
        except (ValueError, ModelError) as error:
            # The model cannot be explained (NaN, dropout on) or the budget is too small.
            yield from _unexplained(subject, " ".join(str(error).split()))
            return
        yield from self._trust(subject, study, rng)
        yield from self._importance(subject, study)
        for column in subject.sensitive:
            yield _reliance(study, column, self.level)
            yield self._proxies(subject, study, column, rng)
        yield from self._gaps(subject, study)

    def _trust(
        self, subject: Subject, study: Study, rng: np.random.Generator
    ) -> Iterator[Measurement]:
        metrics, n, source = OF_TASK[subject.task], len(study.places), study.source
        limit = _ROUNDING * float(study.outputs.std(axis=0).max())
        yield metrics.additivity.measure(
            study.additivity_gap,
            n=n,
            exact=True,
            reason=f"the largest of the explained rows, not an estimate; up to {limit:.1g}, "
            "1e-4 standard deviations of their scores, is rounding",
            source=source,
        )
        yield measured(metrics.error, study.typical_error(self.level), n, source)
        agreement, halves = study.agreement(self.top, rng, self.level)
        yield measured(TOP_REASON_AGREEMENT, agreement, n, f"{source}; {halves}")

    def _importance(self, subject: Subject, study: Study) -> Iterator[Measurement | Table]:
        estimates, metric = study.importance(self.level), OF_TASK[subject.task].size
        named = len(estimates) - isinstance(study, TextStudy)  # last are all other words
        order = sorted(range(named), key=lambda g: -(estimates[g].value or 0.0))
        shown = [*order, *range(named, len(estimates))]
        source = f"{study.source}; {study.listed}" if study.listed else study.source
        for g in shown:
            slice_ = {"feature": study.names[g]}
            yield measured(metric, estimates[g], len(study.places), study.source, slice_)
        what = "word" if isinstance(study, TextStudy) else "feature"
        names = [study.names[g] for g in shown]
        yield importance_table(names, [estimates[g] for g in shown], what, source)
        place, of = _likeliest(subject, study)
        strips = [(study.names[g], *study.strip(g, place)) for g in order[:_STRIPS]]
        yield strips_table(strips, of, source)

    def _proxies(
        self, subject: Subject, study: Study, column: str, rng: np.random.Generator
    ) -> Measurement:
        n, slice_ = len(study.places), {column: ALL_GROUPS}
        if isinstance(study, TextStudy):
            told = Estimate.undefined(ONE_TEXT)
            return measured(PROXY_RELIANCE, told, n, study.source, slice_)
        found = stand_ins(subject, column, study.names, self.proxy_area, self.level, rng)
        if isinstance(found, str):
            told = Estimate.undefined(found)
            return measured(PROXY_RELIANCE, told, n, study.source, slice_)
        share, source = reliance(study, found, self.level), f"{study.source}; {found.words}"
        return measured(PROXY_RELIANCE, share, n, source, slice_, exact=not found.possible)

    def _gaps(self, subject: Subject, study: Study) -> Iterator[Measurement | Table]:
        for of, kind in OF_TASK[subject.task].kinds.items():
            yield from self._gap(subject, study, of, kind)

    def _gap(
        self, subject: Subject, study: Study, of: Quantity, kind: Kind
    ) -> Iterator[Measurement | Table]:
        """Take the gaps in scores or in decisions apart, column by column."""
        metric, parts, notes = OF_TASK[subject.task].gaps[of], list[Apart](), list[str]()
        for column in subject.sensitive:
            pair = self._pair(subject.groups[column], column, study)
            place, name = (0, "") if isinstance(pair, str) else _class_of(subject, pair)
            found = pair if isinstance(pair, str) else study.gap(of, place, *pair.masks, self.level)
            own, n, note = _own(study, column), len(study.places), str(pair)
            if isinstance(pair, str) or isinstance(found, str):
                part = Estimate.undefined(f"{pair}: {found}" if pair != found else str(found))
            else:
                part = Estimate.undefined(NOT_READ) if own is None else found.contributions[own]
                n, note = pair.rows, _told(subject, pair, of, place, name)
                parts.append(Apart(column, *pair.names, found, name))
            yield measured(metric, part, n, f"{study.source}; {note}", {column: ALL_GROUPS})
            notes.append(f"{quote(column)}: {note}")
        source = f"{study.source}. {'. '.join(notes)}"
        if notes:
            yield gap_table(kind, parts, study.names, self.listed, source)

    def _pair(self, groups: Groups, column: str, study: Study) -> _Pair | str:
        """Choose the two largest groups, or say why they cannot be compared."""
        order = sorted(range(len(groups.names)), key=lambda code: -groups.counts[code])
        if len(order) < 2 or groups.counts[order[1]] == 0:
            return "fewer than two groups have a row"
        codes = groups.codes[study.places]
        a, b = (codes == code for code in order[:2])
        names = groups.names[order[0]], groups.names[order[1]]
        sizes = int(a.sum()), int(b.sum())
        note = (
            f"{quote(names[0])} ({sizes[0]:,} explained rows) against {quote(names[1])} "
            f"({sizes[1]:,}); {len(codes) - sum(sizes):,} rows of other or unknown groups left out"
        )
        if min(sizes) < self.min_group:
            return f"{note}: a group needs {self.min_group} explained rows"
        return _Pair(column, names, (a, b), (order[0], order[1]), note)


def _own(study: Study, column: str) -> int | None:
    """The player of a sensitive column, or of the column that it was made from."""
    if isinstance(study, TextStudy):
        return None
    made_of = origin(column, study.names)
    return study.names.index(made_of) if made_of in study.names else None


def _reliance(study: Study, column: str, level: float) -> Measurement:
    own = _own(study, column)
    share = Estimate.undefined(NOT_READ)
    if own is not None and isinstance(study, RowStudy):
        share = study.share([own], level)
    slice_ = {column: ALL_GROUPS}
    return measured(SENSITIVE_RELIANCE, share, len(study.places), study.source, slice_)


def _classes(subject: Subject) -> tuple[str, ...]:
    """Classes in the order in which the model scores them; empty where it gives one number."""
    if subject.task != "multiclass":
        return ()
    return tuple(map(str, getattr(subject.model, "classes", ()) or subject.classes))


def _likeliest(subject: Subject, study: Study) -> tuple[int, str]:
    """The class that most explained rows get, by place and name."""
    classes = _classes(subject)
    if not classes:
        return 0, ""
    place = int(np.bincount(study.outputs.argmax(axis=1), minlength=len(classes)).argmax())
    return place, classes[place]


def _class_of(subject: Subject, pair: _Pair) -> tuple[int, str]:
    """The class whose share of predictions differs most between two groups."""
    classes = _classes(subject)
    if not classes:
        return 0, ""
    shares = [
        np.bincount(subject.y_pred[subject.groups[pair.column].codes == code],
                    minlength=len(subject.classes)) / subject.groups[pair.column].counts[code]
        for code in pair.codes
    ]  # fmt: skip
    apart = {name: abs(a - b) for name, a, b in zip(subject.classes, *shares, strict=True)}
    name = max(classes, key=lambda one: apart.get(one, -1.0))
    return classes.index(name), name


def _told(subject: Subject, pair: _Pair, of: Quantity, place: int, name: str) -> str:
    """Say what was compared, and how large the gap is over all assessed rows."""
    if of == "decision":
        values = subject.y_pred == (subject.classes.index(name) if name else 1)
    elif subject.y_score is None:
        values = subject.y_pred
    else:
        where = subject.classes.index(name) if name else place
        values = subject.y_score[:, where] if subject.y_score.ndim == 2 else subject.y_score
    codes = subject.groups[pair.column].codes
    a, b = (float(values[codes == code].mean()) for code in pair.codes)
    which = f"of class {quote(name)}, whose share of predictions differs most: " if name else ""
    return f"{which}{pair.note}; over all assessed rows the gap is {a - b:+.3g}"


def _unexplained(subject: Subject, reason: str) -> Iterator[Measurement]:
    """Say of every number why there is none."""
    metrics, nothing = OF_TASK[subject.task], Estimate.undefined(reason)
    source = f"Shapley values of {EXPLAINED[subject.task]}"
    for metric in metrics.trust:
        yield measured(metric, nothing, 0, source)
    for name in subject.features:
        yield measured(metrics.size, nothing, 0, source, {"feature": name})
    for column in subject.sensitive:
        for metric in metrics.by_column:
            yield measured(metric, nothing, 0, source, {column: ALL_GROUPS})
