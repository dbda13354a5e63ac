"""What is acceptable, decided before the run: a policy, read from a file or from those at hand."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditkit.errors import InputError, Problem, quote
from auditkit.evidence import WITHIN
from auditkit.report import CriterionRecord, PolicyRecord, WaiverRecord

#: Where the policies are that come with auditkit.
READY = Path(__file__).parent / "regimes" / "policies"
#: Kinds of prediction that a criterion may be about.
TASKS = ("binary", "multiclass", "regression", "sequence-to-sequence")
#: Stands in a slice for each sensitive column in turn, whatever they are called.
EACH = "*"


def load_policy(path: str | Path, metrics: Collection[str] | None = None) -> PolicyRecord:
    """Read a policy file.

    Args:
        path: A TOML file with `name`, `[[criterion]]` and `[[waiver]]` tables, or the name of a
            ready policy; see `ready_policies`.
        metrics: Ids of the metrics that exist; None accepts any.

    Returns:
        The policy, with the sha256 of the file's bytes.

    Raises:
        InputError: If the file is missing, no TOML, or says something that cannot be held;
            every problem is listed.
    """
    file = Path(path)
    if file.name == str(path) and not file.suffix and not file.exists():
        return _ready(str(path), metrics)
    try:
        raw = file.read_bytes()
    except OSError as error:
        problem = Problem(str(path), error.strerror or "no file", "a policy file")
        raise InputError([problem]) from None
    return parse_policy(raw, file.name, metrics)


def ready_policies() -> dict[str, Path]:
    """Policies that come with auditkit: name to file, by name.

    Example:
        >>> "starter" in ready_policies()
        True
    """
    return {file.stem: file for file in sorted(READY.glob("*.toml"))}


def _ready(name: str, metrics: Collection[str] | None) -> PolicyRecord:
    ready = ready_policies()
    if name not in ready:
        raise InputError([Problem.unknown("policy", name, ready, "a policy file or a ready one")])
    return parse_policy(ready[name].read_bytes(), f"{name}.toml", metrics)


def policy_bytes(path: str | Path) -> bytes:
    """The text of a policy file, or of a ready policy by its name; it is in the bundle.

    Example:
        >>> policy_bytes("starter").startswith(b"#")
        True
    """
    ready = ready_policies()
    return (ready[str(path)] if str(path) in ready else Path(path)).read_bytes()


def parse_policy(
    raw: bytes, where: str = "policy.toml", metrics: Collection[str] | None = None
) -> PolicyRecord:
    """Read a policy from the bytes of a TOML file; see `load_policy`.

    Example:
        >>> text = b'''
        ... name = "starter"
        ... [[criterion]]
        ... metric = "accuracy"
        ... at_least = 0.8
        ... severity = "medium"
        ... source = "own policy"
        ... '''
        >>> parse_policy(text).criteria[0].id
        'C1'
    """
    plain = read_toml(raw, where)
    problems = unknown_keys(plain, {"name", "on_inconclusive", "criterion", "waiver"}, where)
    lines = plain.get("criterion", [])
    if not isinstance(lines, list) or not lines:
        problems.append(Problem(where, "no [[criterion]]", "at least one criterion"))
        lines = []
    criteria = [_criterion(line, i, where, metrics, problems) for i, line in enumerate(lines, 1)]
    kept = [criterion for criterion in criteria if criterion is not None]
    waivers = _waivers(plain.get("waiver", []), kept, where, problems)
    for name, count in Counter(criterion.id for criterion in kept).items():
        if count > 1:
            problems.append(Problem(f"{where} criterion id", f"{quote(name)} twice", "unique ids"))
    try:
        policy = PolicyRecord(
            name=plain.get("name", ""),
            sha256=hashlib.sha256(raw).hexdigest(),
            on_inconclusive=plain.get("on_inconclusive", "review"),
            criteria=kept,
            waivers=waivers,
        )
    except ValidationError as error:
        raise InputError([*problems, *validation_problems(error, where)]) from None
    if problems:
        raise InputError(problems)
    return policy


def read_toml(raw: bytes, where: str) -> dict[str, Any]:
    """Read TOML that nobody vouches for, or raise an `InputError` that says where it breaks."""
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or a number without end
        raise InputError([Problem(where, f"no TOML ({str(error)[:200]})", "a TOML file")]) from None


def unknown_keys(plain: Mapping[str, Any], known: Collection[str], where: str) -> list[Problem]:
    """List the keys of a table that mean nothing, each with the nearest that does."""
    return [
        Problem.unknown(where, key, known, "one of the keys") for key in plain if key not in known
    ]


def validation_problems(error: ValidationError, where: str) -> list[Problem]:
    """Turn what pydantic found into problems in the house's words."""
    problems: list[Problem] = []
    for item in error.errors():
        inner = item.get("ctx", {}).get("error")
        if isinstance(inner, InputError):
            problems += inner.problems
            continue
        path = " ".join(str(part) for part in item["loc"])
        found = "nothing" if item["type"] == "missing" else quote(item.get("input"))
        expected = item["msg"].lower().removeprefix("input should be ")
        problems.append(Problem(f"{where} {path}".strip(), found, expected))
    return problems


