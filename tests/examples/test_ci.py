"""The workflow for a pipeline: its commands are commands of auditkit, in an order that works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli import cli

yaml = pytest.importorskip("yaml")
FILE = Path("examples/ci/github.yml")


def steps() -> list[dict[str, Any]]:
    plain = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = plain["jobs"]["audit"]["steps"]
    return found


def commands() -> list[list[str]]:
    lines = "\n".join(step.get("run", "") for step in steps())
    return [
        shlex.split(line)[1:] for line in re.findall(r"^ *auditkit [^|\n]*", lines, re.MULTILINE)
    ]


def test_every_command_and_option_is_one_of_auditkit() -> None:
    assert [line[0] for line in commands()] == ["run", "export", "gate"]
    for name, *arguments in commands():
        known = {option for p in cli.commands[name].params for option in p.opts}
        assert {a for a in arguments if a.startswith("--")} <= known


def test_the_bundle_is_kept_whatever_the_gate_says_and_the_gate_is_last() -> None:
    uses = [step.get("uses", "").split("@")[0] for step in steps()]
    assert uses.index("actions/upload-artifact") < uses.index("github/codeql-action/upload-sarif")
    assert next(s for s in steps() if "upload-artifact" in s.get("uses", ""))["if"] == "always()"
    assert "auditkit gate" in steps()[-1]["run"]


def test_no_host_is_written() -> None:
    assert "://" not in FILE.read_text(encoding="utf-8")
