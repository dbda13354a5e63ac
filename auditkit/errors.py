"""The errors that auditkit raises: one base, three leaves, each also a builtin that one expects."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: Longest piece of untrusted text that is quoted in a message; unit: characters.
QUOTED = 80


def quote(text: object, most: int = QUOTED) -> str:
    """Quote untrusted text for a message: control characters escaped, long text cut.

    Args:
        text: Anything; its `str` is quoted.
        most: Longest text that is not cut; unit: characters.

    Returns:
        The text in single quotes, at most about `most` characters, on one line.

    Example:
        >>> quote("sex")
        "'sex'"
        >>> quote("a" * 200)[-16:]
        "... (200 chars)'"
    """
    plain = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text))
    if len(plain) > most:
        plain = f"{plain[: most - 20]}... ({len(str(text))} chars)"
    return f"'{plain}'"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that a mistyped one most likely means.

    Args:
        name: What was written.
        known: The names that would have been right.

    Returns:
        The closest known name, or None where nothing is close.

    Example:
        >>> nearest("sexx", ["age", "sex"])
        'sex'
        >>> nearest("zzz", ["age", "sex"]) is None
        True
    """
    options = sorted(set(known))
    close = difflib.get_close_matches(name[:200], options, n=3, cutoff=0.6)
    if close:  # of two that are equally close, the one that starts alike: lable is label, not table
        return max(close, key=lambda option: (_ratio(option, name[:200]), option[:1] == name[:1]))
    lowered = {option.lower(): option for option in options}
    return lowered.get(name.strip().lower())


def _ratio(option: str, name: str) -> float:
    matcher = difflib.SequenceMatcher()
    matcher.set_seq2(name)  # the order in which difflib itself compares them
    matcher.set_seq1(option)
    return matcher.ratio()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input.

    Attributes:
        where: The file and key, or the argument, that holds it.
        found: What stands there.
        expected: What would have been right.
        hint: What to do, or the nearest valid name; may be empty.

    Example:
        >>> print(Problem("auditkit.toml [subject] label", "'incme'", "a column", "Use 'income'."))
        auditkit.toml [subject] label: found 'incme', expected a column. Use 'income'.
    """

    where: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: found {self.found}, expected {self.expected}."
        return f"{text} {self.hint}" if self.hint else text

    @classmethod
    def unknown(cls, where: str, name: str, known: Iterable[str], kind: str) -> Problem:
        """Describe a name that is not among the known ones, with the nearest that is.

        Args:
            where: The file and key, or the argument, that holds the name.
            name: What was written.
            known: The names that would have been right.
            kind: What the name should be, for example "a column of census.parquet".

        Returns:
            The problem, its hint naming the nearest known name and a few of the others.

        Example:
            >>> print(Problem.unknown("label", "sexx", ["age", "sex"], "a column"))
            label: found 'sexx', expected a column. Did you mean 'sex'? Known: 'age', 'sex'.
        """
        options = sorted(set(known))
        close = nearest(name, options)
        shown = ", ".join(quote(option) for option in options[:12])
        more = f" and {len(options) - 12} more" if len(options) > 12 else ""
        hint = f"Did you mean {quote(close)}? " if close else ""
        return cls(where, quote(name), kind, f"{hint}Known: {shown or 'none'}{more}.")


def range_problems(audit: Any, **least: int) -> list[Problem]:  # noqa: ANN401 - any audit
    """Find the whole numbers of an audit's settings that are too small, and a level that is none.

    Args:
        audit: An audit: its `name`, its `level` or `confidence`, and the settings.
        **least: Setting to the smallest number that it may be; a setting of None is not set.

    Returns:
        All problems; empty where there is none.

    Example:
        >>> from types import SimpleNamespace
        >>> audit = SimpleNamespace(name="fairness", level=0.95, min_group=0)
        >>> [str(problem) for problem in range_problems(audit, min_group=1)]
        ["[audits.fairness] min_group: found '0', expected a whole number from 1."]
    """
    where = f"[audits.{audit.name}]"
    problems = [
        Problem(f"{where} {name}", quote(value), f"a whole number from {low}")
        for name, low in least.items()
        if (value := getattr(audit, name)) is not None and value < low
    ]
    problems += [
        Problem(f"{where} {name}", quote(value), "a number in (0, 1)")
        for name in ("level", "confidence")
        if not 0 < (value := getattr(audit, name, 0.5)) < 1
    ]
    return problems


class AuditkitError(Exception):
    """Base of everything that auditkit raises on purpose."""


class InputError(AuditkitError, ValueError):
    """The input cannot be audited as it stands; every problem found is listed.

    Attributes:
        problems: All problems, in the order in which they were found.

    Example:
        >>> print(InputError([Problem("label", "1 class", "2 classes")]))
        1 problem:
          1. label: found 1 class, expected 2 classes.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        lines = [f"  {i}. {problem}" for i, problem in enumerate(self.problems, 1)]
        super().__init__("\n".join([f"{head}:", *lines]))


class UnknownNameError(AuditkitError, LookupError):
    """A name that auditkit does not know, for example of an audit."""


class MissingExtraError(AuditkitError, ImportError):
    """An optional package is needed; the text holds the line that installs it."""


class ModelError(AuditkitError, RuntimeError):
    """A model gave something that is no answer: no number, too few, or nothing at all."""
