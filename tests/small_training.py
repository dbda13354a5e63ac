"""Small rows and networks for tests of the training core and its models."""

from __future__ import annotations

import numpy as np
import pandas as pd

from auditkit.training import LSTM


def people(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Rows whose outcome a linear model knows well."""
    rng = np.random.default_rng(seed)
    age, job = rng.normal(size=n), rng.choice(["a", "b", "c"], n)
    logit = 2 * age + 2 * (job == "a") - 0.5
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    return pd.DataFrame({"age": age, "job": job, "y": y})


SMALL_LSTM = LSTM(hidden=4, sequence={"bill": ["b3", "b2", "b1"]}, static=["limit"])


def cards(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Rows whose outcome is whether three bills rise."""
    rng = np.random.default_rng(seed)
    bills = rng.normal(size=(n, 3))
    y = (bills[:, 2] - bills[:, 0] > 0).astype(int)
    rows = pd.DataFrame(bills, columns=["b3", "b2", "b1"])
    return rows.assign(limit=rng.normal(size=n), y=y)


STEPS = ["s1", "s2", "s3", "s4"]
VARYING = LSTM(hidden=6, sequence={"s": STEPS}, static=["limit"], varying=True)


def histories(n: int = 300, seed: int = 0) -> pd.DataFrame:
    """Rows of 0 to 4 numbers whose outcome is whether their last is above 0."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 5, n)
    values = np.where(np.arange(4) < lengths[:, None], rng.normal(size=(n, 4)), np.nan)
    last = np.where(lengths > 0, values[np.arange(n), np.maximum(lengths - 1, 0)], -1.0)
    rows = pd.DataFrame(values, columns=STEPS)
    sex = rng.choice(["F", "M"], n)
    return rows.assign(limit=rng.normal(size=n), sex=sex, y=(last > 0).astype(int))
