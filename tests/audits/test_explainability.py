from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_network import COLUMNS, SmallModel, people, small_lstm, small_mlp

from auditkit.audits.explainability import NOT_READ, Explainability
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods.shapley_metrics import OF_TASK
from auditkit.subject import Subject

SMALL = Explainability(rows=60, background=40)
#: About half of the people are selected.
MEDIAN = float(np.round(np.median(small_mlp().scores(people(200))), 3))
BINARY = {metric.id for metric in OF_TASK["binary"].trust + OF_TASK["binary"].by_column}
BINARY |= {"mean_abs_shapley"}


def subject(
    model: Any = None, n: int = 200, *, train: bool = True, sensitive: Any = ("sex", "race")
) -> Subject:
    return Subject.from_model(
        model or small_mlp(), people(n), label="y", features=list(COLUMNS),
        sensitive=list(sensitive), train=people(150, 7) if train else None, threshold=MEDIAN,
    )  # fmt: skip


def evidence(
    audit: Explainability = SMALL, of: Subject | None = None, seed: int = 0
) -> list[Measurement | Table]:
    of = subject() if of is None else of
    return list(audit.run(of, np.random.default_rng(seed)))


def measured(found: list[Measurement | Table]) -> dict[tuple[str, ...], Measurement]:
    keyed = [
        ((m.metric, *(x for pair in m.slice.items() for x in pair)), m)
        for m in found
        if isinstance(m, Measurement)
    ]
    assert len(dict(keyed)) == len(keyed)
    return dict(keyed)


def table(found: list[Measurement | Table], name: str) -> pd.DataFrame:
    (one,) = (t for t in found if isinstance(t, Table) and t.name == name)
    return pd.DataFrame(list(one.rows), columns=list(one.columns))


@pytest.fixture(scope="module")
def found() -> list[Measurement | Table]:
    return evidence()


def test_all_that_is_promised_is_there(found: list[Measurement | Table]) -> None:
    by = measured(found)
    assert {key[0] for key in by} == BINARY
    assert {metric.id for metric in Explainability.metrics} > BINARY
    for feature in COLUMNS:
        assert by["mean_abs_shapley", "feature", feature].n == 60
    assert [t.chart for t in found if isinstance(t, Table)] == [
        "bars",
        "density-strip",
        "waterfall",
        "waterfall",
    ]
    for m in by.values():
        assert m.interval is not None or m.reason
        assert "60 of 200 assessed rows against 40 training rows" in m.source


def test_attributions_add_up(found: list[Measurement | Table]) -> None:
    gap = measured(found)["additivity_gap",]
    assert gap.value is not None
    assert gap.value < 1e-6
    assert gap.exact
    assert "1e-4 standard deviations" in str(gap.reason)


def test_importance_names_the_features_from_most_to_least(found: list[Measurement | Table]) -> None:
    shown = table(found, "importance")
    assert set(shown["feature"]) == set(COLUMNS)
    assert shown["mean_abs"].is_monotonic_decreasing
    assert (shown["low"] < shown["mean_abs"]).all()
    assert (shown["mean_abs"] < shown["high"]).all()
    by = measured(found)
    values = [by["mean_abs_shapley", "feature", str(name)].value for name in shown["feature"]]
    assert values == list(shown["mean_abs"])


def test_reliance_is_the_share_of_the_column_in_all_importance(
    found: list[Measurement | Table],
) -> None:
    shown = table(found, "importance").set_index("feature")["mean_abs"]
    reliance = measured(found)["sensitive_reliance", "sex", "*"]
    assert reliance.value == pytest.approx(shown["sex"] / shown.sum())


def test_a_column_that_is_not_read_has_a_reason_and_no_number(
    found: list[Measurement | Table],
) -> None:
    by = measured(found)
    metrics = ("sensitive_reliance", "score_gap_contribution", "selection_gap_contribution")
    for metric in metrics:
        assert by[metric, "race", "*"].value is None
        assert by[metric, "race", "*"].reason == NOT_READ
    assert "race" in set(table(found, "gap")["attribute"])


@pytest.mark.parametrize("attribute", ["sex", "race"])
@pytest.mark.parametrize(
    ("name", "end", "metric"),
    [
        ("gap", "mean score", "score_gap_contribution"),
        ("selection-gap", "selection rate", "selection_gap_contribution"),
    ],
)
def test_the_parts_of_a_gap_sum_to_the_difference_of_the_two_ends(
    found: list[Measurement | Table], attribute: str, name: str, end: str, metric: str
) -> None:
    lines = table(found, name).query("attribute == @attribute").set_index("feature")
    a, b = lines.loc[f"({end} a)"], lines.loc[f"({end} b)"]
    parts = lines.drop(index=[f"({end} a)", f"({end} b)"])
    assert parts["contribution"].sum() == pytest.approx(
        a["contribution"] - b["contribution"], abs=1e-6
    )
    assert set(parts.index) == set(COLUMNS)
    assert (lines["low"] < lines["contribution"]).all()
    assert (lines["contribution"] < lines["high"]).all()
    assert name == "gap" or abs(a["contribution"] - b["contribution"]) > 0.01
    largest = people(200)[attribute].value_counts().index[:2]
    assert [lines["a"].iloc[0], lines["b"].iloc[0]] == list(largest)
    if attribute == "sex":
        own = measured(found)[metric, "sex", "*"]
        assert own.value == parts.loc["sex", "contribution"]


