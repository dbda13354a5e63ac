"""Make the applicants of the example, who do not exist, into the folder `build`.

`applicants.csv` is what a careless owner has: men were called fit more readily, the rows hold
postcodes and ages in years, and a note that sometimes quotes an e-mail address. `corrected.csv` is
the same people after the repair: judged alike, no note, no postcode, ages in bands.

    python examples/contradictions/make_data.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent
ROWS = 3_000
BANDS = ["under 30", "30 to 44", "45 and over"]


def applicants() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows before and after the repair."""
    rng = np.random.default_rng(0)
    skill = rng.normal(size=ROWS)
    sex = rng.choice(["F", "M"], ROWS)
    age = rng.integers(20, 65, ROWS)
    judged = skill + rng.normal(scale=0.6, size=ROWS)
    favour = np.where(sex == "M", 0.8, -0.8)
    shared = {"sex": sex, "skill": skill.round(2)}
    notes = np.array([f"called back, wrote from p{i:04}@example.org" for i in range(ROWS)])
    before = pd.DataFrame(shared).assign(
        fit=(judged + favour > 0).astype(int),
        age=age,
        postcode=rng.integers(10_000, 10_400, ROWS),
        note=np.where(rng.random(ROWS) < 0.04, notes, "called back"),
    )
    after = pd.DataFrame(shared).assign(
        fit=(judged > 0).astype(int),
        age=np.array(BANDS)[np.searchsorted([30, 45], age, side="right")],
    )
    return before, after


def main(folder: Path = FOLDER) -> None:
    """Write both tables."""
    build = folder / "build"
    build.mkdir(exist_ok=True)
    for name, table in zip(("applicants", "corrected"), applicants(), strict=True):
        table.to_csv(build / f"{name}.csv", index=False)
    sys.stderr.write(f"written to {build}\n")


if __name__ == "__main__":
    main()
