"""Calls in several processes, on this machine or on a Ray cluster."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from auditkit.errors import InputError, MissingExtraError, Problem, quote
from auditkit.methods.shapley import Each

#: Where the processes are: on this machine, or on a Ray cluster.
BACKENDS = ("loky", "ray")


def each_in(jobs: int, backend: str = "loky") -> Each:
    """Choose how call after call is made.

    Args:
        jobs: Processes; 1 stays in this one, unless they are Ray's.
        backend: "loky" for processes on this machine; "ray" for the cluster that the environment
            variable RAY_ADDRESS names, or one that is started here where there is none.

    Returns:
        What `auditkit.methods.shapley.shapley` takes as `each`; results come in order.

    Raises:
        InputError: If there is no such number of processes, or no such backend.

    Example:
        >>> list(each_in(1)(pow, [(2, 3), (3, 2)]))
        [8, 9]
    """
    if not isinstance(jobs, int) or jobs < 1:
        raise InputError([Problem("jobs", quote(jobs), "a whole number from 1")])
    if backend not in BACKENDS:
        raise InputError([Problem.unknown("backend", backend, BACKENDS, "a backend")])
    return itertools.starmap if (jobs, backend) == (1, "loky") else _Processes(jobs, backend)


class _Processes:
    """Calls in several processes at once; each gets a copy of the model."""

    def __init__(self, jobs: int, backend: str) -> None:
        self._jobs, self._backend = jobs, backend

    def __call__(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]
    ) -> Iterable[Any]:
        import joblib

        memory = {"max_nbytes": None} if self._backend == "loky" else {}
        try:
            with _ray() if self._backend == "ray" else nullcontext():
                return list(
                    joblib.Parallel(n_jobs=self._jobs, backend=self._backend, **memory)(
                        joblib.delayed(function)(*call) for call in calls
                    )
                )
        except Exception as error:
            # Its class is in a module that nothing here may import.
            if type(error).__name__ != "PicklingError":
                raise
            found = f"a model that cannot be sent to another process ({quote(error)})"
            raise InputError([Problem("jobs", found, "jobs = 1 for this model")]) from error


@contextmanager
def _ray() -> Iterator[None]:
    """Connect to a Ray cluster, or start one of this machine for as long as it is needed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent that nobody asked for
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        message = f"The backend 'ray' needs Ray: pip install 'auditkit-rai[ray]' ({error})"
        raise MissingExtraError(message) from error
    ours = not ray.is_initialized()
    if ours:
        try:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
        except ConnectionError as error:
            found = "no Ray cluster that answers, or lets us in, at RAY_ADDRESS"
            raise InputError([Problem("backend 'ray'", found, "its address, or none")]) from error
    register_ray()
    try:
        yield
    finally:
        if ours:
            ray.shutdown()
