"""The catalogue has every word that the page uses, and no other."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from markupsafe import escape

from auditkit.claims import ClaimsRecord
from auditkit.errors import UnknownNameError
from auditkit.methods.conditional import Outcome
from auditkit.regimes import crosswalk
from auditkit.render import (
    changes,
    charts_claims,
    charts_explain,
    charts_rows,
    charts_stories,
    charts_thresholds,
    lede_people,
    lede_robustness,
    lede_shift,
    method,
    notes,
    page,
    scope,
    spending,
    words,
)
from auditkit.render.words import FOLDER, Words, catalogue
from auditkit.report import SEVERITIES, VERDICTS

BASES = ("measured", "estimated", "declared")
#: First part of keys that are put together, and what may follow.
DYNAMIC = {
    "verdict.": page.STATES,
    "tally.": VERDICTS,
    "severity.": SEVERITIES,
    "summary.": page.STATES,
    "pillar.": (*page.PLACES, "other"),
    "month.": tuple(map(str, range(1, 13))),
    "basis.": tuple(f"{b}{end}" for b in BASES for end in ("", "_means")),
    "glossary.": tuple(f"{key}{end}" for key in method.OWN for end in ("", "_means")),
    "audit.": ("completed", "error", "skipped"),
    "banner.": ("pass", "fail", "review"),
    "sign.said_": notes.DECISIONS,
    "policy.on_inconclusive_": ("review", "fail", "point"),
    "cover.predicts_": ("multiclass", "regression", "sequence-to-sequence"),
    "digest.": ("data", "counts", "model", "policy"),
    "gone.lede_": ("criteria", "audits", "measurements"),
    "outcome.": get_args(Outcome),
    "table.": (
        *("impact-ratios", "lending", "strata", "gap-tests", "flips", "term-swaps"),
        *("trust", "class-sizes", "personal-data", "quasi-identifiers", "interactions"),
        *("data-columns", "representation"),
        "perturbations",
        *("attack-curve", "attack-checks"),
        *("data-columns", "representation", "shifted-columns", "shift-effects"),
        *("data-columns", "representation", "calibrated-groups", "recalibration"),
        *("changed-cases", "reasons-by-group", "membership-attacks", "exposed-records"),
        *("sci", "other-grids", "compute-fields"),
        *("compressed-gaps", "compressed-growth"),
        *("seeds", "directions", "counter-examples", "weak-slices"),
        *("attribute-attacks", "inverted-outcomes", "inverted-values", "rare-values", "canaries"),
        "people",
    ),
    "waterfall.what_": tuple(charts_explain.KINDS),
    "stories.": tuple(
        f"{case}{end}" for case in (*charts_stories.CASES, "chosen") for end in ("", "_caption")
    ),
    "effects.": ("feature", "points", "lowest", "at_lowest", "highest", "at_highest"),
    "rules.given.": ("binary", "multiclass", "regression"),
    "rules.value.": ("binary", "multiclass", "regression"),
    "lede.": (
        *(*lede_people.WHOLE, *lede_people.ALONE),
        *lede_robustness.SMALL,
        *("compression_of_accuracy", "compression_of_r2"),
        *(f"shift_{key}_{end}" for key in lede_shift.TABLES.values() for end in lede_shift.ENDS),
        *("people", "people_1000", "people_wrong", "people_wrong_1000"),
    ),
    "area.": (*spending.AREAS, "training", "whole"),
    "forest.": (
        *(f"of_{kind}" for kind in charts_rows.KINDS),
        *(f"{kind}_caption" for kind in charts_rows.KINDS),
        *("subgroups_title", "flips_title"),
    ),
    "power_law.": ("title_cost", "title_error", "y_cost", "y_error"),
    "privacy_frontier.": ("title_costs", "title_gains", "title_even"),
    "risk_coverage.": ("risk", "risk_of_group"),
    "roc_groups.": ("title", "caption", "x", "y", "description"),
    "calibration_groups.": ("title", "caption", "x", "y", "description"),
    "sweep.": charts_thresholds.SERIES,
    "crosswalk.": (
        *crosswalk.STATUSES,
        *(f"n_{status}" for status in crosswalk.STATUSES),
        *("kind_generative", "kind_recommendation", "kind_general-purpose", "policy", "record"),
    ),
    "context.": scope.DECLARED,
    "claim.": (
        *ClaimsRecord.model_fields,
        *(f"is_{result.replace(' ', '_')}" for result in charts_claims.LOOKS),
    ),
    "changes.": (
        *changes.TURNED,
        *(f"n_{turn}" for turn in changes.TURNED),
        *changes.TOLD,
        *("n_within", "n_appeared", "n_unknown"),
        *(f"{what}_{how}" for what in ("model", "data", "policy") for how in ("same", "other")),
    ),
    "history.": ("n_fail", "n_review", "n_pass"),
    "sign.": ("prepared", "reviewed", "approved", "accept", "conditions", "reject"),
}
#: First parts after which anything may stand: the key is used only where there is one.
OPTIONAL = ("column.", "gap.", "rate.")


def sources() -> str:
    files = [*FOLDER.glob("*.py"), *FOLDER.glob("*.j2")]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(files))


@cache
def literals() -> set[str]:
    return set(re.findall(r'"([a-z_]+\.[a-z0-9_.]+)"', sources()))


def test_every_key_that_is_used_is_in_the_catalogue() -> None:
    known, text = set(catalogue("en")), sources()
    called = re.findall(r'\b(?:words|t|heads)\(\s*(?:page\.words, )?((?:"[^"]+"(?:, )?)+)', text)
    used = {key for call in called for key in re.findall(r'"([a-z_]+\.[a-z0-9_.]*[a-z0-9])"', call)}
    used |= {prefix + part for prefix, parts in DYNAMIC.items() for part in parts}
    assert len(used) > 250
    assert used <= known


def test_every_key_of_the_catalogue_is_used() -> None:
    composed = {prefix + part for prefix, parts in DYNAMIC.items() for part in parts}
    unused = {
        key
        for key in catalogue("en")
        if key not in literals() | composed and not key.startswith(OPTIONAL)
    }
    assert not unused


def test_every_prefix_of_a_composed_key_is_in_the_sources() -> None:
    text = sources()
    for prefix in [*DYNAMIC, *OPTIONAL]:
        assert f'"{prefix}' in text


def test_the_catalogue_is_written_in_full_sentences_of_known_placeholders() -> None:
    for key, entry in catalogue("en").items():
        for text in entry.values() if isinstance(entry, dict) else [entry]:
            assert text.strip(), key
            assert set(re.findall(r"<(/?[a-z]+)", text)) <= {
                "a",
                "/a",
                "b",
                "/b",
                "br",
                "span",
                "/span",
            }
            assert "compliant" not in text.lower()
    assert all(set(e) == {"one", "other"} for e in catalogue("en").values() if isinstance(e, dict))


@pytest.mark.parametrize("language", [lang for lang in words.languages() if lang != "en"])
def test_every_catalogue_has_the_keys_placeholders_and_tags_of_the_english_one(
    language: str,
) -> None:
    english, other = catalogue("en"), catalogue(language)
    assert list(other) == list(english)
    for key, entry in english.items():
        forms = {"": entry} if isinstance(entry, str) else entry
        said = other[key]
        assert set({"": said} if isinstance(said, str) else said) == set(forms), key
        for form, text in forms.items():
            told = said if isinstance(said, str) else said[form]
            for pattern in (r"\{(\w+)\}", r"<[^>]+>"):
                assert set(re.findall(pattern, told)) == set(re.findall(pattern, text)), key


def test_what_fills_a_placeholder_is_escaped_and_numbers_get_separators() -> None:
    say = Words("en")
    assert say("slice.equals", column="<b>", group="x") == "&lt;b&gt; = x"
    assert say("count.rows", n=48842) == "48,842 rows"
    assert say("count.rows", n=1) == "1 row"


def test_a_listing_reads_as_a_sentence() -> None:
    say = Words("en")
    parts = [escape(letter) for letter in "abc"]
    assert [say.listing(parts[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_a_language_without_a_catalogue_is_refused_by_name() -> None:
    with pytest.raises(UnknownNameError, match=r"'\.\./\.\./etc'; there are: en, zh-Hans"):
        Words("../../etc")


def test_another_catalogue_is_found_by_its_file_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {**catalogue("en"), "verdict.pass": "\N{CJK UNIFIED IDEOGRAPH-901A}"}
    (tmp_path / "messages.zh-Hans.json").write_text(json.dumps(entries), encoding="utf-8")
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    catalogue.cache_clear()
    try:
        assert Words("zh-Hans")("verdict.pass") == "\N{CJK UNIFIED IDEOGRAPH-901A}"
    finally:
        catalogue.cache_clear()
