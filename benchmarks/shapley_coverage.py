"""`make validity`: how often the intervals of Shapley values hold the truth.

The tabular population is finite, so that the truth is exact: every row of it explained against
every row. Rows and backgrounds are drawn from it again and again and explained as an audit explains
them, and each interval is held against that truth. Texts are short enough to enumerate all subsets
of their tokens, and their values are drawn as those of long texts are. It puts its section at the
end of `benchmarks/coverage.md`; ends with status 1 where a figure misses its aim.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from joblib import Parallel, delayed
from scipy import special

from auditkit.methods.estimates import Estimate
from auditkit.methods.shapley import shapley
from auditkit.methods.shapley_exact import subset_weights
from auditkit.methods.shapley_game import Asked
from auditkit.methods.shapley_gap import gap
from auditkit.methods.shapley_noise import value_bounds
from auditkit.methods.shapley_plan import Estimator
from auditkit.methods.shapley_summary import importance
from auditkit.methods.shapley_text import half_widths, token_values
from auditkit.training.networks import build
from auditkit.training.settings import TextLSTM

PAGE = Path(__file__).parent / "coverage.md"
HEADING = "## Intervals of Shapley values"
LEVEL, LEAST, MOST, ERRORS = 0.95, 0.92, 0.98, 3.0
Floats = npt.NDArray[np.float64]
Covered = npt.NDArray[np.float64]

#: Values of each feature, and how often each of them is there.
FEATURES = {
    "skewed amount": (
        np.exp(np.linspace(-1.5, 2.5, 8)),
        np.exp(-(np.linspace(-1.5, 2, 8) ** 2) / 2),
    ),
    "age": (np.linspace(-1.5, 1.5, 6), np.array([1.0, 2, 3, 3, 2, 1])),
    "rare mark": (np.array([0.0, 1.0]), np.array([0.93, 0.07])),
    "group": (np.array([0.0, 1.0]), np.array([0.6, 0.4])),
    "common mark": (np.array([0.0, 1.0]), np.array([0.6, 0.4])),
}
PLAYERS = [np.array([j]) for j in range(len(FEATURES))]
GROUP = list(FEATURES).index("group")
#: Tokens of a text, texts, and numbers that a token can have.
LENGTH, TEXTS, TOKENS = 14, 12, 40


def logit(z: Any) -> Any:  # noqa: ANN401 - an array
    """What the simulated model makes of rows; every feature acts together with another."""
    amount, age, rare, group, common = np.moveaxis(np.asarray(z, dtype=np.float64), -1, 0)
    alone = 0.8 * amount + 0.9 * age + 0.6 * group - 1.5
    return alone - 0.5 * amount * group + 1.5 * rare * (age > 0) - 0.4 * common * age


def probability(z: Any) -> Any:  # noqa: ANN401 - an array
    """The same as a probability."""
    return special.expit(logit(z))


def steep(z: Any) -> Any:  # noqa: ANN401 - an array
    """A logit with heavier tails: the skewed amount multiplies all of it."""
    return logit(z) * (1 + 0.3 * np.asarray(z, dtype=np.float64)[..., 0])


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "probability": probability,
    "logit": logit,
    "steep logit": steep,
}


@dataclass(frozen=True)
class Scenario:
    """How rows are explained.

    Attributes:
        output: What is explained.
        rows: Rows that are explained.
        background: Rows of the background.
        estimator: How.
        draws: How often rows and background are drawn.
        excused: Why coverage need not reach the aim; empty where it must.
    """

    output: str
    rows: int
    background: int
    estimator: Estimator
    draws: int
    excused: str = ""

    @property
    def name(self) -> str:
        """The scenario for a reader."""
        return (
            f"{self.output}, {self.rows:,} rows against {self.background:,} background rows, "
            f"{self.estimator}"
        )


SMALL = "a background this small misses what is rare"
TAILS = "few background rows hold most of such a value"
SCENARIOS = (
    Scenario("probability", 60, 25, "exact", 800, SMALL),
    Scenario("probability", 60, 100, "exact", 800),
    Scenario("probability", 60, 100, "sampled", 800),
    Scenario("probability", 250, 100, "sampled", 400),
    Scenario("probability", 500, 400, "sampled", 200),
    Scenario("logit", 60, 100, "exact", 800),
    Scenario("steep logit", 60, 100, "exact", 800, TAILS),
    Scenario("steep logit", 60, 400, "sampled", 400, TAILS),
)
#: Most orders and the standard error at which they end.
WALKS = ((8, 0.0), (16, 0.0), (60, 0.0), (400, 0.005))


@dataclass(frozen=True)
class Truth:
    """A population and what is true of it.

    Attributes:
        cells: Every different row, shape (n, g).
        weights: How often each is there, shape (n,).
        values: Shapley values of each against the whole population, shape (n, g).
    """

    cells: npt.NDArray[np.float32]
    weights: Floats
    values: Floats

    @property
    def sizes(self) -> Floats:
        """Global importance of each feature."""
        return np.asarray(self.weights @ np.abs(self.values))

    @property
    def parts(self) -> Floats:
        """What each feature adds to the gap between the groups."""
        inside = self.cells[:, GROUP] == 1
        first, second = (np.where(side, self.weights, 0.0) for side in (inside, ~inside))
        return np.asarray(first @ self.values / first.sum() - second @ self.values / second.sum())


def truth(output: str) -> Truth:
    """Explain the whole population against itself, by the definition."""
    cells = np.array(list(product(*(values for values, _ in FEATURES.values()))), np.float32)
    often = product(*(often / often.sum() for _, often in FEATURES.values()))
    weights = np.array([np.prod(one) for one in often])
    subsets = (np.arange(2 ** len(FEATURES))[:, None] >> np.arange(len(FEATURES))) & 1
    means = [FUNCTIONS[output](np.where(s, cells[:, None], cells)) @ weights for s in subsets]
    values = np.stack(means, axis=1) @ subset_weights(len(FEATURES)).T
    return Truth(cells, weights, values)


def holds(estimates: Sequence[Estimate], true: Floats) -> list[bool]:
    """Whether each interval holds the truth."""
    intervals = [estimate.interval for estimate in estimates]
    return [i is not None and i.low <= t <= i.high for i, t in zip(intervals, true, strict=True)]


def covered(scenario: Scenario, real: Truth, seed: int) -> dict[str, Covered]:
    """Draw, explain, and see which intervals hold the truth: shape (draws, g) for each kind."""
    rng = np.random.default_rng(seed)
    bounded = scenario.output == "probability"
    held: dict[str, list[Any]] = {"single value": []}
    for _ in range(scenario.draws):
        rows, others = (
            rng.choice(len(real.cells), size, p=real.weights)
            for size in (scenario.rows, scenario.background)
        )
        found = shapley(
            FUNCTIONS[scenario.output], real.cells[rows], real.cells[others], PLAYERS, rng=rng,
            estimator=scenario.estimator,
        )  # fmt: skip
        low, high = value_bounds(found, LEVEL, 1.0 if bounded else np.inf)
        held["single value"].append(
            ((low <= real.values[rows]) & (real.values[rows] <= high)).mean(0)
        )
        if bounded:
            inside = real.cells[rows, GROUP] == 1
            apart = gap(found, inside, ~inside, LEVEL)
            held.setdefault("global importance", []).append(
                holds(importance(found, LEVEL), real.sizes)
            )
            if apart is not None:
                held.setdefault("part of the gap", []).append(
                    holds(apart.contributions, real.parts)
                )
    return {kind: np.array(draws, dtype=np.float64) for kind, draws in held.items()}


def text_model() -> Callable[[Any], Floats]:
    """An LSTM with large random weights, so that tokens act on each other."""
    generator = torch.Generator().manual_seed(0)
    settings = TextLSTM("text", embedding=12, hidden=12, length=LENGTH)
    network = build(settings, (LENGTH,), generator=generator, tokens=TOKENS).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)

    def function(codes: npt.NDArray[np.float32]) -> Floats:
        with torch.inference_mode():
            logits = network(torch.from_numpy(np.ascontiguousarray(codes, dtype=np.float32)))
        return np.asarray(special.expit(logits.double().numpy()))

    return function


def covered_texts(orders: int, standard_error: float, draws: int = 100) -> tuple[Covered, float]:
    """Values of texts that hold their exact ones, shape (draws, 1), and the mean orders walked."""
    torch.set_num_threads(1)
    function, rng = text_model(), np.random.default_rng(0)
    texts = list(rng.integers(2, TOKENS, (TEXTS, LENGTH)).astype(np.float32))
    subsets = (np.arange(2**LENGTH)[:, None] >> np.arange(LENGTH)) & 1
    outputs = np.array([function(subsets * text) for text in texts])
    exact = outputs @ subset_weights(LENGTH).T
    held, walked = [], []
    for draw in range(draws):
        found = token_values(
            Asked(function, 8_192), texts, outputs[0, 0], outputs[:, -1],
            rngs=[np.random.default_rng([draw, row]) for row in range(TEXTS)],
            standard_error=standard_error, orders=[orders] * TEXTS,
        )  # fmt: skip
        arms = np.array([half_widths(one.standard_errors, one.orders, LEVEL) for one in found])
        held.append([np.mean(np.abs(np.array([one.values for one in found]) - exact) <= arms)])
        walked += [one.orders for one in found]
    return np.array(held), float(np.mean(walked))


def line(kind: str, how: str, held: Covered, excused: str = "") -> tuple[str, bool]:
    """A line of the table, and whether the aim was reached: in each feature, and in their mean."""
    rates = held.mean(axis=0)
    error = ERRORS * held.std(axis=0, ddof=1) / np.sqrt(len(held))
    conservative = bool((rates - error > MOST).any())
    missed = bool((rates + error < LEAST).any()) or not LEAST <= rates.mean() <= MOST
    said = "missed" if missed else "reached, but wide" if conservative else "reached"
    if excused and missed:
        said = f"missed: {excused}"
    worst, widest = rates.argmin(), rates.argmax()
    names = list(FEATURES) if len(rates) > 1 else [""]
    ends = f"{rates[worst]:.3f} {names[worst]} | {rates[widest]:.3f} {names[widest]}"
    text = f"| {kind} | {how} | {len(held):,} | {rates.mean():.3f} | {ends} | {said} |"
    return text, not missed or bool(excused)


def main() -> int:
    """Simulate, put the section at the end of the page, and say whether every aim was reached."""
    workers = Parallel(n_jobs=2)
    known = {output: truth(output) for output in FUNCTIONS}
    tabular = workers(
        delayed(covered)(one, known[one.output], seed) for seed, one in enumerate(SCENARIOS)
    )
    walks = workers(delayed(covered_texts)(*walk) for walk in WALKS)
    lines = [
        line(kind, scenario.name, held, scenario.excused)
        for scenario, found in zip(SCENARIOS, tabular, strict=True)
        for kind, held in found.items()
    ]
    for (orders, error), (held, walked) in zip(WALKS, walks, strict=True):
        until = (
            f"until the standard error is {error:g}, {walked:.0f} orders"
            if error
            else f"{orders} orders"
        )
        lines.append(line("token of a text", f"probability, {LENGTH} tokens, {until}", held))
    section = [
        HEADING, "",
        f"Simulated {datetime.now(tz=UTC):%Y-%m-%d} by `make validity` "
        f"(`benchmarks/shapley_coverage.py`), Python {platform.python_version()}. Five features, "
        "one skewed and one with a value that 7 % of the rows have, each acting together with "
        "another; the population is finite, so that the truth is known exactly. Every draw has new "
        f"rows and a new background. Aim of a {100 * LEVEL:g} % interval: {100 * LEAST:g} to "
        f"{100 * MOST:g} % over the features, and in no feature less than {100 * LEAST:g} %, but "
        f"for {ERRORS:g} standard errors of the simulation. A line that misses it for a reason "
        "that is known says so, and does not fail the run.",
        "", "| interval of | how | draws | coverage | lowest | highest | aim |",
        "|---|---|---|---|---|---|---|", *(text for text, _ in lines), "",
    ]  # fmt: skip
    text = "\n".join(section)
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(f"{before.split(HEADING)[0].rstrip()}\n\n{text}", encoding="utf-8")
    print(text)
    return 0 if all(reached for _, reached in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
