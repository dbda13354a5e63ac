"""A verdict as the page shows it: always shape, word and colour together."""

from __future__ import annotations

from markupsafe import Markup

from auditkit.render.page import State
from auditkit.render.text import el, join
from auditkit.render.words import Words

#: Class that carries colour and shape.
CLASS: dict[State, str] = {
    "fail": "fail",
    "error": "err",
    "inconclusive": "open",
    "not_measured": "none",
    "not_judged": "unj",
    "pass": "pass",
    "not_applicable": "na",
}

#: Outlines in a square of 16; class b is filled, x is drawn over it, q is dashed.
_SHAPES: dict[State, Markup] = {
    "fail": Markup('<path class="b" d="M1 1h14v14H1z"/><path class="x" d="M5 5l6 6M11 5l-6 6"/>'),
    "error": Markup('<path d="M8 1.6L15 14.4H1zM8 6v4M8 11.6v1.2"/>'),
    "inconclusive": Markup(
        '<path d="M8 .9L15.1 8 8 15.1.9 8zM6.2 6.6C6.2 4.6 9.8 4.6 9.8 6.6 '
        '9.8 7.9 8 7.8 8 9.3M8 10.6v1.2"/>'
    ),
    "not_measured": Markup('<path class="q" d="M1.8 1.8h12.4v12.4H1.8z"/><path d="M5 8h6"/>'),
    "not_judged": Markup('<circle class="q" cx="8" cy="8" r="6.5"/><path d="M5 8h6"/>'),
    "pass": Markup('<circle cx="8" cy="8" r="6.5"/><path d="M5 8.2l2.1 2.2L11 6"/>'),
    "not_applicable": Markup('<path d="M3 13L13 3"/>'),
}


def shapes() -> Markup:
    """The shapes, once for the whole page; `glyph` refers to them."""
    symbols = [
        el("symbol", shape, id=f"g-{CLASS[state]}", viewBox="0 0 16 16")
        for state, shape in _SHAPES.items()
    ]
    return el("svg", *symbols, cls="shapes", width="0", height="0", aria_hidden="true")


def glyph(state: State) -> Markup:
    """The shape of a verdict, in its colour.

    Example:
        >>> glyph("pass")
        Markup('<svg class="g pass" role=none><use href=#g-pass /></svg>')
    """
    shape = el("use", href=f"#g-{CLASS[state]}")
    return el("svg", shape, cls=f"g {CLASS[state]}", role="none")


def verdict(state: State, words: Words) -> Markup:
    """Shape, word and colour of a verdict."""
    text = join([glyph(state), words(f"verdict.{state}")])
    return el("span", text, cls=f"vd {CLASS[state]}")
