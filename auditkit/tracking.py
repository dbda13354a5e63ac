"""An audit beside the training run that it is about, in MLflow (extra `mlflow`)."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from auditkit.errors import InputError, MissingExtraError, Problem, quote
from auditkit.evidence import ALL_GROUPS, WITHIN
from auditkit.history import FOLLOWED
from auditkit.report import MeasurementRecord, Report

#: Longest name and longest value that every MLflow store takes; unit: characters.
LONGEST = 250
#: Metrics that are sent at once; MLflow takes 1,000.
AT_ONCE = 500


def log_audit(
    report: Report | str | Path,
    run: Any = None,  # noqa: ANN401 - a run of MLflow, which is an extra
    *,
    artifact: str = "audit",
) -> str:
    """Log an audit with a run of MLflow: metrics, parameters, tags, and the bundle.

    Metrics are the headline numbers and those that the policy judges, each with its `.low` and
    `.high` where it has an interval; a number without a value is not logged, for MLflow knows no
    reasons. Connects to nothing but the tracking store that is set in MLflow.

    Args:
        report: A record, which is written as a bundle, or a bundle folder, which is logged as it
            is.
        run: A run of MLflow or its id; None is the active run, or a new one where there is none.
        artifact: Folder of the bundle among the artifacts of the run.

    Returns:
        The id of the run.

    Raises:
        MissingExtraError: If MLflow is not installed.
        InputError: If there is no such bundle.

    Example:
        >>> log_audit("reports/census-income/ID")  # doctest: +SKIP
        '1c6bb6ff1ebb4c2b8a0a1b0d5a0e1c7d'
    """
    record = report if isinstance(report, Report) else Report.load(report)
    client = _client()
    with _bundle(report) as folder, _run_id(run) as run_id:
        client.log_batch(run_id, params=_params(record), tags=_tags(record))
        metrics = _metrics(record)
        for start in range(0, len(metrics), AT_ONCE):
            client.log_batch(run_id, metrics=metrics[start : start + AT_ONCE])
        client.log_artifacts(run_id, str(folder), artifact)
    return run_id


def _client() -> Any:  # noqa: ANN401 - MLflow is an extra
    if "mlflow" not in sys.modules:
        # MLflow reports how it is used to its makers unless it is told not to.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        message = "logging to MLflow needs it: pip install 'auditkit-rai[mlflow]'"
        raise MissingExtraError(message) from error
    return MlflowClient()


@contextmanager
def _bundle(report: Report | str | Path) -> Iterator[Path]:
    if not isinstance(report, Report):
        folder = Path(report)
        if not folder.is_dir():
            raise InputError([Problem(str(report), "a file", "the folder of a bundle")])
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="auditkit-") as made:
        yield report.save(Path(made, "audit"))


@contextmanager
def _run_id(run: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    import mlflow

    held = run if run is not None else mlflow.active_run()
    if held is not None:
        yield held if isinstance(held, str) else held.info.run_id
        return
    with mlflow.start_run() as made:
        yield made.info.run_id


def metric_names(record: Report) -> dict[str, MeasurementRecord]:
    """Name the numbers of an audit as MLflow allows, the slice in the name.

    Args:
        record: The audit.

    Returns:
        Name to measurement: `accuracy`, `selection_rate.sex.Female`, and
        `demographic_parity_ratio.sex` for what compares all groups. Names that would be the same
        end in a part of their id's digest.

    Example:
        >>> "accuracy" in metric_names(Report.load("reports/sample/audit.json"))
        True
    """
    judged = {finding.measurement for finding in record.findings}
    named: dict[str, MeasurementRecord] = {}
    for measurement in record.measurements:
        followed = measurement.metric in FOLLOWED and not measurement.slice
        if measurement.value is None or not (followed or measurement.id in judged):
            continue
        name = _name(measurement)
        if name in named:
            name += f".{hashlib.sha256(measurement.id.encode()).hexdigest()[:8]}"
        named[name] = measurement
    return named


def _name(measurement: MeasurementRecord) -> str:
    parts = [measurement.metric]
    for column, group in measurement.slice.items():
        parts += ["within", column] if group == WITHIN else [column]
        parts += [group] if group not in (ALL_GROUPS, WITHIN) else []
    fit = (re.sub(r"[^\w \-]+", "_", part, flags=re.ASCII).strip() or "_" for part in parts)
    return ".".join(fit)[: LONGEST - 20]


def _metrics(record: Report) -> list[Any]:
    from mlflow.entities import Metric

    time = _milliseconds(record)
    found = []
    for name, measurement in metric_names(record).items():
        found.append(Metric(name, measurement.value, time, 0))
        if measurement.interval is not None:
            found.append(Metric(f"{name}.low", measurement.interval.low, time, 0))
            found.append(Metric(f"{name}.high", measurement.interval.high, time, 0))
    return found


def _milliseconds(record: Report) -> int:
    from auditkit.history import created

    time = created(record)
    return int(time.timestamp() * 1000) if time else 0


def _params(record: Report) -> list[Any]:
    """What was audited. MLflow never lets a parameter change, so nothing of an audit is in them."""
    from mlflow.entities import Param

    subject = record.subject
    plain = {
        "subject": subject.name,
        "version": subject.version,
        "task": subject.task,
        "model": subject.model.kind,
        "model_sha256": subject.model.sha256 or "",
        "data_sha256": subject.data.sha256,
    }
    return [Param(f"auditkit.{key}", _text(value)) for key, value in plain.items() if value]


def _tags(record: Report) -> list[Any]:
    from mlflow.entities import RunTag

    policy = record.policy
    plain = {
        "verdict": record.verdict if policy else "not judged",
        "audit_id": record.audit_id,
        "created": record.created,
        "version": record.auditkit,
        "seed": str(record.plan.seed),
        "policy": policy.name if policy else "none",
        "policy_sha256": policy.sha256 if policy else "none",
    }
    return [RunTag(f"auditkit.{key}", _text(value)) for key, value in plain.items()]


def _text(value: str) -> str:
    return quote(value, LONGEST)[1:-1]
