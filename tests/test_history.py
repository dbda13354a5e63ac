"""All audits of a folder: what is found, what changed from each to the next, and the page."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli import cli, status_of
from auditkit.history import History, read_history
from auditkit.judging import rejudge
from auditkit.policy import parse_policy
from auditkit.render.html import render_history
from auditkit.report import Report

SAMPLE = Report.load("reports/sample/audit.json")
ACCURACY = next(m for m in SAMPLE.measurements if m.metric == "accuracy" and not m.slice)
GAP = next(m for m in SAMPLE.measurements if m.metric == "demographic_parity_ratio")
POLICY = """
name = "{name}"
[[criterion]]
id = "A"
metric = "{metric}"
{limit}
severity = "high"
source = "own policy"
"""


def policy(limit: str, metric: str = "accuracy", name: str = "first") -> Any:
    return parse_policy(POLICY.format(limit=limit, metric=metric, name=name).encode())


def audited(day: str, value: float = 0.85, held: Any = None, **changes: Any) -> Report:
    """An audit of one day that measured an accuracy and a gap, judged by a policy."""
    assert ACCURACY.interval is not None
    interval = ACCURACY.interval.model_copy(update={"low": value - 0.01, "high": value + 0.01})
    accuracy = ACCURACY.model_copy(update={"value": value, "interval": interval})
    subject = SAMPLE.subject.model_copy(update=changes.pop("subject", {}))
    facts = {
        "audit_id": f"audit-{day}",
        "created": f"{day}T12:00:00Z",
        "measurements": [accuracy, GAP],
        "tables": [],
        "subject": subject,
    }
    return rejudge(SAMPLE.model_copy(update=facts | changes), held or policy("at_least = 0.8"))


def saved(folder: Path, where: str, report: Report) -> Path:
    bundle = folder / where
    bundle.mkdir(parents=True)
    (bundle / "audit.json").write_text(report.to_json(), encoding="utf-8")
    (bundle / "report.en.html").write_text("page", encoding="utf-8")
    return bundle


def history(*arguments: object) -> int:
    return status_of(lambda: cli(["history", *map(str, arguments)], standalone_mode=False))


def findings(found: History) -> list[list[str]]:
    (course,) = found.courses
    return [[finding.turn for finding in step.findings] for step in course.changes]


def test_audits_are_found_at_any_depth_the_newest_first(tmp_path: Path) -> None:
    saved(tmp_path, "a", audited("2026-01-01"))
    saved(tmp_path, "b/c/d", audited("2026-03-01"))
    saved(tmp_path, "b/e", audited("2026-02-01"))
    saved(tmp_path, ".draft", audited("2026-04-01"))
    found = read_history(tmp_path)
    assert [audit.folder for audit in found.audits] == ["b/c/d", "b/e", "a"]
    assert [len(course.audits) for course in found.courses] == [3]


def test_what_is_new_and_what_is_resolved_is_told_step_by_step(tmp_path: Path) -> None:
    for i, value in enumerate((0.9, 0.7, 0.9)):
        saved(tmp_path, str(i), audited(f"2026-0{i + 1}-01", value))
    assert findings(read_history(tmp_path)) == [["new"], ["resolved"]]


def test_a_time_zone_decides_the_order_not_the_text(tmp_path: Path) -> None:
    saved(
        tmp_path, "a", audited("2026-01-02", audit_id="late", created="2026-01-01T23:00:00-05:00")
    )
    saved(tmp_path, "b", audited("2026-01-02", audit_id="early", created="2026-01-02T01:00:00Z"))
    (course,) = read_history(tmp_path).courses
    assert [audit.record.audit_id for audit in course.audits] == ["early", "late"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"format": 1,', "Invalid JSON"),
        ("[]", "an object"),
        ('{"format": 2}', "found format '2', expected format 1"),
        ('{"format": 1, "findings": 3}', "findings"),
        ('{"format": 1, "findings": [], "measurements": [{"id": []}, 3]}', "audit.json"),
        ("\udcff", "audit.json"),
    ],
)
def test_what_cannot_be_read_is_listed_with_the_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    saved(tmp_path, "good", audited("2026-01-01"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/audit.json").write_bytes(text.encode(errors="surrogateescape"))
    found = read_history(tmp_path)
    assert len(found.audits) == 1
    (missed,) = found.missed
    assert missed.path == "bad/audit.json"
    assert reason in missed.reason
    assert "bad/audit.json" in render_history(found)


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    elsewhere = saved(tmp_path, "elsewhere", audited("2026-01-01"))
    top = tmp_path / "top"
    saved(top, "own", audited("2026-02-01"))
    (top / "folder").symlink_to(elsewhere)
    (top / "file").mkdir()
    (top / "file/audit.json").symlink_to(elsewhere / "audit.json")
    (top / "pipe").mkdir()
    os.mkfifo(top / "pipe/audit.json")
    found = read_history(top)
    assert [audit.folder for audit in found.audits] == ["own"]
    assert [missed.path for missed in found.missed] == ["file/audit.json", "pipe/audit.json"]
    assert "links are not followed" in found.missed[0].reason


def test_an_audit_that_lies_there_twice_is_one_point_of_the_trend(tmp_path: Path) -> None:
    for where in ("a", "copy"):
        saved(tmp_path, where, audited("2026-01-01"))
    found = read_history(tmp_path)
    assert len(found.audits) == 2
    assert [len(course.audits) for course in found.courses] == [1]


def test_subjects_of_one_name_and_another_task_are_not_compared(tmp_path: Path) -> None:
    saved(tmp_path, "a", audited("2026-01-01"))
    saved(tmp_path, "b", audited("2026-01-02", subject={"task": "regression"}))
    assert [len(course.audits) for course in read_history(tmp_path).courses] == [1, 1]


def test_a_number_is_followed_through_audits_whose_policy_did_not_judge_it(tmp_path: Path) -> None:
    saved(tmp_path, "a", audited("2026-01-01"))
    later = policy('at_least = 0.8\nslice = ["sex"]', GAP.metric, "second")
    saved(tmp_path, "b", audited("2026-02-01", held=later))
    (course,) = read_history(tmp_path).courses
    held = [{m.metric for m in audit.record.measurements} for audit in course.audits]
    assert held == [{"accuracy", GAP.metric}] * 2
    page = render_history(read_history(tmp_path))
    assert "another policy, second" in page
    assert page.count("class=ref") == 2  # one upright line in each of two drawings


def test_another_model_and_other_data_are_told(tmp_path: Path) -> None:
    saved(tmp_path, "a", audited("2026-01-01"))
    model = SAMPLE.subject.model.model_copy(update={"sha256": "0" * 64})
    saved(tmp_path, "b", audited("2026-02-01", subject={"model": model}))
    page = render_history(read_history(tmp_path))
    assert "another model" in page
    assert "other data" not in page


def test_every_number_of_a_trend_is_in_its_table(tmp_path: Path) -> None:
    for i, value in enumerate((0.91, 0.72, 0.83)):
        saved(tmp_path, str(i), audited(f"2026-0{i + 1}-01", value))
    page = render_history(read_history(tmp_path))
    cells = re.findall(r"<td>([^<]*) <small>(\[[^<]*\])</small>", page)
    assert ("0.910", "[0.900, 0.920]") in cells
    assert {value for value, _ in cells} >= {"0.910", "0.720", "0.830"}
    assert "\N{GREATER-THAN OR EQUAL TO} 0.8" in page


def test_the_page_is_the_same_each_time_and_asks_for_nothing(tmp_path: Path) -> None:
    for i in range(3):
        saved(tmp_path, str(i), audited(f"2026-0{i + 1}-01"))
    page = render_history(read_history(tmp_path))
    assert page == render_history(read_history(tmp_path))
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?:https?:|//|/)', page)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|aria-labelledby=")([^" ]+)', page)) <= set(ids)


def test_names_of_subjects_and_folders_do_nothing(tmp_path: Path) -> None:
    name = '<img src=x onerror="alert(1)">\u202e'
    for i, where in enumerate(("javascript:alert(1)", os.fsdecode(b"\xff<b>"))):
        saved(
            tmp_path, where, audited(f"2026-01-0{i + 1}", subject={"name": name, "version": name})
        )
    (tmp_path / "<b>").mkdir()
    (tmp_path / "<b>/audit.json").write_text("{", encoding="utf-8")
    page = render_history(read_history(tmp_path))
    assert "<img" not in page
    assert "<b>/" not in page
    assert "\u202e" not in page
    assert 'href="javascript%3Aalert%281%29/report.en.html"' in page
    assert 'href="%FF%3Cb%3E/report.en.html"' in page
    page.encode()


def test_an_audit_without_a_date_or_a_policy_is_shown_too(tmp_path: Path) -> None:
    saved(tmp_path, "a", audited("2026-01-01", created="some day"))
    saved(tmp_path, "b", audited("2026-01-02"))
    bare = audited("2026-01-03").model_copy(update={"policy": None, "findings": []})
    saved(tmp_path, "c", bare)
    page = render_history(read_history(tmp_path))
    assert "some day" in page
    assert "Not judged" in page


def test_the_command_writes_one_page_with_relative_links(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path / "reports", "loans/x", audited("2026-01-01"))
    assert history(tmp_path / "reports") == 0
    assert capsys.readouterr().out.startswith("1 audit of 1 subject\n")
    page = (tmp_path / "reports/index.html").read_text(encoding="utf-8")
    assert 'href="loans/x/report.en.html"' in page
    assert history(tmp_path / "reports", "--out", tmp_path / "site/all.html") == 2
    (tmp_path / "site").mkdir()
    assert history(tmp_path / "reports", "--out", tmp_path / "site/all.html") == 0
    page = (tmp_path / "site/all.html").read_text(encoding="utf-8")
    assert 'href="../reports/loans/x/report.en.html"' in page
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["all.html"]


def test_the_command_replaces_its_own_page_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path, "x", audited("2026-01-01"))
    assert history(tmp_path) == history(tmp_path) == 0
    (tmp_path / "index.html").write_text("<html>mine</html>", encoding="utf-8")
    assert history(tmp_path) == 2
    assert "did not write" in capsys.readouterr().err
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "<html>mine</html>"


def test_a_bundle_is_never_changed_and_an_empty_folder_is_an_input_error(tmp_path: Path) -> None:
    bundle = saved(tmp_path, "x", audited("2026-01-01"))
    assert history(bundle) == 2
    assert history(bundle, "--out", tmp_path / "one.html") == 0
    (tmp_path / "empty").mkdir()
    assert history(tmp_path / "empty") == 2
    assert history(tmp_path / "none") == 2
    assert history(tmp_path, "--lang", "tlh") == 2
    assert not (tmp_path / "index.html").exists()


def test_a_folder_of_unreadable_records_only_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit/audit.json").write_text("{", encoding="utf-8")
    assert "No audit could be read" in render_history(read_history(tmp_path))


def test_many_audits_and_subjects_keep_the_page_small(tmp_path: Path) -> None:
    for i in range(120):
        day = f"{2000 + i // 3}-0{i % 3 + 1}-01"
        saved(tmp_path, f"{i}", audited(day, subject={"name": f"subject {i % 2 * (i % 7)}"}))
    found = read_history(tmp_path)
    page = render_history(found)
    assert len(found.audits) == 120
    assert "in the list above only" in page  # the trend of a subject holds the newest 60
    assert len(page.encode()) < 350_000
