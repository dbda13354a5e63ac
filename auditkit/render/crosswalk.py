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


#: Links to evidence that a row holds at most.
LINKS = 3
#: Rows that are written out even if nobody has said that their text applies.
URGENT: tuple[Status, ...] = ("adverse", "not_measured")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a text.

    Attributes:
        id: Clause, with a mark where nobody checked it against the text.
        gist: What it asks for.
        evidence: Where the evidence stands, what is against, and why there is none.
    """

    id: Markup
    gist: Markup
    evidence: Markup


@dataclass(frozen=True, slots=True)
class Text:
    """A text of law or a standard, with its rows.

    Attributes:
        title: What it is called.
        about: Version, whom it binds, and whether somebody has said that it applies.
        counts: How many rows have which status.
        blocks: Its rows by what may be said of them, each status with shape and word.
        settled: Clauses of a text that nobody declared to apply, but for those not measured
            or with evidence against.
        is_open: Whether its rows stand in the open.
    """

    title: Markup
    about: Markup
    counts: Markup
    blocks: tuple[tuple[Markup, tuple[Line, ...]], ...]
    settled: Markup
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
    settled = [s for s in found if s.status not in URGENT and not applies]
    why = dict.fromkeys(s.why for s in found if s.why and s.status == "not_applicable")
    words = {True: "crosswalk.applies", False: "crosswalk.applies_not", None: "crosswalk.unsaid"}
    about = [page.told(regime.text_version), page.told(regime.applies), page.words(words[applies])]
    about += [page.said(one, 120) for one in why]
    return Text(
        title=page.told(regime.title),
        about=Markup(" ").join(_ended(page, part) for part in about),
        counts=_counts(page, found),
        blocks=_blocks(page, [s for s in found if s not in settled]),
        settled=_clauses(page, settled),
        is_open=applies is True,
    )


def _clauses(page: Page, settled: list[Standing]) -> Markup:
    if not settled:
        return Markup("")
    colon, comma = page.words("list.colon"), page.words("list.comma")
    by_status = {s: [one for one in settled if one.status == s] for s in STATUSES}
    parts = [
        join([page.words(f"crosswalk.{status}"), colon, comma.join(_ids(own))])
        for status, own in by_status.items()
        if own
    ]
    return page.words("crosswalk.settled", clauses=join([page.words("list.stop"), " "]).join(parts))


def _ids(standings: list[Standing]) -> list[Markup]:
    return [name(standing.row.id, 60) for standing in standings]


def _blocks(page: Page, found: list[Standing]) -> tuple[tuple[Markup, tuple[Line, ...]], ...]:
    by_status = {status: [s for s in found if s.status == status] for status in STATUSES}
    return tuple(
        (_status(page, status), tuple(map(partial(_line, page), own)))
        for status, own in by_status.items()
        if own
    )


def _ended(page: Page, part: Markup) -> Markup:
    """A part that ends as a sentence does."""
    stops = (".", "\N{IDEOGRAPHIC FULL STOP}")
    return part if part.striptags().endswith(stops) else join([part, page.words("list.stop")])


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
        _evidence(page, standing),
    )


def _status(page: Page, status: Status) -> Markup:
    state = LOOKS[status]
    text = join([glyph(state), page.words(f"crosswalk.{status}")])
    return el("span", text, cls=f"vd {CLASS[state]}")


def _evidence(page: Page, standing: Standing) -> Markup:
    anchors = {pillar.name: pillar.anchor for pillar in page.pillars}
    links = [
        el("a", page.pillar_title(audit), href=f"#{anchors[audit]}")
        if audit in anchors
        else el("a", page.words(f"crosswalk.{audit}"), href=f"#{_place(audit)}")
        for audit in standing.evidence[:LINKS]
    ]
    if len(standing.evidence) > LINKS:
        links.append(page.words("whom.more", n=len(standing.evidence) - LINKS))
    why = [page.said(standing.why, 120)] if standing.why else []
    shown = page.words("list.comma").join([*why, *links])
    if not standing.adverse:
        return shown
    findings = {judged.finding.id: judged.anchor for judged in page.judged}
    against = [
        el("a", name(finding, 24), href=f"#{findings[finding]}")
        for finding in standing.adverse
        if finding in findings
    ]
    return join(
        [
            shown,
            " ",
            page.words("crosswalk.against", findings=page.words("list.comma").join(against)),
        ]
    )


def _place(evidence: str) -> str:
    """Where the policy and the record itself stand in the page."""
    return "policy" if evidence == POLICY else "reproducibility"
