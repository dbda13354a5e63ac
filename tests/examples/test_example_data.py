"""The example data are what their cards say."""

from __future__ import annotations

import tomllib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditkit.roles import make_groups

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MONTHS = [f"2005_{month:02}" for month in range(4, 10)]


@pytest.fixture(scope="module")
def census() -> pd.DataFrame:
    return pd.read_parquet(EXAMPLES / "census_income" / "census.parquet")


@pytest.fixture(scope="module")
def credit() -> pd.DataFrame:
    return pd.read_parquet(EXAMPLES / "credit_default" / "credit.parquet")


def config(example: str) -> dict[str, Any]:
    text = (EXAMPLES / example / "auditkit.toml").read_text("utf-8")
    subject: dict[str, Any] = tomllib.loads(text)["subject"]
    return subject


def counts(rows: pd.DataFrame, by: pd.Series, label: str) -> dict[str, tuple[int, int]]:
    """Positives and rows of each group."""
    table = rows[label].groupby(by).agg(["sum", "count"])
    return {str(name): (int(row["sum"]), int(row["count"])) for name, row in table.iterrows()}


def bands(rows: pd.DataFrame, edges: list[float]) -> pd.Series:
    groups = make_groups(rows["age"], edges)
    return pd.Series([groups.names[code] for code in groups.codes], index=rows.index)


# The census.


def test_the_census_has_the_columns_and_types_of_its_card() -> None:
    schema = pq.read_schema(EXAMPLES / "census_income" / "census.parquet")
    text = {
        "workclass",
        "education",
        "marital_status",
        "occupation",
        "relationship",
        "race",
        "sex",
        "native_country",
    }
    assert schema.names == [
        "age",
        "workclass",
        "fnlwgt",
        "education",
        "education_num",
        "marital_status",
        "occupation",
        "relationship",
        "race",
        "sex",
        "capital_gain",
        "capital_loss",
        "hours_per_week",
        "native_country",
        "income_over_50k",
    ]
    assert {f.name for f in schema if f.type == pa.string()} == text
    assert {f.name: str(f.type) for f in schema if f.name not in text} == {
        "age": "int8",
        "fnlwgt": "int32",
        "education_num": "int8",
        "capital_gain": "int32",
        "capital_loss": "int16",
        "hours_per_week": "int8",
        "income_over_50k": "int8",
    }
    may_be_null = {f.name for f in schema if f.nullable}
    assert may_be_null == {"workclass", "occupation", "native_country"}


def test_the_census_has_uci_rates_by_sex(census: pd.DataFrame) -> None:
    assert len(census) == 48_842
    assert set(census["income_over_50k"]) == {0, 1}
    found = counts(census, census["sex"], "income_over_50k")
    assert found == {"Female": (1_769, 16_192), "Male": (9_918, 32_650)}
    assert round(1_769 / 16_192, 6) == 0.109251
    assert round(9_918 / 32_650, 6) == 0.303767


def test_the_census_has_uci_counts_by_race(census: pd.DataFrame) -> None:
    assert counts(census, census["race"], "income_over_50k") == {
        "Amer-Indian-Eskimo": (55, 470),
        "Asian-Pac-Islander": (409, 1_519),
        "Black": (566, 4_685),
        "Other": (50, 406),
        "White": (10_607, 41_762),
    }


def test_the_census_has_the_known_counts_of_sex_and_race_together(census: pd.DataFrame) -> None:
    both = census["sex"].str[0] + " " + census["race"]
    assert counts(census, both, "income_over_50k") == {
        "F Amer-Indian-Eskimo": (15, 185),
        "F Asian-Pac-Islander": (69, 517),
        "F Black": (132, 2_308),
        "F Other": (11, 155),
        "F White": (1_542, 13_027),
        "M Amer-Indian-Eskimo": (40, 285),
        "M Asian-Pac-Islander": (340, 1_002),
        "M Black": (434, 2_377),
        "M Other": (39, 251),
        "M White": (9_065, 28_735),
    }


