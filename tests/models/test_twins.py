"""Private twins that are trained, and those that are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from auditkit.audit import make_audits
from auditkit.errors import AuditkitError, InputError
from auditkit.models.twins import Twin, private_twin, twin_settings

ROWS = pd.DataFrame({"y": [0, 1]})


class Recipe:
    """Gives a record, or raises."""

    def __init__(self, privacy: object, error: AuditkitError | None = None) -> None:
        self.record = SimpleNamespace(privacy=privacy)
        self.error = error

    def fit(self, rows: pd.DataFrame, **changes: object) -> tuple[Any, Any]:
        assert rows is ROWS
        assert changes == {"privacy": {"epsilon": 1.0}}
        if self.error is not None:
            raise self.error
        return "model", self.record


def test_a_twin_comes_with_what_was_spent() -> None:
    twin = private_twin(Recipe({"epsilon": 0.99}), ROWS, {"epsilon": 1.0})
    assert isinstance(twin, Twin)
    assert str(twin.model) == "model"
    assert dict(twin.spent) == {"epsilon": 0.99}


def test_why_there_is_no_twin_is_said_in_one_line() -> None:
    refused = private_twin(Recipe(None, AuditkitError("no\n  way")), ROWS, {"epsilon": 1.0})
    assert refused == "private training was not possible: no way"
    assert "states no privacy" in str(private_twin(Recipe(None), ROWS, {"epsilon": 1.0}))


@pytest.mark.parametrize("name", ["privacy", "privacy-frontier", "epsilon-bound"])
def test_every_audit_with_a_twin_has_its_settings_and_their_ranges(name: str) -> None:
    wrong: dict[str, Any] = {
        "delta": 1.0, "max_grad_norm": 0.0, "epochs": 0, "batch_size": 0, "learning_rate": -1.0,
    }  # fmt: skip
    with pytest.raises(InputError) as raised:
        make_audits([name], {name: wrong})
    where = [problem.where for problem in raised.value.problems]
    assert where == [f"[audits.{name}] {setting}" for setting in wrong]
    right = {"delta": 1e-6, "max_grad_norm": 0.5, "epochs": 2, "batch_size": 8}
    (audit,) = make_audits([name], {name: right})
    assert right.items() <= twin_settings(audit).items()
