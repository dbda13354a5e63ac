"""Energy of a phase from the readings of a plug meter, with what may lie between them."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path

from auditkit.errors import InputError
from auditkit.meter.energy import DomainEnergy, Energy, of_domains
from auditkit.meter.wall_file import WallFile, WallReading

#: Longest time between two readings that is bridged, unless somebody says otherwise; unit: s.
MOST_GAP = 10.0
#: Readings that say how much the power may be that is not written yet.
LATEST = 1000
_Range = tuple[float, float, float]


class WallMeter:
    """A plug meter's file; it may still be growing.

    Args:
        path: The file; see `wall_file.read_wall_file`.
        most_gap: Longest time between two readings in a phase, and from the last reading to the
            end of a phase; unit: s.

    Raises:
        InputError: If the file is wrong.
    """

    def __init__(self, path: str | Path, most_gap: float = MOST_GAP) -> None:
        self._file, self._most_gap = WallFile(path), most_gap

    def energy(self, start: float, end: float) -> Energy | str:
        """Find what the machine used in a window of time.

        Args:
            start: Unix time; unit: s.
            end: Unix time; unit: s.

        Returns:
            The energy, or why there is none. Its range holds the steps between neighbouring
            readings and the last digit of the meter.
        """
        if end > self._file.reading.times[-1]:
            try:
                self._file.read_on()
            except InputError as error:
                return f"the wall meter's file broke: {error.problems[0]}"
            except OSError as error:
                return f"the wall meter's file is gone: {error.strerror}"
        return energy_between(self._file.reading, start, end, self._most_gap)


def energy_between(reading: WallReading, start: float, end: float, most_gap: float) -> Energy | str:
    """Add up a reading over a window; see `WallMeter.energy`.

    Args:
        reading: What the meter wrote down.
        start: Unix time; unit: s.
        end: Unix time; unit: s.
        most_gap: Longest gap that is bridged; unit: s.

    Returns:
        The energy, or why there is none.

    Example:
        >>> reading = WallReading("plug.csv", "power", (0.0, 1.0, 2.0), (40.0, 50.0, 40.0), 0.1)
        >>> found = energy_between(reading, 0.0, 2.0, most_gap=5.0)
        >>> found.joules, round(found.low, 1), round(found.high, 1)
        (90.0, 79.9, 100.1)
    """
    name, times = f"the wall meter {reading.name}", reading.times
    if start < times[0]:
        return f"{name} begins {times[0] - start:.1f} s after the phase does"
    if times[-1] <= start or end - times[-1] > most_gap:
        return f"{name} ends {end - times[-1]:.1f} s before the phase does"
    first = bisect_right(times, start) - 1
    last = min(bisect_left(times, end), len(times) - 1)
    widest = max(b - a for a, b in itertools.pairwise(times[first : last + 1]))
    if widest > most_gap:
        return f"{name} has a gap of {widest:.1f} s in the phase; at most {most_gap:g} s is bridged"
    pieces = [*_pieces(reading, first, last, start, end), _tail(reading, end)]
    low, joules, high = (sum(part) for part in zip(*pieces, strict=True))
    if joules <= 0:
        return f"{name} shows nothing used during the phase"
    grain = reading.grain * ((end - start) / 2 if reading.kind == "power" else 1)
    part = DomainEnergy(
        "whole machine", joules, max(0.0, low - grain), high + grain, "measured", name[4:]
    )
    return of_domains([part], _method(reading, widest, end - times[-1]))


def _pieces(
    reading: WallReading, first: int, last: int, start: float, end: float
) -> Iterator[_Range]:
    """Least, likely and most energy of each stretch between two readings."""
    for i in range(first, last):
        (t0, t1), (v0, v1) = reading.times[i : i + 2], reading.values[i : i + 2]
        a, b = max(t0, start), min(t1, end)
        if reading.kind == "power":
            middle = v0 + (v1 - v0) * ((a + b) / 2 - t0) / (t1 - t0)
            yield min(v0, v1) * (b - a), middle * (b - a), max(v0, v1) * (b - a)
        else:
            likely = (v1 - v0) * (b - a) / (t1 - t0)
            whole = b - a == t1 - t0
            yield (likely if whole else 0.0), likely, (likely if whole else v1 - v0)


def _tail(reading: WallReading, end: float) -> _Range:
    """From the last reading on: between the least and the most power of the last readings."""
    left = max(0.0, end - reading.times[-1])
    powers, times = reading.values[-LATEST:], reading.times[-LATEST:]
    if reading.kind == "energy":
        pairs = zip(itertools.pairwise(powers), itertools.pairwise(times), strict=True)
        powers = tuple((b - a) / (t - s) for (a, b), (s, t) in pairs)
    return min(powers) * left, powers[-1] * left, max(powers) * left


def _method(reading: WallReading, widest: float, left: float) -> str:
    what, unit = ("power", "W") if reading.kind == "power" else ("cumulative energy", "J")
    late = f"; the last {left:.1f} s were not written yet, and are taken as before"
    return (
        f"wall meter {reading.name}, {what}: the whole machine, other processes and idle power "
        f"included; the range holds what lies between readings, up to {widest:.1f} s apart, and "
        f"the last digit, {reading.grain:.3g} {unit}{late if left > 0 else ''}"
    )
