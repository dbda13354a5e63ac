"""An audit logged with MLflow, in a real store on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import InputError, MissingExtraError
from auditkit.report import MeasurementRecord, Report
from auditkit.tracking import log_audit, metric_names

SAMPLE = Report.load("reports/sample/audit.json")


def number(id_: str, metric: str, where: dict[str, str]) -> MeasurementRecord:
    return SAMPLE.measurements[0].model_copy(update={"id": id_, "metric": metric, "slice": where})


def judged(*held: MeasurementRecord) -> Report:
    findings = [SAMPLE.findings[0].model_copy(update={"measurement": m.id}) for m in held]
    return SAMPLE.model_copy(update={"measurements": list(held), "findings": findings})


def test_names_hold_the_slice_in_letters_that_mlflow_allows() -> None:
    report = judged(
        number("a", "selection_rate", {"sex": "Fem/ale=\u202e*"}),
        number("b", "parity_ratio", {"sex": "*"}),
        number("c", "gap", {"sex": "*", "education": "="}),
    )
    names = ["selection_rate.sex.Fem_ale_", "parity_ratio.sex", "gap.sex.within.education"]
    assert list(metric_names(report)) == names


def test_names_that_would_be_the_same_are_told_apart() -> None:
    names = [*metric_names(judged(number("a", "m", {"x": "\u7537"}), number("b", "m", {"x": "?"})))]
    assert len(set(names)) == 2
    assert names[0] == "m.x._"


def test_a_number_that_is_neither_judged_nor_headline_or_has_no_value_is_not_logged() -> None:
    other = number("other", "selection_rate", {"sex": "F"})
    report = SAMPLE.model_copy(update={"measurements": [other], "findings": []})
    assert metric_names(report) == {}
    empty = judged(other.model_copy(update={"value": None, "interval": None}))
    assert metric_names(empty) == {}


def test_without_mlflow_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with pytest.raises(MissingExtraError, match=r"auditkit-rai\[mlflow\]"):
        log_audit(SAMPLE)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("alembic")
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield mlflow
    mlflow.set_tracking_uri(before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:::mlflow|alembic|sqlalchemy")  # theirs, not ours
def test_metrics_parameters_tags_and_the_bundle_are_in_the_store(store: Any) -> None:
    with store.start_run() as active:
        run_id = log_audit(SAMPLE)
    assert run_id == active.info.run_id
    client = store.tracking.MlflowClient()
    run = client.get_run(run_id)
    accuracy = next(m for m in SAMPLE.measurements if m.metric == "accuracy" and not m.slice)
    assert accuracy.interval is not None
    assert run.data.metrics["accuracy"] == accuracy.value
    assert run.data.metrics["accuracy.low"] == accuracy.interval.low
    assert run.data.params["auditkit.data_sha256"] == SAMPLE.subject.data.sha256
    assert run.data.tags["auditkit.verdict"] == "fail"
    assert SAMPLE.policy is not None
    assert run.data.tags["auditkit.policy_sha256"] == SAMPLE.policy.sha256
    record = client.download_artifacts(run_id, "audit/audit.json")
    assert Report.load(record) == SAMPLE


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:::mlflow|alembic|sqlalchemy")  # theirs, not ours
def test_a_run_can_be_named_and_a_bundle_is_logged_as_it_is(store: Any, tmp_path: Path) -> None:
    bundle = SAMPLE.save(tmp_path / "bundle")
    made = log_audit(SAMPLE)  # no run is active: a new one is made
    assert log_audit(bundle, made, artifact="again") == made
    client = store.tracking.MlflowClient()
    names = {Path(one.path).name for one in client.list_artifacts(made, "again")}
    assert names == {path.name for path in bundle.iterdir()}
    with pytest.raises(InputError, match="the folder of a bundle"):
        log_audit(bundle / "audit.json", made)
