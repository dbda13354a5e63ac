"""Planted defects: the quick run, how its lines are counted, and how a page is read back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import planted
import planted_models
import planted_tables
import pytest
from planted_page import Kind, Line, read, table


def line(kind: Kind = "named", draws: int = 200, said: int = 190) -> Line:
    return Line("gap", "0.1", 2_000, "fairness", "it fails", kind, draws, said)


def test_a_page_is_read_back_as_it_was_written() -> None:
    lines = [line("clean", 200, 10), line("between", 1_234, 0), line()]
    page = "\n".join(["# Title", "", "| a | b |", "|---|---|", *table(lines), "", "text"])
    assert read(page) == lines


@pytest.mark.parametrize("wrong", ["0.951", "MISSED", "0.900 to 0.976"])
def test_a_line_that_its_counts_do_not_give_is_refused(wrong: str) -> None:
    good = table([line()])[-1]
    right = {"0.951": "0.950", "MISSED": "reached"}.get(wrong, "0.910 to 0.976")
    assert right in good
    with pytest.raises(ValueError, match="not what its counts give"):
        read(good.replace(right, wrong))


def test_a_page_without_results_is_refused() -> None:
    with pytest.raises(ValueError, match="no line of results"):
        read("# Nothing\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")


@pytest.mark.parametrize(
    ("kind", "draws", "said", "missed"),
    [
        ("named", 200, 190, False),
        ("named", 200, 189, True),
        ("clean", 200, 19, False),  # 5 % and three standard errors of 200 draws are 9.6 %
        ("clean", 200, 20, True),
        ("clean", 40, 6, False),  # and of 40 draws 15.3 %
        ("clean", 40, 7, True),
        ("between", 200, 0, False),
    ],
)
def test_what_misses_an_aim(kind: Kind, draws: int, said: int, missed: bool) -> None:  # noqa: FBT001
    assert line(kind, draws, said).missed is missed


def test_bounds_are_those_of_clopper_and_pearson() -> None:
    assert line(said=200).bounds == pytest.approx((0.025 ** (1 / 200), 1.0))
    assert line(said=0).bounds == pytest.approx((0.0, 1 - 0.025 ** (1 / 200)))


def test_a_clean_table_has_no_gap_and_a_planted_one_has_its_size() -> None:
    first, second = planted_tables.counted()
    assert (first == 2 * second).all()
    moved = planted_tables.with_gap(0.05)
    rates = moved[:, 1::2].sum(axis=1) / moved.sum(axis=1)
    assert rates[0] - rates[1] == pytest.approx(0.05, abs=1e-12)
    assert moved.sum() == first.sum() + second.sum()


def test_a_missed_aim_ends_with_status_1_and_stays_on_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(_: int) -> tuple[bool, ...]:
        return (False,)

    asks: tuple[tuple[str, Kind], ...] = ((planted.GAP, "named"),)
    case = planted.Case("gap", "0.1", 500, "fairness", asks, never, 30)
    monkeypatch.setattr(planted, "cases", lambda: iter([case]))
    monkeypatch.setattr(planted, "HERE", tmp_path)
    assert planted.main() == 1
    assert "missed: gap, 0.1" in capsys.readouterr().out
    (found,) = read((tmp_path / "validity.md").read_text(encoding="utf-8"))
    assert (found.draws, found.said, found.outcome) == (30, 0, "MISSED")
    assert "500 rows</text>" in (tmp_path / "validity.svg").read_text(encoding="utf-8")


def test_the_quick_run_asks_every_question_once_and_leaves_the_page() -> None:
    script = Path(planted.__file__)
    pages = [script.parent / name for name in ("validity.md", "validity.svg")]
    before = [page.read_bytes() for page in pages]
    done = subprocess.run(
        [sys.executable, script, "--quick"], capture_output=True, text=True, check=True
    )
    lines = read(done.stdout)
    assert {found.draws for found in lines} == {planted.QUICK}
    assert len({found.defect for found in lines}) == 13
    assert {found.defect for found in lines if found.kind == "named"} == {
        found.defect for found in lines if found.kind != "clean"
    }
    assert [page.read_bytes() for page in pages] == before


def test_the_page_in_the_repository_is_what_its_counts_give() -> None:
    page = Path(planted.__file__).with_name("validity.md").read_text(encoding="utf-8")
    lines = read(page)
    assert {found.says for found in lines if found.defect == "gap between groups"} == {
        planted.GAP, planted.TOLERATED,
    }  # fmt: skip
    assert {(found.defect, found.size, found.rows) for found in lines} == {
        (case.defect, case.size, case.rows) for case in planted.cases()
    }


def test_the_defects_that_are_found_whatever_is_drawn_are_found() -> None:
    assert planted_models.clip(8, 8, 0) == (True,)
    assert planted_models.clip(1, 8, 0) == (False,)
    assert planted_models.explained(1, 200, 0) == (True,)
    assert planted_models.counter(1, 1, 0) == (True,)
    assert planted_models.counter(0, 1, 0) == (False,)
