"""A small record with every verdict, a waiver that holds and one that ended, and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditkit.report import Report

#: Id, metric, limits, severity, required, verdict, value and bounds, waiver.
LINES: list[tuple[Any, ...]] = [
    ("P1", "accuracy", {"at_least": 0.8}, "medium", True, "pass", (0.85, 0.84, 0.86), None),
    ("F1", "demographic_parity_ratio", {"at_least": 0.8}, "critical", True, "fail",
     (0.33, 0.3, 0.37), None),
    ("F2", "equalized_odds_difference", {"at_most": 0.1}, "high", True, "inconclusive",
     (0.09, 0.05, 0.12), None),
    ("F3", "group_size", {"at_least": 30.0}, "low", True, "fail", (12.0, None, None), "holds"),
    ("F4", "accuracy_ratio", {"at_least": 0.9}, "low", True, "inconclusive", (0.9, 0.8, 1.0),
     "expired"),
    ("V1", "epsilon", {"at_most": 3.0}, "critical", True, "error", None, None),
    ("V2", "membership_auc", {"at_most": 0.6}, "high", False, "not_measured", None, None),
    ("E1", "training_energy", {"at_most": 10.0}, "info", True, "fail", (36.0, None, None), None),
    ("N1", "r2", {"at_least": 0.5}, "low", True, "not_applicable", None, None),
]  # fmt: skip
SLICES = {"F1": {"sex": "*"}, "F2": {"race": "*"}, "F3": {"race": "Other"}, "F4": {"sex": "*"}}
AUDITS = {"P1": "performance", "V2": "privacy", "E1": "energy"}


def _measurement(line: tuple[Any, ...]) -> dict[str, Any]:
    id_, metric, _, _, _, _, (value, low, high), _ = line
    audit, where = AUDITS.get(id_, "fairness"), SLICES.get(id_, {})
    said = ",".join(f"{column}={group}" for column, group in where.items())
    interval = {"low": low, "high": high, "level": 0.95, "method": "Newcombe"} if low else None
    return {
        "id": f"{audit}.{metric}" + (f"[{said}]" if said else ""), "audit": audit,
        "metric": metric, "slice": where, "value": value, "unit": "J" if id_ == "E1" else "rate",
        "n": 1000, "interval": interval, "reason": None if interval else "a count",
        "basis": "measured", "better": "higher", "exact": interval is None, "source": "test rows",
    }  # fmt: skip


def _finding(line: tuple[Any, ...]) -> dict[str, Any]:
    id_, metric, _, severity, _, verdict, value, waiver = line
    held = None if value is None else _measurement(line)["id"]
    return {
        "id": id_, "criterion": id_, "measurement": held, "verdict": verdict,
        "severity": severity, "text": f"{metric} is {verdict}.", "waiver": waiver,
        "n_needed": 1234 if verdict == "inconclusive" else None,
    }  # fmt: skip


def _criterion(line: tuple[Any, ...]) -> dict[str, Any]:
    id_, metric, limits, severity, required, _, _, _ = line
    return {
        "id": id_, "metric": metric, **limits, "slice": list(SLICES.get(id_, {})),
        "severity": severity, "required": required, "source": "own policy",
        "advice": "Train again." if severity == "critical" else "",
    }  # fmt: skip


def _table() -> dict[str, Any]:
    return {
        "id": "adverse-impact.impact-ratios-sex", "audit": "adverse-impact",
        "title": "Impact ratios by sex, as 6 RCNY 5-301 defines them",
        "columns": ["category", "applicants", "selected", "selection_rate", "impact_ratio",
                    "standing", "justification"],
        "rows": [["Female", 400, 50, 0.125, 0.5, "compared", None],
                 ["Male", 580, 145, 0.25, 1.0, "highest rate", None],
                 ["Other", 12, 3, 0.25, None, "left out", "none given"],
                 ["unknown", 8, 1, 0.125, None, "unknown", None]],
        "chart": "impact-ratios", "source": "1,000 rows, not weighted",
    }  # fmt: skip


def _guard() -> list[dict[str, Any]]:
    """What the audit oversight leaves for a guard: a number, a text, two of categories."""
    tables: list[tuple[str, list[str], list[list[Any]]]] = [
        ("guard", ["threshold", "band", "low", "high", "seen", "n"],
         [[0.5, 0.1, 0.4, 0.6, "training rows", 200]]),
        ("guard-columns", ["feature", "kind", "missing", "low", "high", "longest", "categories"],
         [["income", "number", False, 0.0, 90_000.0, None, 0],
          ["purpose", "text", True, None, None, 400, 0],
          ["town", "category", True, None, None, None, 2],
          ["street", "category", False, None, None, None, 0]]),
        ("guard-categories", ["feature", "category"], [["town", "Here"], ["town", "There"]]),
    ]  # fmt: skip
    return [
        {"id": f"oversight.{name}", "audit": "oversight", "title": "For a guard",
         "columns": columns, "rows": rows, "chart": "guard", "source": "200 training rows"}
        for name, columns, rows in tables
    ]  # fmt: skip


def _waivers() -> list[dict[str, Any]]:
    answers = {"owner": "R. Ahmed", "reason": "The group is surveyed in spring."}
    return [
        {"criterion": "F3", **answers, "expires": "2027-03-01"},
        {"criterion": "F3", "slice": {"race": "White"}, **answers, "expires": "2029-03-01"},
        {"criterion": "F4", "slice": {"sex": "*"}, **answers, "expires": "2026-01-01"},
    ]


def _subject() -> dict[str, Any]:
    return {
        "name": "loans", "version": "1.4.0", "task": "binary", "description": "Scores loans.",
        "model": {"kind": "mlp", "sha256": "9f3c21ab70de" * 5 + "0000", "parameters": 12673},
        "data": {"source": "loans.parquet", "sha256": "5b00264637db" * 5 + "0000", "rows": 1200,
                 "assessed": 1000, "trained_on": 200, "notes": ["Two rows were dropped."]},
        "roles": {"label": "repaid", "positive": 1, "threshold": 0.5, "sensitive": ["sex", "race"],
                  "features": ["income", "age"]},
        "groups": [{"column": "sex", "names": ["Female", "Male", "Other"],
                    "counts": [400, 580, 12], "unknown": 8}],
    }  # fmt: skip


def loans_record() -> dict[str, Any]:
    """The record as plain values, so that a test can change it before it is read."""
    measured = [_measurement(line) for line in LINES if line[6] is not None]
    metrics = {
        line[1]: {"title": line[1].replace("_", " "), "definition": "What it is.",
                  "unit": "rate", "better": "higher"}
        for line in LINES
    }  # fmt: skip
    return {
        "format": 1, "auditkit": "0.1.0", "audit_id": "20261122T090500Z-7f3a",
        "created": "2026-11-22T09:05:00Z", "verdict": "fail", "subject": _subject(),
        "policy": {"name": "strict", "sha256": "41d0c2e97b13" * 5 + "0000",
                   "criteria": [_criterion(line) for line in LINES], "waivers": _waivers()},
        "plan": {"seed": 0, "audits": []},
        "audits": [
            *({"name": name, "status": "completed"}
              for name in ("performance", "fairness", "adverse-impact", "oversight", "energy")),
            {"name": "privacy", "status": "error", "reason": "ValueError: no noise"},
            {"name": "explainability", "status": "skipped", "reason": "there are only scores"},
        ],
        "metrics": metrics, "measurements": measured, "tables": [_table(), *_guard()],
        "findings": [_finding(line) for line in LINES],
        "environment": {"python": "3.11.7", "packages": {"numpy": "2.4.6", "torch": "2.13.0+cpu"},
                        "platform": "Linux", "threads": 2, "command": "auditkit run"},
        "context": {"purpose": "Helps to decide on loans.", "human_role": "Signs each decision.",
                    "appeal": "By letter.", "misuse": "Hiring.", "affected": "People who apply."},
    }  # fmt: skip


def poisoned(value: Any, word: str) -> Any:
    """Put a word before and behind every text of a record but the words of the format."""
    if isinstance(value, Mapping):
        return {
            (f"{word}{k}{word}" if key_is_text else k): v if k in KEEP else poisoned(v, word)
            for k, v in value.items()
            for key_is_text in [k in {"sex", "race", "numpy", "torch"}]
        }
    if isinstance(value, list):
        return [poisoned(item, word) for item in value]
    return f"{word}{value}{word}" if isinstance(value, str) else value


KEEP = frozenset(
    {
        *("verdict", "severity", "status", "basis", "better", "limit_set_by", "on_inconclusive"),
        *("waiver", "expires", "columns", "audit", "task"),
    }
)


def hostile(word: str) -> Report:
    """The record with a word in every text; the tables that exports need are still found."""
    plain = poisoned(loans_record(), word)
    plain["tables"][0]["id"] = f"adverse-impact.impact-ratios-{word}"
    for table, guard in zip(plain["tables"][1:], _guard(), strict=True):
        table["id"] = guard["id"]
    for audit in plain["audits"]:
        audit["name"] = "oversight" if "oversight" in audit["name"] else audit["name"]
    return Report.model_validate(plain)
