"""Spark counts with the expression that DuckDB counts with, and finds the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit import count

pytest.importorskip("duckdb")
pytest.importorskip("ibis")
ROOT = Path(__file__).parents[2]
ROLES: dict[str, Any] = {
    "label": "y",
    "score": "s",
    "threshold": 0.5,
    "sensitive": ["sex", "age", "pay", "member", "number"],
    "bands": {"age": [25, 45.5], "pay": [1, 2]},
    "weight": "w",
}
#: Counts twice in one process: files, then a table that is not there.
COUNTS = """
import json, sys
from auditkit import count

roles = json.loads(sys.argv[2])
at = {"folder": sys.argv[1], **roles}
held = count("spark://local[2]/part-*.parquet", **at)
says = {
    "n": held.cells.n.tolist(), "codes": held.cells.codes.tolist(),
    "weights": held.cells.weights.tolist(), "squares": held.cells.squares.tolist(),
    "names": {name: list(groups) for name, groups in held.names.items()},
    "sha256": held.query.sha256, "engine": held.query.engine, "sql": held.query.sql,
    "notes": held.notes, "source": held.source.name,
}
try:
    count("spark://local[2]/part-*.parquet", **{**at, "sensitive": ["sx"], "weight": "bad"})
except ValueError as error:
    says["refused"] = str(error)
print("SAYS", json.dumps(says))
"""


def people(n: int = 3000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    age = pd.Series(rng.integers(18, 80, n) / 2 + 10).mask(rng.random(n) < 0.05)
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "s": rng.choice([0.1, 0.4999999, 0.5, 0.9], n),
            "sex": pd.Series(rng.choice(["F", "M", "Zoë"], n)).mask(rng.random(n) < 0.1),
            "age": age,
            "pay": rng.choice([-np.inf, 0.5, 1.0, 2.0, np.inf, np.nan], n),
            "member": rng.random(n) < 0.5,
            "number": rng.choice([1.0, 2.5, np.nan], n),
            "w": rng.choice([0.0, 0.5, 1.25, 3.0], n),
            "bad": rng.choice([-1.0, 1.0, np.nan, np.inf], n),
        }
    )


@pytest.mark.slow
def test_spark_and_duckdb_count_alike(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    rows = people()
    for i in range(3):
        rows[i * 1000 : i * 1000 + 1000].to_parquet(tmp_path / f"part-{i}.parquet", index=False)
    done = subprocess.run(
        [sys.executable, "-c", COUNTS, str(tmp_path), json.dumps(ROLES)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SPARK_LOCAL_IP": "127.0.0.1"},
    )
    assert done.returncode == 0, done.stderr
    says = json.loads(done.stdout.split("SAYS", 1)[1])
    held = count("part-*.parquet", folder=tmp_path, **ROLES)
    assert held.query is not None
    assert says["sha256"] == held.query.sha256
    assert says["n"] == held.cells.n.tolist()
    assert says["codes"] == held.cells.codes.tolist()
    assert held.cells.weights is not None
    assert held.cells.squares is not None
    assert says["weights"] == held.cells.weights.tolist()  # rounded, so equal to the last digit
    assert says["squares"] == held.cells.squares.tolist()
    assert says["names"] == {name: list(groups) for name, groups in held.names.items()}
    assert says["engine"].startswith("Spark 4.")
    assert "GROUP BY" in says["sql"]
    assert says["notes"][0].startswith(f"Counted in {says['engine']}: 3,000 rows, ")
    assert says["notes"][1:] == list(held.notes[1:])
    assert says["source"] == "spark:part-*.parquet (3 files)"
    assert "Did you mean 'sex'?" in says["refused"]
    assert "negative values" in says["refused"]
    assert "missing or infinite values" in says["refused"]
