"""The sentences that open the section on calibration and abstention."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.text import name
from auditkit.report import MeasurementRecord, Scalar

#: Adjusted p-values below this say that scores are off.
SURE = 0.05

Record = dict[str, Scalar]


def calibration(page: Page, pillar: Pillar) -> Markup:
    """Say whether scores come true, whether a map would help, and what abstention would do."""
    parts = [*_tests(page, pillar), *_maps(page, pillar), *_abstention(page, pillar)]
    return Markup(" ").join(parts)


def _of(pillar: Pillar, metric: str) -> MeasurementRecord | None:
    """The number of all rows, where it was measured."""
    whole = (m for m in pillar.measurements if m.metric == metric and not m.slice)
    return next((m for m in whole if m.value is not None), None)


def _rows(page: Page, pillar: Pillar, table: str) -> list[Record]:
    found = page.table(pillar.name, table)
    return [] if found is None else records(found)


def _tests(page: Page, pillar: Pillar) -> Iterator[Markup]:
    p, error = _of(pillar, "miscalibration_p_value"), _of(pillar, "miscalibration_error")
    if p is None or error is None:
        return
    shown = {"p": numbers.show(p.value or 0.0).text, "error": page.measured(error)}
    yield page.words(
        "lede.calibration_off" if (p.value or 0.0) < SURE else "lede.calibration", **shown
    )
    known = [r for r in _rows(page, pillar, "groups") if number(r, "p_adjusted") is not None]
    off = [row for row in known if (number(row, "p_adjusted") or 0.0) < SURE]
    if off:
        yield page.words("lede.calibration_groups", n=len(off), of=len(known), **_named(off[0]))


def _named(row: Record) -> dict[str, Markup]:
    return {"group": name(string(row, "group")), "attribute": name(string(row, "attribute"))}


def _maps(page: Page, pillar: Pillar) -> Iterator[Markup]:
    rows = _rows(page, pillar, "recalibration")
    known = [row for row in rows if number(row, "brier_change") is not None]
    helping = [row for row in known if row.get("helps") is True]
    if helping:
        best = min(helping, key=lambda row: number(row, "brier_change") or 0.0)
        version = string(best, "version")
        yield page.words("lede.recalibration", version=page.said(version, 60))
        yield from _wider(page, pillar, version)
    elif known:
        yield page.words("lede.recalibration_none")


def _wider(page: Page, pillar: Pillar, version: str) -> Iterator[Markup]:
    """Say that a map which helps widens a gap, where it surely does."""
    changes = (m for m in pillar.measurements if m.metric == "recalibrated_gap_change")
    for m in changes:
        surely = m.interval is not None and m.interval.low > 0
        if surely and m.slice.get("with") == version:
            yield page.words("lede.recalibration_wider", change=page.measured(m))


def _abstention(page: Page, pillar: Pillar) -> Iterator[Markup]:
    target = _of(pillar, "abstention_target_risk")
    coverage, risk = _of(pillar, "coverage_at_target_risk"), _of(pillar, "abstention_risk")
    if target is None:
        return
    goal = numbers.show(target.value or 0.0, unit="rate").text
    if coverage is None or risk is None:
        yield page.words("lede.abstention_none", target=goal)
        return
    decided = numbers.show(coverage.value or 0.0, unit="rate").text
    yield page.words("lede.abstention", share=decided, target=goal)
    rows = _rows(page, pillar, "groups")
    yield from _unlike(page, pillar, rows)
    worse = [row for row in rows if (number(row, "low") or 0.0) > 0]
    if worse:
        yield page.words("lede.abstention_worse", **_named(worse[0]))


def _unlike(page: Page, pillar: Pillar, rows: list[Record]) -> Iterator[Markup]:
    """Say which groups are left to a person most and least, where that is more than chance."""
    gaps = {
        column: m.value
        for m in pillar.measurements
        if m.metric == "abstention_share_difference" and m.interval and m.interval.low > 0
        for column, group in m.slice.items()
        if group == ALL_GROUPS and m.value is not None
    }
    if not gaps:
        return
    widest = max(gaps, key=lambda column: gaps[column])
    own = [row for row in rows if row.get("attribute") == widest]
    own = [row for row in own if number(row, "left_to_person") is not None]
    own.sort(key=lambda row: number(row, "left_to_person") or 0.0)
    if len(own) < 2:
        return
    least, most = own[0], own[-1]
    shares = [
        numbers.show(number(row, "left_to_person") or 0.0, unit="rate").text
        for row in (least, most)
    ]
    yield page.words(
        "lede.abstention_unlike",
        attribute=name(widest),
        most=name(string(most, "group")),
        most_share=shares[1],
        least=name(string(least, "group")),
        least_share=shares[0],
    )
