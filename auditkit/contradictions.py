"""What is declared of a model, held against what the audits measured: a pure function of both.

Audits cannot see one another's numbers, so this is done once all of them have run and before the
policy is held. What it gives stands with the numbers of the audit `impact`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from auditkit.changed import Verdict
from auditkit.claims import Claimed
from auditkit.errors import quote
from auditkit.evidence import ALL_GROUPS, Measurement, Table
from auditkit.methods.impact import CONTRADICTIONS, UNDECIDED
from auditkit.report import ContextRecord, MeasurementRecord, RolesRecord
from auditkit.roles import origin

Result = Literal["contradicts", "open", "agrees", "not measured"]
#: From the worst; what a claim is worth is the worst of what was held against it.
RESULTS: tuple[Result, ...] = ("contradicts", "open", "agrees", "not measured")
#: Our own lines, where a claim names none. Area under the ROC curve by which a column is recovered.
PROXY_LINE = 0.6
#: Area under the ROC curve of an attack that tells members from others.
ATTACK_LINE = 0.55
#: Ratio of selection rates (four fifths), and difference of error rates.
RATIO_LINE, GAP_LINE = 0.8, 0.1
#: Share of principal reasons whose direction is certain.
REASON_LINE = 0.9
#: Distance from the population, and rows seen in training beyond chance.
DISTANCE_LINE, SEEN_LINE = 0.05, 0.01

UNKNOWN_TRAINING = "how the model was trained is not known"
UNKNOWN_COLUMNS = "the columns that the model reads are not known"
NO_CLAIM = "no claim was declared: write them under [context.claims]"
NOTHING_HELD = "none of the claims was measured"
PARTLY = "what was measured agrees; the rest was not measured"
USE = "no audit sees what a model is used for"
COUNTED = "counted over the claims that were measured"
COUNTED_ALL = "counted over all claims"
#: How the counts of each result are told.
_WORDS: dict[Result, str] = {
    "contradicts": "contradicted",
    "agrees": "in agreement",
    "open": "undecided",
    "not measured": "not measured",
}


@dataclass(frozen=True, slots=True)
class Check:
    """A metric that can contradict a claim.

    Attributes:
        metric: Its id.
        at_most: What the claim allows; None with `at_least`.
        at_least: The same.
        each: Whether it compares the groups of each sensitive column.
        is_bound: Whether it is a lower bound, which can contradict and never agree.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    each: bool = False
    is_bound: bool = False


#: What is held against each claim that is true or not.
CHECKS: dict[str, tuple[Check, ...]] = {
    "no_sensitive_attribute_used": (Check("proxy_auc", at_most=PROXY_LINE, each=True),),
    "no_personal_data": (Check("personal_data_share", at_most=0),),
    "anonymous_data": (Check("unique_share", at_most=0),),
    "no_training_data_memorised": tuple(
        Check(metric, at_most=ATTACK_LINE)
        for metric in ("membership_auc", "reference_attack_auc", "rare_membership_auc")
    ),
    "equal_selection": (Check("demographic_parity_ratio", at_least=RATIO_LINE, each=True),),
    "equal_errors": (Check("equalized_odds_difference", at_most=GAP_LINE, each=True),),
    "human_reviews_all": (Check("beyond_capacity_share", at_most=0),),
    "explanation_given": (Check("certain_reason_share", at_least=REASON_LINE),),
    "representative_data": (Check("representation_distance", at_most=DISTANCE_LINE, each=True),),
    "complete_data": (Check("rows_with_missing_share", at_most=0),),
    "unseen_test_rows": (Check("rows_seen_in_training_excess", at_most=SEEN_LINE),),
    "not_used_for": (),
}


@dataclass(frozen=True, slots=True)
class Held:
    """One thing held against a claim.

    Attributes:
        result: What came of it.
        measurement: Id of the measurement, or "" where it is the record that says it.
        value: The number.
        low: Its lower bound.
        high: Its upper bound.
        limit: What the claim allows.
        note: What the record says, or why nothing was measured.
    """

    result: Result
    measurement: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    note: str = ""


#: Says for a metric without any measurement why there is none.
Absence = Callable[[str], tuple[Verdict, str]]


def hold(
    context: ContextRecord | None,
    roles: RolesRecord,
    training: Mapping[str, Any] | None,
    measurements: Sequence[MeasurementRecord],
    absence: Absence,
) -> Iterator[Measurement | Table]:
    """Hold every claim against what was measured.

    Args:
        context: What is declared.
        roles: Which columns the model reads, and which are sensitive.
        training: Record of the training, or None.
        measurements: Of all audits.
        absence: Says for a metric without any measurement why there is none.

    Yields:
        How many claims are contradicted, how many nothing decides; then the table `claims`.
    """
    claims = None if context is None else context.claims
    made = {} if claims is None else claims.made()
    found = {
        claim: _worst(_against(claim, value, roles, training, measurements, absence))
        for claim, value in made.items()
    }
    counts = {result: sum(one.result == result for one in found.values()) for result in RESULTS}
    checked = len(found) - counts["not measured"]
    told = ", ".join(f"{counts[result]} {word}" for result, word in _WORDS.items())
    source = f"{len(found)} claims declared: {told}; each at the level of its own interval"
    reason = NO_CLAIM if not found else NOTHING_HELD if not checked else None
    yield CONTRADICTIONS.measure(
        None if reason else float(counts["contradicts"]),
        n=checked,
        exact=not reason,
        reason=reason or COUNTED,
        source=source if found else "[context]",
        basis="declared",
    )
    yield UNDECIDED.measure(
        float(counts["open"] + counts["not measured"]) if found else None,
        n=len(found),
        exact=bool(found),
        reason=COUNTED_ALL if found else NO_CLAIM,
        source=source if found else "[context]",
        basis="declared",
    )
    if found:
        yield _table({} if claims is None else claims.told(), found)


