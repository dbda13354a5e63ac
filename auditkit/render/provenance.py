"""With what, when and at what cost it was run, so that anybody can run it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.draw import CHARTS
from auditkit.render.figures import CELL, NOTHING
from auditkit.render.page import Page, Pair
from auditkit.render.scope import settings
from auditkit.render.text import NAME, el, join, name, tidy
from auditkit.report import AuditRecord, EnergyRecord, Report

#: Digits of a digest that are printed; the whole of it is in `audit.json`.
DIGEST = 12
#: Characters of a statement that are shown; the whole of it is in `audit.json`.
STATEMENT = 12_000
#: Characters of the title of a metric or a table that are shown everywhere.
TITLE = 80
#: Characters of a long name that are shown where it is shown in full, and names shown so.
FULL, CUT = 1000, 40


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What an audit cost."""

    name: Markup
    status: Markup
    reason: Markup
    seconds: Markup
    cpu: Markup
    memory: Markup
    energy: Markup
    basis: Markup
    settings: Markup


def digest(sha256: str | None) -> Markup:
    """The first digits of a digest."""
    return el("span", "sha256 ", name(sha256[:DIGEST]), cls="mono") if sha256 else Markup("")


def date(page: Page, iso: str) -> Markup:
    """Write a time as people do: "22 November 2026, 09:12 UTC"."""
    try:
        time = datetime.fromisoformat(iso)
    except ValueError:
        return name(iso)
    month = page.words(f"month.{time.month}")
    zone = "UTC" if time.utcoffset() is None or not time.utcoffset() else f"UTC{time:%z}"
    clock = f"{time:%H:%M} {zone}"
    day = page.words("cover.date", day=str(time.day), month=month, year=str(time.year), time=clock)
    return el("time", day, datetime=iso)


def audit_lines(page: Page) -> list[AuditLine]:
    """What each audit cost, and the settings that were chosen for it."""
    planned = {audit.name: audit for audit in page.report.plan.audits}
    lines = []
    for audit in page.report.audits:
        plan = planned.get(audit.name)
        lines.append(_audit_line(page, audit, plan.settings if plan else {}))
    return lines


def _audit_line(page: Page, audit: AuditRecord, chosen: Mapping[str, Any]) -> AuditLine:
    energy = audit.energy or EnergyRecord(joules=None)
    return AuditLine(
        page.pillar_title(audit.name),
        _status(page, audit),
        page.told(audit.reason, 200),
        _quantity(audit.seconds, "s"),
        _quantity(audit.cpu_seconds, "s"),
        _quantity(audit.peak_memory_bytes, "bytes"),
        joules(page, energy),
        page.basis(energy.basis or ""),
        settings(chosen),
    )


def _quantity(value: float | None, unit: str) -> Markup:
    return join([numbers.DASH if value is None else numbers.show(value, unit=unit).text])


def joules(page: Page, energy: EnergyRecord) -> Markup:
    """Write an energy and its range."""
    if energy.joules is None:
        return page.words("value.none")
    has_interval = energy.low is not None and energy.high is not None
    bounds = (energy.low, energy.high) if has_interval else (None, None)
    shown = numbers.show(energy.joules, *bounds, unit="J")
    return join([shown.text, " ", el("i", shown.interval)])


def provenance(page: Page) -> list[Pair]:
    """Command, seed, digests, software and machine."""
    report, words = page.report, page.words
    environment = report.environment
    digests = [("audit", None), ("data", report.subject.data.sha256)]
    digests += [("model", report.subject.model.sha256)]
    counted = report.subject.data.counted
    digests += [("counts", counted.sha256 if counted else None)]
    digests += [("policy", report.policy.sha256 if report.policy else None)]
    shown = [
        join([words(f"digest.{key}"), " ", el("span", name(sha256, 80), cls="mono")])
        for key, sha256 in digests
        if sha256
    ]
    return [
        (words("repro.command"), el("span", name(environment.command, 600), cls="mono")),
        (words("repro.seed"), el("span", str(report.plan.seed))),
        (words("repro.digests"), Markup("<br>").join(shown)),
        (words("repro.git"), _git(page)),
        (words("repro.software"), _software(page)),
        (words("repro.machine"), _machine(page)),
    ]


def statement(page: Page) -> Markup | None:
    """The statement that counted the rows, or None where they were read."""
    counted = page.report.subject.data.counted
    if counted is None:
        return None
    sql = el("span", name(counted.sql, STATEMENT), cls="mono")
    return join([page.words("repro.counted", engine=name(counted.engine, 120)), " ", sql])


def _git(page: Page) -> Markup:
    git = page.report.environment.git
    if git is None:
        return page.words("repro.no_git")
    key = "repro.dirty" if git.dirty else "repro.clean"
    return page.words(key, commit=el("span", name(git.commit[:DIGEST]), cls="mono"))


def _software(page: Page) -> Markup:
    environment = page.report.environment
    packages = [
        join([name(package), " ", name(version)])
        for package, version in list(environment.packages.items())[:60]
    ]
    python = join(["Python ", name(environment.python)])
    auditkit = join(["auditkit ", name(page.report.auditkit)])
    return Markup(", ").join([auditkit, python, *packages])


def _machine(page: Page) -> Markup:
    environment = page.report.environment
    platform = name(environment.platform, 120)
    return page.words("repro.threads", platform=platform, n=environment.threads)


def cut_names(page: Page) -> list[Markup]:
    """The names that are too long to be shown whole elsewhere, once each, as far as they fit."""
    long = dict.fromkeys(
        text for text, longest in _names(page.report) if _is_cut(page, text, longest)
    )
    return [
        join([tidy(text, FULL), " ", page.words("repro.characters", n=len(text))])
        for text in list(long)[:CUT]
    ]


def _is_cut(page: Page, text: str, longest: int) -> bool:
    """Whether a name does not fit; a text of ours that is said in another language does."""
    return len(text) > longest and not page.words.knows(text)


def _names(report: Report) -> Iterator[tuple[str, int]]:
    """Names, and the length up to which the page shows each of them whole."""
    roles, measured = report.subject.roles, report.measurements
    names = [report.subject.name, *roles.sensitive, *roles.features]
    names += [column for column in (roles.label, roles.score) if column]
    for group in report.subject.groups:
        names += [group.column, *group.names]
    names += [audit.name for audit in report.audits]
    names += [text for m in measured for text in (*m.slice, *m.slice.values())]
    names += [column for table in report.tables for column in table.columns]
    yield from ((text, NAME) for text in names)
    titles = [metric.title for metric in report.metrics.values()]
    yield from ((title, TITLE) for title in (*titles, *(table.title for table in report.tables)))
    for table in report.tables:
        # A plain table shows more of a cell than a drawing of its label.
        longest = NAME if table.chart in CHARTS else CELL
        cells = (cell for row in table.rows for cell in row if isinstance(cell, str))
        yield from ((cell, longest) for cell in cells)


def _status(page: Page, audit: AuditRecord) -> Markup:
    """How an audit went, where that is more than that it ran."""
    if audit.status != "completed":
        return page.words(f"audit.{audit.status}")
    return page.words("audit.resumed") if audit.resumed else NOTHING
