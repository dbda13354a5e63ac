"""One column of a table, and what can be told from its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from auditkit.starting import naming

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["truth", "number", "text", "list", "other"]
#: Rows from which on a column that differs in every row looks like an identifier.
ENOUGH_ROWS = 20


class Column:
    """One column: its values, and what can be told from them."""

    def __init__(self, values: pd.Series) -> None:
        self.held = values
        self.name = str(values.name)
        self.kind = _kind(values)
        self.missing = int(values.isna().sum())
        countable = self.kind in {"truth", "number", "text"}
        self.count = int(values.nunique()) if countable else 0

    @property
    def distinct(self) -> list[Any]:
        """The values of a column with few, in sorted order."""
        return sorted(self.held.dropna().unique().tolist(), key=lambda v: (str(type(v)), v))

    @property
    def is_binary(self) -> bool:
        """Whether it has two values, both finite, and none missing."""
        return self.count == 2 and not self.missing and not self.is_endless

    @property
    def is_endless(self) -> bool:
        """Whether some numbers are infinite."""
        import numpy as np

        if self.kind != "number":
            return False
        numbers = self.held.to_numpy(dtype=np.float64, na_value=np.nan)
        return bool(np.isinf(numbers).any())

    @property
    def is_decile(self) -> bool:
        """Whether it holds whole numbers from 1 to 10, and is a score by its name."""
        if not naming.is_decile(self.name) or self.kind != "number" or self.missing:
            return False
        return bool(self.held.isin(range(1, 11)).all())

    def differs_everywhere(self) -> bool:
        """Whether it has another value in every row, and is no measure."""
        import pandas as pd

        if self.count != len(self.held) or self.count < ENOUGH_ROWS:
            return False
        if self.kind != "number":
            return True
        dense = self.held.max() - self.held.min() < 1.5 * self.count
        return bool(not pd.api.types.is_float_dtype(self.held) and (dense or self.count >= 1_000))


def _kind(values: pd.Series) -> Kind:
    import numpy as np
    import pandas as pd

    types = pd.api.types
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = pd.Series(values.cat.categories)
    if types.is_bool_dtype(values):
        return "truth"
    if types.is_numeric_dtype(values) and not types.is_complex_dtype(values):
        return "number"
    if not (types.is_object_dtype(values) or types.is_string_dtype(values)):
        return "other"
    found = {type(value) for value in values.dropna()}
    if found <= {str}:
        return "text"
    if found <= {bool}:
        return "truth"
    return "list" if found <= {list, tuple, set, np.ndarray} else "other"
