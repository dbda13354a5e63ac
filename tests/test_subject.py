from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from auditkit.errors import InputError
from auditkit.subject import NEEDS, DataSource, Subject, digest, in_canonical_order


def rows(n: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "p": rng.random(n),
            "sex": rng.choice(["F", "M"], n),
            "extra": rng.random(n),
        }
    )


class Half:
    kind = "half"
    parameters = 0
    sha256 = None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["p"].to_numpy() / 2


def test_scores_select_from_the_threshold_on() -> None:
    frame = rows()
    subject = Subject.from_scores(frame, label="y", score="p", threshold=0.7, sensitive=["sex"])
    assert subject.y_pred.sum() == (frame["p"] >= 0.7).sum()
    assert subject.has == {"labels", "predictions", "scores", "sensitive"}
    assert "extra" not in subject.rows


def test_decisions_alone_have_no_scores() -> None:
    frame = rows().assign(d=lambda f: np.where(f["p"] > 0.5, "yes", "no"), y2="no")
    frame.loc[:5, "y2"] = "yes"
    subject = Subject.from_scores(frame, label="y2", prediction="d", positive="yes")
    assert subject.y_score is None
    assert subject.y_pred.sum() == (frame["d"] == "yes").sum()
    assert subject.missing({"scores", "model"}) == f"{NEEDS['model']}; {NEEDS['scores']}"


def test_a_model_is_asked_once_for_its_rows() -> None:
    subject = Subject.from_model(Half(), rows(), label="y", features=["p"])
    assert subject.y_score is subject.y_score
    assert subject.y_score is not None
    assert subject.y_score.max() <= 0.5


def test_the_order_of_the_rows_does_not_matter() -> None:
    frame = rows()
    one = Subject.from_scores(frame, label="y", score="p", sensitive=["sex"])
    other = Subject.from_scores(frame.sample(frac=1, random_state=1), label="y", score="p",
                                sensitive=["sex"])  # fmt: skip
    assert one.rows.equals(other.rows)
    assert one.source.sha256 == other.source.sha256
    assert (one.groups["sex"].codes == other.groups["sex"].codes).all()


def test_what_a_subject_gives_cannot_be_changed() -> None:
    subject = Subject.from_scores(rows(), label="y", score="p")
    with pytest.raises(ValueError, match="read-only"):
        subject.y_pred[0] = 1


def test_all_problems_come_at_once_and_neither_score_nor_decision_is_one() -> None:
    with pytest.raises(InputError) as caught:
        Subject.from_scores(rows(), label="yy", sensitive=["sexx"])
    assert len(caught.value.problems) == 3


def test_groups_of_the_test_rows_keep_those_of_the_population() -> None:
    everyone = rows().assign(sex=["F", "M"] * 25)
    some = everyone[everyone["sex"] == "F"]
    subject = Subject.from_model(
        Half(), some, label="y", features=["p"], sensitive=["sex"], population=everyone
    )
    assert subject.groups["sex"].counts == (25, 0)
    assert subject.population_groups is not None
    assert subject.population_groups["sex"].counts == (25, 25)


def test_digest_sees_content_and_names() -> None:
    frame = rows()
    assert digest(frame) == digest(frame[::-1])
    assert digest(frame) != digest(frame.rename(columns={"p": "q"}))
    assert in_canonical_order(frame).index.tolist() == list(range(50))


def test_a_source_can_be_given() -> None:
    source = DataSource("t.csv", "ab", 50)
    assert Subject.from_scores(rows(), label="y", score="p", source=source).source == source
