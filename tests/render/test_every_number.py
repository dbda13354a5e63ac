"""Every number of the page is in the record, or made from it at a few named places.

All digits that `auditkit.render.numbers` writes are written in another alphabet here. So a number
that anything else wrote shows, and has to stand in a text of the record or in our own words; and
what the formatter was given is held against the numbers of the record, to the last digit.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from render.test_html import Outline

from auditkit.render import numbers, sentences
from auditkit.render.html import render
from auditkit.render.words import FOLDER
from auditkit.report import Report, TableRecord

ROOT = Path(__file__).parents[2]
MONOSPACE = str.maketrans("0123456789", "".join(chr(0x1D7F6 + i) for i in range(10)))
#: Places that make a number from several of the record, and what they make.
DERIVED = {
    "charts_explain._strip_line": "part of the rows whose score a feature raises",
    "charts_explain._waterfall_title": "difference of two mean scores",
    "charts_effects._share": "a share in whole percent",
    "charts_spending._seconds": "sum over the audits of an area",
    "charts_spending._share": "part of the whole time",
    "charts_spending._times": "as many trainings",
    "provenance.joules": "sum over the audits of an area",
    "scope._line": "part of all rows",
}


@dataclass
class Given:
    """What the formatter was given while a page was drawn.

    Attributes:
        held: The numbers of the record, and what may be made of one.
        count: How many numbers it was given.
        others: Numbers that are not held, each with the function that asked.
        page: The page, with the formatter's digits in another alphabet.
    """

    held: set[float]
    count: int = 0
    others: set[tuple[float, str]] = field(default_factory=set)
    page: str = ""

    @property
    def foreign(self) -> list[float]:
        """What was written and is neither held nor made at a place that may make it."""
        return sorted(value for value, place in self.others if place not in DERIVED)


def drawn(report: Report, monkeypatch: pytest.MonkeyPatch) -> Given:
    """Draw a page, and watch the formatter."""
    given = Given(allowed(report))
    grouped = numbers._grouped
    monkeypatch.setattr(numbers, "_grouped", lambda number: grouped(number).translate(MONOSPACE))
    for name in ("show", "limit", "count", "percent"):
        monkeypatch.setattr(numbers, name, watched(getattr(numbers, name), given))
    given.page = render(report)
    return given


def watched(write: Callable[..., Any], given: Given) -> Callable[..., Any]:
    """The formatter, which notes what is not in the record."""

    def writing(*values: Any, **options: Any) -> Any:
        said = [*values, *(options.get(key) for key in ("low", "high")), *options.get("limits", ())]
        asked = [value for value in said if value is not None and not isinstance(value, str)]
        given.count += len(asked)
        given.others |= {(value, asker()) for value in asked if abs(value) not in given.held}
        return write(*values, **options)

    return writing


def asker() -> str:
    """The function of the page that wants a number written."""
    frame = inspect.currentframe()
    passed = ("test_every_number", "numbers.", "figures.", "words.")
    while frame is not None:
        place = f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_name}"
        if not place.startswith(passed) and "<" not in place:
            return place
        frame = frame.f_back
    return ""


def values(part: Any) -> Iterator[Any]:
    """Every number and text of a record, its keys among them."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield key
            yield from values(value)
    elif isinstance(part, list):
        for value in part:
            yield from values(value)
    elif part is not None and not isinstance(part, bool):
        yield part


def allowed(report: Report) -> set[float]:
    """Sizes of the numbers of the record, in percent and as what is left of 1 too.

    With them counts of what the record holds: whole numbers up to its rows of tables and texts.
    """
    held = [v for v in values(json.loads(report.to_json())) if isinstance(v, int | float)]
    found = {abs(v) for v in held}
    found |= {100 * v for v in found} | {abs(1 - v) for v in found}
    for table in report.tables:
        if table.chart == "waterfall":
            found |= set(rests(table))
    found |= {sentences.rounded_up(f.n_needed) for f in report.findings if f.n_needed}
    most = report.to_json().count('"id"') + sum(len(table.rows) for table in report.tables)
    return found | set(range(most + 1))


def rests(table: TableRecord) -> Iterator[float]:
    """What the smaller terms of each waterfall sum to, from whatever place on."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    for pair in {(row["attribute"], row["a"], row["b"]) for row in rows}:
        own = [row for row in rows if (row["attribute"], row["a"], row["b"]) == pair]
        named = [row for row in own if "(" not in str(row["feature"])]
        folded = [row for row in own if "others)" in str(row["feature"])]
        terms = [float(str(row["contribution"])) for row in named]
        terms.sort(key=abs, reverse=True)
        terms += [float(str(row["contribution"])) for row in folded]
        yield from (abs(math.fsum(terms[place:])) for place in range(len(terms)))


def unexplained(report: Report, page: str) -> set[str]:
    """Numbers that the formatter did not write and no text of the record or of ours holds."""
    texts = [v for v in values(json.loads(report.to_json())) if isinstance(v, str)]
    texts += [report.plan.model_dump_json()]  # settings stand as they were written
    texts += [path.read_text(encoding="utf-8") for path in FOLDER.glob("messages.en.json")]
    regimes = (FOLDER.parent / "regimes").glob("*.toml")
    texts += [path.read_text(encoding="utf-8") for path in regimes]
    times = [report.created, *(note.time for note in report.notes)]
    texts += [f"{datetime.fromisoformat(str(time)):%Y %-d %H:%M}" for time in times]
    known = {token for text in texts for token in tokens(text)}
    plain = re.sub(r'<span class="num">\d+</span>', "", page)
    return set(tokens(Outline(plain).visible)) - known


def tokens(text: str) -> list[str]:
    return re.findall(r"[0-9]+(?:[.,][0-9]+)*", text)


def test_every_number_of_the_page_is_in_the_record(
    census: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = drawn(census, monkeypatch)
    assert given.count > 500
    assert given.foreign == []
    assert unexplained(census, given.page) == set()


def test_every_number_of_the_sample_is_in_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Report.load(ROOT / "reports" / "sample")
    given = drawn(sample, monkeypatch)
    assert given.count > 5_000
    assert given.foreign == []
    assert unexplained(sample, given.page) == set()
    assert {place for _, place in given.others} == set(DERIVED)  # all of them are needed


def test_a_number_that_is_planted_is_found(census: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    given = drawn(census, monkeypatch)
    planted = given.page.replace("</p>", " and 0.317 of them</p>", 1)
    assert unexplained(census, planted) == {"0.317"}
    numbers.show(0.3170001)
    numbers.count(123_457)
    assert given.foreign == [0.3170001, 123_457]