def test_strips_count_every_row_and_hide_the_few(found: list[Measurement | Table]) -> None:
    shown = table(found, "strips")
    assert (shown.groupby("feature")["count"].sum() == 60).all()
    assert (shown.groupby("feature").size() <= 30).all()
    assert shown[shown["count"] < 5]["mean_rank"].isna().all()
    assert shown[shown["feature"].isin(["sex", "job"])]["mean_rank"].isna().all()
    ranks = shown[shown["feature"] == "income"]["mean_rank"].dropna()
    assert len(ranks)
    assert ranks.between(0, 1).all()


def test_no_value_of_a_row_is_in_the_evidence(found: list[Measurement | Table]) -> None:
    text = repr(found)
    assert not any(repr(float(v)) in text for v in people(200)["income"])
    assert not any(repr(float(v)) in text for v in small_mlp().scores(people(200)))


def test_the_same_seed_gives_the_same_evidence_and_another_another_sample() -> None:
    assert evidence() == evidence()
    assert evidence() != evidence(seed=1)


def test_sequences_are_explained_column_by_column() -> None:
    model, rows = small_lstm()
    of = Subject.from_model(
        model, rows, label="y", features=list(model.columns), sensitive=["sex"], train=rows[:50]
    )
    by = measured(evidence(SMALL, of))
    assert sum(key[0] == "mean_abs_shapley" for key in by) == 6
    assert (by["additivity_gap",].value or 0) < 1e-6
    assert by["sensitive_reliance", "sex", "*"].reason == NOT_READ


def test_without_training_rows_the_background_is_kept_apart_from_the_explained_rows() -> None:
    by = measured(evidence(SMALL, subject(train=False)))
    assert "60 of 200 assessed rows against 40 assessed rows" in by["additivity_gap",].source
    few = measured(evidence(SMALL, subject(n=31, train=False)))
    assert "21 of 31 assessed rows against 10 assessed rows" in few["additivity_gap",].source


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_handful_of_rows_gives_wide_intervals_and_reasons(n: int) -> None:
    frame = people(400).sort_values("y").iloc[[0, -1, 1, -2, 2][:n]]
    for train in (None, people(30, 7)):
        of = Subject.from_model(
            small_mlp(), frame, label="y", features=list(COLUMNS), sensitive=["sex"], train=train
        )
        by = measured(evidence(SMALL, of))
        importance = by["mean_abs_shapley", "feature", "income"]
        assert importance.interval is not None
        assert by["score_gap_contribution", "sex", "*"].value is None
        assert len(table(evidence(SMALL, of), "gap")) == 0


def test_a_single_background_row_gives_no_errors_and_no_gap() -> None:
    of = Subject.from_model(
        small_mlp(), people(100), label="y", features=list(COLUMNS), sensitive=["sex"],
        train=people(1, 7),
    )  # fmt: skip
    by = measured(evidence(SMALL, of))
    assert by["attribution_standard_error",].value is None
    assert "no halves" in str(by["top_reason_agreement",].reason)
    assert "the background has one row" in str(by["score_gap_contribution", "sex", "*"].reason)


def test_groups_that_cannot_be_compared_are_told() -> None:
    def awkward(seed: int) -> pd.DataFrame:
        place = pd.Series(range(200))
        return people(200, seed).assign(
            alone=np.where(place == 0, "one", "many"),
            single="all",
            missing=place.map(dict.fromkeys(range(0, 200, 2), "here")),
        )

    of = Subject.from_model(
        small_mlp(), awkward(0), label="y", features=list(COLUMNS), train=awkward(3),
        sensitive=["alone", "single", "missing"],
    )  # fmt: skip
    by = measured(evidence(SMALL, of))
    assert "needs 10 explained rows" in str(by["score_gap_contribution", "alone", "*"].reason)
    for column in ("single", "missing"):
        reason = by["score_gap_contribution", column, "*"].reason
        assert reason == "fewer than two groups have a row"


def test_a_budget_cuts_both_samples_and_holds() -> None:
    audit = Explainability(rows=100, background=100, budget=20_000)
    source = measured(evidence(audit))["additivity_gap",].source
    rows, background = (
        source.split("for ")[1].split(" of")[0],
        source.split("against ")[1].split()[0],
    )
    assert 20 < int(rows) < 100
    assert 20 < int(background) < 100
    spent = int(source.rsplit("; ", 1)[1].split()[0].replace(",", ""))
    assert 15_000 < spent <= 20_000


