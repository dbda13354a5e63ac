"""Findings in plain words, made from the data: people and groups first, then number and limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.page import Judged, Page, number, records, show, string
from auditkit.render.text import TEXT, join, name, tidy
from auditkit.report import CriterionRecord, MeasurementRecord, Scalar

#: First words of the id of a gap metric, and the rates whose gap it is.
RATES = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "predictive_parity": ("precision",),
}
#: How sources of a limit are written that mean the policy itself.
OWN = frozenset({"", "own policy", "policy", "own", "house rule"})
#: Longest advice of a policy that is shown; unit: characters.
ADVICE = 600
#: Longest reason; unit: characters.
REASON = 400
#: Two computations of the same gap differ by no more than this.
SAME = 1e-9
#: Groups that are tried from either end; those further in are too small to have been left out.
EXTREMES = 40
#: Between the columns of an intersection.
CROSS = " \N{MULTIPLICATION SIGN} "


@dataclass(frozen=True)
class Gap:
    """The two groups between which a gap or ratio lies.

    Attributes:
        attribute: The column, or columns joined, whose groups are compared.
        rate: Column of the table of groups that holds the rate.
        low: The group with the lowest rate, and the rate.
        high: The group with the highest rate, and the rate.
        is_ratio: Whether the metric divides; else it subtracts.
        of_class: The class whose rate it is, or nothing.
    """

    attribute: str
    rate: str
    low: tuple[str, float]
    high: tuple[str, float]
    is_ratio: bool
    of_class: str = ""

    @property
    def value(self) -> float:
        """The gap, computed again from the two rates; a ratio over a rate of 0 has none."""
        low, high = self.low[1], self.high[1]
        if not self.is_ratio:
            return high - low
        return low / high if high else float("nan")


def find_gap(page: Page, measurement: MeasurementRecord) -> Gap | None:
    """Find which two groups a gap lies between.

    Args:
        page: The record.
        measurement: A difference or a ratio over all groups of a column.

    Returns:
        The groups, or None where the table of groups does not give this very value: then no
        group is named.
    """
    if measurement.value is None or set(measurement.slice.values()) != {ALL_GROUPS}:
        return None
    stem, _, kind = measurement.metric.rpartition("_")
    if kind not in ("difference", "ratio"):
        return None
    gaps = [
        gap
        for rate in RATES.get(stem, (stem,))
        if (gap := _gap(page, measurement, rate, is_ratio=kind == "ratio")) is not None
    ]
    return gaps[0] if gaps else None


def _gap(page: Page, measurement: MeasurementRecord, rate: str, *, is_ratio: bool) -> Gap | None:
    """The two groups whose rates give exactly this value: small groups may be left out of it."""
    attribute, wanted = CROSS.join(measurement.slice), measurement.value
    if wanted is None:
        return None
    pairs = (
        Gap(attribute, rate, (low_group, low), (high_group, high), is_ratio, of_class)
        for of_class, rates in _rates(page, measurement.audit, attribute, rate).items()
        for low, low_group in rates[:EXTREMES]
        for high, high_group in reversed(rates[-EXTREMES:])
        if low < high
    )
    return next((gap for gap in pairs if abs(gap.value - wanted) <= SAME), None)


def _rates(page: Page, audit: str, attribute: str, rate: str) -> dict[str, list[tuple[float, str]]]:
    """Class, or nothing where there are none, to the sorted rates and names of its groups."""
    found: dict[str, list[tuple[float, str]]] = {}
    for table in (page.table(audit, "groups"), page.table(audit, "class-rates")):
        for row in records(table) if table else []:
            value = number(row, rate)
            if string(row, "attribute") == attribute and value is not None:
                held = found.setdefault(string(row, "class"), [])
                held.append((value, string(row, "group")))
    return {of_class: sorted(held) for of_class, held in found.items()}


def headline(page: Page, judged: Judged) -> Markup:
    """Say what was found, in one sentence without the limit."""
    measurement = judged.measurement
    if measurement is None or measurement.value is None:
        return _without_value(page, judged)
    return measured_sentence(page, measurement, judged.limits)


def measured_sentence(
    page: Page, measurement: MeasurementRecord, limits: Sequence[float] = ()
) -> Markup:
    """Say what a measurement shows; the groups of a gap are named where they can be found."""
    value = page.measured(measurement, limits)
    gap = find_gap(page, measurement)
    if gap is not None and _may_name(page, gap):
        return _gap_sentence(page, gap, value)
    title, over = page.metric_title(measurement.metric), _over(page, measurement)
    return page.words("finding.measured", metric=title, where=over, value=value)


def _gap_sentence(page: Page, gap: Gap, value: Markup) -> Markup:
    kind = "ratio" if gap.is_ratio else "difference"
    key = f"gap.{kind}.{gap.rate}"
    if gap.of_class or not page.words.has(key):
        key = f"gap.{kind}.class" if gap.of_class else f"gap.{kind}.other"
    unit = "rate" if _is_share(page, gap) else ""
    sentence = page.words(
        key,
        of_class=name(gap.of_class),
        attribute=name(gap.attribute),
        rate=_rate_title(page, gap.rate),
        low=name(gap.low[0]),
        high=name(gap.high[0]),
        rate_low=numbers.show(gap.low[1], unit=unit, beside=gap.high[1]).text,
        rate_high=numbers.show(gap.high[1], unit=unit).text,
        value=value,
    )
    return join([sentence, " ", _told_apart(page, gap)]) if _chance(page, gap) else sentence


def _rate_title(page: Page, rate: str) -> Markup:
    """A rate that stands in a table only has no metric of its own in the record."""
    column = f"column.{rate}"
    in_table = page.metric(rate) is None and page.words.has(column)
    return page.words(column) if in_table else page.metric_title(rate)


def _is_share(page: Page, gap: Gap) -> bool:
    known = page.metric(gap.rate)
    return known is None or known.unit in numbers.SHARES


def _pairs(page: Page, gap: Gap) -> list[dict[str, Scalar]]:
    """The compared pairs of groups of this column and rate, the widest difference first."""
    table = page.table("fairness", "pairs")
    rows = [
        row
        for row in (records(table) if table else [])
        if string(row, "attribute") == gap.attribute and string(row, "metric") == gap.rate
    ]
    return sorted(rows, key=lambda row: -abs(number(row, "difference") or 0.0))


def _may_name(page: Page, gap: Gap) -> bool:
    """Whether the record says which pairs are told apart: else no group is named as the worst."""
    table = page.table("fairness", "tests")
    tested = [
        row
        for row in (records(table) if table else [])
        if string(row, "attribute") == gap.attribute and string(row, "metric") == gap.rate
    ]
    all_apart = all(row.get("told_apart") == row.get("pairs") for row in tested)
    return all_apart or bool(_pairs(page, gap))


def _chance(page: Page, gap: Gap) -> bool:
    """Whether the data do not tell the two named groups apart."""
    named = {gap.low[0], gap.high[0]}
    return any(
        {string(row, "a"), string(row, "b")} == named and row.get("established") is False
        for row in _pairs(page, gap)
    )


def _told_apart(page: Page, gap: Gap) -> Markup:
    """Name the widest difference that is more than chance, or say that there is none."""
    sure = [row for row in _pairs(page, gap) if row.get("established") is True]
    if not sure:
        return page.words("gap.none_apart")
    low, high = sorted((string(sure[0], "a"), string(sure[0], "b")), key=_rate_of(page, gap))
    key = "gap.apart" if _is_share(page, gap) else "gap.apart_number"
    return page.words(key, low=name(low), high=name(high))


def _rate_of(page: Page, gap: Gap) -> Callable[[str], float]:
    table = page.table("fairness", "groups")
    rates = {
        string(row, "group"): number(row, gap.rate) or 0.0
        for row in (records(table) if table else [])
        if string(row, "attribute") == gap.attribute
    }
    return lambda group: rates.get(group, 0.0)


def _without_value(page: Page, judged: Judged) -> Markup:
    kinds = {"error": "finding.error", "not_applicable": "finding.not_applicable"}
    key = kinds.get(judged.verdict, "finding.no_value")
    measurement = judged.measurement
    return page.words(
        key,
        metric=page.metric_title(judged.metric),
        where=_over(page, measurement) if measurement else _criterion_over(page, judged.criterion),
        reason=reason(page, judged),
    )


def reason(page: Page, judged: Judged) -> Markup:
    """Why there is no value, without a final stop."""
    text = judged.reason
    marker = " was not measured: "
    if judged.measurement is None and marker in text:
        text = text.split(marker, 1)[1]
    return page.told(tidy(text, TEXT).rstrip(" ."), REASON)


def _over(page: Page, measurement: MeasurementRecord) -> Markup:
    where = page.where(measurement.slice)
    if not where:
        return where
    compared = ALL_GROUPS in measurement.slice.values()
    return page.words("finding.over" if compared else "finding.for", where=where)


def _criterion_over(page: Page, criterion: CriterionRecord) -> Markup:
    where = criterion_where(page, criterion)
    return page.words("finding.over", where=where) if where else where


def criterion_where(page: Page, criterion: CriterionRecord) -> Markup:
    """Name the rows that a criterion is about; nothing for all rows."""
    slice_ = criterion.slice
    named = slice_ if isinstance(slice_, dict) else dict.fromkeys(slice_, ALL_GROUPS)
    return page.where(named)


def unit_of(page: Page, judged: Judged) -> str:
    """The unit of what was judged."""
    if judged.measurement is not None:
        return judged.measurement.unit
    known = page.metric(judged.metric)
    return known.unit if known else ""


def limit(page: Page, judged: Judged) -> Markup:
    """Say what is allowed: "at least 0.80"; in the unit in which the value is printed."""
    shown = show(judged.measurement, judged.limits) if judged.measurement else None
    if shown is not None:
        texts = list(shown.limits)
    else:
        texts = [numbers.limit(bar, unit_of(page, judged)) for bar in judged.limits]
    return _allowed(page, judged.criterion, texts)


def criterion_limit(page: Page, criterion: CriterionRecord) -> Markup:
    """Say what a criterion allows, whatever was measured."""
    known = page.metric(criterion.metric)
    unit = known.unit if known else ""
    bars = [bar for bar in (criterion.at_least, criterion.at_most) if bar is not None]
    return _allowed(page, criterion, [numbers.limit(bar, unit) for bar in bars])


def _allowed(page: Page, criterion: CriterionRecord, texts: list[str]) -> Markup:
    if len(texts) == 2:
        return page.words("limit.between", low=texts[0], high=texts[1])
    if not texts:
        return page.words("limit.none")
    key = "limit.at_least" if criterion.at_least is not None else "limit.at_most"
    return page.words(key, limit=texts[0])


def whose(page: Page, criterion: CriterionRecord) -> Markup:
    """Say whose limit it is."""
    source = criterion.source.strip()
    if criterion.limit_set_by == "source":
        return page.said(source, 200)
    if source.lower() in OWN:
        return page.words("whose.policy")
    if source.lower().startswith("own "):
        return page.said(source, 200)
    return page.words("whose.policy_after", source=page.said(source, 200))


def subject_line(page: Page, judged: Judged, *, inside: bool = False) -> Markup:
    """Name what was judged in one line: metric and rows."""
    title = page.metric_title(judged.metric, inside=inside)
    measurement = judged.measurement
    where = (
        page.where(measurement.slice) if measurement else criterion_where(page, judged.criterion)
    )
    return join([title, page.words("list.clause"), where]) if where else title


def needed(page: Page, judged: Judged) -> Markup:
    """Say how much more evidence would decide; nothing where that is not known."""
    if not judged.finding.n_needed or judged.measurement is None:
        return Markup("")
    about = rounded_up(judged.finding.n_needed)
    return page.words("finding.needed", n=about, now=judged.measurement.n)


def rounded_up(n: int) -> int:
    """Round a rough number of rows up to two digits.

    Example:
        >>> rounded_up(2871), rounded_up(97)
        (2900, 97)
    """
    step = max(1, int(10 ** (len(str(n)) - 2)))
    return -(-n // step) * step


def advice(page: Page, judged: Judged) -> Markup:
    """Say what to do about a criterion that is not met: the policy's words, or plain ones."""
    if judged.criterion.advice:
        return page.said(judged.criterion.advice, ADVICE)
    title = subject_line(page, judged, inside=True)
    if judged.verdict == "fail":
        return page.words("advice.fail", metric=title, limit=limit(page, judged))
    if judged.verdict == "inconclusive":
        return join([page.words("advice.inconclusive", metric=title), " ", needed(page, judged)])
    return page.words("advice.not_measured", metric=title, reason=reason(page, judged))
