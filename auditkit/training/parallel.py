"""Training in several processes, by torch's own DistributedDataParallel.

Every process holds all rows and takes its share of each batch, so that all together take the steps
that one process would take, up to rounding. Started by `torchrun --nproc-per-node 2 -m auditkit
train ...`, or by any program that sets what torchrun sets in the environment.

Each step waits for all processes, so a small network is faster in one. The first process alone
measures the validation loss, and the others take its word.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
from torch import distributed, nn

from auditkit.errors import AuditkitError
from auditkit.training.record import TrainingError

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

#: How long a process waits for the others to do their part, before all end.
TIMEOUT = timedelta(minutes=10)
#: How long a process that fails waits for the first one to say the same; unit: s.
GRACE = 3.0
#: What torchrun says in the environment.
VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Processes:
    """The processes that train one network together, seen from one of them.

    Attributes:
        rank: Number of this one, from 0.
        count: How many they are.

    Example:
        >>> Processes(rank=1, count=2).share(torch.tensor([5, 6, 7]))
        tensor([6])
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that speaks and writes."""
        return self.rank == 0

    def share(self, batch: torch.Tensor) -> torch.Tensor:
        """Rows of a batch that this process takes; together the shares are the batch."""
        return batch[self.rank :: self.count]

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network such that its gradients are means over all processes."""
        if self.count == 1:
            return network
        device = next(network.parameters()).device
        return nn.parallel.DistributedDataParallel(
            network, device_ids=[device] if device.type == "cuda" else None
        )

    def sum(self, number: float) -> float:
        """Sum of the numbers of all processes."""
        if self.count == 1:
            return number
        total = torch.tensor(number, dtype=torch.float64)
        distributed.all_reduce(total)
        return float(total)

    def agreed(self, measure: Callable[[], float]) -> float:
        """What the first process measures; the others take its word."""
        if self.count == 1:
            return measure()
        said = torch.tensor(measure() if self.first else 0.0, dtype=torch.float64)
        distributed.broadcast(said, 0)
        return float(said)

    def demand_same(self, what: str, *parts: torch.Tensor | str) -> None:
        """Raise in all processes unless all have the same, bit by bit.

        Args:
            what: What is compared, for the message.
            *parts: What it is made of.

        Raises:
            TrainingError: If one has something else.
        """
        if self.count == 1:
            return
        digest = hashlib.sha256()
        for part in parts:
            if isinstance(part, str):
                digest.update(part.encode())
            else:
                flat = part.detach().cpu().flatten().view(torch.uint8)  # of any type of numbers
                digest.update(flat.numpy().tobytes())
        mine = torch.tensor(list(digest.digest()), dtype=torch.uint8)
        found = [torch.empty_like(mine) for _ in range(self.count)]
        distributed.all_gather(found, mine)
        others = [str(rank + 1) for rank, one in enumerate(found) if not torch.equal(one, found[0])]
        if others:
            which = f"process {', '.join(others)} of {self.count}"
            raise TrainingError(f"{which} has other {what} than the first; nothing was saved")


def current() -> Processes:
    """The processes of torch's default group, or this one alone.

    Example:
        >>> current()
        Processes(rank=0, count=1)
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return Processes()
    return Processes(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def processes() -> Iterator[Processes]:
    """Join the processes that torchrun started, for as long as the block lasts.

    What all processes find wrong, the first one says, and the others end with status 2 in
    silence. What only some find wrong, they say themselves.

    Yields:
        The processes; this one alone where no others were started.

    Raises:
        TrainingError: If another process has stopped or does not answer.

    Example:
        >>> with processes() as here:
        ...     here.count
        1
    """
    if not all(os.environ.get(name) for name in VARIABLES) or os.environ["WORLD_SIZE"] == "1":
        yield Processes()
        return
    store = _join()
    here = current()
    try:
        yield here
    except AuditkitError as error:
        _say_once(here, store, str(error))
        if here.first:
            raise
        raise TrainingError(f"process {here.rank + 1} of {here.count}: {error}") from error
    except RuntimeError as error:
        if not _lost(error):
            raise
        found = f"process {here.rank + 1} of {here.count}: another process stopped or is silent"
        raise TrainingError(f"{found}; nothing was saved") from error
    finally:
        distributed.destroy_process_group()


def _join() -> Store:
    """Join the default group; what all say to each other before goes over its store."""
    from torch.distributed.rendezvous import rendezvous

    store: Store
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    store, rank, count = next(iter(rendezvous("env://", timeout=TIMEOUT)))
    distributed.init_process_group(
        backend,
        store=store,
        rank=rank,
        world_size=count,
        timeout=TIMEOUT,
    )
    return store


def _say_once(here: Processes, store: Store, said: str) -> None:
    """Let the first process go on to say what is wrong; end the others if they would say the same.

    They end last: what started them stops all as soon as one has ended.
    """
    if here.first:
        store.set("auditkit wrong", said)
        atexit.register(store.set, "auditkit ended", "yes")
        return
    if _appears(store, "auditkit wrong") and store.get("auditkit wrong").decode() == said:
        _appears(store, "auditkit ended")
        raise SystemExit(2)


def _appears(store: Store, key: str) -> bool:
    """Wait for a key a little; torch's own wait would write a warning of its own."""
    end = time.monotonic() + GRACE
    try:
        while not store.check([key]):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
    except RuntimeError:  # the first process, which may hold the store, has ended
        return False
    return True


def _lost(error: RuntimeError) -> bool:
    """Whether it is torch that says that another process does not answer."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error).lower()
