"""A fixture for pytest. Nothing is imported before a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditkit.report import Report


@pytest.fixture(scope="session")
def assert_audit() -> Callable[..., Report]:
    """Fail the test unless an audit passes; see `auditkit.testing.assert_audit`."""
    from auditkit import testing

    return testing.assert_audit
