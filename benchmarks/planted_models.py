"""Models, trainings and a meter with one planted defect, and what the audits say of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from planted_tables import LABEL, Fixed, census, drawn, fails, features_of, numbers, of_columns
from scipy import special

from auditkit import meter
from auditkit.audits.energy import Energy
from auditkit.audits.epsilon_bound import EpsilonLowerBound
from auditkit.audits.explanation_quality import ExplanationQuality
from auditkit.audits.privacy import Privacy
from auditkit.evidence import Measurement
from auditkit.meter import rapl
from auditkit.subject import Subject
from auditkit.training import MLP, TrainingError, private
from auditkit.training.clipping import write_clipped
from auditkit.training.networks import Network, build
from auditkit.training.target import Target

NOTES = (
    "- Clip: gradients are clipped to the size times the norm that is promised, in a new network "
    "(8 hidden units) on eight rows of the census; the self-test runs before every private "
    "training and lets errors up to 0.0001 pass, which are rounding.",
    "- Claim: the training is one whose epsilon is known exactly: it tells of every row whether it "
    "was among the training rows, truly with probability e^epsilon / (1 + e^epsilon), and claims "
    "epsilon 1. 10,000 rows of the census, 1,000 canaries. No training leaks more plainly for its "
    "epsilon, so this is the best that can be hoped for, and not what DP-SGD would show.",
    "- Memorising: a random forest of 30 trees, 500 rows of the census; the smaller the leaves the "
    "more it remembers. The clean one was trained on 500 rows that are in neither table.",
    "- Explanation: reasons are computed of one network over four columns of the census, and the "
    "scores come from another, whose weights are the first one's plus the size times normal noise.",
    "- Energy counter: a folder of counters like those of Linux, which rise by a random step with "
    "work, stand at zero, or stop once they were checked. A stuck one is replaced by an estimate, "
    "which is called so.",
)
Floats = npt.NDArray[np.float64]
LOSSES = Target().losses
NUMERIC = ("age", "education_num", "hours_per_week", "capital_gain")
CLAIM, CANARIES = 1.0, 1_000
FOREST = 500


@cache
def encoded() -> Floats:
    """Four numbers of the census, scaled."""
    held = census()[list(NUMERIC)].to_numpy(dtype=np.float64)
    return np.asarray((held - held.mean(axis=0)) / held.std(axis=0))


def network(seed: int) -> Network:
    """A small network, weights drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    return build(MLP(hidden=(8,)), (len(NUMERIC),), generator=generator)


def clip(size: float, rows: int, seed: int) -> tuple[bool, ...]:
    """Private training whose clip is too wide by a factor."""
    rng = np.random.default_rng(seed)
    places = rng.choice(len(census()), rows, replace=False)
    x = torch.from_numpy(encoded()[places].astype(np.float32))
    y = torch.from_numpy(census()[LABEL].to_numpy()[places].astype(np.float32))

    def wide(
        held: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, losses: Any, norm: float,  # noqa: ANN401
        at_once: int | None = None,
    ) -> torch.Tensor:  # fmt: skip
        return write_clipped(held, x, y, losses, norm * size, at_once)

    module: Any = private
    right, module.write_clipped = module.write_clipped, wide
    try:
        private.self_test(network(seed), x, y, LOSSES)
    except TrainingError:
        return (True,)
    finally:
        module.write_clipped = right
    return (False,)


class Telling:
    """A recipe whose training tells of each row whether it saw it, and how truly is known."""

    def __init__(self, epsilon: float, delta: float) -> None:
        self.truth = float(special.expit(epsilon))
        self.spent = {"epsilon": CLAIM, "delta": delta, "noise_multiplier": 1.0}

    def fit(
        self, rows: pd.DataFrame, *, privacy: Mapping[str, Any] | None = None, **changes: object
    ) -> tuple[Fixed, Any]:
        """Remember the rows."""
        del privacy
        rng = np.random.default_rng([int(str(changes.get("seed", 0)))])
        known = set(keys(rows))

        def scores(asked: pd.DataFrame) -> Floats:
            member = np.array([key in known for key in keys(asked)])
            told = member ^ (rng.random(len(asked)) >= self.truth)
            return np.where(told, 1 - expected(asked), expected(asked))

        return Fixed(scores), SimpleNamespace(privacy=self.spent, settings={})


