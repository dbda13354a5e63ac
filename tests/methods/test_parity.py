"""Parity metrics against fairlearn, and what is kept out of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.methods.cells import RATES, count_cells
from auditkit.methods.crossing import Crossing, cross
from auditkit.methods.parity import PARITY, parity

FAIRLEARN = {metric.id: getattr(metrics, metric.id) for metric in PARITY}
RATES_COMPARED = ("selection_rate", "true_positive_rate", "false_positive_rate")


def crossed(**codes: list[int]) -> tuple[Crossing, pd.DataFrame]:
    """Cross the columns of a table that has y, yhat and group columns; also as a frame."""
    frame = pd.DataFrame(codes)
    columns = [name for name in codes if name not in {"y", "yhat"}]
    sizes = {name: int(frame[name].max()) + 1 for name in columns}
    cells = count_cells({name: frame[name] for name in columns}, sizes, frame["y"], frame["yhat"])
    labels = {name: [f"{name}{i}" for i in range(sizes[name])] + ["unknown"] for name in columns}
    return cross(cells, labels, columns), frame


def values(crossing: Crossing, least: int = 1) -> dict[str, float | None]:
    held = [crossing.compare(RATES[name], least) for name in RATES_COMPARED]
    return {metric.id: found.value for metric, found, _ in parity(held[0], held[1], held[2])}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[int]]:
    """Rows of 2 to 5 groups, each with both outcomes and at least one false positive."""
    k = draw(st.integers(2, 5))
    counts = draw(st.lists(st.lists(st.integers(1, 15), min_size=4, max_size=4), min_size=k,
                           max_size=k))  # fmt: skip
    rows = [
        (group, cell // 2, cell % 2)
        for group, cells in enumerate(counts)
        for cell, n in enumerate(cells)
        for _ in range(n)
    ]
    group, y, yhat = zip(*rows, strict=True)
    return {"group": list(group), "y": list(y), "yhat": list(yhat)}


@settings(max_examples=10, deadline=None)
@given(tables())
def test_parity_equals_fairlearn_to_1e_12(table: dict[str, list[int]]) -> None:
    crossing, frame = crossed(**table)
    expected = {
        name: compute(frame["y"], frame["yhat"], sensitive_features=frame["group"])
        for name, compute in FAIRLEARN.items()
    }
    assert values(crossing) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(tables())
def test_rates_by_group_equal_fairlearns_metric_frame_to_1e_12(
    table: dict[str, list[int]],
) -> None:
    crossing, frame = crossed(**table)
    names = ("selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate")
    theirs = metrics.MetricFrame(
        metrics={name: getattr(metrics, name) for name in names},
        y_true=frame["y"],
        y_pred=frame["yhat"],
        sensitive_features=frame["group"],
    )
    for name in names:
        ours = np.divide(*RATES[name].of(crossing.table))
        assert ours == pytest.approx(theirs.by_group[name].to_numpy(), abs=1e-12)


def test_intersections_equal_fairlearn_with_two_sensitive_features() -> None:
    rng = np.random.default_rng(0)
    codes = {name: rng.integers(0, k, 3000).tolist() for name, k in (("sex", 2), ("race", 4))}
    crossing, frame = crossed(
        **codes, y=rng.integers(0, 2, 3000).tolist(), yhat=rng.integers(0, 2, 3000).tolist()
    )
    expected = {
        name: compute(frame["y"], frame["yhat"], sensitive_features=frame[["sex", "race"]])
        for name, compute in FAIRLEARN.items()
    }
    assert crossing.title == "sex × race"  # noqa: RUF001
    assert crossing.names[:2] == ("sex0 × race0", "sex0 × race1")  # noqa: RUF001
    assert crossing.where(1) == {"sex": "sex0", "race": "race1"}
    assert values(crossing) == pytest.approx(expected, abs=1e-12)


def test_a_combination_without_rows_is_there_and_one_of_unknowns_only_with_rows() -> None:
    crossing, _ = crossed(sex=[0, 0, 1, -1], race=[0, 1, 0, 1], y=[0, 1, 0, 1], yhat=[0, 1, 1, 1])
    assert dict(zip(crossing.names, crossing.sizes.tolist(), strict=True)) == {
        "sex0 × race0": 1,  # noqa: RUF001
        "sex0 × race1": 1,  # noqa: RUF001
        "sex1 × race0": 1,  # noqa: RUF001
        "sex1 × race1": 0,  # noqa: RUF001
        "unknown × race1": 1,  # noqa: RUF001
    }
    assert crossing.known.tolist() == [True, True, True, True, False]


def test_small_and_unknown_groups_are_counted_but_not_compared() -> None:
    crossing, _ = crossed(
        group=[0] * 20 + [1] * 20 + [2] * 3 + [-1] * 4, y=[1, 0] * 23 + [1], yhat=[1] * 47
    )
    held = crossing.compare(RATES["selection_rate"], 10)
    assert held.names == ("group0", "group1")
    assert held.small == (("group2", 3),)
    assert held.unknown == 4
    assert held.n == 40


def test_a_small_group_is_named_by_its_rows_never_by_its_outcomes() -> None:
    crossing, _ = crossed(group=[0] * 20 + [1], y=[1, 0] * 10 + [1], yhat=[1] * 21)
    assert crossing.compare(RATES["true_positive_rate"], 10).small == (("group1", 1),)
    assert crossing.compare(RATES["false_positive_rate"], 10).small == (("group1", 1),)


def test_the_reason_names_the_rate_that_cannot_be_compared() -> None:
    crossing, _ = crossed(group=[0] * 20 + [1] * 20, y=[1, 0] * 10 + [0] * 20, yhat=[1, 0] * 20)
    held = [crossing.compare(RATES[name], 5) for name in RATES_COMPARED]
    found = {metric.id: estimate for metric, estimate, _ in parity(held[0], held[1], held[2])}
    assert found["demographic_parity_difference"].value == 0.0
    says = "true positive rate: fewer than 2 groups can be compared"
    assert found["equalized_odds_difference"].reason == says
    assert found["equal_opportunity_difference"].reason == says
