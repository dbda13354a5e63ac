"""Deliberate small changes: held against a closed form and another library, and planted faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from auditkit.audit import run
from auditkit.audits.attacks import Attacks
from auditkit.errors import InputError
from auditkit.evidence import ALL_GROUPS, Measurement
from auditkit.methods.attack_metrics import NEVER, STILL, UNMASKED
from auditkit.models.inputs import matrix
from auditkit.models.module import ModuleModel
from auditkit.report import MeasurementRecord, Report
from auditkit.subject import Subject
from auditkit.threads import one_thread


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small networks on a busy machine: a second thread costs more than it gains."""
    with one_thread():
        yield


SIZES = (0.02, 0.05, 0.1, 0.2, 0.5)
Scores = Callable[[pd.DataFrame], Any]


def people(n: int = 1_000, seed: int = 0, columns: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    names = [f"x{i}" for i in range(columns)]
    frame = pd.DataFrame(rng.normal(size=(n, columns)), columns=names)
    chance = 1 / (1 + np.exp(-2 * frame["x0"] + frame["x1"]))
    return frame.assign(y=(rng.random(n) < chance).astype(int), sex=rng.choice(["F", "M"], n))


def linear(weights: list[float], bias: float = 0.0) -> torch.nn.Module:
    layer = torch.nn.Linear(len(weights), 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights]))
        layer.bias.fill_(bias)
    return layer


def networked(
    network: torch.nn.Module, rows: pd.DataFrame, sensitive: tuple[str, ...] = ("sex",), **more: Any
) -> Subject:
    names = [str(name) for name in rows if str(name).startswith("x")]
    model = ModuleModel(
        network,
        lambda frame: matrix(frame, names),
        players={name: [i] for i, name in enumerate(names)},
        **more,
    )
    return Subject.from_model(
        model, rows, label="y", features=names, sensitive=list(sensitive), task=model.task
    )


class Plain:
    """A model that is no network."""

    kind, parameters, sha256 = "plain", None, None

    def __init__(self, scores: Scores) -> None:
        self._scores = scores

    def scores(self, rows: pd.DataFrame) -> Any:
        return np.asarray(self._scores(rows), dtype=float)


def asked_only(scores: Scores, rows: pd.DataFrame, features: tuple[str, ...]) -> Subject:
    return Subject.from_model(
        Plain(scores), rows, label="y", features=list(features), sensitive=["sex"]
    )


def audited(subject: Subject, **settings: Any) -> Report:
    report = run(subject, audits=[Attacks(**settings)])
    assert report.audits[0].status == "completed", report.audits[0].reason
    return report


def of(report: Report, metric: str, **where: str) -> MeasurementRecord:
    (found,) = [m for m in report.measurements if m.metric == metric and m.slice == where]
    return found


def curve(report: Report) -> pd.DataFrame:
    (table,) = [t for t in report.tables if t.id == "attacks.curve"]
    return pd.DataFrame(table.rows, columns=table.columns)


def holds(report: Report) -> dict[str, bool]:
    """The checks, which are listed only where one is broken."""
    tables = [t for t in report.tables if t.id == "attacks.checks"]
    failed = of(report, "attack_checks_failed")
    assert bool(tables) == bool(failed.value)
    kept = dict.fromkeys(failed.source.split("; "), True)
    return kept | {str(test): bool(kept) for table in tables for test, kept in table.rows}


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_on_a_linear_model_the_attack_is_the_closed_form() -> None:
    """A linear decision changes just where its margin is within size times spread by |w|."""
    weights, rows = [1.0, -2.0, 0.5, 0.0], people(2_000)
    report = audited(networked(linear(weights, 0.3), rows), rows=2_000)
    x = rows[["x0", "x1", "x2", "x3"]].to_numpy()
    seen = curve(report)
    for i, size in enumerate(SIZES):
        radius = size * x.std(axis=0)
        ends = np.where(np.array(weights) > 0, 1.0, -1.0)
        best = [
            np.clip(x + side * ends * radius, x.min(axis=0), x.max(axis=0)) @ weights + 0.3
            for side in (-1.0, 1.0)
        ]
        chosen = x @ weights + 0.3 >= 0
        expected = float(np.mean(np.where(chosen, best[0] < 0, best[1] >= 0)))
        assert seen["pgd"][i] == pytest.approx(expected, abs=1e-3)
        assert seen["fgsm"][i] == pytest.approx(expected, abs=1e-3)
        right = float(np.mean((chosen == rows["y"]) & np.where(chosen, best[0] >= 0, best[1] < 0)))
        assert seen["adversarial_accuracy"][i] == pytest.approx(right, abs=1e-3)
    assert of(report, "attack_flip_share").value == pytest.approx(seen["attack_flip_share"][2])
    assert set(holds(report).values()) == {True}


