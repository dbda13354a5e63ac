"""The plain sentences that open the section on membership attacks with reference models."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import name
from auditkit.report import MeasurementRecord, Scalar


def membership(page: Page, pillar: Pillar) -> Markup:
    """Say whether training rows can be told, of whom best, and whether to trust it."""
    by = {m.metric: m for m in pillar.measurements if m.value is not None and not m.slice}
    area = by.get("reference_attack_auc")
    if shift := shifted(page, pillar):
        return _told(page, shift)
    attacks = page.table(pillar.name, "attacks")
    rows = [] if attacks is None else records(attacks)
    chosen = next((row for row in rows if string(row, "standing") == "chosen"), None)
    if area is None or chosen is None:
        return Markup("")
    share = by.get("reference_attack_tpr_at_1pct_fpr")
    told = {"attack": page.said(string(chosen, "attack")), "auc": page.measured(area)}
    if not (_above(area, 0.5) or _above(share, 0.01)):
        return _told(page, page.words("lede.membership_none", **told))
    found = numbers.DASH if share is None else page.measured(share)
    first = _told(page, page.words("lede.membership", **told, found=found))
    parts = [first, _group(page, pillar)]
    exposed = page.table(pillar.name, "exposed")
    if exposed is not None and exposed.rows:
        parts.append(page.words("lede.membership_records", n=len(exposed.rows)))
    return Markup(" ").join(parts)


def _told(page: Page, found: Markup) -> Markup:
    """What was found and, where only a shadow recipe was there, what that leaves open."""
    if page.report.subject.shadow is None:
        return found
    return Markup(" ").join([found, page.words("lede.membership_shadow")])


def shifted(page: Page, pillar: Pillar) -> Markup:
    """Say that training and assessed rows differ anyway; nothing where they do not surely."""
    metric = "member_shift_auc"
    shift = next((m for m in pillar.measurements if m.metric == metric), None)
    if shift is None or not _above(shift, 0.5):
        return Markup("")
    return page.words("lede.membership_shift", shift=page.measured(shift))


def _above(found: MeasurementRecord | None, chance: float) -> bool:
    return found is not None and found.interval is not None and found.interval.low > chance


def _group(page: Page, pillar: Pillar) -> Markup:
    table = page.table(pillar.name, "group-exposure")
    rows = [row for row in ([] if table is None else records(table)) if _low(row) is not None]
    surest = max(rows, key=lambda row: _low(row) or 0.0, default=None)
    if surest is None:
        return Markup("")
    low, high = _low(surest) or 0.0, number(surest, "high") or 0.0
    if low <= 0:
        return page.words("lede.membership_no_group")
    shown = numbers.show(number(surest, "difference") or 0.0, low, high)
    value = page.words("value.between", value=shown.text, low=shown.low, high=shown.high)
    who = {column: name(string(surest, column)) for column in ("group", "attribute")}
    return page.words("lede.membership_group", **who, difference=value)


def _low(row: dict[str, Scalar]) -> float | None:
    return number(row, "low")
