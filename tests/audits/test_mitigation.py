"""Mitigation on rows whose gap is known: what narrows it, what it costs, what cannot be done."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference

from auditkit.audit import run
from auditkit.audits.mitigation import Mitigation
from auditkit.errors import InputError
from auditkit.report import MeasurementRecord, Report, Scalar
from auditkit.subject import Subject
from auditkit.training import MLP, Recipe, Training

#: Everything but what takes long.
CHEAP = {"methods": ["reweighing", "penalty"], "strengths": [5.0]}


def people(n: int, seed: int, unknown: float = 0.0) -> pd.DataFrame:
    """People of whom men have a higher number, which decides the outcome."""
    rng = np.random.default_rng(seed)
    man = rng.random(n) < 0.6
    x = rng.normal(size=n) + 0.8 * man
    y = (rng.random(n) < 1 / (1 + np.exp(0.5 - 2.5 * x))).astype(int)
    sex = np.where(man, "M", "F").astype(object)
    sex[rng.random(n) < unknown] = None
    return pd.DataFrame({"x": x, "z": rng.normal(size=n) + man, "sex": sex, "y": y})


def subject(
    train: pd.DataFrame | None = None, rows: pd.DataFrame | None = None, **given: Any
) -> Subject:
    train = people(1_500, 1) if train is None else train
    rows = people(3_000, 2) if rows is None else rows
    training = Training(epochs=5, batch_size=128, learning_rate=0.01)
    features = ("x", "z")
    recipe = Recipe(
        MLP(hidden=[8]), "y", training, features=features, validation=given.pop("validation", None)
    )
    model, record = recipe.fit(train)
    asked = {"sensitive": ["sex"], "train": train, "record": record, "recipe": recipe, **given}
    return Subject.from_model(model, rows, label="y", features=list(features), **asked)


def audited(held: Subject, **settings: Any) -> Report:
    report = run(held, None, ["mitigation"], 0, settings={"mitigation": settings})
    assert report.audits[0].status == "completed", report.audits[0].reason
    return report


@functools.cache
def whole() -> Report:
    return audited(subject(validation=people(400, 3)), iterations=3, epochs=2)


def variants(report: Report) -> dict[str, dict[str, Scalar]]:
    table = next(t for t in report.tables if t.id == "mitigation.variants")
    lines = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {str(line["variant"]): line for line in lines}


def headline(report: Report, metric: str) -> MeasurementRecord:
    return next(m for m in report.measurements if m.metric == metric and len(m.slice) < 2)


GAP = "demographic_parity_difference"


def test_the_audited_line_is_the_model_as_fairlearn_measures_it() -> None:
    held = subject(validation=people(400, 3))
    line = variants(whole())["as audited"]
    expected = demographic_parity_difference(
        held.y_true, held.y_pred, sensitive_features=held.rows["sex"]
    )
    assert line[GAP] == pytest.approx(expected, abs=1e-12)
    assert line["accuracy"] == pytest.approx((held.y_true == held.y_pred).mean(), abs=1e-12)


@pytest.mark.parametrize(
    "variant",
    ["reweighing", "resampling", "fairness penalty 5", "exponentiated gradient",
     "threshold for each group"],
)  # fmt: skip
def test_each_method_narrows_the_planted_gap(variant: str) -> None:
    lines = variants(whole())
    before, after = lines["as audited"][GAP], lines[variant][GAP]
    assert isinstance(before, float)
    assert isinstance(after, float)
    assert before > 0.2
    assert after < before - 0.03


def test_thresholds_by_group_come_close_to_parity_on_rows_they_were_not_chosen_on() -> None:
    line = variants(whole())["threshold for each group"]
    assert float(str(line[GAP])) < 0.08
    assert line["reads_group"] is True
    assert "needs each person's 'sex' to decide: may be unlawful, ask counsel" in str(line["note"])


def test_what_it_takes_is_the_cheapest_within_the_target() -> None:
    lines = variants(whole())
    inside = [line for line in lines.values() if line["inside_target"] is True]
    assert all(float(str(line[f"{GAP}_high"])) <= 0.1 for line in inside)
    cheapest = max(inside, key=lambda line: float(str(line["accuracy"])))
    (row,) = next(t for t in whole().tables if t.id == "mitigation.what-it-takes").rows
    assert cheapest["variant"] in row
    cost = headline(whole(), "accuracy_cost_of_target")
    assert cost.value == pytest.approx(-float(str(cheapest["accuracy_change"])))
    assert cost.interval is not None
    assert "Bonferroni" in cost.interval.method


def test_moved_decisions_are_counted_by_group() -> None:
    table = next(t for t in whole().tables if t.id == "mitigation.decisions")
    lines = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    share = variants(whole())["reweighing"]["changed_share"]
    moved = sum(
        int(str(line[column]))
        for line in lines
        for column in ("no_longer_selected", "newly_selected")
        if line["variant"] == "reweighing"
    )
    assert moved / 3_000 == pytest.approx(float(str(share)))


def test_the_count_of_changes_is_reached_by_selecting_more_of_the_lower_group() -> None:
    table = next(t for t in whole().tables if t.id == "mitigation.more-to-select")
    lowest = dict(zip(table.columns, table.rows[0], strict=True))
    highest = dict(zip(table.columns, table.rows[-1], strict=True))
    more, n, selected = (int(str(lowest[c])) for c in ("more_to_select", "n", "selected"))
    rate = float(str(highest["rate"]))
    assert rate - (selected + more) / n <= 0.1 < rate - (selected + more - 1) / n
    fewest = headline(whole(), "fewest_changed_decisions").value
    assert fewest is not None
    assert 0 < fewest <= more


def test_where_no_variant_is_within_the_target_the_closest_is_named() -> None:
    report = audited(subject(), target=0.0, **CHEAP)
    cost = headline(report, "accuracy_cost_of_target")
    assert cost.value is None
    assert "no variant is within the target of 0" in str(cost.reason)
    (row,) = next(t for t in report.tables if t.id == "mitigation.what-it-takes").rows
    assert "none is within it; this one comes closest" in row


def test_a_model_within_the_target_already_needs_nothing() -> None:
    report = audited(subject(), target=0.9, methods=["cut-offs"])
    assert headline(report, "accuracy_cost_of_target").reason == (
        "the model as audited is within the target"
    )


@pytest.mark.parametrize("constraint", ["equal_opportunity", "equalized_odds"])
def test_another_gap_can_be_the_one_to_close(constraint: str) -> None:
    report = audited(
        subject(), constraint=constraint, methods=["penalty", "threshold-optimizer"],
        strengths=[5.0],
    )  # fmt: skip
    column = f"{constraint}_difference"
    lines = variants(report)
    before, after = (float(str(lines[v][column])) for v in ("as audited", "fairness penalty 5"))
    assert after < before
    assert lines["threshold for each group"]["accuracy"] is not None


def test_rows_of_unknown_group_keep_the_threshold_and_are_counted() -> None:
    held = subject(people(1_500, 1, unknown=0.2), people(2_000, 2, unknown=0.2))
    line = variants(audited(held, methods=["threshold-optimizer"]))["threshold for each group"]
    unknown = int(held.rows["sex"].isna().sum())
    assert f"{unknown:,} rows of other or unknown group keep the threshold" in str(line["note"])


def test_a_group_of_one_outcome_is_left_to_the_common_threshold() -> None:
    train = people(1_500, 1)
    train.loc[train.index[:60], "sex"] = "X"
    train.loc[train.index[:60], "y"] = 0
    rows = people(2_000, 2)
    rows.loc[rows.index[:60], "sex"] = "X"
    held = subject(train, rows)
    lines = variants(audited(held, methods=["threshold-optimizer", "exponentiated-gradient"]))
    assert "60 rows of other or unknown group" in str(lines["threshold for each group"]["note"])
    assert lines["exponentiated gradient"]["accuracy"] is not None


def test_a_training_that_fails_is_said_and_the_others_go_on() -> None:
    train = people(1_500, 1)
    train.loc[train["sex"] == "F", "y"] = 0
    report = audited(subject(train), constraint="equal_opportunity", **CHEAP)
    lines = variants(report)
    assert "training was not possible" in str(lines["fairness penalty 5"]["note"])
    assert lines["fairness penalty 5"]["accuracy"] is None
    assert lines["reweighing"]["accuracy"] is not None


def test_nothing_is_trained_where_it_would_take_too_long() -> None:
    lines = variants(audited(subject(), most_minutes=1e-6))
    for variant in ("reweighing", "fairness penalty 5", "exponentiated gradient"):
        assert "more than most_minutes = 1e-06" in str(lines[variant]["note"])
    assert lines["threshold for each group"]["accuracy"] is not None
    assert lines["cut-off 0.3"]["accuracy"] is not None


def test_the_first_column_that_can_be_compared_is_taken_and_bands_too() -> None:
    train, rows = (
        people(n, seed).assign(many=[f"g{i}" for i in range(n)], age=np.linspace(18, 80, n).round())
        for n, seed in ((1_500, 1), (2_000, 2))
    )
    given: dict[str, Any] = {"sensitive": ["many", "age"], "bands": {"age": [40]}}
    held = subject(train, rows, validation=train[:300], **given)
    report = audited(held, methods=["reweighing", "resampling"])
    assert headline(report, "lowest_mitigated_gap").slice == {"age": "*"}
    groups = next(t for t in report.tables if t.id == "mitigation.decisions").rows
    assert {row[1] for row in groups} == {"under 40", "40 and over"}


def test_a_column_that_cannot_be_compared_gives_the_reason() -> None:
    held = subject(people(600, 1).assign(one="a"), people(600, 2).assign(one="a"),
                   sensitive=["one"])  # fmt: skip
    report = audited(held)
    assert not report.tables
    reasons = {m.reason for m in report.measurements}
    assert reasons == {"'one': fewer than 2 groups have 10 rows"}


def test_a_column_that_is_not_sensitive_is_refused() -> None:
    report = run(subject(), None, [Mitigation(attribute="x")])
    assert "found 'x', expected a sensitive column" in str(report.audits[0].reason)


def test_without_a_recipe_it_is_not_measured_and_says_why() -> None:
    report = run(subject(recipe=None), None, ["mitigation"])
    assert report.audits[0].status == "skipped"
    assert "cannot be trained again" in str(report.audits[0].reason)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"constraint": "fairness"}, r"\[audits.mitigation\] constraint: found 'fairness'"),
        ({"methods": ("prayer",)}, "found 'prayer', expected a method"),
        ({"target": 1.0}, "target: found '1.0', expected a number from 0 to below 1"),
        ({"strengths": (1.0, 1.0)}, "expected each once"),
        ({"cut_offs": (float("nan"),)}, "cut_offs: found 'nan'"),
        ({"iterations": 0, "most_minutes": 0.0}, "2 problems"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        Mitigation(**settings)
