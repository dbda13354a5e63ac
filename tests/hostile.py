"""Hostile texts, and a record that has them wherever a text may stand."""

from __future__ import annotations

from typing import Any

#: Words that no machine-readable part of a page may hold.
HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</style></title></svg><script>x</script>",
    '=HYPERLINK("http://evil.example")',
    "\u202eabc\u2066def",
    "{{ 7 * 7 }}{% raw %}{0.__class__}",
    "nul\x00bel\x07",
    "W" * 10_000,
]
#: Words of the format, which cannot be anything else.
KEEP = frozenset(
    {
        *("verdict", "severity", "status", "basis", "better", "limit_set_by", "on_inconclusive"),
        *("chart", "columns", "audit", "id", "measurement", "criterion", "task"),
    }
)


def poisoned(record: dict[str, Any], word: str) -> dict[str, Any]:
    """Put a hostile word into every text of a record but the words of the format."""
    found: dict[str, Any] = _poison(record, word)
    for table in found["tables"]:
        table["columns"] = [*table["columns"][:-1], table["columns"][-1] + word]
    for measurement in found["measurements"]:
        measurement["slice"] = {f"{k}{word}": v for k, v in measurement["slice"].items()}
    return found


def _poison(value: Any, word: str) -> Any:
    if isinstance(value, dict):
        return {k: v if k in KEEP else _poison(v, word) for k, v in value.items()}
    if isinstance(value, list):
        return [_poison(item, word) for item in value]
    return f"{value}{word}" if isinstance(value, str) else value
