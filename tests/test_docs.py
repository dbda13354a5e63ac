"""What the documents show is run."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
from support import scored, subject

import auditkit
from auditkit.config import Config
from auditkit.guard import Column
from auditkit.policy import read_toml

ROOT = Path(__file__).parents[1]


def blocks(file: str, language: str) -> list[str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_audit_of_the_contributing_guide_works(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks("CONTRIBUTING.md", "python")
    shown = types.ModuleType("shown")
    monkeypatch.setitem(sys.modules, "shown", shown)
    exec(code, shown.__dict__)  # noqa: S102 - our own document
    report = auditkit.run(subject(), None, [shown.__dict__["ScoreRange"]()])
    (record,) = report.audits
    assert record.status == "completed", record.reason
    assert report.measurements[0].metric == "score_span"


def test_the_configurations_of_the_readme_are_some() -> None:
    for text in blocks("README.md", "toml"):
        Config.model_validate(read_toml(text.encode(), "README.md"))


def test_the_counts_of_the_readme_can_be_had(tmp_path: Path) -> None:
    pytest.importorskip("ibis")
    (text,) = (text for text in blocks("README.md", "toml") if "count = true" in text)
    (tmp_path / "auditkit.toml").write_text(text, encoding="utf-8")
    rows = scored(200).rename(columns={"y": "repaid"}).assign(age=range(200))
    for i in range(2):
        rows[i * 100 : i * 100 + 100].to_parquet(tmp_path / f"loans-{i}.parquet")
    assert len(auditkit.load_subject(tmp_path / "auditkit.toml")) == 200


def test_the_python_lines_of_the_readme_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = (code for code in blocks("README.md", "python") if "load_subject" in code)
    assert len([line for line in code.splitlines() if line]) == 5
    monkeypatch.setattr(auditkit, "load_subject", lambda _: subject())
    monkeypatch.setattr(auditkit, "load_policy", lambda _: None)
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # noqa: S102 - our own document
    assert (tmp_path / "reports/mine/report.en.html").is_file()


def test_the_meter_of_the_readme_runs_in_five_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (code for code in blocks("README.md", "python") if "meter.phase" in code)
    assert len([line for line in code.splitlines() if line]) == 5
    monkeypatch.chdir(tmp_path)
    exec(code, {})  # noqa: S102 - our own document
    (cost,) = auditkit.meter.read_journal("phases.jsonl")
    assert repr(cost.energy) in capsys.readouterr().out


def test_the_guard_of_the_readme_does_what_is_written_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (code for code in blocks("README.md", "python") if "Guard.load" in code)
    column = Column(name="age", kind="number", low=17, high=90)
    monkeypatch.chdir(tmp_path)
    Path("reports/mine").mkdir(parents=True)
    auditkit.Guard(0.5, 0.1, (column,)).save("reports/mine/guard.json")
    exec(code, {})  # noqa: S102 - our own document
    written = re.findall(r"# ((?:\w+, )+\w+)\n", code)
    assert [re.findall(r"\w+", line) for line in written] == [
        re.findall(r"\w+", line) for line in capsys.readouterr().out.splitlines()
    ]


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md"])
def test_every_link_leads_somewhere(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / link).exists(), link