def test_the_census_has_the_age_bands_of_its_card(census: pd.DataFrame) -> None:
    edges = config("census_income")["bands"]["age"]
    assert counts(census, bands(census, edges), "income_over_50k") == {
        "under 25": (93, 8_432),
        "25 to 44": (6_174, 24_770),
        "45 to 64": (4_993, 13_553),
        "65 and over": (427, 2_087),
    }


def test_the_census_has_uci_missing_values(census: pd.DataFrame) -> None:
    missing = census.isna().sum()
    assert missing[missing > 0].to_dict() == {
        "workclass": 2_799,
        "occupation": 2_809,
        "native_country": 857,
    }
    assert len(census.dropna()) == 45_222
    assert not census.isin(["?"]).any(axis=None)
    unoccupied = census[census["occupation"].isna()]
    assert unoccupied["workclass"].isna().sum() == 2_799
    assert unoccupied["workclass"].value_counts().to_dict() == {"Never-worked": 10}


def test_the_rows_of_the_census_repeat_as_its_card_says(census: pd.DataFrame) -> None:
    assert census.duplicated().sum() == 52
    features = config("census_income")["features"]
    assert census.duplicated(features).sum() == 7_403
    labels = census.groupby(features, dropna=False)["income_over_50k"].nunique()
    assert (labels > 1).sum() == 1_029


def test_the_census_has_the_traps_of_its_card(census: pd.DataFrame) -> None:
    assert census.groupby("education")["education_num"].nunique().max() == 1
    family = pd.crosstab(census["relationship"], census["sex"])
    assert family.loc["Husband"].to_dict() == {"Female": 1, "Male": 19_715}
    assert family.loc["Wife"].to_dict() == {"Female": 2_328, "Male": 3}
    capped = census[census["capital_gain"] == 99_999]
    assert (len(capped), capped["income_over_50k"].sum()) == (244, 244)
    assert ((census["age"] == 90).sum(), (census["hours_per_week"] == 99).sum()) == (55, 137)
    assert (census["native_country"] == "Holand-Netherlands").sum() == 1


# The credit data.


def test_the_credit_data_have_the_columns_and_types_of_their_card() -> None:
    schema = pq.read_schema(EXAMPLES / "credit_default" / "credit.parquet")
    assert schema.names == [
        "limit_balance",
        "sex",
        "education",
        "marriage",
        "age",
        *(f"payment_status_{month}" for month in MONTHS),
        *(f"bill_{month}" for month in MONTHS),
        *(f"paid_{month}" for month in MONTHS),
        "default_next_month",
    ]
    kinds = {f.name: str(f.type) for f in schema}
    assert {n for n, kind in kinds.items() if kind == "string"} == {"sex", "education", "marriage"}
    small = {"age", "default_next_month", *(f"payment_status_{month}" for month in MONTHS)}
    assert {n for n, kind in kinds.items() if kind == "int8"} == small
    assert set(kinds.values()) == {"string", "int8", "int32"}
    assert not any(f.nullable for f in schema)


def test_the_default_rate_is_exactly_the_known_one(credit: pd.DataFrame) -> None:
    assert len(credit) == 30_000
    assert Fraction(int(credit["default_next_month"].sum()), len(credit)) == Fraction("0.2212")


def test_the_credit_data_have_the_known_counts_by_sex(credit: pd.DataFrame) -> None:
    found = counts(credit, credit["sex"], "default_next_month")
    assert found == {"male": (2_873, 11_888), "female": (3_763, 18_112)}


def test_undocumented_codes_of_education_stay_visible(credit: pd.DataFrame) -> None:
    assert counts(credit, credit["education"], "default_next_month") == {
        "graduate school": (2_036, 10_585),
        "university": (3_330, 14_030),
        "high school": (1_237, 4_917),
        "others": (7, 123),
        "code 0": (0, 14),
        "code 5": (18, 280),
        "code 6": (8, 51),
    }


