"""Rules of the meter: no network, fast to import, cheap to use."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditkit import meter

#: Every kind of phase, with every socket call of the process counted.
QUIET = """
import sys, time
seen = []
sys.addaudithook(lambda event, _: seen.append(event) if event.startswith("socket.") else None)
from pathlib import Path
from auditkit import meter
wall, journal, tree = map(Path, sys.argv[1:])
(tree / "intel-rapl:0").mkdir(parents=True)
for name, text in (("name", "package-0"), ("max_energy_range_uj", "99999"), ("energy_uj", "0")):
    (tree / "intel-rapl:0" / name).write_text(text)
wall.write_text(f"time,w\\n{time.time() - 4},40\\n{time.time() + 4},41\\n")
with meter.journal(journal), meter.sources(wall=wall):
    with meter.phase("outer"), meter.phase("inner", powercap=tree):
        sum(range(100_000))
with meter.phase("estimated"):
    meter.time_calls("again", lambda: None, least=0.01)
bases = [cost.energy.basis for cost in meter.read_journal(journal)]
print(len(seen), *bases)
"""


def test_no_socket_is_opened(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("plug.csv", "phases.jsonl", "powercap")]
    command = [sys.executable, "-c", QUIET, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "measured", "measured"]


def test_it_loads_few_modules_and_no_data_library_nor_sockets() -> None:
    code = (
        "import sys\n"
        "import auditkit\n"
        "before = len(sys.modules)\n"
        "from auditkit import meter\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'socket', 'psutil'} & set(sys.modules)\n"
        "print(len(sys.modules) - before, *heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, *heavy = done.stdout.split()
    assert heavy == []
    assert int(loaded) < 100


@pytest.mark.slow
def test_a_phase_costs_little() -> None:
    times = []
    for _ in range(50):
        start = time.perf_counter()
        with meter.phase("x"):
            pass
        times.append(time.perf_counter() - start)
    assert sorted(times)[25] < 0.005


@pytest.mark.slow
def test_three_runs_of_the_same_job_agree_within_the_printed_interval() -> None:
    costs = []
    for _ in range(3):
        with meter.phase("job") as measured:
            sum(i * i for i in range(20_000_000))
        costs.append(measured.cost.energy)
    for one in costs:
        assert all((one.low or 0) <= (other.joules or 0) <= (one.high or 0) for other in costs)


@pytest.mark.slow
def test_a_phase_costs_less_than_one_percent_of_a_second() -> None:
    before = time.process_time()
    for _ in range(20):
        with meter.phase("x"):
            pass
    assert (time.process_time() - before) / 20 < 0.01
