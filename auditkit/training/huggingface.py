"""Tuning language encoders: what it starts from, its adapters, and what is saved.

Source:
    Hu et al. (2022), "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from auditkit.encoding import SubwordEncoder
from auditkit.errors import InputError, Problem
from auditkit.models.archives import refuse
from auditkit.models.checkpoints import (
    CONFIG,
    WEIGHTS,
    checked_config,
    quietly,
    read_checkpoint,
    stated,
)
from auditkit.models.encoders import (
    EncoderNetwork,
    attention_of,
    fit_problems,
    kind_of,
    loaded,
    longest_text,
    tensor_problems,
)
from auditkit.models.settings import missing_extra
from auditkit.training.huggingface_settings import HuggingFace
from auditkit.training.networks import Network


def starting_network(
    architecture: HuggingFace,
    encoder: SubwordEncoder,
    generator: torch.Generator,
    outputs: int,
) -> EncoderNetwork:
    """Build the network that fine-tuning starts from.

    Args:
        architecture: Names the folder.
        encoder: Encoding by its tokenizer.
        generator: Its seed draws the head and the adapters.
        outputs: Numbers that the network gives for a row. The head of the folder is kept where it
            gives as many, otherwise drawn anew.

    Returns:
        The network, in training mode; where there are adapters, only they and the head learn.

    Raises:
        InputError: If the folder holds no model, or one that cannot be tuned; see
            `read_checkpoint`.
        MissingExtraError: If transformers, or for adapters peft, is not installed.
    """
    checkpoint = read_checkpoint(Path(architecture.folder))
    config = _tuned_config(checkpoint.config, outputs, architecture.dropout)
    seed = generator.initial_seed()
    model, report = loaded(checkpoint, stated(config), seed)
    body = f"{model.base_model_prefix}."
    lost = [*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])]
    strange = [key for key in report["unexpected_keys"] if key.startswith(body)]
    place = f"{checkpoint.name}/{WEIGHTS}"
    problems = [
        *tensor_problems(
            place, [key for key in lost if _is_body(key, body)], "no fitting tensor", "one"
        ),
        *tensor_problems(
            place, [key for key in strange if _is_body(key, body)], "a tensor", "none"
        ),
        *fit_problems(model, encoder, checkpoint.name, longest_text(model, checkpoint.longest)),
        *_tied_problems(model, checkpoint.name),
    ]
    if problems:
        raise InputError(problems)
    if architecture.lora_rank:
        _adapt(model, architecture, seed)
    return EncoderNetwork(model, encoder, config, start=checkpoint.sha256).train()


def empty_network(architecture: HuggingFace, encoder: SubwordEncoder, outputs: int) -> Network:
    """Build the network without numbers, to load weights into.

    Args:
        architecture: Holds the settings of the model.
        encoder: Its encoding.
        outputs: Numbers that it gives for a row.

    Returns:
        The network, its parameters on the "meta" device.

    Raises:
        InputError: If the settings are not those of a model that fits.
        MissingExtraError: If transformers is not installed.
    """
    config = checked_config(architecture.config, "architecture config")
    settings = stated(config)
    if settings.num_labels != outputs:
        refuse("architecture config", f"{settings.num_labels} labels", f"{outputs}")
    kind = kind_of(settings)
    with quietly():
        try:
            from accelerate import init_empty_weights
        except ImportError:
            raise missing_extra("A tuned model", ["accelerate"], "huggingface") from None

        with torch.random.fork_rng(devices=[]), init_empty_weights(include_buffers=False):
            model = kind._from_config(settings, attn_implementation=attention_of(kind))  # noqa: SLF001 - the one way past the default of attention
    longest = longest_text(model, None)
    problems = list(fit_problems(model, encoder, "architecture config", longest))
    if problems:
        raise InputError(problems)
    return EncoderNetwork(model, encoder, config)


def published(architecture: HuggingFace, network: nn.Module) -> HuggingFace:
    """The settings as a saved model and a record need them: no path, but what was in the folder."""
    if not isinstance(network, EncoderNetwork):
        return architecture
    name = Path(architecture.folder).resolve().name
    return dataclasses.replace(
        architecture, folder=name, config=network.config, sha256=network.start
    )


def merge_adapters(network: nn.Module) -> None:
    """Add adapters to the weights that they adapt, so that a plain network remains."""
    if not isinstance(network, EncoderNetwork):
        return
    for name, layer in list(network.named_modules()):
        if hasattr(layer, "get_base_layer") and hasattr(layer, "merge"):
            layer.merge()
            network.set_submodule(name, layer.get_base_layer())
    for parameter in network.parameters():
        parameter.requires_grad = True


def _tuned_config(config: Mapping[str, Any], outputs: int, dropout: float | None) -> dict[str, Any]:
    """Settings of the model for another task; the names of classes are the target's matter."""
    left_out = ("id2label", "label2id", "problem_type", "num_labels")
    tuned = {key: value for key, value in config.items() if key not in left_out}
    tuned["num_labels"] = outputs
    if dropout is not None:
        names = [key for key in stated(config).to_dict() if key in _DROPOUTS]
        tuned |= dict.fromkeys(names, dropout)
    return tuned


#: What models call the share of units that is dropped in training.
_DROPOUTS = (
    "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout",
    "attention_dropout", "seq_classif_dropout", "pooler_dropout",
)  # fmt: skip


def _is_body(key: str, body: str) -> bool:
    """Whether a tensor is of the encoder itself; poolers come and go with the task."""
    return key.startswith(body) and ".pooler." not in key


def _tied_problems(model: nn.Module, name: str) -> Iterator[Problem]:
    """A network whose layers share weights would be saved as one that does not."""
    places = [tensor.data_ptr() for tensor in model.state_dict().values() if tensor.numel()]
    if len(set(places)) < len(places):
        found = "a model whose layers share weights"
        yield Problem(f"{name}/{CONFIG}", found, "an encoder such as BERT, to be tuned")


def _adapt(model: nn.Module, architecture: HuggingFace, seed: int) -> None:
    """Put adapters beside the layers that peft knows as fit for them; freeze all but these."""
    kind = str(getattr(model.config, "model_type", ""))
    with quietly(), torch.random.fork_rng(devices=[]):
        try:
            from peft import LoraConfig, inject_adapter_in_model
            from peft.utils import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as TARGETS
        except ImportError:
            raise missing_extra("LoRA", ["peft"], "huggingface") from None
        torch.default_generator.manual_seed(seed)
        settings = LoraConfig(
            r=architecture.lora_rank,
            lora_alpha=architecture.lora_alpha,
            lora_dropout=architecture.dropout or 0.0,
            target_modules=TARGETS.get(kind, "all-linear"),
        )
        inject_adapter_in_model(settings, model)
    body = f"{getattr(model, 'base_model_prefix', '')}."
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "lora_" in name or not name.startswith(body)
