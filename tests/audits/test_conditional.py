"""The audit of gaps among people who are alike: Berkeley, planted reversals, awkward columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.audits.conditional import NO_CONTROL, Conditional
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.methods.decision_groups import CONSTANT
from auditkit.policy import parse_policy
from auditkit.render.html import render
from auditkit.subject import Subject

PARITY = "conditional_demographic_parity_difference"
SHARE = "gap_share_of_control"
#: Admitted and refused, men and women, in departments A to F.
BERKELEY = [(512, 313, 89, 19), (353, 207, 17, 8), (120, 205, 202, 391),
            (138, 279, 131, 244), (53, 138, 94, 299), (22, 351, 24, 317)]  # fmt: skip

Found = tuple[dict[tuple[str, ...], Measurement], dict[str, list[dict[str, Any]]]]


def found(subject: Subject, audit: Conditional | None = None) -> Found:
    """Measurements by metric and columns, and the rows of the tables."""
    items = list((audit or Conditional()).run(subject, np.random.default_rng(0)))
    measured = {(m.metric, *m.slice): m for m in items if isinstance(m, Measurement)}
    tables = {
        table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        for table in items
        if isinstance(table, Table)
    }
    return measured, tables


def berkeley() -> Subject:
    rows = [
        row
        for department, counts in zip("ABCDEF", BERKELEY, strict=True)
        for (sex, admitted), n in zip(
            [("men", 1), ("men", 0), ("women", 1), ("women", 0)], counts, strict=True
        )
        for row in [(sex, department, admitted)] * n
    ]
    frame = pd.DataFrame(rows, columns=["sex", "department", "admitted"])
    return Subject.from_scores(
        frame, label=None, prediction="admitted", sensitive=["sex", "department"]
    )


class Column:
    """A model that gives a column back."""

    kind, parameters, sha256 = "column", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["score"].to_numpy()


def turned(n: int = 4_000) -> pd.DataFrame:
    """Women are in the hard job more often, and selected more often in each."""
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", "M"], n)
    hard = rng.random(n) < np.where(sex == "F", 0.85, 0.15)
    chance = np.where(hard, 0.15, 0.7) + np.where(sex == "F", 0.1, 0.0)
    score = (rng.random(n) < chance).astype(float)
    return pd.DataFrame(
        {
            "sex": sex,
            "job": np.where(hard, "hard", "easy"),
            "age": rng.integers(20, 60, n),
            "noise": rng.choice(["x", "y"], n),
            "score": score,
            "y": rng.integers(0, 2, n),
        }
    )


def subject_of(rows: pd.DataFrame, **more: Any) -> Subject:
    features = [name for name in ("job", "age", "noise") if name in rows]
    roles = {"label": "y", "sensitive": ["sex"], "features": features} | more

    class Given(Column):
        def scores(self, asked: pd.DataFrame) -> np.ndarray:
            return asked["score"].to_numpy()

    return Subject.from_model(Given(), rows, **{**roles, "features": [*roles["features"], "score"]})


BY_JOB = Conditional(control=("job",))


def test_berkeley_leans_to_men_over_all_and_to_women_within_departments() -> None:
    measured, tables = found(berkeley(), Conditional(control=("department",)))
    gap = measured[PARITY, "sex", "department"]
    assert gap.slice == {"sex": "*", "department": "="}
    assert gap.value == pytest.approx(0.018425, abs=1e-6)
    assert gap.interval is not None
    assert gap.interval.low == 0.0
    (line,) = [row for row in tables["conditional"] if row["attribute"] == "sex"]
    assert (line["a"], line["b"]) == ("men", "women")
    assert line["raw"] == pytest.approx(0.445 - 0.304, abs=1e-3)
    assert line["raw_low"] > 0
    assert line["within"] == pytest.approx(-0.018425, abs=1e-6)
    assert line["p_adjusted"] == pytest.approx(0.2169, abs=5e-5)
    assert line["outcome"] == "reversed, not established"


def test_berkeleys_departments_account_for_the_whole_gap() -> None:
    measured, tables = found(berkeley(), Conditional(control=("department",)))
    share = measured[SHARE, "sex", "department"]
    assert share.value == pytest.approx(1 + 0.018425 / 0.141643, abs=1e-4)
    assert share.interval is not None
    assert share.interval.low > 0.8
    by_department = {row["stratum"]: row for row in tables["strata"] if row["attribute"] == "sex"}
    assert list(by_department) == [*"ABCDEF"]
    assert by_department["A"]["rate_a"] == pytest.approx(512 / 825)
    assert by_department["A"]["difference"] == pytest.approx(512 / 825 - 89 / 108)


def test_no_column_is_compared_within_itself() -> None:
    measured, _ = found(berkeley(), Conditional(control=("department",)))
    assert measured[PARITY, "department"].reason == NO_CONTROL


def test_a_planted_reversal_is_established() -> None:
    measured, tables = found(subject_of(turned()), BY_JOB)
    line = tables["conditional"][0]
    assert (line["a"], line["b"], line["outcome"]) == ("M", "F", "reversed")
    assert line["within"] == pytest.approx(-0.1, abs=0.04)
    gap = measured[PARITY, "sex", "job"]
    assert gap.interval is not None
    assert gap.interval.low > 0
    assert "'M' minus 'F': +0." in gap.source
    assert "control named in the settings" in gap.source


def test_errors_are_compared_too_where_there_are_labels() -> None:
    rows = turned()
    measured, tables = found(subject_of(rows), BY_JOB)
    rates = [row["metric"] for row in tables["conditional"]]
    assert rates == ["selection_rate", "true_positive_rate", "false_positive_rate"]
    recall = measured["conditional_equal_opportunity_difference", "sex", "job"]
    assert recall.n == int(rows["y"].sum())
    unlabelled, tables = found(subject_of(rows, label=None), BY_JOB)
    assert {key[0] for key in unlabelled} == {PARITY, SHARE}
    assert {row["metric"] for row in tables["conditional"]} == {"selection_rate"}


def test_controls_are_chosen_where_none_is_named_and_that_is_said() -> None:
    rows = turned()
    rows["wife"] = rows["sex"]
    other = (rows.index % 3 == 0) & (rows["score"] == 1)
    rows["noise"] = np.where(other, "w", rows["noise"])
    # Who has which job must not give sex away, or the job would be no control.
    hard = np.random.default_rng(1).random(len(rows)) < np.where(rows["score"] == 1, 0.3, 0.7)
    rows["job"], rows["job code"] = np.where(hard, "hard", "easy"), np.where(hard, "h", "e")
    subject = subject_of(rows, features=["wife", "job", "job code", "noise", "age"])
    measured, tables = found(subject, Conditional(max_controls=2))
    assert {key[2] for key in measured} == {"noise", "job"}
    said = measured[PARITY, "sex", "job"].source
    assert said.endswith("control chosen by auditkit: it goes with the decision")
    assert {row["control"] for row in tables["conditional"]} == {"noise", "job"}


def test_where_no_feature_is_known_the_other_sensitive_columns_are_taken() -> None:
    measured, _ = found(berkeley())
    assert measured[PARITY, "sex", "department"].value is not None


def test_a_number_is_cut_into_five_bands_whose_edges_are_printed() -> None:
    rows = turned()
    measured, tables = found(subject_of(rows), Conditional(control=("age",)))
    gap = measured[PARITY, "sex", "age"]
    edges = np.quantile(rows["age"], [0.2, 0.4, 0.6, 0.8], method="higher")
    assert f"cut at {', '.join(f'{edge:g}' for edge in edges)}" in gap.source
    assert len(tables["strata"]) == 5
    assert tables["strata"][0]["stratum"] == f"under {edges[0]:g}"


def test_unknown_groups_and_controls_are_counted_and_shown() -> None:
    rows = turned()
    rows.loc[rows.index[:300], "sex"] = None
    rows.loc[rows.index[300:700], "job"] = None
    rows.loc[rows.index[700:705], "sex"] = "X"
    measured, tables = found(subject_of(rows), BY_JOB)
    source = measured[PARITY, "sex", "job"].source
    assert "without 300 rows of unknown group" in source
    assert "'X' (5 rows)" in source
    assert "400 of them, whose control is unknown, as one stratum" in source
    strata = {row["stratum"]: row for row in tables["strata"]}
    assert strata["unknown"]["n_a"] + strata["unknown"]["n_b"] == 400


def test_a_rate_of_one_row_is_withheld() -> None:
    rows = turned()
    rows.loc[rows.index[rows["sex"] == "F"][:1], "job"] = "rare"
    rows.loc[rows.index[rows["sex"] == "M"][:50], "job"] = "rare"
    _, tables = found(subject_of(rows), BY_JOB)
    rare = next(row for row in tables["strata"] if row["stratum"] == "rare")
    assert (rare["n_a"], rare["n_b"]) == (50, 1)
    assert rare["rate_a"] is not None
    assert rare["rate_b"] is rare["difference"] is rare["low"] is None


def test_only_the_largest_strata_are_listed_and_that_is_said() -> None:
    audit = Conditional(control=("age",), max_listed=2)
    items = list(audit.run(subject_of(turned()), np.random.default_rng(0)))
    table = next(item for item in items if isinstance(item, Table) and item.name == "strata")
    assert len(table.rows) == 2
    assert "Listed: the 2 largest of 5 by 'age'" in table.source


@pytest.mark.parametrize(
    ("audit", "change", "reason"),
    [
        (Conditional(control=("age",), max_strata=2), {}, "5 values of the control, more than "),
        (Conditional(control=("job",), max_groups=2), {"sex": "many"}, "4 groups, more than "),
        (BY_JOB, {"score": "same"}, CONSTANT),
        (BY_JOB, {"job": "as sex"}, "no two groups have enough rows in the same strata"),
    ],
)
def test_what_cannot_be_compared_has_a_reason(
    audit: Conditional, change: dict[str, str], reason: str
) -> None:
    rows = turned()
    new: dict[str, Any] = {
        "many": np.resize(["a", "b", "c", "d"], len(rows)),
        "same": np.ones(len(rows)),
        "as sex": rows["sex"],
    }
    rows = rows.assign(**{column: new[kind] for column, kind in change.items()})
    measured, _ = found(subject_of(rows), audit)
    for measurement in measured.values():
        assert measurement.value is None
        assert str(measurement.reason).startswith(reason)


def test_a_control_that_is_no_column_is_an_error_with_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        found(subject_of(turned()), Conditional(control=("jop", "sex")))
    (problem,) = caught.value.problems
    assert "Did you mean 'job'?" in problem.hint


def test_settings_out_of_range_are_all_named() -> None:
    with pytest.raises(InputError) as caught:
        Conditional(
            level=1.0, max_controls=0, min_group=0, max_groups=1, max_strata=1, max_listed=0
        )
    assert len(caught.value.problems) == 6


def test_weights_are_counted() -> None:
    rows = turned()
    plain, _ = found(subject_of(rows), BY_JOB)
    rows["w"] = np.where(rows["job"] == "hard", 5.0, 1.0)
    weighted, tables = found(subject_of(rows, weight="w"), BY_JOB)
    share = rows.groupby(["job", "sex"])["score"].mean()
    sums = rows.groupby(["job", "sex"])["w"].sum()
    jobs = ["easy", "hard"]
    w = [sums[j, "M"] * sums[j, "F"] / (sums[j, "M"] + sums[j, "F"]) for j in jobs]
    d = [share[j, "M"] - share[j, "F"] for j in jobs]
    assert tables["conditional"][0]["within"] == pytest.approx(np.average(d, weights=w))
    key = (PARITY, "sex", "job")
    assert weighted[key].value != plain[key].value
    assert "weighted: effective n" in weighted[key].source


def test_groups_by_another_name_give_the_same_numbers() -> None:
    rows = turned()
    other = rows.assign(sex=rows["sex"].map({"F": "y", "M": "x"}))
    one, two = (found(subject_of(table), BY_JOB)[0] for table in (rows, other))
    for key, measurement in one.items():
        assert two[key].value == pytest.approx(measurement.value)


POLICY = b"""
name = "alike"
[[criterion]]
metric = "conditional_demographic_parity_difference"
slice = { sex = "*", job = "=" }
at_most = 0.02
severity = "high"
source = "own policy"
"""


def test_a_policy_can_limit_a_gap_at_equal_control() -> None:
    report = run(subject_of(turned()), parse_policy(POLICY), [BY_JOB])
    (finding,) = report.findings
    assert finding.verdict == "fail"
    assert "over sex at equal job" in finding.text
    assert "sex at equal job" in render(report)


def test_the_section_says_that_the_gap_turns_round_and_what_a_control_may_hide() -> None:
    text = render(run(subject_of(turned()), None, [BY_JOB]))
    assert "over all rows, M are selected more often than F" in text
    assert "among people alike in job it is F who are selected more often" in text
    assert "the control can itself be the way in which a group is held back" in text
    assert "turns round</td>" in text or "turns round " in text
    assert "auditkit chose" not in text


def test_the_section_counts_gaps_and_says_which_controls_were_chosen() -> None:
    rows = turned()
    rows["score"] = np.where(rows["sex"] == "M", 1.0, rows["score"])
    text = render(run(subject_of(rows), None, ["conditional"]))
    assert "show a gap over all rows by more than chance" in text
    assert "Nobody named a control, so auditkit chose" in text


@pytest.mark.parametrize("uneven", [True, False])
def test_the_section_says_where_one_number_does_not_tell_all(*, uneven: bool) -> None:
    rows = turned()
    rows["noise"] = np.where(rows.index % 2 == 0, "x", "y")
    step = rows.groupby(["sex", "noise"]).cumcount()
    ahead = (rows["noise"] == "x") if uneven else True
    part = np.where((rows["sex"] == "M") & ahead, 3, 1)
    rows["score"] = (step % 4 < part).astype(float)
    text = render(run(subject_of(rows), None, [Conditional(control=("noise",))]))
    assert ("does not tell all: see the table" in text) is uneven


def test_the_section_without_a_gap_says_so() -> None:
    rows = turned()
    rows["score"] = (rows.groupby("sex").cumcount() % 2).astype(float)
    text = render(run(subject_of(rows), None, [BY_JOB]))
    assert "No gap in selection rate is established over all rows." in text
