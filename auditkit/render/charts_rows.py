"""Drawings whose rows are marks on a shared axis: forest, bars, phases."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from auditkit.render import numbers
from auditkit.render.charts import (
    FAR,
    Axis,
    Grid,
    axis,
    dot,
    drawing,
    grid,
    line,
    rect,
    row_drawing,
    row_span,
    scale_row,
    tick_labels,
    upright,
)
from auditkit.render.figures import (
    NOTHING,
    Block,
    Figure,
    Row,
    RowChart,
    bounded,
    column_title,
    data_table,
    heads,
    largest,
    source_note,
    value,
)
from auditkit.render.page import Page, number, records, string
from auditkit.render.text import el, join, name
from auditkit.report import Scalar, TableRecord

#: Pairs that are drawn, one of each attribute and rate; the others are in `audit.json`.
PAIRS = 6
#: Between the columns of an intersection.
CROSS = " \N{MULTIPLICATION SIGN} "
#: Bars that are drawn.
BARS = 7
#: First columns of bars that stand in the order of the table; others stand by size.
ORDERED = frozenset({"batch", "call"})
#: The line of all words that are not named; it stands last, however long.
OTHER_WORDS = "(all other words)"
#: What the rows of a forest without pairs can be; see `_kind`.
KINDS = ("groups", "subgroups", "flips")
TALL, LOW, AXIS = 40, 28, 24

Record = dict[str, Scalar]
#: An axis and its hairlines.
Scale = tuple[Axis, Grid]


def forest(page: Page, table: TableRecord) -> list[Figure]:
    """Draw differences with their intervals on one axis, by rate."""
    if "a" not in table.columns:
        return forest_of_groups(page, table)
    rows = [row for row in records(table) if number(row, "difference") is not None]
    kept = _largest(rows)
    if not kept:
        return []
    scale, size = _difference_axis(kept), largest(kept, "difference")
    lines = grid(page, scale, TALL)
    metrics = dict.fromkeys(string(row, "metric") for row in kept)
    blocks = tuple(
        Block(
            tuple(
                _pair_row(page, row, (scale, lines), size)
                for row in kept
                if string(row, "metric") == metric
            ),
            title=page.words("forest.block", rate=column_title(page, metric)),
            axis=drawing(26, *([lines.defined] if place == 0 else []), *tick_labels(scale, 20)),
        )
        for place, metric in enumerate(metrics)
    )
    headings = heads(page.words, "forest.compared", "forest.value", "forest.established")
    caption = page.words("forest.caption", drawn=len(kept), n=len(rows))
    found = sum(row.get("established") is True for row in rows)
    title = page.words("forest.title", found=found, n=len(rows))
    chart = RowChart(blocks, headings, kind="fo", widths=(30, 36, 20, 14))
    return [Figure(title, caption, chart, data_table(page, table), source_note(page, table))]


def _largest(rows: Sequence[Record]) -> list[Record]:
    """The largest difference of each attribute and rate, the established first if too many."""
    kept: list[Record] = []
    for key in dict.fromkeys((string(r, "metric"), string(r, "attribute")) for r in rows):
        same = [r for r in rows if (string(r, "metric"), string(r, "attribute")) == key]
        same.sort(key=lambda row: -abs(number(row, "difference") or 0.0))
        kept += same[:1]
    first = sorted(kept, key=lambda row: (row.get("established") is not True, CROSS in _of(row)))
    return [row for row in kept if row in first[:PAIRS]]


def _of(row: Record) -> str:
    return string(row, "attribute")


def _difference_axis(rows: Sequence[Record]) -> Axis:
    columns = ("difference", "low", "high")
    values = [v for row in rows for column in columns if (v := number(row, column)) is not None]
    return axis(values, zero=True)


def _pair_row(page: Page, row: Record, scale: Scale, beside: float) -> Row:
    pair = page.words("forest.pair", a=name(string(row, "a")), b=name(string(row, "b")))
    sub = el("i", name(string(row, "attribute")), cls="by")
    sure = row.get("established") is True
    word = page.words("forest.sure" if sure else "forest.unsure")
    strength = word if sure else el("i", word)
    shown = bounded(row, "difference", beside=beside, signed=True)
    return Row(join([pair, Markup(" "), sub]), _dot(row, scale, sure), value(shown), strength)


def _dot(row: Record, held: Scale, sure: bool) -> Markup:  # noqa: FBT001 - how sure we are
    scale, lines = held
    difference, low, high = (number(row, c) for c in ("difference", "low", "high"))
    parts = [lines.used]
    if low is not None and high is not None:
        parts.append(row_span(scale, low, high))
    if difference is not None:
        parts.append(dot(scale.at(difference), "" if sure else "mk h"))
    return row_drawing(*parts)


def forest_of_groups(page: Page, table: TableRecord) -> list[Figure]:
    """Draw one difference a group, for example what private training costs each of them."""
    rows = [row for row in records(table) if number(row, "difference") is not None]
    if not rows:
        return []
    scale, size = _difference_axis(rows), largest(rows, "difference")
    lines = grid(page, scale, TALL)
    kept = tuple(
        Row(
            _group_label(page, row),
            _dot(row, (scale, lines), _excludes_zero(row)),
            value(bounded(row, "difference", beside=size, signed=True)),
            _people(row),
        )
        for row in rows[:BARS]
    )
    kind = _kind(table)
    headings = heads(page.words, f"forest.of_{kind}", "forest.value", "column.n")
    widths = (26, 42, 22, 10) if kind == "groups" else (40, 30, 22, 8)
    chart = RowChart((Block(kept),), headings, scale_row(scale, lines), widths=widths)
    title, caption = _groups_title(page, table, rows), page.words(f"forest.{kind}_caption")
    return [Figure(title, caption, chart, data_table(page, table), source_note(page, table))]


def _kind(table: TableRecord) -> str:
    """What the rows of a forest without pairs are."""
    if "subgroup" in table.columns:
        return "subgroups"
    return "flips" if table.id == "individual.flips" else "groups"


def _groups_title(page: Page, table: TableRecord, rows: Sequence[Record]) -> Markup:
    if "private_accuracy" in table.columns:
        return _cost_title(page, rows)
    kind = _kind(table)
    if kind == "groups":
        return page.told(table.title, 80)
    found = sum(row.get("established", _excludes_zero(row)) is True for row in rows)
    return page.words(f"forest.{kind}_title", found=found, n=len(rows))


def _group_label(page: Page, row: Record) -> Markup:
    if string(row, "subgroup"):
        metric = el("i", column_title(page, string(row, "metric")), cls="by")
        return join([page.said(string(row, "subgroup"), 120), Markup(" "), metric])
    group, attribute = string(row, "group"), string(row, "attribute")
    if not attribute:
        return page.said(group)
    return join([name(group), Markup(" "), el("i", name(attribute))])


def _excludes_zero(row: Record) -> bool:
    low, high = number(row, "low"), number(row, "high")
    return low is not None and high is not None and not low <= 0 <= high


def _people(row: Record) -> Markup:
    rows = number(row, "n")
    return NOTHING if rows is None else join([numbers.count(round(rows))])


def _cost_title(page: Page, rows: Sequence[Record]) -> Markup:
    """What private training does to accuracy, and to the group for which it surely does most."""
    everyone = next((row for row in rows if not string(row, "attribute")), None)
    if everyone is None:
        return page.words("twin.title")
    sure = [row for row in rows if string(row, "attribute") and _excludes_zero(row)]
    most = max(sure, key=lambda row: abs(number(row, "difference") or 0.0), default=None)
    before, after = _accuracies(everyone)
    if most is None:
        return page.words("twin.title_all", before=before, after=after)
    group_before, group_after = _accuracies(most)
    return page.words(
        "twin.title_worst",
        before=before,
        after=after,
        group=name(string(most, "group")),
        group_before=group_before,
        group_after=group_after,
    )


def _accuracies(row: Record) -> tuple[str, str]:
    ends = (number(row, "accuracy") or 0.0, number(row, "private_accuracy") or 0.0)
    return numbers.show(ends[0], unit="rate").text, numbers.show(ends[1], unit="rate").text


def bars(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the mean size of the effect of each feature, with its interval."""
    column = table.columns[1]
    rows = [row for row in records(table) if number(row, column) is not None]
    label = table.columns[0]
    if label not in ORDERED:
        rows.sort(
            key=lambda row: (string(row, label) == OTHER_WORDS, -abs(number(row, column) or 0.0))
        )
    if not rows:
        return []
    kept = rows[:BARS]
    ends = [v for row in kept for c in (column, "high") if (v := number(row, c)) is not None]
    scale = axis(ends, zero=True)
    size, lines = largest(kept, column), grid(page, scale, LOW)
    drawn = tuple(
        Row(
            _named(page, row, label),
            _bar(row, column, (scale, lines)),
            value(bounded(row, column, beside=size)),
        )
        for row in kept
    )
    headings = heads(page.words, "bars.feature", "bars.value")
    title = page.words(
        "bars.title",
        feature=page.said(string(rows[0], label)),
        value=numbers.show(number(rows[0], column) or 0.0).text,
    )
    caption = page.words("bars.caption", drawn=len(kept), n=len(rows))
    if label != "feature":
        is_part = label.startswith("changed_")
        title = page.told(table.title, 80)
        caption = page.words("bars.parts" if is_part else "bars.generic")
        headings = (column_title(page, label), column_title(page, column), NOTHING)
    chart = RowChart((Block(drawn),), headings, scale_row(scale, lines), kind="wf")
    is_whole = label in ORDERED and len(kept) == len(table.rows)  # then it needs no twin
    data = None if is_whole else data_table(page, table)
    return [Figure(title, caption, chart, data, source_note(page, table))]


