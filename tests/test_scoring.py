from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import auditkit
from auditkit.cli import cli, status_of
from auditkit.errors import InputError
from auditkit.subject import Subject, Task


def defendants(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    decile = np.clip(rng.integers(1, 9, n) + 2 * y, 1, 10)
    decided = np.where(decile >= 5, "high", "low")
    decided[:7] = np.where(decided[:7] == "high", "low", "high")
    outcome = np.where(y == 1, "high", "low")
    return pd.DataFrame(
        {"y": y, "outcome": outcome, "decile_score": decile, "band": decided, "sex": "F"}
    )


def test_deciles_are_ranked_and_cut_but_not_read_as_chances() -> None:
    rows = defendants()
    report = auditkit.run(
        Subject.from_scores(rows, label="y", score="decile_score", threshold=5),
        audits=["performance"],
    )
    found = {m.metric: m for m in report.measurements if not m.slice}
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(rows["y"], rows["decile_score"]))
    assert found["selection_rate"].value == (rows["decile_score"] >= 5).mean()
    for metric in ("brier_score", "calibration_in_the_large"):
        assert found[metric].value is None
        assert "the scores are no probabilities" in str(found[metric].reason)


@pytest.mark.parametrize("shift", [0, -7])
def test_scores_outside_0_to_1_need_a_threshold_that_somebody_chose(shift: int) -> None:
    rows = defendants().assign(decile_score=lambda f: f["decile_score"] + shift)
    with pytest.raises(InputError, match=rf"none for scores from {1 + shift} to {10 + shift}"):
        Subject.from_scores(rows, label="y", score="decile_score")
    assert Subject.from_scores(rows, label="y", score="decile_score", threshold=3).threshold == 3


def test_decisions_beside_scores_are_audited_and_where_they_differ_is_counted() -> None:
    rows = defendants()
    subject = Subject.from_scores(
        rows,
        label="outcome", positive="high", score="decile_score", prediction="band", threshold=5,
        data_notes=["Read a sample."],
    )  # fmt: skip
    assert subject.data_notes == (
        "Read a sample.",
        "'band' decides otherwise than 'decile_score' >= 5 in 7 of 300 rows; the decisions are "
        "what is audited.",
    )
    assert subject.y_pred.sum() == (rows["band"] == "high").sum()
    assert subject.y_score is not None
    assert sorted(subject.y_score) == sorted(rows["decile_score"])


def test_a_threshold_that_nobody_gave_is_named_as_such() -> None:
    rows = defendants().assign(p=lambda f: f["decile_score"] / 10)
    subject = Subject.from_scores(
        rows, label="outcome", positive="high", score="p", prediction="band"
    )
    apart = int(((rows["p"] >= 0.5) != (rows["band"] == "high")).sum())
    said = f"'p' >= 0.5 (the threshold where none is given) in {apart} of 300 rows"
    assert said in subject.data_notes[0]


CONFIG = """
[subject]
name = "deciles"
data = "rows.csv"
label = "outcome"
positive = "high"
[subject.model]
score = "decile_score"
"""


def test_the_command_line_says_both_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    defendants().to_csv(tmp_path / "rows.csv", index=False)
    config = tmp_path / "auditkit.toml"
    config.write_text(CONFIG, encoding="utf-8")
    arguments = ["run", str(config), "--out", str(tmp_path / "out"), "--audits", "performance"]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 2
    said = "auditkit.toml [subject.model] threshold: found none for scores from 1 to 10"
    assert said in capsys.readouterr().err
    config.write_text(CONFIG + 'threshold = 5\nprediction = "band"\n', encoding="utf-8")
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 3
    record = next((tmp_path / "out").rglob("audit.json")).read_text(encoding="utf-8")
    assert "decides otherwise than 'decile_score' >= 5 in 7 of 300 rows" in record


@pytest.mark.parametrize(
    ("task", "label", "prediction"),
    [
        ("multiclass", ["a", "b", "c"], ["a", "c", "d"]),
        ("regression", [1.5, 2.0, -3.0], [1.0, 2, 3]),
    ],
)
def test_predictions_alone_of_other_tasks_are_read(
    task: Task, label: list[object], prediction: list[object]
) -> None:
    rows = pd.DataFrame({"y": label, "d": prediction, "sex": ["F", "M", "F"]})
    subject = Subject.from_scores(rows, label="y", prediction="d", task=task, sensitive=["sex"])
    truth = sorted(zip(subject.y_true.tolist(), subject.y_pred.tolist(), strict=True))
    coded = dict(zip("abcd", range(4), strict=True))
    expected = [
        tuple(coded[str(v)] if task == "multiclass" else v for v in pair)
        for pair in zip(label, prediction, strict=True)
    ]
    assert truth == sorted(expected)
    assert subject.y_score is None
    with pytest.raises(InputError, match=f"prediction alone for a {task} task"):
        Subject.from_scores(rows.assign(p=0.5), label="y", score="p", task=task)
