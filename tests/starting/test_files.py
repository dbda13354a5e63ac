from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auditkit.audit import known_metrics
from auditkit.cli import cli, status_of
from auditkit.config import read_config
from auditkit.errors import InputError
from auditkit.loading import prepare
from auditkit.policy import load_policy, slice_problems
from auditkit.starting.files import config_text, guess, init, policy_text, toml_text, write_start


def people(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "person_id": range(n),
            "性别": rng.choice(["女", "男"], n),
            "age": rng.integers(18, 90, n),
            "home": rng.choice(["a", "b"], n),
            "x": np.round(rng.normal(size=n) + y, 2),
            "approved": np.where(y == 1, "yes", "no"),
        }
    )


def audited(config: Path, *audits: str) -> int:
    chosen = ["--audits", ",".join(audits)]
    arguments = ["run", str(config), "--out", str(config.parent / "out"), *chosen]
    return status_of(lambda: cli(arguments, standalone_mode=False))


def right(config: Path, policy: Path) -> None:
    prepared, problems = prepare(config)
    assert problems == []
    assert prepared is not None
    held = load_policy(policy, known_metrics())
    assert slice_problems(held, prepared.sensitive, "policy.toml") == []


def test_both_files_say_what_was_guessed_and_an_audit_runs_on_them_at_once(
    tmp_path: Path,
) -> None:
    people().to_csv(tmp_path / "loans.csv", index=False)
    config, policy = write_start(tmp_path / "loans.csv")
    assert (config, policy) == (tmp_path / "auditkit.toml", tmp_path / "policy.toml")
    says = tomllib.loads(config.read_text("utf-8"))["subject"]
    assert says == {
        "name": "loans",
        "task": "binary",
        "data": "loans.csv",
        "label": "approved",
        "positive": "yes",
        "sensitive": ["性别", "age"],
        "bands": {"age": says["bands"]["age"]},
        "features": ["home", "x"],
        "model": {"train": "mlp"},
    }
    metrics = [c.metric for c in load_policy(policy, known_metrics()).criteria]
    assert metrics == [
        *("roc_auc", "calibration_in_the_large", "demographic_parity_ratio"),
        *("demographic_parity_ratio", "membership_auc"),
    ]
    right(config, policy)
    assert audited(config, "performance", "fairness") in {0, 1, 3}


@pytest.mark.parametrize(
    ("columns", "model"),
    [
        ({"score": 0.5}, {"score": "score", "threshold": 0.5}),
        ({"y_pred": "yes"}, {"prediction": "y_pred"}),
        ({"score": 0.5, "y_pred": "yes"}, {"score": "score", "prediction": "y_pred"}),
    ],
)
def test_a_table_of_scores_or_decisions_needs_no_model(
    tmp_path: Path, columns: dict[str, Any], model: dict[str, Any]
) -> None:
    rows = people().assign(**columns)
    if "score" in rows:
        rows["score"] = np.linspace(0, 1, len(rows))
    if "y_pred" in rows:
        rows["y_pred"] = np.where(rows["x"] > 0.5, "yes", "no")
    rows.to_parquet(tmp_path / "loans.parquet")
    config, policy = write_start(tmp_path / "loans.parquet")
    says = tomllib.loads(config.read_text("utf-8"))["subject"]
    assert says["model"] == model
    assert "features" not in says
    right(config, policy)
    assert audited(config, "performance", "fairness") in {0, 1, 3}


def test_every_guess_is_marked_and_every_other_setting_is_there_at_rest(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "loans.csv", index=False)
    text = write_start(tmp_path / "loans.csv")[0].read_text("utf-8")
    for line in text.splitlines():
        plain = line.startswith(("name", "label", "positive", "age", "train", '    "性别"'))
        assert not plain or "# guessed: " in line, line
    assert '# "person_id" left out, guessed: an identifier by its name' in text
    at_rest = re.findall(r"^# (\w+) = .*  # .+$", text, re.MULTILINE)
    known = {"version", "description", "most_rows", "key", "data", "hidden", "file", "epochs"}
    assert known <= set(at_rest)


