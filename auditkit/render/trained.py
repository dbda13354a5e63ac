"""What was done around the training of a model: its rows, the models before it, a kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from auditkit.render import numbers
from auditkit.render.page import Page, Pair
from auditkit.render.text import name

#: Groups that are listed.
MOST = 12


def steps(page: Page, record: Mapping[str, Any]) -> list[Pair]:
    """Say what was done around the training, one line each, as far as the record says.

    Args:
        page: The page.
        record: The training record.

    Returns:
        Lines; none for what was not done.
    """
    lines: tuple[tuple[str, Callable[[Page, Mapping[str, Any]], Iterator[Markup]]], ...] = (
        ("training.rows", _rows),
        ("training.start", _start),
        ("training.teacher", _teacher),
        ("training.resumed", _resumed),
    )
    pairs = []
    for key, tell in lines:
        try:
            text = Markup("; ").join(tell(page, record))
        except (KeyError, TypeError, ValueError, AttributeError):  # a record of another shape
            continue
        if text:
            pairs.append((page.words(key), text))
    return pairs


def chosen(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the settings without those that asked for nothing."""
    held = record.get("settings")
    if not isinstance(held, Mapping):
        return {}
    idle = {"duplicates": "keep", "clip": 0, "fairness_penalty": 0}
    if not held.get("fairness_penalty"):
        idle["fairness_constraint"] = held.get("fairness_constraint")
    if not record.get("teacher"):
        idle |= {key: held.get(key) for key in ("temperature", "teacher_share")}
    return {
        key: value
        for key, value in held.items()
        if value not in (None, [], {}) and not (key in idle and value == idle[key])
    }


def _rows(page: Page, record: Mapping[str, Any]) -> Iterator[Markup]:
    words, done = page.words, record.get("preparation") or {}
    equal = done.get("duplicates") or {"found": 0}
    if equal["found"]:
        yield words("training.duplicates", n=equal["found"], dropped=equal["dropped"])
    if "swaps" in done:
        yield words("training.swaps", n=done["swaps"]["twins"])
    if "oversample" in done:
        groups = [
            words("training.grew", group=name(g["group"]), before=g["before"], after=g["after"])
            for g in done["oversample"]["groups"]
        ]
        columns = Markup(", ").join(map(name, done["oversample"]["columns"]))
        yield words("training.oversample", columns=columns, groups=_cut(page, groups))
    classes = done.get("class_weights") or {}
    weighed = [{"group": group, "weight": weight} for group, weight in classes.items()]
    if weighed:
        yield words("training.weighed_classes", weights=_weights(page, weighed))
    if done.get("group_weights"):
        yield words("training.weighed_groups", weights=_weights(page, done["group_weights"]))
    if "fairness_penalty" in done:
        said = done["fairness_penalty"]
        yield words(
            "training.penalised",
            columns=Markup(", ").join(map(name, said["columns"])),
            strength=_number(said["strength"]),
            unknown=said["rows_of_unknown_group"],
        )


def _weights(page: Page, lines: Sequence[Mapping[str, Any]]) -> Markup:
    parts = []
    for line in lines:
        named = Markup(", ").join(name(str(line[k])) for k in ("group", "class") if k in line)
        parts.append(Markup("{} {}").format(named, _number(line["weight"])))
    return _cut(page, parts)


def _start(page: Page, record: Mapping[str, Any]) -> Iterator[Markup]:
    start, frozen = record.get("start"), record.get("frozen")
    if start:
        anew = start["output_layer"] != "kept"
        key = "training.output_anew" if anew else "training.output_kept"
        yield page.words(key, model=_model(page, start))
        yield from _quality(page, start, record)
    if frozen:
        layers, until = Markup(", ").join(map(name, frozen["layers"])), frozen["unfreeze_after"]
        if until is None:
            yield page.words("training.frozen", layers=layers)
        else:
            yield page.words("training.frozen_until", layers=layers, epoch=until)


def _teacher(page: Page, record: Mapping[str, Any]) -> Iterator[Markup]:
    teacher = record.get("teacher")
    if not teacher:
        return
    yield _model(page, teacher)
    if teacher.get("agreement") is not None:
        yield page.words("training.agreement", share=_number(teacher["agreement"], "rate"))
    yield from _quality(page, teacher, record)


def _resumed(page: Page, record: Mapping[str, Any]) -> Iterator[Markup]:
    epochs = record.get("resumed_after")
    if epochs:
        numbered = ", ".join(numbers.count(int(epoch)) for epoch in epochs)
        yield page.words("training.resumed_after", epochs=numbered)


def _quality(page: Page, model: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[Markup]:
    """The quality of a model on the validation rows, and that of the trained one beside it."""
    after = record.get("validation") or {}
    if "loss" in model:
        before, now = (_number(one["loss"]) for one in (model, after))
        yield page.words("training.losses", before=before, after=now)
    if "accuracy" in model:
        before, now = (_number(one["accuracy"], "rate") for one in (model, after))
        yield page.words("training.accuracies", before=before, after=now)


def _model(page: Page, model: Mapping[str, Any]) -> Markup:
    parts = [name(str(model["kind"]))]
    if model.get("parameters") is not None:
        parts.append(page.words("scope.parameters", n=model["parameters"]))
    if model.get("sha256") is not None:
        parts.append(page.words("training.digest", sha256=str(model["sha256"])[:12]))
    return Markup(", ").join(parts)


def _number(value: float, unit: str = "") -> str:
    return numbers.show(float(value), unit=unit).text


def _cut(page: Page, parts: list[Markup]) -> Markup:
    more = [page.words("whom.more", n=len(parts) - MOST)] if len(parts) > MOST else []
    return Markup(", ").join([*parts[:MOST], *more])
