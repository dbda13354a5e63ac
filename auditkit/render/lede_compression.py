"""The sentences that open the section about smaller versions of the model."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import name
from auditkit.report import Scalar, TableRecord

Record = dict[str, Scalar]


def compression(page: Page, pillar: Pillar) -> Markup:
    """Say which smaller version would do, what becomes of the gaps, and what is saved."""
    versions, growth = (page.table(pillar.name, table) for table in ("versions", "growth"))
    rows = _rows(versions)
    if versions is None or not any(number(row, "loss") is not None for row in rows):
        return Markup("")
    chosen = next((row for row in rows if row.get("chosen") is True), None)
    of = "r2" if "r2_score" in versions.columns else "accuracy"
    parts = [_chosen(page, pillar, chosen, of), *_gaps(page, _rows(growth), chosen)]
    return Markup(" ").join([*parts, *_time(page, rows[0], chosen)])


def _rows(table: TableRecord | None) -> list[Record]:
    return [] if table is None else records(table)


def _chosen(page: Page, pillar: Pillar, chosen: Record | None, of: str) -> Markup:
    planned = next((one for one in page.report.plan.audits if one.name == pillar.name), None)
    settings = {} if planned is None else planned.defaults
    tolerance = numbers.limit(float(settings.get("tolerance", 0.0)))
    measure = page.words(f"lede.compression_of_{of}")
    if chosen is None:
        return page.words("lede.compression_none", tolerance=tolerance, measure=measure)
    return page.words(
        "lede.compression",
        version=page.said(string(chosen, "version"), 60),
        share=numbers.show(100 * (number(chosen, "size_share") or 0.0)).text,
        loss=_between(page, chosen, "loss"),
        tolerance=tolerance,
        measure=measure,
    )


def _gaps(page: Page, growth: list[Record], chosen: Record | None) -> list[Markup]:
    """Say where a gap surely grows; where none does, how much the data cannot rule out."""
    known = [row for row in growth if number(row, "growth_high") is not None]
    if not known:
        return []
    grown = [row for row in known if (number(row, "growth_low") or 0.0) > 0]
    worst = max(
        grown or known, key=lambda row: number(row, "growth_low" if grown else "growth_high") or 0.0
    )
    gap = {
        "metric": _gap_words(page, string(worst, "metric")),
        "attribute": name(string(worst, "attribute")),
        "version": page.said(string(worst, "version"), 60),
        "growth": _between(page, worst, "growth"),
        "most": numbers.show(number(worst, "growth_high") or 0.0).text,
    }
    if not grown:
        return [page.words("lede.compression_no_gap", **gap)]
    found = [page.words("lede.compression_gap", **gap)]
    if chosen is not None and string(chosen, "gap_grows"):
        columns = name(string(chosen, "gap_grows"))
        found.append(page.words("lede.compression_itself", attributes=columns))
    return found


def _time(page: Page, audited: Record, chosen: Record | None) -> list[Markup]:
    both = [number(row, "milliseconds") for row in (chosen or {}, audited)]
    after, before = (None if ms is None else numbers.show(ms / 1000, unit="s").text for ms in both)
    if after is None or before is None:
        return []
    return [page.words("lede.compression_time", after=after, before=before)]


def _gap_words(page: Page, metric: str) -> Markup:
    """A gap as it is called within a sentence, whether or not another audit measured it."""
    if page.metric(metric):
        return page.metric_title(metric, inside=True)
    return name(metric.replace("_", " "))


def _between(page: Page, row: Record, column: str) -> Markup:
    """A number of a row with its bounds, as a sentence writes it."""
    value, low, high = (number(row, f"{column}{end}") for end in ("", "_low", "_high"))
    shown = numbers.show(value or 0.0, low, high)
    return page.words("value.between", value=shown.text, low=shown.low, high=shown.high)
