"""What auditkit is made of: dependencies with reasons, licences of what ships, SBOM, equal wheels.

    python benchmarks/supply_chain.py

Writes `supply_chain.md` and `sbom.cdx.json` beside itself, from what is installed. Nothing is asked
of a network but what building a wheel asks of the package index.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
#: Why each package is there, and not code of our own.
REASONS = {
    "click": "the command line",
    "crepes": "conformal prediction sets",
    "fairlearn": "mitigation: exponentiated gradient, grid search and thresholds",
    "jinja2": "pages of the report, escaped by default",
    "joblib": "models trained again side by side, on a Ray cluster too",
    "numpy": "arrays",
    "opacus": "optimiser, engine and accountants of private training",
    "pandas": "tables of users",
    "psutil": "memory and load of a process, on every system",
    "pyarrow": "Parquet and Arrow files, and any table that hands over Arrow data",
    "pydantic": "checks of every file that comes from outside; the schema of audit.json",
    "python-stdnum": "check digits of national numbers, cards and accounts",
    "safetensors": "weights without code",
    "scikit-learn": "reference models, splits, trees; models that people bring",
    "scipy": "distributions and tests",
    "shap": "its Explanation, for plots of others; what our values are compared with",
    "torch": "networks",
    "tqdm": "progress bars",
    "accelerate": "loading Hugging Face models",
    "peft": "LoRA adapters",
    "tokenizers": "tokens of Hugging Face models",
    "transformers": "Hugging Face text models from a local folder",
    "onnx": "models that people bring",
    "onnxruntime": "models that people bring",
    "weasyprint": "tagged PDF/UA",
    "pyrage": "sealing for named recipients (age)",
    "cryptography": "Ed25519 signatures",
    "skops": "scikit-learn models without pickle",
    "ibis-framework": "one expression for DuckDB, databases and Spark",
    "pyspark": "tables of a Spark cluster",
    "codecarbon": "a tracker that some want beside ours; offline, opt-in",
    "mlflow-skinny": "logging an audit with a run",
    "alembic": "the local store of MLflow",
    "sqlalchemy": "the local store of MLflow",
    "ipykernel": "notebooks",
    "nbclient": "notebooks",
    "nvidia-ml-py": "energy counters of NVIDIA cards",
    "ray": "reference models on a cluster",
}
#: Words of licences that a product under Apache-2.0 may depend on, as packages and unchanged.
TAKEN = (
    "apache", "bsd", "mit", "isc", "psf", "python software foundation", "mpl", "mozilla",
    "lgpl", "lesser general public", "hpnd", "zlib", "unlicense", "public domain", "cc0", "0bsd",
    "redistribution and use in source",
)  # fmt: skip
#: Data and texts in the package that are not ours, each with its licence.
SHIPPED = (
    (
        "auditkit/methods/grids.csv",
        "carbon intensity of grids, a source and a licence in every line",
    ),
    (
        "auditkit/regimes/*.toml",
        "clauses in our own words, each with its id and its source; Apache-2.0",
    ),
    ("examples/census_income", "Adult, UCI repository: CC BY 4.0 (see its README)"),
    ("examples/credit_default", "Default of Credit Card Clients, UCI: CC BY 4.0 (see its README)"),
    ("tests/browser/axe.min.js", "axe-core, MPL-2.0; for tests, not in the wheel"),
)


@dataclass(frozen=True)
class Package:
    """A package that is installed.

    Attributes:
        name: Its name.
        version: Its version.
        megabytes: Its files.
        licence: What its metadata say.
        reason: Why it is there.
        direct: Whether auditkit asks for it itself.
    """

    name: str
    version: str
    megabytes: float
    licence: str
    reason: str
    direct: bool


def plain(name: str) -> str:
    """A package's name as indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> tuple[list[str], dict[str, list[str]]]:
    """Packages that pyproject.toml asks for, and those of its extras; not the developers'."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [_name(line) for line in project["dependencies"]]
    extras = {
        extra: [_name(line) for line in lines if not line.startswith(project["name"])]
        for extra, lines in project["optional-dependencies"].items()
        if extra not in ("dev", "docs")
    }
    return names, extras


def _name(line: str) -> str:
    return plain(re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0])


def licence_of(found: Distribution) -> str:
    """What a package says of its licence, in one line."""
    held = found.metadata.json
    said = str(held.get("license_expression") or "")
    if not said:
        classes = [c for c in held.get("classifier") or [] if c.startswith("License ::")]
        said = ", ".join(c.rpartition(" :: ")[2] for c in classes) or str(held.get("license") or "")
    return " ".join(said.split())[:120] or "not said"


def installed(names: list[str], *, direct: bool) -> list[Package]:
    """Those of the packages that are installed here."""
    packages = []
    for name in names:
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        files = [Path(str(file.locate())) for file in found.files or []]
        size = sum(file.stat().st_size for file in files if file.is_file())
        reason = REASONS.get(name, "")
        licence = licence_of(found)
        packages.append(Package(name, found.version, size / 1e6, licence, reason, direct))
    return packages


def needed(names: list[str]) -> list[str]:
    """All packages that these bring along on this machine, themselves left out."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        try:
            lines = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        for line in lines:
            asked = Requirement(line)
            other = plain(asked.name)
            if asked.marker and not asked.marker.evaluate({"extra": ""}):
                continue
            if other not in found and other not in names:
                found.add(other)
                waiting.append(other)
    return sorted(found)


