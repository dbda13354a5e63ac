"""The sentences that open the sections about groups."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers, sentences
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.sentences import CROSS
from auditkit.render.text import join, name
from auditkit.report import Scalar

#: Gaps of which the surest opens fairness where there is no ratio, the first that was measured.
GAPS = ("mean_error_difference", "exact_match_difference", "accuracy_difference")
#: p-value below which the strata of a control are said to differ from each other.
UNEVEN = 0.05


def fairness(page: Page, pillar: Pillar) -> Markup:
    """Say which gap is the worst by the policy, or else the surest."""
    if page.report.subject.constant_decision:
        return page.words("lede.constant")
    if pillar.judged and pillar.judged[0].measurement is not None:
        return sentences.headline(page, pillar.judged[0])
    ratios = [m for m in pillar.measurements if m.metric == "demographic_parity_ratio"]
    surest = [(m.interval.high, m) for m in ratios if m.interval and len(m.slice) == 1]
    if not surest:
        return _surest_gap(page, pillar) or page.words("lede.count", n=len(pillar.measurements))
    return sentences.measured_sentence(page, min(surest, key=lambda pair: pair[0])[1])


def impact(page: Page, pillar: Pillar) -> Markup:
    """Say which column has the surest low ratio, and how many categories are surely low."""
    ratios = [m for m in pillar.measurements if m.metric == "lowest_impact_ratio"]
    surest = [(m.interval.high, m) for m in ratios if m.interval]
    if not surest:
        return Markup("")
    lowest = min(surest, key=lambda pair: pair[0])[1]
    tested = [row for table in pillar.tables for row in records(table)]
    below = sum(row.get("four_fifths") == "below 0.8 and significant" for row in tested)
    attribute = page.where(lowest.slice)
    first = page.words("lede.impact", attribute=attribute, value=page.measured(lowest))
    then = page.words("lede.impact_below", n=below) if below else page.words("lede.impact_none")
    return join([first, " ", then])


def _surest_gap(page: Page, pillar: Pillar) -> Markup:
    for metric in GAPS:
        found = [m for m in pillar.measurements if m.metric == metric and len(m.slice) == 1]
        surest = [(m.interval.low, m) for m in found if m.interval]
        if surest:
            return sentences.measured_sentence(page, max(surest, key=lambda pair: pair[0])[1])
    return Markup("")


def subgroups(page: Page, pillar: Pillar) -> Markup:
    """Name the subgroup whose difference is surely largest, and the surest weak slice."""
    parts = (_subgroup(page, pillar), _weak_slice(page, pillar))
    return Markup(" ").join(part for part in parts if part)


def _weak_slice(page: Page, pillar: Pillar) -> Markup:
    table = page.table(pillar.name, "weak-slices")
    rows = [] if table is None else records(table)
    sure = [row for row in rows if row.get("established") is True]
    if not sure:
        return page.words("lede.weak_slice_none", n=len(rows)) if rows else Markup("")
    gaps = [m.metric for m in pillar.measurements if m.metric.startswith("weak_slice_")]
    measure = gaps[0].removeprefix("weak_slice_").removesuffix("_gap") if gaps else ""
    return page.words(
        "lede.weak_slice",
        slice=name(string(sure[0], "slice"), 200),
        metric=_inside(page, measure),
        rate=numbers.show(number(sure[0], "rate") or 0.0).text,
        rest=numbers.show(number(sure[0], "rest") or 0.0).text,
        n=round(number(sure[0], "n") or 0.0),
    )


def _subgroup(page: Page, pillar: Pillar) -> Markup:
    """Name the subgroup whose difference is surely largest, or say that none surely differs."""
    table = page.table(pillar.name, "subgroups")
    rows = [] if table is None else records(table)
    if not rows:
        return Markup("")
    sure = [row for row in rows if row.get("established") is True]
    if not sure:
        return page.words("lede.subgroups_none", n=len(rows))
    worst = max(sure, key=_surely)
    difference, low, high = (number(worst, c) or 0.0 for c in ("difference", "low", "high"))
    ends = sorted([abs(low), abs(high)])
    shown = numbers.show(abs(difference), *ends)
    n = number(worst, "n")
    return page.words(
        "lede.subgroups_lower" if difference < 0 else "lede.subgroups_higher",
        subgroup=name(string(worst, "subgroup"), 200),
        metric=_inside(page, string(worst, "metric")),
        difference=shown.text,
        low=numbers.show(ends[0], beside=ends[1]).text,
        high=numbers.show(ends[1]).text,
        n=0 if n is None else round(n),
    )


def _inside(page: Page, metric: str) -> Markup:
    """A rate as it is called within a sentence."""
    key = f"rate.{metric}"
    return page.words(key) if page.words.has(key) else page.metric_title(metric, inside=True)


def _surely(row: dict[str, Scalar]) -> float:
    """How far a difference surely is from 0."""
    low, high = number(row, "low") or 0.0, number(row, "high") or 0.0
    return max(low, -high)


def proxies(page: Page, pillar: Pillar) -> Markup:
    """Name the feature that gives a group away most, of all columns."""
    table = page.table(pillar.name, "proxies")
    rows = [] if table is None else records(table)
    named = [row for row in rows if string(row, "role") == "proxy"]
    if not named:
        return page.words("lede.proxies_none") if rows else Markup("")
    most = max(named, key=lambda row: number(row, "auc") or 0.0)
    return page.words(
        "lede.proxies",
        feature=name(string(most, "feature")),
        attribute=name(string(most, "attribute")),
        value=numbers.show(
            *(number(most, c) or 0.0 for c in ("auc", "low", "high")), unit="rate"
        ).text,
    )


def scores(page: Page, pillar: Pillar) -> Markup:
    """Name the two groups that are surely ranked, and promised, most unlike each other."""
    table = page.table(pillar.name, "pairs")
    rows = [] if table is None else records(table)
    parts = []
    for metric, key, none in (
        ("roc_auc", "lede.scores_ranked", "lede.scores_ranked_none"),
        ("calibration_in_the_large", "lede.scores_promise", "lede.scores_promise_none"),
    ):
        sure = [r for r in rows if string(r, "metric") == metric and r.get("established") is True]
        gaps = [m.interval for m in pillar.measurements if m.metric == f"{metric}_difference"]
        if sure:  # a column alone is easier to grasp than several crossed
            most = max(sure, key=lambda row: (CROSS not in string(row, "attribute"), _surely(row)))
            parts.append(page.words(key, **_apart(pillar, most)))
        elif any(gaps) and all(held is None or held.low <= 0 for held in gaps):
            parts.append(page.words(none))
    return Markup(" ").join(parts)


def _apart(pillar: Pillar, row: dict[str, Scalar]) -> dict[str, Markup | str]:
    """Two groups, what they are apart, and the number of each."""
    difference, low, high = (number(row, c) or 0.0 for c in ("difference", "low", "high"))
    attribute, metric = string(row, "attribute"), string(row, "metric")
    found: dict[str, Markup | str] = {"attribute": name(attribute)}
    values = {
        CROSS.join(m.slice.values()): m.value or 0.0
        for m in pillar.measurements
        if m.metric == metric and CROSS.join(m.slice) == attribute
    }
    for end in ("a", "b"):
        group = string(row, end)
        found[end] = name(group)
        found[f"{end}_value"] = numbers.show(values.get(group, 0.0), unit="rate").text
    return found | {
        "difference": numbers.show(difference, low, high).text,
        "low": numbers.show(low, beside=high).text,
        "high": numbers.show(high).text,
    }


def conditional(page: Page, pillar: Pillar) -> Markup:
    """Say which gap turns round, or how many remain, and what a control may hide."""
    table = page.table(pillar.name, "conditional")
    rows = [] if table is None else records(table)
    rows = [row for row in rows if string(row, "metric") == "selection_rate"]
    if not rows:
        return Markup("")
    found = [row for row in rows if (number(row, "raw_low") or 0.0) > 0]
    turned = [row for row in found if string(row, "outcome") == "reversed"]
    parts = [page.words("lede.conditional_none")]
    if turned:
        surest = min(turned, key=lambda row: number(row, "within_high") or 0.0)
        parts = [page.words("lede.conditional_reversed", **_both(page, surest))]
    elif found:
        remain = sum(string(row, "outcome") == "remains" for row in found)
        most = max(found, key=_changed)
        parts = [
            page.words("lede.conditional", n=len(found), found=remain),
            page.words("lede.conditional_most", **_both(page, most)),
        ]
        same = number(most, "p_same")
        if same is not None and same < UNEVEN:
            control = name(string(most, "control"))
            parts.append(page.words("lede.conditional_uneven", control=control))
    return Markup(" ").join([*parts, page.words("lede.conditional_caution")])


def _both(page: Page, row: dict[str, Scalar]) -> dict[str, Markup | str]:
    """Two groups and what they are apart, over all rows and among people alike."""
    raw, within = number(row, "raw") or 0.0, number(row, "within") or 0.0
    turned = string(row, "outcome") == "reversed"
    ends = [number(row, "within_low") or 0.0, number(row, "within_high") or 0.0]
    low, high = sorted(-end for end in ends) if turned else ends
    bounds = {"low": numbers.show(low, beside=high).text, "high": numbers.show(high).text}
    size = numbers.show(-within if turned else within, low, high).text
    return {
        **{column: name(string(row, column)) for column in ("a", "b", "control")},
        "raw": numbers.show(raw).text,
        "within": page.words("value.between", value=size, **bounds),
    }


def _changed(row: dict[str, Scalar]) -> float:
    return abs((number(row, "raw") or 0.0) - (number(row, "within") or 0.0))
