"""The audit of small changes and errors of the input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.audit import run
from auditkit.audits.robustness import NO_ORDER, NO_SPREAD, NOTHING, SMALL, Robustness
from auditkit.errors import InputError
from auditkit.evidence import Cell, Measurement, Table
from auditkit.methods.noise_tables import UNCHANGED
from auditkit.subject import Subject


class Model:
    """Answers by a rule, and keeps what it was asked."""

    kind, parameters, sha256 = "rule", None, None
    classes = ("a", "b", "c")

    def __init__(self, rule: Any) -> None:
        self.rule = rule
        self.asked: list[pd.DataFrame] = []

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        self.asked.append(rows)
        return np.asarray(self.rule(rows), dtype=np.float64)

    def predictions(self, rows: pd.DataFrame) -> np.ndarray:
        return np.array(self.rule(rows), dtype=object)


def people(n: int = 1_000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "age": rng.integers(18, 90, n),
            "income": rng.normal(3_000, 500, n),
            "visits": rng.integers(0, 5, n),
            "job": rng.choice(["nurse", "smith", "clerk"], n),
            "y": rng.integers(0, 2, n),
        }
    )


FEATURES = ("income", "visits", "job", "sex")


def subject_of(
    rule: Any, rows: pd.DataFrame | None = None, features: tuple[str, ...] = FEATURES, **more: Any
) -> Subject:
    settings: dict[str, Any] = {"sensitive": ["sex"], **more}
    held = people() if rows is None else rows
    return Subject.from_model(Model(rule), held, label="y", features=features, **settings)


Found = tuple[dict[tuple[str, ...], Measurement], dict[str, Table]]


def found(subject: Subject, audit: Robustness | None = None) -> Found:
    """Measurements by metric and slice, and tables by name."""
    items = list((audit or Robustness()).run(subject, np.random.default_rng(0)))
    measured = {
        (item.metric, *(part for pair in item.slice.items() for part in pair)): item
        for item in items
        if isinstance(item, Measurement)
    }
    return measured, {item.name: item for item in items if isinstance(item, Table)}


def lines(table: Table) -> dict[str, dict[str, Cell]]:
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {str(row["altered"]): row for row in rows if row["group"] is None}


def value(measured: dict[tuple[str, ...], Measurement], *key: str) -> float:
    held = measured[key].value
    assert held is not None, measured[key].reason
    return held


def smooth(rows: pd.DataFrame) -> Any:
    return rows["income"] > 3_000


def brittle(rows: pd.DataFrame) -> Any:
    """Selects by even or odd steps of 20: 1 % of an income is more than one of them."""
    return np.floor(rows["income"] / 20) % 2


def test_a_change_of_one_percent_moves_those_within_it_and_in_its_direction() -> None:
    rows = people()
    measured, tables = found(subject_of(smooth, rows))
    income = rows["income"]
    up = ((income <= 3_000) & (income * 1.01 > 3_000)).mean()
    down = ((income > 3_000) & (income * 0.99 <= 3_000)).mean()
    line = lines(tables["changes"])
    larger = line["small noise: all numbers \N{MULTIPLICATION SIGN} 1.01"]
    assert larger["answers_changed"] == pytest.approx(up)
    assert larger["to_better"] == pytest.approx(up)
    assert larger["to_worse"] == 0.0
    smaller = line["small noise: all numbers \N{MULTIPLICATION SIGN} 0.99"]
    assert smaller["to_worse"] == pytest.approx(down)
    assert smaller["to_better"] == 0.0
    noise = line["small noise: all numbers + noise of 0.01 sd"]["answers_changed"]
    assert isinstance(noise, float)
    whole = value(measured, "noise_flip_rate")
    assert whole == pytest.approx((up + down + noise) / 3)
    both = [value(measured, f"noise_flip_to_{way}") for way in ("worse", "better")]
    assert sum(both) == pytest.approx(whole)


def test_what_is_not_favourable_turns_the_direction_round() -> None:
    good, _ = found(subject_of(smooth))
    bad, _ = found(subject_of(smooth), Robustness(favourable=False))
    assert value(good, "noise_flip_to_worse") == value(bad, "noise_flip_to_better")


@pytest.mark.parametrize("seed", range(20))
def test_a_brittle_model_is_found_and_a_smooth_one_is_not(seed: int) -> None:
    rows = people(600, seed)
    measured, _ = found(subject_of(brittle, rows))
    interval = measured["noise_flip_rate",].interval
    assert interval is not None
    assert interval.low > 0.05
    measured, _ = found(subject_of(smooth, rows))
    interval = measured["noise_flip_rate",].interval
    assert interval is not None
    assert interval.low < 0.05


def test_a_group_for_which_alone_a_model_is_brittle_is_named() -> None:
    def unfair(rows: pd.DataFrame) -> Any:
        return np.where(rows["sex"] == "F", brittle(rows), smooth(rows))

    measured, tables = found(subject_of(unfair))
    gap = measured["noise_flip_rate_difference", "sex", "*"].interval
    assert gap is not None
    assert gap.low > 0.2
    assert value(measured, "noise_flip_rate", "sex", "F") > 0.3
    assert value(measured, "noise_flip_rate", "sex", "M") < 0.05
    assert ("small noise", "sex: F") in [row[:2] for row in tables["changes"].rows[3:9]]
    curve = tables["noise-curve"]
    assert {row[curve.columns.index("worst_group")] for row in curve.rows} == {"sex: F"}


def test_sensitive_columns_and_named_ones_are_left_as_they_are() -> None:
    rows = people().assign(customer_id=np.arange(1_000) + 7)
    subject = subject_of(
        smooth,
        rows,
        (*FEATURES, "age", "customer_id"),
        sensitive=["sex", "age"],
        bands={"age": [40]},
    )
    measured, tables = found(subject, Robustness(leave=("visits",)))
    names = " ".join(lines(tables["changes"]))
    for left in ("'sex'", "'age'", "'visits'", "'customer_id'"):
        assert left not in names
        assert left in measured["noise_flip_rate",].source
    model: Any = subject.model
    together = pd.concat(model.asked)
    assert set(together["sex"]) == {"F", "M"}
    assert set(together["age"]) <= set(rows["age"])
    assert set(together["customer_id"]) <= set(rows["customer_id"])


def test_whole_numbers_stay_whole_and_noise_within_what_was_seen() -> None:
    subject = subject_of(smooth)
    list(Robustness(factors=(1.0,)).run(subject, np.random.default_rng(0)))
    model: Any = subject.model
    filled = [rows for rows in model.asked if rows[["income", "visits"]].notna().all(axis=None)]
    for rows in filled:
        assert (rows["visits"] % 1 == 0).all()
        for name in ("income", "visits"):
            assert rows[name].between(subject.rows[name].min(), subject.rows[name].max()).all()


def test_the_worst_unit_is_named_with_the_rows_that_it_reaches() -> None:
    rows = people().assign(gain=lambda f: np.where(f.index < 50, 100.0, 0.0) + f.index % 3)
    subject = subject_of(lambda f: f["gain"] > 500, rows, ("gain", "visits"))
    measured, tables = found(subject)
    unit = measured["unit_error_flip_rate",]
    assert "'gain' \N{MULTIPLICATION SIGN} 1000, which does most of 8 changes" in unit.source
    line = lines(tables["changes"])["wrong unit: 'gain' \N{MULTIPLICATION SIGN} 10"]
    assert line["answers_changed"] == pytest.approx(0.05)
    reached = line["share_changed"]
    assert reached == pytest.approx((rows["gain"] > 0).mean())
    assert line["of_changed"] == pytest.approx(0.05 / (rows["gain"] > 0).mean())
    assert unit.interval is not None
    assert "Bonferroni over 8 changes" in unit.interval.method


def test_an_emptied_field_and_a_category_that_matter_are_found() -> None:
    subject = subject_of(lambda f: f["job"].fillna("nobody").isin(["nurse", "smith"]))
    measured, _ = found(subject)
    rows = subject.rows
    chosen = rows["job"].isin(["nurse", "smith"]).mean()
    assert value(measured, "missing_field_flip_rate") == pytest.approx(chosen)
    assert value(measured, "unseen_category_flip_rate") == pytest.approx(chosen)
    # A clerk always flips, each of the others every other time.
    expected = 1 - chosen + chosen / 2
    assert value(measured, "category_error_flip_rate") == pytest.approx(expected, abs=0.05)
    assert "'job', which does most of 3 changes" in measured["missing_field_flip_rate",].source


def test_a_model_that_refuses_a_missing_value_is_not_measured_with_it() -> None:
    def strict(rows: pd.DataFrame) -> Any:
        if rows.isna().any(axis=None):
            raise ValueError("no")
        return rows["income"] > 3_000

    measured, tables = found(subject_of(strict))
    missing = measured["missing_field_flip_rate",]
    assert (missing.value, missing.reason) == (
        None,
        "the model refuses such rows: ValueError",
    )
    assert "missing field: 'income', refused by the model" in lines(tables["changes"])
    assert measured["unit_error_flip_rate",].value is not None


def test_what_cannot_be_changed_is_undefined_and_never_nought() -> None:
    measured, tables = found(subject_of(lambda f: f["job"] == "nurse", features=("job",)))
    for metric, kind in (
        ("noise_flip_rate", "small noise"),
        ("unit_error_flip_rate", "wrong unit"),
        ("typo_flip_rate", "typos"),
        ("letter_case_flip_rate", "letter case"),
    ):
        assert (measured[metric,].value, measured[metric,].reason) == (None, NOTHING[kind])
    assert "noise-curve" not in tables
    small = subject_of(lambda f: f["visits"] > 2, features=("visits",))
    measured, _ = found(small)
    assert (measured["noise_flip_rate",].value, measured["noise_flip_rate",].reason) == (
        None,
        UNCHANGED,
    )


def test_tiny_and_unknown_groups_are_counted() -> None:
    rows = people()
    rows.loc[:4, "sex"] = "rare"
    rows.loc[5:60, "sex"] = None
    measured, _ = found(subject_of(smooth, rows))
    rare = measured["noise_flip_rate", "sex", "rare"]
    assert (rare.value, rare.n, rare.reason) == (None, 5, SMALL)
    assert measured["noise_flip_rate", "sex", "unknown"].n == 56


def texts(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    words = [f"a {word} day number {i}" for i, word in enumerate(rng.choice(["good", "bad"], n))]
    return pd.DataFrame({"text": words, "y": rng.integers(0, 2, n), "sex": rng.choice(["F"], n)})


def test_texts_get_typos_and_capitals() -> None:
    subject = subject_of(lambda f: f["text"].str.contains("good"), texts(), ("text",))
    measured, _ = found(subject)
    good = subject.rows["text"].str.contains("good").mean()
    assert value(measured, "letter_case_flip_rate") == pytest.approx(good)
    # Four letters, each mistyped with a chance of 5 % (a swap of the two o is none).
    expected = good * (1 - 0.95**4)
    assert value(measured, "typo_flip_rate") == pytest.approx(expected, rel=0.25)
    typo = measured["typo_flip_rate",]
    assert "in 5 % of the letters" in typo.source
    assert "% of the words are then in no text as given" in typo.source


def test_a_column_that_does_not_look_like_texts_can_be_named_as_such() -> None:
    rows = texts().assign(note=lambda f: f["text"].str.split().str[1])
    subject = subject_of(lambda f: f["note"] == "good", rows, ("note",))
    measured, _ = found(subject)
    assert measured["letter_case_flip_rate",].value is None
    assert "'note', the only change of its kind" in measured["missing_field_flip_rate",].source
    measured, _ = found(subject, Robustness(texts=("note",)))
    assert value(measured, "letter_case_flip_rate") == (rows["note"] == "good").mean()


def test_written_texts_are_compared_whole() -> None:
    rows = texts().assign(word=lambda f: f["text"].str.split().str[1], out="x")
    subject = Subject.from_model(
        Model(lambda f: ["k" if text == "good" else "d" for text in f["word"]]), rows,
        label="out", features=["word"], sensitive=["sex"], task="sequence-to-sequence",
    )  # fmt: skip
    measured, _ = found(subject)
    good = (subject.rows["word"] == "good").mean()
    assert value(measured, "letter_case_flip_rate") == pytest.approx(good)


def test_classes_have_no_direction() -> None:
    def logits(rows: pd.DataFrame) -> Any:
        odd = brittle(rows)
        return np.stack([odd, 1 - odd, 0 * odd], axis=1)

    rows = people().assign(y=np.array(["a", "b", "c"])[np.arange(1_000) % 3])
    measured, tables = found(subject_of(logits, rows, task="multiclass"))
    assert value(measured, "noise_flip_rate") > 0.3
    assert measured["noise_flip_to_worse",].reason == NO_ORDER
    assert tables["changes"].rows[0][-2:] == (None, None)


def test_a_number_counts_where_it_moves_by_more_than_the_tolerance() -> None:
    rows = people().assign(y=1.5)
    subject = subject_of(lambda f: f["income"], rows, task="regression")
    _, tables = found(subject, Robustness(tolerance=0.06))
    step = 0.06 * rows["income"].std(ddof=0)
    capped = np.minimum(rows["income"] * 1.01, rows["income"].max())
    line = lines(tables["changes"])["small noise: all numbers \N{MULTIPLICATION SIGN} 1.01"]
    assert line["answers_changed"] == pytest.approx((capped - rows["income"] > step).mean())
    assert line["to_worse"] == 0.0
    constant = subject_of(lambda f: 0 * f["income"], rows, task="regression")
    measured, _ = found(constant)
    assert measured["noise_flip_rate",].reason == NO_SPREAD


def test_flags_and_named_codes_are_swapped_and_not_shaken() -> None:
    rows = people().assign(flag=np.arange(1_000) % 2, branch=100 + np.arange(1_000) % 7)
    features = ("flag", "branch", "income")
    subject = subject_of(lambda f: f["branch"] == 103, rows, features)
    _, tables = found(subject, Robustness(codes=("branch",)))
    names = set(lines(tables["changes"]))
    assert {"wrong category: 'flag'", "wrong category: 'branch'"} <= names
    assert not any("branch" in name or "flag" in name for name in names if "unit" in name)
    assert not any(name.startswith("unseen") for name in names)
    model: Any = subject.model
    assert set(pd.concat(model.asked)["branch"].dropna()) <= set(rows["branch"])


def test_few_rows_are_asked_where_that_was_wanted() -> None:
    measured, _ = found(subject_of(smooth), Robustness(max_rows=300, max_asked=1_000))
    assert measured["noise_flip_rate",].n == 300
    assert measured["unit_error_flip_rate",].n == 100
    assert "asked about 300 of 1,000 rows" in measured["noise_flip_rate",].source


def test_wrong_settings_are_told_together() -> None:
    with pytest.raises(InputError, match="3 problems"):
        Robustness(level=1.0, sizes=(-1.0,), min_group=2)
    with pytest.raises(InputError, match="Did you mean 'visits'"):
        found(subject_of(smooth), Robustness(codes=("visit",)))


def test_without_a_model_nothing_is_measured() -> None:
    rows = people().assign(score=0.4)
    subject = Subject.from_scores(rows, label="y", score="score", sensitive=["sex"])
    (record,) = run(subject, None, ["robustness"]).audits
    assert record.status == "skipped"
    assert record.reason
