"""The sentences that open the section about people who look at unsure decisions."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render.page import Page, Pillar
from auditkit.report import MeasurementRecord


def review(page: Page, pillar: Pillar) -> Markup:
    """Say how much goes to people, what error is left of what was, and for whom most."""
    share, before, kept, total = (
        pillar.whole(f"oversight_{metric}")
        for metric in ("referred_share", "model_error", "kept_error", "total_error")
    )
    if share is None or before is None or kept is None:
        return Markup("")
    told = {"share": page.measured(share), "before": page.measured(before)}
    if total is None:
        parts = [page.words("lede.review_kept", **told, kept=page.measured(kept))]
    else:
        parts = [page.words("lede.review", **told, total=page.measured(total))]
    worst = _worst(pillar, "oversight_kept_error" if total is None else "oversight_total_error")
    if worst is not None:
        where = page.where(worst.slice)
        parts.append(page.words("lede.review_worst", where=where, error=page.measured(worst)))
    return Markup(" ").join(parts)


def _worst(pillar: Pillar, metric: str) -> MeasurementRecord | None:
    """The group whose error is surely highest: by the lower end of its interval."""
    groups = [
        m
        for m in pillar.measurements
        if m.metric == metric
        and m.interval is not None
        and m.slice
        and ALL_GROUPS not in m.slice.values()
    ]
    return max(groups, key=lambda m: m.interval.low if m.interval else 0.0, default=None)
