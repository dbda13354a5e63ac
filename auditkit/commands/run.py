"""`auditkit run`: from a configuration to a bundle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditkit.commands.results import Said, say_pages, say_result

if TYPE_CHECKING:
    from auditkit.config import Config
    from auditkit.errors import Problem
    from auditkit.report import PolicyRecord, Report


@click.command()
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
    help="Policy file, or a name of `auditkit list policies`; by default the one that CONFIG "
    "names, or policy.toml beside it.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the audits; 0 by default.")
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    help="An earlier audit of the subject; the report says what changed.",
)
@click.option("--lang", help="Languages of the pages, with commas between; all by default.")
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from the audits that a run of this CONFIG finished before it was stopped.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Most time that one audit may take; one that takes longer is recorded as broken.",
)
@click.option(
    "--memory-limit",
    type=click.IntRange(min=1),
    metavar="MB",
    help="Most memory that one audit may add; one that asks for more is recorded as broken.",
)
@click.option("--pdf", is_flag=True, help="Write the report as PDF too (extra `pdf`).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def run(
    config: Path, out: Path, audits: str | None, policy: Path | None, seed: int | None,
    since: Path | None, lang: str | None, time_limit: float | None, memory_limit: int | None, *,
    resume: bool, pdf: bool, as_json: bool,
) -> int:  # fmt: skip
    """Audit what CONFIG (an auditkit.toml) describes, and write a bundle."""
    from auditkit import meter
    from auditkit.audit import make_audits
    from auditkit.audit import run as run_audits
    from auditkit.bundle import bundle_folder, write_bundle
    from auditkit.comparing import compare
    from auditkit.config import read_config
    from auditkit.errors import InputError
    from auditkit.limits import Limits
    from auditkit.loading import Prepared, prepare
    from auditkit.render.pdf import need_pdf
    from auditkit.unfinished import Unfinished

    said = Said()
    if pdf:
        need_pdf()  # told before the audits, not after them
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
    spoken = _languages(lang, problems)
    before = None if since is None else _read_since(since, says, problems)
    if prepared is None or problems:
        raise InputError(problems)
    if isinstance(prepared, Prepared) and prepared.architecture is not None:
        said(f"training the {prepared.config.subject.model['train']}")
    with meter.use(prepared.sources):
        subject = prepared.subject(progress=sys.stderr.isatty())
        kept = Unfinished.of(out, subject, prepared.text, resume=resume, say=said)
        report = run_audits(
            subject, held, names,
            prepared.config.seed if seed is None else seed,
            settings=settings,
            progress=lambda name, i, count: said(f"audit {i} of {count}: {name}"),
            limits=Limits(time_limit, memory_limit and memory_limit * 10**6),
            unfinished=kept,
        )  # fmt: skip
    if before is not None:
        report = report.model_copy(update={"since": compare(before, report)})
    files = {"auditkit.toml": prepared.text} | ({"policy.toml": text} if text else {})
    if pdf:
        said("printing the PDF")
        files |= {f"report.{name}.pdf": _print(report, name) for name in spoken}
    said("writing the bundle")
    folder = write_bundle(report, bundle_folder(out, report), files=files, languages=spoken)
    kept.clear()
    said("done")
    return say_result(report, folder / f"report.{spoken[0]}.html", as_json=as_json)


def _languages(given: str | None, problems: list[Problem]) -> list[str]:
    """The languages of the pages; a problem for each that there is no catalogue for."""
    from auditkit.errors import Problem, quote
    from auditkit.render.words import languages

    known = languages()
    if given is None:
        return known
    named = list(dict.fromkeys(name.strip() for name in given.split(",")))
    expected = f"one of {', '.join(known)}"
    problems += [Problem("--lang", quote(name), expected) for name in named if name not in known]
    return named


def _print(report: Report, language: str) -> bytes:
    from auditkit.render.pdf import render_pdf

    printed = render_pdf(report, language)
    say_pages(printed)
    return printed.data


def _read_since(path: Path, says: Config | None, problems: list[Problem]) -> Report | None:
    """An earlier audit; a problem where it is about another subject, told before the run."""
    from auditkit.errors import InputError, Problem, quote
    from auditkit.report import Report

    try:
        before = Report.load(path)
    except InputError as error:
        problems += error.problems
        return None
    named = before.subject.name
    if says is not None and says.subject.name != named:
        expected = f"an audit of {quote(says.subject.name)}"
        problems.append(Problem("--since", f"an audit of {quote(named)}", expected))
    return before


def _find_policy(config: Path, given: Path | None, named: str | None) -> Path | None:
    from auditkit.policy import ready_policies

    if given is not None:
        return given
    if named is not None:
        return Path(named) if named in ready_policies() else config.parent / named
    beside = config.parent / "policy.toml"
    return beside if beside.is_file() else None


def _read_policy(
    path: Path | None, problems: list[Problem], prepared: Any,  # noqa: ANN401 - a Prepared
) -> tuple[PolicyRecord | None, bytes]:  # fmt: skip
    from auditkit.audit import known_metrics
    from auditkit.errors import InputError
    from auditkit.policy import load_policy, policy_bytes, slice_problems

    if path is None:
        return None, b""
    try:
        policy = load_policy(path, known_metrics())
    except InputError as error:
        problems += error.problems
        return None, b""
    if prepared is not None:
        problems += slice_problems(policy, prepared.sensitive, path.name)
    return policy, policy_bytes(path)
