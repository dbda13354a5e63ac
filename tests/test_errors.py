from __future__ import annotations

from auditkit.errors import InputError, Problem, nearest, quote


def test_all_problems_are_listed_and_counted() -> None:
    error = InputError([Problem("a", "1", "2"), Problem("b", "3", "4", "Do this.")])
    assert str(error).splitlines() == [
        "2 problems:",
        "  1. a: found 1, expected 2.",
        "  2. b: found 3, expected 4. Do this.",
    ]
    assert isinstance(error, ValueError)


def test_untrusted_text_is_cut_and_its_control_characters_are_escaped() -> None:
    assert quote("a\nb\u202ec\x1b[31m") == "'a\\u000ab\\u202ec\\u001b[31m'"
    assert len(quote("x" * 10_000)) < 100


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert nearest("INCOME", ["income", "age"]) == "income"
    assert nearest("", ["income"]) is None


def test_unknown_names_come_with_the_known_ones() -> None:
    text = str(Problem.unknown("x", "aeg", [f"c{i}" for i in range(20)] + ["age"], "a column"))
    assert "Did you mean 'age'?" in text
    assert "and 9 more" in text
