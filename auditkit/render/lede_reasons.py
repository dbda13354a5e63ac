"""The sentence that opens the reasons of decisions."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.page import Page, Pillar
from auditkit.render.text import name
from auditkit.report import MeasurementRecord


def reason_codes(page: Page, pillar: Pillar) -> Markup:
    """Say which features are given as reasons most, and whether a sensitive column is."""
    known = [m for m in pillar.measurements if m.value is not None]
    often = [m for m in known if m.metric == "principal_reason_share"]
    often.sort(key=lambda m: -(m.value or 0.0))
    if not often:
        return Markup("")
    # Of several classes every decision is explained, not only one kind of them.
    classes = page.report.subject.task == "multiclass"
    first, second = (*often, often[0])[:2]
    texts = {
        "first": name(first.slice["feature"]),
        "second": name(second.slice["feature"]),
        "value": page.measured(first),
    }
    key = "lede.reasons_classes" if classes else "lede.reasons"
    parts = [page.words(key, n=first.n, **texts), *_sensitive(page, pillar.measurements)]
    certain = [m for m in known if m.metric == "certain_reason_share"]
    parts += [page.words("lede.reasons_certain", value=page.measured(m)) for m in certain]
    return Markup(" ").join(parts)


def _sensitive(page: Page, measurements: Sequence[MeasurementRecord]) -> list[Markup]:
    """Name the sensitive columns that are reasons, and the group for which each most often is."""
    found = [m for m in measurements if m.metric == "sensitive_principal_reason_share"]
    whole = [m for m in found if ALL_GROUPS in m.slice.values()]
    read = [m for m in whole if m.value is not None]
    if not read:
        return [page.words("lede.reasons_unread")] if whole else []
    columns = [_column(page, m, [g for g in found if g not in whole]) for m in read]
    return [page.words("lede.reasons_sensitive", columns=page.words.listing(columns))]


def _column(page: Page, whole: MeasurementRecord, groups: Sequence[MeasurementRecord]) -> Markup:
    column = next(iter(whole.slice))
    texts = {"attribute": name(column), "value": page.measured(whole)}
    own = [m for m in groups if column in m.slice and m.value]
    if not own:
        return page.words("lede.reasons_column", **texts)
    top = max(own, key=lambda m: m.value or 0.0)
    shown = numbers.show(top.value or 0.0, unit=top.unit).text
    return page.words(
        "lede.reasons_group", **texts, group=name(top.slice[column]), group_value=shown
    )
