from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
from support import scored

from auditkit.cli import cli, status_of

CONFIG = """
[subject]
name = "loans"
data = "loans.csv"
label = "y"
sensitive = ["sex", "race"]
[subject.model]
score = "score"
threshold = 0.4
"""
POLICY = """
name = "starter"
[[criterion]]
metric = "accuracy"
at_least = {limit}
severity = "high"
source = "own policy"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scored(600).to_csv(tmp_path / "loans.csv", index=False)
    (tmp_path / "auditkit.toml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "policy.toml").write_text(POLICY.format(limit=0.1), encoding="utf-8")
    return tmp_path


def auditkit(*arguments: object) -> int:
    return status_of(lambda: cli([str(a) for a in arguments], standalone_mode=False))


def run(folder: Path, *more: object) -> int:
    return auditkit("run", folder / "auditkit.toml", "--out", folder / "out", *more)


def bundles(folder: Path) -> list[Path]:
    return sorted((folder / "out").glob("*/*"))


FAST = ("--audits", "performance,fairness")


def test_a_run_prints_verdict_and_path_and_carries_the_verdict(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, *FAST) == 0
    out, err = capsys.readouterr()
    assert out.startswith("PASS  loans: 1 pass\n")
    (bundle,) = bundles(folder)
    assert out.splitlines()[1] == str(bundle / "report.en.html")
    assert "audit 1 of 2: performance" in err
    (folder / "policy.toml").write_text(POLICY.format(limit=0.99), encoding="utf-8")
    assert run(folder, *FAST) == 1
    (folder / "policy.toml").unlink()
    assert run(folder, *FAST) == 3


def test_all_audits_of_a_scored_table_say_what_they_could_not_measure(folder: Path) -> None:
    assert run(folder) == 0
    record = json.loads((bundles(folder)[0] / "audit.json").read_text(encoding="utf-8"))
    how = {audit["name"]: audit["status"] for audit in record["audits"]}
    assert how["performance"] == how["fairness"] == "completed"
    assert set(how.values()) <= {"completed", "skipped"}
    assert all(m["reason"] for m in record["measurements"] if m["value"] is None)


def test_a_run_draws_the_languages_that_are_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--audits", "performance", "--lang", "zh-Hans") == 0
    (bundle,) = bundles(folder)
    assert [page.name for page in bundle.glob("*.html")] == ["report.zh-Hans.html"]
    assert capsys.readouterr().out.splitlines()[1] == str(bundle / "report.zh-Hans.html")
    assert auditkit("report", bundle, "--lang", "zh-Hans") == 0
    assert '<html lang="zh-Hans">' in capsys.readouterr().out


def test_unknown_languages_are_told_before_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, *FAST, "--lang", "en,xx,zh") == 2
    said = capsys.readouterr().err
    assert "--lang: found 'xx', expected one of en, zh-Hans" in said
    assert "found 'zh'" in said
    assert not bundles(folder)


def test_json_output_is_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(folder, *FAST, "--json")
    result = json.loads(capsys.readouterr().out)
    assert result["verdict"] == "pass"
    assert Path(result["report"]).is_file()


def test_the_page_and_the_gate_work_from_the_record_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(folder, *FAST)
    (bundle,) = bundles(folder)
    capsys.readouterr()
    assert auditkit("report", bundle) == 0
    assert capsys.readouterr().out == (bundle / "report.en.html").read_text(encoding="utf-8")
    assert auditkit("gate", bundle) == 0
    (folder / "strict.toml").write_text(POLICY.format(limit=0.99), encoding="utf-8")
    assert auditkit("gate", bundle, "--policy", folder / "strict.toml") == 1
    assert "beyond the limit" in capsys.readouterr().out
    assert auditkit("gate", bundle, "--policy", folder / "none.toml") == 2


def test_every_mistake_is_told_at_once_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIG.replace('label = "y"', 'label = "yy"\nlable = "y"').replace("race", "rase")
    (folder / "auditkit.toml").write_text(text + "\n[audits.fairnes]\n", encoding="utf-8")
    wrong = POLICY.format(limit=0.1).replace("accuracy", "acuracy")
    (folder / "policy.toml").write_text(wrong, encoding="utf-8")
    assert run(folder) == 2
    err = capsys.readouterr().err
    for word in ("'yy'", "'lable'", "Did you mean 'label'?", "Did you mean 'race'?",
                 "Did you mean 'fairness'?", "Did you mean 'accuracy'?"):  # fmt: skip
        assert word in err
    assert "Traceback" not in err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": 1}, "one class only"),
        ({"y": np.nan}, "missing values"),
        ({"sex": None}, "only missing values"),
        ({"y": 7}, "expected"),
    ],
)
def test_bad_columns_end_with_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str
) -> None:
    frame = scored(60).assign(**change)
    if change == {"y": 7}:
        frame["y"] = np.arange(60) % 2 + 7
    frame.to_parquet(folder / "loans.parquet")
    (folder / "auditkit.toml").write_text(CONFIG.replace(".csv", ".parquet"), encoding="utf-8")
    assert run(folder) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "text",
    [
        "= no toml", "", "subject = 3", "[subject]\nname = 3",
        CONFIG.replace('score = "score"', 'train = "mlp"\nscore = "score"'),
        CONFIG.replace('score = "score"', 'train = "transformer"'),
        CONFIG.replace('score = "score"', 'file = "model.pkl"'),
        CONFIG.replace('score = "score"', 'scores = "score"'),
        CONFIG.replace("loans.csv", "loans.xlsx"),
        CONFIG.replace("loans.csv", "../nothing.csv"),
        CONFIG.replace("threshold = 0.4", 'threshold = "high"'),
    ],
)  # fmt: skip
def test_a_bad_configuration_ends_with_status_2(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (folder / "auditkit.toml").write_text(text, encoding="utf-8")
    assert run(folder) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [("rum",), ("run",), ("run", "x.toml", "--sed", "3"), ("list", "nothing"),
                  ("gate", "no"), ("report", "no"), ("run", "no.toml")]
)  # fmt: skip
def test_usage_errors_have_status_2(arguments: tuple[str, ...]) -> None:
    assert auditkit(*arguments) == 2


def test_one_decision_for_everyone_is_said_first_and_never_passes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "auditkit.toml").write_text(
        CONFIG.replace("threshold = 0.4", "threshold = 2.0"), encoding="utf-8"
    )
    assert run(folder, *FAST) == 3
    assert "the same decision" in capsys.readouterr().out
    (bundle,) = bundles(folder)
    record = json.loads((bundle / "audit.json").read_text(encoding="utf-8"))
    gaps = [m for m in record["measurements"] if m["metric"].startswith("demographic_parity")]
    assert gaps
    assert all(m["value"] is None and "same decision" in m["reason"] for m in gaps)


HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=cmd|'/c calc'!A1",
    "\u202eright to left", "x" * 10_000, "a\tb", "{{7*7}}", "*", "unknown", "</style>",
]  # fmt: skip


def test_hostile_names_do_nothing(folder: Path) -> None:
    frame = scored(600)
    names = [HOSTILE[i % len(HOSTILE)] for i in range(600)]
    frame = frame.assign(race=names).rename(columns={"sex": HOSTILE[0]})
    frame.to_parquet(folder / "loans.parquet")
    text = CONFIG.replace(".csv", ".parquet").replace('"sex"', json.dumps(HOSTILE[0]))
    (folder / "auditkit.toml").write_text(text, encoding="utf-8")
    assert run(folder, *FAST) == 0
    (bundle,) = bundles(folder)
    page = (bundle / "report.en.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert len(page) < 1_000_000


def test_listing_and_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert auditkit("list", "audits") == 0
    assert "fairness" in capsys.readouterr().out
    assert auditkit("list", "metrics") == 0
    assert "demographic_parity_ratio" in capsys.readouterr().out
    assert auditkit("schema") == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


def test_a_fault_of_ours_is_status_4_never_1(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise RuntimeError("ours")

    assert status_of(broken) == 4
    assert "please report it" in capsys.readouterr().err


def test_the_installed_command_answers() -> None:
    command = Path(sys.executable).parent / "auditkit"
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("auditkit, version ")


def test_a_frame_of_other_row_order_gives_the_same_measurements(folder: Path) -> None:
    run(folder, *FAST)
    frame = pd.read_csv(folder / "loans.csv").sample(frac=1, random_state=1)
    frame.to_csv(folder / "loans.csv", index=False)
    run(folder, *FAST)
    records = [json.loads((b / "audit.json").read_text(encoding="utf-8")) for b in bundles(folder)]
    assert records[0]["measurements"] == records[1]["measurements"]
    assert records[0]["tables"] == records[1]["tables"]