@pytest.mark.parametrize("classes", [2, 3])
def test_the_attack_finds_what_the_adversarial_robustness_toolbox_finds(
    classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numba

    # One of the library's other attacks cannot be imported without numba's compiler.
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)
    from art.attacks import evasion as art  # type: ignore[import-untyped]
    from art.estimators import classification  # type: ignore[import-untyped]

    torch.manual_seed(1)
    rows = people(400, seed=2)
    outputs = 1 if classes == 2 else classes
    network = torch.nn.Sequential(
        torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, outputs)
    )
    more: dict[str, Any] = {}
    if classes > 2:
        rows["y"] = [f"c{i}" for i in np.random.default_rng(0).integers(0, classes, len(rows))]
        more = {"task": "multiclass", "classes": ("c0", "c1", "c2")}
    found = curve(audited(networked(network, rows, **more), sizes=[0.1, 0.3], rows=400))
    x = rows[["x0", "x1", "x2", "x3"]].to_numpy(dtype=np.float32)
    spread, low, high = x.std(axis=0), x.min(axis=0), x.max(axis=0)

    class Both(torch.nn.Module):
        """The network on standardised rows, with an output for each class."""

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            logits = network(given * torch.from_numpy(spread))
            return logits if outputs > 1 else torch.cat([torch.zeros_like(logits), logits], dim=1)

    bounds = (low / spread, high / spread)
    theirs = classification.PyTorchClassifier(
        Both(), torch.nn.CrossEntropyLoss(), (4,), classes, clip_values=bounds, device_type="cpu"
    )
    scaled = x / spread
    clean = theirs.predict(scaled).argmax(axis=1)
    np.random.seed(0)  # noqa: NPY002 - the library draws from it
    for i, size in enumerate((0.1, 0.3)):
        attacks = {
            "pgd": art.ProjectedGradientDescent(
                theirs, eps=size, eps_step=size / 4, max_iter=10, num_random_init=1, verbose=False
            ),
            "fgsm": art.FastGradientMethod(theirs, eps=size),
        }
        for name, attack in attacks.items():
            moved = theirs.predict(attack.generate(scaled)).argmax(axis=1)
            share = float((moved != clean).mean())
            # Of several classes ours aims at the nearest, and finds as much or a little more.
            assert share - 0.0101 <= found[name][i] <= share + (0.0101 if classes == 2 else 0.03)


def test_planted_brittle_models_are_told_from_robust_ones() -> None:
    told = []
    for seed in range(20):
        rows = people(300, seed)
        noise = np.random.default_rng(seed).normal(size=len(rows))
        rows["x2"] = noise  # which the brittle model follows as if it were all that counts
        for weight in (40.0, 0.0):
            kept = np.sign(rows["x0"]) * (np.abs(rows["x0"]) + 1.5)
            subject = networked(linear([1.0, 0.0, weight, 0.0]), rows.assign(x0=kept))
            evidence = Attacks(sizes=[0.1], draws=2).run(subject, np.random.default_rng(seed))
            share = next(evidence)
            assert isinstance(share, Measurement)
            told.append(share.interval is not None and share.interval.low > 0.02)
    assert told == [True, False] * 20


def test_an_attack_that_never_succeeds_is_no_zero_and_no_pass() -> None:
    report = audited(networked(linear([1e-6, 0.0, 0.0, 0.0], 5.0), people(200)))
    for metric in ("attack_flip_share", "adversarial_accuracy"):
        for where in ({}, {"sex": "F"}):
            found = of(report, metric, **where)
            assert found.value is None
            assert NEVER in str(found.reason)
    assert of(report, "attack_flip_difference", sex=ALL_GROUPS).value is None
    shown = curve(report)
    assert shown[["fgsm", "pgd", "chance", "attack_flip_share"]].isna().all(axis=None)
    assert shown["adversarial_accuracy"].isna().all()


class _Masked(torch.nn.Module):
    """A step: its gradient is 0 everywhere, and so says nothing."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.sign(rows[:, :1]) * 3 + 0.0 * rows[:, :1]


def test_a_masked_gradient_is_told_by_chance_doing_more_damage() -> None:
    report = audited(networked(_Masked(), people(1_000)))
    assert holds(report)[UNMASKED] is False
    assert holds(report)[STILL] is True
    assert (of(report, "attack_checks_failed").value or 0) >= 1
    shown = curve(report)
    assert shown["attack_flip_share"][4] >= shown["chance"][4] > shown["pgd"][4]


class _Restless(torch.nn.Module):
    """Answers otherwise every time."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows[:, :1] + torch.rand_like(rows[:, :1]) - 0.5


