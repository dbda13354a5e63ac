"""What headless Chromium finds in the pages: violations, requests, overflow, and what is lost."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import Draw
from chromium import Browser
from hostile import HOSTILE

from auditkit.render.words import languages

AXE = Path(__file__).with_name("axe.min.js")
#: Violations of WCAG 2.2 A and AA that axe-core finds, each with what it is about.
VIOLATIONS = """axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'],
  rules: {'duplicate-id': {enabled: true}, 'duplicate-id-active': {enabled: true}},
  resultTypes: ['violations'],
}).then(found => found.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 99)]))"""
#: Texts with what they are in; what print leaves out on purpose is marked.
TEXTS = """(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  for (let node; (node = walker.nextNode()); ) {
    const held = node.parentElement;
    if (held.closest('script,style,title,desc,symbol,.js')) continue;
    const text = node.nodeValue.replace(/\\s+/g, '');
    if (text) found.push([text, !!held.closest('nav.toc,.skip,.foot,.also')]);
  }
  return found;
})()"""
#: Elements that a Tab should stop at, in their order; of a group of choices it is one.
STOPS = """(() => {
  const names = new Set();
  return [...document.querySelectorAll('a[href],button,input,textarea,summary,[tabindex]')]
    .filter(x => x.tabIndex >= 0 && x.checkVisibility())
    .filter(x => x.type !== 'radio' || (!names.has(x.name) && names.add(x.name)))
    .map((x, i) => (x.dataset.stop = i));
})()"""
FOCUSED = """(() => {
  const x = document.activeElement, style = getComputedStyle(x), box = x.getBoundingClientRect();
  const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  return [x.dataset.stop ?? x.tagName, seen && box.width > 0 && box.bottom > 0];
})()"""
#: Least contrast of the texts of drawings: with the page, with the tint beyond a limit, and, for a
#: text that stands in a bar, with the bar.
CONTRAST = """(() => {
  const probe = document.body.appendChild(document.createElement('i'));
  const light = color => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map(c => c / 255)
      .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
  };
  const grounds = ['--paper', '--fail-wash'].map(name => {
    probe.style.color = `var(${name})`;
    return light(getComputedStyle(probe).color);
  });
  const ratio = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  return Math.min(...[...document.querySelectorAll('svg text')].map(text => {
    const ink = light(getComputedStyle(text).fill);
    const bar = text.matches('.i') && text.parentNode.previousElementSibling;
    const behind = bar ? [light(getComputedStyle(bar).fill)] : grounds;
    return Math.min(...behind.map(ground => ratio(ink, ground)));
  }));
})()"""
OPEN = "document.querySelectorAll('details').forEach(x => { x.open = true })"
WIDTHS = (360, 768, 1440)
THEMES = ("light", "dark")


def violations(browser: Browser, file: Path, **given: Any) -> list[Any]:
    """What axe-core finds in both themes, with all details open."""
    browser.open(file, **given)
    browser.run(OPEN)
    browser.run(AXE.read_text(encoding="utf-8") + ";0")
    found = []
    for theme in THEMES:
        browser.prefer(theme)
        found += [(theme, *violation) for violation in browser.run(VIOLATIONS)]
    return found


def overflow(browser: Browser) -> dict[int, int]:
    """By how many pixels the page is wider than the window, where it is, with all open."""
    browser.run(OPEN)
    found = {}
    for width in WIDTHS:
        browser.resize(width)
        found[width] = browser.run("document.documentElement.scrollWidth - innerWidth")
    return {width: over for width, over in found.items() if over > 0}


def dialogs(browser: Browser) -> int:
    return sum(e.get("method") == "Page.javascriptDialogOpening" for e in browser.events)


def test_the_checker_finds_what_is_planted(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    file.write_text(
        "<!doctype html><html><body style='width:2000px'><img src='data:,'><p style='color:#ccc'>"
        "pale</p><input id='a'><input id='a'></body></html>",
        encoding="utf-8",
    )
    found = {violation[1] for violation in violations(browser, file)}
    assert {"html-has-lang", "image-alt", "color-contrast", "label"} <= found
    assert overflow(browser)[360] > 1_000


@pytest.mark.parametrize("language", languages())
def test_the_page_of_changes_breaks_no_rule_of_wcag_in_either_theme(
    browser: Browser, draw: Draw, language: str
) -> None:
    file = draw("changes", language)
    assert violations(browser, file) == []
    assert overflow(browser) == {}
    assert browser.requests() == [file.as_uri()]


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", ["census", "sample"])
def test_the_report_breaks_no_rule_of_wcag_in_either_theme(
    browser: Browser, draw: Draw, kind: str, language: str
) -> None:
    assert violations(browser, draw(kind, language)) == []


@pytest.mark.slow
@pytest.mark.parametrize("word", HOSTILE)
@pytest.mark.parametrize("kind", ["census", "changes"])
def test_hostile_names_run_nothing_break_no_rule_and_widen_no_page(
    browser: Browser, draw: Draw, kind: str, word: str
) -> None:
    file = draw(kind, word=word)
    assert violations(browser, file) == []
    assert overflow(browser) == {}
    assert dialogs(browser) == 0
    assert browser.requests() == [file.as_uri()]
    assert browser.complaints() == []


@pytest.mark.parametrize("language", languages())
def test_the_report_asks_for_nothing_complains_of_nothing_and_fits_every_window(
    browser: Browser, draw: Draw, language: str
) -> None:
    file = draw("census", language)
    browser.open(file)
    assert overflow(browser) == {}
    assert browser.requests() == [file.as_uri()]
    assert browser.complaints() == []


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
def test_the_sample_report_fits_every_window(browser: Browser, draw: Draw, language: str) -> None:
    browser.open(draw("sample", language))
    assert overflow(browser) == {}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        yield server


def test_the_policy_of_the_page_stops_what_a_script_would_fetch(
    browser: Browser, draw: Draw, listener: socket.socket
) -> None:
    browser.open(draw("census"))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    told = browser.run(f"""(async () => {{
      const refused = [];
      document.addEventListener('securitypolicyviolation', e => refused.push(e.effectiveDirective));
      new Image().src = '{address}a';
      await fetch('{address}b').catch(() => 0);
      await new Promise(done => setTimeout(done, 200));
      return refused.sort();
    }})()""")
    assert told == ["connect-src", "img-src"]
    with pytest.raises(TimeoutError):
        listener.accept()


def test_the_numbers_and_words_in_drawings_stand_out_from_what_is_behind_them(
    browser: Browser, draw: Draw
) -> None:
    """axe-core cannot tell what is behind the text of an SVG, so it is held against both."""
    browser.open(draw("census"))
    for theme in THEMES:
        browser.prefer(theme)
        assert browser.run(CONTRAST) >= 4.5, theme


def test_tab_reaches_everything_in_order_and_one_sees_where_it_is(
    browser: Browser, draw: Draw
) -> None:
    browser.open(draw("census"))
    browser.run(OPEN)
    stops = browser.run(STOPS)
    assert len(stops) > 150
    reached = []
    for _ in stops:
        browser.press("Tab", 9)
        reached.append(browser.run(FOCUSED))
    assert reached == [[str(stop), True] for stop in stops]


def test_without_its_script_the_page_says_the_same(browser: Browser, draw: Draw) -> None:
    file = draw("census")
    browser.open(file, scripts=False)
    assert browser.run("document.querySelectorAll('.js,[aria-sort],[hidden]').length") == 0
    without = browser.run(TEXTS)
    browser.open(file)
    assert browser.run("document.querySelectorAll('.js').length") > 20
    assert browser.run(TEXTS) == without


@pytest.mark.slow
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", ["census", "sample"])
def test_everything_is_printed_though_details_are_closed(
    browser: Browser, draw: Draw, kind: str, language: str, tmp_path: Path
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs pdftotext: Debian's package is poppler-utils")
    browser.open(draw(kind, language))
    assert browser.run("document.querySelectorAll('details:not([open])').length") > 0
    given = Counter(text for text, left_out in browser.run(TEXTS) if not left_out)
    browser.print(tmp_path / "report.pdf")
    assert len(given) > 500
    printed = words_of(tmp_path / "report.pdf")
    lost = [text for text, n in given.items() if printed.count(text) < n]
    assert [text for text in lost if not runs_over(text, printed)] == []


def words_of(file: Path) -> str:
    """The text of a PDF in one piece, without its margins and white space."""
    done = subprocess.run(
        ["pdftotext", "-raw", file, "-"],  # noqa: S607 - a program of the system
        capture_output=True,
        text=True,
        check=True,
    )
    pages = re.sub(r"(?m)^\f?\d+ / \d+\n.*\n", "", done.stdout)
    return re.sub(r"\s+", "", pages)


def runs_over(text: str, printed: str) -> bool:
    """Whether a text is there in two parts, as one that begins on a page and ends on the next."""
    return any(text[:at] in printed and text[at:] in printed for at in range(8, len(text) - 8))
