"""What has no value, and why: criteria, audits, and single measurements."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from auditkit.render import sentences
from auditkit.render.judged import finding_link
from auditkit.render.page import PILLARS, Page
from auditkit.render.text import join, name
from auditkit.report import MeasurementRecord

#: Groups without a value that are named one by one.
NAMED = 200


@dataclass(frozen=True, slots=True)
class Gone:
    """Something that has no value, and why."""

    what: Markup
    where: Markup
    why: Markup


def lede(page: Page, criteria: list[Gone], audits: list[Gone], empty: list[Gone]) -> Markup:
    """Count what is missing."""
    counted = {"criteria": criteria, "audits": audits, "measurements": empty}
    parts = [page.words(f"gone.lede_{key}", n=len(rows)) for key, rows in counted.items() if rows]
    if not parts:
        return page.words("gone.nothing")
    text = page.words.listing(parts)
    return page.words("gone.lede", parts=text[:1].upper() + text[1:])


def criteria_without_value(page: Page) -> list[Gone]:
    """Criteria that no value could be held against."""
    rows = []
    for judged in page.judged:
        if judged.verdict not in ("not_measured", "error"):
            continue
        why = sentences.reason(page, judged)
        title = join([finding_link(judged), " ", sentences.subject_line(page, judged)])
        limit = sentences.limit(page, judged)
        whose = sentences.whose(page, judged.criterion)
        rows.append(Gone(title, page.words("gone.limit", limit=limit, whose=whose), why))
    found = {judged.criterion.id for judged in page.judged}
    for criterion in page.criteria.values():
        if criterion.id not in found:
            title = join([name(criterion.id, 24), " ", page.metric_title(criterion.metric)])
            limit = sentences.criterion_limit(page, criterion)
            whose = sentences.whose(page, criterion)
            words = page.words("gone.limit", limit=limit, whose=whose)
            rows.append(Gone(title, words, page.words("gone.no_finding")))
    return rows


def audits_not_completed(page: Page) -> list[Gone]:
    """Audits that were skipped or broke, and pillars for which none was run."""
    run = {audit.name for audit in page.report.audits}
    absent = [
        Gone(page.pillar_title(pillar), page.words("audit.not_run"), page.words("gone.not_run"))
        for pillar in PILLARS
        if pillar not in run
    ]
    return [
        Gone(
            page.pillar_title(audit.name),
            page.words(f"audit.{audit.status}"),
            page.told(audit.reason, 400),
        )
        for audit in page.report.audits
        if audit.status != "completed"
    ] + absent


def measurements_without_value(page: Page) -> list[Gone]:
    """Measurements without a value, those of an audit with the same reason and places together."""
    together: dict[tuple[str, str, str], list[MeasurementRecord]] = {}
    for measurement in page.report.measurements:
        if measurement.value is None:
            key = (measurement.audit, measurement.metric, measurement.reason or "")
            together.setdefault(key, []).append(measurement)
    metrics: dict[tuple[str, str, Markup], list[str]] = {}
    for (audit, metric, reason), found in together.items():
        metrics.setdefault((audit, reason, _places(page, found)), []).append(metric)
    return [
        Gone(_named(page, audit, named), places, page.told(reason.rstrip(" ."), 400))
        for (audit, reason, places), named in metrics.items()
    ]


def _named(page: Page, audit: str, metrics: list[str]) -> Markup:
    titles = Markup("; ").join(map(page.metric_title, metrics))
    return page.words("gone.metric", metric=titles, audit=page.pillar_title(audit))


def _places(page: Page, found: list[MeasurementRecord]) -> Markup:
    named = [page.where(m.slice) or page.words("gone.all_rows") for m in found[:NAMED]]
    rest = len(found) - len(named)
    if rest:
        named.append(page.words("whom.more", n=rest))
    return Markup("; ").join(named)
