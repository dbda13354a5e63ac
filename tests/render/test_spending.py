"""Where the time went: sums of the record, drawn so that every part stands under its whole."""

from __future__ import annotations

import re
from typing import Any

import pytest

from auditkit.render.charts_spending import flame
from auditkit.render.html import render
from auditkit.render.page import PLACES, Page
from auditkit.render.spending import AREAS, area_of, spending
from auditkit.render.words import Words
from auditkit.report import Report

#: 100 s in all: 10 of training, 25 of explanation, 60 of privacy, 30 of them training again.
SECONDS = {"fairness": 4.0, "explainability": 25.0, "membership": 40.0, "privacy": 20.0}
ENERGY = {"joules": 4.0, "low": 2.0, "high": 20.0, "basis": "estimated", "method": "a model"}


def made(record: dict[str, Any], **changes: Any) -> Report:
    audits: list[dict[str, Any]] = [
        {"name": audit, "status": "completed", "seconds": seconds, "energy": ENERGY}
        for audit, seconds in SECONDS.items()
    ]
    audits[2]["phases"] = [{"name": "train", "times": 6, "seconds": 30.0, "cpu_seconds": 29.0}]
    audits += [
        {"name": "theirs", "status": "error", "reason": "broke", "seconds": 1.0, "energy": ENERGY},
        {"name": "anonymity", "status": "skipped", "reason": "no rows"},
    ]
    training = {"cost": {"name": "train", "seconds": 10.0, "parent": None, "energy": ENERGY}}
    return Report.model_validate({**record, "audits": audits, "training": training, **changes})


def text(markup: str) -> str:
    markup = re.sub(r"<t[dh]\b", " <td", markup)
    return " ".join(re.sub(r"<[^>]+>", "", markup).replace("\N{NO-BREAK SPACE}", " ").split())


def sentence(report: Report) -> str:
    found = flame(Page(report, Words("en")))
    assert found is not None
    return text(found.sentence)


def test_every_audit_belongs_to_an_area_and_each_area_has_one() -> None:
    assert {area_of(audit) for audit in (*PLACES, "theirs")} == set(AREAS)
    assert area_of("counterfactuals") == "explanation"
    assert area_of("epsilon-bound") == "privacy"
    assert area_of("energy") == "energy"


def test_areas_hold_their_audits_and_add_up(record: dict[str, Any]) -> None:
    whole = spending(made(record))
    assert whole is not None
    assert whole.seconds == 100.0
    assert {area.key: area.seconds for area in whole.inner} == {
        "training": 10.0, "fairness": 4.0, "explanation": 25.0, "privacy": 60.0, "other": 1.0,
    }  # fmt: skip
    privacy = next(area for area in whole.inner if area.key == "privacy")
    assert [audit.key for audit in privacy.inner] == ["membership", "privacy"]
    assert privacy.trained == whole.trained == 30.0
    assert whole.energy is not None
    assert (whole.energy.joules, whole.energy.low, whole.energy.high) == (24.0, 12.0, 120.0)
    assert whole.energy.basis == "estimated"


def test_the_sentence_says_time_shares_energy_and_price(record: dict[str, Any]) -> None:
    assert sentence(made(record)) == (
        "Training and audits together took 100 s: privacy 60.0%, explanation 25.0%, "
        "training 10.0%, fairness 4.0% and other audits 1.0%. "
        "This took 24.0 J [12.0, 120.0] of energy, estimated. "
        "For each second that the model was trained, explanation took 2.50 s and privacy took "
        "6.00 s."
    )


def test_an_energy_that_is_unknown_in_part_is_not_summed(record: dict[str, Any]) -> None:
    report = made(record)
    unknown = report.audits[0].model_copy(update={"energy": None})
    report = report.model_copy(update={"audits": [unknown, *report.audits[1:]]})
    assert "The energy of all together was not measured." in sentence(report)


@pytest.mark.parametrize(
    "training",
    [
        None,
        {"cost": "nothing"},
        {"cost": {"seconds": float("nan")}},
        {"cost": {"seconds": 10.0}, "resumed_after": [3]},
        {"cost": {"seconds": 10.0}, "processes": 2},
    ],
)
def test_a_training_that_was_not_metered_whole_is_left_out(
    record: dict[str, Any], training: dict[str, Any] | None
) -> None:
    whole = spending(made(record, training=training))
    assert whole is not None
    assert whole.seconds == 90.0
    assert "training" not in [area.key for area in whole.inner]
    said = sentence(made(record, training=training))
    assert "training" not in said
    assert "For each second" not in said


def test_phases_of_training_that_lie_in_others_are_not_added_twice(
    record: dict[str, Any],
) -> None:
    costs = {
        "train": {"seconds": 10.0, "parent": None},
        "epoch": {"seconds": 8.0, "parent": "train"},
        "encode": {"seconds": 2.0, "parent": None},
    }
    whole = spending(made(record, training={"cost": costs}))
    assert whole is not None
    assert whole.inner[0].seconds == 12.0


def test_bars_stand_below_what_they_are_part_of(record: dict[str, Any]) -> None:
    found = flame(Page(made(record), Words("en")))
    assert found is not None
    drawn = re.findall(
        r"<rect class=[a-z0-9]+ x=([\d.]+)% y=(\d+) width=([\d.]+)% height=24(?: /|><title>(.*?)<)",
        found.parts,
    )
    bars = {(float(x), int(y), float(width)): text(title) for x, y, width, title in drawn}
    assert bars[(0.0, 0, 10.0)] == ""  # training
    assert bars[(39.0, 0, 60.0)] == ""  # privacy, made of the next two
    assert bars[(39.0, 27, 40.0)] == ""
    assert bars[(79.0, 27, 20.0)] == ""
    assert bars[(39.0, 54, 30.0)] == "train 30.0 s"  # a phase, which no table has


def test_the_page_has_the_table_and_without_any_time_nothing(record: dict[str, Any]) -> None:
    page = text(render(made(record)))
    assert "Privacy 60.0 s 60.0% 6.00 30.0 s 8.0 J [4.0, 40.0] estimated" in page
    assert "Together 100 s 100% 10.0 30.0 s 24.0 J [12.0, 120.0] estimated" in page
    assert "Where the time went" not in render(made(record, audits=[], training=None))
