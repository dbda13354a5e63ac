"""The rules of the house that a machine can hold: who imports whom, and what the texts may say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from auditkit.bundle import write_bundle
from auditkit.filing.signing import make_keys
from auditkit.report import Report

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "auditkit"
HEAVY = {"torch", "shap", "opacus", "fairlearn", "sklearn", "pandas"}
DATA = {*HEAVY, "numpy", "scipy", "pyarrow", "duckdb", "ibis"}
TEXTS = [
    path
    for pattern in ("*.md", "**/*.md", "**/*.py", "**/*.toml", "**/*.json", "**/*.j2")
    for path in ROOT.glob(pattern)
    if ".venv" not in path.parts
    and not any(part.startswith(".") for part in path.parts[len(ROOT.parts) :])
]


def imports(path: Path, *, top: bool = False) -> set[str]:
    """Modules that a file imports; only those of its top level where asked."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def inner(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("auditkit.")}


def files(*where: str) -> list[Path]:
    found = [path for name in where for path in sorted(PACKAGE.glob(name))]
    assert found, f"no file matches {where}"
    return found


@pytest.mark.parametrize(
    "path", files("evidence.py", "policy.py", "report.py"), ids=lambda p: p.name
)
def test_evidence_policy_and_report_import_no_data_library(path: Path) -> None:
    assert not roots(imports(path)) & DATA


@pytest.mark.parametrize("path", files("methods/*.py"), ids=lambda p: p.name)
def test_methods_import_only_numbers_evidence_and_each_other(path: Path) -> None:
    names = imports(path)
    assert not roots(names) & {"pandas", "sklearn", "shap", "opacus", "fairlearn"}
    assert inner(names) <= {"evidence", "errors", "methods"}


@pytest.mark.parametrize("path", files("audits/*.py"), ids=lambda p: p.name)
def test_an_audit_imports_no_other_audit_and_nothing_downstream(path: Path) -> None:
    assert inner(imports(path)) <= {
        "anonymising", "evidence", "errors", "explaining", "methods", "meter", "models", "roles",
        "subject",
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    files("audits/*.py", "data/*.py", "*.py", "render/*.py", "export/*.py"),
    ids=lambda p: p.name,
)
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    allowed = {"pandas"} if path.parent.name in {"audits", "data", "auditkit"} else set()
    assert not roots(imports(path, top=True)) & (HEAVY - allowed)


@pytest.mark.parametrize("path", files("render/*.py", "export/*.py"), ids=lambda p: p.name)
def test_drawings_know_only_the_record(path: Path) -> None:
    names = imports(path)
    assert inner(names) <= {
        "changed",
        "report",
        "evidence",
        "errors",
        "history",
        "policy",
        "regimes",
        "render",
        "export",
    }
    assert not roots(names) & DATA


@pytest.mark.parametrize("path", files("**/*.py"), ids=lambda p: p.name)
def test_nothing_imports_the_command_line(path: Path) -> None:
    if path.name != "__main__.py":
        assert "cli" not in inner(imports(path))


@pytest.mark.parametrize("path", files("**/*.py"), ids=lambda p: p.name)
def test_nothing_unpickles(path: Path) -> None:
    assert not roots(imports(path)) & {"pickle", "cloudpickle", "dill", "shelve", "marshal"}


def loaded_by(*arguments: str) -> set[str]:
    """Heavy modules that a command of the command line has loaded at its end."""
    code = (
        "import sys\nfrom auditkit.cli import cli, status_of\n"
        f"status_of(lambda: cli({list(arguments)!r}, standalone_mode=False))\n"
        f"print('LOADED', *sorted(set(sys.modules) & {HEAVY!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


def test_help_and_report_load_nothing_heavy() -> None:
    assert loaded_by("--help") == set()
    assert loaded_by("report", "reports/sample/audit.json") == set()
    assert loaded_by("schema") == set()
    assert loaded_by("export", "sarif", "reports/sample/audit.json") == set()
    assert loaded_by("list", "exports") == set()
    assert loaded_by("gate", "reports/sample", "--fail-on", "never") == set()


def test_a_history_loads_nothing_heavy(tmp_path: Path) -> None:
    page = str(tmp_path / "index.html")
    assert loaded_by("history", "reports/sample", "--out", page) == set()


def test_the_work_on_a_bundle_loads_nothing_heavy(tmp_path: Path) -> None:
    report = Report.load(ROOT / "reports" / "sample").model_copy(update={"tables": []})
    bundle = str(write_bundle(report, tmp_path / "bundle"))
    secret, public = make_keys()
    (tmp_path / "key").write_bytes(secret)
    (tmp_path / "public").write_bytes(public)
    said = ("--author", "A", "--role", "reviewer", "--text", "Seen.", "--decision", "reject")
    assert loaded_by("sign-off", bundle, *said) == set()
    assert loaded_by("sign", bundle, "--key", str(tmp_path / "key")) == set()
    assert loaded_by("verify", bundle, "--public-key", str(tmp_path / "public")) == set()


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_text_names_a_wrong_package_a_registry_or_this_machine(path: Path) -> None:
    if path == Path(__file__):
        return
    text = path.read_text(encoding="utf-8")
    for word in ("pip install auditkit ", "pip install auditkit\n", "pypi.org", "/work/", "/root/"):
        assert word not in text
