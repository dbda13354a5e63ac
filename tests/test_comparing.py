"""Two audits side by side: what moved beyond chance, and which findings are new or resolved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auditkit.changed import ChangesRecord, Verdict
from auditkit.cli import cli, status_of
from auditkit.comparing import compare
from auditkit.errors import InputError
from auditkit.render.html import render, render_changes
from auditkit.report import IntervalRecord, MeasurementRecord, Report

SAMPLE = Report.load("reports/sample/audit.json")


def measured(name: str, value: float | None, arm: float | None = 0.05) -> MeasurementRecord:
    interval = None
    if arm is not None and value is not None:
        interval = IntervalRecord(low=value - arm, high=value + arm, level=0.95, method="Wald")
    return MeasurementRecord(
        id=name, audit="fairness", metric="gap", value=value, unit="rate", n=100,
        interval=interval, basis="measured", better="lower", source="test",
        reason=None if interval else "none", exact=arm is None,
    )  # fmt: skip


def report(*measurements: MeasurementRecord, **changes: object) -> Report:
    held: dict[str, object] = {"measurements": list(measurements), "findings": []}
    return SAMPLE.model_copy(update=held | changes)


def moves(before: list[MeasurementRecord], after: list[MeasurementRecord]) -> dict[str, str]:
    return {m.id: m.move for m in compare(report(*before), report(*after)).measurements}


def test_arms_towards_each_other_add_in_squares() -> None:
    (change,) = compare(report(measured("a", 0.1)), report(measured("a", 0.3))).measurements
    arm = np.hypot(0.05, 0.05)
    assert (change.low, change.high) == pytest.approx((0.2 - arm, 0.2 + arm))


def test_a_difference_within_the_joint_uncertainty_is_no_move() -> None:
    assert moves([measured("a", 0.1)], [measured("a", 0.17)]) == {"a": "within"}
    assert moves([measured("a", 0.1)], [measured("a", 0.18)]) == {"a": "moved"}


def test_one_small_move_among_many_comparisons_is_not_called_moved() -> None:
    before = [measured(f"m{i}", 0.1) for i in range(50)]
    after = [measured("m0", 0.18), *before[1:]]
    assert moves(before, after)["m0"] == "beyond"


def test_exact_counts_change_or_do_not() -> None:
    before = [measured("a", 3, None), measured("b", 4, None)]
    after = [measured("a", 3, None), measured("b", 5, None)]
    assert moves(before, after) == {"a": "within", "b": "changed"}


def test_what_has_no_value_or_no_interval_is_not_compared() -> None:
    before = [measured("a", None), measured("b", 0.1), measured("c", 0.1)]
    after = [measured("a", 0.1), measured("b", None)]
    assert moves(before, after) == {"a": "appeared", "b": "gone", "c": "gone"}


def test_false_moves_among_unchanged_measurements_are_rare() -> None:
    draws = np.random.default_rng(0).normal(0.5, 0.02, (2, 400, 60))
    arm = 1.959964 * 0.02
    wrong = 0
    for pair in draws.transpose(1, 0, 2):
        before, after = ([measured(f"m{i}", v, arm) for i, v in enumerate(side)] for side in pair)
        wrong += "moved" in moves(before, after).values()
    assert wrong / 400 < 0.08  # 5 % are allowed; three standard errors above


@pytest.mark.parametrize(
    ("before", "after", "turn"),
    [
        ("pass", "fail", "new"),
        (None, "inconclusive", "new"),
        ("fail", "pass", "resolved"),
        ("inconclusive", "fail", "worse"),
        ("fail", "not_measured", "better"),
        ("fail", "fail", "open"),
        ("pass", "pass", "met"),
        ("fail", None, "gone"),
    ],
)
def test_a_finding_turns(before: Verdict | None, after: Verdict | None, turn: str) -> None:
    sides = []
    for verdict in (before, after):
        finding = SAMPLE.findings[0].model_copy(update={"verdict": verdict})
        sides.append(report(findings=[finding] if verdict else []))
    assert [finding.turn for finding in compare(*sides).findings] == [turn]


def test_another_subject_is_refused_with_everything_that_differs() -> None:
    subject = SAMPLE.subject.model_copy(update={"name": "loans", "task": "regression"})
    with pytest.raises(InputError) as caught:
        compare(SAMPLE, report(subject=subject))
    assert len(caught.value.problems) == 2


def saved(folder: Path, name: str, held: Report) -> str:
    file = folder / name
    file.write_text(held.to_json(), encoding="utf-8")
    return str(file)


def changed_pair(tmp_path: Path) -> tuple[str, str]:
    """An audit in which a finding fails, and a later one in which it passes."""
    sides = [
        SAMPLE.model_copy(
            update={
                "audit_id": name,
                "findings": [SAMPLE.findings[0].model_copy(update={"verdict": verdict})],
            }
        )
        for name, verdict in (("earlier", "fail"), ("later", "pass"))
    ]
    return saved(tmp_path, "a.json", sides[0]), saved(tmp_path, "b.json", sides[1])


def test_diff_prints_text_json_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = changed_pair(tmp_path)
    page = tmp_path / "changes.html"
    command = ["diff", before, after, "--html", str(page)]
    assert status_of(lambda: cli(command, standalone_mode=False)) == 0
    assert "resolved" in capsys.readouterr().out
    assert "later" in page.read_text()
    assert status_of(lambda: cli(["diff", before, after, "--json"], standalone_mode=False)) == 0
    assert ChangesRecord.model_validate_json(capsys.readouterr().out).after == "later"


def test_diff_fails_on_a_new_finding_where_asked(tmp_path: Path) -> None:
    before, after = changed_pair(tmp_path)
    command = ["diff", after, before, "--fail-on-new"]
    assert status_of(lambda: cli(command, standalone_mode=False)) == 1
    assert status_of(lambda: cli(command[:3], standalone_mode=False)) == 0


def test_diff_of_different_subjects_is_an_input_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = SAMPLE.subject.model_copy(update={"name": "loans"})
    paths = (saved(tmp_path, "a.json", SAMPLE), saved(tmp_path, "b.json", report(subject=other)))
    assert status_of(lambda: cli(["diff", *paths], standalone_mode=False)) == 2
    assert "the same subject" in capsys.readouterr().err


def test_the_report_has_a_section_on_changes_where_it_knows_an_earlier_audit() -> None:
    with_changes = SAMPLE.model_copy(update={"since": compare(SAMPLE, SAMPLE)})
    assert 'id="changes"' in render(with_changes)
    assert 'id="changes"' not in render(SAMPLE)
    assert Report.from_json(with_changes.to_json()) == with_changes


def test_names_in_a_page_of_changes_are_escaped() -> None:
    hostile = measured("a", 0.3).model_copy(update={"slice": {"<script>": "<img>"}})
    before = measured("a", 0.1).model_copy(update={"slice": hostile.slice})
    after = report(hostile)
    page = render_changes(after, compare(report(before), after))
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
