from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import Counting

from auditkit.audit import run
from auditkit.errors import InputError, ModelError
from auditkit.provenance import constant_decision
from auditkit.rows import DataSource, digest, in_canonical_order
from auditkit.subject import NEEDS, Subject


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


class Fixed:
    kind = "fixed"
    parameters = None
    sha256 = None

    def __init__(self, answer: float | list[float], classes: tuple[str, ...] = ()) -> None:
        self.answer = answer
        self.classes = classes

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return np.resize(np.asarray(self.answer, dtype=float), (len(rows), *np.shape(self.answer)))


def test_classes_are_coded_and_the_columns_of_a_model_put_in_their_order() -> None:
    frame = pd.DataFrame({"y": ["b", "a", "c", "a"], "x": range(4)})
    model = Fixed([0.1, 0.2, 0.7], classes=("c", "b", "a"))
    subject = Subject.from_model(model, frame, label="y", features=["x"], task="multiclass")
    assert subject.classes == ("a", "b", "c")
    assert [subject.classes[i] for i in subject.y_true] == subject.rows["y"].tolist()
    assert subject.y_score is not None
    assert subject.y_score[0].tolist() == [0.7, 0.2, 0.1]
    assert set(subject.y_pred) == {0}


def test_a_predicted_class_that_never_occurs_is_a_class_too() -> None:
    frame = pd.DataFrame({"y": ["a", "b"], "d": ["b", "z"]})
    subject = Subject.from_scores(frame, label="y", prediction="d", task="multiclass")
    assert subject.classes == ("a", "b", "z")
    assert "scores" not in subject.has


def test_numbers_are_taken_as_they_are() -> None:
    frame = pd.DataFrame({"y": [1.5, 2.5], "d": [1.0, 3.0]})
    subject = Subject.from_scores(frame, label="y", prediction="d", task="regression")
    assert sorted(subject.y_true) == [1.5, 2.5]
    assert sorted(subject.y_pred) == [1.0, 3.0]
    assert subject.y_score is None
    with pytest.raises(InputError, match="values of type"):
        Subject.from_scores(frame.assign(d="x"), label="y", prediction="d", task="regression")
    with pytest.raises(InputError, match="prediction alone"):
        Subject.from_scores(frame, label="y", score="d", task="regression")


@pytest.mark.parametrize("answer", [np.nan, np.inf, [0.5, 0.5]])
def test_a_model_that_gives_no_answer_is_said_to(answer: float | list[float]) -> None:
    subject = Subject.from_model(Fixed(answer), rows(), label="y", features=["p"])
    with pytest.raises(ModelError, match="the model gave"):
        _ = subject.y_pred
    report = run(subject, None, ["performance"])
    assert report.audits[0].status == "error"


def test_an_audit_of_binary_decisions_leaves_other_tasks_alone() -> None:
    frame = pd.DataFrame({"y": [1.5, 2.5], "d": [1.0, 3.0]})
    subject = Subject.from_scores(frame, label="y", prediction="d", task="regression")
    (record,) = run(subject, None, [Counting()]).audits
    assert record.reason == "it measures binary tasks so far, and this is a regression one"


def test_a_class_that_the_model_does_not_know_has_no_chance() -> None:
    frame = pd.DataFrame({"y": ["a", "b", "c"], "x": range(3)})
    model = Fixed([0.4, 0.6], classes=("a", "b"))
    subject = Subject.from_model(model, frame, label="y", features=["x"], task="multiclass")
    assert subject.y_score is not None
    assert subject.y_score[0].tolist() == [0.4, 0.6, 0.0]


def test_a_model_that_failed_is_not_asked_again() -> None:
    class Dead(Half):
        asked = 0

        def scores(self, rows: pd.DataFrame) -> np.ndarray:
            self.asked += 1
            raise ModelError(f"no answer for {len(rows)} rows")

    model = Dead()
    subject = Subject.from_model(model, rows(), label="y", features=["p"], sensitive=["sex"])
    report = run(subject, None, ["performance", "fairness"])
    assert [audit.status for audit in report.audits] == ["error", "error"]
    assert "no answer for 50 rows" in str(report.audits[0].reason)
    assert model.asked == 1


def test_weights_have_mean_1_and_follow_their_rows() -> None:
    frame = rows().assign(w=lambda f: f["extra"] + 0.1)
    subject = Subject.from_scores(frame, label="y", score="p", weight="w")
    assert subject.weights is not None
    assert subject.weights.mean() == pytest.approx(1)
    expected = subject.rows["w"] / frame["w"].mean()
    assert subject.weights == pytest.approx(expected.to_numpy())
    assert subject.rows["w"].sum() == pytest.approx(frame["w"].sum())
    assert Subject.from_scores(frame, label="y", score="p").weights is None


def test_weights_that_are_all_equal_are_none_and_it_is_said() -> None:
    subject = Subject.from_scores(rows().assign(w=7), label="y", score="p", weight="w")
    assert (subject.weight, subject.weights) == ("w", None)
    assert subject.data_notes[-1].startswith("All assessed rows have the same weight ('w')")


