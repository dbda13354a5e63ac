"""A CycloneDX 1.7 bill of materials of the model, with its model card."""

from __future__ import annotations

import re
import uuid
from typing import Any

from auditkit.export.outcomes import MEANS, identity, told
from auditkit.export.texts import CARBON, as_json, is_digest, name, where
from auditkit.report import MeasurementRecord, Report

SCHEMA = "http://cyclonedx.org/schema/bom-1.7.schema.json"
#: Audits whose numbers are metrics of the card; beside them, whatever a criterion was held against.
AUDITS = frozenset({"performance", "fairness", "adverse-impact", "scores-by-group"})
#: Joules in a kilowatt-hour, grams in a tonne.
KWH, TONNE = 3.6e6, 1e6
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def cyclonedx(report: Report) -> bytes:
    """Write model, data and packages as a bill of materials.

    Args:
        report: The record.

    Returns:
        JSON in UTF-8. Values of metrics are strings, as the format wants them, in full; numbers
        of groups are metrics with a slice. Energy is a consumption only where it was measured;
        an estimate is a property, with its range.
    """
    told_of = identity(report)
    created = report.created if _TIME.fullmatch(report.created) else None
    metadata = {
        **({"timestamp": created} if created else {}),
        "tools": {"components": [_auditkit(report)]},
        "component": _model(report),
        "properties": _properties({**told_of, "means": MEANS}),
    }
    bom = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, '|'.join(told_of.values()))}",
        "version": 1,
        "metadata": metadata,
        "components": [_data(report), *_packages(report)],
    }
    return as_json(bom)


def _auditkit(report: Report) -> dict[str, Any]:
    return {"type": "application", "name": "auditkit", "version": name(report.auditkit)}


def _properties(plain: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": f"auditkit:{key}", "value": value} for key, value in plain.items()]


def _hashes(digest: str | None) -> dict[str, Any]:
    return {"hashes": [{"alg": "SHA-256", "content": digest}]} if is_digest(digest) else {}


def _model(report: Report) -> dict[str, Any]:
    subject = report.subject
    return {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": name(subject.name),
        **({"version": name(subject.version)} if subject.version else {}),
        **({"description": name(subject.description, 600)} if subject.description else {}),
        **_hashes(subject.model.sha256),
        "modelCard": _card(report),
    }


def _data(report: Report) -> dict[str, Any]:
    data = report.subject.data
    sensitive = [name(column) for column in report.subject.roles.sensitive]
    about = {
        "type": "dataset",
        "name": name(data.source),
        "description": f"{data.rows} rows came in, {data.assessed} were assessed.",
        **({"sensitiveData": sensitive} if sensitive else {}),
    }
    return {
        "type": "data",
        "bom-ref": "data",
        "name": name(data.source),
        **_hashes(data.sha256),
        "data": [about],
    }


def _packages(report: Report) -> list[dict[str, Any]]:
    return [
        {"type": "library", "name": key, "version": version, "purl": _purl(key, version)}
        for key, version in sorted(report.environment.packages.items())
        if _PACKAGE.fullmatch(key) and _VERSION.fullmatch(version)
    ]


def _purl(key: str, version: str) -> str:
    return f"pkg:pypi/{key.lower().replace('_', '-')}@{version.replace('+', '%2B')}"


def _card(report: Report) -> dict[str, Any]:
    kind, task = name(report.subject.model.kind), name(report.subject.task)
    architecture = {"modelArchitecture": kind, "datasets": [{"ref": "data"}]}
    learning = {"approach": {"type": "supervised"}} if report.training else {}
    return {
        "modelParameters": {**learning, "task": task, **architecture},
        "quantitativeAnalysis": {"performanceMetrics": _metrics(report)},
        "considerations": _considerations(report),
    }


def _metrics(report: Report) -> list[dict[str, Any]]:
    judged = {finding.measurement for finding in report.findings}
    return [
        _metric(m)
        for m in report.measurements
        if m.value is not None and (m.audit in AUDITS or m.id in judged)
    ]


def _metric(measurement: MeasurementRecord) -> dict[str, Any]:
    held = measurement.interval
    bounds = held and {"lowerBound": repr(held.low), "upperBound": repr(held.high)}
    return {
        "type": name(measurement.metric),
        "value": repr(measurement.value),
        **({"slice": where(measurement.slice)} if measurement.slice else {}),
        **({"confidenceInterval": bounds} if bounds else {}),
    }


def _considerations(report: Report) -> dict[str, Any]:
    context = report.context
    found: dict[str, Any] = {}
    if context and context.purpose:
        found["useCases"] = [name(context.purpose, 2000)]
    if context and context.deployer:
        found["users"] = [name(context.deployer, 600)]
    outcomes = told(report)
    limits = [one.text for one in outcomes if one.outcome in ("undecided", "broken")]
    limits += [
        f"{name(audit.name)} {audit.status}: {name(audit.reason or '', 600)}"
        for audit in report.audits
        if audit.status != "completed"
    ]
    found["technicalLimitations"] = limits
    found["ethicalConsiderations"] = [
        {
            "name": one.text,
            **_advice(one.criterion.advice if one.criterion else ""),
        }
        for one in outcomes
        if one.finding.verdict == "fail"
    ]
    return found | _environment(report)


def _advice(advice: str) -> dict[str, str]:
    return {"mitigationStrategy": name(advice, 600)} if advice else {}


def _environment(report: Report) -> dict[str, Any]:
    """Energy of training: a total where a counter read it, else its estimate as properties."""
    by_metric = {m.metric: m for m in report.measurements if m.value is not None and not m.slice}
    energy, carbon = by_metric.get("training_energy"), by_metric.get("training_carbon")
    if energy is None or energy.unit != "J":
        return {}
    estimates = [m for m in (energy, carbon) if m is not None and m.basis != "measured"]
    properties = [{"name": f"auditkit:{m.metric}", "value": _estimate(m)} for m in estimates]
    given: dict[str, Any] = {"properties": properties} if properties else {}
    if energy.basis == "measured":
        given["energyConsumptions"] = [_consumption(energy, carbon)]
    return {"environmentalConsiderations": given}


def _consumption(energy: MeasurementRecord, carbon: MeasurementRecord | None) -> dict[str, Any]:
    """What a counter read; the format wants a provider, and nobody knows who that was."""
    cost = {"value": (energy.value or 0.0) / KWH, "unit": "kWh"}
    provider = {
        "description": "Not known to the audit.",
        "organization": {},
        "energySource": "unknown",
        "energyProvided": cost,
    }
    used = {"activity": "training", "energyProviders": [provider], "activityEnergyCost": cost}
    if carbon is None or carbon.basis != "measured" or carbon.unit != CARBON:
        return used
    emitted = {"value": (carbon.value or 0.0) / TONNE, "unit": "tCO2eq"}
    return {**used, "co2CostEquivalent": emitted}


def _estimate(measurement: MeasurementRecord) -> str:
    held = measurement.interval
    over = f" [{held.low!r}, {held.high!r}]" if held else ""
    return f"{measurement.value!r}{over} {name(measurement.unit)}, {measurement.basis}"
