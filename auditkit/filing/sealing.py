"""A bundle encrypted for named recipients (age, by pyrage), and opened again."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from auditkit.errors import InputError, MissingExtraError, Problem, quote
from auditkit.filing.manifest import MOST_BYTES, MOST_FILES, is_plain

#: Bytes that a sealed bundle may have: what its files may, and their headers.
MOST_SEALED = MOST_BYTES + 4_000_000


def pack(files: Mapping[str, bytes]) -> bytes:
    """Put the files of a bundle into one tar, the same bytes for the same files.

    Args:
        files: Name to content.

    Returns:
        The tar: no time, owner or path in it.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def unpack(packed: bytes, where: str) -> dict[str, bytes]:
    """Take the files out of a tar that nobody vouches for; nothing is written.

    Args:
        packed: The tar.
        where: What to call it in a message.

    Returns:
        Name to content.

    Raises:
        InputError: If it is no tar, or holds anything but a few plain files; all is listed.
    """
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    left = MOST_BYTES
    try:
        # "r:" reads no compressed tar, so that nothing can be larger than what was sealed.
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as tar:
            for member in _members(tar, where):
                wrong = _member_problem(member, files, left)
                if wrong is not None:
                    problems.append(wrong)
                    continue
                stream = tar.extractfile(member)
                files[member.name] = stream.read() if stream else b""
                left -= member.size
    except InputError:
        raise
    except (tarfile.TarError, ValueError, OSError, RecursionError):
        problems.append(Problem(where, "no readable tar", "a sealed bundle"))
    if problems:
        raise InputError(problems)
    return files


def _members(tar: tarfile.TarFile, where: str) -> Iterator[tarfile.TarInfo]:
    for number, member in enumerate(tar):
        if number >= MOST_FILES:
            raise InputError([Problem(where, f"more than {MOST_FILES:,} files", "a bundle")])
        yield member


def _member_problem(
    member: tarfile.TarInfo, files: Mapping[str, bytes], left: int
) -> Problem | None:  # fmt: skip
    name = quote(member.name)
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.sparse is not None:
        return Problem(name, "a link, a folder or something special", "a plain file")
    if not is_plain(member.name):
        return Problem(name, "a path", "a plain file name")
    if member.name in files:
        return Problem(name, "two files of this name", "one")
    if member.size > left:
        return Problem(name, f"more than {MOST_BYTES:,} bytes", "a bundle")
    return None


def seal(files: Mapping[str, bytes], recipients: Sequence[str]) -> bytes:
    """Encrypt a bundle so that any one of its recipients can open it, and nobody else.

    Args:
        files: Name to content.
        recipients: Public keys, `age1...`.

    Returns:
        An age file, as `age --decrypt` reads it too.

    Raises:
        InputError: If there is no recipient, or one is no such key; every problem is listed.
        MissingExtraError: If `pyrage` is not installed.
    """
    pyrage = _pyrage()
    keys, problems = [], []
    for text in recipients:
        try:
            keys.append(pyrage.x25519.Recipient.from_str(text))
        except pyrage.RecipientError:
            problems.append(Problem("--to", quote(text), "a public key, age1..."))
    if not recipients:
        problems.append(Problem("--to", "nobody", "a public key, age1..."))
    if problems:
        raise InputError(problems)
    return bytes(pyrage.encrypt(pack(files), keys))


def unseal(sealed: bytes, identity: bytes, where: str) -> dict[str, bytes]:
    """Decrypt a sealed bundle; nothing is written.

    Args:
        sealed: An age file.
        identity: Secret keys, one a line, as `auditkit keys --for sealing` and age-keygen write.
        where: What to call the sealed file in a message.

    Returns:
        Name to content.

    Raises:
        InputError: If it is damaged, sealed for others, or no bundle, or there is no identity.
        MissingExtraError: If `pyrage` is not installed.
    """
    pyrage = _pyrage()
    try:
        lines = identity.decode().split("\n")
        texts = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        keys = [pyrage.x25519.Identity.from_str(text) for text in texts]
    except (UnicodeDecodeError, pyrage.IdentityError):
        keys = []
    if not keys:  # what stands there is secret, so it is not shown
        expected = "lines with AGE-SECRET-KEY-1..."
        raise InputError([Problem("--identity", "no secret key", expected)])
    try:
        packed = pyrage.decrypt(sealed, keys)
    except pyrage.DecryptError:
        hint = "It is damaged, no sealed bundle, or sealed for others."
        problem = Problem(where, "nothing that this identity opens", "a sealed bundle", hint)
        raise InputError([problem]) from None
    return unpack(packed, where)


def make_identity() -> tuple[bytes, str]:
    """Make a secret key to open sealed bundles with.

    Returns:
        The text of its file, as age-keygen writes it, and the public key, `age1...`.

    Raises:
        MissingExtraError: If `pyrage` is not installed.
    """
    identity = _pyrage().x25519.Identity.generate()
    public = str(identity.to_public())
    return f"# public key: {public}\n{identity}\n".encode(), public


def _pyrage() -> Any:  # noqa: ANN401 - a module without types
    try:
        import pyrage
    except ImportError:
        message = "Sealing needs pyrage: pip install 'auditkit-rai[seal]'"
        raise MissingExtraError(message) from None
    return pyrage
