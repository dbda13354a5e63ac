"""A run that is stopped goes on from the audits that it had finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Counting, auditkit, scored, subject

from auditkit.audit import run
from auditkit.errors import InputError
from auditkit.report import Report
from auditkit.unfinished import Unfinished

CONFIG = """
[subject]
name = "people"
data = "people.csv"
label = "y"
positive = 1
sensitive = ["sex", "race"]
[subject.model]
score = "score"
threshold = 0.4
"""
AUDITS = "performance,fairness,subgroups,scores-by-group,data-quality,personal-data"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    scored(600).to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "auditkit.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path / "auditkit.toml"


def numbers(folder: Path) -> tuple[Any, ...]:
    """All that two runs of the same have in common, from the only bundle below a folder."""
    (file,) = folder.glob("*/*/audit.json")
    plain = json.loads(file.read_text(encoding="utf-8"))
    return tuple(plain[key] for key in ("verdict", "measurements", "tables", "findings"))


def left(folder: Path) -> list[Path]:
    """Hidden files and folders: what is not finished."""
    return [path for path in folder.rglob(".*") if path.exists()]


def kept(tmp_path: Path, said: list[str], *, resume: bool) -> Unfinished:
    return Unfinished.of(tmp_path, subject(), b"config", resume=resume, say=said.append)


def test_a_finished_audit_is_taken_over_and_said_to_be(tmp_path: Path) -> None:
    said: list[str] = []
    first = run(subject(), audits=[Counting()], unfinished=kept(tmp_path, said, resume=False))
    again = run(subject(), audits=[Counting()], unfinished=kept(tmp_path, said, resume=True))
    assert again.measurements == first.measurements
    assert again.tables == first.tables
    assert again.audits == [first.audits[0].model_copy(update={"resumed": True})]
    assert said == []


def test_other_settings_another_seed_and_another_subject_take_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    run(subject(), audits=[Counting()], unfinished=kept(tmp_path, said, resume=False))
    same = kept(tmp_path, said, resume=True)
    assert not run(subject(), audits=[Counting()], seed=1, unfinished=same).audits[0].resumed
    other = Unfinished.of(tmp_path, subject(seed=1), b"config", resume=True, say=said.append)
    assert not run(subject(seed=1), audits=[Counting()], unfinished=other).audits[0].resumed
    assert other.folder != same.folder
    assert kept(tmp_path, said, resume=True).folder == same.folder


def test_other_newer_rows_take_nothing(tmp_path: Path) -> None:
    folders = set()
    for newer in (None, subject(seed=1).rows, subject(seed=2).rows):
        held = replace(subject(), newer=newer)
        folders.add(Unfinished.of(tmp_path, held, b"config", resume=True, say=print).folder)
    assert len(folders) == 3


def test_without_being_asked_nothing_is_taken(tmp_path: Path) -> None:
    for _ in range(2):
        unfinished = kept(tmp_path, [], resume=False)
        assert not run(subject(), audits=[Counting()], unfinished=unfinished).audits[0].resumed


def test_what_broke_runs_again(tmp_path: Path) -> None:
    unfinished = kept(tmp_path, [], resume=False)
    run(subject(), audits=[Counting(breaks=True)], unfinished=unfinished)
    assert not list(unfinished.folder.glob("counting*"))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"record": {}}', b"\xff\xfe", b'{"a":' * 9_999, b"null"]
)
def test_a_damaged_file_is_told_and_not_taken(tmp_path: Path, content: bytes) -> None:
    said: list[str] = []
    first = run(subject(), audits=[Counting()], unfinished=kept(tmp_path, said, resume=False))
    unfinished = kept(tmp_path, said, resume=True)
    (file,) = unfinished.folder.glob("counting*")
    file.write_bytes(content)
    again = run(subject(), audits=[Counting()], unfinished=unfinished)
    assert again.measurements == first.measurements
    assert not again.audits[0].resumed
    assert said == [f"{file.name} is damaged; the audit counting runs again"]


def test_what_another_audit_gave_is_not_taken(tmp_path: Path) -> None:
    said: list[str] = []
    run(subject(), audits=[Counting()], unfinished=kept(tmp_path, said, resume=False))
    unfinished = kept(tmp_path, said, resume=True)
    (file,) = unfinished.folder.glob("counting*")
    file.write_text(file.read_text().replace('"name":"counting"', '"name":"other"'))
    assert not run(subject(), audits=[Counting()], unfinished=unfinished).audits[0].resumed


def test_what_cannot_be_kept_does_not_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    unfinished = kept(tmp_path, said, resume=False)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("auditkit.unfinished.write_file", full)
    report = run(subject(), audits=[Counting()], unfinished=unfinished)
    assert report.audits[0].status == "completed"
    assert "No space left on device" in said[0]


def test_a_folder_that_cannot_be_written_is_told_before_the_audits(tmp_path: Path) -> None:
    (tmp_path / "people").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="expected a folder that can be written"):
        Unfinished.of(tmp_path / "people", subject(), b"", resume=False, say=print)


def test_a_bundle_that_could_not_be_written_is_written_by_resuming(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    command = ("run", config, "--out", out, "--audits", AUDITS)

    def full(*_: object, **__: object) -> None:
        raise InputError([])

    with monkeypatch.context() as patched:
        patched.setattr("auditkit.bundle.write_whole", full)
        assert auditkit(*command) == 2
    assert list(out.glob("*/.unfinished-*/performance*"))
    assert auditkit(*command, "--resume") in (0, 3)
    (file,) = out.glob("*/*/audit.json")
    assert all(audit.resumed for audit in Report.load(file).audits)
    assert left(out) == []


def test_two_runs_at_once_in_one_folder_both_end_whole(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [
        *(sys.executable, "-m", "auditkit", "run", str(config)),
        *("--audits", AUDITS, "--out", str(out)),
    ]
    runs = [subprocess.Popen(command, stdout=-3, stderr=-3) for _ in range(2)]
    assert {process.wait() for process in runs} <= {0, 3}
    found = [Report.load(file) for file in out.glob("*/*/audit.json")]
    assert len(found) == 2
    assert found[0].measurements == found[1].measurements
    assert left(out) == []


@pytest.mark.slow
def test_killed_at_fifty_random_moments_and_resumed_it_equals_an_undisturbed_run(
    config: Path, tmp_path: Path
) -> None:
    command = [
        *(sys.executable, "-m", "auditkit", "run", str(config)),
        *("--audits", AUDITS, "--out"),
    ]
    start = time.monotonic()
    subprocess.run([*command, str(tmp_path / "whole")], capture_output=True, check=False)
    took = time.monotonic() - start
    expected = numbers(tmp_path / "whole")
    rng = np.random.default_rng(0)
    killed, taken = 0, 0
    for draw in range(50):
        out = tmp_path / str(draw)
        process = subprocess.Popen(
            [*command, str(out)], stdout=-3, stderr=-3, start_new_session=True, env=os.environ
        )
        time.sleep(rng.uniform(0.2, 1.1) * took)
        killed += process.poll() is None
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()
        for file in out.glob("*/[!.]*/*"):
            Report.load(file.parent)  # a bundle is whole or absent
        if not list(out.glob("*/*/audit.json")):
            done = subprocess.run(
                [*command, str(out), "--resume"], capture_output=True, check=False
            )
            assert done.returncode in (0, 3)
        assert numbers(out) == expected
        (file,) = out.glob("*/*/audit.json")
        taken += any(audit.resumed for audit in Report.load(file).audits)
    assert killed >= 30
    assert taken >= 5