def test_a_budget_too_small_for_a_row_is_a_reason() -> None:
    by = measured(evidence(Explainability(budget=50)))
    assert {key[0] for key in by} == BINARY
    for m in by.values():
        assert m.value is None
        assert "the budget is 50" in str(m.reason)


def test_no_assessed_row_is_a_reason() -> None:
    empty = dataclasses.replace(subject(), rows=people(0))
    for m in measured(evidence(SMALL, empty)).values():
        assert m.reason == "there is no assessed row"


def broken_models() -> Iterator[tuple[SmallModel, str]]:
    lost = small_mlp()
    with torch.no_grad():
        lost.network[0].weight[0, 0] = torch.nan  # type: ignore[index]
    yield lost, "NaN"
    training = small_mlp()
    training.network.train()
    yield training, "training mode"


@pytest.mark.parametrize(("model", "reason"), list(broken_models()), ids=lambda x: str(x)[:10])
def test_a_model_that_cannot_be_explained_gives_reasons(model: SmallModel, reason: str) -> None:
    by = measured(evidence(SMALL, subject(model)))
    assert {key[0] for key in by} == BINARY
    for m in by.values():
        assert m.value is None
        assert reason in str(m.reason)


def test_a_constant_model_relies_on_nothing() -> None:
    constant = small_mlp()
    with torch.no_grad():
        for parameter in constant.network.parameters():
            parameter.zero_()
    by = measured(evidence(SMALL, subject(constant)))
    assert by["sensitive_reliance", "sex", "*"].value is None
    assert by["mean_abs_shapley", "feature", "income"].value == 0
    assert by["mean_abs_shapley", "feature", "income"].interval is not None


def test_names_from_the_data_stay_what_they_are() -> None:
    wild = "<script>\"'\u202e=1+1\n" + "x" * 500
    model = dataclasses.replace(
        small_mlp(), columns={wild if k == "income" else k: v for k, v in COLUMNS.items()}
    )
    frame = people(120).rename(columns={"income": wild}).assign(sex=lambda f: f["sex"] + wild)
    model = dataclasses.replace(model, columns={**model.columns, "sex": ("F" + wild, "M" + wild)})
    of = Subject.from_model(
        model, frame, label="y", features=list(model.columns), sensitive=["sex"]
    )
    found = evidence(SMALL, of)
    assert ("mean_abs_shapley", "feature", wild) in measured(found)
    assert set(table(found, "gap")["a"]) <= {"F" + wild, "M" + wild}
    for item in found:
        assert "\n" not in item.source
        assert "\u202e" not in item.source


def test_settings_out_of_range_are_all_told() -> None:
    with pytest.raises(InputError) as caught:
        Explainability(
            rows=0, background=1, level=1.0, top=0, min_group=1, budget=0, listed=0,
            proxy_area=1.0, texts=0, words=0, min_texts=9, max_asked=0,
        )  # fmt: skip
    assert "12 problems" in str(caught.value)


def test_one_feature_leaves_no_choice_of_reasons() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(1, 1, device="meta").to_empty(device="cpu"))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1.0)
    of = Subject.from_model(
        SmallModel(network.eval(), {"income": None}), people(100), label="y", features=["income"],
        sensitive=["sex"], train=people(50, 4),
    )  # fmt: skip
    by = measured(evidence(SMALL, of))
    assert "no choice" in str(by["top_reason_agreement",].reason)
    assert by["mean_abs_shapley", "feature", "income"].value


def test_parts_beyond_the_listed_ones_are_one_line_and_the_sum_stays() -> None:
    audit = dataclasses.replace(SMALL, listed=2)
    lines = table(evidence(audit), "gap").query("attribute == 'sex'").set_index("feature")
    assert len(lines) == 5
    (rest,) = (name for name in lines.index if "others" in name)
    assert rest == f"({len(COLUMNS) - 2} others)"
    parts = lines["contribution"].iloc[2:].sum()
    ends = lines["contribution"]
    assert parts == pytest.approx(ends["(mean score a)"] - ends["(mean score b)"], abs=1e-6)


def test_the_gap_of_all_assessed_rows_is_told_beside_that_of_the_explained_ones(
    found: list[Measurement | Table],
) -> None:
    of = subject()
    sex = of.rows["sex"].to_numpy()
    a, b = pd.Series(sex).value_counts().index[:2]
    for metric, values in (
        ("score_gap_contribution", of.y_score), ("selection_gap_contribution", of.y_pred),
    ):  # fmt: skip
        assert values is not None
        apart = values[sex == a].mean() - values[sex == b].mean()
        source = measured(found)[metric, "sex", "*"].source
        assert source.endswith(f"over all assessed rows the gap is {apart:+.3g}")
