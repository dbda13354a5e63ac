"""A small bundle with a policy: one criterion that is measured, and one that is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Counting, subject

from auditkit.audit import run
from auditkit.bundle import write_bundle
from auditkit.policy import parse_policy
from auditkit.report import Report

POLICY = b"""
name = "starter"
[[criterion]]
id = "S1"
metric = "share"
at_least = 0.1
severity = "high"
source = "own policy"
[[criterion]]
id = "E1"
metric = "energy"
at_most = 3.0
severity = "low"
source = "own policy"
"""


@pytest.fixture(scope="session")
def report() -> Report:
    return run(subject(), parse_policy(POLICY), [Counting()])


@pytest.fixture
def bundle(report: Report, tmp_path: Path) -> Path:
    return write_bundle(report, tmp_path / "bundle", files={"policy.toml": POLICY})
