"""Pseudonyms and classes of k, as the functions that a user calls."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import auditkit
from auditkit import InputError

KEY = bytes(range(7, 71))
HEALTH = {"nurse": ["health"], "doctor": ["health"], "smith": ["crafts"], "baker": ["crafts"]}


def people(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n).astype(float),
            "job": rng.choice(["nurse", "doctor", "smith", "baker"], n),
            "town": rng.choice(list("abcdef"), n, p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05]),
            "ill": rng.integers(0, 2, n),
        },
        index=np.arange(n) * 10,
    )
    frame.loc[frame.index[:7], "age"] = np.nan
    frame["town"] = frame["town"].where(frame["town"] != "f")
    return frame


def smallest(frame: pd.DataFrame, columns: list[str]) -> int:
    return int(frame.groupby(columns, dropna=False, observed=True).size().min())


@pytest.mark.parametrize("numbers", ["band", "mean"])
@pytest.mark.parametrize("trees", [None, {"job": HEALTH}])
@pytest.mark.parametrize("k", [2, 7, 40])
def test_nobody_is_alike_with_fewer_than_k(numbers: Any, trees: Any, k: int) -> None:
    columns = ["age", "job", "town"]
    made = auditkit.anonymise(people(), columns, k, hierarchies=trees, numbers=numbers)
    assert made.k == smallest(made.frame, columns) >= k
    assert len(made.frame) == 200
    assert made.suppressed == 0
    assert made.frame["ill"].tolist() == people()["ill"].tolist()
    assert made.classes == made.frame.groupby(columns, dropna=False).ngroups


def test_more_is_lost_the_more_must_be_alike() -> None:
    losses = [auditkit.anonymise(people(), ["age", "job"], k).information_loss for k in (2, 10, 90)]
    assert losses == sorted(losses)
    assert 0 < losses[0] < losses[-1] <= 1


def test_numbers_become_bands_that_hold_them_or_the_mean_of_the_class() -> None:
    rows = pd.DataFrame({"age": [20.0, 30.5, 41, 48, np.nan, np.nan]})
    banded = auditkit.anonymise(rows, ["age"], 2)
    assert banded.frame["age"].tolist() == [
        *["20 to 30.5"] * 2, *["41 to 48"] * 2, *["missing"] * 2
    ]  # fmt: skip
    means = auditkit.anonymise(rows, ["age"], 2, numbers="mean").frame["age"]
    assert means.tolist()[:4] == [25.25, 25.25, 44.5, 44.5]
    assert means.isna().tolist() == [False] * 4 + [True] * 2
    mixed = auditkit.anonymise(rows[:5], ["age"], 5).labels["age"]
    assert mixed == ("missing or 20 to 48",)


def test_a_hierarchy_is_climbed_and_other_categories_are_sets() -> None:
    rows = pd.DataFrame({"job": ["nurse", "doctor", "smith", "baker"] * 2})
    climbed = auditkit.anonymise(rows, ["job"], 4, hierarchies={"job": HEALTH})
    assert climbed.labels == {"job": ("crafts", "health")}
    assert set(auditkit.anonymise(rows, ["job"], 8, hierarchies={"job": HEALTH}).labels["job"]) == {
        "any"
    }
    named = auditkit.anonymise(rows, ["job"], 3).labels["job"]
    assert named == ("any",)
    letters = pd.DataFrame({"x": list("aaabbbcdefg")})
    assert auditkit.anonymise(letters, ["x"], 3).labels["x"] == ("other", "a", "b")


def test_rare_rows_are_left_out_where_that_is_allowed() -> None:
    rows = pd.DataFrame({"x": ["a"] * 9 + ["b"]}, index=range(5, 15))
    made = auditkit.anonymise(rows, ["x"], 3, most_suppressed=0.1)
    assert made.suppressed == 1
    assert made.frame.index.tolist() == list(range(5, 14))
    assert auditkit.anonymise(rows, ["x"], 3, most_suppressed=0.09).suppressed == 0


def test_the_order_of_the_rows_changes_nothing() -> None:
    shuffled = people().sample(frac=1, random_state=1)
    here = auditkit.anonymise(people(), ["age", "town"], 5).frame
    there = auditkit.anonymise(shuffled, ["age", "town"], 5).frame
    pd.testing.assert_frame_equal(there.sort_index(), here)


def test_the_table_that_was_given_stays_as_it_was_and_others_are_taken_too() -> None:
    frame = people()
    auditkit.anonymise(frame, ["age"], 5)
    auditkit.pseudonymise(frame, ["job"], KEY)
    pd.testing.assert_frame_equal(frame, people())
    made = auditkit.anonymise(pl.DataFrame({"x": [1, 2, 3, 4]}), ["x"], 2)
    assert made.frame["x"].tolist() == ["1 to 2", "1 to 2", "3 to 4", "3 to 4"]


def test_every_argument_that_does_not_fit_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        auditkit.anonymise(
            people(), ["agee", "job"], 500, hierarchies={"job": {"nurse": ["x"]}}, most_suppressed=1
        )
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    for words in ("Did you mean 'age'", "at most the 200 rows", "[0, 1)", "above every value"):
        assert words in text
    for columns, k in (([], 2), (["age"], 1)):
        with pytest.raises(InputError):
            auditkit.anonymise(people(), columns, k)


def test_a_pseudonym_is_the_keyed_digest_of_the_text() -> None:
    made = auditkit.pseudonymise(people(), ["job", "town", "age"], KEY)
    expected = hmac.new(KEY, b"nurse", hashlib.sha256).hexdigest()
    assert set(made["job"][people()["job"] == "nurse"]) == {expected}
    assert made["town"].isna().tolist() == people()["town"].isna().tolist()
    whole = hmac.new(KEY, b"30", hashlib.sha256).hexdigest()
    assert (made["age"] == whole).tolist() == (people()["age"] == 30).tolist()
    assert made["ill"].equals(people()["ill"])


def test_pseudonyms_join_tables_of_one_key_and_no_other() -> None:
    one = auditkit.pseudonymise(pd.DataFrame({"id": [1, 2]}), ["id"], KEY)["id"]
    same = auditkit.pseudonymise(pd.DataFrame({"number": ["2", "1"]}), ["number"], KEY)["number"]
    other = auditkit.pseudonymise(pd.DataFrame({"id": [1, 2]}), ["id"], KEY[::-1])["id"]
    assert one.tolist() == same.tolist()[::-1]
    assert set(one).isdisjoint(other)


@pytest.mark.parametrize(
    "key", [b"short and secret", b"\x00" * 32, "a text of more than 32 letters, secret"]
)
def test_a_weak_key_is_refused_and_never_shown(key: Any) -> None:
    with pytest.raises(InputError) as caught:
        auditkit.pseudonymise(people(), ["job", "nobody"], key)
    assert len(caught.value.problems) == 2
    assert "secret" not in str(caught.value).replace("secrets.", "")
