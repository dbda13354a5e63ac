"""`guard.json`: made of the record alone, read by the guard, in the bundle where it can be made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loans import hostile
from support import Counting, scored, subject

from auditkit import Guard
from auditkit.audit import run
from auditkit.bundle import write_bundle
from auditkit.errors import InputError
from auditkit.export import EXPORTS
from auditkit.filing.checking import check
from auditkit.report import Report
from auditkit.subject import Subject


def test_the_guard_reads_what_the_record_gives(loans: Report, tmp_path: Path) -> None:
    (tmp_path / "guard.json").write_bytes(EXPORTS["guard"].write(loans))
    guard = Guard.load(tmp_path / "guard.json")
    assert (guard.threshold, guard.band) == (0.5, 0.1)
    assert [c.kind for c in guard.columns] == ["number", "text", "category", "category"]
    rows = pd.DataFrame({"income": 100.0, "purpose": "a car", "town": ["Here", "Elsewhere"]})
    found = guard.check(rows.assign(street="any"), [0.9, 0.9])
    assert found.reason.tolist() == ["unseen_category"] * 2  # too little was seen of the streets
    assert guard.check(rows, [0.9, 0.9]).reason.tolist() == ["missing_column"] * 2


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9))
@settings(max_examples=20)
def test_hostile_names_of_columns_and_categories_are_kept_as_they_are(word: str) -> None:
    plain = json.loads(EXPORTS["guard"].write(hostile(word)))
    assert [c["name"] for c in plain["columns"]][:2] == [
        f"{word}income{word}",
        f"{word}purpose{word}",
    ]
    assert plain["columns"][2]["categories"] == [f"{word}Here{word}", f"{word}There{word}"]


def test_a_bundle_holds_it_and_it_is_checked_with_the_rest(tmp_path: Path) -> None:
    report = run(subject(), None, ["oversight"])
    folder = write_bundle(report, tmp_path / "bundle")
    assert Guard.load(folder / "guard.json").threshold == 0.4
    checked = check(str(folder))
    assert checked.sound
    assert "guard.json, drawn again" in checked.compared
    (folder / "guard.json").write_bytes(b"{}")
    assert not check(str(folder)).sound


def test_a_bundle_without_the_audit_holds_none(tmp_path: Path) -> None:
    report = run(subject(), None, [Counting()])
    assert not (write_bundle(report, tmp_path / "bundle") / "guard.json").exists()
    with pytest.raises(InputError, match="a completed audit oversight"):
        EXPORTS["guard"].write(report)


def test_scores_alone_give_the_band_and_no_column() -> None:
    plain = json.loads(EXPORTS["guard"].write(run(subject(), None, ["oversight"])))
    assert (plain["seen"], plain["rows"]) == ("assessed rows", 400)
    assert plain["columns"] == []


class Aged:
    """A model that reads one column."""

    kind, parameters, sha256 = "column", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["age"].to_numpy(dtype=float) / 100


@pytest.mark.parametrize("with_train", [False, True])
def test_a_guard_without_training_rows_is_of_the_assessed_ones_and_says_so(
    with_train: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    rows = scored(300).assign(age=np.arange(300) % 60 + 18)
    train = rows.assign(age=rows["age"] + 10) if with_train else None
    held = Subject.from_model(Aged(), rows, label="y", features=["age"], train=train)
    plain = json.loads(EXPORTS["guard"].write(run(held, None, ["oversight"])))
    assert plain["seen"] == ("training rows" if with_train else "assessed rows")
    (column,) = plain["columns"]
    assert (column["low"], column["high"]) == ((29.0, 86.0) if with_train else (19.0, 76.0))
