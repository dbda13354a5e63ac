from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import auditkit

from auditkit.bundle import write_bundle
from auditkit.errors import InputError
from auditkit.filing import manifest
from auditkit.filing.checking import check
from auditkit.filing.manifest import MANIFEST, RECORD, make_manifest, read_manifest, sha256
from auditkit.filing.notes import Note, append_note
from auditkit.filing.signing import SIGNATURE, check_signatures, make_keys, sign_files
from auditkit.policy import parse_policy
from auditkit.report import Report


def told(folder: Path) -> str:
    return "\n".join(str(problem) for problem in check(str(folder)).problems)


def forge(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the record, and the page and the manifest with it, as somebody with skill would."""
    plain = json.loads((folder / RECORD).read_bytes())
    change(plain)
    (folder / RECORD).write_text(
        json.dumps(plain, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    report = Report.load(folder)
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.name != MANIFEST}
    page = folder / "report.en.html"
    from auditkit.render.html import render

    page.write_bytes(render(report).encode())
    files[page.name] = page.read_bytes()
    (folder / MANIFEST).write_bytes(make_manifest(report, files))


def test_a_bundle_as_written_is_sound(bundle: Path) -> None:
    checked = check(str(bundle))
    assert checked.sound
    assert checked.compared == (
        "7 files with manifest.json",
        "2 findings and the verdict, judged again",
        "policy.toml with the record",
        "junit.xml, drawn again",
        "model_card.md, drawn again",
        "report.en.html, drawn again",
        "report.zh-Hans.html, drawn again",
        "results.sarif, drawn again",
    )
    assert checked.not_compared == ()
    assert checked.manifest_sha256 == sha256((bundle / MANIFEST).read_bytes())


@pytest.fixture(scope="session")
def signed(report: Report, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a bundle with a note, an earlier signature and one of today."""
    folder = tmp_path_factory.mktemp("signed") / "bundle"
    key, _ = make_keys()
    text = (
        b'name = "p"\n[[criterion]]\nmetric = "share"\nat_least = 0.1\n'
        b'severity = "high"\nsource = "own policy"\n'
    )
    from auditkit.judging import judge, overall

    policy = parse_policy(text)
    findings = judge(policy, report.measurements)
    verdict = overall(findings, policy)
    update = {"policy": policy, "findings": findings, "verdict": verdict}
    write_bundle(report.model_copy(update=update), folder, files={"policy.toml": text})
    for _ in range(2):
        checked = check(str(folder))
        (folder / SIGNATURE).write_bytes(sign_files(checked.files, checked.whole(), key)[0])
        if _ == 0:
            append_note(folder, Note("A", "reviewer", "Seen.", finding="C1"))
    assert check(str(folder)).sound
    return dict(check(str(folder)).files)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_byte_changed_anywhere_is_found_and_named(
    signed: dict[str, bytes], tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(signed)))
    content = bytearray(signed[name])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    folder = tmp_path / "bundle"
    folder.mkdir(exist_ok=True)
    for file, kept in signed.items():
        (folder / file).write_bytes(kept)
    (folder / name).write_bytes(content)
    assert name in told(folder)


def test_no_byte_of_a_manifest_can_be_changed(signed: dict[str, bytes]) -> None:
    whole = read_manifest(signed[MANIFEST])
    for place in range(len(signed[MANIFEST])):
        for flip in (1, 2, 0x20, 0x80):
            content = bytearray(signed[MANIFEST])
            content[place] ^= flip
            with pytest.raises(InputError, match="manifest"):
                read_manifest(bytes(content))
    assert read_manifest(signed[MANIFEST]) == whole


def test_no_byte_of_a_signature_can_be_changed(signed: dict[str, bytes]) -> None:
    report = Report.from_json(signed[RECORD])
    for place in range(len(signed[SIGNATURE])):
        for flip in (1, 0x20):
            content = bytearray(signed[SIGNATURE])
            content[place] ^= flip
            files = {**signed, SIGNATURE: bytes(content)}
            _, problems = check_signatures(files, report, None)
            assert any(SIGNATURE in problem.where for problem in problems)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_anywhere_is_found_and_named(
    signed: dict[str, bytes], tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(signed)))
    length = data.draw(st.integers(0, len(signed[name]) - 1))
    folder = tmp_path / "bundle"
    folder.mkdir(exist_ok=True)
    for file, kept in signed.items():
        (folder / file).write_bytes(kept)
    (folder / name).write_bytes(signed[name][:length])
    assert name in told(folder)


