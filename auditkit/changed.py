"""What changed between two audits of one subject, as `audit.json` holds it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
#: How sure it is that a measurement moved. `beyond` is beyond the uncertainty of this one
#: measurement, which some of many are by chance; `moved` is so after correction for how many
#: were compared; `changed` is a count or setting that has no uncertainty.
Move = Literal["moved", "beyond", "changed", "within", "unknown", "appeared", "gone"]
Verdict = Literal["pass", "fail", "inconclusive", "not_measured", "not_applicable", "error"]
#: What became of a finding.
Turn = Literal["new", "worse", "better", "resolved", "open", "met", "gone"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MeasurementChange(_Record):
    """A measurement before and after, with an interval of the difference where there is one."""

    id: str
    audit: str
    metric: str
    slice: dict[str, str] = {}
    unit: str
    better: str
    before: Finite | None
    after: Finite | None
    difference: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    move: Move


class FindingChange(_Record):
    """A finding before and after; a verdict is None where there was no such finding."""

    id: str
    criterion: str
    metric: str
    slice: dict[str, str] = {}
    severity: str
    before: Verdict | None
    after: Verdict | None
    turn: Turn


class ChangesRecord(_Record):
    """Two audits of one subject, the older first."""

    before: str
    after: str
    before_created: str
    after_created: str
    before_verdict: str
    after_verdict: str
    same_model: bool | None
    same_data: bool
    same_policy: bool
    compared: int
    level: Finite
    method: str
    measurements: list[MeasurementChange]
    findings: list[FindingChange]
