"""The sentence that opens the section of speed and size."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render.page import Page, Pillar, number, records
from auditkit.render.text import join
from auditkit.report import MeasurementRecord

#: Percentiles, the highest first, and of how many calls in 100 they speak.
SLOW = (("prediction_latency_p99", 99), ("prediction_latency_p95", 95))
#: A drift within this is not worth a sentence, either way.
STEADY = 1.1


def serving(page: Page, pillar: Pillar) -> Markup:
    """Say how long a call takes, how long the slow ones, and how many rows a second there are."""
    whole = {m.metric: m for m in pillar.measurements if not m.slice and m.value is not None}
    median = whole.get("prediction_latency")
    if median is None:
        return Markup("")
    parts = [page.words("lede.serving", value=page.measured(median))]
    slow = next(((whole[metric], calls) for metric, calls in SLOW if metric in whole), None)
    if slow is not None:
        value, calls = page.measured(slow[0]), slow[1]
        parts.append(page.words("lede.serving_slow", calls=calls, value=value))
    sentences = [join([page.words.listing(parts), page.words("list.stop")])]
    table, throughput = page.table(pillar.name, "throughput"), whole.get("prediction_throughput")
    sizes = [number(row, "batch") for row in records(table)] if table else []
    if throughput is not None and sizes and sizes[-1] is not None:
        value = page.measured(throughput)
        sentences.append(page.words("lede.serving_batch", batch=round(sizes[-1]), value=value))
    drift = whole.get("latency_drift")
    if drift is not None and _drifts(drift):
        sentences.append(page.words("lede.serving_drift", value=page.measured(drift)))
    return Markup(" ").join(sentences)


def _drifts(drift: MeasurementRecord) -> bool:
    """Whether the calls surely became slower or faster, by a tenth at least."""
    interval = drift.interval
    return interval is not None and (interval.low > STEADY or interval.high < 1 / STEADY)
