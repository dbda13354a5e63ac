from __future__ import annotations

import json
from typing import Any

import pytest
from valid import CYCLONEDX

from auditkit.export import EXPORTS
from auditkit.report import Report


def bom(report: Report) -> Any:
    return json.loads(EXPORTS["cyclonedx"].write(report))


def card(report: Report) -> Any:
    return bom(report)["metadata"]["component"]["modelCard"]


def test_it_is_valid_against_the_schema_of_version_1_7(loans: Report) -> None:
    CYCLONEDX.validate(bom(loans))


def test_the_schema_finds_a_mistake() -> None:
    assert not CYCLONEDX.is_valid({"bomFormat": "CycloneDX", "specVersion": "1.7", "colour": "red"})


def test_metrics_are_strings_in_full_with_slice_and_interval(loans: Report) -> None:
    metrics = card(loans)["quantitativeAnalysis"]["performanceMetrics"]
    by_type = {metric["type"]: metric for metric in metrics}
    assert by_type["demographic_parity_ratio"] == {
        "type": "demographic_parity_ratio",
        "value": "0.33",
        "slice": "sex=*",
        "confidenceInterval": {"lowerBound": "0.3", "upperBound": "0.37"},
    }
    assert "slice" not in by_type["accuracy"]
    assert "confidenceInterval" not in by_type["group_size"]


def test_measured_energy_is_a_consumption_in_kilowatt_hours(loans: Report) -> None:
    (used,) = card(loans)["considerations"]["environmentalConsiderations"]["energyConsumptions"]
    assert used["activityEnergyCost"] == {"value": pytest.approx(36 / 3.6e6), "unit": "kWh"}
    assert used["energyProviders"][0]["energySource"] == "unknown"


def test_estimated_energy_is_never_a_consumption(record: dict[str, Any]) -> None:
    for measurement in record["measurements"]:
        if measurement["metric"] == "training_energy":
            interval = {"low": 20.0, "high": 80.0, "level": 0.95, "method": "model"}
            measurement.update(basis="estimated", interval=interval)
    report = Report.model_validate(record)
    CYCLONEDX.validate(bom(report))
    told = card(report)["considerations"]["environmentalConsiderations"]
    (about,) = told.pop("properties")
    assert told == {}
    assert about["value"] == "36.0 [20.0, 80.0] J, estimated"


def test_limits_and_failures_are_considerations(loans: Report) -> None:
    told = card(loans)["considerations"]
    assert told["useCases"] == ["Helps to decide on loans."]
    risks = {risk["name"]: risk.get("mitigationStrategy") for risk in told["ethicalConsiderations"]}
    assert risks["demographic_parity_ratio is fail."] == "Train again."
    assert "privacy error: ValueError: no noise" in told["technicalLimitations"]


def test_model_data_and_packages_have_digests_or_versions(loans: Report) -> None:
    plain = bom(loans)
    assert plain["metadata"]["component"]["hashes"][0]["content"] == loans.subject.model.sha256
    data, numpy, torch = plain["components"]
    assert data["hashes"][0]["content"] == loans.subject.data.sha256
    assert numpy["purl"] == "pkg:pypi/numpy@2.4.6"
    assert torch["purl"] == "pkg:pypi/torch@2.13.0%2Bcpu"


def test_a_bare_record_is_valid_too(record: dict[str, Any]) -> None:
    record.update(policy=None, findings=[], measurements=[], context=None, created="once")
    record["subject"]["model"] = {"kind": "scored table"}
    record["subject"]["data"]["sha256"] = ""
    CYCLONEDX.validate(bom(Report.model_validate(record)))
