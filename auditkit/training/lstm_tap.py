"""An LSTM on the way forward of private training, with the gradients at its gates.

Torch's own LSTM gives no gradient at its gates, from which those of each row's weights follow; so
its steps are computed here, forward and backward.

Source:
    Hochreiter and Schmidhuber (1997), Neural Computation 9:1735; Bu et al. (2023),
    arXiv:2210.00038.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from auditkit.training.record import TrainingError
from auditkit.training.taps import Tap, add_to, rooted

#: Gradients of the nonlinearities from what they gave, into a tensor that is there.
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


@dataclass(frozen=True)
class Packed:
    """Steps of several rows, step after step, those with the most steps first.

    Attributes:
        data: What is at each step, shape (all steps, width).
        sizes: Rows that have a first step, a second, and so on.
        order: Number of the row with the most steps, and so on, shape (n,); None where all are
            equally long and stand in their order.
    """

    data: torch.Tensor
    sizes: tuple[int, ...]
    order: torch.Tensor | None = None

    @classmethod
    def of(cls, steps: torch.Tensor | PackedSequence) -> Packed:
        """Read what an LSTM takes: shape (n, steps, width), or packed."""
        if isinstance(steps, PackedSequence):
            return cls(steps.data, tuple(steps.batch_sizes.tolist()), steps.sorted_indices)
        rows, count, width = steps.shape
        return cls(steps.transpose(0, 1).reshape(count * rows, width), (rows,) * count)

    @property
    def rows(self) -> torch.Tensor:
        """Row of each step, shape (all steps,)."""
        if self.order is None:
            return torch.arange(self.sizes[0]).repeat(len(self.sizes))
        return torch.cat([self.order[:size] for size in self.sizes])

    @property
    def before(self) -> torch.Tensor:
        """Place of the step before each, shape (all steps but the first of each row,)."""
        ends = torch.tensor(self.sizes).cumsum(0).tolist()
        starts = [0, *ends[:-2]]
        pairs = zip(starts, self.sizes[1:], strict=True)
        return torch.cat([torch.arange(start, start + size) for start, size in pairs])

    @property
    def lasts(self) -> torch.Tensor:
        """Place of the last step of each row, shape (n,), in the order of the rows."""
        sizes = torch.tensor(self.sizes)
        places = torch.arange(self.sizes[0])
        lengths = (sizes[:, None] > places).sum(0)
        found = (sizes.cumsum(0) - sizes)[lengths - 1] + places
        return found if self.order is None else found[self.order.argsort()]

    def by_row(self, data: torch.Tensor) -> torch.Tensor:
        """Give steps row by row, zeros beyond the end: (n, steps, width), longest rows first."""
        if self.order is None:
            return data.view(len(self.sizes), self.sizes[0], -1).transpose(0, 1)
        sizes = torch.tensor(self.sizes)
        return pad_packed_sequence(PackedSequence(data, sizes), batch_first=True)[0]


@dataclass(frozen=True)
class LSTMTap:
    """One layer of an LSTM.

    Attributes:
        weights: Input weights, recurrent weights and their two biases.
        inputs: What goes into each step, width p + hidden: its inputs, then the hidden state
            before it.
        outputs: What the inputs add to the gates before their nonlinearities, shape
            (all steps, 4 hidden). The gradient there is that of the gates themselves.
    """

    weights: tuple[nn.Parameter, ...]
    inputs: Packed
    outputs: torch.Tensor

    @property
    def numbers(self) -> int:
        """Inputs, gates and states, and what `squared_norms` makes of them."""
        rows, steps = self.inputs.sizes[0], len(self.inputs.sizes)
        wide, high = self.inputs.data.shape[1], self.outputs.shape[1]
        kept = 3 * self.inputs.data.numel() + 2 * self.outputs.numel()
        return kept + 2 * rows * min(steps * steps, wide * high)

    def squared_norms(self, deltas: torch.Tensor) -> torch.Tensor:
        """Sum over pairs of steps: (delta.delta') (input.input' + state.state' + 2 biases)."""
        inputs, by_row = self.inputs.by_row(self.inputs.data), self.inputs.by_row(deltas)
        both_biases = by_row.sum(1).square_().sum(1).mul_(2.0)
        steps, wide, high = inputs.shape[1], inputs.shape[2], by_row.shape[2]
        if steps * (wide + high) > wide * high:  # long sequences: the sums themselves are smaller
            squared = torch.bmm(by_row.mT, inputs).square_().sum((1, 2))
        else:
            squared = torch.bmm(inputs, inputs.mT).mul_(torch.bmm(by_row, by_row.mT)).sum((1, 2))
        squared.add_(both_biases).clamp_(min=0.0)
        if self.inputs.order is None:
            return squared
        return torch.empty_like(squared).index_copy_(0, self.inputs.order, squared)

    def write(self, deltas: torch.Tensor, factors: torch.Tensor) -> None:
        """Add the scaled sums."""
        each = factors[self.inputs.rows]
        # The inputs are scaled, for they are narrower; and this way round, because a product with
        # few columns is several times slower.
        both = ((self.inputs.data * each[:, None]).t() @ deltas).t()
        into, again, *biases = self.weights
        add_to(into, both[:, : into.shape[1]].contiguous())
        add_to(again, both[:, into.shape[1] :].contiguous())
        bias = each @ deltas
        add_to(biases[0], bias)
        add_to(biases[1], bias.clone())


#: The part of what an LSTM gives that the layer after takes.
Last = tuple[tuple[()], tuple[torch.Tensor]]


def walk_lstm(layer: nn.LSTM, steps: torch.Tensor | PackedSequence, taps: list[Tap]) -> Last:
    """Compute the last hidden state that `layer(steps)` gives, layer by layer.

    Args:
        layer: The LSTM.
        steps: Shape (n, steps, width), n > 0, or packed.
        taps: Where its layers are added.

    Returns:
        What `LastState` takes.

    Raises:
        TrainingError: If the LSTM is one that is not computed here.
    """
    plain = layer.bias and layer.batch_first and not (layer.bidirectional or layer.proj_size)
    if not plain:
        raise TrainingError(f"no private training for {layer}: only for a plain LSTM, batch first")
    inputs = Packed.of(steps)
    for number in range(layer.num_layers):
        if number and layer.dropout:
            dropped = functional.dropout(inputs.data, layer.dropout, layer.training)
            inputs = replace(inputs, data=dropped)
        names = ("weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l")
        weights = tuple(getattr(layer, f"{name}{number}") for name in names)
        into, again, *biases = (weight.detach() for weight in weights)
        gates = rooted(functional.linear(inputs.data, into, biases[0] + biases[1]))
        apply: Any = _Recurrence.apply  # which torch leaves without types
        hidden: torch.Tensor = apply(gates, again, inputs.sizes)
        met = torch.cat([inputs.data.detach(), _states_before(hidden.detach(), inputs)], dim=1)
        taps.append(LSTMTap(weights, replace(inputs, data=met), gates))
        inputs = replace(inputs, data=hidden)
    return (), (inputs.data.index_select(0, inputs.lasts)[None],)


def _states_before(hidden: torch.Tensor, steps: Packed) -> torch.Tensor:
    """The hidden state before each step: zeros before the first."""
    first = steps.sizes[0]
    before = torch.zeros_like(hidden)
    if steps.order is None:
        before[first:] = hidden[:-first]
    elif len(steps.sizes) > 1:
        before[first:] = hidden.index_select(0, steps.before)
    return before


class _Recurrence(torch.autograd.Function):
    """The steps of one layer: what the inputs add to the gates, to the hidden states.

    The gates overwrite what was added, and their gradients the gates: nobody else reads either.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's own
        added: torch.Tensor,
        again: torch.Tensor,
        sizes: tuple[int, ...],
    ) -> torch.Tensor:
        wide, turned = again.shape[1], again.t()
        gates = added.detach()
        hidden = gates.new_empty(len(gates), wide)
        cells, bent = torch.empty_like(hidden), torch.empty_like(hidden)
        state = cell = gates.new_zeros(sizes[0], wide)
        parts = (torch.split(tensor, [*sizes]) for tensor in (gates, hidden, cells, bent))
        for size, gate, now, kept, curved in zip(sizes, *parts, strict=True):
            if size < len(state):
                state, cell = state[:size], cell[:size]
            gate.addmm_(state, turned)
            gate[:, : 2 * wide].sigmoid_()
            gate[:, 2 * wide : 3 * wide].tanh_()
            gate[:, 3 * wide :].sigmoid_()
            entry, forget, new, leave = gate.chunk(4, dim=1)
            torch.mul(forget, cell, out=kept)
            cell = kept.addcmul_(entry, new)
            torch.tanh(cell, out=curved)
            state = torch.mul(leave, curved, out=now)
        ctx.save_for_backward(gates, cells, bent, again)
        ctx.sizes = sizes
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upwards: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # noqa: ANN401 - torch's own
        gates, cells, bent, again = ctx.saved_tensors
        sizes: tuple[int, ...] = ctx.sizes
        parts = [torch.split(tensor, [*sizes]) for tensor in (gates, cells, bent, upwards)]
        to_cell = cells.new_zeros(sizes[0], again.shape[1])
        start, later = torch.zeros_like(to_cell), None
        for step in reversed(range(len(sizes))):
            size = sizes[step]
            gate, cell, curved, given = (part[step] for part in parts)
            to_state = _from_later(given, later, again)
            before = parts[1][step - 1][:size] if step else start
            entry, forget, new, leave = gate.chunk(4, dim=1)
            through = to_cell[:size]
            through.add_(
                _tanh_backward(to_state * leave, curved, grad_input=torch.empty_like(cell))
            )
            to_new = through * entry
            _sigmoid_backward(through * new, entry, grad_input=entry)
            _tanh_backward(to_new, new, grad_input=new)
            to_forget = through * before
            through.mul_(forget)
            _sigmoid_backward(to_forget, forget, grad_input=forget)
            _sigmoid_backward(to_state.mul_(curved), leave, grad_input=leave)
            later = gate
        return gates, None, None


def _from_later(
    given: torch.Tensor, later: torch.Tensor | None, again: torch.Tensor
) -> torch.Tensor:
    """Gradient at a hidden state: from the layers above, and from the next step."""
    if later is None:
        return given.clone()
    if len(later) == len(given):
        return torch.addmm(given, later, again)
    found = given.clone()
    found[: len(later)].addmm_(later, again)
    return found
