"""Signatures of a bundle with a local key: Ed25519 over an in-toto statement in a DSSE envelope.

Formats: in-toto Statement v1 (https://in-toto.io/Statement/v1) and DSSE v1 (secure-systems-lab).
Nothing is sent anywhere. What a signature says is that whoever holds the key has seen these files;
who that is, the key does not say.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditkit.errors import InputError, MissingExtraError, Problem, quote
from auditkit.filing.manifest import RECORD, sha256
from auditkit.filing.record import cut
from auditkit.report import Report, json_object

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE = "signature.dsse.json"
#: A signature that was over the record with its first so many notes.
EARLIER = re.compile(r"signature\.(\d{1,6})\.dsse\.json")
PAYLOAD_TYPE: Literal["application/vnd.in-toto+json"] = "application/vnd.in-toto+json"
PREDICATE = "urn:auditkit:signed-bundle:v1"
#: Signatures that one file may hold.
MOST_SIGNATURES = 100


class SignatureRecord(BaseModel):
    """One signature; `keyid` is the sha256 of the public key in DER (SubjectPublicKeyInfo)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keyid: str
    sig: str
    public_key: str


class Envelope(BaseModel):
    """A DSSE envelope."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    payload: str
    payloadType: Literal["application/vnd.in-toto+json"] = PAYLOAD_TYPE  # noqa: N815 - DSSE's name
    signatures: Annotated[
        list[SignatureRecord], Field(min_length=1, max_length=MOST_SIGNATURES)
    ]  # fmt: skip

    def to_bytes(self) -> bytes:
        """Write it as text: the same bytes for the same envelope."""
        return (json.dumps(self.model_dump(), indent=1) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was looked at.

    Attributes:
        file: The file that holds it.
        keyid: The key that made it, by its own words.
        valid: Whether it is right; None where that could not be told.
        asked: Whether the public key is the one that was asked for; without that, nobody has
            said whose key it is.
        notes: Notes of the record that it is over, or None where it is over all that is there.
    """

    file: str
    keyid: str
    valid: bool | None
    asked: bool
    notes: int | None = None


def statement(files: Mapping[str, bytes], report: Report) -> bytes:
    """Say what is signed: the sha256 of every file of a bundle, its manifest included.

    Args:
        files: Name to content; signatures that are over less are among them, `SIGNATURE` is not.
        report: The record.

    Returns:
        An in-toto statement, the same bytes for the same files.
    """
    plain = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": name, "digest": {"sha256": sha256(content)}}
            for name, content in sorted(files.items())
            if name != SIGNATURE
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "audit_id": report.audit_id,
            "created": report.created,
            "verdict": report.verdict,
            "notes": len(report.notes),
        },
    }
    return json.dumps(plain, ensure_ascii=True, separators=(",", ":")).encode()


def encoded(payload: bytes) -> bytes:
    """What is signed of a payload: DSSE's pre-authentication encoding.

    Example:
        >>> encoded(b"{}")
        b'DSSEv1 28 application/vnd.in-toto+json 2 {}'
    """
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def sign_files(files: Mapping[str, bytes], report: Report, key: bytes) -> tuple[bytes, str]:
    """Sign a bundle; signatures by other keys over the same files are kept.

    Args:
        files: Name to content of a sound bundle.
        report: Its record.
        key: A private key: Ed25519, PEM (PKCS #8), not encrypted.

    Returns:
        The content of the signature file, and the id of the key.

    Raises:
        InputError: If the key is none of this kind.
        MissingExtraError: If `cryptography` is not installed.
    """
    private = _private(key)
    payload = statement(files, report)
    public = _raw(private.public_key())
    made = SignatureRecord(
        keyid=_keyid(private.public_key()),
        sig=_text(private.sign(encoded(payload))),
        public_key=_text(public),
    )
    others = [] if SIGNATURE not in files else _envelope(files[SIGNATURE], SIGNATURE).signatures
    kept = [other for other in others if other.public_key != made.public_key]
    envelope = Envelope(payload=_text(payload), signatures=[*kept, made])
    return envelope.to_bytes(), made.keyid


def check_signatures(
    files: Mapping[str, bytes], report: Report | None, public_key: bytes | None
) -> tuple[list[Signed], list[Problem]]:
    """Look at the signatures of a bundle, of today and from before its last notes.

    Args:
        files: Name to content of the bundle.
        report: Its record, or None where it cannot be read.
        public_key: A public key (PEM) that has to have signed all, or None.

    Returns:
        Every signature, and all that is wrong with them.

    Raises:
        InputError: If the public key is none.
        MissingExtraError: If there is a public key and `cryptography` is not installed.
    """
    wanted = None if public_key is None else _keyid(_public(public_key))
    signed: list[Signed] = []
    problems: list[Problem] = []
    for name, content in files.items():
        earlier = EARLIER.fullmatch(name)
        if name != SIGNATURE and earlier is None:
            continue
        try:
            envelope = _envelope(content, name)
        except InputError as error:
            problems += error.problems
            continue
        found = [_look(envelope, record, name, wanted) for record in envelope.signatures]
        problems += _key_problems(found)
        if earlier is None:
            problems += _today(files, report, _bytes(envelope.payload))
        else:
            notes = int(earlier[1])
            found = [replace(one, notes=notes) for one in found]
            problems += _before(files, report, _bytes(envelope.payload), notes, name)
        signed += found
    today = [one for one in signed if one.notes is None]
    if wanted is not None and not any(one.asked and one.valid for one in today):
        hint = f"a signature by the key {wanted}"
        problems.append(Problem(SIGNATURE, "no such signature" if today else "no signature", hint))
    return signed, problems


