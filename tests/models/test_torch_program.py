"""Torch archives that are programs, held against the modules that they were made from."""

from __future__ import annotations

import hashlib
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from auditkit.errors import InputError, ModelError
from auditkit.models import Model, NetworkModel
from auditkit.models.torch_program import TorchProgram, from_config, what_it_holds

ROWS = pd.DataFrame({"z": list("uvwxy"), "b": [0, 1, 2, 3, 4], "a": [1.0, -2.0, 0.5, 3.0, 0.0]})
WHERE = "auditkit.toml [subject.model]"


def network(width: int = 1) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(0)
    made = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, width))
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, generator=generator)
    return made.eval()


def logits(made: torch.nn.Module) -> np.ndarray:
    given = torch.from_numpy(ROWS[["a", "b"]].to_numpy(dtype=np.float32))
    with torch.inference_mode():
        return np.asarray(made(given).double().numpy())


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Archives of every kind; made once, since an export takes seconds."""
    folder = tmp_path_factory.mktemp("archives")
    example = (torch.zeros(2, 2),)
    free = ({0: torch.export.Dim("rows", min=1, max=100_000)},)
    torch.export.save(
        torch.export.export(network(), example, dynamic_shapes=free), folder / "m.pt2"
    )
    torch.export.save(torch.export.export(network(), example), folder / "two.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network(), example).save(folder / "m.ts")  # type: ignore[no-untyped-call]
        torch.jit.trace(network(3), example).save(folder / "many.ts")  # type: ignore[no-untyped-call]
    torch.save(network().state_dict(), folder / "m.pth")
    return folder


def opened(folder: Path, name: str, **changes: Any) -> TorchProgram:
    asked: dict[str, Any] = {"task": "binary", "positive": 1, "features": ["a", "b"]}
    keys: dict[str, Any] = {"file": name, "trusted": True, "output": "logit"}
    asked |= {key: value for key, value in changes.items() if key in asked}
    keys |= {key: value for key, value in changes.items() if key not in asked}
    table = {key: value for key, value in keys.items() if value is not None}
    return from_config(table, folder, WHERE, **asked)


@pytest.mark.parametrize(("name", "kind"), [("m.pt2", "torch.export"), ("m.ts", "TorchScript")])
def test_a_trusted_program_gives_the_scores_of_its_network(
    archives: Path, name: str, kind: str
) -> None:
    model = opened(archives, name)
    expected = 1 / (1 + np.exp(-logits(network())[:, 0]))
    np.testing.assert_allclose(model.scores(ROWS), expected, rtol=1e-6)
    assert (model.kind, model.features, model.parameters) == (kind, ("a", "b"), 17)
    assert model.sha256 == hashlib.sha256((archives / name).read_bytes()).hexdigest()
    assert isinstance(model, Model)
    assert not isinstance(model, NetworkModel)
    assert model.scores(ROWS[:0]).shape == (0,)


@pytest.mark.parametrize(("name", "kind"), [("m.pt2", "torch.export"), ("m.ts", "TorchScript")])
def test_a_program_is_not_opened_before_the_user_trusts_it(
    archives: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("it was opened")

    for module, call in ((torch.export, "load"), (torch.jit, "load"), (torch, "load")):
        monkeypatch.setattr(module, call, fail)
    for trusted in (None, False):
        with pytest.raises(InputError, match=f"a {kind} archive, which is a program.*trusted = tr"):
            opened(archives, name, trusted=trusted)


def test_what_a_file_holds_is_told_by_its_content_not_by_its_ending(
    archives: Path, tmp_path: Path
) -> None:
    held = {name: what_it_holds((archives / name).read_bytes(), name) for name in
            ("m.pt2", "m.ts", "m.pth")}  # fmt: skip
    assert held == {"m.pt2": "torch.export", "m.ts": "TorchScript", "m.pth": "state"}
    shutil.copy(archives / "m.ts", tmp_path / "m.pt")
    assert opened(tmp_path, "m.pt").kind == "TorchScript"


def test_a_program_of_fixed_batch_is_filled_up(archives: Path) -> None:
    model = opened(archives, "two.pt2")
    assert model.batch == 2
    np.testing.assert_allclose(
        model.scores(ROWS), opened(archives, "m.pt2").scores(ROWS), rtol=1e-6
    )


def test_a_program_of_many_classes_and_one_of_numbers(archives: Path) -> None:
    model = opened(archives, "many.ts", task="multiclass", classes=["x", "y", "z"])
    powers = np.exp(logits(network(3)))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.scores(ROWS), expected, rtol=1e-5)
    assert model.classes == ("x", "y", "z")
    plain = opened(archives, "m.ts", task="regression", output=None)
    np.testing.assert_allclose(plain.scores(ROWS), logits(network())[:, 0], rtol=1e-6)


def test_a_state_file_is_refused_with_the_safe_way(archives: Path) -> None:
    with pytest.raises(InputError, match=r"weights without a network.*load_state"):
        opened(archives, "m.pth")


def test_features_and_settings_that_do_not_fit_are_told_together(archives: Path) -> None:
    with pytest.raises(InputError) as caught:
        opened(archives, "m.pt2", features=["a", "b", "c"], output=None)
    assert [problem.where for problem in caught.value.problems] == [
        f"{WHERE} features", f"{WHERE} output",
    ]  # fmt: skip
    with pytest.raises(InputError, match="Did you mean 'trusted'"):
        opened(archives, "m.pt2", trust=True)
    with pytest.raises(InputError, match="found 'yes', expected a valid boolean"):
        opened(archives, "m.pt2", trusted="yes")


def test_a_program_that_fails_or_gives_another_shape_is_a_model_error(archives: Path) -> None:
    with pytest.raises(ModelError, match=r"m\.ts failed on 5 rows: RuntimeError: "):
        opened(archives, "m.ts", features=["a"]).scores(ROWS)
    with pytest.raises(ModelError, match=r"shape \(5, 3\) for 5 rows"):
        opened(archives, "many.ts").scores(ROWS)
    with pytest.raises(ModelError, match="NaN for 1 of 5 rows"):
        opened(archives, "m.ts").scores(ROWS.assign(a=[np.nan, 1, 2, 3, 4]))
    with pytest.raises(InputError, match="column 'z'"):
        opened(archives, "m.ts", features=["z", "b"]).scores(ROWS)


@pytest.mark.parametrize("name", ["m.pt2", "m.ts"])
def test_a_damaged_program_is_refused(archives: Path, tmp_path: Path, name: str) -> None:
    whole = (archives / name).read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 1):
        (tmp_path / name).write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"no whole zip archive"):
            opened(tmp_path, name)


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"m/models/model.json": b"{}"}, r"no torch\.export program that torch can open"),
        ({"m/constants.pkl": b"", "m/code/x.py": b""}, "no TorchScript program"),
        ({"m/other": b""}, "a zip archive of something else"),
    ],
)
def test_an_archive_of_something_else_is_refused(
    tmp_path: Path, members: dict[str, bytes], what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "m.pt2", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    with pytest.raises(InputError, match=what):
        opened(tmp_path, "m.pt2")
    assert capfd.readouterr().err == ""


def test_a_file_of_an_old_torch_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"hello")
    with pytest.raises(InputError, match="no file that torch saves today"):
        opened(tmp_path, "m.pt")