def test_a_model_that_does_not_repeat_itself_fails_the_first_check() -> None:
    torch.manual_seed(0)
    assert holds(audited(networked(_Restless(), people(300))))[STILL] is False


def test_without_a_gradient_the_search_nears_the_closed_form() -> None:
    weights, rows = np.array([1.0, -2.0, 0.5, 0.0]), people(600)
    names = ("x0", "x1", "x2", "x3")
    subject = asked_only(lambda f: sigmoid(f[list(names)].to_numpy() @ weights), rows, names)
    network = curve(audited(networked(linear(weights.tolist()), rows)))
    found = audited(subject)
    assert curve(found)["search"].to_numpy() == pytest.approx(network["pgd"].to_numpy(), abs=2e-3)
    assert "a search of our own over raw columns" in of(found, "attack_flip_share").source
    assert set(holds(found).values()) == {True}


def test_a_forest_is_attacked_too() -> None:
    from sklearn.ensemble import RandomForestClassifier

    rows = people(400)
    names = ["x0", "x1", "x2", "x3"]
    forest = RandomForestClassifier(20, random_state=0).fit(rows[names], rows["y"])
    new = people(200, seed=9)
    subject = asked_only(lambda f: forest.predict_proba(f[names])[:, 1], new, tuple(names))
    shown = curve(audited(subject))
    assert shown["search"][4] > 0.1
    assert (shown["search"] >= shown["chance"].fillna(0)).all()


def test_whole_numbers_ranges_and_what_must_not_change_are_kept() -> None:
    asked: list[pd.DataFrame] = []
    rows = people(300).assign(
        age=lambda f: np.rint(40 + 11 * f["x0"]).astype(int), code=lambda f: f["y"] * 1, job="a"
    )

    def scores(frame: pd.DataFrame) -> Any:
        asked.append(frame.copy())
        return sigmoid(frame["age"] / 11 - 4 + frame["x1"] + frame["x2"] + frame["code"])

    subject = asked_only(scores, rows, ("age", "x1", "x2", "code", "job"))
    report = audited(subject, immutable=["x2"], rows=300)
    everything = pd.concat(asked)
    assert everything["age"].dtype == rows["age"].dtype
    for name in ("age", "x1"):
        assert everything[name].between(rows[name].min(), rows[name].max()).all()
        assert not everything[name].isin(rows[name]).all() or name == "age"
    assert len(everything["age"].unique()) > 1
    for name in ("x2", "code", "job"):
        assert set(everything[name]) == set(rows[name])
    assert curve(report)["movable"].tolist() == [1, 1, 2, 2, 2]  # 0.1 of 11 years is a year


def test_sensitive_columns_stay_and_alone_leave_nothing_to_attack() -> None:
    rows = people(200)
    subject = Subject.from_model(
        Plain(lambda f: sigmoid(f["x0"])),
        rows, label="y", features=["x0"], sensitive=["x0"], bands={"x0": [0.0]},
    )  # fmt: skip
    found = of(audited(subject), "attack_flip_share")
    assert found.value is None
    assert "no number that the model reads may change" in str(found.reason)


def test_groups_that_are_easier_to_deceive_are_found() -> None:
    rows = people(2_000)
    near = np.where(rows["sex"] == "F", 0.1, 1.0)
    rows["x0"] = np.sign(rows["x0"]) * near
    rows["x1"] = rows["x1"] * 1.0
    subject = networked(linear([1.0, 0.3, 0.0, 0.0]), rows)
    report = audited(subject, at=0.2, rows=2_000)
    gap = of(report, "attack_flip_difference", sex=ALL_GROUPS)
    assert gap.interval is not None
    assert gap.interval.low > 0
    women, men = (of(report, "attack_flip_share", sex=group) for group in "FM")
    assert women.value is not None
    assert women.interval is not None
    assert "Bonferroni over 2 groups" in women.interval.method
    assert women.value > (men.value or 0)


def test_small_and_unknown_groups_are_withheld_and_counted() -> None:
    rows = people(200)
    rows["sex"] = np.array(["a"] * 150 + ["b"] * 5 + [None] * 45, dtype=object)
    report = audited(networked(linear([1.0, 1.0, 0.0, 0.0]), rows))
    small, unknown = (of(report, "attack_flip_share", sex=group) for group in ("b", "unknown"))
    assert (small.value, small.n) == (None, 5)
    assert (unknown.value, unknown.n) == (None, 45)
    assert of(report, "attack_flip_difference", sex=ALL_GROUPS).value is None


