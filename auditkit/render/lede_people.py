"""The sentences that open the sections about single people, and about closing a gap."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import join, name
from auditkit.report import Scalar, TableRecord

#: What opens individual fairness: over all rows, and of changing a sensitive column alone.
WHOLE = (
    *("consistency", "neighbor_prediction_distance"),
    *("term_flip_rate", "term_prediction_change"),
)
ALONE = ("flip_rate", "flip_prediction_change")
#: How the audit found the target to be reached, to what is said of it.
TAKES = {
    "already within the target": "lede.mitigation_within",
    "cheapest within the target": "lede.mitigation",
}


def individual(page: Page, pillar: Pillar) -> Markup:
    """Say how alike neighbours are treated, which column matters most, and what is not read."""
    known = [m for m in pillar.measurements if m.value is not None]
    whole = [m for m in known if not m.slice]
    parts = [
        page.words(f"lede.{m.metric}", value=page.measured(m), n=m.n)
        for m in whole
        if m.metric in WHOLE
    ]
    changed = [m for m in known if m.metric in ALONE and ALL_GROUPS in m.slice.values()]
    moving = [m for m in changed if not m.exact]
    if moving:
        most = max(moving, key=lambda m: m.interval.low if m.interval else 0.0)
        parts.insert(
            len(parts) and 1,
            page.words(
                f"lede.{most.metric}", attribute=page.where(most.slice), value=page.measured(most)
            ),
        )
    unread = page.words.listing([page.where(m.slice) for m in changed if m.exact])
    if unread:
        parts.append(page.words("lede.unread", attributes=unread))
    return Markup(" ").join(parts)


def mitigation(page: Page, pillar: Pillar) -> Markup:
    """Say what the target takes, what opens meanwhile, and that nothing is guaranteed."""
    takes, variants = (page.table(pillar.name, table) for table in ("what-it-takes", "variants"))
    row = next(iter(records(takes)), {}) if takes is not None else {}
    if number(row, "gap") is None:
        return Markup("")
    metric, attribute = string(row, "metric"), name(string(row, "attribute"))
    variant, outcome = string(row, "variant"), string(row, "outcome")
    key = TAKES.get(outcome, "lede.mitigation_none")
    parts = [
        page.words(
            key,
            metric=_gap_words(page, metric),
            attribute=attribute,
            target=numbers.limit(number(row, "target") or 0.0),
            variant=page.said(variant),
            before=_rounded(number(row, "gap_before")),
            gap=_between(page, row, "gap"),
            change=_between(page, row, "accuracy_change", signed=True),
        )
    ]
    if key != "lede.mitigation_within":
        parts += _meanwhile(page, variants, variant, metric)
        if row.get("reads_group") is True:
            parts.append(page.words("lede.mitigation_reads", attribute=attribute))
    return Markup(" ").join([*parts, page.words("lede.mitigation_no_guarantee")])


def _meanwhile(page: Page, table: TableRecord | None, variant: str, metric: str) -> list[Markup]:
    """Say what becomes of the gap that was not to close."""
    rows = [] if table is None else records(table)
    gaps = [c for c in (table.columns if table else ()) if c.endswith("_difference")]
    after = next((row for row in rows if string(row, "variant") == variant), {})
    for other in gaps:
        before, now = (number(row, other) for row in (rows[0], after))
        if other != metric and before is not None and now is not None:
            title = _gap_words(page, other)
            texts = {"before": _rounded(before), "after": _rounded(now)}
            return [page.words("lede.mitigation_other", metric=title, **texts)]
    return []


def _gap_words(page: Page, metric: str) -> Markup:
    """A gap as it is called within a sentence, whether or not another audit measured it."""
    if page.metric(metric):
        return page.metric_title(metric, inside=True)
    return name(metric.replace("_", " "))


def _rounded(value: float | None) -> str:
    return numbers.DASH if value is None else numbers.show(value).text


def _between(page: Page, row: dict[str, Scalar], column: str, *, signed: bool = False) -> Markup:
    """A number of a row with its bounds, as a sentence writes it."""
    value, low, high = (number(row, f"{column}{end}") for end in ("", "_low", "_high"))
    if value is None or low is None or high is None:
        return join([_rounded(value)])
    shown = numbers.show(value, low, high, signed=signed)
    return page.words("value.between", value=shown.text, low=shown.low, high=shown.high)
