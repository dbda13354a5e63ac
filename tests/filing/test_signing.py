from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from support import auditkit

from auditkit.errors import InputError
from auditkit.filing.checking import check
from auditkit.filing.manifest import sha256
from auditkit.filing.notes import Note, append_note
from auditkit.filing.signing import SIGNATURE, encoded, keyid_of, make_keys, sign_files


@pytest.fixture
def key(tmp_path: Path) -> Path:
    assert auditkit("keys", "--out", tmp_path / "key.pem") == 0
    return tmp_path / "key.pem"


def public(key: Path) -> Path:
    return key.with_name("key.pub.pem")


def test_the_secret_key_is_for_its_owner_only_and_never_overwritten(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert auditkit("keys", "--out", key) == 2
    public(key).unlink()
    assert auditkit("keys", "--out", key) == 2
    assert key.read_bytes() == before
    assert not public(key).exists()


def test_a_signed_bundle_is_verified_by_its_key(
    bundle: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditkit("sign", bundle, "--key", key) == 0
    capsys.readouterr()
    assert auditkit("verify", bundle, "--public-key", public(key)) == 0
    out = capsys.readouterr().out
    keyid = keyid_of(public(key).read_bytes())
    assert f"signature: valid, by key '{keyid}'; the key that was asked for" in out
    assert auditkit("verify", bundle) == 0
    assert "--public-key would tell whose it is" in capsys.readouterr().out


def test_the_signature_is_dsse_over_an_in_toto_statement_about_every_file(
    bundle: Path, key: Path
) -> None:
    auditkit("sign", bundle, "--key", key)
    envelope = json.loads((bundle / SIGNATURE).read_bytes())
    payload = base64.b64decode(envelope["payload"])
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    statement = json.loads(payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert {s["name"]: s["digest"]["sha256"] for s in statement["subject"]} == {
        file.name: sha256(file.read_bytes()) for file in bundle.iterdir() if file.name != SIGNATURE
    }
    # By hand: DSSE's encoding, checked by the library alone.
    signed = b"DSSEv1 28 application/vnd.in-toto+json %d %s" % (len(payload), payload)
    loaded = load_pem_public_key(public(key).read_bytes())
    loaded.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)  # type: ignore[call-arg, union-attr] # it is Ed25519


def test_the_id_of_a_key_is_what_openssl_says(key: Path) -> None:
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public(key), "-outform", "DER"],  # noqa: S607 - the system's own
        capture_output=True,
        check=True,
    ).stdout
    assert keyid_of(public(key).read_bytes()) == sha256(der)


def test_what_is_signed_counts_bytes_as_the_specification_does() -> None:
    assert encoded("é".encode()) == b"DSSEv1 28 application/vnd.in-toto+json 2 \xc3\xa9"


def test_signing_twice_gives_the_same_bytes_and_another_key_is_added(
    bundle: Path, key: Path, tmp_path: Path
) -> None:
    auditkit("sign", bundle, "--key", key)
    once = (bundle / SIGNATURE).read_bytes()
    auditkit("sign", bundle, "--key", key)
    assert (bundle / SIGNATURE).read_bytes() == once
    (tmp_path / "b").mkdir()
    auditkit("keys", "--out", tmp_path / "b" / "key.pem")
    assert auditkit("sign", bundle, "--key", tmp_path / "b" / "key.pem") == 0
    for one in (key, tmp_path / "b" / "key.pem"):
        assert auditkit("verify", bundle, "--public-key", public(one)) == 0


def test_a_bundle_that_the_key_did_not_sign_is_adverse(bundle: Path, key: Path) -> None:
    assert auditkit("verify", bundle, "--public-key", public(key)) == 1
    other, _ = make_keys()
    checked = check(str(bundle))
    (bundle / SIGNATURE).write_bytes(sign_files(checked.files, checked.whole(), other)[0])
    assert auditkit("verify", bundle) == 0
    assert auditkit("verify", bundle, "--public-key", public(key)) == 1


def test_a_key_that_lends_its_name_is_found(bundle: Path, key: Path) -> None:
    """A signature by another key that says that it is by this one."""
    other, _ = make_keys()
    checked = check(str(bundle))
    (bundle / SIGNATURE).write_bytes(sign_files(checked.files, checked.whole(), other)[0])
    envelope = json.loads((bundle / SIGNATURE).read_bytes())
    envelope["signatures"][0]["keyid"] = keyid_of(public(key).read_bytes())
    (bundle / SIGNATURE).write_text(json.dumps(envelope, indent=1) + "\n", encoding="utf-8")
    found = check(str(bundle), public(key).read_bytes())
    assert [one.valid for one in found.signatures] == [False]
    assert len(found.problems) == 2


