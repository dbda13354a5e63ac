"""The record that the tests of exports share."""

from __future__ import annotations

from typing import Any

import pytest
from loans import loans_record

from auditkit.report import Report


@pytest.fixture
def record() -> dict[str, Any]:
    return loans_record()


@pytest.fixture(scope="session")
def loans() -> Report:
    return Report.model_validate(loans_record())
