"""Boxes, steps and searches by hand."""

from __future__ import annotations

import numpy as np
import pytest

from auditkit.methods.attack_metrics import NEVER, ORDERED, UNMASKED, Attacked
from auditkit.methods.attacks import (
    Answer,
    Ranges,
    by_chance,
    many_steps,
    one_step,
    questions,
    search,
)
from auditkit.methods.estimates import FloatArray, IntArray

SEEN = np.array([[0.0, 10.0], [2.0, 20.0], [4.0, 30.0], [2.0, 20.5]])


def test_a_box_keeps_radius_range_and_whole_numbers() -> None:
    ranges = Ranges.of(SEEN)
    assert ranges.whole.tolist() == [True, False]
    assert ranges.spread == pytest.approx(SEEN.std(axis=0))  # 1.41 and 7.07
    box = ranges.box(np.array([[2.0, 30.0]]), np.array([0.0, 0.5, 1.0]))
    assert box.low[:, 0].tolist() == [2.0, 2.0, 1.0]  # less than 1 is no whole step
    assert box.high[:, 0].tolist() == [2.0, 2.0, 3.0]
    assert box.low[:, 1] == pytest.approx(30 - np.array([0, 0.5, 1]) * SEEN[:, 1].std())
    assert box.high[:, 1].tolist() == [30.0] * 3  # nothing above was seen
    assert box.moves.tolist() == [[False, False], [False, True], [True, True]]


def test_what_lies_outside_of_the_range_may_stay_and_what_is_missing_stays_missing() -> None:
    box = Ranges.of(SEEN).box(np.array([[9.0, np.nan]]), np.array([1.0]))
    assert (box.low[0, 0], box.high[0, 0]) == (8.0, 9.0)
    assert np.isnan(box.settle(box.uniform(np.random.default_rng(0)))[0, 1])


def test_a_column_without_a_number_does_not_move() -> None:
    ranges = Ranges.of(np.array([[np.nan, 1.0], [np.nan, 3.0]]))
    assert ranges.spread.tolist() == [0.0, 1.0]


def _linear(weights: list[float], border: float) -> tuple[object, object]:
    """A decision by w·x against a border, attacked upwards."""
    w = np.array(weights)

    def ask(points: FloatArray, _: IntArray) -> Answer:
        loss = points @ w - border
        return loss, loss > 0

    def slope(points: FloatArray, _: IntArray) -> tuple[FloatArray, FloatArray]:
        return points @ w - border, np.tile(w, (len(points), 1))

    return ask, slope


def test_every_attack_reaches_the_corner_of_a_linear_decision() -> None:
    seen = np.random.default_rng(0).normal(size=(200, 3))
    ranges = Ranges.of(seen)
    rows = np.zeros((1, 3))
    most = float(np.abs(np.array([1.0, -2.0, 0.5]) * ranges.spread * 0.5).sum())
    rng = np.random.default_rng(1)
    for border, reached in ((0.999 * most, True), (1.001 * most, False)):
        ask, slope = _linear([1.0, -2.0, 0.5], border)
        box = ranges.box(rows, np.array([0.5]))
        assert one_step(box, slope, ask).tolist() == [reached]  # type: ignore[arg-type]
        assert many_steps(box, slope, ask, 10, rng).tolist() == [reached]  # type: ignore[arg-type]
        assert search(box, ask, 5, rng).tolist() == [reached]  # type: ignore[arg-type]
    ask, _ = _linear([1.0, -2.0, 0.5], 0.9 * most)
    assert by_chance(box, ask, 3, rng).tolist() == [False]  # type: ignore[arg-type]


def test_a_search_asks_as_often_as_it_says() -> None:
    asked = []

    def ask(points: FloatArray, _: IntArray) -> Answer:
        asked.append(len(points))
        return np.zeros(len(points)), np.zeros(len(points), dtype=np.bool_)

    for columns in (3, 70):
        box = Ranges.of(np.random.default_rng(0).normal(size=(9, columns))).box(
            np.zeros((2, columns)), np.array([0.5])
        )
        asked.clear()
        search(box, ask, 6, np.random.default_rng(0))
        assert sum(asked) == 2 * questions(columns, 6)


def _attacked(**changed: list[list[int]]) -> Attacked:
    marks = {name: np.array(one, dtype=np.bool_) for name, one in changed.items()}
    n = next(iter(marks.values())).shape[1]
    right = np.ones(n, dtype=np.bool_)
    return Attacked(
        (0.1, 0.2), 0.2, marks, right, np.array([1, 2]), still=True, unit="sd", words="rows"
    )


def test_what_a_smaller_change_does_a_larger_one_may_do_too() -> None:
    held = _attacked(fgsm=[[1, 0, 0], [0, 0, 0]], pgd=[[0, 0, 0], [0, 1, 0]], chance=[[0] * 3] * 2)
    assert held.worst.tolist() == [[True, False, False], [True, True, False]]
    table = held.curve()
    line = dict(zip(table.columns, table.rows[1], strict=True))
    assert (line["attack_flip_share"], line["adversarial_accuracy"]) == (2 / 3, 1 / 3)
    assert (line["fgsm"], line["chance"]) == (None, None)  # never succeeded: no 0


def test_checks_see_what_is_sure_and_not_what_is_chance() -> None:
    none, few, many = [0] * 50, [1] * 2 + [0] * 48, [1] * 20 + [0] * 30
    sound = _attacked(fgsm=[none, few], pgd=[none, none], chance=[none, few])
    assert all(holds for _, holds in sound.checks())
    masked = dict(_attacked(fgsm=[none, none], pgd=[none, none], chance=[none, many]).checks())
    assert (masked[ORDERED], masked[UNMASKED]) == (True, False)
    lazy = dict(_attacked(fgsm=[none, many], pgd=[none, few], chance=[none, none]).checks())
    assert (lazy[ORDERED], lazy[UNMASKED]) == (False, True)


def test_a_group_that_nothing_reached_has_no_zero() -> None:
    many = [1] * 10 + [0] * 10
    held = _attacked(pgd=[many, many], chance=[[0] * 20] * 2)
    codes = np.repeat(np.array([0, 1]), 10)
    found = list(held.by_group("sex", codes, ("F", "M", "unknown"), 10, 5))
    by = {(m.metric, *m.slice.values()): m for m in found}
    assert by["attack_flip_share", "F"].value == 1.0
    assert by["attack_flip_share", "M"].value is None
    assert by["attack_flip_share", "M"].reason == NEVER
    assert by["attack_flip_difference", "*"].value == 1.0


def test_too_many_groups_are_a_reason() -> None:
    held = _attacked(pgd=[[1] * 20] * 2, chance=[[0] * 20] * 2)
    (only,) = held.by_group("c", np.arange(20), (*map(str, range(20)), "unknown"), 10, 5)
    assert only.reason == "20 groups, more than max_groups = 5"
