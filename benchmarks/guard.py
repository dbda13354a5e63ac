"""CPU time that the guard takes a row, in a batch: median of seven runs."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pandas as pd

from auditkit import Guard
from auditkit.guard import Column

ROWS, NUMBERS, CATEGORIES = 50_000, 6, 6


def main() -> None:
    """Print microseconds of CPU time a row."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({f"n{i}": rng.normal(size=ROWS) for i in range(NUMBERS)})
    for i in range(CATEGORIES):
        rows[f"c{i}"] = rng.choice(list("abcdefgh"), ROWS)
    columns = [Column(name=f"n{i}", kind="number", low=-2.0, high=2.0) for i in range(NUMBERS)]
    columns += [
        Column(name=f"c{i}", kind="category", categories=list("abcdefg")) for i in range(CATEGORIES)
    ]
    guard, scores, taken = Guard(0.5, 0.1, tuple(columns)), rng.random(ROWS), []
    for _ in range(7):
        start = time.process_time()
        guard.check(rows, scores)
        taken.append((time.process_time() - start) / ROWS * 1e6)
    print(f"guard: {statistics.median(taken):.2f} us of CPU a row, {ROWS:,} rows")


if __name__ == "__main__":
    main()
