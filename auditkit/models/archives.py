"""Files that hold models: read whole and bounded, and looked into before anything opens them."""

from __future__ import annotations

import hashlib
import io
import pickletools
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Never

from auditkit.errors import InputError, Problem, quote

#: Largest model file; unit: bytes. An ONNX file has the same limit of its own.
LARGEST_FILE = 2_147_483_647
#: Largest content of a zip archive, and how many times its size it may be once it is not small.
LARGEST_UNPACKED, LARGEST_RATIO, SMALL = 4_000_000_000, 100, 100_000_000
#: Most members of a zip archive.
MOST_MEMBERS = 100_000
#: What a pickle can do, and what to do instead.
WHY_NOT_PICKLE = "a pickle, which can run any program when it is opened"
SAFE_WAYS = (
    "Save a scikit-learn model with skops.io.dump(model, 'model.skops'), a torch network with "
    "model.save(folder), or any model as ONNX; or give its scores as a table."
)
#: First bytes of what joblib and others compress pickles with.
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x5d\x00\x00": "lzma",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstandard",
}
#: How much of a file is looked at to tell what it is; unit: bytes.
_LOOK = 1_000_000


def refuse(name: str, found: str, expected: str, hint: str = "") -> Never:
    """Raise an `InputError` with one problem."""
    raise InputError([Problem(name, found, expected, hint)])


def digest(content: bytes) -> str:
    """Digest of a file that was read: sha256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_model_file(path: Path) -> bytes:
    """Read a model file whole, so that what is checked is what is opened.

    Args:
        path: The file.

    Returns:
        Its bytes.

    Raises:
        InputError: If it is missing, empty, larger than `LARGEST_FILE`, or a pickle.
    """
    if not path.is_file():
        refuse(path.name, "no such file", "a model file")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        refuse(path.name, f"{size:,} bytes", f"at most {LARGEST_FILE:,} bytes")
    try:
        content = path.read_bytes()
    except OSError as error:
        refuse(path.name, error.strerror or "a file that cannot be read", "a model file")
    if not content:
        refuse(path.name, "an empty file", "a model file")
    if is_pickle(content):
        refuse(path.name, WHY_NOT_PICKLE, "a model file without code", SAFE_WAYS)
    return content


def is_pickle(content: bytes) -> bool:
    r"""Tell whether bytes are a pickle; nothing is opened.

    Args:
        content: A whole file, or its first bytes.

    Returns:
        Whether it starts as pickles of protocol 2 and later do, or is one of protocol 0 or 1
        from its first operation to its last.

    Example:
        >>> is_pickle(b"\x80\x04\x95"), is_pickle(b"I1\n."), is_pickle(b"a table.")
        (True, True, False)
    """
    # A safetensors file may start with the same two bytes: its first eight are a length.
    if content[:1] == b"\x80" and content[1:2] <= b"\x05" and content[2:3] not in {b"", b"\0"}:
        return True
    if not content.endswith(b".") or len(content) > _LOOK:
        return False
    try:
        return all(True for _ in pickletools.genops(content))
    except (ValueError, IndexError, KeyError, OverflowError):
        return False


def compression(content: bytes) -> str | None:
    """Name the compression of a file, or None where it has none."""
    return next((name for start, name in COMPRESSED.items() if content.startswith(start)), None)


def is_zip(content: bytes) -> bool:
    """Whether bytes start as a zip archive does."""
    return content.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def check_zip(content: bytes, name: str) -> list[str]:
    """Look through a zip archive: bounded, whole, each member once.

    Sizes that an archive declares are summed first; then every member is read in small pieces
    against its declared size and checksum, since an archive may lie about both.

    Args:
        content: The archive.
        name: What to call it in a message.

    Returns:
        Names of its members.

    Raises:
        InputError: If it is damaged, encrypted, or unpacks to more than `LARGEST_UNPACKED`, or to
            more than `LARGEST_RATIO` times its own size where it is not small.

    Example:
        >>> content = io.BytesIO()
        >>> with zipfile.ZipFile(content, "w") as archive:
        ...     archive.writestr("a", "text")
        >>> check_zip(content.getvalue(), "model.zip")
        ['a']
    """
    return _with_archive(content, name, lambda archive: _checked(archive, len(content), name))


def pickles_in(content: bytes, name: str) -> list[str]:
    """Names of members of a checked zip archive that are pickles by name or content."""
    return _with_archive(content, name, _pickled)


def _with_archive(
    content: bytes, name: str, call: Callable[[zipfile.ZipFile], list[str]]
) -> list[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return call(archive)
    except InputError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        IndexError,
        NotImplementedError,  # a compression that Python has not
        RuntimeError,  # an encrypted member
    ) as error:
        found = f"no whole zip archive ({quote(error)})"
        raise InputError([Problem(name, found, "the file as it was saved")]) from None


def _checked(archive: zipfile.ZipFile, packed: int, name: str) -> list[str]:
    members = archive.infolist()
    names = [member.filename for member in members]
    unpacked = sum(member.file_size for member in members)
    most = LARGEST_UNPACKED if unpacked <= SMALL else min(LARGEST_UNPACKED, LARGEST_RATIO * packed)
    if unpacked > most or len(members) > MOST_MEMBERS:
        found = f"{len(members):,} members that unpack to {unpacked:,} bytes"
        refuse(name, found, f"at most {MOST_MEMBERS:,} members and {most:,} bytes (a zip bomb?)")
    if len(set(names)) < len(names):
        refuse(name, "two members of one name", "each member once")
    for member in members:
        with archive.open(member) as stream:
            while stream.read(1 << 20):
                pass
    return names


def _pickled(archive: zipfile.ZipFile) -> list[str]:
    endings = (".pkl", ".pickle", ".joblib")
    found = []
    for member in archive.infolist():
        with archive.open(member) as stream:
            start = stream.read(16)
        if member.filename.lower().endswith(endings) or is_pickle(start):
            found.append(member.filename)
    return found
