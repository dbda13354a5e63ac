"""`make validity`: how often the intervals of the fairness audit hold the truth.

Draws tables of people from known rates, audits each as `auditkit run` does, and counts how often
each 95 % interval holds the value that the audit gives for the rates themselves. Then draws models
that treat all groups alike, and counts how often the whole audit says "fail". Writes
`benchmarks/coverage.md`; ends with status 1 where a figure misses its aim.
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import platform
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from auditkit.audits.fairness import Fairness
from auditkit.data.counted import CellTable
from auditkit.evidence import ALL_GROUPS, Measurement
from auditkit.judging import judge, overall
from auditkit.methods import count_metrics, decision_gaps, resampling
from auditkit.methods.cells import Cells
from auditkit.methods.estimates import Estimate
from auditkit.policy import parse_policy
from auditkit.records import measurement_record
from auditkit.rows import DataSource
from auditkit.subject import Subject

HERE = Path(__file__).parent
LEVEL, AIM, FALSE_FAILS = 0.95, 0.94, 0.05
DRAWS, FAIR_DRAWS = 400, 400
#: Standard errors that a simulated coverage may lie below its aim.
ERRORS = 3.0
#: Rows of each group; a pair of numbers is spread evenly on the logarithm over the groups.
SIZES: tuple[tuple[int, int], ...] = ((20, 20), (60, 60), (200, 200), (2_000, 2_000), (20, 2_000))
GROUPS = (2, 3, 5, 12)
#: Replicates of the bootstrap, of which an audit makes 10,000.
REPLICATES = 500
POPULATION = 10**9

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """Rates of k groups and how many people of each are drawn.

    Attributes:
        groups: Number of groups.
        rows: Least and most rows of a group.
        base: Base rate of the first group and of the last.
        recall: True positive rate, likewise.
        alarms: False positive rate, likewise.
    """

    groups: int
    rows: tuple[int, int]
    base: tuple[float, float]
    recall: tuple[float, float]
    alarms: tuple[float, float]

    @property
    def name(self) -> str:
        """The rows and rates for a reader."""
        low, high = self.rows
        return f"{self.groups} groups of {low:,}" + (f" to {high:,}" if high > low else "")

    @property
    def is_fair(self) -> bool:
        """Whether all groups have the same rates."""
        return all(first == last for first, last in (self.base, self.recall, self.alarms))

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Rows of each group, shape (k,)."""
        return np.geomspace(*self.rows, self.groups).round().astype(np.int64)

    @property
    def chances(self) -> Floats:
        """Chance of each true outcome and decision in each group, shape (k, 4)."""
        base, recall, alarms = (
            np.linspace(*ends, self.groups) for ends in (self.base, self.recall, self.alarms)
        )
        no, yes = 1 - base, base
        return np.stack([no * (1 - alarms), no * alarms, yes * (1 - recall), yes * recall], axis=1)


def scenarios() -> list[Scenario]:
    """With and without a difference, common and rare outcomes."""
    alike = ((0.3, 0.3), (0.7, 0.7), (0.2, 0.2))
    rare = ((0.1, 0.1), (0.5, 0.5), (0.05, 0.05))
    apart = ((0.25, 0.4), (0.6, 0.8), (0.1, 0.25))
    return [
        Scenario(k, rows, *rates)
        for k, rows, rates in product(GROUPS, SIZES, (alike, rare, apart))
        if rows[0] == rows[1] or rates is not rare
    ]


def subject(table: npt.NDArray[np.int64], columns: Sequence[int]) -> Subject:
    """People that were counted: shape (groups of each column, 4)."""
    shape = table.shape[:-1]
    codes = np.indices(table.shape).reshape(len(table.shape), -1)
    names = {f"attribute {i}": tuple(f"g{j}" for j in range(size)) for i, size in enumerate(shape)}
    cells = Cells(
        columns=tuple(names),
        sizes=tuple(columns),
        codes=codes[:-1].T,
        y_true=codes[-1] // 2,
        y_pred=codes[-1] % 2,
        n=table.ravel(),
    )
    source = DataSource("simulated", "0", int(table.sum()))
    return Subject.from_cells(CellTable(cells, names, source, "outcome", prediction="decision"))


