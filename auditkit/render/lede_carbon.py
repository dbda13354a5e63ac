"""The plain sentences about carbon in the section about energy."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render.page import Page, Pillar, records, string

#: Years after which the figure for a grid is called old.
OLD = 2


def carbon(page: Page, pillar: Pillar) -> Markup:
    """Say what training emitted on the named grid, or that none was named."""
    found = {m.metric: m for m in pillar.measurements if m.value is not None}
    table = page.table(pillar.name, "sci")
    emitted = found.get("training_carbon") or found.get("carbon_per_1000_predictions")
    if table is None:
        elsewhere = page.table(pillar.name, "other-grids")
        return Markup("") if elsewhere is None else page.words("lede.no_region")
    if emitted is None:
        return Markup("")
    told = page.words(
        "lede.carbon",
        what=page.metric_title(emitted.metric),
        value=page.measured(emitted),
        grid=page.words.said(string(records(table)[0], "grid"), 80),
    )
    age = found.get("grid_carbon_intensity_age")
    if age is None or (age.value or 0.0) <= OLD:
        return told
    return Markup(" ").join((told, page.words("lede.carbon_old", n=round(age.value or 0.0))))
