"""What a figure is: the finding as its title, how to read it, the drawing, and the numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_letters

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, number, records
from auditkit.render.text import ELLIPSIS, el, join, name
from auditkit.render.words import Words
from auditkit.report import Scalar, TableRecord

#: Rows of a table that the page holds at most; `audit.json` holds them all.
ROWS = 9
#: Points of a curve whose numbers the page holds, evenly spaced, and the charts that are curves.
POINTS = 6
CURVES = frozenset(
    {"risk-coverage", "roc", "roc-groups", "calibration-groups", "log-log-roc", "line"}
)
#: Rows of a plain table that are shown without opening it.
SHORT = 12
#: Longest text in a cell of a table; unit: characters.
CELL = 160
#: Columns that are shown of the charts whose tables hold more than they draw.
COLUMNS, WIDE = 8, frozenset({"frontier", "size-frontier"})
#: Longest account of how a table was made; `audit.json` holds all of it. Unit: bytes of
#: UTF-8, so that it is as much in every language.
NOTE = 132
#: What ends a clause of it.
CLAUSES = ("; ", ". ", "\N{FULLWIDTH SEMICOLON}", "\N{IDEOGRAPHIC FULL STOP}")
NOTHING = Markup("")
#: Columns of tables that hold texts of ours and never a name from the data.
OURS = frozenset(
    {
        *("altered", "attack", "basis", "change", "decision", "definition", "four_fifths", "how"),
        *("justification", "limit", "meaning", "model", "note", "outcome", "phase", "question"),
        *("role", "size_of_class", "stage", "standing", "test", "version"),
    }
)
#: Columns of tables that hold names from the data, but for what stands in brackets.
NAMES = frozenset({"a", "attribute", "b", "class", "feature", "group"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a drawing that is a table.

    Attributes:
        label: What it is about; its header.
        drawing: The drawing in its cell.
        value: The numbers.
        word: What stands behind the numbers, such as a basis.
        strong: Whether it is a total.
    """

    label: Markup
    drawing: Markup
    value: Markup
    word: Markup = NOTHING
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that belong together, with a heading and an axis of their own."""

    rows: tuple[Row, ...]
    title: Markup = NOTHING
    axis: Markup = NOTHING


@dataclass(frozen=True, slots=True)
class RowChart:
    """A drawing whose rows are marks: it is a table and needs no twin.

    Attributes:
        blocks: Its rows.
        heads: Headings of label, value and word; the last may be empty.
        axis: The axis in its head, or nothing.
        kind: Class that sets the height of its rows.
        widths: Widths of its columns in percent.
    """

    blocks: tuple[Block, ...]
    heads: tuple[Markup, Markup, Markup]
    axis: Markup = NOTHING
    kind: str = "fo"
    widths: tuple[int, ...] = (24, 52, 24)


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with two axes.

    Attributes:
        parts: What is in it.
        height: Its height in pixels.
        x_title: Title of the horizontal axis.
        y_title: Title of the vertical axis.
        description: What it shows, for who cannot see it.
        reading: Where the rows of its numbers lie in it, for the script: see `reading`.
        start: The row at which a slider over its numbers starts; None has no slider.
    """

    parts: Markup
    height: int
    x_title: Markup
    y_title: Markup
    description: Markup
    reading: str = ""
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One of several small drawings.

    Attributes:
        title: What it is about and what it shows.
        parts: What is in it.
        height: Its height in pixels.
        description: What it shows, for who cannot see it.
    """

    title: Markup
    parts: Markup
    height: int
    description: Markup


@dataclass(frozen=True, slots=True)
class Panels:
    """Small drawings side by side.

    Attributes:
        shared: What is written once and used by several of them.
        panels: The drawings.
    """

    shared: Markup
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class DataTable:
    """The numbers behind a figure.

    Attributes:
        heads: Headings.
        numeric: Which columns hold numbers.
        rows: The texts.
        left_out: How many rows are not here but in `audit.json`.
        narrowed: How many columns are not here but there.
    """

    heads: tuple[Markup, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Markup, ...], ...]
    left_out: int = 0
    narrowed: int = 0

    @property
    def texts(self) -> str:
        """Classes that name the columns of texts, by their place."""
        return "".join(f" t{i}" for i, numeric in enumerate(self.numeric, 1) if not numeric)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure.

    Attributes:
        title: The finding.
        caption: What is drawn and how to read it.
        body: The drawing, or None for a plain table.
        data: The numbers behind it, or None.
        note: How it was made.
        whole: Where all of its numbers are, or nothing.
        half: Whether it may share its line with another.
        opened: Whether its numbers stand in the open however many they are.
    """

    title: Markup
    caption: Markup
    body: object = None
    data: DataTable | None = None
    note: Markup = NOTHING
    half: bool = False
    opened: bool = False
    whole: Markup = NOTHING

    @property
    def kind(self) -> str:
        """What the template has to draw."""
        return type(self.body).__name__ if self.body is not None else "table"

    @property
    def is_square(self) -> bool:
        """Whether its drawing has equal axes, so that it should not be drawn out."""
        return isinstance(self.body, Plot) and self.body.height > 300

    @property
    def is_short(self) -> bool:
        """Whether its numbers can stand in the open."""
        if self.data is None or self.opened:
            return self.opened
        return len(self.data.rows) <= SHORT and not self.data.left_out