def hastened() -> None:
    """Make fewer replicates, and no permutation tests, which give p-values and no interval."""
    for module, name, instead in (
        (decision_gaps, "permute_gap", lambda *_: Estimate.undefined("not simulated")),
        (count_metrics, "bootstrap", partial(resampling.bootstrap, replicates=REPLICATES)),
        (count_metrics, "resample", partial(resampling.resample, replicates=REPLICATES)),
    ):
        setattr(module, name, instead)


def audited(table: npt.NDArray[np.int64], seed: int) -> Iterator[Measurement]:
    """Run the audit; every group that has a row is compared."""
    audit = Fairness(level=LEVEL, min_group=1)
    found = audit.run(subject(table, table.shape[:-1]), np.random.default_rng(seed))
    return (item for item in found if isinstance(item, Measurement))


def key(measurement: Measurement) -> tuple[str, str]:
    """Metric and group."""
    return measurement.metric, "/".join(measurement.slice.values())


def covered(scenario: Scenario, seed: int) -> tuple[Counter[str], Counter[str]]:
    """Draws in which the interval of each metric held the truth, and draws that it was there.

    Draws in which a group has no row of an outcome are left out: its rates have no value then, and
    the gap is that of fewer groups.
    """
    hastened()
    rng = np.random.default_rng(seed)
    parts = scenario.sizes / scenario.sizes.sum()  # everyone's rate depends on them
    people = np.rint(POPULATION * parts[:, None] * scenario.chances).astype(np.int64)
    truth = {key(m): m.value for m in audited(people, 0)}
    held, drawn = Counter[str](), Counter[str]()
    for draw in range(DRAWS):
        table = rng.multinomial(scenario.sizes, scenario.chances)
        if (table.reshape(-1, 2, 2).sum(axis=2) == 0).any():
            continue
        for measurement in audited(table, draw):
            true, interval = truth.get(key(measurement)), measurement.interval
            if true is None or interval is None:
                continue
            kind = "gap" if ALL_GROUPS in measurement.slice.values() else "group"
            name = f"{kind} {measurement.metric}"
            drawn[name] += 1
            held[name] += interval.low - 1e-9 <= true <= interval.high + 1e-9
    return held, drawn


#: What a careful policy asks of a model: tolerances, and both attributes and their crossing.
CRITERION = """
[[criterion]]
metric = "{metric}"
slice = {columns}
{limit}
severity = "high"
source = "simulated policy"
"""
DIFFERENCES = (
    "demographic_parity_difference",
    "equalized_odds_difference",
    "equal_opportunity_difference",
)
RATIOS = ("demographic_parity_ratio", "equalized_odds_ratio")
COLUMNS = (["attribute 0"], ["attribute 1"], ["attribute 0", "attribute 1"])


@dataclass(frozen=True)
class Fair:
    """A model that treats all groups of two attributes alike.

    Attributes:
        shape: Groups of each attribute.
        rows: Rows of each group of their crossing.
        base: Base rate.
        recall: True positive rate.
        alarms: False positive rate.
    """

    shape: tuple[int, int]
    rows: int
    base: float = 0.3
    recall: float = 0.7
    alarms: float = 0.2

    @property
    def name(self) -> str:
        """The groups and rows for a reader."""
        first, second = self.shape
        return f"{first} by {second} groups, {self.rows:,} rows in each crossing"


FAIR = tuple(Fair(shape, rows) for shape in ((2, 2), (2, 5), (3, 4)) for rows in (20, 100, 500))


def policy_text(difference: float, ratio: float) -> bytes:
    """A policy over every gap, of both attributes and their crossing."""
    lines = [
        CRITERION.format(metric=metric, columns=str(columns).replace("'", '"'), limit=limit)
        for metrics, limit in (
            (DIFFERENCES, f"at_most = {difference}"),
            (RATIOS, f"at_least = {ratio}"),
        )
        for metric, columns in product(metrics, COLUMNS)
    ]
    return ('name = "simulated"\n' + "".join(lines)).encode()


def false_fails(fair: Fair, seed: int) -> dict[str, float]:
    """Share of draws in which the audit fails a fair model: by a policy, and by any gap at all."""
    hastened()
    rng = np.random.default_rng(seed)
    scenario = Scenario(
        1, (1, 1), (fair.base, fair.base), (fair.recall, fair.recall), (fair.alarms, fair.alarms)
    )
    policies = {
        "tolerance 0.1, ratio 0.8": parse_policy(policy_text(0.1, 0.8)),
        "no tolerance": parse_policy(policy_text(0.0, 1.0)),
    }
    failed = Counter[str]()
    for draw in range(FAIR_DRAWS):
        table = rng.multinomial(fair.rows, scenario.chances[0], size=fair.shape)
        records = [measurement_record("fairness", found) for found in audited(table, draw)]
        for name, policy in policies.items():
            verdict = overall(judge(policy, records), policy, constant=False)
            failed[name] += verdict == "fail"
    return {name: failed[name] / FAIR_DRAWS for name in policies}


