"""What auditkit audits: every kind of prediction crossed with every way to bring a model.

Each cell writes a configuration with its model and data into a folder and audits it as the command
line does. `python tests/matrix.py` writes the table of the README anew.
"""

from __future__ import annotations

import functools
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

import auditkit
from auditkit.report import Report

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- matrix: python tests/matrix.py -->\n", "<!-- end of matrix -->"
#: How an audit stands in the table.
LETTERS = {
    "performance": "p",
    "calibration": "9",
    "fairness": "f",
    "adverse-impact": "a",
    "subgroups": "s",
    "proxies": "r",
    "scores-by-group": "g",
    "conditional": "c",
    "individual": "i",
    "mitigation": "m",
    "explainability": "x",
    "reason-codes": "o",
    "counterfactuals": "w",
    "effects": "h",
    "surrogate": "t",
    "explanation-quality": "q",
    "robustness": "4",
    "attacks": "5",
    "seed-variance": "6",
    "monotonicity": "7",
    "shift": "8",
    "privacy": "v",
    "membership": "u",
    "attribute-inference": "l",
    "model-inversion": "z",
    "memorisation": "y",
    "privacy-frontier": "k",
    "epsilon-bound": "b",
    "conformal": "B",
    "out-of-distribution": "C",
    "oversight": "A",
    "data-quality": "3",
    "personal-data": "d",
    "anonymity": "n",
    "impact": "E",
    "serving": "j",
    "compression": "1",
    "scaling": "2",
    "energy": "e",
}
CLASSES = ("high", "low", "mid")
STEPS = ("s1", "s2", "s3", "s4")
PEOPLE = 300
FEW = "\n[subject.training]\nepochs = 2\nbatch_size = 64\n"


def people(n: int = PEOPLE) -> pd.DataFrame:
    """People with features, a history of one to four numbers, a text, and every kind of outcome."""
    rng = np.random.default_rng(7)
    rows = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n)})
    total = rows["a"] - rows["b"] + 0.5 * rng.normal(size=n)
    lengths = rng.integers(1, 5, n)
    history = rng.normal(size=(n, 4)) + total.to_numpy()[:, None]
    rows[list(STEPS)] = np.where(np.arange(4) < lengths[:, None], history, np.nan)
    telling = np.where(total > 0, rng.choice(["good", "fine"], n), rng.choice(["bad", "poor"], n))
    rows["text"] = [f"a {word} day" for word in telling]
    rows["yes"] = (total > 0).astype(int)
    rows["band"] = np.array(CLASSES)[np.digitize(total, [-0.5, 0.5])]
    rows["pay"] = 1_000 + 100 * total
    rows["word"] = ["".join(rng.choice(list("abc"), 3)) for _ in range(n)]
    rows["sounds"] = [" ".join(word.upper()) for word in rows["word"]]
    return rows.assign(sex=rng.choice(["F", "M"], n))


@dataclass(frozen=True)
class Kind:
    """A kind of prediction.

    Attributes:
        task: As `[subject] task`.
        label: Column of the outcome.
        features: Columns that the model reads.
        core: `[subject.model]` that has the core train one.
    """

    task: str
    label: str
    features: tuple[str, ...]
    core: str


_HISTORY = f'train = "lstm"\nhidden = 4\nvarying = true\nsequence = {{ s = {list(STEPS)} }}\n'
_TEXT = 'train = "pooled-embedding"\ntext = "text"\nembedding = 4\nhidden = 4\nlength = 4\n'
_WORDS = (
    'train = "seq2seq"\nsource = "word"\nsource_tokens = "characters"\ntarget_tokens = "words"\n'
    "embedding = 8\nhidden = 16\n"
)
KINDS = {
    "binary": Kind("binary", "yes", ("a", "b"), 'train = "mlp"\nhidden = [4]\n'),
    "multiclass": Kind("multiclass", "band", ("a", "b"), 'train = "mlp"\nhidden = [4]\n'),
    "regression": Kind("regression", "pay", ("a", "b"), 'train = "mlp"\nhidden = [4]\n'),
    "sequence": Kind("binary", "yes", STEPS, _HISTORY),
    "text": Kind("binary", "yes", ("text",), _TEXT),
    "sequence to sequence": Kind("sequence-to-sequence", "sounds", ("word",), _WORDS),
}


def weights(kind: Kind) -> npt.NDArray[np.float32]:
    """Weights of a linear model, shape (outputs, features)."""
    outputs = len(CLASSES) if kind.task == "multiclass" else 1
    return np.random.default_rng(1).normal(size=(outputs, len(kind.features))).astype(np.float32)


