"""The sentences that open the sections about prediction sets and about strange rows."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS, WITHIN
from auditkit.render import numbers
from auditkit.render.page import Page, Pillar
from auditkit.report import MeasurementRecord

#: A p-value below this says that the coverage is not what was aimed at.
CHANCE = 0.05


def conformal(page: Page, pillar: Pillar) -> Markup:
    """Say whether the sets keep what they promise, for whom least, and how much they say."""
    whole, tested = (pillar.whole(m) for m in ("conformal_coverage", "conformal_coverage_p_value"))
    if whole is None:
        return Markup("")
    risk = _setting(page, pillar, "risk")
    aim = numbers.show(1 - risk, unit="rate").text
    far = tested is not None and (tested.value or 0.0) < CHANCE
    key = "lede.conformal_off" if far else "lede.conformal"
    parts = [page.words(key, coverage=page.measured(whole), aim=aim)]
    worst = _worst(pillar, "conformal_coverage")
    if worst is not None:
        where = page.where(worst.slice)
        parts.append(page.words("lede.conformal_worst", where=where, coverage=page.measured(worst)))
    single = pillar.whole("conformal_single_share")
    if single is not None:
        parts.append(page.words("lede.conformal_single", share=page.measured(single)))
    return Markup(" ").join(parts)


def strange(page: Page, pillar: Pillar) -> Markup:
    """Say how many rows lie outside, how often the alarm is false, and what it notices."""
    outside, false = (pillar.whole(m) for m in ("outside_training_share", "ood_false_alarm_rate"))
    parts = []
    if outside is not None:
        parts.append(page.words("lede.strange_outside", share=page.measured(outside)))
    if false is not None:
        parts.append(page.words("lede.strange_alarm", share=page.measured(false)))
    missed = [m for m in pillar.measurements if m.metric == "ood_missed_share"]
    if any(m.value is not None for m in missed):
        most = max(missed, key=lambda m: m.value or 0.0)
        parts.append(page.words("lede.strange_missed", share=page.measured(most)))
    sure = [m for m in pillar.measurements if m.metric == "ood_confidence_roc_auc"]
    if any(m.interval is not None and m.interval.high < 0.5 for m in sure):
        parts.append(page.words("lede.strange_sure"))
    return Markup(" ").join(parts)


def _worst(pillar: Pillar, metric: str) -> MeasurementRecord | None:
    """The group whose number is surely lowest: by the upper end of its interval."""
    groups = [
        m
        for m in pillar.measurements
        if m.metric == metric
        and len(m.slice) == 1
        and m.interval is not None
        and not set(m.slice.values()) & {ALL_GROUPS, WITHIN}
    ]
    return min(groups, key=lambda m: m.interval.high if m.interval else 1.0, default=None)


def _setting(page: Page, pillar: Pillar, key: str) -> float:
    planned = (audit for audit in page.report.plan.audits if audit.name == pillar.name)
    value = next((audit.defaults.get(key) for audit in planned), None)
    return float(value) if isinstance(value, int | float) else 0.1
