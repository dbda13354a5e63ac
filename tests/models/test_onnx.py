"""ONNX models through onnxruntime, held against the same sums in numpy."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from auditkit.errors import InputError, ModelError
from auditkit.models import Model, NetworkModel
from auditkit.models.onnx import OnnxModel, from_config

onnx = pytest.importorskip("onnx", reason="the extra [onnx] is not installed")
pytest.importorskip("onnxruntime", reason="the extra [onnx] is not installed")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402 - after the skip

WEIGHTS = np.array([[0.5], [-1.0], [2.0]], dtype=np.float32)
ROWS = pd.DataFrame(
    {"a": [1.0, -2.0, 0.5, 3.0], "b": [0, 1, 2, 3], "c": [0.25, 0.5, -0.25, 1.0], "z": list("wxyz")}
)
LOGITS = ROWS[["a", "b", "c"]].to_numpy() @ WEIGHTS.astype(np.float64)
EXPECTED = 1 / (1 + np.exp(-LOGITS[:, 0]))


def tensor(name: str, shape: Sequence[Any], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


def save(
    folder: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], **initial: Any
) -> dict[str, Any]:
    values = [numpy_helper.from_array(array, name) for name, array in initial.items()]
    graph = helper.make_graph(nodes, "g", inputs, outputs, values)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "m.onnx")
    return {"file": "m.onnx"}


def linear(
    folder: Path, *after: Any, out: Sequence[Any] = ("n", 1), rows: Any = "n"
) -> dict[str, Any]:
    """One tensor of three features, times the weights, then what comes after."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["logit"]), *after]
    name = nodes[-1].output[0]
    return save(folder, nodes, [tensor("x", (rows, 3))], [tensor(name, out)], w=WEIGHTS)


def sigmoid(name: str = "probability") -> Any:
    return helper.make_node("Sigmoid", ["logit"], [name])


def opened(folder: Path, table: dict[str, Any], **changes: Any) -> OnnxModel:
    settings: dict[str, Any] = {
        "task": "binary",
        "positive": 1,
        "features": ["a", "b", "c"],
    } | changes
    return from_config(table, folder, "auditkit.toml [subject.model]", **settings)


def two_columns(name: str) -> list[Any]:
    return [
        helper.make_node("Sub", ["one", "p"], ["q"]),
        helper.make_node("Concat", ["q", "p"], [name], axis=1),
    ]


def test_one_tensor_of_all_features_and_one_probability(tmp_path: Path) -> None:
    model = opened(tmp_path, linear(tmp_path, sigmoid()))
    np.testing.assert_allclose(model.scores(ROWS), EXPECTED, rtol=1e-6)
    np.testing.assert_array_equal(model.scores(ROWS[["c", "z", "b", "a"]]), model.scores(ROWS))
    assert model.sha256 == hashlib.sha256((tmp_path / "m.onnx").read_bytes()).hexdigest()
    assert (model.kind, model.task, model.features) == ("onnx", "binary", ("a", "b", "c"))
    assert isinstance(model, Model)
    assert not isinstance(model, NetworkModel)
    assert model.scores(ROWS[:0]).shape == (0,)


def test_logits_and_a_flat_output_are_read_as_said(tmp_path: Path) -> None:
    flat = helper.make_node("Squeeze", ["logit", "axis"], ["out"])
    nodes = [helper.make_node("MatMul", ["x", "w"], ["logit"]), flat]
    table = save(
        tmp_path,
        nodes,
        [tensor("x", ("n", 3))],
        [tensor("out", ("n",))],
        w=WEIGHTS,
        axis=np.array([1]),
    )
    with pytest.raises(InputError, match="'probability' or 'logit'"):
        opened(tmp_path, table)
    model = opened(tmp_path, table | {"output": "logit"})
    np.testing.assert_allclose(model.scores(ROWS), EXPECTED, rtol=1e-6)
    said_wrongly = opened(tmp_path, table | {"output": "probability"})
    with pytest.raises(ModelError, match="no probability for"):
        said_wrongly.scores(ROWS)


def test_two_columns_are_read_by_the_classes(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["logit"]),
        sigmoid("p"),
        *two_columns("probabilities"),
    ]
    one = np.array([[1.0]], dtype=np.float32)
    outputs = [tensor("probabilities", ("n", 2))]
    table = save(tmp_path, nodes, [tensor("x", ("n", 3))], outputs, w=WEIGHTS, one=one)
    np.testing.assert_allclose(opened(tmp_path, table).scores(ROWS), EXPECTED, rtol=1e-6)
    unknown = opened(tmp_path, table, positive="yes")
    with pytest.raises(ModelError, match="nothing says which is the positive class"):
        unknown.scores(ROWS)
    first = opened(tmp_path, table | {"classes": ["yes", "no"]}, positive="yes")
    np.testing.assert_allclose(first.scores(ROWS), 1 - EXPECTED, rtol=1e-6)


