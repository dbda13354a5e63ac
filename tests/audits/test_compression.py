"""The audit of smaller versions on small models that were trained here, or brought."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from auditkit.audit import run
from auditkit.audits.compression import Compression
from auditkit.errors import InputError
from auditkit.models.inputs import matrix
from auditkit.models.module import ModuleModel
from auditkit.report import Report, Scalar
from auditkit.subject import Subject
from auditkit.training import LSTM, MLP, PooledEmbedding, Privacy, Recipe, TextLSTM, Training
from auditkit.training.settings import AnyArchitecture

QUICK = {"repeats": 6, "seconds": 0.0}
NAMES = [
    *("as audited", "distilled to 1/2 of the width", "distilled to 1/4 of the width"),
    *("1/2 of the units taken out", "50 % of the weights at 0", "80 % of the weights at 0"),
    *("weights of 8 bits", "weights of 4 bits"),
]


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    man = rng.random(n) < 0.6
    x = rng.normal(size=n) + 0.8 * man
    y = (rng.random(n) < 1 / (1 + np.exp(0.5 - 2.5 * x))).astype(int)
    said = np.where(x > 0.4, "good fine", "bad poor").astype(object)
    return pd.DataFrame(
        {"x": x, "z": rng.normal(size=n) + man, "sex": np.where(man, "M", "F"), "y": y,
         "kind": np.where(x > 1, "c", np.where(x > 0, "b", "a")), "text": said}
    )  # fmt: skip


def subject(
    architecture: AnyArchitecture | None = None,
    features: tuple[str, ...] = ("x", "z"),
    label: str = "y",
    task: Any = "binary",
    privacy: Privacy | None = None,
    **given: Any,
) -> Subject:
    train, rows = people(600, 1), people(800, 2)
    training = Training(epochs=4, batch_size=64, learning_rate=0.01)
    recipe = Recipe(
        architecture or MLP(hidden=[16, 8]), label, training, task=task, features=features,
        privacy=privacy,
    )  # fmt: skip
    model, record = recipe.fit(train)
    asked = {"train": train, "record": record, "recipe": recipe, "sensitive": ["sex"], **given}
    return Subject.from_model(model, rows, label=label, features=list(features), task=task, **asked)


def audited(held: Subject, **settings: Any) -> Report:
    asked = {**QUICK, **settings}
    report = run(held, None, ["compression"], 0, settings={"compression": asked})
    assert report.audits[0].status == "completed", report.audits[0].reason
    return report


def lines(report: Report, table: str = "versions") -> dict[str, dict[str, Scalar]]:
    found = next(t for t in report.tables if t.id == f"compression.{table}")
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return {str(row["version"]): row for row in rows}


@functools.cache
def whole() -> Report:
    return audited(subject())


def test_every_version_is_held_against_the_model_on_the_same_rows() -> None:
    held, found = subject(), lines(whole())
    assert list(found) == NAMES
    assert found["as audited"]["accuracy"] == pytest.approx((held.y_pred == held.y_true).mean())
    for name in NAMES[1:]:
        line = found[name]
        assert line["note"] == ""
        assert line["loss"] == pytest.approx(
            float(str(found["as audited"]["accuracy"])) - float(str(line["accuracy"]))
        )


def test_smaller_versions_are_smaller_and_the_audited_model_stays() -> None:
    held = subject()
    assert held.model is not None
    before = held.model.sha256
    found = lines(audited(held))
    assert held.model.sha256 == before
    assert found["as audited"]["kilobytes"] == (2 * 16 + 16 + 16 * 8 + 8 + 8 + 1) * 4 / 1000
    assert found["distilled to 1/2 of the width"]["kilobytes"] == (
        (2 * 8 + 8 + 8 * 4 + 4 + 4 + 1) * 4 / 1000
    )
    assert (
        found["1/2 of the units taken out"]["kilobytes"]
        == (found["distilled to 1/2 of the width"]["kilobytes"])
    )
    assert all(float(str(found[name]["size_share"])) < 1 for name in NAMES[1:])


def test_eight_bits_decide_nearly_all_rows_alike() -> None:
    agreement = {
        m.slice["version"]: m for m in whole().measurements if m.metric == "compressed_agreement"
    }
    assert (agreement["weights of 8 bits"].value or 0) > 0.98


def test_time_and_energy_have_intervals_and_a_basis() -> None:
    by = {(m.metric, m.slice.get("version")): m for m in whole().measurements}
    for name in NAMES:
        seconds = by["compressed_prediction_seconds_per_1000", name]
        energy = by["compressed_energy_per_1000_predictions", name]
        assert seconds.interval is not None
        assert (seconds.n, energy.n) == (6, 6)
        assert energy.basis in ("estimated", "measured")
        assert (energy.value or 0) > 0


def test_the_growth_of_both_gaps_is_measured_for_every_column() -> None:
    report = audited(subject(sensitive=["sex", "kind"]), attribute="kind")
    grown = [m for m in report.measurements if m.metric.endswith("_increase")]
    assert {(m.metric.split("_")[1], *m.slice) for m in grown} == {
        (gap, column) for gap in ("demographic", "equal") for column in ("sex", "kind")
    }
    title = next(t.title for t in report.tables if t.id == "compression.gaps")
    assert "'kind'" in title


def test_a_model_that_came_alone_is_pruned_and_rounded_but_not_distilled() -> None:
    found = lines(audited(subject(recipe=None)))
    assert "cannot be trained again" in str(found[NAMES[1]]["note"])
    assert all(found[name]["accuracy"] is not None for name in NAMES[3:])


def test_a_private_model_teaches_nobody() -> None:
    privacy = Privacy(epsilon=5.0, delta=1e-5)
    note = str(lines(audited(subject(privacy=privacy)))[NAMES[1]]["note"])
    assert "it may know the rows that are to be hidden" in note


def test_training_that_would_take_too_long_is_left_out() -> None:
    note = str(lines(audited(subject(), most_minutes=1e-9))[NAMES[1]]["note"])
    assert "more than most_minutes" in note


def test_a_regression_without_hidden_layers_has_no_width_to_lose() -> None:
    found = lines(audited(subject(MLP(hidden=[]))))
    assert "no width" in str(found[NAMES[1]]["note"])
    assert "no units to take out" in str(found[NAMES[3]]["note"])


def test_a_torch_module_of_its_owner_is_made_smaller_too() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    model = ModuleModel(
        network, lambda rows: matrix(rows, ["x", "z"]), players={"x": [0], "z": [1]}
    )
    held = Subject.from_model(model, people(300, 2), label="y", features=["x", "z"])
    report = audited(held)
    found = lines(report)
    assert found["1/2 of the units taken out"]["nonzero"] == 2 * 4 + 4 + 4 + 1
    absent = [m for m in report.measurements if m.metric.endswith("_increase")]
    assert all("no sensitive column" in str(m.reason) for m in absent)
    assert [t.id for t in report.tables] == ["compression.versions"]


class Twisted(torch.nn.Sequential):
    """Layers with a way around them, which no unit can be taken out of."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        hidden = self[0](rows)
        given: torch.Tensor = self[2](self[1](hidden) + torch.ones(8))
        return given


