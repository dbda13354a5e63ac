"""The cover and the summary: what is wrong, how sure we are, for whom it matters, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from auditkit.changed import Verdict
from auditkit.render import numbers, sentences
from auditkit.render.areas import Area, areas
from auditkit.render.charts_limit import against_limit
from auditkit.render.judged import LimitRow, finding_link, limit_row
from auditkit.render.lede import judged as judged_words
from auditkit.render.lede import shows, tally_words, titles
from auditkit.render.page import STATES, UNMET, Judged, Page, Pillar, State, number, records, string
from auditkit.render.text import el, join, name
from auditkit.render.verdicts import CLASS, glyph, verdict

#: Findings and actions that the summary holds at most: with more it is no longer one page.
TOP, ACTIONS = 5, 3
#: Shapes of the tally that are drawn one by one.
UNITS = 10
#: Groups that are named on the cover.
GROUPS = 3

BANNERS = {"pass": "pass", "fail": "fail", "review": "open"}


@dataclass(frozen=True, slots=True)
class Banner:
    """The verdict of the whole audit.

    Attributes:
        cls: Class that gives its colour.
        state: The shape that stands in it.
        word: The verdict.
        sentence: What it says, in one sentence.
    """

    cls: str
    state: State
    word: Markup
    sentence: Markup


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do, and the findings that it settles."""

    text: Markup
    settles: Markup


@dataclass(frozen=True, slots=True)
class Found:
    """A finding in plain words."""

    text: Markup
    link: Markup


def first_sentence(page: Page) -> Markup:
    """What has to be said before anything else; nothing where there is no such thing."""
    parts = []
    if page.report.subject.constant_decision:
        parts.append(page.words("first.constant"))
    if page.report.policy is None:
        parts.append(page.words("first.no_policy"))
    return Markup(" ").join(parts)


def banner(page: Page) -> Banner:
    """The verdict of the whole audit."""
    overall = page.report.verdict
    if page.report.policy is None:
        words = page.words("banner.none")
        return Banner("unj", "not_judged", words, page.words("banner.no_policy"))
    shapes: dict[str, State] = {"pass": "pass", "fail": "fail", "review": "inconclusive"}
    word = page.words(f"banner.{overall}")
    return Banner(BANNERS[overall], shapes[overall], word, _banner_sentence(page))


def _banner_sentence(page: Page) -> Markup:
    """Count criteria, not findings: a criterion over many groups is one line of the policy."""
    waived = [one for one in page.judged if one.finding.waiver == "holds"]
    worst = page.worst_by_criterion(one for one in page.judged if one not in waived)
    said = _verdict_sentence(page, worst)
    if not waived:
        return said
    n = len(page.worst_by_criterion(waived))
    link = el("a", page.words("banner.waived", n=n), href="#policy")
    return join([said, " ", link])


def _verdict_sentence(page: Page, worst: list[Judged]) -> Markup:
    counts = Counter(one.verdict for one in worst)
    total, overall = len(page.criteria), page.report.verdict
    if overall == "pass":
        return page.words("banner.says_pass", n=counts["pass"], total=total)
    if overall == "fail" and counts["fail"]:
        return page.words("banner.says_fail", n=counts["fail"], total=total)
    open_ = Counter({state: counts[state] for state in UNMET})
    if not any(open_.values()):
        return page.words("banner.says_review_none", total=total)
    return page.words("banner.says_review", counts=tally_words(page, open_), total=total)


def tally(page: Page) -> list[tuple[Markup, Markup]]:
    """Shapes and count of each verdict, over all findings."""
    counts: Counter[Verdict] = Counter(one.verdict for one in page.judged)
    rows = []
    for state in STATES:
        if state == "not_judged" or not counts[state]:
            continue
        shown = counts[state] if counts[state] <= UNITS else 1
        words = page.words(f"tally.{state}", n=counts[state])
        rows.append((join([glyph(state)] * shown), words))
    return rows


def what_is_wrong(page: Page) -> Markup:
    """Name the worst finding, and count the others."""
    worst = page.worst_by_criterion(page.judged)
    failed = [one for one in worst if one.verdict == "fail"]
    if failed:
        rest = len(failed) - 1
        first = _with_limit(page, failed[0])
        more = page.words("wrong.more", n=rest) if rest else Markup("")
        return Markup(" ").join(part for part in (first, more) if part)
    if not page.judged:
        return page.words("wrong.nothing_judged")
    open_ = [one for one in worst if one.verdict in UNMET]
    if open_:
        return Markup(" ").join([page.words("wrong.none_fails"), _with_limit(page, open_[0])])
    return page.words("wrong.nothing")