def _criterion(
    line: object,
    number: int,
    where: str,
    metrics: Collection[str] | None,
    problems: list[Problem],
) -> CriterionRecord | None:
    place = f"{where} criterion {number}"
    if not isinstance(line, dict):
        problems.append(Problem(place, quote(line), "a table"))
        return None
    known = set(CriterionRecord.model_fields)
    problems += unknown_keys(line, known, place)
    metric = line.get("metric")
    if metrics is not None and isinstance(metric, str) and metric not in metrics:
        problems.append(Problem.unknown(f"{place} metric", metric, metrics, "a metric"))
    filled = {"id": f"C{number}"} | {key: value for key, value in line.items() if key in known}
    try:
        criterion = CriterionRecord(**filled)
    except ValidationError as error:
        problems += validation_problems(error, place)
        return None
    problems += _limit_problems(criterion, place)
    problems += [
        Problem.unknown(f"{place} tasks", task, TASKS, "a task")
        for task in criterion.tasks
        if task not in TASKS
    ]
    return criterion


def _waivers(
    lines: object, criteria: Sequence[CriterionRecord], where: str, problems: list[Problem]
) -> list[WaiverRecord]:
    if not isinstance(lines, list):
        problems.append(Problem(f"{where} waiver", quote(lines), "[[waiver]] tables"))
        return []
    known = [criterion.id for criterion in criteria]
    kept = []
    for number, line in enumerate(lines, 1):
        place = f"{where} waiver {number}"
        if not isinstance(line, dict):
            problems.append(Problem(place, quote(line), "a table"))
            continue
        problems += unknown_keys(line, set(WaiverRecord.model_fields), place)
        fields = {key: value for key, value in line.items() if key in WaiverRecord.model_fields}
        try:
            waiver = WaiverRecord(**fields)
        except ValidationError as error:
            problems += validation_problems(error, place)
            continue
        if waiver.criterion not in known:
            name = waiver.criterion
            problems.append(Problem.unknown(f"{place} criterion", name, known, "a criterion"))
        kept.append(waiver)
    return kept


def _limit_problems(criterion: CriterionRecord, place: str) -> list[Problem]:
    low, high = criterion.at_least, criterion.at_most
    if low is None and high is None:
        return [Problem(place, "no limit", "at_least, at_most, or both")]
    if low is not None and high is not None and low > high:
        found = f"at_least {low:g} above at_most {high:g}"
        return [Problem(place, found, "at_least up to at_most")]
    return []


def slice_problems(policy: PolicyRecord, sensitive: Sequence[str], where: str) -> list[Problem]:
    """List the criteria whose slice names a column that is not sensitive in the subject.

    A column that is held equal, such as `{ sex = "*", occupation = "=" }`, may be any feature.
    """
    known = [*sensitive]
    return [
        Problem.unknown(f"{where} criterion {c.id} slice", name, known, "a sensitive column")
        for c in policy.criteria
        for name in c.slice
        if name not in known and c.slice != [EACH]
        if not (isinstance(c.slice, dict) and c.slice[name] == WITHIN)
    ]
