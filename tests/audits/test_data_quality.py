"""Planted faults of the rows are found, and clean rows are left in peace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audits.data_quality import DataQuality
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.subject import Subject

SEEDS = range(20)


class Scorer:
    """A model that nobody asks."""

    kind, sha256, parameters = "stub", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return np.full(len(rows), 0.5)


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, pay = rng.normal(40, 10, n).round(1), rng.normal(30, 8, n).round(1)
    y = (rng.random(n) < 1 / (1 + np.exp(-(age - 40) / 10))).astype(int)
    return pd.DataFrame(
        {
            "age": age,
            "pay": pay,
            "job": rng.choice(["clerk", "nurse", "cook"], n),
            "sex": rng.choice(["F", "M"], n),
            "y": y,
        }
    )


def make(rows: pd.DataFrame, train: pd.DataFrame | None = None, **changes: Any) -> Subject:
    facts: dict[str, Any] = {
        "label": "y",
        "features": [c for c in rows if c not in ("y", "sex")],
        "sensitive": ["sex"],
    }
    return Subject.from_model(Scorer(), rows, train=train, **(facts | changes))


def run(
    subject: Subject, audit: DataQuality | None = None, seed: int = 0
) -> tuple[dict[tuple[str, ...], Measurement], dict[str, Table]]:
    found = list((audit or DataQuality()).run(subject, np.random.default_rng(seed)))
    numbers = {(m.metric, *m.slice.values()): m for m in found if isinstance(m, Measurement)}
    return numbers, {t.name: t for t in found if isinstance(t, Table)}


def surely_above(found: Measurement, limit: float) -> bool:
    return found.interval is not None and found.interval.low > limit


def clean(seed: int) -> Subject:
    return make(people(1500, 2 * seed), people(3000, 2 * seed + 1))


def seen(seed: int) -> Subject:
    rows, train = people(1500, 2 * seed), people(3000, 2 * seed + 1)
    return make(pd.concat([rows[:1470], train[:30]], ignore_index=True), train)


def leaking(seed: int) -> Subject:
    rng = np.random.default_rng(seed)
    rows = people(1500, seed)
    return make(rows.assign(code=rows["y"] * 2.0 + rng.normal(0, 0.3, 1500)))


def gapped(seed: int) -> Subject:
    rows = people(1500, seed)
    women = rows.index[rows["sex"] == "F"]
    rows.loc[women[:60], "pay"] = np.nan
    return make(rows)


@pytest.mark.parametrize(
    ("plant", "metric", "limit"),
    [
        (seen, ("rows_seen_in_training_excess",), 0.0),
        (leaking, ("strongest_column_auc",), 0.95),
        (gapped, ("rows_with_missing_share_difference", "*"), 0.0),
    ],
    ids=["2 % across the split", "a leaking column", "values missing for women"],
)
def test_a_planted_fault_is_found_in_19_of_20_seeds_and_never_on_clean_rows(
    plant: Callable[[int], Subject], metric: tuple[str, ...], limit: float
) -> None:
    quick = DataQuality(max_rows=0)
    found = [surely_above(run(plant(seed), quick)[0][metric], limit) for seed in SEEDS]
    alarms = [surely_above(run(clean(seed), quick)[0][metric], limit) for seed in SEEDS]
    assert sum(found) >= 19
    assert sum(alarms) <= 1


def test_missing_values_are_counted_overall_and_by_group() -> None:
    rows = people(200, 0)
    rows.loc[rows.index[:20], "pay"] = np.nan
    numbers, _ = run(make(rows))
    assert numbers["rows_with_missing_share",].value == pytest.approx(0.1)
    by_hand = rows["pay"].isna().groupby(rows["sex"]).mean()
    for name in ("F", "M"):
        assert numbers["rows_with_missing_share", name].value == pytest.approx(by_hand[name])


def test_a_group_of_one_row_is_withheld() -> None:
    rows = people(200, 0)
    rows.loc[0, "sex"] = "X"
    found = run(make(rows))[0]["rows_with_missing_share", "X"]
    assert found.value is None
    assert "one person" in (found.reason or "")


def test_repeated_rows_and_columns_are_counted() -> None:
    rows = people(100, 0)
    rows = pd.concat([rows, rows[:10]], ignore_index=True).assign(
        same=lambda r: r["job"].map({"clerk": "a", "nurse": "b", "cook": "c"}), flat=1
    )
    numbers, tables = run(make(rows))
    assert numbers["repeated_rows_share",].value == pytest.approx(20 / 110)
    assert numbers["constant_columns",].value == 1
    assert numbers["duplicate_columns",].value == 1
    notes = {row[0]: row[-1] for row in tables["columns"].rows}
    assert notes["same"] == "tells the same as job"
    assert notes["flat"] == "one value only"


def test_rows_that_are_alike_by_chance_are_no_leak() -> None:
    rng = np.random.default_rng(0)
    few = [
        pd.DataFrame({"age": rng.integers(0, 30, n), "y": rng.integers(0, 2, n), "sex": "F"})
        for n in (1000, 2000)
    ]
    numbers, _ = run(make(*few))
    share, excess = (numbers[f"rows_seen_in_training_{end}",] for end in ("share", "excess"))
    assert (share.value or 0) > 0.9
    assert not surely_above(excess, 0.0)


def test_without_training_rows_nothing_is_said_of_them() -> None:
    found = run(make(people(200, 0)))[0]["rows_seen_in_training_share",]
    assert found.value is None
    assert "trained on were not given" in (found.reason or "")


def test_the_distance_from_a_population_holds_0_where_the_rows_are_of_it() -> None:
    audit = DataQuality(reference={"sex": {"F": 0.5, "M": 0.5}}, max_rows=0)
    holds = 0
    for seed in SEEDS:
        interval = run(make(people(500, seed)), audit)[0]["representation_distance", "*"].interval
        holds += interval is not None and interval.low == 0
    assert holds >= 18


def test_a_group_that_is_missing_from_the_rows_shows_as_distance() -> None:
    audit = DataQuality(reference={"sex": {"F": 0.9, "M": 0.1}})
    numbers, tables = run(make(people(500, 0)), audit)
    found = numbers["representation_distance", "*"]
    shares = people(500, 0)["sex"].value_counts(normalize=True)
    assert found.value == pytest.approx(abs(shares["F"] - 0.9))
    assert surely_above(found, 0.2)
    assert [row[1] for row in tables["representation"].rows] == ["F", "M"]


def test_a_population_that_does_not_match_the_columns_is_refused_with_everything_wrong() -> None:
    audit = DataQuality(reference={"sex": {"F": 0.5, "W": 0.5}, "race": {"A": 1.0}})
    with pytest.raises(InputError) as caught:
        run(make(people(100, 0)), audit)
    assert len(caught.value.problems) == 2


def test_shares_that_are_no_shares_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        DataQuality(reference={"sex": {"F": -0.5, "M": 1.5}, "race": {"A": 0.5}}, min_group=1)
    assert len(caught.value.problems) == 3


def test_numbers_far_out_are_counted_and_columns_without_a_range_are_not() -> None:
    rows = people(400, 0)
    rows.loc[:7, "pay"] = 10_000.0
    rows["gain"] = 0.0
    rows.loc[:3, "gain"] = 99.0
    numbers, tables = run(make(rows))
    far = numbers["outlying_rows_share",]
    assert far.value == pytest.approx(8 / 400)
    assert "1 more without a range" in far.source
    assert far.interval is not None
    columns = tables["columns"].columns
    shares = {row[0]: row[columns.index("outlying")] for row in tables["columns"].rows}
    assert shares == {"age": 0.0, "pay": 0.02, "gain": None, "job": None}


def test_the_time_that_rows_span_is_told_in_days_and_whole_months() -> None:
    rows = people(50, 0).assign(asked="2005-04-01")
    rows.loc[:9, "asked"] = "2005-09-30T12:00:00"
    rows.loc[10:14, "asked"] = "soon"
    numbers, _ = run(make(rows), DataQuality(time="asked"))
    span = numbers["time_span_days",]
    assert (span.value, span.n) == (182.0, 45)
    assert "from 2005-04 to 2005-09" in span.source
    assert "2005-09-30" not in span.source
    assert numbers["time_unreadable_share",].value == pytest.approx(0.1)


def test_without_a_column_of_time_nothing_is_said_and_a_wrong_one_is_refused() -> None:
    numbers, _ = run(make(people(50, 0)))
    assert numbers["time_span_days",].value is None
    with pytest.raises(InputError, match="Did you mean 'age'"):
        run(make(people(50, 0)), DataQuality(time="agee"))
    alone = make(people(50, 0).assign(asked=["2005-04-01"] + ["soon"] * 49))
    assert run(alone, DataQuality(time="asked"))[0]["time_span_days",].value is None


def test_other_tasks_have_their_outcome_cut_in_two() -> None:
    rows = people(600, 0)
    number = make(rows.assign(y=rows["age"] * 2), task="regression")
    found = run(number)[0]["strongest_column_auc",]
    assert "above the median" in found.source
    assert (found.value or 0) > 0.99


def labelled(seed: int, flipped: float) -> Subject:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.normal(size=(1500, 3)), columns=["a", "b", "c"])
    y = rng.random(1500) < 1 / (1 + np.exp(-5 * (rows["a"] + rows["b"])))
    wrong = rng.random(1500) < flipped
    return make(rows.assign(sex=rng.choice(["F", "M"], 1500), y=np.where(wrong, ~y, y).astype(int)))


def test_planted_wrong_labels_are_found() -> None:
    clean, planted = (run(labelled(0, share))[0]["wrong_labels_share",] for share in (0.0, 0.1))
    assert surely_above(planted, 0.02)
    assert planted.value == pytest.approx(0.1, abs=0.05)
    assert clean.value == pytest.approx(0, abs=0.02)
    none = run(labelled(0, 0.1), DataQuality(max_rows=0))[0]["wrong_labels_share",]
    assert "max_rows is 0" in (none.reason or "")


@pytest.mark.slow
def test_planted_wrong_labels_are_recovered_and_clean_ones_are_called_clean() -> None:
    held = {
        flipped: [run(labelled(seed, flipped))[0]["wrong_labels_share",] for seed in SEEDS]
        for flipped in (0.0, 0.1)
    }
    assert sum(surely_above(one, 0.02) for one in held[0.1]) >= 19
    assert np.mean([one.value for one in held[0.1]]) == pytest.approx(0.1, abs=0.03)
    assert max(one.value or 0.0 for one in held[0.0]) <= 0.02
    assert not any(surely_above(one, 0.01) for one in held[0.0])
    covered = [one.interval for one in held[0.1]]
    assert sum(i is not None and i.low <= 0.1 <= i.high for i in covered) >= 18
    assert {one.basis for one in held[0.1]} == {"estimated"}
    assert "an upper estimate" in held[0.1][0].source


def test_wrong_labels_of_several_classes_are_recovered() -> None:
    rng = np.random.default_rng(0)
    rows = people(1500, 0).assign(age=rng.normal(size=1500), pay=rng.normal(size=1500))
    y = np.digitize(rows["age"], [-0.5, 0.5])
    wrong = rng.random(1500) < 0.1
    rows["y"] = np.array(["a", "b", "c"])[np.where(wrong, (y + 1) % 3, y)]
    found = run(make(rows, task="multiclass"))[0]["wrong_labels_share",]
    assert found.value == pytest.approx(0.1, abs=0.05)


def test_where_columns_tell_nothing_wrong_labels_are_not_told_from_hard_rows() -> None:
    rng = np.random.default_rng(0)
    found = run(make(people(600, 0).assign(y=rng.integers(0, 2, 600))))[0]["wrong_labels_share",]
    assert found.value is None
    assert "hard to tell" in (found.reason or "")


def test_wrong_labels_of_numbers_and_of_few_rows_are_not_looked_for() -> None:
    rows = people(200, 0)
    number = run(make(rows.assign(y=rows["age"]), task="regression"))[0]["wrong_labels_share",]
    assert "among classes only" in (number.reason or "")
    few = run(make(rows.assign(y=(np.arange(200) < 10).astype(int))))[0]["wrong_labels_share",]
    assert "fewer than 20 rows" in (few.reason or "")


def test_a_table_of_scores_without_features_gives_reasons() -> None:
    rows = pd.DataFrame({"y": [0, 1] * 50, "p": [0, 1] * 50})
    numbers, tables = run(Subject.from_scores(rows, label="y", prediction="p"))
    assert all(m.value is None and m.reason for m in numbers.values())
    assert not tables