def test_many_classes_keep_the_order_of_their_columns(tmp_path: Path) -> None:
    weights = np.arange(9, dtype=np.float32).reshape(3, 3) / 4
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["logit"]),
        helper.make_node("Softmax", ["logit"], ["probabilities"], axis=1),
    ]
    outputs = [tensor("probabilities", ("n", 3))]
    table = save(tmp_path, nodes, [tensor("x", ("n", 3))], outputs, w=weights)
    model = opened(tmp_path, table | {"classes": ["low", "middle", "high"]}, task="multiclass")
    logits = np.exp(ROWS[["a", "b", "c"]].to_numpy() @ weights)
    expected = logits / logits.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.scores(ROWS), expected, rtol=1e-5)
    assert model.classes == ("low", "middle", "high")
    assert opened(tmp_path, table, task="multiclass").classes == ("0", "1", "2")
    with pytest.raises(InputError, match="found 2 classes, expected 3, as the output has"):
        opened(tmp_path, table | {"classes": ["a", "b"]}, task="multiclass")


def test_a_regression_gives_plain_numbers(tmp_path: Path) -> None:
    table = linear(tmp_path)
    model = opened(tmp_path, table, task="regression")
    np.testing.assert_allclose(model.scores(ROWS), LOGITS[:, 0], rtol=1e-6)
    with pytest.raises(InputError, match="a regression gives plain numbers"):
        opened(tmp_path, table | {"output": "logit"}, task="regression")


def classifier(folder: Path, *, strings: bool, zipmap: bool = True) -> dict[str, Any]:
    """What converters of scikit-learn write: a label, and probabilities through ZipMap."""
    kind = TensorProto.STRING if strings else TensorProto.INT64
    named = {"classlabels_strings": ["no", "yes"]} if strings else {"classlabels_ints": [0, 1]}
    mapped = {"classlabels_strings": ["no", "yes"]} if strings else {"classlabels_int64s": [0, 1]}
    weights = [*(-WEIGHTS[:, 0]).tolist(), *WEIGHTS[:, 0].tolist()]
    nodes = [
        helper.make_node(
            "LinearClassifier", ["x"], ["label", "raw"], domain="ai.onnx.ml", coefficients=weights,
            intercepts=[0.0, 0.0], multi_class=0, post_transform="SOFTMAX", **named,
        )
    ]  # fmt: skip
    table: Any = tensor("raw", ("n", 2))
    if zipmap:
        nodes.append(
            helper.make_node(
                "ZipMap", ["raw"], ["output_probability"], domain="ai.onnx.ml", **mapped
            )
        )
        value = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        sequence = helper.make_sequence_type_proto(helper.make_map_type_proto(kind, value))
        table = helper.make_value_info("output_probability", sequence)
    return save(folder, nodes, [tensor("x", ("n", 3))], [tensor("label", ("n",), kind), table])


@pytest.mark.parametrize(("strings", "positive"), [(True, "yes"), (False, 1)])
def test_the_list_of_maps_of_a_converted_classifier_is_read_by_class(
    tmp_path: Path, *, strings: bool, positive: object
) -> None:
    model = opened(tmp_path, classifier(tmp_path, strings=strings), positive=positive)
    expected = 1 / (1 + np.exp(-2 * LOGITS[:, 0]))  # softmax of (-t, t)
    np.testing.assert_allclose(model.scores(ROWS), expected, rtol=1e-5)


def test_a_class_that_the_maps_do_not_know_is_told(tmp_path: Path) -> None:
    model = opened(tmp_path, classifier(tmp_path, strings=True), positive="maybe")
    with pytest.raises(ModelError, match=r"gives probabilities of 'no', 'yes', expected .*'maybe'"):
        model.scores(ROWS)
    with pytest.raises(InputError, match="a list of maps holds probabilities"):
        opened(tmp_path, {"file": "m.onnx", "output": "logit"}, positive="yes")


