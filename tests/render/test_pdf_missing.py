"""Without WeasyPrint or the libraries that it needs, a message says what to install."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, NoReturn

import pytest

from auditkit.cli import cli, status_of
from auditkit.errors import MissingExtraError
from auditkit.render.pdf import render_pdf
from auditkit.report import Report


class Broken(MetaPathFinder):
    """Fails as WeasyPrint does where Pango cannot be loaded."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "weasyprint":
            self.fail()

    def fail(self) -> NoReturn:
        raise OSError("cannot load library 'libpango-1.0-0'")


def test_without_the_package_the_line_that_installs_it_is_told(
    census: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(MissingExtraError, match=r"auditkit-rai\[pdf\]"):
        render_pdf(census)


def test_without_the_library_of_the_system_its_packages_are_told(
    census: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match="apt-get install libpango"):
        render_pdf(census)


def test_a_run_that_could_not_print_says_so_before_it_audits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    given = ["run", str(tmp_path / "auditkit.toml"), "--pdf"]
    assert status_of(lambda: cli(given, standalone_mode=False)) == 2
    assert "auditkit-rai[pdf]" in capsys.readouterr().err
