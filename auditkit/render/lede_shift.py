"""The sentences that open the section on whether the data have moved."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render.page import Page, Pillar
from auditkit.render.text import name
from auditkit.report import MeasurementRecord

#: What the audit calls the tables that the assessed rows are held against.
TABLES = {"training rows": "training", "newer rows": "newer"}
#: What can be said of either: nothing is known, no column moved, some did.
ENDS = ("unknown", "none", "some")


def shift(page: Page, pillar: Pillar) -> Markup:
    """Say of each table how many columns have moved, which one most, and what it does."""
    by = {(m.metric, m.slice.get("with", "")): m for m in pillar.measurements}
    parts = [
        part
        for table, key in TABLES.items()
        for part in _moved(page, by, table, f"lede.shift_{key}")
    ]
    return Markup(" ").join([*parts, *_effect(page, by)])


def _moved(
    page: Page, by: dict[tuple[str, str], MeasurementRecord], table: str, key: str
) -> list[Markup]:
    count, most, apart = (
        by.get((metric, table))
        for metric in ("shifted_columns", "shift_largest_distance", "shift_classifier_auc")
    )
    if count is None:
        return []
    if count.value is None or most is None or most.value is None:
        return [page.words(f"{key}_unknown")]
    column = most.source.split("'")[1] if most.source.startswith("column '") else ""
    facts = {"column": name(column), "distance": page.measured(most)}
    if not count.value:
        said = page.words(f"{key}_none", **facts)
    else:
        said = page.words(f"{key}_some", n=int(count.value), **facts)
    if apart is None or apart.value is None:
        return [said]
    return [said, page.words("lede.shift_apart", area=page.measured(apart))]


def _effect(page: Page, by: dict[tuple[str, str], MeasurementRecord]) -> list[Markup]:
    """What becomes of accuracy, or of the error, in the newer rows."""
    for metric in ("shifted_accuracy", "shifted_absolute_error"):
        guess, real = by.get((f"{metric}_estimate", "")), by.get((metric, ""))
        if guess is None or guess.value is None:
            continue
        facts = {"metric": page.metric_title(metric), "estimate": page.measured(guess)}
        if real is None or real.value is None:
            return [page.words("lede.shift_estimate", **facts)]
        return [page.words("lede.shift_both", measured=page.measured(real), **facts)]
    return []
