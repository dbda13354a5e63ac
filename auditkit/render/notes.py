"""Notes and decisions of people: in the sign-off, and beside the finding that they are about."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render import provenance
from auditkit.render.page import Page
from auditkit.render.text import el, join, name
from auditkit.report import NoteRecord

#: Decisions that have words of their own.
DECISIONS = ("accept", "accept-with-conditions", "reject")
#: Notes of a finding that the register names.
MOST = 5
#: Longest name or role, and longest text, that is shown; unit: characters.
LONGEST, LONGEST_TEXT = 100, 2000


def decision(page: Page, note: NoteRecord) -> Markup | None:
    """What was decided, or None where nothing was."""
    if not note.decision:
        return None
    if note.decision in DECISIONS:
        return page.words(f"sign.said_{note.decision}")
    return name(note.decision, LONGEST)


def last_decision(page: Page) -> Markup | None:
    """The last decision on the whole audit in a sentence, or None where there is none."""
    decided = [note for note in page.report.notes if note.decision and note.finding is None]
    if not decided:
        return None
    note = decided[-1]
    return page.words(
        "sign.last",
        n=len(decided),
        decision=decision(page, note) or "",
        author=name(note.author, LONGEST),
        role=name(note.role, LONGEST),
        date=provenance.date(page, note.time),
    )


def entries(page: Page) -> list[Markup]:
    """Every note, in the order in which they were written."""
    return [_entry(page, note) for note in page.report.notes]


def _entry(page: Page, note: NoteRecord) -> Markup:
    said = decision(page, note)
    stop, comma = join([page.words("list.stop"), " "]), page.words("list.clause")
    head = [*([el("b", said), stop] if said else []), name(note.author, LONGEST), comma]
    head += [name(note.role, LONGEST), comma, provenance.date(page, note.time)]
    if note.finding is not None:
        head += [stop, page.words("sign.about", finding=_finding(page, note.finding))]
    return join([*head, el("br"), name(note.text, LONGEST_TEXT)])


def _finding(page: Page, wanted: str) -> Markup:
    shown = name(wanted, 24)
    anchors = [judged.anchor for judged in page.judged if judged.finding.id == wanted]
    return el("a", shown, href=f"#{anchors[0]}") if anchors else shown


def of_finding(page: Page, wanted: str) -> list[Markup]:
    """Who has said something about a finding, leading to what; the last ones."""
    numbered = enumerate(page.report.notes, 1)
    about = [(number, note) for number, note in numbered if note.finding == wanted]
    return [
        el("a", _beside(page, number, note), href=f"#note-{number}")
        for number, note in about[-MOST:]
    ]


def _beside(page: Page, number: int, note: NoteRecord) -> Markup:
    said = decision(page, note)
    author = name(note.author)
    whose = page.words("register.note", n=number, author=author)
    return join([said, page.words("list.colon"), whose]) if said else whose
