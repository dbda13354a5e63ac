"""The sentences that open the sections about seeds, declared directions and weak slices."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.audit import run
from auditkit.errors import AuditkitError
from auditkit.render.html import render
from auditkit.report import Report
from auditkit.subject import Subject, Task

N = 1_000


class Model:
    """Selects from a cut that its seed moves; pay over 60,000 counts against the row."""

    kind = "cut"
    parameters = None
    sha256 = None

    def __init__(self, by: float = 0.0, *, bent: bool = False) -> None:
        self.by, self.bent = by, bent

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        pay = rows["pay"].to_numpy(dtype=float) + self.by
        fall = 40_000.0 * (pay > 60_000) if self.bent else 0.0
        return np.asarray((pay - fall) / 100_000)


class Seeds:
    """A recipe that moves the cut a little each time."""

    def __init__(self, step: float = 1_000.0) -> None:
        self.count, self.step = 0, step

    def fit(self, rows: pd.DataFrame, **changes: object) -> tuple[Any, Any]:
        assert len(rows) == N
        assert set(changes) == {"seed"}
        self.count += 1
        return Model(self.step * self.count), None


class Broken:
    """A recipe that fails."""

    def fit(self, rows: pd.DataFrame, **changes: object) -> tuple[Any, Any]:
        raise AuditkitError(f"no memory for {len(rows)} rows and {sorted(changes)}")


def report(*, bent: bool = False, task: Task = "binary", **settings: Any) -> Report:
    rng, step = np.random.default_rng(0), settings.pop("step", 1_000.0)
    pay = rng.uniform(0, 100_000, N)
    rows = pd.DataFrame({"pay": pay, "y": (pay > 50_000).astype(int)})
    if task == "regression":
        rows["y"] = pay / 100_000
    rows["sex"] = np.where(pay < 45_000, "F", rng.choice(["F", "M"], N))
    rows["kind"] = rng.choice(list("abcd"), N)
    if settings.pop("noisy", False):
        rows["y"] = np.where(rng.random(N) < 0.2, 1 - rows["y"], rows["y"])
    if settings.pop("weak", False):
        rows.loc[rows["kind"] == "a", "y"] = 1 - rows["y"]
    held = Subject.from_model(
        Model(bent=bent), rows, label="y", features=["pay", "kind"], sensitive=["sex"], task=task,
        train=rows, recipe=Seeds(step),
    )  # fmt: skip
    names = ["subgroups", "seed-variance", "monotonicity"]
    return run(held, None, names, 0, settings=settings)


def opening(found: Report, audit: str, language: str = "en") -> str:
    page = render(found, language)
    section = re.search(rf'<section [^>]*id="?{audit}"?.*?</section>', page, re.DOTALL)
    assert section is not None
    lede = re.search(r'<p class="?lede"?>(.*?)</p>', section.group(0), re.DOTALL)
    assert lede is not None
    return re.sub(r"<[^>]+>", "", lede.group(1))


ASKED: dict[str, Any] = {"monotonicity": {"increasing": ["pay"]}}


def test_seeds_are_told_with_the_share_and_the_gap_that_moves() -> None:
    text = opening(report(), "seed-variance")
    assert "do not decide alike about 0.0" in text
    assert "of 1,000 rows: for these, chance decided." in text
    assert "The gap between groups by sex lies between" in text
    assert "取决于偶然" in opening(report(), "seed-variance", "zh-Hans")
    assert "moves by over the tolerance for" in opening(report(task="regression"), "seed-variance")


def test_a_group_that_hangs_on_the_seed_more_often_is_told() -> None:
    text = opening(report(step=4_000.0), "seed-variance")
    assert "By sex, the share differs between groups by" in text
    assert "By sex" not in opening(report(), "seed-variance")


def test_a_training_that_fails_is_the_reason() -> None:
    rows = pd.DataFrame({"pay": np.arange(100.0), "y": np.arange(100) % 2})
    held = Subject.from_model(
        Model(), rows, label="y", features=["pay"], train=rows, recipe=Broken()
    )
    text = opening(run(held, None, ["seed-variance"], 0), "seed-variance")
    assert "was not measured: training again was not possible: no memory" in text


def test_directions_are_told_broken_kept_or_not_named() -> None:
    broken = opening(report(bent=True, **ASKED), "monotonicity")
    assert "moves the score against the direction that was declared" in broken
    assert "Most often with pay: 1.0" in broken
    kept = opening(report(**ASKED), "monotonicity")
    assert "For none of 1,000 rows does the score move against" in kept
    assert "at most 0.37% of all rows" in kept
    assert "was not measured: no feature was named" in opening(report(), "monotonicity")


def test_a_weak_slice_is_named_or_none_is_sure() -> None:
    text = opening(report(weak=True), "subgroups")
    assert "it is surely worst where kind = a: its accuracy is 0 for" in text
    assert "is surely weak on the other" in opening(report(noisy=True), "subgroups")
    assert "其他所有人为" in opening(report(weak=True), "subgroups", "zh-Hans")


def test_nothing_is_left_in_english_on_the_chinese_page() -> None:
    for found in (report(weak=True, bent=True, **ASKED), report(task="regression", **ASKED)):
        page = render(found, "zh-Hans")
        for audit in ("seed-variance", "monotonicity"):
            section = re.search(rf'<section [^>]*id="?{audit}"?.*?</section>', page, re.DOTALL)
            assert section is not None
            assert '<span lang="en">' not in section.group(0)
            assert "<span lang=en>" not in section.group(0)
