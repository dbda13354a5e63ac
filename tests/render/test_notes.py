"""Notes and decisions on the page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auditkit.render.html import render
from auditkit.report import Report


def note(**more: Any) -> dict[str, Any]:
    plain = {"author": "A. Li", "role": "reviewer", "time": "2026-11-23T10:00:00Z", "text": "Seen."}
    return {**plain, **more}


def shown(record: dict[str, Any], *notes: dict[str, Any]) -> tuple[str, str]:
    """The words of the findings register and of the sign-off."""
    page = render(Report.model_validate({**record, "notes": list(notes)}))
    parts = [
        re.sub(
            r"<[^>]+>", "", page.split(f'<section class="s" id="{part}"')[1].split("</section")[0]
        )
        for part in ("findings", "sign-off")
    ]
    return parts[0], parts[1]


def test_the_last_decision_on_the_whole_audit_opens_the_sign_off(record: dict[str, Any]) -> None:
    _, said = shown(record, note(decision="accept"), note(decision="reject", author="B"))
    assert "The last of 2 decisions: Rejected by B, reviewer, on 23 November 2026" in said


def test_a_decision_on_one_finding_is_none_on_the_whole_audit(record: dict[str, Any]) -> None:
    register, said = shown(record, note(decision="accept", finding="F1"))
    assert "Accepted by" not in said
    assert "Accepted. A. Li, reviewer, 23 November 2026, 10:00 UTC. About finding F1." in said
    assert "Accepted: note 1, A. Li" in register


def test_a_note_without_a_decision_decides_nothing(record: dict[str, Any]) -> None:
    register, said = shown(record, note())
    assert " by A. Li" not in said
    assert "note 1" not in register


def test_a_decision_in_words_of_its_own_is_shown_as_it_stands(record: dict[str, Any]) -> None:
    _, said = shown(record, note(decision="<maybe>"))
    assert "&lt;maybe&gt; by A. Li, reviewer" in said


def test_the_register_names_the_last_notes_of_a_finding(record: dict[str, Any]) -> None:
    register, _ = shown(record, *(note(finding="F1") for _ in range(7)))
    assert re.findall(r"note (\d)", register) == ["3", "4", "5", "6", "7"]


@pytest.mark.parametrize("finding", ["F99", "<b>", "x" * 5000])
def test_a_finding_that_is_not_there_is_named_and_leads_nowhere(
    record: dict[str, Any], finding: str
) -> None:
    register, said = shown(record, note(finding=finding))
    assert "About finding" in said
    assert "note 1" not in register