def test_maps_of_many_classes_are_put_in_the_order_of_the_user(tmp_path: Path) -> None:
    table = classifier(tmp_path, strings=True)
    with pytest.raises(InputError, match="the names of the classes"):
        opened(tmp_path, table, task="multiclass")
    model = opened(tmp_path, table | {"classes": ["yes", "no"]}, task="multiclass")
    straight = opened(tmp_path, table | {"classes": ["no", "yes"]}, task="multiclass")
    np.testing.assert_array_equal(model.scores(ROWS), straight.scores(ROWS)[:, ::-1])
    short = opened(tmp_path, table | {"classes": ["yes", "noo"]}, task="multiclass")
    with pytest.raises(ModelError, match="expected those of 'yes', 'noo'"):
        short.scores(ROWS)


def test_the_label_of_a_converted_classifier_is_no_score(tmp_path: Path) -> None:
    table = classifier(tmp_path, strings=False, zipmap=False)
    model = opened(tmp_path, table | {"output": "probability"})
    assert model.output == "raw"
    with pytest.raises(InputError, match="numbers: scores or probabilities"):
        opened(tmp_path, table | {"output_name": "label"})
    with pytest.raises(InputError, match="Did you mean 'raw'"):
        opened(tmp_path, table | {"output_name": "row"})


def test_of_several_outputs_the_probabilities_are_taken_or_the_one_that_is_named(
    tmp_path: Path,
) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["logit"]), sigmoid("probability")]
    outputs = [tensor("logit", ("n", 1)), tensor("probability", ("n", 1))]
    table = save(tmp_path, nodes, [tensor("x", ("n", 3))], outputs, w=WEIGHTS)
    np.testing.assert_allclose(opened(tmp_path, table).scores(ROWS), EXPECTED, rtol=1e-6)
    named = opened(tmp_path, table | {"output_name": "logit", "output": "logit"})
    np.testing.assert_allclose(named.scores(ROWS), EXPECTED, rtol=1e-6)
    with pytest.raises(InputError, match=r"one of the outputs of m\.onnx: 'logit'"):
        opened(tmp_path, table, task="regression")


def per_column(folder: Path, *, flat: bool = False) -> dict[str, Any]:
    """An input a column: a float, an integer, and text that counts when it is "w"."""
    shape = ("n",) if flat else ("n", 1)
    nodes = [
        helper.make_node("Cast", ["b"], ["bf"], to=TensorProto.FLOAT),
        helper.make_node("LabelEncoder", ["z"], ["zf"], domain="ai.onnx.ml", keys_strings=["w"],
                         values_floats=[1.0], default_float=0.0),
        helper.make_node("Add", ["a", "bf"], ["ab"]),
        helper.make_node("Add", ["ab", "zf"], ["logit"]),
        sigmoid(),
    ]  # fmt: skip
    inputs = [
        tensor("a", shape),
        tensor("b", shape, TensorProto.INT64),
        tensor("z", shape, TensorProto.STRING),
    ]
    return save(folder, nodes, inputs, [tensor("probability", shape)])


@pytest.mark.parametrize("flat", [False, True])
def test_an_input_a_column_is_filled_by_name(tmp_path: Path, *, flat: bool) -> None:
    model = opened(tmp_path, per_column(tmp_path, flat=flat), features=None)
    total = ROWS["a"] + ROWS["b"] + (ROWS["z"] == "w")
    np.testing.assert_allclose(model.scores(ROWS), 1 / (1 + np.exp(-total)), rtol=1e-6)
    assert model.features == ("a", "b", "z")
    with pytest.raises(InputError, match="1 missing values") as caught:
        model.scores(ROWS.assign(b=[0.5, 1, 2, 3], z=pd.Series(["w", None, "y", "z"])))
    assert [problem.where for problem in caught.value.problems] == ["column 'b'", "column 'z'"]
    with pytest.raises(InputError, match=r"found 'z'.*a column of the rows"):
        model.scores(ROWS.drop(columns="z"))


def test_features_that_do_not_fit_the_inputs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found 2 names, expected 3 features"):
        opened(tmp_path, linear(tmp_path, sigmoid()), features=["a", "b"])
    with pytest.raises(InputError, match=r"a feature of m\.onnx"):
        opened(tmp_path, per_column(tmp_path), features=["a", "b"])
    nodes = [helper.make_node("Concat", ["a", "b"], ["probability"], axis=1)]
    inputs = [tensor("a", ("n", 2)), tensor("b", ("n", 1))]
    table = save(tmp_path, nodes, inputs, [tensor("probability", ("n", 3))])
    with pytest.raises(InputError, match="found 2 columns, expected one column an input"):
        opened(tmp_path, table)
    nodes = [helper.make_node("Identity", ["x"], ["probability"])]
    cube = ("n", 3, 3)
    table = save(tmp_path, nodes, [tensor("x", cube)], [tensor("probability", cube)])
    with pytest.raises(InputError, match="a tensor of numbers or text of shape"):
        opened(tmp_path, table)


