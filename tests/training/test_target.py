"""What a network gives for each task: outcomes in, losses, and how its numbers are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss

from auditkit.errors import InputError
from auditkit.training.target import Target

BINARY, THREE = Target(), Target("multiclass", ("a", "b", "c"))


def test_binary_losses_are_torchs_and_never_broadcast() -> None:
    logits, targets = torch.tensor([-1.0, 2.0]), torch.tensor([0.0, 1.0])
    expected = -torch.log(torch.sigmoid(torch.tensor([1.0, 2.0])))
    assert torch.allclose(BINARY.losses(logits, targets), expected)
    for wrong in (logits[:, None], logits[:1]):
        with pytest.raises(ValueError, match="outputs"):
            BINARY.losses(wrong, targets)


def test_multiclass_losses_are_scikit_learns_and_need_one_output_a_class() -> None:
    outputs = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.5, 0.1]])
    codes = THREE.encode(pd.Series(["c", "a"]))
    ours = float(THREE.losses(outputs, codes).mean())
    assert ours == pytest.approx(log_loss(codes.numpy(), THREE.read(outputs), labels=[0, 1, 2]))
    with pytest.raises(ValueError, match="outputs"):
        THREE.losses(outputs[:, :2], codes)


def test_a_regression_learns_standardised_outcomes_and_reads_them_back() -> None:
    outcomes = pd.Series([10.0, 20.0, 60.0])
    target = Target.fit(outcomes, "regression")
    encoded = target.encode(outcomes)
    assert float(encoded.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(encoded.square().mean()) == pytest.approx(1.0)
    np.testing.assert_allclose(target.read(encoded), outcomes, rtol=1e-6)
    assert target.losses(torch.zeros(3), encoded).tolist() == encoded.square().tolist()


def test_outcomes_that_are_all_equal_are_not_divided_by_zero() -> None:
    target = Target.fit(pd.Series([5.0, 5.0]), "regression")
    assert (target.mean, target.deviation) == (5.0, 1.0)


def test_whole_number_classes_have_the_names_that_the_subject_gives_them() -> None:
    assert Target.fit(pd.Series([2.0, 10.0, 1.0]), "multiclass").classes == ("1", "10", "2")


def test_a_class_that_training_did_not_have_is_told() -> None:
    with pytest.raises(InputError, match="1 rows of a class that is not in the training rows"):
        THREE.encode(pd.Series(["a", "d"]))


@pytest.mark.parametrize("target", [BINARY, THREE, Target("regression", (), 3.0, 2.0)])
def test_what_was_written_is_read_back(target: Target) -> None:
    assert Target.from_dict(target.to_dict()) == target


@pytest.mark.parametrize(
    "changed",
    [
        {"task": "clustering"},
        {"task": "binary"},
        {"classes": ["a"]},
        {"classes": ["a", "a"]},
        {"classes": "abc"},
        {"deviation": 0.0},
        {"mean": "3"},
        {"extra": 1},
    ],
)
def test_a_saved_target_that_was_changed_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="target"):
        Target.from_dict(THREE.to_dict() | changed)
