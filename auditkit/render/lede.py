"""The plain sentence that opens the section of a pillar, made from its own numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import lede_data, numbers, sentences
from auditkit.render.charts_rows import OTHER_WORDS
from auditkit.render.lede_changes import changes
from auditkit.render.lede_epsilon import epsilon_bounds
from auditkit.render.lede_imitation import effects, surrogate
from auditkit.render.lede_privacy import privacy_frontier
from auditkit.render.lede_reasons import reason_codes
from auditkit.render.lede_trust import trust
from auditkit.render.page import Page, Pillar, number, records, string
from auditkit.render.sentences import CROSS
from auditkit.render.text import join, name
from auditkit.report import VERDICTS, MeasurementRecord, Scalar, TableRecord, Verdict

#: The metrics that say most about a pillar, in order; the first two that were measured open it.
HEADLINES = {
    "performance": (
        *("roc_auc", "auc", "macro_roc_auc", "balanced_accuracy", "accuracy"),
        *("mean_absolute_error", "r2_score", "exact_match", "token_error_rate"),
    ),
    "privacy": ("membership_auc", "private_epsilon", "epsilon"),
    "energy": ("training_energy", "energy_per_1000_predictions", "training_cpu_seconds"),
}
#: What opens individual fairness: over all rows, and of changing a sensitive column alone.
WHOLE = (
    *("consistency", "neighbor_prediction_distance"),
    *("term_flip_rate", "term_prediction_change"),
)
ALONE = ("flip_rate", "flip_prediction_change")
HOUR = 3600.0
#: Gaps of which the surest opens fairness where there is no ratio, the first that was measured.
GAPS = ("mean_error_difference", "exact_match_difference", "accuracy_difference")
#: p-value below which the strata of a control are said to differ from each other.
UNEVEN = 0.05
#: How the audit found the target to be reached, to what is said of it.
TAKES = {
    "already within the target": "lede.mitigation_within",
    "cheapest within the target": "lede.mitigation",
}
#: Joules from which watt-hours say something.
LEAST_JOULES = 360.0


def lede(page: Page, pillar: Pillar) -> Markup:
    """Say in one or two sentences what a pillar shows, and how it was judged."""
    absent = _absent(page, pillar)
    if absent:
        return absent
    return Markup(" ").join(part for part in (shows(page, pillar), judged(page, pillar)) if part)


def _absent(page: Page, pillar: Pillar) -> Markup:
    if pillar.audit is None and not pillar.measurements:
        return page.words("lede.not_run")
    if pillar.audit is not None and pillar.audit.status == "skipped":
        return page.words("lede.skipped", reason=_reason(pillar))
    if pillar.audit is not None and pillar.audit.status == "error":
        return page.words("lede.error", reason=_reason(pillar), n=len(pillar.measurements))
    return Markup("")


def _reason(pillar: Pillar) -> Markup:
    text = (pillar.audit.reason if pillar.audit else None) or ""
    return name(text.rstrip(" ."), 400)


def shows(page: Page, pillar: Pillar) -> Markup:
    """Say what a pillar shows, whatever was judged."""
    own = OPENINGS.get(pillar.name)
    return (own(page, pillar) if own else Markup("")) or _headlines(page, pillar)


def _fairness(page: Page, pillar: Pillar) -> Markup:
    if page.report.subject.constant_decision:
        return page.words("lede.constant")
    if pillar.judged and pillar.judged[0].measurement is not None:
        return sentences.headline(page, pillar.judged[0])
    ratios = [m for m in pillar.measurements if m.metric == "demographic_parity_ratio"]
    surest = [(m.interval.high, m) for m in ratios if m.interval and len(m.slice) == 1]
    if not surest:
        return _surest_gap(page, pillar) or page.words("lede.count", n=len(pillar.measurements))
    return sentences.measured_sentence(page, min(surest, key=lambda pair: pair[0])[1])


def _impact(page: Page, pillar: Pillar) -> Markup:
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


def _explainability(page: Page, pillar: Pillar) -> Markup:
    table = page.table(pillar.name, "importance")
    rows = [] if table is None else records(table)
    rows = [row for row in rows if number(row, "mean_abs") is not None]
    named = [row for row in rows if string(row, "feature") != OTHER_WORDS]
    key = "lede.explainability" if len(named) == len(rows) else "lede.words"
    rows = named
    rows.sort(key=lambda row: -(number(row, "mean_abs") or 0.0))
    if len(rows) < 2:
        return Markup("")
    sizes = [numbers.show(number(row, "mean_abs") or 0.0).text for row in rows[:2]]
    return page.words(
        key,
        first=name(string(rows[0], "feature")),
        first_size=sizes[0],
        second=name(string(rows[1], "feature")),
        second_size=sizes[1],
        last=name(string(rows[-1], "feature")),
    )


def _subgroups(page: Page, pillar: Pillar) -> Markup:
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


def _proxies(page: Page, pillar: Pillar) -> Markup:
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


def _scores(page: Page, pillar: Pillar) -> Markup:
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


def _conditional(page: Page, pillar: Pillar) -> Markup:
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


def _individual(page: Page, pillar: Pillar) -> Markup:
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


def _mitigation(page: Page, pillar: Pillar) -> Markup:
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
            variant=name(variant),
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


def _headlines(page: Page, pillar: Pillar) -> Markup:
    chosen = _chosen(pillar)
    if not chosen:
        return page.words("lede.count", n=len(pillar.measurements))
    parts = [
        page.words(
            "lede.measure",
            metric=page.metric_title(m.metric, inside=place > 0),
            value=_with_hours(page, m),
        )
        for place, m in enumerate(chosen)
    ]
    shares = all(m.unit in numbers.SHARES for m in chosen)
    end = page.words("lede.over", n=chosen[0].n) if shares else "."
    return join([page.words.listing(parts), end])


def _chosen(pillar: Pillar) -> list[MeasurementRecord]:
    whole = [m for m in pillar.measurements if not m.slice and m.value is not None]
    wanted = HEADLINES.get(pillar.name, ())
    named = [m for metric in wanted for m in whole if m.metric == metric]
    return (named or whole)[:2]


def _with_hours(page: Page, measurement: MeasurementRecord) -> Markup:
    """Joules also in watt-hours, which people know from their bills."""
    text = page.measured(measurement)
    joules = measurement.value or 0.0
    if measurement.unit != "J" or joules < LEAST_JOULES:
        return text
    hours = numbers.show(joules / HOUR, unit="Wh").text
    return page.words("lede.hours", value=text, hours=hours)


def judged(page: Page, pillar: Pillar) -> Markup:
    """Say how many findings of a pillar have which verdict."""
    if not pillar.judged:
        key = "lede.no_policy" if page.report.policy is None else "lede.not_judged"
        return page.words(key)
    counts = Counter(one.verdict for one in pillar.judged)
    total = len(pillar.judged)
    if counts["pass"] == total:
        return page.words("lede.all_pass", n=total)
    return page.words("lede.verdicts", n=total, counts=tally_words(page, counts))


def tally_words(page: Page, counts: Counter[Verdict]) -> Markup:
    """Write counts of verdicts as a list: "2 fail and 1 passes"."""
    states = [state for state in VERDICTS if counts[state]]
    return page.words.listing([page.words(f"tally.{state}", n=counts[state]) for state in states])


def titles(page: Page, pillars: Sequence[Pillar]) -> Markup:
    """Name several pillars in a sentence."""
    return page.words.listing([page.pillar_title(pillar.name) for pillar in pillars])


#: Pillar to what opens its section; where it has nothing to say, the headlines do.
OPENINGS: dict[str, Callable[[Page, Pillar], Markup]] = {
    "fairness": _fairness,
    "adverse-impact": _impact,
    "subgroups": _subgroups,
    "proxies": _proxies,
    "scores-by-group": _scores,
    "conditional": _conditional,
    "individual": _individual,
    "mitigation": _mitigation,
    "explainability": _explainability,
    "effects": effects,
    "surrogate": surrogate,
    "counterfactuals": changes,
    "reason-codes": reason_codes,
    "explanation-quality": trust,
    "privacy-frontier": privacy_frontier,
    "epsilon-bound": epsilon_bounds,
    "personal-data": lede_data.personal_data,
    "anonymity": lede_data.anonymity,
}
