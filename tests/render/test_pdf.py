"""The PDF is tagged, readable, whole, the same each time, and asks for nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli import cli, status_of
from auditkit.errors import MissingExtraError
from auditkit.render import pdf
from auditkit.render.html import render
from auditkit.report import Report

try:
    pdf.need_pdf()
except MissingExtraError as missing:
    pytest.skip(str(missing), allow_module_level=True)

import cssselect2
import pypdf
import weasyprint
from weasyprint.formatting_structure import boxes

from auditkit.render.svg_styles import inline

HOSTILE = {
    "Female": "<script>x</script>", "White": "\u202eabc", "Black": "W" * 300,
    "Other": "</style>{{ 7 * 7 }}", "Male": "女性", "census-income": "收入预测模型",
}  # fmt: skip
CHARTS = {"reliability", "groups", "waterfall", "effects", "roc-groups"}
FONTS = Path("/usr/share/fonts")


class Printed:
    """A PDF read back.

    Attributes:
        data: Its bytes.
        text: All its text.
        reader: pypdf's reader.
        tags: Every element of the structure tree.
    """

    def __init__(self, data: bytes) -> None:
        self.data, self.reader = data, pypdf.PdfReader(BytesIO(data))
        self.text = "\n".join(page.extract_text() for page in self.reader.pages)
        self.tags = list(walk(self.reader.root_object["/StructTreeRoot"]))

    def kinds(self) -> Counter[str]:
        return Counter(str(tag["/S"])[1:] for tag in self.tags)


def walk(node: Any) -> Iterator[Any]:
    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        found = kid.get_object()
        if isinstance(found, dict) and "/S" in found:
            yield found
            yield from walk(found)


@pytest.fixture(scope="module")
def short(census: Report) -> Report:
    """The record with a few of its drawings, as each costs time."""
    return census.model_copy(update={"tables": [t for t in census.tables if t.chart in CHARTS]})


@pytest.fixture(scope="module")
def printed(short: Report) -> Printed:
    return Printed(pdf.render_pdf(short).data)


@pytest.fixture(scope="module")
def foreign(short: Report) -> tuple[Printed, Any]:
    """The record with names that mean harm or are Chinese; and how the printer laid it out."""
    text = short.to_json()
    for name, other in HOSTILE.items():
        text = text.replace(name, json.dumps(other)[1:-1])
    documents = []
    draw = weasyprint.HTML.render

    def kept(html: weasyprint.HTML, **options: Any) -> Any:
        documents.append(draw(html, **options))
        return documents[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weasyprint.HTML, "render", kept)
        data = pdf.render_pdf(Report.model_validate_json(text)).data
    return Printed(data), documents[0]


def auditkit(*arguments: object) -> int:
    return status_of(lambda: cli([str(a) for a in arguments], standalone_mode=False))


def test_the_pdf_says_that_it_is_pdf_ua_with_title_and_language(printed: Printed) -> None:
    root: Any = printed.reader.root_object
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert printed.reader.metadata is not None
    assert printed.reader.metadata.title == "Audit report: census-income"


def test_headings_tables_and_figures_are_tagged(printed: Printed) -> None:
    kinds = printed.kinds()
    assert kinds["H1"] == 1
    for kind in ("H2", "H3", "P", "Table", "TR", "TH", "TD", "Caption", "Figure", "Link", "L"):
        assert kinds[kind] > 1, kind
    headers = {tag["/ID"] for tag in printed.tags if tag["/S"] == "/TH"}
    named = [name for tag in printed.tags for name in tag.get("/A", {}).get("/Headers", [])]
    assert len(named) > 100
    assert set(named) <= headers


def test_every_figure_has_words_and_decoration_is_not_read_out(
    printed: Printed, short: Report
) -> None:
    figures = [tag for tag in printed.tags if tag["/S"] == "/Figure"]
    assert all(len(tag["/Alt"]) > 10 for tag in figures)
    page = render(short)
    assert len(figures) == page.count("role=img")
    assert page.count("<svg") > 2 * len(figures)
    contents = [page.get_contents() for page in printed.reader.pages]
    drawn = b"".join(content.get_data() for content in contents if content is not None)
    assert drawn.count(b"/Figure") == len(figures)


def test_bookmarks_follow_the_sections(printed: Printed) -> None:
    titles = [entry["/Title"] for entry in flat(printed.reader.outline)]
    assert titles[0] == "census-income"
    assert "1 Summary" in titles
    assert titles.index("2 Scope and data") < titles.index("3 Performance")


def flat(entries: Any) -> Iterator[Any]:
    for entry in entries:
        yield from flat(entry) if isinstance(entry, list) else [entry]


def test_each_page_names_its_number_and_the_audit(printed: Printed, census: Report) -> None:
    count = len(printed.reader.pages)
    for number, page in enumerate(printed.reader.pages, 1):
        text = page.extract_text()
        assert f"{number} / {count}" in text
        assert f"auditkit audit {census.audit_id}" in text
        assert f"model {(census.subject.model.sha256 or '')[:12]}" in text


def test_cover_and_summary_have_a_page_of_their_own(printed: Printed) -> None:
    cover, summary = (printed.reader.pages[i].extract_text() for i in (0, 1))
    assert "What is wrong" in cover
    assert "1 Summary" not in cover
    assert summary.split()[:2] == ["1", "Summary"]


def test_what_is_folded_away_on_the_screen_is_printed(printed: Printed, short: Report) -> None:
    folded = re.findall("<details>.*?</details>", render(short), re.DOTALL)
    cells = [cell for part in folded for cell in re.findall(r"<td>([\w .,]{20,})<", part)]
    assert len(cells) > 5
    text = " ".join(printed.text.split())
    assert [cell for cell in cells if " ".join(cell.split()) not in text] == []


@pytest.mark.slow
def test_the_same_record_gives_the_same_bytes_and_no_date(
    short: Report, printed: Printed, tmp_path: Path
) -> None:
    (tmp_path / "audit.json").write_text(short.to_json(), encoding="utf-8")
    given = ["report", str(tmp_path), "--pdf", str(tmp_path / "again.pdf")]
    code = (
        "import sys\nfrom auditkit.cli import cli, status_of\n"
        f"assert status_of(lambda: cli({given!r}, standalone_mode=False)) == 0\n"
        "assert not {'torch', 'pandas', 'sklearn', 'shap', 'opacus'} & set(sys.modules)\n"
    )
    seed = {"PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | seed)
    assert (tmp_path / "again.pdf").read_bytes() == printed.data
    assert b"CreationDate" not in printed.data
    assert b"ModDate" not in printed.data


@pytest.mark.slow
def test_nothing_is_wider_than_the_paper(foreign: tuple[Printed, Any]) -> None:
    assert list(too_wide(foreign[1])) == []


@pytest.mark.slow
def test_hostile_names_stand_there_as_text_and_do_nothing(foreign: tuple[Printed, Any]) -> None:
    printed, _ = foreign
    for name in ("<script>x</script>", "\\u202eabc", "</style>{{ 7 * 7 }}"):
        assert name in printed.text
    assert "\u202e" not in printed.text
    assert set(printed.reader.root_object.get("/Names", {})) <= {"/Dests"}
    assert "/OpenAction" not in printed.reader.root_object
    notes = [n.get_object() for page in printed.reader.pages for n in page.get("/Annots", [])]
    assert notes
    assert all(note["/Subtype"] == "/Link" and "/A" not in note for note in notes)


def too_wide(document: Any) -> Iterator[tuple[int, str]]:
    kinds = (boxes.TableBox, boxes.TextBox, boxes.ReplacedBox)
    for number, page in enumerate(document.pages, 1):
        whole = page._page_box
        right = whole.content_box_x() + whole.width
        for box in whole.descendants():
            if isinstance(box, kinds) and box.position_x + box.width > right + 1:
                yield number, getattr(box, "text", box.element_tag)


@pytest.mark.slow
@pytest.mark.skipif(
    not [*FONTS.glob("**/*CJK*"), *FONTS.glob("**/wqy*")], reason="no font with Chinese characters"
)
def test_chinese_names_can_be_searched_and_copied(foreign: tuple[Printed, Any]) -> None:
    printed, _ = foreign
    assert "收入预测模型" in printed.text
    assert printed.text.count("女性") > 10
    assert "收入预测模型" in [entry["/Title"] for entry in flat(printed.reader.outline)]


def test_the_printer_asks_for_nothing() -> None:
    page = '<html lang="en"><title>x</title><img alt="x" src="http://127.0.0.1:9/x.png">'
    with pytest.raises(RuntimeError, match="asks for nothing"):
        pdf._print(page)


def styled(body: str, css: str) -> Any:
    html = weasyprint.HTML(string=body)
    inline(html.wrapper_element, css)
    return html.etree_element


CSS = """
:root{--fail:#94180f;--paper:#fff}.fail{color:var(--fail)}.mk{fill:currentColor}
.mk.h{fill:var(--gx,var(--paper));stroke:currentColor}svg text{font:400 12px/1 "A B",serif}
@media screen{.mk{fill:red}}@media print{:root{--paper:#fefefe}.wide{display:none}}
symbol *{fill:none;stroke:currentColor}
"""


def test_a_class_becomes_the_attributes_that_the_style_sheet_gives_it_on_paper() -> None:
    root = styled('<svg><g class="fail"><path class="mk"/><path class="mk h"/></g></svg>', CSS)
    plain, hollow = root.findall(".//{*}path")
    assert plain.attrib == {"fill": "#94180f"}
    assert hollow.attrib == {"fill": "#fefefe", "stroke": "#94180f"}


def test_a_font_is_taken_apart_and_what_is_not_shown_is_left_out() -> None:
    root = styled('<svg><text x="3%">a</text><text class="wide">b</text></svg>', CSS)
    (text,) = root.findall(".//{*}text")
    assert text.text == "a"
    assert text.attrib == {
        "x": "3%", "font-weight": "400", "font-size": "12px", "font-family": '"A B",serif',
    }  # fmt: skip


def test_an_outline_behind_a_text_is_not_drawn_over_it() -> None:
    css = ".halo{paint-order:stroke;stroke:#fff;stroke-width:5px}text{fill:#000}"
    (text,) = styled('<svg><text class="halo">a</text></svg>', css).findall(".//{*}text")
    assert text.attrib == {"fill": "#000"}


def test_what_use_refers_to_stands_in_its_place_in_the_colour_around_it() -> None:
    root = styled(
        '<svg><symbol id="s" viewBox="0 0 16 16"><path d="M1 1"/></symbol></svg>'
        '<p class="fail"><svg class="g"><use href="#s"/></svg>'
        '<svg><defs><g id="lines"><line y2="9"/></g></defs></svg>'
        '<svg><use href="#lines"/></svg>',
        CSS,
    )
    _, glyph, defined, used = (
        svg for svg in root.findall(".//{*}svg") if "viewBox" not in svg.attrib
    )
    assert [path.get("stroke") for path in glyph.findall(".//{*}path")] == ["#94180f"]
    assert glyph[0].get("viewBox") == "0 0 16 16"
    assert list(defined) == []
    assert [line.attrib for line in used.findall(".//{*}line")] == [{"y2": "9"}]


def test_a_frame_of_curves_gets_its_size_on_paper_so_that_lines_keep_their_thickness() -> None:
    frame = '<svg viewBox="0 0 1000 90" preserveAspectRatio="none">'
    root = styled(
        f'<div class="cols"><svg>{frame}<path d="M0 5 500 9V7H1000z"/></svg></svg></div>', CSS
    )
    (inner,) = root.findall(".//{*}svg/{*}svg")
    assert (inner.get("viewBox"), inner.get("width"), inner.get("height")) == (
        "0 0 260 90", "100%", "90",
    )  # fmt: skip
    assert inner[0].get("d") == "M0 5 130 9V7H260z"


def test_every_rule_for_a_drawing_of_the_page_reaches_the_paper(census: Report) -> None:
    html = weasyprint.HTML(string=render(census))
    drawn = [e for e in html.etree_element.iter() if str(e.tag).startswith("{http://www.w3.org/2")]
    assert any("class" in element.attrib for element in drawn)
    inline(html.wrapper_element, pdf._style("style.css"))
    root = cssselect2.ElementWrapper.from_html_root(html.etree_element)
    inside = [w.etree_element for w in root.query_all("svg[role] *")]
    assert len(inside) > 100
    for element in inside:
        assert "class" not in element.attrib
        assert "var(" not in str(element.attrib)
        assert "currentColor" not in element.attrib.values()


def test_the_command_writes_the_file_and_warns_of_many_pages(
    census: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "audit.json").write_text(census.to_json(), encoding="utf-8")
    small = pdf.Pdf(b"%PDF-", 61)
    monkeypatch.setattr(pdf, "render_pdf", lambda *_: small)
    assert auditkit("report", tmp_path, "--pdf", tmp_path / "r.pdf") == 0
    assert (tmp_path / "r.pdf").read_bytes() == b"%PDF-"
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'r.pdf'}\n"
    assert "the PDF has 61 pages" in err
    assert auditkit("report", tmp_path, "--pdf", tmp_path / "r.pdf", "--out", "x") == 2
