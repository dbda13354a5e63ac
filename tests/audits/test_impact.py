"""People decided about wrongly, by hand computation; in all, by group, and in every task."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audits.impact import NO_ERROR, NO_POPULATION, Impact
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods.intervals import clopper_pearson
from auditkit.report import ContextRecord
from auditkit.subject import Subject

#: Rows by sex, outcome and decision.
COUNTS = {
    ("F", 1, 0): 30, ("F", 1, 1): 70, ("F", 0, 0): 95, ("F", 0, 1): 5,
    ("M", 1, 0): 10, ("M", 1, 1): 140, ("M", 0, 0): 130, ("M", 0, 1): 20,
}  # fmt: skip


def people(population: int | None = 10_000, **changes: Any) -> Subject:
    lines = [key for key, n in COUNTS.items() for _ in range(n)]
    frame = pd.DataFrame(lines, columns=["sex", "y", "d"])
    facts: dict[str, Any] = {"label": "y", "prediction": "d", "sensitive": ["sex"]} | changes
    made = Subject.from_scores(frame, **facts)
    return made.declaring(ContextRecord(deployment_population=population))


def run(
    subject: Subject, audit: Impact | None = None
) -> tuple[dict[tuple[str, ...], Measurement], dict[str, Table]]:
    found = list((audit or Impact()).run(subject, np.random.default_rng(0)))
    numbers = {(m.metric, *m.slice.values()): m for m in found if isinstance(m, Measurement)}
    return numbers, {t.name: t for t in found if isinstance(t, Table)}


def test_errors_are_taken_to_the_declared_population() -> None:
    numbers, _ = run(people())
    refused = numbers["people_wrongly_refused",]
    assert refused.value == pytest.approx(10_000 * 40 / 500)
    assert refused.interval is not None
    low, high = clopper_pearson(40, 500)
    assert (refused.interval.low, refused.interval.high) == pytest.approx(
        (10_000 * low, 10_000 * high)
    )
    assert refused.basis == "estimated"
    assert numbers["people_wrongly_granted",].value == pytest.approx(10_000 * 25 / 500)
    assert not any(metric.endswith("per_1000") for metric, *_ in numbers)


def test_groups_add_up_to_the_whole_and_their_intervals_hold_together() -> None:
    numbers, tables = run(people())
    women = numbers["people_wrongly_refused", "F"]
    assert women.value == pytest.approx(600)
    assert women.interval is not None
    low, high = clopper_pearson(30, 500, 0.975)
    assert (women.interval.low, women.interval.high) == pytest.approx((1e4 * low, 1e4 * high))
    assert women.interval.method.endswith("Bonferroni over 3 groups") is False
    assert "Bonferroni over 2 groups" in women.interval.method
    assert numbers["people_in_group", "F"].value == pytest.approx(4_000)
    whole = numbers["people_wrongly_refused",].value
    assert whole == pytest.approx(
        sum(numbers["people_wrongly_refused", sex].value or 0 for sex in ("F", "M"))
    )
    assert tables["people"].rows[0][1] == "F", "the group that is surely hit most stands first"


def test_without_a_population_it_is_per_1000_people_and_says_so() -> None:
    numbers, _ = run(people(None))
    assert numbers["wrongly_refused_per_1000",].value == pytest.approx(80)
    assert numbers["people_wrongly_refused",].value is None
    assert numbers["people_wrongly_refused",].reason == NO_POPULATION


def test_where_selection_is_unfavourable_those_selected_wrongly_are_refused() -> None:
    numbers, _ = run(people(), Impact(favourable=False))
    assert numbers["people_wrongly_refused",].value == pytest.approx(500)
    assert numbers["people_wrongly_granted",].value == pytest.approx(800)


def test_weights_count_people_and_widen_the_interval() -> None:
    lines = [key for key, n in COUNTS.items() for _ in range(n)]
    frame = pd.DataFrame(lines, columns=["sex", "y", "d"])
    frame["w"] = np.where(frame["sex"] == "F", 3.0, 1.0)
    made = Subject.from_scores(
        frame, label="y", prediction="d", sensitive=["sex"], weight="w"
    ).declaring(ContextRecord(deployment_population=10_000))
    numbers, _ = run(made)
    refused, plain = (run(s)[0]["people_wrongly_refused",] for s in (made, people()))
    assert refused.value == pytest.approx(10_000 * (3 * 30 + 10) / (3 * 200 + 300))
    assert refused.interval is not None
    assert plain.interval is not None
    assert "effective n" in refused.interval.method
    assert numbers["people_in_group", "F"].value == pytest.approx(10_000 * 600 / 900)


def test_small_and_unknown_groups_are_counted_and_not_told() -> None:
    lines = [key for key, n in COUNTS.items() for _ in range(n)]
    frame = pd.DataFrame(lines, columns=["sex", "y", "d"])
    frame.loc[:3, "sex"] = None
    frame.loc[495:, "sex"] = "X"
    made = Subject.from_scores(frame, label="y", prediction="d", sensitive=["sex"])
    numbers, tables = run(made)
    for group, n in (("X", 5), ("unknown", 4)):
        held = numbers["wrongly_refused_per_1000", group]
        assert (held.value, held.n, held.reason) == (None, n, "fewer than 10 rows")
    assert {row[1] for row in tables["people"].rows} == {"F", "M"}


def test_a_group_of_no_error_is_no_sure_zero() -> None:
    frame = pd.DataFrame({"sex": ["F", "M"] * 50, "y": [0, 1] * 50, "d": [0, 1] * 50})
    numbers, _ = run(Subject.from_scores(frame, label="y", prediction="d", sensitive=["sex"]))
    held = numbers["wrongly_refused_per_1000",]
    assert held.value == 0
    assert held.interval is not None
    assert held.interval.high > 30


def test_classes_are_wrong_or_right_and_numbers_are_neither() -> None:
    frame = pd.DataFrame(
        {"y": ["a", "b", "c", "a"] * 10, "d": ["a", "b", "a", "a"] * 10, "sex": ["F", "M"] * 20}
    )
    made = Subject.from_scores(
        frame, label="y", prediction="d", sensitive=["sex"], task="multiclass"
    )
    numbers, _ = run(made)
    assert numbers["wrongly_decided_per_1000",].value == pytest.approx(250)
    frame = pd.DataFrame({"y": range(40), "d": range(40), "sex": ["F", "M"] * 20})
    made = Subject.from_scores(
        frame, label="y", prediction="d", sensitive=["sex"], task="regression"
    )
    numbers, tables = run(made)
    assert numbers["wrongly_decided_per_1000",].reason == NO_ERROR
    assert numbers["in_group_per_1000", "F"].value == pytest.approx(500)
    assert not tables


def test_settings_out_of_range_are_refused_together() -> None:
    with pytest.raises(InputError, match="2 problems"):
        Impact(min_group=1, level=1.0)


def test_the_interval_covers_the_true_number_in_19_of_20_seeds() -> None:
    covered = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 2_000)
        d = np.where((y == 1) & (rng.random(2_000) < 0.2), 0, y)  # a tenth is wrongly refused
        frame = pd.DataFrame({"y": y, "d": d, "sex": rng.choice(["F", "M"], 2_000)})
        made = Subject.from_scores(frame, label="y", prediction="d", sensitive=["sex"])
        held = run(made)[0]["wrongly_refused_per_1000",]
        assert held.interval is not None
        covered += held.interval.low <= 100 <= held.interval.high
    assert covered >= 18
