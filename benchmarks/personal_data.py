"""`make validity`: how well the audit of personal data tells texts that hold it from others.

Looks for personal data in the made-up texts of `labelled_texts.py` and writes precision and recall
of each kind, in English and Chinese, into `benchmarks/personal_data.md`; ends with status 1 where
one lies under its floor.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from labelled_texts import Labelled, labelled

from auditkit.methods.estimates import Estimate
from auditkit.methods.intervals import share
from auditkit.methods.personal_data import KINDS, kinds

HERE = Path(__file__).parent
SEED = 0
#: Precision and recall below which something is broken; by kind where names and forms are open.
FLOOR = (0.95, 0.95)
FLOORS = {
    "birth_date": (0.8, 0.95),
    "national_number": (0.95, 0.8),
    "payment_card": (0.95, 0.75),
    "person_name": (0.75, 0.6),
    "phone": (0.8, 0.75),
    "postal_address": (0.8, 0.9),
}
HEAD = """# Personal data: precision and recall

Measured {date} by `make validity` on {n:,} made-up texts ({each} of each kind and language,
{without:,} of each language without any), made by Faker {faker} and the sentences of
`labelled_texts.py`. A text counts as found where the kind is found anywhere in it; intervals are
Clopper-Pearson at 95 %.

Precision: share of the texts in which a kind was found that hold it. It depends on how many of
the others look alike: here they were written to deceive. Recall: share of the texts that hold it
in which it was found. About half of the sentences announce nothing ("I spoke to ..."), which is
where names and bare numbers are missed; a column whose name says what it holds announces all its
values.

| kind | language | precision | recall | texts that hold it | found wrongly |
|---|---|---|---|---|---|
"""
FOOT = """
What is missed, by design: names without a title, an announcing word or a common English given
name, and Chinese names without either; numbers of weak form (nine to thirteen digits) without a
word such as "BSN" or "phone" before them; cards of 12 digits; military addresses. What is found
wrongly: brands and places with the name of a person, three numbers in a row that read like a
telephone, the birthday of a company.
"""


@dataclass(frozen=True)
class Line:
    """How one kind was found in one language."""

    kind: str
    language: str
    precision: Estimate
    recall: Estimate
    held: int
    wrong: int


def lines(texts: Sequence[Labelled]) -> Iterator[Line]:
    """Compare what was found with what is there, by kind and language.

    Args:
        texts: Texts of which it is known what they hold.
    """
    found = [kinds(text.text) for text in texts]
    for kind in KINDS:
        for language in dict.fromkeys(text.language for text in texts):
            pairs = [
                (kind in text.kinds, kind in given)
                for text, given in zip(texts, found, strict=True)
                if text.language == language
            ]
            right = sum(there and given for there, given in pairs)
            held, given = (sum(pair[end] for pair in pairs) for end in (0, 1))
            wrong = given - right
            yield Line(kind, language, share(right, given), share(right, held), held, wrong)


def too_low(line: Line) -> bool:
    """Whether precision or recall lies under its floor."""
    floors = FLOORS.get(line.kind, FLOOR)
    values = (line.precision.value or 0.0, line.recall.value or 0.0)
    return any(value < floor for value, floor in zip(values, floors, strict=True))


def _shown(found: Estimate) -> str:
    if found.value is None or found.interval is None:
        return "-"
    return f"{found.value:.3f} ({found.interval.low:.3f} to {found.interval.high:.3f})"


def main() -> int:
    """Measure, write the table, and say whether every floor is held."""
    texts = labelled(SEED)
    without = sum(not text.kinds for text in texts) // 2
    text = HEAD.format(
        date=datetime.now(tz=UTC).date(), n=len(texts), without=without, faker=version("faker"),
        each=(len(texts) // 2 - without) // len(KINDS),
    )  # fmt: skip
    found = list(lines(texts))
    for line in found:
        name = {"en": "English", "zh": "Chinese"}[line.language]
        text += (
            f"| {KINDS[line.kind]} | {name} | {_shown(line.precision)} | {_shown(line.recall)} | "
            f"{line.held} | {line.wrong} |\n"
        )
    (HERE / "personal_data.md").write_text(text + FOOT, encoding="utf-8")
    low = [f"{line.kind} {line.language}" for line in found if too_low(line)]
    print(text + (f"under the floor: {', '.join(low)}" if low else "every floor is held"))
    return int(bool(low))


if __name__ == "__main__":
    sys.exit(main())