def test_text_where_numbers_are_needed_is_told(tmp_path: Path) -> None:
    model = opened(tmp_path, linear(tmp_path, sigmoid()), features=["a", "b", "z"])
    with pytest.raises(InputError, match=r"column 'z': found 'w' and the like in 4 rows"):
        model.scores(ROWS)


@pytest.mark.parametrize("size", [1, 3, 4, 7])
def test_a_fixed_batch_is_filled_up(tmp_path: Path, size: int) -> None:
    table = linear(tmp_path, sigmoid(), out=(size, 1), rows=size)
    model = opened(tmp_path, table)
    assert model.batch == size
    np.testing.assert_allclose(model.scores(ROWS), EXPECTED, rtol=1e-6)


def test_more_rows_than_fit_at_once_give_the_same_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = opened(tmp_path, linear(tmp_path, sigmoid()))
    whole = model.scores(ROWS)
    monkeypatch.setattr("auditkit.models.onnx.ROWS_AT_ONCE", 3)
    np.testing.assert_array_equal(model.scores(ROWS), whole)


def test_nan_outputs_and_a_model_that_fails_are_told(tmp_path: Path) -> None:
    model = opened(tmp_path, linear(tmp_path, sigmoid()))
    with pytest.raises(ModelError, match="NaN for 1 of 4 rows"):
        model.scores(ROWS.assign(a=[np.nan, 1, 2, 3]))
    shape = np.array([2, 2], dtype=np.int64)
    nodes = [helper.make_node("Reshape", ["x", "s"], ["probability"])]
    outputs = [tensor("probability", (2, 2))]
    failing = opened(tmp_path, save(tmp_path, nodes, [tensor("x", ("n", 3))], outputs, s=shape))
    with pytest.raises(ModelError, match=r"m\.onnx failed: .*Reshape"):
        failing.scores(ROWS)


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/hostname"])
def test_weights_in_other_files_are_refused_wherever_they_stand(
    tmp_path: Path, location: str
) -> None:
    linear(tmp_path, sigmoid())
    model = onnx.load(tmp_path / "m.onnx")
    moved = model.graph.initializer[0]
    moved.ClearField("raw_data")
    moved.data_location = TensorProto.EXTERNAL
    moved.external_data.add(key="location", value=location)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="weights that lie in other files"):
        opened(tmp_path, {"file": "m.onnx"})


def test_weights_in_other_files_are_found_inside_a_branch(tmp_path: Path) -> None:
    hidden = numpy_helper.from_array(WEIGHTS, "w")
    hidden.ClearField("raw_data")
    hidden.external_data.add(key="location", value="weights.bin")
    constant = helper.make_node("Constant", [], ["y"], value=hidden)
    branch = helper.make_graph([constant], "b", [], [tensor("y", (3, 1))])
    node = helper.make_node("If", ["c"], ["out"], then_branch=branch, else_branch=branch)
    graph = helper.make_graph(
        [node], "g", [tensor("c", (), TensorProto.BOOL)], [tensor("out", (3, 1))]
    )
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(InputError, match="weights that lie in other files"):
        opened(tmp_path, {"file": "m.onnx"})


def test_a_damaged_file_is_refused_wherever_it_is_damaged(tmp_path: Path) -> None:
    linear(tmp_path, sigmoid())
    whole = (tmp_path / "m.onnx").read_bytes()
    for cut in (1, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        (tmp_path / "m.onnx").write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"m\.onnx: found no"):
            opened(tmp_path, {"file": "m.onnx"})
    rng, refused = random.Random(0), 0
    for _ in range(60):
        broken = bytearray(whole)
        broken[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        (tmp_path / "m.onnx").write_bytes(broken)
        try:
            opened(tmp_path, {"file": "m.onnx"}).scores(ROWS)
        except (InputError, ModelError):
            refused += 1
    assert refused > 10


def test_unknown_and_wrong_keys_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        opened(tmp_path, {"file": "m.onnx", "outputs": "x", "output": "odds"})
    assert "Did you mean 'output'" in str(caught.value)
    assert "'probability' or 'logit'" in str(caught.value)
