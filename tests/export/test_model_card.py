from __future__ import annotations

from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from auditkit.export import EXPORTS
from auditkit.report import Report


def text_of(report: Report) -> str:
    return EXPORTS["model-card"].write(report).decode()


def head_of(report: Report) -> Any:
    return yaml.safe_load(text_of(report).split("---\n")[1])


def test_the_hub_reads_its_results(loans: Report) -> None:
    data = ModelCard(text_of(loans), ignore_metadata_errors=False).data
    (result,) = data.eval_results or []
    assert (result.task_type, result.dataset_name) == ("tabular-classification", "loans.parquet")
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.85)


@pytest.mark.parametrize("value", [1e-7, 8.25e-09, 1e16, 0.0, -0.5, 3.0])
def test_numbers_of_the_head_are_numbers_in_full(record: dict[str, Any], value: float) -> None:
    record["measurements"][0].update(value=value, interval=None, reason="exact")
    head = head_of(Report.model_validate(record))
    (metric,) = head["model-index"][0]["results"][0]["metrics"]
    assert metric["value"] == value
    assert isinstance(metric["value"], float)


def test_emissions_stand_in_the_head_only_where_the_record_has_them(
    record: dict[str, Any], loans: Report
) -> None:
    assert "co2_eq_emissions" not in head_of(loans)
    carbon = {
        **record["measurements"][0], "id": "energy.training_carbon", "audit": "energy",
        "metric": "training_carbon", "value": 0.002, "unit": "g CO2e", "interval": None,
        "reason": "no range", "basis": "estimated", "source": "training_energy x grid",
    }  # fmt: skip
    record["measurements"].append(carbon)
    head = head_of(Report.model_validate(record))
    assert head["co2_eq_emissions"] == {
        "emissions": 0.002,
        "source": "auditkit, estimated: training_energy x grid",
    }


@pytest.mark.parametrize(
    ("task", "kind", "expected"),
    [
        ("binary", "mlp", "tabular-classification"),
        ("multiclass", "text-lstm", "text-classification"),
        ("regression", "mlp", "tabular-regression"),
        ("sequence-to-sequence", "seq2seq", "text-generation"),
    ],
)
def test_the_task_is_named_as_the_hub_names_it(
    record: dict[str, Any], task: str, kind: str, expected: str
) -> None:
    record["subject"].update(task=task, model={"kind": kind})
    assert expected in head_of(Report.model_validate(record))["tags"]


def test_declared_use_and_what_is_not_declared_are_told_apart(loans: Report) -> None:
    text = text_of(loans)
    assert "- Purpose: Helps to decide on loans." in text
    assert "- Uses that are excluded: Not declared." in text


def test_limits_hold_what_failed_is_undecided_broke_or_was_skipped(loans: Report) -> None:
    limits = text_of(loans).split("## Limits")[1].split("##")[0]
    lines = [line.split(":")[0] for line in limits.strip().splitlines()]
    assert lines == [
        "- F1, fail", "- F2, inconclusive", "- F3, fail", "- F4, inconclusive", "- V1, error",
        "- V2, not measured", "- E1, fail", "- The audit privacy, error",
        "- The audit explainability, skipped",
    ]  # fmt: skip


def test_a_value_is_not_rounded_onto_its_limit(record: dict[str, Any]) -> None:
    low = {"low": 0.79996, "high": 0.9, "level": 0.95, "method": "Newcombe"}
    record["measurements"][0].update(value=0.85, interval=low)
    assert "0.79996" in text_of(Report.model_validate(record))


def test_an_audit_that_measured_nothing_says_so(record: dict[str, Any]) -> None:
    record.update(measurements=[], findings=[], policy=None)
    text = text_of(Report.model_validate(record))
    assert "model-index" not in text
    assert "Nothing was measured." in text
    assert "Nothing was judged." in text