def test_a_missing_number_stays_missing() -> None:
    rows = people(300)
    rows.loc[::3, "x0"] = np.nan
    seen: list[int] = []

    def scores(frame: pd.DataFrame) -> Any:
        seen.append(int(frame["x0"].isna().sum()) * 3 - len(frame))
        return sigmoid(frame["x0"].fillna(0) + frame["x1"])

    report = audited(asked_only(scores, rows, ("x0", "x1")))
    assert set(seen) == {0}
    assert of(report, "attack_flip_share").value


def test_without_labels_there_is_no_accuracy_but_a_share() -> None:
    rows = people(200)
    model = Plain(lambda f: sigmoid(f["x0"]))
    subject = Subject.from_model(model, rows, label=None, features=["x0"])
    report = audited(subject)
    assert of(report, "attack_flip_share").value is not None
    assert of(report, "adversarial_accuracy").value is None


def words(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    good, bad = ["good", "fine", "great"], ["bad", "poor", "awful"]
    y = rng.integers(0, 2, n)
    told = [rng.choice(good if one else bad) for one in y]
    ends = rng.choice(["day", "trip", "meal", "room", "desk", "view", "road"], (n, 3))
    texts = [
        f"It was a {word} {a}, with {b} or {c}." for word, (a, b, c) in zip(told, ends, strict=True)
    ]
    return pd.DataFrame({"text": texts, "y": y, "sex": rng.choice(["F", "M"], n)})


def test_words_are_replaced_and_that_is_said() -> None:
    good = ("good", "fine", "great")
    asked: list[str] = []

    def scores(frame: pd.DataFrame) -> Any:
        asked.extend(frame["text"])
        return [0.9 if any(word in text for word in good) else 0.1 for text in frame["text"]]

    report = audited(asked_only(scores, words(), ("text",)))
    found = of(report, "attack_flip_share")
    assert found.value is not None
    assert found.value > 0.9  # one word decides, and its opposite stands between the same words
    assert "token substitution" in found.source
    assert all(text.startswith("It ") or text.endswith(".") for text in asked)
    assert curve(report)["attack_size"].tolist() == [0.05, 0.1, 0.2]
    assert "substitution" in curve(report)


def test_a_text_model_that_reads_no_word_is_not_called_robust() -> None:
    subject = asked_only(lambda f: np.full(len(f), 0.9), words(), ("text",))
    found = of(audited(subject), "attack_flip_share")
    assert found.value is None
    assert NEVER in str(found.reason)


def test_no_words_near_is_a_reason() -> None:
    texts = [f"w{i} v{i} u{i} t{i}" for i in range(60)]
    rows = pd.DataFrame({"text": texts, "y": [0, 1] * 30, "sex": "F"})
    subject = asked_only(lambda f: np.full(len(f), 0.9), rows, ("text",))
    found = of(audited(subject), "attack_flip_share")
    assert found.value is None
    assert "stands near" in str(found.reason)


def test_few_questions_attack_fewer_rows_and_too_few_say_so() -> None:
    rows = people(600, columns=4)
    names = ("x0", "x1", "x2", "x3")
    subject = asked_only(lambda f: sigmoid(f["x0"]), rows, names)
    assert 10 <= of(audited(subject, max_asked=5_000), "attack_flip_share").n < 40
    found = of(audited(subject, max_asked=1_000), "attack_flip_share")
    assert found.value is None
    assert "too few" in str(found.reason)


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"sizes": []}, "sizes"),
        ({"sizes": [0.2, 0.1]}, "sizes"),
        ({"sizes": [0.0, 0.1]}, "sizes"),
        ({"at": 0.3}, "at"),
        ({"words": [0.5, 2.0]}, "words"),
        ({"words_at": 0.3}, "words_at"),
        ({"steps": 1}, "steps"),
        ({"min_group": 5}, "min_group"),
        ({"level": 1.0}, "level"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], where: str) -> None:
    with pytest.raises(InputError, match=rf"\[audits.attacks\] {where}:"):
        Attacks(**settings)


def test_an_immutable_column_that_is_none_is_refused() -> None:
    subject = networked(linear([1.0, 1.0, 0.0, 0.0]), people(100))
    report = run(subject, audits=[Attacks(immutable=["x9"])])
    assert report.audits[0].status == "error"
    assert "immutable" in str(report.audits[0].reason)
