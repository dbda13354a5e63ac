"""The audit of scaling, on runs whose cost follows a known law and on a real recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from auditkit import meter
from auditkit.audits.scaling import NO_WIDTHS, Scaling
from auditkit.errors import InputError, Problem
from auditkit.evidence import Measurement, Table
from auditkit.models.runs import LEAST
from auditkit.subject import Subject

Found = tuple[dict[tuple[str, str], Measurement], dict[str, Table]]
TRAIN = pd.DataFrame({"x": np.arange(800.0), "y": np.tile([0, 1], 400)})
TEST = pd.DataFrame({"x": np.arange(100.0), "y": np.tile([0, 1], 50)})


@dataclass(frozen=True)
class Sure:
    """Gives the right outcome a chance."""

    chance: float
    kind: str = "sure"
    parameters: int = 1
    sha256: str = "0"

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.where(rows["y"] == 1, self.chance, 1 - self.chance)


def cost(seconds: float) -> dict[str, Any]:
    energy = meter.Energy(4 * seconds, 2 * seconds, 8 * seconds, "estimated", "a model")
    return meter.Cost(
        name="train", seconds=seconds, cpu_seconds=seconds, children_cpu_seconds=0.0,
        exclusive_seconds=seconds, exclusive_cpu_seconds=seconds, peak_memory_bytes=1,
        peak_memory_scope="phase", minor_faults=0, threads=1, contended=False, energy=energy,
        exclusive_energy=energy, parent=None,
    ).to_dict()  # fmt: skip


@dataclass(frozen=True)
class Network:
    hidden: tuple[int, ...] = (8, 3)


@dataclass(frozen=True)
class Recipe:
    """Costs about 0.01 s a row and epoch; takes more epochs of fewer rows."""

    architecture: Any = Network()
    refuses: bool = False

    def fit(self, rows: pd.DataFrame, **changes: Any) -> tuple[Any, Any]:
        if self.refuses:
            raise InputError([Problem("rows", "too few", "more")])
        hidden = getattr(changes.get("architecture", self.architecture), "hidden", ()) or (11,)
        return made(len(rows), sum(hidden), epochs=2 + 800 // len(rows))


def made(rows: int, parameters: int, epochs: int) -> tuple[Any, Any]:
    bumps = {100: 1.05, 200: 0.97, 400: 1.02}
    seconds = 0.01 * rows * epochs * (parameters / 11) ** 0.5 * bumps.get(rows, 1.0)
    record = SimpleNamespace(
        cost=cost(seconds), epochs=[None] * epochs, rows=rows, parameters=parameters,
        operations={"flops": 6 * parameters * rows * epochs},
    )  # fmt: skip
    return Sure(float(np.exp(-(rows**-0.5) * bumps.get(rows, 1.0)))), record


def subject(recipe: Any = None, **changes: Any) -> Subject:
    model, record = made(800, 11, epochs=4)
    return replace(
        Subject.from_model(
            model, TEST, label="y", features=["x"], train=TRAIN, record=record,
            recipe=recipe or Recipe(),
        ),
        **changes,
    )  # fmt: skip


def run(audit: Scaling, of: Subject) -> Found:
    found = list(audit.run(of, np.random.default_rng(0)))
    numbers = [m for m in found if isinstance(m, Measurement)]
    by = {(m.metric, next(iter(m.slice.values()))): m for m in numbers}
    assert len(by) == len(numbers)
    return by, {t.name: t for t in found if isinstance(t, Table)}


def test_cost_and_error_follow_the_law_that_made_them() -> None:
    found, _ = run(Scaling(), subject())
    for key, law in (
        (("cpu_seconds_exponent", "rows"), 1.0),
        (("error_exponent", "rows"), -0.5),
        (("forecast_training_cpu_seconds", "10 times"), 0.01 * 8000 * 4),
        (("forecast_training_cpu_seconds", "100 times"), 0.01 * 80_000 * 4),
        (("forecast_error_ratio", "100 times"), 0.1),
    ):
        m = found[key]
        assert m.interval is not None
        assert m.interval.low < law < m.interval.high
        assert m.value == pytest.approx(law, rel=0.2)
        assert m.basis == "estimated"
        assert m.n == 4
        assert "2 degrees of freedom" in m.interval.method


def test_a_forecast_says_that_it_is_one_and_what_is_held_fixed() -> None:
    found, _ = run(Scaling(), subject())
    cpu = found["forecast_training_cpu_seconds", "10 times"]
    assert "a forecast from 4 points, outside what was measured" in cpu.source
    assert "held fixed: 4 epochs, as the audited model ran" in cpu.source
    assert "the line has no floor" in found["forecast_error_ratio", "10 times"].source


def test_operations_in_proportion_to_the_rows_are_arithmetic() -> None:
    flops = run(Scaling(), subject())[0]["forecast_training_flops", "10 times"]
    assert flops.value == pytest.approx(6 * 11 * 8000 * 4)
    assert flops.interval is None
    assert "arithmetic" in str(flops.reason)


def test_a_modelled_energy_has_the_range_of_its_model_too() -> None:
    found, _ = run(Scaling(), subject())
    seconds = found["forecast_training_cpu_seconds", "10 times"]
    joules = found["forecast_training_energy", "10 times"]
    assert seconds.interval is not None
    assert joules.interval is not None
    assert joules.value == pytest.approx(4 * (seconds.value or 0))
    assert joules.interval.low == pytest.approx(2 * seconds.interval.low)
    assert joules.interval.high == pytest.approx(8 * seconds.interval.high)


def test_widths_are_tried_on_the_least_share() -> None:
    found, tables = run(Scaling(), subject())
    m = found["cpu_seconds_exponent", "parameters"]
    # Widths of 8 and 3 times a quarter, a half and two; the cost is their root, exactly.
    assert m.value == pytest.approx(0.5)
    assert m.interval is None
    rows = [dict(zip(tables["runs"].columns, row, strict=True)) for row in tables["runs"].rows]
    widths = [row for row in rows if row["width"] != 1]
    assert [row["parameters"] for row in widths] == [3, 6, 22]
    assert {row["rows"] for row in widths} == {100}
    assert [row["rows"] for row in rows if row["width"] == 1] == [100, 200, 400, 800]
    assert rows[3]["cpu_seconds"] == pytest.approx(0.01 * 800 * 4)
    assert rows[3]["error"] == pytest.approx(800**-0.5)
    assert rows[3]["accuracy"] == 1.0


def test_a_network_without_hidden_layers_has_no_other_widths() -> None:
    for architecture in (None, Network(hidden=())):
        found, _ = run(Scaling(), subject(Recipe(architecture)))
        assert found["cpu_seconds_exponent", "parameters"].reason == NO_WIDTHS
        assert found["cpu_seconds_exponent", "rows"].value is not None


def test_what_cannot_be_trained_is_said_and_gives_no_line() -> None:
    found, tables = run(Scaling(), subject(Recipe(refuses=True)))
    for m in found.values():
        assert m.value is None
    reason = str(found["cpu_seconds_exponent", "rows"].reason)
    assert "no line through 1 points" in reason
    assert "too few" in reason
    assert tables["runs"].rows[0][5:] == (None,) * 5


def test_the_cost_of_a_part_of_a_training_is_no_point() -> None:
    _, record = made(800, 11, epochs=4)
    record.resumed_after = (2,)
    found, tables = run(Scaling(), subject(record=record))
    assert found["forecast_training_cpu_seconds", "10 times"].n == 3
    assert tables["runs"].rows[3][5] is None


def off_by_three(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    return rows["x"].to_numpy() + 3.0


def mostly_a(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    return np.array([[0.8, 0.2]] * len(rows))


def test_one_row_alone_has_no_error() -> None:
    model: Any = SimpleNamespace(kind="m", parameters=1, sha256=None, scores=off_by_three)
    alone = Subject.from_model(
        model, TEST[:1], label="y", features=["x"], train=TRAIN, recipe=Recipe(refuses=True),
        task="regression",
    )  # fmt: skip
    assert run(Scaling(), alone)[1]["runs"].rows[3][8:] == (None, None)


@pytest.mark.parametrize(
    ("task", "label", "scores", "error"),
    [
        ("multiclass", ["a", "b"] * 50, mostly_a, -np.log([0.8, 0.2]).mean()),
        ("regression", np.arange(100.0), off_by_three, 3.0),
    ],
)
def test_each_task_has_its_error(task: Any, label: Any, scores: Any, error: float) -> None:
    model: Any = SimpleNamespace(
        kind="m", parameters=1, sha256=None, classes=("a", "b"), scores=scores
    )
    rows = TEST.assign(y=label)
    of = Subject.from_model(
        model, rows, label="y", features=["x"], train=rows, recipe=Recipe(refuses=True), task=task
    )
    assert run(Scaling(), of)[1]["runs"].rows[3][8] == pytest.approx(error)


def test_weights_count_in_the_error() -> None:
    rows = TEST.assign(w=np.where(TEST["y"] == 1, 3.0, 1.0))
    model: Any = SimpleNamespace(
        kind="m", parameters=1, sha256=None, scores=lambda rows: np.full(len(rows), 0.8)
    )
    of = Subject.from_model(
        model, rows, label="y", features=["x"], train=TRAIN, recipe=Recipe(refuses=True), weight="w"
    )
    line = run(Scaling(), of)[1]["runs"].rows[3]
    assert line[8] == pytest.approx(-0.75 * np.log(0.8) - 0.25 * np.log(0.2))
    assert line[9] == pytest.approx(0.75)
    assert LEAST < 0.2


def test_settings_out_of_range_are_all_named() -> None:
    with pytest.raises(InputError) as caught:
        Scaling(shares=(0.0, 1.0), widths=(-1.0,), factors=(1.0,), level=2.0)
    assert len(caught.value.problems) == 5
