"""What opens the sections of effect curves and of the rules that imitate the model."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts_effects import asked_words, by_feature, tell
from auditkit.render.page import Page, Pillar, records
from auditkit.render.text import name

#: Fidelity, or share of the spread, below which rules are called little.
LITTLE = 0.8


def effects(page: Page, pillar: Pillar) -> Markup:
    """Name the feature with the widest effect, and the pair that depends most on each other."""
    table = page.table(pillar.name, "curves")
    told = [] if table is None else [tell(page, *held) for held in by_feature(table).items()]
    if not told:
        return _no_curve(page, pillar)
    widest = max(told, key=lambda one: one.reach)
    first = page.words(
        "lede.effects" if widest.is_number else "lede.effects_category",
        asked=asked_words(page),
        feature=name(widest.feature),
        sentence=widest.sentence,
    )
    return Markup(" ").join([first, _interaction(page, pillar)])


def _no_curve(page: Page, pillar: Pillar) -> Markup:
    reasons = dict.fromkeys(m.reason for m in pillar.measurements if m.metric == "effect_range")
    if not reasons:
        return Markup("")
    listed = "; ".join(reason for reason in reasons if reason)
    return page.words("lede.effects_undefined", reason=page.told(listed, 300))


def _interaction(page: Page, pillar: Pillar) -> Markup:
    known = [m for m in pillar.measurements if m.metric == "interaction_size" and m.interval]
    sure = [m for m in known if m.interval is not None and m.interval.low > 0]
    if not sure:
        return page.words("lede.interaction_none") if known else Markup("")
    most = max(sure, key=lambda m: m.value or 0.0)
    pair = {key: name(most.slice[column]) for key, column in (("a", "feature"), ("b", "with"))}
    return page.words("lede.interaction", value=page.measured(most), **pair)


def surrogate(page: Page, pillar: Pillar) -> Markup:
    """Say how close the rules come, what no rule would reach, and for whom they fail."""
    table = page.table(pillar.name, "rules")
    known = {m.metric: m for m in pillar.measurements if m.value is not None and not m.slice}
    n = sum(row.get("is_leaf") is True for row in records(table)) if table is not None else 0
    r2, fidelity = known.get("surrogate_r2_score"), known.get("surrogate_fidelity")
    if r2 is not None and r2.value is not None:
        parts = [page.words("lede.surrogate_r2", n=n, value=page.measured(r2))]
        parts += [page.words("lede.surrogate_low")] if r2.value < LITTLE else []
        return Markup(" ").join(parts)
    constant, gain = known.get("surrogate_constant_fidelity"), known.get("surrogate_gain")
    if fidelity is None or fidelity.value is None or constant is None or gain is None:
        return Markup("")
    held = {"fidelity": page.measured(fidelity), "constant": page.measured(constant)}
    missed = numbers.show(1 - fidelity.value, unit="rate").text
    parts = [page.words("lede.surrogate", n=n, **held)]
    if gain.interval is None or gain.interval.low <= 0:
        return Markup(" ").join([*parts, page.words("lede.surrogate_useless")])
    parts.append(page.words("lede.surrogate_rough", missed=missed))
    if fidelity.value < LITTLE:
        parts.append(page.words("lede.surrogate_low"))
    return Markup(" ").join([*parts, *_less_well(page, pillar)])


def _less_well(page: Page, pillar: Pillar) -> list[Markup]:
    """Name the column between whose groups fidelity surely differs most."""
    gaps = [m for m in pillar.measurements if m.metric == "surrogate_fidelity_difference"]
    sure = [(m.interval.low, m) for m in gaps if m.interval is not None and m.interval.low > 0]
    if not sure:
        return []
    most = max(sure, key=lambda pair: pair[0])[1]
    value = page.measured(most)
    return [page.words("lede.surrogate_group", attribute=page.where(most.slice), value=value)]
