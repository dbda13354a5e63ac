"""The audit of personal data: what is in which column, counted and never shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from auditkit.audit import run
from auditkit.audits.personal_data import ALL_READ, NO_TEXT, PersonalData
from auditkit.errors import InputError
from auditkit.report import Report
from auditkit.subject import Subject


class Model:
    """Gives everyone the same score."""

    kind, parameters, sha256 = "constant", None, None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return np.full(len(rows), 0.4)


def rows(n: int = 400) -> pd.DataFrame:
    i = np.arange(n)
    return pd.DataFrame(
        {
            "y": i % 2,
            "sex": np.where(i % 3 == 0, "F", "M"),
            "note": np.where(i % 4 == 0, "write to someone@example.org", "nothing to see"),
            "customerName": pd.Series(["Wang Wei"] * n).where(i % 5 > 0),
            "phone": 5_551_230_000 + i,
            "balance": 10.0**8 * i + 0.5,
            "height": i % 30,
        }
    )


def report(frame: pd.DataFrame, **settings: int) -> Report:
    features = [name for name in map(str, frame) if name not in {"y", "sex"}]
    subject = Subject.from_model(Model(), frame, label="y", features=features, sensitive=["sex"])
    return run(subject, None, [PersonalData(**settings)])


def value(found: Report, metric: str) -> float | None:
    return next(m.value for m in found.measurements if m.metric == metric)


def test_shares_are_those_of_the_rows() -> None:
    found = report(rows())
    assert value(found, "personal_email_share") == 0.25
    assert value(found, "personal_person_name_share") == 0.8
    assert value(found, "personal_phone_share") == 1
    assert value(found, "personal_iban_share") == 0
    assert value(found, "personal_data_share") == 1
    assert {m.reason for m in found.measurements} == {ALL_READ}


def test_the_table_names_column_and_kind_by_the_values_that_are_there() -> None:
    (table,) = report(rows()).tables
    assert [row[:5] for row in table.rows] == [
        ["customerName", "name of a person", 320, 320, 1.0],
        ["phone", "phone number", 400, 400, 1.0],
        ["note", "e-mail address", 400, 100, 0.25],
    ]


def test_a_sample_has_the_exact_interval() -> None:
    found = report(rows(2_000), rows=200)
    m = next(m for m in found.measurements if m.metric == "personal_email_share")
    assert m.n == 200
    assert m.value is not None
    assert m.interval is not None
    count = round(m.value * 200)
    assert m.interval.low == pytest.approx(beta.ppf(0.025, count, 201 - count))
    assert m.interval.high == pytest.approx(beta.ppf(0.975, count + 1, 200 - count))
    assert "200 of 2,000 assessed rows drawn at random" in m.source


def test_what_was_found_is_never_shown() -> None:
    text = report(rows()).to_json()
    for secret in ("someone", "example.org", "Wang", "5551230", "nothing to see"):
        assert secret not in text


def test_columns_that_only_the_training_rows_have_are_read() -> None:
    frame = rows()
    train = frame.assign(backup_email="a@example.org")
    subject = Subject.from_model(
        Model(), frame, label="y", features=["height"], sensitive=["sex"], train=train
    )
    found = run(subject, None, ["personal-data"])
    assert value(found, "personal_email_share") == 1
    assert found.tables[0].rows[0][0] == "backup_email"
    assert "400 training rows" in found.tables[0].source


def test_without_texts_there_is_no_share() -> None:
    found = report(rows()[["y", "height"]].assign(sex=lambda f: f["height"] % 2))
    assert {m.value for m in found.measurements} == {None}
    assert {m.reason for m in found.measurements} == {NO_TEXT}


def test_a_long_table_is_cut_and_says_so() -> None:
    (table,) = report(rows(), most_lines=1).tables
    assert len(table.rows) == 1
    assert table.source.endswith("1 of 3 listed")


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        PersonalData(rows=1, most_lines=0, level=2)
    assert len(caught.value.problems) == 3
