"""From a configuration to a report, for every way to have predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import scored

from auditkit import load_subject, run
from auditkit.audit import make_audits
from auditkit.errors import InputError
from auditkit.subject import Subject

HEAD = """
[subject]
name = "any"
data = "rows.parquet"
label = "y"
sensitive = ["sex"]
"""


def table(n: int = 300) -> pd.DataFrame:
    frame = scored(n)
    return frame.assign(income=frame["score"] * 10, years=np.arange(n) % 7)


def load(folder: Path, text: str, frame: pd.DataFrame) -> Subject:
    frame.to_parquet(folder / "rows.parquet")
    (folder / "auditkit.toml").write_text(HEAD + text, encoding="utf-8")
    return load_subject(folder / "auditkit.toml")


def untaught() -> set[str]:
    """Audits that train, or look at the rows that a model was trained on."""
    named = {"recipe", "train", "other_rows"}
    return {one.name for one in make_audits(None) if named & getattr(one, "needs", frozenset())}


def statuses(subject: Subject) -> dict[str, str]:
    return {audit.name: audit.status for audit in run(subject).audits}


def test_a_saved_network_is_audited_without_its_training_rows(tmp_path: Path) -> None:
    from auditkit import MLP, Training, fit

    frame = table()
    model, _ = fit(MLP(hidden=[4]), frame, label="y", features=["income", "years"],
                   training=Training(epochs=1))  # fmt: skip
    model.save(tmp_path / "model")
    for file in ("model", "model/model.safetensors"):
        subject = load(tmp_path, f'[subject.model]\nfile = "{file}"', frame)
        assert subject.features == ("income", "years")
        assert len(subject) == 300
    how = statuses(subject)
    assert {name for name, status in how.items() if status != "completed"} == untaught()


def test_a_scikit_learn_pipeline_is_audited_through_skops(tmp_path: Path) -> None:
    skops = pytest.importorskip("skops.io")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = table()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    pipeline.fit(frame[["years", "income"]], frame["y"])
    skops.dump(pipeline, tmp_path / "model.skops")
    subject = load(tmp_path, '[subject.model]\nfile = "model.skops"\nthreshold = 0.4', frame)
    assert subject.y_score is not None
    expected = pipeline.predict_proba(subject.rows[["years", "income"]])[:, 1]
    assert subject.y_score == pytest.approx(expected, abs=1e-12)
    assert subject.threshold == 0.4
    how = statuses(subject)
    assert how["explainability"] == "completed"
    assert how["performance"] == how["fairness"] == how["energy"] == "completed"
    assert how["privacy"] == "skipped"  # nobody knows what it was trained on


def test_numbers_and_classes_are_loaded_as_scored_tables(tmp_path: Path) -> None:
    frame = table().assign(y=lambda f: f["income"] * 2, guess=lambda f: f["income"] + 1)
    subject = load(tmp_path, 'task = "regression"\n[subject.model]\nprediction = "guess"', frame)
    assert subject.task == "regression"
    how = statuses(subject)
    assert set(how.values()) <= {"completed", "skipped"}
    frame = table().assign(y=lambda f: f["race"], guess="a")
    subject = load(tmp_path, 'task = "multiclass"\n[subject.model]\nprediction = "guess"', frame)
    assert subject.classes == ("a", "b", "c")
    assert set(statuses(subject).values()) <= {"completed", "skipped"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[subject.model]\nfile = "model.pkl"', "pickle"),
        ('[subject.model]\nfile = "nothing.onnx"', "nothing.onnx"),
        ('[subject.model]\nfile = "nothing.skops"\ntrsut = []', "Did you mean 'trust'?"),
        ('[subject.model]\nendpoint = "ftp://x"', "http"),
        ('task = "ranking"\n[subject.model]\nscore = "score"', "task"),
        ('[subject.model]\nfile = "a"\nendpoint = "http://b"', "file and endpoint"),
    ],
)
def test_a_model_that_cannot_be_opened_is_said_to(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(InputError) as caught:
        load(tmp_path, text, table())
    assert said in str(caught.value)


def test_what_was_done_to_the_data_is_in_the_record(tmp_path: Path) -> None:
    text = 'most_rows = 200\n[subject.model]\nscore = "score"'
    subject = load(tmp_path, text, table())
    assert len(subject) == 200
    report = run(subject, None, ["performance"])
    assert report.subject.data.rows == 300
    assert any("200" in note for note in report.subject.data.notes)


def test_a_weight_is_carried_but_never_a_feature_by_default(tmp_path: Path) -> None:
    frame = table().assign(w=lambda f: 1 + f["years"])
    train = '[subject.model]\ntrain = "mlp"\nhidden = [4]\n[subject.training]\nepochs = 1\n'
    subject = load(tmp_path, 'weight = "w"\n' + train, frame)
    assert subject.weight == "w"
    assert "w" not in subject.features
    assert getattr(subject.recipe, "weight", None) == "w"
    assert subject.weights is not None
    assert subject.train is not None
    assert set(subject.train["w"]) <= set(frame["w"])
    assert run(subject, None, ["performance"]).subject.roles.weight == "w"
    with pytest.raises(InputError, match="which is under features too"):
        load(tmp_path, 'weight = "w"\nfeatures = ["w", "income"]\n' + train, frame)


def test_training_rows_are_weighed_by_groups_that_the_model_does_not_read(tmp_path: Path) -> None:
    frame = table().assign(region=lambda held: held["sex"].map({"F": "north"}))
    text = (
        'features = ["income", "years"]\n[subject.model]\ntrain = "mlp"\nhidden = [4]\n'
        '[subject.training]\nepochs = 1\nclass_weight = "balanced"\n'
        'group_weight = "reweighing"\ngroup_columns = ["{column}"]\n'
    )
    subject = load(tmp_path, text.replace("{column}", "region"), frame)
    assert subject.features == ("income", "years")
    said = subject.record.to_dict()["preparation"]
    assert {line["group"] for line in said["group_weights"]} == {"north", "unknown"}
    with pytest.raises(InputError, match=r"\[subject.training\] group_columns: found 'regio'"):
        load(tmp_path, text.replace("{column}", "regio"), frame)


def test_a_configuration_may_name_a_folder_for_checkpoints(tmp_path: Path) -> None:
    text = '[subject.model]\ntrain = "mlp"\n[subject.training]\nepochs = 2\ncheckpoint = {}\n'
    frame = table()
    first = load(tmp_path, text.format('"made"'), frame)
    assert first.record.resumed_after == ()
    assert [file.name for file in (tmp_path / "made").iterdir()] == ["checkpoint.safetensors"]
    again = load(tmp_path, text.format('"made"'), frame)
    assert again.record.resumed_after == (2,)
    np.testing.assert_array_equal(again.y_score, first.y_score)
    with pytest.raises(InputError, match=r"\[subject.training\] checkpoint: found '3'"):
        load(tmp_path, text.format(3), frame)


def test_training_may_start_and_learn_from_a_saved_model(tmp_path: Path) -> None:
    from auditkit import MLP, Training, fit

    frame = table()
    model, _ = fit(MLP(hidden=[4]), frame, label="y", features=["years", "income"],
                   training=Training(epochs=1))  # fmt: skip
    model.save(tmp_path / "first")
    text = (
        '[subject.model]\ntrain = "mlp"\nhidden = [4]\nstart = {}\n'
        '[subject.training]\nepochs = 1\nfreeze = ["linear1"]\n'
    )
    subject = load(tmp_path, text.format('"first"\nteacher = "first"'), frame)
    assert subject.features == ("years", "income")
    assert subject.record.teacher["sha256"] == model.sha256
    assert subject.record.start["sha256"] == model.sha256
    assert subject.record.frozen["layers"] == ["linear1"]
    with pytest.raises(InputError, match=r"\[subject.model\] start model.json: found No such file"):
        load(tmp_path, text.format('"second"'), frame)
    with pytest.raises(InputError, match="the folder of a saved model"):
        load(tmp_path, text.format(3), frame)


def test_a_model_is_trained_privately_where_the_configuration_says_so(tmp_path: Path) -> None:
    frame = table()
    text = (
        '[subject.model]\ntrain = "mlp"\nhidden = [4]\n'
        "[subject.model.privacy]\nepsilon = {}\nmax_grad_norm = 0.5\n"
        "[subject.training]\nepochs = 2\n"
    )
    subject = load(tmp_path, text.format("2.0"), frame)
    assert 1.9 < subject.record.privacy["epsilon"] <= 2
    assert subject.record.privacy["max_grad_norm"] == 0.5
    recipe, train = subject.recipe, subject.train
    assert recipe is not None
    assert train is not None
    _, again = recipe.fit(train, seed=1)
    assert again.privacy["noise_multiplier"] == subject.record.privacy["noise_multiplier"]
    _, other = recipe.fit(train, privacy={"epsilon": 8.0})
    assert other.privacy["max_grad_norm"] == 1.0
    assert other.privacy["epsilon"] > 7.9


def test_every_wrong_setting_of_privacy_is_told_with_its_place(tmp_path: Path) -> None:
    text = '[subject.model]\ntrain = "mlp"\nprivacy = {}\n'
    with pytest.raises(InputError) as raised:
        load(tmp_path, text.format("{ epsilon = -1.0, sigma = 2.0 }"), table())
    places = [problem.where for problem in raised.value.problems]
    assert [place.partition("[")[2] for place in places] == [
        "subject.model.privacy] sigma",
        "subject.model.privacy] epsilon",
    ]
    with pytest.raises(InputError, match=r"\[subject.model.privacy\]: found '3'"):
        load(tmp_path, text.format("3"), table())
