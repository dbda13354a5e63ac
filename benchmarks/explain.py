"""What Shapley values cost, side by side with shap, and how far both lie from the truth.

Called by `make bench`; CPU seconds, one thread, medians of runs. Peers that take minutes for all
rows get some of them, and their time is scaled. It puts its section at the end of
`benchmarks/speed.md`.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
import numpy.typing as npt
import pandas as pd
import psutil
import torch

import auditkit
from auditkit.explaining.frames import CodedRows
from auditkit.methods.shapley_plan import Estimator
from auditkit.models.torch import TorchModel

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # shap warns of what its own dependencies deprecate
    import shap

PAGE = Path(__file__).parent / "speed.md"
CENSUS = Path(__file__).parents[1] / "examples/census_income/census.parquet"
HEADING = "## Shapley values"
RUNS = 3
ROWS, BACKGROUND = 1_000, 100
#: Rows that the slow peers explain.
FEW = {"Exact": 2, "Permutation": 40, "Kernel": 4}
TEXTS, WORDS, TRUE_ORDERS = 30, 30, 1_000
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A way to explain, its cost and its distance from the truth.

    Attributes:
        way: What it is.
        rows: Rows that it explained.
        seconds: CPU seconds for all rows, scaled where it explained fewer.
        error: Root of the mean squared distance from the truth, in these rows.
        largest: Largest distance.
    """

    way: str
    rows: int
    seconds: float
    error: float
    largest: float

    def __str__(self) -> str:
        cells = (self.way, f"{self.rows:,}", f"{self.seconds:,.2f} s")
        return f"| {' | '.join(cells)} | {self.error:.1e} | {self.largest:.1e} |"


def timed(call: Callable[[], Any]) -> tuple[float, Floats]:
    """Median CPU seconds of a few runs, and the values of the last."""
    seconds = []
    for _ in range(RUNS):
        start = time.process_time()
        found = call()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), np.asarray(found)


def line(way: str, measured: tuple[float, Floats], truth: Floats) -> Line:
    """Hold what was measured, perhaps of the first rows only, against the truth."""
    seconds, found = measured
    apart = np.abs(found - truth[: len(found)])
    scaled = seconds * len(truth) / len(found)
    return Line(way, len(found), scaled, float(np.sqrt((apart**2).mean())), float(apart.max()))


def census() -> tuple[TorchModel, pd.DataFrame, pd.DataFrame]:
    """A model of the census example's shape over all 14 columns, rows and a background."""
    rows = pd.read_parquet(CENSUS)
    train, rest = rows.iloc[:20_000], rows.iloc[20_000:].drop(columns="income_over_50k")
    training = auditkit.Training(epochs=6, batch_size=256)
    model, _ = auditkit.fit(
        auditkit.MLP(hidden=(64, 32)), train, label="income_over_50k", training=training
    )
    return model, rest.iloc[:ROWS], rest.iloc[-BACKGROUND:]


def numbered(
    model: TorchModel, rows: pd.DataFrame, background: pd.DataFrame
) -> tuple[Callable[[Floats], Floats], CodedRows]:
    """The same game for shap: a quick batched function of rows of numbered raw values."""
    coded = CodedRows.of(rows, background, model.features)
    together = pd.concat([rows, background])
    both, encoded = np.concatenate([coded.rows, coded.background]), model.encode(together)
    tables = []
    for column, places in enumerate(model.players.values()):
        first = np.unique(both[:, column], return_index=True)[1]
        tables.append(encoded[first][:, places])

    def function(codes: Floats) -> Floats:
        numbers = codes.astype(int)
        parts = [table[numbers[:, column]] for column, table in enumerate(tables)]
        scores: Floats = model.scores_of(np.concatenate(parts, axis=1))
        return scores

    return function, coded


