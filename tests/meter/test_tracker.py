"""CodeCarbon as a source: with a module that stands in for it, and the real one where it is."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from metering import WATTS, Tree, burn

from auditkit import meter
from auditkit.errors import MissingExtraError
from auditkit.meter import tracker

INSTALLED = importlib.util.find_spec("codecarbon") is not None


class Offline:
    """A tracker that has counted 2 J of the processor and 4 J of memory."""

    cpu_joules = 2.0
    made: tuple[dict[str, Any], ...] = ()

    def __init__(self, **settings: Any) -> None:
        Offline.made = (*Offline.made, settings)
        self._hardware = [SimpleNamespace(), SimpleNamespace(_tdp=8)]

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.final_emissions_data = SimpleNamespace(
            cpu_energy=self.cpu_joules / 3.6e6, ram_energy=4.0 / 3.6e6, cpu_count=2,
            cpu_model="AMD EPYC", ram_power=10.0, ram_total_size=15.6,
        )  # fmt: skip


@pytest.fixture
def codecarbon(monkeypatch: pytest.MonkeyPatch) -> type[Offline]:
    made: Any = ModuleType("codecarbon")
    made.OfflineEmissionsTracker, made.__version__ = Offline, "3.3.2"
    made.__spec__ = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "codecarbon", made)
    monkeypatch.setattr(Offline, "made", ())
    return Offline


@pytest.mark.usefixtures("codecarbon")
def test_its_figures_are_estimates_by_domain_with_all_coefficients_and_no_range() -> None:
    with meter.sources(codecarbon=True), meter.phase("x") as measured:
        burn(0.001)
    got = measured.cost.energy
    assert (got.basis, got.low, got.high) == ("estimated", None, None)
    assert [part.domain for part in got.domains] == ["processor", "memory"]
    assert [part.joules for part in got.domains] == pytest.approx([2.0, 4.0])
    said = ("CodeCarbon 3.3.2", "times 8 W", "2 cores", "AMD EPYC", "10 W for 15.6 GB", "PUE 1")
    assert [word for word in said if word not in got.method] == []
    assert got.range_method == "the coefficients were given without a range"


def test_it_is_not_started_unless_somebody_asks(codecarbon: type[Offline]) -> None:
    with meter.phase("x"):
        pass
    assert codecarbon.made == ()


def test_it_is_not_started_where_a_counter_is_proved(codecarbon: type[Offline], tree: Tree) -> None:
    with meter.sources(codecarbon=True), meter.phase("x", powercap=tree.root) as measured:
        tree.move(1_000_000)
    assert measured.cost.energy.basis == "measured"
    assert codecarbon.made == ()


@pytest.mark.parametrize("joules", [0.0, float("nan")])
def test_a_figure_that_does_not_move_leaves_the_model(
    codecarbon: type[Offline], monkeypatch: pytest.MonkeyPatch, joules: float
) -> None:
    monkeypatch.setattr(codecarbon, "cpu_joules", joules)
    with meter.sources(codecarbon=True, watts=WATTS), meter.phase("x") as measured:
        burn(0.001)
    assert measured.cost.energy.joules == pytest.approx(4 * measured.cost.cpu_seconds)
    assert "CodeCarbon counted no energy" in measured.cost.energy.method


def test_a_tracker_that_fails_leaves_the_model(
    codecarbon: type[Offline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecarbon, "stop", lambda _: None)
    with meter.sources(codecarbon=True), meter.phase("x") as measured:
        burn(0.001)
    assert "CodeCarbon gave no figure" in measured.cost.energy.method


def test_a_sum_with_an_estimate_that_has_no_range_has_none() -> None:
    ranged = meter.Energy(4.0, 2.0, 8.0, "estimated", "a model")
    bare = meter.Energy(1.0, None, None, "estimated", "CodeCarbon")
    assert meter.total([ranged, bare]).low is None


def test_asked_for_and_not_there_it_names_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"auditkit-rai\[codecarbon\]"):
        meter.sources(codecarbon=True)


#: What the real one does in a folder whose configuration asks for everything it must not do.
REAL = """
import json, os, sys, time
seen = []
sys.addaudithook(lambda e, a: seen.append(e) if e.startswith("socket.") else None)
from auditkit import meter
with meter.sources(codecarbon=True), meter.phase("job") as measured:
    end = time.process_time() + 0.5
    while time.process_time() < end: sum(range(1000))
energy = measured.cost.energy
print(json.dumps({"method": energy.method, "joules": [p.joules for p in energy.domains],
                  "cpu": measured.cost.cpu_seconds, "seen": seen, "files": os.listdir()}))
"""
HOSTILE = """[codecarbon]
force_cpu_power = 35000
pue = 3
tracking_mode = machine
save_to_api = true
output_methods = csv,api
emissions_endpoint = http://127.0.0.1:9/
co2_signal_api_token = token
electricitymaps_api_token = token
experiment_id = x
"""


@pytest.mark.skipif(not INSTALLED, reason="the extra codecarbon is not installed")
def test_the_real_one_reads_no_configuration_writes_no_file_and_reaches_nobody(
    tmp_path: Path,
) -> None:
    (tmp_path / ".codecarbon.config").write_text(HOSTILE)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".codecarbon.config").write_text(HOSTILE)
    paths = [str(Path(meter.__file__).parents[2]), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", REAL], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"HOME": str(home), "PATH": "", "PYTHONPATH": ":".join(paths),
             "CODECARBON_FORCE_CPU_POWER": "35000"},
    )  # fmt: skip
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert "CodeCarbon 3.3.2" in said["method"]
    assert "PUE 1" in said["method"]
    assert 0 < said["joules"][0] < 300 * said["cpu"]
    assert sorted(said["files"]) == [".codecarbon.config", "home"]
    # urllib3 tries, when it is imported, whether it may bind to this machine's own IPv6 address.
    assert set(said["seen"]) <= {"socket.__new__", "socket.bind"}


@pytest.mark.skipif(not INSTALLED, reason="the extra codecarbon is not installed")
def test_every_setting_of_the_real_one_is_given() -> None:
    import inspect

    import codecarbon
    from codecarbon import emissions_tracker

    known = {
        name
        for made in (codecarbon.OfflineEmissionsTracker, emissions_tracker.BaseEmissionsTracker)
        for name, value in inspect.signature(made.__init__).parameters.items()
        if value.kind in (value.POSITIONAL_OR_KEYWORD, value.KEYWORD_ONLY)
    } - {"self"}
    old = {name for name in known if name.startswith("save_to_")} | {"co2_signal_api_token"}
    assert known - old == set(tracker._SETTINGS)
