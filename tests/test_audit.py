from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import jsonschema
import pytest
from support import Counting, scored, subject

import auditkit
from auditkit.audit import audit_classes, generator, known_metrics, make_audits, run
from auditkit.errors import InputError
from auditkit.evidence import Metric
from auditkit.policy import parse_policy
from auditkit.report import Report, json_schema
from auditkit.subject import Subject

POLICY = parse_policy(
    b"""
name = "p"
[[criterion]]
metric = "share"
at_most = 1.0
severity = "low"
source = "own policy"
"""
)


def test_a_run_gives_a_report_that_survives_its_own_file() -> None:
    report = run(subject(), POLICY, [Counting()])
    assert report.verdict == "pass"
    assert [m.id for m in report.measurements] == ["counting.share"]
    assert Report.from_json(report.to_json()) == report
    jsonschema.validate(json.loads(report.to_json()), json_schema())


def test_an_audit_that_breaks_keeps_what_it_had_and_never_passes() -> None:
    report = run(subject(), POLICY, [Counting(breaks=True)])
    assert report.audits[0].status == "error"
    assert report.audits[0].reason == "RuntimeError: 'broke <b>here</b>'"
    assert len(report.measurements) == 1
    assert len(report.tables) == 1


def test_a_missing_need_skips_the_audit_and_says_why() -> None:
    unlabelled = Subject.from_scores(scored(), label=None, score="score")
    report = run(unlabelled, POLICY, [Counting()])
    assert report.audits[0].status == "skipped"
    assert report.findings[0].verdict == "not_measured"
    assert "no label column" in report.findings[0].text
    assert report.verdict == "review"


def test_a_measurement_that_comes_twice_breaks_the_audit() -> None:
    report = run(subject(), None, [Counting(twice=True)])
    assert "yielded twice" in str(report.audits[0].reason)


@dataclass(frozen=True)
class Undeclared(Counting):
    metrics: ClassVar[tuple[Metric, ...]] = ()


def test_a_metric_that_was_not_declared_breaks_the_audit() -> None:
    report = run(subject(), None, [Undeclared()])
    assert "not declared" in str(report.audits[0].reason)


def test_random_numbers_of_an_audit_depend_on_seed_and_name_only() -> None:
    assert generator(1, "a").random() == generator(1, "a").random()
    assert len({generator(s, n).random() for s in (0, 1) for n in ("a", "b")}) == 4


@pytest.mark.parametrize(
    ("wanted", "settings", "said"),
    [
        (["fairnes"], {}, "Did you mean 'fairness'?"),
        (None, {"fairnes": {}}, "Did you mean 'fairness'?"),
        (["fairness"], {"fairness": {"lvel": 0.9}}, "Did you mean 'level'?"),
        (["fairness"], {"fairness": {"level": "high"}}, "[audits.fairness] level"),
    ],
)
def test_a_wrong_name_or_setting_is_refused(
    wanted: list[str] | None, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        make_audits(wanted, settings)
    assert said in str(caught.value)


def test_audits_run_in_the_order_of_the_registry() -> None:
    names = [audit.name for audit in make_audits(["fairness", "performance"])]
    assert names == ["performance", "fairness"]


def test_every_metric_has_one_meaning() -> None:
    classes = [cls for cls in audit_classes().values() if hasattr(cls, "metrics")]
    every = [metric for cls in classes for metric in cls.metrics]
    for metric in every:
        assert known_metrics()[metric.id] == metric


def plug(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("counting", value, "auditkit.audits")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [point])


def test_an_audit_of_another_package_is_one_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, "support:Counting")
    report = run(subject(), POLICY, ["counting"])
    assert report.audits[0].status == "completed"


def test_a_plug_in_that_cannot_be_loaded_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    plug(monkeypatch, "no_such_module:Audit")
    report = run(subject(), POLICY, ["counting"])
    assert report.audits[0].status == "error"
    assert "ModuleNotFoundError" in str(report.audits[0].reason)
    assert report.verdict == "review"


def test_public_names_are_all_there() -> None:
    for name in auditkit.__all__:
        assert getattr(auditkit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        auditkit.nothing  # noqa: B018
