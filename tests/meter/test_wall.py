"""Readings of a plug meter: files, and energy of a window from them."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metering import burn

from auditkit import meter
from auditkit.errors import InputError
from auditkit.meter.energy import Energy
from auditkit.meter.wall import WallMeter, energy_between
from auditkit.meter.wall_file import WallFile, WallReading, read_wall_file


def write(folder: Path, text: str, name: str = "plug.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def problems(file: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_wall_file(file)
    return [str(problem) for problem in caught.value.problems]


def found(reading: WallReading, start: float, end: float, most_gap: float = 5.0) -> Energy:
    energy = energy_between(reading, start, end, most_gap)
    assert isinstance(energy, Energy)
    return energy


def power(*values: float, grain: float = 0.1, step: float = 1.0) -> WallReading:
    times = tuple(step * i for i in range(len(values)))
    return WallReading("plug.csv", "power", times, values, grain)


def sums(*values: float, grain: float = 0.1) -> WallReading:
    return WallReading("plug.csv", "energy", tuple(map(float, range(len(values)))), values, grain)


class TestFiles:
    def test_watts_and_unix_seconds(self, tmp_path: Path) -> None:
        read = read_wall_file(write(tmp_path, "timestamp,power_w\n10,40.25\n11.5,41\n"))
        assert (read.kind, read.times, read.values) == ("power", (10.0, 11.5), (40.25, 41.0))
        assert read.grain == pytest.approx(0.01)

    def test_cumulative_kilowatt_hours_and_iso_times_in_a_file_of_semicolons(
        self, tmp_path: Path
    ) -> None:
        text = "Time; Energy (kWh)\n2026-01-31T12:00:00+01:00; 1.50\n2026-01-31T11:00:01Z; 1.51\n"
        read = read_wall_file(write(tmp_path, text))
        assert read.kind == "energy"
        assert read.times[1] - read.times[0] == 1.0
        assert read.values == pytest.approx((1.5 * 3.6e6, 1.51 * 3.6e6))
        assert read.grain == pytest.approx(36_000)

    def test_json(self, tmp_path: Path) -> None:
        rows = [{"time": 10, "wh": 1.5}, {"time": 11, "wh": 1.6}]
        read = read_wall_file(write(tmp_path, json.dumps(rows), "plug.json"))
        assert read.values == pytest.approx((5400, 5760))
        assert read.grain == pytest.approx(360)

    def test_a_line_that_is_still_being_written_is_left_out(self, tmp_path: Path) -> None:
        read = read_wall_file(write(tmp_path, "time,w\n1,40\n2,41\n3,4"))
        assert read.values == (40.0, 41.0)

    def test_everything_wrong_is_said_at_once_with_its_line(self, tmp_path: Path) -> None:
        text = "time,w\n2026-01-31T12:00:00,40\nnoon,41\n3,-1\n4,full\n1769857200000,40\n6,nan\n"
        said = problems(write(tmp_path, text))
        assert said[0].startswith("plug.csv line 2, time: found '2026-01-31T12:00:00', which says")
        assert said[1].startswith("plug.csv line 3, time: found 'noon'")
        assert said[2] == "plug.csv line 4, reading: found '-1', expected a number from 0."
        assert said[3] == "plug.csv: found 3 more such readings, expected none."

    def test_times_that_do_not_rise_and_sums_that_fall(self, tmp_path: Path) -> None:
        said = problems(write(tmp_path, "time,wh\n1,5\n3,6\n2,4\n2,7\n"))
        later, less = "a later time than the one before", "no less than the reading before"
        assert said == [
            f"plug.csv line 4: found '2', expected {later}.",
            f"plug.csv line 5: found '2', expected {later}.",
            f"plug.csv line 4: found '4', expected {less}. Was the meter reset? Cut there.",
        ]
        many = "".join(f"{9 - i},5\n" for i in range(9))
        assert "found 5 more such readings" in problems(write(tmp_path, f"time,w\n{many}"))[-1]

    @pytest.mark.parametrize(
        ("head", "expected"),
        [
            ("time,power", "no known unit among 'time', 'power'"),
            ("time,power_mW", "no known unit"),
            ("time,w,kwh", "2 with a unit"),
            ("when,w", "one column of times, named time or timestamp"),
            ("time,timestamp,w", "2 of times"),
        ],
    )
    def test_columns_that_cannot_be_told_are_named(
        self, tmp_path: Path, head: str, expected: str
    ) -> None:
        row = ",".join("1" for _ in head.split(","))
        assert any(
            expected in said for said in problems(write(tmp_path, f"{head}\n{row}\n{row}\n"))
        )

    @pytest.mark.parametrize(
        ("name", "text", "expected"),
        [
            ("plug.csv", "time,w\n1,40\n", "found 1 readings, expected at least 2"),
            ("plug.csv", "", "no known unit among no column"),
            ("plug.csv", f"time,w\n1,40\n2,{200_000 * chr(52)}\n", "expected a row of CSV"),
            ("plug.json", "{", "found no JSON"),
            ("plug.json", "{}", "expected a list of objects"),
            ("plug.json", '[{"time": 1, "w": true}, {"time": 2, "w": null}]', "found 'True'"),
        ],
    )
    def test_a_file_that_is_none(self, tmp_path: Path, name: str, text: str, expected: str) -> None:
        assert any(expected in said for said in problems(write(tmp_path, text, name)))

    def test_a_file_that_is_not_there_or_no_text(self, tmp_path: Path) -> None:
        assert "No such file" in problems(tmp_path / "none.csv")[0]
        (tmp_path / "odd.csv").write_bytes(b"\xff\xfe\n")
        assert "no text" in problems(tmp_path / "odd.csv")[0]


class TestWindows:
    def test_power_is_added_up_with_the_steps_between_readings_as_range(self) -> None:
        energy = found(power(40.0, 60.0, 60.0), 0.5, 2.0)
        assert energy.joules == pytest.approx(55 * 0.5 + 60)  # 50 W to 60 W, then 60 W
        assert energy.low == pytest.approx(40 * 0.5 + 60 - 0.05 * 1.5)
        assert energy.high == pytest.approx(60 * 0.5 + 60 + 0.05 * 1.5)
        assert energy.basis == "measured"
        assert [part.domain for part in energy.domains] == ["whole machine"]
        assert "idle power included" in energy.method

    def test_sums_are_exact_between_readings_and_open_inside(self) -> None:
        energy = found(sums(0.0, 10.0, 30.0, 60.0), 0.5, 2.5)
        assert energy.joules == pytest.approx(5 + 20 + 15)
        assert energy.low == pytest.approx(20 - 0.1)
        assert energy.high == pytest.approx(10 + 20 + 30 + 0.1)

    def test_a_constant_reading_still_has_the_range_of_its_last_digit(self) -> None:
        energy = found(power(40.0, 40.0, grain=1.0), 0.0, 1.0)
        assert (energy.low, energy.joules, energy.high) == (39.5, 40.0, 40.5)

    def test_the_end_that_is_not_written_yet_is_bridged_and_widens_the_range(self) -> None:
        energy = found(power(40.0, 80.0, 50.0), 1.0, 4.0)
        assert energy.joules == pytest.approx(65 + 2 * 50)
        assert energy.low == pytest.approx(50 + 2 * 40 - 0.15)
        assert energy.high == pytest.approx(80 + 2 * 80 + 0.15)
        assert "the last 2.0 s were not written yet" in energy.method
        assert found(sums(0.0, 10.0, 30.0), 1.0, 3.0).high == pytest.approx(20 + 20 + 0.1)

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (-1.0, 2.0, "begins 1.0 s after the phase does"),
            (1.0, 7.1, "ends 5.1 s before the phase does"),
            (2.5, 2.6, "ends 0.6 s before the phase does"),
        ],
    )
    def test_a_window_that_is_not_covered_has_a_reason(
        self, start: float, end: float, expected: str
    ) -> None:
        assert expected in str(energy_between(power(40.0, 41.0, 42.0), start, end, 5.0))

    def test_a_gap_in_the_window_has_a_reason_and_one_outside_does_not_matter(self) -> None:
        reading = WallReading("p", "power", (0.0, 1.0, 9.0, 10.0, 11.0), (40.0,) * 5, 0.1)
        gap = "gap of 8.0 s in the phase; at most 5 s is bridged"
        assert gap in str(energy_between(reading, 0.5, 10.0, 5.0))
        assert found(reading, 9.5, 10.5).joules == pytest.approx(40.0)

    def test_a_meter_that_shows_nothing_is_no_zero(self) -> None:
        assert "shows nothing used" in str(energy_between(power(0.0, 0.0), 0.0, 1.0, 5.0))
        assert "shows nothing used" in str(energy_between(sums(7.0, 7.0), 0.0, 1.0, 5.0))

    @given(st.lists(st.floats(1, 300), min_size=3, max_size=12), st.floats(0, 1), st.floats(0, 1))
    def test_windows_side_by_side_add_up(self, watts: list[float], a: float, b: float) -> None:
        reading, last = power(*watts), len(watts) - 1.0
        start, middle = a * 0.5, 0.6 + b * (last - 1)
        whole = found(reading, start, last)
        parts = [found(reading, start, middle), found(reading, middle, last)]
        assert whole.joules == pytest.approx(sum(part.joules or 0.0 for part in parts))
        assert (whole.low or 0) <= (whole.joules or 0) <= (whole.high or 0)


class TestPhases:
    def test_a_phase_takes_its_window_from_a_file_that_grows(self, tmp_path: Path) -> None:
        file = write(tmp_path, f"time,w\n{time.time() - 1},50.0\n{time.time()},50.0\n")
        with meter.sources(wall=file), meter.phase("train") as measured:
            burn(0.02)
            with file.open("a") as lines:
                lines.write(f"{time.time()},50.0\n")
        cost = measured.cost
        assert cost.energy.basis == "measured"
        assert cost.energy.joules == pytest.approx(50 * cost.seconds, rel=0.05)
        assert (cost.energy.low or 0) < 50 * cost.seconds < (cost.energy.high or 0)

    def test_what_the_file_does_not_cover_comes_from_the_next_source(self, tmp_path: Path) -> None:
        file = write(tmp_path, "time,w\n1000,50\n1001,50\n")
        with meter.sources(wall=file), meter.phase("train") as measured:
            burn(0.001)
        assert measured.cost.energy.basis == "estimated"
        assert "the wall meter plug.csv ends" in measured.cost.energy.method

    @pytest.mark.parametrize(
        ("text", "expected"), [("time,w\n2,x\n3,7\n", "broke"), (None, "gone")]
    )
    def test_a_file_that_breaks_in_the_middle_ends_no_run(
        self, tmp_path: Path, text: str | None, expected: str
    ) -> None:
        file = write(tmp_path, "time,w\n1000,50\n1001,50\n")
        with meter.sources(wall=file), meter.phase("train") as measured:
            burn(0.001)
            file.write_text(text) if text else file.unlink()
        assert expected in measured.cost.energy.method
        assert measured.cost.energy.basis == "estimated"

    def test_of_a_file_that_grows_only_what_is_new_is_read_and_must_fit(
        self, tmp_path: Path
    ) -> None:
        file = write(tmp_path, "time,wh\n1,5\n2,6\n")
        growing = WallFile(file)
        with file.open("a") as lines:
            lines.write("3,6.5\n4,7\n5,")
        growing.read_on()
        assert growing.reading == replace(
            read_wall_file(write(tmp_path, "time,wh\n1,5\n2,6\n3,6.5\n4,7\n", "all.csv")),
            name="plug.csv",
        )
        with file.open("a") as lines:
            lines.write("6\n6,8\n")
        with pytest.raises(InputError, match=r"plug\.csv line 6: found '6', expected no less"):
            growing.read_on()

    def test_a_file_that_was_written_anew_is_read_as_a_whole(self, tmp_path: Path) -> None:
        file = write(tmp_path, "time,w\n1,5\n2,6\n3,7\n")
        growing = WallFile(file)
        file.write_text("time,w\n8,5\n9,6\n")
        growing.read_on()
        assert growing.reading.times == (8.0, 9.0)
        other = write(tmp_path, '[{"time": 1, "w": 5}, {"time": 2, "w": 6}]', "plug.json")
        growing = WallFile(other)
        other.write_text('[{"time": 1, "w": 5}, {"time": 2, "w": 6}, {"time": 3, "w": 6}]')
        growing.read_on()
        assert growing.reading.times == (1.0, 2.0, 3.0)

    def test_a_file_exported_later_gives_the_energy_of_a_phase_that_has_ended(
        self, tmp_path: Path
    ) -> None:
        with meter.phase("train") as measured:
            time.sleep(0.02)
        start = measured.cost.started or 0.0
        file = write(tmp_path, f"time,w\n{start - 2},30\n{start + 2},30\n")
        energy = meter.wall_energy(measured.cost, file)
        assert energy.joules == pytest.approx(30 * measured.cost.seconds, rel=1e-3)
        with pytest.raises(InputError, match="phase 'train': found the wall meter"):
            meter.wall_energy(measured.cost, write(tmp_path, "time,w\n1,30\n2,30\n"))

    def test_a_cost_without_its_beginning_says_so(self, tmp_path: Path) -> None:
        with meter.phase("train") as measured:
            pass
        old = measured.cost.to_dict()
        del old["started"]
        with pytest.raises(InputError, match="no time at which it began"):
            meter.wall_energy(meter.Cost.from_dict(old), tmp_path / "none")

    def test_a_file_is_not_read_again_where_it_covers_the_phase(self, tmp_path: Path) -> None:
        file = write(tmp_path, "time,w\n1000,50\n1010,50\n")
        wall = WallMeter(file)
        file.unlink()
        assert isinstance(wall.energy(1001.0, 1009.0), Energy)
