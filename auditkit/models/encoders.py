"""Language encoders of transformers as networks over encoded rows of text."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from auditkit.encoding import SubwordEncoder
from auditkit.encoding.text import MOST_TOKENS, PAD
from auditkit.errors import InputError, Problem, quote
from auditkit.models.archives import refuse
from auditkit.models.checkpoints import CONFIG, WEIGHTS, Checkpoint, quietly, stated
from auditkit.models.outputs import told
from auditkit.training.networks import Network
from auditkit.training.text import closed_up, token_numbers

#: Tokens that are read of each text where nothing is said, unless the model reads fewer.
LENGTH = 512
#: Texts of full length whose states are computed at once where no gradient is kept.
TEXTS_AT_ONCE = 32
#: Settings of the model may ask for this many times the numbers that the weights hold.
MOST_SPARE = 4
#: Buffers that older versions wrote among the weights; they hold nothing that was learnt.
_NOT_LEARNT = ("position_ids", "token_type_ids", "inv_freq", ".masked_bias", ".attn.bias")


class EncoderNetwork(Network):
    """A model of transformers as a network over encoded rows; see `SubwordEncoder`.

    It closes up the tokens of each text, puts the special tokens around them and computes no
    further than the longest text. Where no gradient is kept it takes few rows at a time, those of
    like length together: memory is bounded and little is spent on padding.

    Attributes:
        config: Settings of the model, as `config.json` holds them.
        start: Digest of the folder that it came from, or None.
        texts_at_once: Texts of full length whose states are computed at once.
    """

    config: dict[str, Any]
    start: str | None

    def __init__(
        self,
        model: nn.Module,
        encoder: SubwordEncoder,
        config: Mapping[str, Any],
        *,
        start: str | None = None,
        texts_at_once: int = TEXTS_AT_ONCE,
    ) -> None:
        super().__init__(OrderedDict(model=model))
        self.start = start
        self.config = dict(config)
        self.texts_at_once = texts_at_once
        self._around = (encoder.before, encoder.after)
        self._tokens = encoder.tokens + 1
        self._length = encoder.length
        settings: Any = model.config
        self._pad = int(settings.pad_token_id or 0)
        self._outputs = int(settings.num_labels)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Give the numbers of encoded rows.

        Args:
            rows: Shape (n, places), as the encoder gives them.

        Returns:
            Shape (n,), or (n, outputs).
        """
        numbers, lengths = closed_up(token_numbers(rows, self._tokens))
        if torch.is_grad_enabled() and len(rows):
            return self._given(numbers, lengths).squeeze(-1)
        out = torch.zeros(len(rows), self._outputs)
        for part in self._parts(lengths):
            out[part] = self._given(numbers[part], lengths[part]).float()
        return out.squeeze(-1)

    def _parts(self, lengths: torch.Tensor) -> Iterator[torch.Tensor]:
        """Rows to compute at once, from the longest to the shortest."""
        order = torch.argsort(lengths, descending=True, stable=True)
        special = sum(map(len, self._around))
        start = 0
        while start < len(order):
            longest = max(1, int(lengths[order[start]]) + special)
            count = max(1, self.texts_at_once * self._length // longest)
            yield order[start : start + count]
            start += count

    def _given(self, numbers: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """What the model gives for texts without gaps: shape (n, outputs)."""
        before, after = (torch.tensor(part, dtype=torch.int64) for part in self._around)
        n, longest = len(numbers), int(lengths.max())
        # A model must see something, be it a token that is none.
        width = max(1, len(before) + longest + len(after))
        tokens = torch.full((n, width), self._pad)
        tokens[:, : len(before)] = before
        inside = numbers[:, :longest]
        tokens[:, len(before) : len(before) + longest] = torch.where(
            inside == PAD, self._pad, inside - 1
        )
        ends = len(before) + lengths[:, None]
        tokens.scatter_(1, ends + torch.arange(len(after)), after.expand(n, -1))
        there = torch.arange(width) < (ends + len(after)).clamp(min=1)
        model: Any = self.get_submodule("model")
        given: torch.Tensor = model(
            input_ids=tokens, attention_mask=there.long(), return_dict=True
        ).logits
        return given


def pretrained(
    checkpoint: Checkpoint,
    column: str,
    *,
    length: int | None = None,
    texts_at_once: int = TEXTS_AT_ONCE,
) -> tuple[EncoderNetwork, SubwordEncoder]:
    """Build the classifier that a folder holds, as it is.

    Args:
        checkpoint: What was read of the folder.
        column: The column of text.
        length: Tokens to read of each text, its first, the special ones counted; None takes 512,
            or as many as the model reads.
        texts_at_once: Texts of full length whose states are computed at once.

    Returns:
        The network, in evaluation mode, and the encoding by the folder's tokenizer.

    Raises:
        InputError: If the weights are not exactly those that the settings ask for, or the
            vocabulary or the length does not fit the model; every problem is listed.
    """
    model, report = loaded(checkpoint, stated(checkpoint.config), None)
    longest = longest_text(model, checkpoint.longest)
    taken = min(LENGTH, longest) if length is None else length
    encoder = SubwordEncoder.of(column, checkpoint.tokenizer, length=taken)
    problems = [
        *tensor_problems(
            f"{checkpoint.name}/{WEIGHTS}", report["missing_keys"], "no tensor", "one"
        ),
        *tensor_problems(
            f"{checkpoint.name}/{WEIGHTS}", report["unexpected_keys"], "a tensor", "none"
        ),
        *fit_problems(model, encoder, checkpoint.name, longest),
    ]
    if problems:
        raise InputError(problems)
    network = EncoderNetwork(model, encoder, checkpoint.config, texts_at_once=texts_at_once)
    return network.eval(), encoder


def longest_text(model: nn.Module, said: int | None) -> int:
    """Tokens that a text may have, the special ones counted.

    Args:
        model: A model of transformers.
        said: What its tokenizer says, or None.

    Returns:
        The least of that, the places that the model has learnt, and 4,096.
    """
    learnt = [
        layer.num_embeddings - (0 if layer.padding_idx is None else layer.padding_idx + 1)
        for name, layer in model.named_modules()
        if name.endswith("position_embeddings") and isinstance(layer, nn.Embedding)
    ]
    settings: Any = model.config
    most = getattr(settings, "max_position_embeddings", None)
    if not learnt and isinstance(most, int) and most > 0:
        learnt = [most]
    return min([MOST_TOKENS, *learnt, *([] if said is None else [said])])


def kind_of(settings: Any) -> Any:  # noqa: ANN401 - a class of transformers
    """Find the class that classifies sequences for some settings.

    Args:
        settings: As `stated` gives them.

    Returns:
        A subclass of `transformers.PreTrainedModel`.

    Raises:
        InputError: If there is none.
    """
    with quietly():
        from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING as KINDS

        try:
            return KINDS[type(settings)]
        except Exception:  # noqa: BLE001 - loading the class may raise anything
            found = f"a {settings.model_type}, which classifies no sequences"
            return refuse(CONFIG, found, "a model for sequence classification")


def attention_of(kind: Any) -> str:  # noqa: ANN401 - a class of transformers
    """Name the way to compute attention, so that no setting of a folder can choose another."""
    return "sdpa" if getattr(kind, "_supports_sdpa", False) else "eager"


def loaded(checkpoint: Checkpoint, settings: Any, seed: int | None) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    """Build a model with the weights of a folder, in float32.

    Args:
        checkpoint: What was read of the folder.
        settings: As `stated` gives them; not necessarily those of the folder.
        seed: Draws what is missing or of another shape; None refuses another shape.

    Returns:
        The model, and which tensors were missing, unexpected or of another shape: as
        `output_loading_info` of transformers.

    Raises:
        InputError: If the settings ask for much more than the folder holds, or do not fit.
    """
    kind = kind_of(settings)
    _demand_size(kind, settings, checkpoint)
    learnt = {
        key: tensor for key, tensor in checkpoint.tensors.items() if not key.endswith(_NOT_LEARNT)
    }
    with quietly(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0 if seed is None else seed)
        try:
            model, report = kind.from_pretrained(
                None,
                config=settings,
                state_dict=learnt,
                dtype=torch.float32,
                attn_implementation=attention_of(kind),
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
        except Exception as error:  # transformers raises many classes
            found = f"weights that do not fit the settings ({told(error)})"
            place = f"{checkpoint.name}/{WEIGHTS}"
            raise InputError([Problem(place, found, f"those of {CONFIG}")]) from error
    other = report["mismatched_keys"]
    if seed is None and other:
        shapes = [f"{key} of shape {tuple(found)}" for key, found, _ in sorted(other)]
        wanted = [str(tuple(shape)) for *_, shape in sorted(other)]
        raise InputError(
            [
                Problem(f"{checkpoint.name}/{WEIGHTS}", found, f"shape {shape}")
                for found, shape in zip(shapes[:5], wanted, strict=False)
            ]
        )
    return model, report


def _demand_size(kind: Any, settings: Any, checkpoint: Checkpoint) -> None:  # noqa: ANN401
    """Refuse settings that ask for much more than the weights hold, before memory is taken."""
    place, tensors = f"{checkpoint.name}/{CONFIG}", checkpoint.tensors
    layers = getattr(settings, "num_hidden_layers", 0)
    if isinstance(layers, int) and layers > len(tensors):
        refuse(f"{place} num_hidden_layers", f"{layers:,}", f"layers for {len(tensors):,} tensors")
    held = sum(tensor.numel() for tensor in tensors.values())
    with quietly(), torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                asked = sum(p.numel() for p in kind(copy.deepcopy(settings)).parameters())
        except Exception as error:  # whatever a strange setting leads to
            found = f"settings of no model that can be built ({told(error)})"
            raise InputError([Problem(place, found, "those of a whole model")]) from error
    if asked > MOST_SPARE * held:
        expected = f"those of the weights, which hold {held:,}"
        refuse(place, f"settings of a model of {asked:,} numbers", expected)


def tensor_problems(place: str, keys: Iterable[str], found: str, expected: str) -> list[Problem]:
    """Tell what is wrong with tensors: the first five by name, and how many more.

    Args:
        place: The file.
        keys: Names of the tensors; without any there is no problem.
        found: What is there instead, in words.
        expected: What would have been right.

    Returns:
        The problems.
    """
    names = sorted(keys)
    problems = [Problem(place, f"{found} {quote(key)}", expected) for key in names[:5]]
    if names[5:]:
        problems.append(Problem(place, f"{len(names) - 5:,} more like these", expected))
    return problems


def fit_problems(
    model: Any,  # noqa: ANN401 - of transformers
    encoder: SubwordEncoder,
    name: str,
    longest: int,
) -> Iterator[Problem]:
    """Tell whether a vocabulary and a length fit a model.

    Args:
        model: A model of transformers.
        encoder: Encoding of the texts.
        name: What to call the folder.
        longest: Tokens that a text may have; see `longest_text`.

    Yields:
        The problems.
    """
    held = model.get_input_embeddings().num_embeddings
    if encoder.tokens > held:
        yield Problem(
            f"{name} tokenizer",
            f"a vocabulary of {encoder.tokens:,} tokens",
            f"at most {held:,}, the vectors that the model has",
        )
    if encoder.length > longest:
        yield Problem("length", f"{encoder.length:,}", f"at most {longest:,}, as the model reads")
