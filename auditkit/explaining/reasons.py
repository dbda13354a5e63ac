"""The reasons of some decisions, of a model over columns or over texts, for a cost that is set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd

from auditkit.explaining.frames import Scorer
from auditkit.explaining.text_games import text_games
from auditkit.explaining.texts import TextAttribution, text_shapley_values
from auditkit.explaining.told import RARE_WORDS, common_words, told
from auditkit.explaining.values import game_of, is_network
from auditkit.methods.reason_codes import Reasons
from auditkit.methods.shapley_game import Floats, Positions
from auditkit.methods.shapley_text import FIRST_ORDERS
from auditkit.models.endpoint import EndpointModel
from auditkit.subject import Subject

#: Part of the work that Shapley values take by default which is spent here on a network.
_WORK = 1 / 20
#: Questions to any other model on this machine, texts of a text model, and to a served one.
_QUESTIONS, _TEXTS, _SERVED = 250_000, 60_000, 40_000
#: Neither sample is cut below this to fit; unit: rows.
_FEWEST = 20


@dataclass(frozen=True)
class Explained:
    """The reasons of some rows, and how they were found.

    Attributes:
        places: Shape (m,): which assessed rows.
        reasons: Their reasons.
        how: What was computed, in words.
    """

    places: Positions
    reasons: Reasons
    how: str


@dataclass(frozen=True)
class ColumnReasons:
    """Reasons from the columns that a model reads: one feature a column.

    Attributes:
        subject: What is audited.
        background: Raw rows that stand for "not known".
        whose: Which rows they were drawn from.
        base: What a story starts from.
        asked: Most questions to the model for one sample; None gives every network the same work.
        seed: Seed of the orders of the features.
    """

    subject: Subject
    background: pd.DataFrame
    whose: str
    asked: int | None
    seed: int

    base: ClassVar[str] = "(average score)"

    def of(self, places: Positions, columns: Positions | None, *, exact: bool) -> Explained:
        """Explain some rows.

        Args:
            places: Which assessed rows.
            columns: The output of the model that is explained of each of them, if it has several.
            exact: Whether to enumerate pairs that can be, rather than to explain more rows.

        Returns:
            The reasons of the first rows, as many as the questions reach.

        Raises:
            ValueError: If the model cannot be explained.
        """
        features = list(self.subject.features)
        rows, background = self.subject.rows[features].iloc[places], self.background
        if self.whose == "assessed":
            others = background.drop(index=places.tolist(), errors="ignore")
            background = others if len(others) else background
        model = cast("Scorer", self.subject.model)
        game = game_of(model, rows, background[features], None, "probability")
        most = self.asked or _allowed(self.subject, _QUESTIONS)
        if self.asked is None and is_network(model):
            most = int(game.affordable * _WORK)
        cost = game.plan(estimator="sampled", budget=None, orders=1).evaluations
        m, b = _fitting(len(game.rows), len(game.background), most / cost)
        found = game.play(
            game.rows[:m],
            game.background[:b],
            seed=self.seed,
            estimator="auto" if exact else "sampled",
            budget=most,
        )
        found = replace(found, names=tuple(game.players))
        exactly = found.plan.exact_share
        how = (
            f"Shapley values of the score against {b:,} {self.whose} rows; {exactly:.0%} of pairs "
        )
        how += f"exact; {found.evaluations:,} evaluations"
        return Explained(places[: found.reached], Reasons.of(found, columns), how)

    def told(self, feature: str, place: int) -> str:
        """Say what the value of a feature is in an assessed row; a step of a sequence has none."""
        if feature not in self.subject.rows:
            return ""
        return told(self.subject.rows[feature], place)


@dataclass(frozen=True)
class TextReasons:
    """Reasons from the words of texts: one feature a word that at least 10 texts hold.

    Words that fewer hold are one feature together, so that none of them is named.

    Attributes:
        subject: What is audited; its model reads one column of text.
        base: What a story starts from.
        asked: Most texts that the model is asked about for one sample.
        seed: Seed of the orders of the words.
    """

    subject: Subject
    asked: int | None
    seed: int

    base: ClassVar[str] = "(empty text)"

    def of(self, places: Positions, columns: Positions | None, *, exact: bool) -> Explained:
        """Explain some texts; see `ColumnReasons.of`."""
        rows = self.subject.rows[[self._column]].iloc[places]
        found = text_shapley_values(
            self._model,
            rows,
            budget=self.asked or _allowed(self.subject, _TEXTS),
            seed=self.seed,
            standard_error=0.002 if exact else 0.01,
        )
        reached = found.reached
        how = f"Shapley values of the words for {_what(columns)} against the empty text; words "
        how += "that fewer than 10 texts hold are taken together; "
        how += f"{found.evaluations:,} evaluations"
        return Explained(places[:reached], self._joined(found, columns), how)

    def told(self, feature: str, place: int) -> str:
        """Say how often a text holds a word, if more than once."""
        if feature == RARE_WORDS:
            return ""
        count = [token.casefold() for token in self._tokens[place]].count(feature)
        return f"{count} times" if count > 1 else ""

    @property
    def _column(self) -> str:
        return self.subject.features[0]

    @property
    def _model(self) -> Any:  # noqa: ANN401 - a model that scores
        return self.subject.model

    @cached_property
    def _tokens(self) -> Any:  # noqa: ANN401 - sequences of texts
        rows = self.subject.rows[[self._column]]
        return text_games(self._model, rows, None, "probability", 0.5).tokens

    @cached_property
    def _known(self) -> frozenset[str]:
        return common_words(self._tokens)

    def _joined(self, found: TextAttribution, columns: Positions | None) -> Reasons:
        """Add the values of equal words up; their errors too, which is never too little."""
        m = found.reached
        words = [[self._word(token) for token in found.tokens[i]] for i in range(m)]
        names = tuple(sorted({word for line in words for word in line}))
        place = {name: at for at, name in enumerate(names)}
        values, errors = np.zeros((2, m, len(names)))
        for i, line in enumerate(words):
            at = [place[word] for word in line]
            np.add.at(values[i], at, _of_output(found.values[i], columns, i))
            np.add.at(errors[i], at, _of_output(found.standard_errors[i], columns, i))
        outputs = found.outputs[:m]
        if columns is not None:
            outputs = outputs[np.arange(m), columns[:m]]
        nothing = np.empty((m, 0, len(names)))
        return Reasons(
            names, values, errors, outputs, nothing, np.empty(0, np.int64), FIRST_ORDERS - 1
        )

    def _word(self, token: str) -> str:
        word = token.casefold()
        return word if word in self._known else RARE_WORDS


def _fitting(rows: int, background: int, part: float) -> tuple[int, int]:
    """Cut both samples alike, so that a part of their pairs is left; few rows are not cut."""
    if part >= 1:
        return rows, background
    part *= 0.9  # for the questions that do not become fewer
    m = max(min(rows, _FEWEST), int(rows * part**0.5))
    return m, max(min(background, _FEWEST), int(background * part * rows / m))


def _allowed(subject: Subject, most: int) -> int:
    """Questions to a model where the settings do not say: fewer to one that is served."""
    return min(most, _SERVED) if isinstance(subject.model, EndpointModel) else most


def _what(columns: Positions | None) -> str:
    return "the score" if columns is None else "the score of the class decided for"


def _of_output(values: Floats, columns: Positions | None, row: int) -> Floats:
    return values if columns is None else values[:, columns[row]]
