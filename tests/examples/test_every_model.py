"""The example of every kind of model: each configuration runs, and the kinds agree."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import auditkit

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "every_model"
CONFIGS = sorted(path.stem for path in FOLDER.glob("*.toml"))
#: Kinds that hold one and the same model.
SAME = ("scikit_learn", "onnx", "torch_export", "torchscript", "served", "scores", "decisions")

pytest.importorskip("skops", reason="the extra [skops] is not installed")
pytest.importorskip("onnxruntime", reason="the extra [onnx] is not installed")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reports() -> Iterator[dict[str, auditkit.Report]]:
    """The models made, one of them served, and every configuration run without heavy audits."""
    assert script("make_models").main() == 0
    with script("serve").serve(0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        found = {}
        for name in CONFIGS:
            text = (FOLDER / f"{name}.toml").read_text("utf-8")
            here = FOLDER / f".{name}.test.toml"
            here.write_text(text.replace(":8093/", f":{server.server_address[1]}/"), "utf-8")
            try:
                subject = auditkit.load_subject(here)
            finally:
                here.unlink()
            found[name] = auditkit.run(subject, audits=["performance", "fairness"])
        yield found
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", CONFIGS)
def test_every_configuration_runs(name: str, reports: dict[str, auditkit.Report]) -> None:
    assert {audit.name: audit.reason for audit in reports[name].audits} == {
        "performance": None,
        "fairness": None,
    }
    assert any(measurement.value is not None for measurement in reports[name].measurements)


@pytest.mark.parametrize("name", SAME)
def test_one_model_gives_the_same_evidence_in_whatever_form_it_comes(
    name: str, reports: dict[str, auditkit.Report]
) -> None:
    expected = {m.id: m.value for m in reports["scikit_learn"].measurements}
    for found in reports[name].measurements:
        if found.value is not None:
            assert found.value == pytest.approx(expected[found.id], abs=2e-3)


def test_a_decile_is_no_probability(reports: dict[str, auditkit.Report]) -> None:
    found = {m.metric: m for m in reports["deciles"].measurements if not m.slice}
    assert found["roc_auc"].value is not None
    assert found["brier_score"].value is None
    assert "probabilit" in str(found["brier_score"].reason)