def test_every_file_of_a_bundle_is_missed(signed: dict[str, bytes], tmp_path: Path) -> None:
    for gone in sorted(signed.keys() - {SIGNATURE}):
        folder = tmp_path / gone
        folder.mkdir()
        for name, content in signed.items():
            if name != gone:
                (folder / name).write_bytes(content)
        assert f"{gone}" in told(folder)


def test_all_that_is_wrong_is_told_at_once_with_status_1(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bundle / "report.en.html").write_text("<p>fine</p>", encoding="utf-8")
    (bundle / "policy.toml").unlink()
    (bundle / "extra.txt").write_text("x", encoding="utf-8")
    assert auditkit("verify", bundle) == 1
    out = capsys.readouterr().out
    assert out.startswith("NOT AS WRITTEN  ")
    assert "'report.en.html': found sha256 " in out
    assert "'policy.toml': found no such file" in out
    assert "'extra.txt': found a file, expected none, as manifest.json does not list it" in out
    assert "kept elsewhere" in out


def test_json_says_the_same_as_the_text(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert auditkit("verify", bundle, "--json") == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["sound"] is True
    assert plain["problems"] == plain["signatures"] == []
    (bundle / "report.en.html").unlink()
    assert auditkit("verify", bundle, "--json") == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["where"] == "'report.en.html'"


def test_a_verdict_that_the_measurements_do_not_give_is_found(bundle: Path) -> None:
    forge(bundle, lambda plain: plain.update(verdict="pass"))
    assert "audit.json verdict: found pass, expected review by its measurements" in told(bundle)


def test_a_finding_that_its_measurement_does_not_give_is_found(bundle: Path) -> None:
    forge(bundle, lambda plain: plain["findings"][0].update(verdict="pass"))
    assert "audit.json finding 'S1' verdict: found 'pass', expected 'inconclusive'" in told(bundle)


def test_a_finding_without_a_measurement_cannot_pass(bundle: Path) -> None:
    forge(bundle, lambda plain: plain["findings"][1].update(verdict="pass"))
    assert "audit.json finding 'E1': found pass, expected not_measured" in told(bundle)


def test_a_finding_that_was_taken_out_is_missed(bundle: Path) -> None:
    forge(bundle, lambda plain: plain["findings"].pop(0))
    assert "audit.json finding 'S1': found none, expected a finding" in told(bundle)


def test_a_limit_moved_in_the_record_is_found_by_the_policy_file(bundle: Path) -> None:
    forge(bundle, lambda plain: plain["policy"]["criteria"][0].update(at_least=0.0))
    assert "audit.json policy: found other criteria, expected what policy.toml says" in told(bundle)


def test_a_policy_file_of_another_digest_is_found(bundle: Path) -> None:
    forge(bundle, lambda plain: plain["policy"].update(sha256="0" * 64))
    assert "policy.toml: found sha256" in told(bundle)


def test_a_page_that_does_not_show_the_record_is_found(bundle: Path, report: Report) -> None:
    page = bundle / "report.en.html"
    page.write_bytes(page.read_bytes().replace(b"REVIEW", b"PASSED"))
    page.write_bytes(page.read_bytes() + b"<!-- -->")
    files = {p.name: p.read_bytes() for p in bundle.iterdir() if p.name != MANIFEST}
    (bundle / MANIFEST).write_bytes(make_manifest(report, files))
    assert told(bundle).startswith("report.en.html: found another content, expected what")


def test_a_page_that_another_version_drew_is_not_compared_and_that_is_said(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditkit.filing.checking.drawn_by", lambda: "auditkit 9, 00")
    checked = check(str(bundle))
    assert checked.sound
    assert checked.not_compared[2].startswith("report.en.html (drawn by another version: 'auditkit")


def test_a_manifest_from_before_pages_were_compared_is_still_read(bundle: Path) -> None:
    plain = json.loads((bundle / MANIFEST).read_bytes())
    for key in ("drawn_by", "check"):
        del plain[key]
    (bundle / MANIFEST).write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    assert check(str(bundle)).sound


def test_a_waiver_is_held_on_the_day_of_the_audit_and_not_of_the_check(
    report: Report, tmp_path: Path
) -> None:
    from auditkit.judging import rejudge

    created = check_day(report)
    waiver = f'[[waiver]]\ncriterion = "S1"\nowner = "O"\nreason = "R"\nexpires = {created}\n'
    text = (
        b'name = "p"\n[[criterion]]\nid = "S1"\nmetric = "share"\nat_least = 0.1\n'
        b'severity = "high"\nsource = "own policy"\n' + waiver.encode()
    )
    (tmp_path / "policy.toml").write_bytes(text)
    judged = rejudge(report, tmp_path / "policy.toml", on=created)
    assert judged.findings[0].waiver == "holds"
    late = rejudge(report, tmp_path / "policy.toml", on=created + timedelta(days=1))
    assert late.findings[0].waiver == "expired"
    for number, (record, sound) in enumerate([(judged, True), (late, False)]):
        folder = write_bundle(record, tmp_path / f"{number}", files={"policy.toml": text})
        assert check(str(folder)).sound is sound


def check_day(report: Report) -> Any:
    from auditkit.filing.checking import _day

    return _day(report)


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a\\b", "..", "", ".x", "a\x00", "C:x"])
def test_a_manifest_that_names_a_path_is_refused_and_nothing_is_opened(
    bundle: Path, name: str
) -> None:
    plain = json.loads((bundle / MANIFEST).read_bytes())
    plain["files"][name] = "0" * 64
    (bundle / MANIFEST).write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    assert "expected a plain file name" in told(bundle)
    assert auditkit("verify", bundle) == 1


def test_links_folders_and_pipes_in_a_bundle_are_named_and_not_followed(bundle: Path) -> None:
    page = bundle / "report.en.html"
    content = page.read_bytes()
    (bundle.parent / "elsewhere.html").write_bytes(content)
    page.unlink()
    page.symlink_to(bundle.parent / "elsewhere.html")
    (bundle / "more").mkdir()
    os.mkfifo(bundle / "pipe")
    said = told(bundle)
    assert "'report.en.html': found a link, expected a plain file" in said
    assert "'more': found a folder or something special" in said
    assert "'pipe': found a folder or something special" in said


def test_a_hostile_file_name_is_quoted(bundle: Path) -> None:
    (bundle / "a\x1b[2Jb").write_text("x", encoding="utf-8")
    os.close(os.open(os.fsencode(bundle) + b"/\xff\xfe", os.O_CREAT | os.O_WRONLY))
    said = told(bundle)
    assert "'a\\u001b[2Jb'" in said
    assert "\x1b" not in said
    assert "udcff" in said


def test_a_folder_of_very_many_files_is_no_bundle(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "MOST_FILES", 5)
    for number in range(6):
        (bundle / f"{number}.txt").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="more than 5 files"):
        check(str(bundle))


def test_a_manifest_of_a_million_entries_is_refused_soon(bundle: Path) -> None:
    entry = f'"f": "{"0" * 64}",'.encode()
    (bundle / MANIFEST).write_bytes(b'{"files": {' + entry * 1_000_000 + b"}}")
    assert "manifest.json: found 72,000,013 bytes, expected at most 2,000,000" in told(bundle)


def test_a_manifest_of_too_many_files_is_refused(bundle: Path) -> None:
    plain = json.loads((bundle / MANIFEST).read_bytes())
    plain["files"] = {f"f{number}": "0" * 64 for number in range(1_001)}
    (bundle / MANIFEST).write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    assert "more than 1,000 files" in told(bundle)


def test_a_record_nested_without_end_is_an_input_error(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    append_note(bundle, Note("A", "r", "t"))
    for depth in (300, 900, 100_000):
        raw = (bundle / RECORD).read_text(encoding="utf-8")
        deep = f'"training": {{"a": {"[" * depth}{"]" * depth}}}'
        (bundle / RECORD).write_text(raw.replace('"training": null', deep), encoding="utf-8")
        assert auditkit("verify", bundle) in (1, 2)
        assert "Traceback" not in capsys.readouterr().err


def test_a_bundle_larger_than_any_is_refused(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="more than 1,000 bytes"):
        check(str(bundle))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{" * 100_000, '{"files": 5}', "\x00"])
def test_a_manifest_that_is_none_is_adverse(bundle: Path, text: str) -> None:
    (bundle / MANIFEST).write_text(text, encoding="utf-8")
    assert "manifest.json" in told(bundle)
    assert auditkit("verify", bundle) == 1


def test_a_record_of_a_newer_format_cannot_be_checked(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = (bundle / RECORD).read_bytes().replace(b'"format": 1', b'"format": 2', 1)
    (bundle / RECORD).write_bytes(raw)
    assert auditkit("verify", bundle) == 1  # altered, says the manifest
    held = read_manifest((bundle / MANIFEST).read_bytes())
    files = {**held.files, RECORD: sha256(raw)}
    other = manifest._checked(held.model_copy(update={"files": files}))
    (bundle / MANIFEST).write_bytes(other.to_bytes())
    capsys.readouterr()
    assert auditkit("verify", bundle) == 2
    assert "made by a newer auditkit" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["nothing", "a file", "an empty folder"])
def test_what_is_no_bundle_is_an_input_error(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    if what == "a file":
        path.write_text("x", encoding="utf-8")
    elif what == "an empty folder":
        path.mkdir()
    assert auditkit("verify", path) == 2
