"""The policy, the methods of the intervals, how numbers are known, and what words mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup

from auditkit.render import numbers, provenance, sentences
from auditkit.render.page import PILLARS, Page, Pair
from auditkit.render.text import join, name
from auditkit.report import MetricRecord, WaiverRecord

#: The words of the page itself that the glossary explains.
OWN = (
    *("interval", "limit", "severity", "basis", "fail", "inconclusive", "not_measured"),
    *("not_judged", "pass", "not_applicable", "error"),
)


@dataclass(frozen=True, slots=True)
class CriterionRow:
    """A line of the policy."""

    id: Markup
    metric: Markup
    where: Markup
    limit: Markup
    whose: Markup
    severity: Markup
    required: Markup


def criterion_rows(page: Page) -> list[CriterionRow]:
    """The lines of the policy, in its order."""
    return [
        CriterionRow(
            name(criterion.id, 24),
            page.metric_title(criterion.metric),
            sentences.criterion_where(page, criterion) or page.words("gone.all_rows"),
            sentences.criterion_limit(page, criterion),
            sentences.whose(page, criterion),
            page.words(f"severity.{criterion.severity}"),
            page.words("policy.required" if criterion.required else "policy.optional"),
        )
        for criterion in page.criteria.values()
    ]


def waivers(page: Page) -> list[Pair]:
    """Who answers for a criterion that is not met, why, and until when."""
    policy = page.report.policy
    return [
        (
            join([name(waiver.criterion, 24), _where(page, waiver)]),
            page.words(
                "policy.waiver",
                owner=name(waiver.owner, 80),
                reason=name(waiver.reason, 400),
                day=provenance.date(page, waiver.expires.isoformat()),
            ),
        )
        for waiver in (policy.waivers if policy else [])
    ]


def _where(page: Page, waiver: WaiverRecord) -> Markup:
    return (
        join([page.words("list.clause"), page.where(waiver.slice)]) if waiver.slice else Markup("")
    )


def interval_methods(page: Page) -> list[Pair]:
    """Each method of an interval, and how many intervals it made."""
    counts: Counter[tuple[str, float]] = Counter()
    for measurement in page.report.measurements:
        if measurement.interval is not None:
            counts[(measurement.interval.method, measurement.interval.level)] += 1
    return [
        (
            join([numbers.percent(level), " ", page.told(method, 160)]),
            page.words("method.count", n=count),
        )
        for (method, level), count in counts.most_common(20)
    ]


def bases(page: Page) -> list[Pair]:
    """How many numbers are measured, estimated and declared."""
    counts = Counter(m.basis for m in page.report.measurements if m.value is not None)
    return [
        (
            page.basis(basis),
            join(
                [
                    page.words(f"basis.{basis}_means"),
                    " ",
                    page.words("method.count", n=counts[basis]),
                ]
            ),
        )
        for basis in ("measured", "estimated", "declared")
    ]


def explained(page: Page) -> list[MetricRecord]:
    """The metrics that the policy judges; without a policy those of the main audits over all rows.

    A page that defined them all would be longer by a tenth: `audit.json` does.
    """
    judged = {one.metric for one in page.judged} | {c.metric for c in page.criteria.values()}
    main = {m.metric for m in page.report.measurements if m.audit in PILLARS and not m.slice}
    wanted = judged or main
    return [metric for key, metric in page.report.metrics.items() if key in wanted]


def glossary(page: Page) -> list[tuple[Markup, Markup]]:
    """These metrics and the words of the page, by title."""
    entries = [
        (page.told(metric.title, 80), page.told(metric.definition, 600))
        for metric in explained(page)
    ]
    entries += [(page.words(f"glossary.{key}"), page.words(f"glossary.{key}_means")) for key in OWN]
    return sorted(entries, key=lambda entry: entry[0].striptags().casefold())
