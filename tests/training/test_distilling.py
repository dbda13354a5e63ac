"""A network that learns from another model: the loss by hand, and what it is good for."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_training import people
from torch import nn

from auditkit.errors import InputError, ModelError
from auditkit.training import MLP, Privacy, Recipe, Training, fit
from auditkit.training.distilling import Distilled
from auditkit.training.loop import Examples
from auditkit.training.target import Target

LONG = Training(epochs=40, batch_size=64, learning_rate=0.01, patience=0)
THREE = Target("multiclass", ("a", "b", "c"))


class Given(nn.Module):
    """A network that gives its input."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows.squeeze(-1)


def divergence(teacher: np.ndarray, student: np.ndarray, heat: float) -> float:
    """KL divergence of softened probabilities of one row, by its definition."""

    def soft(logits: np.ndarray) -> Any:
        raised = np.exp((logits - logits.max()) / heat)
        return raised / raised.sum()

    q, p = soft(teacher), soft(student)
    return float((q * np.log(q / p)).sum())


def test_the_loss_is_that_of_hinton_and_others_for_classes() -> None:
    student, teacher = np.array([1.0, -0.5, 0.2]), np.array([2.0, 0.0, -1.0])
    distilled = Distilled(THREE, temperature=3.0, share=0.7)
    y = torch.tensor([[2.0, *teacher]])
    found = distilled.objective(Given(), torch.tensor(student[None], dtype=torch.float32), y)
    hard = -student[2] + np.log(np.exp(student).sum())
    expected = 0.7 * 9 * divergence(teacher, student, 3.0) + 0.3 * hard
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_loss_of_two_classes_is_that_of_a_softmax_over_both() -> None:
    distilled = Distilled(Target(), temperature=2.0, share=0.4)
    found = distilled.objective(Given(), torch.tensor([[1.5]]), torch.tensor([[1.0, -0.3]]))
    both = divergence(np.array([0, -0.3]), np.array([0, 1.5]), 2.0)
    assert float(found) == pytest.approx(0.4 * 4 * both + 0.6 * np.log1p(np.exp(-1.5)), rel=1e-5)


def test_a_number_is_learnt_from_the_teachers_number() -> None:
    target = Target("regression", (), mean=100.0, deviation=10.0)
    distilled = Distilled(target, temperature=2.0, share=0.25)
    teacher: Any = SimpleNamespace(scores=lambda _: np.array([120.0]))
    examples = distilled.examples(
        Examples(torch.zeros(1, 1), torch.tensor([1.0])), teacher, pd.DataFrame({"x": [0]})
    )
    assert examples.y.tolist() == [[1.0, 2.0]]
    found = distilled.objective(Given(), torch.tensor([[0.5]]), examples.y)
    assert float(found) == pytest.approx(0.25 * 1.5**2 + 0.75 * 0.5**2)


def test_classes_of_the_teacher_are_put_in_the_order_of_the_student() -> None:
    teacher: Any = SimpleNamespace(
        classes=("c", "b", "z"), scores=lambda _: np.array([[0.5, 0.3, 0.2]])
    )
    examples = Examples(torch.zeros(1, 1), torch.tensor([0]))
    made = Distilled(THREE, 2.0, 0.5).examples(examples, teacher, pd.DataFrame({"x": [0]}))
    np.testing.assert_allclose(made.y[0, 1:], np.log([1e-7, 0.3, 0.5]), rtol=1e-6)


def test_with_no_share_the_student_is_the_one_that_learns_alone() -> None:
    training = dataclasses.replace(LONG, epochs=3, teacher_share=0.0)
    teacher, _ = fit(MLP(hidden=(16,)), people(), label="y", training=training)
    taught, _ = fit(MLP(hidden=(4,)), people(), label="y", training=training, teacher=teacher)
    alone, _ = fit(MLP(hidden=(4,)), people(), label="y", training=training)
    for name, held in alone.network.state_dict().items():
        torch.testing.assert_close(taught.network.state_dict()[name], held)


