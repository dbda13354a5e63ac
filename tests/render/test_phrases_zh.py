"""The Chinese page holds Chinese: what is left in Latin letters is a name, a unit or code."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from auditkit.audit import known_metrics
from auditkit.render.html import render
from auditkit.render.phrases import FOLDER, PhraseBook, phrase_book
from auditkit.render.words import Words
from auditkit.report import Report
from auditkit.subject import NEEDS

SAMPLE = Path(__file__).parents[2] / "reports" / "sample" / "audit.json"
#: Names of methods, people, bodies, laws and software, and what is written so in Chinese too.
NAMES = """
FGSM PGD guard time
 ABROCA AI AUC Agresti Bonferroni CFR CPU Carbon Clopper Cloud Cochran DeLong DeepExplainer
 Dvoretzky ECOA EEOC EU Fieller Fisher Footprint GB GOVERN Green Algorithms Haenszel Hochberg
 Benjamini Holm IBAN IP Jagielski Kiefer Kolmogorov LiRA MAC MANAGE MAP MEASURE MOVER Mantel
 Min NIST NYC Nasr Newcombe Nurminen Pearson Python RCNY RMF RMIA ROC Rényi SPECpower Smirnov
 Steinke TDP Verify Welch Wilson Wolfowitz Annex Art Admin Code UTC auditkit audit json toml sha
 shap torch twin powercap to Ember Our World in Data CC BY ISO IEC SCI PUE CO UCI United States USA
 IV XI Platt Spiegelhalter Wald
"""
UNITS = "FLOP GFLOP kFLOP MFLOP TFLOP J mJ kJ MJ W Wh kWh MB kB GB ms ns min mg kg"
#: Names of columns of tables and of settings, which a note refers to.
REFERRED = re.compile(
    r"\b[a-z]+_[a-z_]+\b|\[[a-z.-]+\]( [a-z_]+)?|= true|subject\.\w+(\.\w+)?|\[place - 1\]"
    r"|\blog2\b|\b(raw|within|rare|others|support|predicted|adds|row|place)(?=\uff1a)|[\w-]+…"
    r"|(Annex|Art\.) [IVX\d]+(\(\w+\))*(, \(\w+\))*|'[^']*' (\xd7 '[^']*' )?[a-z_]+",
    re.ASCII,
)


@pytest.fixture(scope="module")
def sample() -> Report:
    return Report.load(SAMPLE)


@pytest.fixture(scope="module")
def page(sample: Report) -> str:
    return render(sample, "zh-Hans")


def visible(page: str) -> str:
    """Text and labels of the page, without code, settings and the list of software."""
    body = page[page.index("<body") :]
    left_out = r"<(script|style)\b.*?</\1>|<span class=\"?(mono|small).*?</span>"
    body = re.sub(left_out, "", body, flags=re.DOTALL)
    body = re.split(r"<section [^>]*id=\"?reproducibility", body)[0]
    labels = re.findall(r'(?:aria-label|title|alt)="([^"]*)"', body)
    return html.unescape("\n".join([re.sub(r"<[^>]+>", "\n", body), *labels]))


def names(report: Report) -> set[str]:
    """Every name of the record: columns, groups, values, the subject, the files."""
    roles, subject = report.subject.roles, report.subject
    found = {subject.name, subject.model.kind, str(roles.label), subject.data.source}
    found |= {report.audit_id, *roles.features, *roles.sensitive}
    found |= {report.policy.name} if report.policy else set()
    found |= {one for group in subject.groups for one in (group.column, *group.names)}
    found |= {audit.name for audit in report.audits} | {table.id for table in report.tables}
    held = {
        *("value", "value_with", "value_without", "typical_value", "stratum", "at"),
        *("changed_feature", "category", "reason"),
    }
    for table in report.tables:
        for place in (place for place, column in enumerate(table.columns) if column in held):
            found |= {str(row[place]) for row in table.rows}
    return found


def test_nothing_of_the_sample_is_left_in_english(page: str) -> None:
    assert '<span lang="en">' not in page


def test_no_english_word_is_left_but_names_units_and_code(sample: Report, page: str) -> None:
    text = REFERRED.sub(" ", visible(page))
    for one in sorted(names(sample), key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z]){re.escape(one)}(?![A-Za-z])", " ", text)
    left = set(re.findall(r"[A-Za-zé]{2,}", text)) - set(NAMES.split()) - set(UNITS.split())
    assert not left


def test_the_page_says_its_language_and_writes_no_space_after_a_full_width_mark(page: str) -> None:
    assert '<html lang="zh-Hans">' in page
    assert not re.search(r"[\u3002\uff1b\uff0c\uff1a](?:</[a-z]+>)* ", page)


def test_every_metric_and_every_missing_need_is_said_in_chinese() -> None:
    book = phrase_book("zh-Hans")
    assert book is not None
    said = {m.title: book(m.title) for m in known_metrics().values()}
    said |= {m.definition: book(m.definition) for m in known_metrics().values()}
    said |= {need: book(need) for need in NEEDS.values()}
    assert [text for text, told in said.items() if told is None] == []


def test_phrases_keep_their_holes() -> None:
    held = json.loads((FOLDER / "phrases.zh-Hans.json").read_text(encoding="utf-8"))
    for english, chinese in {**held["phrases"], **held["conditions"], **held["bands"]}.items():
        holes = [sorted(set(re.findall(r"\{(\w+)\}", text))) for text in (english, chinese)]
        assert holes[0] == holes[1], english
        assert not english.endswith("."), english


def test_a_rule_is_said_and_a_name_that_looks_like_one_is_not() -> None:
    say = Words("zh-Hans")
    assert "age不低于40，且hours低于35" in say.condition("age at least 40 and hours under 35")
    assert say.said("children under 5") == "children under 5"


def test_a_band_and_a_unit_are_said() -> None:
    book = PhraseBook({}, ";", "。", {"features": "个特征"}, {"{n} to {m}": "{n}至{m}"})
    assert (book.band("25 to 44"), book.band("young")) == ("25至44", "young")
    assert (book.unit("features"), book.unit("J")) == ("个特征", "J")


def test_a_group_that_is_a_band_is_called_the_same_everywhere(sample: Report, page: str) -> None:
    assert any("under 25" in group.names for group in sample.subject.groups)
    assert "under 25" not in page
    assert "25以下" in page
