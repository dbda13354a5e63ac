"""The page is whole, harmless, the same each time, and says what the record says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest
from hostile import HOSTILE, poisoned

from auditkit.errors import UnknownNameError
from auditkit.render.html import render
from auditkit.report import Report

VOID = {"meta", "input", "br", "col", "link", "img"}


class Outline(HTMLParser):
    """Elements, attributes, ids and visible text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.values: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self._quiet = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self._quiet += tag in ("script", "style")
        for name, value in attrs:
            self.attributes.add(name)
            self.values.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.text.append(data)

    @property
    def visible(self) -> str:
        return " ".join(" ".join(self.text).split())


def section(page: str, anchor: str) -> str:
    found = re.search(rf'<section class="s" id="{anchor}".*?</section>', page, re.DOTALL)
    assert found, anchor
    return found[0]


def text_of(markup: str) -> str:
    """Visible text; tags leave no gap, so that aligned numbers stay whole."""
    joined = re.sub(r"</?(?:span|bdi|b|a)\b[^>]*>", "", markup)
    return Outline(joined).visible


@pytest.fixture(scope="module")
def page(census: Report) -> str:
    return render(census)


def test_the_same_record_gives_the_same_bytes(census: Report, page: str) -> None:
    again = Report.from_json(census.to_json())
    assert render(again).encode() == page.encode()


def test_the_page_asks_for_nothing_from_anywhere(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href|action|data)\s*=\s*[\"']?(?:https?:)?//", page)
    assert not re.search(r"@import|url\(|<link|<img|<iframe|<object|<base", page)
    links = {value for _, name, value in Outline(page).values if name == "href"}
    assert all(link.startswith("#") for link in links)


def test_every_link_inside_the_page_leads_somewhere_and_ids_are_unique(page: str) -> None:
    outline = Outline(page)
    assert len(outline.ids) == len(set(outline.ids))
    for _, name, value in outline.values:
        if name == "href":
            assert value[1:] in outline.ids
        if name in ("aria-labelledby", "aria-describedby"):
            assert set(value.split()) <= set(outline.ids)


def test_the_census_report_is_small_and_in_the_order_of_print(page: str) -> None:
    assert len(page.encode()) < 130_000
    anchors = re.findall(r'<section class="s" id="([^"]+)"', page)
    known = [anchor for anchor in anchors if not anchor.startswith("audit-")]
    assert known == [
        *("summary", "scope", "performance", "fairness", "explainability", "privacy", "energy"),
        *(
            "not-measured",
            "policy",
            "crosswalk",
            "findings",
            "reproducibility",
            "sign-off",
            "glossary",
        ),
    ]
    assert len(anchors) == len(known) + 3  # two other audits, and criteria of none
    assert '<html lang="en">' in page


def test_the_word_compliant_never_stands_on_the_page(page: str) -> None:
    assert "compliant" not in page.lower()


def test_an_unknown_language_is_refused(census: Report) -> None:
    with pytest.raises(UnknownNameError, match="'fr'"):
        render(census, "fr")


