"""A report in a notebook: it shows itself there, and bars are drawn there."""

from __future__ import annotations

import html
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from auditkit import progress
from auditkit.render.html import render, render_frame
from auditkit.report import Report

SAMPLE = Report.load("reports/sample/audit.json")


def test_a_report_shows_its_page_in_a_frame_that_reaches_nothing() -> None:
    shown = SAMPLE._repr_html_()
    (frame,) = re.findall(r"<iframe ([^>]*)></iframe>", shown)
    assert 'sandbox="allow-scripts"' in frame
    assert "allow-same-origin" not in frame
    assert "height:80vh" in frame
    page = html.unescape(frame.split('srcdoc="')[1].removesuffix('"'))
    base = '<base href="about:srcdoc">'
    assert page.index(base) < page.index("Content-Security-Policy")
    assert page.replace(base, "") == render(SAMPLE)


def test_a_hostile_name_stays_inside_the_frame() -> None:
    name = '"></iframe><script>alert(1)</script>'
    subject = SAMPLE.subject.model_copy(update={"name": name})
    shown = render_frame(SAMPLE.model_copy(update={"subject": subject}))
    assert shown.count("<iframe") == shown.count("</iframe>") == 1
    assert "<script" not in shown


def test_a_report_is_one_line_as_text() -> None:
    assert repr(SAMPLE) == str(SAMPLE)
    assert repr(SAMPLE).startswith("<Report '20")
    assert len(repr(SAMPLE).splitlines()) == 1


def kernel(monkeypatch: pytest.MonkeyPatch, *, is_kernel: bool = True) -> None:
    """What a notebook has loaded before anything of ours runs."""
    config: dict[str, Any] = {"IPKernelApp": {}} if is_kernel else {}
    ipython: Any = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace(config=config)
    monkeypatch.setitem(sys.modules, "IPython", ipython)


def test_a_notebook_is_known_by_its_kernel_and_a_terminal_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not progress.in_notebook()
    kernel(monkeypatch, is_kernel=False)
    assert not progress.in_notebook()
    kernel(monkeypatch)
    assert progress.in_notebook()


def test_a_notebook_without_widgets_gets_a_bar_of_text_and_no_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel(monkeypatch)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with progress.bar([1, 2, 3], desc="train", unit="epoch") as shown:
        assert list(shown) == [1, 2, 3]
    assert "train: 100%" in capsys.readouterr().err


def test_a_bar_that_is_not_wanted_draws_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel(monkeypatch)
    with progress.bar([1], disable=True) as shown:
        assert list(shown) == [1]
    assert capsys.readouterr() == ("", "")


CELLS = """
import auditkit
report = auditkit.Report.load("reports/sample/audit.json")
report
---
import numpy as np, pandas as pd
y = np.arange(200) % 2
table = pd.DataFrame({"y": y, "score": (y + np.arange(200) % 5) / 6, "sex": np.arange(200) % 3})
subject = auditkit.Subject.from_scores(table, label="y", score="score", sensitive=["sex"])
done = auditkit.run(subject, None, ["performance"], progress=True)
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the notebook's own libraries
def test_a_real_notebook_shows_the_report_and_a_bar() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    new = nbformat.v4
    book = new.new_notebook(cells=[new.new_code_cell(c.strip()) for c in CELLS.split("---\n")])
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": "."}}).execute()
    shown = [output for cell in book.cells for output in cell.outputs]
    (result,) = (one for one in shown if one.output_type == "execute_result")
    assert "<iframe" in result.data["text/html"]
    assert result.data["text/plain"].startswith("<Report")
    assert any("audits: 100%" in str(one.get("text", one.get("data"))) for one in shown)
