from __future__ import annotations

from pathlib import Path

import pytest

from auditkit.cli import cli, status_of
from auditkit.export import EXPORTS
from auditkit.report import Report


@pytest.fixture
def audit(loans: Report, tmp_path: Path) -> Path:
    (tmp_path / "audit.json").write_text(loans.to_json(), encoding="utf-8")
    return tmp_path


def auditkit(*arguments: object) -> int:
    return status_of(lambda: cli([str(one) for one in arguments], standalone_mode=False))


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_kind_is_written_under_its_name(kind: str, audit: Path, loans: Report) -> None:
    assert auditkit("export", kind, audit, "--out", audit) == 0
    assert (audit / EXPORTS[kind].file).read_bytes() == EXPORTS[kind].write(loans)


def test_it_goes_to_stdout_or_to_a_file(
    audit: Path, loans: Report, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert auditkit("export", "junit", audit) == 0
    assert capfdbinary.readouterr().out == EXPORTS["junit"].write(loans)
    assert auditkit("export", "junit", audit / "audit.json", "--out", audit / "x.xml") == 0
    assert (audit / "x.xml").read_bytes() == EXPORTS["junit"].write(loans)


def test_a_kind_that_is_unknown_is_refused_with_the_nearest(
    audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditkit("export", "juni", audit) == 2
    assert "Did you mean 'junit'?" in capsys.readouterr().err


def test_a_record_that_cannot_be_exported_writes_nothing(
    record: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "audit.json"
    file.write_text(Report.model_validate({**record, "tables": []}).to_json(), encoding="utf-8")
    assert auditkit("export", "ll144", file, "--out", tmp_path / "x.csv") == 2
    assert "expected tables of impact ratios" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["audit.json"]


def test_the_kinds_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert auditkit("list", "exports") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(EXPORTS)