def test_each_setting_at_rest_means_something_when_it_is_taken_up(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "loans.csv", index=False)
    config, _ = write_start(tmp_path / "loans.csv")
    text = config.read_text("utf-8")
    ways = text[text.index("# Instead, exactly one") : text.index("# [subject.split]")]
    taken = text.replace(ways, "").replace("# dropout", "dropout").replace("# hidden", "hidden")
    taken = re.sub(r"^# (\[[\w.]+\]|\w+ = .+)", r"\1", taken, flags=re.MULTILINE)
    taken = taken.replace('ethnicity = ";"', "")
    people()[["person_id"]].assign(gender="F").to_parquet(tmp_path / "people.parquet")
    config.write_text(taken.replace('"性别",', '"性别", "gender",'), encoding="utf-8")
    assert tomllib.loads(taken)["subject"]["split"]["test"] == 0.3
    right(config, tmp_path / "policy.toml")
    assert audited(config, "fairness") in {0, 1, 3}
    for line in ways.splitlines()[1:]:
        assert read_config(config)[1] == []
        tomllib.loads(line.removeprefix("# "))


def test_nothing_is_overwritten_and_every_problem_is_said_at_once(tmp_path: Path) -> None:
    for name in ("auditkit.toml", "policy.toml"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        write_start(tmp_path / "no.csv")
    assert len(caught.value.problems) == 3
    people()[["x", "age"]].to_csv(tmp_path / "loans.csv", index=False)
    with pytest.raises(InputError, match="no column that could be the label"):
        write_start(tmp_path / "loans.csv")
    people()[["person_id", "approved"]].to_csv(tmp_path / "loans.csv", index=False)
    with pytest.raises(InputError, match="no column that could be a feature"):
        write_start(tmp_path / "loans.csv", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "policy.toml").read_text("utf-8") == "mine"


def test_of_two_files_either_both_are_written_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people().to_csv(tmp_path / "loans.csv", index=False)
    whole = Path.open

    def full(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "policy.toml":
            raise OSError(28, "No space left on device")
        return whole(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_start(tmp_path / "loans.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loans.csv"]


def test_the_data_is_named_as_seen_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    people().to_parquet(tmp_path / "data" / "part-0.parquet")
    people().to_parquet(tmp_path / "data" / "part-1.parquet")
    for file, folder, data, name in (
        ("data/part-*.parquet", None, "part-*.parquet", "part"),
        ("data/part-0.parquet", "audit/new", "../../data/part-0.parquet", "part-0"),
        ("data", None, "data", "data"),
    ):
        config, policy = write_start(tmp_path / file, folder and tmp_path / folder)
        says = tomllib.loads(config.read_text("utf-8"))["subject"]
        assert (says["data"], says["name"]) == (data, name)
        right(config, policy)


def test_a_table_of_a_database_is_started_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb = pytest.importorskip("duckdb")
    pytest.importorskip("ibis")
    with duckdb.connect(str(tmp_path / "store.db")) as connection:
        connection.register("given", people())
        connection.execute("CREATE TABLE loans AS SELECT * FROM given")
    monkeypatch.chdir(tmp_path)
    config, policy = write_start("duckdb:///store.db", table="loans")
    says = tomllib.loads(config.read_text("utf-8"))["subject"]
    assert (says["data"], says["table"]) == ("duckdb:///store.db", "loans")
    right(config, policy)


def test_the_command_prints_both_files_and_says_what_to_do(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "loans.csv", index=False)
    done = CliRunner().invoke(init, [str(tmp_path / "loans.csv"), "--out", str(tmp_path / "a")])
    assert done.exit_code == 0
    assert done.stdout.split() == [
        str(tmp_path / "a" / "auditkit.toml"), str(tmp_path / "a" / "policy.toml"),
    ]  # fmt: skip
    assert "Check what is marked as guessed" in done.stderr
    assert "--out" in CliRunner().invoke(init, ["--help"]).stdout


def test_the_command_is_there_without_loading_pandas() -> None:
    code = "import auditkit.starting.files, sys; print(*(m in sys.modules for m in LOADED))"
    code = code.replace("LOADED", "('pandas', 'numpy')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


hostile = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
HARD = ['"', "\\", "a\nb = 1", "]\r\n[x]", "\x7f\x00\x1b", "\u202e", "'''", '"""', "# x", "\ufeff"]


@given(st.lists(hostile, max_size=3))
@example(HARD)
def test_any_text_survives_in_a_toml_file_on_one_line(texts: list[str]) -> None:
    lines = [f"k{i} = {toml_text(text)}  # {toml_text(text)}" for i, text in enumerate(texts)]
    assert all(line.isprintable() for line in lines)
    assert list(tomllib.loads("\n".join(lines)).values()) == texts


@given(
    st.lists(hostile.filter(str.strip), min_size=4, max_size=4, unique=True),
    st.lists(hostile, min_size=2, max_size=2, unique=True),
    st.sampled_from(["{} sex", "{} id", "{} probability", "y_pred {}", "性别{}", "{} age", "{}"]),
)
@example(HARD[:4], HARD[4:6], "{} sex")
@example(HARD[4:8], HARD[8:10], "{} age")
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_columns_are_called_both_files_say_what_was_guessed(
    names: list[str], outcomes: list[str], form: str
) -> None:
    columns = {
        names[0]: [1.5, 2.5, 0.5] * 10,
        form.format(names[1]): [i / 30 for i in range(30)],
        f"{names[2]} age": list(range(30)),
        f"{names[3]} race": ["a;b", "c"] * 15,
        "label": outcomes * 15,
    }
    found = guess(pd.DataFrame(columns), names[0])
    says = tomllib.loads(config_text(found, names[0]))["subject"]
    assert (says["name"], says["data"]) == (names[0], names[0])
    assert (says["label"], says["positive"]) == (found.label, found.positive)
    assert tuple(says["sensitive"]) == found.sensitive
    assert tuple(says.get("features", found.features)) == found.features
    assert says.get("bands", {}) == found.bands
    assert says.get("multi", {}) == found.multi
    assert says["model"].get("score") == found.score
    policy = tomllib.loads(policy_text(found))
    slices = [tuple(c["slice"]) for c in policy["criterion"] if "slice" in c]
    assert slices == [(name,) for name in found.sensitive]


def test_a_guessed_weight_is_marked_and_no_feature(tmp_path: Path) -> None:
    rows = people().assign(sample_weight=np.random.default_rng(1).random(300) + 0.5)
    rows.to_csv(tmp_path / "loans.csv", index=False)
    config, policy = write_start(tmp_path / "loans.csv")
    text = config.read_text("utf-8")
    assert 'weight = "sample_weight"  # guessed: ' in text
    says = tomllib.loads(text)["subject"]
    assert (says["weight"], says["features"]) == ("sample_weight", ["home", "x"])
    right(config, policy)


N = 120
RNG = np.random.default_rng(0)
PEOPLE: dict[str, Any] = {"sex": RNG.choice(["F", "M"], N), "x": RNG.normal(size=N)}
CLASSES = np.array(["a", "b", "c"])[np.arange(N) % 3]
ODD: dict[str, dict[str, Any]] = {
    "classes": PEOPLE | {"species": CLASSES},
    "class predictions": PEOPLE | {"label": CLASSES, "prediction": CLASSES[::-1]},
    "numbers": PEOPLE | {"charges": RNG.gamma(2, 100, N)},
    "number predictions": PEOPLE | {"y": RNG.normal(size=N), "y_pred": RNG.normal(size=N)},
    "deciles": PEOPLE | {"decile_score": np.arange(N) % 10 + 1, "recid": np.arange(N) % 2},
    "everything else": PEOPLE
    | {
        "id": range(N), "comment": [f"a long remark, number {i}" for i in range(N)],
        "day": pd.date_range("2024-01-01", periods=N), "same": "s", "empty": None,
        "Größe (cm)": RNG.normal(170, 9, N), 'a "b",\nc': RNG.normal(size=N),
        "churned": RNG.choice(["yes", "no"], N),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("classes", ["macro_roc_auc", "top_label_calibration", "accuracy_difference"]),
        ("class predictions", ["accuracy", "accuracy_difference"]),
        ("numbers", ["r2_score", "mean_absolute_error_difference"]),
        ("number predictions", ["r2_score", "mean_absolute_error_difference"]),
    ],
)
def test_every_criterion_of_the_starter_is_measured_for_its_task(
    tmp_path: Path, name: str, metrics: list[str]
) -> None:
    pd.DataFrame(ODD[name]).to_csv(tmp_path / "t.csv", index=False)
    config, policy = write_start(tmp_path / "t.csv")
    assert [one.metric for one in load_policy(policy, known_metrics()).criteria] == metrics
    audited(config, "performance", "fairness")
    (record,) = (tmp_path / "out").glob("*/*/audit.json")
    found = json.loads(record.read_text("utf-8"))["findings"]
    assert {one["verdict"] for one in found} <= {"pass", "fail", "inconclusive"}


def test_the_limit_of_a_gap_of_errors_is_a_tenth_of_the_spread_of_the_outcome() -> None:
    rows = pd.DataFrame({"sex": ["F", "M"] * 50, "x": range(100), "pay": np.arange(100) * 200.0})
    text = policy_text(guess(rows, "pay", "pay"))
    assert "at_most = 600" in text  # the standard deviation is 5,802


@pytest.mark.parametrize("name", ODD)
def test_an_audit_runs_at_once_on_what_is_written_for_an_odd_table(
    tmp_path: Path, name: str
) -> None:
    pd.DataFrame(ODD[name]).to_csv(tmp_path / "t.csv", index=False)
    config, policy = write_start(tmp_path / "t.csv")
    right(config, policy)
    assert audited(config, "performance", "fairness") in {0, 1, 3}


@pytest.mark.parametrize(
    ("text", "label", "said"),
    [
        ("a,b\n1.5,2\n2.5,3\n3.5,4\n", None, "Name the column of the outcome with --label"),
        ("y,b\n1,2\n0,3\n,4\n", None, "'y': 1 of its values are missing."),
        ("a,y\n", None, "t.csv: found no rows"),
        ("a;y\n1;2\n", None, "found one column only, 'a;y', expected columns with commas"),
        ("a,a,y\n1,2,0\n", None, "column 'a' twice"),
        ("", None, "Empty CSV file"),
        # Which row it is, is told only where one thread reads.
        ("a,y\n1,0\n2,1,9\n", None, "Expected 2 columns, got 3)"),
        ("a,y\n1,0\n2,1\n", "z", "--label: found 'z', expected a column of t.csv."),
        ("a,y\n1,0\n2,0\n", "y", "--label 'y': found one value only"),
        ("a,y\n1,\n2,\n", "y", "--label 'y': found no value that can be foretold"),
        ("a,y\n1,inf\n2,0\n3,1\n", "y", "--label 'y': found some infinite numbers"),
    ],
)
def test_a_table_that_cannot_be_started_on_is_told_what_to_do(
    tmp_path: Path, text: str, label: str | None, said: str
) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        write_start(tmp_path / "t.csv", label=label)
    assert said in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_text_that_is_not_utf_8_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("größe,y\n1,0\n2,1\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"Save it as UTF-8\.") as caught:
        write_start(tmp_path / "t.csv")
    assert str(tmp_path) not in str(caught.value)


def test_the_label_that_the_command_is_told_is_written_without_a_mark(tmp_path: Path) -> None:
    pd.DataFrame(PEOPLE | {"grade": np.arange(N) % 4}).to_csv(tmp_path / "t.csv", index=False)
    arguments = ["init", str(tmp_path / "t.csv"), "--label", "grade"]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 0
    text = (tmp_path / "auditkit.toml").read_text("utf-8")
    assert 'label = "grade"\n' in text
    assert 'task = "multiclass"  # guessed' in text
