"""Untrusted text made fit for the page, and the one helper that writes a tag.

Escaping of HTML is left to markupsafe: whatever is not `Markup` is escaped when it is put into
a tag or a template. What is added here is what escaping leaves alone: control characters, marks
that turn the direction of the text around it, and sheer length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from markupsafe import Markup, escape

#: Longest name that is shown whole in a table or a drawing; unit: characters.
NAME = 44
#: Longest text that is shown at all; unit: characters.
TEXT = 2000
#: A word this long may have to be broken; unit: characters.
WORD = 24
#: What stands for a name of no characters.
NAMELESS = '""'
#: What the value of an attribute may hold without quotes.
BARE = re.compile(r"[A-Za-z0-9_.%#-]+")
#: Keeps a number and its unit on one line.
GLUE = "\N{NO-BREAK SPACE}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def tidy(text: str, longest: int = TEXT) -> str:
    """Make a text harmless: one line, no control or direction marks, not too long.

    Args:
        text: Anything that came with the record.
        longest: Characters that are kept.

    Returns:
        The text; a character that cannot be printed stands there as its code.

    Example:
        >>> tidy("a" + chr(10) + "b")
        'a b'
        >>> tidy(chr(0x202E) + "abc") == chr(92) + "u202eabc"
        True
        >>> tidy("x" * 50, longest=3) == "xxx" + ELLIPSIS
        True
    """
    kept = text[:longest]
    plain = kept if kept.isprintable() else "".join(map(_visible, kept))
    return plain + ELLIPSIS if len(text) > longest else plain


def _visible(character: str) -> str:
    if character.isprintable() or character == GLUE:
        return character
    return " " if character.isspace() else f"\\u{ord(character):04x}"


def name(text: str, longest: int = NAME) -> Markup:
    """Write a name from the data: isolated from the text around it, cut where it is too long.

    Args:
        text: A column, a group, a metric, a file name, ...
        longest: Characters that are shown.

    Returns:
        A `bdi` element, or the escaped text where it could neither turn nor overflow.

    Example:
        >>> name("<b>")
        Markup('&lt;b&gt;')
        >>> name("x" * 60, longest=30)[:24]
        Markup('<bdi class=long>xxxxxxxx')
    """
    shown = tidy(text, longest) or NAMELESS
    long = any(len(word) > WORD for word in shown.split(" "))
    if shown.isascii() and not long:
        return escape(shown)  # what is only ASCII turns nothing around it
    return el("bdi", escape(shown), cls="long" if long else "")


def letters(text: str) -> int:
    """How many Latin letters a text is about as wide as.

    Example:
        >>> letters("abc"), letters("\N{CJK UNIFIED IDEOGRAPH-4E2D}\N{CJK UNIFIED IDEOGRAPH-6587}")
        (3, 4)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def el(tag: str, *children: object, cls: str = "", **attributes: object) -> Markup:
    """Write an element; every child and attribute that is no `Markup` is escaped.

    Args:
        tag: Name of the element; never from the data.
        *children: What stands in it.
        cls: Its classes, left out where empty.
        **attributes: Its attributes: one that is None is left out, `_` is written as `-`.

    Returns:
        The element; an element without children closes itself, as in SVG.

    Example:
        >>> el("text", "<1", x="5%", y=4, cls="k")
        Markup('<text class=k x=5% y=4>&lt;1</text>')
        >>> el("line", y2=9)
        Markup('<line y2=9 />')
    """
    named = {"class": cls or None, **attributes}
    written = "".join(
        f" {key.replace('_', '-')}={_quoted(value)}"
        for key, value in named.items()
        if value is not None
    )
    if not children:
        end = "/>" if written[-1:] in ('"', "") else " />"  # a bare value would take the stroke
        return Markup(f"<{tag}{written}{end}")  # noqa: S704 - its parts are escaped above
    inside = join(children)
    return Markup(f"<{tag}{written}>{inside}</{tag}>")  # noqa: S704 - as above


def _quoted(value: object) -> str:
    """The value of an attribute; one of letters, digits and a few signs needs no quotes."""
    text = str(escape(safe(value)))
    return text if BARE.fullmatch(text) else f'"{text}"'


def join(parts: Iterable[object]) -> Markup:
    """Put markup together; what is no markup is tidied and escaped.

    Example:
        >>> join(["<", Markup("<br>")])
        Markup('&lt;<br>')
    """
    return Markup("").join(escape(safe(part)) for part in parts)


def safe(part: object) -> object:
    """Tidy a text that is about to be escaped; markup is left as it is.

    Example:
        >>> safe(Markup("<b>")), safe(3)
        (Markup('<b>'), 3)
    """
    if isinstance(part, str) and not isinstance(part, Markup):
        return tidy(part)
    return part


def css_text(text: str) -> str:
    """Write a text for use inside a quoted CSS value: all but letters and digits as codes.

    Example:
        >>> css_text("7Q-1") == "7Q" + chr(92) + "2d 1"
        True
    """
    return "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in tidy(text))
