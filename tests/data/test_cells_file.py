"""A file of counts is read with suspicion: whatever is wrong is told, all at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from support import subject

from auditkit.data.cells_file import MOST_BYTES, read_cells
from auditkit.data.protecting import cells_file
from auditkit.errors import InputError
from auditkit.sending import table_of

WHEN = datetime(2026, 11, 22, tzinfo=UTC)


def plain(**protection: Any) -> dict[str, Any]:
    file = cells_file(
        table_of(subject()), "loans", created=WHEN, below=Random(0).randrange,
        **(protection or {"least": 0}),
    )  # fmt: skip
    held: dict[str, Any] = json.loads(file.to_bytes())
    return held


def problems(held: object) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_cells(json.dumps(held).encode(), "a.cells.json")
    return [str(problem) for problem in caught.value.problems]


def test_a_plain_file_tells_all_and_a_protected_one_neither_total_nor_digest() -> None:
    assert plain()["source"]["rows"] == 400
    for protection in ({"least": 10}, {"epsilon": 1.0}):
        held = plain(**protection)
        assert (held["source"]["rows"], held["source"]["sha256"], held["notes"]) == (None, None, [])
    assert all(row[-1] >= 10 for row in plain(least=10)["cells"])
    assert len(plain(epsilon=1.0)["cells"]) == 3 * 4 * 4


def test_a_file_says_what_it_reveals() -> None:
    assert "single people" in plain()["protection"]["means"][0]
    assert "from 0 to 9 people" in plain(least=10)["protection"]["means"][0]
    assert "exp(1)" in plain(epsilon=1.0)["protection"]["means"][0]


def test_what_is_no_json_or_no_such_file_is_refused_in_plain_words() -> None:
    for raw in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": NaN}', b"3"):
        with pytest.raises(InputError, match="a file of `auditkit cells`"):
            read_cells(raw)
    with pytest.raises(InputError, match="format 1"):
        read_cells(b'{"format": 2}')
    with pytest.raises(InputError, match="a key stands twice"):
        read_cells(b'{"format": 1, "format": 1}')
    with pytest.raises(InputError, match="more than"):
        read_cells(b" " * (MOST_BYTES + 1))


def test_shapes_that_are_wrong_are_told_together() -> None:
    held = plain()
    del held["outcome"]
    held["extra"] = 1
    held["name"] = 3
    assert len(problems(held)) == 3


def set_cell(i: int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(held: dict[str, Any]) -> None:
        held["cells"][0][i] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_cell(0, "X\n"), r"found 'X\u000a', expected a group of 'sex', or null"),
        (set_cell(0, ["F"]), "expected a group of 'sex', or null"),
        (set_cell(0, 0), "expected a group of 'sex', or null"),
        (set_cell(2, 2), "expected 0 or 1"),
        (set_cell(3, value=True), "expected 0 or 1"),
        (set_cell(4, 0), "a whole number from 1 on"),
        (set_cell(4, 2.5), "a whole number from 1 on"),
        (set_cell(4, 10**30), "a whole number from 1 on"),
        (lambda held: held["cells"].append(held["cells"][0]), "each cell once"),
        (lambda held: held["cells"][0].append(1), "6 entries"),
        (lambda held: held["cells"].clear(), "at least one"),
        (lambda held: held["columns"][0]["groups"].append("F"), "each name once"),
        (lambda held: held["decision"].update(score=None), "either a prediction or a score"),
        (lambda held: held["protection"].update(least=10), "nowhere else"),
        (lambda held: held["protection"].update(kind="noised"), "nowhere else"),
        (lambda held: held["cell"].pop(), "cell"),
        (lambda held: held["source"].update(rows=3), "no more people than rows"),
    ],
)
def test_contents_that_cannot_be_are_refused(
    change: Callable[[dict[str, Any]], None], said: str
) -> None:
    held = plain()
    change(held)
    assert any(said in problem for problem in problems(held))


def test_a_name_that_is_no_text_is_refused() -> None:
    held = plain()
    held["columns"][0]["groups"][0] = "\ud800"
    assert any("columns" in problem for problem in problems(held))


def test_a_count_under_the_least_in_a_file_that_withholds_is_refused() -> None:
    held = plain(least=10)
    held["cells"][0][-1] = 9
    assert "from 10 on" in problems(held)[0]


def test_a_noised_file_that_lacks_a_cell_is_refused() -> None:
    held = plain(epsilon=1.0)
    held["cells"].pop()
    assert "all 48" in problems(held)[0]


def test_of_very_many_problems_the_first_are_listed_and_the_others_counted() -> None:
    held = plain()
    held["cells"] = [["X", "a", 0, 0, 1] for _ in range(500)]
    found = problems(held)
    assert len(found) == 31
    assert "more problems" in found[-1]


def test_weights_that_no_people_can_have_are_refused() -> None:
    from support import scored

    from auditkit.subject import Subject

    rows = scored().assign(w=[1.0, 2.0] * 200)
    weighted = Subject.from_scores(rows, label="y", score="score", sensitive=["sex"], weight="w")
    held = json.loads(cells_file(table_of(weighted), "x", least=0).to_bytes())
    for wrong in (0, -1, "3", 1e300, True):
        broken = json.loads(json.dumps(held))
        broken["cells"][0][-1] = wrong
        assert "sums of positive weights" in problems(broken)[0]
    with pytest.raises(InputError, match="weights"):
        cells_file(table_of(weighted), "x", epsilon=1.0)
    withheld = cells_file(table_of(weighted), "x", least=10)
    assert withheld.protection.highest_weight == 2.0
    assert "No weight is above 2, rounded up." in withheld.protection.means
