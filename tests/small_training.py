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
