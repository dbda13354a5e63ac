"""What a fairness audit costs from a hundred rows to a hundred million, side by side.

Called by `make bench`. Whole processes from start to page, one thread, CPU seconds and peak memory,
medians of runs that take turns. Puts its section at the end of `benchmarks/speed.md`, and draws
`benchmarks/scale.svg`.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from speed import COMMAND, child

HERE = Path(__file__).parent
PAGE = HERE / "speed.md"
HEADING = "## From a hundred rows to a hundred million"
SIZES = (100_000, 1_000_000, 10_000_000, 100_000_000)
#: Rows that cost nothing beyond start-up.
FEW = 100
RUNS = 3
#: Replicates of MetricFrame's bootstrap that are run; the rest is told by rule of three.
BOOTSTRAP = 2
CONFIG = """
[subject]
name = "scale-{rows}"
data = "{rows}.parquet"
count = true
label = "y_true"
sensitive = ["sex", "race"]
[subject.model]
prediction = "y_pred"
"""
#: People of two sexes and five races, in one Parquet file.
MADE = """
COPY (
  SELECT if(random() < 0.5, 'F', 'M') AS sex,
         ['White', 'Black', 'Asian', 'Other', 'Native'][1 + least(4, floor(random() ^ 3 * 5))::INT]
           AS race,
         (random() < 0.3)::INT AS y_true,
         (random() < 0.25)::INT AS y_pred,
         random() AS y_score
  FROM range({rows})
) TO '{file}' (FORMAT parquet, COMPRESSION zstd)
"""
BARE = """
import duckdb
held = duckdb.connect()
held.execute("SET threads = 1")
query = "SELECT sex, race, y_true, y_pred, count(*) FROM '{file}' GROUP BY ALL"
print(len(held.execute(query).fetchall()))
"""
FAIRLEARN = """
import fairlearn.metrics as fl, pandas as pd
rows = pd.read_parquet("{file}", columns=["sex", "race", "y_true", "y_pred"])
names = ("selection_rate", "true_positive_rate", "false_positive_rate")
rates = {{name: getattr(fl, name) for name in names}} | {{"accuracy": accuracy}}
frame = fl.MetricFrame(
    metrics=rates, y_true=rows["y_true"], y_pred=rows["y_pred"],
    sensitive_features=rows[["sex", "race"]]{more},
)
print(frame.by_group, frame.difference())
"""
ACCURACY = "from sklearn.metrics import accuracy_score as accuracy\n"


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    cpu: float
    memory: float

    def __str__(self) -> str:
        return f"{self.cpu:.2f} s | {self.memory:.0f} MB"


def once(folder: Path, *command: str) -> Cost:
    """One run of a process."""
    _, cpu, memory = child(*command, cwd=folder)
    return Cost(cpu, memory)


def middle(costs: Sequence[Cost]) -> Cost:
    """Medians of several runs."""
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.memory for cost in costs),
    )


def made(folder: Path, rows: int) -> Path:
    """A file of people, by an engine of its own process, and the configuration beside it."""
    file = folder / f"{rows}.parquet"
    query = MADE.format(rows=rows, file=file)
    child(sys.executable, "-c", f"import duckdb; duckdb.sql({query!r})", cwd=folder)
    (folder / f"{rows}.toml").write_text(CONFIG.format(rows=rows), encoding="utf-8")
    return file


def audited(folder: Path, rows: int) -> Cost:
    """The fairness audit, from the shell to the page."""
    command = (str(COMMAND), "run", f"{rows}.toml", "--audits", "fairness", "--out", "reports")
    return once(folder, *command)


def bare(folder: Path, rows: int) -> Cost:
    """The same counts by DuckDB alone."""
    return once(folder, sys.executable, "-c", BARE.format(file=folder / f"{rows}.parquet"))


def fairlearn(folder: Path, rows: int, more: str = "") -> Cost:
    """Four rates by MetricFrame."""
    code = ACCURACY + FAIRLEARN.format(file=folder / f"{rows}.parquet", more=more)
    return once(folder, sys.executable, "-c", code)


def lines(folder: Path) -> tuple[list[str], dict[int, Cost], dict[int, Cost]]:
    """The table, and what an audit and the bare counts cost by rows."""
    ours: dict[int, Cost] = {}
    theirs: dict[int, Cost] = {}
    table, peers = [], list[str]()
    made(folder, FEW)
    for rows in SIZES:
        file = made(folder, rows)
        turns = [
            (audited(folder, FEW), audited(folder, rows), bare(folder, FEW), bare(folder, rows))
            for _ in range(RUNS)
        ]
        few, many, bare_few, bare_many = zip(*turns, strict=True)
        ours[rows], theirs[rows] = middle(many), middle(bare_many)
        beyond = statistics.median(b.cpu - a.cpu for a, b in zip(few, many, strict=True))
        query = statistics.median(b.cpu - a.cpu for a, b in zip(bare_few, bare_many, strict=True))
        times = f"{beyond / query:.1f}" if rows > 1_000_000 else "too little to tell"
        table.append(
            f"| {rows:,} | {ours[rows]} | {beyond:.2f} s | {theirs[rows]} | {query:.2f} s | "
            f"{times} |"
        )
        if rows == 1_000_000:
            peers = against_fairlearn(folder, ours[rows], beyond)
        if rows > 1_000_000:
            file.unlink()
    head = [
        "| rows | audit, CPU | its memory | beyond the audit of 100 rows | bare `GROUP BY`, CPU | "
        "its memory | beyond 100 rows | audit over bare, both beyond |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return [*head, *table, "", *peers], ours, theirs


def against_fairlearn(folder: Path, ours: Cost, beyond: float) -> list[str]:
    """MetricFrame on a million rows, without intervals and with its bootstrap."""
    rows, name = 1_000_000, f"fairlearn {version('fairlearn')} MetricFrame"
    few, plain = fairlearn(folder, FEW), fairlearn(folder, rows)
    some = fairlearn(folder, rows, f", n_boot={BOOTSTRAP}, ci_quantiles=[0.025, 0.975]")
    whole = plain.cpu + 100 * (some.cpu - plain.cpu) / BOOTSTRAP
    return [
        "A million rows, sex and race crossed. Most of an audit is its start-up: imports, and the "
        f"page that it draws. What {name} takes beyond its own 100 rows is "
        f"{plain.cpu - few.cpu:.1f} s; what the audit takes, {beyond:.2f} s.",
        "",
        "| what | CPU of the whole process | memory | times the audit |",
        "|---|---|---|---|",
        f"| fairness audit: sex, race and both, with intervals, pairs and tests | {ours} | 1 |",
        f"| {name}, four rates of both crossed, no interval | {plain} | "
        f"{plain.cpu / ours.cpu:.0f} |",
        f"| {name} with {BOOTSTRAP} bootstrap replicates | {some} | {some.cpu / ours.cpu:.0f} |",
        f"| {name} with 100, reckoned from those {BOOTSTRAP} | {whole:,.0f} s | | "
        f"{whole / ours.cpu:,.0f} |",
    ]


def drawing(ours: dict[int, Cost], theirs: dict[int, Cost]) -> str:
    """CPU seconds by rows, both axes logarithmic, as a picture that stands alone."""
    import numpy as np

    width, height, left, top = 640, 360, 70, 30
    rows = list(ours)
    x = [left + (np.log10(count) - 5) / 3 * (width - left - 130) for count in rows]

    def place(seconds: list[float]) -> list[float]:
        shares = [(np.log10(second) + 1) / 3 for second in seconds]  # from 0.1 to 100 seconds
        return [height - 50 - share * (height - 50 - top) for share in shares]

    parts = []
    for label, costs, colour in (
        ("fairness audit", ours, "#1f5fbf"),
        ("bare GROUP BY", theirs, "#8a5a00"),
    ):
        y = place([cost.cpu for cost in costs.values()])
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>'
                  for a, b in zip(x, y, strict=True)]  # fmt: skip
        parts.append(
            f'<text x="{x[-1] + 8:.1f}" y="{y[-1] + 4:.1f}" fill="{colour}">{label}</text>'
        )
    for seconds in (0.1, 1, 10, 100):
        at = place([seconds])[0]
        parts.append(f'<line x1="{left}" x2="{width - 130}" y1="{at:.1f}" y2="{at:.1f}" '
                     f'stroke="#ccc"/><text x="{left - 8}" y="{at + 4:.1f}" '
                     f'text-anchor="end">{seconds:g} s</text>')  # fmt: skip
    parts += [f'<text x="{a:.1f}" y="{height - 28}" text-anchor="middle">{n:,}</text>'
              for a, n in zip(x, rows, strict=True)]  # fmt: skip
    title = "CPU seconds of a whole process by rows; both axes are logarithmic"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{title}</title>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="{left}" y="18" font-weight="bold">{title}</text>{"".join(parts)}'
        f'<text x="{(left + width - 130) / 2}" y="{height - 8}" text-anchor="middle">rows</text>'
        "</svg>\n"
    )


def main() -> None:
    """Measure, and put the section at the end of the page."""
    with tempfile.TemporaryDirectory() as name:
        table, ours, theirs = lines(Path(name))
    (HERE / "scale.svg").write_text(drawing(ours, theirs), encoding="utf-8")
    text = [
        HEADING,
        "",
        f"`auditkit run` with `count = true` on one Parquet file: sex by race, from the shell to "
        f"the page; and the counts alone by DuckDB {version('duckdb')}. One thread, CPU seconds of "
        f"the whole process, medians of {RUNS}.",
        "",
        *table,
        "",
        "![CPU seconds by rows](scale.svg)",
        "",
    ]
    page = PAGE.read_text(encoding="utf-8").split(HEADING)[0].rstrip()
    PAGE.write_text("\n".join([page, "", *text]), encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    main()
