"""The fields on computing."""

from __future__ import annotations

from auditkit.evidence import Metric
from auditkit.methods.compute_fields import BINDS, MEASURED, compute_fields

MADE = {name: Metric(name, name, name, "s") for name in MEASURED}


def test_each_field_names_its_clause_and_whom_it_binds() -> None:
    found = [metric.measure(2.0, n=1, reason="once", source="x") for metric in MADE.values()]
    for *_, clauses, binds in compute_fields(found, 1.5).rows:
        assert binds == "; ".join(BINDS[clause] for clause in str(clauses).split("; "))


def test_what_is_missing_says_why_and_what_is_declared_is_declared() -> None:
    lost = MADE["training_flops"].measure(None, n=0, reason="no network", source="x")
    first, development = compute_fields([lost], 1.5).rows
    assert (first[1], first[5]) == (None, "missing: no network")
    assert (development[1], development[4], development[5]) == (1.5, "kWh", "declared")


def test_the_weakest_basis_is_that_of_the_table() -> None:
    found = [MADE["training_energy"].measure(2.0, n=1, reason="once", source="x")]
    assert compute_fields(found, None).basis == "measured"
    assert compute_fields(found, 1.0).basis == "declared"


def test_no_word_of_it_claims_that_a_duty_is_met() -> None:
    table = compute_fields([], None)
    text = " ".join(map(str, [table.title, table.source, *table.rows])).lower()
    assert "evidence, not fulfilment" in text
    assert not any(word in text for word in ("compliant", "certified", "meets article"))
