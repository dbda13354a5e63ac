"""What a guard of a served model needs to know of its rows and scores, as tables of the record."""

from __future__ import annotations

from collections.abc import Iterator

from auditkit.evidence import Table
from auditkit.explaining.seen import outward, seen
from auditkit.methods.oversight import Band
from auditkit.subject import Subject

_SOURCE = (
    "10th smallest and largest number, rounded outwards; categories of at least 10 rows, the 200 "
    "most frequent ones"
)


def guard_tables(subject: Subject, band: Band) -> Iterator[Table]:
    """Tell the band of the scores that people look at, and what was seen in each column.

    Args:
        subject: What is audited; its training rows, or the assessed ones where there are none. Of a
            table of scores nobody says which columns a model reads, so there are none.
        band: The band, rounded up to three figures; ties at its edge are not referred.

    Yields:
        The band, the columns, and their categories.
    """
    rows = subject.rows if subject.train is None else subject.train
    told = "assessed rows" if subject.train is None else "training rows"
    at, width = subject.threshold, outward(band.distance)
    yield Table(
        name="guard",
        title="Scores that people look at",
        columns=("threshold", "band", "low", "high", "seen", "n"),
        rows=((at, width, at - width, at + width, told, len(rows)),),
        source="distance from the threshold, rounded up to three figures",
        chart="guard",
    )
    held = seen(rows, subject.features)
    yield Table(
        name="guard-columns",
        title="What was seen in each column",
        columns=("feature", "kind", "missing", "low", "high", "longest", "categories"),
        rows=tuple(
            (c.name, c.kind, c.missing, c.low, c.high, c.longest, len(c.categories)) for c in held
        ),
        source=f"{len(rows):,} {told}; {_SOURCE}",
        chart="guard",
    )
    yield Table(
        name="guard-categories",
        title="Categories that were seen",
        columns=("feature", "category"),
        rows=tuple((c.name, category) for c in held for category in c.categories),
        source=f"{len(rows):,} {told}; {_SOURCE}",
        chart="guard",
    )