def rings(n: int, seed: int) -> pd.DataFrame:
    """Rows whose outcome a line does not tell, a quarter of the outcomes wrong."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    inside = (x**2).sum(axis=1) < 1.2
    wrong = rng.random(n) < 0.25
    return pd.DataFrame(x, columns=["a", "b"]).assign(y=(inside ^ wrong).astype(int))


def agreement(first: Any, second: Any, rows: pd.DataFrame) -> float:
    return float(((first.scores(rows) >= 0.5) == (second.scores(rows) >= 0.5)).mean())


def test_a_student_of_few_labels_agrees_more_with_a_strong_teacher_that_it_learns_from() -> None:
    many = dataclasses.replace(LONG, epochs=20)
    teacher, _ = fit(MLP(hidden=(32,)), rings(4000, 0), label="y", training=many)
    test, training = rings(4000, 99), dataclasses.replace(LONG, epochs=60, batch_size=32)
    for seed in range(3):
        given: dict[str, Any] = {"label": "y", "training": training, "seed": seed}
        few = rings(150, seed + 1)
        alone, _ = fit(MLP(hidden=(16,)), few, **given)
        taught, record = fit(MLP(hidden=(16,)), few, teacher=teacher, validation=test, **given)
        assert record.teacher is not None
        assert record.teacher["agreement"] == agreement(taught, teacher, test) > 0.94
        assert agreement(alone, teacher, test) < 0.92


def test_the_record_puts_teacher_and_student_side_by_side() -> None:
    from sklearn.metrics import accuracy_score, log_loss

    teacher, _ = fit(MLP(hidden=(32,)), rings(800, 0), label="y", training=LONG)
    held = rings(300, 5)
    training = dataclasses.replace(LONG, temperature=4, teacher_share=0.5)
    student, record = fit(
        MLP(hidden=(3,)), rings(200, 1), label="y", training=training, teacher=teacher,
        validation=held,
    )  # fmt: skip
    said = record.to_dict()
    for found, model in ((said["teacher"], teacher), (said["validation"], student)):
        assert found["loss"] == pytest.approx(log_loss(held["y"], model.scores(held)), abs=1e-5)
        assert found["accuracy"] == accuracy_score(held["y"], model.scores(held) >= 0.5)
    assert said["teacher"]["sha256"] == teacher.sha256
    assert (said["teacher"]["parameters"], said["parameters"]) == (129, 13)
    assert "0.5 of the divergence from the teacher at temperature 4" in said["loss"]
    assert said["validation"]["loss"] == pytest.approx(
        said["epochs"][-1]["validation_loss"], abs=1e-5
    )


def test_a_model_of_any_kind_teaches_from_columns_of_its_own() -> None:
    from sklearn.linear_model import LogisticRegression

    rows = people(600)
    logistic = LogisticRegression().fit(rows[["age"]], rows["y"])
    teacher: Any = SimpleNamespace(
        kind="logistic", sha256=None, parameters=None,
        scores=lambda some: logistic.predict_proba(some[["age"]])[:, 1],
    )  # fmt: skip
    training = dataclasses.replace(LONG, teacher_share=1.0)
    features: dict[str, Any] = {"label": "y", "features": ["job"], "teacher": teacher}
    weighted = rows.assign(w=np.arange(600) % 2)
    student, record = fit(MLP(hidden=()), weighted, weight="w", training=training, **features)
    assert record.teacher == {"kind": "logistic", "sha256": None, "parameters": None}
    by_job = weighted[weighted["w"] > 0].assign(p=teacher.scores)
    found = student.scores(pd.DataFrame({"job": ["a", "b", "c"]}))
    np.testing.assert_allclose(found, by_job.groupby("job")["p"].mean(), atol=0.05)


def test_students_of_three_classes_and_of_numbers_learn_too() -> None:
    rows = people(600).assign(kind=lambda held: np.digitize(held["age"], [-0.5, 0.5]))
    for task, label in (("multiclass", "kind"), ("regression", "age")):
        features = ["age", "job"] if label == "kind" else ["job", "y"]
        given: dict[str, Any] = {"label": label, "task": task, "features": features}
        given["training"] = dataclasses.replace(LONG, epochs=20)
        teacher, _ = fit(MLP(hidden=(16,)), rows, **given)
        student, record = fit(MLP(hidden=(4,)), rows, teacher=teacher, validation=rows, **given)
        assert record.teacher is not None
        if task == "multiclass":
            assert record.teacher["agreement"] > 0.9
        else:
            assert record.teacher["agreement"] is None
            assert "accuracy" not in record.teacher
            assert np.corrcoef(student.scores(rows), teacher.scores(rows))[0, 1] > 0.95


def test_a_distillation_that_was_killed_knows_its_teacher(tmp_path: Path) -> None:
    given: dict[str, Any] = {"label": "y", "checkpoint": tmp_path}
    training = dataclasses.replace(LONG, epochs=2)
    teacher, _ = fit(MLP(hidden=(8,)), people(), label="y", training=training)
    fit(MLP(hidden=(4,)), people(), training=training, teacher=teacher, **given)
    with pytest.raises(InputError, match="training rows"):
        fit(MLP(hidden=(4,)), people(), training=training, **given)


def test_what_cannot_teach_is_refused() -> None:
    teacher, _ = fit(MLP(hidden=()), people(), label="y", training=LONG)
    with pytest.raises(InputError) as error:
        fit(MLP(), people(), label="age", features=["job"], task="regression", teacher=teacher,
            privacy=Privacy())  # fmt: skip
    assert len(error.value.problems) == 2
    with pytest.raises(InputError, match="'job'"):
        fit(MLP(), people().drop(columns="job"), label="y", teacher=teacher)
    with pytest.raises(InputError, match="a number from 0 to 1"):
        Training(teacher_share=1.1)


def test_the_recipe_knows_its_teacher() -> None:
    recipe = Recipe(MLP(hidden=(4,)), "y", dataclasses.replace(LONG, epochs=1))
    plain = recipe.fit(people())[0]
    taught = recipe.fit(people(), teacher=plain)[0]
    assert taught.sha256 != plain.sha256
    assert recipe.fit(people(), teacher=plain)[0] is taught
    assert recipe.fit(people(), teacher=plain, temperature=5.0)[0] is not taught


@pytest.mark.parametrize(
    ("answer", "said"),
    [(lambda n: np.full(n, np.nan), "no finite number"), (lambda n: np.ones((n, 2)), "shape")],
)
def test_a_teacher_that_gives_no_answer_is_said_to(answer: Any, said: str) -> None:
    teacher = SimpleNamespace(
        kind="odd", sha256=None, parameters=None, scores=lambda rows: answer(len(rows))
    )
    with pytest.raises(ModelError, match=said):
        fit(MLP(hidden=(4,)), people(), label="y", teacher=teacher, training=LONG)
