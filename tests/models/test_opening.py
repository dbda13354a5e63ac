"""The one door for models: every kind goes to its adapter, and a pickle goes nowhere."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import auditkit
from auditkit.errors import AuditkitError, InputError, MissingExtraError
from auditkit.models import Model
from auditkit.models.opening import open_model

WHERE = "auditkit.toml [subject.model]"


class Harm:
    """Runs something when it is unpickled."""

    ran = False

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (_harm, ("x",))


def _harm(_: str) -> None:
    Harm.ran = True


def opened(folder: Path, table: dict[str, Any], **changes: Any) -> Model:
    asked: dict[str, Any] = {"task": "binary", "positive": 1, "features": ["x"]}
    model = open_model(table, folder, WHERE, **(asked | changes))
    assert isinstance(model, Model)
    return model


def zipped(content: bytes, name: str = "archive/data.pkl") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(name, content)
    return out.getvalue()


PACKED: list[Callable[[bytes], bytes]] = [
    gzip.compress, zlib.compress, bz2.compress, lzma.compress, zipped,
]  # fmt: skip
ENDINGS = (".pkl", ".pickle", ".joblib", ".dill", ".model", ".sav", ".PKL", "")


@pytest.mark.parametrize("ending", [*ENDINGS, ".skops", ".onnx", ".pt", ".pt2", ".ts", ".bin"])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_is_refused_under_any_ending_and_never_opened(
    tmp_path: Path, ending: str, protocol: int
) -> None:
    (tmp_path / f"model{ending}").write_bytes(pickle.dumps(Harm(), protocol=protocol))
    trusted = {"trusted": True} if ending == ".pt" else {}
    with pytest.raises(InputError, match="a pickle, which can run any program") as caught:
        opened(tmp_path, {"file": f"model{ending}"} | trusted)
    assert "skops.io.dump(model, 'model.skops')" in str(caught.value)
    assert not Harm.ran


@pytest.mark.parametrize("pack", PACKED)
@pytest.mark.parametrize("ending", [*ENDINGS, ".skops", ".onnx", ".pt", ".pt2", ".ts", ".ckpt"])
def test_a_packed_pickle_is_refused_under_any_ending_and_never_opened(
    tmp_path: Path, pack: Callable[[bytes], bytes], ending: str
) -> None:
    (tmp_path / f"model{ending}").write_bytes(pack(pickle.dumps(Harm())))
    with pytest.raises(AuditkitError):
        opened(tmp_path, {"file": f"model{ending}"})
    assert not Harm.ran


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(pickle.dumps([1]), mtime=0), "packed with gzip"),
        (zipped(pickle.dumps([1])), "a pickle, which can run any program"),
    ],
)
def test_a_joblib_file_is_refused_with_how_it_is_packed(
    tmp_path: Path, content: bytes, what: str
) -> None:
    (tmp_path / "model.joblib").write_bytes(content)
    with pytest.raises(InputError, match=what):
        opened(tmp_path, {"file": "model.joblib"})


def test_a_zip_that_holds_a_pickle_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(zipped(pickle.dumps(Harm()), "any/name"))
    with pytest.raises(InputError, match=r"it lies in the archive as 'any/name'"):
        opened(tmp_path, {"file": "model.zip"})
    torch.save({"a": torch.zeros(2)}, tmp_path / "model.h5")
    with pytest.raises(InputError, match=r"it lies in the archive as '.*data\.pkl'"):
        opened(tmp_path, {"file": "model.h5"})


def test_the_core_is_opened_by_its_folder_or_its_weights(tmp_path: Path) -> None:
    rows = pd.DataFrame({"x": [0.0, 1.0] * 20, "y": [0, 1] * 20})
    model, _ = auditkit.fit(auditkit.MLP(hidden=(4,)), rows, label="y")
    model.save(tmp_path / "saved")
    for name in ("saved", "saved/model.safetensors"):
        np.testing.assert_array_equal(
            opened(tmp_path, {"file": name, "threshold": 0.4}).scores(rows), model.scores(rows)
        )
    with pytest.raises(InputError, match="expected one of the keys"):
        opened(tmp_path, {"file": "saved", "trusted": True})


def test_an_endpoint_is_opened_without_a_call() -> None:
    model = opened(Path(), {"endpoint": "http://127.0.0.1:9/v2/models/m", "threshold": 0.3})
    assert model.kind == "endpoint http://127.0.0.1:9/v2/models/m"


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({}, "found no model, expected exactly one of file, endpoint"),
        ({"file": "a", "endpoint": "b"}, "found file and endpoint"),
        ({"file": 3}, "the name of a file or folder"),
        ({"file": ""}, "the name of a file or folder"),
        ({"file": "none.skops"}, "no such file"),
        ({"file": "none.pkl"}, "no such file"),
        ({"file": "text.txt"}, r"a file ending in '\.txt', expected a folder or \.safetensors"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, table: dict[str, Any], what: str) -> None:
    (tmp_path / "text.txt").write_text("text", encoding="utf-8")
    with pytest.raises(InputError, match=what):
        opened(tmp_path, table)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.skops").write_bytes(zipped(b"{}", "schema.json"))
    (tmp_path / "m.onnx").write_bytes(b"something")
    for package in ("skops", "onnx"):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingExtraError, match=rf"auditkit-rai\[{package}\]"):
            opened(tmp_path, {"file": f"m.{package}"})


def test_opening_one_kind_loads_no_library_of_another() -> None:
    import subprocess

    code = (
        "import sys\nfrom pathlib import Path\nfrom auditkit.models.opening import open_model\n"
        "open_model({'endpoint': 'http://127.0.0.1:9/v2/models/m'}, Path(), 'here',"
        " task='binary', positive=1, features=['x'])\n"
        "print(*sorted({'torch', 'sklearn', 'skops', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
