"""Count the floating-point operations of a torch network, one multiply-add as two."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class FlopCount:
    """Operations that one row costs.

    Attributes:
        flops_per_sample: Floating-point operations a row. Matrix products, convolutions and
            attention; not lookups, normalisations, activations, and the optimiser's arithmetic.
        not_counted: Modules with parameters in which no operation was counted, as
            "path (Type)": the true figure is higher where they compute.
    """

    flops_per_sample: int
    not_counted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """Operations of a piece of work.

    Attributes:
        flops: Floating-point operations, as in `FlopCount`.
        not_counted: As in `FlopCount`.
    """

    flops: int
    not_counted: tuple[str, ...]


def count_flops(
    network: torch.nn.Module, example: npt.NDArray[np.generic], *, training: bool = False
) -> FlopCount:
    """Count the operations of one pass of some rows through a network.

    Args:
        network: The network; its mode, gradients, buffers and the random state stay as they are.
        example: Encoded rows, shape (b, ...), of the type that the network takes.
        training: Count a training step: forward, and backward to the parameters that are trained
            (no gradient of the input). Loss and optimiser are not counted.

    Returns:
        The count of a row; a mean, rounded, where rows differ in length.

    Raises:
        ValueError: If there is no row.

    Example:
        >>> import torch
        >>> count_flops(torch.nn.Linear(10, 3), np.zeros((4, 10), np.float32)).flops_per_sample
        60
    """
    import torch

    if len(example) == 0:
        raise ValueError("operations are counted on at least one row")
    rows = torch.tensor(example)

    def work() -> None:
        output = _first(network(rows))
        if training:
            _backward(network, output)

    found = count_work(network, work, training=training)
    return FlopCount(round(found.flops / len(example)), found.not_counted)


def count_work(
    network: torch.nn.Module, work: Callable[[], object], *, training: bool = True
) -> Work:
    """Count the operations of whatever is done with a network.

    Torch's counter reads 0 for two kinds of layers on a CPU, because their fused kernels have no
    formula: `nn.LSTM` (oneDNN), and attention in evaluation mode (the fast path) or through the
    flash kernel. Here the work is done without those kernels, through the same mathematics in
    operations that are counted; everything is put back afterwards. The network is in evaluation
    mode meanwhile, which counts the same as training mode and changes no running statistics.

    Args:
        network: The network, on the CPU.
        work: What is counted.
        training: Whether gradients are kept.

    Returns:
        The count.

    Source:
        `torch.utils.flop_counter`; see `auditkit.methods.flop_counter`.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(10, 1)
        >>> count_work(layer, lambda: layer(torch.zeros(4, 10)).sum().backward()).flops
        160
    """
    import torch

    from auditkit.methods.flop_counter import FlopCounter

    counter = FlopCounter()
    with (
        _evaluating(network),
        _countable_kernels(),
        torch.random.fork_rng(devices=[]),
        torch.set_grad_enabled(training),
        counter.watching(network) as counted,
        counter,
    ):
        work()
    return Work(counter.flops, tuple(_uncounted(network, counted)))


def _first(output: object) -> torch.Tensor:
    """The output itself, or the first of several (a recurrent layer gives its states too)."""
    import torch

    while isinstance(output, (tuple, list)):
        output = output[0]
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"a network gives a tensor; got {type(output).__name__}")
    return output


def _backward(network: torch.nn.Module, output: torch.Tensor) -> None:
    """Run the backward pass to the trained parameters without touching their `.grad`."""
    import torch

    trained = [p for p in network.parameters() if p.requires_grad]
    if trained:
        torch.autograd.grad(output.sum(), trained, allow_unused=True)


@contextlib.contextmanager
def _evaluating(network: torch.nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextlib.contextmanager
def _countable_kernels() -> Iterator[None]:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast = torch.backends.mha.get_fastpath_enabled()
    with warnings.catch_warnings():
        # Switching oneDNN off and on makes torch remark on Intel GPUs that it was not built for.
        warnings.filterwarnings("ignore", message="TF32 acceleration on top of oneDNN")
        try:
            torch.backends.mha.set_fastpath_enabled(False)
            with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
                yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)


def _uncounted(network: torch.nn.Module, counted: set[torch.nn.Module]) -> Iterator[str]:
    """Name the modules with own parameters in which nothing was counted."""
    import torch

    for path, module in network.named_modules():
        if module in counted and isinstance(module, torch.nn.MultiheadAttention):
            # Attention multiplies by this layer's weight itself, and the count is attention's.
            counted.add(module.out_proj)
        has_parameters = any(True for _ in module.parameters(recurse=False))
        if has_parameters and module not in counted:
            yield f"{path or 'the network'} ({type(module).__name__})"
