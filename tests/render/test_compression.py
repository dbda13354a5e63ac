"""The section on smaller versions: its sentences and its drawing."""

from __future__ import annotations

import re

import pandas as pd

from auditkit import run
from auditkit.render.html import render
from auditkit.report import AuditRecord, PlannedAudit, Scalar, TableRecord
from auditkit.subject import Subject

VERSIONS = ["version", "kilobytes", "size_share", "accuracy", "accuracy_low", "accuracy_high",
            "loss", "loss_low", "loss_high", "milliseconds", "chosen", "unbeaten",
            "gap_grows"]  # fmt: skip
GROWTH = ["attribute", "metric", "as_audited", "version", "growth", "growth_low", "growth_high",
          "surely_in"]  # fmt: skip
AUDITED: list[Scalar] = ["as audited", 36.0, 1.0, 0.855, 0.849, 0.861, None, None, None, 4.0,
                         False, False, ""]  # fmt: skip


def small(*, chosen: bool = True, grows: str = "", name: str = "weights of 8 bits") -> list[Scalar]:
    return [name, 9.0, 0.25, 0.853, 0.847, 0.859, 0.002, -0.001, 0.005, 3.0, chosen, True, grows]


def growth(low: float) -> list[Scalar]:
    return ["sex", "equal_opportunity_difference", 0.05, "weights of 8 bits", 0.04, low, 0.07,
            int(low > 0)]  # fmt: skip


def page(versions: list[list[Scalar]], grown: list[list[Scalar]], y: str = "accuracy") -> str:
    """The text of the section, without tags but bold."""
    rows = pd.DataFrame({"y": [0, 1], "p": [0.2, 0.9]})
    bare = run(Subject.from_scores(rows, label="y", score="p"), None, ["performance"])
    columns = [column.replace("accuracy", y) for column in VERSIONS]
    tables = [
        TableRecord(id=f"compression.{name}", audit="compression", title=name, columns=held,
                    rows=lines, chart=chart, source="test")
        for name, held, lines, chart in (
            ("versions", columns, [AUDITED, *versions], "size-frontier"),
            ("growth", GROWTH, grown, "compressed-growth"),
        )
    ]  # fmt: skip
    done = AuditRecord(name="compression", status="completed")
    planned = PlannedAudit(name="compression", settings={}, defaults={"tolerance": 0.01})
    plan = bare.plan.model_copy(update={"audits": [*bare.plan.audits, planned]})
    report = bare.model_copy(
        update={"tables": tables, "audits": [*bare.audits, done], "plan": plan}
    )
    text = render(report)
    text = text[text.index('id="compression"') :]
    return re.sub(r"</?bdi[^>]*>|\s+(?=\s)", "", text)


def plain(text: str) -> str:
    return re.sub(r"[^\x00-\x7f]", " ", text.replace("\N{MINUS SIGN}", "-"))


def test_the_version_that_would_do_is_named_with_its_size_loss_and_time() -> None:
    text = page([small()], [growth(-0.01)])
    assert (
        "A smaller version would do: weights of 8 bits. It takes <b>25.0%</b> of the room" in text
    )
    assert "the loss of accuracy is 0.00200 (-0.00100 to 0.00500), surely" in plain(text)
    assert "surely at most 0.01." in text
    assert (
        "1,000 predictions take 3.00 ms with it, and 4.00 ms with the model as audited."
        in plain(text)
    )


def test_a_gap_that_surely_grows_is_said_also_where_the_accuracy_is_kept() -> None:
    text = page([small(grows="sex")], [growth(0.01)])
    assert "in the version weights of 8 bits, the equal opportunity difference by sex" in text
    assert "surely grows, by 0.0400 (0.0100 to 0.0700)" in text
    assert "The version that would do widens a gap too, by sex." in text
    assert "class=lim" in text  # the ring around it


def test_where_no_gap_surely_grows_it_is_said_what_cannot_be_ruled_out() -> None:
    text = page([small()], [growth(-0.01)])
    assert "No gap between groups surely grows in any version" in text
    assert "the equal opportunity difference by sex grows by up to 0.0700." in text
    assert "class=lim" not in text


def test_where_none_would_do_none_is_recommended() -> None:
    text = page([small(chosen=False)], [])
    assert "No smaller version that was tried surely loses at most 0.01 of accuracy." in text
    assert "No smaller version surely keeps what the model can do" in text
    assert "1,000 predictions take" not in text


def test_a_regression_speaks_of_r_squared() -> None:
    text = page([small()], [], y="r2_score")
    assert "the loss of R squared is 0.00200" in text


def test_without_a_smaller_version_there_is_nothing_to_say_of_them() -> None:
    assert "would do" not in page([], [])[:3000]
