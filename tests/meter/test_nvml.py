"""Counters of graphics processors, with a module that stands in for NVIDIA's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from metering import Tree, burn

from auditkit import meter
from auditkit.meter import nvml, rapl


class NVMLError(Exception):
    """What NVIDIA's module raises."""


class Cards(ModuleType):
    """Two cards; each reading of their counters finds them a little further, unit: mJ."""

    NVMLError = NVMLError

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.energy = [5_000, 9_000]
        self.step = 40
        self.refuses = ""

    def nvmlInit(self) -> None:  # noqa: N802 - NVIDIA's name
        if self.refuses:
            raise NVMLError(self.refuses)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 - NVIDIA's name
        return len(self.energy)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802 - NVIDIA's name
        return index

    def nvmlDeviceGetName(self, card: int) -> str:  # noqa: N802 - NVIDIA's name
        return f"Card {card}"

    def nvmlDeviceGetTotalEnergyConsumption(self, card: int) -> int:  # noqa: N802 - NVIDIA's name
        if self.refuses:
            raise NVMLError(self.refuses)
        self.energy[card] += self.step
        return self.energy[card]


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cards]:
    (tmp_path / "nvidia0").touch()
    made = Cards()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    monkeypatch.setattr(nvml, "PATIENCE", 0.02)
    yield made
    nvml.nvml.cache_clear()


def metered(devices: Path, powercap: Path) -> meter.Energy:
    with meter.use(meter.Sources(devices=devices, powercap=powercap)), meter.phase("x") as measured:
        burn(0.001)
        for folder in powercap.glob("intel-rapl:*"):
            (folder / "energy_uj").write_text("90000000\n")
    return measured.cost.energy


def test_cards_are_domains_beside_the_processor(cards: Cards, tree: Tree, tmp_path: Path) -> None:
    cards.step = 500
    found = metered(tmp_path, tree.root)
    assert found.basis == "measured"
    names = ["package-0", "GPU 0 (Card 0)", "GPU 1 (Card 1)"]
    assert [part.domain for part in found.domains] == names
    assert [part.joules for part in found.domains[1:]] == pytest.approx([0.5, 0.5])
    assert found.joules == pytest.approx(sum(part.joules or 0.0 for part in found.domains))
    assert "NVML counters of GPU 0 (Card 0), GPU 1 (Card 1): the whole card" in found.method


@pytest.mark.usefixtures("cards")
def test_with_a_processor_that_is_only_modelled_the_sum_is_an_estimate(tmp_path: Path) -> None:
    found = metered(tmp_path, tmp_path / "none")
    assert found.basis == "estimated"
    assert [part.basis for part in found.domains] == ["estimated", "measured", "measured"]


def test_a_card_that_stands_still_is_refused_and_stays_listed(
    cards: Cards, tree: Tree, tmp_path: Path
) -> None:
    cards.step = 0
    found = metered(tmp_path, tree.root)
    assert found.domains[1].domain == "GPU"
    assert found.domains[1].joules is None
    assert "NVML counter of GPU 0 (Card 0) does not move" in found.domains[1].source
    assert "without the graphics processors, not measured" in found.method
    assert found.joules == found.domains[0].joules


def test_a_library_that_refuses_is_quoted(cards: Cards, tmp_path: Path) -> None:
    cards.refuses = "Driver Not Loaded"
    assert nvml.nvml(tmp_path) == "NVML says: Driver Not Loaded"


def test_a_counter_that_fails_in_the_middle_is_a_reason(
    cards: Cards, tree: Tree, tmp_path: Path
) -> None:
    with (
        meter.use(meter.Sources(devices=tmp_path, powercap=tree.root)),
        meter.phase("x") as measured,
    ):
        burn(0.001)
        cards.refuses = "GPU is lost"
    assert measured.cost.energy.domains[-1].source == "NVML says: GPU is lost"


def test_no_card_and_no_package_are_named(
    cards: Cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards.energy = []
    assert nvml.nvml(tmp_path) == "NVML lists no card"
    nvml.nvml.cache_clear()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "auditkit-rai[nvidia]" in str(nvml.nvml(tmp_path))


def test_without_a_device_node_the_library_is_not_even_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml.nvml(tmp_path) is None
    assert isinstance(rapl.rapl(tmp_path), str)