def tabular(
    model: TorchModel, rows: pd.DataFrame, background: pd.DataFrame
) -> tuple[list[Line], str]:
    """Auditkit against shap on the census; and the errors of both in the same rows."""
    function, coded = numbered(model, rows, background)

    def ours(estimator: Estimator, orders: int = 1) -> tuple[float, Floats]:
        def run() -> Floats:
            found = auditkit.shapley_values(
                model, rows, background, estimator=estimator, orders=orders
            )
            return found.values

        return timed(run)

    def theirs(explain: Any, rows: int) -> tuple[float, Floats]:  # noqa: ANN401 - of shap
        explain(coded.rows[:1])  # compiles
        return timed(lambda: explain(coded.rows[:rows]).values)

    exact = ours("exact")
    masker = shap.maskers.Independent(coded.background, max_samples=BACKGROUND)
    kernel = shap.KernelExplainer(function, coded.background)
    measured = {
        "auditkit, exact": exact,
        "auditkit, sampled, 1 order": ours("sampled"),
        "auditkit, sampled, 2 orders": ours("sampled", 2),
        "shap ExactExplainer": theirs(shap.explainers.Exact(function, masker), FEW["Exact"]),
        "shap PermutationExplainer": theirs(
            shap.explainers.Permutation(function, masker, seed=0), FEW["Permutation"]
        ),
        "shap KernelExplainer": timed(
            lambda: kernel.shap_values(coded.rows[: FEW["Kernel"]], silent=True)
        ),
    }
    same = {
        way: line(way, (seconds, found[: FEW["Permutation"]]), exact[1])
        for way, (seconds, found) in measured.items()
    }
    said = [
        f"{way} {same[way].error:.1e} and {same[way].largest:.1e}"
        for way in ("auditkit, sampled, 2 orders", "shap PermutationExplainer")
    ]
    compared = f"RMSE and largest error in the same {FEW['Permutation']} rows: {'; '.join(said)}."
    return [line(way, found, exact[1]) for way, found in measured.items()], compared


def texts() -> list[Line]:
    """Auditkit against shap on an LSTM over texts."""
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(200)])
    drawn = rng.integers(0, 200, (600, WORDS))
    weight = rng.normal(size=200)
    turned = np.where(np.roll(drawn, 1, axis=1) % 10 == 0, -1, 1)  # some words turn the next round
    y = ((weight[drawn] * turned).sum(axis=1) > 0).astype(int)
    rows = pd.DataFrame({"text": [" ".join(line) for line in words[drawn]], "y": y})
    model, _ = auditkit.fit(
        auditkit.TextLSTM("text", embedding=24, hidden=32, length=WORDS), rows, label="y",
        training=auditkit.Training(epochs=20, batch_size=32, patience=0, learning_rate=0.01),
    )  # fmt: skip
    few = rows[:TEXTS]
    encoded = model.encode(few)

    def ours(orders: int, seed: int = 0) -> Floats:
        found = auditkit.text_shapley_values(
            model, few, standard_error=0.0, orders=orders, seed=seed
        )
        return np.stack(found.values)

    truth = ours(TRUE_ORDERS, seed=1)
    explain = shap.explainers.Permutation(
        model.scores_of, lambda mask, row: ((row * mask)[None],), seed=0
    )
    explain(encoded[:1])  # compiles
    measured = {
        "auditkit, 8 orders": timed(lambda: ours(8)),
        "auditkit, 16 orders": timed(lambda: ours(16)),
        "shap PermutationExplainer": timed(lambda: explain(encoded).values),
    }
    return [line(way, found, truth) for way, found in measured.items()]


def cpu_of_children() -> list[float]:
    """CPU seconds that each process started by this one has taken so far."""
    children = psutil.Process().children(recursive=True)
    return [sum(child.cpu_times()[:2]) for child in children]


