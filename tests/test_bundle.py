from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from support import Counting, subject

from auditkit import bundle
from auditkit.audit import run
from auditkit.errors import InputError
from auditkit.report import Report


@pytest.fixture(scope="module")
def report() -> Report:
    return run(subject(), None, [Counting()])


def test_a_bundle_holds_the_record_its_page_and_their_digests(
    report: Report, tmp_path: Path
) -> None:
    folder = bundle.write_bundle(report, tmp_path / "a" / "b", files={"policy.toml": b"x = 1"})
    names = {file.name for file in folder.iterdir()}
    pages = {"report.en.html", "report.zh-Hans.html"}
    exports = {"junit.xml", "results.sarif", "model_card.md"}
    assert names == {"audit.json", "policy.toml", "manifest.json"} | pages | exports
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert set(manifest["files"]) == names - {"manifest.json"}
    assert Report.load(folder) == report


def test_an_audit_is_never_overwritten(report: Report, tmp_path: Path) -> None:
    bundle.write_bundle(report, tmp_path / "a")
    before = (tmp_path / "a" / "audit.json").read_bytes()
    with pytest.raises(InputError, match="something is there already"):
        bundle.write_bundle(report, tmp_path / "a")
    assert (tmp_path / "a" / "audit.json").read_bytes() == before


def test_nothing_is_left_when_the_disk_fills_up(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        bundle.write_bundle(report, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_said(report: Report, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x", encoding="utf-8")
    with pytest.raises(InputError):
        bundle.write_bundle(report, tmp_path / "a" / "b")


def test_a_hostile_name_stays_inside_the_folder(report: Report, tmp_path: Path) -> None:
    for name in ("../../etc", "/abs", "..", "", "x" * 10_000, "a\x00b", "<script>"):
        hostile = report.model_copy(
            update={"subject": report.subject.model_copy(update={"name": name})}
        )
        folder = bundle.bundle_folder(tmp_path, hostile)
        assert folder.resolve().is_relative_to(tmp_path.resolve())
        assert len(folder.parent.name) <= 60
        assert folder.parent != tmp_path


def test_one_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "junit.xml"
    assert bundle.write_file(file, b"old") == file
    bundle.write_file(file, b"new")
    assert file.read_bytes() == b"new"

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left on device"):
        bundle.write_file(file, b"newer")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"new"]


def test_a_file_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        bundle.write_file(tmp_path / "no" / "junit.xml", b"x")