def test_the_signature_of_another_bundle_is_found(bundle: Path, key: Path, tmp_path: Path) -> None:
    from auditkit.bundle import write_bundle
    from auditkit.report import Report

    other = write_bundle(Report.load(bundle).model_copy(update={"policy": None, "findings": [],
                         "verdict": "review"}), tmp_path / "other")  # fmt: skip
    auditkit("sign", other, "--key", key)
    (bundle / SIGNATURE).write_bytes((other / SIGNATURE).read_bytes())
    said = [str(problem) for problem in check(str(bundle)).problems]
    assert len(said) == 1
    assert said[0].startswith("signature.dsse.json: found a signature over other files")


def test_a_note_on_a_signed_bundle_keeps_the_signature_as_one_over_the_record_before(
    bundle: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    auditkit("sign", bundle, "--key", key)
    said = ("--author", "A", "--role", "r", "--text", "t")
    assert auditkit("note", bundle, *said) == 0
    assert "it is kept as signature.0.dsse.json. Sign again." in capsys.readouterr().err
    checked = check(str(bundle), public(key).read_bytes())
    assert [(one.file, one.valid, one.asked, one.notes) for one in checked.signatures] == [
        ("signature.0.dsse.json", True, True, 0)
    ]
    assert str(checked.problems[0]).startswith("signature.dsse.json: found no signature")
    assert auditkit("sign", bundle, "--key", key) == 0
    assert auditkit("verify", bundle, "--public-key", public(key)) == 0


def test_a_record_changed_below_an_earlier_signature_is_found(bundle: Path, key: Path) -> None:
    """Even where everything else was made to fit."""
    from auditkit.filing.drawing import drawn, is_drawn
    from auditkit.filing.manifest import MANIFEST, RECORD, make_manifest
    from auditkit.filing.record import cut
    from auditkit.report import Report

    auditkit("sign", bundle, "--key", key)
    append_note(bundle, Note("A", "r", "t"))
    plain = json.loads((bundle / RECORD).read_bytes())
    plain["subject"]["description"] = "another"
    plain["notes"][0]["follows"] = sha256(cut(plain, 0))
    (bundle / RECORD).write_bytes(cut(plain))
    report = Report.load(bundle)
    for file in bundle.iterdir():
        if is_drawn(file.name):
            file.write_bytes(drawn(file.name, report))
    files = {p.name: p.read_bytes() for p in bundle.iterdir() if p.name != MANIFEST}
    (bundle / MANIFEST).write_bytes(make_manifest(report, files))
    (said,) = [str(problem) for problem in check(str(bundle)).problems]
    assert said.startswith("signature.0.dsse.json: found a signature over another record")


def test_a_bundle_that_is_not_sound_is_not_signed(bundle: Path, key: Path) -> None:
    (bundle / "policy.toml").write_text("x", encoding="utf-8")
    assert auditkit("sign", bundle, "--key", key) == 2
    assert not (bundle / SIGNATURE).exists()


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"\xff", b'{"payload": "!", "signatures": []}']
)
def test_a_signature_file_that_is_none_is_named(bundle: Path, text: bytes) -> None:
    (bundle / SIGNATURE).write_bytes(text)
    (said,) = [str(problem) for problem in check(str(bundle)).problems]
    assert said.startswith("signature.dsse.json")


def test_keys_that_are_none_or_of_another_kind_are_input_errors(
    bundle: Path, key: Path, tmp_path: Path
) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    locked = serialization.BestAvailableEncryption(b"x")
    kinds = {
        "empty": b"",
        "noise": os.urandom(200),
        "public": public(key).read_bytes(),
        "curve": curve.private_bytes(*form, serialization.NoEncryption()),
        "locked": curve.private_bytes(*form, locked),
    }
    for name, content in kinds.items():
        (tmp_path / name).write_bytes(content)
        assert auditkit("sign", bundle, "--key", tmp_path / name) == 2
    assert auditkit("sign", bundle, "--key", tmp_path / "none") == 2
    for content in (b"", key.read_bytes(), kinds["curve"]):
        with pytest.raises(InputError, match="--public-key"):
            check(str(bundle), content)


def test_without_the_extra_a_signature_is_not_checked_and_that_is_said(
    bundle: Path,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    auditkit("sign", bundle, "--key", key)
    for name in ("exceptions", "hazmat.primitives", "hazmat.primitives.serialization"):
        monkeypatch.setitem(__import__("sys").modules, f"cryptography.{name}", None)
    capsys.readouterr()
    assert auditkit("verify", bundle) == 0
    assert "signature: not checked (extra `sign`)" in capsys.readouterr().out
    for command in (
        ("verify", bundle, "--public-key", public(key)),
        ("sign", bundle, "--key", key),
        ("keys", "--out", key.with_name("k2.pem")),
    ):
        assert auditkit(*command) == 2
        assert "pip install 'auditkit-rai[sign]'" in capsys.readouterr().err
