"""JUnit XML: each finding a test, so that a pipeline shows and gates on it.

The suite has a failure exactly where the verdict of the audit is fail.
"""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree as ET

from auditkit.export.outcomes import MEANS, Told, identity, told
from auditkit.export.texts import name
from auditkit.report import AuditRecord, Report

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
#: What becomes of a test: its element; a passed one has none.
_ELEMENTS = {
    "failed": "failure",
    "broken": "error",
    "undecided": "skipped",
    "waived": "skipped",
    "informational": "skipped",
    "other": "skipped",
}


def junit(report: Report) -> bytes:
    """Write the findings of a record as a JUnit test suite.

    Args:
        report: The record.

    Returns:
        XML in UTF-8. A failed finding is a failure; an audit that broke, and a criterion that is
        required and was not measured, an error; what is undecided, waived or only informational
        is skipped, with the reason.
    """
    cases = [
        *(_case(one) for one in told(report)),
        *(_audit(audit) for audit in report.audits if audit.status != "completed"),
        *_unjudged(report),
    ]
    kinds = Counter(child.tag for case in cases for child in case)
    failures, errors = str(kinds["failure"]), str(kinds["error"])
    counts = {"tests": str(len(cases)), "failures": failures, "errors": errors}
    subject = name(report.subject.name)
    root = ET.Element("testsuites", {"name": f"auditkit {subject}", **counts})
    more = {"skipped": str(kinds["skipped"]), "timestamp": name(report.created).removesuffix("Z")}
    suite = ET.SubElement(root, "testsuite", {"name": subject, **counts, **more})
    properties = ET.SubElement(suite, "properties")
    for key, value in {**identity(report), "means": MEANS}.items():
        ET.SubElement(properties, "property", name=key, value=value)
    suite.extend(cases)
    ET.indent(root, " ")
    return f"{_DECLARATION}{ET.tostring(root, encoding='unicode')}\n".encode()


def _case(one: Told) -> ET.Element:
    audit = name(one.measurement.audit, 60) if one.measurement else "policy"
    case = _test(f"auditkit.{audit}", one.title)
    element = _ELEMENTS.get(one.outcome)
    if element is None:
        ET.SubElement(case, "system-out").text = one.text
        return case
    kind = f"{one.finding.verdict}, severity {one.finding.severity}"
    _say(case, element, kind, one.text)
    return case


def _audit(audit: AuditRecord) -> ET.Element:
    """An audit that gave no evidence: broken, or skipped with a reason."""
    case = _test("auditkit.audits", name(audit.name))
    element = "error" if audit.status == "error" else "skipped"
    _say(case, element, audit.status, name(audit.reason or "no reason was given", 2000))
    return case


def _unjudged(report: Report) -> list[ET.Element]:
    """A test that says why an audit without any unmet finding still needs a person."""
    constant = "The model gives everyone the same decision; its fairness is not assessable."
    why = "There is no policy: nothing was judged." if report.policy is None else constant
    if report.policy is not None and not report.subject.constant_decision:
        return []
    case = _test("auditkit.verdict", report.verdict)
    _say(case, "skipped", "review", why)
    return [case]


def _test(group: str, title: str) -> ET.Element:
    return ET.Element("testcase", classname=group, name=title)


def _say(case: ET.Element, element: str, kind: str, text: str) -> None:
    ET.SubElement(case, element, type=kind, message=text).text = text
