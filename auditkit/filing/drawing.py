"""Files of a bundle that are made of its record alone: pages, and formats of other tools."""

from __future__ import annotations

import re

from auditkit.filing.manifest import PAGE
from auditkit.report import Report

PRINT = re.compile(r"report\.([A-Za-z0-9-]+)\.pdf")


def is_drawn(name: str) -> bool:
    """Whether a file of this name is made of the record.

    Example:
        >>> is_drawn("report.en.html"), is_drawn("junit.xml"), is_drawn("policy.toml")
        (True, True, False)
    """
    from auditkit.export import BUNDLED, EXPORTS

    if PAGE.fullmatch(name) or PRINT.fullmatch(name):
        return True
    return name in {EXPORTS[kind].file for kind in BUNDLED}


def drawn(name: str, report: Report) -> bytes:
    """Make such a file again.

    Args:
        name: Its name; `is_drawn` holds for it.
        report: The record.

    Returns:
        Its bytes.

    Raises:
        UnknownNameError: If it is a page in a language that is not known here.
        MissingExtraError: If it is a PDF, and none can be made here.
        KeyError: If no such file is made of a record.

    Example:
        >>> drawn("junit.xml", Report.load("reports/sample/audit.json"))[:5]
        b'<?xml'
    """
    from auditkit.export import EXPORTS
    from auditkit.render.html import render

    page = PAGE.fullmatch(name)
    if page is not None:
        return render(report, page[1]).encode()
    printed = PRINT.fullmatch(name)
    if printed is not None:
        from auditkit.render.pdf import render_pdf

        return render_pdf(report, printed[1]).data
    return {export.file: export.write for export in EXPORTS.values()}[name](report)
