from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.explaining.limits import Limits
from auditkit.explaining.row_study import RowStudy, explain_rows
from auditkit.explaining.stand_ins import StandIns, reliance, stand_ins
from auditkit.subject import Subject

FEATURES = ("sex", "height", "noise", "name")


class Linear:
    kind = "linear"
    parameters = None
    sha256 = None
    features = FEATURES

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        tall = rows["height"].to_numpy(float)
        return np.asarray(0.2 + 0.3 * tall + 0.1 * rows["noise"].to_numpy(float))


def subject(n: int = 2000, share: float = 0.9) -> Subject:
    """People of whom `share` of either sex are as tall as that sex mostly is."""
    rng = np.random.default_rng(1)
    sex = rng.choice(["F", "M"], n)
    height = ((sex == "M") == (rng.random(n) < share)).astype(int)
    rows = pd.DataFrame({"sex": sex, "height": height, "noise": rng.integers(0, 2, n)})
    rows["name"] = [f"person {i}" for i in range(n)]
    return Subject.from_model(
        Linear(), rows, label=None, features=list(FEATURES), sensitive=["sex"], train=rows
    )


def found(of: Subject, limit: float = 0.6) -> StandIns:
    told = stand_ins(of, "sex", FEATURES, limit, 0.95, np.random.default_rng(0))
    assert isinstance(told, StandIns)
    return told


def study(of: Subject) -> RowStudy:
    limits = Limits(200, 100, 1, 1, 10, 10**6, None)
    return explain_rows(of, np.random.default_rng(0), limits, decisions=False)


def test_a_column_that_tells_the_groups_stands_in_and_the_column_itself_does_not() -> None:
    told = found(subject())
    assert told.sure == told.likely == told.possible == (1,)
    assert "1 of 2 other features" in told.words  # a name is no category
    assert "'height' (0.90)" in told.words


def test_reliance_is_the_share_of_attribution_on_the_columns_that_stand_in() -> None:
    of = subject()
    explained = study(of)
    told = reliance(explained, found(of), 0.95)
    sizes = np.abs(explained.scores.values).mean(axis=0)
    assert told.value == pytest.approx(sizes[1] / sizes.sum())
    assert told.value == pytest.approx(0.75, abs=0.05)
    assert told.interval is not None
    assert told.interval.low < 0.75 < told.interval.high


def test_doubt_which_columns_stand_in_is_in_the_interval() -> None:
    of = subject(300, share=0.62)
    told = found(of, limit=0.6)
    assert told.sure == ()
    assert 1 in told.possible
    doubtful = reliance(study(of), told, 0.95)
    assert doubtful.interval is not None
    assert doubtful.interval.low == 0
    assert doubtful.interval.high > 0.7


def test_no_column_above_the_limit_is_zero_with_its_reason() -> None:
    told = found(subject(), limit=0.99)
    assert told.possible == ()
    nothing = reliance(study(subject()), told, 0.95)
    assert (nothing.value, nothing.interval) == (0.0, None)
    assert "no feature reaches the limit" in str(nothing.reason)


def test_groups_that_are_too_small_and_columns_that_are_none_are_reasons() -> None:
    rng = np.random.default_rng(0)
    few = subject(40)
    assert "fewer than 2 groups have 30 rows" in str(
        stand_ins(few, "sex", FEATURES, 0.6, 0.95, rng)
    )
    none = stand_ins(subject(), "sex", ("sex", "name"), 0.6, 0.95, rng)
    assert "no other column" in str(none)


def test_the_order_of_the_features_does_not_matter() -> None:
    of = subject()
    turned = stand_ins(of, "sex", FEATURES[::-1], 0.6, 0.95, np.random.default_rng(0))
    assert isinstance(turned, StandIns)
    assert [FEATURES[::-1][at] for at in turned.likely] == ["height"]