def standard_error(share: float, draws: int) -> float:
    """Of a simulated share."""
    return float(np.sqrt(share * (1 - share) / draws))


def coverage_lines(found: Sequence[tuple[Counter[str], Counter[str]]]) -> tuple[list[str], bool]:
    """A line for each metric: its coverage over all scenarios, and in the worst of them."""
    lines, reached = [], True
    cases = scenarios()
    for name in sorted({name for _, drawn in found for name in drawn}):
        by_case = [
            (held[name] / drawn[name], drawn[name], case)
            for case, (held, drawn) in zip(cases, found, strict=True)
            if drawn[name] >= DRAWS / 4
        ]
        if not by_case:
            continue
        total = sum(held[name] for held, _ in found) / sum(drawn[name] for _, drawn in found)
        worst, draws, case = min(by_case, key=lambda one: one[0])
        kind, _, metric = name.partition(" ")
        # Groups of one draw are independent, so they are draws of their own.
        aim = AIM - ERRORS * standard_error(AIM, draws)
        missed = worst < aim
        reached &= not missed
        where = f"{case.name}, base rate {case.base[0]:g} to {case.base[1]:g}"
        lines.append(
            f"| {metric} | {'between groups' if kind == 'gap' else 'one group'} | {total:.3f} | "
            f"{worst:.3f} | {draws:,} | {where} | {'missed' if missed else 'reached'} |"
        )
    return lines, reached


def main() -> int:
    """Simulate, write the page, and say whether every aim was reached."""
    cases = scenarios()
    workers = Parallel(n_jobs=2)
    found = workers(delayed(covered)(case, seed) for seed, case in enumerate(cases))
    fails = workers(delayed(false_fails)(fair, seed) for seed, fair in enumerate(FAIR))
    lines, reached = coverage_lines(found)
    worst = max(rates["tolerance 0.1, ratio 0.8"] for rates in fails)
    reached &= worst <= FALSE_FAILS + ERRORS * standard_error(FALSE_FAILS, FAIR_DRAWS)
    named = list(fails[0])
    page = [
        "# How often intervals hold the truth",
        "",
        f"Intervals of the fairness audit, simulated {datetime.now(tz=UTC):%Y-%m-%d} by "
        "`make validity` "
        f"(`benchmarks/interval_coverage.py`), Python {platform.python_version()}: {DRAWS:,} "
        f"tables of each of {len(cases)} scenarios, "
        "2, 3, 5 and 12 groups of 20 to 2,000 rows, with common and rare outcomes, with and "
        "without a difference between groups. Each table is audited whole, the bootstrap of the "
        f"Matthews correlation with {REPLICATES} replicates instead of 10,000; an interval holds "
        "the truth where it holds the value that the audit gives for the rates themselves. Aim of "
        f"a {100 * LEVEL:g} % interval: {100 * AIM:g} %, less {ERRORS:g} standard errors of the "
        "simulation, in the worst scenario.",
        "",
        "| metric | of | all scenarios | worst scenario | draws of it | which it is | aim |",
        "|---|---|---|---|---|---|---|",
        *lines,
        "",
        "## How often a fair model fails",
        "",
        f"{FAIR_DRAWS:,} models that treat all groups of two attributes alike (base rate 0.3, true "
        "positive rate 0.7, false positive rate 0.2), audited whole and judged by a policy of 15 "
        "criteria: three differences and two ratios, by each attribute and by both crossed. Aim: "
        f"at most {100 * FALSE_FAILS:g} % of the models fail a policy with tolerances. A policy "
        "without any tolerance asks 15 questions that no interval is meant to answer at once.",
        "",
        f"| model | {' | '.join(named)} |",
        f"|---|{'---|' * len(named)}",
        *(
            f"| {fair.name} | {' | '.join(f'{rates[name]:.3f}' for name in named)} |"
            for fair, rates in zip(FAIR, fails, strict=True)
        ),
        "",
    ]
    (HERE / "coverage.md").write_text("\n".join(page), encoding="utf-8")
    print("\n".join(page))
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
