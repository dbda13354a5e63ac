"""What a record of private training states, as measurements."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.methods.guarantee import METRICS, stated

SPENT: dict[str, Any] = {
    "epsilon": 2.97,
    "epsilon_rdp": 3.31,
    "delta": 1e-5,
    "accountant": "prv",
    "noise_multiplier": 0.9,
    "max_grad_norm": 1.0,
    "sample_rate": 0.01,
    "steps": 300,
    "sampling": "poisson",
    "unit": "row",
    "adjacency": "add or remove one row",
    "self_test": {"clip_error": 1e-7, "reference_error": 2e-6},
    "not_covered": ["tuning", "means of columns"],
}


def test_every_number_of_the_record_is_measured_exactly() -> None:
    found = {m.metric: m for m in stated(SPENT, 29_305)}
    assert list(found) == [metric.id for metric in METRICS]
    held = {**SPENT, **SPENT["self_test"]}
    for name, m in found.items():
        assert m.value == held[name.removeprefix("private_")]
        assert m.exact
        assert m.interval is None
        assert m.reason
    assert found["private_epsilon"].n == 29_305
    assert found["private_clip_error"].n == 8


def test_the_bound_says_what_it_rests_on_and_what_it_does_not_cover() -> None:
    source = next(stated(SPENT, 100)).source
    for words in (
        "prv accountant", "poisson sampling", "one row", "add or remove one row",
        "not the audited model", "tuning; means of columns",
    ):  # fmt: skip
        assert words in source


@pytest.mark.parametrize("nothing", [None, float("nan"), float("inf")])
def test_a_number_that_is_not_stated_or_not_finite_is_not_measured(nothing: float | None) -> None:
    found = {m.metric: m for m in stated({**SPENT, "epsilon": nothing, "self_test": None}, 10)}
    for name in ("private_epsilon", "private_clip_error", "private_reference_error"):
        assert found[name].value is None
        assert found[name].reason == "the twin's training record does not state it"
    assert found["private_steps"].value == 300


def test_a_record_that_says_nothing_of_what_is_not_covered_gets_the_usual_points() -> None:
    text = next(stated({"epsilon": 1.0}, 10)).source
    assert "choice of settings" in text
    assert "tuning" in next(stated({"epsilon": 1.0, "not_covered": "tuning"}, 10)).source
