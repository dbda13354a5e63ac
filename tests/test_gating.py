"""The gate, and the same as a test: what is not met, who answers for it, and the status."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest

from auditkit.changed import Verdict
from auditkit.cli import cli, status_of
from auditkit.errors import InputError
from auditkit.gating import FailOn, passes, unmet_lines
from auditkit.judging import rejudge
from auditkit.policy import parse_policy
from auditkit.report import Overall, Report
from auditkit.testing import assert_audit

pytest_plugins = ["pytester"]
SAMPLE = Report.load("reports/sample/audit.json")
SAMPLE_FOLDER = Path("reports/sample").absolute()
TODAY = date(2026, 11, 25)
POLICY = """
name = "one line"
[[criterion]]
id = "A"
metric = "accuracy"
at_least = {limit}
severity = "high"
source = "own policy"
"""
WAIVER = """
[[waiver]]
criterion = "A"
owner = "R. Owner"
reason = "until the new data"
expires = {day}
"""


def policy(limit: float, expires: date | None = None) -> str:
    text = POLICY.format(limit=limit)
    return text + (WAIVER.format(day=expires) if expires else "")


def judged(verdict: Overall, *, broken: bool = False) -> Report:
    audits = SAMPLE.audits
    if broken:
        audits = [audits[0].model_copy(update={"status": "error", "reason": "it broke"})]
    return SAMPLE.model_copy(update={"verdict": verdict, "audits": audits})


@pytest.mark.parametrize(
    ("fail_on", "through"),
    [("review", {"pass"}), ("fail", {"pass", "review"}), ("never", {"pass", "review", "fail"})],
)
def test_a_gate_is_closed_by_what_it_is_told_to(fail_on: FailOn, through: set[Overall]) -> None:
    verdicts: tuple[Overall, ...] = ("pass", "review", "fail")
    assert {v for v in verdicts if passes(judged(v), fail_on)} == through


def test_an_audit_that_broke_closes_every_gate_but_never() -> None:
    broken = judged("pass", broken=True)
    assert [passes(broken, f) for f in ("review", "fail", "never")] == [False, False, True]


def gate(*arguments: object) -> int:
    return status_of(lambda: cli(["gate", *map(str, arguments)], standalone_mode=False))


@pytest.mark.parametrize(
    ("limit", "statuses"), [(0.1, (0, 0, 0)), (0.99, (1, 1, 0)), (0.852, (3, 0, 0))]
)
def test_the_exit_status_is_the_verdict_unless_another_gate_is_asked_for(
    tmp_path: Path, limit: float, statuses: tuple[int, ...]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(policy(limit), encoding="utf-8")
    for status, fail_on in zip(statuses, ("review", "fail", "never"), strict=True):
        assert gate("reports/sample", "--policy", file, "--fail-on", fail_on) == status


def test_a_ready_policy_is_named_and_an_unknown_one_is_an_input_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert gate("reports/sample", "--policy", "strict") in (1, 3)
    assert gate("reports/sample", "--policy", "strickt") == 2
    assert "Did you mean 'strict'?" in capsys.readouterr().err
    assert gate("reports/sample", "--fail-on", "sometimes") == 2


def test_a_waiver_holds_through_its_last_day_and_both_are_said() -> None:
    held = parse_policy(policy(0.99, TODAY).encode())
    last, after = (rejudge(SAMPLE, held, TODAY + timedelta(days=i)) for i in (0, 1))
    assert (last.verdict, after.verdict) == ("review", "fail")
    (_, waived), (_, expired) = (
        [*unmet_lines(record, TODAY + timedelta(days=i))] for i, record in enumerate((last, after))
    )
    assert waived.strip() == "waived by 'R. Owner' until 2026-11-25: 'until the new data'"
    assert "waiver by 'R. Owner' expired on 2026-11-25" in expired


def test_the_gate_takes_the_waivers_of_today(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(policy(0.99, date(2000, 1, 1)), encoding="utf-8")
    assert gate("reports/sample", "--policy", file) == 1
    assert "expired on 2000-01-01" in capsys.readouterr().out
    file.write_text(policy(0.99, date(2999, 1, 1)), encoding="utf-8")
    assert gate("reports/sample", "--policy", file) == 3
    assert "1 fail (1 of them waived)" in capsys.readouterr().out
    gate("reports/sample", "--policy", file, "--json")
    assert json.loads(capsys.readouterr().out)["findings"][0]["waiver"] == "holds"


def test_texts_of_a_record_do_nothing_to_a_terminal() -> None:
    hostile = SAMPLE.findings[0].model_copy(update={"verdict": "fail", "text": "\x1b[2J\u202e"})
    (line,) = unmet_lines(SAMPLE.model_copy(update={"findings": [hostile]}))
    assert line.isprintable()


def test_assert_audit_gives_the_judged_record_where_it_passes() -> None:
    record = assert_audit(SAMPLE, parse_policy(policy(0.1).encode()))
    assert record.verdict == "pass"


def test_assert_audit_lists_what_is_not_met_and_leaves_out_what_is() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_audit("reports/sample")
    lines = str(caught.value).splitlines()
    verdicts: list[Verdict] = [f.verdict for f in SAMPLE.findings]
    unmet = sum(verdict not in ("pass", "not_applicable") for verdict in verdicts)
    assert lines[0] == "the audit of 'census-income' fails by policy 'hiring-us-starter':"
    assert len(lines) == 1 + unmet
    assert "F1" in lines[1]


def test_a_review_passes_only_where_it_is_allowed() -> None:
    unsure = parse_policy(policy(0.852).encode())
    with pytest.raises(AssertionError, match="needs a review"):
        assert_audit(SAMPLE, unsure)
    assert assert_audit(SAMPLE, unsure, allow_review=True).verdict == "review"
    with pytest.raises(AssertionError, match="these audits broke"):
        assert_audit(judged("pass", broken=True), unsure, allow_review=True)


def test_a_record_without_a_policy_asserts_nothing() -> None:
    with pytest.raises(InputError, match="a record without a policy"):
        assert_audit(SAMPLE.model_copy(update={"policy": None}))


def test_the_fixture_fails_a_test_with_a_readable_message(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        def test_model(assert_audit):
            assert_audit({str(SAMPLE_FOLDER)!r})
        """
    )
    done = pytester.runpytest_inprocess("-p", "auditkit.pytest_plugin", "-p", "no:cacheprovider")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["E*the audit of 'census-income' fails by policy*", "E*fail*F1*"])
    assert "testing.py" not in done.stdout.str().split("short test summary")[0]


def test_the_plug_in_loads_nothing_until_a_test_asks_for_it() -> None:
    code = (
        "import sys, pytest\nbefore = set(sys.modules)\nimport auditkit.pytest_plugin\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {"auditkit", "auditkit.pytest_plugin"}
    assert {name for name in done.stdout.split() if name.startswith("auditkit")} == ours
    assert len(done.stdout.split()) < 10


def test_the_plug_in_is_an_entry_point_under_the_name_of_its_module() -> None:
    plain = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    points = plain["project"]["entry-points"]["pytest11"]
    assert points == {"auditkit.pytest_plugin": "auditkit.pytest_plugin"}
