"""Counters of the processor, in a powercap folder that the tests write."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metering import WATTS, Tree, burn

from auditkit import meter
from auditkit.meter import counters, rapl


def test_a_counter_that_moves_is_read(tree: Tree) -> None:
    tree.add("intel-rapl:0:0", "core")
    tree.add("intel-rapl:0:1", "dram")
    tree.add("intel-rapl:1", "psys")
    with meter.phase("x", powercap=tree.root) as measured:
        tree.move(2_000_000)
    got = measured.cost.energy
    assert got.joules == pytest.approx(4.0)  # package and memory; core is inside, psys around
    assert got.basis == "measured"
    assert [(part.domain, part.source) for part in got.domains] == [
        ("package-0", "RAPL"),
        ("dram of intel-rapl:0", "RAPL"),
    ]
    assert [part.joules for part in got.domains] == pytest.approx([2.0, 2.0])
    assert "package-0, dram of intel-rapl:0" in got.method
    assert "other processes included" in got.method


def test_a_wrap_is_undone(tree: Tree) -> None:
    tree.span = 1000
    tree.add("intel-rapl:1", "package-1", 990)
    found = rapl.rapl(tree.root)
    assert isinstance(found, counters.Counters)
    before = found.read()
    tree.write("intel-rapl:1", (tree.count("intel-rapl:1") + 700) % 1000)
    middle = found.read()
    tree.write("intel-rapl:1", (tree.count("intel-rapl:1") + 700) % 1000)
    after = found.read()
    assert middle["package-1"] - before["package-1"] == pytest.approx(700e-6)
    assert after["package-1"] - before["package-1"] == pytest.approx(1400e-6)
    assert after["package-0"] == before["package-0"]


@settings(deadline=None)
@given(st.lists(st.integers(0, 999), min_size=1, max_size=30))
def test_any_steps_below_the_span_add_up(steps: list[int]) -> None:
    now = [0]
    found = counters.Counters(
        [counters.Counter("p", lambda: now[0], 1.0, span=1000)],
        kind="test", patience=1.0, work=lambda: now.append((now.pop() + 1) % 1000),
    )  # fmt: skip
    start = found.read()["p"]
    for step in steps:
        now[0] = (now[0] + step) % 1000
        found.read()
    assert found.read()["p"] - start == sum(steps)


@pytest.mark.usefixtures("impatient")
def test_a_counter_that_is_stuck_is_refused(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapl, "_work", lambda: None)
    with meter.phase("x", powercap=tree.root, watts=WATTS) as measured:
        burn(0.001)
    got = measured.cost.energy
    assert got.basis == "estimated"
    assert got.joules == pytest.approx(4 * measured.cost.cpu_seconds)
    assert "package-0 does not move" in got.method


def test_no_permission_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = Path.read_text

    def read_text(self: Path, *args: str) -> str:
        if self.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return allowed(self, *args)

    monkeypatch.setattr(Path, "read_text", read_text)
    with meter.phase("x", powercap=tree.root) as measured:
        burn(0.001)
    assert measured.cost.energy.basis == "estimated"
    assert "no permission to read the powercap counters" in measured.cost.energy.method


def test_no_counter_no_number_and_no_file_are_named(tmp_path: Path) -> None:
    assert rapl.rapl(tmp_path) == "no powercap counters on this machine"
    broken = Tree(tmp_path / "broken")
    (broken.root / "intel-rapl:0" / "energy_uj").write_text("-5\n")
    assert rapl.rapl(broken.root) == "a powercap counter holds no number"
    lost = Tree(tmp_path / "lost")
    (lost.root / "intel-rapl:0" / "energy_uj").unlink()
    assert rapl.rapl(lost.root) == "the powercap counters cannot be read"


def test_a_counter_that_fails_in_the_middle_leaves_an_estimate(tree: Tree) -> None:
    with meter.phase("x", powercap=tree.root) as measured:
        burn(0.001)
        (tree.root / "intel-rapl:0" / "energy_uj").unlink()
    assert measured.cost.energy.basis == "estimated"
    assert "cannot be read" in measured.cost.energy.method
    with meter.phase("y", powercap=tree.root) as following:
        burn(0.001)
    assert following.cost.energy.basis == "estimated"


def test_a_counter_that_was_set_back_leaves_an_estimate(tree: Tree) -> None:
    tree.move(2_000_000)
    with meter.phase("x", powercap=tree.root) as measured:
        tree.move(3_000_000)
        found = rapl.rapl(tree.root)
        assert isinstance(found, counters.Counters)
        found._counters = (replace(found._counters[0], span=10),)
        tree.write("intel-rapl:0", 0)
        burn(0.001)
    assert measured.cost.energy.basis == "estimated"
    assert "set back" in measured.cost.energy.method


def test_a_phase_in_which_the_counter_stands_still_is_estimated(tree: Tree) -> None:
    with meter.phase("x", powercap=tree.root) as measured:
        burn(0.001)
    assert measured.cost.energy.basis == "estimated"
    assert "did not move during the phase" in measured.cost.energy.method


def test_the_share_of_a_phase_leaves_out_what_was_measured_inside(tree: Tree) -> None:
    with meter.phase("outer", powercap=tree.root) as outer:
        tree.move(1_000_000)
        with meter.phase("inner", powercap=tree.root) as inner:
            tree.move(3_000_000)
    assert inner.cost.energy.joules == pytest.approx(3.0)
    assert outer.cost.energy.joules == pytest.approx(4.0)
    assert outer.cost.exclusive_energy.joules == pytest.approx(1.0)
    assert outer.cost.exclusive_energy.basis == "measured"


def test_a_share_around_an_estimate_is_estimated(tree: Tree) -> None:
    with meter.phase("outer", powercap=tree.root) as outer:
        tree.move(1_000_000)
        burn(0.001)
        with meter.phase("inner", powercap=Path("nowhere")):
            burn(0.001)
    assert outer.cost.energy.basis == "measured"
    assert outer.cost.exclusive_energy.basis == "estimated"


def test_counters_are_read_while_a_phase_lasts_so_that_no_wrap_is_lost(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "POLL", 0.002)
    tree.span = 1_000_000
    for folder in tree.root.glob("intel-rapl:*"):
        (folder / "max_energy_range_uj").write_text("1000000\n")
    found = rapl.rapl(tree.root)
    assert isinstance(found, counters.Counters)
    start = found.read()["package-0"]
    with meter.phase("x", powercap=tree.root) as measured:
        for wanted in range(1, 6):
            count = (tree.count() + 700_000) % 1_000_000
            swapped = tree.root / "new"
            swapped.write_text(f"{count}\n")
            swapped.replace(tree.root / "intel-rapl:0" / "energy_uj")
            end = time.monotonic() + 2
            while found._sums["package-0"] - start < wanted * 0.7 - 1e-6:
                assert time.monotonic() < end, "nobody read the counter"
                time.sleep(0.001)
    assert measured.cost.energy.joules == pytest.approx(3.5)


def test_a_reader_that_meets_a_broken_counter_ends_quietly(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "POLL", 0.001)
    found = rapl.rapl(tree.root)
    assert isinstance(found, counters.Counters)
    (tree.root / "intel-rapl:0" / "energy_uj").unlink()
    found.watch()
    for reader in [t for t in threading.enumerate() if "_poll" in t.name]:
        reader.join(timeout=2)
        assert not reader.is_alive()
    found.unwatch()


def test_the_range_of_a_reading_is_a_step_of_the_counter_seen_or_reckoned() -> None:
    now = [0]
    found = counters.Counters(
        [counters.Counter("p", lambda: now[0], 0.5)],
        kind="test", patience=1.0, work=lambda: now.append(now.pop() + 7),
    )  # fmt: skip
    assert found.grains["p"].joules == 3.5
    found.grains["p"] = counters.Grain(joules=3.5, seconds=0.1)
    assert found.resolution({"p": 20.0}, seconds=1.0) == {"p": 3.5}  # 20 W times 0.1 s are 2 J
    assert found.resolution({"p": 50.0}, seconds=1.0) == {"p": pytest.approx(5.0)}


def test_a_measured_figure_lies_within_one_step_of_the_truth(tree: Tree) -> None:
    tree.step = 50_000
    found = rapl.rapl(tree.root)
    assert isinstance(found, counters.Counters)
    found.grains["package-0"] = counters.Grain(joules=0.05, seconds=1e-9)
    with meter.phase("x", powercap=tree.root) as measured:
        for _ in range(20):
            tree.move()
    got = measured.cost.energy
    assert (got.low, got.joules, got.high) == pytest.approx((0.95, 1.0, 1.05))
    assert got.range_method.startswith("resolution of the meter")
