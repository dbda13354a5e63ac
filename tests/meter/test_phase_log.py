"""Phases kept in a file as they end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auditkit import meter
from auditkit.errors import InputError


def test_each_phase_is_there_as_soon_as_it_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "phases.jsonl"
    with meter.journal(file), meter.phase("outer"):
        with meter.phase("first") as first:
            pass
        assert meter.read_journal(file) == [first.cost]
    assert [cost.name for cost in meter.read_journal(file)] == ["first", "outer"]


def test_what_a_killed_process_measured_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "phases.jsonl"
    code = (
        "import os, signal\nfrom auditkit import meter\n"
        f"with meter.journal({str(file)!r}), meter.phase('train'):\n"
        "    for epoch in range(3):\n"
        "        with meter.phase(f'epoch {epoch}'): pass\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [cost.name for cost in meter.read_journal(file)] == ["epoch 0", "epoch 1", "epoch 2"]


def test_a_torn_last_line_is_left_out_and_does_not_spoil_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "phases.jsonl"
    with meter.journal(file), meter.phase("whole"):
        pass
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:70])
    assert [cost.name for cost in meter.read_journal(file)] == ["whole"]
    with meter.journal(file), meter.phase("next"):
        pass
    assert [cost.name for cost in meter.read_journal(file)] == ["whole", "next"]


def test_outside_a_journal_nothing_is_written(tmp_path: Path) -> None:
    with meter.journal(tmp_path / "phases.jsonl"):
        pass
    with meter.phase("x"):
        pass
    assert meter.read_journal(tmp_path / "phases.jsonl") == []


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a journal of phases"):
        meter.read_journal(tmp_path / "none")
    with pytest.raises(InputError, match="a file that can be written"), meter.journal(tmp_path):
        pass
    (tmp_path / "other.jsonl").write_text('{"name": "x"}\n3\n')
    with pytest.raises(InputError, match=r"(?s)line 1: found .*line 2: found '3'"):
        meter.read_journal(tmp_path / "other.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_warned_of_and_ends_nothing() -> None:
    warned = pytest.warns(RuntimeWarning, match="'x' is missing")
    with meter.journal("/dev/full"), warned, meter.phase("x") as measured:
        pass
    assert measured.cost.seconds > 0
