"""What every command says at its end: verdict, path and exit status; and progress meanwhile."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from auditkit.render.pdf import Pdf
    from auditkit.report import Report

#: Exit statuses.
PASS, FAIL, USAGE, REVIEW, BROKE = 0, 1, 2, 3, 4
_STATUS = {"pass": PASS, "fail": FAIL, "review": REVIEW}
_WORDS = {"pass": "PASS", "fail": "FAIL", "review": "REVIEW NEEDED"}


def status_of_record(report: Report) -> int:
    """The exit status of a record: its verdict, unless an audit broke."""
    from auditkit.gating import is_broken

    return BROKE if is_broken(report) else _STATUS[report.verdict]


def say_result(report: Report, path: Path, *, as_json: bool) -> int:
    """Print the verdict line and the path, or both as JSON; gives the exit status."""
    from auditkit.errors import quote

    status = status_of_record(report)
    counts = {
        verdict: sum(finding.verdict == verdict for finding in report.findings)
        for verdict in ("fail", "error", "inconclusive", "not_measured", "pass")
    }
    if as_json:
        plain = {"verdict": report.verdict, "report": str(path), "status": status, **counts}
        click.echo(json.dumps(plain))
        return status
    words = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items() if n)
    waived = sum(finding.waiver == "holds" for finding in report.findings)
    words += f" ({waived} of them waived)" if waived else ""
    name = quote(report.subject.name)[1:-1]
    click.echo(f"{_WORDS[report.verdict]}  {name}: {words or 'nothing was judged'}")
    if report.subject.constant_decision:
        click.echo("The model gives everyone the same decision; its fairness is not assessable.")
    click.echo(str(path))
    return status


def say_pages(printed: Pdf) -> None:
    """Warn on stderr of a PDF that nobody reads from end to end."""
    from auditkit.render.pdf import MANY_PAGES

    if printed.pages > MANY_PAGES:
        click.echo(
            f"warning: the PDF has {printed.pages} pages; the HTML page folds its tables away.",
            err=True,
        )


class Said:
    """Plain progress lines on stderr, each with the seconds since the start."""

    def __init__(self, *, speaks: bool = True) -> None:
        self.start, self.speaks = time.perf_counter(), speaks

    def __call__(self, what: str) -> None:
        """Say what is being done."""
        if self.speaks:
            click.echo(f"[{time.perf_counter() - self.start:6.1f} s] {what}", err=True)
