"""Thresholds by group and mixtures: as fairlearn says itself, and fairer than what they are of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference

from auditkit.models import Model
from auditkit.models.fair import group_thresholds, mixture

N = 3_000


class Weighed:
    """A logistic regression of scikit-learn over one number and the sex."""

    kind, parameters, sha256 = "logistic", None, None

    def __init__(self, rows: pd.DataFrame, label: str, weight: str) -> None:
        from sklearn.linear_model import LogisticRegression

        features = rows[["x", "man"]].to_numpy()
        self.fitted = LogisticRegression().fit(features, rows[label], sample_weight=rows[weight])

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        chances: np.ndarray = self.fitted.predict_proba(rows[["x", "man"]].to_numpy())[:, 1]
        return chances


def unequal() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    man = rng.integers(0, 2, N)
    x = rng.normal(size=N) + man
    y = (rng.random(N) < 1 / (1 + np.exp(1 - 2 * x))).astype(int)
    return pd.DataFrame({"x": x, "man": man, "sex": np.where(man == 1, "M", "F"), "y": y})


def learn(rows: pd.DataFrame, label: str, weight: str) -> Model:
    return Weighed(rows, label, weight)


def test_thresholds_meet_parity_on_the_rows_that_they_are_fitted_on() -> None:
    rows = unequal()
    scores = learn(rows.assign(w=1.0), "y", "w").scores(rows)
    fitted = group_thresholds(scores, rows["y"], rows["sex"], constraint="demographic_parity")
    given = {"sensitive_features": rows["sex"]}
    decided = fitted.predict(scores[:, None], **given, random_state=0)
    before = demographic_parity_difference(rows["y"], scores >= 0.5, **given)
    assert before > 0.2
    assert demographic_parity_difference(rows["y"], decided, **given) < 0.01


def test_thresholds_can_meet_equal_opportunity_instead() -> None:
    rows = unequal()
    scores = learn(rows.assign(w=1.0), "y", "w").scores(rows)
    fitted = group_thresholds(scores, rows["y"], rows["sex"], constraint="equal_opportunity")
    given = {"sensitive_features": rows["sex"]}
    decided = fitted.predict(scores[:, None], **given, random_state=0)
    assert equal_opportunity_difference(rows["y"], decided, **given) < 0.03


@pytest.mark.parametrize("constraint", ["demographic_parity", "equal_opportunity"])
def test_a_mixture_narrows_the_gap_of_one_model(constraint: str) -> None:
    rows = unequal()
    found = mixture(
        learn, rows, rows["y"], rows["sex"], constraint=constraint, threshold=0.5, steps=5
    )
    kept = np.ones(N, dtype=bool) if constraint == "demographic_parity" else rows["y"] == 1
    chances = pd.Series(found.scores(rows))
    gap = np.ptp(chances[kept].groupby(rows["sex"][kept]).mean())
    one = pd.Series(learn(rows.assign(w=1.0), "y", "w").scores(rows) >= 0.5)
    assert gap < 0.25 * np.ptp(one[kept].groupby(rows["sex"][kept]).mean())
    assert sum(share for _, share in found.parts) == pytest.approx(1)


def test_a_threshold_says_what_errors_cost() -> None:
    rows = unequal()
    rates = [
        mixture(
            learn, rows, rows["y"], rows["sex"], constraint="demographic_parity",
            threshold=threshold, steps=2,
        ).scores(rows).mean()
        for threshold in (0.2, 0.8)
    ]  # fmt: skip
    assert rates[0] > rates[1] + 0.2
