"""Hostile files: a part of what `make validity` feeds by the hundred thousand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_a_thousand_files_give_an_answer_or_a_refusal_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "hostile_input.py", "1000", "7"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Failures: **0**" in done.stdout, done.stdout + done.stderr[-2_000:]
    assert done.returncode == 0
