"""What the script adds: it sorts, filters, links, opens and reads drawings, and hides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.conftest import ROOT, Draw
from chromium import Browser

SCRIPT = ROOT / "auditkit" / "render" / "script.js"
ARROW_RIGHT, END, ENTER, ESCAPE = ("ArrowRight", 39), ("End", 35), ("Enter", 13), ("Escape", 27)
#: The first texts of the rows that are shown, of the table whose heading has the focus.
COLUMN = """(() => {
  const head = document.activeElement.closest('th'), table = head.closest('table');
  const place = [...head.parentNode.children].indexOf(head);
  return [head.ariaSort, ...[...table.tBodies[0].rows].filter(row => !row.hidden)
    .map(row => row.children[place].textContent.trim())];
})()"""


@pytest.fixture
def page(browser: Browser, draw: Draw) -> Browser:
    browser.open(draw("census"))
    return browser


def focus(page: Browser, selector: str) -> None:
    page.run(f"document.querySelector({selector!r}).focus()")


def test_the_script_is_small_and_no_element_has_a_handler_in_it(page: Browser) -> None:
    assert len(SCRIPT.read_bytes()) <= 10_300
    handlers = """[...document.querySelectorAll('*')]
      .flatMap(x => x.getAttributeNames()).filter(name => name.startsWith('on'))"""
    assert page.run(handlers) == []


def test_a_heading_sorts_its_table_by_verdict_up_and_down(page: Browser) -> None:
    focus(page, "#register th:nth-child(5) button")
    before = page.run(COLUMN)
    assert before[0] is None
    page.press(*ENTER)
    up = page.run(COLUMN)
    page.press(*ENTER)
    down = page.run(COLUMN)
    assert up == ["ascending", *before[1:]]  # the register comes in the order of urgency
    assert down[0] == "descending"
    assert down[1:] != up[1:]
    assert sorted(down[1:]) == sorted(up[1:])


def test_numbers_are_sorted_by_their_size_whatever_their_unit(
    browser: Browser, tmp_path: Path
) -> None:
    given = ["1.20 ms", "900 µs", "–", "12.0 min", "3.00 s", "4.10 × 10⁻⁷ s"]  # noqa: RUF001
    given += ["−2.00 s", "11 min"]  # noqa: RUF001
    rows = "".join(f"<tr><th scope='row'>{text}" for text in given)
    file = tmp_path / "units.html"
    file.write_text(
        "<!doctype html><meta charset='utf-8'><table class='dt'><thead><tr><th>Time<tbody>"
        f"{rows}</table><script>{SCRIPT.read_text(encoding='utf-8')}</script>",
        encoding="utf-8",
    )
    browser.open(file)
    focus(browser, "th button")
    browser.press(*ENTER)
    assert browser.run(COLUMN)[1:] == [
        *("−2.00 s", "4.10 × 10⁻⁷ s", "900 µs", "1.20 ms", "3.00 s"),  # noqa: RUF001
        *("11 min", "12.0 min", "–"),  # noqa: RUF001
    ]
    browser.press(*ENTER)
    assert browser.run(COLUMN)[1] == "12.0 min"
    assert browser.run(COLUMN)[-1] == "–"  # noqa: RUF001 - what is not there is last both ways


def test_a_long_table_shows_only_the_rows_that_hold_the_words_and_counts_them(
    page: Browser,
) -> None:
    told = page.run("""(() => {
      const field = [...document.querySelectorAll('input[type=search]')]
        .find(x => x.closest('label').nextElementSibling.querySelector('tbody').rows.length > 12);
      const rows = [...field.closest('label').nextElementSibling.querySelector('tbody').rows];
      const word = rows[3].cells[0].textContent.trim();
      field.value = word.toUpperCase();
      field.dispatchEvent(new Event('input'));
      const left = rows.filter(row => !row.hidden);
      return [left.length, rows.length, left.every(row => row.textContent.includes(word)),
        field.closest('label').querySelector('output').textContent];
    })()""")
    left, rows, hold, said = told
    assert 0 < left < rows
    assert hold
    assert said == f"{left} / {rows}"


def test_the_register_shows_the_findings_of_one_verdict(page: Browser) -> None:
    focus(page, ".tools[role=group] button")
    page.press(*ENTER)
    shown = "[...document.querySelectorAll('#register tbody tr')].filter(x => !x.hidden)"
    assert page.run(f"{shown}.map(x => x.dataset.v)") == ["fail", "fail"]
    page.press(*ENTER)
    assert page.run(f"{shown}.length") == 11


def test_all_details_are_opened_and_closed_by_a_key(page: Browser) -> None:
    closed = "document.querySelectorAll('details:not([open])').length"
    assert page.run(closed) > 5
    focus(page, ".tools button")
    page.press(*ENTER)
    assert page.run(closed) == 0
    focus(page, ".tools button + button")
    page.press(*ENTER)
    assert page.run("document.querySelectorAll('details[open]').length") == 0


def test_sections_figures_and_findings_have_links_that_lead_to_them(page: Browser) -> None:
    broken = """[...document.querySelectorAll('a.an')]
      .filter(x => !document.getElementById(x.hash.slice(1)).contains(x)).length"""
    assert page.run("document.querySelectorAll('a.an').length") > 40
    assert page.run(broken) == 0
    focus(page, "#register tr:nth-child(4) a.an")
    place = page.run("document.activeElement.closest('tr').id")
    page.press(*ENTER)
    assert page.run("location.hash") == f"#{place}"
    assert page.run(f"document.getElementById('{place}').getBoundingClientRect().top") < 900


def test_arrow_keys_read_the_rows_of_a_drawing_and_escape_hides_them(page: Browser) -> None:
    focus(page, ".xyw[role=slider]")
    tip = "document.activeElement.querySelector('.tip')"
    first = page.run(f"{tip}.textContent").split("\n")
    assert first[:2] == ["Bin: 0", "Rows: 6,900"]
    assert first[3].startswith("Observed rate [interval]: 0.05")
    page.press(*ARROW_RIGHT)
    assert page.run(f"{tip}.textContent").startswith("Bin: 1\nRows: 2,300")
    assert page.run("document.activeElement.ariaValueNow") == "2"
    assert page.run("document.activeElement.ariaValueText").startswith("Bin: 1, Rows: 2,300")
    page.press(*END)
    assert page.run("document.activeElement.ariaValueNow") == "9"
    page.press(*ESCAPE)
    assert page.run(f"{tip}.checkVisibility()") is False


def test_the_ring_of_a_reading_stands_on_the_mark_of_its_row(page: Browser) -> None:
    focus(page, ".xyw[role=slider]")
    apart = page.run("""(() => {
      const plot = document.activeElement, middle = x => {
        const box = x.getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2];
      };
      const ring = middle(plot.querySelector('.dot'));
      return Math.min(...[...plot.querySelectorAll('circle')]
        .map(middle).map(([x, y]) => Math.hypot(x - ring[0], y - ring[1])));
    })()""")
    assert apart < 2


def test_the_slider_starts_at_the_threshold_in_use_and_says_what_another_would_do(
    page: Browser,
) -> None:
    said = "document.querySelector('output.js').textContent"
    assert page.run(said).startswith("Threshold: 0.200 · Accuracy [interval]: 0.709 [")
    focus(page, "input[type=range]")
    page.press(*ARROW_RIGHT)
    assert page.run(said).startswith("Threshold: 0.300 · Accuracy [interval]: 0.760 [")
    place = "document.querySelector('[data-row] .dot').style.left"
    assert page.run(place) == "30%"
