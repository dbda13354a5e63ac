"""The sentences that open the sections on attribute inference, inversion and memorisation."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.report import MeasurementRecord, Scalar

#: p-value below which planted rows are said to be remembered.
REMEMBERED = 0.05
#: Mean exposure of rows that were not planted; unit: bits.
UNPLANTED = "1.44"


def attribute_inference(page: Page, pillar: Pillar) -> Markup:
    """Say where asking the model adds most, and whether it gives away who it was trained on."""
    asked, leaks = (_by_column(pillar, f"attribute_{which}") for which in ("advantage", "leak"))
    table = page.table(pillar.name, "attribute-attacks")
    rows = {} if table is None else {string(row, "attribute"): row for row in records(table)[::-1]}
    if not asked or not rows:
        return Markup("")
    most = max(asked, key=lambda column: asked[column].value or 0.0)
    first = page.words(
        "lede.attribute" if _low(asked[most]) > 0 else "lede.attribute_unsure",
        attribute=page.where(asked[most].slice),
        attack=_bounded(page, rows[most], "with_model"),
        baseline=_bounded(page, rows[most], "without_model"),
    )
    sure = {column: m for column, m in leaks.items() if m.interval and m.interval.low > 0}
    if not sure:
        return Markup(" ").join([first, page.words("lede.attribute_no_leak")])
    worst = max(sure.values(), key=_low)
    leak = page.words(
        "lede.attribute_leak", attribute=page.where(worst.slice), value=page.measured(worst)
    )
    return Markup(" ").join([first, leak])


def model_inversion(page: Page, pillar: Pillar) -> Markup:
    """Say what the model tells of people with an outcome, and whether more of its training rows."""
    by = {m.metric: m for m in pillar.measurements if m.value is not None and not m.slice}
    table = page.table(pillar.name, "inverted-outcomes")
    if "inversion_leak" not in by or table is None:
        return Markup("")
    together = records(table)[-1]
    shares = [numbers.show(number(together, f"share_{one}") or 0.0) for one in ("with", "without")]
    first = page.words(
        "lede.inversion" if _low(by["inversion_advantage"]) > 0 else "lede.inversion_unsure",
        attack=shares[0].text,
        baseline=shares[1].text,
    )
    leaks = [by["inversion_leak"], by["inversion_surest_leak"]]
    worst = max(leaks, key=_low)
    second = (
        page.words("lede.inversion_leak", value=page.measured(worst))
        if _low(worst) > 0
        else page.words("lede.inversion_no_leak", value=page.measured(leaks[0]))
    )
    return Markup(" ").join([first, second])


def memorisation(page: Page, pillar: Pillar) -> Markup:
    """Say whether rows with a rare value are known again, and how often a row must stand there."""
    parts = [
        page.words("lede.rare_known" if _low(m) > 0.5 else "lede.rare_none", value=page.measured(m))
        for m in pillar.measurements
        if m.metric == "rare_membership_auc" and m.value is not None
    ]
    table = page.table(pillar.name, "canaries")
    rows = [] if table is None else records(table)
    planted = [row for row in rows if (number(row, "planted_times") or 0) > 0]
    if planted:
        parts.append(_canaries(page, planted))
    return Markup(" ").join(parts)


def _canaries(page: Page, planted: list[dict[str, Scalar]]) -> Markup:
    """Rows come from the least often planted on."""

    def said(key: str, row: dict[str, Scalar]) -> Markup:
        times = numbers.count(round(number(row, "planted_times") or 0))
        value = _bounded(page, row, "exposure")
        return page.words(key, times=times, value=value, chance=UNPLANTED)

    for row in planted:
        p = number(row, "p_adjusted")
        if p is not None and p < REMEMBERED:
            once = number(row, "planted_times") == 1
            return said("lede.canaries_once" if once else "lede.canaries", row)
    return said("lede.canaries_none", planted[-1])


def _bounded(page: Page, row: dict[str, Scalar], column: str) -> Markup:
    """A number of a row with its bounds, as a sentence writes it."""
    value, low, high = (number(row, f"{column}{end}") for end in ("", "_low", "_high"))
    shown = numbers.show(value or 0.0, low, high)
    return page.words("value.between", value=shown.text, low=shown.low, high=shown.high)


def _by_column(pillar: Pillar, metric: str) -> dict[str, MeasurementRecord]:
    """Measurements of a metric over all groups of a column, by column."""
    return {
        column: m
        for m in pillar.measurements
        if m.metric == metric and m.value is not None
        for column, group in m.slice.items()
        if group == ALL_GROUPS
    }


def _low(measurement: MeasurementRecord) -> float:
    return measurement.interval.low if measurement.interval else 0.0