def value(shown: numbers.Shown | None) -> Markup:
    """A number with its bounds, as a cell of a drawing shows it."""
    if shown is None:
        return join([numbers.DASH])
    parts = [el("b", shown.text)]
    if shown.interval:
        parts += [Markup(" "), el("i", shown.interval)]
    return join(parts)


def bounded(
    row: dict[str, Scalar], column: str, *, beside: float = 0.0, signed: bool = False
) -> numbers.Shown | None:
    """Write a number of a row with the bounds in its columns `low` and `high`, if it has both.

    Args:
        row: The row.
        column: The column of the number.
        beside: Size of the largest number in the same column of the drawing.
        signed: Whether a positive number gets a plus sign.

    Returns:
        The texts, or None where there is no number.
    """
    given, low, high = number(row, column), number(row, "low"), number(row, "high")
    if given is None:
        return None
    if low is None or high is None:
        return numbers.show(given, signed=signed, beside=beside)
    return numbers.show(given, low, high, signed=signed, beside=beside)


def largest(rows: Iterable[dict[str, Scalar]], column: str) -> float:
    """Size of the largest number in a column."""
    return max((abs(number(row, column) or 0.0) for row in rows), default=0.0)


def source_note(page: Page, table: TableRecord) -> Markup:
    """How the numbers of a table were made, as the audit says it, up to the end of a clause."""
    told = page.told(table.source)
    plain, stop = told.striptags(), page.words("list.stop")
    most = len(plain.encode()[:NOTE].decode(errors="ignore"))
    if len(plain) <= most:
        ended = not plain or plain.endswith((".", stop))
        return told if ended else join([told, stop])
    cut = max(plain.rfind(end, 0, most) for end in CLAUSES)
    # Where no clause ends, not within a Latin word either: in Chinese no space stands before it.
    kept = plain[:cut] if cut > most / 3 else plain[:most].rstrip(f"{ascii_letters}_")
    shown = name(f"{kept} {ELLIPSIS}", NOTE + 2)
    return el("span", shown, lang="en") if "lang=" in told else shown


def data_table(page: Page, table: TableRecord, most: int = ROWS) -> DataTable:
    """Write the numbers of a table; bounds stand with the number that they belong to.

    Args:
        page: The record.
        table: Any table.
        most: Rows that are shown.

    Returns:
        The texts of its first rows, or of evenly spaced ones of a curve.
    """
    columns = _columns(table)
    wide = columns[COLUMNS:] if table.chart in WIDE else []
    columns = columns[: len(columns) - len(wide)]
    rows = records(table)
    shown = _spaced(rows) if table.chart in CURVES else rows[:most]
    heads = tuple(_head(page, column, low is not None) for column, low, _ in columns)
    numeric = tuple(_is_numeric(rows, column) for column, _, _ in columns)
    kept = tuple(tuple(_cell(page, row, *column) for column in columns) for row in shown)
    return DataTable(heads, numeric, kept, len(rows) - len(shown), len(wide))


def _spaced(rows: list[dict[str, Scalar]]) -> list[dict[str, Scalar]]:
    """Points of a curve, evenly spaced, with both ends."""
    last = len(rows) - 1
    places = {round(i * last / (POINTS - 1)) for i in range(POINTS)} if rows else ()
    return [rows[place] for place in sorted(places)]


