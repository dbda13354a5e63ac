"""A small BERT as people have it: a folder with settings, weights and a tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from auditkit.models.checkpoints import quietly

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def reviews(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Texts whose outcome is one of two words among others."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    fillers = rng.choice(["the", "a", "film", "book", "was", "seen"], (n, 4))
    telling = np.where(y == 1, rng.choice(["good", "fine"], n), rng.choice(["bad", "dull"], n))
    both = zip(fillers, telling, strict=True)
    spoken = [" ".join([*words[:2], word, *words[2:]]) for words, word in both]
    return pd.DataFrame({"text": spoken, "sex": rng.choice(["F", "M"], n), "y": y})


def tokenizer_of(texts: Iterable[str], vocabulary: int = 200) -> Any:
    """Train a WordPiece tokenizer as BERT has it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL[1]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def make_folder(
    folder: Path,
    texts: Iterable[str] = (),
    *,
    kind: str = "BertForSequenceClassification",
    vocabulary: int = 200,
    seed: int = 0,
    **settings: Any,
) -> Path:
    """Write a BERT of two layers whose weights are drawn, and its tokenizer; or another `kind`."""
    tokenizer = tokenizer_of(list(texts) or reviews().text.tolist(), vocabulary)
    small: dict[str, Any] = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }
    with quietly(), torch.random.fork_rng(devices=[]):
        import transformers

        torch.default_generator.manual_seed(seed)
        made = getattr(transformers, kind)
        model = made(made.config_class(**(small | settings)))
        model.save_pretrained(folder)
        names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, **{f"{k}_token": v for k, v in names.items()}
        ).save_pretrained(folder)
    return folder


def change(path: Path, **keys: Any) -> None:
    """Change keys of a JSON file; None takes one away."""
    values = json.loads(path.read_text(encoding="utf-8")) | keys
    kept = {key: value for key, value in values.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def own_logits(folder: Path, texts: list[str], length: int = 64) -> torch.Tensor:
    """What transformers itself gives for texts: the independent reference."""
    with quietly(), torch.inference_mode():
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = AutoModelForSequenceClassification.from_pretrained(
            str(folder), local_files_only=True
        ).eval()
        encoded = tokenizer(
            texts, padding=True, truncation=True, max_length=length, return_tensors="pt"
        )
        logits: torch.Tensor = model(**encoded).logits.double()
    return logits
