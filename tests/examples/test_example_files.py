"""The files around the example data fit the data, and name no place on a machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from auditkit.loading import Prepared, prepare
from auditkit.policy import load_policy, slice_problems

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DATA = {"census_income": "census.parquet", "credit_default": "credit.parquet"}
MONTHS = [f"2005_{month:02}" for month in range(4, 10)]


def config(example: str) -> dict[str, Any]:
    text = (EXAMPLES / example / "auditkit.toml").read_text("utf-8")
    subject: dict[str, Any] = tomllib.loads(text)["subject"]
    return subject


@pytest.mark.parametrize("example", DATA)
def test_nothing_is_wrong_with_the_configuration(example: str) -> None:
    prepared, problems = prepare(EXAMPLES / example / "auditkit.toml")
    assert problems == []
    assert isinstance(prepared, Prepared)
    assert len(prepared.rows) == {"census_income": 48_842, "credit_default": 30_000}[example]


@pytest.mark.parametrize("example", DATA)
def test_the_roles_name_columns_that_exist(example: str) -> None:
    roles = config(example)
    columns = set(pq.read_schema(EXAMPLES / example / DATA[example]).names)
    named = [roles["label"], *roles["sensitive"], *roles["features"], *roles["bands"]]
    assert set(named) <= columns
    assert roles["label"] not in roles["features"]
    assert roles["data"] == DATA[example]


def test_the_census_model_reads_all_but_the_survey_weight() -> None:
    columns = pq.read_schema(EXAMPLES / "census_income" / DATA["census_income"]).names
    unread = set(columns) - set(config("census_income")["features"])
    assert unread == {"fnlwgt", "income_over_50k"}


def test_the_credit_model_reads_no_sensitive_column() -> None:
    roles = config("credit_default")
    assert set(roles["features"]).isdisjoint(roles["sensitive"])


def test_the_credit_model_reads_each_channel_from_the_oldest_month() -> None:
    roles = config("credit_default")
    sequence = roles["model"]["sequence"]
    for channel, columns in sequence.items():
        assert columns == [f"{channel}_{month}" for month in MONTHS]
    read = [*roles["model"]["static"], *(name for names in sequence.values() for name in names)]
    assert read == roles["features"]


@pytest.mark.parametrize("example", DATA)
def test_the_policy_loads_and_compares_sensitive_columns_only(example: str) -> None:
    policy = load_policy(EXAMPLES / example / "policy.toml")
    assert slice_problems(policy, config(example)["sensitive"], "policy.toml") == []
    assert all(criterion.advice for criterion in policy.criteria)
    pillars = {criterion.id[0] for criterion in policy.criteria}
    assert pillars == set("PFXVE")


@pytest.mark.parametrize("example", DATA)
def test_only_a_limit_that_a_source_sets_is_called_so(example: str) -> None:
    policy = load_policy(EXAMPLES / example / "policy.toml")
    from_source = [c for c in policy.criteria if c.limit_set_by == "source"]
    assert all("four-fifths" in c.source and c.at_least == 0.8 for c in from_source)
    others = [c for c in policy.criteria if c.limit_set_by == "policy"]
    assert all(c.source.startswith("own policy") for c in others)


TEXTS = sorted(path for path in EXAMPLES.rglob("*") if path.suffix in {".py", ".toml", ".md"})


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_no_file_names_an_address_or_a_place_on_a_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    for here in ("http://127.0.0.1:", "/v2/"):  # this machine, and the routes of the protocol
        text = text.replace(here, "")
    assert "://" not in text
    assert not re.search(r"(?:^|[\s\"'`(=])(?:/[A-Za-z~]|~/|[A-Z]:\\)", text, re.MULTILINE)


def test_no_data_file_names_a_place_on_a_machine() -> None:
    for example, name in DATA.items():
        assert not pq.read_schema(EXAMPLES / example / name).metadata


@pytest.mark.parametrize("example", DATA)
def test_the_files_are_small(example: str) -> None:
    assert (EXAMPLES / example / DATA[example]).stat().st_size < 1_000_000
