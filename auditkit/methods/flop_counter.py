"""A counter of operations: each that torch does while it is on, by torch's formulas and our own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, cast

import torch
from torch import nn, ops
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, shape_wrapper

#: An operation to what gives its count from what it is called with.
Formulas = Mapping[Any, Callable[..., int]]


class FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives no types
    """Counts while it is on. Does what `FlopCounterMode` does, at a fraction of its overhead.

    Attributes:
        flops: Operations so far.

    Example:
        >>> with FlopCounter() as counter:
        ...     _ = torch.zeros(2, 3) @ torch.zeros(3)
        >>> counter.flops
        12
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.flops = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - an operation of torch
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - what the operation gives
        """Do an operation and count it."""
        named = kwargs or {}
        formula = FORMULAS.get(func.overloadpacket)
        if formula is None and torch.is_inference_mode_enabled():
            # Elsewhere autograd has taken an operation apart before it comes here.
            with self:
                done = func.decompose(*args, **named)
            if done is not NotImplemented:
                return done
        out = func(*args, **named)
        if formula is not None:
            self.flops += formula(*args, **named, out_val=out)
        return out

    @contextlib.contextmanager
    def watching(self, network: nn.Module) -> Iterator[set[nn.Module]]:
        """Note the layers with weights of their own in whose way forward something is counted.

        Args:
            network: The network.

        Yields:
            The layers; filled in meanwhile.
        """
        counted: set[nn.Module] = set()
        began: list[int] = []

        def enter(_layer: nn.Module, _given: object) -> None:
            began.append(self.flops)

        def leave(layer: nn.Module, _given: object, _found: object) -> None:
            if self.flops > began.pop():
                counted.add(layer)

        layers = [layer for layer in network.modules() if [*layer.parameters(recurse=False)]]
        hooks = [layer.register_forward_pre_hook(enter) for layer in layers]
        hooks += [layer.register_forward_hook(leave) for layer in layers]
        try:
            yield counted
        finally:
            for hook in hooks:
                hook.remove()


def _added_product(
    _added: Sequence[int], left: Sequence[int], right: Sequence[int], *_: object, **__: object
) -> int:
    """A product, of matrices or of a matrix and a vector, that is added to something."""
    return 2 * prod(left) * (right[-1] if len(right) > 1 else 1)


def _convolution_backward(
    upwards: Sequence[int],
    inputs: Sequence[int],
    weight: Sequence[int],
    *rest: object,
    **_: object,
) -> int:
    """Each gradient, of the inputs and of the weight, costs what the way forward does."""
    *_settings, transposed, _padding, _groups, wanted = rest
    places = inputs if transposed else upwards
    forward = 2 * places[0] * prod(places[2:]) * prod(weight)
    return forward * sum(map(bool, cast("Sequence[bool]", wanted)[:2]))


def _vector_product(matrix: Sequence[int], *_: object, **__: object) -> int:
    return 2 * prod(matrix)


_OWN = {
    ops.aten.mv: _vector_product,
    ops.aten.addmv: _added_product,
    ops.aten.addmv_: _added_product,
    ops.aten.addmm_: _added_product,
    ops.aten.baddbmm_: _added_product,
    ops.aten.convolution_backward: _convolution_backward,
}
#: Torch's formulas, and those that it lacks (products with a vector, or added in place) or has
#: wrong (the backward pass of a grouped convolution).
FORMULAS: Formulas = flop_registry | {
    name: shape_wrapper(own)  # type: ignore[no-untyped-call]  # as above
    for name, own in _OWN.items()
}
