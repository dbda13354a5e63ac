"""What the tests of the meter share: work to meter, and a powercap folder."""

from __future__ import annotations

import time
from pathlib import Path

from auditkit import meter

WATTS = meter.WattsPerCore(2.0, 4.0, 8.0, "a test")


def burn(seconds: float) -> None:
    """Keep a core busy for so much CPU time."""
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
