"""`count = true` in a configuration: all that stands in it holds, or is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import scored

from auditkit import Subject, load_subject, run
from auditkit.cli import cli, status_of
from auditkit.errors import InputError
from auditkit.report import Report

pytest.importorskip("duckdb")
pytest.importorskip("ibis")

ROOT = Path(__file__).parents[2]
HEAD = """
[subject]
name = "big"
data = "rows.parquet"
label = "y"
count = true
"""


def table(n: int = 600) -> pd.DataFrame:
    return scored(n).assign(age=[18 + i % 60 for i in range(n)])


def config(folder: Path, text: str, rows: pd.DataFrame | None = None) -> Path:
    (table() if rows is None else rows).to_parquet(folder / "rows.parquet")
    (folder / "auditkit.toml").write_text(HEAD + text, encoding="utf-8")
    return folder / "auditkit.toml"


def problems(path: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_subject(path)
    return [str(problem) for problem in caught.value.problems]


def test_a_run_counts_instead_of_reading_and_the_record_says_how(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        'sensitive = ["sex", "age"]\nbands.age = [30, 50]\nversion = "7"\n'
        '[subject.model]\nscore = "score"\nthreshold = 0.4\n',
    )
    out = tmp_path / "reports"
    command = ["run", str(path), "--out", str(out), "--audits", "fairness"]
    assert status_of(lambda: cli(command, standalone_mode=False)) == 3
    (bundle,) = out.glob("*/*")
    record = Report.load(bundle).subject
    assert record.version == "7"
    assert record.data.notes[0].startswith("Counted in DuckDB 2.")
    assert record.data.notes[0].endswith("so; otherwise no row left the engine.")
    assert ": 600 rows, " in record.data.notes[0]
    assert record.data.counted is not None
    assert "GROUP BY" in record.data.counted.sql
    page = (bundle / "report.en.html").read_text(encoding="utf-8")
    assert "How the rows were counted" in page
    assert record.data.counted.sha256 in page
    assert "auditkit_files" in page
    assert str(tmp_path) not in page


def test_nothing_heavy_is_loaded_to_audit_counts(tmp_path: Path) -> None:
    path = config(tmp_path, 'sensitive = ["sex"]\n[subject.model]\nscore = "score"\n')
    heavy = {"torch", "sklearn", "shap", "opacus", "fairlearn", "polars", "pyspark"}
    code = (
        "import sys, auditkit\n"
        f"auditkit.run(auditkit.load_subject({str(path)!r}), audits=['fairness'])\n"
        f"print('LOADED', *sorted(set(sys.modules) & {heavy!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.rsplit("LOADED", 1)[1].split() == []


def test_the_numbers_are_those_of_the_same_file_when_read(tmp_path: Path) -> None:
    text = 'sensitive = ["sex", "race"]\n[subject.model]\nscore = "score"\n'
    counted = load_subject(config(tmp_path, text))
    assert counted.rows.empty
    path = tmp_path / "auditkit.toml"
    path.write_text(path.read_text().replace("count = true", "count = false"), encoding="utf-8")

    def numbers(subject: Subject) -> list[tuple[str, float | None]]:
        measured = run(subject, audits=["fairness"]).measurements
        return [(m.id, m.value) for m in measured]

    assert numbers(counted) == numbers(load_subject(path))
    assert counted.source == load_subject(path).source


def test_all_rows_are_counted_however_many_would_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditkit.data.intake.MOST_ROWS", 100)
    text = 'sensitive = ["sex"]\n[subject.model]\nscore = "score"\n'
    assert len(load_subject(config(tmp_path, text))) == 600


def test_what_counts_cannot_give_is_told_with_all_else_that_is_wrong(tmp_path: Path) -> None:
    said = problems(
        config(
            tmp_path,
            """task = "multiclass"
most_rows = 10
features = ["age"]
sensitive = ["sex", "age", "rce"]
bands.age = "quartiles"
multi.sex = ";"
join = {data = "other.csv", key = "id"}
[subject.model]
prediction = "nothing"
[subject.training]
epochs = 2
""",
        )
    )
    rows = "Take it out, or have the rows read: count = false."
    place = "auditkit.toml [subject]"
    assert said[:6] == [
        *(
            f"{place} {key}: found it beside count = true, expected no such key: rows are not "
            f"read. {rows}"
            for key in ("most_rows", "features", "join", "multi", "training")
        ),
        f"{place} task: found a multiclass task beside count = true, expected binary decisions. "
        f"{rows}",
    ]
    assert said[6].startswith("auditkit.toml [subject.bands] 'age': found 'quartiles', expected ")
    assert "found 'nothing'" in said[7]
    assert "Did you mean 'race'?" in said[8]
    assert len(said) == 9


@pytest.mark.parametrize("way", ['train = "mlp"', 'file = "model"', 'endpoint = "http://a"'])
def test_a_model_needs_rows(way: str, tmp_path: Path) -> None:
    (said,) = problems(config(tmp_path, f"[subject.model]\n{way}\n"))
    assert f"found {way.split(maxsplit=1)[0]} beside count = true" in said
    assert "Write the scores into the table first" in said


def test_what_is_wrong_with_the_rows_is_told_as_of_rows(tmp_path: Path) -> None:
    rows = table()
    rows.loc[[3, 5], "y"] = None
    rows["score"] = rows["score"].mask(rows.index < 4)
    text = 'sensitive = ["sex"]\nweight = "w"\n[subject.model]\nscore = "score"\n'
    path = config(tmp_path, text, rows.assign(w=-1.0))
    counted = problems(path)
    path.write_text(path.read_text().replace("count = true", "count = false"), encoding="utf-8")
    assert counted == problems(path)
    assert len(counted) == 3


def test_a_threshold_is_asked_for_where_rows_would_ask(tmp_path: Path) -> None:
    rows = table().assign(score=range(600))
    path = config(tmp_path, '[subject.model]\nscore = "score"\n', rows)
    (said,) = problems(path)
    assert said.startswith("auditkit.toml [subject.model] threshold: found none for scores from 0")
    path.write_text(path.read_text().replace("count = true", ""), encoding="utf-8")
    assert problems(path) == [said]


def test_a_label_is_needed_to_count_by(tmp_path: Path) -> None:
    path = config(tmp_path, '[subject.model]\nscore = "score"\n')
    path.write_text(path.read_text().replace('label = "y"', ""), encoding="utf-8")
    assert problems(path) == [
        "auditkit.toml [subject] label: found none, expected a column of true outcomes."
    ]
