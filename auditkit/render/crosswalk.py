"""What texts of law and standards ask for, beside the evidence of this audit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup

from auditkit.regimes.crosswalk import (
    POLICY,
    STATUSES,
    Regime,
    Standing,
    Status,
    regimes,
    standings,
)
from auditkit.render.page import Page, State
from auditkit.render.text import el, join, name
from auditkit.render.verdicts import CLASS, glyph

#: Shape and colour of a status; a row that a person has to judge looks undecided.
LOOKS: dict[Status, State] = {
    "adverse": "fail",
    "not_measured": "not_measured",
    "person": "inconclusive",
    "evidence": "not_judged",
    "not_applicable": "not_applicable",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a text.

    Attributes:
        id: Clause, with a mark where nobody checked it against the text.
        gist: What it asks for.
        status: What may be said of it.
        evidence: Where the evidence stands, and what is against.
    """

    id: Markup
    gist: Markup
    status: Markup
    evidence: Markup


@dataclass(frozen=True, slots=True)
class Text:
    """A text of law or a standard, with its rows.

    Attributes:
        title: What it is called.
        about: Version, whom it binds, and whether somebody has said that it applies.
        counts: How many rows have which status.
        lines: Its rows.
        is_open: Whether its rows stand in the open.
    """

    title: Markup
    about: Markup
    counts: Markup
    lines: tuple[Line, ...]
    is_open: bool


def texts(page: Page) -> list[Text]:
    """Every text, those that are declared to apply first."""
    by_regime: dict[str, list[Standing]] = {}
    for standing in standings(page.report):
        by_regime.setdefault(standing.row.regime, []).append(standing)
    found = [(_declared(page, key), key) for key in by_regime]
    order = {True: 0, None: 1, False: 2}
    found.sort(key=lambda pair: order[pair[0]])
    return [_text(page, regimes()[key], by_regime[key], applies) for applies, key in found]


def _declared(page: Page, regime: str) -> bool | None:
    context = page.report.context
    answer = context.regimes.get(regime) if context else None
    return answer if answer is None or answer is True else False


def _text(page: Page, regime: Regime, found: list[Standing], applies: bool | None) -> Text:  # noqa: FBT001 - three answers, not a switch
    words = {True: "crosswalk.applies", False: "crosswalk.applies_not", None: "crosswalk.unsaid"}
    about = [page.told(regime.text_version), page.told(regime.applies), page.words(words[applies])]
    return Text(
        title=page.told(regime.title),
        about=Markup(" ").join(_ended(part) for part in about),
        counts=_counts(page, found),
        lines=tuple(map(partial(_line, page), found)),
        is_open=applies is True,
    )


def _ended(part: Markup) -> Markup:
    """A part that ends as a sentence does."""
    stops = (".", "\N{IDEOGRAPHIC FULL STOP}")
    return part if part.striptags().endswith(stops) else join([part, "."])


def _counts(page: Page, found: list[Standing]) -> Markup:
    counts = Counter(standing.status for standing in found)
    parts = [page.words(f"crosswalk.n_{s}", n=counts[s]) for s in STATUSES if counts[s]]
    return page.words.listing(parts)


def _line(page: Page, standing: Standing) -> Line:
    row = standing.row
    mark = page.words("crosswalk.mark") if not row.verified else Markup("")
    gist = [page.told(row.gist)]
    if row.only:
        gist.append(page.words("crosswalk.only", kind=page.words(f"crosswalk.kind_{row.only}")))
    if row.note:
        gist.append(page.told(row.note))
    return Line(
        join([name(row.id, 60), mark]),
        Markup(" ").join(gist),
        _status(page, standing),
        _evidence(page, standing),
    )


def _status(page: Page, standing: Standing) -> Markup:
    state = LOOKS[standing.status]
    text = join([glyph(state), page.words(f"crosswalk.{standing.status}")])
    shown = el("span", text, cls=f"vd {CLASS[state]}")
    return join([shown, " ", name(standing.why, 120)]) if standing.why else shown


def _evidence(page: Page, standing: Standing) -> Markup:
    anchors = {pillar.name: pillar.anchor for pillar in page.pillars}
    links = [
        el("a", page.pillar_title(audit), href=f"#{anchors[audit]}")
        if audit in anchors
        else el("a", page.words(f"crosswalk.{audit}"), href=f"#{_place(audit)}")
        for audit in standing.evidence
    ]
    shown = Markup(", ").join(links)
    if not standing.adverse:
        return shown
    findings = {judged.finding.id: judged.anchor for judged in page.judged}
    against = [
        el("a", name(finding, 24), href=f"#{findings[finding]}")
        for finding in standing.adverse
        if finding in findings
    ]
    return join([shown, " ", page.words("crosswalk.against", findings=Markup(", ").join(against))])


def _place(evidence: str) -> str:
    """Where the policy and the record itself stand in the page."""
    return "policy" if evidence == POLICY else "reproducibility"
