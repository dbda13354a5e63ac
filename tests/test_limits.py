"""An audit that hangs, eats memory or breaks is recorded; the others run on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from support import SHARE, Counting, subject

from auditkit.audit import run
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Metric, Table
from auditkit.limits import Limits
from auditkit.subject import Subject


@dataclass(frozen=True)
class Hanging:
    """Never ends, and catches what would end it."""

    name: ClassVar[str] = "hanging"
    needs: ClassVar[frozenset[str]] = frozenset()
    metrics: ClassVar[tuple[Metric, ...]] = (SHARE,)
    stubborn: int = 0

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Measure once, then wait for ever."""
        assert rng is not None
        yield SHARE.measure(0.5, n=len(subject), source="nothing", exact=True, reason="made up")
        caught = 0
        while True:
            try:
                time.sleep(60)
            except TimeoutError:
                caught += 1
                if caught > self.stubborn:
                    raise


@dataclass(frozen=True)
class Hungry:
    """Asks for more memory than there is."""

    name: ClassVar[str] = "hungry"
    needs: ClassVar[frozenset[str]] = frozenset()
    metrics: ClassVar[tuple[Metric, ...]] = ()

    def run(self, subject: Subject, rng: np.random.Generator) -> Iterator[Measurement | Table]:
        """Fill ten gigabytes, one after the other."""
        assert len(subject)
        assert rng is not None
        held = [np.ones(125_000_000) for _ in range(10)]
        yield Table("t", "T", ("a",), ((len(held),),), source="nothing")


@pytest.mark.parametrize("stubborn", [0, 3])
def test_an_audit_that_hangs_is_interrupted_and_keeps_what_it_had(stubborn: int) -> None:
    limits = Limits(seconds=0.2, grace=20)
    report = run(subject(), audits=[Hanging(stubborn), Counting()], limits=limits)
    assert [audit.status for audit in report.audits] == ["error", "completed"]
    assert "longer than the 0.2 s that an audit may take" in str(report.audits[0].reason)
    assert [m.audit for m in report.measurements] == ["hanging", "counting"]


def test_an_audit_that_eats_memory_is_stopped_and_the_next_one_has_it_again() -> None:
    limits = Limits(memory=1_500_000_000)
    report = run(subject(), audits=[Hungry(), Counting()], limits=limits)
    assert [audit.status for audit in report.audits] == ["error", "completed"]
    assert "Memory" in str(report.audits[0].reason)
    np.ones(250_000_000)  # two gigabytes: the limit is gone


def test_within_its_limits_an_audit_runs_as_ever() -> None:
    limits = Limits(seconds=60, memory=10**10)
    report = run(subject(), audits=[Counting()], limits=limits)
    assert report.measurements == run(subject(), audits=[Counting()]).measurements


@pytest.mark.parametrize("limits", [{"seconds": 0}, {"seconds": -1.0}, {"memory": 0}])
def test_limits_of_nothing_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(InputError, match="expected a number above 0"):
        Limits(**limits)


def test_another_thread_is_told_that_it_cannot_be_interrupted() -> None:
    found = []

    def inside() -> None:
        report = run(subject(), audits=[Counting()], limits=Limits(seconds=1))
        found.append(report.audits[0].reason)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert "expected the main thread" in str(found[0])


ENDLESS = """
import sys, threading
from pathlib import Path
sys.path.insert(0, "tests")
from test_limits import Hanging
from support import Counting, subject
from auditkit.audit import run
from auditkit.limits import Limits
from auditkit.unfinished import Unfinished
kept = Unfinished.of(Path(sys.argv[1]), subject(), b"", resume=True, say=print)
audits = [Counting(), Hanging(stubborn=10**9)]
report = run(subject(), audits=audits, limits=Limits(0.2, grace=0.5), unfinished=kept)
print([(audit.status, audit.resumed) for audit in report.audits])
"""


def test_what_cannot_be_interrupted_ends_the_process_and_resuming_goes_on_after_it(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    root = Path(__file__).parents[1]
    first = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert first.returncode == 4
    assert "--resume goes on after it" in first.stderr
    again = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert again.stdout == "[('completed', True), ('error', True)]\n"
