"""The plain sentence that opens the section of a pillar, made from its own numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from markupsafe import Markup

from auditkit.changed import Verdict
from auditkit.render import lede_data, lede_guarantee, numbers
from auditkit.render.lede_attacks import attacks
from auditkit.render.lede_calibration import calibration
from auditkit.render.lede_carbon import carbon
from auditkit.render.lede_chance import monotonicity, seed_variance
from auditkit.render.lede_changes import changes
from auditkit.render.lede_compression import compression
from auditkit.render.lede_epsilon import epsilon_bounds
from auditkit.render.lede_groups import (
    conditional,
    fairness,
    impact,
    proxies,
    scores,
    subgroups,
)
from auditkit.render.lede_imitation import effects, surrogate
from auditkit.render.lede_impact import people
from auditkit.render.lede_membership import membership, shifted
from auditkit.render.lede_memory import attribute_inference, memorisation, model_inversion
from auditkit.render.lede_people import individual, mitigation
from auditkit.render.lede_privacy import privacy_frontier
from auditkit.render.lede_reasons import reason_codes
from auditkit.render.lede_review import review
from auditkit.render.lede_robustness import robustness
from auditkit.render.lede_scaling import scaling
from auditkit.render.lede_scores import explainability
from auditkit.render.lede_serving import serving
from auditkit.render.lede_shift import shift
from auditkit.render.lede_trust import trust
from auditkit.render.page import Page, Pillar
from auditkit.render.text import join
from auditkit.report import VERDICTS, MeasurementRecord

#: The metrics that say most about a pillar, in order; the first two that were measured open it.
HEADLINES = {
    "performance": (
        *("roc_auc", "auc", "macro_roc_auc", "balanced_accuracy", "accuracy"),
        *("mean_absolute_error", "r2_score", "exact_match", "token_error_rate"),
    ),
    "privacy": ("membership_auc", "private_epsilon", "epsilon"),
    "energy": ("training_energy", "energy_per_1000_predictions", "training_cpu_seconds"),
}
HOUR = 3600.0
#: Joules from which watt-hours say something.
LEAST_JOULES = 360.0


def lede(page: Page, pillar: Pillar) -> Markup:
    """Say in one or two sentences what a pillar shows, and how it was judged."""
    absent = _absent(page, pillar)
    if absent:
        return absent
    return Markup(" ").join(part for part in (shows(page, pillar), judged(page, pillar)) if part)


def _absent(page: Page, pillar: Pillar) -> Markup:
    if pillar.audit is None and not pillar.measurements:
        return page.words("lede.not_run")
    if pillar.audit is not None and pillar.audit.status == "skipped":
        return page.words("lede.skipped", reason=_reason(page, pillar))
    if pillar.audit is not None and pillar.audit.status == "error":
        return page.words("lede.error", reason=_reason(page, pillar), n=len(pillar.measurements))
    return Markup("")


def _reason(page: Page, pillar: Pillar) -> Markup:
    text = (pillar.audit.reason if pillar.audit else None) or ""
    return page.told(text.rstrip(" ."), 400)


def shows(page: Page, pillar: Pillar) -> Markup:
    """Say what a pillar shows, whatever was judged."""
    own, more = OPENINGS.get(pillar.name), ADDED.get(pillar.name)
    opening = (own(page, pillar) if own else Markup("")) or _headlines(page, pillar)
    added = more(page, pillar) if more else Markup("")
    return Markup(" ").join(part for part in (opening, added) if part)


def _headlines(page: Page, pillar: Pillar) -> Markup:
    chosen = _chosen(pillar)
    if not chosen:
        return page.words("lede.count", n=len(pillar.measurements))
    parts = [
        page.words(
            "lede.measure",
            metric=page.metric_title(m.metric, inside=place > 0),
            value=_with_hours(page, m),
        )
        for place, m in enumerate(chosen)
    ]
    shares = all(m.unit in numbers.SHARES for m in chosen)
    end = page.words("lede.over", n=chosen[0].n) if shares else page.words("list.stop")
    return join([page.words.listing(parts), end])


def _chosen(pillar: Pillar) -> list[MeasurementRecord]:
    whole = [m for m in pillar.measurements if not m.slice and m.value is not None]
    wanted = HEADLINES.get(pillar.name, ())
    named = [m for metric in wanted for m in whole if m.metric == metric]
    return (named or whole)[:2]


def _with_hours(page: Page, measurement: MeasurementRecord) -> Markup:
    """Joules also in watt-hours, which people know from their bills."""
    text = page.measured(measurement)
    joules = measurement.value or 0.0
    if measurement.unit != "J" or joules < LEAST_JOULES:
        return text
    hours = numbers.show(joules / HOUR, unit="Wh").text
    return page.words("lede.hours", value=text, hours=hours)


def judged(page: Page, pillar: Pillar) -> Markup:
    """Say how many findings of a pillar have which verdict."""
    if not pillar.judged:
        key = "lede.no_policy" if page.report.policy is None else "lede.not_judged"
        return page.words(key)
    counts = Counter(one.verdict for one in pillar.judged)
    total = len(pillar.judged)
    if counts["pass"] == total:
        return page.words("lede.all_pass", n=total)
    return page.words("lede.verdicts", n=total, counts=tally_words(page, counts))


def tally_words(page: Page, counts: Counter[Verdict]) -> Markup:
    """Write counts of verdicts as a list: "2 fail and 1 passes"."""
    states = [state for state in VERDICTS if counts[state]]
    return page.words.listing([page.words(f"tally.{state}", n=counts[state]) for state in states])


def titles(page: Page, pillars: Sequence[Pillar]) -> Markup:
    """Name several pillars in a sentence."""
    return page.words.listing([page.pillar_title(pillar.name) for pillar in pillars])


#: Pillar to what is said after its opening.
ADDED: dict[str, Callable[[Page, Pillar], Markup]] = {"energy": carbon}
#: Pillar to what opens its section; where it has nothing to say, the headlines do.
OPENINGS: dict[str, Callable[[Page, Pillar], Markup]] = {
    "calibration": calibration,
    "fairness": fairness,
    "adverse-impact": impact,
    "subgroups": subgroups,
    "proxies": proxies,
    "scores-by-group": scores,
    "conditional": conditional,
    "individual": individual,
    "mitigation": mitigation,
    "explainability": explainability,
    "effects": effects,
    "surrogate": surrogate,
    "counterfactuals": changes,
    "reason-codes": reason_codes,
    "explanation-quality": trust,
    "robustness": robustness,
    "attacks": attacks,
    "seed-variance": seed_variance,
    "monotonicity": monotonicity,
    "shift": shift,
    "privacy": shifted,
    "membership": membership,
    "privacy-frontier": privacy_frontier,
    "epsilon-bound": epsilon_bounds,
    "attribute-inference": attribute_inference,
    "model-inversion": model_inversion,
    "memorisation": memorisation,
    "conformal": lede_guarantee.conformal,
    "out-of-distribution": lede_guarantee.strange,
    "oversight": review,
    "data-quality": lede_data.data_quality,
    "personal-data": lede_data.personal_data,
    "anonymity": lede_data.anonymity,
    "impact": people,
    "compression": compression,
    "serving": serving,
    "scaling": scaling,
}