def linear(kind: Kind, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What a linear model says of rows: probabilities (n, k), or numbers (n, 1)."""
    given = np.nan_to_num(rows) @ weights(kind).T
    if kind.task == "regression":
        return np.asarray(1_000 + given)
    if kind.task == "binary":
        return np.asarray(1 / (1 + np.exp(-given)))
    odds = np.exp(given)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def core(kind: Kind, folder: Path) -> str:
    """A model that the core trains."""
    del folder
    return kind.core + FEW


def saved(kind: Kind, folder: Path) -> str:
    """A model that the core trained and saved."""
    config = written(kind, folder, kind.core + FEW)
    model: Any = auditkit.load_subject(config).model
    model.save(folder / "model")
    return 'file = "model"\n'


def torch_program(kind: Kind, folder: Path) -> str:
    """A TorchScript archive."""
    import torch

    layers = [torch.nn.Linear(len(kind.features), len(weights(kind)))]
    with torch.no_grad():
        layers[0].weight.copy_(torch.from_numpy(weights(kind)))
        layers[0].bias.fill_(1_000.0 if kind.task == "regression" else 0.0)
    made = torch.nn.Sequential(_Filled(), *layers).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        example = torch.zeros(2, len(kind.features))
        torch.jit.trace(made, example).save(folder / "model.ts")  # type: ignore[no-untyped-call]
    output = "" if kind.task == "regression" else 'output = "logit"\n'
    return f'file = "model.ts"\ntrusted = true\n{output}{_classes(kind)}'


def scikit_learn(kind: Kind, folder: Path) -> str:
    """A scikit-learn pipeline, saved by skops."""
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows, features = people(), list(kind.features)
    made: Any = LinearRegression() if kind.task == "regression" else LogisticRegression()
    if kind is KINDS["sequence"]:
        made = HistGradientBoostingClassifier(max_iter=5, early_stopping=False)
    if kind is KINDS["text"]:
        made = make_pipeline(make_column_transformer((TfidfVectorizer(), "text")), made)
    made.fit(rows[features], rows[kind.label])
    skops.io.dump(made, folder / "model.skops")
    trust = skops.io.get_untrusted_types(file=folder / "model.skops")
    return f'file = "model.skops"\ntrust = {trust}\n'


def onnx(kind: Kind, folder: Path) -> str:
    """An ONNX network."""
    import onnx as library
    from onnx import TensorProto, helper, numpy_helper

    outputs, width = weights(kind).shape
    after = {"binary": "Sigmoid", "multiclass": "Softmax", "regression": "Identity"}[kind.task]
    nodes = [
        helper.make_node("IsNaN", ["rows"], ["gone"]),
        helper.make_node("Where", ["gone", "zero", "rows"], ["filled"]),
        helper.make_node("Gemm", ["filled", "weights", "bias"], ["given"], transB=1),
        helper.make_node(after, ["given"], ["probability"]),
    ]
    bias = np.full(outputs, 1_000 if kind.task == "regression" else 0, dtype=np.float32)
    held = {"weights": weights(kind), "bias": bias, "zero": np.zeros((), dtype=np.float32)}
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n", outputs])],
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opset, ir_version=8)
    library.save(made, folder / "model.onnx")
    return f'file = "model.onnx"\n{_classes(kind)}'


def endpoint(kind: Kind, folder: Path) -> str:
    """A served model."""
    del folder
    columns = kind is KINDS["text"]
    name = "predict" if kind.task == "regression" else "predict_proba"
    address = server(next(key for key, held in KINDS.items() if held is kind))
    more = 'inputs = "columns"\n' if columns else 'missing = "null"\n'
    return f'endpoint = "{address}"\noutput_name = "{name}"\n{more}{_classes(kind)}'


def huggingface(kind: Kind, folder: Path) -> str:
    """A Hugging Face text classifier in a folder."""
    from small_bert import make_folder

    make_folder(folder / "bert", people()["text"], num_labels=2, id2label={0: "0", 1: "1"})
    return f'file = "bert"\ntext = "{kind.features[0]}"\n'


def scores(kind: Kind, folder: Path) -> str:
    """A table of scores or of predictions."""
    del folder
    return 'score = "score"\n' if kind.task == "binary" else 'prediction = "predicted"\n'


#: A way to bring a model, and what `[subject.model]` it makes.
Way = Callable[[Kind, Path], str]
WAYS: dict[str, Way] = {
    "trained here": core,
    "saved core": saved,
    "torch file": torch_program,
    "scikit-learn": scikit_learn,
    "ONNX": onnx,
    "Hugging Face": huggingface,
    "endpoint": endpoint,
    "scores only": scores,
}
#: Cells that make no sense, and why.
SENSELESS = {
    **dict.fromkeys([("text", "torch file"), ("text", "ONNX")], "it takes numbers, not text"),
    **dict.fromkeys(
        [(kind, "Hugging Face") for kind in KINDS if kind != "text"], "it reads text, gives numbers"
    ),
    **dict.fromkeys(
        [
            ("sequence to sequence", way)
            for way in ("torch file", "scikit-learn", "ONNX", "endpoint")
        ],
        "such a model gives numbers, not text",
    ),
}
CELLS = [(kind, way) for kind in KINDS for way in WAYS if (kind, way) not in SENSELESS]


def _classes(kind: Kind) -> str:
    return f"classes = {list(CLASSES)}\n" if kind.task == "multiclass" else ""


def _filled_class() -> Any:
    import torch

    class Filled(torch.nn.Module):
        """Puts 0 where a number is missing."""

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.nan_to_num(rows)

    return Filled


def _Filled() -> Any:  # noqa: N802 - made like a class, which needs torch
    return _filled_class()()


def written(kind: Kind, folder: Path, model: str) -> Path:
    """Write the data and the configuration; gives the configuration."""
    rows = people()
    numbers = (
        linear(kind, rows[list(kind.features)].to_numpy()) if kind.features[0] in "ab" else None
    )
    rows["score"] = np.linspace(0, 1, len(rows)) if numbers is None else numbers[:, 0]
    rows["predicted"] = rows[kind.label].sample(frac=1, random_state=0).to_numpy()
    rows.to_parquet(folder / "rows.parquet")
    features = (
        "" if model.startswith(("score", "prediction")) else f"features = {list(kind.features)}"
    )
    config = folder / "auditkit.toml"
    config.write_text(
        f'[subject]\nname = "matrix"\ntask = "{kind.task}"\ndata = "rows.parquet"\n'
        f'label = "{kind.label}"\nsensitive = ["sex"]\n{features}\n[subject.model]\n{model}',
        encoding="utf-8",
    )
    return config


@functools.cache
def server(name: str) -> str:
    """Start a server of a linear model on loopback, once; gives its address."""
    from models.serving import Handler, Server, output

    kind = KINDS[name]

    class Always(list[Any]):
        """Answers that never run out."""

        def pop(self, *_: Any) -> Any:
            return answer

    def answer(handler: Handler, body: dict[str, Any]) -> None:
        one = body["inputs"][0]
        if kind is KINDS["text"]:
            chance = [0.9 if "good" in text or "fine" in text else 0.2 for text in one["data"]]
            given = np.array(chance)[:, None]
        else:
            rows = np.array(one["data"], dtype=np.float64).reshape(one["shape"])
            given = linear(kind, rows)
        if kind.task == "binary":
            given = np.column_stack([1 - given, given])
        asked = body["outputs"][0]["name"]
        handler.send(output(given.ravel().tolist(), list(given.shape), asked))

    started = Server()
    started.answers = Always([answer])
    threading.Thread(target=started.serve_forever, args=(0.01,), daemon=True).start()
    return started.url


@functools.cache
def audited(kind: str, way: str) -> Report:
    """Audit one cell, once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = written(KINDS[kind], folder, WAYS[way](KINDS[kind], folder))
        return auditkit.run(auditkit.load_subject(config), seed=0)


def cell(kind: str, way: str) -> str:
    """The audits that measured something in a cell, as letters; a dash if it makes no sense."""
    if (kind, way) in SENSELESS:
        return "-"
    report = audited(kind, way)
    measured = {m.audit for m in report.measurements if m.value is not None}
    # Where no decision is against anybody, reason codes still tell single ones.
    measured |= {table.audit for table in report.tables if table.id == "reason-codes.stories"}
    return " ".join(letter for name, letter in LETTERS.items() if name in measured)


def table() -> str:
    """The table of the README, and what its letters mean."""
    legend = ", ".join(f"`{letter}` {name}" for name, letter in LETTERS.items())
    lines = [f"{legend}.", "", f"| | {' | '.join(WAYS)} |", f"|---|{'---|' * len(WAYS)}"]
    lines += [f"| {kind} | {' | '.join(cell(kind, way) for way in WAYS)} |" for kind in KINDS]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the table into the README."""
    text = README.read_text("utf-8")
    block = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    README.write_text(block.sub(lambda _: BEGIN + table() + END, text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