def _table(told: Mapping[str, str], found: Mapping[str, Held]) -> Table:
    lines = [
        (
            *(claim, told[claim], one.measurement, one.value, one.low, one.high),
            *(one.limit, one.result, one.note),
        )
        for claim, one in found.items()
    ]
    lines.sort(key=lambda line: [*RESULTS].index(line[7]))
    return Table(
        name="claims",
        title="What is declared, beside what was measured",
        columns=(
            *("claim", "declared", "measurement", "measured", "measured_low", "measured_high"),
            *("limit", "result", "note"),
        ),
        rows=tuple(lines),
        source="contradicted: the whole interval lies beyond the limit; of several measurements "
        "the worst is shown; a limit that the claim does not name is our own line",
        chart="claims",
        basis="declared",
    )


def _worst(found: Sequence[Held]) -> Held:
    """The worst of what is held against a claim, the first of equals.

    A claim agrees only where all that is held against it does: where a part was not measured, it
    is open.
    """
    worst = min(found, key=lambda one: RESULTS.index(one.result))
    unknown = next((one for one in found if one.result == "not measured"), None)
    if worst.result != "agrees" or unknown is None:
        return worst
    return replace(unknown, result="open", note=f"{PARTLY}; {unknown.note}")


def _against(
    claim: str,
    value: Claimed,
    roles: RolesRecord,
    training: Mapping[str, Any] | None,
    measurements: Sequence[MeasurementRecord],
    absence: Absence,
) -> list[Held]:
    if claim == "not_used_for":
        return [Held("not measured", note=USE)]
    checks = CHECKS.get(claim, ())
    found: list[Held] = []
    if isinstance(value, float) and claim == "accuracy_at_least":
        checks = (Check("accuracy", at_least=value),)
    if isinstance(value, float) and claim == "epsilon_at_most":
        checks = (Check("epsilon_lower_bound", at_most=value, is_bound=True),)
        found.append(_epsilon(value, training))
    if claim == "no_sensitive_attribute_used":
        found.append(_read(roles))
    for check in checks:
        found += _held(check, measurements, absence)
    if claim == "epsilon_at_most" and found[0].result == "agrees":  # a bound adds only doubt
        found = [one for one in found if one.result != "open"]
    return found


def _read(roles: RolesRecord) -> Held:
    """Whether a sensitive column is among those that the model reads."""
    if not roles.features:
        return Held("not measured", note=UNKNOWN_COLUMNS)
    read = [
        name
        for name in roles.sensitive
        if name in roles.features or origin(name, roles.features) in roles.features
    ]
    if read:
        return Held("contradicts", note=f"the model reads {', '.join(map(quote, read[:6]))}")
    return Held("agrees", note="the model reads no sensitive column")


def _epsilon(most: float, training: Mapping[str, Any] | None) -> Held:
    """What the record of the training says of its privacy."""
    if training is None:
        return Held("not measured", limit=most, note=UNKNOWN_TRAINING)
    privacy = training.get("privacy")
    spent = privacy.get("epsilon") if isinstance(privacy, Mapping) else None
    if not isinstance(spent, int | float):
        return Held("contradicts", limit=most, note="it was trained without differential privacy")
    result: Result = "agrees" if spent <= most else "contradicts"
    note = "epsilon as the record of the training states it"
    return Held(result, value=float(spent), limit=most, note=note)


def _held(
    check: Check, measurements: Sequence[MeasurementRecord], absence: Absence
) -> Iterator[Held]:
    fitting = [m for m in measurements if m.metric == check.metric and _fits(check, m)]
    limit = check.at_most if check.at_least is None else check.at_least
    if not fitting:
        yield Held("not measured", limit=limit, note=absence(check.metric)[1])
    for m in fitting:
        if m.value is None:
            yield Held("not measured", m.id, limit=limit, note=m.reason or "")
            continue
        low, high = (None, None) if m.interval is None else (m.interval.low, m.interval.high)
        yield Held(_result(check, m, m.value), m.id, m.value, low, high, limit)


def _fits(check: Check, measurement: MeasurementRecord) -> bool:
    where = [*measurement.slice.values()]
    return where == [ALL_GROUPS] if check.each else not where


def _result(check: Check, m: MeasurementRecord, value: float) -> Result:
    """Beyond the limit with the whole interval, within it with the whole, or neither."""
    low = value if m.interval is None else m.interval.low
    high = value if m.interval is None else m.interval.high
    if check.is_bound:
        return "contradicts" if check.at_most is not None and value > check.at_most else "open"
    if m.interval is None and not m.exact:
        return "open"
    if check.at_least is not None:
        low, high, limit = -high, -low, -check.at_least
    else:
        limit = check.at_most if check.at_most is not None else 0.0
    return "contradicts" if low > limit else "agrees" if high <= limit else "open"
