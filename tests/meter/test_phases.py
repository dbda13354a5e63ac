"""Phases: how they nest, what they read of the process, and misuse."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from metering import burn

from auditkit import meter
from auditkit.errors import InputError
from auditkit.meter import memory, phases, process


def test_an_inner_phase_is_part_of_the_outer_one_and_left_out_of_its_own_share() -> None:
    with meter.phase("outer") as outer:
        burn(0.02)
        with meter.phase("first") as first:
            burn(0.02)
        with meter.phase("second") as second:
            burn(0.02)
    inner = [first.cost, second.cost]
    own, shares = outer.cost, sum(cost.cpu_seconds for cost in inner)
    assert own.exclusive_cpu_seconds == pytest.approx(own.cpu_seconds - shares)
    assert own.exclusive_seconds == pytest.approx(own.seconds - sum(c.seconds for c in inner))
    assert own.exclusive_cpu_seconds >= 0.02
    assert own.cpu_seconds >= 0.06
    assert [cost.parent for cost in (own, *inner)] == [None, "outer", "outer"]
    assert own.energy.joules == pytest.approx(
        (own.exclusive_energy.joules or 0) + sum(cost.energy.joules or 0 for cost in inner)
    )


def test_cpu_time_of_children_that_ended_counts() -> None:
    code = "import time\nwhile time.process_time() < 0.15: pass"
    with meter.phase("children") as measured:
        subprocess.run([sys.executable, "-c", code], check=True)
    assert measured.cost.children_cpu_seconds >= 0.14
    assert measured.cost.cpu_seconds >= measured.cost.children_cpu_seconds


def test_cpu_time_of_all_threads_counts_but_waiting_does_not() -> None:
    with meter.phase("sleep") as slept:
        time.sleep(0.05)
    assert slept.cost.seconds >= 0.05
    assert slept.cost.cpu_seconds < 0.04
    with meter.phase("thread") as threaded:
        worker = threading.Thread(target=burn, args=(0.03,))
        worker.start()
        worker.join()
    assert threaded.cost.cpu_seconds >= 0.03


def test_the_peak_of_memory_is_that_of_the_phase() -> None:
    with meter.phase("outer") as outer:
        with meter.phase("big") as big:
            block = bytearray(60_000_000)
            block[::4096] = b"x" * len(block[::4096])
            del block
        with meter.phase("small") as small:
            pass
    peaks = [p.cost.peak_memory_bytes or 0 for p in (outer, big, small)]
    if big.cost.peak_memory_scope == "phase":
        assert peaks[1] > peaks[2] + 50_000_000
    assert peaks[0] >= peaks[1] > 60_000_000
    assert (meter.process_peak_bytes() or 0) >= peaks[1]
    assert (big.cost.minor_faults or 0) > 10_000


def test_where_the_mark_cannot_be_reset_it_is_said_to_be_that_of_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "_CLEAR_REFS", tmp_path / "missing" / "file")
    with meter.phase("x") as measured:
        pass
    assert measured.cost.peak_memory_scope == "process"
    assert (measured.cost.peak_memory_bytes or 0) >= 1_000_000


def test_it_works_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("_STATUS", "_CLEAR_REFS", "_STAT"):
        monkeypatch.setattr(process, name, tmp_path / "missing" / name)
    monkeypatch.setattr(process, "load_per_core", lambda: None)
    with meter.phase("x") as measured:
        burn(0.001)
    assert (measured.cost.peak_memory_bytes or 0) > 1_000_000
    assert measured.cost.threads is None
    assert measured.cost.contended is None


def test_what_the_system_does_not_say_is_unknown_and_not_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "resource", None)
    monkeypatch.setattr(process, "_STATUS", tmp_path / "missing")
    monkeypatch.setattr(memory, "MEMORY", memory.Memory())
    monkeypatch.setattr(phases, "MEMORY", memory.MEMORY)
    with meter.phase("x") as measured:
        burn(0.001)
    assert measured.cost.minor_faults is None
    assert measured.cost.peak_memory_bytes is None
    assert meter.process_peak_bytes() is None
    assert measured.cost.cpu_seconds > 0


def test_a_phase_that_breaks_keeps_what_was_measured() -> None:
    broken = meter.phase("broken")

    def break_inside() -> None:
        with broken:
            burn(0.005)
            raise KeyError("x")

    with pytest.raises(KeyError):
        break_inside()
    assert broken.cost.cpu_seconds >= 0.005
    with meter.phase("next") as following:
        pass
    assert following.cost.parent is None


def test_misuse_is_named() -> None:
    measured = meter.phase("train")
    with pytest.raises(RuntimeError, match="'train' has not ended"):
        _ = measured.cost
    with measured:
        pass
    with pytest.raises(RuntimeError, match="'train' was entered before"):
        measured.__enter__()
    with pytest.raises(RuntimeError, match="'train' is not open; it was closed before"):
        measured.__exit__(None, None, None)


def test_a_generator_may_end_its_phase_late() -> None:
    def stream() -> Generator[int]:
        with meter.phase("stream"):
            yield 1
            yield 2

    with meter.phase("outer") as outer:
        running = stream()
        next(running)
        with meter.phase("between") as between:
            pass
    running.close()
    with meter.phase("after") as after:
        pass
    assert between.cost.parent == "stream"
    assert outer.cost.parent is None
    assert after.cost.parent is None


def test_a_phase_of_another_thread_is_no_part_of_the_one_here() -> None:
    seen: list[meter.Cost] = []

    def work() -> None:
        with meter.phase("there") as measured:
            pass
        seen.append(measured.cost)

    with meter.phase("here"):
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    assert seen[0].parent is None


def test_a_cost_survives_json() -> None:
    with meter.phase("x") as measured:
        burn(0.001)
    text = json.dumps(measured.cost.to_dict(), allow_nan=False)
    assert meter.Cost.from_dict(json.loads(text)) == measured.cost
    assert meter.costs_of({"x": json.loads(text)}) == {"x": measured.cost}
    assert meter.costs_of(measured.cost) == {"x": measured.cost}
    assert meter.costs_of({"x": {"seconds": 1.0}}) == {}
    assert meter.costs_of({"x": 3}) == {}


@pytest.mark.parametrize(
    ("stolen", "load", "expected"),
    [(0, 0.5, False), (50, 0.5, True), (0, 3.0, True), (0, None, False)],
)
def test_contention_is_stolen_time_or_load(
    monkeypatch: pytest.MonkeyPatch, stolen: int, load: float | None, *, expected: bool
) -> None:
    monkeypatch.setattr(process, "load_per_core", lambda: load)
    before = process.Reading(0.0, 0.0, 0.0, 0, (10, 1000))
    after = process.Reading(1.0, 0.5, 0.0, 0, (10 + stolen, 2000))
    assert process.contended(before, after) is expected


def test_load_is_unknown_where_nobody_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> tuple[float, float, float]:
        raise OSError

    monkeypatch.setattr("os.getloadavg", fail)
    assert process.load_per_core() is None


def test_outermost_phases_are_those_whose_parent_is_not_there() -> None:
    with meter.phase("run"), meter.phase("train") as train, meter.phase("epoch") as epoch:
        pass
    costs = {"train": train.cost, "epoch": epoch.cost}
    assert meter.outermost(costs) == [train.cost]
    assert meter.costs_of(None) == {}


def test_a_phase_says_when_it_began_and_how_busy_the_machine_was() -> None:
    before = time.time()
    with meter.phase("x") as measured:
        burn(0.06)
    cost = measured.cost
    assert before <= (cost.started or 0.0) <= before + 1
    assert cost.steal is None or 0 <= cost.steal <= 1
    assert cost.load is None or cost.load >= 0


def test_steal_is_the_share_of_the_time_of_the_machine() -> None:
    before = process.Reading(0.0, 0.0, 0.0, 0, (10, 1000))
    assert process.steal(before, process.Reading(1.0, 1.0, 0.0, 0, (60, 1200))) == 0.25
    assert process.steal(before, before) is None
    assert process.steal(before, process.Reading(1.0, 1.0, 0.0, 0, None)) is None


def test_operations_that_nobody_counted_are_unknown_and_not_nothing() -> None:
    with meter.phase("x") as measured:
        measured.count(not_counted=("norm (LayerNorm)",))
    assert measured.cost.flops is None
    assert measured.cost.not_counted == ("norm (LayerNorm)",)


def test_counted_operations_add_up_and_those_of_an_inner_phase_are_its_own() -> None:
    with meter.phase("outer") as outer:
        outer.count(flops=10, not_counted=("a",))
        outer.count(flops=5, not_counted=("a", "b"))
        with meter.phase("inner") as inner:
            inner.count(flops=100)
    assert (outer.cost.flops, outer.cost.not_counted) == (15, ("a", "b"))
    assert inner.cost.flops == 100


def test_operations_are_counted_inside_the_block_and_from_0() -> None:
    with meter.phase("x") as measured, pytest.raises(ValueError, match="from 0; got -1"):
        measured.count(flops=-1)
    with pytest.raises(RuntimeError, match="'x' has ended; count inside its block"):
        measured.count(flops=1)


def test_a_cost_of_before_there_were_domains_is_still_read() -> None:
    with meter.phase("x") as measured:
        burn(0.001)
    old = measured.cost.to_dict()
    for name in ("started", "steal", "load", "flops", "not_counted"):
        del old[name]
    for energy in (old["energy"], old["exclusive_energy"]):
        del energy["domains"]
    read = meter.Cost.from_dict(old)
    assert read.energy.joules == measured.cost.energy.joules
    assert (read.energy.domains, read.started, read.flops, read.not_counted) == ((), None, None, ())
    assert meter.costs_of(old) == {"x": read}


def test_coefficients_hold_for_every_phase_of_a_block_and_only_there() -> None:
    with meter.sources(watts=meter.WattsPerCore(1.0, 10.0, 11.0, "mine")):
        with meter.phase("x") as inside:
            burn(0.001)
        with meter.sources(), meter.phase("y") as nested:
            burn(0.001)
    with meter.phase("z") as outside:
        burn(0.001)
    ratios = [p.cost.energy.joules / p.cost.cpu_seconds for p in (inside, nested, outside)]  # type: ignore[operator]
    assert ratios == pytest.approx([10.0, 4.08, 4.08])


def test_a_gap_that_is_no_time_is_refused() -> None:
    with pytest.raises(InputError, match="most_gap: found '0'"):
        meter.sources(most_gap=0)