def reading(table: TableRecord, **axes: tuple[str, float, float]) -> str:
    """Say where the rows of a table of numbers lie in its drawing, so that a script can find them.

    Args:
        table: The table that `data_table` writes.
        **axes: For `x` and `y` a column with the numbers at the left and right, or the lower and
            upper, edge; for a logarithmic axis, their decimal logarithms, as `log_x` and `log_y`.

    Returns:
        Column, ends and "log" of x, then of y; nothing where a column is not there.
    """
    places = {column: i for i, (column, _, _) in enumerate(_columns(table))}
    parts = []
    for axis, (column, low, high) in axes.items():
        if column not in places:
            return ""
        log = " log" if axis.startswith("log") else ""
        parts.append(f"{places[column]} {low:g} {high:g}{log}")
    return ";".join(parts)


def _columns(table: TableRecord) -> list[tuple[str, str | None, str | None]]:
    """Columns with the columns of their bounds: x, x_low, x_high, or x, low, high."""
    names = list(dict.fromkeys(table.columns))
    bounds = {column: f"{column}_low" for column in names if f"{column}_low" in names}
    found: list[tuple[str, str | None, str | None]] = []
    taken: set[str] = set()
    for place, column in enumerate(names):
        if column in taken:
            continue
        low, high = f"{column}_low", f"{column}_high"
        if column not in bounds and names[place + 1 : place + 3] == ["low", "high"]:
            low, high = "low", "high"
        if low in names and high in names:
            taken |= {low, high}
            found.append((column, low, high))
        else:
            found.append((column, None, None))
    return found


def _head(page: Page, column: str, with_bounds: bool) -> Markup:  # noqa: FBT001
    title = column_title(page, column)
    return page.words("table.with_interval", column=title) if with_bounds else title


def column_title(page: Page, column: str) -> Markup:
    """The heading of a column: the title of its metric, our words for it, or its own name."""
    if page.metric(column):
        return page.metric_title(column)
    if page.words.has(f"column.{column}"):
        return page.words(f"column.{column}")
    return page.said(column[:1].upper() + column[1:].replace("_", " "))


def _is_numeric(rows: list[dict[str, Scalar]], column: str) -> bool:
    given = [row.get(column) for row in rows if row.get(column) is not None]
    return bool(given) and not any(isinstance(cell, str | bool) for cell in given)


def _cell(
    page: Page, row: dict[str, Scalar], column: str, low: str | None, high: str | None
) -> Markup:
    given = row.get(column)
    if column == "metric" and isinstance(given, str):
        return column_title(page, given)
    exact = number(row, column)
    bounds = [number(row, bound) for bound in (low, high) if bound is not None]
    if exact is not None and len(bounds) == 2 and None not in bounds:
        shown = numbers.show(exact, *bounds)
        return join([shown.text, Markup(" "), el("i", shown.interval)])
    if column in OURS and isinstance(given, str) and given:
        return page.told(given, CELL)
    if column in ("condition", "rule") and isinstance(given, str) and given:
        return page.words.condition(given, CELL)
    if isinstance(given, bool):
        return page.words("cell.true" if given else "cell.false")
    if not isinstance(given, str) or not given or _is_named(row, column, given):
        return cell(given)
    return page.said(given, CELL)


def _is_named(row: dict[str, Scalar], column: str, given: str) -> bool:
    """Whether a text is a name from the data: a row over no column is about everyone."""
    ours = given.startswith("(") or not row.get("attribute", "some")
    return column in NAMES and not ours


def cell(given: Scalar) -> Markup:
    """Write an entry of a table: a number by the formatter, a text as a name.

    Example:
        >>> cell(0.08623), cell("<i>")
        (Markup('0.0862'), Markup('&lt;i&gt;'))
    """
    if given is None or given == "":
        return join([numbers.DASH])
    if isinstance(given, bool):
        return join(["true" if given else "false"])
    if isinstance(given, int):
        return join([numbers.count(given)])
    return name(given, CELL) if isinstance(given, str) else join([numbers.show(given).text])


def heads(words: Words, label: str, given: str, word: str = "") -> tuple[Markup, Markup, Markup]:
    """Headings of a drawing, by id; no id gives no heading."""
    return words(label), words(given), words(word) if word else NOTHING
