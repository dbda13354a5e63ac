"""The sentences that open the section about small changes and errors of the input."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import name
from auditkit.report import Scalar

#: Small changes, which should change nothing, in the order in which they are told.
SMALL = ("noise_flip_rate", "typo_flip_rate")
#: How the names of changes begin that are no errors.
HARMLESS = ("small noise", "typos", "letter case")

Record = dict[str, Scalar]


def robustness(page: Page, pillar: Pillar) -> Markup:
    """Say how often a small change matters, which error does most, and whom it hits."""
    whole = {m.metric: m for m in pillar.measurements if m.value is not None and not m.slice}
    parts = [
        page.words(f"lede.{metric}", value=page.measured(whole[metric]), n=whole[metric].n)
        for metric in SMALL
        if metric in whole
    ]
    table = page.table(pillar.name, "changes")
    rows = records(table) if table else []
    errors = [
        row
        for row in rows
        if _rate(row) and not row.get("group") and not _altered(row).startswith(HARMLESS)
    ]
    if errors:
        parts += _worst(page, max(errors, key=_rate), [row for row in rows if row.get("group")])
    return Markup(" ").join(parts)


def _worst(page: Page, worst: Record, groups: list[Record]) -> list[Markup]:
    value, low, high = (number(worst, column) for column in ("answers_changed", "low", "high"))
    shown = numbers.show(value or 0.0, low, high, unit="rate")
    said = page.said(_altered(worst), 80)
    between = page.words("value.between", value=shown.text, low=shown.low, high=shown.high)
    found = [page.words("lede.worst_error", error=said, value=between)]
    hit = next((row for row in groups if _altered(row) == _altered(worst)), None)
    if hit is not None and (number(hit, "low") or 0.0) > (high or 1.0):
        found.append(page.words("lede.worst_error_hits", group=name(string(hit, "group"))))
    return found


def _altered(row: Record) -> str:
    return string(row, "altered")


def _rate(row: Record) -> float:
    return number(row, "answers_changed") or 0.0