def how_sure(page: Page) -> Markup:
    """Say what the failures rest on, and what could not be decided."""
    failed = [one for one in page.judged if one.verdict == "fail"]
    counts = Counter(one.verdict for one in page.judged)
    parts = []
    if failed:
        clear = sum(_is_clear(one) for one in failed)
        key = "sure.all" if clear == len(failed) else "sure.some"
        parts.append(page.words(key, n=len(failed), clear=clear, interval=page.level()))
    elif counts["pass"]:
        parts.append(page.words("sure.pass", n=counts["pass"], interval=page.level()))
    unsure: Counter[Verdict] = Counter({state: counts[state] for state in UNMET if state != "fail"})
    if any(unsure.values()):
        parts.append(page.words("sure.open", counts=tally_words(page, unsure)))
    if not page.judged:
        measured = sum(m.interval is not None for m in page.report.measurements)
        parts.append(page.words("sure.nothing_judged", n=measured))
    return Markup(" ").join(parts)


def _is_clear(judged: Judged) -> bool:
    """Whether the whole interval, or an exact number, lies beyond the limit."""
    measurement = judged.measurement
    if measurement is None or measurement.value is None:
        return False
    if measurement.interval is None:
        return measurement.exact
    low, high = judged.criterion.at_least, judged.criterion.at_most
    under = low is not None and measurement.interval.high < low
    return under or (high is not None and measurement.interval.low > high)


def for_whom(page: Page) -> Markup:
    """Count the people of the groups that come off worst."""
    assessed = page.report.subject.data.assessed
    concerned = [one for one in page.judged if one.verdict in ("fail", "inconclusive")]
    groups = list(dict.fromkeys(group for one in concerned for group in _groups(page, one)))
    counted = [
        (attribute, group, rows)
        for attribute, group in groups
        if (rows := _rows_of(page, attribute, group)) is not None
    ]
    if not counted:
        return page.words("whom.all" if page.judged else "whom.nothing_judged", n=assessed)
    named = [
        page.words("whom.group", n=rows, attribute=name(attribute, 30), group=name(group, 30))
        for attribute, group, rows in counted[:GROUPS]
    ]
    rest = len(counted) - len(named)
    if rest:
        named.append(page.words("whom.more", n=rest))
    return page.words("whom.named", groups=page.words.listing(named), n=assessed)


def _groups(page: Page, judged: Judged) -> list[tuple[str, str]]:
    measurement = judged.measurement
    if measurement is None:
        return []
    gap = sentences.find_gap(page, measurement)
    if gap is not None:
        return [(gap.attribute, gap.low[0])]
    named = [(c, g) for c, g in measurement.slice.items() if g != "*"]
    if len(named) != len(measurement.slice) or not named:
        return []
    return [tuple(sentences.CROSS.join(parts) for parts in zip(*named, strict=True))]  # type: ignore[list-item]


def _rows_of(page: Page, attribute: str, group: str) -> int | None:
    for known in page.report.subject.groups:
        if known.column == attribute and group in known.names:
            return known.counts[known.names.index(group)]
    table = page.table("fairness", "groups")
    for row in records(table) if table else []:
        if string(row, "attribute") == attribute and string(row, "group") == group:
            rows = number(row, "n")
            return None if rows is None else round(rows)
    return None


def what_to_do(page: Page) -> Markup:
    """The first thing to do."""
    actions_ = actions(page)
    if actions_:
        return join([actions_[0].text, " ", page.words("do.repeat")])
    key = "do.nothing_judged" if not page.judged else "do.keep"
    return page.words(key)


def actions(page: Page) -> list[Action]:
    """What to do about the criteria that are not met; the same advice once."""
    settled: dict[Markup, list[Judged]] = {}
    for one in page.worst_by_criterion(page.judged):
        if one.verdict in UNMET:
            settled.setdefault(sentences.advice(page, one), []).append(one)
    return [
        Action(text, page.words("do.settles", ids=page.words.listing(_links(ones))))
        for text, ones in settled.items()
    ]


def _links(judged: Sequence[Judged]) -> list[Markup]:
    return [finding_link(one) for one in judged[:6]]


def found(page: Page) -> list[Found]:
    """The findings that matter most, one a criterion, in plain words."""
    worst = page.worst_by_criterion(page.judged)
    return [Found(_with_limit(page, one), _evidence(page, one)) for one in worst[:TOP]]


