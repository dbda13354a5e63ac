"""`auditkit cells` writes counts where the data live; `auditkit run` audits those of all places."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support import scored

from auditkit.audit import run as run_audits
from auditkit.cli import cli, status_of
from auditkit.errors import InputError
from auditkit.loading import load_subject
from auditkit.render.html import render

CONFIG = """
[subject]
name = "loans"
data = "{name}.csv"
label = "y"
sensitive = ["sex", "race"]

[subject.model]
score = "score"
threshold = 0.4
"""
TOGETHER = """
[subject]
name = "loans everywhere"
cells = [{cells}]
"""


def write(folder: Path, names: tuple[str, ...] = ("north", "south")) -> None:
    for seed, name in enumerate(names):
        scored(400 + seed, seed).to_csv(folder / f"{name}.csv", index=False)
        (folder / f"{name}.toml").write_text(CONFIG.format(name=name))


def together(folder: Path, cells: str = '"*.cells.json"', more: str = "") -> Path:
    path = folder / "auditkit.toml"
    path.write_text(TOGETHER.format(cells=cells) + more)
    return path


def auditkit(arguments: list[str]) -> int:
    return status_of(lambda: cli(arguments, standalone_mode=False))


def send(folder: Path, name: str, *options: str) -> Path:
    out = folder / f"{name}.cells.json"
    arguments = ["cells", str(folder / f"{name}.toml"), "--out", str(out), *options]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 0
    return out


def test_counts_are_written_and_audited_end_to_end(tmp_path: Path) -> None:
    write(tmp_path)
    send(tmp_path, "north")
    send(tmp_path, "south", "--epsilon", "1")
    config = together(tmp_path)
    (tmp_path / "policy.toml").write_text(
        'name = "p"\n[[criterion]]\nmetric = "demographic_parity_difference"\nslice = ["sex"]\n'
        'at_most = 0.9\nseverity = "high"\nsource = "test"\n'
    )
    arguments = ["run", str(config), "--out", str(tmp_path / "reports")]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 0
    audit = next((tmp_path / "reports").rglob("audit.json"))
    data = json.loads(audit.read_text())["subject"]["data"]
    assert data["source"] == "2 files of counts: north.cells.json, south.cells.json"
    assert any("epsilon 1" in note for note in data["notes"])
    page = audit.with_name("report.en.html").read_text()
    assert "intervals are widened" in page


@pytest.mark.parametrize("weight", ["", 'weight = "w"\n'])
def test_counts_of_an_engine_make_the_file_that_rows_make(tmp_path: Path, weight: str) -> None:
    rows = scored(400, 0)
    rows["w"] = np.linspace(1.0, 3.0, len(rows))
    rows.to_csv(tmp_path / "north.csv", index=False)
    said = CONFIG.format(name="north").replace("label", f"{weight}label")
    (tmp_path / "north.toml").write_text(said)
    (tmp_path / "there.toml").write_text(said.replace("label", "count = true\nlabel"))
    read, counted = (json.loads(send(tmp_path, name).read_bytes()) for name in ("north", "there"))
    assert counted["protection"] == read["protection"]
    for one, other in zip(read["cells"], counted["cells"], strict=True):
        assert other == pytest.approx(one)


def test_ten_people_are_the_least_of_a_cell_unless_told_otherwise(tmp_path: Path) -> None:
    write(tmp_path)
    held = json.loads(send(tmp_path, "north").read_bytes())
    assert held["protection"]["least"] == 10
    assert min(row[-1] for row in held["cells"]) >= 10
    whole = json.loads(send(tmp_path, "south", "--least", "0").read_bytes())
    assert whole["protection"]["kind"] == "none"
    assert sum(row[-1] for row in whole["cells"]) == 401


def test_what_was_written_and_what_it_reveals_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    arguments = ["cells", str(tmp_path / "north.toml"), "--out", str(tmp_path / "n.cells.json")]
    done = CliRunner().invoke(cli, arguments)
    assert "cells of fewer than 10 people withheld" in done.stderr
    assert "The names of the columns" in done.stderr
    assert done.stdout.strip().endswith("n.cells.json")


def test_nothing_is_overwritten_and_every_problem_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    out = send(tmp_path, "north")
    before = out.read_bytes()
    (tmp_path / "north.toml").write_text(CONFIG.format(name="north").replace('"y"', '"z"'))
    arguments = ["cells", str(tmp_path / "north.toml"), "--out", str(out), "--least", "1"]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 2
    said = capsys.readouterr().err
    for words in ("something is there already", "A cell of 1 person", "'z'"):
        assert words in said
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_counts_cannot_be_counted_again(tmp_path: Path) -> None:
    write(tmp_path)
    send(tmp_path, "north")
    config = together(tmp_path)
    arguments = ["cells", str(config), "--out", str(tmp_path / "again.json")]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 2
    assert not (tmp_path / "again.json").exists()


def problems(config: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_subject(config)
    return [str(problem) for problem in caught.value.problems]


def test_what_only_rows_need_is_refused_beside_cells(tmp_path: Path) -> None:
    write(tmp_path)
    send(tmp_path, "north")
    more = 'data = "north.csv"\nlabel = "y"\ntask = "regression"\n[subject.model]\nscore = "s"\n'
    found = problems(together(tmp_path, more=more))
    assert len(found) == 4
    assert all("[subject]" in problem for problem in found)


def test_every_file_that_is_wrong_or_not_there_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    send(tmp_path, "north")
    (tmp_path / "bad.json").write_text("{}")
    names = '"north.cells.json", "bad.json", "absent.json", "x-*.json"'
    found = problems(together(tmp_path, names))
    assert [problem.split(":")[0] for problem in found] == [
        "bad.json",
        "absent.json",
        "auditkit.toml [subject] cells",
    ]


def test_a_criterion_about_a_column_that_the_files_lack_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    send(tmp_path, "north")
    config = together(tmp_path)
    (tmp_path / "policy.toml").write_text(
        'name = "p"\n[[criterion]]\nmetric = "demographic_parity_difference"\nslice = ["age"]\n'
        'at_most = 0.1\nseverity = "high"\nsource = "test"\n'
    )
    arguments = ["run", str(config), "--out", str(tmp_path / "reports")]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 2


def test_neither_data_nor_cells_is_told(tmp_path: Path) -> None:
    path = tmp_path / "auditkit.toml"
    path.write_text('[subject]\nname = "x"\n')
    assert "data, or cells" in problems(path)[0]


def test_counts_cannot_be_trained_on(tmp_path: Path) -> None:
    write(tmp_path)
    send(tmp_path, "north")
    arguments = ["train", str(together(tmp_path)), "--out", str(tmp_path / "model")]
    assert status_of(lambda: cli(arguments, standalone_mode=False)) == 2


def test_a_report_of_protected_counts_says_about_how_many_rows_and_why_an_audit_is_empty(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    send(tmp_path, "north")
    report = run_audits(load_subject(together(tmp_path)))
    page = render(report)
    assert f"about {report.subject.data.assessed} rows were assessed" in page
    assert "its intervals are not widened to match" in page


def test_the_commands_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    block = text.split("## Audit several hospitals")[1].split("```sh\n")[1].split("```")[0]
    commands = [line.split("#")[0].split()[1:] for line in block.splitlines()]
    assert [command[0] for command in commands] == ["cells", "cells", "cells", "run"]
    monkeypatch.chdir(tmp_path)
    Path("together.toml").write_text('[subject]\nname = "loans"\ncells = ["*.cells.json"]\n')
    for seed, command in enumerate(commands):
        scored(400, seed).to_csv("here.csv", index=False)
        Path("auditkit.toml").write_text(CONFIG.format(name="here"))
        assert auditkit(command) in (0, 3)
    assert len(list(tmp_path.rglob("report.en.html"))) == 1
