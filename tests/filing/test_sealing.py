from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import auditkit

from auditkit.errors import InputError
from auditkit.filing import sealing
from auditkit.filing.manifest import is_plain
from auditkit.filing.sealing import pack, seal, unpack, unseal


def keys(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert auditkit("keys", "--for", "sealing", "--out", path) == 0
    return capsys.readouterr().out.strip()


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for member, content in members:
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_each_recipient_opens_the_same_bundle_and_nobody_else_does(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [tmp_path / "one.txt", tmp_path / "two.txt", tmp_path / "three.txt"]
    one, two, _ = (keys(name, capsys) for name in names)
    assert stat.S_IMODE(names[0].stat().st_mode) == 0o600
    sealed = tmp_path / "x.age"
    assert auditkit("seal", bundle, "--to", one, "--to", two, "--out", sealed) == 0
    assert b"audit.json" not in sealed.read_bytes()
    for number, name in enumerate(names[:2]):
        out = tmp_path / f"out{number}"
        assert auditkit("open", sealed, "--identity", name, "--out", out) == 0
        assert contents(out) == contents(bundle)
        assert auditkit("verify", out) == 0
    assert auditkit("open", sealed, "--identity", names[2], "--out", tmp_path / "no") == 2
    assert not (tmp_path / "no").exists()
    assert "sealed for others" in capsys.readouterr().err


def test_the_tar_is_the_same_for_the_same_files_and_says_nothing_of_the_machine() -> None:
    files = {"b": b"2", "a": b"1"}
    assert pack(files) == pack(dict(reversed(files.items())))
    with tarfile.open(fileobj=io.BytesIO(pack(files))) as made:
        assert made.getnames() == ["a", "b"]
        for member in made:
            assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")
            assert member.mode == 0o644


@given(
    st.dictionaries(
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=150),
        st.binary(max_size=50),
        max_size=5,
    )
)
def test_what_is_packed_comes_out_again(files: dict[str, bytes]) -> None:
    assert unpack(pack(files), "x") == files


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "a\\b", "..", ".x", "C:x", "a\nb"])
def test_a_path_in_a_sealed_bundle_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="a path, expected a plain file name"):
        unpack(tar((tarfile.TarInfo(name), b"x")), "x.age")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE,
     tarfile.CONTTYPE],
)  # fmt: skip
def test_a_link_or_anything_special_in_a_sealed_bundle_is_refused(kind: bytes) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(InputError, match="expected a plain file"):
        unpack(tar((member, b"")), "x.age")


def test_a_sparse_file_that_swells_is_refused() -> None:
    member = tarfile.TarInfo("x")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1",
                          "GNU.sparse.map": "0,0", "GNU.sparse.size": str(10**12)}  # fmt: skip
    with pytest.raises(InputError):
        unpack(tar((member, b"")), "x.age")


def test_two_files_of_a_name_too_many_and_too_large_ones_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twice = tar((tarfile.TarInfo("x"), b"1"), (tarfile.TarInfo("x"), b"2"))
    with pytest.raises(InputError, match="two files of this name"):
        unpack(twice, "x.age")
    many = pack({f"{n}": b"" for n in range(4)})
    monkeypatch.setattr(sealing, "MOST_FILES", 3)
    with pytest.raises(InputError, match="more than 3 files"):
        unpack(many, "x.age")
    monkeypatch.setattr(sealing, "MOST_BYTES", 3)
    with pytest.raises(InputError, match="more than 3 bytes"):
        unpack(pack({"x": b"1234"}), "x.age")


@given(st.binary(max_size=2000), st.integers(0, 2047), st.integers(0, 255))
def test_a_damaged_tar_gives_files_or_an_input_error(noise: bytes, place: int, byte: int) -> None:
    damaged = bytearray(pack({"a": b"1"}))
    damaged[place] = byte
    for content in (noise, bytes(damaged)):
        try:
            files = unpack(content, "x.age")
        except InputError:
            continue
        assert all(is_plain(name) for name in files)


@pytest.fixture(scope="session")
def sealed() -> tuple[bytes, bytes]:
    identity = pyrage.x25519.Identity.generate()
    return seal({"a": b"1"}, [str(identity.to_public())]), str(identity).encode()


@given(data=st.data())
def test_a_sealed_bundle_with_one_byte_changed_does_not_open(
    sealed: tuple[bytes, bytes], data: st.DataObject
) -> None:
    content = bytearray(sealed[0])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InputError, match="damaged"):
        unseal(bytes(content), sealed[1], "x.age")


@given(data=st.data())
def test_a_sealed_bundle_cut_short_does_not_open(
    sealed: tuple[bytes, bytes], data: st.DataObject
) -> None:
    cut = sealed[0][: data.draw(st.integers(0, len(sealed[0]) - 1))]
    with pytest.raises(InputError, match="damaged"):
        unseal(cut, sealed[1], "x.age")


def test_every_wrong_recipient_is_told(bundle: Path) -> None:
    with pytest.raises(InputError) as caught:
        seal({"a": b""}, ["age1x", "", "x" * 10_000])
    assert len(caught.value.problems) == 3
    with pytest.raises(InputError, match="nobody"):
        seal({"a": b""}, [])
    assert auditkit("seal", bundle, "--to", "age1x", "--out", bundle.parent / "x.age") == 2
    assert not (bundle.parent / "x.age").exists()


@pytest.mark.parametrize("text", [b"", b"# only a comment\n", b"\xff", b"AGE-SECRET-KEY-1SECRET"])
def test_an_identity_that_is_none_is_not_repeated(sealed: tuple[bytes, bytes], text: bytes) -> None:
    with pytest.raises(InputError) as caught:
        unseal(sealed[0], text, "x.age")
    assert "SECRET" not in str(caught.value).replace("AGE-SECRET-KEY-1...", "")


def test_nothing_is_overwritten(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = keys(tmp_path / "id", capsys)
    sealed = tmp_path / "x.age"
    auditkit("seal", bundle, "--to", public, "--out", sealed)
    before = sealed.read_bytes()
    assert auditkit("seal", bundle, "--to", public, "--out", sealed) == 2
    assert auditkit("open", sealed, "--identity", tmp_path / "id", "--out", bundle) == 2
    assert auditkit("keys", "--for", "sealing", "--out", tmp_path / "id") == 2
    assert sealed.read_bytes() == before
    assert auditkit("verify", bundle) == 0


def test_a_bundle_that_is_not_sound_is_not_sealed(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = keys(tmp_path / "id", capsys)
    (bundle / "report.en.html").unlink()
    assert auditkit("seal", bundle, "--to", public, "--out", tmp_path / "x.age") == 2
    assert not (tmp_path / "x.age").exists()


def test_a_missing_package_names_its_install_line(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyrage", None)
    assert auditkit("seal", bundle, "--to", "age1x", "--out", bundle.parent / "x.age") == 2
    assert "pip install 'auditkit-rai[seal]'" in capsys.readouterr().err
