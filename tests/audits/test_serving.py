"""The audit of speed and size: what is timed, how often, and what is said where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from torch import nn

from auditkit import meter
from auditkit.audits import serving
from auditkit.audits.serving import Serving
from auditkit.errors import InputError
from auditkit.evidence import Measurement, Table
from auditkit.models.endpoint import EndpointModel
from auditkit.models.outputs import Reading
from auditkit.models.transport import Address, Transport
from auditkit.subject import DataSource, Subject

QUICK = Serving(calls=12, repeats=6, batches=(1, 8), seconds=1.0)


class Asked:
    """A model that remembers how many rows it was asked about."""

    kind = "constant"
    sha256 = None
    parameters = None

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.alone: list[float] = []

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        self.asked.append(len(rows))
        self.alone += rows["x"].tolist() if len(rows) == 1 else []
        return np.full(len(rows), 0.5)


def make(model: object, rows: int = 50) -> Subject:
    frame = pd.DataFrame({"x": np.arange(rows, dtype=float), "y": np.arange(rows) % 2})
    facts: dict[str, Any] = {
        "name": "test", "rows": frame, "label": "y", "positive": 1, "sensitive": (),
        "groups": {}, "source": DataSource("test", "0", rows), "model": model,
    }  # fmt: skip
    return Subject(**facts)


def run(
    subject: Subject, audit: Serving = QUICK
) -> tuple[dict[str, Measurement], dict[str, Table]]:
    found = list(audit.run(subject, np.random.default_rng(0)))
    numbers = {m.metric: m for m in found if isinstance(m, Measurement)}
    assert set(numbers) == {metric.id for metric in Serving.metrics}
    return numbers, {t.name: t for t in found if isinstance(t, Table)}


def timed(monkeypatch: pytest.MonkeyPatch, seconds: list[float], *, busy: bool = False) -> None:
    """Let every call of one row have taken these seconds."""

    def time_each(name: str, work: object, **_: object) -> meter.Calls:
        with meter.phase(name) as measured:
            assert callable(work)
        return meter.Calls(tuple(seconds), 10, 1e-7, cost(measured.cost, busy=busy))

    monkeypatch.setattr(meter, "time_each", time_each)


def cost(like: meter.Cost, **changes: Any) -> meter.Cost:
    facts = {"contended": changes.pop("busy", False), **changes}
    return meter.Cost.from_dict({**like.to_dict(), **facts})


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[EndpointModel]:
    """A served model whose answers need no server; `asked` holds the rows of each call."""
    model = EndpointModel(
        Transport(Address.read("http://127.0.0.1:8080/v2/models/m", "endpoint")),
        ("x",),
        Reading("binary"),
    )
    stand_in = Asked()
    monkeypatch.setattr(EndpointModel, "scores", lambda _, rows: stand_in.scores(rows))
    monkeypatch.setattr(EndpointModel, "asked", stand_in.asked, raising=False)
    yield model


def test_rows_are_asked_one_by_one_then_in_batches() -> None:
    model = Asked()
    numbers, tables = run(make(model))
    assert model.asked[:22] == [1] * 22  # 10 to warm up, 12 that count
    assert set(model.asked[22:]) == {1, 8}
    assert len({*model.alone[10:22]}) == 12  # a row of its own for each
    assert numbers["prediction_latency"].n == 12
    assert "12 calls of one row" in numbers["prediction_latency"].source
    assert "10 to warm up" in numbers["prediction_latency"].source
    assert [row[0] for row in tables["throughput"].rows] == [1, 8]


def test_percentiles_and_their_intervals_are_those_of_the_order_statistics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timed(monkeypatch, [float(second) for second in range(1, 401)])
    numbers, tables = run(make(Asked()), Serving(batches=(1,), repeats=1, seconds=0.1))
    values = [
        numbers[m.id].value for m in (serving.LATENCY, serving.LATENCY_95, serving.LATENCY_99)
    ]
    assert values == [200.0, 380.0, 396.0]
    slowest = numbers["prediction_latency_p99"].interval
    assert slowest is not None
    assert (slowest.low, slowest.high) == pytest.approx((392.0, 400.0), abs=1e-6)
    assert [row[1] for row in tables["latency"].rows] == [200_000.0, 380_000.0, 396_000.0]


def test_a_percentile_that_too_few_calls_reach_says_how_many_it_takes() -> None:
    numbers, tables = run(make(Asked()))
    for metric, calls in (("prediction_latency_p95", 20), ("prediction_latency_p99", 100)):
        assert numbers[metric].value is None
        assert numbers[metric].reason == f"12 values do not reach it; it takes {calls}"
    assert tables["latency"].rows[2] == ("99th percentile", None, None, None)


def test_a_drift_and_a_busy_machine_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    timed(monkeypatch, [0.001, 0.0011] * 50 + [0.002, 0.0021] * 50, busy=True)
    numbers, tables = run(make(Asked()))
    drift = numbers["latency_drift"]
    assert drift.interval is not None
    assert drift.interval.low > 1.5
    assert "busy with other work" in numbers["prediction_latency"].source
    assert "busy with other work" in tables["latency"].source


def test_throughput_is_rows_by_the_median_second_of_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with meter.phase("made") as measured:
        pass

    def time_calls(name: str, *_: object, **__: object) -> meter.Timing:
        slow = 0.5 if name.endswith("of 1") else 1.0
        return meter.Timing(slow, slow / 2, 2 * slow, 0.95, 9, 9, cost(measured.cost, seconds=0.1))

    monkeypatch.setattr(meter, "time_calls", time_calls)
    numbers, tables = run(make(Asked()), Serving(calls=12, batches=(1, 8), seconds=100.0))
    throughput = numbers["prediction_throughput"]
    assert throughput.value == 8.0
    assert throughput.interval is not None
    assert (throughput.interval.low, throughput.interval.high) == (4.0, 16.0)
    assert throughput.n == 9
    assert "batches of 8 rows" in throughput.source
    assert tables["throughput"].rows == ((1, 2.0, 1.0, 4.0), (8, 8.0, 4.0, 16.0))


def test_batches_that_would_take_too_long_are_left_out_and_said() -> None:
    class Slow(Asked):
        def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
            meter.time_calls("wait", lambda: None, repeats=1, least=0.002)
            return super().scores(rows)

    model = Slow()
    audit = Serving(calls=3, repeats=2, batches=(1, 1000), seconds=0.2)
    numbers, tables = run(make(model), audit)
    assert max(model.asked) == 1
    assert len(tables["throughput"].rows) == 1
    said = "batches of more than 1 rows were left out: they would take too long"
    assert said in tables["throughput"].source
    assert numbers["prediction_throughput"].interval is None
    assert "too few repeats" in str(numbers["prediction_throughput"].reason)


def test_a_served_model_is_spared_and_its_times_hold_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with served(monkeypatch) as model:
        audit = Serving(served_calls=5, repeats=6, batches=(1, 8, 512, 1024), seconds=100.0)
        numbers, tables = run(make(model), audit)
        asked: list[int] = model.asked  # type: ignore[attr-defined]
    assert asked[:10] == [1] * 10  # 5 to warm up, 5 that count
    assert asked[10:] == [1] * 7 + [8] * 7 + [512] * 7
    assert "the way to the served model and back" in numbers["prediction_latency"].source
    assert "it is spared" in tables["throughput"].source
    assert numbers["prediction_peak_memory"].reason == "the served model runs in another process"
    assert numbers["model_bytes"].reason == "a served model does not say how large it is"


def test_the_bytes_of_a_network_are_those_of_parameters_and_buffers() -> None:
    class Network(Asked):
        network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))

    size = run(make(Network()))[0]["model_bytes"]
    floats = (3 * 4 + 4) + 4 * 4  # weights and biases, then scale, shift, running mean, variance
    assert size.value == 4 * floats + 8  # and one whole number of 8 bytes: batches seen
    assert size.exact
    assert "parameters and buffers" in size.source


def test_a_model_from_a_file_has_the_bytes_of_the_file_and_others_a_reason() -> None:
    class Opened(Asked):
        file_bytes = 1234

    opened = run(make(Opened()))[0]["model_bytes"]
    assert (opened.value, opened.source) == (1234, "the file that the model was opened from")
    unknown = run(make(Asked()))[0]["model_bytes"]
    assert unknown.value is None
    assert "came from no file" in str(unknown.reason)


def test_memory_is_the_peak_of_the_process_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = run(make(Asked()))[0]["prediction_peak_memory"]
    assert memory.value is not None
    assert memory.value > 10_000_000
    assert memory.exact
    monkeypatch.setattr(meter.process, "memory_and_threads", lambda: (None, None))
    unknown = run(make(Asked()))[0]["prediction_peak_memory"]
    assert unknown.value is None or "since the start of the process" in unknown.source


def test_no_rows_give_the_reason() -> None:
    numbers, tables = run(make(Asked(), rows=0))
    assert tables == {}
    for metric, found in numbers.items():
        if metric != "model_bytes":
            assert found.reason == "there are no rows to predict"


@pytest.mark.parametrize("batches", [(), (0, 1), (8, 1), (8, 8)])
def test_sizes_of_batches_rise_from_one(batches: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="whole numbers from 1, rising"):
        Serving(batches=batches)


def test_settings_out_of_range_are_all_named() -> None:
    with pytest.raises(InputError) as caught:
        Serving(calls=0, served_calls=0, repeats=0, batches=(), seconds=0.0, level=1.0)
    assert len(caught.value.problems) == 6
