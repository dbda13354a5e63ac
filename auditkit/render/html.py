"""The report as one HTML file: a pure function of the record and a language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from auditkit.changed import ChangesRecord
from auditkit.history import History
from auditkit.regimes.crosswalk import as_of
from auditkit.render import (
    changes,
    crosswalk,
    judged,
    method,
    notes,
    provenance,
    scope,
    sections,
    summary,
    unmeasured,
)
from auditkit.render.areas import Area, areas
from auditkit.render.charts_spending import flame
from auditkit.render.figures import NOTHING
from auditkit.render.history import index
from auditkit.render.localised import localised
from auditkit.render.page import Page, State
from auditkit.render.text import NAME, css_text, safe
from auditkit.render.verdicts import glyph, shapes, verdict
from auditkit.render.words import Words
from auditkit.report import Report

FOLDER = Path(__file__).parent
#: Says in a page of all audits what wrote it; only such a page is ever replaced.
GENERATOR = "auditkit history"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents.

    Attributes:
        anchor: Id of the section.
        title: Its heading.
        state: Its verdict, or None.
        area: The heading of an area that begins with it, or nothing.
        is_inner: Whether it stands under the heading of an area.
    """

    anchor: str
    title: Markup
    state: State | None = None
    area: Markup = NOTHING
    is_inner: bool = False


def render(report: Report, language: str = "en") -> str:
    """Draw a report.

    Args:
        report: The record of an audit. Its texts are untrusted.
        language: Language of the page; there has to be a catalogue of its words.

    Returns:
        A whole HTML document that asks for nothing from anywhere. The same report and language
        give the same text.

    Raises:
        UnknownNameError: If there is no catalogue of the language.

    Example:
        >>> from auditkit.report import Report
        >>> page = render(Report.load("audit.json"))  # doctest: +SKIP
    """
    page = _page(report, language)
    pillars = [sections.section(page, pillar) for pillar in page.pillars]
    template = _environment().get_template("page.html.j2")
    drawn = template.render(
        page=page,
        report=page.report,
        t=page.words,
        contents=_contents(page),
        pillars=pillars,
        summary=summary,
        method=method,
        notes=notes,
        provenance=provenance,
        flame=flame,
        scope=scope,
        unmeasured=unmeasured,
        judged=judged,
        crosswalk=crosswalk,
        changes=changes,
        crosswalk_as_of=as_of(),
        style=_style(language),
        margin=_margin(page),
        script=Markup(_text("script.js")),  # noqa: S704 - our own file
        shapes=shapes(),
        glyph=glyph,
        verdict=verdict,
    )
    return page.words.closed_up(drawn)


def render_frame(report: Report, language: str = "en") -> str:
    """Draw a report for a notebook: the page in a frame that can reach nothing around it.

    Args:
        report: The record.
        language: Language of the page.

    Returns:
        An `iframe` element that holds the whole page.
    """
    # The base comes before the page's own policy, which forbids one: without it the links within
    # the page would lead to the notebook.
    page = render(report, language).replace("<head>", '<head><base href="about:srcdoc">', 1)
    title = Words(language)("page.title", subject=report.subject.name[:120]).striptags()
    style = "width:100%;height:80vh;min-height:480px;border:1px solid #888"
    frame = Markup('<iframe title="{}" sandbox="allow-scripts" style="{}" srcdoc="{}"></iframe>')
    return str(frame.format(title, style, str(page)))


def render_changes(report: Report, since: ChangesRecord, language: str = "en") -> str:
    """Draw what changed since another audit as a page of its own.

    Args:
        report: The newer record.
        since: What `auditkit.comparing.compare` found.
        language: Language of the page.

    Returns:
        A whole HTML document that asks for nothing from anywhere.

    Raises:
        UnknownNameError: If there is no catalogue of the language.
    """
    page = _page(report.model_copy(update={"since": since}), language)
    template = _environment().get_template("changes_page.html.j2")
    drawn = template.render(
        page=page,
        report=page.report,
        t=page.words,
        contents=[Entry("changes", page.words("section.changes"))],
        changes=changes,
        style=_style(language),
        shapes=shapes(),
        verdict=verdict,
    )
    return page.words.closed_up(drawn)


def _page(report: Report, language: str) -> Page:
    words = Words(language)
    return Page(localised(report, words.book), words)


def render_history(history: History, language: str = "en", prefix: str = "") -> str:
    """Draw all audits of a folder, and the trends of their subjects, as one page.

    Args:
        history: What `auditkit.history.read_history` found.
        language: Language of the page.
        prefix: What leads from the page to that folder, such as "../reports/".

    Returns:
        A whole HTML document that asks for nothing from anywhere; its links are relative.

    Raises:
        UnknownNameError: If there is no catalogue of the language.
    """
    words = Words(language)
    drawn = (
        _environment()
        .get_template("history_page.html.j2")
        .render(
            t=words,
            index=index(history, words, prefix),
            missed=history.missed,
            mark=GENERATOR,
            style=_style(language),
            shapes=shapes(),
        )
    )
    return words.closed_up(drawn)


def _area(page: Page, area: Area) -> list[Entry]:
    """The sections of an area; the first is its heading where both are called the same."""
    title = page.words(f"area.{area.key}")
    titles = [page.pillar_title(pillar.name) for pillar in area.pillars]
    is_head = len(titles) == 1 or titles[0] == title
    return [
        Entry(
            pillar.anchor,
            titles[i],
            pillar.state,
            title if i == 0 and not is_head else NOTHING,
            is_inner=i > 0 or not is_head,
        )
        for i, pillar in enumerate(area.pillars)
    ]


def _contents(page: Page) -> list[Entry]:
    words = page.words
    return [
        Entry("summary", words("section.summary")),
        Entry("scope", words("section.scope")),
        *(entry for area in areas(page) for entry in _area(page, area)),
        Entry("not-measured", words("section.not_measured")),
        Entry("policy", words("section.policy")),
        Entry("crosswalk", words("section.crosswalk")),
        *([Entry("changes", words("section.changes"))] if page.report.since else []),
        Entry("findings", words("section.findings")),
        Entry("reproducibility", words("section.reproducibility")),
        Entry("sign-off", words("section.sign_off")),
        Entry("glossary", words("section.glossary")),
    ]


def _margin(page: Page) -> Markup:
    """What the margin of every printed page names, as the inside of a quoted CSS value."""
    report, words = page.report, page.words
    parts = [words("margin.audit", audit=report.audit_id[:NAME])]
    if report.subject.model.sha256:
        parts.append(words("margin.model", sha256=report.subject.model.sha256[:12]))
    if report.policy is not None:
        parts.append(words("margin.policy", sha256=report.policy.sha256[:12]))
    text = words("list.clause").join(parts).unescape()
    return Markup(css_text(text))  # noqa: S704 - all but letters is coded


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=safe,
        auto_reload=False,
    )
    environment.globals.clear()
    return environment


def _style(language: str) -> Markup:
    """The styles of the page; lines that are about Chinese pages alone only for them."""
    lines = _text("style.css").splitlines()
    kept = [line for line in lines if language.startswith("zh") or not _is_chinese(line)]
    return Markup("\n".join(kept))  # noqa: S704 - our own file


def _is_chinese(line: str) -> bool:
    return line.startswith(("html:lang(zh)", "@media print{html:lang(zh)")) and "[lang" not in line


@cache
def _text(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8")
