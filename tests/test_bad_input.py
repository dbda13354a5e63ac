"""What bad input gets: an error in plain words or a recorded "not measured", never a number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support import scored

import auditkit
from auditkit.cli import cli, status_of
from auditkit.data import read
from auditkit.errors import InputError, ModelError
from auditkit.subject import Subject

CONFIG = """
[subject]
name = "loans"
data = "loans.csv"
label = "y"
sensitive = ["sex", "race"]
[subject.model]
score = "score"
"""
WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "csv": lambda rows, file: rows.to_csv(file, index=False, quoting=1),
    "parquet": lambda rows, file: rows.to_parquet(file),
    "arrow": lambda rows, file: rows.to_feather(file),
    "feather": lambda rows, file: rows.to_feather(file, compression="uncompressed"),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_table_cut_anywhere_or_with_noise_in_it_is_refused_or_read_as_a_table(
    tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"t.{kind}"
    WRITERS[kind](scored(300), file)
    whole, rng = file.read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(whole), 60):
        noise = rng.bytes(40)
        for broken in (whole[:place], whole[:place] + noise + whole[place + 40 :]):
            file.write_bytes(broken)
            try:
                read(file)
            except InputError as error:
                refused += 1
                assert str(tmp_path) not in str(error)  # noqa: PT017 - not every cut is refused
    assert refused >= 40


def test_a_csv_file_that_ends_in_the_middle_of_a_row_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    scored(300).to_csv(file, index=False)
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:-1]) + lines[-1].rpartition(",")[0], encoding="utf-8")
    with pytest.raises(InputError, match=r"Expected 4 columns, got 3\)"):
        read(file)


def test_an_arrow_file_that_unpacks_to_more_than_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Memory:
        available = 60_000

    monkeypatch.setattr("psutil.virtual_memory", Memory)
    table = pa.table({"t": pa.array(["x" * 5000] * 4000)})
    with pa.ipc.new_file(
        tmp_path / "bomb.arrow", table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as writer:
        writer.write_table(table, max_chunksize=100)
    assert (tmp_path / "bomb.arrow").stat().st_size < 60_000
    with pytest.raises(InputError, match="expected a table that fits into memory"):
        read("bomb.arrow", folder=tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        *(CONFIG[:place].encode() for place in range(1, len(CONFIG) - 20, 7)),
        CONFIG.encode("utf-16"),
        CONFIG.replace("loans", "größe").encode("latin-1"),
        b"\x00" * 99,
        b"a = " + b"[" * 5000,
        b"a = 1" + b"0" * 5000,
        b"PK\x03\x04" + bytes(99),
    ],
    ids=lambda text: str(len(text)),
)
def test_a_configuration_or_policy_that_is_cut_or_no_toml_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    scored().to_csv(tmp_path / "loans.csv", index=False)
    config = tmp_path / "auditkit.toml"
    config.write_bytes(text)
    run = ["run", str(config), "--out", str(tmp_path / "out")]
    assert status_of(lambda: cli(run, standalone_mode=False)) == 2
    config.write_text(CONFIG, encoding="utf-8")
    (tmp_path / "policy.toml").write_bytes(text)
    assert status_of(lambda: cli(run, standalone_mode=False)) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Failing:
    """A model that scores the assessed rows, and fails when it is asked again."""

    kind, parameters, sha256 = "failing", None, None

    def __init__(self, error: Exception | None = None, answer: Any = None) -> None:
        self._error, self._answer, self._asked = error, answer, 0

    def scores(self, rows: pd.DataFrame) -> Any:
        self._asked += 1
        if self._asked == 1:
            return rows["score"].to_numpy(dtype=np.float64)
        if self._error is not None:
            raise self._error
        return self._answer


@pytest.mark.parametrize(
    "model",
    [
        Failing(ModelError("the endpoint gave no answer")),
        Failing(ZeroDivisionError("in the model")),
        Failing(answer=np.full(3, 0.5)),
        Failing(answer="garbage"),
    ],
    ids=["endpoint", "crash", "shape", "garbage"],
)
def test_what_was_measured_before_a_model_failed_is_kept_and_saved(
    tmp_path: Path, model: Failing
) -> None:
    rows = scored()
    subject = Subject.from_model(
        model, rows, label="y", features=["score"], sensitive=["sex"], train=scored(seed=1)
    )
    report = auditkit.run(subject, audits=["performance", "fairness", "privacy"])
    status = {audit.name: audit.status for audit in report.audits}
    assert status == {"performance": "completed", "fairness": "completed", "privacy": "error"}
    assert next(audit.reason for audit in report.audits if audit.name == "privacy")
    found = {m.metric: m.value for m in report.measurements if not m.slice}
    assert found["roc_auc"] is not None
    assert found.get("membership_auc") is None
    assert report.verdict != "pass"
    report.save(tmp_path / "kept")
    saved = json.loads((tmp_path / "kept" / "audit.json").read_text("utf-8"))
    assert len(saved["measurements"]) == len(report.measurements)


@pytest.mark.parametrize(
    "answer",
    [np.nan, -np.inf, [0.2, 0.8], "garbage", None],
    ids=["nan", "infinite", "shape", "text", "nothing"],
)
def test_answers_that_are_none_give_no_number_in_any_audit(answer: Any) -> None:
    class Model:
        kind, parameters, sha256 = "bad", None, None

        def scores(self, rows: pd.DataFrame) -> Any:
            return answer if answer is None or isinstance(answer, str) else [answer] * len(rows)

    subject = Subject.from_model(
        Model(), scored(), label="y", features=["score"], sensitive=["sex", "race"]
    )
    report = auditkit.run(subject, audits=["performance", "fairness"])
    assert all(audit.status == "error" for audit in report.audits)
    counts = {m.metric for m in report.measurements if m.value is not None}
    assert counts <= {"group_count", "group_size", "unknown_share"}


@pytest.mark.parametrize(
    "value",
    ["1979-05-27", "1.5", '["y"]', "true", "{ a = 1 }", '"' + "y" * 5_000 + '"', '"a\\u0000b"'],
)
@pytest.mark.parametrize("key", ['score = "score"', 'data = "loans.csv"', 'label = "y"'])
def test_a_value_of_another_kind_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: str
) -> None:
    scored().to_csv(tmp_path / "loans.csv", index=False)
    config = tmp_path / "auditkit.toml"
    config.write_text(CONFIG.replace(key, f"{key.partition(' = ')[0]} = {value}"), "utf-8")
    run = ["run", str(config), "--out", str(tmp_path / "out")]
    assert status_of(lambda: cli(run, standalone_mode=False)) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "expected" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["gate", "report", "history", "init", "verify", "run"])
def test_a_name_that_no_system_takes_ends_with_status_2(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert status_of(lambda: cli([command, "y" * 5_000], standalone_mode=False)) == 2
    said = capsys.readouterr().err
    assert "File name too long" in said
    assert "Traceback" not in said
