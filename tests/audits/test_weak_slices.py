"""Weak slices within the audit of subgroups: what is planted is found, what is chance is not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit.audits.subgroups import Subgroups
from auditkit.errors import InputError
from auditkit.evidence import Cell, Measurement, Table
from auditkit.explaining.slices import NO_FEATURES, NOTHING_TELLS, sliced_columns
from auditkit.subject import Subject, Task

FEATURES = ["pay", "age", "job", "kind", "flag", "guess"]


class Column:
    """A model that answers from a column."""

    kind = "column"
    parameters = None
    sha256 = None
    classes = ("a", "b")

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return rows["guess"].to_numpy(dtype=float)


def people(n: int, seed: int) -> pd.DataFrame:
    """Errors that have nothing to do with any column; accuracy 0.85."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "pay": rng.lognormal(10, 1, n).round(2),
            "age": rng.integers(18, 80, n),
            "job": pd.Series([*"abcde", None])[rng.integers(0, 6, n)].to_numpy(),
            "kind": rng.choice(list("uvwxyz"), n, p=[0.25, 0.25, 0.2, 0.15, 0.1, 0.05]),
            "flag": rng.random(n) < 0.5,
            "sex": rng.choice(["F", "M"], n),
            "guess": np.where(rng.random(n) < 0.85, y, 1 - y).astype(float),
            "y": y,
        }
    )


