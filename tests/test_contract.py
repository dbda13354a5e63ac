"""What every registered audit must keep, whatever it asks. A new audit is held to it unasked."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from support import scored

from auditkit.audit import Audit, audit_classes, make_audits, run
from auditkit.evidence import ALL_GROUPS
from auditkit.models import Model, SequenceModel
from auditkit.render.html import render
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import Subject, Task

AUDITS = [name for name, cls in audit_classes().items() if hasattr(cls, "metrics")]
#: Metrics that time and energy make differ from run to run.
RESTLESS = ("seconds", "energy", "memory", "latency", "throughput", "carbon", "kwh")
#: Audits whose tables hold such numbers.
TIMED = ("serving", "compression", "scaling", "energy")


def table(n: int = 600) -> pd.DataFrame:
    """People with features, an outcome, and groups of every awkward kind."""
    rng = np.random.default_rng(3)
    frame = scored(n).drop(columns="score")
    frame["income"] = rng.normal(size=n) + frame["y"]
    frame["job"] = pd.Series(["x", "y", None])[rng.integers(0, 3, n)].to_numpy()
    frame["few"] = np.where(np.arange(n) == 0, "alone", "many")
    frame["one_class"] = np.where(frame["y"] == 1, "all positive", "all negative")
    frame["some_missing"] = pd.Series(["p", "q", None])[rng.integers(0, 3, n)].to_numpy()
    frame["single"] = "only group"
    kinds = pd.CategoricalDtype(["here", "there", "nowhere"])
    frame["declared"] = pd.Series(rng.choice(["here", "there"], n)).astype(kinds)
    return frame


SENSITIVE = ["sex", "few", "one_class", "some_missing", "single", "declared"]


@functools.cache
def trained(shuffled: bool = False) -> Subject:  # noqa: FBT001, FBT002 - a key of the cache
    """A small network with its record, recipe and training rows."""
    from auditkit.rows import in_canonical_order
    from auditkit.training import MLP, Recipe, Training, split

    frame = table().sample(frac=1, random_state=5) if shuffled else table()
    everyone = in_canonical_order(frame)
    train, validation, test = split(everyone, label="y", test=0.4, validation=0.1, seed=0)
    recipe = Recipe(
        architecture=MLP(hidden=[8]), training=Training(epochs=2, batch_size=64), label="y",
        positive=1, features=("income", "job", "sex"), validation=validation, seed=0,
    )  # fmt: skip
    model, record = recipe.fit(train)
    return Subject.from_model(
        model, test, label="y", features=["income", "job", "sex"], sensitive=SENSITIVE,
        train=train, population=everyone, record=record, recipe=recipe,
    )  # fmt: skip


@functools.cache
def tabled() -> Subject:
    frame = table().assign(score=lambda f: 1 / (1 + np.exp(-f["income"])))
    return Subject.from_scores(frame, label="y", score="score", sensitive=SENSITIVE)


TASKS: dict[str, Task] = {
    "classes": "multiclass", "numbers": "regression", "texts": "sequence-to-sequence",
}  # fmt: skip


class Answering:
    """A model that answers from a column, whatever the task."""

    kind = "column"
    parameters = None
    sha256 = None
    classes = ("a", "b", "c")

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        income = rows["income"].to_numpy(dtype=float)
        logits = np.stack([income, -income, np.zeros(len(income))], axis=1)
        chances: np.ndarray = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return chances


class Counting:
    """A model that gives one number a row."""

    kind = "number"
    parameters = None
    sha256 = None

    def scores(self, rows: pd.DataFrame) -> np.ndarray:
        return 2 * rows["income"].to_numpy(dtype=float)


class Writing:
    """A model that writes a text."""

    kind = "writer"
    parameters = None
    sha256 = None

    def predictions(self, rows: pd.DataFrame) -> np.ndarray:
        return np.array(["k t" if income > 0 else "d g" for income in rows["income"]], dtype=object)


MODELS: dict[str, Model | SequenceModel] = {
    "classes": Answering(),
    "numbers": Counting(),
    "texts": Writing(),
}


@functools.cache
def of_task(kind: str, shuffled: bool = False) -> Subject:  # noqa: FBT001, FBT002 - as above
    """A subject of another task than the binary one, with a model to ask."""
    rng = np.random.default_rng(7)
    frame = table()
    income = frame["income"].to_numpy()
    frame["y"] = {
        "classes": rng.choice(["a", "b", "c"], len(frame)),
        "numbers": income + rng.normal(size=len(frame)),
        "texts": np.where(income + rng.normal(size=len(frame)) > 0, "k t", "d o g"),
    }[kind]
    if shuffled:
        frame = frame.sample(frac=1, random_state=5)
    return Subject.from_model(
        MODELS[kind], frame, label="y", features=["income"], sensitive=SENSITIVE, task=TASKS[kind]
    )


def subjects() -> Iterator[Subject]:
    yield trained()
    yield tabled()
    yield from map(of_task, TASKS)


KINDS = ["trained", "tabled", *TASKS]


@functools.cache
def report(name: str, kind: str = "trained", seed: int = 0) -> Report:
    if kind.removeprefix("shuffled ") in TASKS:
        subject = of_task(kind.removeprefix("shuffled "), kind.startswith("shuffled "))
    else:
        subject = tabled() if kind == "tabled" else trained(shuffled=kind == "shuffled trained")
    return run(subject, None, [name], seed)


def steady(found: Report) -> list[MeasurementRecord]:
    return [m for m in found.measurements if not any(word in m.metric for word in RESTLESS)]


@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_completes_or_says_what_it_needs(name: str, kind: str) -> None:
    (record,) = report(name, kind).audits
    assert record.status in {"completed", "skipped"}, record.reason
    assert record.status == "completed" or record.reason


@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_number_says_where_it_comes_from(name: str, kind: str) -> None:
    found = report(name, kind)
    assert found.measurements or found.audits[0].status == "skipped"
    for m in found.measurements:
        assert m.unit
        assert m.source
        assert m.value is not None or m.reason
        assert m.interval is not None or m.reason
        if m.interval is not None and m.value is not None:
            assert m.interval.low < m.interval.high
            assert m.interval.low - 1e-9 <= m.value <= m.interval.high + 1e-9
    for t in found.tables:
        assert t.source
        assert t.title


@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("kind", ["trained", *TASKS])
def test_the_same_seed_gives_the_same_evidence(name: str, kind: str) -> None:
    again = run(trained() if kind == "trained" else of_task(kind), None, [name], 0)
    assert steady(again) == steady(report(name, kind))
    if name not in TIMED:
        assert again.tables == report(name, kind).tables


@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("kind", ["trained", *TASKS])
def test_the_order_of_the_rows_does_not_matter(name: str, kind: str) -> None:
    assert steady(report(name, f"shuffled {kind}")) == steady(report(name, kind))


@pytest.mark.parametrize("name", AUDITS)
def test_it_changes_nothing(name: str) -> None:
    for subject in subjects():
        frames = [subject.rows, subject.train, subject.population]
        kept = [frame for frame in frames if frame is not None]
        before = [frame.copy() for frame in kept]
        state = repr(np.random.get_state())  # noqa: NPY002 - the global one
        run(subject, None, [name], 1)
        assert all(frame.equals(old) for frame, old in zip(kept, before, strict=True))
        assert repr(np.random.get_state()) == state  # noqa: NPY002


@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("kind", ["trained", *TASKS])
def test_the_record_survives_its_file(name: str, kind: str) -> None:
    assert Report.from_json(report(name, kind).to_json()) == report(name, kind)


@pytest.mark.parametrize("name", AUDITS)
@pytest.mark.parametrize("kind", TASKS)
def test_every_task_is_measured_or_the_reason_names_it(name: str, kind: str) -> None:
    (record,) = report(name, kind).audits
    tasks = getattr(audit_classes()[name], "tasks", {"binary"})
    # No recipe, no network and no other rows come with the models of these subjects; what that
    # leaves is said of the binary one.
    needs: frozenset[str] = getattr(audit_classes()[name], "needs", frozenset())
    untaught = of_task(kind).missing(needs & {"network", "recipe", "train", "other_rows"})
    if TASKS[kind] in tasks and untaught:
        assert untaught in str(record.reason)
    elif TASKS[kind] in tasks:
        assert record.status == "completed", record.reason
        assert any(m.value is not None for m in report(name, kind).measurements)
    else:
        assert f"this is a {TASKS[kind]} one" in str(record.reason)


@pytest.mark.parametrize("name", AUDITS)
def test_without_labels_predictions_or_groups_it_still_ends_well(name: str) -> None:
    bare = Subject.from_scores(table().assign(p=0.5, d=1), label=None, score="p")
    (record,) = run(bare, None, [name]).audits
    assert record.status in {"completed", "skipped"}, record.reason


def test_settings_of_every_audit_have_defaults() -> None:
    for audit in make_audits(None):
        assert isinstance(audit, Audit)


#: A gap that every task of this kind measures.
GAPS = {
    "trained": "demographic_parity_difference",
    "classes": "demographic_parity_difference",
    "numbers": "mean_error_difference",
    "texts": "exact_match_difference",
}


@pytest.mark.parametrize("kind", GAPS)
def test_awkward_groups_are_shown_and_move_no_headline(kind: str) -> None:
    found = report("fairness", kind)
    slices = [m.slice for m in found.measurements]
    assert {"few": "alone"} in slices or {"few": "many"} in slices
    assert {"some_missing": "unknown"} in slices
    assert {"declared": "nowhere"} in slices
    by = {(m.metric, *sorted(m.slice.items())): m for m in found.measurements}
    lonely = by[GAPS[kind], ("few", ALL_GROUPS)]
    assert lonely.value is None
    assert by[GAPS[kind], ("single", ALL_GROUPS)].value is None


@pytest.mark.parametrize("kind", TASKS)
def test_the_page_of_every_task_is_drawn_and_speaks_of_it(kind: str) -> None:
    page = render(run(of_task(kind), None, ["performance", "fairness"]))
    says = {"classes": "Predicts which class y is.", "numbers": "Predicts the number y.",
            "texts": "Writes the text y."}  # fmt: skip
    assert says[kind] in page
    assert "whether y is" not in page


def test_nothing_of_a_single_row_is_in_the_record() -> None:
    for kind in KINDS:
        text = "".join(report(name, kind).to_json() for name in AUDITS)
        incomes = [repr(float(value)) for value in table()["income"]]
        assert not any(value in text for value in incomes)
