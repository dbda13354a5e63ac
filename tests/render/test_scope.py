"""What was assessed, how it came to be, and with what it was run."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.render import provenance, scope, summary
from auditkit.render.page import Page
from auditkit.render.words import Words
from auditkit.report import Report


def page_of(record: dict[str, Any]) -> Page:
    return Page(Report.model_validate(record), Words("en"))


def facts(record: dict[str, Any]) -> dict[str, str]:
    return {key.striptags(): value.striptags() for key, value in scope.scope(page_of(record))}


def test_rows_that_came_in_were_assessed_and_were_trained_on_are_told_apart(
    record: dict[str, Any],
) -> None:
    known = facts(record)
    assert known["Rows that came in"] == "48,842 rows"
    assert known["Rows assessed"] == "14,653 rows"
    assert known["Rows trained on"] == "29,305 rows"
    assert known["Outcome"] == "income_over_50k, positive where it is 1"
    assert known["Model"] == "mlp, 12,673 parameters"
    assert known["Training"] == "stopped after 24 epochs, the best (19) is kept"
    assert known["Settings of training"] == "learning_rate 0.001, batch_size 256"


@pytest.mark.parametrize(
    ("roles", "decision", "subtitle"),
    [
        (
            {"label": "y", "positive": "yes", "prediction": "d"},
            "the column d",
            "Predicts whether y is yes.",
        ),
        (
            {"label": "y", "positive": True, "score": "s", "threshold": 0.25},
            "s; selected from 0.25 on",
            "Predicts whether y is True; a score of 0.25 or more selects the row.",
        ),
        ({"score": "s"}, "s", "Task: binary."),
    ],
)
def test_a_subject_is_described_by_the_roles_of_its_columns(
    record: dict[str, Any], roles: dict[str, Any], decision: str, subtitle: str
) -> None:
    record["subject"]["roles"] = roles
    assert facts(record)["Decision"] == decision
    assert facts(record)["Columns compared"] == "none named"
    assert summary.subtitle(page_of(record)).striptags() == subtitle


def test_a_table_of_scores_has_neither_training_nor_parameters(record: dict[str, Any]) -> None:
    record["training"] = None
    record["subject"]["model"] = {"kind": "scored table"}
    record["subject"]["data"]["trained_on"] = None
    record["subject"]["roles"]["label"] = None
    known = facts(record)
    assert known["Model"] == "scored table"
    assert known["Rows trained on"] == "not given"
    assert known["Outcome"] == "none named"
    assert "Training" not in known


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"epochs": 7}, "7 epochs"),
        ({"epochs": 7, "best_epoch": 5}, "7 epochs, the best (5) is kept"),
        ({"epochs": "many", "architecture": "linear"}, None),
    ],
)
def test_a_training_record_of_another_shape_is_read_as_far_as_it_goes(
    record: dict[str, Any], training: dict[str, Any], expected: str | None
) -> None:
    record["training"] = training
    assert facts(record).get("Training") == expected


def test_what_was_done_around_the_training_is_said_in_plain_lines(record: dict[str, Any]) -> None:
    before = {"kind": "mlp", "sha256": "a" * 64, "parameters": 1200}
    grown = [
        {"group": "F", "before": 10, "after": 1500},
        {"group": "M", "before": 1500, "after": 1500},
    ]
    record["training"] |= {
        "preparation": {
            "duplicates": {"found": 3, "dropped": 0},
            "swaps": {"column": "text", "pairs": [["he", "she"]], "twins": 1},
            "oversample": {"columns": ["sex"], "groups": grown},
            "class_weights": {"negative": 0.625, "positive": 2.5},
            "group_weights": [{"group": "F", "class": "positive", "weight": 1.5}],
            "fairness_penalty": {"columns": ["sex"], "strength": 5.0, "rows_of_unknown_group": 7},
        },
        "start": {**before, "output_layer": "kept", "loss": 0.5, "accuracy": 0.75},
        "validation": {"loss": 0.25, "accuracy": 0.875},
        "frozen": {"layers": ["linear1"], "parameters": 9, "unfreeze_after": 3},
        "teacher": {**before, "agreement": 0.97, "loss": 0.125},
        "resumed_after": [4, 9],
    }
    known = facts(record)
    assert known["Rows made ready"] == (
        "3 rows equal others, 0 dropped; 1 text added with words swapped; rows drawn again to even "
        "out the groups of sex: F 10 to 1,500, M 1,500 to 1,500; classes weighed: negative 0.625, "
        "positive 2.50; groups weighed: F, positive 1.50; gaps between the groups of sex penalised "
        "in the loss, with strength 5.00; rows of unknown group, which are left out of it: 7"
    )
    assert known["Started from"] == (
        "mlp, 1,200 parameters, sha256 aaaaaaaaaaaa, output layer kept; validation loss 0.500, of "
        "this model 0.250; accuracy on the validation rows 0.750, of this model 0.875; layers "
        "that did not move up to epoch 3: linear1"
    )
    assert "for which it decides as this model does: 0.970" in known["Learnt from"]
    assert known["Resumed"].startswith("after epoch 4, 9, from a checkpoint")
    record["training"] |= {"start": {"kind": 3}, "teacher": "mlp", "resumed_after": 2,
                           "preparation": [1], "frozen": {}}  # fmt: skip
    assert not {"Rows made ready", "Started from", "Learnt from", "Resumed"} & set(facts(record))


def test_settings_that_asked_for_nothing_are_left_out(record: dict[str, Any]) -> None:
    idle = {"duplicates": "keep", "clip": 0.0, "swaps": [], "freeze": [], "temperature": 2.0,
            "teacher_share": 0.9, "class_weight": None}  # fmt: skip
    record["training"]["settings"] = {**idle, "epochs": 30, "momentum": 0.0}
    assert facts(record)["Settings of training"] == "epochs 30, momentum 0"
    record["training"]["settings"] = {**idle, "clip": 0.05, "freeze": ["lstm"]}
    assert facts(record)["Settings of training"] == 'clip 0.05, freeze ["lstm"]'


def test_many_features_are_counted_beyond_the_first(record: dict[str, Any]) -> None:
    record["subject"]["roles"]["features"] = [f"f{i}" for i in range(70)]
    assert facts(record)["Columns the model reads"].endswith("f59, 10 more")


def test_unknown_groups_have_their_own_row_and_shares_add_up(record: dict[str, Any]) -> None:
    sex, race = scope.groups(page_of(record))
    assert [line.group for line in sex[1]] == ["Female", "Male", "unknown"]
    assert race[1][-1].rows == "103"
    assert sum(float(line.share) for line in race[1]) == pytest.approx(1.0, abs=0.003)


def test_a_run_outside_version_control_says_so(record: dict[str, Any]) -> None:
    def source() -> str:
        pairs = {key: value.striptags() for key, value in provenance.provenance(page_of(record))}
        return pairs[Words("en")("repro.git")]

    assert source() == "commit 3c1f9a2b7d, no local changes"
    record["environment"]["git"]["dirty"] = True
    assert source() == "commit 3c1f9a2b7d, with local changes"
    record["environment"]["git"] = None
    assert source() == "no version control was found"


@pytest.mark.parametrize(
    ("iso", "expected"),
    [
        ("2026-11-22T09:05:00Z", "22 November 2026, 09:05 UTC"),
        ("2026-01-02T03:04:00+05:30", "2 January 2026, 03:04 UTC+0530"),
        ("yesterday", "yesterday"),
    ],
)
def test_a_time_is_written_as_people_do(record: dict[str, Any], iso: str, expected: str) -> None:
    assert provenance.date(page_of(record), iso).striptags() == expected


def test_what_an_audit_cost_is_shown_with_its_basis_and_settings(record: dict[str, Any]) -> None:
    lines = {line.name.striptags(): line for line in provenance.audit_lines(page_of(record))}
    assert lines["Fairness"].energy.striptags() == "12.0 J [5.3, 25.2]"
    assert lines["Fairness"].basis.striptags() == "estimated"
    assert lines["Fairness"].memory == "231\N{NO-BREAK SPACE}MB"
    assert lines["Fairness"].settings.striptags() == "min_group 20"
    assert lines["Stress test"].energy == "no value"


def test_the_audits_that_used_the_weights_are_told_from_those_that_did_not(
    record: dict[str, Any],
) -> None:
    assert "Weights of rows" not in facts(record)
    record["subject"]["roles"]["weight"] = "fnlwgt"
    (fairness,) = record["plan"]["audits"]
    fairness["weighted"] = True
    text = facts(record)["Weights of rows"]
    assert text.startswith("the column fnlwgt. Used by: Fairness. Not used by, where every row")
    assert "Performance" in text.split("Not used by")[1]
    fairness["weighted"] = False
    assert "Used by: no audit." in facts(record)["Weights of rows"]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("binary", "the score of the model"),
        ("multiclass", "the class to which the model gives the highest score"),
        ("regression", "the number that the model gives"),
        ("sequence-to-sequence", "the text that the model writes"),
    ],
)
def test_what_a_model_gives_is_said_for_its_task(
    record: dict[str, Any], task: str, said: str
) -> None:
    record["subject"]["task"] = task
    record["subject"]["roles"] = {"label": "y"}
    assert facts(record)["Decision"] == said