def _named(page: Page, row: Record, label: str) -> Markup:
    size = number(row, label)
    if size is None:
        return page.said(string(row, label))
    return escape(numbers.show(size).text)


def _bar(row: Record, column: str, held: Scale) -> Markup:
    scale, lines = held
    given = number(row, column) or 0.0
    parts = [lines.used]
    left, right = min(0.0, given), max(0.0, given)
    parts.append(rect(scale.at(left), -7, scale.width(left, right), 14, "bar ev"))
    return row_drawing(*parts, *whisker(row, scale))


def whisker(row: Record, scale: Axis, cap: float = 0) -> list[Markup]:
    """An interval over a bar, with caps where they have a height."""
    low, high = number(row, "low"), number(row, "high")
    if low is None or high is None:
        return []
    ends = [upright(scale.at(end), 2 * cap, "wh", -cap) for end in (low, high) if cap]
    return [row_span(scale, low, high, "wh"), *ends]


def phases(page: Page, table: TableRecord) -> list[Figure]:
    """Draw the energy of each phase: bar to the central value, whisker from low to high."""
    rows = records(table)
    ends = [v for row in rows for c in ("joules", "high") if (v := number(row, c)) is not None]
    if all((number(row, "joules") or 0.0) <= 0 for row in rows):
        return []
    unit = _shared_unit(max(ends))
    scale = axis([end / unit[0] for end in ends], zero=True)
    size, lines = largest(rows, "joules") / unit[0], grid(page, scale, 36)
    drawn = tuple(_phase_row(page, row, (scale, lines), unit, size) for row in rows)
    headings = (
        page.words("phases.phase"),
        page.words("phases.energy", unit=unit[1]),
        page.words("phases.basis"),
    )
    chart = RowChart(
        (Block(drawn),),
        headings,
        scale_row(scale, lines),
        kind="en",
        widths=(22, 42, 22, 14),
    )
    return [
        Figure(
            _phases_title(page, rows),
            page.words("phases.caption", unit=unit[1]),
            chart,
            data_table(page, table),
            source_note(page, table),
        )
    ]


