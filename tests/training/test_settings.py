"""Settings: what they accept, from Python and from TOML, and what they say otherwise."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import InputError
from auditkit.training import LSTM, MLP, Privacy, Training
from auditkit.training.settings import architecture_from, privacy_from, training_from

WHERE = "auditkit.toml [subject.model]"


def test_settings_load_no_torch_and_no_opacus() -> None:
    code = (
        "import sys; from auditkit.training import MLP, Privacy; import auditkit.training.settings;"
        "print(sorted({'torch', 'opacus', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_toml_lists_become_tuples() -> None:
    table = tomllib.loads(
        'hidden = 8\nstatic = ["limit"]\n[sequence]\nbill = ["b2", "b1"]\npaid = ["p2", "p1"]\n'
    )
    made = architecture_from("lstm", table, WHERE)
    sequence = {"bill": ("b2", "b1"), "paid": ("p2", "p1")}
    assert made == LSTM(hidden=8, sequence=sequence, static=("limit",))
    assert isinstance(made, LSTM)
    assert made.columns == ("b2", "b1", "p2", "p1", "limit")


@pytest.mark.parametrize(
    ("chosen", "values"),
    [
        (MLP, {"hidden": [0]}),
        (MLP, {"hidden": [8.0]}),
        (MLP, {"hidden": 8}),
        (MLP, {"hidden": [True]}),
        (MLP, {"dropout": 1.0}),
        (MLP, {"dropout": -0.1}),
        (MLP, {"dropout": float("nan")}),
        (LSTM, {"hidden": 0}),
        (LSTM, {"layers": "2"}),
        (LSTM, {"static": "limit"}),
        (LSTM, {"sequence": ["b1"]}),
        (LSTM, {"sequence": {"a": []}}),
        (LSTM, {"sequence": {"a": ["b1"], "c": ["p2", "p1"]}}),
        (LSTM, {"sequence": {"a": ["b1", "b1"]}}),
        (LSTM, {"sequence": {"a": ["b1"]}, "static": ["b1"]}),
        (LSTM, {"sequence": {"a": [1]}}),
        (Training, {"epochs": 0}),
        (Training, {"epochs": True}),
        (Training, {"batch_size": 0}),
        (Training, {"learning_rate": 0}),
        (Training, {"learning_rate": float("inf")}),
        (Training, {"weight_decay": -1e-4}),
        (Training, {"optimizer": "adagrad"}),
        (Training, {"schedule": None}),
        (Training, {"patience": -1}),
        (Training, {"momentum": 1}),
        (Privacy, {"epsilon": 0}),
        (Privacy, {"epsilon": float("nan")}),
        (Privacy, {"delta": 1.0}),
        (Privacy, {"delta": 0}),
        (Privacy, {"max_grad_norm": 0}),
        (Privacy, {"noise_multiplier": 0}),
        (Privacy, {"accountant": "gdp"}),
        (Privacy, {"batch_size": 0.5}),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(chosen: type[Any], values: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        chosen(**values)
    assert any(problem.where.split(".")[1] in values for problem in error.value.problems)


def test_every_problem_of_a_table_is_listed_with_its_place_and_the_nearest_key() -> None:
    with pytest.raises(InputError) as error:
        training_from({"epoch": 3, "batch_size": 0, "optimizer": "sdg"}, "file [training]")
    text = str(error.value)
    assert len(error.value.problems) == 3
    assert "file [training] batch_size: found '0'" in text
    assert "Did you mean 'epochs'?" in text


def test_an_unknown_kind_of_network_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="Known: 'bag-of-words', 'huggingface', 'lstm'"):
        architecture_from("transformer", {}, WHERE)


@given(st.integers(1, 10**12))
def test_the_default_delta_is_the_power_of_ten_below_one_over_the_rows(rows: int) -> None:
    delta = Privacy().delta_for(rows)
    assert delta * rows < 1
    assert delta * rows * 10 > 1 - 1e-9


def test_a_delta_that_would_publish_a_row_is_refused() -> None:
    assert privacy_from({"delta": 1e-3}, "x").delta_for(999) == 1e-3
    with pytest.raises(InputError, match="less than 1 over the 1000 training rows"):
        Privacy(delta=1e-3).delta_for(1000)
