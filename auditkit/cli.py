"""The command line. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditkit import __version__
from auditkit.sending import cells
from auditkit.starting.files import init

if TYPE_CHECKING:
    from auditkit.errors import Problem
    from auditkit.loading import Trained
    from auditkit.report import PolicyRecord, Report

#: Exit statuses.
PASS, FAIL, USAGE, REVIEW, BROKE = 0, 1, 2, 3, 4
_STATUS = {"pass": PASS, "fail": FAIL, "review": REVIEW}
_WORDS = {"pass": "PASS", "fail": "FAIL", "review": "REVIEW NEEDED"}

EXIT_STATUSES = """\b
Exit status: 0 pass, 1 fail, 2 usage or input error, 3 review needed,
4 an audit broke (whatever the others say, the evidence is incomplete)."""


@click.group(epilog=EXIT_STATUSES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auditkit")
def cli() -> None:
    """Audit a trained model: measure, hold against a policy, and write it down."""


def main() -> None:
    """Run the command line; the exit status says how it went."""
    sys.exit(status_of(lambda: cli(standalone_mode=False)))


def status_of(command: Callable[[], Any]) -> int:
    """Run a command and turn whatever it does into an exit status.

    Args:
        command: The command; gives a status or None, or raises.

    Returns:
        Its status; 2 with the message on stderr for a mistake of the user, 4 for one of ours.
    """
    from auditkit.errors import AuditkitError

    try:
        return int(command() or PASS)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("auditkit: stopped; nothing was written.", err=True)
        return 130
    except AuditkitError as error:
        click.echo(f"auditkit: {error}", err=True)
        return USAGE
    except Exception:  # noqa: BLE001 - the last resort: say so, and keep status 1 for "fail"
        traceback.print_exc()
        click.echo("auditkit: this is a fault of auditkit, please report it.", err=True)
        return BROKE


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder under which the bundle is written.",
)
@click.option("--audits", help="Names with commas between; all by default.")
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="Policy file; by default the one that CONFIG names, or policy.toml beside it.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the audits; 0 by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def run(
    config: Path, out: Path, audits: str | None, policy: Path | None, seed: int | None,
    *, as_json: bool,
) -> int:  # fmt: skip
    """Audit what CONFIG (an auditkit.toml) describes, and write a bundle."""
    from auditkit.audit import make_audits
    from auditkit.audit import run as run_audits
    from auditkit.bundle import bundle_folder, write_bundle
    from auditkit.config import read_config
    from auditkit.errors import InputError
    from auditkit.loading import Prepared, prepare

    said = _Said()
    said(f"reading {config}")
    says, _, _ = read_config(config)
    prepared, problems = prepare(config)
    names = [name.strip() for name in audits.split(",")] if audits else None
    settings = says.audits if says else {}
    try:
        make_audits(names, settings, "--audits")
    except InputError as error:
        problems += error.problems
    found = _find_policy(config, policy, says.policy if says else None)
    held, text = _read_policy(found, problems, prepared)
    if prepared is None or problems:
        raise InputError(problems)
    if isinstance(prepared, Prepared) and prepared.architecture is not None:
        said(f"training the {prepared.config.subject.model['train']}")
    subject = prepared.subject(progress=sys.stderr.isatty())
    report = run_audits(
        subject, held, names,
        prepared.config.seed if seed is None else seed,
        settings=settings,
        progress=lambda name, i, count: said(f"audit {i} of {count}: {name}"),
    )  # fmt: skip
    said("writing the bundle")
    files = {"auditkit.toml": prepared.text} | ({"policy.toml": text} if text else {})
    folder = write_bundle(report, bundle_folder(out, report), files=files)
    said("done")
    return _say_result(report, folder / "report.en.html", as_json=as_json)


def _find_policy(config: Path, given: Path | None, named: str | None) -> Path | None:
    if given is not None:
        return given
    if named is not None:
        return config.parent / named
    beside = config.parent / "policy.toml"
    return beside if beside.is_file() else None


def _read_policy(
    path: Path | None, problems: list[Problem], prepared: Any,  # noqa: ANN401 - a Prepared
) -> tuple[PolicyRecord | None, bytes]:  # fmt: skip
    from auditkit.audit import known_metrics
    from auditkit.errors import InputError
    from auditkit.policy import load_policy, slice_problems

    if path is None:
        return None, b""
    try:
        policy = load_policy(path, known_metrics())
    except InputError as error:
        problems += error.problems
        return None, b""
    if prepared is not None:
        problems += slice_problems(policy, prepared.sensitive, path.name)
    return policy, path.read_bytes()


def _say_result(report: Report, path: Path, *, as_json: bool) -> int:
    broke = any(audit.status == "error" for audit in report.audits)
    status = BROKE if broke else _STATUS[report.verdict]
    counts = {
        verdict: sum(finding.verdict == verdict for finding in report.findings)
        for verdict in ("fail", "error", "inconclusive", "not_measured", "pass")
    }
    if as_json:
        plain = {"verdict": report.verdict, "report": str(path), "status": status, **counts}
        click.echo(json.dumps(plain))
        return status
    words = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n)
    click.echo(f"{_WORDS[report.verdict]}  {report.subject.name}: {words or 'nothing was judged'}")
    if report.subject.constant_decision:
        click.echo("The model gives everyone the same decision; its fairness is not assessable.")
    click.echo(str(path))
    return status


class _Said:
    """Plain progress lines on stderr, each with the seconds since the start."""

    def __init__(self, *, speaks: bool = True) -> None:
        self.start, self.speaks = time.perf_counter(), speaks

    def __call__(self, what: str) -> None:
        if self.speaks:
            click.echo(f"[{time.perf_counter() - self.start:6.1f} s] {what}", err=True)


@cli.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to make; nothing is overwritten.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed; by default the one of CONFIG.")
def train(config: Path, out: Path, seed: int | None) -> int:
    """Train the model that CONFIG (an auditkit.toml) describes, and save it.

    The rows are split as `auditkit run` splits them, so the test rows stay unseen. In several
    processes: torchrun --nproc-per-node 2 -m auditkit train CONFIG --out FOLDER
    """
    from auditkit.training.parallel import processes

    with processes() as here:
        return _train(config, out, seed, speaks=here.first)


def _train(config: Path, out: Path, seed: int | None, *, speaks: bool) -> int:
    from auditkit.bundle import occupied, write_whole
    from auditkit.errors import InputError, Problem
    from auditkit.gathering import PreparedCells
    from auditkit.loading import Prepared, prepare

    said = _Said(speaks=speaks)
    said(f"reading {config}")
    prepared, problems = prepare(config)
    problems += occupied(out)
    if isinstance(prepared, PreparedCells) or (prepared and prepared.architecture is None):
        expected = 'train = "mlp" or another network'
        problems.append(Problem(f"{config.name} [subject.model]", "nothing to train", expected))
    if not isinstance(prepared, Prepared) or problems:
        raise InputError(problems)
    said(f"training the {prepared.config.subject.model['train']}")
    trained = prepared.train(seed=seed, progress=sys.stderr.isatty())
    if speaks:
        write_whole(out, _files_of(trained))
        _say_trained(trained, out)
    return PASS


def _files_of(trained: Trained) -> dict[str, bytes]:
    """The files of a saved model, and the record of its training."""
    with tempfile.TemporaryDirectory() as draft:
        trained.model.save(draft)
        files = {file.name: file.read_bytes() for file in Path(draft).iterdir()}
    record = json.dumps(trained.record.to_dict(), indent=1, ensure_ascii=False)
    return files | {"training.json": f"{record}\n".encode()}


def _say_trained(trained: Trained, out: Path) -> None:
    record = trained.record
    loss = record.epochs[record.best_epoch - 1].validation_loss
    held = "no validation rows" if loss is None else f"validation loss {loss:.4f} ({record.loss})"
    click.echo(
        f"{trained.model.kind}: {record.parameters:,} parameters, {record.rows:,} rows, "
        f"{len(record.epochs)} epochs, {held}: {out}"
    )


@cli.command()
@click.argument("audit", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="HTML file; stdout by default.")
@click.option("--lang", default="en", show_default=True, help="Language of the page.")
def report(audit: Path, out: Path | None, lang: str) -> int:
    """Draw the HTML page of AUDIT (an audit.json or its bundle) again."""
    from auditkit.render.html import render
    from auditkit.report import Report

    page = render(Report.load(audit), lang)
    if out is None:
        click.echo(page, nl=False)
    else:
        out.write_text(page, encoding="utf-8", newline="\n")
        click.echo(str(out))
    return PASS


@cli.command()
@click.argument("audit", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="Policy file; by default the policy in the record.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def gate(audit: Path, policy: Path | None, *, as_json: bool) -> int:  # fmt: skip
    """Hold AUDIT (an audit.json or its bundle) against a policy; the status is the verdict."""
    from auditkit.policy import rejudge
    from auditkit.report import Report

    record = rejudge(Report.load(audit), policy)
    if as_json:
        plain = {
            "verdict": record.verdict,
            "findings": [finding.model_dump(mode="json") for finding in record.findings],
        }
        click.echo(json.dumps(plain, ensure_ascii=False))
        return BROKE if any(a.status == "error" for a in record.audits) else _STATUS[record.verdict]
    for finding in record.findings:
        if finding.verdict != "pass":
            click.echo(f"{finding.verdict:13} {finding.severity:8} {finding.id}: {finding.text}")
    return _say_result(record, audit, as_json=False)


cli.add_command(init)
cli.add_command(cells)


@cli.command("list")
@click.argument("what", type=click.Choice(["audits", "metrics"]))
def list_(what: str) -> int:
    """List what is there to use."""
    from auditkit.audit import Broken, audit_classes, known_metrics

    if what == "metrics":
        for metric in sorted(known_metrics().values(), key=lambda m: m.id):
            click.echo(f"{metric.id:36} {metric.unit:12} {metric.definition}")
        return PASS
    for name, cls in audit_classes().items():
        if isinstance(cls, Broken):
            click.echo(f"{name:16} {cls.reason}")
            continue
        first = (cls.__doc__ or "").strip().splitlines()[0]
        click.echo(f"{name:16} {first} Needs: {', '.join(sorted(cls.needs)) or 'nothing'}.")
    return PASS


@cli.command()
def schema() -> int:
    """Print the JSON Schema of audit.json."""
    from auditkit.report import json_schema

    click.echo(json.dumps(json_schema(), indent=1))
    return PASS
