"""All audits of a folder as one page: the index, and what became of each subject."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from urllib.parse import quote

from markupsafe import Markup

from auditkit.changed import ChangesRecord, FindingChange, Verdict
from auditkit.history import Audited, Course, History, created
from auditkit.render import charts_trend, numbers, provenance
from auditkit.render.changes import TURNED
from auditkit.render.figures import DataTable, Panels
from auditkit.render.localised import localised
from auditkit.render.page import Page, State
from auditkit.render.text import el, join, name
from auditkit.render.verdicts import glyph
from auditkit.render.words import Words
from auditkit.report import VERDICTS, Report

#: Drawings of a subject, and of all subjects together; each subject has at least `FEW`.
MOST, TOGETHER, FEW = 24, 100, 4
#: Newest audits of a subject that its trends hold, at most and at least: with more of them marks
#: run together. All drawings together hold about `POINTS` points, so that the page stays small.
LONGEST, SHORTEST, POINTS = 60, 12, 1500
#: Findings that a step from audit to audit names.
NAMED = 6
_STATES: dict[str, State] = {"pass": "pass", "fail": "fail", "review": "inconclusive"}
_CLASSES = {"pass": "pass", "fail": "fail", "review": "open"}


@dataclass(frozen=True, slots=True)
class Line:
    """A bundle in the index; `counts` has one entry for each verdict of `Index.verdicts`."""

    subject: Markup
    version: Markup
    date: Markup
    verdict: Markup
    counts: tuple[str, ...]
    policy: Markup
    page: Markup


@dataclass(frozen=True, slots=True)
class Step:
    """What changed from one audit to the next; the first audit has no `other` and no `found`."""

    date: Markup
    verdict: Markup
    other: Markup
    found: Markup


@dataclass(frozen=True, slots=True)
class Section:
    """A subject with several audits."""

    anchor: str
    title: Markup
    lede: Markup
    steps: tuple[Step, ...]
    left_out: int
    panels: Panels
    data: DataTable
    drawn: Markup


@dataclass(frozen=True, slots=True)
class Index:
    """Everything on the page."""

    lede: Markup
    verdicts: tuple[Verdict, ...]
    lines: tuple[Line, ...]
    sections: tuple[Section, ...]


def index(history: History, words: Words, prefix: str = "") -> Index:
    """Write what the page shows.

    Args:
        history: The audits.
        words: The words of the language.
        prefix: What leads from the page to the folder that was read, such as "../reports/".

    Returns:
        The index and the sections.
    """
    several = [course for course in history.courses if course.changes]
    anchors = {id(course): f"s{i}" for i, course in enumerate(several, 1)}
    links = {_key(c.audits[0].record): anchors[id(c)] for c in several}
    held = {f.verdict for audit in history.audits for f in audit.record.findings}
    verdicts = tuple(v for v in VERDICTS if v in held)
    most = max(FEW, min(MOST, TOGETHER // max(1, len(several))))
    window = max(SHORTEST, min(LONGEST, POINTS // (most * max(1, len(several)))))
    return Index(
        _lede(history, words),
        verdicts,
        tuple(_line(audit, verdicts, links, words, prefix) for audit in history.audits),
        tuple(_section(course, anchors[id(course)], words, most, window) for course in several),
    )


def _key(record: Report) -> tuple[str, str]:
    return record.subject.name, record.subject.task


def _lede(history: History, words: Words) -> Markup:
    latest = Counter(course.audits[-1].record.verdict for course in history.courses)
    parts = [words(f"history.n_{v}", n=latest[v]) for v in ("fail", "review", "pass") if latest[v]]
    audits = words("history.n_audits", n=len(history.audits))
    subjects = words("history.n_subjects", n=len(history.courses))
    key = "history.lede" if parts else "history.lede_none"
    return words(key, audits=audits, subjects=subjects, latest=words.listing(parts))


def _line(
    audit: Audited,
    verdicts: Sequence[Verdict],
    links: dict[tuple[str, str], str],
    words: Words,
    prefix: str,
) -> Line:
    record = audit.record
    counts = Counter(finding.verdict for finding in record.findings)
    anchor = links.get(_key(record))
    title = name(record.subject.name, 60)
    policy = record.policy
    waived = sum(finding.waiver == "holds" for finding in record.findings)
    said = [_overall(record, words)]
    said += [el("small", " ", words("history.waived", n=waived))] if waived else []
    return Line(
        el("a", title, href=f"#{anchor}") if anchor else title,
        name(record.subject.version, 30) if record.subject.version else Markup(""),
        _minute(Page(record, words)),
        join(said),
        tuple(numbers.count(counts[v]) if counts[v] else "" for v in verdicts),
        name(policy.name, 40) if policy else join([numbers.DASH]),
        el("a", name(record.audit_id, 44), href=_href(prefix, audit)),
    )


def _minute(page: Page) -> Markup:
    """When an audit was made, to the minute in UTC."""
    time = created(page.report)
    if time is None:
        return name(page.report.created, 24)
    return el("time", f"{time.astimezone(UTC):%Y-%m-%d %H:%M}", datetime=page.report.created)


def _href(prefix: str, audit: Audited) -> str:
    """A relative address; a folder may be called anything, `javascript:` too."""
    inside = "" if audit.folder == "." else f"{audit.folder}/"
    return quote(os.fsencode(f"{prefix}{inside}{audit.page}"))


def _overall(record: Report, words: Words) -> Markup:
    if record.policy is None:
        text = join([glyph("not_judged"), words("banner.none")])
        return el("span", text, cls="vd unj")
    text = join([glyph(_STATES[record.verdict]), words(f"banner.{record.verdict}")])
    return el("span", text, cls=f"vd {_CLASSES[record.verdict]}")


def _section(course: Course, anchor: str, words: Words, most: int, window: int) -> Section:
    latest = course.audits[-window:]
    metrics = {k: v for audit in course.audits for k, v in audit.record.metrics.items()}
    records = (audit.record.model_copy(update={"metrics": metrics}) for audit in latest)
    pages = [Page(localised(record, words.book), words) for record in records]
    all_series = charts_trend.series(pages)
    drawn, newest = all_series[:most], pages[-1]
    steps = tuple(_steps(course, pages, words))
    changed = _policy_places(course, pages)
    panels = tuple(charts_trend.panel(newest, one, changed) for one in drawn)
    return Section(
        anchor,
        name(newest.report.subject.name, 60),
        _section_lede(course, newest, words),
        steps,
        len(course.audits) - len(latest),
        Panels(Markup(""), panels),
        charts_trend.data(newest, drawn),
        words("history.drawn", shown=len(drawn), n=len(all_series)),
    )


def _policy_places(course: Course, pages: Sequence[Page]) -> list[float]:
    """Where in a trend the policy became another one."""
    places = charts_trend.places(pages)
    changes = course.changes[-len(pages) + 1 :]
    return [x for x, change in zip(places[1:], changes, strict=True) if not change.same_policy]


def _section_lede(course: Course, newest: Page, words: Words) -> Markup:
    turned = _turned_counts(course.changes[-1], words)
    return words(
        "history.subject",
        n=len(course.audits),
        first=provenance.date(newest, course.audits[0].record.created),
        last=provenance.date(newest, newest.report.created),
        verdict=_overall(newest.report, words),
        found=words.listing(turned) if turned else words("changes.no_turn"),
    )


def _turned_counts(changes: ChangesRecord, words: Words) -> list[Markup]:
    turns = Counter(finding.turn for finding in changes.findings)
    return [words(f"changes.n_{turn}", n=turns[turn]) for turn in TURNED if turns[turn]]


def _steps(course: Course, pages: Sequence[Page], words: Words) -> Iterator[Step]:
    """The newest audit first."""
    whole = len(course.audits) == len(pages)
    changes = [*([None] if whole else []), *course.changes[-len(pages) + (1 if whole else 0) :]]
    for page, change in reversed([*zip(pages, changes, strict=True)]):
        date, overall = provenance.date(page, page.report.created), _overall(page.report, words)
        if change is None:
            yield Step(date, overall, join([numbers.DASH]), words("history.first"))
            continue
        yield Step(date, overall, _other(change, page, words), _found(change, page, words))


def _other(change: ChangesRecord, page: Page, words: Words) -> Markup:
    """Which of model, data and policy are not those of the audit before."""
    pairs = (("model", change.same_model), ("data", change.same_data))
    parts = [words(f"changes.{key}_other") for key, same in pairs if same is False]
    if not change.same_policy:
        policy = page.report.policy
        named = name(policy.name, 40) if policy else words("banner.none")
        parts.append(el("b", words("history.policy_other", policy=named)))
    return words.listing(parts) if parts else join([numbers.DASH])


def _found(change: ChangesRecord, page: Page, words: Words) -> Markup:
    turned = [finding for finding in change.findings if finding.turn in TURNED]
    if not turned:
        return words("history.no_turn")
    parts = [_named(finding, page, words) for finding in turned[:NAMED]]
    if len(turned) > NAMED:
        parts.append(words("history.more", n=len(turned) - NAMED))
    return Markup("<br>").join(parts)


def _named(finding: FindingChange, page: Page, words: Words) -> Markup:
    where = page.where(finding.slice)
    titled = page.metric_title(finding.metric)
    what = join([titled, words("list.clause"), where]) if where else titled
    return join([el("b", words(f"changes.{finding.turn}")), words("list.colon"), what])