def _look(envelope: Envelope, record: SignatureRecord, name: str, wanted: str | None) -> Signed:
    """Is one signature right, by the public key that it comes with?"""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return Signed(name, record.keyid, valid=None, asked=False)
    try:
        public = Ed25519PublicKey.from_public_bytes(_bytes(record.public_key))
        public.verify(_bytes(record.sig), encoded(_bytes(envelope.payload)))
        valid = _keyid(public) == record.keyid
    except (InvalidSignature, ValueError):
        valid = False
    return Signed(name, record.keyid, valid=valid, asked=valid and record.keyid == wanted)


def _key_problems(found: list[Signed]) -> Iterator[Problem]:
    for one in found:
        if one.valid is False:
            where = f"{one.file} {quote(one.keyid)}"
            yield Problem(where, "a signature that is not right", "one by this key")


def _today(
    files: Mapping[str, bytes], report: Report | None, payload: bytes
) -> Iterator[Problem]:  # fmt: skip
    if report is not None and payload != statement(files, report):
        hint = "The bundle was changed after it was signed, or another one was."
        yield Problem(SIGNATURE, "a signature over other files", "one over these", hint)


def _before(
    files: Mapping[str, bytes], report: Report | None, payload: bytes, notes: int, name: str
) -> Iterator[Problem]:
    """Is the record as it stood at that many notes the one that was signed then?"""
    if report is None:
        return
    then = sha256(cut(json_object(files[RECORD], RECORD), notes))
    if notes >= len(report.notes) or _subjects(payload, name).get(RECORD) != then:
        expected = f"one over the record with its first {notes} notes"
        yield Problem(name, "a signature over another record", expected)


def _subjects(payload: bytes, name: str) -> dict[str, str]:
    """File to sha256, as far as a statement says so."""
    try:
        subjects = json_object(payload, name)["subject"]
        return {subject["name"]: subject["digest"]["sha256"] for subject in subjects}
    except (InputError, KeyError, TypeError):
        return {}


def _envelope(content: bytes, name: str) -> Envelope:
    expected = "a DSSE envelope as auditkit writes it"
    plain = json_object(content, name)
    try:
        envelope = Envelope.model_validate(plain)
        texts = [envelope.payload]
        texts += [text for one in envelope.signatures for text in (one.sig, one.public_key)]
        usual = envelope.to_bytes() == content and all(_text(_bytes(t)) == t for t in texts)
    except (ValidationError, ValueError):
        usual = False
    if not usual:
        raise InputError([Problem(name, "something else", expected)])
    return envelope


def make_keys() -> tuple[bytes, bytes]:
    """Make a key pair to sign with.

    Returns:
        The private key and the public key, both as PEM.

    Raises:
        MissingExtraError: If `cryptography` is not installed.
    """
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise _missing() from None
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return secret, public


def keyid_of(public_key: bytes) -> str:
    """The id of a public key (PEM): the sha256 of its DER form, as `openssl` gives it too.

    Raises:
        InputError: If it is no Ed25519 public key.
        MissingExtraError: If `cryptography` is not installed.
    """
    return _keyid(_public(public_key))


def _private(key: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise _missing() from None
    hint = "`auditkit keys --out key.pem` makes one."
    try:
        private = load_pem_private_key(key, password=None)
    except TypeError:
        problem = Problem("--key", "an encrypted key", "one that is not encrypted", hint)
        raise InputError([problem]) from None
    except (ValueError, UnsupportedAlgorithm):
        problem = Problem("--key", "no private key", "an Ed25519 private key (PEM)", hint)
        raise InputError([problem]) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise InputError([Problem("--key", "a key of another kind", "an Ed25519 key", hint)])
    return private


def _public(key: bytes) -> Ed25519PublicKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise _missing() from None
    try:
        public = load_pem_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        problem = Problem("--public-key", "no public key", "an Ed25519 public key (PEM)")
        raise InputError([problem]) from None
    if not isinstance(public, Ed25519PublicKey):
        raise InputError([Problem("--public-key", "a key of another kind", "an Ed25519 key")])
    return public


def _missing() -> MissingExtraError:
    return MissingExtraError("Signing needs cryptography: pip install 'auditkit-rai[sign]'")


def _keyid(public: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _raw(public: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    """Bytes of base64 text; raises ValueError where it is none."""
    return base64.b64decode(text, validate=True)