def _evidence(page: Page, judged: Judged) -> Markup:
    """Links to the register and to the section that shows what a finding rests on."""
    anchor = next(pillar.anchor for pillar in page.pillars if pillar.name == judged.pillar)
    section = el("a", page.pillar_title(judged.pillar), href=f"#{anchor}")
    return page.words("summary.evidence", finding=finding_link(judged), section=section)


def _with_limit(page: Page, judged: Judged) -> Markup:
    sentence = sentences.headline(page, judged)
    if judged.measurement is None or judged.measurement.value is None:
        return sentence
    limit = page.words(
        "finding.limit",
        limit=sentences.limit(page, judged),
        whose=sentences.whose(page, judged.criterion),
    )
    more = sentences.needed(page, judged)
    return Markup(" ").join(part for part in (sentence, limit, more) if part)


def summary_lede(page: Page) -> Markup:
    """Name the pillars by their verdicts."""
    by_state: dict[State, list[Pillar]] = {}
    for pillar in shown_pillars(page):
        by_state.setdefault(pillar.state, []).append(pillar)
    parts = [_stand(page, state, by_state[state]) for state in STATES if state in by_state]
    return Markup(" ").join(parts)


def _stand(page: Page, state: State, pillars: Sequence[Pillar]) -> Markup:
    """Say how some pillars stand; many that nobody judges are counted, not named."""
    if state == "not_judged" and len(pillars) > TOP:
        return page.words("summary.not_judged_many", n=len(pillars))
    return page.words(f"summary.{state}", n=len(pillars), pillars=titles(page, pillars))


def shown_pillars(page: Page) -> list[Pillar]:
    """The pillars, the most urgent first."""
    return sorted(page.pillars, key=lambda pillar: STATES.index(pillar.state))


def area_rows(page: Page) -> list[LimitRow]:
    """One row an area, the most urgent first: its worst finding, and where its sections are."""
    urgent = sorted(areas(page), key=lambda area: STATES.index(area.lead.state))
    return [
        replace(
            _pillar_row(page, area.lead),
            head=page.words(f"area.{area.key}"),
            others=_others(page, area),
        )
        for area in urgent
    ]


def _others(page: Page, area: Area) -> Markup:
    if not area.others:
        return Markup("")
    links = [_section_link(page, pillar) for pillar in area.others]
    return page.words("summary.others", sections=page.words("list.comma").join(links))


def _section_link(page: Page, pillar: Pillar) -> Markup:
    """A link to a section; one that needs a look says so with shape and word."""
    link = el("a", page.pillar_title(pillar.name), href=f"#{pillar.anchor}")
    if pillar.state not in UNMET:
        return link
    word = page.words(f"verdict.{pillar.state}")
    return join([link, " (", el("span", word, cls=CLASS[pillar.state]), ")"])


def _pillar_row(page: Page, pillar: Pillar) -> LimitRow:
    if pillar.judged and pillar.state == pillar.judged[0].verdict:
        return limit_row(page, pillar.judged[0], pillar)
    sentence, under = shows(page, pillar), judged_words(page, pillar)
    if pillar.state in ("not_measured", "error"):
        reason = pillar.audit.reason if pillar.audit else None
        key = "lede.skipped" if pillar.state == "not_measured" else "summary.broke"
        sentence, under = page.words("lede.not_run"), Markup("")
        if reason:
            sentence = page.words(key, reason=page.told(reason.rstrip(" ."), 200))
    n = sum(m.value is not None for m in pillar.measurements)
    return LimitRow(
        head=page.pillar_title(pillar.name),
        href=f"#{pillar.anchor}",
        sentence=sentence,
        under=join([under, " ", page.words("summary.measurements", n=n)]) if n else under,
        value=Markup(""),
        interval=join([numbers.DASH]),
        drawing=against_limit(None, pillar.state),
        verdict=verdict(pillar.state, page.words),
        severity=join([numbers.DASH]),
    )


def subtitle(page: Page) -> Markup:
    """What the subject does: in its own words, or put together from its roles."""
    subject = page.report.subject
    if subject.description:
        return page.said(subject.description, 600)
    roles = subject.roles
    if roles.label is None:
        return page.words("cover.task", task=name(subject.task))
    if subject.task != "binary":
        return page.words(f"cover.predicts_{subject.task}", label=name(roles.label))
    positive = el("span", name(str(roles.positive)))
    key = "cover.predicts" if roles.threshold is None else "cover.predicts_threshold"
    threshold = "" if roles.threshold is None else numbers.limit(roles.threshold)
    return page.words(key, label=name(roles.label), positive=positive, threshold=threshold)
