"""What opens the section on changes that would bring another decision."""

from __future__ import annotations

from itertools import permutations

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import name
from auditkit.report import MeasurementRecord


def changes(page: Page, pillar: Pillar) -> Markup:
    """Say how often a change was found, of what, for whom the way is longest, and what it is not.

    Args:
        page: The record.
        pillar: The audit `counterfactuals`.

    Returns:
        A few sentences; nothing where nothing was measured.
    """
    whole = {m.metric: m for m in pillar.measurements if not m.slice and m.value is not None}
    success = whole.get("counterfactual_success_rate")
    if success is None:
        return Markup("")
    value = page.measured(success)
    parts = [page.words("lede.changes", n=success.n, value=value)]
    if "counterfactual_near_rate" in whole:
        near = page.measured(whole["counterfactual_near_rate"])
        parts.append(page.words("lede.changes_near", value=near))
    parts += [*_most(page, pillar), *_apart(page, pillar), page.words("lede.changes_caution")]
    return Markup(" ").join(parts)


def _most(page: Page, pillar: Pillar) -> list[Markup]:
    """Name the feature, or word, that most changes hold."""
    for table, column in (("features", "changed_feature"), ("words", "changed_word")):
        held = page.table(pillar.name, table)
        row = next(iter(records(held)), None) if held is not None else None
        if row is not None:
            share = numbers.show(number(row, "share_of_changes") or 0.0, unit="rate").text
            return [page.words("lede.changes_most", part=name(string(row, column)), value=share)]
    return []


def _apart(page: Page, pillar: Pillar) -> list[Markup]:
    """Name the two groups whose ways surely differ most, or say that no two are told apart."""
    metric = "counterfactual_distance"
    gaps = [m for m in pillar.measurements if m.metric == f"{metric}_difference" and m.interval]
    if not gaps:
        return []
    widest = max(gaps, key=lambda m: m.interval.low if m.interval else 0.0)
    if widest.interval is None or widest.interval.low <= 0:
        return [page.words("lede.changes_even")]
    (column,) = widest.slice
    groups = [m for m in pillar.measurements if m.metric == metric and column in m.slice]
    known = [m for m in groups if m.value is not None and m.slice[column] != ALL_GROUPS]
    pairs = [pair for pair in permutations(known, 2) if _is_apart(*pair, widest)]
    return [
        page.words(
            "lede.changes_apart",
            attribute=name(column),
            a=name(a.slice[column]),
            a_value=numbers.show(a.value or 0.0).text,
            b=name(b.slice[column]),
            b_value=numbers.show(b.value or 0.0).text,
        )
        for a, b in pairs[:1]
    ]


def _is_apart(a: MeasurementRecord, b: MeasurementRecord, gap: MeasurementRecord) -> bool:
    """Whether two groups are those that a gap is between."""
    return abs((a.value or 0.0) - (b.value or 0.0) - (gap.value or 0.0)) < 1e-9