def shared_out(explain: Callable[[int], Any]) -> tuple[float, float, float, float]:
    """One process and two in turn.

    Returns:
        By the clock, how many times as fast two are; by CPU accounting, how many times as much
        they take together, which share of their work the busier does, and how many times as fast
        two idle cores would make them: CPU of one, by what the busier takes and what this process
        does beside them.
    """
    start, cpu = time.perf_counter(), time.process_time()
    explain(1)
    alone, own = time.perf_counter() - start, time.process_time() - cpu
    before = cpu_of_children()
    start, cpu = time.perf_counter(), time.process_time()
    explain(2)
    together, beside = time.perf_counter() - start, time.process_time() - cpu
    worked = [after - b for after, b in zip(cpu_of_children(), before, strict=True)]
    total, busier = sum(worked), max(worked)
    return alone / together, (total + beside) / own, busier / total, own / (busier + beside)


def processes(model: TorchModel, rows: pd.DataFrame, background: pd.DataFrame) -> str:
    """How much sooner two processes are done than one, once both have started."""

    def explain(jobs: int) -> None:
        auditkit.shapley_values(model, rows, background, estimator="exact", jobs=jobs)

    auditkit.shapley_values(model, rows[:200], background, estimator="exact", jobs=2)  # starts them
    found = [shared_out(explain) for _ in range(RUNS)]
    clock, more, share, idle = (statistics.median(each) for each in zip(*found, strict=True))
    fastest = max(one[0] for one in found)
    load = os.getloadavg()[0]
    return (
        f"Exact values in two processes that have started, against one, medians of {RUNS} in turn: "
        f"{clock:.2f} times as fast by the clock (at best {fastest:.2f}), while the machine's load "
        f"was {load:.1f} on {os.cpu_count()} cores (this run's own among it). By CPU accounting, "
        f"which load disturbs less, the two take {more:.2f} times the CPU of one together, the "
        f"busier {100 * share:.0f} % of it: {idle:.2f} times as fast on two idle cores. The aim, "
        "1.7 times, needs at most 1.17 times the CPU, evenly split."
    )


def ratios(lines: list[Line], who: str) -> str:
    """What each other way takes, in times of one."""
    base = next(line for line in lines if line.way == who)
    others = [line for line in lines if line.way.startswith("shap")]
    said = [f"{line.way} {line.seconds / base.seconds:.1f} times" for line in others]
    return f"Of the CPU time of {who}: {', '.join(said)}."


def at_equal_error(lines: list[Line]) -> str:
    """What the last way takes in times of the first, had that as few orders as its error allows."""
    ours, theirs = lines[0], lines[-1]
    seconds = ours.seconds * (ours.error / theirs.error) ** 2
    return (
        f"The error falls with the root of the orders. At the error of {theirs.way}, auditkit "
        f"would take {seconds:.2f} s: shap takes {theirs.seconds / seconds:.1f} times that."
    )


def main() -> None:
    """Measure everything and put the section at the end of the page."""
    torch.set_num_threads(1)
    game = census()
    (first, compared), second = tabular(*game), texts()
    head = [
        "| way | rows explained | CPU for all | RMSE | largest error |",
        "|---|---|---|---|---|",
    ]
    section = [
        HEADING, "",
        f"One thread, CPU time, medians of {RUNS} runs; the time of few rows is scaled to all. "
        "Errors are distances from auditkit's exact values, in the rows that were explained; for "
        f"texts from {TRUE_ORDERS:,} orders. shap has its default settings and a batched function, "
        "and is compiled before.", "",
        f"Census, 14 raw features, MLP 64-32, {ROWS:,} rows against {BACKGROUND} background rows, "
        "probability:", "", *head, *map(str, first), "",
        ratios(first, "auditkit, exact"), ratios(first, "auditkit, sampled, 2 orders"), compared,
        "",
        f"Text LSTM, {TEXTS} texts of {WORDS} words, absent words taken out:", "",
        *head, *map(str, second), "", ratios(second, "auditkit, 8 orders"),
        at_equal_error(second), "",
        processes(*game),
    ]  # fmt: skip
    text = "\n".join([*section, ""])
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(f"{before.split(HEADING)[0].rstrip()}\n\n{text}", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
