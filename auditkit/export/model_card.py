"""A model card for the Hugging Face Hub: README.md with a head in YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from auditkit.evidence import ALL_GROUPS
from auditkit.export.outcomes import Told, identity, limits, told
from auditkit.export.texts import CARBON, markdown, name, shown, table, where
from auditkit.report import ContextRecord, MeasurementRecord, Report

#: What the hub calls a kind of prediction: of tables, and of texts.
_TASKS = {
    "binary": ("tabular-classification", "text-classification"),
    "multiclass": ("tabular-classification", "text-classification"),
    "regression": ("tabular-regression", "text-classification"),
    "sequence-to-sequence": ("text-generation", "text-generation"),
}
#: Kinds of models that read texts.
_TEXTS = frozenset({"text-lstm", "pooled-embedding", "bag-of-words", "huggingface"})
#: Numbers of groups that are listed; the record holds all.
GROUPS = 40
#: What is not declared.
NOTHING = "Not declared."
_CONTEXT = {
    "purpose": "Purpose",
    "decisions": "Decisions that rest on it",
    "affected": "Who is affected",
    "human_role": "Role of a person",
    "appeal": "Appeal",
    "environment": "Where it is used",
    "excluded": "Uses that are excluded",
    "misuse": "Misuse that can be foreseen",
}


def model_card(report: Report) -> bytes:
    """Write a model card.

    Args:
        report: The record.

    Returns:
        Markdown in UTF-8. The head holds the overall numbers of performance as a model index, and
        what training emitted where the record says so. No text of the record is markup.
    """
    lines = [
        *_head(report),
        f"# Model card: {markdown(report.subject.name, 120)}",
        "",
        *_opening(report),
        *_use(report.context),
        *_data(report),
        *_evaluation(report),
        *_findings(report),
        *_limits(report),
        *_environment(report),
        *_audit(report),
    ]
    return ("\n".join(lines) + "\n").encode()


def _head(report: Report) -> list[str]:
    """The head; JSON strings are YAML, so every text is written as one."""
    kind, subject = _task(report), report.subject
    lines = ["---", "tags:", "- auditkit", f"- {kind}"]
    carbon = _overall(report, "training_carbon")
    if carbon is not None and carbon.unit == CARBON:
        source = f"auditkit, {carbon.basis}: {name(carbon.source, 400)}"
        lines += [
            "co2_eq_emissions:",
            f"  emissions: {_number(carbon)}",
            f"  source: {_quoted(source)}",
        ]
    metrics = _index(report)
    if not metrics:
        return [*lines, "---", ""]
    lines += [
        "model-index:",
        f"- name: {_quoted(name(subject.name))}",
        "  results:",
        "  - task:",
        f"      type: {kind}",
        "    dataset:",
        f"      name: {_quoted(name(subject.data.source))}",
        f"      type: {_slug(subject.data.source)}",
        "    metrics:",
    ]
    for measurement in metrics:
        lines += [
            f"    - type: {_quoted(name(measurement.metric))}",
            f"      name: {_quoted(_title(report, measurement.metric))}",
            f"      value: {_number(measurement)}",
        ]
    return [*lines, "---", ""]


def _task(report: Report) -> str:
    table_task, text_task = _TASKS.get(report.subject.task, ("other", "other"))
    return text_task if report.subject.model.kind in _TEXTS else table_task


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _number(measurement: MeasurementRecord) -> str:
    """In full; without a point, as in 1e-07, YAML 1.1 would take it for a text."""
    written = repr(measurement.value)
    digits, exponent, power = written.partition("e")
    return f"{digits}.0e{power}" if exponent and "." not in digits else written


def _slug(text: str) -> str:
    """An identifier of the data, as the hub wants one."""
    return _quoted(re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:60] or "data")


def _title(report: Report, metric: str) -> str:
    known = report.metrics.get(metric)
    return name(known.title if known else metric)


def _index(report: Report) -> list[MeasurementRecord]:
    return [
        measurement
        for measurement in report.measurements
        if measurement.audit == "performance"
        and not measurement.slice
        and measurement.value is not None
    ]


def _overall(report: Report, metric: str) -> MeasurementRecord | None:
    found = (m for m in report.measurements if m.metric == metric and not m.slice)
    return next((m for m in found if m.value is not None), None)


def _opening(report: Report) -> list[str]:
    subject = report.subject
    words = {"pass": "pass", "fail": "fail", "review": "review needed"}[report.verdict]
    policy = f"the policy {markdown(report.policy.name, 120)}" if report.policy else "no policy"
    size = subject.model.parameters
    parameters = f", {size:,} parameters" if size is not None else ""
    return [
        *([markdown(subject.description), ""] if subject.description else []),
        f"Verdict of the audit, against {policy}: **{words}**. It says how measurements lie to "
        "limits that were fixed before; it is no certificate and no legal opinion.",
        "",
        f"- Model: {markdown(subject.model.kind, 120)}{parameters}",
        f"- Version: {markdown(subject.version, 120) or NOTHING}",
        f"- Task: {markdown(subject.task, 120)}",
        "",
    ]


def _use(context: ContextRecord | None) -> Iterator[str]:
    yield from ("## Intended use", "", "Declared by its owner; nothing of it was measured.", "")
    for field, title in _CONTEXT.items():
        said = getattr(context, field) if context else ""
        yield f"- {title}: {markdown(said) or NOTHING}"
    yield ""


def _data(report: Report) -> Iterator[str]:
    data, roles = report.subject.data, report.subject.roles
    trained = "unknown" if data.trained_on is None else f"{data.trained_on:,}"
    yield from ("## Data", "")
    yield f"- Source: {markdown(data.source, 200)}"
    yield f"- Rows: {data.rows:,} came in, {data.assessed:,} were assessed; trained on: {trained}"
    label = markdown(roles.label, 120) if roles.label is not None else "none"
    sensitive = ", ".join(markdown(column, 120) for column in roles.sensitive) or "none"
    yield f"- Outcome: {label}; sensitive columns: {sensitive}"
    for group in report.subject.groups:
        counted = zip(group.names, group.counts, strict=False)
        listed = [f"{markdown(one, 60)} {count:,}" for one, count in list(counted)[:GROUPS]]
        listed.append(f"unknown {group.unknown:,}")
        yield f"- {markdown(group.column, 60)}: {', '.join(listed)}"
    yield from (f"- Note: {markdown(note)}" for note in data.notes)
    yield ""


def _evaluation(report: Report) -> Iterator[str]:
    yield from ("## Evaluation", "")
    overall = _index(report)
    judged = {finding.measurement for finding in report.findings}
    groups = [
        m
        for m in report.measurements
        if m.value is not None
        and m not in overall
        and (m.id in judged or (m.slice and m.audit in ("fairness", "adverse-impact")))
    ]
    if not overall and not groups:
        yield from ("Nothing was measured.", "")
        return
    first = sorted(
        groups, key=lambda m: (m.id not in judged, set(m.slice.values()) != {ALL_GROUPS})
    )
    held = limits(report)
    yield from table(
        ["Metric", "Where", "Value", "Interval", "n"],
        [_row(report, m, held.get(m.id, ())) for m in [*overall, *first[:GROUPS]]],
    )
    more = len(first) - GROUPS
    yield from (["", f"{more:,} more numbers of groups stand in the record."] if more > 0 else [])
    yield ""


def _row(report: Report, measurement: MeasurementRecord, held: Sequence[float]) -> Sequence[str]:
    value, interval = shown(measurement, held)
    return (
        markdown(_title(report, measurement.metric), 120),
        markdown(where(measurement.slice), 200) or "all rows",
        markdown(value),
        markdown(interval) or "none",
        f"{measurement.n:,}",
    )


def _findings(report: Report) -> Iterator[str]:
    yield from ("## Findings", "")
    found = told(report)
    if not found:
        yield from ("Nothing was judged.", "")
        return
    rows = [
        (
            markdown(one.finding.id, 40),
            one.finding.verdict.replace("_", " "),
            one.finding.severity,
            markdown(one.text),
        )
        for one in found
    ]
    yield from table(["Id", "Verdict", "Severity", "What was found"], rows)
    yield ""


def _limits(report: Report) -> Iterator[str]:
    yield from ("## Limits", "")
    lines = [
        f"- {markdown(one.finding.id, 40)}, {_word(one)}: {markdown(one.text)}"
        for one in told(report)
        if one.finding.verdict not in ("pass", "not_applicable")
    ]
    lines += [
        f"- The audit {markdown(audit.name, 120)}, {audit.status}: {markdown(audit.reason or '')}"
        for audit in report.audits
        if audit.status != "completed"
    ]
    empty = sum(m.value is None for m in report.measurements)
    if empty:
        lines.append(f"- {empty:,} numbers have no value; the record gives the reason of each.")
    yield from lines or ["- None was found; what was not asked was not measured."]
    yield ""


def _word(one: Told) -> str:
    return one.finding.verdict.replace("_", " ")


def _environment(report: Report) -> Iterator[str]:
    yield from ("## Environment", "")
    metrics = ("training_energy", "training_carbon", "energy_per_1000_predictions")
    found = [m for metric in metrics if (m := _overall(report, metric)) is not None]
    for measurement in found:
        value, interval = shown(measurement)
        title = markdown(_title(report, measurement.metric), 120)
        told_range = f" {markdown(interval)}" if interval else ""
        yield f"- {title}: {markdown(value)}{told_range}, {measurement.basis}"
    yield from [] if found else ["Energy was not measured."]
    yield ""


def _audit(report: Report) -> Iterator[str]:
    yield from ("## The audit that this card was made of", "")
    for key, value in identity(report).items():
        yield f"- {key.replace('_', ' ')}: {markdown(value, 120)}"
