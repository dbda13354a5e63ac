from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.cli import cli, status_of
from auditkit.loading import Prepared, load_subject, prepare
from auditkit.models import Model
from auditkit.models.torch import TorchModel

SCORED = """
[subject]
name = "loans"
data = "loans.csv"
label = "y"
sensitive = ["sex", "age"]
{subject}
[subject.model]
score = "score"
{more}
"""
TRAINED = SCORED.replace('score = "score"', 'train = "mlp"\nhidden = [4]')
JOIN = """
[subject.join]
data = "people.csv"
key = "id"
"""
BANDS = """
[subject.bands]
age = [40]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng, n = np.random.default_rng(0), 200
    y = rng.integers(0, 2, n)
    loans = {"id": range(n), "y": y, "score": (rng.random(n) + y) / 2, "x": rng.random(n).round(3)}
    pd.DataFrame(loans).to_csv(tmp_path / "loans.csv", index=False)
    people = {"id": range(20, n), "sex": rng.choice(["F", "M"], n - 20)}
    people |= {"age": rng.integers(18, 80, n - 20), "home": rng.choice(["a;b", "b", "b;a"], n - 20)}
    pd.DataFrame(people).sample(frac=1, random_state=0).to_csv(tmp_path / "people.csv", index=False)
    return tmp_path


def written(folder: Path, text: str, subject: str = "", more: str = "") -> Path:
    file = folder / "auditkit.toml"
    file.write_text(text.format(subject=subject, more=more), encoding="utf-8")
    return file


def problems(folder: Path, text: str, subject: str = "", more: str = "") -> list[str]:
    return [str(problem) for problem in prepare(written(folder, text, subject, more))[1]]


def prepared(folder: Path, text: str, subject: str = "", more: str = "") -> Prepared:
    got, found = prepare(written(folder, text, subject, more))
    assert found == []
    assert isinstance(got, Prepared)
    return got


def alter(folder: Path, name: str, **columns: Any) -> None:
    rows = pd.read_csv(folder / name)
    rows.assign(**columns).to_csv(folder / name, index=False)


def test_joined_columns_are_sensitive_and_never_features(folder: Path) -> None:
    got = prepared(folder, TRAINED, more=JOIN + BANDS)
    assert got.roles.features == ("score", "x")
    assert got.roles.sensitive == ("sex", "age")
    assert "home" not in got.rows
    subject = got.subject()
    assert set(subject.rows) == {"y", "sex", "age", "score", "x"}
    assert isinstance(subject.model, Model)
    assert np.array_equal(subject.model.scores(subject.rows), subject.model.scores(
        subject.rows[["score", "x"]]
    ))  # fmt: skip


def test_rows_without_a_partner_are_unknown_and_counted(folder: Path) -> None:
    alter(folder, "people.csv", id=lambda rows: rows["id"].where(rows["id"] != 30))
    got = prepared(folder, SCORED, more=JOIN + BANDS)
    subject = got.subject()
    assert {name: held.unknown for name, held in subject.groups.items()} == {"sex": 21, "age": 21}
    assert len(subject) == 200
    (joined, keyless) = got.notes
    assert joined.startswith("Joined 'sex', 'age' from people.csv (sha256 ")
    assert joined.endswith("21 of 200 rows have no partner there, so their groups are unknown.")
    assert keyless == "Left out 1 rows of people.csv that have no key."


def test_keys_that_stand_twice_are_refused(folder: Path) -> None:
    alter(folder, "people.csv", id=lambda rows: rows["id"].clip(upper=150))
    (found,) = problems(folder, SCORED, more=JOIN + BANDS)
    assert "49 rows whose key stood there before" in found


def test_neither_the_key_nor_a_joined_column_can_be_a_feature(folder: Path) -> None:
    wanted = 'features = ["x", "id", "sex"]'
    found = problems(folder, TRAINED, wanted, JOIN + BANDS)
    assert len(found) == 2
    assert all("never passed to the model" in text for text in found)
    assert "'id'" in found[0]
    assert "'sex'" in found[1]


def test_everything_that_is_wrong_with_a_join_is_said_at_once(folder: Path) -> None:
    text = SCORED.replace('"age"', '"aeg", "x"')
    for name in ("loans.csv", "people.csv"):
        alter(folder, name, x=1)
    found = problems(folder, text, more=JOIN.replace('"id"', '"idd"') + "[subject.jion]\n")
    told = "\n".join(found)
    for said in (
        "[subject] jion",
        "[subject.join] key: found 'idd', expected a column of loans.csv. Did you mean 'id'?",
        "[subject.join] key: found 'idd', expected a column of people.csv. Did you mean 'id'?",
        "'aeg', expected a column of loans.csv or of people.csv. Did you mean 'age'?",
        "'x', which both have",
    ):
        assert said.replace("[subject] jion", "'jion'") in told
    assert len(found) == 5


def test_a_second_file_that_cannot_be_read_hides_no_other_problem(folder: Path) -> None:
    text = SCORED.replace('"y"', '"yy"')
    found = problems(folder, text, more=JOIN.replace("people.csv", "nobody.csv") + "kye = 1\n")
    told = "\n".join(found)
    assert "nobody.csv: found no such file" in told
    assert "found 'yy'" in told
    assert "found 'kye', expected one of the keys. Did you mean 'key'?" in told
    assert len(found) == 3


def test_a_join_that_adds_nothing_is_a_mistake(folder: Path) -> None:
    text = SCORED.replace('["sex", "age"]', '["x"]')
    (found,) = problems(folder, text, more=JOIN + '[subject.bands]\nx = "halves"\n')
    assert "no column of people.csv under sensitive" in found


def test_several_values_become_a_combination_and_columns_of_their_own(folder: Path) -> None:
    text = SCORED.replace('"age"', '"home"')
    got = prepared(folder, text, more=JOIN + '[subject.multi]\nhome = ";"\n')
    assert got.roles.sensitive == ("sex", "home", "home: a", "home: b")
    groups = got.subject().groups
    assert groups["home"].names == ("a & b", "b")
    assert groups["home: a"].names == ("no", "yes")
    assert {held.unknown for held in groups.values()} == {20}
    assert sum(groups["home: b"].counts) == groups["home: b"].counts[-1] + 0 == 180


def test_a_model_that_was_saved_must_not_read_a_column_that_was_put_in_order(folder: Path) -> None:
    people = pd.read_csv(folder / "people.csv")
    alter(folder, "loans.csv", home=[*people["home"], *["b;a"] * 20])
    text = TRAINED.replace('["sex", "age"]', '["home"]')
    trained = prepared(folder, text, more='[subject.multi]\nhome = ";"\n').subject()
    assert "home" in trained.features
    assert "home: a" not in trained.features
    assert isinstance(trained.model, TorchModel)
    trained.model.save(folder / "model")
    saved = text.replace('train = "mlp"\nhidden = [4]', 'file = "model"')
    (found,) = problems(folder, saved, more='[subject.multi]\nhome = ";"\n')
    assert "'home', which the model reads as it stands in the data" in found


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[subject.multi]\nsexx = ";"\n', "Did you mean 'sex'?"),
        ('[subject.multi]\nage = ";"\n', "'age', which has bands too"),
        ('[subject.multi]\nsex = ""\n', "text, and no separator"),
    ],
)
def test_several_values_where_they_cannot_be_are_refused(
    folder: Path, more: str, said: str
) -> None:
    (found,) = problems(folder, SCORED, more=JOIN + BANDS + more)
    assert said in found


def test_quantile_bands_are_found_in_the_data_and_said(folder: Path) -> None:
    got = prepared(folder, SCORED, more=JOIN + '[subject.bands]\nage = "quartiles"\n')
    edges = list(got.roles.bands["age"])
    assert len(edges) == 3
    shares = np.array(got.subject().groups["age"].counts) / 180
    assert np.abs(shares - 0.25).max() < 0.06
    said = ", ".join(f"{edge:g}" for edge in edges)
    assert got.notes[-1] == f"Cut 'age' into quartiles, rounded: edges {said}."


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ('age = "quartile"', "Did you mean 'quartiles'?"),
        ("age = 3", "expected a list of edges, or one of halves, terciles"),
        ('age = ["a"]', "expected a list of edges"),
        ("age = [true]", "expected a list of edges"),
        ('sex = "halves"\nage = [40]', "numbers"),
        ("age = [40, 30]", "rising edges"),
        ('aeg = "halves"\nage = [40]', "Did you mean 'age'?"),
    ],
)
def test_bands_that_are_none_are_refused(folder: Path, bands: str, said: str) -> None:
    found = problems(folder, SCORED, more=f"{JOIN}[subject.bands]\n{bands}\n")
    assert any(said in text for text in found)


def test_a_sample_is_stated_in_the_record(folder: Path) -> None:
    got = prepared(folder, SCORED, "most_rows = 50", JOIN + BANDS)
    assert len(got.rows) == 50
    assert (got.source.rows, got.notes[0]) == (
        200,
        "Read 50 of 200 rows, a uniform random sample without replacement by hash of the rows, "
        "seed 0.",
    )
    assert got.source.name == "loans.csv"
    rows = pd.read_csv(folder / "loans.csv")
    rows[::-1].to_csv(folder / "loans.csv", index=False)
    again = prepared(folder, SCORED, "most_rows = 50", JOIN + BANDS)
    assert set(again.rows["id"]) == set(got.rows["id"])


def test_the_configuration_names_patterns_and_urls(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("ibis")
    loans = pd.read_csv(folder / "loans.csv")
    for i in range(2):
        loans[i::2].to_parquet(folder / f"part-{i}.parquet", index=False)
    with duckdb.connect(str(folder / "store.db")) as connection:
        connection.execute(f"CREATE TABLE people AS FROM read_csv('{folder / 'people.csv'}')")
    text = SCORED.replace("loans.csv", "part-*.parquet")
    url = JOIN.replace("people.csv", "duckdb:///store.db") + 'table = "people"\n'
    got = prepared(folder, text, more=url + BANDS)
    plain = prepared(folder, SCORED, more=JOIN + BANDS)
    assert got.source.name == "part-*.parquet (2 files)"
    key = ["id"]
    pd.testing.assert_frame_equal(
        got.rows.sort_values(key, ignore_index=True), plain.rows.sort_values(key, ignore_index=True)
    )
    (found,) = problems(folder, text, 'table = "x"', JOIN + BANDS)
    assert "only a connection URL has tables" in found


def test_an_audit_runs_on_all_of_it(folder: Path) -> None:
    text = SCORED.replace('"age"', '"age", "home"')
    more = JOIN + '[subject.bands]\nage = "halves"\n[subject.multi]\nhome = ";"\n'
    file = written(folder, text, "most_rows = 150", more)
    arguments = ["run", str(file), "--out", str(folder / "out"), "--audits", "fairness"]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 3
    assert load_subject(file).sensitive == ("sex", "age", "home", "home: a", "home: b")


@pytest.mark.parametrize(
    ("bands", "ages"),
    [
        ("[40, 60]", {"under 40", "40 to 59", "60 and over"}),
        ('"terciles"', 3),
    ],
)
def test_the_record_of_a_run_has_every_kind_of_group_with_its_rows(
    folder: Path, bands: str, ages: set[str] | int
) -> None:
    text = SCORED.replace('"age"', '"age", "home"')
    more = f'{JOIN}[subject.bands]\nage = {bands}\n[subject.multi]\nhome = ";"\n'
    file = written(folder, text, more=more)
    arguments = ["run", str(file), "--out", str(folder / "out"), "--audits", "fairness"]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 3
    record = next((folder / "out").rglob("audit.json")).read_text("utf-8")
    rows: dict[str, dict[str, int]] = {}
    for found in json.loads(record)["measurements"]:
        if found["metric"] == "selection_rate" and len(found["slice"]) == 1:
            ((column, group),) = found["slice"].items()
            rows.setdefault(column, {})[group] = found["n"]
    assert set(rows) == {"sex", "age", "home", "home: a", "home: b"}
    people = pd.read_csv(folder / "people.csv")
    for column, groups in rows.items():
        assert groups["unknown"] == 20, column  # the rows without a partner
        assert sum(groups.values()) == 200, column
    assert rows["sex"]["F"] == (people["sex"] == "F").sum()
    assert rows["home"] == {
        "a & b": people["home"].str.contains("a").sum(),
        "b": (people["home"] == "b").sum(),
        "unknown": 20,
    }
    assert rows["home: a"]["yes"] == rows["home"]["a & b"]
    banded = set(rows["age"]) - {"unknown"}
    assert banded == ages if isinstance(ages, set) else len(banded) == ages
    if isinstance(ages, set):
        assert rows["age"]["under 40"] == (people["age"] < 40).sum()
        assert rows["age"]["60 and over"] == (people["age"] >= 60).sum()
