"""How many threads torch may use while auditkit works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread, and give back what it had.

    The networks here are small: a second thread gains little on an idle machine, costs twenty-fold
    on a busy one, and makes the last bits of a sum depend on the number of cores. Work is
    spread over processes instead. Does nothing where torch is not loaded.

    Example:
        >>> with one_thread():
        ...     pass
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
