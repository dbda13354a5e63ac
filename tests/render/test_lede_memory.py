"""The sentences that open the sections on attribute inference, inversion and memorisation."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from auditkit.audit import run
from auditkit.evidence import Interval, Measurement
from auditkit.methods.attribute_inference import ADVANTAGE, LEAK
from auditkit.methods.exposure import RARE_AUC
from auditkit.methods.model_inversion import METRICS as INVERSION
from auditkit.records import measurement_record
from auditkit.render import lede
from auditkit.render.page import Page
from auditkit.render.words import Words
from auditkit.report import AuditRecord, Scalar, TableRecord
from auditkit.subject import Subject

CANARIES = [
    "planted_times", "exposure", "exposure_low", "exposure_high", "p_value", "p_adjusted",
]  # fmt: skip
ATTACKS = [
    "attribute", "kind", "n", "without_model", "without_model_low", "without_model_high",
    "with_model", "with_model_low", "with_model_high",
]  # fmt: skip


def of_column(column: str, advantage: float, leak: float) -> list[Measurement]:
    return [
        metric.measure(
            value, n=100, source="test", slice={column: "*"},
            interval=Interval(value - 0.02, value + 0.02, 0.95, "test"),
        )
        for metric, value in ((ADVANTAGE, advantage), (LEAK, leak))
    ]  # fmt: skip


def attacks(**with_model: float) -> TableRecord:
    rows: list[list[Scalar]] = [
        [column, kind, 100, 0.5, 0.48, 0.52, right, right - 0.02, right + 0.02]
        for column, value in with_model.items()
        for kind, right in (("training rows", value), ("others", 0.5))
    ]
    return TableRecord(
        id="attribute-inference.attribute-attacks", audit="attribute-inference", title="Attacks",
        columns=ATTACKS, rows=rows, chart="attribute-attacks", source="test",
    )  # fmt: skip


def inverted(*values: float) -> list[Measurement]:
    """What the model tells, then both leaks."""
    return [
        metric.measure(
            value, n=100, source="test", interval=Interval(value - 0.02, value + 0.02, 0.95, "test")
        )
        for metric, value in zip(INVERSION, values, strict=True)
    ]


def shares() -> TableRecord:
    return TableRecord(
        id="model-inversion.inverted-outcomes", audit="model-inversion", title="Guesses",
        columns=["known_outcome", "share_without", "share_with"],
        rows=[["y = 1", 0.1, 0.2], ["all", 0.5, 0.625]], chart="inverted-outcomes", source="test",
    )  # fmt: skip


def rare(value: float) -> Measurement:
    interval = Interval(value - 0.05, value + 0.05, 0.95, "test")
    return RARE_AUC.measure(value, n=100, source="test", interval=interval)


def canaries(*p_adjusted: float) -> TableRecord:
    planted = zip((1, 4, 16), p_adjusted, strict=True)
    rows: list[list[Scalar]] = [[times, 3.0, 2.0, 4.0, p, p] for times, p in planted]
    return TableRecord(
        id="memorisation.canaries", audit="memorisation", title="Canaries", columns=CANARIES,
        rows=[[0, 1.4, 0.8, 2.6, 0.5, None], *rows], chart="canaries", source="test",
    )  # fmt: skip


def said(audit: str, measurements: list[Measurement], tables: Sequence[TableRecord] = ()) -> str:
    """What opens the section of an audit with such evidence, without tags."""
    rows = pd.DataFrame({"y": [0, 1], "p": [0.2, 0.9]})
    bare = run(Subject.from_scores(rows, label="y", score="p"), None, ["performance"])
    report = bare.model_copy(
        update={
            "audits": [AuditRecord(name=audit, status="completed")],
            "measurements": [measurement_record(audit, m) for m in measurements],
            "tables": list(tables),
        }
    )
    page = Page(report, Words("en"))
    pillar = next(one for one in page.pillars if one.name == audit)
    return re.sub(r"<[^>]+>", "", str(lede.shows(page, pillar)))


def test_the_column_to_which_asking_adds_most_is_named_and_no_leak_is_made_up() -> None:
    found = [*of_column("sex", 0.01, 0.0), *of_column("race", 0.2, 0.01)]
    text = said("attribute-inference", found, [attacks(sex=0.51, race=0.7)])
    assert "finds out race for 0.700 (0.680 to 0.720) of the training rows" in text
    assert "and for 0.500 (0.480 to 0.520) without it." in text
    assert "For no column is asking established to add more" in text
    unsure = said("attribute-inference", of_column("sex", 0.01, 0.0), [attacks(sex=0.51)])
    assert "without it: asking is not established to help." in unsure


def test_a_leak_of_training_rows_is_said_of_the_column_where_it_is_surest() -> None:
    found = [*of_column("sex", 0.3, 0.04), *of_column("race", 0.2, 0.1)]
    text = said("attribute-inference", found, [attacks(sex=0.8, race=0.7)])
    assert "finds out sex" in text
    assert "asking adds 0.100 (0.080 to 0.120) more in race" in text


def test_what_a_model_tells_of_everybody_is_told_apart_from_a_leak() -> None:
    text = said("model-inversion", inverted(0.1, 0.01, 0.0), [shares()])
    assert "guesses a share of 0.625 of the person’s values rightly" in text
    assert "and 0.500 by taking everybody’s most frequent values. So much the model tells" in text
    assert "not established to tell more of the people it was trained on" in text
    assert " to 0.0300) more), which alone would be a leak." in text


def test_the_surer_of_two_leaks_is_told_and_help_only_where_it_is_established() -> None:
    text = said("model-inversion", inverted(0.01, 0.01, 0.3), [shares()])
    assert "the model is not established to help. Who was trained on is given away" in text
    assert "is more by 0.300 (0.280 to 0.320) for them than for people it never saw." in text


def test_rare_rows_are_said_to_be_known_only_where_the_interval_lies_above_chance() -> None:
    assert "are not established to be told" in said("memorisation", [rare(0.54)])
    assert "are told from others like them" in said("memorisation", [rare(0.56)])


def test_the_fewest_times_at_which_planted_rows_are_remembered_are_named() -> None:
    assert "even if it stands in the training rows once" in said(
        "memorisation", [], [canaries(0.01, 0.001, 0.0001)]
    )
    assert "once it stands 4 times in the training rows" in said(
        "memorisation", [], [canaries(0.2, 0.01, 0.01)]
    )
    nothing = said("memorisation", [], [canaries(0.9, 0.9, 0.06)])
    assert "not even where they stand there 16 times (exposure 3.00 (2.00 to 4.00) bits" in nothing


def test_without_numbers_only_their_count_is_said() -> None:
    missing = RARE_AUC.measure(None, n=0, source="test", reason="no rows")
    audits = ("memorisation", "attribute-inference", "model-inversion")
    assert len({said(audit, [missing]) for audit in audits}) == 1
