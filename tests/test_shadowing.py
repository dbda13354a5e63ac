"""From a configuration: the training rows of a model from elsewhere, and its shadow recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit import MLP, Privacy, Training, fit, run
from auditkit.loading import Prepared, load_subject, prepare
from auditkit.subject import Subject
from auditkit.training import Recipe

CONFIG = """
[subject]
name = "bought"
data = "rows.csv"
label = "y"
sensitive = ["sex"]
{subject}
[subject.model]
file = "model"
{more}
"""
SHADOW = """
[subject.shadow]
train = "mlp"
hidden = [8]
[subject.shadow.training]
epochs = 3
batch_size = 32
"""
TRAIN = 'train_data = "train.csv"'


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"x": rng.normal(size=n), "z": rng.choice(["a", "b"], n)})
    return rows.assign(
        y=rng.integers(0, 2, n), sex=rng.choice(["F", "M"], n), id=seed + np.arange(n)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    train = people(120, 1_000)
    train.to_csv(tmp_path / "train.csv", index=False)
    people(100, 0).to_csv(tmp_path / "rows.csv", index=False)
    training = Training(epochs=1, batch_size=64)
    model, _ = fit(MLP(hidden=(4,)), train, label="y", features=["x", "z"], training=training)
    model.save(tmp_path / "model")
    return tmp_path


def write(folder: Path, subject: str = "", more: str = "", text: str = CONFIG) -> Path:
    file = folder / "auditkit.toml"
    file.write_text(text.format(subject=subject, more=more), encoding="utf-8")
    return file


def load(folder: Path, subject: str = TRAIN, more: str = SHADOW) -> Subject:
    return load_subject(write(folder, subject, more))


def problems(
    folder: Path, subject: str = TRAIN, more: str = SHADOW, text: str = CONFIG
) -> list[str]:
    return [str(problem) for problem in prepare(write(folder, subject, more, text))[1]]


def alter(folder: Path, **columns: Any) -> None:
    rows = pd.read_csv(folder / "train.csv")
    rows.assign(**columns).to_csv(folder / "train.csv", index=False)


def test_a_model_from_a_file_is_attacked_with_models_by_its_shadow_recipe(folder: Path) -> None:
    subject = load(folder)
    assert subject.recipe is None
    assert subject.train is not None
    assert set(subject.train) == {"x", "z", "y", "sex"}
    assert len(subject.train) == 120
    assert isinstance(subject.shadow, Recipe)
    wanted = Recipe(
        MLP(hidden=(8,)), "y", Training(epochs=3, batch_size=32), features=("x", "z")
    )  # fmt: skip
    assert subject.shadow.digest(subject.train) == wanted.digest(subject.train)
    report = run(subject, None, ["membership", "privacy"])
    assert [audit.status for audit in report.audits] == ["completed", "completed"]
    (area,) = [m for m in report.measurements if m.metric == "reference_attack_auc" and not m.slice]
    assert area.value is not None
    assert "shadow recipe" in area.source
    assert any(m.metric == "membership_auc" and m.value for m in report.measurements)


def test_the_record_says_where_the_training_rows_came_from(folder: Path) -> None:
    notes = run(load(folder), None, ["performance"]).subject.data.notes
    (note,) = [note for note in notes if "train.csv" in note]
    assert note.startswith("Took 120 rows of train.csv (sha256 ")
    assert note.endswith(") for those that the model was trained on, as declared.")


def test_training_rows_do_without_a_shadow(folder: Path) -> None:
    subject = load(folder, more="")
    assert subject.shadow is None
    assert "train" in subject.has
    assert "references" not in subject.has


def test_a_shadow_may_be_private(folder: Path) -> None:
    subject = load(folder, more=SHADOW + "[subject.shadow.privacy]\nepsilon = 2.0\n")
    assert getattr(subject.shadow, "privacy", None) == Privacy(epsilon=2.0)


def test_every_wrong_key_of_a_shadow_is_told_at_once(folder: Path) -> None:
    wrong = (
        '[subject.shadow]\ntrain = "mlp"\nhiden = [8]\n'
        "[subject.shadow.training]\nepochs = 0\nseed = 1\n"
        "[subject.shadow.privacy]\nepsilon = -1.0\n"
    )
    told = problems(folder, "", wrong)
    places = [problem.partition(":")[0].partition(" ")[2] for problem in told]
    assert sorted(places) == [
        "[subject.shadow.privacy] epsilon",
        "[subject.shadow.training] epochs",
        "[subject.shadow.training] seed",
        "[subject.shadow]",
        "[subject.shadow] hiden",
    ]
    assert "no training rows" in told[0]
    assert 'train_data = "train.parquet"' in told[0]


@pytest.mark.parametrize(
    ("shadow", "said"),
    [
        ("[subject.shadow]\nhidden = [8]\n", "[subject.shadow]: found no train"),
        ('[subject.shadow]\ntrain = "mpl"\n', "Did you mean 'mlp'?"),
        ('[subject.shadow]\ntrain = "mlp"\ntraining = 3\n', "[subject.shadow] training: found '3'"),
        (
            '[subject.shadow]\ntrain = "text-lstm"\ntext = "z"\n',
            "[subject.shadow] features: found 'x'",
        ),
        ('[subject.shadow]\ntrain = "seq2seq"\nsource = "z"\n', "[subject.shadow] task"),
        (
            SHADOW + 'group_weight = "reweighing"\ngroup_columns = ["id"]\n',
            "[subject.shadow.training] group_columns: found 'id'",
        ),
    ],
)  # fmt: skip
def test_a_shadow_that_makes_no_such_model_is_refused(folder: Path, shadow: str, said: str) -> None:
    (told,) = problems(folder, more=shadow)
    assert said in told


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ('train = "mlp"', "it beside train"),
        ('score = "x"\nthreshold = 0.0', "it beside scores, with no model to ask"),
    ],
)
def test_what_is_no_model_from_elsewhere_has_neither(folder: Path, model: str, found: str) -> None:
    told = problems(folder, text=CONFIG.replace('file = "model"', model))
    assert [problem.partition(":")[0] for problem in told] == [
        "auditkit.toml [subject] train_data",
        "auditkit.toml [subject.shadow]",
    ]
    assert all(found in problem for problem in told)


def test_training_rows_are_held_to_the_roles_that_the_data_plays(folder: Path) -> None:
    rows = pd.read_csv(folder / "train.csv").drop(columns=["sex", "z"])
    rows.assign(y=pd.Series(["yes"] * 60).reindex(rows.index)).to_csv(
        folder / "train.csv", index=False
    )
    told = " ".join(problems(folder))
    assert "[subject] features: found 'z', expected a column of train.csv" in told
    assert "train.csv column 'sex' (sensitive): found no such column" in told
    assert "train.csv column 'y' (label): found 60 missing values" in told
    assert "found one class only" in told


def test_groups_of_training_rows_may_all_be_unknown(folder: Path) -> None:
    alter(folder, sex=None)
    groups = load(folder).train_groups
    assert groups is not None
    assert groups["sex"].unknown == 120


def test_rows_that_the_model_was_trained_on_are_not_assessed_as_others(folder: Path) -> None:
    (told,) = problems(folder, 'train_data = "rows.csv"')
    assert "[subject] train_data: found the rows of data ('rows.csv')" in told


def test_a_file_of_training_rows_that_is_not_there_is_said_to(folder: Path) -> None:
    (told,) = problems(folder, 'train_data = "none.csv"')
    assert "none.csv" in told
    assert problems(folder, 'train_table = "t"', "") == [
        "auditkit.toml [subject] train_table: found it without train_data, expected both, or none."
    ]


def test_training_rows_are_joined_taken_apart_and_cut_as_the_data_is(folder: Path) -> None:
    everyone = pd.concat([people(100, 0), people(120, 1_000)])
    home = np.where(everyone["id"] < 1_000, "a;b", "a")
    age = everyone["id"] % 60
    kept = everyone[["id"]].assign(home=home, age=age)[:-20]
    kept.to_csv(folder / "people.csv", index=False)
    text = CONFIG.replace('["sex"]', '["home", "age"]')
    more = (
        '[subject.join]\ndata = "people.csv"\nkey = "id"\n[subject.multi]\nhome = ";"\n'
        "[subject.bands]\nage = [30]\n"
    )
    ready, told = prepare(write(folder, TRAIN, SHADOW + more, text))
    assert told == []
    assert isinstance(ready, Prepared)
    subject = ready.subject()
    assert subject.sensitive == ("home", "home: a", "home: b", "age")
    assert subject.train_groups is not None
    # Nobody among the training rows has the value b: all are a "no" in it, or unknown.
    held = subject.train_groups["home: b"]
    assert dict(zip(held.names, held.counts, strict=True)) == {"yes": 0, "no": 100}
    assert held.unknown == 20
    assert subject.train_groups["age"].names == ("under 30", "30 and over")
    (note,) = [n for n in subject.data_notes if n.startswith("Training rows: Joined")]
    assert "20 of 120 rows have no partner" in note


def test_what_is_wrong_with_a_second_table_is_told_once(folder: Path) -> None:
    more = '[subject.join]\ndata = "none.csv"\nkey = "id"\n'
    told = problems(folder, more=SHADOW + more)
    assert sum("none.csv" in problem for problem in told) == 1


def test_training_rows_may_come_from_a_table_of_a_database(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("ibis")
    with duckdb.connect(str(folder / "people.db")) as base:
        base.sql(f"CREATE TABLE members AS FROM '{folder / 'train.csv'}'")
    subject = load(folder, 'train_data = "duckdb:///people.db"\ntrain_table = "members"')
    assert subject.train is not None
    assert len(subject.train) == 120