def test_rendering_imports_no_heavy_library(census: Report) -> None:
    heavy = ["torch", "numpy", "pandas", "scipy", "sklearn", "shap", "opacus", "fairlearn"]
    code = (
        "import sys; from auditkit.report import Report; from auditkit.render.html import render;"
        "page = render(Report.from_json(sys.stdin.read()));"
        f"print(len(page), [m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=census.to_json(), capture_output=True, text=True,
        check=True, env={"PYTHONPATH": ":".join(sys.path), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    size, loaded = done.stdout.split(maxsplit=1)
    assert int(size) > 100_000
    assert loaded.strip() == "[]"


def test_every_measurement_over_all_rows_or_groups_is_listed_in_its_section(
    census: Report, page: str
) -> None:
    for pillar in ("performance", "fairness", "explainability", "privacy", "energy"):
        own = [m for m in census.measurements if m.audit == pillar]
        whole = [m for m in own if not m.slice or "*" in m.slice.values()]
        part = section(page, pillar)
        listed = re.findall(r'<table class="?ms.*?</table>', part, re.DOTALL)
        rows = sum(table.count("<tr><th>") for table in listed) - sum(
            table.count("<thead><tr><th>") for table in listed
        )
        crossed = [t for t in re.findall(r'<table class="dt mx.*?</table>', part, re.DOTALL)
                   if "<caption>Compared" in t]  # fmt: skip
        cells = [cell for table in crossed for cell in re.findall("<td>([^<]*)", table)]
        assert rows + sum(bool(cell.strip()) for cell in cells) == len(whole)
        tokens = _tokens(text_of(part))
        for value in (m.value for m in whole if m.value is not None):
            assert any(_near(token, value) for token in tokens), value
        assert f"All {len(own)} measurements" in part


def test_of_single_groups_those_surely_unlike_all_rows_are_shown(record: dict[str, Any]) -> None:
    one = next(m for m in record["measurements"] if m["metric"] == "accuracy")
    held = {"level": 0.95, "method": "test"}
    for group, low, high in (("low", 0.5, 0.6), ("like", 0.84, 0.86), ("none", None, None)):
        interval = None if low is None else {"low": low, "high": high, **held}
        record["measurements"].append(
            {**one, "id": f"performance.accuracy[job={group}]", "slice": {"job": group},
             "value": 0.55 if group == "low" else 0.85, "interval": interval,
             "reason": None if interval else "no interval was asked for"}
        )  # fmt: skip
    part = section(render(Report.model_validate(record)), "performance")
    shown = re.findall(r'<table class="dt mx.*?</table>', part, re.DOTALL)
    assert len(shown) == 1
    assert re.findall("<tr><th>([^<]*)", shown[0])[1:] == ["low"]
    assert "2 measurements of single groups are drawn above, or in audit.json only." in part


def _tokens(text: str) -> list[tuple[float, str]]:
    scaled = {"k": 1e3, "M": 1e6, "m": 1e-3, "µ": 1e-6, "s": 1.0, "J": 1.0, "": 1.0}
    pattern = r"(−?[\d,]*\d(?:\.\d+)?)\s?(k|M|m|µ)?(?=[sJB]\b| |\]|$|,)(?: × 10⁻([⁰¹²³⁴-⁹]))?"  # noqa: RUF001
    found = []
    for number, prefix, power in re.findall(pattern, text):
        size = float(number.replace(",", "").replace("−", "-")) * scaled[prefix]  # noqa: RUF001
        raised = "⁰¹²³⁴⁵⁶⁷⁸⁹".find(power) if power else 0
        found.append((size * 10.0**-raised, number))
    return found


def _near(token: tuple[float, str], value: float) -> bool:
    seen, text = token
    digits = len(text.partition(".")[2])
    return abs(seen - value) <= max(0.006 * abs(value), 0.51 * 10.0**-digits * (digits > 2))


def test_every_finding_stands_in_the_register_with_limit_and_whose(
    census: Report, page: str
) -> None:
    register = section(page, "findings")
    rows = re.findall(r'<tr id="finding-\d+".*?(?=<tr|</table)', register, re.DOTALL)
    assert len(rows) == len(census.findings)
    first = text_of(rows[0])
    assert "F1 Demographic parity ratio, sex 0.311 [0.251, 0.371] at least 0.8" in first
    assert "four-fifths rule, 29 CFR 1607.4(D)" in first
    assert "Retrain without sex, then measure again." in first
    verdicts = [re.search('data-v="([a-z_]+)"', row)[1] for row in rows]  # type: ignore[index]
    assert verdicts == [
        *("fail", "fail", "error", "inconclusive", "inconclusive", "inconclusive"),
        *("not_measured", "pass", "pass", "pass", "not_applicable"),
    ]


def test_what_has_no_value_is_listed_with_its_reason(census: Report, page: str) -> None:
    missing = text_of(section(page, "not-measured"))
    for measurement in census.measurements:
        if measurement.value is None:
            assert str(measurement.reason) in missing
            for column, group in measurement.slice.items():
                assert f"{column} = {group}" in missing
    assert "Stress test skipped there are only scores" in missing
    assert "Privacy broke ValueError: 'no noise'" in missing
    assert "V1 Epsilon at most 3 (own policy, after house rule 7)" in missing


def test_a_gap_names_the_two_groups_between_which_it_lies(page: str) -> None:
    summary = text_of(section(page, "summary"))
    assert (
        "By sex, Female are selected at 0.311 (0.251 to 0.371) times the rate of Male: "
        "0.081 against 0.260." in summary
    )
    assert "Of those whose outcome is positive, Female are selected less often" in summary


def test_a_gap_that_the_table_does_not_give_names_no_group(record: dict[str, Any]) -> None:
    for measurement in record["measurements"]:
        if measurement["id"] == "fairness.demographic_parity_ratio[sex=*]":
            measurement["value"] = 0.3
    summary = text_of(section(render(Report.model_validate(record)), "summary"))
    assert "Demographic parity ratio over sex is 0.300 (0.251 to 0.371)." in summary
    assert "Female are selected at" not in summary


def test_the_cover_answers_four_questions(page: str) -> None:
    cover = text_of(page[page.index("<main") : page.index('<section class="s" id="summary"')])
    assert "Fail 2 of the 11 criteria that were fixed before the test are broken." in cover
    assert "Sure of all 2 failures: each whole interval lies beyond its limit." in cover
    assert "Of the other findings, 1 in error, 3 inconclusive and 1 not measured." in cover
    assert "4,820 rows with sex = Female and 180 rows with race = Other, of 14,653" in cover
    assert "Retrain without sex, then measure again. Then repeat this audit." in cover
    assert "It is not a certificate and not a legal opinion" in cover
    assert "22 November 2026, 09:05 UTC" in cover
    assert "sha256 41d0c2e97b13" in cover


def test_a_pillar_without_a_criterion_or_a_measurement_is_never_green(page: str) -> None:
    line = r'<a href=#([a-z0-9-]+)><span class=t>[^\n]*?</span>(?:<svg class="g ([a-z]+)")?'
    states = dict(re.findall(line, page))
    assert states["explainability"] == ""
    assert states["energy"] == "pass"
    others = [state for anchor, state in states.items() if anchor.startswith("audit-")]
    assert sorted(others) == ["na", "none", "none"]
    assert 'class="vd unj"' in section(page, "explainability")


def test_a_pillar_whose_audit_broke_is_not_green_whatever_passed(record: dict[str, Any]) -> None:
    for audit in record["audits"]:
        if audit["name"] == "energy":
            audit.update(status="error", reason="OSError: no counter")
    assert 'class="vd err"' in section(render(Report.model_validate(record)), "energy")[:600]


def test_without_a_policy_the_first_line_says_that_nothing_was_judged(
    record: dict[str, Any],
) -> None:
    record.update(policy=None, findings=[], verdict="review")
    page = render(Report.model_validate(record))
    first = text_of(page[page.index("</h1>") : page.index("<dl class=meta>")])
    assert first.startswith("Nothing was judged: the audit was run without a policy")
    assert "Not judged There is no policy, so no verdict." in text_of(page)
    assert 'class="vd pass"' not in page


def test_a_model_that_decides_the_same_for_all_is_named_in_the_first_line(
    record: dict[str, Any],
) -> None:
    record["subject"]["constant_decision"] = True
    page = render(Report.model_validate(record))
    first = text_of(page[page.index("</h1>") : page.index("<dl class=meta>")])
    assert first.startswith("The model gives everyone the same decision: parity between groups")


@pytest.mark.parametrize(
    ("verdict", "kept", "word", "sentence"),
    [
        ("pass", ("pass",), "Pass", "3 of the 11 criteria that were fixed before the test are met"),
        ("review", ("inconclusive", "error"), "Review needed", "1 in error and 3 inconclusive"),
        ("review", (), "Review needed", "do not settle this model"),
        ("fail", ("fail",), "Fail", "2 of the 11 criteria"),
    ],
)
def test_the_banner_says_the_verdict_and_counts_criteria(
    record: dict[str, Any], verdict: str, kept: tuple[str, ...], word: str, sentence: str
) -> None:
    record["verdict"] = verdict
    record["findings"] = [f for f in record["findings"] if f["verdict"] in kept]
    page = render(Report.model_validate(record))
    banner = re.search(r'<div class="banner.*?</div>', page, re.DOTALL)
    assert banner
    assert f"{word} " in text_of(banner[0])
    assert sentence in text_of(banner[0])


def test_several_findings_of_one_criterion_are_one_line_of_the_summary(
    record: dict[str, Any],
) -> None:
    fails = [f for f in record["findings"] if f["verdict"] == "fail"]
    record["findings"] += [{**fails[0], "id": f"F1.{i}"} for i in range(30)]
    page = render(Report.model_validate(record))
    found = re.search("<ol class=find>.*?</ol>", section(page, "summary"), re.DOTALL)
    assert found
    assert found[0].count("<li>") == 5
    assert found[0].count(">F1") == 1
    assert section(page, "findings").count('<tr id="finding-') == len(record["findings"])


def test_an_unknown_kind_of_drawing_is_a_plain_table(page: str) -> None:
    drift = next(
        section(page, anchor)
        for anchor in re.findall(r'id="(audit-\d+)"', page)
        if "Months" in section(page, anchor)
    )
    assert "2026-02 3.40 × 10⁻⁵" in text_of(drift)  # noqa: RUF001
    assert "2026-03 –" in text_of(drift)  # noqa: RUF001


def test_closed_details_are_printed_and_the_margin_names_the_audit(page: str) -> None:
    assert "details::details-content{content-visibility:visible!important" in page
    assert "size:A4" in page
    margin = re.search(r'@bottom-left\{content:"([^"]*)"', page)
    assert margin
    codes = re.sub(r"\\([0-9a-f]+) ", lambda code: chr(int(code[1], 16)), margin[1])
    assert codes.startswith("auditkit audit 20261122T090500Z-7f3a, model 9f3c21ab70de, policy 41d0")


def test_tables_have_headers_that_need_no_scope_and_scrolling_parts_can_be_focused(
    page: str,
) -> None:
    tables = re.findall(r"<table.*?</table>", page, re.DOTALL)
    assert len(tables) > 30
    for table in tables:
        head, *bodies = re.split("<tbody>", table)
        assert "<th" in head
        for row in [row for body in bodies for row in re.split("<tr", body)[1:]]:
            first = row.partition(">")[2].lstrip()
            assert first.startswith("<th") or "class=ax" in row or 'class="ax"' in row
    for opening in re.findall(r"<div class=\"?scroll\"?[^>]*>", page):
        assert "tabindex=0" in opening
        assert "aria-label" in opening
    placed = re.sub(r"<svg [^>]*(?:preserveAspectRatio|\b[xy]=)[^>]*>", "", page)
    for svg in re.findall(r"<svg[^>]*>", placed):
        assert "aria-hidden=true" in svg or "role=img" in svg or "role=none" in svg


def test_a_record_with_nothing_in_it_is_still_a_report(record: dict[str, Any]) -> None:
    for key in ("audits", "measurements", "tables", "findings", "notes"):
        record[key] = []
    record["subject"]["groups"] = []
    record.update(metrics={}, training=None, policy=None, verdict="review")
    text = text_of(render(Report.model_validate(record)))
    assert "Energy not run it was not asked for" in text


@pytest.fixture(scope="module")
def harmless(page: str) -> Outline:
    return Outline(page)


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_names_change_no_element_and_no_attribute(
    record: dict[str, Any], harmless: Outline, word: str
) -> None:
    page = render(Report.model_validate(poisoned(record, word)))
    outline = Outline(page)
    assert outline.elements["script"] == outline.elements["style"] == 1
    assert set(outline.elements) <= set(harmless.elements) | {"bdi"}
    assert outline.attributes <= harmless.attributes
    assert not any(name.startswith("on") for name in outline.attributes)
    assert len(outline.ids) == len(set(outline.ids))
    assert not re.search("[\u0000-\u0008\u202a-\u202e\u2066-\u2069]", page)
    assert len(page.encode()) < 1_000_000


def test_a_cell_that_a_plain_table_shows_whole_is_not_listed_as_cut(
    record: dict[str, Any],
) -> None:
    shown, cut = "a sentence " + "of words " * 10, "a sentence " + "of words " * 20
    table = record["tables"][0]
    for chart, listed in ((None, [cut]), (table["chart"], [shown, cut])):
        record["tables"] = [
            {**table, "chart": chart, "columns": ["a", "b"], "rows": [[shown, 1], [cut, 2]]}
        ]
        page = render(Report.model_validate(record))
        names = re.findall("<li>(a sentence [a-z ]*)", page)
        assert [name.strip() for name in names] == [name.strip() for name in listed]


def test_a_name_of_10000_characters_is_cut_and_shown_in_full_once_as_far_as_it_goes(
    record: dict[str, Any],
) -> None:
    long = "race" + "W" * 9996
    record["subject"]["groups"][1]["column"] = long
    page = render(Report.model_validate(record))
    assert "W" * 1000 not in page
    assert len(re.findall("W{900}", page)) == 1
    assert "(10,000 characters)" in page
