"""Has the reference show docstrings and defaults as a reader wants them; nothing else changes."""

from __future__ import annotations

import re
from typing import Any

import griffe


class AsReadersWant(griffe.Extension):
    """Changes what was read of the source before it is drawn."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:  # noqa: ANN401 - what griffe gives
        """Show the section "Example" as code, as the section "Examples" is."""
        if obj.docstring is not None:
            text = obj.docstring.value
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:  # noqa: ANN401 - as above
        """Show the default of `setting(default, limit)`, not the call."""
        call = attr.value
        if isinstance(call, griffe.ExprCall) and str(call.function) == "setting":
            first = call.arguments[0]
            attr.value = first.value if isinstance(first, griffe.ExprKeyword) else first
