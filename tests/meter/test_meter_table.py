"""`[meter]` in auditkit.toml: where the energy of training and of every audit comes from."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from support import Counting, scored, subject

from auditkit import load_subject, meter, run
from auditkit.cli import cli
from auditkit.errors import InputError
from auditkit.loading import prepare
from auditkit.report import Report

HEAD = """
[subject]
name = "any"
data = "rows.parquet"
label = "y"
sensitive = ["sex"]
[subject.model]
"""


def write(folder: Path, text: str) -> Path:
    scored(200).to_parquet(folder / "rows.parquet")
    file = folder / "auditkit.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return file


def plug(folder: Path) -> None:
    """Readings of 50 W, from before to after the run."""
    now = time.time()
    lines = "".join(f"{now + second},50.0\n" for second in range(-5, 300, 5))
    (folder / "plug.csv").write_text(f"time,w\n{lines}")


def test_training_and_every_audit_take_their_energy_from_the_wall_meter(tmp_path: Path) -> None:
    plug(tmp_path)
    text = 'train = "mlp"\nhidden = [4]\n[subject.training]\nepochs = 1\n[meter]\nwall = "plug.csv"'
    file = write(tmp_path, text)
    cli(["run", str(file), "--audits", "performance,energy", "--out", str(tmp_path / "out")],
        standalone_mode=False)  # fmt: skip
    (found,) = (tmp_path / "out").rglob("audit.json")
    report = Report.load(found)
    for audit in report.audits:
        assert audit.energy is not None
        assert audit.energy.basis == "measured"
        assert [part.domain for part in audit.energy.domains] == ["whole machine"]
        assert audit.energy.joules == pytest.approx(50 * (audit.seconds or 0.0), rel=0.02)
    (training,) = [m for m in report.measurements if m.metric == "training_energy"]
    assert training.basis == "measured"
    assert training.interval is not None
    assert training.interval.method == "resolution of the meter, not the spread over runs"


def test_everything_wrong_with_it_is_listed_with_the_rest(tmp_path: Path) -> None:
    text = 'score = "none"\n[meter]\nwall = "plug.csv"\nwals = 1\n'
    problems = [str(problem) for problem in prepare(write(tmp_path, text))[1]]
    assert any("[meter]" in said and "'wals'" in said for said in problems)
    assert any(said.startswith("plug.csv: found No such file") for said in problems)
    assert any("'none'" in said for said in problems)


def test_a_package_that_is_missing_is_one_of_the_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"\[meter\] codecarbon: .*auditkit-rai\[codecarbon\]"):
        load_subject(write(tmp_path, 'score = "score"\n[meter]\ncodecarbon = true'))


def test_without_the_table_the_sources_around_it_hold(tmp_path: Path) -> None:
    loaded = load_subject(write(tmp_path, 'score = "score"'))
    with meter.sources(watts=meter.WattsPerCore(1.0, 2.0, 3.0, "mine")):
        (audit,) = run(loaded, None, [Counting()]).audits
    assert audit.energy is not None
    assert "mine" in audit.energy.method


def test_a_record_of_before_there_were_domains_is_still_read() -> None:
    plain = json.loads(run(subject(), None, [Counting()]).to_json())
    for audit in plain["audits"]:
        del audit["energy"]["domains"]
    (audit,) = Report.from_json(json.dumps(plain)).audits
    assert audit.energy is not None
    assert audit.energy.domains == []