def test_the_undocumented_code_of_marriage_stays_visible(credit: pd.DataFrame) -> None:
    assert counts(credit, credit["marriage"], "default_next_month") == {
        "married": (3_206, 13_659),
        "single": (3_341, 15_964),
        "others": (84, 323),
        "code 0": (5, 54),
    }


def test_the_credit_data_have_the_age_bands_of_their_card(credit: pd.DataFrame) -> None:
    edges = config("credit_default")["bands"]["age"]
    assert counts(credit, bands(credit, edges), "default_next_month") == {
        "under 30": (2_197, 9_618),
        "30 to 39": (2_276, 11_238),
        "40 to 59": (2_067, 8_805),
        "60 and over": (96, 339),
    }


def test_a_payment_settles_the_bill_of_the_month_before(credit: pd.DataFrame) -> None:
    pairs = [
        (f"bill_{old}", f"bill_{new}", f"paid_{new}", f"paid_{old}")
        for old, new in pairwise(MONTHS)
    ]

    def equal(a: str, b: str) -> int:
        return int(((credit[a] == credit[b]) & (credit[b] > 0)).sum())

    before = [equal(bill_before, paid) for bill_before, _, paid, _ in pairs]
    same = [equal(bill, paid) for _, bill, paid, _ in pairs]
    after = [equal(bill, paid_before) for _, bill, _, paid_before in pairs]
    assert before == [4_616, 4_361, 4_083, 4_087, 4_066]
    assert (min(same), max(same)) == (582, 671)
    assert (min(after), max(after)) == (479, 546)


def test_delays_grow_with_the_months(credit: pd.DataFrame) -> None:
    status = [credit[f"payment_status_{month}"] for month in MONTHS]
    pairs = list(pairwise(status))
    forwards = [int(((old >= 2) & (new == old + 1)).sum()) for old, new in pairs]
    backwards = [int(((new >= 2) & (old == new + 1)).sum()) for old, new in pairs]
    assert forwards == [219, 207, 293, 430, 394]
    assert backwards == [56, 87, 83, 98, 83]


def test_the_newest_status_says_most_about_default(credit: pd.DataFrame) -> None:
    outcome = credit["default_next_month"]
    found = [round(float(credit[f"payment_status_{m}"].corr(outcome)), 3) for m in MONTHS]
    assert found == [0.187, 0.204, 0.217, 0.235, 0.264, 0.325]


def test_the_credit_data_have_the_traps_of_their_card(credit: pd.DataFrame) -> None:
    assert credit.duplicated().sum() == 35
    assert credit.duplicated(config("credit_default")["features"]).sum() == 817
    status = [int((credit[f"payment_status_{month}"] == 1).sum()) for month in MONTHS]
    assert status == [0, 0, 2, 4, 28, 3_688]
    bills, paid = credit.filter(regex="^bill_"), credit.filter(regex="^paid_")
    assert (bills < 0).any(axis=1).sum() == 1_930
    idle = bills.eq(0).all(axis=1) & paid.eq(0).all(axis=1)
    assert (idle.sum(), credit["default_next_month"][idle].sum()) == (795, 299)
    assert paid.max(axis=None) == 1_684_259


def test_the_first_client_is_uci_first_client(credit: pd.DataFrame) -> None:
    # UCI's first row, raw: 20000,2,2,1,24, 2,2,-1,-1,-2,-2, 3913,3102,689,0,0,0, 0,689,0,0,0,0, 1
    assert credit.iloc[0].tolist() == [
        *(20_000, "female", "university", "married", 24),
        *(-2, -2, -1, -1, 2, 2),
        *(0, 0, 0, 689, 3_102, 3_913),
        *(0, 0, 0, 0, 689, 0),
        1,
    ]
