"""Every dependency has a reason, a licence that we may use, and a version that was tested."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("supply", ROOT / "benchmarks" / "supply_chain.py")
assert _SPEC is not None
assert _SPEC.loader is not None
supply = importlib.util.module_from_spec(_SPEC)
__import__("sys").modules["supply"] = supply
_SPEC.loader.exec_module(supply)


def every_name() -> list[str]:
    names, extras = supply.declared()
    return sorted({*names, *(name for group in extras.values() for name in group)})


@pytest.mark.parametrize("name", every_name())
def test_a_dependency_has_a_reason_and_a_tested_version(name: str) -> None:
    assert supply.REASONS.get(name)
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    tested = {supply.plain(line) for line in re.findall(r"(?m)^([\w.-]+)==", pinned)}
    assert name in tested


def test_nothing_that_is_needed_has_a_licence_that_we_may_not_use() -> None:
    names, _ = supply.declared()
    packages = supply.installed([*names, *supply.needed(names)], direct=True)
    assert len(packages) > 30
    assert supply.refused(packages) == []


def test_a_licence_of_another_kind_would_be_found() -> None:
    package = supply.Package("x", "1", 1.0, "GPL-3.0-or-later", "", direct=True)
    assert supply.refused([package]) == [package]


def test_the_bill_of_materials_is_valid_cyclonedx() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    names, _ = supply.declared()
    text = supply.sbom(supply.installed(names, direct=True))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert isinstance(json.loads(text), dict)


@pytest.mark.slow
def test_two_wheels_have_the_same_bytes() -> None:
    first, second = supply.wheels()
    assert first == second
