"""Make one model of each kind that auditkit opens, from the census data, into the folder `build`.

Each model reads five numbers of a person and scores whether the person earns over 50,000 dollars a
year (binary), in which of three bands the working week lies (multiclass), or how many hours it has
(regression). The configurations beside this script audit them on rows that none of them has seen.

    python examples/every_model/make_models.py
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import auditkit
from auditkit.training import split

FOLDER = Path(__file__).resolve().parent
CENSUS = FOLDER.parent / "census_income" / "census.parquet"
FEATURES = ["age", "education_num", "capital_gain", "capital_loss", "hours_per_week"]
LABEL = "income_over_50k"
#: The working week in three bands: under 40 hours, 40, more.
WEEK = ("short", "full", "long")


def parts() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The census rows that train, and those that are assessed."""
    rows = pd.read_parquet(CENSUS)
    rows["week"] = np.array(WEEK)[np.searchsorted([40, 41], rows["hours_per_week"], side="right")]
    train, _, test = split(rows, label=LABEL, test=0.2, validation=0.0)
    return train, test


def estimator(train: pd.DataFrame, label: str) -> Pipeline:
    """A scikit-learn pipeline that reads the features but not the one that gives the label away."""
    features = FEATURES if label == LABEL else FEATURES[:-1]
    made = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
    return made.fit(train[features], train[label])


def network(pipeline: Pipeline) -> torch.nn.Sequential:
    """The pipeline as torch layers: one logit a row."""
    scale, regression = pipeline[0], pipeline[-1]
    layer = torch.nn.Linear(len(scale.mean_), 1)
    weights = regression.coef_ / scale.scale_
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights))
        layer.bias.copy_(torch.from_numpy(regression.intercept_ - weights @ scale.mean_))
    return torch.nn.Sequential(layer).eval()


def save_programs(made: torch.nn.Module, folder: Path) -> None:
    """Save a network as the two kinds of torch program."""
    example = (torch.zeros(2, len(FEATURES)),)
    free = ({0: torch.export.Dim("rows", min=1, max=1_000_000)},)
    exported = torch.export.export(made, example, dynamic_shapes=free)
    torch.export.save(exported, folder / "model.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(made, example).save(folder / "model.ts")  # type: ignore[no-untyped-call]


def save_onnx(made: torch.nn.Sequential, folder: Path) -> None:
    """Save a network of one layer as ONNX, its output a probability."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights, bias = (parameter.detach().numpy() for parameter in made.parameters())
    nodes = [
        helper.make_node("Gemm", ["rows", "weights", "bias"], ["logit"], transB=1),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    inputs = [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", len(FEATURES)])]
    outputs = [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", 1])]
    held = {"weights": weights, "bias": bias}
    values = [numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "census", inputs, outputs, values)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "model.onnx")


def save_scores(pipeline: Pipeline, test: pd.DataFrame, folder: Path) -> None:
    """Write down what the model scored and decided, as other programs hand it over."""
    scores = pipeline.predict_proba(test[FEATURES])[:, 1]
    kept = test[["sex", "race", "age", LABEL]]
    decile = pd.Series(scores).rank(method="first", pct=True).mul(10).apply(np.ceil).astype(int)
    scored = kept.assign(
        score=scores, decile=decile.to_numpy(), decision=(scores >= 0.5).astype(int)
    )
    scored.to_csv(folder / "scores.csv", index=False)


def main() -> int:
    """Make everything."""
    import skops.io

    folder = FOLDER / "build"
    folder.mkdir(exist_ok=True)
    train, test = parts()
    test.to_parquet(folder / "test.parquet", index=False)
    pipeline = estimator(train, LABEL)
    skops.io.dump(pipeline, folder / "model.skops")
    skops.io.dump(estimator(train, "week"), folder / "week.skops")
    save_programs(network(pipeline), folder)
    save_onnx(network(pipeline), folder)
    save_scores(pipeline, test, folder)
    settings = auditkit.Training(epochs=5)
    core, _ = auditkit.fit(
        auditkit.MLP(hidden=(16,)), train, label=LABEL, features=FEATURES, training=settings
    )
    core.save(folder / "core")
    print(f"made {', '.join(sorted(path.name for path in folder.iterdir()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
