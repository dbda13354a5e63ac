"""The progress bar: on stderr, or as a widget where a notebook has them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import Any


def bar(things: Iterable[Any], **named: Any) -> Any:  # noqa: ANN401 - tqdm has no types
    """Make a bar over things.

    A notebook is known by what it has loaded already; nothing of it is imported. Without
    ipywidgets the bar is written as text there.

    Args:
        things: What is gone through.
        **named: As tqdm takes them: `desc`, `unit`, `total`, `initial`, `disable`.

    Returns:
        The things again; to be used in a `with`.

    Example:
        >>> with bar([1, 2], disable=True) as shown:
        ...     list(shown)
        [1, 2]
    """
    if in_notebook() and not named.get("disable"):
        from tqdm import TqdmWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TqdmWarning)  # that there are no widgets is no fault
            from tqdm.notebook import IProgress, tqdm_notebook

            if IProgress is not None:
                return tqdm_notebook(things, **named)
    from tqdm import tqdm

    return tqdm(things, file=sys.stderr, **named)


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook.

    Example:
        >>> in_notebook()
        False
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    running = shell() if shell is not None else None
    return running is not None and "IPKernelApp" in getattr(running, "config", {})
