"""The plain sentences that open the section about more data and larger models."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pillar
from auditkit.report import MeasurementRecord


def scaling(page: Page, pillar: Pillar) -> Markup:
    """Say what the least of the forecasts holds for cost and error."""
    cost = _first(pillar, "forecast_training_cpu_seconds")
    if cost is None or cost.value is None:
        return Markup("")
    ends = (cost.interval.low, cost.interval.high) if cost.interval else (None, None)
    shown = numbers.show(cost.value, *ends, unit=cost.unit)
    said = page.words(
        "lede.scaling",
        rows=page.said(cost.slice["rows"]),
        value=shown.text,
        interval=f" {shown.interval}" if shown.interval else "",
        points=cost.n,
    )
    return Markup(" ").join(part for part in (said, _error(page, pillar)) if part)


def _error(page: Page, pillar: Pillar) -> Markup:
    error = _first(pillar, "forecast_error_ratio")
    if error is None or error.value is None:
        return Markup("")
    interval = error.interval
    if interval is None or interval.low <= 1 <= interval.high:
        return page.words("lede.scaling_unsure")
    ratio = numbers.show(error.value, interval.low, interval.high)
    return page.words("lede.scaling_error", ratio=ratio.text, interval=ratio.interval)


def _first(pillar: Pillar, metric: str) -> MeasurementRecord | None:
    """The forecast for the fewest rows, which stands first."""
    return next((m for m in pillar.measurements if m.metric == metric and m.slice), None)
