"""Findings as rows: in the summary, in the sections, and in the register."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from auditkit.render import notes, sentences
from auditkit.render.charts_limit import Held, against_limit
from auditkit.render.figures import NOTHING
from auditkit.render.measured import aligned
from auditkit.render.page import Judged, Page, Pillar, State, show
from auditkit.render.text import el, join, name
from auditkit.render.verdicts import verdict

#: Words of a register for a finding that is dealt with, or not.
CLOSED = ("pass", "not_applicable")


@dataclass(frozen=True, slots=True)
class LimitRow:
    """A finding with its drawing against the limit.

    Attributes:
        head: What the row is about: an area or an id.
        href: Where the head leads, or None.
        sentence: What was found.
        under: Id, metric, limit and whose limit it is.
        value: The number.
        interval: Its interval, or why there is none.
        drawing: The interval against the limit.
        verdict: Shape, word and colour.
        severity: The severity, as a word.
        others: The other sections of the area, or nothing.
    """

    head: Markup
    href: str | None
    sentence: Markup
    under: Markup
    value: Markup
    interval: Markup
    drawing: Markup
    verdict: Markup
    severity: Markup
    others: Markup = NOTHING


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A finding in the register."""

    anchor: str
    id: Markup
    state: State
    order: int
    title: Markup
    value: Markup
    interval: Markup
    limit: Markup
    whose: Markup
    verdict: Markup
    severity: Markup
    severity_order: int
    advice: Markup
    status: Markup
    notes: list[Markup]


def limit_row(page: Page, judged: Judged, pillar: Pillar | None = None) -> LimitRow:
    """Write a finding as a row; with a pillar, the row is headed by it."""
    head = page.pillar_title(pillar.name) if pillar else finding_link(judged)
    return LimitRow(
        head=head,
        href=f"#{pillar.anchor}" if pillar else None,
        sentence=sentences.headline(page, judged),
        under=_under(page, judged, with_id=pillar is not None),
        value=_value(judged),
        interval=_interval(page, judged),
        drawing=_drawing(page, judged),
        verdict=verdict(judged.verdict, page.words),
        severity=page.words(f"severity.{judged.finding.severity}"),
    )


def finding_link(judged: Judged) -> Markup:
    """The id of a finding, leading to the register."""
    return el("a", name(judged.finding.id, 24), href=f"#{judged.anchor}")


def _under(page: Page, judged: Judged, *, with_id: bool) -> Markup:
    words = page.words(
        "finding.under",
        subject=sentences.subject_line(page, judged),
        limit=sentences.limit(page, judged),
        whose=sentences.whose(page, judged.criterion),
    )
    return join([finding_link(judged), " ", words]) if with_id else words


def _value(judged: Judged) -> Markup:
    measurement = judged.measurement
    if measurement is None or measurement.value is None:
        return Markup("")
    return aligned(show(measurement, judged.limits))


def _interval(page: Page, judged: Judged) -> Markup:
    measurement = judged.measurement
    if measurement is None or measurement.value is None:
        return page.words("value.none")
    shown = show(measurement, judged.limits)
    text: object = shown.interval if shown else ""
    if measurement.interval is None:
        text = page.words("interval.exact" if measurement.exact else "interval.none")
    basis = "" if measurement.basis == "measured" else page.basis(measurement.basis)
    return join([text, " ", basis]) if basis else join([text])


def _drawing(page: Page, judged: Judged) -> Markup:
    measurement = judged.measurement
    if measurement is None or measurement.value is None:
        return against_limit(None, judged.verdict)
    known, interval = page.metric(judged.metric), measurement.interval
    held = Held(
        measurement.value,
        interval.low if interval else None,
        interval.high if interval else None,
        judged.criterion.at_least,
        judged.criterion.at_most,
        (known.low, known.high) if known else (None, None),
    )
    shown = show(measurement, judged.limits)
    return against_limit(held, judged.verdict, shown.limits if shown else ())


def register(page: Page) -> list[RegisterRow]:
    """Every finding, the most urgent first."""
    return [_register_row(page, judged) for judged in page.judged]


def _status(judged: Judged) -> str:
    """Whether a finding is dealt with: met, waived until a day, waived no more, or open."""
    if judged.verdict in CLOSED:
        return "status.closed"
    waived = {"holds": "status.waived", "expired": "status.expired"}
    return waived.get(judged.finding.waiver or "", "status.open")


def _register_row(page: Page, judged: Judged) -> RegisterRow:
    closed = judged.verdict in CLOSED
    return RegisterRow(
        anchor=judged.anchor,
        id=name(judged.finding.id, 24),
        state=judged.verdict,
        order=judged.rank[0],
        title=sentences.subject_line(page, judged),
        value=_value(judged),
        interval=_interval(page, judged),
        limit=sentences.limit(page, judged),
        whose=sentences.whose(page, judged.criterion),
        verdict=verdict(judged.verdict, page.words),
        severity=page.words(f"severity.{judged.finding.severity}"),
        severity_order=judged.rank[1],
        advice=Markup("") if closed else sentences.advice(page, judged),
        status=page.words(_status(judged)),
        notes=notes.of_finding(page, judged.finding.id),
    )
