"""No file of a bundle holds a row of the data, or a value by which one could be told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auditkit.cli import cli, status_of

N = 400
FEW = "\n[subject.training]\nepochs = 2\nbatch_size = 64\n"
#: What every audit is asked for that it leaves out otherwise, and what keeps the test short.
SETTINGS = """
[audits.anonymity]
quasi_identifiers = ["sex", "town"]
retrain = true
[audits.mitigation]
methods = ["reweighing"]
"""


@dataclass(frozen=True)
class Planted:
    """A table in which each column gives rows away.

    Attributes:
        rows: The table.
        config: The configuration that audits it.
        secrets: Column to what must stand in no file.
    """

    rows: pd.DataFrame
    config: str
    secrets: Mapping[str, tuple[str, ...]]


def people() -> pd.DataFrame:
    """People whose numbers, and some of whose words, nobody else has."""
    rng = np.random.default_rng(0)
    i = np.arange(N)
    return pd.DataFrame(
        {
            # Irrational steps: no mean, edge or round number is one of these by chance.
            "income": np.round(31_337.0137 + 71.73 * i + np.sqrt(i + 2), 4),
            "debt": np.round(4_017 + rng.permutation(i) * 13.177 + 0.0191, 4),
            "town": np.where(i % 40 == 0, [f"zqtown{j}q" for j in i], rng.choice(["n", "s"], N)),
            "sex": rng.choice(["F", "M"], N),
            "age": np.round(20 + i * 0.13711 + 0.00071, 5),
            "y": (rng.random(N) < 0.2 + 0.6 * (i > N / 2)).astype(int),
        }
    )


def numbers(values: pd.Series) -> tuple[str, ...]:
    """How a number could be written: in full, with its thousands apart, and with six digits."""
    return tuple(text for v in values for text in (repr(float(v)), f"{v:,.4f}", f"{v:.6g}"))


HEAD = '[subject]\nname = "planted"\ndata = "rows.parquet"\nsensitive = ["sex", "age"]\n'
BANDS = "[subject.bands]\nage = [35, 55]\n"


def tabular() -> Planted:
    rows = people()
    config = (
        f'{HEAD}task = "binary"\nlabel = "y"\nfeatures = ["income", "debt", "town", "sex"]\n{BANDS}'
        f'[subject.model]\ntrain = "mlp"\nhidden = [4]\n{FEW}{SETTINGS}'
    )
    rare = tuple(rows["town"][rows["town"].str.startswith("zq")])
    kept = {name: numbers(rows[name]) for name in ("income", "debt", "age")}
    return Planted(rows, config, {**kept, "town": rare})


def scored() -> Planted:
    rows = people().assign(score=lambda f: np.round(0.1 + f["age"] / 171.13, 9))
    config = (
        f'{HEAD}task = "binary"\nlabel = "y"\nfeatures = ["income", "town"]\n{BANDS}'
        '[subject.model]\nscore = "score"\n'
    )
    scores = tuple(repr(float(v)) for v in rows["score"])
    return Planted(rows, config, {"score": scores, "income": numbers(rows["income"])})


def texts() -> Planted:
    rows = people()
    rng = np.random.default_rng(1)
    words = rng.choice(["the", "film", "was", "seen", "here"], (N, 3))
    telling = np.where(rows["y"] == 1, "good", "bad")
    rows["text"] = [
        f"{a} {b} zqword{i}q {told} {c} person{i}@zq.example call 555-01{i:02} he"
        for i, ((a, b, c), told) in enumerate(zip(words, telling, strict=True))
    ]
    config = (
        f'{HEAD}task = "binary"\nlabel = "y"\nfeatures = ["text"]\n{BANDS}'
        f'[subject.model]\ntrain = "pooled-embedding"\ntext = "text"\nembedding = 4\nhidden = 4\n'
        f"length = 12\n{FEW}{SETTINGS.replace('town', 'age')}"
    )
    secrets = (*(f"zqword{i}q" for i in range(N)), "zq.example")
    return Planted(rows, config, {"text": secrets, "age": numbers(rows["age"])})


def amounts() -> Planted:
    rows = people().assign(pay=lambda f: np.round(f["income"] * 1.3177 + f["debt"], 4))
    config = (
        f'{HEAD}task = "regression"\nlabel = "pay"\nfeatures = ["income", "town"]\n{BANDS}'
        f'[subject.model]\ntrain = "mlp"\nhidden = [4]\n{FEW}'
    )
    return Planted(rows, config, {name: numbers(rows[name]) for name in ("pay", "income")})


def written() -> Planted:
    rows = people().assign(
        word=[f"zq{'abcdefghij'[i % 10]}{i}" for i in range(N)],
        sounds=[f"Z Q {i} zqs{i}q" for i in range(N)],
        said=[f"Z Q {i + 1} zqp{i}q" for i in range(N)],
    )
    config = (
        f'{HEAD}task = "sequence-to-sequence"\nlabel = "sounds"\n{BANDS}'
        '[subject.model]\nprediction = "said"\n'
    )
    secrets = {
        "sounds": tuple(f"zqs{i}q" for i in range(N)),
        "said": tuple(f"zqp{i}q" for i in range(N)),
    }
    return Planted(rows, config, secrets)


KINDS = {f.__name__: f for f in (tabular, scored, texts, amounts, written)}


def leaks(folder: Path, secrets: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str, str]]:
    """File, column and value of each secret that a file of a folder holds."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8", errors="replace")
        for column, values in secrets.items():
            for value in values:
                # A whole number: 1.25 is not in 21.257.
                if value in text and re.search(rf"(?<![\d.]){re.escape(value)}(?!\d)", text):
                    yield path.name, column, value


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_file_of_a_bundle_holds_a_row(kind: str, tmp_path: Path) -> None:
    planted = KINDS[kind]()
    planted.rows.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "auditkit.toml").write_text(planted.config, encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["run", str(tmp_path / "auditkit.toml"), "--out", str(out)]
    status = status_of(lambda: cli(arguments, standalone_mode=False))
    record = json.loads(next(out.rglob("audit.json")).read_text(encoding="utf-8"))
    assert status in {0, 3}, [one["reason"] for one in record["audits"]]
    assert {path.name for path in out.rglob("*.*") if path.is_file()} >= {
        "audit.json",
        "report.en.html",
        "manifest.json",
    }
    assert list(leaks(out, planted.secrets)) == []


def test_what_is_looked_for_would_be_found(tmp_path: Path) -> None:
    for kind, make in KINDS.items():
        planted = make()
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "rows.csv").write_text(planted.rows.to_csv(index=False), encoding="utf-8")
        assert {column for _, column, _ in leaks(folder, planted.secrets)} == set(planted.secrets)
