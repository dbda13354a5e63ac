"""A powercap folder whose counters move while the meter works to prove them."""

from __future__ import annotations

from pathlib import Path

import pytest
from metering import Tree

from auditkit.meter import rapl


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    made = Tree(tmp_path / "powercap")
    monkeypatch.setattr(rapl, "_work", made.move)
    return made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapl, "PATIENCE", 0.005)