def refused(packages: list[Package]) -> list[Package]:
    """Packages whose licence is not among those that we take."""
    return [p for p in packages if not any(word in p.licence.lower() for word in TAKEN)]


def wheels() -> tuple[str, str]:
    """Digests of two wheels of this commit, built one after the other in places of their own."""
    digests = []
    stamp = subprocess.run(
        ["git", "log", "-1", "--format=%ct"],  # noqa: S607 - as developers have it
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    for _ in range(2):
        with tempfile.TemporaryDirectory() as where:
            source, out = Path(where) / "source", Path(where) / "out"
            for name in ("auditkit", "pyproject.toml", "README.md", "LICENSE"):
                _copy(ROOT / name, source / name)
            subprocess.run(
                [sys.executable, "-m", "build", "--wheel", "--outdir", out, source],
                env={**os.environ, "SOURCE_DATE_EPOCH": stamp}, capture_output=True, check=True,
            )  # fmt: skip
            (wheel,) = out.glob("*.whl")
            digests.append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    return digests[0], digests[1]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def sbom(packages: list[Package]) -> str:
    """A CycloneDX bill of materials of auditkit with everything that it brings along."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{p.name}@{p.version}",
            "name": p.name,
            "version": p.version,
            "purl": f"pkg:pypi/{p.name}@{p.version}",
            "licenses": [{"license": {"name": p.licence}}],
        }
        for p in sorted(packages, key=lambda p: p.name)
    ]
    root = f"pkg:pypi/{name}@{version}"
    plain_bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": root, "name": name, "version": version,
                "purl": root, "licenses": [{"license": {"id": project["license"]}}],
            },
        },
        "components": components,
        "dependencies": [
            {
                "ref": root,
                "dependsOn": [f"pkg:pypi/{p.name}@{p.version}" for p in packages if p.direct],
            }
        ],
    }  # fmt: skip
    return json.dumps(plain_bom, indent=1) + "\n"


def page(direct: list[Package], extra: list[Package], brought: list[Package]) -> str:
    """The page."""
    first, second = wheels()
    bad = refused([*direct, *extra, *brought])
    lines = [
        "# What auditkit is made of",
        "",
        f"Written {datetime.now(tz=UTC):%Y-%m-%d} by `make validity` "
        f"(`benchmarks/supply_chain.py`) on {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, from "
        "what is installed. Sizes are of the installed files; licences are what the packages say.",
        "",
        "## Needed",
        "",
        *_rows(direct),
        "",
        "## Extras that are installed here",
        "",
        *_rows(extra),
        "",
        f"## Brought along by those that are needed: {len(brought)}",
        "",
        ", ".join(f"{p.name} {p.version} ({p.licence})" for p in brought),
        "",
        "## Licences",
        "",
        "Every package above says a licence that a product under Apache-2.0 may depend on."
        if not bad
        else "To look at: " + ", ".join(f"{p.name}: {p.licence}" for p in bad) + ".",
        "",
        "In the repository, not ours:",
        "",
        *(f"- `{where}`: {what}" for where, what in SHIPPED),
        "",
        "## Reproducible",
        "",
        f"Two wheels built one after the other have {'the same' if first == second else 'OTHER'} "
        f"bytes: sha256 `{first}`" + ("" if first == second else f" and `{second}`") + ".",
        "",
        "Known vulnerabilities are not looked up here: every list of them lies on a network. "
        "`pip-audit -r constraints.txt` does it where there is one.",
    ]
    return "\n".join(lines) + "\n"


def _rows(packages: list[Package]) -> list[str]:
    return [
        "| package | version | MB | licence | what for |",
        "|---|---|---|---|---|",
        *(
            f"| {p.name} | {p.version} | {p.megabytes:,.1f} | {p.licence} | {p.reason} |"
            for p in packages
        ),
    ]


def main() -> int:
    """Write both files; fail where a reason is missing or wheels differ."""
    names, extras = declared()
    others = sorted({name for group in extras.values() for name in group})
    direct, extra = installed(names, direct=True), installed(others, direct=False)
    brought = installed(needed(names), direct=False)
    text = page(direct, extra, brought)
    (HERE / "supply_chain.md").write_text(text, encoding="utf-8")
    (HERE / "sbom.cdx.json").write_text(sbom([*direct, *brought]), encoding="utf-8")
    print(text)
    missing = [p.name for p in [*direct, *extra] if not p.reason]
    return int(bool(missing) or "OTHER" in text)


if __name__ == "__main__":
    sys.exit(main())
