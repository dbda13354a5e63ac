"""The meter: phases, readings of the process, energy counters, the model behind an estimate."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit import meter
from auditkit.meter import energy, phases, process, rapl, timing

WATTS = meter.WattsPerCore(2.0, 4.0, 8.0, "a test")


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


class Tree:
    """A powercap folder in which every moment of work adds energy; unit: µJ."""

    def __init__(self, root: Path, *, span: int = 1_000_000_000) -> None:
        self.root = root
        self.span = span
        self.step = 500
        self.add("intel-rapl:0", "package-0")

    def add(self, folder: str, name: str, count: int = 0) -> None:
        (self.root / folder).mkdir(parents=True)
        (self.root / folder / "name").write_text(f"{name}\n")
        (self.root / folder / "max_energy_range_uj").write_text(f"{self.span}\n")
        self.write(folder, count)

    def write(self, folder: str, count: int) -> None:
        (self.root / folder / "energy_uj").write_text(f"{count}\n")

    def count(self, folder: str = "intel-rapl:0") -> int:
        return int((self.root / folder / "energy_uj").read_text())

    def move(self, step: int | None = None) -> None:
        for folder in self.root.glob("intel-rapl:*"):
            count = self.count(folder.name) + (self.step if step is None else step)
            self.write(folder.name, count % self.span)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    made = Tree(tmp_path / "powercap")
    monkeypatch.setattr(rapl, "_work", made.move)
    return made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapl, "PATIENCE", 0.005)


class TestPhases:
    def test_an_inner_phase_is_part_of_the_outer_one_and_left_out_of_its_own_share(self) -> None:
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

    def test_cpu_time_of_children_that_ended_counts(self) -> None:
        code = "import time\nwhile time.process_time() < 0.15: pass"
        with meter.phase("children") as measured:
            subprocess.run([sys.executable, "-c", code], check=True)
        assert measured.cost.children_cpu_seconds >= 0.14
        assert measured.cost.cpu_seconds >= measured.cost.children_cpu_seconds

    def test_cpu_time_of_all_threads_counts_but_waiting_does_not(self) -> None:
        with meter.phase("sleep") as slept:
            time.sleep(0.05)
        assert slept.cost.seconds >= 0.05
        assert slept.cost.cpu_seconds < 0.04
        with meter.phase("thread") as threaded:
            worker = threading.Thread(target=burn, args=(0.03,))
            worker.start()
            worker.join()
        assert threaded.cost.cpu_seconds >= 0.03

    def test_the_peak_of_memory_is_that_of_the_phase(self) -> None:
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
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(process, "_CLEAR_REFS", tmp_path / "missing" / "file")
        with meter.phase("x") as measured:
            pass
        assert measured.cost.peak_memory_scope == "process"
        assert (measured.cost.peak_memory_bytes or 0) >= 1_000_000

    def test_it_works_where_there_is_no_proc(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("_STATUS", "_CLEAR_REFS", "_STAT"):
            monkeypatch.setattr(process, name, tmp_path / "missing" / name)
        monkeypatch.setattr(process, "load_per_core", lambda: None)
        with meter.phase("x") as measured:
            burn(0.001)
        assert (measured.cost.peak_memory_bytes or 0) > 1_000_000
        assert measured.cost.threads is None
        assert measured.cost.contended is None

    def test_what_the_system_does_not_say_is_unknown_and_not_nothing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(process, "resource", None)
        monkeypatch.setattr(process, "_STATUS", tmp_path / "missing")
        monkeypatch.setattr(phases, "_memory", phases._Memory())
        with meter.phase("x") as measured:
            burn(0.001)
        assert measured.cost.minor_faults is None
        assert measured.cost.peak_memory_bytes is None
        assert meter.process_peak_bytes() is None
        assert measured.cost.cpu_seconds > 0

    def test_a_phase_that_breaks_keeps_what_was_measured(self) -> None:
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

    def test_misuse_is_named(self) -> None:
        measured = meter.phase("train")
        with pytest.raises(RuntimeError, match="'train' has not ended"):
            _ = measured.cost
        with measured:
            pass
        with pytest.raises(RuntimeError, match="'train' was entered before"):
            measured.__enter__()
        with pytest.raises(RuntimeError, match="'train' is not open; it was closed before"):
            measured.__exit__(None, None, None)

    def test_a_generator_may_end_its_phase_late(self) -> None:
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

    def test_a_phase_of_another_thread_is_no_part_of_the_one_here(self) -> None:
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

    def test_a_cost_survives_json(self) -> None:
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
        self, monkeypatch: pytest.MonkeyPatch, stolen: int, load: float | None, *, expected: bool
    ) -> None:
        monkeypatch.setattr(process, "load_per_core", lambda: load)
        before = process.Reading(0.0, 0.0, 0.0, 0, (10, 1000))
        after = process.Reading(1.0, 0.5, 0.0, 0, (10 + stolen, 2000))
        assert process.contended(before, after) is expected

    def test_load_is_unknown_where_nobody_counts_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> tuple[float, float, float]:
            raise OSError

        monkeypatch.setattr("os.getloadavg", fail)
        assert process.load_per_core() is None


class TestHouse:
    def test_no_socket_is_opened(self, monkeypatch: pytest.MonkeyPatch, tree: Tree) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("the meter opened a socket")

        monkeypatch.setattr(socket, "socket", refuse)
        monkeypatch.setattr(socket, "create_connection", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        with meter.phase("estimated", powercap=Path("nowhere")), meter.phase("x"):
            burn(0.001)
        with meter.phase("measured", powercap=tree.root):
            tree.move()

    def test_it_imports_fast_and_loads_no_data_library_nor_sockets(self) -> None:
        code = (
            "import sys, time\n"
            "import contextvars, dataclasses, functools, pathlib, resource, threading, typing\n"
            "import auditkit\n"
            "start = time.process_time()\n"
            "from auditkit import meter\n"
            "took = time.process_time() - start\n"
            "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'socket', 'psutil'} & set(sys.modules)\n"
            "print(took, *heavy)"
        )
        runs = [
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            for _ in range(3)
        ]
        loaded = runs[0].stdout.split()
        assert loaded[1:] == []
        assert min(float(run.stdout.split()[0]) for run in runs) < 0.05

    def test_a_phase_costs_little(self) -> None:
        times = []
        for _ in range(50):
            start = time.perf_counter()
            with meter.phase("x"):
                pass
            times.append(time.perf_counter() - start)
        assert sorted(times)[25] < 0.005


class TestEstimate:
    def test_it_is_cpu_time_times_the_power_of_a_busy_core(self) -> None:
        with meter.phase("x", watts=WATTS, powercap=Path("nowhere")) as measured:
            burn(0.01)
        cost = measured.cost
        assert cost.energy.basis == "estimated"
        assert cost.energy.joules == pytest.approx(cost.cpu_seconds * 4.0)
        assert cost.energy.low == pytest.approx(cost.cpu_seconds * 2.0)
        assert cost.energy.high == pytest.approx(cost.cpu_seconds * 8.0)

    def test_its_method_prints_the_coefficients_their_source_and_why_no_counter(self) -> None:
        method = energy.model(1.0, WATTS, because="no permission").method
        for word in ("4 W", "2 to 8 W", "a test", "no permission", "processor only"):
            assert word in method

    def test_no_cpu_time_is_unknown_and_not_nothing(self) -> None:
        assert energy.model(0.0, WATTS, because="x").joules is None
        assert energy.model(0.0, WATTS, because="x").basis is None

    @pytest.mark.parametrize("values", [(0, 1, 2), (3, 2, 4), (1, 2, 1.5), (1, 2, float("inf"))])
    def test_coefficients_are_positive_and_in_order(self, values: tuple[float, ...]) -> None:
        with pytest.raises(ValueError, match="0 < low <= central <= high"):
            meter.WattsPerCore(values[0], values[1], values[2], "x")

    @settings(deadline=None)
    @given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8))
    def test_a_sum_of_estimates_is_the_estimate_of_the_sum(self, seconds: list[float]) -> None:
        added = meter.total(energy.model(s, WATTS, because="x") for s in seconds)
        whole = energy.model(sum(seconds), WATTS, because="x")
        assert added.joules == pytest.approx(whole.joules)
        assert added.low == pytest.approx(whole.low)
        assert added.high == pytest.approx(whole.high)
        assert (added.basis, added.method) == (whole.basis, whole.method)

    def test_a_sum_is_unknown_where_a_term_is(self) -> None:
        known = meter.Energy(1.0, None, None, "measured", "RAPL")
        unknown = meter.Energy(None, None, None, None, "nobody knows")
        assert meter.total([known, unknown]).joules is None
        assert meter.total([]).joules is None
        assert meter.total([known, known]) == meter.Energy(2.0, None, None, "measured", "RAPL")
        assert unknown.times(3.0) == unknown


class TestCounters:
    def test_a_counter_that_moves_is_read(self, tree: Tree) -> None:
        tree.add("intel-rapl:0:0", "core")
        tree.add("intel-rapl:0:1", "dram")
        tree.add("intel-rapl:1", "psys")
        with meter.phase("x", powercap=tree.root) as measured:
            tree.move(2_000_000)
        got = measured.cost.energy
        assert got.joules == pytest.approx(4.0)  # package and memory; core is inside, psys around
        assert (got.basis, got.low, got.high) == ("measured", None, None)
        assert "package-0, dram of intel-rapl:0" in got.method
        assert "other processes included" in got.method

    def test_a_wrap_is_undone(self, tree: Tree) -> None:
        tree.span = 1000
        tree.add("intel-rapl:1", "package-1", 990)
        counters = rapl.rapl(tree.root)
        assert isinstance(counters, rapl.Rapl)
        before = counters.read()
        tree.write("intel-rapl:1", (tree.count("intel-rapl:1") + 700) % 1000)
        middle = counters.read()
        tree.write("intel-rapl:1", (tree.count("intel-rapl:1") + 700) % 1000)
        after = counters.read()
        assert middle["package-1"] - before["package-1"] == 700
        assert after["package-1"] - before["package-1"] == 1400
        assert after["package-0"] == before["package-0"]

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 999), min_size=1, max_size=30))
    def test_any_steps_below_the_span_add_up(self, steps: list[int]) -> None:
        counters = rapl.Rapl.__new__(rapl.Rapl)
        now = 0
        file = _Number(now)
        counters._domains = (rapl.Domain("p", file, 1000),)  # type: ignore[arg-type]
        counters._last, counters._sums = {"p": 0}, {"p": 0}
        counters._lock = threading.Lock()
        for step in steps:
            file.value = (file.value + step) % 1000
            counters.read()
        assert counters.read() == {"p": sum(steps)}

    @pytest.mark.usefixtures("impatient")
    def test_a_counter_that_is_stuck_is_refused(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rapl, "_work", lambda: None)
        with meter.phase("x", powercap=tree.root, watts=WATTS) as measured:
            burn(0.001)
        got = measured.cost.energy
        assert got.basis == "estimated"
        assert got.joules == pytest.approx(4 * measured.cost.cpu_seconds)
        assert "package-0 does not move" in got.method

    def test_no_permission_is_named(self, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
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

    def test_no_counter_no_number_and_no_file_are_named(self, tmp_path: Path) -> None:
        assert rapl.rapl(tmp_path) == "no powercap counters on this machine"
        broken = Tree(tmp_path / "broken")
        (broken.root / "intel-rapl:0" / "energy_uj").write_text("-5\n")
        assert rapl.rapl(broken.root) == "a powercap counter holds no number"
        lost = Tree(tmp_path / "lost")
        (lost.root / "intel-rapl:0" / "energy_uj").unlink()
        assert rapl.rapl(lost.root) == "the powercap counters cannot be read"

    def test_a_counter_that_fails_in_the_middle_leaves_an_estimate(self, tree: Tree) -> None:
        with meter.phase("x", powercap=tree.root) as measured:
            burn(0.001)
            (tree.root / "intel-rapl:0" / "energy_uj").unlink()
        assert measured.cost.energy.basis == "estimated"
        assert "cannot be read" in measured.cost.energy.method
        with meter.phase("y", powercap=tree.root) as following:
            burn(0.001)
        assert following.cost.energy.basis == "estimated"

    def test_a_counter_that_was_set_back_leaves_an_estimate(self, tree: Tree) -> None:
        tree.move(2_000_000)
        with meter.phase("x", powercap=tree.root) as measured:
            tree.move(3_000_000)
            counters = rapl.rapl(tree.root)
            assert isinstance(counters, rapl.Rapl)
            counters._domains = (rapl.Domain("package-0", counters._domains[0].file, 10),)
            tree.write("intel-rapl:0", 0)
            burn(0.001)
        assert measured.cost.energy.basis == "estimated"
        assert "set back" in measured.cost.energy.method

    def test_a_phase_in_which_the_counter_stands_still_is_estimated(self, tree: Tree) -> None:
        with meter.phase("x", powercap=tree.root) as measured:
            burn(0.001)
        assert measured.cost.energy.basis == "estimated"
        assert "did not move during the phase" in measured.cost.energy.method

    def test_the_share_of_a_phase_leaves_out_what_was_measured_inside(self, tree: Tree) -> None:
        with meter.phase("outer", powercap=tree.root) as outer:
            tree.move(1_000_000)
            with meter.phase("inner", powercap=tree.root) as inner:
                tree.move(3_000_000)
        assert inner.cost.energy.joules == pytest.approx(3.0)
        assert outer.cost.energy.joules == pytest.approx(4.0)
        assert outer.cost.exclusive_energy.joules == pytest.approx(1.0)
        assert outer.cost.exclusive_energy.basis == "measured"

    def test_a_share_around_an_estimate_is_estimated(self, tree: Tree) -> None:
        with meter.phase("outer", powercap=tree.root) as outer:
            tree.move(1_000_000)
            burn(0.001)
            with meter.phase("inner", powercap=Path("nowhere")):
                burn(0.001)
        assert outer.cost.energy.basis == "measured"
        assert outer.cost.exclusive_energy.basis == "estimated"

    def test_counters_are_read_while_a_phase_lasts_so_that_no_wrap_is_lost(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rapl, "POLL", 0.002)
        tree.span = 1_000_000
        for folder in tree.root.glob("intel-rapl:*"):
            (folder / "max_energy_range_uj").write_text("1000000\n")
        counters = rapl.rapl(tree.root)
        assert isinstance(counters, rapl.Rapl)
        start = counters.read()["package-0"]
        with meter.phase("x", powercap=tree.root) as measured:
            for wanted in range(1, 6):
                count = (tree.count() + 700_000) % 1_000_000
                swapped = tree.root / "new"
                swapped.write_text(f"{count}\n")
                swapped.replace(tree.root / "intel-rapl:0" / "energy_uj")
                end = time.monotonic() + 2
                while counters._sums["package-0"] - start < wanted * 700_000:
                    assert time.monotonic() < end, "nobody read the counter"
                    time.sleep(0.001)
        assert measured.cost.energy.joules == pytest.approx(3.5)

    def test_a_reader_that_meets_a_broken_counter_ends_quietly(
        self, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rapl, "POLL", 0.001)
        counters = rapl.rapl(tree.root)
        assert isinstance(counters, rapl.Rapl)
        (tree.root / "intel-rapl:0" / "energy_uj").unlink()
        counters.watch()
        for reader in [t for t in threading.enumerate() if "_poll" in t.name]:
            reader.join(timeout=2)
            assert not reader.is_alive()
        counters.unwatch()


class _Number:
    """Stands in for a file that holds a number."""

    def __init__(self, value: int) -> None:
        self.value = value

    def read_text(self) -> str:
        return f"{self.value}\n"


class TestTiming:
    def test_the_median_lies_in_its_interval(self) -> None:
        timed = meter.time_calls("x", lambda: burn(0.001), repeats=9, least=0.03)
        assert timed.low is not None
        assert timed.high is not None
        assert 0.0009 <= timed.low <= timed.seconds <= timed.high
        assert timed.repeats == 9
        assert timed.calls >= 9
        assert timed.cost.seconds > 0

    def test_slow_work_ends_early_and_then_has_no_interval(self) -> None:
        timed = meter.time_calls("x", lambda: time.sleep(0.01), repeats=9, least=0.0, most=0.005)
        assert timed.repeats == 1
        assert timed.low is timed.high is None

    def test_nothing_to_repeat_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least once"):
            meter.time_calls("x", lambda: None, repeats=0)

    @pytest.mark.parametrize("count", [1, 5, 6, 9, 20, 101])
    def test_the_order_statistics_hold_the_median_often_enough(self, count: int) -> None:
        from scipy.special import bdtr

        rank = timing.median_rank(count, 0.95)
        assert rank == 0 or 1 - 2 * bdtr(rank - 1, count, 0.5) >= 0.95
        assert 1 - 2 * bdtr(rank, count, 0.5) < 0.95


def test_outermost_phases_are_those_whose_parent_is_not_there() -> None:
    with meter.phase("run"), meter.phase("train") as train, meter.phase("epoch") as epoch:
        pass
    costs = {"train": train.cost, "epoch": epoch.cost}
    assert meter.outermost(costs) == [train.cost]
    assert phases.costs_of(None) == {}
