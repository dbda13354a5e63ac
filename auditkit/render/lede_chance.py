"""What opens the sections about seeds and about declared directions."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import name
from auditkit.report import MeasurementRecord


def seed_variance(page: Page, pillar: Pillar) -> Markup:
    """Say about how many people chance decided, for which column it differs, and how gaps move."""
    whole = _first(pillar, "decision_ambiguity")
    if whole is None or whole.value is None:
        reason = (whole.reason if whole else None) or ""
        return (
            page.words("lede.seeds_none", reason=page.told(reason, 300)) if reason else Markup("")
        )
    key = "lede.seeds_numbers" if page.report.subject.task == "regression" else "lede.seeds"
    parts = [page.words(key, value=page.measured(whole), n=whole.n)]
    gaps = [m for m in pillar.measurements if m.metric == "decision_ambiguity_difference"]
    sure = [(m.interval.low, m) for m in gaps if m.interval is not None and m.interval.low > 0]
    if sure:
        most = max(sure, key=lambda pair: pair[0])[1]
        parts.append(
            page.words(
                "lede.seeds_group", attribute=page.where(most.slice), value=page.measured(most)
            )
        )
    return Markup(" ").join([*parts, *_gap(page, pillar)])


def _gap(page: Page, pillar: Pillar) -> list[Markup]:
    """The gap between groups that moves most from seed to seed."""
    table = page.table(pillar.name, "seeds")
    rows = [] if table is None else [row for row in records(table) if string(row, "attribute")]
    ends = [(number(row, "lowest"), number(row, "highest"), row) for row in rows]
    known = [(high - low, low, high, row) for low, high, row in ends
             if low is not None and high is not None]  # fmt: skip
    if not known:
        return []
    _, low, high, row = max(known, key=lambda held: held[0])
    return [
        page.words(
            "lede.seeds_gap",
            attribute=name(string(row, "attribute")),
            low=numbers.show(low, beside=high).text,
            high=numbers.show(high).text,
        )
    ]


def monotonicity(page: Page, pillar: Pillar) -> Markup:
    """Say how many rows break a declared direction, and which feature most of them do."""
    whole = _first(pillar, "monotonicity_violation")
    if whole is None or whole.value is None:
        single = [m for m in pillar.measurements if m.metric == "monotonicity_violation"]
        reason = next((m.reason for m in single if m.reason), "")
        return page.words("lede.monotone_none", reason=page.told(reason or "", 300))
    if not whole.value:
        return _clean(page, whole)
    by_feature = [
        m
        for m in pillar.measurements
        if m.metric == whole.metric and "feature" in m.slice and m.value is not None
    ]
    most = max(by_feature, key=lambda m: m.value or 0.0)
    feature = name(most.slice["feature"])
    parts = [page.words("lede.monotone", value=page.measured(whole), n=whole.n)]
    parts.append(page.words("lede.monotone_most", feature=feature, value=page.measured(most)))
    return Markup(" ").join(parts)


def _clean(page: Page, whole: MeasurementRecord) -> Markup:
    high = 1.0 if whole.interval is None else whole.interval.high
    return page.words("lede.monotone_clean", n=whole.n, high=numbers.percent(float(f"{high:.2g}")))


def _first(pillar: Pillar, metric: str) -> MeasurementRecord | None:
    held = [m for m in pillar.measurements if m.metric == metric and not m.slice]
    return held[0] if held else None
