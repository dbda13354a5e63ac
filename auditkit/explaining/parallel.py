"""Blocks of rows explained in several processes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from auditkit.errors import InputError, Problem, quote
from auditkit.methods.shapley import Each


def each_in(jobs: int) -> Each:
    """Choose how block after block of rows is explained.

    Args:
        jobs: Processes; 1 stays in this one.

    Returns:
        What `auditkit.methods.shapley.shapley` takes as `each`.

    Raises:
        InputError: If there is no such number of processes.

    Example:
        >>> list(each_in(1)(pow, [(2, 3), (3, 2)]))
        [8, 9]
    """
    if not isinstance(jobs, int) or jobs < 1:
        raise InputError([Problem("jobs", quote(jobs), "a whole number from 1")])
    return itertools.starmap if jobs == 1 else _Processes(jobs)


class _Processes:
    """Calls in several processes at once; each gets a copy of the model."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def __call__(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]
    ) -> Iterable[Any]:
        import joblib

        try:
            return list(
                joblib.Parallel(n_jobs=self._jobs, backend="loky", max_nbytes=None)(
                    joblib.delayed(function)(*call) for call in calls
                )
            )
        except Exception as error:
            # Its class is in a module that nothing here may import.
            if type(error).__name__ != "PicklingError":
                raise
            found = f"a model that cannot be sent to another process ({quote(error)})"
            raise InputError([Problem("jobs", found, "jobs = 1 for this model")]) from error