def keys(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """What makes a row itself; the number of its row among it."""
    return list(rows[[*NUMERIC, "row"]].itertuples(index=False, name=None))


def expected(rows: pd.DataFrame) -> Floats:
    """What the audited model says, as surely of everybody."""
    return np.where(rows["education_num"] >= 13, 0.9, 0.1)


def claim(size: float, rows: int, seed: int) -> tuple[bool, ...]:
    """A training that claims epsilon 1, with another one."""
    rng = np.random.default_rng([seed, 1])
    both = drawn(census(), 11 * rows, rng).assign(row=np.arange(11 * rows))
    recipe: Any = Telling(size, delta=1e-5)
    subject = Subject.from_model(
        Fixed(expected), both[10 * rows :], label=LABEL, features=[*NUMERIC, "row"],
        train=both[: 10 * rows], recipe=recipe, record=recipe.fit(both[:1])[1],
    )  # fmt: skip
    found = EpsilonLowerBound(canaries=CANARIES).run(subject, rng)
    return (fails(found, "privacy_claims_refuted", 0.0),)


def memorised(size: float, rows: int, seed: int) -> tuple[bool, ...]:
    """A forest that remembers the more the fewer rows a leaf has; 0 trains on other rows."""
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng([seed, int(size)])
    three = drawn(census(), 3 * rows, rng)
    train, held, other = three[:rows], three[rows : 2 * rows], three[2 * rows :]
    read = features_of(three)
    forest = RandomForestClassifier(30, min_samples_leaf=max(1, int(size)), random_state=seed)
    on = train if size else other
    forest.fit(numbers(on)[read], on[LABEL])
    model = Fixed(lambda asked: np.asarray(forest.predict_proba(numbers(asked)[read])[:, 1]))
    subject = Subject.from_model(model, held, label=LABEL, features=read, train=train)
    return (fails(Privacy().run(subject, rng), "membership_auc", 0.5),)


class Explained:
    """A network over numbers, whose scores may be those of another."""

    kind, parameters, sha256 = "explained", None, None

    def __init__(self, explained: Network, asked: Network) -> None:
        self.network, self._asked = explained, asked

    @property
    def players(self) -> dict[str, npt.NDArray[np.int64]]:
        """A position each."""
        return {name: np.array([place]) for place, name in enumerate(NUMERIC)}

    def encode(self, rows: pd.DataFrame) -> npt.NDArray[np.float32]:
        """The numbers as they are."""
        return rows[list(NUMERIC)].to_numpy(dtype=np.float32)

    def scores_of(self, encoded: npt.NDArray[np.float32]) -> Floats:
        """Of the network that is explained."""
        return given(self.network, encoded)

    def scores(self, rows: pd.DataFrame) -> Floats:
        """Of the network that decides."""
        return given(self._asked, self.encode(rows))


def given(held: Network, encoded: npt.NDArray[np.float32]) -> Floats:
    """Probabilities by a network."""
    with torch.inference_mode():
        logits = held(torch.from_numpy(np.array(encoded, dtype=np.float32))).double().reshape(-1)
    return np.asarray(torch.sigmoid(logits).numpy(), dtype=np.float64)


def explained(size: float, rows: int, seed: int) -> tuple[bool, ...]:
    """Reasons of a network that is not the one that decides."""
    rng = np.random.default_rng([seed, rows])
    own, other = network(seed).eval(), network(seed).eval()
    with torch.no_grad():
        for weight in other.parameters():
            noise = torch.from_numpy(rng.normal(size=tuple(weight.shape)).astype(np.float32))
            weight.add_(size * noise)
    places = rng.choice(len(census()), rows, replace=False)
    held = pd.DataFrame(encoded()[places], columns=list(NUMERIC)).assign(
        **{LABEL: census()[LABEL].to_numpy()[places]}
    )
    model: Any = Explained(own, other)
    subject = Subject.from_model(model, held, label=LABEL, features=list(NUMERIC))
    audit = ExplanationQuality(
        rows=20, background=40, random_sets=2, noise_draws=1, networks=2, shaken_rows=5
    )
    return (fails(audit.run(subject, rng), "efficiency_gap", 1e-4),)


class Powercap:
    """A folder of energy counters in the form of Linux; unit: µJ."""

    def __init__(self, root: Path, rng: np.random.Generator) -> None:
        self.root, self._rng = root, rng
        for place in range(2):
            folder = root / f"intel-rapl:{place}"
            folder.mkdir(parents=True)
            (folder / "name").write_text(f"package-{place}\n")
            (folder / "max_energy_range_uj").write_text("1000000000\n")
            (folder / "energy_uj").write_text("0\n")

    def move(self, places: Sequence[int] = (0, 1)) -> None:
        """Add energy to some of the counters."""
        for place in places:
            file = self.root / f"intel-rapl:{place}" / "energy_uj"
            file.write_text(f"{int(file.read_text()) + int(self._rng.integers(100, 9_000))}\n")


def counter(size: float, rows: int, seed: int) -> tuple[bool, ...]:
    """Two counters; one of them stuck at 0 (1), both standing still after the check (2)."""
    del rows
    rng = np.random.default_rng([seed, int(size)])
    before = rapl._work, rapl.PATIENCE  # noqa: SLF001 - the work that proves a counter
    with tempfile.TemporaryDirectory() as name:
        tree = Powercap(Path(name) / "powercap", rng)
        alive = (int(rng.integers(2)),) if size == 1 else (0, 1)
        rapl._work, rapl.PATIENCE = lambda: tree.move(alive), 0.005  # noqa: SLF001
        try:
            with meter.phase("train", powercap=tree.root) as measured:
                sum(range(20_000))
                if size < 2:
                    tree.move(alive)
        finally:
            rapl._work, rapl.PATIENCE = before  # noqa: SLF001
    record = SimpleNamespace(cost=measured.cost.to_dict(), samples_seen=1, privacy=None)
    held = of_columns(census()[:20], NUMERIC)
    subject = replace(held, model=None, record=record)
    found = Energy().run(subject, rng)
    (energy,) = (
        one for one in found if isinstance(one, Measurement) and one.metric == "training_energy"
    )
    return (energy.value is None or energy.basis != "measured",)