def test_layers_that_do_not_follow_each_other_are_left_as_they_are() -> None:
    network = Twisted(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    model = ModuleModel(
        network, lambda rows: matrix(rows, ["x", "z"]), players={"x": [0], "z": [1]}
    )
    held = Subject.from_model(model, people(300, 2), label="y", features=["x", "z"])
    found = lines(audited(held))
    assert str(found["1/2 of the units taken out"]["note"]).startswith("not possible: ")
    assert found["weights of 8 bits"]["accuracy"] is not None


@pytest.mark.parametrize(
    ("label", "task", "column"),
    [("kind", "multiclass", "accuracy"), ("z", "regression", "r2_score")],
)
def test_classes_and_numbers_are_compressed_too(label: str, task: str, column: str) -> None:
    found = lines(audited(subject(features=("x",), label=label, task=task)))
    assert all(found[name][column] is not None for name in NAMES)
    assert found["weights of 8 bits"]["loss"] == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    ("architecture", "features"),
    [
        (LSTM(hidden=8, sequence={"s": ("x", "z")}), ("x", "z")),
        (TextLSTM("text", length=4, embedding=8, hidden=8), ("text",)),
        (PooledEmbedding("text", length=4, embedding=8, hidden=8), ("text",)),
    ],
)
def test_networks_over_sequences_and_texts_are_compressed(
    architecture: AnyArchitecture, features: tuple[str, ...]
) -> None:
    found = lines(audited(subject(architecture, features)))
    for name in (*NAMES[:3], *NAMES[4:]):
        assert found[name]["accuracy"] is not None, (name, found[name]["note"])
    half, all_ = (float(str(found[name]["kilobytes"])) for name in (NAMES[1], NAMES[0]))
    assert half < 0.6 * all_


def test_settings_out_of_range_are_all_named() -> None:
    with pytest.raises(InputError) as caught:
        Compression(widths=(0.0, 0.5, 0.5), bits=(1,), tolerance=-1.0, seconds=-1.0, epochs=0)
    text = str(caught.value)
    for name in ("widths: found '0.0'", "widths: found '(0.0, 0.5, 0.5)'", "bits", "tolerance",
                 "seconds", "epochs"):  # fmt: skip
        assert f"[audits.compression] {name}" in text


def test_an_attribute_that_is_not_sensitive_is_refused() -> None:
    with pytest.raises(InputError, match="attribute"):
        list(Compression(attribute="job").run(subject(), np.random.default_rng(0)))


def test_columns_of_too_many_groups_say_so() -> None:
    report = audited(subject(sensitive=["sex", "kind"]), max_groups=2)
    reasons = {m.reason for m in report.measurements if "kind" in m.slice}
    assert reasons == {"3 groups, more than max_groups = 2"}
