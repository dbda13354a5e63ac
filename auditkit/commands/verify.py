"""`auditkit verify`, `sign` and `keys`: is a bundle what it was, and who says so."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditkit.commands.results import FAIL, PASS
from auditkit.commands.review import BUNDLE
from auditkit.errors import quote

if TYPE_CHECKING:
    from auditkit.filing.checking import Checked
    from auditkit.filing.signing import Signed

KEEP = (
    "Whoever can change these files can change manifest.json too: it shows that nothing was "
    "changed only where its sha256 is kept elsewhere, or signed."
)


@click.command()
@BUNDLE
@click.option(
    "--public-key",
    type=click.Path(path_type=Path),
    help="Public key (PEM) of somebody who has to have signed it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def verify(bundle: Path, public_key: Path | None, *, as_json: bool) -> int:
    """Check that BUNDLE is as it was written: status 0 if so, 1 if anything is wrong.

    Compares every file with the manifest, judges the measurements again, draws the pages again,
    and holds the policy, the notes and the signatures against the record.
    """
    from auditkit.filing.checking import check
    from auditkit.filing.files import read_file

    key = None if public_key is None else read_file(public_key, "--public-key")
    checked = check(str(bundle), key)
    text = json.dumps(_plain(checked)) if as_json else _text(checked, asked=key is not None)
    click.echo(text)
    return PASS if checked.sound else FAIL


def _plain(checked: Checked) -> dict[str, Any]:
    return {
        "sound": checked.sound,
        "problems": [asdict(problem) for problem in checked.problems],
        "compared": list(checked.compared),
        "not_compared": list(checked.not_compared),
        "signatures": [asdict(signed) for signed in checked.signatures],
        "manifest_sha256": checked.manifest_sha256,
        "note": KEEP,
    }


def _text(checked: Checked, *, asked: bool) -> str:
    count = len(checked.problems)
    problems = "1 problem" if count == 1 else f"{count} problems"
    name = "" if checked.report is None else f"  {quote(checked.report.audit_id)}"
    lines = [f"SOUND{name}" if checked.sound else f"NOT AS WRITTEN{name}: {problems}"]
    lines += [f"  {i}. {problem}" for i, problem in enumerate(checked.problems, 1)]
    lines += [f"compared: {what}" for what in checked.compared]
    lines += [f"not compared: {what}" for what in checked.not_compared]
    lines += [_signature(one, asked=asked) for one in checked.signatures] or ["signature: none"]
    if checked.manifest_sha256 is not None:
        lines += [f"manifest.json sha256 {checked.manifest_sha256}", KEEP]
    return "\n".join(lines)


def _signature(signed: Signed, *, asked: bool) -> str:
    notes = "note" if signed.notes == 1 else "notes"
    over = "" if signed.notes is None else f", over the record with {signed.notes} {notes}"
    told = {True: "valid", False: "NOT VALID", None: "not checked (extra `sign`)"}[signed.valid]
    whose = "--public-key would tell whose it is"
    if asked:
        whose = "the key that was asked for" if signed.asked else "not the key that was asked for"
    return f"signature: {told}{over}, by key {quote(signed.keyid)}; {whose}"


@click.command()
@BUNDLE
@click.option(
    "--key", type=click.Path(path_type=Path), required=True, help="Private key (Ed25519, PEM)."
)
def sign(bundle: Path, key: Path) -> int:
    """Sign every file of BUNDLE with a local key, if it is as it was written.

    The signature (signature.dsse.json: an in-toto statement, DSSE) stands beside those by other
    keys over the same files.
    """
    from auditkit.filing.checking import check
    from auditkit.filing.files import read_file, write_over
    from auditkit.filing.signing import SIGNATURE, sign_files

    checked = check(str(bundle))
    content, keyid = sign_files(checked.files, checked.whole(), read_file(key, "--key"))
    write_over(bundle / SIGNATURE, content)
    click.echo(f"signed by key {keyid}")
    click.echo(str(bundle / SIGNATURE))
    return PASS


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to make.")
@click.option(
    "--for",
    "use",
    type=click.Choice(["signing", "sealing"]),
    default="signing",
    show_default=True,
    help="signing: an Ed25519 key pair. sealing: an age identity.",
)
def keys(out: Path, use: str) -> int:
    """Make keys: the secret one in a file that only you may read, never overwritten.

    For signing, the public key is written beside it as NAME.pub.pem. For sealing, it is printed.
    Keep the secret file safe; nothing encrypts it.
    """
    from auditkit.filing.files import write_new
    from auditkit.filing.sealing import make_identity
    from auditkit.filing.signing import keyid_of, make_keys

    if use == "sealing":
        secret, public = make_identity()
        write_new(out, secret, mode=0o600)
        click.echo(public)
        return PASS
    secret, pem = make_keys()
    beside = out.with_name(f"{out.name.removesuffix('.pem')}.pub.pem")
    write_new(beside, pem)
    try:
        write_new(out, secret, mode=0o600)
    except BaseException:
        beside.unlink()
        raise
    click.echo(f"key {keyid_of(pem)}")
    click.echo(str(beside))
    return PASS
