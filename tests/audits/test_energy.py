"""The energy audit on small networks whose operations one can count by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from metered import NO_COUNTER, Network, Opaque, cost, make, mlp, record, run
from torch import nn

from auditkit import meter
from auditkit.audits.energy import Energy
from auditkit.errors import InputError
from auditkit.models import NetworkModel
from auditkit.subject import Subject


def test_the_stand_in_is_a_network_model() -> None:
    assert isinstance(mlp(), NetworkModel)


def test_training_is_what_its_record_says() -> None:
    found, _ = run(make(mlp()))
    assert found["training_seconds"].value == 6.0
    assert found["training_cpu_seconds"].value == 10.0
    assert found["training_peak_memory"].value == 300_000_000
    for name in ("training_seconds", "training_cpu_seconds", "training_peak_memory"):
        assert found[name].exact
        assert found[name].n == 1
        assert "one training run" in str(found[name].reason)


def test_estimated_energy_has_the_range_of_its_model_and_its_method() -> None:
    energy = run(make(mlp()))[0]["training_energy"]
    assert energy.interval is not None
    assert (energy.value, energy.interval.low, energy.interval.high) == (40.0, 16.0, 230.0)
    assert energy.basis == "estimated"
    assert "over processors, not over runs" in energy.interval.method
    assert NO_COUNTER in energy.source


def test_measured_energy_is_one_reading_and_decides_nothing() -> None:
    counter = meter.Energy(99.0, None, None, "measured", "RAPL counters of package-0")
    found, phases = run(make(mlp(), record=record(cost=cost(energy=counter).to_dict())))
    energy = found["training_energy"]
    assert (energy.value, energy.interval, energy.basis) == (99.0, None, "measured")
    assert energy.reason == "one reading of a counter"
    assert not energy.exact
    assert "RAPL" in energy.source
    assert phases.rows[0][3:] == (99.0, None, None, "measured")
    assert phases.basis == "estimated"


def test_unknown_energy_is_not_nothing() -> None:
    unknown = meter.Energy(None, None, None, None, "no CPU time was counted")
    energy = run(make(mlp(), record=record(cost=cost(energy=unknown).to_dict())))[0][
        "training_energy"
    ]
    assert energy.value is None
    assert energy.reason == "unknown: no CPU time was counted"


def test_a_coefficient_without_a_range_gives_no_interval() -> None:
    point = meter.Energy(40.0, 40.0, 40.0, "estimated", "my data sheet")
    found = run(make(mlp(), record=record(cost=cost(energy=point).to_dict())))[0]
    assert found["training_energy"].interval is None
    assert "without a range" in str(found["training_energy"].reason)


def test_operations_are_those_of_the_closed_form_times_the_rows_seen() -> None:
    found, _ = run(make(mlp()))
    forward = 2 * (3 * 4 + 4 * 1)
    training = 2 * forward + 2 * 4
    assert found["prediction_flops"].value == forward
    assert found["training_flops"].value == training * 1234
    assert found["training_flops"].exact
    assert found["training_flops"].n == 1234
    assert found["parameters"].value == 3 * 4 + 4 + 4 + 1


def test_what_was_not_counted_is_printed_and_makes_the_count_a_lower_bound() -> None:
    network = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 1), nn.Flatten(0))
    found, _ = run(make(Network(network)))
    for name in ("prediction_flops", "training_flops"):
        assert "0 (LayerNorm)" in found[name].source
        assert not found[name].exact


def test_private_training_costs_more_than_was_counted() -> None:
    flops = run(make(mlp(), record=record(privacy={"epsilon": 1.0})))[0]["training_flops"]
    assert flops.basis == "estimated"
    assert not flops.exact
    assert "clipping and noise" in flops.source


def test_operations_that_the_training_counted_are_taken_as_they_are() -> None:
    counted = {
        "flops": 5000, "low": None, "high": None, "level": 0.95, "batches": 1, "rows": 32,
        "not_counted": (), "left_out": ("loss", "noise"),
    }  # fmt: skip
    private = {"privacy": {"epsilon": 1.0}, "frozen": {"parameters": 9}}
    flops = run(make(mlp(), record=record(operations=counted, **private)))[0]["training_flops"]
    assert (flops.value, flops.basis, flops.exact, flops.n) == (5000, "measured", True, 1234)
    assert "left out: loss, noise" in flops.source
    spread = {**counted, "low": 4900, "high": 5100, "batches": 4}
    flops = run(make(mlp(), record=record(operations=spread)))[0]["training_flops"]
    assert flops.interval is not None
    assert (flops.interval.low, flops.interval.high, flops.basis) == (4900, 5100, "estimated")
    untold = {**counted, "left_out": ("predictions of the teacher",)}
    flops = run(make(mlp(), record=record(operations=untold)))[0]["training_flops"]
    assert (flops.basis, flops.exact) == ("estimated", False)


@pytest.mark.parametrize("part", ["teacher", "frozen"])
def test_operations_of_a_teacher_and_of_frozen_layers_make_the_count_rough(part: str) -> None:
    flops = run(make(mlp(), record=record(**{part: {"parameters": 9}})))[0]["training_flops"]
    assert flops.basis == "estimated"
    assert {"teacher": "teacher not counted", "frozen": "as if they had"}[part] in flops.source


def test_a_thousand_rows_are_timed_at_once() -> None:
    model = mlp()
    found, _ = run(make(model))
    assert set(model.asked) == {1000, 50}  # the assessed rows once, for accuracy
    m = found["prediction_seconds_per_1000"]
    assert m.value is not None
    assert m.interval is not None
    assert 0 < m.interval.low <= m.value <= m.interval.high
    assert m.n == 6
    assert "order statistics of 6 repeats" in m.interval.method


def test_the_phases_give_one_call_of_a_thousand_rows() -> None:
    found, phases = run(make(mlp()), Energy(repeats=6, seconds=0.02))
    energy = found["energy_per_1000_predictions"]
    assert energy.interval is not None
    name, seconds, cpu, joules, low, high, basis = phases.rows[1]
    assert name == "predict 1,000 rows"
    assert seconds == found["prediction_seconds_per_1000"].value
    assert (joules, low, high) == (energy.value, energy.interval.low, energy.interval.high)
    assert basis == energy.basis == "estimated"
    assert joules == pytest.approx(cpu * meter.WATTS_PER_BUSY_CORE.central)  # type: ignore[operator]
    assert phases.rows[0] == ("train", 6.0, 10.0, 40.0, 16.0, 230.0, "estimated")


def test_too_few_repeats_give_no_interval_of_the_median() -> None:
    found, _ = run(make(mlp()), Energy(repeats=3, seconds=0.0))
    assert found["prediction_seconds_per_1000"].value is not None
    assert found["prediction_seconds_per_1000"].interval is None
    assert "too few repeats" in str(found["prediction_seconds_per_1000"].reason)


def test_phases_inside_others_are_not_added_twice() -> None:
    inner = cost(name="epoch", seconds=5.0, parent="train")
    other = cost(name="encode", seconds=1.0, peak_memory_bytes=400_000_000)
    costs = {"train": cost().to_dict(), "epoch": inner.to_dict(), "encode": other.to_dict()}
    found, phases = run(make(mlp(), record=record(cost=costs)))
    assert found["training_seconds"].value == 7.0
    assert found["training_energy"].value == 80.0
    assert found["training_peak_memory"].value == 400_000_000
    assert [row[0] for row in phases.rows] == ["train", "encode", "predict 1,000 rows"]


def test_a_busy_machine_and_a_mark_of_the_whole_process_are_said() -> None:
    busy = cost(contended=True, peak_memory_scope="process").to_dict()
    found, _ = run(make(mlp(), record=record(cost=busy)))
    assert "busy with other work" in found["training_seconds"].source
    assert "since the start of the process" in found["training_peak_memory"].source


def test_memory_that_nobody_counts_is_unknown() -> None:
    found, _ = run(make(mlp(), record=record(cost=cost(peak_memory_bytes=None).to_dict())))
    assert found["training_peak_memory"].value is None


def test_a_scored_table_gets_every_number_unmeasured_with_the_reason() -> None:
    rows = pd.DataFrame({"y": [0, 1], "score": [0.2, 0.7]})
    found, phases = run(Subject.from_scores(rows, label="y", score="score"))
    assert set(found) == {metric.id for metric in Energy.metrics}
    assert all(m.value is None for m in found.values())
    assert "without a training record" in str(found["training_energy"].reason)
    for name in ("prediction_seconds_per_1000", "prediction_flops", "parameters"):
        assert "no model to ask" in str(found[name].reason)
    assert phases.rows == ()


def test_a_model_that_is_no_network_is_timed_but_not_counted() -> None:
    found, _ = run(make(Opaque(), record=None))
    assert found["prediction_seconds_per_1000"].value is not None
    assert "cannot be looked into" in str(found["prediction_flops"].reason)
    assert "does not say how many parameters" in str(found["parameters"].reason)


@pytest.mark.parametrize("held", [None, {}, {"train": 3}, {"seconds": 1.0}])
def test_a_record_without_its_cost_gives_the_reason(held: object) -> None:
    found, _ = run(make(mlp(), record=SimpleNamespace(cost=held)))
    assert "does not hold what it cost" in str(found["training_seconds"].reason)
    assert "does not say how many rows" in str(found["training_flops"].reason)


def test_the_cost_of_the_last_part_of_a_training_is_not_that_of_the_whole() -> None:
    found, phases = run(make(mlp(), record=record(resumed_after=(3, 5))))
    for name in ("training_energy", "training_seconds", "training_cpu_seconds"):
        assert found[name].value is None
        assert "resumed after epoch 3, 5" in str(found[name].reason)
    assert "train" not in [row[0] for row in phases.rows]


def test_no_rows_to_predict_gives_the_reason() -> None:
    found, _ = run(make(mlp(), rows=0))
    for name in ("prediction_seconds_per_1000", "prediction_flops", "energy_per_1000_predictions"):
        assert found[name].reason == "there are no rows to predict"


def test_every_metric_is_declared_and_everything_but_times_and_energy_stays_the_same() -> None:
    first, again = run(make(mlp()))[0], run(make(mlp()))[0]
    assert set(first) == {metric.id for metric in Energy.metrics}
    for name in ("training_flops", "prediction_flops", "parameters", "training_energy"):
        assert first[name] == again[name]


def test_settings_out_of_range_are_all_named() -> None:
    with pytest.raises(InputError) as caught:
        Energy(repeats=0, seconds=-1.0, level=1.0)
    assert len(caught.value.problems) == 3


def test_rows_that_differ_in_length_cost_a_mean_with_its_interval() -> None:
    class Long(nn.Module):
        """Goes through its layer once, or twice for a row whose number is large."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.layer(x)
            return out if x.mean() < 25 else self.layer(out)

    flops = run(make(Network(Long())))[0]["prediction_flops"]
    assert flops.value is not None
    assert flops.interval is not None
    assert 18 < flops.interval.low < flops.value < flops.interval.high < 36
    assert (flops.basis, flops.exact) == ("estimated", False)
