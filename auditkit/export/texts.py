"""Texts of a record made fit for a file of another tool: XML, JSON, Markdown or CSV.

Nothing in a record is trusted. Escaping is left to the library that writes a format where there
is one; here stands what no library does: characters that cannot be printed, length, Markdown, and
cells that a spreadsheet would run as a formula.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from auditkit.evidence import ALL_GROUPS
from auditkit.render import numbers
from auditkit.render.text import NAMELESS, tidy
from auditkit.report import MeasurementRecord, Scalar

#: Longest name that is written; unit: characters.
NAME = 120
#: Unit of emissions in a record.
CARBON = "g CO2e"
#: What a spreadsheet takes for the start of a formula, in plain and in full width.
FORMULA = ("=", "+", "-", "@", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: What Markdown reads as markup wherever it stands.
_MARKUP = re.compile(r"([\\`*_{}\[\]|~$!@]|:(?=//))")
#: What Markdown reads as markup at the start of a line or behind the mark of a list.
_STARTS = re.compile(r"^(\s*)([-+=#]|\d+(?=[.)](?:\s|$)))")
_HEX = re.compile(r"[0-9a-f]{64}")


def name(text: str, longest: int = NAME) -> str:
    """Write a name on one line, without control or direction marks, cut where it is too long.

    Example:
        >>> name("a" + chr(10) + "b"), name("")
        ('a b', '""')
    """
    return tidy(text, longest) or NAMELESS


def where(slice_: Mapping[str, str] | Sequence[str]) -> str:
    """Write a slice, or the columns that a criterion compares groups of; all rows give "".

    Example:
        >>> where({"sex": "*", "race": "Black"}), where(["sex"]), where({})
        ('sex=*, race=Black', 'sex=*', '')
    """
    parts = slice_ if isinstance(slice_, Mapping) else dict.fromkeys(slice_, ALL_GROUPS)
    return ", ".join(f"{name(column, 60)}={name(group, 60)}" for column, group in parts.items())


def is_digest(text: str | None) -> bool:
    """Whether a text is a sha256 in hexadecimal.

    Example:
        >>> is_digest("0" * 64), is_digest("sha"), is_digest(None)
        (True, False, False)
    """
    return text is not None and _HEX.fullmatch(text) is not None


def as_json(plain: object) -> bytes:
    r"""Write plain values as JSON, the same bytes for the same values.

    Example:
        >>> as_json({"a": 1})
        b'{\n "a": 1\n}\n'
    """
    return (json.dumps(plain, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def markdown(text: str, longest: int = 600) -> str:
    r"""Escape a text for one line of Markdown: no markup, no HTML, no link, no mention.

    Example:
        >>> print(markdown("<b>*x*</b>"), markdown("http://a.b"), markdown("- 1"))
        &lt;b&gt;\*x\*&lt;/b&gt; http\://a.b \- 1
    """
    plain = tidy(text, longest)
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = _MARKUP.sub(r"\\\1", plain).replace("www.", "www&#46;")
    return _STARTS.sub(_escaped_start, plain).strip()


def _escaped_start(found: re.Match[str]) -> str:
    space, start = found.groups()
    return f"{space}{start}\\" if start.isdigit() else f"{space}\\{start}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table in Markdown; its cells are escaped already.

    Example:
        >>> table(["a"], [["1"]])
        ['| a |', '|---|', '| 1 |']
    """
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]


def cell(value: Scalar) -> str:
    """Write a cell of a CSV file: numbers exactly, nothing for None, and no text is a formula.

    Example:
        >>> cell("=1+1"), cell(0.25), cell(None), cell(" @x")
        ("'=1+1", '0.25', '', "' @x")
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    plain = tidy(value)
    return f"'{plain}" if plain.lstrip().startswith(FORMULA) else plain


def shown(measurement: MeasurementRecord, limits: Iterable[float] = ()) -> tuple[str, str]:
    """A value with its unit, and its interval with the level; "" where there is none.

    Neither is rounded onto or over a limit.
    """
    if measurement.value is None:
        return "", ""
    held = measurement.interval
    bounds = (held.low, held.high) if held else (None, None)
    told = numbers.show(measurement.value, *bounds, unit=measurement.unit, limits=limits)
    return told.text, f"{told.interval} ({numbers.percent(held.level)})" if held else ""
