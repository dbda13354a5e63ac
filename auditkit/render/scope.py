"""What was assessed: rows, columns, groups, and how the model was trained."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.charts_claims import claim_title
from auditkit.render.figures import cell
from auditkit.render.page import Page, Pair
from auditkit.render.text import TEXT, el, join, name
from auditkit.render.trained import chosen, steps
from auditkit.report import PROTECTED_COUNTS

#: What may be declared about the use of a subject, in the order of the page.
DECLARED = (
    *("purpose", "provider", "deployer", "affected", "decisions", "appeal", "human_role"),
    *("misuse", "environment", "excluded", "auditor", "data_source", "data_licence"),
    *("consent", "retention"),
)


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group of a column: rows and share."""

    group: Markup
    rows: str
    share: str
    width: str


def scope(page: Page) -> list[Pair]:
    """What was assessed, and which column plays which part."""
    subject, words = page.report.subject, page.words
    data, roles = subject.data, subject.roles
    trained = (
        words("scope.not_trained")
        if data.trained_on is None
        else words("count.rows", n=data.trained_on)
    )
    pairs = [
        (words("scope.rows"), rows(page, data.rows)),
        (words("scope.assessed"), rows(page, data.assessed)),
        (words("scope.trained_on"), trained),
        *((words("scope.note"), words.told(note)) for note in data.notes),
        (words("scope.label"), _label(page)),
        (words("scope.decision"), _decision(page)),
        *_weights(page),
        (words("scope.sensitive"), _names(page, roles.sensitive)),
        (words("scope.features"), _names(page, roles.features)),
        (words("scope.model"), _model(page)),
        *_shadow(page),
    ]
    return pairs + training(page)


def declared(page: Page) -> list[Pair]:
    """What its owner declares about the use of the subject; nothing of it is measured."""
    context = page.report.context
    if context is None:
        return []
    pairs = [
        (page.words(f"context.{key}"), page.said(text, TEXT))
        for key in DECLARED
        if (text := getattr(context, key))
    ]
    if context.deployment_population is not None:
        count = join([numbers.count(context.deployment_population)])
        pairs.append((page.words("context.deployment_population"), count))
    if context.claims is not None and (told := context.claims.told()):
        listed = [claim_title(page, claim, value) for claim, value in told.items()]
        text = page.words("list.semicolon").join(listed)
        pairs.append((page.words("context.claims"), text))
    return pairs


def rows(page: Page, n: int) -> Markup:
    """So many rows, or about so many where their counts were protected."""
    protected = page.report.subject.model.kind == PROTECTED_COUNTS
    return page.words("count.about_rows" if protected else "count.rows", n=n)


def _label(page: Page) -> Markup:
    roles = page.report.subject.roles
    if roles.label is None:
        return page.words("scope.none")
    if page.report.subject.task != "binary":
        return name(roles.label)
    positive = cell(roles.positive)
    return page.words("scope.label_is", label=name(roles.label), positive=positive)


def _decision(page: Page) -> Markup:
    roles = page.report.subject.roles
    if roles.prediction is not None:
        return page.words("scope.prediction", column=name(roles.prediction))
    score = name(roles.score) if roles.score is not None else _given(page)
    if roles.threshold is None:
        return score
    threshold = numbers.limit(roles.threshold)
    return page.words("scope.threshold", score=score, threshold=threshold)


def _given(page: Page) -> Markup:
    """What a model of the task gives."""
    given = {
        "multiclass": page.words("scope.model_class"),
        "regression": page.words("scope.model_number"),
        "sequence-to-sequence": page.words("scope.model_text"),
    }
    return given.get(page.report.subject.task, page.words("scope.model_score"))


def _weights(page: Page) -> list[Pair]:
    """Which audits counted rows by their weights, and which did not; nothing without weights."""
    column = page.report.subject.roles.weight
    if column is None:
        return []
    weighted = {audit.name for audit in page.report.plan.audits if audit.weighted}
    ran = [audit.name for audit in page.report.audits if audit.status != "skipped"]
    used, unused = (
        page.words.listing([page.pillar_title(one) for one in ran if (one in weighted) is by])
        or page.words("scope.none_of_them")
        for by in (True, False)
    )
    text = page.words("scope.weights_used", column=name(column), used=used, unused=unused)
    return [(page.words("scope.weights"), text)]


def _names(page: Page, columns: list[str]) -> Markup:
    if not columns:
        return page.words("scope.none")
    named = [name(column) for column in columns[:60]]
    if len(columns) > 60:
        named.append(page.words("whom.more", n=len(columns) - 60))
    return Markup(", ").join(named)


def _model(page: Page) -> Markup:
    model = page.report.subject.model
    parts = [name(model.kind)]
    if model.parameters is not None:
        parts.append(page.words("scope.parameters", n=model.parameters))
    return Markup(", ").join(parts)


def _shadow(page: Page) -> list[Pair]:
    """How somebody believes that the model was made; nothing where nobody said so."""
    shadow = page.report.subject.shadow
    if shadow is None:
        return []
    parts = (shadow.get("architecture"), chosen(shadow), shadow.get("privacy"))
    told = Markup("; ").join(filter(None, map(settings, parts))) or settings(shadow)
    return [(page.words("scope.shadow"), page.words("scope.shadow_is", settings=told))]


def training(page: Page) -> list[Pair]:
    """How the model was trained, as far as its record says."""
    record = page.report.training
    if not record:
        return []
    words, pairs = page.words, []
    facts = (
        ("training.epochs", _epochs(page, record)),
        ("training.seed", _fact(record.get("seed"))),
        ("training.settings", settings(chosen(record))),
        ("training.architecture", settings(record.get("architecture"))),
        ("training.privacy", settings(record.get("privacy"))),
    )
    for key, text in facts:
        if text:
            pairs.append((words(key), text))
    return pairs + steps(page, record)


def _epochs(page: Page, record: Mapping[str, Any]) -> Markup:
    epochs, best = record.get("epochs"), record.get("best_epoch")
    count = len(epochs) if isinstance(epochs, list) else epochs
    if type(count) is not int:
        return Markup("")
    if type(best) is not int:
        return page.words("training.ran", n=count)
    stopped = record.get("stopped_early") is True
    key = "training.stopped" if stopped else "training.kept"
    return page.words(key, n=count, best=best)


def _fact(value: object) -> Markup:
    return (
        Markup("")
        if value is None
        else cell(value if isinstance(value, str | int | float) else str(value))
    )


def settings(value: object) -> Markup:
    """Settings as the record holds them, one line."""
    if not value:
        return Markup("")
    if isinstance(value, Mapping):
        parts = [f"{key} {_json(held)}" for key, held in value.items()]
        return el("span", ", ".join(parts)[:600], cls="small")
    return name(_json(value), 600)


def _json(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return numbers.limit(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text[:400]


def groups(page: Page) -> list[tuple[Markup, list[GroupLine]]]:
    """Rows of each group of each sensitive column, the unknown included."""
    found = []
    for group in page.report.subject.groups:
        named = [
            (name(label), count) for label, count in zip(group.names, group.counts, strict=False)
        ]
        named.append((page.words("scope.unknown"), group.unknown))
        total = sum(count for _, count in named) or 1
        lines = [_line(label, count, total) for label, count in named[:60]]
        found.append((name(group.column), lines))
    return found


def _line(label: Markup, count: int, total: int) -> GroupLine:
    share = count / total
    shown = numbers.show(share, unit="rate", beside=1.0).text
    return GroupLine(label, numbers.count(count), shown, f"{round(100 * share, 1):g}%")
