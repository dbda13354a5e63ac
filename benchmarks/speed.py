"""`make bench`: what auditkit costs, side by side with what people would use instead.

CPU seconds, one thread, medians of several runs in turn. Writes `benchmarks/speed.md`.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

HERE = Path(__file__).parent
ROOT = HERE.parent
COMMAND = Path(sys.executable).parent / "auditkit"
SCORED = """
[subject]
name = "scored-census"
data = "scored.csv"
label = "income_over_50k"
sensitive = ["sex", "race"]
[subject.model]
score = "score"
"""


def child(*arguments: str, cwd: Path) -> tuple[float, float, float]:
    """Run a command; wall seconds, CPU seconds and peak memory (MB) of that process alone.

    Memory is looked at from outside every few milliseconds: the meter inside resets the mark that
    the kernel would report at the end.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        arguments, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak, seen = 0, psutil.Process(process.pid)
    while True:
        pid, _, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        peak = max(peak, seen.memory_info().rss)
        time.sleep(0.005)
    wall = time.perf_counter() - start
    return wall, usage.ru_utime + usage.ru_stime, peak / 2**20


def cpu(call: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def side_by_side(first: Callable[[], Any], second: Callable[[], Any], runs: int) -> list[float]:
    """Median CPU seconds of two calls that take turns, warmed up once each."""
    first(), second()
    pairs = [(cpu(first), cpu(second)) for _ in range(runs)]
    return [statistics.median(times) for times in zip(*pairs, strict=True)]


def scored_table(folder: Path) -> None:
    """15,000 rows of the census with the score of a plain logistic regression."""
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rows = pd.read_parquet(ROOT / "examples/census_income/census.parquet")
    numbers = rows[["age", "education_num", "hours_per_week", "capital_gain"]].to_numpy(float)
    scaled = (numbers - numbers.mean(0)) / numbers.std(0)
    label = rows["income_over_50k"].to_numpy()
    rows["score"] = LogisticRegression().fit(scaled, label).predict_proba(scaled)[:, 1]
    pick = np.random.default_rng(0).choice(len(rows), 15_000, replace=False)
    rows.iloc[pick].to_csv(folder / "scored.csv", index=False)
    (folder / "auditkit.toml").write_text(SCORED, encoding="utf-8")


def shell_to_page(folder: Path) -> list[str]:
    """From the shell to the HTML page of a table of 15,000 scored rows."""
    runs = [child(str(COMMAND), "run", "auditkit.toml", cwd=folder) for _ in range(5)]
    wall, seconds, memory = (statistics.median(column) for column in zip(*runs, strict=True))
    page = max(folder.glob("reports/*/*/report.en.html")).stat().st_size / 1000
    helped = statistics.median(child(str(COMMAND), "--help", cwd=folder)[0] for _ in range(5))
    return [
        f"| scored table of 15,000 rows, shell to page | {wall:.2f} s wall, {seconds:.2f} s CPU, "
        f"{memory:.0f} MB, page {page:.0f} kB |",
        f"| `auditkit --help` | {helped:.2f} s wall |",
    ]


def against_fairlearn(folder: Path) -> list[str]:
    """The fairness audit against MetricFrame with the same rates and no interval."""
    import fairlearn.metrics as fl
    import pandas as pd

    from auditkit import Subject, run

    rows = pd.read_csv(folder / "scored.csv")
    subject = Subject.from_scores(
        rows, label="income_over_50k", score="score", sensitive=["sex", "race"]
    )
    kept, chosen = subject.rows, subject.y_pred
    rates: dict[str, Any] = {
        name: getattr(fl, name)
        for name in ("selection_rate", "true_positive_rate", "false_positive_rate")
    }

    def frames() -> None:
        for columns in ("sex", "race", ["sex", "race"]):
            frame = fl.MetricFrame(
                metrics=rates, y_true=subject.y_true, y_pred=chosen,
                sensitive_features=kept[columns],
            )  # fmt: skip
            frame.difference()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # empty cells, which fairlearn divides by
        ours, theirs = side_by_side(lambda: run(subject, None, ["fairness"]), frames, 5)
    return [
        f"| fairness audit of those rows, intervals and pairs included | {ours:.3f} s CPU |",
        f"| fairlearn {version('fairlearn')} MetricFrame, three of the rates, no interval | "
        f"{theirs:.3f} s CPU, {theirs / ours:.1f} times as much |",
    ]


def whole_census() -> list[str]:
    """Every audit of the trained census example, training aside."""
    from auditkit import load_subject, run

    subject = load_subject(ROOT / "examples/census_income/auditkit.toml")
    report = run(subject)
    lines = [
        f"| census example, audit {audit.name} | {audit.cpu_seconds:.1f} s CPU |"
        for audit in report.audits
    ]
    total = sum(audit.cpu_seconds or 0.0 for audit in report.audits)
    trained = (report.training or {})["cost"]["cpu_seconds"]
    return [
        f"| census example, training | {trained:.1f} s CPU |",
        *lines,
        f"| census example, all audits without training | {total:.1f} s CPU |",
    ]


def main() -> None:
    """Measure everything and write the page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scored_table(folder)
        lines = [*shell_to_page(folder), *against_fairlearn(folder), *whole_census()]
    head = [
        "# Speed", "",
        f"Measured {datetime.now(tz=UTC):%Y-%m-%d} by `make bench` on {os.cpu_count()} shared "
        f"{platform.machine()} cores, Python {platform.python_version()}, torch "
        f"{version('torch')}, one thread, medians of five.", "",
        "| what | cost |", "|---|---|",
    ]  # fmt: skip
    text = "\n".join([*head, *lines, ""])
    (HERE / "speed.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