def test_rows_of_weight_0_are_counted_said_and_not_assessed() -> None:
    frame = rows().assign(w=lambda f: np.where(f.index < 8, 0, f["extra"]))
    subject = Subject.from_scores(
        frame, label="y", score="p", sensitive=["sex"], weight="w", data_notes=["Read."]
    )
    assert len(subject) == len(subject.y_true) == 42
    assert subject.source.rows == 50
    assert sum(subject.groups["sex"].counts) == 42
    assert subject.data_notes == (
        "Read.",
        "Left out 8 of 50 assessed rows whose weight ('w') is 0: they stand for nobody.",
    )


def test_a_group_whose_rows_have_no_weight_stays_listed() -> None:
    frame = rows().assign(w=lambda f: (f["sex"] == "F") * 1.0)
    subject = Subject.from_scores(frame, label="y", score="p", sensitive=["sex"], weight="w")
    assert subject.groups["sex"].names == ("F", "M")
    assert subject.groups["sex"].counts[1] == 0


def test_weights_do_not_change_the_order_of_rows() -> None:
    frame = rows().assign(w=lambda f: f["extra"] + 0.1)
    plain = Subject.from_scores(frame, label="y", score="p", sensitive=["sex"])
    weighted = Subject.from_scores(frame, label="y", score="p", sensitive=["sex"], weight="w")
    assert weighted.rows.drop(columns="w").equals(plain.rows)


@pytest.mark.parametrize("which", ["train", "population"])
def test_further_rows_without_a_column_are_refused_by_its_name(which: str) -> None:
    given: dict[str, Any] = {which: rows().drop(columns=["sex", "y"])}
    with pytest.raises(InputError) as caught:
        Subject.from_model(Half(), rows(), label="y", features=["p"], sensitive=["sex"], **given)
    assert [(problem.where, problem.found) for problem in caught.value.problems] == [
        (f"{which} column 'y' (label)", "no such column"),
        (f"{which} column 'sex' (sensitive)", "no such column"),
    ]


def test_training_rows_hold_what_the_model_reads_and_other_rows_need_not() -> None:
    given: dict[str, Any] = {"label": "y", "features": ["p"], "sensitive": ["sex"]}
    less = rows().drop(columns="p")
    with pytest.raises(InputError, match=r"train column 'p' \(features\): found no such column"):
        Subject.from_model(Half(), rows(), train=less, **given)
    assert len(Subject.from_model(Half(), rows(), population=less, **given)) == 50


def test_weights_of_all_rows_are_checked_too() -> None:
    frame = rows().assign(w=1.5)
    for population, said in ((frame.assign(w=-1.0), "negative"), (rows(), "no such column")):
        with pytest.raises(InputError, match=said):
            Subject.from_model(
                Half(), frame, label="y", features=["p"], weight="w", population=population
            )


TEXTS = pd.DataFrame({"y": ["k \u00e6 t", "d \u0252 g", "x"], "d": ["k \u00e6 t", "d \u0252", ""]})


class Writer:
    kind = "writer"
    parameters = None
    sha256 = None

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def predictions(self, rows: pd.DataFrame) -> np.ndarray:
        return np.array([self.answer] * len(rows), dtype=object)


def test_texts_are_taken_as_they_are() -> None:
    subject = Subject.from_scores(TEXTS, label="y", prediction="d", task="sequence-to-sequence")
    assert sorted(subject.y_true) == sorted(TEXTS["y"])
    assert sorted(subject.y_pred) == ["", "d \u0252", "k \u00e6 t"]
    assert subject.y_score is None
    assert "scores" not in subject.has


def test_a_text_that_is_missing_or_a_number_is_refused() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0, None], "d": ["a", None, "b"]})
    with pytest.raises(InputError) as caught:
        Subject.from_scores(frame, label="y", prediction="d", task="sequence-to-sequence")
    found = [problem.found for problem in caught.value.problems]
    assert found == ["1 missing values", "2 values of type 'float'", "1 missing values"]


def test_a_model_that_writes_is_asked_for_its_texts() -> None:
    subject = Subject.from_model(
        Writer("k"), TEXTS, label="y", features=["d"], task="sequence-to-sequence"
    )
    assert subject.y_pred.tolist() == ["k", "k", "k"]
    assert {"predictions", "model"} <= subject.has
    assert constant_decision(subject)


@pytest.mark.parametrize("answer", [None, 3])
def test_a_model_that_writes_no_text_is_said_to(answer: object) -> None:
    subject = Subject.from_model(
        Writer(answer), TEXTS, label="y", features=["d"], task="sequence-to-sequence"
    )
    with pytest.raises(ModelError, match="no text for 3 of 3 rows"):
        _ = subject.y_pred
    scored = Subject.from_model(Fixed(0.5), TEXTS, label="y", features=["d"],
                                task="sequence-to-sequence")  # fmt: skip
    with pytest.raises(ModelError, match="gives no predictions, which a sequence-to-sequence task"):
        _ = scored.y_pred
