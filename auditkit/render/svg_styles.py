"""The style sheet of the page written into its drawings, for a printer that does not do it.

WeasyPrint draws inline SVG by its attributes alone. So what `style.css` says of a drawing on
paper is worked out here, by the rules of the cascade, and written as `fill`, `stroke`,
`font-size` and so on; what `use` refers to is put in its place. New classes need nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

import cssselect2
import tinycss2

SVG = "{http://www.w3.org/2000/svg}"
#: What is written as an attribute.
WRITTEN = re.compile(
    "fill|fill-opacity|stroke|stroke-(width|dasharray|linecap|linejoin|opacity)|opacity|"
    "text-anchor|font-(size|weight|family)"
)
_VARIABLE = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,\s*([^()]*|var\([^()]*\)))?\)")
_FONT = re.compile(r"(\d{3}) ([\d.]+(?:px|pt))(?:/\S+)? (.+)")

_STEP = re.compile(r"([MLHVmlhv]?)([-\d., ]+)")
#: About how wide a drawing is on paper, and one in a panel or in one of two columns; unit: pixels.
WIDTH, WIDTHS = 616.0, {"sm": 325.0, "cols": 260.0}

Style = dict[str, str]


def inline(root: cssselect2.ElementWrapper, css: str) -> None:
    """Write the styles of all drawings of a page into them.

    Args:
        root: The page; its drawings are replaced in place.
        css: The style sheet.
    """
    Inliner(root, css).run()


class Inliner:
    """One page whose drawings are styled.

    Attributes:
        root: The page.
        matcher: Gives the declarations that apply to an element.
        known: Styles of the elements around the drawings, by element.
        ids: Elements that `use` may refer to, by id.
    """

    def __init__(self, root: cssselect2.ElementWrapper, css: str) -> None:
        self.root, self.matcher = root, _matcher(css)
        self.known: dict[Element, Style] = {}
        self.ids = {
            found.id: found for found in root.iter_subtree() if found.id and _is_drawn(found)
        }

    def run(self) -> None:
        """Replace what is in each outermost drawing."""
        for wrapper in list(self.root.iter_subtree()):
            if wrapper.etree_element.tag == f"{SVG}svg" and not _is_drawn(wrapper.parent):
                drawing, style = wrapper.etree_element, self._around(wrapper)
                parts = list(self._parts(wrapper, style))
                del drawing[:]
                drawing.extend(parts)
                drawing.attrib |= _attributes(style)

    def _around(self, wrapper: cssselect2.ElementWrapper) -> Style:
        """The style of an element, from those around it."""
        found = self.known.get(wrapper.etree_element)
        if found is None:
            outer = {} if wrapper.parent is None else self._around(wrapper.parent)
            found = self.known[wrapper.etree_element] = self._style(wrapper, outer)
        return found

    def _style(self, wrapper: cssselect2.ElementWrapper, outer: Mapping[str, str]) -> Style:
        """What applies to an element: colour and custom properties also from around it."""
        style = {k: v for k, v in outer.items() if k == "color" or k.startswith("--")}
        own: Style = {}
        for *_, declarations in self.matcher.match(wrapper):  # the stronger ones come later
            own |= declarations
        style |= {k: v for k, v in own.items() if k.startswith("--")}
        for key, value in own.items():
            if not key.startswith("--") and value != "inherit":
                style |= _long(key, _filled(value, style))
        return style

    def _parts(self, wrapper: cssselect2.ElementWrapper, style: Style) -> Iterator[Element]:
        for child in wrapper.iter_children():
            if child.etree_element.tag != f"{SVG}defs":
                yield from self._drawn(child, style)

    def _drawn(self, wrapper: cssselect2.ElementWrapper, outer: Style) -> Iterator[Element]:
        """An element with its style as attributes; nothing where it is not shown."""
        style, old = self._style(wrapper, outer), wrapper.etree_element
        if style.get("display") == "none":
            return
        kept = {k: v for k, v in old.attrib.items() if k not in ("class", "href", "id")}
        if old.tag == f"{SVG}use":
            yield from self._used(self.ids[old.get("href")[1:]], style)
            return
        new = Element(old.tag, kept | _attributes(style))
        if old.tag == f"{SVG}svg":
            new.set("overflow", "visible")
        new.text = old.text
        new.extend(self._parts(wrapper, style))
        if old.get("preserveAspectRatio") == "none":
            _widen(new, _width(wrapper))
        yield new

    def _used(self, wrapper: cssselect2.ElementWrapper, outer: Style) -> Iterator[Element]:
        """What `use` refers to; a symbol fills the drawing that it is used in."""
        if wrapper.etree_element.tag != f"{SVG}symbol":
            yield from self._drawn(wrapper, outer)
            return
        frame = {"viewBox": wrapper.etree_element.get("viewBox"), "width": "100%", "height": "100%"}
        new = Element(f"{SVG}svg", frame)
        new.extend(self._parts(wrapper, self._style(wrapper, outer)))
        yield new


def _width(wrapper: cssselect2.ElementWrapper) -> float:
    """About how wide a frame of curves is on paper; unit: pixels."""
    around = {name for outer in wrapper.ancestors for name in outer.classes}
    width = next((width for name, width in WIDTHS.items() if name in around), WIDTH)
    return width * float(wrapper.etree_element.get("width", "100%").rstrip("%")) / 100


def _widen(frame: Element, width: float) -> None:
    """Give a frame that is stretched over its drawing about the size that it will have.

    Its lines keep their thickness on the page, but a printer stretches them with it.
    """
    _, _, old, height = (float(number) for number in frame.get("viewBox", "").split())
    frame.attrib |= {
        "viewBox": f"0 0 {width:g} {height:g}",
        "width": frame.get("width", "100%"),
        "height": frame.get("height", f"{height:g}"),
    }
    for part in frame.iter():
        for name in part.attrib.keys() & {"d", "points"}:
            part.set(name, _STEP.sub(lambda step: _wider(step, width / old), part.attrib[name]))


def _wider(step: re.Match[str], by: float) -> str:
    """A step of a path made wider: numbers are across, down, or pairs of both."""
    kind, numbers = step[1].upper(), [float(n) for n in step[2].replace(",", " ").split()]
    if kind != "V":
        every = 1 if kind == "H" else 2
        numbers[::every] = [round(number * by, 2) for number in numbers[::every]]
    return step[1] + " ".join(f"{number:g}" for number in numbers)


def _is_drawn(wrapper: cssselect2.ElementWrapper | None) -> bool:
    return wrapper is not None and str(wrapper.etree_element.tag).startswith(SVG)


def _attributes(style: Style) -> Style:
    color = style.get("color", "#000")
    # An outline that the page draws behind a text would be drawn over it, and is left out.
    outline = "stroke" if style.get("paint-order") == "stroke" else "-"
    return {
        key: color if value == "currentColor" else value
        for key, value in style.items()
        if WRITTEN.fullmatch(key) and not key.startswith(outline)
    }


def _filled(value: str, style: Style) -> str:
    """A value with its custom properties put in."""
    while found := _VARIABLE.search(value):
        given = style.get(found[1], found[2] or "")
        value = value[: found.start()] + given + value[found.end() :]
    return value


def _long(key: str, value: str) -> Style:
    """A declaration, the shorthand of a font taken apart."""
    if key != "font":
        return {key: value}
    found = _FONT.fullmatch(value)
    if found is None:
        return {}
    return {"font-weight": found[1], "font-size": found[2], "font-family": found[3]}


def _matcher(css: str) -> cssselect2.Matcher:
    """The rules for paper that say anything of a drawing."""
    matcher = cssselect2.Matcher()
    for rule in _rules(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)):
        declared = {
            found.name: tinycss2.serialize(found.value).strip()
            for found in tinycss2.parse_blocks_contents(rule.content)
            if found.type == "declaration" and _concerns(found.name)
        }
        if declared:
            for selector in cssselect2.compile_selector_list(rule.prelude):
                if selector.pseudo_element is None:
                    matcher.add_selector(selector, declared)
    return matcher


def _rules(nodes: list[tinycss2.ast.Node]) -> Iterator[tinycss2.ast.QualifiedRule]:
    for node in nodes:
        if node.type == "qualified-rule":
            yield node
        elif node.type == "at-rule" and tinycss2.serialize(node.prelude).strip() == "print":
            yield from _rules(tinycss2.parse_rule_list(node.content, skip_whitespace=True))


def _concerns(name: str) -> bool:
    known = name.startswith("--") or name in ("color", "font", "display", "paint-order")
    return known or bool(WRITTEN.fullmatch(name))