def _shared_unit(most: float) -> tuple[float, str]:
    """One unit of energy for all rows, so that they can be compared."""
    name_ = numbers.show(most, unit="J").unit
    factors = {"kJ": 1e3, "MJ": 1e6, "GJ": 1e9, "TJ": 1e12, "mJ": 1e-3}
    return factors.get(name_, 1.0), name_ if name_ in factors else "J"


def _phase_row(page: Page, row: Record, held: Scale, unit: tuple[float, str], beside: float) -> Row:
    scale, lines = held
    scaled: Record = {
        column: None if (v := number(row, column)) is None else v / unit[0]
        for column in ("joules", "low", "high")
    }
    label = join([page.said(string(row, "phase")), Markup(" "), el("i", _time(row))])
    central = number(scaled, "joules")
    parts = [lines.used]
    if central is None:
        missing = el("span", page.words("verdict.not_measured"), cls="none")
        parts.append(line("0%", 0, "100%", 0, "ref"))
        return Row(label, row_drawing(*parts), missing)
    parts.append(rect("0%", -8, scale.width(0.0, central), 16, "bar ev"))
    parts += whisker(scaled, scale, cap=5)
    basis = string(row, "basis")
    shown = value(bounded(scaled, "joules", beside=beside))
    return Row(label, row_drawing(*parts), shown, page.basis(basis))


def _time(row: Record) -> str:
    seconds = number(row, "seconds")
    return "" if seconds is None else numbers.show(seconds, unit="s").text


def _phases_title(page: Page, rows: Sequence[Record]) -> Markup:
    measured = [row for row in rows if number(row, "joules") is not None]
    total = sum(min(max(number(row, "joules") or 0.0, 0.0), FAR) for row in measured)
    most = max(measured, key=lambda row: number(row, "joules") or 0.0)
    joules = number(most, "joules") or 0.0
    return page.words(
        "phases.title",
        phase=page.said(string(most, "phase")),
        energy=numbers.show(joules, unit="J").text,
        share=numbers.tick(100 * min(joules, FAR) / total, 0),
    )
