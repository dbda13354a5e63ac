"""The sentences that open the section about changes made to deceive."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.page import Page, Pillar, number, records
from auditkit.render.text import name
from auditkit.report import Scalar


def attacks(page: Page, pillar: Pillar) -> Markup:
    """Say how many decisions change, what chance does, for whom, and whether to trust that."""
    known = {m.metric: m for m in pillar.measurements if not m.slice}
    share, accuracy = known.get("attack_flip_share"), known.get("adversarial_accuracy")
    if share is None:
        return Markup("")
    if share.value is None:
        said = page.told((share.reason or "").rstrip(" ."), 300)
        key = "lede.attacks_never" if share.n else "lede.attacks_none"
        return page.words(key, reason=said, n=share.n)
    table = page.table(pillar.name, "curve")
    rows = [] if table is None else records(table)
    is_text = table is not None and "substitution" in table.columns
    used = _used(page, pillar, "words_at" if is_text else "at")
    size = numbers.limit(round(100 * used, 6) if is_text else used)
    key = "lede.attacks_words" if is_text else "lede.attacks"
    parts = [page.words(key, size=size, value=page.measured(share), n=share.n)]
    if accuracy is not None and accuracy.value is not None:
        parts.append(page.words("lede.attacks_accuracy", value=page.measured(accuracy)))
    parts += [*_chance(page, rows, used), *_gap(page, pillar)]
    failed = known.get("attack_checks_failed")
    if failed is not None:
        parts.append(page.words("lede.attacks_unsound" if failed.value else "lede.attacks_sound"))
    return Markup(" ").join(parts)


def _used(page: Page, pillar: Pillar, setting: str) -> float:
    """The size in use."""
    planned = next((one for one in page.report.plan.audits if one.name == pillar.name), None)
    given = {} if planned is None else {**planned.defaults, **planned.settings}
    return float(given.get(setting, 0.0))


def _chance(page: Page, rows: list[dict[str, Scalar]], used: float) -> list[Markup]:
    row = next((row for row in rows if row.get("attack_size") == used), {})
    found = number(row, "chance")
    if found is None:
        return []
    return [page.words("lede.attacks_chance", value=numbers.show(found, unit="rate").text)]


def _gap(page: Page, pillar: Pillar) -> list[Markup]:
    """The column whose groups surely differ most."""
    sure = [
        m
        for m in pillar.measurements
        if m.metric == "attack_flip_difference"
        and ALL_GROUPS in m.slice.values()
        and m.interval is not None
        and m.interval.low > 0
    ]
    if not sure:
        return []
    most = max(sure, key=lambda m: m.interval.low if m.interval else 0.0)
    column = name(next(iter(most.slice)))
    return [page.words("lede.attacks_gap", column=column, value=page.measured(most))]
