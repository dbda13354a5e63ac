"""The report as a tagged PDF (PDF/UA-1): its page, printed by WeasyPrint (extra `pdf`)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn
from xml.etree.ElementTree import Element

from auditkit.errors import MissingExtraError
from auditkit.render.html import FOLDER, render
from auditkit.report import Report

#: Pages above which a reader should rather be given the HTML page.
MANY_PAGES = 60
SYSTEM = (
    "A PDF needs the system libraries Pango and HarfBuzz: "
    "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
)


@dataclass(frozen=True, slots=True)
class Pdf:
    """A printed report.

    Attributes:
        data: The bytes of the file.
        pages: How many pages it has.
    """

    data: bytes
    pages: int


def need_pdf() -> None:
    """Make sure that a PDF can be made here.

    Raises:
        MissingExtraError: If WeasyPrint or a library of the system is missing; the text says
            what to install.
    """
    try:
        import weasyprint  # noqa: F401 - only whether it is there
    except ImportError:
        message = "A PDF needs weasyprint: pip install 'auditkit-rai[pdf]'"
        raise MissingExtraError(message) from None
    except OSError:
        raise MissingExtraError(SYSTEM) from None


def render_pdf(report: Report, language: str = "en") -> Pdf:
    """Print a report.

    The pages are tagged and carry title, language, bookmarks, page numbers, and in the margin the
    audit's id and digests. Nothing is fetched. The same report, language, fonts and version of
    WeasyPrint give the same bytes.

    Args:
        report: The record of an audit. Its texts are untrusted.
        language: Language of the page; there has to be a catalogue of its words.

    Returns:
        The PDF.

    Raises:
        MissingExtraError: If WeasyPrint or a library of the system is missing.
        UnknownNameError: If there is no catalogue of the language.

    Example:
        >>> from auditkit.report import Report
        >>> printed = render_pdf(Report.load("audit.json"))  # doctest: +SKIP
    """
    page = render(report, language)
    need_pdf()
    return _print(page)


def _print(page: str) -> Pdf:
    import cssselect2
    import weasyprint

    from auditkit.render.pdf_tags import hide_decoration
    from auditkit.render.svg_styles import inline

    html = weasyprint.HTML(string=page, url_fetcher=_refusing())
    inline(html.wrapper_element, _style("style.css") + _style("pdf.css"))
    _prepare(html.etree_element)
    html.wrapper_element = cssselect2.ElementWrapper.from_html_root(
        html.etree_element, content_language=None
    )
    with _no_error_unheard():
        document = html.render()
        data = document.write_pdf(
            pdf_variant="pdf/ua-1", finisher=lambda _, pdf: hide_decoration(pdf)
        )
    return Pdf(data, len(document.pages))


def _refusing() -> Any:  # noqa: ANN401 - WeasyPrint has no types
    from weasyprint.urls import URLFetcher

    class Refusing(URLFetcher):  # type: ignore[misc] # as above
        """Fetches nothing."""

        def fetch(self, url: str, headers: object = None) -> NoReturn:
            """Say what was asked for."""
            del headers
            raise ValueError(f"a report asks for nothing, but {url[:80]!r} was asked for")

    return Refusing()


def _prepare(root: Element) -> None:
    """Take out what paper does not need, and put in what it does."""
    for style in root.iter("style"):
        style.text = f"{style.text}{_style('pdf.css')}"
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("nav", "script") or child.get("class") in ("skip", "shapes"):
                parent.remove(child)
        desc = parent.find("{*}desc")
        title = parent.find("{*}title")
        if desc is not None and title is not None:  # a figure's words in a PDF are one text
            title.text = f"{title.text}. {desc.text}"


@contextmanager
def _no_error_unheard() -> Iterator[None]:
    """Raise what WeasyPrint only logs: a drawing that it leaves out must not go unnoticed."""
    heard: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("weasyprint")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    if heard:
        raise RuntimeError(f"the PDF would be incomplete: {'; '.join(heard)[:500]}")


@cache
def _style(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf-8")