def planted(n: int, seed: int) -> pd.DataFrame:
    """Labels flipped in 5 % of the rows: a quarter of the fifth that is paid least."""
    rows = people(n, seed)
    low = rows["pay"].rank(method="first") <= n / 5
    lowest = np.flatnonzero(low)
    rows.loc[low, "kind"] = "v"
    inside = np.isin(np.arange(n), lowest[: n // 20])
    rows.loc[inside, "kind"] = "u"
    return rows.assign(y=np.where(inside, 1 - rows["y"], rows["y"]))


def found(rows: pd.DataFrame, seed: int = 0, task: Task = "binary", **settings: object) -> tuple[
    dict[str, Measurement], dict[str, list[dict[str, Cell]]]
]:  # fmt: skip
    subject = Subject.from_model(
        Column(), rows, label="y", features=FEATURES, sensitive=["sex"], task=task,
        weight="weight" if "weight" in rows else None,
    )  # fmt: skip
    audit = Subgroups(**settings)  # type: ignore[arg-type]
    items = list(audit.run(subject, np.random.default_rng(seed)))
    measured = {item.metric: item for item in items if isinstance(item, Measurement)}
    tables = {
        item.name: [dict(zip(item.columns, row, strict=True)) for row in item.rows]
        for item in items
        if isinstance(item, Table)
    }
    return measured, tables


def named(rows: pd.DataFrame, seed: int) -> list[str]:
    lines = found(rows, seed)[1].get("weak-slices", [])
    return [str(line["slice"]) for line in lines if line["established"]]


def test_a_planted_slice_is_named_in_words_with_both_halves() -> None:
    measured, tables = found(planted(4_000, 1))
    first = tables["weak-slices"][0]
    assert "kind = u" in str(first["slice"])
    assert "pay = under " in str(first["slice"])
    assert first["established"]
    assert isinstance(first["p_adjusted"], float)
    assert first["p_adjusted"] < 1e-6
    assert isinstance(first["searched_difference"], float)
    assert first["searched_difference"] < -0.5
    gap = measured["weak_slice_accuracy_gap"]
    assert gap.interval is not None
    assert gap.interval.low > 0.4
    assert str(first["slice"]) in gap.source
    assert measured["weak_slices"].value is not None
    assert measured["weak_slices"].value >= 1


def test_the_gap_is_everyone_else_minus_the_slice_on_the_half_to_test() -> None:
    measured, tables = found(planted(4_000, 1))
    first = tables["weak-slices"][0]
    gap = measured["weak_slice_accuracy_gap"]
    assert gap.value == pytest.approx(float(str(first["rest"])) - float(str(first["rate"])))
    assert gap.n == 2_000


@pytest.mark.slow
def test_planted_slices_are_found_and_clean_rows_are_left_alone() -> None:
    hits = sum(
        any("pay = under " in name and "kind = u" in name for name in named(planted(4_000, s), s))
        for s in range(20)
    )
    alarms = sum(bool(named(people(4_000, 100 + s), s)) for s in range(20))
    assert hits >= 19
    assert alarms <= 1


def test_rows_without_a_value_are_a_bin_and_can_be_the_slice() -> None:
    rows = people(4_000, 3)
    y = np.where(rows["job"].isna(), 1 - rows["y"], rows["y"])
    assert named(rows.assign(y=y), 0)[0] == "job = missing"


def test_numbers_are_held_by_their_error_and_weights_count() -> None:
    rng = np.random.default_rng(0)
    rows = people(4_000, 4)
    wide = np.where(rows["kind"] == "u", 5.0, 1.0)
    rows = rows.assign(y=rows["guess"] + wide * rng.normal(size=len(rows)))
    for given in (rows, rows.assign(weight=rng.choice([1.0, 2.0], len(rows)))):
        measured, tables = found(given, task="regression")
        assert "kind = u" in str(tables["weak-slices"][0]["slice"])
        assert measured["weak_slice_absolute_error_gap"].interval is not None
        assert measured["weak_slice_absolute_error_gap"].interval.low > 1


def test_weights_count_for_shares_too() -> None:
    rows = planted(4_000, 5)
    rows = rows.assign(weight=np.random.default_rng(0).choice([1.0, 3.0], len(rows)))
    assert "kind = u" in named(rows, 0)[0]


def test_a_table_of_scores_has_no_features_and_says_so() -> None:
    rows = people(400, 0)
    subject = Subject.from_scores(rows, label="y", score="guess", sensitive=["sex"])
    items = list(Subgroups().run(subject, np.random.default_rng(0)))
    reasons = {m.metric: m.reason for m in items if isinstance(m, Measurement)}
    assert reasons["weak_slices"] == NO_FEATURES
    assert reasons["weak_slice_accuracy_gap"] == NO_FEATURES


def test_few_rows_and_a_perfect_model_have_no_slice() -> None:
    for rows in (people(50, 0), people(4_000, 0).assign(guess=lambda held: held["y"])):
        measured, tables = found(rows)
        assert "weak-slices" not in tables
        assert measured["weak_slices"].value == 0
        assert measured["weak_slice_accuracy_gap"].value is None


def test_two_rows_and_columns_of_one_value_are_borne() -> None:
    for n in (2, 3):
        few = people(n, 0).assign(y=np.arange(n) % 2)
        assert found(few)[0]["weak_slices"].value in {0, None}
    flat = people(300, 0).assign(pay=1, age=1, job="a", kind="u", flag=True, guess=1.0, sex="F")
    assert found(flat)[0]["weak_slices"].reason == NOTHING_TELLS


def test_bins_name_the_commonest_categories_and_the_others_and_no_number_of_a_row() -> None:
    rows = people(2_000, 6).assign(kind=lambda held: [f"k{i % 30}" for i in range(len(held))])
    subject = Subject.from_model(
        Column(), rows, label="y", features=FEATURES, sensitive=["sex"], task="binary"
    )
    columns = {column.name: column for column in sliced_columns(subject, 5, 8)}
    assert [*columns] == ["sex", *FEATURES]
    assert len(columns["kind"].groups) == 9
    assert columns["kind"].groups[-1] == "all others"
    assert columns["job"].groups[-1] == "missing"
    assert len(columns["pay"].groups) == 5
    text = " ".join(columns["pay"].groups)
    assert not any(f"{value:g}" in text.split() for value in rows["pay"])


def test_too_many_slices_leave_the_last_columns_out() -> None:
    measured, _ = found(people(2_000, 7), max_subgroups=100)
    assert "columns left out" in measured["weak_slices"].source


def test_settings_out_of_range_are_listed() -> None:
    with pytest.raises(InputError, match="3 problems"):
        Subgroups(slices=0, slice_bins=1, slice_share=1.0)
