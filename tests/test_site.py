"""The pages in `docs`: what they show is run, their links lead somewhere, nothing is left out.

A page is read from top to bottom in a folder of its own. Python blocks share one module; a block of
TOML with a title is written to that file, one without is held against the configuration; and each
line of a shell block is run through the command line. Where a block stands below a comment
`<!-- parsed: why -->`, its lines that call auditkit are parsed, and their options checked, only.
"""

from __future__ import annotations

import glob
import importlib.util
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

import click
import pytest
import yaml
from support import auditkit as command

import auditkit
from auditkit.audit import BUILT_IN, Broken, audit_classes
from auditkit.cli import cli
from auditkit.config import Config
from auditkit.policy import read_toml
from auditkit.subject import NEEDS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.glob("**/*.md"))
BLOCK = re.compile(
    r"(?:<!-- parsed: (?P<why>[^>]+) -->\n)?"
    r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$',
    re.DOTALL | re.MULTILINE,
)
#: Statuses of commands that judge, where a line does not say which.
VERDICTS = {0, 1, 3}
STATUS = re.compile(r"#.*\bstatus (\d)")


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def slug(title: str) -> str:
    """The anchor of a heading, as Markdown's table of contents makes it."""
    plain = re.sub(r"[^\w\s-]", "", title).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)


def called(line: str) -> list[str] | None:
    """The arguments of a line that calls auditkit, wherever it was installed; else None."""
    words = shlex.split(line, comments=True)
    if "auditkit" in words and "-m" in words:  # torchrun ... -m auditkit train ...
        return words[words.index("auditkit") + 1 :]
    at = [i for i, word in enumerate(words) if word.rsplit("/", 1)[-1] == "auditkit"]
    return words[at[0] + 1 :] if at == [0] else None


def parse(arguments: list[str]) -> None:
    """Let click read the arguments, and nothing more: a wrong command or option raises."""
    with click.Context(cli) as above:
        name, made, rest = cli.resolve_command(above, arguments)
        assert made is not None
        made.make_context(name, rest, parent=above)


def run(line: str, *, only_parse: bool) -> None:
    """Run one line of a shell block, and hold its status against what the line says."""
    arguments = called(line)
    if only_parse:
        if arguments is not None:
            parse(arguments)
        return
    assert arguments is not None, f"not a line of auditkit, and not marked as parsed only: {line}"
    found = [sorted(glob.glob(a)) or [a] if "*" in a else [a] for a in arguments]  # noqa: PTH207
    status = command(*(a for several in found for a in several))
    said = STATUS.search(line)
    judges = arguments[0] in ("run", "gate")
    expected = {int(said[1])} if said else VERDICTS if judges else {0}
    assert status in expected, f"status {status}: {line}"


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "big-tables" in page:
        pytest.importorskip("ibis")
    if "own-model" in page:
        pytest.importorskip("skops")
    if "read-the-report" in page:
        pytest.importorskip("cryptography")
    shown = types.ModuleType("shown")
    monkeypatch.setitem(sys.modules, "shown", shown)
    monkeypatch.chdir(tmp_path)
    text = read(page)
    assert len(re.findall("^```", text, re.MULTILINE)) == 2 * len(BLOCK.findall(text))
    for block in BLOCK.finditer(text):
        if block["kind"] == "python":
            exec(compile(block["text"], page, "exec"), shown.__dict__)  # noqa: S102 - our own pages
        elif block["kind"] == "sh":
            for line in filter(None, block["text"].splitlines()):
                run(line, only_parse=block["why"] is not None)
        elif block["kind"] == "toml" and block["title"] is None:
            Config.model_validate(read_toml(block["text"].encode(), page))
        elif block["kind"] == "toml":
            Path(block["title"]).write_text(block["text"], encoding="utf-8")
        else:
            assert block["kind"] == "text", block["kind"]


def test_a_wrong_option_does_not_pass_as_parsed() -> None:
    parse(["run", "auditkit.toml", "--audits", "fairness"])
    with pytest.raises(click.UsageError):
        parse(["run", "auditkit.toml", "--audit-only", "fairness"])
    with pytest.raises(click.UsageError):
        parse(["audit", "auditkit.toml"])


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_page_and_a_heading(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", without_blocks(read(page))):
        assert "://" not in link, "the pages lead nowhere outside"
        target, _, anchor = link.partition("#")
        file = (DOCS / page).parent / target if target else DOCS / page
        assert file.is_file(), link
        headings = re.findall(
            r"^#+ (.*)$", without_blocks(file.read_text(encoding="utf-8")), re.MULTILINE
        )
        assert not anchor or anchor in {slug(title) for title in headings}, link


def leaves(nav: object) -> list[str]:
    """The pages of a navigation."""
    if isinstance(nav, str):
        return [nav]
    inner = nav.values() if isinstance(nav, dict) else nav
    assert not isinstance(inner, (str, bytes))
    return [page for one in inner for page in leaves(one)]  # type: ignore[attr-defined]


def test_every_page_is_in_the_navigation_once() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(leaves(nav)) == PAGES


def test_nothing_is_fetched_while_the_pages_are_read() -> None:
    theme = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["theme"]
    assert theme["font"] is False
    for page in PAGES:
        assert "://" not in without_blocks(read(page)), page


def test_no_page_claims_more_than_an_audit_can() -> None:
    assert [page for page in PAGES if "compliant" in read(page).lower()] == []


def test_every_built_in_audit_is_named_with_what_it_needs() -> None:
    lines = re.findall(
        r"^\| ([a-z-]+) \| .+? \| (.+?) \| (.+?) \|$", read("audits.md"), re.MULTILINE
    )
    built_in = [cls for cls in audit_classes().values() if not isinstance(cls, Broken)]
    built_in = [cls for cls in built_in if f"{cls.__module__}:{cls.__name__}" in BUILT_IN]
    assert [name for name, *_ in lines if name != "audit"] == [cls.name for cls in built_in]
    told = {name: (needs, tasks) for name, needs, tasks in lines}
    for cls in built_in:
        needs, tasks = told[cls.name]
        assert needs == (", ".join(sorted(cls.needs)) or "rows"), cls.name
        assert set(tasks.split(", ")) == set(getattr(cls, "tasks", {"binary"})), cls.name


def test_every_word_for_a_need_is_explained() -> None:
    words = read("audits.md").split("## The words", 1)[1]
    assert {*NEEDS, "rows"} == {*re.findall(r"^\| (\w+) \|", words, re.MULTILINE)} - {"word"}


def test_every_public_name_is_in_the_reference() -> None:
    named = re.findall(r"^::: auditkit\.(\w+)$", read("reference.md"), re.MULTILINE)
    assert sorted(named) == sorted({*auditkit.__all__} - {"__version__"})


def test_the_audit_that_is_shown_is_that_of_the_contributing_guide() -> None:
    first = next(b for b in BLOCK.finditer(read("guides/write-an-audit.md")))
    assert first["text"] in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_readme_leads_to_the_pages() -> None:
    assert "](docs/index.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("material", "mkdocs", "mkdocstrings")),
    reason="the extra `docs` is not installed",
)
def test_the_site_is_built_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        check=True,
    )
    pages = sorted((tmp_path / "site").glob("**/*.html"))
    assert len(pages) == len(PAGES) + 1  # and that of what is not found
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for tag in re.findall(r"<(?:iframe|img|link|script|source)\b[^>]*>", text):
            assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", tag), tag
    for sheet in (tmp_path / "site").glob("**/*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8"))
