"""The audit of proxies: what gives a group away is found, and the column itself is no proxy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.audits.proxies import NO_FEATURES, NONE_LEFT, NOT_SCORED, Proxies
from auditkit.errors import InputError
from auditkit.evidence import Cell, Measurement, Table
from auditkit.subject import Subject

EVERYONE = ("sex", "*")


class Model:
    """Gives a column back."""

    kind, parameters, sha256 = "column", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["income"].to_numpy() if "income" in rows else np.full(len(rows), 0.5)


def people(n: int = 2_000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", "M"], n)
    female = sex == "F"
    return pd.DataFrame(
        {
            "sex": sex,
            "height": rng.normal(np.where(female, 165, 178), 7).round(0),
            "job": np.array([None, "nurse", "smith"])[(rng.random(n) < 0.7) * (2 - female)],
            "both": np.where(female, rng.choice([-1, 1], n), 0) + rng.normal(size=n) / 10,
            "noise": rng.normal(size=n),
            "income": rng.random(n),
            "y": rng.integers(0, 2, n),
            "note": [f"text {i}" for i in range(n)],
        }
    )


FEATURES = ["height", "job", "both", "noise", "income", "sex", "note"]


def subject_of(rows: pd.DataFrame, features: list[str] | None = None) -> Subject:
    return Subject.from_model(
        Model(), rows, label="y", features=features or FEATURES, sensitive=["sex"]
    )


def found(
    subject: Subject, audit: Proxies | None = None
) -> tuple[dict[tuple[str, str, str], Measurement], dict[str, dict[str, Cell]]]:
    """Measurements by metric and slice, and lines of the table by feature."""
    items = list((audit or Proxies(permutations=99)).run(subject, np.random.default_rng(0)))
    measured = {
        (item.metric, *next(iter(item.slice.items()))): item
        for item in items
        if isinstance(item, Measurement)
    }
    lines = {
        str(row[1]): dict(zip(table.columns, row, strict=True))
        for table in items
        if isinstance(table, Table)
        for row in table.rows
    }
    return measured, lines


def test_what_gives_the_group_away_is_a_proxy_and_noise_is_not() -> None:
    _, lines = found(subject_of(people()))
    assert {name: line["role"] for name, line in lines.items() if name != "note"} == {
        "sex": "the attribute itself",
        "both": "proxy",
        "height": "proxy",
        "job": "proxy",
        "noise": "no proxy is established",
        "income": "no proxy is established",
    }


def test_a_feature_that_tells_without_rising_is_found_too() -> None:
    _, lines = found(subject_of(people()))
    assert float(str(lines["both"]["auc"])) > 0.95


def test_a_normal_feature_has_the_area_that_theory_gives() -> None:
    from scipy.stats import norm

    _, lines = found(subject_of(people(20_000), ["height", "income"]))
    expected = norm.cdf((178 - 165) / (7 * np.sqrt(2)))
    assert float(str(lines["height"]["auc"])) == pytest.approx(expected, abs=0.01)


def test_the_column_itself_is_neither_the_strongest_proxy_nor_in_the_model() -> None:
    measured, lines = found(subject_of(people()))
    assert float(str(lines["sex"]["auc"])) == 1.0
    assert lines["sex"]["p_adjusted"] is None
    assert measured["strongest_proxy_auc", *EVERYONE].source.startswith("'both'")
    together = measured["proxy_auc", *EVERYONE]
    assert together.source.startswith("5 features that are not the attribute itself")
    alone, _ = found(subject_of(people(), ["sex", "income"]))
    value = alone["proxy_auc", *EVERYONE].value
    assert value == pytest.approx(0.5, abs=0.05)


def test_all_features_together_tell_at_least_what_the_strongest_tells() -> None:
    measured, _ = found(subject_of(people()))
    together, strongest = (
        measured[metric, *EVERYONE] for metric in ("proxy_auc", "strongest_proxy_auc")
    )
    assert (together.value or 0) >= (strongest.value or 1)
    assert strongest.interval is not None
    assert strongest.interval.method.endswith("Bonferroni over 7 features")


def test_a_feature_of_texts_is_left_out_and_the_reason_stands_in_the_table() -> None:
    _, lines = found(subject_of(people()))
    assert lines["note"]["auc"] is None
    assert lines["note"]["role"] == "2,000 different values in 2,000 rows: texts or names"
    measured, _ = found(subject_of(people(), ["note", "sex"]))
    assert measured["proxy_auc", *EVERYONE].reason == NONE_LEFT


def test_a_score_that_differs_by_group_within_an_outcome_is_told() -> None:
    rows = people()
    rows["income"] = rows["income"] * np.where((rows["sex"] == "F") & (rows["y"] == 1), 0.5, 1.0)
    measured, _ = found(subject_of(rows))
    positive = measured["score_auc_positive_outcome", "sex", "F"]
    negative = measured["score_auc_negative_outcome", "sex", "F"]
    assert positive.interval is not None
    assert negative.interval is not None
    assert positive.interval.high < 0.3
    assert negative.interval.low < 0.5 < negative.interval.high
    assert measured["score_carries_group_p_value", *EVERYONE].value == 0.01


def test_a_score_of_chance_carries_nothing() -> None:
    measured, _ = found(subject_of(people()))
    value = measured["score_carries_group_p_value", *EVERYONE].value
    assert value is not None
    assert value > 0.05


def test_a_table_of_scores_has_no_features_but_a_score_to_test() -> None:
    subject = Subject.from_scores(people(), label="y", score="income", sensitive=["sex"])
    measured, lines = found(subject)
    assert lines == {}
    assert measured["proxy_auc", *EVERYONE].reason == NO_FEATURES
    assert measured["strongest_proxy_auc", *EVERYONE].reason == NO_FEATURES
    assert measured["score_carries_group_p_value", *EVERYONE].value is not None


def test_other_tasks_have_proxies_and_no_test_of_the_score() -> None:
    subject = Subject.from_model(
        Model(), people(), label="y", features=FEATURES, sensitive=["sex"], task="regression"
    )
    measured, lines = found(subject)
    assert lines["height"]["role"] == "proxy"
    assert measured["score_carries_group_p_value", *EVERYONE].reason == NOT_SCORED


def test_small_and_unknown_groups_are_left_out_and_counted() -> None:
    rows = people()
    rows.loc[:9, "sex"] = "X"
    rows.loc[10:29, "sex"] = None
    measured, _ = found(subject_of(rows))
    source = measured["proxy_auc", *EVERYONE].source
    assert "2 groups in 1,970 rows, 30 of unknown or small groups left out" in source
    few, _ = found(subject_of(rows.head(40)))
    assert few["proxy_auc", *EVERYONE].reason == "fewer than 2 groups have 30 rows"


def test_the_model_of_all_features_is_made_of_drawn_rows_where_there_are_many() -> None:
    measured, _ = found(subject_of(people()), Proxies(max_rows=500, permutations=19))
    together = measured["proxy_auc", *EVERYONE]
    assert together.n == 500
    assert together.source.endswith("a random 500 of them")


def test_settings_out_of_range_are_all_told() -> None:
    with pytest.raises(InputError) as caught:
        Proxies(level=0, permutations=1, max_rows=1)
    assert [problem.where for problem in caught.value.problems] == [
        "[audits.proxies] permutations",
        "[audits.proxies] max_rows",
        "[audits.proxies] level",
    ]
