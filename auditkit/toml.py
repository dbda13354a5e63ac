"""TOML written by hand, so that comments can stand in it."""

from __future__ import annotations

import re


def toml_text(text: str) -> str:
    r"""Write text as a TOML basic string, on one line and with nothing in it that does not show.

    Example:
        >>> print(toml_text('a "b" \\ \x7f'))
        "a \"b\" \\ \u007F"
    """
    return f'"{"".join(map(_escaped, text))}"'


def toml_key(name: str) -> str:
    """Write a key, in quotes where it needs them.

    Example:
        >>> print(toml_key("age"), toml_key("age (years)"))
        age "age (years)"
    """
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_text(name)


def toml_number(value: float) -> str:
    """Write a number, a whole one without its point.

    Example:
        >>> toml_number(20.0), toml_number(0.5)
        ('20', '0.5')
    """
    return (
        str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    )


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
