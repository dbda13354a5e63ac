"""Shapley values of any model that scores rows, and what they will cost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from auditkit.errors import InputError, Problem, quote
from auditkit.explaining.frames import CodedRows, RawFunction, Scorer, feature_columns, of_both
from auditkit.explaining.parallel import each_in
from auditkit.methods.shapley import Attribution, shapley
from auditkit.methods.shapley_game import Batched, Rows, checked, value_codes
from auditkit.methods.shapley_model import OVERHEAD, EncodedModel, grouped, look_inside
from auditkit.methods.shapley_output import Output, Reading, output_names
from auditkit.methods.shapley_plan import Estimator, Plan, make_plan

#: Players: raw features, larger groups of them by name, or the channels or steps of a sequence.
Groups = Mapping[str, Sequence[str]] | Literal["features", "steps"]

#: Work that is spent on exactness where no budget is given; unit: floating-point operations.
_WORK = 600_000_000_000
#: Evaluations that are spent on exactness with a model whose cost nobody knows.
_AFFORDABLE = 2**21
#: Evaluations that are timed first to tell what all of them cost, and most of them.
_PROBED, _MOST_PROBED = 250, 1_000_000
#: What is timed takes at least this long, unless it is all there is; unit: CPU seconds.
_LONG_ENOUGH = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """What Shapley values will cost.

    Attributes:
        evaluations: Rows that the model will be asked about.
        exact_share: Share of the pairs of rows whose values will be exact.
        reached: Rows that the budget reaches, the first ones.
        rows: Rows that were to be explained.
        cpu_seconds: Roughly, of one core: a small part was run and timed just now.
    """

    evaluations: int
    exact_share: float
    reached: int
    rows: int
    cpu_seconds: float


def shapley_values(
    model: Scorer | EncodedModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    *,
    groups: Groups | None = None,
    output: Output = "probability",
    threshold: float = 0.5,
    estimator: Estimator = "auto",
    orders: int = 1,
    budget: int | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> Attribution:
    """Compute interventional Shapley values of a model's output, with standard errors.

    A raw feature is one player, however many encoded columns it has. The values of a row and the
    base value add up to the model's output for that row. A torch network is asked about encoded
    rows, from its first layer on where that gives the same. Any other model is asked about raw
    rows whose values are taken from the row or from the background row: the same game, and the
    same estimators with their standard errors, which shap's permutation explainer lacks.

    Args:
        model: A torch network behind an encoder, or any model with `scores(rows)`: of scikit-learn
            or ONNX, a served one, or one of your own.
        rows: Raw rows to explain.
        background: Raw rows that stand for "not known"; 100 to 400 of the training rows. Their
            draw is the greatest source of error, and the standard errors contain it.
        groups: Name of each player to the raw features that it holds, each feature once (of a
            sequence with absent steps: its steps). "features" or "steps" joins the columns of an
            LSTM to one player a channel, or one a step. None makes every raw feature a player. An
            absent step or value of a sequence is the background row's own.
        output: What is explained. "probability": the scores as they are, of a multiclass model
            those of every class. "logit": their log odds. "prediction": 1 for the class that is
            decided for, else 0. "both": the scores, then the decisions, for the work of one. A
            regression gives its number with all but "logit".
        threshold: Score from which on a binary model decides for the positive class.
        estimator: "exact", "sampled", or "auto": exact where it is affordable.
        orders: Antithetic permutations of the players for each pair of rows that is sampled. A
            larger background lowers the error more for the same cost, unless this very background
            is meant.
        budget: Most evaluations of the model, beside the hundred or so that find out what it gives;
            None means as many as it takes. Where it does not reach, the last rows stay NaN and are
            marked.
        seed: Seed of the orders of the players.
        jobs: Processes that share the rows. The values are the same for any number. Worth it from
            some seconds on: each process starts torch and gets a copy of the model.

    Returns:
        The values; the players stand in the order of `groups`, or of the model's features. Several
        classes have an axis of their own at the end; see `Attribution`.

    Raises:
        InputError: If a column is missing, the groups leave a feature out, hold one twice, or name
            an unknown one, or the model has no steps or cannot be sent to another process.
        ValueError: If the model is in training mode, does not repeat itself, or gives NaN or
            another number of outputs than one a row or a class; or the budget is too small for
            one row.
        ModelError: If one of auditkit's own adapters finds first that an answer is no score.

    Source:
        See `auditkit.methods.shapley.shapley`.

    Example:
        >>> class Product:
        ...     features = ("a", "b")
        ...     def scores(self, rows): return rows["a"].to_numpy() * rows["b"].to_numpy() / 8
        >>> found = shapley_values(Product(), pd.DataFrame({"a": [2], "b": [4]}),
        ...                        pd.DataFrame({"a": [0, 0], "b": [0, 4]}))
        >>> found.names, found.values, found.base_value
        (('a', 'b'), array([[0.75, 0.25]]), 0.0)
    """
    each = each_in(jobs)
    game = game_of(model, rows, background, groups, output, threshold)
    settings = {"estimator": estimator, "budget": budget, "orders": orders}
    found = game.play(game.rows, game.background, seed=seed, each=each, **settings)
    return replace(
        found,
        names=tuple(game.players),
        output_names=output_names(getattr(model, "classes", ()), game.width, output),
        notes=tuple(game.notes()),
    )


def shapley_cost(
    model: Scorer | EncodedModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    *,
    groups: Groups | None = None,
    output: Output = "probability",
    threshold: float = 0.5,
    estimator: Estimator = "auto",
    orders: int = 1,
    budget: int | None = None,
) -> Cost:
    """Tell what `shapley_values` costs with the same arguments, before it runs.

    Evaluations and shares are certain. The time is rough: it is measured on some of the pairs.

    Args:
        model: As in `shapley_values`, and so are all others.
        rows: Raw rows to explain.
        background: Raw rows that stand for "not known".
        groups: The players.
        output: What is explained.
        threshold: Score from which on a binary model decides for the positive class.
        estimator: "exact", "sampled" or "auto".
        orders: Permutations for each pair that is sampled.
        budget: Most evaluations of the model.

    Returns:
        The cost.

    Raises:
        InputError: As `shapley_values`.
        ValueError: As `shapley_values`.

    Example:
        >>> class Product:
        ...     features = ("a", "b")
        ...     def scores(self, rows): return rows["a"].to_numpy() * rows["b"].to_numpy() / 8
        >>> cost = shapley_cost(Product(), pd.DataFrame({"a": [2], "b": [4]}),
        ...                     pd.DataFrame({"a": [0, 0], "b": [0, 4]}))
        >>> cost.evaluations, cost.exact_share, cost.reached
        (9, 1.0, 1)
    """
    game = game_of(model, rows, background, groups, output, threshold)
    plan = game.plan(estimator=estimator, budget=budget, orders=orders)
    seconds = game.seconds(plan) if plan.reached else 0.0
    return Cost(plan.evaluations, plan.exact_share, plan.reached, len(game.rows), seconds)


@dataclass(frozen=True, eq=False)
class PreparedGame:
    """A model, rows and a background as a game for `auditkit.methods.shapley`.

    Attributes:
        function: Flattened rows (n, p) to outputs.
        rows: Shape (m, p): the rows to explain.
        background: Shape (b, p).
        players: Positions of each player.
        width: Outputs of a row.
        operations: Floating-point operations of one evaluation; None where nobody knows.
        first_layer: As in `shapley`.
        rest: As in `shapley`.
    """

    function: Batched
    rows: Rows
    background: Rows
    players: dict[str, npt.NDArray[np.int64]]
    width: int
    operations: int | None = None
    first_layer: tuple[Rows, Rows] | None = None
    rest: Batched | None = None

    @property
    def affordable(self) -> int:
        """Evaluations that are spent on exactness where there is no budget."""
        return self.within(_WORK, _AFFORDABLE)

    def within(self, work: int, unknown: int) -> int:
        """Evaluations that some work allows, or so many where their cost is not known."""
        return unknown if self.operations is None else work // self.operations

    def play(self, rows: Rows, background: Rows, *, seed: int, **settings: Any) -> Attribution:  # noqa: ANN401 - of `shapley`
        """Explain some of the rows against some of the background."""
        return shapley(
            self.function,
            rows,
            background,
            list(self.players.values()),
            rng=np.random.default_rng(seed),
            first_layer=self.first_layer,
            rest=self.rest,
            affordable=self.affordable,
            outputs=self.width,
            **settings,
        )

    def plan(self, *, estimator: Estimator, budget: int | None, orders: int) -> Plan:
        """Plan without asking the model."""
        positions = list(self.players.values())
        rows, background = checked(self.rows, self.background, positions)
        codes = value_codes(rows, background, positions)
        return make_plan(
            *codes, estimator=estimator, budget=budget, affordable=self.affordable, orders=orders
        )

    def seconds(self, plan: Plan) -> float:
        """Time more and more pairs as the plan takes them; unit: CPU seconds of the whole plan."""
        wanted, spent, evaluations = _PROBED, 0.0, 1
        while spent < _LONG_ENOUGH and evaluations < plan.evaluations and wanted < _MOST_PROBED:
            spent, evaluations = self._timed(plan, min(1.0, wanted / plan.evaluations))
            wanted *= 4
        return spent * plan.evaluations / evaluations

    def _timed(self, plan: Plan, share: float) -> tuple[float, int]:
        """CPU seconds and evaluations of about a share of a plan: few rows, then fewer pairs."""
        rows = max(1, int(plan.reached * share))
        others = max(1, min(len(self.background), int(len(self.background) * plan.reached * share)))
        estimator: Estimator = "exact" if plan.exact_share == 1 else "sampled"
        spread = slice(None, None, -(-plan.reached // rows))
        start = time.process_time()
        found = self.play(
            self.rows[: plan.reached][spread], self.background[:others], seed=0,
            estimator=estimator,
        )  # fmt: skip
        return time.process_time() - start, found.evaluations

    def notes(self) -> list[str]:
        """Tell what the background does not vary in."""
        still = [
            name
            for name, positions in self.players.items()
            if len(self.background) > 1 and not np.ptp(self.background[:, positions], axis=0).any()
        ]
        if not still:
            return []
        names = ", ".join(quote(name) for name in still[:10])
        more = f" and {len(still) - 10:,} more" if len(still) > 10 else ""
        return [
            f"one value in the whole background: {names}{more}; a row that has it too gets 0 "
            "there, and the standard error holds no doubt about it"
        ]


def game_of(
    model: Scorer | EncodedModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    groups: Groups | None,
    output: Output,
    threshold: float = 0.5,
) -> PreparedGame:
    """Turn a model and raw rows into a game; see `shapley_values`.

    Args:
        model: The model.
        rows: Raw rows to explain.
        background: Raw rows that stand for "not known".
        groups: The players.
        output: What is explained.
        threshold: Score from which on a binary model decides for the positive class.

    Returns:
        The game.

    Raises:
        InputError: As `shapley_values`.
        ValueError: As `shapley_values`.
    """
    if len(background) == 0:
        raise InputError([Problem("background", "no row", "one or more, better 100 to 400")])
    if is_network(model):
        return _encoded_game(
            cast("EncodedModel", model), rows, background, groups, output, threshold
        )
    return _raw_game(cast("Scorer", model), rows, background, groups, output, threshold)


def is_network(model: object) -> bool:
    """Whether a model is a torch network behind an encoder that tells its players."""
    return all(hasattr(model, name) for name in ("network", "players", "encode", "scores_of"))


def _encoded_game(
    model: EncodedModel,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    groups: Groups | None,
    output: Output,
    threshold: float,
) -> PreparedGame:
    players = _players(model, groups)
    encoded, others = of_both(model.encode, rows, background)
    inside = look_inside(model, encoded, others, output, threshold)
    return PreparedGame(
        inside.function,
        encoded.reshape(len(encoded), -1),
        others.reshape(len(others), -1),
        players,
        inside.width,
        inside.flops + OVERHEAD,
        inside.first_layer,
        inside.rest,
    )


def _players(model: EncodedModel, groups: Groups | None) -> dict[str, npt.NDArray[np.int64]]:
    if not isinstance(groups, str):
        return grouped(model.players, groups)
    by = getattr(getattr(model, "encoder", None), "players_by", None)
    if by is None or groups not in ("features", "steps"):
        raise InputError([_no_steps(groups)])
    players: dict[str, npt.NDArray[np.int64]] = by(groups)
    return players


def _no_steps(groups: str) -> Problem:
    expected = "'features' or 'steps' of an LSTM, or a mapping of names to features"
    return Problem("groups", quote(groups), expected)


def _raw_game(
    model: Scorer,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    groups: Groups | None,
    output: Output,
    threshold: float,
) -> PreparedGame:
    if isinstance(groups, str):
        raise InputError([_no_steps(groups)])
    read = Reading(output, threshold, regression=getattr(model, "task", None) == "regression")
    coded = CodedRows.of(rows, background, feature_columns(model, rows))
    function = RawFunction(model, coded, read)
    given = function(coded.background[:1])
    return PreparedGame(
        function,
        coded.rows,
        coded.background,
        grouped(coded.players, groups),
        given.shape[1] if given.ndim == 2 else 1,
    )
